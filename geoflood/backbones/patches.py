"""Which patches of two images look alike: mutual nearest neighbours among compact RootSIFT descriptors.

They serve every backbone: what verifies a place is the same in all indexes, and needs no weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from geoflood.backbones.compact import BYTES, COARSE, compact, packed, unpacked
from geoflood.backbones.interface import Features
from geoflood.backbones.rootsift import CELL, CELLS, RootSift, local_descriptors
from geoflood.backbones.vlad import Local
from geoflood.core.datatypes import Image

__all__ = ["PackedPatches", "Patches", "matches", "patches", "patches_of"]

FINE = 50
"""Patches along the longer side of a frame from which a grid is fine enough to be thinned."""
BLOCK = 64
"""Patches compared at a time, in memory that is used again: similarities stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Patches:
    """Local descriptors of one image, without those that are zero."""

    descriptors: torch.Tensor
    """[n, 52] float32, unit rows; bfloat16 would be slower, for every new n needs a kernel of its own."""
    places: NDArray[np.float32]
    """[n, 2] (x, y) shares of the frame, y downwards."""
    cells: NDArray[np.int64]
    """[n, 2] (column, row) on the grid of all patches of the frame."""
    shape: tuple[int, int]
    """(height, width) of the frame, for its proportions."""

    def thinned(self) -> Patches:
        """One patch in four, every second column and row, where the grid is fine; else all.

        A reference needs no more as long as the query keeps all of its own.
        """
        return self._kept((self.cells % 2 == 0).all(axis=1)) if self._fine else self

    def sparse(self) -> Patches:
        """One patch in eight, as on the fields of one colour of a chessboard; of a coarse grid all."""
        return self._kept((self.cells % 2 == 0).all(axis=1) & (self.cells.sum(axis=1) % 4 == 0))

    def above(self, share: float) -> Patches:
        """Those that stand above so much of the height, from the bottom."""
        return self._part(self.places[:, 1] <= 1 - share)

    def coarse(self) -> Patches:
        """The coarse coefficients alone."""
        return replace(self, descriptors=F.normalize(self.descriptors[:, :COARSE], dim=1))

    @property
    def _fine(self) -> bool:
        return bool(len(self.cells) and self.cells.max() >= FINE)

    def _kept(self, which: NDArray[np.bool_]) -> Patches:
        return self._part(which) if self._fine else self

    def _part(self, which: NDArray[np.bool_]) -> Patches:
        rows = self.descriptors[torch.from_numpy(which)]
        return Patches(rows, self.places[which], self.cells[which], self.shape)


@dataclass(frozen=True, eq=False)
class PackedPatches:
    """The patches of a reference as an index keeps them: 28 bytes each, 49 kB an image."""

    rows: NDArray[np.uint8]
    """[n, ROW] codes, then column and row on the grid."""
    shape: tuple[int, int]
    """(height, width) of the frame, and so of its grid."""

    ROW: ClassVar = BYTES + 2

    @classmethod
    def of(cls, patches: Patches) -> PackedPatches:
        """Patches, thinned. Their places are kept as cells of the grid."""
        thin = patches.thinned()
        codes = packed(thin.descriptors)
        return cls(np.hstack([codes, thin.cells.astype(np.uint8)]), patches.shape)

    def above(self, share: float) -> PackedPatches:
        """Those that stand above so much of the height, from the bottom."""
        return replace(self, rows=self.rows[self._places[:, 1] <= 1 - share])

    def unpacked(self) -> Patches:
        """The patches again, but for what four bits cannot hold."""
        return self._with(unpacked(self.rows[:, :BYTES]))

    def coarse(self) -> Patches:
        """The same as `unpacked().coarse()`, of half the bytes."""
        return self._with(unpacked(self.rows[:, : COARSE // 2]))

    @property
    def _places(self) -> NDArray[np.float32]:
        height, width = self.shape
        return ((self._cells + CELLS / 2) * CELL / (width, height)).astype(np.float32)

    @property
    def _cells(self) -> NDArray[np.int64]:
        return self.rows[:, BYTES:].astype(np.int64)

    def _with(self, descriptors: torch.Tensor) -> Patches:
        return Patches(descriptors, self._places, self._cells, self.shape)


def patches_of(features: Features, image: int, shape: tuple[int, int]) -> Patches:
    """The patches of one of the images of `rootsift` features; (height, width) is its frame's."""
    local: Local = features.values
    alive = local.strength[image] > 0
    rows = compact(local.descriptors[image, alive, :-2])
    places = features.places.numpy()
    cells = np.stack([np.unique(along, return_inverse=True)[1] for along in places.T], axis=1)
    kept = alive.numpy()
    return Patches(rows, places[kept].astype(np.float32), cells[kept], shape)


def patches(image: Image) -> Patches:
    """The patches of an upright image [H, W, 3], whatever backbone describes it."""
    prepared = RootSift.prepare(image)
    with torch.inference_mode():
        features = local_descriptors(torch.tensor(prepared).permute(2, 0, 1)[None].float().div_(255))
        return patches_of(features, 0, prepared.shape[:2])


def matches(query: Patches, reference: Patches) -> NDArray[np.int64]:
    """[m, 2] numbers of the patches of both that are each other's nearest neighbour."""
    ours, theirs = len(query.descriptors), len(reference.descriptors)
    if not ours or not theirs:
        return np.empty((0, 2), np.int64)
    nearest, highest = np.empty(theirs, np.int64), np.empty(theirs, np.float32)
    back = np.full(ours, -np.inf, np.float32)
    columns, kept = query.descriptors.T.contiguous(), torch.empty(min(BLOCK, theirs), ours)
    for start in range(0, theirs, BLOCK):
        rows = reference.descriptors[start : start + BLOCK]
        similarities = torch.mm(rows, columns, out=kept[: len(rows)]).numpy()
        best = similarities.argmax(axis=1)
        nearest[start : start + BLOCK] = best
        highest[start : start + BLOCK] = similarities[np.arange(len(best)), best]
        np.maximum(back, similarities.max(axis=0), out=back)
    mutual = highest == back[nearest]
    return np.asarray(np.column_stack([nearest[mutual], np.flatnonzero(mutual)]), np.int64)
