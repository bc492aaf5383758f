"""The long part of `geoflood index`: every image read, cut into views and described, a shard at a time."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from geoflood.backbones.describe import Describer
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import Image, Progress, Rejected, StreetImage, Vectors
from geoflood.core.images import UnreadableImageError
from geoflood.core.parallel import cores
from geoflood.database.bands import band_weights
from geoflood.database.manifest import Settings
from geoflood.database.plan import IndexPlan
from geoflood.database.shards import Shard, read_shard, shard_path, write_shard
from geoflood.imagery.views import View, views

__all__ = ["describe_missing"]

VIEWS_AT_ONCE = 16
"""Views in memory at a time, a worker."""

_NO_PIXELS = np.empty((0, 0, 3), np.uint8)


def describe_missing(
    folder: Path,
    plan: IndexPlan,
    describer: Describer,
    settings: Settings,
    workers: int,
    progress: Progress,
) -> None:
    """Describe every shard that is missing, `workers` at a time.

    Each thread works on its own shard from file to file: while one decodes, the others compute.
    """
    done, total = 0, len(plan)
    running: dict[Future[None], int] = {}
    # At most `workers` shards run, each on one core whatever their number. Sums over several threads are
    # rounded differently, and the same images must give the same index.
    with side_by_side(max(workers, cores())) as pool:
        for number, images in plan.shards():
            path = shard_path(folder, number)
            if read_shard(path) is None:
                running[pool.submit(_describe_shard, path, images, describer, settings)] = len(images)
            else:
                done += len(images)
            while len(running) >= workers:
                done += _wait_for_one(running)
            progress("describing", done, total)
        while running:
            done += _wait_for_one(running)
            progress("describing", done, total)


def _wait_for_one(running: dict[Future[None], int]) -> int:
    """Wait for one shard or more; returns how many images they had, and raises what one of them raised."""
    ended, _ = wait(running, return_when=FIRST_COMPLETED)
    count = 0
    for future in ended:
        count += running.pop(future)
        future.result()
    return count


def _describe_shard(
    path: Path, images: list[tuple[int, StreetImage]], describer: Describer, settings: Settings
) -> None:
    """Read, cut, describe and write one shard, a few views in memory at a time.

    An image that cannot be read becomes a row with its reason.
    """
    weigh = partial(band_weights, bands=settings.bands)
    described: list[tuple[int, View]] = []
    blocks: list[Vectors] = []
    rejected: list[tuple[int, Rejected]] = []
    pixels: list[Image] = []
    for number, image in images:
        try:
            cut = views(image)
        except UnreadableImageError as error:
            rejected.append((number, Rejected(image.location, error.reason, error.detail[:200])))
            continue
        described += [(number, replace(view, pixels=_NO_PIXELS)) for view in cut]
        pixels += [view.pixels for view in cut]
        if len(pixels) >= VIEWS_AT_ONCE:
            blocks.append(describer.describe(pixels, weigh))
            pixels = []
    if pixels:
        blocks.append(describer.describe(pixels, weigh))
    vectors = np.concatenate(blocks) if blocks else np.empty((0, len(settings.bands), 0), np.float32)
    write_shard(path, _shard(described, vectors.astype(np.float16), rejected))


def _shard(
    described: list[tuple[int, View]], vectors: np.ndarray, rejected: list[tuple[int, Rejected]]
) -> Shard:
    return Shard(
        image=np.array([number for number, _ in described], np.int64),
        heading_deg=_nan_for_none(view.heading_deg for _, view in described),
        fov_deg=_nan_for_none(view.fov_deg for _, view in described),
        tile_deg=_nan_for_none(view.tile_deg for _, view in described),
        vectors=vectors,
        rejected=np.array([number for number, _ in rejected], np.int64),
        reason=np.array([item.reason for _, item in rejected], np.str_),
        detail=np.array([item.detail for _, item in rejected], np.str_),
    )


def _nan_for_none(values: Iterable[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], np.float32)
