"""Fusion: bimodal candidates, honest areas; calibration: what the references teach."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoflood.fusion.calibration import DEFAULT, Captures, calibrate
from geoflood.fusion.estimate import Trust, evidence, fuse, posterior
from geoflood.geo import distance_m, from_local
from geoflood.terms import Candidate, LatLon, Reference

HOME = LatLon(52.2, 0.12)
TRUST = Trust(temperature=0.03, kernel_m=10, intercept=-6, similarity=10, margin=20)


def candidate(east_m: float, north_m: float, similarity: float) -> Candidate:
    lat, lon = from_local([(east_m, north_m)], HOME)[0]
    return Candidate(Reference(0, "k", LatLon(float(lat), float(lon)), "x.jpg"), similarity)


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


@settings(deadline=None)
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


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50), st.floats(0.005, 1))
def test_the_posterior_is_a_distribution(similarities: list[float], temperature: float) -> None:
    belief = posterior(np.array(similarities), temperature)
    assert belief.sum() == pytest.approx(1)
    assert belief[np.argmax(similarities)] == belief.max()


def test_the_margin_is_to_another_place() -> None:
    near = from_local([(0, 0), (20, 0), (400, 0)], HOME)
    assert evidence(np.array([0.8, 0.7, 0.3]), near) == pytest.approx((0.8, 0.5))
    assert evidence(np.array([0.8, 0.7]), near[:2]) == pytest.approx((0.8, 0.1))


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


def test_calibration_tells_present_from_absent() -> None:
    learned = calibrate(*town(3, 0.4), {"untold": np.ones(1, np.float32)})
    trust = Trust.of({k: v for k, v in learned["untold"].items() if k != "trials"})

    def present(s1: float, margin: float) -> float:
        return 1 / (1 + math.exp(-(trust.intercept + trust.similarity * s1 + trust.margin * margin)))

    assert present(0.85, 0.5) > 0.95
    assert present(0.35, 0.02) < 0.05
    assert 8 <= trust.kernel_m <= 10


def test_a_noisier_city_is_less_sure() -> None:
    beliefs = {"untold": np.ones(1, np.float32)}
    sharp, vague = (calibrate(*town(3, noise), beliefs)["untold"] for noise in (0.3, 1.5))
    assert vague["temperature"] > sharp["temperature"]


def test_a_city_without_second_captures_keeps_the_defaults() -> None:
    learned = calibrate(*town(1, 0.4), {"untold": np.ones(1, np.float32)})["untold"]
    assert Trust.of({k: v for k, v in learned.items() if k != "trials"}) == DEFAULT
    assert learned["trials"] == 0


def test_damaged_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        Trust.of({"temperature": 0, "kernel_m": 5, "intercept": 0, "similarity": 0, "margin": 0})
    with pytest.raises(KeyError):
        Trust.of({})
