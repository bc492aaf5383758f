"""What `geoflood world` writes: tables, GeoJSON and a page, with hostile names in them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import shapely.geometry
from PIL import Image as Pictures

from geoflood.backbones.selftest import draw_street
from geoflood.core.world_cells import WorldAnswer, WorldBelief, cell_km2, cells_of
from geoflood.outputs.world_files import FILES, write_world
from geoflood.outputs.world_record import next_command, world_lines, world_record
from tests.support.browser import CANARY, needs_browser, open_page, page_data
from tests.support.world import HOSTILE_COUNTRY, small_world

SPOTS = np.array([[6.4541, 3.3947], [53.5511, 9.9937], [-17.8, 179.99]])
BELIEF = WorldBelief(cells_of(SPOTS), np.array([0.6, 0.35, 0.05]), SPOTS)


def found(path: Path, city: str = "") -> WorldAnswer:
    return WorldAnswer(path, BELIEF, "", (HOSTILE_COUNTRY, "Germany", ""), city)


@pytest.fixture
def answers(tmp_path: Path) -> list[WorldAnswer]:
    name = "<img src=x onerror=1>.png"
    Pictures.fromarray(draw_street()).save(tmp_path / name)
    return [found(tmp_path / name), WorldAnswer(tmp_path / "gone.jpg", None, f"<script>{CANARY}</script>")]


def test_the_record_is_ranked_by_area(answers: list[WorldAnswer]) -> None:
    record, failed = map(world_record, answers)
    assert (record["outcome"], failed["outcome"]) == ("uncertain", "failed")
    assert [cell["rank"] for cell in record["cells"]] == [1, 2, 3]
    assert [cell["cumulative_probability"] for cell in record["cells"]] == [0.6, 0.95, 1.0]
    assert record["cells"][-1]["cumulative_km2"] == round(cell_km2(BELIEF.cells).sum())
    assert [area["cells"] for area in record["areas"]] == [1, 2]
    assert record["countries"][0] == {"country": HOSTILE_COUNTRY, "probability": 0.6}
    assert record["countries"][-1]["country"] == "at sea"
    assert failed["cells"] == failed["areas"] == failed["countries"] == []
    assert failed["next"] is None


def test_what_to_run_next(tmp_path: Path) -> None:
    ground = "--center 6.4541,3.3947 --radius 12500 --plan"
    assert next_command(found(tmp_path)) == (
        f"geoflood index ostscriptimgsrcx-6n-3e --from panoramax {ground}"
    )
    assert next_command(found(tmp_path, "lagos")) == "geoflood locate PHOTO --city lagos"
    assert world_lines(found(tmp_path))["50 % in"] == "620 km², 1 cells"


def test_files(answers: list[WorldAnswer], tmp_path: Path) -> None:
    written = write_world(answers, tmp_path / "out", small_world())
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES.values())
    assert len(json.loads(written["json"].read_text("utf-8"))) == 2
    with written["table"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1", "2", ""]
    assert rows[0]["country"].startswith("'="), "no cell is a formula"
    features = json.loads(written["geojson"].read_text("utf-8"))["features"]
    assert [feature["properties"]["kind"] for feature in features] == ["search-area", "search-area", "failed"]
    shape = shapely.geometry.shape(features[1]["geometry"])
    assert shape.geom_type == "MultiPolygon"
    assert shape.contains(shapely.Point(9.9937, 53.5511))


@needs_browser
def test_the_page(answers: list[WorldAnswer], tmp_path: Path) -> None:
    page = write_world(answers, tmp_path / "out", small_world())["map"]
    dom = open_page(page, tmp_path / "profile")
    assert page_data(dom, "ready") == "true"
    assert page_data(dom, "failures") is None
    assert page_data(dom, "canary") is None
    assert "60&nbsp;%" in dom
    assert "geoflood index ostscriptimgsrcx-6n-3e" in dom
    assert '<td class="">=Ost&lt;/script&gt;' in dom
