"""Does a signal tell right answers from wrong ones, or photos of the city from photos of elsewhere?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import distance_m, to_local
from geoflood.evaluation.results import Floats, Proportion, SignalQuality

__all__ = ["auroc", "signal_quality", "similarity_margin", "spatial_agreement"]

NEIGHBOURS = 10
"""Candidates that spatial agreement looks at: K of SUE."""
TEMPERATURE = 0.03
"""Cosine difference that weighs a candidate e-fold. SUE's slope of 350, for another descriptor, is 0.0014;
with that, only our first candidate would count."""
FARTHEST_M = 500.0
"""Larger deviations along an axis count as this. SUE's code caps one side only, its paper means both."""
OTHER_PLACE_M = 50.0
"""A candidate farther than this from the first one shows another place."""


def similarity_margin(similarities: Floats, positions: Floats) -> float:
    """Similarity of the first candidate minus that of the best candidate of another place.

    Where all are of one place, minus that of the last one. similarities [k], positions [k, 2] (lat, lon),
    best first.
    """
    others = similarities[distance_m(positions, positions[0]) > OTHER_PLACE_M]
    return float(similarities[0] - (others[0] if len(others) else similarities[-1]))


def spatial_agreement(similarities: Floats, positions: Floats) -> float:
    """How closely the first candidates lie together: minus their weighted variance, m².

    SUE (Zaffar et al., CVPR 2024, arXiv 2404.00546): weights exp(similarity / temperature) over the first
    10, variance of east and of north about the weighted mean, the two averaged. similarities [k],
    positions [k, 2] (lat, lon), best first.
    """
    s, metres = similarities[:NEIGHBOURS], to_local(positions[:NEIGHBOURS], LatLon(*map(float, positions[0])))
    weights = np.exp((s - s.max()) / TEMPERATURE)
    weights /= weights.sum()
    deviations = np.clip(metres - weights @ metres, -FARTHEST_M, FARTHEST_M)
    return float(-(weights @ deviations**2).mean())


def signal_quality(name: str, signal: ArrayLike, right: ArrayLike) -> SignalQuality:
    """Precision against coverage, and AUC-PR, of ordering answers by a signal [N], larger first.

    AUC-PR is average precision: the sum of precision times gain in recall, where recall counts the right
    answers of right [N]. Equal signals enter together, so their order cannot matter. It is 0 when none is
    right. Raises ValueError for no answers, or a signal that is not a number.
    """
    values, true = np.asarray(signal, float), np.asarray(right, bool)
    if not values.size or values.shape != true.shape or np.isnan(values).any():
        raise ValueError(f"{name}: no signal, or one that is not a number")
    order = np.argsort(-values, kind="stable")
    falling = values[order]
    # Compared, not subtracted: equal signals may be infinite.
    last_of_equals = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
    right_so_far, answered = np.cumsum(true[order])[last_of_equals], last_of_equals + 1
    precision = right_so_far / answered
    gain = np.diff(right_so_far, prepend=0) / max(int(true.sum()), 1)
    return SignalQuality(name, float(precision @ gain), answered / len(values), precision)


def auroc(low: ArrayLike, high: ArrayLike) -> Proportion:
    """Chance that one of `high` [M] exceeds one of `low` [N], ties half: the area under the ROC curve.

    It is the U of Mann and Whitney (1947) over N M, with the standard deviation of Hanley and McNeil (1982).
    There the area is (n area + 1) / (n + 2), n the smaller of N and M, so that few photos without a wrong
    pair are not taken for certain (Laplace). Every photo counts as drawn alone.
    Raises ValueError when either is empty or not a number.
    """
    below, above = np.asarray(low, float), np.asarray(high, float)
    if not below.size or not above.size or np.isnan(below).any() or np.isnan(above).any():
        raise ValueError("an area under no curve")
    n, m = below.size, above.size
    u = float(rankdata(np.concatenate([above, below]))[:m].sum()) - m * (m + 1) / 2
    area = u / (n * m)
    return Proportion(area, _hanley_mcneil(area, n, m), n + m)


def _hanley_mcneil(area: float, n: int, m: int) -> float:
    """Standard deviation of an AUROC of n against m."""
    smaller = min(n, m)
    a = (smaller * area + 1) / (smaller + 2)
    spread = a * (1 - a) + (m - 1) * (a / (2 - a) - a**2) + (n - 1) * (2 * a**2 / (1 + a) - a**2)
    return float(np.sqrt(spread / (n * m)))
