"""RootSIFT patches in 28 bytes: the low frequencies of a patch, four bits each, and its place.

A patch is 4 x 4 cells of 8 orientations. A cosine transform over the cells and a Fourier transform over the
orientations part what is coarse in it from what is fine; 52 of 128 numbers hold 91 % of what differs between
patches. The transform, the mean and the scales are fixed, so patches of all indexes compare.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

__all__ = ["BYTES", "COARSE", "COMPACT", "compact", "packed", "unpacked"]

CELLS, ORIENTATIONS = 4, 8
FINEST = 4
"""Of a kept coefficient: its frequencies across, down and around, together."""
MEAN = {(0, 0, 0): 0.747, (0, 0, 3): -0.05, (0, 0, 7): 0.046}
"""Of street photos' patches, by frequency; all other means are under 0.01."""
SPREAD = (0.25, 0.22, 0.19, 0.13, 0.09)
"""Standard deviation of a coefficient, by the sum of its frequencies."""
STEPS = 2.5
"""Levels of the code a standard deviation."""
COMPACT = 52
"""Coefficients that are kept, the lowest frequencies first."""
COARSE = 30
"""The first of them that are coarser than FINEST: enough to compare many patches quickly."""
BYTES = COMPACT // 2


def compact(patches: torch.Tensor) -> torch.Tensor:
    """Compact unit rows [n, COMPACT] of RootSIFT unit rows [n, 128]; zero rows stay zero."""
    basis, mean, _ = _basis()
    alive = patches.abs().amax(dim=1, keepdim=True) > 0
    return F.normalize(patches @ basis - mean, dim=1) * alive


def packed(rows: torch.Tensor) -> NDArray[np.uint8]:
    """Codes [n, BYTES] of compact rows: two coefficients a byte."""
    levels = (rows / _basis()[2] * STEPS).round().clamp(-8, 7).add(8).to(torch.uint8).numpy()
    return np.asarray(levels[:, 0::2] | levels[:, 1::2] << 4, np.uint8)


def unpacked(codes: NDArray[np.uint8]) -> torch.Tensor:
    """Compact unit rows [n, 2 k] of codes [n, BYTES], or of the first k bytes of each."""
    count, size = codes.shape
    pairs = _pairs()[torch.arange(size), torch.from_numpy(codes).long()]
    return F.normalize(pairs.reshape(count, 2 * size), dim=1)


@lru_cache(maxsize=1)
def _pairs() -> torch.Tensor:
    """[BYTES, 256, 2] the two coefficients that each byte stands for, at each place in a code."""
    byte = torch.arange(256)
    levels = torch.stack([byte & 15, byte >> 4], dim=1).float() - 8
    return levels * _basis()[2].view(BYTES, 1, 2)


@lru_cache(maxsize=1)
def _basis() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Basis [128, COMPACT], mean [COMPACT] and spread [COMPACT] of the kept coefficients."""
    cells, turns = _cosines(CELLS), _fourier(ORIENTATIONS)
    kept = sorted(
        (down + across + (turn + 1) // 2, down, across, turn)
        for down, across, turn in product(range(CELLS), range(CELLS), range(ORIENTATIONS))
        if down + across + (turn + 1) // 2 <= FINEST
    )
    columns = [np.einsum("i,j,k->ijk", cells[a], cells[b], turns[c]).ravel() for _, a, b, c in kept]
    mean = [MEAN.get((a, b, c), 0.0) for _, a, b, c in kept]
    spread = [SPREAD[total] for total, *_ in kept]
    return torch.from_numpy(np.stack(columns, axis=1)).float(), torch.tensor(mean), torch.tensor(spread)


def _cosines(size: int) -> NDArray[np.float64]:
    """[size, size] the orthonormal cosine transform, a row a frequency."""
    rows = np.cos(np.pi * np.outer(np.arange(size), np.arange(size) + 0.5) / size) * math.sqrt(2 / size)
    rows[0] /= math.sqrt(2)
    return np.asarray(rows)


def _fourier(size: int) -> NDArray[np.float64]:
    """[size, size] the orthonormal real Fourier transform: mean, cosines and sines, Nyquist."""
    angle = 2 * np.pi * np.outer(np.arange(1, size // 2), np.arange(size)) / size
    waves = np.stack([np.cos(angle), np.sin(angle)], axis=1).reshape(-1, size) * math.sqrt(2 / size)
    return np.vstack([np.full(size, size**-0.5), waves, (-1.0) ** np.arange(size) * size**-0.5])
