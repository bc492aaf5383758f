"""The long part of `geoflood index`: every image read, cut into views and described, a shard at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.describe import DescribedImage, Describer
from geoflood.backbones.patches import PackedPatches
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import Image, Progress, Rejected, StreetImage
from geoflood.core.errors import InputError
from geoflood.core.images import UnreadableImageError
from geoflood.core.parallel import cores
from geoflood.database.bands import band_weights
from geoflood.database.index_files import LEDGER
from geoflood.database.manifest import Settings
from geoflood.database.patch_store import has_patches, patches_path, write_patches
from geoflood.database.plan import IndexPlan
from geoflood.database.shards import Shard, read_shard, shard_path, write_shard
from geoflood.imagery.views import View, views

__all__ = [
    "REPORT_S",
    "DescribeMissing",
    "DescribingStoppedError",
    "describe_missing",
    "describe_shard",
    "described_keys",
    "is_missing",
]

DescribeMissing: TypeAlias = Callable[
    [Path, IndexPlan, Describer, Settings, int, Progress, Collection[int] | None], None
]
"""What describes the shards of a plan that are missing, as `describe_missing` does."""


class DescribingStoppedError(InputError):
    """Other computers cannot go on: what they have described stays, and the same command goes on with it."""


VIEWS_AT_ONCE = 16
"""Views in memory at a time, a worker."""

REPORT_S = 0.5
"""A shard takes minutes: what is described of it is reported this often."""

_NO_PIXELS = np.empty((0, 0, 3), np.uint8)


def describe_missing(
    folder: Path,
    plan: IndexPlan,
    describer: Describer,
    settings: Settings,
    workers: int,
    progress: Progress,
    only: Collection[int] | None = None,
) -> None:
    """Describe every shard that is missing, or whose patches are, `workers` at a time; or `only` some.

    Each thread works on its own shard from file to file: while one decodes, the others compute.
    """
    before, total = 0, len(plan)
    described: deque[int] = deque()  # which threads may append to
    running: set[Future[None]] = set()

    def report() -> None:
        progress("describing", before + len(described), total)

    # At most `workers` shards run, each on one core whatever their number. Sums over several threads are
    # rounded differently, and the same images must give the same index.
    with side_by_side(max(workers, cores())) as pool:
        for number, images in plan.shards():
            if (only is None or number in only) and is_missing(folder, number, images):
                running.add(
                    pool.submit(describe_shard, folder, number, images, describer, settings, described.append)
                )
            else:
                before += len(images)
            while len(running) >= workers:
                running = _wait_for_one(running, report)
            report()
        while running:
            running = _wait_for_one(running, report)


def described_keys(folder: Path) -> set[str]:
    """Keys of all images of an index that need not be described again; empty where there is none yet."""
    if not (folder / LEDGER).is_file():
        return set()
    with closing(IndexPlan(folder)) as plan:
        return {
            image.key
            for number, images in plan.shards()
            if read_shard(shard_path(folder, number)) is not None
            for _, image in images
        }


def is_missing(folder: Path, number: int, images: Sequence[tuple[int, StreetImage]]) -> bool:
    """Whether a shard has to be described: it is absent or broken, or the patches that it kept are.

    Where a picture is gone, the shard's descriptors are worth more than patches of the others.
    """
    shard = read_shard(shard_path(folder, number))
    if shard is None:
        return True
    if not shard.frame.any() or has_patches(folder, number, int(shard.patches.sum())):
        return False
    used = set(shard.image.tolist())
    return all(Path(image.location).is_file() for number, image in images if number in used)


def _wait_for_one(running: set[Future[None]], report: Callable[[], None]) -> set[Future[None]]:
    """Wait for one shard or more; returns those that still run, and raises what one of them raised."""
    ended: set[Future[None]] = set()
    while not ended:
        ended, running = wait(running, REPORT_S, FIRST_COMPLETED)
        report()
    for future in ended:
        future.result()
    return running


def describe_shard(
    folder: Path,
    number: int,
    images: list[tuple[int, StreetImage]],
    describer: Describer,
    settings: Settings,
    done: Callable[[int], object] = lambda image: None,
) -> None:
    """Read, cut, describe and write one shard, a few views in memory at a time.

    An image that cannot be read becomes a row with its reason. `done` is told the number of each image.
    """
    weigh = partial(band_weights, bands=settings.bands)
    described: list[tuple[int, View]] = []
    kept = _Described()
    rejected: list[tuple[int, Rejected]] = []
    pixels: list[Image] = []
    in_hand: list[int] = []
    for image_number, image in images:
        try:
            cut = views(image)
        except UnreadableImageError as error:
            rejected.append((image_number, Rejected(image.location, error.reason, error.detail[:200])))
            done(image_number)
            continue
        described += [(image_number, replace(view, pixels=_NO_PIXELS)) for view in cut]
        pixels += [view.pixels for view in cut]
        in_hand.append(image_number)
        if len(pixels) >= VIEWS_AT_ONCE:
            kept.take(describer.describe_keeping(pixels, weigh))
            pixels = []
            while in_hand:
                done(in_hand.pop())
    if pixels:
        kept.take(describer.describe_keeping(pixels, weigh))
    for image_number in in_hand:
        done(image_number)
    if kept.packed:  # before the shard, which says how many there are
        write_patches(patches_path(folder, number), kept.packed)
    write_shard(shard_path(folder, number), _shard(described, kept, len(settings.bands), rejected))


class _Described:
    """Vectors and patches of the views of a shard."""

    def __init__(self) -> None:
        self.vectors: list[NDArray[np.float16]] = []
        self.packed: list[PackedPatches] = []

    def take(self, images: Sequence[DescribedImage]) -> None:
        """Some more views."""
        self.vectors += [image.descriptors.astype(np.float16) for image in images]
        self.packed += [PackedPatches.of(image.patches()) for image in images]


def _shard(
    described: list[tuple[int, View]], kept: _Described, bands: int, rejected: list[tuple[int, Rejected]]
) -> Shard:
    return Shard(
        image=np.array([number for number, _ in described], np.int64),
        heading_deg=_nan_for_none(view.heading_deg for _, view in described),
        fov_deg=_nan_for_none(view.fov_deg for _, view in described),
        tile_deg=_nan_for_none(view.tile_deg for _, view in described),
        vectors=np.stack(kept.vectors) if kept.vectors else np.empty((0, bands, 0), np.float16),
        rejected=np.array([number for number, _ in rejected], np.int64),
        reason=np.array([item.reason for _, item in rejected], np.str_),
        detail=np.array([item.detail for _, item in rejected], np.str_),
        patches=np.array([len(one.rows) for one in kept.packed], np.int64),
        frame=np.array([one.shape for one in kept.packed], np.int64).reshape(-1, 2),
    )


def _nan_for_none(values: Iterable[float | None]) -> NDArray[np.float32]:
    return np.array([np.nan if value is None else value for value in values], np.float32)
