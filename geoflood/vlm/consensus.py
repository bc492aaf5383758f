"""Answers about several views of one photo become one: the median map, how far they agree, the waterline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "agreed_waterline",
    "consensus_map",
    "equals_prior",
    "fit_waterline",
    "rank_agreement",
    "subtract_prior",
]

TOLERANCE = 0.2
"""Between the waterline by rows and the model's own: above, neither is believed. Bands are 0.15 apart."""

MISFIT = 0.25
"""Mean distance of rows from what a waterline explains: above, they describe no flood (0.5 is chance)."""

HIGHEST = 0.9
"""Share of the height: a photo under more water shows nothing to match."""

SAME = 0.95
"""From this correlation on, a map is the prior again."""


def consensus_map(maps: NDArray[Any], agreement: float) -> NDArray[np.float32]:
    """The median of maps [V, R, C], drawn towards its own mean as far as the views disagree: [R, C].

    Blending divides by the mean, so this is exactly as if alpha were multiplied by the agreement [0, 1].
    """
    median = np.median(maps, axis=0)
    mean = median.mean()
    return np.asarray(mean + agreement * (median - mean), np.float32).clip(0, 2)


def rank_agreement(maps: NDArray[Any]) -> float:
    """Mean rank correlation (Spearman) of every two of the maps [V, R, C], in [0, 1]; 1 for a single one."""
    pairs = [_correlation(_ranks(a), _ranks(b)) for a, b in combinations(maps, 2)]
    return float(np.clip(np.mean(pairs), 0, 1)) if pairs else 1.0


def _correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Pearson's; 0 when one of them is constant."""
    x, y = a.ravel() - a.mean(), b.ravel() - b.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 1e-9 else 0.0


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Places in ascending order, equal values sharing theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[which.ravel()])


def equals_prior(weights: NDArray[Any], prior: NDArray[Any] | None) -> bool:
    """Whether a map [R, C] is what the model says of a blank canvas too: then it did not look."""
    return prior is not None and _correlation(weights, prior) > SAME


def subtract_prior(weights: NDArray[Any], prior: NDArray[Any] | None) -> NDArray[np.float32]:
    """The map [R, C] less what the model gives these cells whatever they show, its mean kept: in [0, 2]."""
    if prior is None:
        return np.asarray(weights, np.float32)
    return np.asarray(weights - (prior - prior.mean()), np.float32).clip(0, 2)


def fit_waterline(rows: Sequence[float]) -> tuple[float, float]:
    """The waterline that best explains rows [R] of shares under water, the top row first, and its misfit.

    The waterline is a share of the height, from the bottom. The misfit is the mean absolute distance that is
    left: absolute, so that one wrong row does not move the line far.
    """
    lines = np.linspace(0, HIGHEST, round(HIGHEST * 100) + 1)
    tops = np.arange(len(rows)) / len(rows)
    covered = ((tops + 1 / len(rows) - (1 - lines)[:, None]) * len(rows)).clip(0, 1)
    misfits = np.abs(covered - np.asarray(rows)).mean(axis=1)
    best = lines[misfits <= misfits.min() + 1e-9]
    return float(best.mean()), float(misfits.min())


def agreed_waterline(rows: Sequence[float] | None, own: float | None) -> tuple[float | None, str]:
    """What the rows and the model's own number agree on; otherwise None and why."""
    if rows is None or own is None:
        return None, ""
    fitted, misfit = fit_waterline(rows)
    if misfit > MISFIT:
        return None, "waterline unknown: the rows said to be under water do not lie at the bottom"
    if abs(fitted - own) > TOLERANCE:
        return None, f"waterline unknown: {fitted:.0%} by rows, {own:.0%} by the model's own word"
    return min((fitted + own) / 2, HIGHEST), ""
