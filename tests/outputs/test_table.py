"""The table: one row a photo, whatever the photo is called."""

from __future__ import annotations

import csv
import io
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import (
    Candidate,
    Cell,
    Estimate,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    StreetWords,
)
from geoflood.outputs.fields import ANSWER_FIELDS, field_table
from geoflood.outputs.table import write_table

SPOT = LatLon(29.7604123, -95.3698012)


def found(radius_90_m: float = 21.0, photo: str = "flood.jpg", credit: str = "A. Mapper") -> Located:
    reference = Reference(7, "folder:a.jpg", SPOT, "a.jpg", licence="CC0-1.0", credit=credit)
    estimate = Estimate(SPOT, 0.783, 8.4, radius_90_m, (Cell(SPOT, 10.0, 0.9),), 0.124)
    return Located(
        Query(Path(photo)),
        Outcome.LOCATED,
        Reason.recorded("they agree"),
        (Candidate(reference, 0.8),),
        estimate,
    )


def table(*located: Located) -> str:
    with tempfile.TemporaryDirectory() as folder:
        write_table(Path(folder) / "located.csv", located)
        return (Path(folder) / "located.csv").read_bytes().decode()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_golden() -> None:
    failed = Located(Query(Path("x.jpg")), Outcome.FAILED, Reason.recorded("truncated, 3 bytes"))
    assert table(found(), failed) == (
        "photo,outcome,lat,lon,accuracy_m,probability,radius_50_m,radius_90_m,not_in_index,street,streets,street_gap,street_credit,"
        "city,city_probability,other_city,other_city_probability,other_lat,other_lon,usng,dmm,status,method,best_match,credit,licence,link,licence_link,reason,attention,waterline,attention_reason,signs,verdict,comparison\r\n"
        "flood.jpg,located,29.7604,-95.3698,21,0.783,8.4,21.0,0.124,,,,,,,,,,,15R TN 708 945,"
        "29-45.6N 95-22.2W,candidate,visual place recognition by geoflood,a.jpg,A. Mapper,CC0-1.0,,"
        "https://creativecommons.org/publicdomain/zero/1.0/,they agree,none,,,,,\r\n"
        "x.jpg,failed,,,,,,,,,,,,,,,,,,,,candidate,visual place recognition by geoflood,,,,,,"
        '"truncated, 3 bytes",none,,,,,\r\n'
    )


def test_streets_have_columns() -> None:
    words = StreetWords("Market Hill", (("Market Hill", 0.618), ("=Petty\nCury", 0.3)), "a gap", "© somebody")
    (row,) = rows(table(replace(found(), streets=words)))
    assert row["street"] == "Market Hill"
    assert row["streets"] == "Market Hill 61 %; =Petty\\nCury 30 %"
    assert (row["street_gap"], row["street_credit"]) == ("a gap", "© somebody")
    (row,) = rows(table(replace(found(), streets=replace(words, place="=1+1"))))
    assert row["street"] == "'=1+1"


def test_every_field_is_listed_with_its_meaning() -> None:
    lines = field_table(ANSWER_FIELDS).splitlines()
    assert lines[:2] == ["| field | meaning |", "|---|---|"]
    assert [line.split("`")[1] for line in lines[2:]] == table().strip().split(",")
    assert all(line.count("|") == 3 for line in lines)


def test_coordinates_for_people_are_no_finer_than_known() -> None:
    usng = {radius: rows(table(found(radius)))[0]["usng"] for radius in (1.0, 10.0, 100.0, 1000.0)}
    assert usng == {
        1.0: "15R TN 70857 94590",
        10.0: "15R TN 7085 9459",
        100.0: "15R TN 708 945",
        1000.0: "15R TN 70 94",
    }


@pytest.mark.parametrize("radius", [3.0, 21.0, 400.0, 5000.0])
def test_rounding_never_moves_the_position_by_more_than_is_uncertain(radius: float) -> None:
    (row,) = rows(table(found(radius)))
    north_m = abs(float(row["lat"]) - SPOT.lat) * 111_195
    assert north_m <= min(radius, 25.0)
    assert len(row["lat"].partition(".")[2]) <= 5


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "＝"])
def test_no_field_is_a_formula(start: str) -> None:
    evil = f"{start}HYPERLINK(1)"
    (row,) = rows(table(found(photo=evil, credit=evil)))
    for name in ("photo", "credit"):
        assert row[name].lstrip()[0] in "'\\"
        assert row[name].endswith("HYPERLINK(1)")


def test_control_characters_are_spelled_out() -> None:
    (row,) = rows(table(found(photo="a\x00b\nc\u202egpj.jpg")))
    assert row["photo"] == r"a\x00b\nc\u202egpj.jpg"


@given(st.text(), st.text())
def test_every_photo_is_one_line_and_every_row_is_whole(photo: str, reason: str) -> None:
    text = table(Located(Query(Path(photo)), Outcome.FAILED, Reason.recorded(reason)))
    assert len(text.splitlines()) == 2
    (row,) = csv.reader([text.splitlines()[1]])
    assert len(row) == len(ANSWER_FIELDS)
    text.encode("utf-8")


def test_the_file_is_written_in_one_step(tmp_path: Path) -> None:
    write_table(tmp_path / "located.csv", [found()])
    assert (tmp_path / "located.csv").read_bytes().decode() == table(found())
    assert [file.name for file in tmp_path.iterdir()] == ["located.csv"]


def test_a_place_that_was_not_found_has_no_position_to_be_drawn() -> None:
    (row,) = rows(table(replace(found(), outcome=Outcome.NOT_FOUND)))
    assert (row["lat"], row["lon"], row["usng"], row["accuracy_m"]) == ("", "", "", "")
    assert row["not_in_index"]
