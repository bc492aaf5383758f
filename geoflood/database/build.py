"""`geoflood index`: plan the images, learn from a sample, describe shard by shard, join, calibrate, seal.

Killed at any moment and run again, it continues. The plan is one transaction; what is learned and every
shard are files that are whole or absent; the manifest comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from geoflood.backbones.describe import Describer
from geoflood.core.datatypes import Progress, Rejected, StreetImage, no_progress
from geoflood.core.errors import InputError, UsageError
from geoflood.core.parallel import cores
from geoflood.database.calibration import Calibration
from geoflood.database.describe_shards import DescribeMissing, DescribingStoppedError, describe_missing
from geoflood.database.index_files import (
    BEFORE,
    PICTURES,
    begun,
    remove_folder,
    remove_index,
    remove_unfinished_files,
)
from geoflood.database.join_shards import IndexContents, join_shards
from geoflood.database.learn_city import learn_once
from geoflood.database.like import LearnedElsewhere, keep_like
from geoflood.database.manifest import Manifest, Settings, find_manifest, write_manifest
from geoflood.database.plan import IndexPlan, locked_index, no_usable_image, planned
from geoflood.database.plan_changes import Lists, PlanChange, is_under
from geoflood.database.rounds import rounds

__all__ = ["Calibrate", "Described", "build", "finish_index"]

Calibrate: TypeAlias = Callable[[Path, Describer, Settings, Manifest | None, int, Progress], Calibration]
"""(folder of the index, its describer, its settings, its manifest if nothing is new, workers, progress) ->
what the index knows of how right it is. Needs references.sqlite, captures.npy and vectors.faiss."""


Described: TypeAlias = Callable[[Sequence[StreetImage]], object]
"""Called with images whose shards are written."""


def build(
    folder: Path,
    city: str,
    images: Iterable[StreetImage | Rejected],
    settings: Settings,
    calibrate: Calibrate,
    *,
    rebuild: bool = False,
    update: bool | Lists = False,
    like: LearnedElsewhere | None = None,
    changed: Callable[[PlanChange], object] = lambda change: None,
    at_once: int | None = None,
    described: Described = lambda images: None,
    describe: DescribeMissing = describe_missing,
    workers: int | None = None,
    precision: str | None = None,
    progress: Progress = no_progress,
) -> Manifest:
    """Index the images, or continue, or add those that are new; returns what was written.

    With `update` the images are all there are: what the index has besides is dropped, what was corrected is
    corrected (`IndexPlan.update`), and `changed` is told. A function says of a known image whether the images
    would have it; True: they speak for each source and folder that they name.

    With `like` nothing is learned from the images: the settings are those of the other index, and what it has
    learned is taken. A run that goes on keeps to it.

    `at_once` images are described before more are taken, and `described` is told of them: while images are
    being fetched, the disk need not hold all. It is a multiple of SHARD_IMAGES, so that it changes nothing
    else. The city is then learned from the first of them. An update takes all at once.

    `describe` may have the shards described elsewhere; all else is done here, by `workers` threads.

    A run that fails because no image can be used leaves no index behind where none was begun.
    Raises IndexUnusableError when the folder holds an index of other settings or is in use, InputError when
    no image can be used.
    """
    workers = workers or cores()
    with locked_index(folder):
        if like is not None and folder.resolve() == like.folder.resolve():
            raise UsageError(f"an index is not built like itself: {folder.name}", "leave --like out")
        if rebuild:
            remove_index(folder)
        remove_unfinished_files(folder)
        with _no_stub(folder), closing(IndexPlan(folder)) as plan:
            plan.keep_settings(settings)
            keep_like(folder, plan, settings, like)
            parts = rounds(_count_aloud(images, progress), at_once, whole=bool(update))
            for number, part in enumerate(parts):
                if update:
                    changed(plan.update(part, None if update is True else update))
                else:
                    plan.add(part, more=number > 0)
                if at_once and len(plan):
                    new = [image for image in part if isinstance(image, StreetImage)]
                    only = plan.shards_of(image.key for image in new)
                    progress("describing", 0, len(plan))
                    describer = learn_once(folder, plan, settings, progress, precision)
                    describe(folder, plan, describer, settings, workers, progress, only)
                    described(new)
            if not len(plan):
                raise no_usable_image(plan.rejected(), folder)
            progress("describing", 0, len(plan))  # how much there is, before the city is learned
            describer = learn_once(folder, plan, settings, progress, precision)
            describe(folder, plan, describer, settings, workers, progress, None)
            previous = find_manifest(folder)
            known = previous.calibration if previous and previous.settings == settings else {}
            return finish_index(folder, city, plan, settings, describer, calibrate, known, workers, progress)


def finish_index(
    folder: Path,
    city: str,
    plan: IndexPlan,
    settings: Settings,
    describer: Describer,
    calibrate: Calibrate,
    known: Calibration,
    workers: int,
    progress: Progress = no_progress,
) -> Manifest:
    """Join what is described, calibrate and seal; `known` is inherited where nothing can be learned."""
    previous = find_manifest(folder)
    contents = join_shards(folder, plan, progress)
    unchanged = previous if previous and _knows(previous, contents) else None
    calibration = calibrate(folder, describer, settings, unchanged, workers, progress)
    manifest = _seal(folder, city, settings, contents, _inherited(calibration, known))
    _clear_away(folder, plan)
    return manifest


@contextmanager
def _no_stub(folder: Path) -> Iterator[None]:
    """Take back what a run began that came to nothing: a folder of it would look like an index.

    What an earlier run began stays, and so do images that are planned, unless none of them can be used.
    """
    before = begun(folder)
    try:
        yield
    except BaseException as error:
        unusable = isinstance(error, InputError) and not isinstance(error, DescribingStoppedError)
        if not before and (unusable or not planned(folder)):
            remove_index(folder)
            remove_folder(folder)
        raise


def _knows(previous: Manifest, contents: IndexContents) -> bool:
    """Whether a manifest's calibration was learned from these very contents."""
    return previous.files == contents.files and not any(
        entry.inherited for entry in previous.calibration.values()
    )


def _inherited(learned: Calibration, before: Calibration) -> Calibration:
    """What was learned; where that is nothing, as the pictures are not here, what was known before.

    Numbers of the same city in other bounds are nearer than those of other cities.
    """
    nothing = all(entry.few for entry in learned.values())
    if not learned or not nothing or all(entry.few for entry in before.values()):
        return learned
    return {key: replace(entry, inherited=True) for key, entry in before.items()}


def _clear_away(folder: Path, plan: IndexPlan) -> None:
    """Remove what only withdrawn images had: shards without any other, and pictures that were fetched."""
    numbers = {number for number, _ in plan.shards()}
    for path in (*(folder / "shards").glob("*.npz"), *(folder / "patches").glob("*.npy")):
        if path.stem.isdecimal() and int(path.stem) not in numbers:
            path.unlink(missing_ok=True)
    for location in plan.withdrawn():
        if any(is_under(location, str(at / PICTURES)) for at in (folder.absolute(), folder.resolve())):
            Path(location).unlink(missing_ok=True)
    plan.forget_withdrawn()


def _count_aloud(
    images: Iterable[StreetImage | Rejected], progress: Progress
) -> Iterator[StreetImage | Rejected]:
    """The same images; every hundredth is reported."""
    for count, image in enumerate(images, 1):
        if count % 100 == 0:
            progress("reading geotags", count, 0)
        yield image


def _seal(
    folder: Path, city: str, settings: Settings, contents: IndexContents, calibration: Calibration
) -> Manifest:
    """Write the manifest: from now on the index is complete."""
    manifest = Manifest(
        city,
        settings,
        contents.images,
        contents.references,
        contents.rejected,
        contents.credits,
        calibration,
        contents.files,
    )
    write_manifest(folder, manifest)
    (folder / BEFORE).unlink(missing_ok=True)
    return manifest
