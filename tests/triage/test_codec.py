"""What a journal keeps of a geotag, read again, also when an older geoflood wrote it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from geoflood.core.datatypes import (
    Candidate,
    Cell,
    Estimate,
    Geotag,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    StreetWords,
)
from geoflood.triage.codec import geotag_from, geotag_to, located_from, located_to

PLAIN = Geotag(LatLon(29.76, -95.37), "exif", 90.0, 5.0, datetime(2024, 5, 3, 14))
BEFORE = {
    "position": {"lat": 29.76, "lon": -95.37},
    "origin": "exif",
    "heading_deg": 90.0,
    "accuracy_m": 5.0,
    "taken_at": "2024-05-03T14:00:00",
}
"""As journals of 2026 hold it."""


@pytest.mark.parametrize(
    "geotag", [None, PLAIN, Geotag(LatLon(1, 2), "panoramax", pitch_deg=-3.5, roll_deg=0.0)]
)
def test_a_geotag_comes_back(geotag: Geotag | None) -> None:
    assert geotag_from(geotag_to(geotag)) == geotag


def test_a_geotag_of_an_older_journal_is_read_and_written_as_it_was() -> None:
    assert geotag_from(BEFORE) == PLAIN
    assert geotag_to(PLAIN) == BEFORE


SPOT = LatLon(52.2, 0.12)
LOCATED = Located(
    Query(Path("a.jpg")),
    Outcome.LOCATED,
    Reason.recorded("why"),
    (Candidate(Reference(1, "k", SPOT, "b.jpg"), 0.5, street="Mill Road"),),
    Estimate(SPOT, 0.9, 5.0, 20.0, (Cell(SPOT, 8.0, 0.9),), 0.05),
    streets=StreetWords("Mill Road, looking east", (("Mill Road", 0.8), ("Tenison Road", 0.1)), "gap", "© s"),
)


def test_street_names_come_back() -> None:
    kept = located_from(json.loads(json.dumps(located_to(LOCATED))))
    assert kept.streets == LOCATED.streets
    assert kept.candidates == LOCATED.candidates


def test_a_result_from_before_there_were_street_names() -> None:
    kept = located_to(LOCATED)
    del kept["streets"], kept["candidates"][0]["street"]
    old = located_from(json.loads(json.dumps(kept)))
    assert old.streets is None
    assert old.candidates[0].street == ""
    assert located_to(old) == kept, "what has no streets is kept as it always was"


PAIRS = ((0.1234, 0.5, 0.9876, 0.25), (0.0, 1.0, 1.0, 0.0))


def test_agreeing_details_come_back_to_a_thousandth_and_older_journals_have_none() -> None:
    first = replace(LOCATED.candidates[0], pairs=PAIRS)
    kept = json.loads(json.dumps(located_to(replace(LOCATED, candidates=(first,)))))
    assert located_from(kept).candidates[0].pairs == ((0.123, 0.5, 0.988, 0.25), (0.0, 1.0, 1.0, 0.0))
    del kept["candidates"][0]["pairs"]
    assert located_from(kept).candidates == LOCATED.candidates
    assert "pairs" not in located_to(LOCATED)["candidates"][0], "what has none is kept as it always was"


@pytest.mark.parametrize("pairs", [[[0, 0, 0]], [[0, 0, 0, 2]], [[0, 0, 0, float("nan")]], [7], [["x"] * 4]])
def test_damaged_pairs_are_no_result(pairs: object) -> None:
    kept = located_to(LOCATED)
    kept["candidates"][0]["pairs"] = pairs
    with pytest.raises((KeyError, TypeError, ValueError)):
        located_from(kept)


def test_a_comparison_comes_back_and_older_journals_have_none() -> None:
    first = replace(LOCATED.candidates[0], comparison=-1.25)
    kept = json.loads(json.dumps(located_to(replace(LOCATED, candidates=(first,)))))
    assert located_from(kept).candidates == (first,)
    del kept["candidates"][0]["comparison"]
    assert located_from(kept).candidates == LOCATED.candidates
    assert "comparison" not in located_to(LOCATED)["candidates"][0]


@pytest.mark.parametrize("compared", [2.5, float("nan"), "much", [1]])
def test_a_damaged_comparison_is_no_result(compared: object) -> None:
    kept = located_to(LOCATED)
    kept["candidates"][0]["comparison"] = compared
    with pytest.raises((TypeError, ValueError)):
        located_from(kept)


@pytest.mark.parametrize("streets", [{"place": "x"}, {"place": "x", "area": [1], "gap": "", "credit": ""}, 7])
def test_damaged_street_names_are_no_result(streets: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        located_from({**located_to(LOCATED), "streets": streets})
