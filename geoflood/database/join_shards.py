"""The shards of an index put together: who and where, vectors, and what is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Progress, Reference, StreetImage, no_progress
from geoflood.core.errors import IndexUnusableError
from geoflood.database.captures import write_captures
from geoflood.database.database import write_references
from geoflood.database.file_checks import fingerprints
from geoflood.database.index_files import CAPTURES, REFERENCES
from geoflood.database.manifest import retire_manifest
from geoflood.database.patch_store import PatchPlaces, write_patch_places
from geoflood.database.plan import IndexPlan, no_usable_image
from geoflood.database.ready_coarse import seal_coarse
from geoflood.database.shards import Shard, read_shard, shard_path
from geoflood.database.vector_file import write_vectors

__all__ = ["IndexContents", "join_shards"]


TURNS = 3
"""Times that all shards are read: for what is counted, for references, and the last time for vectors."""


@dataclass(frozen=True, slots=True)
class IndexContents:
    """What the files of an index hold; the fields are those of the manifest."""

    images: int
    references: int
    rejected: Mapping[str, int]
    credits: tuple[tuple[str, str, int], ...]
    files: Mapping[str, str]


def join_shards(folder: Path, plan: IndexPlan, progress: Progress = no_progress) -> IndexContents:
    """Write all that a search needs; the manifest goes first, no longer being true.

    Raises InputError when no image could be used, IndexUnusableError when a shard is gone.
    """
    rejected, images, credits = plan.rejected(), 0, Counter[tuple[str, str]]()
    patch_places = PatchPlaces()
    shards = partial(_reported, folder, plan, progress)
    for one in shards(0):
        shard = one.shard
        patch_places.add(one.number, shard.patches, shard.frame, one.kept)
        rejected.update(map(str, shard.reason[np.isin(shard.rejected, list(one.images))]))
        used = np.unique(shard.image[one.kept])
        images += len(used)
        credits.update((one.images[i].credit, one.images[i].licence) for i in used.tolist())
    if not images:
        raise no_usable_image(rejected, folder)
    retire_manifest(folder)
    references = write_references(folder / REFERENCES, _references(shards(1)))
    write_captures(folder)
    vectors = (one.shard.vectors[one.kept] for one in shards(2))
    write_vectors(folder / "vectors.faiss", vectors)
    write_patch_places(folder / "patches.npz", patch_places)
    coarse = seal_coarse(folder, plan.settings(), progress)
    names = (REFERENCES, CAPTURES, "vectors.faiss", *coarse, "learned.npz", "patches.npz")
    files = fingerprints(folder, names)
    return IndexContents(images, references, dict(rejected), _most_images_first(credits), files)


def _most_images_first(credits: Counter[tuple[str, str]]) -> tuple[tuple[str, str, int], ...]:
    ordered = sorted(credits.items(), key=lambda item: (-item[1], item[0]))
    return tuple((credit, licence, images) for (credit, licence), images in ordered)


@dataclass(frozen=True, slots=True, eq=False)
class _PlannedShard:
    """A shard and what the plan has of it: images that were withdrawn are in the shard only."""

    number: int
    images: dict[int, StreetImage]
    shard: Shard
    kept: NDArray[np.bool_]
    """[n] whether the image of a view is still planned."""


def _shards(folder: Path, plan: IndexPlan, with_vectors: bool) -> Iterator[_PlannedShard]:
    for number, images in plan.shards():
        shard = read_shard(shard_path(folder, number), with_vectors=with_vectors)
        if shard is None:
            raise IndexUnusableError(
                f"{shard_path(folder, number)} vanished or broke", "run geoflood index again"
            )
        planned = dict(images)
        yield _PlannedShard(number, planned, shard, np.isin(shard.image, list(planned)))


def _reported(folder: Path, plan: IndexPlan, progress: Progress, turn: int) -> Iterator[_PlannedShard]:
    """The shards, gone over for the `turn`th of TURNS times."""
    images, done = len(plan), 0
    for one in _shards(folder, plan, with_vectors=turn == TURNS - 1):
        yield one
        done += len(one.images)
        progress("joining", turn * images + done, TURNS * images)


def _references(shards: Iterable[_PlannedShard]) -> Iterator[Reference]:
    numbers = count()
    for one in shards:
        shard = one.shard
        views = zip(shard.image, shard.heading_deg, shard.fov_deg, shard.tile_deg, strict=True)
        for (image, heading, fov, tile), kept in zip(views, one.kept, strict=True):
            if kept:
                planned = one.images[int(image)]
                yield _reference(next(numbers), planned, float(heading), float(fov), float(tile))


def _reference(number: int, image: StreetImage, heading: float, fov: float, tile: float) -> Reference:
    """The heading follows the image's, which may have been corrected since the view was described."""
    tag, tile_deg = image.geotag, _none_for_nan(tile)
    if tag.heading_deg is not None:
        heading = float(np.float32((tag.heading_deg + (tile_deg or 0.0)) % 360))
    return Reference(
        number, image.key, tag.position, image.location, _none_for_nan(heading), _none_for_nan(fov),
        image.licence, image.credit, tag.taken_at, tile_deg, image.link,
    )  # fmt: skip


def _none_for_nan(value: float) -> float | None:
    return None if np.isnan(value) else value
