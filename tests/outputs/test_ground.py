"""The ground of a page: what is packed comes back as it was, within what is promised, and is drawn."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from geoflood.core.datatypes import City
from geoflood.core.geo import from_local, to_local
from geoflood.outputs.ground import PageGround, draw_ground
from geoflood.outputs.map import write_map
from geoflood.places.street_map import AreaKind, LineKind, StreetMap
from tests.support.browser import CANARY, HOSTILE, needs_browser, open_page, page_data
from tests.support.street_maps import ORIGIN, street_map

NOWHERE = np.empty((0, 2))


def numbers(content: bytes) -> Iterator[int]:
    value, shift = 0, 0
    for byte in content:
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            yield value
            value, shift = 0, 0


def unpacked(ground: PageGround) -> dict[str, list[Any]]:
    """What streets.js should read: lines and areas (kind, name, places), rings that go on, spots."""
    content = gzip.decompress(base64.b64decode(ground.packed))
    length = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + length])
    rest = numbers(content[4 + length :])

    def column(count: int) -> list[int]:
        return [next(rest) for _ in range(count)]

    def signed() -> int:
        value = next(rest)
        return -(value + 1) // 2 if value % 2 else value // 2

    def named(count: int) -> list[str]:
        held = np.cumsum([signed() for _ in range(count)]).tolist()
        return [header["names"][n] if n >= 0 else "" for n in held]

    def shapes(count: int) -> list[Any]:
        kinds, names, counts = column(count), named(count), column(count)
        found, first = [], np.zeros(2, np.int64)
        for kind, name, points in zip(kinds, names, counts, strict=True):
            steps = np.array([(signed(), signed()) for _ in range(points)])
            steps[0] += first
            first = steps[0]
            found.append((kind, name, np.cumsum(steps, 0) * header["unit"]))
        return found

    lines, rings, spots = header["counts"]
    result = {"lines": shapes(lines), "areas": shapes(rings), "again": column(rings)}
    names = named(spots)
    places = np.cumsum([(signed(), signed()) for _ in range(spots)], 0) * header["unit"]
    result["spots"] = list(zip(names, np.reshape(places, (-1, 2)).tolist(), strict=True))
    assert next(rest, None) is None
    return result


def grid(size: int, name: str = "Street") -> StreetMap:
    """Streets some 100 m apart, each in pieces of 100 m, with a house in each block."""
    at = [100.0 * k + step for k, step in enumerate(np.random.default_rng(2).uniform(0, 20, size).tolist())]
    lines = [
        (f"{name} {k} {way}", LineKind.MINOR, [(a, along) if way == "up" else (along, a) for a in pair])
        for way in ("up", "across")
        for k, along in enumerate(at)
        for pair in pairwise(at)
    ]
    houses = [
        (
            "",
            AreaKind.BUILDING,
            [[(x + 30, y + 30), (x + 60, y + 30), (x + 60, y + 60), (x + 30, y + 60), (x + 30, y + 30)]],
        )
        for x in at[1:]
        for y in at[1:]
    ]
    return street_map(lines, houses, spots=[], doors=[])


def test_what_is_packed_comes_back_within_a_quarter_of_a_metre() -> None:
    town = street_map()
    found = unpacked(draw_ground(town, NOWHERE))
    told = {(kind, name): places for kind, name, places in found["lines"]}
    assert len(told) == len(found["lines"]) == len(town.lines)
    for n in range(len(town.lines)):
        name = town.names[town.lines.names[n]].shown if town.lines.names[n] >= 0 else ""
        drawn = to_local(told[town.lines.kinds[n], name], ORIGIN)
        ends = to_local(town.lines.degrees(n)[[0, -1]], ORIGIN)
        assert min(np.abs(drawn[[0, -1]] - ends).max(), np.abs(drawn[[-1, 0]] - ends).max()) < 0.25
    assert sorted(name for name, _ in found["spots"]) == ["Central Station", "Guildhall"]
    assert [(kind, name, len(places)) for kind, name, places in found["areas"]] == [
        (AreaKind.PARK, "Christ's Pieces", 5),
        (AreaKind.BUILDING, "", 5),
    ]


def test_pieces_of_a_street_are_one_line_without_bends_of_no_account() -> None:
    bent = street_map(
        [("Long Lane", LineKind.MINOR, [(0, 0), (50, 1), (100, 0)]),
         ("Long Lane", LineKind.MINOR, [(100, 0), (150, 20), (200, 0)]),
         ("Other Lane", LineKind.MINOR, [(200, 0), (300, 0)])], [], [], [],
    )  # fmt: skip
    found = {name: len(places) for _, name, places in unpacked(draw_ground(bent, NOWHERE))["lines"]}
    assert found == {"Long Lane": 4, "Other Lane": 2}


def test_rings_of_one_area_stay_together() -> None:
    outer = [(0, 0), (90, 0), (90, 90), (0, 90), (0, 0)]
    hole = [(30, 30), (60, 30), (60, 60), (30, 60), (30, 30)]
    away = [(x + 5000, y) for x, y in outer]
    areas = [("Lake", AreaKind.WATER, [outer, hole]), ("Pond", AreaKind.WATER, [away])]
    found = unpacked(draw_ground(street_map([], areas, [], []), NOWHERE))
    together = [(name, again) for (_, name, _), again in zip(found["areas"], found["again"], strict=True)]
    assert sorted(together) == [("Lake", 0), ("Lake", 1), ("Pond", 0)]
    assert together.index(("Lake", 1)) == together.index(("Lake", 0)) + 1


def test_what_does_not_fit_is_left_out_far_from_images_first_and_said() -> None:
    city = grid(30)
    whole = draw_ground(city, NOWHERE)
    assert whole.left_out == ""
    budget = len(whole.packed) // 2
    near = from_local([(0.0, 0.0)], ORIGIN)
    part = draw_ground(city, near, budget)
    assert 0.7 * budget < len(part.packed) <= budget
    assert re.search(r"\d+ % of the buildings are left out", part.left_out)
    found = unpacked(part)
    assert len(found["lines"]) == 60, "streets stay as long as there are houses to leave out"
    kept = np.array([to_local(places, ORIGIN).mean(0) for _, _, places in found["areas"]])
    assert np.hypot(*kept.T).max() < 29 * 100 * 1.3, "the far corner is empty"
    few = draw_ground(city, near, len(whole.packed) // 10)
    assert "small streets" in few.left_out
    assert len(few.packed) <= len(whole.packed) // 10


def test_an_empty_map_is_drawn() -> None:
    assert unpacked(draw_ground(StreetMap(), NOWHERE))["lines"] == []


def page_of(tmp_path: Path, streets: StreetMap) -> Path:
    path = tmp_path / "map.html"
    write_map(path, [], City("town", 4, 4, "rootsift", from_local([(-90, -90), (90, 90)], ORIGIN)), streets)
    return path


SEEN = """
setTimeout(() => {
  const ink = (pane) => {
    const canvas = document.querySelector(`.leaflet-${pane}-pane canvas`);
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.filter((_, at) => at % 4 === 3).reduce((sum, alpha) => sum + (alpha > 200), 0);
  };
  const seen = [ground.lines.map((line) => line.name), ground.spots.length, ink("ground"), ink("names"),
    map.attributionControl.getContainer().textContent, document.documentElement.dataset.theme,
    getComputedStyle(document.body).backgroundColor];
  document.querySelector(".night").click();
  seen.push(document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor);
  document.documentElement.dataset.seen = JSON.stringify(seen);
}, 600);
"""


def seen(path: Path, tmp_path: Path, script: str) -> list[Any]:
    page = re.sub("<meta http-equiv[^>]*>", "", path.read_text("utf-8"))
    path.write_text(page.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    dom = open_page(path, tmp_path / "profile")
    assert page_data(dom, "failures") is None
    return list(json.loads(page_data(dom, "seen") or "null"))


@needs_browser
def test_the_browser_reads_what_was_packed_and_draws_it_by_day_and_night(tmp_path: Path) -> None:
    town = street_map()
    names, spots, drawn, lettered, credit, theme, paper, other, night = seen(
        page_of(tmp_path, town), tmp_path, SEEN
    )
    assert names == [name for _, name, _ in unpacked(draw_ground(town, NOWHERE))["lines"]]
    assert spots == 2
    assert drawn > 10_000
    assert lettered > 300
    assert town.credit in credit
    assert (theme, other) == ("day", "night")
    assert paper != night


WATER = """
setTimeout(() => {
  const canvas = document.querySelector(".leaflet-ground-pane canvas");
  const at = (lat, lon) => {
    const spot = map.latLngToLayerPoint([lat, lon]).subtract(L.DomUtil.getPosition(canvas));
    return [...canvas.getContext("2d").getImageData(spot.x, spot.y, 1, 1).data];
  };
  document.documentElement.dataset.seen = JSON.stringify(SPOTS.map(([lat, lon]) => at(lat, lon)));
}, 600);
"""


@needs_browser
def test_areas_that_overlap_make_no_hole_and_a_hole_is_one(tmp_path: Path) -> None:
    lake = [(-80, -80), (40, -80), (40, 80), (-80, 80), (-80, -80)]
    island = [(-60, -20), (-40, -20), (-40, 20), (-60, 20), (-60, -20)]
    harbour = [(0, -60), (0, 60), (85, 60), (85, -60), (0, -60)]
    areas = [("", AreaKind.WATER, [lake, island]), ("", AreaKind.WATER, [harbour])]
    path = page_of(tmp_path, street_map([], areas, [], []))
    spots = from_local([(20, 0), (60, 0), (-20, 0), (-50, 0), (0, 85)], ORIGIN).tolist()
    both, one, other, hole, outside = seen(path, tmp_path, WATER.replace("SPOTS", json.dumps(spots)))
    assert both == one == other
    assert both[3] == 255
    assert hole == outside == [0, 0, 0, 0]


@needs_browser
def test_hostile_names_are_ink_and_the_policy_stays(tmp_path: Path) -> None:
    name = HOSTILE.replace("\n", " ")[:200]
    town = street_map([(name, LineKind.MAJOR, [(-900, 0), (900, 0)])], [(name, AreaKind.PARK, [])], [], [])
    dom = open_page(page_of(tmp_path, town), tmp_path / "profile")
    assert page_data(dom, "failures") is None
    assert page_data(dom, "canary") is None
    assert page_data(dom, "ground")
    assert CANARY not in re.sub(r"<script.*?</script>", "", dom, flags=re.S)
