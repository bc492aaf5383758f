"""The map of streets without a street image: drawn, named, and nothing foreign runs in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geoflood.core.datatypes import City
from geoflood.outputs import holes_map
from geoflood.outputs.holes_map import write_holes_map
from geoflood.places.coverage import coverage_of
from geoflood.places.street_map import LineKind, StreetMap
from tests.support.browser import HOSTILE, needs_browser, open_page, page_data
from tests.support.drawn_streets import drawn, positions

TWO = (
    ("Mill Road", [(0.0, 0.0), (1000.0, 0.0)], LineKind.MIDDLE),
    (HOSTILE.replace("\x00", ""), [(500.0, 0.0), (500.0, 300.0)]),
)


def map_of(path: Path, streets: StreetMap) -> str:
    spots = positions(*[(float(east), 0.0) for east in range(0, 1001, 10)])
    coverage = coverage_of(streets, spots, np.full(len(spots), np.nan))
    write_holes_map(path, City(HOSTILE, len(spots), len(spots), "rootsift", spots), coverage, streets)
    return path.read_text("utf-8")


@needs_browser
def test_holes_are_drawn_and_foreign_names_stay_text(tmp_path: Path) -> None:
    map_of(tmp_path / "holes.html", drawn(*TWO))
    dom = open_page(tmp_path / "holes.html", tmp_path / "profile")
    assert page_data(dom, "ready") == "true"
    assert page_data(dom, "failures") is None
    assert page_data(dom, "canary") is None
    assert "street without a street image" in dom
    assert "71&nbsp;m" in dom, "25 m are near, and the outline ends 100 m away"


def test_what_is_left_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "shortest holes" not in map_of(tmp_path / "all.html", drawn(*TWO))
    monkeypatch.setattr(holes_map, "MOST_HOLES", 0)
    assert "The 1 shortest holes are left out" in map_of(tmp_path / "some.html", drawn(*TWO))
