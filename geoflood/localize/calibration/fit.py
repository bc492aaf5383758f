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
"""Of inliers, see `Trust.inliers`, that are tried."""
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

    def scores(self, trust: CalibrationParams) -> Floats:
        """Similarities with the inliers' evidence added."""
        return self.similarities + trust.temperature * trust.likelihood(self.inliers)


def calibrate(
    store: VectorSearch,
    captures: Captures,
    asked: RehearsalQueries,
    pools: Sequence[Sequence[Group]],
    enough: int,
) -> dict[CalibrationKey, CalibrationEntry]:
    """Numbers for the manifest: for each group a Trust, and the trials it rests on.

    The trials of a group are the queries under about its waterline; those of a pool are learned from
    together, where they have `enough` places. `weak` says why a city cannot calibrate itself well; its areas
    are wider then.
    """
    trials: list[list[Trial]] = [[] for _ in pools]
    searched = [
        (found, group, *_searched(store, asked, group))
        for found, pool in zip(trials, pools, strict=True)
        for group in pool
    ]
    for i in range(len(asked)):  # a query at a time, so that references compared with it are read once
        for found, group, row, similarities, ids in searched:
            if row[i] >= 0:
                found += _trials(captures, asked, i, group, similarities[row[i]], ids[row[i]])
    learned = [_learned(pool, found, enough) for pool, found in zip(pools, trials, strict=True)]
    return {key: entry for one in learned for key, entry in one.items()}


def _searched(
    store: VectorSearch, asked: RehearsalQueries, group: Group
) -> tuple[NDArray[np.int64], Vectors, NDArray[np.int64]]:
    """Row of each query [T] in what was found, -1 for those of another waterline; similarities; ids."""
    meant = np.ones(len(asked), bool)
    if group.key.band is not None:
        meant = np.abs(asked.waterline - group.key.band / 100) <= NEAR_BAND
    row = np.where(meant, np.cumsum(meant) - 1, -1)
    if not meant.any():
        return row, np.empty((0, 0), np.float32), np.empty((0, 0), np.int64)
    return row, *store.search(asked.descriptors[meant], group.belief, DEPTH + REMOVED)


def _learned(
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
    asked: RehearsalQueries,
    i: int,
    group: Group,
    similarities: Vectors,
    ids: NDArray[np.int64],
) -> Iterator[Trial]:
    known = (ids >= 0) & np.isfinite(similarities)
    for kept, present, lone in _kinds(captures, asked, i, ids):
        chosen = np.flatnonzero(kept & known)[:DEPTH]
        error = distance_m(captures.positions[ids[chosen]], asked.positions[i])
        if not len(chosen) or (present and not (error <= TOLERANCE_M).any()):
            continue
        inliers = np.full(len(chosen), np.nan)
        if asked.counts is not None:
            told = None if group.key.band is None else group.belief
            inliers[:RERANKED] = asked.counts(i, told, ids[chosen[:RERANKED]])
        spots, s = captures.positions[ids[chosen]], similarities[chosen].astype(float)
        yield Trial(s, inliers, spots, error, asked.positions[i], present, lone, group.plain)


def _kinds(
    captures: Captures, asked: RehearsalQueries, i: int, ids: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.bool_], bool, bool]]:
    """(which candidates stay, whether the place does, whether it was seen on one day only)."""
    error = distance_m(captures.positions[ids], asked.positions[i])
    query = int(asked.reference[i])
    removed, lone = np.zeros(len(ids), bool), False
    if query >= 0:
        everywhere = distance_m(captures.positions, asked.positions[i])
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
    """The Trust under which the trials were most likely, one for each `plain` of their pool.

    Areas are wider where it rests on one day.
    """
    both = [*present, *absent]
    wrong = np.concatenate([np.log1p(t.inliers[t.error_m > ELSEWHERE_M]) for t in both])
    usual = float(np.nanmean(wrong)) if np.isfinite(wrong).any() else 0.0
    kernel_m = max(_kernel_m(present), LONE_KERNEL_M if lone else LEAST_KERNEL_M)
    trust = replace(DEFAULT, usual=usual, kernel_m=kernel_m)
    trust = _sharpest(present, trust, with_inliers=bool(np.isfinite(wrong).any()))
    seen = [evidence(t.similarities, t.positions, t.scores(trust), t.inliers) for t in both]
    columns = np.array([_columns(t.plain, one) for t, one in zip(both, seen, strict=True)])
    truth = np.array([trial.present for trial in both], float)
    learned = _logistic(columns, truth, np.where(truth > 0, 1.0, ABSENT))
    trust = _covering(trust, present, lone, enough)
    return [_judging(trust, learned, one) for one in plain]


def _columns(plain: CalibrationParams | None, seen: Evidence) -> list[float]:
    """What P(in this index) is learned from: similarity and level, or what `plain` makes of them."""
    if plain is None:
        return [seen.similarity, seen.level, seen.margin, seen.agreement]
    said = plain.intercept + plain.similarity * seen.similarity + plain.level * seen.level
    return [said, seen.margin, seen.agreement]


def _judging(
    trust: CalibrationParams, learned: Sequence[float], plain: CalibrationParams | None
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
        trust, intercept=intercept, similarity=similarity, margin=margin, level=level, agreement=agreement
    )


def _sharpest(trials: Sequence[Trial], start: CalibrationParams, with_inliers: bool) -> CalibrationParams:
    """Temperature and slope of the inliers that maximise the mean log belief near the truth.

    Of the slopes, the least that is not worse than the best by more than one standard error: the trials are
    few, and water that nobody told of fools inliers.
    """
    size = max(len(trial.similarities) for trial in trials)
    similarities = np.stack([_filled(t.similarities, size, -np.inf) for t in trials])
    inliers = np.stack([_filled(t.inliers, size, np.nan) for t in trials])
    near = np.stack([_filled(t.error_m, size, np.inf) for t in trials]) <= TOLERANCE_M

    def likelihoods(trust: CalibrationParams) -> Floats:
        scores = similarities / trust.temperature + trust.likelihood(inliers)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        held = np.where(near, weights, 0.0).sum(axis=1) / weights.sum(axis=1)
        return np.asarray(np.log(held + 1e-3))

    def at_its_best(slope: float) -> tuple[CalibrationParams, Floats]:
        tried = (replace(start, temperature=float(t), inliers=slope) for t in np.geomspace(0.005, 0.2, 25))
        return max(((trust, likelihoods(trust)) for trust in tried), key=lambda one: float(one[1].mean()))

    found = [at_its_best(slope) for slope in (SLOPES if with_inliers else (0.0,))]
    best = max((likely for _, likely in found), key=lambda likely: float(likely.mean()))
    gaps = ((trust, best - likely) for trust, likely in found)
    return next(trust for trust, gap in gaps if gap.mean() <= gap.std() / np.sqrt(len(trials)))


def _filled(values: Floats, size: int, filling: float) -> Floats:
    return np.pad(values, (0, size - len(values)), constant_values=filling)


def _kernel_m(trials: Sequence[Trial]) -> float:
    """Standard deviation an axis of the right first candidates, from the median: a few are far off."""
    errors = np.array([trial.error_m[0] for trial in trials if trial.error_m[0] <= ELSEWHERE_M])
    return float(np.median(errors) / MEDIAN) if len(errors) else DEFAULT.kernel_m


def _covering(
    trust: CalibrationParams, trials: Sequence[Trial], lone: bool, enough: int
) -> CalibrationParams:
    """With areas that hold the truth in as many trials as they promise, the sure ones and the others."""
    needed, sure = np.array([_needed(trial, trust) for trial in trials]).T
    photos = len(trials) / len({trial.place for trial in trials})
    every, sure = _coverage(needed, photos, lone), sure > 0
    apart = min(sure.sum(), (~sure).sum()) >= enough * photos
    if not apart:
        return replace(trust, coverage=every, sure_coverage=every)
    doubtful, certain = (_coverage(needed[some], photos, lone) for some in (~sure, sure))
    return replace(trust, coverage=doubtful, sure_coverage=certain)


def _coverage(needed: Floats, photos: float, lone: bool) -> ConformalKnots:
    """How much belief the areas must hold so as to hold the truth in each of SHARES of the trials.

    `photos` of a place are one trial to chance. Where places were seen on one day only, two standard
    deviations more.
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


def _needed(trial: Trial, trust: CalibrationParams) -> tuple[float, bool]:
    """Belief of the most probable cells up to and with the one that holds the truth, 1 if none does; and
    whether one place holds nearly all.
    """
    origin = LatLon(*trial.positions[0])
    weights = posterior(trial.scores(trust), trust.temperature)
    _, ground = belief_map(to_local(trial.positions, origin), weights, trust)
    away = np.abs(ground.centres - to_local(trial.truth[None], origin)[0]).max(axis=1)
    inside = np.flatnonzero(away <= ground.size_m / 2)
    return float(ground.held[inside[0]]) if len(inside) else 1.0, ground.sure


def _logistic(seen: Floats, truth: Floats, weights: Floats, penalty: float = 1.0) -> list[float]:
    """Logistic regression by Newton's method on standardised columns, ridge on the slopes; returns
    [intercept, *slopes] in the columns' own units. A column that never varies has slope 0.
    """
    mean, belief_map = seen.mean(axis=0), seen.std(axis=0)
    scale = np.where(belief_map > 1e-9, belief_map, np.inf)
    x = np.column_stack([np.ones(len(seen)), (seen - mean) / scale])
    ridge = np.diag([0.0, *[penalty] * seen.shape[1]])
    w = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ w, -30, 30)))
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + ridge + 1e-9 * np.eye(len(w))
        w = w + np.linalg.solve(hessian, x.T @ (weights * (truth - p)) - ridge @ w)
    slopes = w[1:] / scale
    return [float(w[0] - slopes @ mean), *map(float, slopes)]
