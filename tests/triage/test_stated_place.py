"""What a post says of its place is not taken as exact: every kind of place has its margin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Bounds, Geotag, LatLon
from geoflood.core.geo import distance_m
from geoflood.triage.findings import Post
from geoflood.triage.options import BatchOptions
from geoflood.triage.stated_place import StatedPlace, stated_place
from tests.support.batch import FakeLocator, findings, photo_jpeg, run_batch, write_posts

HERE = LatLon(29.76, -95.37)
POINT = Bounds(HERE.lat, HERE.lon, HERE.lat, HERE.lon)


def post(kind: str, box: Bounds = POINT, name: str = "Cafe X") -> Post:
    return Post("x", "1", box=box, place=name, place_kind=kind)


def metres(box: Bounds) -> tuple[float, float]:
    """How far a box reaches north and east of HERE."""
    spot = (HERE.lat, HERE.lon)
    return float(distance_m(spot, (box.north, HERE.lon))), float(distance_m(spot, (HERE.lat, box.east)))


@pytest.mark.parametrize(
    ("kind", "reach_m", "words"),
    [
        ("poi", 2_000, "a point of interest, told as a point"),
        ("neighborhood", 3_000, "a neighbourhood, told as a point"),
        ("city", 15_000, "a city, told as a point"),
        ("admin", 100_000, "a region, told as a point"),
        ("", 15_000, "told as a point"),
        ("of a new kind", 15_000, "told as a point"),
    ],
)
@pytest.mark.parametrize("box", [POINT, Bounds(HERE.lat, HERE.lon, HERE.lat + 1e-3, HERE.lon)])
def test_a_place_without_width_is_searched_around(kind: str, reach_m: float, words: str, box: Bounds) -> None:
    place = stated_place(post(kind, box))
    assert place.within is not None
    north, east = metres(place.within)
    assert north == pytest.approx(reach_m, abs=reach_m * 0.03 + 120)
    assert east == pytest.approx(reach_m, rel=0.03)
    assert place.source == f"within {reach_m / 1000:g} km of the post's place Cafe X ({words})"


def test_a_country_told_as_a_point_says_nothing() -> None:
    assert stated_place(post("country")) == StatedPlace()


@pytest.mark.parametrize(
    ("kind", "margin_m", "words"),
    [
        ("poi", 1_000, " (a point of interest)"),
        ("neighborhood", 1_000, " (a neighbourhood)"),
        ("city", 2_000, " (a city)"),
        ("admin", 5_000, " (a region)"),
        ("country", 10_000, " (a country)"),
        ("", 2_000, ""),
    ],
)
def test_the_box_of_a_place_gets_its_margin(kind: str, margin_m: float, words: str) -> None:
    box = Bounds(29.5, -95.8, HERE.lat, HERE.lon)
    place = stated_place(post(kind, box, "Houston, TX"))
    assert place.within is not None
    assert metres(place.within) == pytest.approx((margin_m, margin_m), rel=0.03)
    assert place.source == f"in the post's place Houston, TX{words} or within {margin_m / 1000:g} km of it"


def test_a_post_s_own_position_has_its_margin_too() -> None:
    place = stated_place(Post("x", "1", geotag=Geotag(HERE, "post"), box=POINT))
    assert place.within is not None
    assert metres(place.within) == pytest.approx((2_000, 2_000), rel=0.01)
    assert place.source == "within 2 km of the post's own position 29.76000, -95.37000"


@given(
    st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180),
    st.sampled_from(["poi", "neighborhood", "city", "admin", "country", "", "x"]),
)  # fmt: skip
def test_any_box_is_widened_and_holds_what_it_held(a: float, b: float, c: float, d: float, kind: str) -> None:
    box = Bounds(min(a, c), min(b, d), max(a, c), max(b, d))
    within = stated_place(post(kind, box)).within
    if within is None:
        assert kind == "country"
        return
    assert within.south <= box.south
    assert box.north <= within.north
    assert within.west <= box.west
    assert box.east <= within.east


def test_across_the_antimeridian_nothing_is_cut_off() -> None:
    within = stated_place(post("poi", Bounds(-17.0, 179.999, -17.0, 179.999))).within
    assert within is not None
    assert (within.west, within.east) == (-180.0, 180.0)


def test_a_tweet_at_a_point_of_interest_is_searched_for(tmp_path: Path) -> None:
    """Four times the same corner: an area of nothing, in which nothing can be found."""
    place = {
        "place_type": "poi",
        "full_name": "Cafe X",
        "bounding_box": {"type": "Polygon", "coordinates": [[[HERE.lon, HERE.lat]] * 4]},
    }
    tweet = {
        "id_str": "1415000000000000000",
        "full_text": "help",
        "place": place,
        "entities": {"media": [{"type": "photo", "media_url_https": "https://pbs.twimg.com/media/AbC.jpg"}]},
    }
    folder = write_posts(tmp_path)
    (folder / "list.jsonl").write_text(json.dumps(tweet), "utf-8")
    (folder / "1415000000000000000-AbC.jpg").write_bytes(photo_jpeg(1))
    locator = FakeLocator()
    run_batch(tmp_path, locator, BatchOptions("rivertown", use_post_geo=True))
    ((_, within),) = locator.seen
    assert within is not None
    assert min(metres(within)) == pytest.approx(2_000, rel=0.01)
    (one,) = findings(tmp_path)
    assert one.narrowed == "within 2 km of the post's place Cafe X (a point of interest, told as a point)"
    assert one.posts[0].place_kind == "poi"
