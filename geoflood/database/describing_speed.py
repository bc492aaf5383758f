"""How long describing takes on this machine: measured on a few drawn pictures, as an index does it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from geoflood.backbones.describe import Describer
from geoflood.backbones.learned import learn, load_learned, save_learned
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import Geotag, Image, LatLon, Projection, StreetImage
from geoflood.core.images import jpeg, resize
from geoflood.core.parallel import cores
from geoflood.database.bands import band_weights
from geoflood.database.describe_shards import describe_shard
from geoflood.database.manifest import Settings
from geoflood.database.patch_store import patches_path
from geoflood.database.shards import shard_path
from geoflood.imagery.views import views
from geoflood.synthetic.cohort import cohort

__all__ = ["DescribingSpeed", "measure_describing"]

PANORAMA_PX, PHOTO_PX = (2048, 1024), (1024, 768)
"""(width, height), as sources give them."""
PHOTOS = 6
"""That are described by each worker; of panoramas it is one."""
_NOWHERE = Geotag(LatLon(0, 0), "drawn", 0.0)


@dataclass(frozen=True, slots=True)
class DescribingSpeed:
    """With all workers busy."""

    panorama_s: float
    photo_s: float
    bytes_a_view: float
    """On the disk: descriptors, twice, and patches."""


def measure_describing(
    settings: Settings, folder: Path, workers: int | None = None, precision: str | None = None
) -> DescribingSpeed:
    """Describe drawn pictures as an index of these settings would; `folder` is the index, if it is begun.

    Takes a few seconds; with a large network on a slow machine, a minute. Raises WeightsError.
    """
    workers = workers or cores()
    with TemporaryDirectory() as temporary:
        there = Path(temporary)
        panorama, photo = _drawn(there)
        learned = folder / "learned.npz"
        if not learned.exists():
            learned = _learn(there, settings, [panorama, photo], precision)
        describer = load_learned(learned, settings.backbone, precision)
        describe = partial(_seconds, there, describer, settings, workers)
        describe([photo])  # the first one loads what the others find loaded
        photos_s = describe([photo] * PHOTOS)
        panoramas_s = describe([panorama])
        files = [path for part in ("shards", "patches") for path in (there / part).iterdir()]
        stored = sum(path.stat().st_size * (2 if path.parent.name == "shards" else 1) for path in files)
        described = workers * len(views(panorama))
    return DescribingSpeed(panoramas_s / workers, photos_s / (workers * PHOTOS), stored / described)


def _drawn(folder: Path) -> tuple[StreetImage, StreetImage]:
    """A panorama and a photo, on the disk."""
    pictures = [resize(picture, 512, 512) for picture in cohort(16)]
    rows = [np.concatenate(pictures[at : at + 4], axis=1) for at in (0, 4, 8, 12)]
    images = []
    for name, (width, height), pixels in (
        ("panorama", PANORAMA_PX, np.concatenate(rows[:2])),
        ("photo", PHOTO_PX, np.concatenate(rows)),
    ):
        path = folder / f"{name}.jpg"
        path.write_bytes(jpeg(resize(pixels, width, height)))
        kind = Projection.EQUIRECTANGULAR if name == "panorama" else Projection.PERSPECTIVE
        images.append(StreetImage(name, str(path), _NOWHERE, kind))
    return images[0], images[1]


def _learn(folder: Path, settings: Settings, images: Sequence[StreetImage], precision: str | None) -> Path:
    """What a city would teach, from a few views: of other numbers, but of the same sizes."""

    def sample(count: int) -> Iterator[Image]:
        return (view.pixels for image in images for view in views(image))

    weigh = partial(band_weights, bands=settings.bands)
    path = folder / "learned.npz"
    save_learned(path, learn(settings.backbone, sample, weigh, settings.dimension, precision))
    return path


def _seconds(
    folder: Path, describer: Describer, settings: Settings, workers: int, images: Sequence[StreetImage]
) -> float:
    """Wall time of a shard of these images for each worker, all at once; the last files stay."""
    numbered = list(enumerate(images))
    for number in range(workers):
        for path in (shard_path(folder, number), patches_path(folder, number)):
            path.unlink(missing_ok=True)
    describe = partial(describe_shard, folder, images=numbered, describer=describer, settings=settings)
    with side_by_side(max(workers, cores())) as pool:
        begun = time.perf_counter()
        list(pool.map(describe, range(workers)))
        return time.perf_counter() - begun
