"""patches/000042.npy and patches.npz: compact patches of every reference, so that pictures are not needed.

A file a shard holds the rows of its views one after another; patches.npz says where those of each reference
begin. Rows are read when a reference is re-ranked, none before.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from geoflood.backbones.patches import PackedPatches
from geoflood.backbones.rootsift import CELL
from geoflood.core.files import ARRAY_HEADS, BROKEN_ARRAYS, replacing

__all__ = ["PatchPlaces", "PatchStore", "has_patches", "patches_path", "write_patch_places", "write_patches"]

PLACES = "patches.npz"
OPEN = 64
"""Files of shards that stay open."""
LARGEST = 256 * CELL
"""Pixels of a frame's side: columns and rows are one byte each."""
MOST_PATCHES = 256**2
"""Of a frame."""
_NONE_KEPT = np.empty((0, 5), np.int64)


def patches_path(folder: Path, shard: int) -> Path:
    """Where the patches of a shard of the index `folder` are, or would be."""
    return folder / "patches" / f"{shard:06d}.npy"


def write_patches(path: Path, views: Sequence[PackedPatches]) -> None:
    """Write the rows of all views of a shard, whole."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.concatenate([view.rows for view in views]), allow_pickle=False)


def has_patches(folder: Path, shard: int, count: int) -> bool:
    """Whether the file of a shard is there, with so many rows and nothing cut off."""
    rows = _rows(patches_path(folder, shard))
    return rows is not None and len(rows) == count


def _rows(path: Path) -> NDArray[np.uint8] | None:
    """The rows of a shard's file, not yet read; None where it is missing or broken."""
    try:
        with ARRAY_HEADS:
            rows = open_memmap(path, mode="r")
    except BROKEN_ARRAYS:
        return None
    fits = rows.dtype == np.uint8 and rows.ndim == 2 and rows.shape[1] == PackedPatches.ROW
    return rows if fits else None


class PatchPlaces:
    """Where the rows of each reference are; built up shard by shard."""

    def __init__(self) -> None:
        self._shard: list[NDArray[np.int64]] = []
        self._start: list[NDArray[np.int64]] = []
        self._count: list[NDArray[np.int64]] = []
        self._shape: list[NDArray[np.int64]] = []

    def add(
        self,
        shard: int,
        counts: NDArray[np.int64],
        shapes: NDArray[np.int64],
        kept: NDArray[np.bool_] | None = None,
    ) -> None:
        """The views of a shard: how many patches each has [n], and its frame's (height, width) [n, 2].

        `kept` [n] leaves out views whose rows still lie in the file.
        """
        kept = np.ones(len(counts), bool) if kept is None else kept
        self._shard.append(np.full(int(kept.sum()), shard, np.int64))
        self._start.append((np.cumsum(counts) - counts)[kept])
        self._count.append(counts[kept])
        self._shape.append(shapes[kept])

    def arrays(self) -> dict[str, NDArray[np.int64]]:
        """shard [N], start [N], count [N] and shape [N, 2] of all references."""
        columns = {"shard": self._shard, "start": self._start, "count": self._count, "shape": self._shape}
        return {name: np.concatenate(parts) for name, parts in columns.items()}


def write_patch_places(path: Path, places: PatchPlaces) -> None:
    """Write patches.npz, whole."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **dict[str, Any](places.arrays()))


class PatchStore:
    """The kept patches of an index; of one that has none, every reference gives None.

    An index may come from anyone, so nothing that its files say is taken on trust.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places = _read_places(folder / PLACES)
        self._open = lru_cache(maxsize=OPEN)(self._open_shard)

    def __call__(self, reference: int) -> PackedPatches | None:
        """The patches of a reference by its id; None where they were never kept, or their file broke."""
        found = self._find(reference)
        return None if found is None else PackedPatches(np.array(found.rows), found.shape)

    def frame(self, reference: int) -> tuple[int, int, int] | None:
        """(number of patches, height, width of their frame) of a reference, without reading them."""
        found = self._find(reference)
        return None if found is None else (len(found.rows), *found.shape)

    def _find(self, reference: int) -> PackedPatches | None:
        """A view of the rows in their file."""
        if not 0 <= reference < len(self._places):
            return None
        shard, start, count, height, width = self._places[reference].tolist()
        if not (0 < height <= LARGEST and 0 < width <= LARGEST and start >= 0 and count >= 0 and shard >= 0):
            return None
        rows = self._open(shard)
        if rows is None or start + count > len(rows):
            return None
        return PackedPatches(rows[start : start + count], (height, width))

    def _open_shard(self, shard: int) -> NDArray[np.uint8] | None:
        return _rows(patches_path(self._folder, shard))


def _read_places(path: Path) -> NDArray[np.int64]:
    """[N, 5] shard, start, count, height and width of every reference; empty where nothing was kept."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if any(member.compress_type for member in arrays.zip.infolist()):
                raise ValueError("it is written uncompressed, so that it cannot be a bomb")
            places = np.column_stack([arrays[name] for name in ("shard", "start", "count", "shape")])
    except BROKEN_ARRAYS:
        return _NONE_KEPT
    return places if places.dtype == np.int64 and places.shape[1] == 5 else _NONE_KEPT
