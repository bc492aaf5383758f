"""Fusion: bimodal candidates, honest areas; calibration: what the references teach."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geoflood.core.datatypes import Candidate, LatLon, Reference
from geoflood.core.geo import distance_m, from_local, to_local
from geoflood.database.calibration import (
    CalibrationEntry,
    CalibrationKey,
    CalibrationParams,
    Evidence,
    Weakness,
)
from geoflood.localize.calibration.fit import (
    DEFAULT,
    Captures,
    Counts,
    Group,
    RehearsalQueries,
    calibrate,
)
from geoflood.localize.calibration.rehearsal_plan import RehearsalPlan
from geoflood.localize.fusion import TAIL, belief_map, evidence, fuse, fused, posterior, ranked

HOME = LatLon(52.2, 0.12)
TRUST = CalibrationParams(temperature=0.03, kernel_m=10, intercept=-6, similarity=10, margin=20)


def at(east_m: float, north_m: float) -> LatLon:
    lat, lon = from_local([(east_m, north_m)], HOME)[0]
    return LatLon(float(lat), float(lon))


def candidate(east_m: float, north_m: float, similarity: float, inliers: int | None = None) -> Candidate:
    return Candidate(Reference(0, "k", at(east_m, north_m), "x.jpg"), similarity, inliers)


def metres_between(a: LatLon, b: LatLon) -> float:
    return float(distance_m((a.lat, a.lon), (b.lat, b.lon)))


def test_a_clear_winner_is_the_position() -> None:
    found = [candidate(0, 0, 0.9), candidate(3000, 0, 0.3), candidate(0, -4000, 0.28)]
    estimate = fuse(found, TRUST)
    assert metres_between(estimate.position, HOME) < 1
    assert estimate.probability > 0.8
    assert estimate.radius_90_m < 40
    assert estimate.not_in_index < 0.05


def test_two_far_candidates_are_never_averaged() -> None:
    found = [candidate(0, 0, 0.6), candidate(2000, 0, 0.6)]
    estimate = fuse(found, TRUST)
    assert min(metres_between(estimate.position, c.reference.position) for c in found) < 1
    assert estimate.radius_90_m == pytest.approx(2000, abs=50)
    centres = [metres_between(cell.centre, HOME) for cell in estimate.search_area]
    assert any(m < 50 for m in centres)
    assert any(m > 1950 for m in centres)
    assert not any(60 < m < 1900 for m in centres), "between two candidates there is nothing"


def test_neighbours_that_agree_beat_a_lone_one() -> None:
    found = [candidate(1500, 0, 0.52), candidate(0, 0, 0.51), candidate(6, 0, 0.51), candidate(0, 6, 0.51)]
    assert metres_between(fuse(found, TRUST).position, HOME) < 8


def test_nothing_similar_is_not_in_the_index() -> None:
    found = [candidate(200.0 * i, 0, 0.1 - 0.001 * i) for i in range(20)]
    assert fuse(found, TRUST).not_in_index > 0.9


def test_no_candidates_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to fuse"):
        fuse([], TRUST)


places = st.tuples(st.floats(-3000, 3000), st.floats(-3000, 3000), st.floats(-0.2, 1.0))


@given(st.lists(places, min_size=1, max_size=40))
def test_every_estimate_is_sound(drawn: list[tuple[float, float, float]]) -> None:
    found = [candidate(*place) for place in sorted(drawn, key=lambda p: -p[2])]
    estimate = fuse(found, TRUST)
    assert 0 <= estimate.probability <= 1 - estimate.not_in_index + 1e-9
    assert 0 < estimate.radius_50_m <= estimate.radius_90_m
    shares = [cell.probability for cell in estimate.search_area]
    assert shares == sorted(shares, reverse=True)
    assert 0.9 - 1e-6 <= math.fsum(shares) <= 1 + 1e-9
    assert math.fsum(shares[:-1]) < 0.9, "no cell more than needed"
    assert len(estimate.cells(0.5)) <= len(estimate.search_area)
    assert metres_between(estimate.position, HOME) < 4500


@pytest.mark.parametrize("kernel_m", [1.0, 1.49, 10.0, 80.0])
def test_the_ground_is_the_sum_of_the_bumps(kernel_m: float) -> None:
    dice = np.random.default_rng(3)
    metres = np.concatenate([dice.normal(0, 3 * kernel_m, (20, 2)), dice.uniform(-4000, 4000, (20, 2))])
    weights = dice.dirichlet(np.ones(40))
    mode, ground = belief_map(metres, weights, replace(TRUST, kernel_m=kernel_m))
    square = ((ground.centres[:, None] - metres) ** 2).sum(axis=2) / kernel_m**2
    share, wider = TAIL
    bells = (1 - share) * np.exp(-square / 2) + share / wider**2 * np.exp(-square / (2 * wider**2))
    steps = np.abs(np.rint(ground.centres[:, None] / ground.size_m) - np.rint(metres / ground.size_m))
    bells *= steps.max(axis=2) <= math.ceil(5 * kernel_m / ground.size_m)
    belief = (bells / bells.sum(axis=0)) @ weights
    np.testing.assert_allclose(ground.belief, belief / belief.sum(), rtol=1e-9)
    assert (np.diff(ground.belief) <= 0).all()
    assert len(np.unique(ground.centres, axis=0)) == len(ground.centres)
    there = [(np.exp(-((metres - spot) ** 2).sum(axis=1) / (2 * kernel_m**2)) * weights) for spot in metres]
    best = max(there, key=np.sum)
    np.testing.assert_allclose(mode, best @ metres / best.sum())
    np.testing.assert_allclose(ground.away_m, np.hypot(*(ground.centres - mode).T))


@given(st.lists(places, min_size=1, max_size=40))
@example([(0.0, 0.0, 0.0), (1.0, 5.0, 6e-194)])
def test_radii_are_quantiles_of_the_distance(drawn: list[tuple[float, float, float]]) -> None:
    found = sorted((candidate(*place) for place in drawn), key=lambda c: -c.similarity)
    estimate = fuse(found, TRUST)
    best = found[0].reference.position
    metres = to_local([(c.reference.position.lat, c.reference.position.lon) for c in found], best)
    weights = posterior(np.array([c.similarity for c in found]), TRUST.temperature)
    _, ground = belief_map(metres, weights, TRUST)
    for share, radius in ((0.5, estimate.radius_50_m), (0.9, estimate.radius_90_m)):
        edge = radius - ground.size_m / 2
        assert ground.belief[ground.away_m <= edge + 1e-6].sum() >= share - 1e-6
        assert ground.belief[ground.away_m < edge - 1e-6].sum() < share


def test_a_search_is_fused_as_its_candidates_are() -> None:
    found = [candidate(10.0 * n**2, -7.0 * n, 0.8 - 0.01 * n) for n in range(30)]
    similarities = np.array([c.similarity for c in found])
    positions = np.array([(c.reference.position.lat, c.reference.position.lon) for c in found])
    assert fused(similarities, positions, TRUST) == fuse(found[::-1], TRUST)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50), st.floats(0.005, 1))
def test_the_posterior_is_a_distribution(similarities: list[float], temperature: float) -> None:
    belief = posterior(np.array(similarities), temperature)
    assert belief.sum() == pytest.approx(1)
    assert belief[np.argmax(similarities)] == belief.max()


def seen(similarities: list[float], positions: np.ndarray, inliers: list[float] | None = None) -> Evidence:
    s = np.array(similarities)
    counted = np.full(len(s), np.nan) if inliers is None else np.array(inliers)
    return evidence(s, positions, s + TRUST.temperature * RERANKED.likelihood(counted), counted)


RERANKED = replace(TRUST, inliers=1.0, usual=math.log1p(8))


def test_the_margin_is_to_another_place() -> None:
    near = from_local([(0, 0), (20, 0), (400, 0)], HOME)
    assert seen([0.8, 0.7, 0.3], near) == pytest.approx((0.8, 0.5, 0.6, 0.0))
    assert seen([0.8, 0.7], near[:2]) == pytest.approx((0.8, 0.0, 0.75, 0.0)), "over nothing there is no lead"


def test_an_index_of_one_place_is_not_sure_of_a_stranger() -> None:
    found = [candidate(3.0 * n, 0, 0.25 - 0.01 * n) for n in range(12)]
    assert fuse(found, DEFAULT).not_in_index > 0.8


def test_inliers_decide_who_is_first() -> None:
    places = from_local([(0, 0), (400, 0)], HOME)
    first = seen([0.62, 0.6], places, [8.0, 80.0])
    assert first.similarity == pytest.approx(0.6)
    assert first.agreement == pytest.approx(math.log(81))
    assert first.margin == pytest.approx(-0.02 + 0.03 * math.log(9))
    found = fuse([candidate(0, 0, 0.62, inliers=8), candidate(400, 0, 0.6, inliers=80)], RERANKED)
    assert metres_between(found.position, at(400, 0)) < 1
    assert (
        ranked([candidate(0, 0, 0.62, inliers=8), candidate(400, 0, 0.6, inliers=80)], RERANKED)[0].inliers
        == 80
    )


def test_a_candidate_whose_inliers_were_not_counted_is_as_good_as_the_usual_one() -> None:
    ratios = RERANKED.likelihood(np.array([math.nan, 8.0, 0.0, 1e9]))
    assert ratios == pytest.approx([0, 0, -math.log(9), 10])


def test_the_areas_follow_what_the_trials_bore_out() -> None:
    """Cells that believe 0.5 together held the truth nine times in ten."""
    careful = replace(TRUST, sure_coverage=((0.5, 0.9),))
    plain, borne_out = fuse([candidate(0, 0, 0.8)], TRUST), fuse([candidate(0, 0, 0.8)], careful)
    assert borne_out.area_km2 < plain.area_km2
    held = sum(cell.probability for cell in borne_out.cells(0.9))
    assert held == pytest.approx(0.9, abs=0.02)
    assert borne_out.radius_90_m < plain.radius_90_m
    assert borne_out.probability == pytest.approx(plain.probability)


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


def town(captures: int, noise: float, seed: int = 0) -> tuple[Store, Captures]:
    """100 places 60 m apart, each seen on `captures` days within 5 m."""
    rng = np.random.default_rng(seed)
    place = np.repeat(rng.normal(size=(100, 64)), captures, axis=0)
    vectors = place + noise * rng.normal(size=place.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    grid = np.stack(np.meshgrid(np.arange(10), np.arange(10)), 2).reshape(-1, 2) * 60.0
    where = from_local(
        np.repeat(grid, captures, axis=0) + rng.normal(scale=3, size=(100 * captures, 2)), HOME
    )
    days = np.tile(np.arange(captures) * 365 + 730000, 100)
    return Store(vectors), Captures(where, np.arange(100 * captures), days)


UNTOLD = CalibrationKey(None)
ALL = [[Group(UNTOLD, np.ones(1, np.float32))]]
ENOUGH = RehearsalPlan().enough


def asked(store: Store, captures: Captures, counts: Counts | None = None) -> RehearsalQueries:
    """Every third reference plays a query, dry."""
    ids = np.arange(0, len(store.vectors), 3)
    return RehearsalQueries(store.rows(ids), captures.positions[ids], np.zeros(len(ids)), ids, counts)


def calibrated(captures: int, noise: float, counts: Counts | None = None) -> CalibrationEntry:
    store, taken = town(captures, noise)
    return calibrate(store, taken, asked(store, taken, counts), ALL, ENOUGH)[UNTOLD]


def test_calibration_tells_present_from_absent() -> None:
    trust = calibrated(3, 0.4).params
    assert trust.logit(Evidence(0.85, 0.5, 0.0, 0.0)) > 3
    assert trust.logit(Evidence(0.35, 0.02, 0.0, 0.0)) < -3
    assert 3 <= trust.kernel_m <= 5  # two geotags, each off by 3 m an axis


def test_a_noisier_city_is_less_sure() -> None:
    assert calibrated(3, 1.5).params.temperature > calibrated(3, 0.3).params.temperature


def test_a_calibrated_area_holds_what_it_says_for_queries_it_has_not_seen() -> None:
    store, taken = town(4, 0.8)
    trust = calibrate(store, taken, asked(store, taken), ALL, ENOUGH)[UNTOLD].params
    held = []
    for query in range(1, len(store.vectors), 3):
        similarities, ids = store.search(store.rows(np.array([query])), np.ones(1), 200)
        kept = ids[0] != query
        found = [
            Candidate(Reference(int(i), str(i), LatLon(*taken.positions[i]), ""), float(s))
            for i, s in zip(ids[0][kept], similarities[0][kept], strict=True)
        ]
        cells = fuse(found, trust).cells(0.9)
        away = to_local([(c.centre.lat, c.centre.lon) for c in cells], LatLon(*taken.positions[query]))
        held.append((np.abs(away).max(axis=1) <= cells[0].size_m / 2).any())
    assert 0.84 <= np.mean(held) <= 0.96


def test_inliers_that_tell_the_place_are_believed() -> None:
    _, taken = town(3, 1.5)

    def counts(i: int, belief: np.ndarray, ids: np.ndarray) -> np.ndarray:
        near = distance_m(taken.positions[ids], taken.positions[3 * i]) <= 25
        return np.where(near, 60.0, 5.0)

    learned = calibrated(3, 1.5, counts).params
    assert learned.inliers > 0
    assert learned.usual == pytest.approx(math.log(6))
    blind = calibrated(3, 1.5, lambda i, belief, ids: np.full(len(ids), 7.0)).params
    assert blind.inliers == 0.0 or blind.usual == pytest.approx(math.log(8))


def test_one_pass_is_weak_and_makes_wider_areas() -> None:
    store, taken = town(4, 0.8)
    once = replace(taken, day=np.zeros_like(taken.day))
    weak, strong = (calibrate(store, when, asked(store, when), ALL, ENOUGH)[UNTOLD] for when in (once, taken))
    assert weak.weakness is Weakness.ONE_DAY
    assert strong.weakness is None
    assert weak.params.kernel_m >= 8 > strong.params.kernel_m
    areas = [fuse([candidate(0, 0, 0.8)], entry.params).area_km2 for entry in (weak, strong)]
    assert areas[0] > 1.1 * areas[1]


def test_too_few_images_keep_the_defaults_and_say_so() -> None:
    store, taken = town(1, 0.4)
    learned = calibrate(store, taken, asked(store, taken), ALL, ENOUGH)[UNTOLD]
    assert learned.params == DEFAULT
    assert learned.trials == 0
    assert learned.few


def test_labelled_queries_lose_no_reference() -> None:
    """They are nobody's capture: the nearest reference stays."""
    store, taken = town(3, 0.4)
    labelled = replace(asked(store, taken), reference=np.full(100, -1))
    learned = calibrate(store, taken, labelled, ALL, ENOUGH)[UNTOLD]
    assert learned.params.kernel_m < 2


def test_a_band_learns_from_its_own_waterline() -> None:
    store, taken = town(3, 0.4)
    some = replace(asked(store, taken), waterline=np.where(np.arange(100) < 40, 0.3, 0.6))
    bands = [[Group(CalibrationKey(band), np.ones(1, np.float32))] for band in (30, 60)]
    learned = calibrate(store, taken, some, [*ALL, *bands], ENOUGH)
    assert [learned[CalibrationKey(band)].trials for band in (None, 30, 60)] == [100, 40, 60]


def test_damaged_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        CalibrationParams.of({"temperature": 0, "kernel_m": 5, "intercept": 0, "similarity": 0, "margin": 0})
    with pytest.raises(KeyError):
        CalibrationParams.of({})
    for knots in ([(0.5, 0.9), (0.4, 0.95)], [(0.5, 1.0)], [(math.nan, 0.5)], [(0.5, 0.9), (0.6, 0.9)]):
        with pytest.raises(ValueError, match="coverage"):
            CalibrationParams.of(TRUST.numbers | {"coverage": knots})
