"""An estimate in words says no more than it knows: one place, one before others, or several streets."""

from __future__ import annotations

import pytest
from scipy.spatial import cKDTree

from geoflood.core.datatypes import Estimate, StreetWords
from geoflood.places.answer_words import answer_words
from geoflood.places.street_index import StreetIndex
from geoflood.places.street_map import StreetMap
from tests.support.drawn_streets import at, belief, drawn, positions

TOWN = drawn(
    ("Market Hill", [(-200, 0), (200, 0)]),
    ("Petty Cury", [(30, 0), (30, 300)]),
    ("Mill Road", [(600, -400), (600, 400)]),
    ("Hills Road", [(-700, -400), (-700, 400)]),
)
GRID = drawn(*((f"{n} Street", [(100.0 * n, -500.0), (100.0 * n, 500.0)]) for n in range(-8, 9)))


def words(streets: StreetMap, estimate: Estimate, heading: float | None = None) -> StreetWords:
    index = StreetIndex(streets)
    return answer_words(index, estimate, heading, cKDTree(index.metres(positions((0, 0)))))


def test_a_sharp_answer_names_one_place() -> None:
    said = words(TOWN, belief((-10, 0, 8, 1.0)), 180.0)
    assert said.place == "Market Hill, near Petty Cury, looking south"
    assert said.area == (("Market Hill", pytest.approx(1.0, abs=0.01)),)
    assert said.credit == TOWN.credit


def test_at_a_crossing_the_likelier_street_goes_first() -> None:
    """The position lies on one street, more of the belief on the other: both are named, and in this order."""
    estimate = belief((20, 1, 8, 0.3), (30, 30, 8, 0.7))
    said = words(TOWN, estimate)
    assert said.place == "Petty Cury, near Market Hill"
    assert [street for street, _ in said.area] == ["Petty Cury", "Market Hill"]


def test_a_place_that_is_likely_keeps_the_others() -> None:
    said = words(TOWN, belief((-100, 0, 8, 0.6), (600, 0, 8, 0.25), (-700, 0, 8, 0.15)), 90.0)
    assert said.place == "Market Hill, looking east; else Mill Road or Hills Road"
    assert said.area == (("Market Hill", 0.6), ("Mill Road", 0.25), ("Hills Road", 0.15))


def test_two_places_alike_are_both_named_and_no_direction() -> None:
    said = words(TOWN, belief((-100, 0, 8, 0.45), (600, 0, 8, 0.4), (-700, 0, 8, 0.15)), 90.0)
    assert said.place == "Market Hill, Mill Road or Hills Road"
    assert said.gap == ""


def test_an_area_of_three_hundred_metres_names_several() -> None:
    said = words(GRID, belief((0, 0, 120, 1.0)))
    assert said.place.startswith("0 Street, ")
    assert said.place.count(",") >= 2
    shares = [share for _, share in said.area]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] < 0.5
    assert 0.9 < sum(shares) <= 1.001


def test_many_streets_are_counted_not_listed() -> None:
    said = words(GRID, belief((0, 0, 300, 1.0)))
    assert said.place.endswith(" other streets")
    assert said.place.count(" Street,") == 3
    assert len(said.area) <= 20


def test_a_long_stretch_of_one_street_is_no_spot() -> None:
    road = drawn(("Long Road", [(-2000, 0), (2000, 0)]))
    spread = belief(*((200.0 * n, 0.0, 8.0, 0.2) for n in range(5)))
    assert words(road, spread).place == "somewhere along Long Road"
    two = belief((0, 0, 8, 0.6), (400, 0, 8, 0.4))
    assert words(road, two).place == "Long Road; else farther along Long Road"


def test_belief_away_from_streets_is_nobody_s() -> None:
    said = words(TOWN, belief((0, 0, 8, 0.5), (200, 900, 8, 0.5)))
    assert said.area == (("Market Hill", pytest.approx(0.5, abs=0.01)),)


def test_without_a_street_near_there_are_no_words() -> None:
    assert words(TOWN, belief((0, 3000, 8, 1.0))).place == ""
    assert words(drawn(), belief((0, 0, 8, 1.0))).place == ""


def test_an_estimate_without_an_area_is_its_position() -> None:
    bare = Estimate(at(0, 2), 0.9, 10.0, 30.0, (), 0.1)
    assert words(TOWN, bare).place == "Market Hill, near Petty Cury"
