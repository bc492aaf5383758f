"""`geoflood index`: images -> plan -> learned from a sample -> described shard by shard -> sealed.

Killed at any moment and run again, it continues: the plan is one transaction, what is learned and every
shard are files that are whole or absent, and the manifest comes last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeAlias

import numpy as np

from geoflood.backbones.describe import Describer
from geoflood.backbones.learned import learn, load_learned, save_learned
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import (
    Image,
    Progress,
    Reference,
    Rejected,
    StreetImage,
    Vectors,
    no_progress,
)
from geoflood.core.errors import GeofloodError, IndexUnusableError, InputError
from geoflood.core.files import fingerprint
from geoflood.core.images import UnreadableImageError
from geoflood.core.parallel import cores
from geoflood.database.bands import band_weights
from geoflood.database.calibration import Calibration
from geoflood.database.database import write_references
from geoflood.database.manifest import NAME, Manifest, Settings, read_manifest, write_manifest
from geoflood.database.plan import IndexPlan, locked_index
from geoflood.database.shards import Shard, read_shard, shard_path, write_shard
from geoflood.database.vectors import write_vectors
from geoflood.imagery.views import View, views

__all__ = ["Calibrate", "build", "describe_missing", "learned"]

LEARN_IMAGES = 1000
"""Images tried before it is said that none can be used."""

VIEWS_AT_ONCE = 16
"""Views in memory at a time, a worker."""

_WHAT_HELPS = "geoflood index --help shows what can be read and how positions are given"

_NO_PIXELS = np.empty((0, 0, 3), np.uint8)

Numbered = tuple[int, StreetImage]

Calibrate: TypeAlias = Callable[[Path, Describer, Settings, Manifest | None, int, Progress], Calibration]
"""(folder of the index, its describer, its settings, its manifest if nothing is new, workers, progress) ->
what the index knows of how right it is. Needs references.sqlite and vectors.faiss."""


def build(
    folder: Path,
    city: str,
    found: Iterable[StreetImage | Rejected],
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
    with locked_index(folder):
        if rebuild:
            _clear(folder)
        _sweep(folder)
        ledger = IndexPlan(folder)
        try:
            ledger.agree(settings)
            ledger.plan(_watched(found, progress))
            if not len(ledger):
                raise InputError(_nothing(ledger.rejected()), _WHAT_HELPS)
            describer = learned(folder, ledger, settings, progress, precision)
            describe_missing(folder, ledger, describer, settings, workers or cores(), progress)
            return _seal(folder, city, ledger, describer, settings, calibrate, workers or cores(), progress)
        finally:
            ledger.close()


def _clear(folder: Path) -> None:
    """Remove what geoflood wrote, the manifest first, so that nothing half-removed is taken for whole."""
    ledger = ("ledger.sqlite-journal", "ledger.sqlite")
    for name in (NAME, *ledger, "learned.npz", "references.sqlite", "vectors.faiss"):
        (folder / name).unlink(missing_ok=True)
    for shard in (folder / "shards").glob("*.npz"):
        shard.unlink()


def _sweep(folder: Path) -> None:
    """Remove the unfinished files of runs that were killed; under the lock nobody is writing them."""
    for unfinished in (*folder.glob(".*.part"), *folder.glob("shards/.*.part")):
        unfinished.unlink(missing_ok=True)


def _nothing(reasons: Counter[str]) -> str:
    counted = ", ".join(f"{n} {reason}" for reason, n in reasons.most_common())
    return f"no image can be used: {counted or 'none was found'}"


def _watched(found: Iterable[StreetImage | Rejected], progress: Progress) -> Iterator[StreetImage | Rejected]:
    for seen, item in enumerate(found, 1):
        if seen % 100 == 0:
            progress("reading geotags", seen, 0)
        yield item


def learned(
    folder: Path, ledger: IndexPlan, settings: Settings, progress: Progress, precision: str | None = None
) -> Describer:
    """What the city teaches the backbone, learned once and kept for every later run."""
    path = folder / "learned.npz"
    if not path.exists():
        lost = ledger.rejected()
        look = partial(_looked_at, ledger, lost=lost, progress=progress)
        if next(look(LEARN_IMAGES), None) is None:
            raise InputError(_nothing(lost), _WHAT_HELPS)
        weigh = partial(band_weights, bands=settings.bands)
        save_learned(path, learn(settings.backbone, look, weigh, settings.dimension, precision))
    return load_learned(path, settings.backbone, precision)


def _looked_at(ledger: IndexPlan, count: int, lost: Counter[str], progress: Progress) -> Iterator[Image]:
    """At most `count` views, spread evenly over the images and around the panoramas."""
    sample = ledger.sample(count)
    each = max(1, count // max(len(sample), 1))
    for turn, image in enumerate(sample):
        progress("learning the city", turn, len(sample))
        try:
            found = views(image)
        except UnreadableImageError as error:  # a row with its reason when its shard is described
            lost[error.reason] += 1
            continue
        first = turn % len(found)
        yield from (view.pixels for view in (found[first:] + found[:first])[:each])


def describe_missing(
    folder: Path,
    ledger: IndexPlan,
    describer: Describer,
    settings: Settings,
    workers: int,
    progress: Progress,
) -> None:
    """Describe every shard that is missing, `workers` at a time.

    Each thread works on its own shard from file to file: while one decodes, the others compute.
    """
    done, total = 0, len(ledger)
    waiting: dict[Future[None], int] = {}
    # At most `workers` are in hand, each computing on one core whatever their number: sums over several
    # threads are rounded otherwise, and the same images shall give the same index.
    with side_by_side(max(workers, cores())) as pool:
        for number, images in ledger.shards():
            path = shard_path(folder, number)
            if read_shard(path) is None:
                waiting[pool.submit(_describe_shard, path, images, describer, settings)] = len(images)
            else:
                done += len(images)
            while len(waiting) >= workers:
                done += _settle(waiting)
            progress("describing", done, total)
        while waiting:
            done += _settle(waiting)
            progress("describing", done, total)


def _settle(waiting: dict[Future[None], int]) -> int:
    """Wait for one shard or more; returns how many images ended, and raises what one of them raised."""
    ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
    count = 0
    for future in ended:
        count += waiting.pop(future)
        future.result()
    return count


def _describe_shard(path: Path, images: list[Numbered], describer: Describer, settings: Settings) -> None:
    """Read, cut, describe and write one shard, a few views in memory at a time.

    An image that cannot be read is a row with its reason.
    """
    weigh = partial(band_weights, bands=settings.bands)
    numbers: list[int] = []
    looks: list[View] = []
    blocks: list[Vectors] = []
    bad: list[tuple[int, str, str]] = []
    pixels: list[Image] = []
    for number, image in images:
        try:
            cut = views(image)
        except UnreadableImageError as error:
            bad.append((number, error.reason, error.detail[:200]))
            continue
        numbers += [number] * len(cut)
        looks += [replace(view, pixels=_NO_PIXELS) for view in cut]
        pixels += [view.pixels for view in cut]
        if len(pixels) >= VIEWS_AT_ONCE:
            blocks.append(describer.describe(pixels, weigh))
            pixels = []
    if pixels:
        blocks.append(describer.describe(pixels, weigh))
    vectors = np.concatenate(blocks) if blocks else np.empty((0, len(settings.bands), 0), np.float32)
    write_shard(path, _shard(numbers, looks, vectors.astype(np.float16), bad))


def _optional(values: Iterable[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], np.float32)


def _shard(
    numbers: list[int], looks: list[View], vectors: np.ndarray, bad: list[tuple[int, str, str]]
) -> Shard:
    return Shard(
        image=np.array(numbers, np.int64),
        heading_deg=_optional(view.heading_deg for view in looks),
        fov_deg=_optional(view.fov_deg for view in looks),
        tile_deg=_optional(view.tile_deg for view in looks),
        vectors=vectors,
        rejected=np.array([number for number, _, _ in bad], np.int64),
        reason=np.array([reason for _, reason, _ in bad], np.str_),
        detail=np.array([detail[:200] for _, _, detail in bad], np.str_),
    )


def _seal(
    folder: Path,
    city: str,
    ledger: IndexPlan,
    describer: Describer,
    settings: Settings,
    calibrate: Calibrate,
    workers: int,
    progress: Progress,
) -> Manifest:
    """Put the shards together: references, vectors, calibration, and last of all the manifest."""
    rejected, images, credits = ledger.rejected(), 0, Counter[tuple[str, str]]()
    for _, planned, shard in _shards(folder, ledger):
        rejected.update(map(str, shard.reason))
        used = np.unique(shard.image)
        images += len(used)
        credits.update((planned[i].credit, planned[i].licence) for i in used.tolist())
    if not images:
        raise InputError(_nothing(rejected), _WHAT_HELPS)
    before = _sealed(folder)
    (folder / NAME).unlink(missing_ok=True)
    references = write_references(folder / "references.sqlite", _references(folder, ledger))
    write_vectors(folder / "vectors.faiss", (shard.vectors for _, _, shard in _shards(folder, ledger)))
    ranked = tuple(
        (who, licence, n) for (who, licence), n in sorted(credits.items(), key=lambda c: (-c[1], c[0]))
    )
    files = {
        name: fingerprint(folder / name) for name in ("references.sqlite", "vectors.faiss", "learned.npz")
    }
    unchanged = before if before and before.files == files else None
    calibration = calibrate(folder, describer, settings, unchanged, workers, progress)
    manifest = Manifest(city, settings, images, references, dict(rejected), ranked, calibration, files)
    write_manifest(folder, manifest)
    return manifest


def _sealed(folder: Path) -> Manifest | None:
    """The manifest as it was, if there was one."""
    try:
        return read_manifest(folder)
    except GeofloodError:
        return None


def _shards(folder: Path, ledger: IndexPlan) -> Iterator[tuple[int, dict[int, StreetImage], Shard]]:
    for number, images in ledger.shards():
        shard = read_shard(shard_path(folder, number))
        if shard is None:
            raise IndexUnusableError(
                f"{shard_path(folder, number)} vanished or broke", "run geoflood index again"
            )
        yield number, dict(images), shard


def _references(folder: Path, ledger: IndexPlan) -> Iterator[Reference]:
    numbers = count()
    for _, planned, shard in _shards(folder, ledger):
        looks = zip(shard.image, shard.heading_deg, shard.fov_deg, shard.tile_deg, strict=True)
        for image, heading, fov, tile in looks:
            yield _reference(next(numbers), planned[int(image)], float(heading), float(fov), float(tile))


def _reference(number: int, image: StreetImage, heading: float, fov: float, tile: float) -> Reference:
    def known(value: float) -> float | None:
        return None if np.isnan(value) else value

    tag = image.geotag
    return Reference(
        number, image.key, tag.position, image.location, known(heading), known(fov),
        image.licence, image.credit, tag.taken_at, known(tile),
    )  # fmt: skip
