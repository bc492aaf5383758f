"""The census on disk: what comes back, what is not asked twice, what survives."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from geoflood.core.area import Area
from geoflood.core.datatypes import Geotag, LatLon, Projection, VisibleArea
from geoflood.core.errors import IndexUnusableError, InputError, NetworkError, UsageError
from geoflood.imagery.census import NAME, Census
from geoflood.imagery.sources.source import SourceImage
from tests.support.scripted_source import ORIGIN, ScriptedSource, source_image

DAM = Area.of_circle(ORIGIN, 400)


def crowd(count: int) -> list[SourceImage]:
    rng = np.random.default_rng(4)
    return [
        source_image(f"{n:03d}", *rng.uniform(-250, 250, 2).tolist(), heading=7.0 * n) for n in range(count)
    ]


FULL = SourceImage(
    "full",
    Geotag(ORIGIN, "scripted", 271.5, 0.5, datetime(2024, 5, 3, 12, 0, 1, 250_000), -3.0, 1.5),
    Projection.EQUIRECTANGULAR,
    "CC-BY-4.0",
    "Gemeente Amsterdam",
    "https://scripted.example/full",
    "sequence",
    8000,
    True,
    VisibleArea(0.0, 0.1, 1.0, 0.85),
    "https://scripted.example/full.jpg",
)
BARE = SourceImage("bare", Geotag(ORIGIN, "scripted"))


def test_images_come_back_as_they_were_told(tmp_path: Path) -> None:
    census = Census(tmp_path, "scripted")
    census.take(ScriptedSource([FULL, BARE]), DAM)
    columns = census.columns(DAM)
    assert list(census.images(columns.rows.tolist())) == [BARE, FULL]
    assert columns.panoramas.tolist() == [False, True]
    assert columns.taken_s.tolist() == [0, 1_714_737_601]
    assert np.isnan(columns.headings[0])
    assert columns.headings[1] == 271.5
    assert columns.widths.tolist() == [0, 8000]
    assert columns.on_foot.tolist() == [False, True]
    assert census.texts(columns.licences.tolist()) == {
        columns.licences[0]: "",
        columns.licences[1]: "CC-BY-4.0",
    }
    census.close()


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    source = ScriptedSource(crowd(50))
    census = Census(tmp_path, "scripted")
    asked = census.take(source, DAM)
    assert asked == len(DAM.tiles(18)) == len(source.asked)
    assert census.take(source, DAM) == 0
    census.close()
    wider = Area.of_circle(ORIGIN, 600)
    census = Census(tmp_path, "scripted")
    assert census.take(source, wider) == len(wider.tiles(18)) - asked
    assert set(source.asked.values()) == {1}
    census.close()


def test_a_census_that_breaks_off_goes_on(tmp_path: Path) -> None:
    source = ScriptedSource(crowd(50))
    whole = Census(tmp_path / "whole", "scripted")
    whole.take(source, DAM)
    source.asked.clear()
    census = Census(tmp_path / "broken", "scripted")

    def stop(stage: str, done: int, total: int) -> None:
        source.down = NetworkError("down") if done == 3 else None

    with pytest.raises(NetworkError):
        census.take(source, DAM, progress=stop)
    assert len(source.asked) == 4
    source.down = None
    census.close()
    census = Census(tmp_path / "broken", "scripted")
    census.take(source, DAM)
    assert sorted(source.asked.values())[-2:] == [1, 2], "the cell that failed is asked again"
    assert images_of(census) == images_of(whole)


def images_of(census: Census, area: Area = DAM) -> list[SourceImage]:
    return list(census.images(census.columns(area).rows.tolist()))


def test_images_are_clipped_to_the_area_and_come_once(tmp_path: Path) -> None:
    """Each lies in two cells, as those at an edge do; one lies outside the area."""

    class Overlapping(ScriptedSource):
        def census(self, cell: str) -> list[SourceImage]:
            return list(self.known.values())

    far = source_image("far", 5000)
    census = Census(tmp_path, "scripted")
    census.take(Overlapping([*crowd(20), far]), DAM)
    assert images_of(census) == crowd(20)
    assert images_of(census, Area.of_circle(far.geotag.position, 50)) == [far]


def test_a_fresh_census_drops_and_moves(tmp_path: Path) -> None:
    source = ScriptedSource(crowd(30))
    census = Census(tmp_path, "scripted")
    census.take(source, DAM)
    source.withdrawn.add("003")
    moved = replace(source.known["004"], geotag=Geotag(LatLon(52.3740, 4.8930), "scripted"))
    source.known |= {"004": moved, "new": source_image("new", 3, 4)}
    now = datetime.now(UTC).replace(tzinfo=None)
    assert census.take(source, DAM, since=now) == len(DAM.tiles(18))
    assert census.take(source, DAM, since=now) == 0
    expected = {image.id: image for image in (*crowd(30), moved, source.known["new"]) if image.id != "003"}
    assert {image.id: image for image in images_of(census)} == expected | {"004": moved}
    assert census.take(source, DAM, since=now + timedelta(seconds=100)) > 0


def test_what_a_picture_tells_is_kept_beside_the_census(tmp_path: Path) -> None:
    census = Census(tmp_path, "scripted")
    census.take(ScriptedSource([FULL, BARE]), DAM)
    told = replace(
        FULL, credit="somebody else", geotag=replace(FULL.geotag, position=LatLon(52.3732, 4.8927))
    )
    census.keep_details(FULL, told)
    assert list(census.details([BARE, FULL, source_image("unknown")])) == [None, told, None]
    elsewhere = replace(FULL, geotag=replace(FULL.geotag, heading_deg=90.0, position=LatLon(52.3735, 4.89)))
    assert list(census.details([elsewhere])) == [replace(told, geotag=elsewhere.geotag)]
    assert images_of(census) == [BARE, FULL]


def test_images_that_are_gone_are_no_longer_offered(tmp_path: Path) -> None:
    census = Census(tmp_path, "scripted")
    census.take(ScriptedSource([FULL, BARE]), DAM)
    census.keep_gone("full", "withdrawn")
    assert images_of(census) == [BARE]
    assert census.gone() == {"full": "withdrawn"}


def test_the_choice_is_kept_in_its_order(tmp_path: Path) -> None:
    census = Census(tmp_path, "scripted")
    census.take(ScriptedSource(crowd(2000)), DAM)
    rows = census.columns(DAM).rows
    picked = np.random.default_rng(1).permutation(rows)[:1500].tolist()
    assert census.choose(picked[:1000]) == 1000
    assert census.choose(picked) == 500
    assert census.chosen_rows().tolist() == picked
    census.close()
    again = Census(tmp_path, "scripted")
    assert again.chosen_rows().tolist() == picked


def test_a_census_belongs_to_one_server(tmp_path: Path) -> None:
    Census(tmp_path, "panoramax", "https://panoramax.example").close()
    Census(tmp_path, "mapillary").close()
    Census(tmp_path, "panoramax", "https://panoramax.example").close()
    with pytest.raises(UsageError, match=r"panoramax at https://panoramax\.example"):
        Census(tmp_path, "panoramax", "https://other.example")


def test_a_damaged_census_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database, whatever its name says" * 100)
    with pytest.raises(IndexUnusableError) as caught:
        Census(tmp_path, "scripted")
    assert "no picture is fetched twice" in caught.value.hint


def test_rows_that_somebody_changed_are_damage(tmp_path: Path) -> None:
    census = Census(tmp_path, "scripted")
    census.take(ScriptedSource([FULL]), DAM)
    with sqlite3.connect(census.path) as db:
        db.execute("UPDATE images_scripted SET projection = 'cubic'")
    with pytest.raises(IndexUnusableError, match="damaged"):
        list(census.images([1]))


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    census = Census(tmp_path, "scripted")
    census._db.execute("PRAGMA max_page_count = 30")
    with pytest.raises(InputError, match="full"):
        census.take(ScriptedSource(crowd(2000)), DAM)
    census._db.execute("PRAGMA max_page_count = 2000")
    assert census.take(ScriptedSource(crowd(10)), DAM) > 0
    census.keep_details(FULL, FULL)


def test_threads_share_it(tmp_path: Path) -> None:
    census = Census(tmp_path, "scripted")
    images = crowd(64)
    census.take(ScriptedSource(images), DAM)
    threads = [
        threading.Thread(target=lambda part=part: [census.keep_details(image, image) for image in part])
        for part in (images[::3], images[1::3], images[2::3])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(census.details(images)) == images


def test_an_empty_area_has_no_images(tmp_path: Path) -> None:
    census = Census(tmp_path, "scripted")
    census.take(ScriptedSource([]), DAM)
    assert len(census.columns(DAM)) == 0
    assert len(census.chosen_rows()) == 0
