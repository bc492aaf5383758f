"""Calibration without labels: references play queries, first with their place present, then with it gone.

A reference knows where it was taken. So it can be made into a query photo (see `pseudo_queries`) and
searched with its own capture removed (is the place found among the others, how far off, at which
similarity?) and with everything near removed (what does the best wrong answer look like?). From these come
the numbers of CalibrationParams, for an unknown waterline and for each band, since similarities
differ between them; with inliers and without. Labelled queries refine them the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import LatLon, Vectors
from geoflood.core.geo import distance_m, to_local
from geoflood.database.calibration import (
    CalibrationEntry,
    CalibrationKey,
    CalibrationParams,
    ConformalKnots,
    Evidence,
    Weakness,
)
from geoflood.localize.fusion import ELSEWHERE_M, TOLERANCE_M, belief_map, evidence, posterior

__all__ = ["DEFAULT", "DEPTH", "RERANKED", "Captures", "Counts", "Group", "RehearsalQueries", "calibrate"]

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = Callable[[int, NDArray[np.float32] | None, NDArray[np.int64]], Floats]
"""(number of the query, belief over the bands or None where nothing is told, ids of references [n]) ->
inliers [n], NaN where unknown."""

DEPTH = 256
"""Candidates a trial looks at, as many as fusion does."""
REMOVED = 256
"""More that are searched for, since what is removed comes out of them."""
RERANKED = 10
"""Candidates of a trial that are re-ranked."""
LEAST_KERNEL_M = 1.0
"""Where the captures of several days agree, geotags are worth what they say of each other; """
LONE_KERNEL_M = 8.0
"""captures of one day share their errors, and nothing is known about them."""
MEDIAN = 1.177
"""Distance within which half of a bell in the plane lies, in standard deviations."""
ABSENT = 1 / 3
"""What a trial without the place weighs: photos from somewhere else are the rarer case, one in four."""
SHARES = (0.5, 0.7, 0.8, 0.9, 0.95)
"""At which the areas are held to their promise."""
SLOPES = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""Of inliers, see `CalibrationParams.inliers`, that are tried."""
DEFAULT = CalibrationParams(temperature=0.03, kernel_m=12.0, intercept=-4.0, similarity=8.0, margin=20.0)
"""For a city that cannot calibrate itself: too few images."""
NEAR_BAND = 0.075
"""A trial's waterline is a band's when it is this near, a share of the height."""


class Group(NamedTuple):
    """What a search may know of the waterline."""

    key: CalibrationKey
    belief: NDArray[np.float32]
    """Over the bands."""
    plain: CalibrationParams | None = None
    """Of the same search without re-ranking, where inliers are counted: it saw more trials, so what it says
    of similarities stands."""


class VectorSearch(Protocol):
    """As geoflood.database.vectors.VectorStore."""

    def search(
        self, queries: Vectors, belief: NDArray[np.float32], k: int
    ) -> tuple[Vectors, NDArray[np.int64]]: ...


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
class RehearsalQueries:
    """T queries whose places are known."""

    descriptors: Vectors
    """[T, bands, D]."""
    positions: Floats
    """[T, 2] (lat, lon)."""
    waterline: Floats
    """[T] share of the height under water."""
    reference: NDArray[np.int64]
    """[T] the reference that plays the query, whose own capture must not be found; -1: a labelled query."""
    counts: Counts | None = None
    """What re-ranking would count; None: the calibration is for searches without it."""

    def __len__(self) -> int:
        """T."""
        return len(self.positions)


@dataclass(frozen=True, eq=False)
class Trial:
    """One query's candidates, most similar first, with what must not be found removed."""

    similarities: Floats
    inliers: Floats
    """NaN where not counted."""
    positions: Floats
    error_m: Floats
    """From the truth, a candidate each."""
    truth: Floats
    """[2] (lat, lon)."""
    present: bool
    lone: bool
    """The place was seen on one day only."""
    plain: CalibrationParams | None = None
    """Of its group."""

    @property
    def place(self) -> tuple[float, ...]:
        """The same for all trials of one query photo, whatever water it stands in."""
        return tuple(self.truth.tolist())

    def scores(self, params: CalibrationParams) -> Floats:
        """Similarities with the inliers' evidence added."""
        return self.similarities + params.temperature * params.likelihood(self.inliers)


def calibrate(
    store: VectorSearch,
    captures: Captures,
    queries: RehearsalQueries,
    pools: Sequence[Sequence[Group]],
    enough: int,
) -> dict[CalibrationKey, CalibrationEntry]:
    """Numbers for the manifest: an entry for each group.

    The trials of a group are the queries under about its waterline; those of a pool are learned from
    together, where they have `enough` places. An entry says where a city cannot
    calibrate itself well; its areas are wider then.
    """
    trials: list[list[Trial]] = [[] for _ in pools]
    searches = [
        (found, group, *_search(store, queries, group))
        for found, pool in zip(trials, pools, strict=True)
        for group in pool
    ]
    for i in range(len(queries)):  # a query at a time, so that references compared with it are read once
        for found, group, row, similarities, ids in searches:
            if row[i] >= 0:
                found += _trials(captures, queries, i, group, similarities[row[i]], ids[row[i]])
    learned = [_fit_pool(pool, found, enough) for pool, found in zip(pools, trials, strict=True)]
    return {key: entry for one in learned for key, entry in one.items()}


def _search(
    store: VectorSearch, queries: RehearsalQueries, group: Group
) -> tuple[NDArray[np.int64], Vectors, NDArray[np.int64]]:
    """Row of each query [T] in what was found, -1 for those of another waterline; similarities; ids."""
    fits = np.ones(len(queries), bool)
    if group.key.band is not None:
        fits = np.abs(queries.waterline - group.key.band / 100) <= NEAR_BAND
    row = np.where(fits, np.cumsum(fits) - 1, -1)
    if not fits.any():
        return row, np.empty((0, 0), np.float32), np.empty((0, 0), np.int64)
    return row, *store.search(queries.descriptors[fits], group.belief, DEPTH + REMOVED)


def _fit_pool(
    pool: Sequence[Group], trials: list[Trial], enough: int
) -> dict[CalibrationKey, CalibrationEntry]:
    present = [trial for trial in trials if trial.present]
    absent = [trial for trial in trials if not trial.present]
    places = len({trial.place for trial in present})
    if min(places, len(absent)) < enough:
        few = CalibrationEntry(DEFAULT, len(present), places, Weakness.FEW_PLACES)
        return {group.key: few for group in pool}
    lone = sum(trial.lone for trial in present) > len(present) / 2
    fitted = fit([group.plain for group in pool], present, absent, lone, enough)
    weakness = Weakness.ONE_DAY if lone else None
    return {
        group.key: CalibrationEntry(params, len(present), places, weakness)
        for group, params in zip(pool, fitted, strict=True)
    }


def _trials(
    captures: Captures,
    queries: RehearsalQueries,
    i: int,
    group: Group,
    similarities: Vectors,
    ids: NDArray[np.int64],
) -> Iterator[Trial]:
    known = (ids >= 0) & np.isfinite(similarities)
    for kept, present, lone in _removals(captures, queries, i, ids):
        chosen = np.flatnonzero(kept & known)[:DEPTH]
        error = distance_m(captures.positions[ids[chosen]], queries.positions[i])
        if not len(chosen) or (present and not (error <= TOLERANCE_M).any()):
            continue
        inliers = np.full(len(chosen), np.nan)
        if queries.counts is not None:
            told = None if group.key.band is None else group.belief
            inliers[:RERANKED] = queries.counts(i, told, ids[chosen[:RERANKED]])
        spots, s = captures.positions[ids[chosen]], similarities[chosen].astype(float)
        yield Trial(s, inliers, spots, error, queries.positions[i], present, lone, group.plain)


def _removals(
    captures: Captures, queries: RehearsalQueries, i: int, ids: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.bool_], bool, bool]]:
    """(which candidates stay, whether the place does, whether it was seen on one day only)."""
    error = distance_m(captures.positions[ids], queries.positions[i])
    query = int(queries.reference[i])
    removed, lone = np.zeros(len(ids), bool), False
    if query >= 0:
        everywhere = distance_m(captures.positions, queries.positions[i])
        own = captures.image == captures.image[query]
        twin = (captures.day == captures.day[query]) & (captures.day[query] > 0) & (everywhere <= ELSEWHERE_M)
        # Another day's capture of the place is the honest test; with a single pass its neighbours must do.
        lone = not ((everywhere <= TOLERANCE_M) & ~own & ~twin).any() or captures.day[query] == 0
        removed = (own if lone else own | twin)[ids]
    yield ~removed, True, lone
    yield error > ELSEWHERE_M, False, lone


def fit(
    plain: Sequence[CalibrationParams | None],
    present: Sequence[Trial],
    absent: Sequence[Trial],
    lone: bool,
    enough: int,
) -> list[CalibrationParams]:
    """The params under which the trials were most likely, one for each `plain` of their pool.

    Areas are wider where it rests on one day.
    """
    both = [*present, *absent]
    wrong = np.concatenate([np.log1p(t.inliers[t.error_m > ELSEWHERE_M]) for t in both])
    usual = float(np.nanmean(wrong)) if np.isfinite(wrong).any() else 0.0
    kernel_m = max(_kernel_m(present), LONE_KERNEL_M if lone else LEAST_KERNEL_M)
    params = replace(DEFAULT, usual=usual, kernel_m=kernel_m)
    params = _fit_scores(present, params, with_inliers=bool(np.isfinite(wrong).any()))
    columns = np.array(
        [_columns(t.plain, evidence(t.similarities, t.positions, t.scores(params), t.inliers)) for t in both]
    )
    truth = np.array([trial.present for trial in both], float)
    learned = _logistic(columns, truth, np.where(truth > 0, 1.0, ABSENT))
    params = _with_coverage(params, present, lone, enough)
    return [_with_coefficients(params, learned, one) for one in plain]


def _columns(plain: CalibrationParams | None, evidence: Evidence) -> list[float]:
    """What P(in this index) is learned from: similarity and level, or what `plain` makes of them."""
    if plain is None:
        return [evidence.similarity, evidence.level, evidence.margin, evidence.agreement]
    plain_logit = plain.intercept + plain.similarity * evidence.similarity + plain.level * evidence.level
    return [plain_logit, evidence.margin, evidence.agreement]


def _with_coefficients(
    params: CalibrationParams, learned: Sequence[float], plain: CalibrationParams | None
) -> CalibrationParams:
    """With the coefficients [intercept, *slopes] of `_columns`."""
    intercept, *slopes = learned
    if plain is None:
        similarity, level, margin, agreement = slopes
    else:
        share, margin, agreement = slopes
        intercept, similarity = intercept + share * plain.intercept, share * plain.similarity
        level = share * plain.level
    return replace(
        params, intercept=intercept, similarity=similarity, margin=margin, level=level, agreement=agreement
    )


def _fit_scores(trials: Sequence[Trial], start: CalibrationParams, with_inliers: bool) -> CalibrationParams:
    """Temperature and slope of the inliers that maximise the mean log belief near the truth.

    Of the slopes, the least that is not worse than the best by more than one standard error: the trials are
    few, and water that the search was not told of fools inliers.
    """
    size = max(len(trial.similarities) for trial in trials)
    similarities = np.stack([_padded(t.similarities, size, -np.inf) for t in trials])
    inliers = np.stack([_padded(t.inliers, size, np.nan) for t in trials])
    near = np.stack([_padded(t.error_m, size, np.inf) for t in trials]) <= TOLERANCE_M

    def likelihoods(params: CalibrationParams) -> Floats:
        scores = similarities / params.temperature + params.likelihood(inliers)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        held = np.where(near, weights, 0.0).sum(axis=1) / weights.sum(axis=1)
        return np.asarray(np.log(held + 1e-3))

    def best_with(slope: float) -> tuple[CalibrationParams, Floats]:
        tried = (replace(start, temperature=float(t), inliers=slope) for t in np.geomspace(0.005, 0.2, 25))
        return max(((params, likelihoods(params)) for params in tried), key=lambda one: float(one[1].mean()))

    found = [best_with(slope) for slope in (SLOPES if with_inliers else (0.0,))]
    best = max((likely for _, likely in found), key=lambda likely: float(likely.mean()))
    gaps = ((params, best - likely) for params, likely in found)
    return next(params for params, gap in gaps if gap.mean() <= gap.std() / np.sqrt(len(trials)))


def _padded(values: Floats, size: int, filling: float) -> Floats:
    return np.pad(values, (0, size - len(values)), constant_values=filling)


def _kernel_m(trials: Sequence[Trial]) -> float:
    """Standard deviation an axis of the right first candidates, from the median: a few are far off."""
    errors = np.array([trial.error_m[0] for trial in trials if trial.error_m[0] <= ELSEWHERE_M])
    return float(np.median(errors) / MEDIAN) if len(errors) else DEFAULT.kernel_m


def _with_coverage(
    params: CalibrationParams, trials: Sequence[Trial], lone: bool, enough: int
) -> CalibrationParams:
    """With areas that hold the truth in as many trials as they promise, the sure ones and the others."""
    needed, sure = np.array([_belief_needed(trial, params) for trial in trials]).T
    photos = len(trials) / len({trial.place for trial in trials})
    every, sure = _coverage(needed, photos, lone), sure > 0
    apart = min(sure.sum(), (~sure).sum()) >= enough * photos
    if not apart:
        return replace(params, coverage=every, sure_coverage=every)
    doubtful, certain = (_coverage(needed[some], photos, lone) for some in (~sure, sure))
    return replace(params, coverage=doubtful, sure_coverage=certain)


def _coverage(needed: Floats, photos: float, lone: bool) -> ConformalKnots:
    """How much belief areas must hold, so that they hold the truth in each of SHARES of the trials.

    `photos` of one place count as one independent trial. Where places were seen on one day only, areas get
    two standard deviations more.
    """
    needed, count = np.sort(needed), max(len(needed) / photos, 1)
    knots: list[tuple[float, float]] = []
    for share in SHARES:
        wider = 2 * np.sqrt(share * (1 - share) / count) if lone else 0.0
        rank = int(np.ceil((len(needed) + 1) * min(share + wider, 1.0))) - 1
        belief = float(needed[min(rank, len(needed) - 1)])
        if (knots[-1][0] if knots else 0.0) < belief < 1.0:
            knots.append((belief, share))
    return tuple(knots)


def _belief_needed(trial: Trial, params: CalibrationParams) -> tuple[float, bool]:
    """Belief of the most probable cells up to and with the one that holds the truth, 1 if none does; and
    whether one place holds nearly all.
    """
    origin = LatLon(*trial.positions[0])
    weights = posterior(trial.scores(params), params.temperature)
    _, ground = belief_map(to_local(trial.positions, origin), weights, params)
    away = np.abs(ground.centres - to_local(trial.truth[None], origin)[0]).max(axis=1)
    inside = np.flatnonzero(away <= ground.size_m / 2)
    return float(ground.held[inside[0]]) if len(inside) else 1.0, ground.sure


def _logistic(columns: Floats, truth: Floats, weights: Floats, penalty: float = 1.0) -> list[float]:
    """Logistic regression by Newton's method on standardised columns, ridge on the slopes; returns
    [intercept, *slopes] in the columns' own units. A column that never varies has slope 0.
    """
    mean, deviation = columns.mean(axis=0), columns.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, np.inf)
    x = np.column_stack([np.ones(len(columns)), (columns - mean) / scale])
    ridge = np.diag([0.0, *[penalty] * columns.shape[1]])
    w = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ w, -30, 30)))
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + ridge + 1e-9 * np.eye(len(w))
        w = w + np.linalg.solve(hessian, x.T @ (weights * (truth - p)) - ridge @ w)
    slopes = w[1:] / scale
    return [float(w[0] - slopes @ mean), *map(float, slopes)]
