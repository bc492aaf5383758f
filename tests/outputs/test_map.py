"""The map as a file and in a real browser: it opens with no network, and foreign text runs nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from geoflood.core.datatypes import (
    AttentionMap,
    Candidate,
    Cell,
    City,
    Estimate,
    Image,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    StreetWords,
)
from geoflood.core.errors import UsageError
from geoflood.core.geo import from_local, offset
from geoflood.outputs.basemap import street_map_of
from geoflood.outputs.map import PanelSheet, write_map
from tests.support.browser import (
    CANARY,
    CHROMIUMS_OWN,
    HOSTILE,
    Links,
    eavesdropper,
    needs_browser,
    open_page,
    page_data,
)
from tests.support.keyboard import keyboard

SPOT = LatLon(29.76, -95.37)


def picture(shade: int) -> Image:
    return np.full((60, 80, 3), shade, np.uint8)


def sheet(text: str = "why", name: str = "flood.jpg", outcome: Outcome = Outcome.LOCATED) -> PanelSheet:
    found = tuple(
        Candidate(
            Reference(i, "k", offset(SPOT, 90, 9 * i), text, 30.0, 60.0, text, text),
            0.9 - i / 10,
            None,
            text,
            street=text,
        )
        for i in range(3)
    )
    estimate = Estimate(
        SPOT, 0.7, 9.0, 30.0, (Cell(SPOT, 10.0, 0.6), Cell(offset(SPOT, 0, 10), 10.0, 0.3)), 0.1
    )
    attention = AttentionMap(np.array([[0.2, 1.8], [1, 1]], np.float32), 0.4, text, (text,))
    words = StreetWords(text, ((text, 0.6), (text, 0.3)), text, text)
    located = Located(
        Query(Path(name)), outcome, Reason.recorded(text), found, estimate, attention, streets=words
    )
    return PanelSheet(located, picture(90), {0: picture(120), 1: picture(150)})


def city(text: str = "rivertown") -> City:
    return City(text, 400, 100, text, from_local(np.random.default_rng(1).uniform(-500, 500, (400, 2)), SPOT))


def basemap(text: str) -> dict[str, object]:
    line = {"type": "LineString", "coordinates": [[-95.372, 29.76], [-95.368, 29.761]]}
    street = {"type": "Feature", "id": text, "properties": {"name": text, text: text}, "geometry": line}
    return {"type": "FeatureCollection", "attribution": text, "features": [street]}


def written(tmp_path: Path, *sheets: PanelSheet, tiles: str | None = None) -> str:
    path = tmp_path / "map.html"
    write_map(path, sheets or [sheet()], city(), tiles=tiles)
    return path.read_text(encoding="utf-8")


# ---- without a browser


def test_the_page_refers_to_nothing_outside(tmp_path: Path) -> None:
    page = written(tmp_path)
    links = Links(page)
    assert not {"link", "iframe", "object", "embed", "base", "a", "img"} & set(links.tags)
    assert [link for link in links.found if not link.startswith("data:")] == []
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.S))
    assert {url[:5] for url in re.findall(r"url\(([^)]*)\)", styles)} <= {"data:", "#defa"}
    assert "@import" not in styles


def test_the_policy_lets_nothing_out_unless_tiles_are_asked_for(tmp_path: Path) -> None:
    def policy(page: str) -> str:
        found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
        assert found
        return found[1]

    offline = policy(written(tmp_path))
    assert "default-src 'none'" in offline
    assert "http" not in offline
    assert "script-src 'unsafe" not in offline
    online = policy(written(tmp_path, tiles="https://{s}.tiles.example.org/{z}/{x}/{y}.png"))
    assert "img-src data: https://*.tiles.example.org;" in online


@pytest.mark.parametrize(
    "tiles", ["javascript:alert(1)", "file:///etc/passwd", "https://a b/{z}", 'https://x";/{z}', ""]
)
def test_what_is_no_tile_server_is_refused(tmp_path: Path, tiles: str) -> None:
    with pytest.raises(UsageError, match="no address of map tiles"):
        written(tmp_path, tiles=tiles)
    assert list(tmp_path.iterdir()) == []


def test_pictures_are_shrunk_and_shared(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1200, 1600, 3), dtype=np.uint8)
    view = np.random.default_rng(2).integers(0, 255, (1200, 1600, 3), dtype=np.uint8)
    first = sheet()
    page = written(tmp_path, *(PanelSheet(first.located, noise, {0: view}) for _ in range(3)))
    pictures = [len(uri) for uri in re.findall(r"data:image/jpeg;base64,[\w+/=]+", page)]
    assert len(pictures) == 3 + 1, "a view that several photos share is in the page once"
    assert max(pictures) < 600_000


def test_a_hundred_thousand_positions_stay_small(tmp_path: Path) -> None:
    spots = from_local(np.random.default_rng(1).uniform(-9000, 9000, (100_000, 2)), SPOT)
    write_map(tmp_path / "map.html", [sheet()], City("big", 400_000, 100_000, "rootsift", spots))
    assert (tmp_path / "map.html").stat().st_size < 600_000


def test_an_empty_index_and_no_photos_still_give_a_page(tmp_path: Path) -> None:
    write_map(tmp_path / "map.html", [], City("empty", 0, 0, "rootsift", np.empty((0, 2))))
    assert "</html>" in (tmp_path / "map.html").read_text(encoding="utf-8")


# ---- in a browser


def text_of(dom: str, identifier: str) -> str:
    found = re.search(rf'id="{identifier}"[^>]*>(.*?)</(?:h1|p|footer|figcaption|span)>', dom, re.S)
    assert found
    return unescape(found[1])


@needs_browser
def test_it_opens_by_double_click_with_hostile_text_and_no_network(tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    name = HOSTILE.replace("/", "∕")[:200]
    sheets = [sheet(HOSTILE, name, outcome) for outcome in (Outcome.UNCERTAIN, Outcome.FAILED)]
    write_map(page, sheets, city(HOSTILE), street_map_of(basemap(HOSTILE)))
    with eavesdropper() as (port, lines):
        dom = open_page(page, tmp_path / "profile", f"--proxy-server=http://127.0.0.1:{port}")
    assert page_data(dom, "ready") == "true"
    assert page_data(dom, "failures") is None
    assert page_data(dom, "canary") is None
    assert [line for line in lines if not CHROMIUMS_OWN.search(line)] == []
    assert dom.count("<script") == 11
    assert page_data(dom, "ground"), "the streets are drawn"
    assert "leaflet-marker-icon" in dom
    assert "leaflet-overlay-pane" in dom
    shown = text_of(dom, "reason")
    assert shown.startswith("<script>document")
    assert r"\u202e\x00\u2028" in shown


@needs_browser
def test_the_canary_sings_where_it_can_and_the_policy_stops_it(tmp_path: Path) -> None:
    """What the test above relies on: the canary works, and a script that slips in is stopped and noticed."""
    smuggled = written(tmp_path).replace("</body>", f"<script>{CANARY}</script></body>")
    (tmp_path / "guarded.html").write_text(smuggled, encoding="utf-8")
    (tmp_path / "open.html").write_text(re.sub("<meta http-equiv[^>]*>", "", smuggled), encoding="utf-8")
    guarded = open_page(tmp_path / "guarded.html", tmp_path / "profile")
    assert page_data(guarded, "canary") is None
    assert "script-src" in (page_data(guarded, "failures") or "")
    assert page_data(open_page(tmp_path / "open.html", tmp_path / "profile"), "canary") == "ran"


@needs_browser
def test_tiles_are_asked_for_only_on_request(tmp_path: Path) -> None:
    """The proxy of the test above would have heard a request."""
    page = tmp_path / "map.html"
    write_map(page, [sheet()], city(), tiles="http://tiles.example.org/{z}/{x}/{y}.png")
    with eavesdropper() as (port, lines):
        open_page(page, tmp_path / "profile", f"--proxy-server=http://127.0.0.1:{port}")
    assert any(b"GET http://tiles.example.org/" in line for line in lines)


LINES = ((0.25, 0.5, 0.75, 0.25), (0.1, 0.1, 0.2, 0.2), (0.999, 0.999, 0.5, 0.5))


@needs_browser
def test_agreeing_details_are_lines_from_photo_to_match(tmp_path: Path) -> None:
    one = sheet()
    first, *others = one.located.candidates
    located = replace(one.located, candidates=(replace(first, pairs=LINES), *others))
    written(tmp_path, replace(one, located=located))
    drawn = """[document.querySelector("#compare .core").getAttribute("d").split("M").length - 1,
      getComputedStyle(document.querySelector("#compare .details")).display,
      document.querySelector("#compare [data-key=d]").hidden]"""
    ends = """(() => {
      const pictures = [...document.querySelectorAll("#compare .picture")];
      const [a, b] = pictures.map((one) => one.getBoundingClientRect());
      const { left, top } = document.querySelector("#compare .details").getBoundingClientRect();
      const path = document.querySelector("#compare .core").getAttribute("d").match(/[\\d.]+/g).slice(0, 4);
      return [(+path[0] + left - a.left) / a.width, (+path[1] + top - a.top) / a.height,
        (+path[2] + left - b.left) / b.width, (+path[3] + top - b.top) / b.height];
    })()"""
    settled = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
    with keyboard(tmp_path / "profile") as keys:
        keys.open(tmp_path / "map.html", 1280, 800)
        keys.press("e")
        keys.ask("Promise.all([...document.querySelectorAll('#compare img')].map((one) => one.decode()))")
        keys.ask(settled)
        assert keys.ask(drawn) == [3, "block", False]
        assert keys.ask(ends) == pytest.approx(LINES[0], abs=0.002)
        keys.press("+", "+")
        assert keys.ask(drawn)[0] < 3, "none to what is moved out of its pane"
        assert keys.ask(ends) == pytest.approx(LINES[0], abs=0.002)
        keys.press("0", "f")
        assert keys.ask(drawn)[1] == "none", "only side by side"
        keys.press("s")
        assert keys.ask(drawn) == [3, "block", False]
        keys.press("d")
        assert keys.ask(drawn)[1] == "none"
        keys.press("d", "ArrowRight")
        assert keys.ask(drawn) == [0, "block", True]
        assert keys.ask("document.documentElement.dataset.failures || ''") == ""


DRIVER = """
const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", {key}));
const text = (id) => document.getElementById(id).textContent;
const seen = [];
const note = (...what) => seen.push(what.join(" / "));
const count = (selector) => document.querySelectorAll(selector).length;
note(text("headline"), text("match-name"), count(".rank"), count(".letter"));
note(count("#photo canvas"), count("#photo .water"), document.querySelector(".water").style.height);
press("ArrowRight");
note(text("match-name"), count("#match img"), document.querySelector(".rank.chosen").textContent);
press("ArrowRight"); press("ArrowRight"); note(text("match-name"), text("match"));
document.getElementById("overlay").click(); note(document.body.className);
press("ArrowDown"); note(text("headline"), text("match-name"), count(".evidence:not([hidden])"));
press("ArrowUp"); document.getElementById("photo").click(); press("ArrowRight"); press("f");
const shown = document.getElementById("compare");
note(shown.open, count("#compare img"), count("#compare canvas"), shown.dataset.shown, text("match-name"));
press("ArrowDown"); press("Escape"); note(shown.open, text("headline"));
press("ArrowDown"); press("ArrowDown"); note(text("headline"), count(".rank"), text("photo"));
press("ArrowDown"); press("ArrowUp"); note(text("headline"), map.getZoom() > 13);
document.documentElement.dataset.seen = seen.join(" | ");
"""


@needs_browser
def test_keys_walk_through_matches_and_photos(tmp_path: Path) -> None:
    failed = PanelSheet(Located(Query(Path("x.jpg")), Outcome.FAILED, Reason.recorded("truncated")))
    page = written(tmp_path, sheet(), sheet(outcome=Outcome.NOT_FOUND), failed)
    page = re.sub("<meta http-equiv[^>]*>", "", page).replace("</body>", f"<script>{DRIVER}</script></body>")
    (tmp_path / "driven.html").write_text(page, encoding="utf-8")
    dom = open_page(tmp_path / "driven.html", tmp_path / "profile")
    assert page_data(dom, "failures") is None
    assert (page_data(dom, "seen") or "").replace("\u00a0", " ").split(" | ") == [
        "LOCATED — 70 % within 25 m / Best match 1 of 3 / 3 / 0",
        "1 / 1 / 40%",
        "Match 2 of 3 / 1 / 2",
        "Match 3 of 3 / The picture of this match is not kept here.",
        "plain",
        "NOT FOUND — 10 % not in this index / Look-alike, not a match 1 of 3 / 0",
        "true / 2 / 1 / match / Match 2 of 3",
        "false / LOCATED — 70 % within 25 m",
        "FAILED — truncated / 0 / The photo could not be read.",
        "NOT FOUND — 10 % not in this index / true",
    ]
