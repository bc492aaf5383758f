"""What a plan says: counts, bytes, hours, coverage; measured where it can be, and as JSON for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from geoflood.core.area import Area
from geoflood.core.datatypes import Projection
from geoflood.core.geo import distance_m
from geoflood.database import collection_plan
from geoflood.database.collection_plan import CollectionPlan, coverage_of, plan_collection
from geoflood.database.describing_speed import DescribingSpeed, measure_describing
from geoflood.database.from_source import Harvest, harvested
from geoflood.database.manifest import Settings
from geoflood.database.plan_streets import plan_streets
from geoflood.database.source_order import OrderWishes, SourceOrder, make_order
from geoflood.imagery.fetch import picture_path
from geoflood.imagery.kept_pictures import KeepImages
from geoflood.imagery.sources.source import SourceImage
from geoflood.outputs.plan_map import MOST_SQUARES, write_plan_map
from geoflood.outputs.plan_words import plan_question, plan_record, plan_rows, plan_title
from tests.support.scripted_source import ORIGIN, ScriptedSource, source_image
from tests.support.street_maps import town_geojson

DAM = replace(Area.of_circle(ORIGIN, 400, "the Dam"), credit="© somebody")
SPEED = DescribingSpeed(panorama_s=2.0, photo_s=0.5, bytes_a_view=50_000.0)


def town() -> list[SourceImage]:
    """Two places 200 m apart: five photos around one, three panoramas of three years at the other."""
    photos = [source_image(f"a{n}", n / 10, heading=90.0 * (n % 3), sequence=f"p{n}") for n in range(5)]
    return photos + [
        source_image(
            f"b{n}", 200 + n / 10, projection=Projection.EQUIRECTANGULAR, sequence=f"q{n}",
            taken=datetime(2019 + n, 6, 1) if n else None, licence="CC-BY-4.0" if n else "CC0-1.0",
            credit=f"m{n}",
        )
        for n in range(3)
    ]  # fmt: skip


@contextmanager
def harvest_of(
    folder: Path, images: list[SourceImage], **more: object
) -> Iterator[tuple[Harvest, SourceOrder]]:
    order = SourceOrder(ScriptedSource(images), DAM, **more)  # type: ignore[arg-type]
    with harvested(folder / "town", order) as harvest:
        yield harvest, order


def planned(folder: Path, images: list[SourceImage], **more: object) -> CollectionPlan:
    with harvest_of(folder, images, **more) as (harvest, order):
        return plan_collection(harvest, order, folder / "town", 8, SPEED)


def test_a_plan_counts(tmp_path: Path) -> None:
    plan = planned(tmp_path, town())
    assert (plan.there, plan.there_panoramas) == (8, 3)
    assert (plan.images, plan.panoramas, plan.views, plan.missing) == (8, 3, 29, 8)
    assert plan.licences == (("CC-BY-SA-4.0", 5), ("CC-BY-4.0", 2), ("CC0-1.0", 1))
    assert plan.years == ((0, 1), (2020, 1), (2021, 1), (2024, 5))
    assert plan.contributors == 4
    assert plan.download_bytes == 5 * 350_000 + 3 * 900_000
    assert plan.fetch_s == pytest.approx(0.8)
    assert plan.describe_s == 5 * 0.5 + 3 * 2.0
    assert plan.free_bytes > 0
    assert (plan.squares, plan.covered, plan.all_round) == (2, 2, 1)


def test_the_disk_depends_on_what_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection_plan, "RESERVE", 0)
    sizes = {keep: planned(tmp_path / keep, town(), keep=keep).disk_bytes for keep in KeepImages}
    views = 29 * 50_000.0
    assert sizes == {
        KeepImages.ALL: views + 5 * 350_000 + 3 * 900_000,
        KeepImages.THUMBNAILS: views + 5 * 150_000 + 3 * 500_000,
        KeepImages.NONE: views,
    }


def test_pictures_that_are_there_are_weighed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection_plan, "WEIGHED", 2)
    for name, size in (("a0", 1000), ("a1", 3000), ("b0", 9000)):
        path = picture_path(tmp_path / "town", "scripted", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    plan = planned(tmp_path, town())
    assert plan.missing == 5
    assert plan.download_bytes == 3 * 2000 + 2 * 900_000, "one panorama is not enough"


def test_coverage_is_counted_in_squares_and_quarters(tmp_path: Path) -> None:
    with harvest_of(tmp_path, town()) as (harvest, _):
        ids = [image.id for image in harvest.census.images(harvest.there.rows.tolist())]
        cases = {(): ([0, 0], [0, 0]), ("a0",): ([1, 0], [1, 0]), ("b0",): ([0, 1], [0, 4])}
        cases |= {("a0", "a1", "a2"): ([3, 0], [3, 0])}
        for chosen, (images, quarters) in cases.items():
            places = np.array([ids.index(name) for name in chosen], np.int64)
            coverage = coverage_of(harvest.there, places)
            order = np.argsort(coverage.centres[:, 1])
            assert coverage.images[order].tolist() == images
            assert coverage.quarters[order].tolist() == quarters
        spots = np.column_stack([harvest.there.lats, harvest.there.lons])
        assert distance_m(spots[:, None], coverage.centres[None]).min(axis=1).max() <= 25 * 0.5**0.5 + 0.1


def test_headings_that_nobody_knows_cover_no_quarter(tmp_path: Path) -> None:
    plan = planned(tmp_path, [source_image("x"), source_image("y", 100, heading=10.0)])
    assert sorted(plan.coverage.quarters.tolist()) == [0, 1]
    assert plan.covered == 2


def test_a_plan_in_words(tmp_path: Path) -> None:
    plan = planned(tmp_path, town(), most=4)
    assert plan_title(plan) == "4 of 8 images of the Dam from scripted"
    assert plan_title(plan, "Old Town") == "4 of 8 images of Old Town from scripted"
    rows = plan_rows(plan)
    assert re.fullmatch(r"20\d\d: \d(, (20\d\d|unknown): \d)*", rows["years"])
    assert rows["area"] == "the Dam, 50 ha (outline: © somebody)"
    assert rows["chosen"].startswith("4 images: ")
    assert rows["to fetch"].startswith("4 pictures, about ")
    assert "to fetch at the pace that scripted allows" in rows["time"]
    assert rows["coverage"].startswith("2 of 2 squares of 25 m that have images (over 99 %)")
    assert "NOT ENOUGH" not in rows["disk"]
    assert "NOT ENOUGH" in plan_rows(replace(plan, free_bytes=5.0))["disk"]
    assert plan_question(plan).startswith("Fetch 4 pictures, about ")
    assert all("\u00a0" not in value for value in rows.values())


def test_a_plan_counts_streets_where_they_are_known(tmp_path: Path) -> None:
    assert plan_record(planned(tmp_path, town()))["streets"] is None
    extract = town_geojson(tmp_path / "town.geojson", ORIGIN)
    with harvest_of(tmp_path, town()) as (harvest, order):
        streets = plan_streets(tmp_path / "town", harvest.there, extract)
        plan = plan_collection(harvest, order, tmp_path / "town", 8, SPEED, streets)
    record = plan_record(plan)["streets"]
    assert 0 < record["all_round"] < record["share"] < 1
    assert record["street_km"] == pytest.approx(1.6, abs=0.2)
    rows = plan_rows(plan)
    assert "km of streets are within 25 m of a street image" in rows["streets"]
    assert "Mill Lane" in rows["streets"]
    write_plan_map(tmp_path / "plan.html", plan)
    assert 'id="ground"' in (tmp_path / "plan.html").read_text("utf-8")


def test_a_plan_for_programs(tmp_path: Path) -> None:
    record = json.loads(json.dumps(plan_record(planned(tmp_path, town())), allow_nan=False))
    assert record["years"] == {"unknown": 1, "2020": 1, "2021": 1, "2024": 5}
    assert record["licences"] == {"CC-BY-SA-4.0": 5, "CC-BY-4.0": 2, "CC0-1.0": 1}
    assert (record["squares"], record["covered"], record["all_round"]) == (2, 2, 1)


def test_the_page_of_a_large_city_stays_small(tmp_path: Path) -> None:
    plan = planned(tmp_path, town())
    rng = np.random.default_rng(2)
    centres = np.unique(np.round(rng.uniform((52.2, 4.7), (52.5, 5.1), (60_000, 2)), 4), axis=0)
    images = rng.integers(0, 2, len(centres))
    large = replace(plan.coverage, centres=centres, images=images, quarters=4 * images)
    write_plan_map(tmp_path / "plan.html", replace(plan, coverage=large))
    page = (tmp_path / "plan.html").read_text("utf-8")
    data = json.loads(page.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    assert 1000 < len(data["squares"]) <= MOST_SQUARES
    assert {seen for _, _, seen in data["squares"]} <= {-1, 0, 1, 2, 3, 4}
    assert data["size_m"] > 25


def test_a_city_on_the_antimeridian_is_in_one_piece_on_its_map(tmp_path: Path) -> None:
    plan = planned(tmp_path, town())
    centres = np.array([[-17.0, 179.9999], [-17.0, -179.9999]])
    area = Area.of_box(-17.01, 179.99, -16.99, -179.99, "Taveuni")
    write_plan_map(
        tmp_path / "plan.html", replace(plan, area=area, coverage=replace(plan.coverage, centres=centres))
    )
    page = (tmp_path / "plan.html").read_text("utf-8")
    data = json.loads(page.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    (_, west), (_, east) = data["box"]
    assert east - west < 0.001
    assert all(179 < lon < 181 for ring in data["outline"] for _, lon in ring)


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    hostile = replace(DAM, name="</script><script>alert(1)</script>\u202e", credit="<b>x</b>")
    plan = replace(planned(tmp_path, town()), area=hostile)
    write_plan_map(tmp_path / "plan.html", plan)
    page = (tmp_path / "plan.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\u202e" not in plan_rows(plan)["area"]


def test_describing_is_measured(tmp_path: Path, settings: Settings) -> None:
    speed = measure_describing(settings, tmp_path, workers=1)
    assert speed.panorama_s > speed.photo_s > 0
    assert 10_000 < speed.bytes_a_view < 500_000
    assert list(tmp_path.iterdir()) == [], "the index is only read"


def test_what_is_not_said_is_as_in_the_last_run(tmp_path: Path) -> None:
    source = ScriptedSource(town())
    first = OrderWishes(source, area=DAM, most=4, since=datetime(2019, 1, 1), keep=KeepImages.NONE)
    order = make_order(tmp_path, "dam", first)
    with harvested(tmp_path, order):
        pass
    again = make_order(tmp_path, "dam", OrderWishes(source))
    assert (again.most, again.since, again.keep) == (4, datetime(2019, 1, 1), KeepImages.NONE)
    assert (again.area.name, again.area.credit) == ("the Dam", "© somebody")
    assert again.area.km2 == pytest.approx(DAM.km2)
    more = make_order(tmp_path, "dam", OrderWishes(source, most=9, keep=KeepImages.ALL))
    assert (more.most, more.keep, more.since) == (9, KeepImages.ALL, datetime(2019, 1, 1))
