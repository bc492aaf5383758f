"""References as a larger city would have them, modelled on the descriptors of real images.

A modelled reference is a mixture of MIXED real ones, drawn anew for each, band by band about their mean, with
squared weights out of a Dirichlet distribution. So it has the bands' correlations and the spectrum of real
rows, and shows no place. Donors must not show the places that are asked for, or mixtures of these would
stand among the strangers: take images of elsewhere, and mirror images, in which no place is found.

What a model is worth shows in `strangers`: the similarity of queries to it, and to real strangers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.describe import Describer
from geoflood.core.images import read_image
from geoflood.core.parallel import cores
from geoflood.database.bands import band_weights
from geoflood.imagery.views import LONGEST

__all__ = ["RowModel", "described", "strangers"]

MIXED = 3
BLOCK = 4096
"""Rows that are drawn with one seed: row i is the same, however many are asked for."""
BEST_OF = (50, 200, 700)


@dataclass(frozen=True, eq=False)
class RowModel:
    """Rows without end, the same for the same donors and seed."""

    groups: Sequence[NDArray[np.float16]]
    """Donors [n, bands, D], of one descriptor: a row takes each of its donors out of a group by chance."""
    seed: int = 0

    def rows(self, count: int) -> Iterator[NDArray[np.float16]]:
        """The first `count` rows, in blocks [n, bands, D] of at most BLOCK."""
        means = [group.mean(axis=0, dtype=np.float32) for group in self.groups]
        centred = np.concatenate(
            [group - mean for group, mean in zip(self.groups, means, strict=True)], dtype=np.float32
        )
        chance = np.repeat([1 / len(group) for group in self.groups], [len(group) for group in self.groups])
        mean = np.mean(means, axis=0)
        for number, start in enumerate(range(0, count, BLOCK)):
            rng = np.random.default_rng((self.seed, number))
            donors = rng.choice(len(centred), (BLOCK, MIXED), p=chance / chance.sum())
            weights = np.sqrt(rng.dirichlet([1.0] * MIXED, BLOCK)).astype(np.float32)
            rows = mean + sum(weights[:, i, None, None] * centred[donors[:, i]] for i in range(MIXED))
            lengths = np.linalg.norm(rows, axis=2, keepdims=True)
            yield (rows / np.maximum(lengths, 1e-6))[: count - start].astype(np.float16)


def described(
    describer: Describer, paths: Sequence[Path], bands: Sequence[int], *, mirrored: bool = False
) -> NDArray[np.float16]:
    """Descriptors [n, bands, D] of whole images, or of their mirror images."""
    weigh = partial(band_weights, bands=bands)

    def one(path: Path) -> NDArray[np.float32]:
        pixels = read_image(path, LONGEST)
        pixels = np.ascontiguousarray(pixels[:, ::-1]) if mirrored else pixels
        return np.asarray(describer.describe([pixels], weigh)[0], np.float32)

    with ThreadPoolExecutor(cores()) as pool:
        return np.array(list(pool.map(one, paths)), np.float16)


def strangers(
    queries: NDArray[np.float32],
    belief: NDArray[np.float32],
    rows: NDArray[np.float16],
    looked_at: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> str:
    """Mean and spread of the similarity of queries to rows that are strangers to them, and the best of some.

    looked_at: [Q, n] which rows are strangers to which query; None: all.
    """
    rng = np.random.default_rng(seed)
    alike = np.einsum("b,qbd,rbd->qr", belief, queries, rows.astype(np.float32), optimize=True)
    looked_at = np.ones(alike.shape, bool) if looked_at is None else looked_at
    apart = [row[there] for row, there in zip(alike, looked_at, strict=True)]
    best = [np.mean([rng.choice(row, min(n, len(row))).max() for row in apart]) for n in BEST_OF]
    some = np.concatenate(apart)
    return f"mean {some.mean():.3f}, sd {some.std():.3f}, best of {BEST_OF}: " + " ".join(
        f"{one:.3f}" for one in best
    )
