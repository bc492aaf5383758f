"""Reliability: are answers that are called 70 % sure right seven times in ten?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from geoflood.evaluation.metrics.recall import proportion
from geoflood.evaluation.results import ReliabilityBin

__all__ = ["calibration_error", "reliability"]

BINS = 10


def reliability(probabilities: ArrayLike, right: ArrayLike) -> tuple[ReliabilityBin, ...]:
    """The reliability diagram: tenths of the scale that hold any of [N] probabilities, lowest first.

    Raises ValueError for a probability outside [0, 1], NaN included.
    """
    p, true = np.asarray(probabilities, float), np.asarray(right, bool)
    if p.shape != true.shape or not bool(((p >= 0) & (p <= 1)).all()):
        raise ValueError("a probability lies between 0 and 1")
    tenths = np.minimum((p * BINS).astype(int), BINS - 1)
    members = [tenths == tenth for tenth in range(BINS)]
    return tuple(
        ReliabilityBin(int(m.sum()), float(p[m].mean()), proportion(true[m])) for m in members if m.any()
    )


def calibration_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """Expected calibration error: mean of |probability - share right| over the queries, by bins.

    Guo et al., ICML 2017, equation 3. Raises ValueError without any bin.
    """
    total = sum(part.count for part in bins)
    if not total:
        raise ValueError("no probabilities")
    return sum(part.count * abs(part.probability - part.right.value) for part in bins) / total
