"""What share of the streets an index can know, where it cannot, and what is said beside a hole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from geoflood.core.area import Area
from geoflood.places.coverage import coverage_of, gap_near, holes_geojson, sentence
from geoflood.places.street_index import StreetIndex
from geoflood.places.street_map import LineKind, StreetMap
from tests.support.drawn_streets import ORIGIN, drawn, positions

ROAD = ("Mill Road", [(0.0, 0.0), (1000.0, 0.0)], LineKind.MIDDLE)
SIDE = ("Gwydir Street", [(500.0, 0.0), (500.0, 300.0)])


def along(first: int, last: int, north: float = 0.0) -> list[tuple[float, float]]:
    return [(float(east), north) for east in range(first, last, 10)]


def measured(streets: StreetMap, spots: list[tuple[float, float]], headings: float | list[float] = np.nan):
    return coverage_of(streets, positions(*spots), np.broadcast_to(headings, len(spots)))


def test_share_of_the_length_within_25_m() -> None:
    found = measured(drawn(ROAD, SIDE), [*along(0, 1001), (500.0, 290.0)])
    assert found.street_km == pytest.approx(1.3, abs=0.01)
    assert found.share == pytest.approx((1000 + 25 + 35) / 1300, abs=0.02)
    assert [(name, round(km, 1)) for name, km, _ in found.by_class] == [("middle", 1.0), ("minor", 0.3)]
    assert [share for *_, share in found.by_class] == pytest.approx([1.0, 0.2], abs=0.06)


def test_by_direction_only_views_that_look_there_count() -> None:
    found = measured(drawn(ROAD), along(0, 1001), [90.0] * 50 + [270.0] * 51)
    shares = dict(found.by_direction)
    assert shares["E"] == pytest.approx(0.5, abs=0.04)
    assert shares["NE"] == shares["E"]  # 45 degrees beside
    assert shares["W"] == pytest.approx(0.5, abs=0.04)
    assert shares["N"] == shares["S"] == 0.0
    assert found.all_round == 0.0


def test_all_round_is_what_is_seen_from_all_four_sides() -> None:
    turns = np.tile([0.0, 90.0, 180.0, 270.0], 26)
    found = coverage_of(drawn(ROAD), positions(*np.repeat(along(0, 251, 0.0), 4, axis=0)), turns)
    assert found.all_round == pytest.approx(275 / 350, abs=0.02)


def test_another_ground_than_the_outline_can_be_asked_about() -> None:
    here = Area.of_circle(ORIGIN, 500)
    found = coverage_of(drawn(ROAD), positions((0.0, 0.0)), np.full(1, np.nan), here)
    assert found.street_km == pytest.approx(0.5, abs=0.02)
    assert found.share == pytest.approx(0.05, abs=0.01)


def test_views_of_unknown_direction_count_for_the_whole_only() -> None:
    found = measured(drawn(ROAD), along(0, 1001))
    assert found.share == 1.0
    assert {share for _, share in found.by_direction} == {0.0}


def test_the_margin_around_the_references_is_no_hole() -> None:
    far = ("Newmarket Road", [(0.0, 700.0), (1000.0, 700.0)])
    found = measured(drawn(ROAD, far), along(0, 1001))
    assert found.share == 1.0
    assert not found.holes


def test_paths_drives_and_rails_are_not_measured() -> None:
    others = [("x", [(0.0, 40.0), (900.0, 40.0)], kind) for kind in LineKind if kind > LineKind.MINOR]
    assert measured(drawn(ROAD, *others), along(0, 1001)).street_km == pytest.approx(1.0, abs=0.01)


def test_holes_are_joined_over_the_parts_of_a_street_longest_first() -> None:
    parts = [("Mill Road", [(100.0 * n, 0.0), (100.0 * n + 100, 0.0)]) for n in range(10)]
    streets = drawn(*parts, ("Side", [(50.0, 0.0), (50.0, 150.0)]))
    found = measured(streets, [*along(0, 201), *along(800, 1001), (500.0, 200.0)])
    assert [hole.street for hole in found.holes] == ["Mill Road", "Side"]
    assert found.holes[0].length_m == pytest.approx(800 - 200 - 50, abs=16)
    assert len(found.holes[0].lines) == 6


def test_a_short_stretch_is_no_hole() -> None:
    assert not measured(drawn(ROAD), [*along(0, 460), *along(540, 1001)]).holes


def test_holes_as_geojson_and_in_a_sentence() -> None:
    found = measured(drawn(ROAD), [*along(0, 401), *along(800, 1001)])
    whole = holes_geojson(found, "© somebody")
    (feature,) = whole["features"]
    assert whole["attribution"] == "© somebody"
    assert feature["properties"] == {"street": "Mill Road", "length_m": pytest.approx(350, abs=16)}
    ((lon, lat), *_) = feature["geometry"]["coordinates"][0]
    assert (lat, lon) == pytest.approx((ORIGIN.lat, ORIGIN.lon + 0.0063), abs=0.0005)
    assert sentence(found).startswith("64 % of 1 km of streets are within 25 m of a street image; ")
    assert "longest holes: Mill Road 3" in sentence(found)


def test_nothing_to_measure_is_said() -> None:
    assert sentence(measured(drawn(), along(0, 50))) == "no street of the map is near a street image"


def gap(streets: StreetMap, spots: list[tuple[float, float]], here: tuple[float, float]) -> str:
    index = StreetIndex(streets)
    spot = index.metres(positions(here))[0]
    return gap_near(index, cKDTree(index.metres(positions(*spots))), spot)


def test_an_answer_beside_a_hole_says_so() -> None:
    side = ("Gwydir Street", [(500.0, 0.0), (500.0, 120.0)])
    said = gap(drawn(ROAD, side), along(0, 1001), (480.0, 0.0))
    assert said == "90 m of Gwydir Street, 40 m away, have no street image"


def test_a_hole_that_goes_on_is_at_least_that_long() -> None:
    assert gap(drawn(ROAD, SIDE), along(0, 1001), (480.0, 0.0)).startswith("at least 110 m of Gwydir Street")


def test_the_nearest_of_several_holes_and_how_many_more() -> None:
    streets = drawn(ROAD, SIDE, ("Kingston Street", [(420.0, 0.0), (420.0, 120.0)]))
    said = gap(streets, along(0, 1001), (480.0, 0.0))
    assert said.startswith("at least 110 m of Gwydir Street, ")
    assert said.endswith("; nor have parts of 1 other street")


def test_two_carriageways_are_one_hole() -> None:
    pair = [("Ring", [(500.0 + lane, 30.0), (500.0 + lane, 110.0)]) for lane in (0.0, 12.0)]
    assert gap(drawn(ROAD, *pair), along(0, 1001), (480.0, 0.0)).startswith("80 m of Ring")


@pytest.mark.parametrize("here", [(100.0, 0.0), (500.0, 900.0)])
def test_far_from_a_hole_or_from_any_street_nothing_is_said(here: tuple[float, float]) -> None:
    assert gap(drawn(ROAD, SIDE), along(0, 1001), here) == ""


def test_a_path_without_pictures_is_no_hole() -> None:
    path = ("Riverside", [(500.0, 0.0), (500.0, 300.0)], LineKind.PATH)
    assert gap(drawn(ROAD, path), along(0, 1001), (480.0, 0.0)) == ""
