"""Recall@k, and how sure a share of so many queries is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from geoflood.evaluation.results import Floats, Proportion

__all__ = ["pad_rows", "proportion", "recall"]


def proportion(hits: ArrayLike, places: ArrayLike | None = None) -> Proportion:
    """Share of true values in hits [N], and its standard deviation sqrt(p (1 - p) / n).

    There p is (hits + 1) / (n + 2), so that 20 of 20 is not taken for certain (Laplace).
    Photos of one place are right or wrong together. With `places` [N] the deviation is that of a cluster
    sample where that is larger: sqrt(sum over places of (hits - p photos)^2) / n.
    Raises ValueError for no hits at all: a share of nothing is no number.
    """
    values = np.asarray(hits, bool)
    if not values.size:
        raise ValueError("a share of nothing")
    n, true = values.size, int(values.sum())
    p = (true + 1) / (n + 2)
    error = float(np.sqrt(p * (1 - p) / n))
    if places is not None:
        place = np.unique(np.asarray(places), return_inverse=True)[1].ravel()
        deviations = np.bincount(place, values - true / n)
        error = max(error, float(np.sqrt((deviations**2).sum())) / n)
    return Proportion(true / n, error, n)


def pad_rows(rows: Sequence[Sequence[float]], length: int) -> Floats:
    """Rows of any length, metres, as [Q, length]; infinite where an index had no more candidates."""
    table = np.full((len(rows), length), np.inf)
    for padded, metres in zip(table, rows, strict=True):
        padded[: len(metres)] = metres[:length]
    return table


def recall(errors_m: Floats, k: int, within_m: float, places: ArrayLike | None = None) -> Proportion:
    """Recall@k: queries with a positive among the first k retrieved.

    errors_m [Q, K]: metres from each candidate to the true place, best candidate first. Only queries that
    have a positive belong in it; VPR-methods-evaluation (gmberton) counts the others as wrong.
    Raises ValueError for a distance that is not a number.
    """
    if np.isnan(errors_m).any():
        raise ValueError("a distance is not a number")
    return proportion((errors_m[:, :k] <= within_m).any(axis=1), places)
