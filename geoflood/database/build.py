"""`geoflood index`: plan the images, learn from a sample, describe shard by shard, join, calibrate, seal.

Killed at any moment and run again, it continues. The plan is one transaction; what is learned and every
shard are files that are whole or absent; the manifest comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from geoflood.backbones.describe import Describer
from geoflood.core.datatypes import Progress, Rejected, StreetImage, no_progress
from geoflood.core.parallel import cores
from geoflood.database.calibration import Calibration
from geoflood.database.describe_shards import describe_missing
from geoflood.database.join_shards import IndexContents, join_shards
from geoflood.database.learn_city import learn_once
from geoflood.database.manifest import NAME, Manifest, Settings, find_manifest, write_manifest
from geoflood.database.plan import IndexPlan, locked_index, no_usable_image

__all__ = ["Calibrate", "build"]

Calibrate: TypeAlias = Callable[[Path, Describer, Settings, Manifest | None, int, Progress], Calibration]
"""(folder of the index, its describer, its settings, its manifest if nothing is new, workers, progress) ->
what the index knows of how right it is. Needs references.sqlite and vectors.faiss."""


def build(
    folder: Path,
    city: str,
    images: Iterable[StreetImage | Rejected],
    settings: Settings,
    calibrate: Calibrate,
    *,
    rebuild: bool = False,
    workers: int | None = None,
    precision: str | None = None,
    progress: Progress = no_progress,
) -> Manifest:
    """Index the images, or continue, or add those that are new; returns what was written.

    Raises IndexUnusableError when the folder holds an index of other settings or is in use, InputError when
    no image can be used.
    """
    workers = workers or cores()
    with locked_index(folder):
        if rebuild:
            _remove_index(folder)
        _remove_unfinished_files(folder)
        with closing(IndexPlan(folder)) as plan:
            plan.keep_settings(settings)
            plan.add(_count_aloud(images, progress))
            if not len(plan):
                raise no_usable_image(plan.rejected())
            describer = learn_once(folder, plan, settings, progress, precision)
            describe_missing(folder, plan, describer, settings, workers, progress)
            previous = find_manifest(folder)
            contents = join_shards(folder, plan)
        unchanged = previous if previous and previous.files == contents.files else None
        calibration = calibrate(folder, describer, settings, unchanged, workers, progress)
        return _seal(folder, city, settings, contents, calibration)


def _remove_index(folder: Path) -> None:
    """Remove what geoflood wrote, the manifest first, so that nothing half-removed is taken for whole."""
    ledger = ("ledger.sqlite-journal", "ledger.sqlite")
    for name in (NAME, *ledger, "learned.npz", "references.sqlite", "vectors.faiss", "patches.npz"):
        (folder / name).unlink(missing_ok=True)
    for shard in (*(folder / "shards").glob("*.npz"), *(folder / "patches").glob("*.npy")):
        shard.unlink()


def _remove_unfinished_files(folder: Path) -> None:
    """Remove what killed runs left behind; under the lock nobody is writing it."""
    for part in (".", "shards", "patches"):
        for unfinished in (folder / part).glob(".*.part"):
            unfinished.unlink(missing_ok=True)


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
    return manifest
