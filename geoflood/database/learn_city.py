"""learned.npz: what a city teaches the backbone, from a sample of its images; learned once and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

from geoflood.backbones.describe import Describer
from geoflood.backbones.learned import learn, learning_turns, load_learned, save_learned
from geoflood.core.datatypes import Image, Progress
from geoflood.core.images import UnreadableImageError
from geoflood.database.bands import band_weights
from geoflood.database.manifest import Settings
from geoflood.database.plan import IndexPlan, no_usable_image
from geoflood.imagery.views import views

__all__ = ["learn_once"]

IMAGES_TRIED = 1000
"""Images that are tried before the city is said to have none that can be used."""


def learn_once(
    folder: Path, plan: IndexPlan, settings: Settings, progress: Progress, precision: str | None = None
) -> Describer:
    """The Describer of an index, after learning from its images unless an earlier run did.

    Raises InputError when none of the sample can be read.
    """
    path = folder / "learned.npz"
    if not path.exists():
        unreadable: Counter[str] = Counter()
        if next(_sample_views(plan, IMAGES_TRIED, unreadable), None) is None:
            raise no_usable_image(plan.rejected() + unreadable, folder)
        turns = learning_turns(settings.backbone, settings.dimension)
        steps = count()

        def sample(views_wanted: int) -> Iterator[Image]:
            turn = next(steps)

            def told(done: int, images: int) -> None:
                progress("learning the city", turn * images + done, turns * images)

            return _sample_views(plan, views_wanted, unreadable, told)

        weigh = partial(band_weights, bands=settings.bands)
        save_learned(path, learn(settings.backbone, sample, weigh, settings.dimension, precision))
    return load_learned(path, settings.backbone, precision)


def _sample_views(
    plan: IndexPlan,
    count: int,
    unreadable: Counter[str],
    told: Callable[[int, int], object] = lambda done, images: None,
) -> Iterator[Image]:
    """At most `count` views, spread evenly over the images and around the panoramas.

    Images that cannot be read are only counted: describing their shard gives each a row with its reason.
    """
    images = plan.sample(count)
    views_each = max(1, count // max(len(images), 1))
    for number, image in enumerate(images):
        told(number, len(images))
        try:
            around = views(image)
        except UnreadableImageError as error:
            unreadable[error.reason] += 1
            continue
        first = number % len(around)
        yield from (view.pixels for view in (around[first:] + around[:first])[:views_each])
