"""Calibration without labels: references play queries, first with their place present, then with it gone.

A reference knows where it was taken. So it can be made into a query photo (see `pseudo_queries`) and
searched with its own capture removed (is the place found among the others, how far off, on what evidence?)
and with everything near removed: then it is a stranger. So are the outsiders, pictures that are nobody's
city. From these trials come the numbers of CalibrationParams, as the likeliest under a prior that all
known indexes share. Labelled queries refine them the same way.

Waterlines share all numbers but the coverage of areas: it is one mechanism, and what was told of the water
shows in the evidence itself. Decision 064 has the model and its figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from geoflood.core.datatypes import LatLon, Vectors
from geoflood.core.geo import distance_m, to_local
from geoflood.database.calibration import (
    CalibrationEntry,
    CalibrationKey,
    CalibrationParams,
    Coefficients,
    ConformalKnots,
    Evidence,
    Weakness,
)
from geoflood.database.captures import Captures
from geoflood.localize.calibration.prior import Prior
from geoflood.localize.fusion import ELSEWHERE_M, TOLERANCE_M, belief_map, evidence, posterior

__all__ = ["DEPTH", "RERANKED", "Counts", "Group", "RehearsalQueries", "calibrate"]

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = Callable[[int, NDArray[np.int64], Floats], Floats]
"""(number of the query, ids of references [n], their similarities [n]) -> inliers [n], NaN: not counted."""

DEPTH = 256
"""Candidates a trial looks at, as many as fusion does."""
REMOVED = 256
"""More that are searched for, since what is removed comes out of them."""
RERANKED = 20
"""Candidates of a trial that are re-ranked, as many as of a photo."""
LEAST_KERNEL_M = 1.0
"""Where the captures of several days agree, geotags are worth what they say of each other; """
LONE_KERNEL_M = 8.0
"""captures of one day share their errors, and nothing is known about them."""
GAPS_M = (0.0, 6.0, 12.0, 18.0, 30.0)
"""Where most places were seen once, references so near a trial's own are removed with it, turn by turn. Its
neighbours on the street stand nearer and look more alike than any photo that people take."""
MEDIAN = 1.177
"""Distance within which half of a bell in the plane lies, in standard deviations."""
ABSENT = 1 / 3
"""What a trial without the place weighs: photos from somewhere else are the rarer case, one in four."""
SHARES = (0.5, 0.7, 0.8, 0.9, 0.95)
"""At which the areas are held to their promise."""
TEMPERATURES = tuple(np.geomspace(0.008, 0.16, 19).tolist())
SLOPES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
"""Of inliers, see `CalibrationParams.inliers`, that are tried."""
NEAR_BAND = 0.075
"""A trial's waterline is a band's when it is this near, a share of the height."""


class Group(NamedTuple):
    """What a search may know of the waterline."""

    key: CalibrationKey
    belief: NDArray[np.float32]
    """Over the bands."""


class VectorSearch(Protocol):
    """As geoflood.database.vectors.VectorStore."""

    def search(
        self, queries: Vectors, belief: NDArray[np.float32], k: int
    ) -> tuple[Vectors, NDArray[np.int64]]: ...


class OutsidersLike(Protocol):
    """As geoflood.localize.outsiders.Outsiders."""

    def similarity(self, query: Vectors, belief: NDArray[np.float32], without: int = -1) -> float: ...


@dataclass(frozen=True, eq=False)
class RehearsalQueries:
    """T queries whose places are known, or which have none in any city."""

    descriptors: Vectors
    """[T, bands, D]."""
    positions: Floats
    """[T, 2] (lat, lon); NaN for an outsider."""
    waterline: Floats
    """[T] share of the height under water."""
    untold: NDArray[np.float32]
    """[T, bands] what a search believes that is not told: the photo may show its waterline."""
    reference: NDArray[np.int64]
    """[T] the reference that plays the query, whose own capture must not be found; -1: a labelled query."""
    outsider: NDArray[np.int64]
    """[T] number of the outsider, -1 for a query that has a place."""
    counts: Counts | None = None
    """What re-ranking would count; None: the calibration is for searches without it."""

    def __len__(self) -> int:
        """T."""
        return len(self.positions)


@dataclass(frozen=True, eq=False)
class Trial:
    """One query's candidates, most similar first, with what must not be found removed."""

    query: int
    similarities: Floats
    inliers: Floats
    """NaN where not counted."""
    positions: Floats
    error_m: Floats
    """From the truth, a candidate each; infinite for an outsider."""
    truth: Floats
    """[2] (lat, lon)."""
    present: bool
    """A reference within reach shows the place."""
    stranger: bool
    """None shows it: the place was removed, or there is none."""
    lone: bool
    """The place was seen on one day only."""
    outsiders: float
    """Similarity of the outsiders most alike."""

    @property
    def place(self) -> tuple[float, ...]:
        """The same for all trials of one place, whatever water it stands in."""
        return tuple(self.truth.tolist())

    def scores(self, params: CalibrationParams) -> Floats:
        """Log likelihoods of the candidates, inliers included."""
        return self.similarities / params.temperature + params.likelihood(self.inliers)

    def evidence(self, params: CalibrationParams) -> Evidence:
        """As fusion sees it."""
        scores = self.scores(params)
        return evidence(self.similarities, self.positions, scores, self.inliers, self.outsiders, params.usual)


def calibrate(
    store: VectorSearch,
    captures: Captures,
    queries: RehearsalQueries,
    outsiders: OutsidersLike,
    groups: Sequence[Group],
    prior: Prior,
    enough: int,
    told: Callable[[int, int], object] = lambda done, total: None,
) -> dict[CalibrationKey, CalibrationEntry]:
    """Numbers for the manifest: an entry for each group; `told` hears of each search, and of how many.

    The trials of a group are the queries under about its waterline. Where they show fewer than `enough`
    places, all entries are the prior's means, and say so.
    """
    total, searches = sum(len(_members(queries, group)) for group in groups), count(1)

    def searched() -> None:
        told(next(searches), total)

    trials = {
        group.key: list(_group_trials(store, captures, queries, outsiders, group, searched))
        for group in groups
    }
    every = [trial for some in trials.values() for trial in some]
    present = [trial for trial in every if trial.present]
    places = len({trial.place for trial in present})
    if min(places, len(every) - len(present)) < enough:
        few = CalibrationEntry(prior.params, len(present), places, Weakness.FEW_PLACES)
        return dict.fromkeys(trials, few)
    lone = sum(trial.lone for trial in present) > len(present) / 2
    params = fit(every, prior, lone)
    weakness = Weakness.ONE_DAY if lone else None
    entries: dict[CalibrationKey, CalibrationEntry] = {}
    for pool in _pools(groups):
        seen = [trial for key in pool for trial in trials[key] if trial.present]
        covered = _with_coverage(params, seen if len(seen) >= enough else present, enough)
        entries |= dict.fromkeys(pool, CalibrationEntry(covered, len(present), places, weakness))
    return entries


def _pools(groups: Sequence[Group]) -> list[list[CalibrationKey]]:
    """Untold searches, and all that were told a waterline."""
    untold = [group.key for group in groups if group.key.band is None]
    told = [group.key for group in groups if group.key.band is not None]
    return [pool for pool in (untold, told) if pool]


def _members(queries: RehearsalQueries, group: Group) -> list[int]:
    """Numbers of the queries that are searched for in a group."""
    fits = np.ones(len(queries), bool)
    if group.key.band is not None:  # what is told of a dry photo says the least: it is tried untold alone
        away = np.abs(queries.waterline - group.key.band / 100)
        fits = (away <= NEAR_BAND) & (queries.waterline > 0)
    chosen: list[int] = np.flatnonzero(fits).tolist()
    return chosen


def _group_trials(
    store: VectorSearch,
    captures: Captures,
    queries: RehearsalQueries,
    outsiders: OutsidersLike,
    group: Group,
    searched: Callable[[], object] = lambda: None,
) -> Iterator[Trial]:
    for i in _members(queries, group):
        belief = queries.untold[i] if group.key.band is None else group.belief
        similarities, ids = store.search(queries.descriptors[i : i + 1], belief, DEPTH + REMOVED)
        alike = outsiders.similarity(queries.descriptors[i], belief, int(queries.outsider[i]))
        yield from _trials(captures, queries, i, similarities[0], ids[0], alike)
        searched()


def _trials(
    captures: Captures,
    queries: RehearsalQueries,
    i: int,
    similarities: Vectors,
    ids: NDArray[np.int64],
    outsiders: float,
) -> Iterator[Trial]:
    known = (ids >= 0) & np.isfinite(similarities)
    for kept, stranger, lone in _removals(captures, queries, i, ids):
        chosen = np.flatnonzero(kept & known)[:DEPTH]
        if not len(chosen):
            continue
        error = np.full(len(chosen), np.inf)
        if queries.outsider[i] < 0:
            error = distance_m(captures.positions[ids[chosen]], queries.positions[i])
        inliers, s = np.full(len(chosen), np.nan), similarities[chosen].astype(float)
        if queries.counts is not None:
            inliers[:RERANKED] = queries.counts(i, ids[chosen[:RERANKED]], s[:RERANKED])
        present = not stranger and bool((error <= TOLERANCE_M).any())
        spots = captures.positions[ids[chosen]]
        yield Trial(i, s, inliers, spots, error, queries.positions[i], present, stranger, lone, outsiders)


def _removals(
    captures: Captures, queries: RehearsalQueries, i: int, ids: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.bool_], bool, bool]]:
    """(which candidates stay, whether the photo is a stranger then, and its place seen on one day only)."""
    if queries.outsider[i] >= 0:
        yield np.ones(len(ids), bool), True, False
        return
    error = distance_m(captures.positions[ids], queries.positions[i])
    query = int(queries.reference[i])
    removed, lone = np.zeros(len(ids), bool), False
    if query >= 0:
        everywhere = distance_m(captures.positions, queries.positions[i])
        own = captures.image == captures.image[query]
        twin = (captures.day == captures.day[query]) & (captures.day[query] > 0) & (everywhere <= ELSEWHERE_M)
        # Another day's capture of the place is the honest test; with a single pass its neighbours must do.
        lone = not ((everywhere <= TOLERANCE_M) & ~own & ~twin).any() or captures.day[query] == 0
        near = everywhere <= GAPS_M[i // 2 % len(GAPS_M)]
        removed = (own | near if lone else own | twin)[ids]
    yield ~removed, False, lone
    yield error > ELSEWHERE_M, True, lone


def fit(trials: Sequence[Trial], prior: Prior, lone: bool) -> CalibrationParams:
    """The params under which the trials are likeliest, given the prior.

    A photo weighs the same however many searches it was tried in.
    """
    present = [trial for trial in trials if trial.present]
    query, stranger = (np.array([getattr(trial, name) for trial in trials]) for name in ("query", "stranger"))
    searches = np.maximum(np.bincount(query, stranger), np.bincount(query, ~stranger))
    weight = 1 / searches[query]
    there = np.array([trial.present for trial in trials])
    kernel_m = max(_kernel_m(present, prior), LONE_KERNEL_M if lone else LEAST_KERNEL_M)
    params = replace(prior.params, kernel_m=kernel_m, usual=_usual(trials, prior.params.usual))
    params = _fit_scores(present, weight[there], params, prior)
    columns = np.array([trial.evidence(params) for trial in trials])
    error_m = np.array([trial.error_m[trial.scores(params).argmax()] for trial in trials])
    near, right = error_m <= ELSEWHERE_M, error_m <= TOLERANCE_M
    weight = weight * np.where(stranger, ABSENT, 1.0)
    asked = there | stranger  # the rest lies at the edge of what the index shows: neither inside nor out
    start = prior.params
    return replace(
        params,
        place=_logistic(columns, near, weight, start.place, prior.place),
        spot=_logistic(columns[near], right[near], weight[near], start.spot, prior.spot),
        inside=_logistic(columns[asked], there[asked], weight[asked], start.inside, prior.inside),
    )


def _usual(trials: Sequence[Trial], otherwise: float) -> float:
    """Mean log(1 + inliers) of wrong candidates."""
    wrong = np.concatenate([np.log1p(trial.inliers[trial.error_m > ELSEWHERE_M]) for trial in trials])
    return float(np.nanmean(wrong)) if np.isfinite(wrong).any() else otherwise


def _fit_scores(
    trials: Sequence[Trial], weights: Floats, start: CalibrationParams, prior: Prior
) -> CalibrationParams:
    """Temperature and slope of the inliers that are likeliest, by the belief near the truth and the prior."""
    size = max(len(trial.similarities) for trial in trials)
    similarities = np.stack([_padded(t.similarities, size, -np.inf) for t in trials])
    near = np.stack([_padded(t.error_m, size, np.inf) for t in trials]) <= TOLERANCE_M

    def likelihood(params: CalibrationParams, ratios: Floats) -> float:
        scores = similarities / params.temperature + ratios
        belief = np.exp(scores - scores.max(axis=1, keepdims=True))
        held = np.where(near, belief, 0.0).sum(axis=1) / belief.sum(axis=1)
        warmer = np.log(params.temperature / prior.params.temperature) / prior.log_temperature
        steeper = (params.inliers - prior.params.inliers) / prior.inliers
        return float(weights @ np.log(held + 1e-3) - (warmer**2 + steeper**2) / 2)

    tried = []
    counted = any(np.isfinite(trial.inliers).any() for trial in trials)
    for slope in SLOPES if counted else (0.0,):
        sloped = replace(start, inliers=slope)
        ratios = np.stack([_padded(sloped.likelihood(t.inliers), size, 0.0) for t in trials])
        for temperature in TEMPERATURES:
            params = replace(sloped, temperature=temperature)
            tried.append((likelihood(params, ratios), params))
    return max(tried, key=lambda one: one[0])[1]


def _padded(values: Floats, size: int, filling: float) -> Floats:
    return np.pad(values, (0, size - len(values)), constant_values=filling)


def _kernel_m(trials: Sequence[Trial], prior: Prior) -> float:
    """Standard deviation an axis of the right first candidates, from the median: a few are far off."""
    errors = np.array([trial.error_m[0] for trial in trials if trial.error_m[0] <= ELSEWHERE_M])
    return float(np.median(errors) / MEDIAN) if len(errors) else prior.params.kernel_m


def _with_coverage(params: CalibrationParams, trials: Sequence[Trial], enough: int) -> CalibrationParams:
    """With areas that hold the truth in as many trials as they promise, the sure ones and the others."""
    needed, sure = np.array([_belief_needed(trial, params) for trial in trials]).T
    photos = len(trials) / len({trial.place for trial in trials})
    every, sure = _coverage(needed), sure > 0
    apart = min(sure.sum(), (~sure).sum()) >= enough * photos
    if not apart:
        return replace(params, coverage=every, sure_coverage=every)
    doubtful, certain = (_coverage(needed[some]) for some in (~sure, sure))
    return replace(params, coverage=doubtful, sure_coverage=certain)


def _coverage(needed: Floats) -> ConformalKnots:
    """How much belief areas must hold, so that they hold the truth in each of SHARES of the trials.

    Split conformal prediction (Vovk et al. 2005).
    """
    needed, knots = np.sort(needed), list[tuple[float, float]]()
    for share in SHARES:
        rank = min(int(np.ceil((len(needed) + 1) * share)), len(needed)) - 1
        if (knots[-1][0] if knots else 0.0) < (belief := float(needed[rank])) < 1.0:
            knots.append((belief, share))
    return tuple(knots)


def _belief_needed(trial: Trial, params: CalibrationParams) -> tuple[float, bool]:
    """Belief of the most probable cells up to and with the one that holds the truth, 1 if none does; and
    whether one place holds nearly all.
    """
    origin = LatLon(*trial.positions[0])
    weights = posterior(trial.scores(params))
    _, ground = belief_map(to_local(trial.positions, origin), weights, params)
    away = np.abs(ground.centres - to_local(trial.truth[None], origin)[0]).max(axis=1)
    inside = np.flatnonzero(away <= ground.size_m / 2)
    return float(ground.held[inside[0]]) if len(inside) else 1.0, ground.sure


def _logistic(
    columns: Floats, truth: NDArray[np.bool_], weights: Floats, mean: Coefficients, spread: Coefficients
) -> Coefficients:
    """Logistic regression over evidence [n, 5] with normal priors on its coefficients, slopes >= 0.

    A slope whose spread is 0 stays at its mean: that evidence does not exist in this kind of search.
    """
    x = np.column_stack([np.ones(len(columns)), columns])
    centre, free = np.array(mean), np.array(spread) > 0
    scale = np.where(free, np.array(spread), 1.0)

    def loss(w: Floats) -> tuple[float, Floats]:
        z, off = x @ w, (w - centre) / scale
        residual = weights * (1 / (1 + np.exp(-np.clip(z, -500, 500))) - truth)
        value = weights @ np.logaddexp(0, np.where(truth, -z, z)) + off @ off / 2
        return float(value), np.where(free, x.T @ residual + off / scale, 0.0)

    bounds = [(None, None)] + [(0.0, None)] * columns.shape[1]
    return Coefficients(*minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds).x.tolist())
