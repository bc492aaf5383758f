"""What trials teach: few of them little, many of them the index's own numbers, and a leak nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from geoflood.core.datatypes import Estimate, LatLon
from geoflood.core.geo import distance_m, from_local, to_local
from geoflood.database.calibration import (
    CalibrationEntry,
    CalibrationKey,
    CalibrationParams,
    Evidence,
    Weakness,
)
from geoflood.database.captures import Captures
from geoflood.localize.calibration import fit
from geoflood.localize.calibration.fit import Counts, Group, RehearsalQueries, Trial, calibrate
from geoflood.localize.calibration.prior import PRIOR, RERANKED_PRIOR
from geoflood.localize.calibration.rehearsal_plan import RehearsalPlan
from geoflood.localize.fusion import fused
from geoflood.localize.outsiders import Outsiders

HOME = LatLon(52.2, 0.12)
SIZE = 64
"""Of a descriptor."""


class Store:
    """Exact search over given vectors [N, D], one band."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors.astype(np.float32)

    def search(self, queries: np.ndarray, belief: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        similarities = (queries * belief[:, None]).reshape(len(queries), -1) @ self.vectors.T
        ids = np.argsort(-similarities, axis=1)[:, :k]
        return np.take_along_axis(similarities, ids, axis=1), ids

    def rows(self, ids: np.ndarray) -> np.ndarray:
        return self.vectors[ids][:, None]


def drawn(
    rng: np.random.Generator, places: np.ndarray, noise: float, level: np.ndarray | float
) -> np.ndarray:
    """Unit descriptors [n, SIZE] of places [n, SIZE], each as alike to everything as its level says."""
    rows = places + noise * rng.normal(size=places.shape)
    rows[:, 0] += 8 * np.asarray(level)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def town(captures: int, noise: float, level: float = 0.0) -> tuple[Store, Captures]:
    """100 places 60 m apart, each seen on `captures` days within 5 m."""
    rng = np.random.default_rng(0)
    vectors = drawn(rng, np.repeat(rng.normal(size=(100, SIZE)), captures, axis=0), noise, level)
    grid = np.stack(np.meshgrid(np.arange(10), np.arange(10)), 2).reshape(-1, 2) * 60.0
    where = from_local(
        np.repeat(grid, captures, axis=0) + rng.normal(scale=3, size=(100 * captures, 2)), HOME
    )
    days = np.tile(np.arange(captures) * 365 + 730000, 100)
    return Store(vectors), Captures(where, np.arange(100 * captures), days, np.zeros(len(where), np.float32))


def strangers(count: int, seed: int, least: float = 0.0, most: float = 0.0) -> np.ndarray:
    """Descriptors [n, 1, SIZE] of places that no town has, of levels between two."""
    rng = np.random.default_rng(seed)
    return drawn(rng, rng.normal(size=(count, SIZE)), 0.5, rng.uniform(least, most, count))[:, None]


UNTOLD = CalibrationKey(None)
ALL = [Group(UNTOLD, np.ones(1, np.float32))]
ENOUGH = RehearsalPlan().enough
NOBODYS = strangers(40, 7)


def asked(
    store: Store, captures: Captures, counts: Counts | None = None, nobodys: np.ndarray = NOBODYS
) -> RehearsalQueries:
    """Every third reference plays a query, dry, and so does every outsider."""
    ids, none = np.arange(0, len(store.vectors), 3), np.full(len(nobodys), -1)
    return RehearsalQueries(
        np.concatenate([store.rows(ids), nobodys]),
        np.concatenate([captures.positions[ids], np.full((len(nobodys), 2), np.nan)]),
        np.zeros(len(ids) + len(nobodys)),
        np.ones((len(ids) + len(nobodys), 1), np.float32),
        np.concatenate([ids, none]),
        np.concatenate([np.full(len(ids), -1), np.arange(len(nobodys))]),
        counts,
    )


def learned(
    store: Store, captures: Captures, counts: Counts | None = None, **more: object
) -> CalibrationEntry:
    prior = RERANKED_PRIOR if counts else PRIOR
    queries = replace(asked(store, captures, counts), **more)
    return calibrate(store, captures, queries, Outsiders(NOBODYS), ALL, prior, ENOUGH)[UNTOLD]


def test_present_is_told_from_absent() -> None:
    params = learned(*town(3, 0.4)).params
    assert params.inside.logit(Evidence(3.0, apart=0.5)) > 2
    assert params.inside.logit(Evidence(0.5, apart=0.05)) < -1
    assert 3 <= params.kernel_m <= 5  # two geotags, each off by 3 m an axis
    assert (params.inliers, *params.place[2:5], *params.inside[2:5]) == (0,) * 7, "none were counted"


def test_a_noisier_city_is_less_sure() -> None:
    assert learned(*town(3, 1.5)).params.temperature > learned(*town(3, 0.3)).params.temperature


def answer(
    store: Store,
    taken: Captures,
    params: CalibrationParams,
    outsiders: Outsiders,
    query: np.ndarray,
    without: int = -1,
) -> Estimate:
    """What a search for a query [1, SIZE] says; one reference must not be found."""
    similarities, ids = (row[0] for row in store.search(query[None], np.ones(1), 256))
    kept = ids != without
    alike = outsiders.similarity(query, np.ones(1))
    return fused(similarities[kept].astype(float), taken.positions[ids[kept]], params, outsiders=alike)


def test_areas_and_probabilities_hold_for_queries_it_has_not_seen() -> None:
    store, taken = town(4, 1.2)
    params, outsiders = learned(store, taken).params, Outsiders(NOBODYS)
    held, right, said = [], [], []
    for query in range(1, len(store.vectors), 3):
        found = answer(store, taken, params, outsiders, store.vectors[query][None], query)
        cells = found.cells(0.9)
        away = to_local([(c.centre.lat, c.centre.lon) for c in cells], LatLon(*taken.positions[query]))
        held.append((np.abs(away).max(axis=1) <= cells[0].size_m / 2).any())
        right.append(distance_m((found.position.lat, found.position.lon), taken.positions[query]) <= 25)
        said.append(found.probability)
    assert 0.84 <= np.mean(held) <= 0.96
    assert np.mean(right) - 0.15 < np.mean(said) < np.mean(right), (
        "with strangers in mind, of which none came"
    )


# -- how far trials move the prior ------------------------------------------------------------------------


def trials(count: int, right: float) -> list[Trial]:
    """Photos of places of the index, all alike on the face of it, of which a share is right."""
    places = from_local([(0, 0), (400, 0)], HOME)
    made = []
    for n in range(count):
        errors = np.array([0.0, 400.0])[:: 1 if n < right * count else -1]
        truth = np.array([52.2 + n, 0.12])
        made.append(
            Trial(
                n, np.array([0.6, 0.55]), np.full(2, np.nan), places, errors, truth, True, False, False, 0.5
            )
        )
    return made


def probability(params: CalibrationParams) -> float:
    one = trials(1, 1.0)[0]
    return fused(one.similarities, one.positions, params, outsiders=one.outsiders).probability


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_few_trials_stay_near_the_prior_and_many_leave_it(share: float) -> None:
    before = probability(PRIOR.params)
    few, some, many = (probability(fit.fit(trials(n, share), PRIOR, False)) for n in (2, 20, 1000))
    assert abs(few - before) < 0.15
    assert abs(few - share) > abs(some - share) > abs(many - share)
    assert many == pytest.approx(share, abs=0.06)


# -- inliers ----------------------------------------------------------------------------------------------


def test_inliers_that_tell_the_place_are_believed() -> None:
    store, taken = town(3, 1.5)

    def telling(i: int, ids: np.ndarray, similarities: np.ndarray) -> np.ndarray:
        near = i < 100 and distance_m(taken.positions[ids], taken.positions[3 * min(i, 99)]) <= 25
        return np.where(near, 60.0, 5.0)

    def blind(i: int, ids: np.ndarray, similarities: np.ndarray) -> np.ndarray:
        return np.random.default_rng(i).integers(3, 60, len(ids)).astype(float)

    sure, blinded = (learned(store, taken, counts).params for counts in (telling, blind))
    assert sure.usual == pytest.approx(math.log(6))
    assert sure.inliers > blinded.inliers
    assert sure.inside.advantage > blinded.inside.advantage


def test_one_pass_is_weak_and_makes_wider_areas() -> None:
    store, taken = town(4, 0.8)
    once = replace(taken, day=np.zeros_like(taken.day))
    weak, strong = learned(store, once), learned(store, taken)
    assert weak.weakness is Weakness.ONE_DAY
    assert strong.weakness is None
    assert weak.params.kernel_m >= 8 > strong.params.kernel_m
    areas = [fused(np.array([0.8]), taken.positions[:1], one.params).area_km2 for one in (weak, strong)]
    assert areas[0] > 1.1 * areas[1]


def test_too_few_images_keep_the_prior_and_say_so() -> None:
    entry = learned(*town(1, 0.4))
    assert entry.params == PRIOR.params
    assert entry.trials == 0
    assert entry.few


def test_labelled_queries_lose_no_reference() -> None:
    """They are nobody's capture: the nearest reference stays."""
    assert learned(*town(3, 0.4), reference=np.full(140, -1)).params.kernel_m < 2


# -- kinds of searches ------------------------------------------------------------------------------------


def test_told_and_untold_searches_share_all_but_the_coverage() -> None:
    store, taken = town(3, 1.2)
    wet = np.concatenate([np.where(np.arange(100) < 40, 0.3, 0.6), np.zeros(40)])
    queries = replace(asked(store, taken), waterline=wet)
    groups = [*ALL, *(Group(CalibrationKey(band), np.ones(1, np.float32)) for band in (0, 30, 60))]
    entries = calibrate(store, taken, queries, Outsiders(NOBODYS), groups, PRIOR, ENOUGH)
    assert set(entries) == {group.key for group in groups}
    untold = entries[UNTOLD].params
    for entry in entries.values():
        assert (entry.trials, entry.places) == (200, 100), "untold, and under its own waterline"
        assert replace(entry.params, coverage=(), sure_coverage=()) == replace(
            untold, coverage=(), sure_coverage=()
        )
        assert entry.params.coverage


class Watched(Outsiders):
    """Notes what a photo is compared under, and who is left out."""

    def __init__(self, descriptors: np.ndarray) -> None:
        super().__init__(descriptors)
        self.asked: list[tuple[float, int]] = []

    def similarity(self, query: np.ndarray, belief: np.ndarray, without: int = -1) -> float:
        self.asked.append((float(belief[0]), without))
        return super().similarity(query, belief, without)


def test_an_outsider_is_not_compared_with_itself() -> None:
    store, taken = town(3, 0.4)
    watched = Watched(NOBODYS)
    calibrate(store, taken, asked(store, taken), watched, ALL, PRIOR, ENOUGH)
    assert [without for _, without in watched.asked] == [-1] * 100 + list(range(40))


def test_untold_a_photo_is_searched_by_what_it_shows_told_by_what_was_said() -> None:
    store, taken = town(3, 0.4)
    shown = np.linspace(0.5, 0.9, 140, dtype=np.float32)[:, None]
    queries = replace(asked(store, taken), untold=shown, waterline=np.full(140, 0.3))
    watched = Watched(NOBODYS)
    groups = [*ALL, Group(CalibrationKey(30), np.ones(1, np.float32))]
    calibrate(store, taken, queries, watched, groups, PRIOR, ENOUGH)
    beliefs = [belief for belief, _ in watched.asked]
    assert beliefs == pytest.approx([*shown[:, 0], *[1.0] * 140])


# -- what must not be learned -----------------------------------------------------------------------------


def test_the_removal_of_a_place_is_not_learned_as_its_absence() -> None:
    """The mean similarity falls with every place removed; who resembles all a bit is a stranger."""
    store, taken = town(3, 0.6, level=0.5)
    nobodys = strangers(40, 8, 0.0, 1.5)
    queries, outsiders = asked(store, taken, nobodys=nobodys), Outsiders(nobodys)
    pairs: dict[int, dict[bool, float]] = {}
    for trial in fit._group_trials(store, taken, queries, outsiders, ALL[0]):
        pairs.setdefault(trial.query, {})[trial.present] = float(trial.similarities.mean())
    assert np.mean([pair[True] > pair[False] for pair in pairs.values() if len(pair) == 2]) > 0.95, "the leak"

    params = calibrate(store, taken, queries, outsiders, ALL, PRIOR, ENOUGH)[UNTOLD].params

    def chances(photos: np.ndarray, without: Sequence[int]) -> np.ndarray:
        return np.array(
            [
                answer(store, taken, params, outsiders, photo, own).probability
                for photo, own in zip(photos, without, strict=True)
            ]
        )

    usual, alike_to_all = strangers(100, 9, 0.0, 1.0), strangers(100, 10, 1.0, 3.0)
    levels = [float((photos[:, 0] @ store.vectors.T).mean()) for photos in (usual, alike_to_all)]
    assert levels[1] > levels[0] + 0.1
    assert chances(alike_to_all, [-1] * 100).max() < 0.3
    assert np.quantile(chances(usual, [-1] * 100), 0.95) < 0.6
    own = range(1, 300, 3)
    assert np.median(chances(store.vectors[own][:, None], own)) > 0.95, "while its own are found"
