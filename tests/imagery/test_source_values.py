"""What providers say, made into values that can be right."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from geoflood.core.datatypes import LatLon
from geoflood.imagery.sources import values


@pytest.mark.parametrize(
    ("said", "number"),
    [
        *(
            (5, 5.0),
            ("5.5", 5.5),
            (-1e9, -1e9),
            ("", None),
            ("x", None),
            (None, None),
            (True, None),
            ([], None),
        ),
        *((math.nan, None), ("inf", None), (10**400, None), ("1" * 400, None)),
    ],
)
def test_numbers(said: object, number: float | None) -> None:
    assert values.finite(said) == number


@pytest.mark.parametrize(
    ("said", "degrees"),
    [
        (0, 0.0),
        (360, 0.0),
        (-90, 270.0),
        ("12.5", 12.5),
        (-1e-20, 0.0),
        (721, None),
        (None, None),
        ("N", None),
    ],
)
def test_headings(said: object, degrees: float | None) -> None:
    assert values.heading(said) == degrees


@pytest.mark.parametrize(
    ("lat", "lon", "place"),
    [
        ("1", 2, LatLon(1, 2)),
        (0, 0, None),
        (0, 5, LatLon(0, 5)),
        (91, 0, None),
        (1, 181, None),
        (None, 5, None),
    ],
)
def test_positions(lat: object, lon: object, place: LatLon | None) -> None:
    assert values.position(lat, lon) == place


@pytest.mark.parametrize(
    "said", ["../x", "a/b", "", ".hidden", "a b", "a\n", None, 7.5, True, "x" * 101, "é", "a%2Fb"]
)
def test_what_is_no_part_of_an_address(said: object) -> None:
    assert values.identifier(said) in ("", "a")


@pytest.mark.parametrize(
    "said", ["1234", "TMX7316010203-000227_pano_0000_000670", "f5ae47a5-2d79-42b0", 1234]
)
def test_identifiers(said: object) -> None:
    assert values.identifier(said) == str(said)


def test_texts_can_be_printed() -> None:
    assert values.text("  Zoë\x1b[31m\n\u202e  ") == "Zoë[31m"
    assert values.text(7) == "7"
    assert values.text({"a": 1}) == ""
    assert len(values.text("x" * 10_000)) == 300


@pytest.mark.parametrize(
    "said",
    [
        "ftp://a/b",
        "javascript:x",
        "//a/b",
        "http://",
        "https://[::1",
        "/a",
        "",
        None,
        7,
        "https://a/" + "x" * 5000,
    ],
)
def test_what_is_no_web_address(said: object) -> None:
    assert values.web_address(said) == ""


@pytest.mark.parametrize(
    "said",
    [
        *(
            "2025-11-02 00:24:37+00",
            "2025-11-02T00:24:37Z",
            "2025-11-02 01:24:37.25+01:00",
            "2025-11-02 00:24:37",
        ),
        "2025-11-02T00:24:37.123456789Z",
    ],
)
def test_times_in_any_spelling(said: str) -> None:
    moment = values.time_of_text(said)
    assert moment is not None
    assert moment.replace(microsecond=0) == datetime(2025, 11, 2, 0, 24, 37)
    assert moment.tzinfo is None


@pytest.mark.parametrize(
    "said", ["1970-01-01 00:00:00+00", "2003-12-31T00:00:00Z", "9999-12-31T23:59:59Z", "soon", "", None, 7]
)
def test_times_that_cannot_be(said: object) -> None:
    assert values.time_of_text(said) is None


def test_times_in_milliseconds() -> None:
    assert values.time_of_milliseconds(1507560881000) == datetime(2017, 10, 9, 14, 54, 41)
    assert values.time_of_milliseconds(float(1507560881000)) == datetime(2017, 10, 9, 14, 54, 41)
    future = (datetime.now(UTC) + timedelta(days=30)).timestamp() * 1000
    for said in (0, -5, 1e18, 1e300, math.nan, None, "x", 946684800000, future):
        assert values.time_of_milliseconds(said) is None


def test_shapes() -> None:
    assert values.mapping({"a": 1}) == {"a": 1}
    assert values.mapping([1]) == {}
    assert values.listed([1]) == [1]
    assert values.listed("ab") == []
