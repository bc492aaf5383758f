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
    """The largest sum of weights of matches that share a shift and scale; which matches these are."""
    best, chosen = 0.0, np.zeros(len(query), bool)
    if not len(query):
        return best, chosen
    centre = query.mean(axis=0)
    for scale in scales:
        shifts = reference - centre - scale * (query - centre)
        bins = np.floor((shifts + FARTHEST) / BIN).astype(int)
        held, corner = _fullest(bins, weights)
        if held > best:
            best, chosen = held, ((bins >= corner) & (bins <= corner + 1)).all(axis=1)
    return best, chosen


def _fullest(bins: NDArray[np.int64], weights: NDArray[Any]) -> tuple[float, NDArray[np.int64]]:
    """The window of 2 x 2 bins that holds most: how much, and its first bin."""
    side = int(2 * FARTHEST / BIN) + 2
    inside = ((bins >= 0) & (bins < side - 1)).all(axis=1)
    flat = bins[inside] @ np.array([side, 1])
    votes = np.bincount(flat, weights[inside], minlength=side * side).reshape(side, side)
    windows = votes[:-1, :-1] + votes[1:, :-1] + votes[:-1, 1:] + votes[1:, 1:]
    fullest = np.unravel_index(int(windows.argmax()), windows.shape)
    return float(windows[fullest]), np.array(fullest, np.int64)
