"""Links to an image's page and its licence: known ones stand, hostile ones vanish, everywhere."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

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
)
from geoflood.outputs.geojson import write_geojson
from geoflood.outputs.licences import credit_links, licence_link, web_link
from geoflood.outputs.notebook import notebook_html
from geoflood.outputs.panel import describe
from geoflood.outputs.record import record
from geoflood.outputs.table import write_table

SPOT = LatLon(52.37, 4.89)
PAGE = "https://www.mapillary.com/app/?pKey=1933525276802129"
BY_SA = "https://creativecommons.org/licenses/by-sa/4.0/"


def found(link: str = PAGE, licence: str = "CC-BY-SA-4.0") -> Located:
    reference = Reference(7, "mapillary:1", SPOT, "a.jpg", licence=licence, credit="A. Mapper", link=link)
    estimate = Estimate(SPOT, 0.8, 8.0, 21.0, (Cell(SPOT, 10.0, 0.9),), 0.1)
    reason = Reason.recorded("they agree")
    return Located(Query(Path("x.jpg")), Outcome.LOCATED, reason, (Candidate(reference, 0.8),), estimate)


@pytest.mark.parametrize(
    ("licence", "link"),
    [
        ("CC-BY-SA-4.0", BY_SA),
        ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("CC-BY-NC-SA-3.0", "https://creativecommons.org/licenses/by-nc-sa/3.0/"),
        ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("etalab-2.0", "https://spdx.org/licenses/etalab-2.0.html"),
        ("proprietary", ""),
        ("", ""),
        ("CC-BY-SA-4.0\nx", ""),
    ],
)
def test_the_text_of_a_licence(licence: str, link: str) -> None:
    assert licence_link(licence) == link


@pytest.mark.parametrize("link", [PAGE, "http://127.0.0.1:5000/api/pictures/x", "https://a.b/c?d=e&f=g#h"])
def test_a_web_link_stands(link: str) -> None:
    assert web_link(link) == link


@pytest.mark.parametrize(
    "link",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "https://user:secret@host/x",
        "https://host/<script>",
        "https://host/'onclick",
        "https://host/ space",
        "https://host/\u202eexe",
        "https://host/\n",
        "//host/x",
        "https://[host/x",
        f"https://host/{'x' * 600}",
    ],
)
def test_a_hostile_link_is_left_out(link: str) -> None:
    assert web_link(link) == ""
    assert credit_links(found(link).candidates[0].reference) == [("its licence", BY_SA)]
    assert record(found(link))["candidates"][0]["link"] == ""


def test_both_links_reach_everything_that_shows_an_image(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", [found()])
    (row,) = csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text("utf-8")))
    assert (row["link"], row["licence_link"]) == (PAGE, BY_SA)
    write_geojson(tmp_path / "a.geojson", [found()])
    for feature in json.loads((tmp_path / "a.geojson").read_text("utf-8"))["features"][:2]:
        assert feature["properties"]["link"] == PAGE
        assert feature["properties"]["licence_link"] == BY_SA
    assert describe(found())["candidates"][0]["links"] == [("its page", PAGE), ("its licence", BY_SA)]
    assert all(link in notebook_html(found()) for link in (PAGE, BY_SA))
