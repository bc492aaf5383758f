"""Is the place among the first k, and how sure is that figure?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from geoflood.evaluation.results import Floats, Proportion

__all__ = ["padded", "recall", "share"]


def share(hits: ArrayLike, places: ArrayLike | None = None) -> Proportion:
    """Share of true values [N] and its standard deviation, sqrt(p (1 - p) / n).

    The deviation takes p as (hits + 1) / (n + 2), so that 20 of 20 is not told as certain (Laplace). Photos
    of one of the `places` [N] stand or fall together: then it is that of a cluster sample, the root of the
    sum over places of (hits - p photos)^2, over n, where that is larger.
    Raises ValueError when there are none: a share of nothing is no number.
    """
    counted = np.asarray(hits, bool)
    if not counted.size:
        raise ValueError("a share of nothing")
    n, true = counted.size, int(counted.sum())
    p = (true + 1) / (n + 2)
    error = float(np.sqrt(p * (1 - p) / n))
    if places is not None:
        place = np.unique(np.asarray(places), return_inverse=True)[1].ravel()
        error = max(error, float(np.sqrt((np.bincount(place, counted - true / n) ** 2).sum())) / n)
    return Proportion(true / n, error, n)


def padded(ranks_m: Sequence[Sequence[float]], length: int) -> Floats:
    """Rows of any length as [Q, length], metres; infinite where an index had no more candidates."""
    table = np.full((len(ranks_m), length), np.inf)
    for row, metres in zip(table, ranks_m, strict=True):
        row[: len(metres)] = metres[:length]
    return table


def recall(ranks_m: Floats, k: int, within_m: float, places: ArrayLike | None = None) -> Proportion:
    """Recall@k: queries with a positive among the first k retrieved.

    ranks_m [Q, K] metres between the truth and each candidate, best first; every row must be of a query
    that has a positive. As in VPR-methods-evaluation (gmberton), which keeps the others in the denominator.
    """
    if np.isnan(ranks_m).any():
        raise ValueError("a distance is not a number")
    return share((ranks_m[:, :k] <= within_m).any(axis=1), places)
