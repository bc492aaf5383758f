"""Geometric consistency: how many matched patches agree on one way to lay two photos over each other. Pure.

Two photos of one place from nearly one spot differ by a shift and a scale, and phones are held upright; so
every match votes for a shift under each of a few scales, and the fullest bin wins (generalised Hough
transform, Ballard 1981). What agrees there is fitted by an affine map, for facades seen at a slant, and the
matches that it brings together are counted. No random numbers, and as good as RANSAC: decision 033.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCALES", "agreeing", "votes"]

Floats: TypeAlias = NDArray[np.float64]

SCALES = tuple(np.exp(np.linspace(-0.45, 0.45, 9)).tolist())
"""Of the reference over the query: from a third nearer to half as far again."""
BIN = 0.04
"""Of a shift, shares of the frame's width. A window is two bins wide, so that no cluster is cut apart."""
TOLERANCE = 0.03
"""Of a match from where the affine map puts it, shares of the width: patches lie on a coarse grid."""
ROUNDS = 3
FEWEST = 6
"""Matches that an affine map is fitted to, at least: three fit always."""
FARTHEST = 1.5
"""Shifts beyond this are of no two photos of one place."""


def agreeing(query: NDArray[Any], reference: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of m matches agree on one way to lay the frames over each other, [m].

    query, reference [m, 2] (x, y) in widths of the frame, y downwards; weights [m] >= 0.
    """
    _, chosen = _voted(query, reference, weights, SCALES)
    frame = np.column_stack([query, np.ones(len(query))])
    for _ in range(ROUNDS):
        if np.count_nonzero(chosen & (weights > 0)) < FEWEST:
            return chosen
        root = np.sqrt(weights[chosen])[:, None]
        fitted, *_ = np.linalg.lstsq(root * frame[chosen], root * reference[chosen], rcond=None)
        chosen = np.hypot(*(frame @ fitted - reference).T) <= TOLERANCE
    return chosen


def votes(query: NDArray[Any], reference: NDArray[Any], weights: NDArray[Any]) -> float:
    """Weight of the matches that share a shift and one of every second scale; as `agreeing`, in a third of
    its time."""
    return _voted(query, reference, weights, SCALES[::2])[0]


def _voted(
    query: NDArray[Any], reference: NDArray[Any], weights: NDArray[Any], scales: Sequence[float]
) -> tuple[float, NDArray[np.bool_]]:
    """The largest sum of weights of matches that share a shift and scale; which matches these are.

    A window is 2 x 2 bins. Of equal sums that of the first scale counts.
    """
    if not len(query):
        return 0.0, np.zeros(0, bool)
    centre, side = query.mean(axis=0), int(2 * FARTHEST / BIN) + 2
    shifts = reference - centre - np.array(scales)[:, None, None] * (query - centre)
    bins = np.floor((shifts + FARTHEST) / BIN).astype(int)
    inside = ((bins >= 0) & (bins < side - 1)).all(axis=2)
    flat = bins @ np.array([side, 1]) + side**2 * np.arange(len(scales))[:, None]
    held = np.bincount(flat[inside], np.broadcast_to(weights, inside.shape)[inside], len(scales) * side**2)
    rows = held.reshape(-1, side, side)
    rows = rows[:, :-1] + rows[:, 1:]
    windows = rows[:, :, :-1] + rows[:, :, 1:]
    scale, *corner = np.unravel_index(int(windows.argmax()), windows.shape)
    best = float(windows[scale, *corner])
    chosen = ((bins[scale] >= corner) & (bins[scale] <= np.array(corner) + 1)).all(axis=1)
    return best, chosen & (best > 0)
