"""A position in words: the street, what is near on it, and where one looks."""

from __future__ import annotations

import pytest

from geoflood.core.datatypes import LatLon
from geoflood.places.naming import direction, metres_text, place_words, street_of
from geoflood.places.street_index import StreetIndex
from geoflood.places.street_map import LineKind, StreetMap
from tests.support.drawn_streets import at, drawn

HILL = ("Market Hill", [(-200, 0), (200, 0)])
CURY = ("Petty Cury", [(30, 0), (30, 150)])


def said(streets: StreetMap, east: float, north: float, heading: float | None = None) -> str:
    return place_words(StreetIndex(streets), at(east, north), heading)


def test_street_crossing_and_heading() -> None:
    assert said(drawn(HILL, CURY), 0, 4, 175.0) == "Market Hill, near Petty Cury, looking south"


def test_the_nearer_of_two_crossings() -> None:
    other = ("Peas Hill", [(-20, 0), (-20, -90)])
    assert said(drawn(HILL, CURY, other), 0, 4) == "Market Hill, near Peas Hill"


def test_a_street_that_does_not_meet_this_one_is_no_crossing() -> None:
    behind = ("Rose Crescent", [(-200, 40), (200, 40)])
    assert said(drawn(HILL, behind), 0, 4) == "Market Hill"


def test_a_crossing_farther_than_a_minute_s_look_is_not_near() -> None:
    assert said(drawn(HILL, ("Petty Cury", [(70, 0), (70, 90)])), 0, 0) == "Market Hill"


def test_a_road_gives_its_name_before_a_path_beside_it() -> None:
    path = ("Guildhall Passage", [(-200, 8), (200, 8)], LineKind.PATH)
    assert said(drawn(HILL, path), 0, 5) == "Market Hill"


def test_a_crossing_road_goes_before_a_nearer_path() -> None:
    path = ("Guildhall Passage", [(5, 0), (5, 90)], LineKind.PATH)
    assert said(drawn(HILL, CURY, path), 0, 4) == "Market Hill, near Petty Cury"


def test_without_a_crossing_the_nearest_place_with_its_sort() -> None:
    spots = [("Corn Exchange", (20, 15), "theatre"), ("Fountain", (50, 0), "fountain")]
    assert said(drawn(HILL, spots=spots), 0, 4) == "Market Hill, near Corn Exchange (theatre)"


def test_a_landmark_goes_before_a_nearer_shop_and_an_office_is_not_told() -> None:
    spots = [
        ("Aalto", (2, 5), "cafe"),
        ("St. Bene't's", (40, 10), "place of worship"),
        ("Acme", (0, 5), "company"),
    ]
    assert said(drawn(HILL, spots=spots), 0, 4) == "Market Hill, near St. Bene't's (place of worship)"
    assert said(drawn(HILL, spots=spots), -30, 4) == "Market Hill, near Aalto (cafe)"
    quarter = [("Newtown", (2, 5), "suburb"), ("Acme", (0, 5), "company")]
    assert said(drawn(HILL, spots=quarter), 0, 4) == "Market Hill"


def test_a_sort_that_the_name_says_is_not_said_again() -> None:
    assert said(drawn(HILL, spots=[("Central Station", (20, 5), "station")]), 0, 4).endswith(
        "Central Station"
    )


def test_without_either_the_nearest_door_of_this_street() -> None:
    doors = [("Petty Cury", (2, 4), "1"), ("Market Hill", (12, 8), "14a"), ("Market Hill", (40, 8), "20")]
    assert said(drawn(HILL, doors=doors), 0, 4) == "Market Hill, near number 14a"


def test_away_from_any_street_its_distance_and_direction() -> None:
    assert said(drawn(HILL), 0, 120.4, 90.0) == "120 m north of Market Hill, looking east"
    assert said(drawn(HILL), 0, -59) == "Market Hill"


def test_a_named_square_is_where_one_is() -> None:
    square = ("Market Square", [(-40, 10), (40, 10), (40, 80), (-40, 80), (-40, 10)])
    assert said(drawn(HILL, squares=[square]), 0, 30) == "Market Square, near Market Hill"
    assert said(drawn(HILL, squares=[square]), 0, 75) == "Market Square, 75 m north of Market Hill"
    assert said(drawn(HILL, squares=[square]), 60, 30) == "Market Hill"
    inner = ("Inner Court", [(-20, 20), (20, 20), (20, 50), (-20, 50), (-20, 20)])
    for squares in ([square, inner], [inner, square]):
        assert said(drawn(HILL, squares=squares), 0, 30) == "Inner Court, near Market Hill"


def test_too_far_from_everything_nothing_is_said() -> None:
    assert said(drawn(HILL), 0, 2500, 10.0) == ""
    assert said(drawn(), 0, 0) == ""
    assert street_of(StreetIndex(drawn(HILL)), at(0, 90)) == ""


def test_rails_and_brooks_are_no_streets() -> None:
    lines = [
        ("Fen Line", [(-90, 3), (90, 3)], LineKind.RAIL),
        ("Hobson's Brook", [(-90, 2), (90, 2)], LineKind.STREAM),
    ]
    assert said(drawn(*lines, HILL), 0, 2) == "Market Hill"


def test_unnamed_streets_are_passed_over() -> None:
    assert said(drawn(("", [(-90, 5), (90, 5)]), HILL), 0, 5) == "Market Hill"


def test_a_city_on_the_antimeridian() -> None:
    origin = LatLon(-16.8, 179.9999)
    streets = drawn(("Wharf Road", [(-100, 0), (100, 0)]), ("Pier Lane", [(60, 0), (60, 80)]), origin=origin)
    beyond = at(40, 3, origin)
    assert beyond.lon < 0
    assert place_words(StreetIndex(streets), beyond) == "Wharf Road, near Pier Lane"


def test_names_of_strangers_stay_text() -> None:
    hostile = "<script>alert(1)</script>"
    assert said(drawn((hostile, HILL[1])), 0, 4) == hostile


@pytest.mark.parametrize(
    ("heading", "words"),
    [(0.0, "north"), (350.0, "north"), (22.6, "north-east"), (-90.0, "west"), (540.0, "south")],
)
def test_directions(heading: float, words: str) -> None:
    assert direction(heading) == words


@pytest.mark.parametrize(
    ("metres", "words"), [(0.2, "1 m"), (8.4, "8 m"), (123.0, "120 m"), (996.0, "1 km"), (2345.0, "2.3 km")]
)
def test_distances(metres: float, words: str) -> None:
    assert metres_text(metres) == words
