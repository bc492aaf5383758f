"""Does a signal tell right answers from wrong ones, or photos of the city from photos of elsewhere?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import distance_m, to_local
from geoflood.evaluation.results import Confidence, Floats, Proportion

__all__ = ["agreement", "auroc", "confidence", "margin"]

NEIGHBOURS = 10
"""Candidates that spatial agreement looks at: K of SUE."""
TEMPERATURE = 0.03
"""Cosine difference that weighs a candidate e-fold: SUE's slope of 350 on squared distances of its own
descriptor is 0.0014, under which ours would look at the first candidate alone."""
FARTHEST_M = 500.0
"""An axis's deviation that counts; SUE's code caps one side only, its paper means both."""
ELSEWHERE_M = 50.0
"""A candidate farther than this from the first shows another place."""


def margin(similarities: Floats, positions: Floats) -> float:
    """How far the first candidate leads over the best one of another place; of all one place, over the last.

    similarities [k], positions [k, 2] (lat, lon), best first.
    """
    other = similarities[distance_m(positions, positions[0]) > ELSEWHERE_M]
    return float(similarities[0] - (other[0] if len(other) else similarities[-1]))


def agreement(similarities: Floats, positions: Floats) -> float:
    """How closely the first candidates lie together: minus their weighted variance, m².

    SUE (Zaffar et al., CVPR 2024, arXiv 2404.00546): weights exp(similarity / temperature) over the first
    10, variance of east and of north about the weighted mean, the two averaged. similarities [k],
    positions [k, 2] (lat, lon), best first.
    """
    s, metres = similarities[:NEIGHBOURS], to_local(positions[:NEIGHBOURS], LatLon(*map(float, positions[0])))
    weights = np.exp((s - s.max()) / TEMPERATURE)
    weights /= weights.sum()
    off = np.clip(metres - weights @ metres, -FARTHEST_M, FARTHEST_M)
    return float(-(weights @ off**2).mean())


def confidence(name: str, signal: ArrayLike, right: ArrayLike) -> Confidence:
    """Precision against coverage and AUC-PR of ordering answers by a signal, larger first.

    signal [N], right [N]. AUC-PR is average precision, the sum of precision times gain in recall where
    "recall" counts right answers; equal signals enter together, so their order cannot matter. 0 when none is
    right. Raises ValueError for no answers, or a signal that is not a number.
    """
    values, true = np.asarray(signal, float), np.asarray(right, bool)
    if not values.size or values.shape != true.shape or np.isnan(values).any():
        raise ValueError(f"{name}: no signal, or one that is not a number")
    order = np.argsort(-values, kind="stable")
    falling = values[order]
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))  # infinite ones may be equal, too
    found, seen = np.cumsum(true[order])[ends], ends + 1
    precision = found / seen
    gain = np.diff(found, prepend=0) / max(int(true.sum()), 1)
    return Confidence(name, float(precision @ gain), seen / len(values), precision)


def auroc(low: ArrayLike, high: ArrayLike) -> Proportion:
    """Chance that one of `high` [M] exceeds one of `low` [N], ties half: the area under the ROC curve.

    By ranks (Mann and Whitney 1947), with its standard deviation after Hanley and McNeil (1982), who count
    every photo as drawn alone. That takes the area as (n area + 1) / (n + 2), n the smaller of N and M, so
    that no wrong pair in few is not told as certain (Laplace). Raises ValueError when either is empty or not
    a number.
    """
    below, above = np.asarray(low, float), np.asarray(high, float)
    if not below.size or not above.size or np.isnan(below).any() or np.isnan(above).any():
        raise ValueError("an area under no curve")
    ordered = np.sort(below)
    wins = np.searchsorted(ordered, above, "left") + np.searchsorted(ordered, above, "right")
    area, n, m = float(wins.mean() / 2 / below.size), below.size, above.size
    few = min(n, m)
    a = (few * area + 1) / (few + 2)
    spread = a * (1 - a) + (m - 1) * (a / (2 - a) - a**2) + (n - 1) * (2 * a**2 / (1 + a) - a**2)
    return Proportion(area, float(np.sqrt(spread / (n * m))), n + m)
