"""The prior over cities and cells: arithmetic by hand, galleries with doubled places, cities at all edges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geoflood.core.geo import distance_m
from geoflood.core.world_cells import WorldBelief, cell_bounds, cell_centres, cell_km2, cells_of
from geoflood.localize.world_prior import (
    CITY_PLACES,
    city_places,
    cosines,
    elsewhere,
    world_belief,
    world_log_odds,
)

PHOTO = np.array([1, 0], np.float32)


def rows(*fits: float) -> np.ndarray:
    """Unit vectors with these cosines."""
    return np.array([(fit, math.sqrt(1 - fit**2)) for fit in fits], np.float32)


def test_log_odds_by_hand() -> None:
    found = world_log_odds(PHOTO, [rows(0.5, 0.3), rows(0.1), rows()], rows(0.2, 0.0), scale=10.0)
    here = math.log((math.exp(5) + math.exp(3)) / 2)
    there = math.log((math.exp(2) + math.exp(0)) / 2)
    np.testing.assert_allclose(found, [0.3 * (here - there), 0.3 * (1 - there), 0.0], atol=1e-6)


def test_log_odds_are_bounded() -> None:
    found = world_log_odds(PHOTO, [rows(1.0), rows(-1.0)], rows(0.0), scale=40.0)
    np.testing.assert_allclose(found, [1.2, -1.2])


def test_many_places_are_not_likelier_than_one() -> None:
    one, many = world_log_odds(PHOTO, [rows(0.4), rows(*[0.4] * 50)], rows(0.1), scale=10.0)
    assert one == pytest.approx(many)


def test_halves_on_disk_are_as_good() -> None:
    vectors = np.random.default_rng(0).normal(size=(40_000, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(
        cosines(vectors[5], vectors.astype(np.float16)), vectors @ vectors[5], atol=1e-3
    )


def test_cells_have_one_area_and_hold_their_centres() -> None:
    cells = cells_of(np.random.default_rng(1).uniform((-85, -180), (85, 180), (5000, 2)))
    np.testing.assert_allclose(cell_km2(cells), 625, rtol=0.01)
    np.testing.assert_array_equal(cells_of(cell_centres(cells)), cells)
    edges = cells_of([(90, 180), (-90, -180), (90, -180), (0, 180), (0, -180)])
    assert edges[3] == edges[4], "the antimeridian is one place"
    south, west, north, east = cell_bounds(edges).T
    assert min(south) >= -90
    assert max(north) <= 90
    assert min(west) >= -180
    assert max(east) <= 180


def test_a_cell_counts_by_the_mean_of_its_places() -> None:
    hot = np.array([[37.77, -122.42]])
    places = np.concatenate([np.repeat(hot, 100, axis=0), [[6.45, 3.4], [6.46, 3.4]]])
    belief = world_belief(np.array([*[0.5] * 100, 0.5, 0.4]), places, scale=10.0)
    assert belief.probabilities[0] == pytest.approx(1 / (1 + (1 + math.exp(-1)) / 2))
    np.testing.assert_array_equal(belief.spots, [hot[0], places[100]])
    assert belief.km2 == pytest.approx(1250, rel=0.01)
    with pytest.raises(ValueError, match="not a number"):
        world_belief(np.array([np.nan]), hot, 10.0)


def test_what_is_searched_first() -> None:
    belief = WorldBelief(np.array([7, 9, 4]), np.array([0.5, 0.3, 0.2]), np.zeros((3, 2)))
    assert belief.within(0.5).cells.tolist() == [7]
    assert belief.within(0.51).cells.tolist() == [7, 9]
    assert belief.within(0.999).cells.tolist() == [7, 9, 4]
    assert belief.shares(["a", "b", "a"]) == [("a", pytest.approx(0.7)), ("b", 0.3)]


@pytest.mark.parametrize("middle", [(53.55, 9.99), (-17.8, 179.99), (64.1, -21.9)])
@pytest.mark.parametrize("reach", [0.01, 0.1, 1.0])
def test_places_of_a_city(middle: tuple[float, float], reach: float) -> None:
    spread = np.random.default_rng(2).normal(middle, reach, (1000, 2))
    spread[:, 1] = (spread[:, 1] + 180) % 360 - 180
    places = city_places(spread)
    assert 1 <= len(places) <= CITY_PLACES
    assert {tuple(place) for place in places.tolist()} <= {tuple(one) for one in spread.tolist()}
    nearest = distance_m(spread[:, None], places[None]).min(axis=1)
    assert np.median(nearest) < max(2000, reach * 111_000)
    assert len(city_places(np.empty((0, 2)))) == 0


def test_elsewhere_is_one_place_a_cell_far_from_cities() -> None:
    gallery = np.array([[10, 10], [10, 10], [10.3, 10], [10.5, 10], [10.5001, 10], [-40, -179.9]])
    assert elsewhere(gallery, np.empty((0, 2))).tolist() == [0, 2, 3, 5]
    assert elsewhere(gallery, np.array([[10.0, 10.0]])).tolist() == [3, 5]
    assert elsewhere(gallery, np.array([[-40.0, 179.9]])).tolist() == [0, 2, 3]
