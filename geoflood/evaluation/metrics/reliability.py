"""Is what is called 70 % right seven times in ten?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from geoflood.evaluation.metrics.retrieval import share
from geoflood.evaluation.results import Bin

__all__ = ["calibration_error", "reliability"]

BINS = 10


def reliability(probabilities: ArrayLike, right: ArrayLike) -> tuple[Bin, ...]:
    """The reliability diagram: tenths of the scale that hold any of [N] probabilities, lowest first.

    Raises ValueError for a probability outside [0, 1], NaN included.
    """
    told, true = np.asarray(probabilities, float), np.asarray(right, bool)
    if told.shape != true.shape or not bool(((told >= 0) & (told <= 1)).all()):
        raise ValueError("a probability lies between 0 and 1")
    number = np.minimum((told * BINS).astype(int), BINS - 1)
    inside = [number == n for n in range(BINS)]
    return tuple(Bin(int(i.sum()), float(told[i].mean()), share(true[i])) for i in inside if i.any())


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Expected calibration error: the mean of |told - right| over the queries, a bin at a time.

    Guo et al., ICML 2017, equation 3. Raises ValueError without any.
    """
    total = sum(one.count for one in bins)
    if not total:
        raise ValueError("no probabilities")
    return sum(one.count * abs(one.told - one.right.value) for one in bins) / total
