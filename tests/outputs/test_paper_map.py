"""Maps on paper: what is in the window is drawn where it is, and foreign names are text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import from_local, offset
from geoflood.outputs.paper_map import WIDE, PaperMap, PaperPin, PaperWindow
from geoflood.places.street_map import LineKind
from tests.support.street_maps import ORIGIN, street_map


def spots(drawn: str) -> list[tuple[float, float]]:
    """Where the pins are, in units."""
    found = re.findall(r'class="pin" transform="translate\((-?[\d.]+) (-?[\d.]+)\)', drawn)
    return [(float(x), float(y)) for x, y in found]


@given(
    lat=st.floats(-70, 70),
    lon=st.floats(-180, 180),
    metres=st.lists(st.tuples(st.floats(-9000, 9000), st.floats(-9000, 9000)), min_size=1, max_size=8),
)
def test_a_window_holds_all_that_it_is_made_of(
    lat: float, lon: float, metres: list[tuple[float, float]]
) -> None:
    places = [LatLon(float(a), float(b)) for a, b in from_local(metres, LatLon(lat, lon))]
    window = PaperWindow.of(places, 0.6, 500.0)
    drawn = PaperMap(None).svg(window, [PaperPin("1", place) for place in places])
    assert window.wide_m >= 500.0
    for x, y in spots(drawn):
        assert 0 <= x <= WIDE
        assert 0 <= y <= WIDE * 0.6 + 1


@pytest.mark.parametrize("origin", [ORIGIN, LatLon(-17.0, 179.9995)])
def test_streets_lie_where_they_are(origin: LatLon) -> None:
    paper = PaperMap(street_map(origin=origin))
    window = PaperWindow.of([origin], 0.8, 1000.0)
    drawn = paper.svg(window, [PaperPin("7", origin), PaperPin("8", offset(origin, 90, 200))])
    assert spots(drawn) == [(500.0, 400.0), pytest.approx((700.0, 400.0), abs=0.2)]
    root = ElementTree.fromstring(drawn)
    major = next(one for one in root if one.get("class") == "line major")
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", major.get("d") or "")
    drawn_at = sorted((float(y), float(x)) for x, y in points)
    assert drawn_at == [pytest.approx((y, 700), abs=0.3) for y in (200, 400, 600)]
    assert "Market Hill" in drawn


def test_what_is_outside_is_not_drawn() -> None:
    drawn = PaperMap(street_map()).svg(PaperWindow.of([offset(ORIGIN, 0, 5_000)], 0.8, 500.0), [])
    assert "<path class=" not in drawn
    assert "Market" not in drawn


def test_many_pins_are_small_and_a_name_that_would_be_cut_is_left_out() -> None:
    window = PaperWindow.of([ORIGIN], 0.8, 1000.0)
    sizes = [
        set(re.findall(r"scale\(([\d.]+)\)", PaperMap(None).svg(window, [PaperPin("1", ORIGIN)] * count)))
        for count in (1, 80, 5_000)
    ]
    assert sizes == [{"1.00"}, {"0.50"}, {"0.35"}]
    beside = street_map([("Long Street at the Very Edge", LineKind.MINOR, [(400, 0), (900, 0)])])
    assert "Long Street" not in PaperMap(beside).svg(window, [])
    inside = street_map([("Long Street at the Very Edge", LineKind.MINOR, [(-200, 0), (300, 0)])])
    assert "Long Street" in PaperMap(inside).svg(window, [])


def test_names_are_text_and_a_wide_map_has_none() -> None:
    hostile = '</text><script>x</script>"\u202e\x00'
    streets = street_map([(hostile, LineKind.MINOR, [(-200, 0), (200, 0)])])
    near = PaperMap(streets).svg(PaperWindow.of([ORIGIN], 0.8, 800.0), [PaperPin("<b>", ORIGIN)])
    assert {element.tag for element in ElementTree.fromstring(near).iter()} <= {
        *("svg", "rect", "path", "g", "text")
    }
    assert "&lt;script&gt;" in near
    assert "\u202e" not in near
    wide = PaperMap(streets).svg(PaperWindow.of([ORIGIN], 0.8, 5_000.0), [])
    assert "&lt;script&gt;" not in wide
