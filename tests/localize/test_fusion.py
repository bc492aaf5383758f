"""Fusion: bimodal candidates, honest areas, and evidence that never speaks against."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from geoflood.core.datatypes import Candidate, Estimate, LatLon, Reference
from geoflood.core.geo import distance_m, from_local, to_local
from geoflood.database.calibration import MODELS, CalibrationParams, Coefficients, Evidence
from geoflood.localize.calibration.prior import PRIOR, RERANKED_PRIOR, Prior
from geoflood.localize.fusion import (
    SUREST_NEAR,
    TAIL,
    TOLERANCE_M,
    belief_map,
    evidence,
    fuse,
    fused,
    posterior,
    ranked,
)

HOME = LatLon(52.2, 0.12)
TRUST = CalibrationParams(
    temperature=0.03,
    kernel_m=10,
    place=Coefficients(-2.0, lead=2.0, apart=8.0),
    spot=Coefficients(5.0),
    inside=Coefficients(-1.0, lead=1.5, apart=10.0),
)
RERANKED = replace(TRUST, inliers=1.0, usual=math.log1p(8))


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
    assert fuse(found, TRUST, outsiders=0.3).not_in_index > 0.9


def test_no_candidates_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to fuse"):
        fuse([], TRUST)


places = st.tuples(st.floats(-3000, 3000), st.floats(-3000, 3000), st.floats(-0.2, 1.0))
counts = st.none() | st.integers(0, 400)
verdicts = st.sampled_from([None, "same", "different", "cannot_say"])
comparisons = st.none() | st.floats(-99, 99)
said = st.tuples(places, counts, verdicts, comparisons)


@given(st.lists(said, min_size=1, max_size=40), st.floats(-0.2, 1.0))
def test_every_estimate_is_sound(
    drawn: list[tuple[tuple[float, float, float], int | None, str | None, float | None]], outsiders: float
) -> None:
    found = [
        replace(candidate(*place, inliers), verdict=verdict, comparison=compared)
        for place, inliers, verdict, compared in drawn
    ]
    for params in (TRUST, RERANKED, PRIOR.params, RERANKED_PRIOR.params):
        estimate = fuse(found, params, outsiders)
        assert 0 < estimate.probability <= 1 - estimate.not_in_index + 1e-12 < 1
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
@example([(0.0, 0.0, 0.0), (0.0, 50.0, 1.0), (0.0, 1.0, 1.0)])
def test_radii_are_quantiles_of_the_distance(drawn: list[tuple[float, float, float]]) -> None:
    found = sorted((candidate(*place) for place in drawn), key=lambda c: -c.similarity)
    estimate = fuse(found, TRUST)
    best = found[0].reference.position
    metres = to_local([(c.reference.position.lat, c.reference.position.lon) for c in found], best)
    weights = posterior(np.array([c.similarity for c in found]) / TRUST.temperature)
    _, ground = belief_map(metres, weights, TRUST)
    near = min(estimate.probability / (1 - estimate.not_in_index), SUREST_NEAR)
    ground, shares = ground.agreeing(ground.borne_out(TRUST), near)
    assert shares.sum() == pytest.approx(1)
    assert shares[ground.away_m <= TOLERANCE_M].sum() == pytest.approx(near), "as the probability says"
    for share, radius in ((0.5, estimate.radius_50_m), (0.9, estimate.radius_90_m)):
        edge = radius - ground.size_m / 2
        assert shares[ground.away_m <= edge + 1e-6].sum() >= share - 1e-6
        assert shares[ground.away_m < edge - 1e-6].sum() < share


def test_a_search_is_fused_as_its_candidates_are() -> None:
    found = [candidate(10.0 * n**2, -7.0 * n, 0.8 - 0.01 * n) for n in range(30)]
    similarities = np.array([c.similarity for c in found])
    positions = np.array([(c.reference.position.lat, c.reference.position.lon) for c in found])
    assert fused(similarities, positions, TRUST) == fuse(found[::-1], TRUST)


@given(st.lists(st.floats(-200, 200), min_size=1, max_size=50))
def test_the_posterior_is_a_distribution(scores: list[float]) -> None:
    belief = posterior(np.array(scores))
    assert belief.sum() == pytest.approx(1)
    assert belief[np.argmax(scores)] == belief.max()


def test_the_areas_follow_what_the_trials_bore_out() -> None:
    """Cells that believe 0.5 together held the truth nine times in ten."""
    careful = replace(TRUST, sure_coverage=((0.5, 0.9),))
    _, ground = belief_map(np.zeros((1, 2)), np.ones(1), careful)
    assert ground.sure
    np.testing.assert_allclose(ground.borne_out(TRUST), ground.belief)
    first = int(np.searchsorted(ground.held, 0.5))
    assert np.cumsum(ground.borne_out(careful))[[first - 1, first, -1]] == pytest.approx(
        [0.9, 0.9, 1], abs=0.09
    )
    found = [candidate(0, 0, 0.8), candidate(3000, 0, 0.2)]
    plain, borne_out = fuse(found, TRUST), fuse(found, careful)
    assert borne_out.area_km2 < plain.area_km2
    assert borne_out.probability == plain.probability


# -- evidence ---------------------------------------------------------------------------------------------


def weighed(
    similarities: list[float],
    positions: np.ndarray,
    inliers: list[float] | None = None,
    outsiders: float | None = None,
) -> Evidence:
    s = np.array(similarities)
    counted = np.full(len(s), np.nan) if inliers is None else np.array(inliers)
    scores = s / RERANKED.temperature + RERANKED.likelihood(counted)
    return evidence(s, positions, scores, counted, outsiders, RERANKED.usual)


def test_the_lead_is_over_another_place() -> None:
    near = from_local([(0, 0), (20, 0), (400, 0)], HOME)
    assert weighed([0.8, 0.7, 0.3], near) == pytest.approx((math.log1p(0.5 / 0.03), 0, 0, 0, 0))
    assert weighed([0.8, 0.7], near[:2], outsiders=0.2) == pytest.approx((0, 0, 0, 0, 0.6)), "over nothing"


def test_details_are_those_of_the_first_of_its_place_and_of_the_best_other_place() -> None:
    near = from_local([(0, 0), (20, 0), (400, 0)], HOME)
    _, *details, _ = weighed([0.8, 0.7, 0.3], near, [40.0, 9.0, 19.0])
    assert details == pytest.approx([math.log(41), math.log(41 / 20), math.log(10)])
    _, *details, _ = weighed([0.8, 0.7, 0.3], near, [40.0, math.nan, math.nan])
    assert details == pytest.approx([math.log(41), math.log(41 / 9), 0]), "the usual wrong one stands in"


def test_who_is_first_in_a_place_changes_nothing() -> None:
    """A neighbour that overtakes by a hair takes no role of the other's."""
    near = from_local([(0, 0), (20, 0), (400, 0)], HOME)
    ahead, behind = (weighed([0.6, second, 0.3], near, [90.0, 30.0, 19.0], 0.1) for second in (0.63, 0.64))
    assert ahead == pytest.approx(behind, abs=0.03)


def test_inliers_decide_who_is_first() -> None:
    found = [candidate(0, 0, 0.62, inliers=8), candidate(400, 0, 0.6, inliers=80)]
    assert metres_between(fuse(found, RERANKED).position, at(400, 0)) < 1
    assert ranked(found, RERANKED)[0].inliers == 80


def test_what_was_not_counted_is_no_likelier_than_the_least_that_was() -> None:
    ratios = RERANKED.likelihood(np.array([math.nan, 8.0, 0.0, 1e9]))
    assert ratios == pytest.approx([-math.log(9), 0, -math.log(9), 10])
    assert RERANKED.likelihood(np.array([80.0, math.nan])) == pytest.approx([math.log(9), 0])
    assert RERANKED.likelihood(np.full(3, math.nan)).tolist() == [0, 0, 0], "none was: nothing is known"


slopes = st.floats(0, 6)
models = st.builds(Coefficients, st.floats(-8, 2), slopes, slopes, slopes, slopes, slopes)
fitted = st.builds(
    CalibrationParams,
    temperature=st.floats(0.01, 0.15),
    kernel_m=st.just(8.0),
    place=models,
    spot=models,
    inside=models,
    inliers=st.floats(0, 8),
    usual=st.floats(0, 4),
)
crowd = st.lists(
    st.tuples(st.integers(0, 3), st.floats(-0.2, 1.0), st.integers(0, 300)), min_size=1, max_size=20
)
"""(number of the place, similarity, inliers) of candidates; a place is 20 m wide, the next 500 m away."""


@given(fitted | st.sampled_from([PRIOR.params, RERANKED_PRIOR.params]), crowd, st.booleans(), st.data())
def test_evidence_never_speaks_against(
    params: CalibrationParams, crowd: list[tuple[int, float, int]], counted: bool, data: st.DataObject
) -> None:
    place, similarities, inliers = np.array(crowd, float).T
    positions = from_local([(500 * p + n, 0) for n, p in enumerate(place)], HOME)
    inliers = inliers if counted else np.full(len(place), np.nan)

    def scores(similarities: np.ndarray, inliers: np.ndarray) -> np.ndarray:
        return similarities / params.temperature + params.likelihood(inliers)

    first = int(scores(similarities, inliers).argmax())
    more, beside = data.draw(st.floats(0, 1)), (place == place[first]) & (np.arange(len(place)) != first)
    steps = {
        "the first is more alike": (more * (np.arange(len(place)) == first), 0, 0),
        "more of its details agree": (0, 200 * more * (np.arange(len(place)) == first), 0),
        "more agree with others of its place": (0, 200 * more * beside, 0),
        "other places are less alike": (-more * (place != place[first]), 0, 0),
        "fewer agree with other places": (0, -more * inliers * (place != place[first]), 0),
        "outsiders are less alike": (0, 0, -more),
    }
    alike, agreeing, outsiders = steps[data.draw(st.sampled_from(sorted(steps)))]
    after = (similarities + alike, inliers + agreeing)
    assume(place[scores(*after).argmax()] == place[first])

    def chances(similarities: np.ndarray, inliers: np.ndarray, outsiders: float) -> np.ndarray:
        estimate = fused(similarities, positions, params, inliers, outsiders=outsiders)
        return np.array([estimate.probability, 1 - estimate.not_in_index])

    assert (chances(*after, 0.3 + outsiders) >= chances(similarities, inliers, 0.3) - 1e-9).all()


@pytest.mark.parametrize("prior", [PRIOR, RERANKED_PRIOR])
def test_what_no_city_taught_keeps_the_signs_of_physics(prior: Prior) -> None:
    params = prior.params
    assert CalibrationParams.of(params.numbers) == params
    for model in MODELS:
        mean, spread = getattr(params, model), getattr(prior, model)
        assert all((m > 0) == (s > 0) for m, s in zip(mean[1:], spread[1:], strict=True))


@pytest.mark.parametrize("inliers", [None, 14])
def test_an_index_of_one_place_is_not_sure_of_a_stranger(inliers: int | None) -> None:
    found = [candidate(3.0 * n, 0, 0.25 - 0.01 * n, inliers) for n in range(12)]
    estimate = fuse(found, (RERANKED_PRIOR if inliers else PRIOR).params, outsiders=0.25)
    assert estimate.not_in_index > 0.7
    assert estimate.probability < 0.1


@pytest.mark.parametrize(
    ("inliers", "verified"),
    [
        (None, False),
        ([40, math.nan, 19], True),
        ([38, math.nan, 19], False),
        ([28, 28, 19], True),
        ([28, 25, 19], False),
        ([12, 12, 30], False),
        ([18, math.nan, math.nan], True),
        ([16, math.nan, math.nan], False),
    ],
)
def test_verified_is_one_far_above_other_places_or_two_of_one_place(
    inliers: list[float] | None, verified: bool
) -> None:
    """Alone twice, together 1.4 times what another place has, or else a wrong candidate: 8 here."""
    spots = from_local([(0, 0), (20, 0), (400, 0)], HOME)
    counted = None if inliers is None else np.array(inliers, float)
    assert fused(np.array([0.9, 0.8, 0.5]), spots, RERANKED, counted).verified is verified


def test_a_comparison_moves_places_and_belief_within_its_bound() -> None:
    found = [candidate(0, 0, 0.50), candidate(3000, 0, 0.49)]

    def after(*compared: float | None) -> Estimate:
        told = [replace(one, comparison=by) for one, by in zip(found, compared, strict=True)]
        return fuse(told, TRUST)

    before = fuse(found, TRUST)
    assert after(0.0, 0.0) == before
    assert metres_between(after(-1.0, 1.0).position, at(3000, 0)) < 1
    assert after(None, 1.0).not_in_index < before.not_in_index < after(-1.0, -1.0).not_in_index
    assert after(50.0, -50.0) == after(2.0, -2.0), "whoever wrote that"
    first = ranked([replace(found[0], comparison=-1.0), found[1]], TRUST)[0]
    assert first.reference == found[1].reference


def test_a_verdict_and_a_comparison_are_one_witness() -> None:
    found = [candidate(0, 0, 0.50), candidate(3000, 0, 0.49)]

    def after(verdict: str | None, compared: float | None) -> Estimate:
        return fuse([replace(found[0], verdict=verdict, comparison=compared), found[1]], TRUST)

    assert after("same", 1.5) == after("same", None), "the stronger of two that agree"
    assert after("different", -1.8) == after(None, -1.8)
    assert after("same", -2.0) == after(None, None), "they cancel out"
