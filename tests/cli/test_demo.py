"""The demo, from nothing to a map; with a smaller town than the one that people see."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from geoflood.cli.demo import PHOTOS, DemoResult, compare_with_truth, run
from geoflood.core.datatypes import Located, Outcome, Progress, Query, Reason, no_progress
from geoflood.synthetic.town import Truth, build_town, write_city, write_queries, write_street_map


def draw_block(streets: Path, photos: Path, progress: Progress) -> list[Truth]:
    """One block of a town, in small pictures."""
    town = build_town(7, (1, 1))
    write_street_map(streets.with_suffix(".geojson"), town)
    write_city(streets, town, 200, 512, 16.0, progress=progress)
    return write_queries(photos, town, PHOTOS)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoResult, set[str]]:
    """Run twice: the second time everything is there already."""
    out = tmp_path_factory.mktemp("demo")
    stages: set[str] = set()
    run(out, None, lambda stage, done, total: stages.add(stage), draw_block)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")}
    again = run(out, 1, no_progress, draw_block)
    assert times == {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")}, "nothing is redrawn"
    return out, again, stages


@pytest.mark.long
def test_it_ends_with_a_map_and_the_truth(shown: tuple[Path, DemoResult, set[str]]) -> None:
    out, found, stages = shown
    assert found.map == out / "located" / "map.html"
    page = found.map.read_text("utf-8")
    assert page.count("photo-7-00") >= len(found.located)
    assert "geoflood townscape" in page, "the credit of what is shown"
    assert page.count('id="ground"') == 1, "streets lie under the evidence"
    told = json.loads((out / "located" / "located.geojson").read_text("utf-8"))
    assert told["type"] == "FeatureCollection"
    assert (out / "located" / "located.csv").read_text("utf-8").count("photo-7-00") == 5
    assert {"drawing", "describing", "locating"} <= stages


@pytest.mark.long
def test_most_photos_are_found_and_the_surest_come_first(shown: tuple[Path, DemoResult, set[str]]) -> None:
    _, found, _ = shown
    assert len(found.located) == 5
    metres = [float(word.removesuffix(" m")) for word in found.verdict.partition(" from")[0].split(", ")]
    assert len(metres) == 4
    assert sum(m <= 25 for m in metres) >= 3, found.verdict
    ranks = [list(Outcome).index(one.outcome) for one in found.located]
    assert ranks == sorted(ranks)


def test_the_verdict_hides_nothing() -> None:
    town = build_town.__defaults__
    assert town is not None
    place = town[2]
    here, away = (Truth(f"{k}.jpg", place, 0.0, 0.3, in_city) for k, in_city in enumerate((True, False)))
    lost = Located(Query(Path("a")), Outcome.FAILED, Reason.recorded("no photo"))
    told = Located(Query(Path("b")), Outcome.NOT_FOUND, Reason.recorded("elsewhere"))
    assert compare_with_truth([lost, told], [here, away]).startswith("inf m")
    assert "0 of 1 strangers" in compare_with_truth([lost, told], [here, away])
    assert "1 of 1 strangers" in compare_with_truth(
        [told, replace(told, outcome=Outcome.LOCATED)], [here, away]
    )
