"""Calibration from the references alone: each plays a query, first with its place present, then with it gone.

A reference knows where it was taken, so it can be searched with its own capture removed (is the place
found among the others, how far off, at which similarity?) and with everything near removed (what does the
best wrong answer look like?). From these come the temperature, the kernel and P(in this index) of
geoflood.fusion.estimate, for an unknown waterline and for each band, since similarities differ between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.fusion.estimate import ELSEWHERE_M, TOLERANCE_M, Trust, evidence, posterior
from geoflood.geo import distance_m
from geoflood.terms import Vectors

__all__ = ["Captures", "calibrate"]

Floats: TypeAlias = NDArray[np.float64]

TRIALS = 256
DEPTH = 512
"""Candidates a trial looks at; what is removed comes out of these."""
ENOUGH = 24
"""Trials below which the defaults are kept: a handful of pairs teaches nothing."""
LEAST_KERNEL_M = 8.0
"""No geotag on a street is worth more, whatever captures of one day say of each other."""
DEFAULT = Trust(temperature=0.03, kernel_m=12.0, intercept=-4.0, similarity=8.0, margin=20.0)
"""For a city that cannot calibrate itself: one pass, captures far apart."""


class Search(Protocol):
    """As geoflood.reference.vectors.VectorStore."""

    def search(
        self, queries: Vectors, belief: NDArray[np.float32], k: int
    ) -> tuple[Vectors, NDArray[np.int64]]: ...
    def rows(self, ids: NDArray[np.int64]) -> Vectors: ...


@dataclass(frozen=True, eq=False)
class Captures:
    """Where and when the N references were taken."""

    positions: Floats
    """[N, 2] (lat, lon)."""
    image: NDArray[np.int64]
    """[N] number of the image: the tiles of a panorama share it."""
    day: NDArray[np.int64]
    """[N] day of the capture, 0 when unknown: neighbours of one day are twins, not another look."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One pseudo-query's candidates, best first, with what must not be found removed."""

    similarities: Floats
    positions: Floats
    error_m: Floats
    """From the truth, a candidate each."""
    present: bool


def calibrate(
    store: Search, captures: Captures, beliefs: Mapping[str, NDArray[np.float32]]
) -> dict[str, object]:
    """Numbers for the manifest: a Trust for each named belief over the bands, and the trials it rests on."""
    count = len(captures.positions)
    ids = np.unique(np.linspace(0, count - 1, min(TRIALS, count)).astype(np.int64))
    queries = store.rows(ids)
    learned: dict[str, object] = {}
    for name, belief in beliefs.items():
        found = store.search(queries, belief, DEPTH)
        trials = [
            trial
            for i, number in enumerate(ids)
            for trial in _trials(captures, number, found[0][i], found[1][i])
        ]
        learned[name] = _fit(trials).numbers | {"trials": sum(trial.present for trial in trials)}
    return learned


def _trials(captures: Captures, query: int, similarities: Vectors, ids: NDArray[np.int64]) -> Iterator[Trial]:
    error = distance_m(captures.positions[ids], captures.positions[query])
    own = captures.image[ids] == captures.image[query]
    twin = (captures.day[ids] == captures.day[query]) & (captures.day[query] > 0) & (error <= ELSEWHERE_M)
    near = error <= TOLERANCE_M
    # Another day's capture of the place is the honest test; with a single pass its neighbours must do.
    removed = own | twin if (near & ~own & ~twin).any() else own
    for keep, present in ((~removed, True), (error > ELSEWHERE_M, False)):
        if keep.any() and (not present or (near & keep).any()):
            s = similarities[keep].astype(float)
            yield Trial(s, captures.positions[ids[keep]], error[keep], present)


def _fit(trials: list[Trial]) -> Trust:
    present = [trial for trial in trials if trial.present]
    absent = [trial for trial in trials if not trial.present]
    if min(len(present), len(absent)) < ENOUGH:
        return DEFAULT
    temperature = _temperature(present)
    seen = np.array([evidence(trial.similarities, trial.positions) for trial in present + absent])
    truth = np.array([trial.present for trial in present + absent], float)
    return Trust(temperature, _kernel_m(present), *_logistic(seen, truth))


def _temperature(trials: list[Trial]) -> float:
    """The one under which the truth was most likely: maximum of the mean log belief near it."""
    grid = np.geomspace(0.005, 0.2, 25)

    def likelihood(temperature: float) -> float:
        held = [posterior(t.similarities, temperature)[t.error_m <= TOLERANCE_M].sum() for t in trials]
        return float(np.mean(np.log(np.array(held) + 1e-3)))

    return float(max(grid, key=likelihood))


def _kernel_m(trials: list[Trial]) -> float:
    """Standard deviation an axis of the right first candidates; never below what a geotag is worth."""
    errors = np.array([trial.error_m[0] for trial in trials if trial.error_m[0] <= ELSEWHERE_M])
    return float(max(np.sqrt((errors**2).mean() / 2), LEAST_KERNEL_M)) if len(errors) else DEFAULT.kernel_m


def _logistic(seen: Floats, truth: Floats, penalty: float = 1.0) -> tuple[float, float, float]:
    """Logistic regression by Newton's method on standardised columns, ridge on the slopes; returns
    (intercept, *slopes) in the columns' own units.
    """
    mean, scale = seen.mean(axis=0), seen.std(axis=0) + 1e-9
    x = np.column_stack([np.ones(len(seen)), (seen - mean) / scale])
    ridge = np.diag([0.0, *[penalty] * seen.shape[1]])
    w = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ w, -30, 30)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + ridge + 1e-9 * np.eye(len(w))
        w = w + np.linalg.solve(hessian, x.T @ (truth - p) - ridge @ w)
    slopes = w[1:] / scale
    return float(w[0] - slopes @ mean), float(slopes[0]), float(slopes[1])
