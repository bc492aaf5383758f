"""What the triage page tells of a photo and does with keys, in a real browser."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoflood.core.datatypes import (
    AttentionMap,
    Candidate,
    Cell,
    Estimate,
    Geotag,
    Image,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    StreetWords,
)
from geoflood.core.geo import degrees_minutes, from_local, usng
from geoflood.core.images import jpeg, read_image
from geoflood.triage.export import page_parts, triage_page
from geoflood.triage.export.formats import format_of
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.export.thumbnails import LARGE_BYTES, keep
from geoflood.triage.export.triage_page import write_triage
from geoflood.triage.findings import Decision, Finding, Post, Status
from tests.support.batch import photo_jpeg, random_scene
from tests.support.browser import needs_browser, open_page, page_data
from tests.support.keyboard import keyboard
from tests.support.triage_results import CITY, SPOT, any_picture, finding, run_script

HELPERS = """
const fire = (node, type, more) => node.dispatchEvent(Object.assign(new Event(type, {bubbles: true}), more));
const press = (key, on) => fire(on || document.body, "keydown", {key});
const text = (id) => byId(id).textContent;
const type = (id, value) => { byId(id).value = value; fire(byId(id), "input"); fire(byId(id), "change"); };
const number = () => text("title").split(" ")[0];
const seen = [];
const made = () => Object.values(draft.decisions);
const order = (name) => {
  byId("sort").value = name;
  for (const kind of ["input", "change"]) fire(byId("sort"), kind);
};
const signAs = (name) => { byId("by").value = name; sign(); };
if (byId("sign").open) leaveUnsigned();
"""
END = "document.documentElement.dataset.seen = JSON.stringify(seen);"


def page_of(tmp_path: Path, *found: Finding) -> Path:
    write_triage(tmp_path / "triage.html", found, CITY, "b", view=any_picture)
    return tmp_path / "triage.html"


def seen(tmp_path: Path, script: str, *found: Finding) -> list[object]:
    """What a script put into `seen`, run in the page of these photos."""
    dom = run_script(page_of(tmp_path, *found), HELPERS + script + END, tmp_path)
    assert page_data(dom, "failures") is None
    return list(json.loads(page_data(dom, "seen") or "null"))


def at(north_m: float, east_m: float = 0.0) -> LatLon:
    (lat, lon), *_ = from_local([(east_m, north_m)], SPOT).tolist()
    return LatLon(lat, lon)


def placed(number: int, outcome: Outcome, *spots: LatLon, probability: float = 0.6) -> Finding:
    """A photo that may have been taken at each of the spots, the first the likeliest."""
    one = finding(number, "water", outcome)
    cells = tuple(Cell(spot, 10.0, 0.9 / 2 ** (n + 1)) for n, spot in enumerate(spots))
    found = tuple(
        Candidate(Reference(number * 10 + n, "k", spot, "a.jpg"), 0.8 - n / 10)
        for n, spot in enumerate(spots)
    )
    estimate = Estimate(spots[0], probability, 9.0, 30.0, cells, 0.1)
    located = Located(one.located.query, outcome, Reason.recorded("why"), found, estimate)
    return replace(one, located=located, posts=(), exif=None, narrowed="")


PIN = LatLon(37.71061, -122.49872)
SIGNED = Decision(Status.CONFIRMED, "ana", datetime(2021, 7, 15, 3, 4), PIN, "the bridge")


@needs_browser
def test_the_panel_reads_a_persons_place_merged_or_just_set(tmp_path: Path) -> None:
    merged = replace(placed(1, Outcome.LOCATED, SPOT), decision=SIGNED)
    script = """
    order("number"); press("k");
    seen.push(text("place"), byId("place").querySelector("s").textContent, text("title"), text("reason"));
    press("j"); signAs("ben"); press("m");
    map.fire("click", {latlng: L.latLng(37.71061, -122.49872)});
    seen.push(text("place"), text("title"));
    press("u"); seen.push(text("place"));
    """
    first, struck, title, reason, second, other, undone = seen(
        tmp_path, script, merged, placed(2, Outcome.LOCATED, SPOT)
    )
    expected = f"{usng(PIN, 10)}37.71061, -122.49872{degrees_minutes(PIN, 10)}"
    assert f"Placed by ana, 2021-07-15T03:04:00Z{expected}" in str(first)
    assert str(struck).startswith(f"{usng(SPOT, 25)} · ")
    assert "the machine's proposal" in str(struck)
    assert "90 %" not in str(first)
    assert str(title).startswith("1 · placed by a person · ")
    assert reason == "The machine had said: why"
    assert "Placed by ben, 20" in str(second)
    assert expected in str(second)
    assert "placed by a person" in str(other)
    assert str(undone).startswith("Where the machine puts it")


@needs_browser
def test_the_pages_grid_is_that_of_the_files(tmp_path: Path) -> None:
    dice = np.random.default_rng(5)
    lat, lon = dice.uniform(-79.9, 83.9, 400), dice.uniform(-180, 179.9, 400)
    spots = [*zip(lat.round(6).tolist(), lon.round(6).tolist(), strict=True), (60.0, 4.0), (78.0, 20.0)]
    (grids,) = seen(tmp_path, f"seen.push({json.dumps(spots)}.map(coordinatesOf));", finding(1))
    assert isinstance(grids, list)
    for spot, (grid, degrees, minutes) in zip(spots, grids, strict=True):
        assert (grid, minutes) == (usng(LatLon(*spot), 10), degrees_minutes(LatLon(*spot), 10))
        assert [float(one) for one in degrees.split(", ")] == pytest.approx(spot, abs=6e-6)


@needs_browser
def test_a_decision_waits_for_a_name_and_a_place_for_a_pin(tmp_path: Path) -> None:
    script = """
    press("c"); seen.push(made().length, text("asked"), document.activeElement.id);
    press("j"); seen.push(number()); leaveUnsigned(); seen.push(made().length, text("notice"));
    press("c"); signAs("  ana "); seen.push(made().map((one) => [one.by, one.status]), text("notice"));
    press("j"); press("c"); seen.push(made().length, text("notice"));
    press("m"); map.fire("click", {latlng: L.latLng(29.5, -95.5)}); seen.push(made()[1].lat);
    seen.push(JSON.parse(localStorage.getItem("geoflood triage b")).by, text("reviewer"));
    """
    found = placed(1, Outcome.LOCATED, SPOT), finding(2, outcome=Outcome.NOT_FOUND)
    told = seen(tmp_path, script, *found)
    assert told[:4] == [0, "To confirm photo 1, sign with your name.", "by", "1"]
    assert told[4:6] == [0, "Not signed: nothing was decided."]
    assert told[6:9] == [[["ana", "confirmed"]], "", 1]
    assert "has no place to confirm: move the pin" in str(told[9])
    assert told[10:] == [29.5, "ana", "Signed by ana"]


@needs_browser
def test_real_keys_enter_alone_signs_and_no_shortcut_types_into_a_box(tmp_path: Path) -> None:
    page = page_of(tmp_path, *(placed(n, Outcome.LOCATED, at(n * 100)) for n in (1, 2, 3)))
    decided = "Object.values(draft.decisions).map((one) => one.status)"
    with keyboard(tmp_path / "profile") as keys:
        keys.open(page)
        assert keys.ask("byId('sign').open"), "the name is asked once, at the start"
        keys.press("Escape", "c")
        assert keys.ask("[byId('sign').open, byId('by').value]") == [True, ""]
        keys.press("j", "c", "Escape")
        assert keys.ask(f"[{decided}, byId('sign').open, current.n, draft.by]") == [[], False, 1, ""]
        keys.press("c", *"ana")
        keys.ask("byId('by').blur(); document.querySelector('#unsigned').focus()")
        assert keys.ask(decided) == [], "leaving the box signs nothing"
        keys.ask("byId('by').focus()")
        keys.press("Enter", "j", "n", *"cr j", "Escape")
        assert keys.ask(f"[{decided}, byId('note').value, current.n]") == [["confirmed"], "", 2]
        keys.press("n", *"wet", "Enter", "r", "/", *"c r", "Escape")
        assert keys.ask(
            f"[{decided}, made().at(-1).note, byId('search').value]".replace(
                "made()", "Object.values(draft.decisions)"
            )
        ) == [["confirmed", "rejected"], "wet", ""]
        keys.open(page)
        assert keys.ask("[byId('sign').open, byId('reviewer').textContent]") == [False, "Signed by ana"]


@needs_browser
def test_keys_go_on_after_clicks_and_from_the_place_in_the_order(tmp_path: Path) -> None:
    script = """
    signAs("ana");
    const box = document.querySelector("#statuses input");
    press("j", box); seen.push(number()); press("j", byId("sure")); seen.push(number());
    press("ArrowDown", byId("sure")); seen.push(number()); press("j", byId("note")); seen.push(number());
    document.querySelectorAll("#statuses input").forEach((one, at) => { one.checked = at === 0; });
    filter(true); for (let n = 0; n < 8; n++) press("j");
    seen.push(number()); press("c"); seen.push(text("counts").split(" ")[0], number());
    press("j"); seen.push(number()); press("k"); press("k"); seen.push(number());
    byId("onward").click(); press("r"); seen.push(number());
    """
    found = [placed(n, Outcome.LOCATED, at(n * 100)) for n in range(1, 21)]
    assert seen(tmp_path, script, *found) == ["2", "3", "3", "3", "11", "19", "11", "12", "9", "10"]


@needs_browser
def test_a_note_belongs_to_its_decision_before_or_after_it(tmp_path: Path) -> None:
    script = """
    signAs("ben"); type("note", "early"); press("j"); press("k"); seen.push(byId("note").value);
    press("c"); seen.push(made()[0].note); type("note", "late"); press("j"); press("k");
    seen.push(byId("note").value, made()[0].note);
    press("j"); press("j"); seen.push(byId("note").value); type("note", "seen too");
    byId("note").focus(); seen.push(made().length); press("Enter", byId("note")); seen.push(made()[1]);
    """
    merged = replace(placed(3, Outcome.LOCATED, SPOT), decision=SIGNED)
    found = placed(1, Outcome.LOCATED, SPOT), placed(2, Outcome.LOCATED, SPOT), merged
    *notes, unsigned, again = seen(tmp_path, script, *found)
    assert unsigned == 1, "what was merged before is decided anew by Enter alone"
    assert notes == ["early", "early", "late", "late", "the bridge"]
    assert isinstance(again, dict)
    assert (again["by"], again["status"], again["lat"]) == ("ben", "confirmed", PIN.lat)
    assert again["note"] == "seen too"


@needs_browser
def test_what_was_confirmed_is_the_place_that_was_shown(tmp_path: Path) -> None:
    """The page was written anew since, and the machine's place moved; or it did not."""
    shown = [SPOT.lat, SPOT.lon]
    told = {"status": "confirmed", "by": "eve", "at": "2021-07-15T03:04:00Z", "lat": None, "lon": None}
    kept = {f"{n:064x}": {**told, "note": "", "seen": shown} for n in (1, 2, 3)}
    kept[f"{3:064x}"]["status"] = "rejected"
    script = f"""
    const kept = {json.dumps({"by": "eve", "notes": {}, "decisions": kept})};
    localStorage.setItem("geoflood triage b", JSON.stringify(kept)); recall(); filter(true);
    choose(0, false); seen.push(text("place"), byId("place").querySelector("s").textContent);
    press("j"); seen.push(text("place"));
    save(); seen.push(JSON.parse(document.documentElement.dataset.saved).decisions);
    press("j"); press("j"); press("c"); seen.push(made().at(-1).seen);
    seen.push(text("waiting"), byId("waiting").hidden);
    """
    found = [placed(n, Outcome.LOCATED, at(70 if n in (1, 3) else 0)) for n in (1, 2, 3)]
    moved, struck, still, decided, own, waiting, hidden = seen(
        tmp_path, script, *found, placed(4, Outcome.LOCATED, SPOT)
    )
    assert "Placed by eve" in str(moved)
    assert "70 m away" in str(struck)
    assert str(still).startswith("Where the machine puts it")
    assert isinstance(decided, list)
    assert [[one["lat"], one["lon"]] for one in decided] == [shown, [None, None], [None, None]]
    assert (own, waiting, hidden) == (shown, "", True)


@needs_browser
def test_what_the_browser_kept_of_other_photos_or_from_before_is_dropped(tmp_path: Path) -> None:
    merged = replace(placed(2, Outcome.LOCATED, SPOT), decision=SIGNED)
    old = {
        "status": "rejected",
        "by": "eve",
        "at": "2021-07-15T03:04:00Z",
        "lat": None,
        "lon": None,
        "note": "",
    }
    kept = {
        "by": "eve",
        "onward": True,
        "notes": {"0" * 64: "x", f"{1:064x}": "mine"},
        "decisions": {f"{1:064x}": old, f"{2:064x}": old, "0" * 64: old, "f" * 64: {"status": "<b>"}},
    }
    script = f"""
    localStorage.setItem("geoflood triage other", JSON.stringify({json.dumps(kept)})); recall();
    seen.push(made().length);
    localStorage.setItem("geoflood triage b", JSON.stringify({json.dumps(kept)})); recall();
    seen.push(Object.keys(draft.decisions), draft.notes, draft.by);
    localStorage.setItem("geoflood triage b", "[" + "1,".repeat(9)); recall(); seen.push(made().length);
    """
    none, decided, notes, by, still = seen(tmp_path, script, placed(1, Outcome.LOCATED, SPOT), merged)
    assert (none, decided, notes, by, still) == (0, [f"{1:064x}"], {f"{1:064x}": "mine"}, "eve", 1)


@needs_browser
def test_it_opens_on_all_pins_and_shows_each_ones_status(tmp_path: Path) -> None:
    script = """
    const pins = [...document.querySelectorAll(".folium-map .pin:not(.chosen)")];
    const signs = () => pins.map((one) => [one.className.includes("confirmed"), one.textContent]).sort();
    seen.push(items.every((item) => map.getBounds().contains(item.at)), number(), signs());
    press("j"); seen.push(map.getZoom() >= 16); press("o"); seen.push(map.getZoom() < 14);
    """
    merged = replace(placed(3, Outcome.UNCERTAIN, at(-9000)), decision=replace(SIGNED, position=None))
    found = placed(1, Outcome.LOCATED, at(9000)), placed(2, Outcome.UNCERTAIN, SPOT), merged
    assert seen(tmp_path, script, *found) == [
        *(True, "1", [[False, "?"], [False, "?"], [True, "✓"]]),
        *(True, True),
    ]


@needs_browser
def test_close_pins_are_a_cluster_that_counts_the_confirmed_and_opens(tmp_path: Path) -> None:
    script = """
    const nodes = (kind) => [...document.querySelectorAll(`.folium-map .${kind}:not(.chosen)`)];
    const drawn = (kind) => nodes(kind).map((node) => node.textContent);
    seen.push(drawn("cluster"), drawn("pin"));
    signAs("ana"); press("c"); seen.push(drawn("cluster"));
    press("j"); press("r"); seen.push(drawn("cluster"));
    press("o"); const before = map.getZoom();
    document.querySelector(".folium-map .cluster").click();
    seen.push(map.getZoom() > before + 3, drawn("cluster"), drawn("pin"));
    document.querySelectorAll("#statuses input")[1].click(); press("o");
    seen.push(drawn("cluster"), drawn("pin"));
    """
    found = [placed(n, Outcome.LOCATED, at(n * 30)) for n in (1, 2, 3)]
    assert seen(tmp_path, script, *found, placed(4, Outcome.LOCATED, at(9000))) == [
        *(["3"], ["?"], ["3✓1"], ["2✓1"]),
        *(True, [], ["✓", "?"]),
        *([], ["?", "?"]),
    ]


@needs_browser
def test_other_places_that_fit_can_be_compared_and_confirmed(tmp_path: Path) -> None:
    script = """
    seen.push([...document.querySelectorAll("#matches li")].map((one) => one.textContent.split(" ·")[0]));
    const pictured = () => byId("match").querySelector("img").src.length > 99;
    seen.push(document.querySelectorAll(".folium-map .match").length, pictured());
    seen.push([0, 1].map((at) => ringsOf(current, at).length));
    let drawn = 0; evidence.eachLayer((layer) => { drawn += layer instanceof L.Polygon; });
    seen.push(drawn);
    document.querySelectorAll("#matches button")[1].click();
    seen.push(text("match-name"), text("confirm"), pictured());
    signAs("ana"); press("c"); seen.push(made()[0].lat, text("confirm"));
    press("j"); seen.push(byId("several").hidden);
    """
    several = placed(1, Outcome.LIKELY, SPOT, at(500), at(505), at(0, 900))
    sure = placed(2, Outcome.LOCATED, SPOT)
    rows, marks, shown, rings, drawn, name, confirm, other, lat, after, alone = seen(
        tmp_path, script, several, sure
    )
    assert rows == ["160 % within 25 m", "225 % within 25 m", "44 % within 25 m"], (
        "rank and share; the third shows the second's place"
    )
    assert (marks, shown, other) == (3, True, True)
    assert (rings, drawn) == ([3, 2], 2), "one outline around all pieces, for each share of the belief"
    assert (name, confirm, after, alone) == ("Match 2 (0.70)", "Confirm at match 2 ", "Confirm ", True)
    assert lat == pytest.approx(at(500).lat, abs=1e-6)


def test_the_likeliest_match_comes_first_and_all_shares_are_of_one_whole(tmp_path: Path) -> None:
    """The first candidate is not always where most of the belief is."""
    found = placed(1, Outcome.UNCERTAIN, SPOT, at(500), at(1000), at(1500), probability=0.24)
    estimate = found.located.estimate
    assert estimate is not None
    moved = replace(estimate, position=at(500), not_in_index=0.3)
    (item,) = items_of(page_of(tmp_path, replace(found, located=replace(found.located, estimate=moved))))
    matches = item["matches"]
    shares = [match["share"] for match in matches]
    assert shares == sorted(shares, reverse=True)
    assert [match["rank"] for match in matches][:2] == [1, 2]
    assert matches[1]["share"] == 0.24, "what is said of the photo is said of its place"
    assert sum(shares) + 0.3 <= 1.0
    words = str(item["belief"]).replace("\u00a0", " ")
    assert words == "24 % within 25 m · 46 % farther off in this index · 30 % not in this index"


@needs_browser
def test_outcomes_have_a_filter_a_count_and_looks_of_their_own(tmp_path: Path) -> None:
    script = """
    const styles = (nodes, ...names) => new Set([...document.querySelectorAll(nodes)].map(
      (node) => names.map((name) => getComputedStyle(node)[name]).join(" "))).size;
    seen.push(text("counts"));
    document.querySelectorAll("#outcomes input")[1].click(); seen.push(text("counts"));
    document.querySelectorAll("#outcomes input")[1].click();
    map.setView(items[0].at, 20, { animate: false });
    seen.push(styles("#help .pin.candidate span", "borderTopStyle"), styles(".row", "borderLeftColor"));
    press("j"); seen.push(text("place"));
    """
    found = [placed(n, outcome, at(n * 30)) for n, outcome in enumerate(Outcome, 1)]
    counts, without, pins, borders, place = seen(tmp_path, script, *found)
    assert counts == "5 of 5 photos: 1 located, 1 likely, 1 uncertain, 1 not-found, 1 failed"
    assert without == "4 of 5 photos: 1 located, 0 likely, 1 uncertain, 1 not-found, 1 failed"
    assert (pins, borders) == (3, 5)
    assert "60 % within 25 m · 30 % farther off in this index · 10 % not in this index" in str(place).replace(
        "\u00a0", " "
    )


@needs_browser
def test_witnesses_are_drawn_and_said_to_disagree(tmp_path: Path) -> None:
    post = Post(
        *("JSONL manifest", "", "one\r\ntwo\u202e\nthree", "", datetime(2021, 7, 14, 5)),
        geotag=Geotag(at(4000), "post"),
        clock="the file's name",
    )
    near = Geotag(at(40), "exif")
    one = replace(
        placed(1, Outcome.LOCATED, SPOT, probability=1.0),
        posts=(post,),
        exif=near,
        taken_at=datetime(2021, 7, 14, 4, 59),
    )
    script = """
    seen.push([...document.querySelectorAll("#witnesses li")].map((one) => one.textContent));
    seen.push(document.querySelectorAll(".folium-map .witness").length, text("said"), text("credit"));
    seen.push(text("rows"), byId("zoned").hidden);
    """
    witnesses, drawn, posted, credit, rows, zoned = seen(tmp_path, script, one)
    assert isinstance(witnesses, list)
    assert witnesses[0].endswith("(40 m away)")
    assert "2021-07-14 04:59" in witnesses[1]
    assert witnesses[2].endswith("DISAGREES: 4.0 km away")
    assert drawn == 2
    assert (
        posted == "2021-07-14 05:00, zone unknown: the file's name (JSONL manifest)\none\ntwo\\u202e\nthree"
    )
    assert credit == "Image: credit unknown · licence unknown"
    assert "over 99 %" in str(rows)
    assert "100 %" not in str(rows)
    assert ("local time" in str(rows), zoned) == (True, False)


@needs_browser
def test_photos_of_one_spot_are_a_list_and_pictures_can_be_enlarged(tmp_path: Path) -> None:
    script = """
    map.setView(items[0].at, 20); open([...items].sort((a, b) => a.n - b.n));
    seen.push([...document.querySelectorAll(".spot button")].map((one) => one.textContent));
    document.querySelectorAll(".spot button")[2].click(); seen.push(number());
    byId("match").click(); seen.push(compare.isOpen(), document.querySelectorAll("#compare img").length);
    press("Escape"); seen.push(compare.isOpen());
    """
    merged = replace(placed(2, Outcome.LOCATED, SPOT), decision=replace(SIGNED, position=None))
    found = placed(1, Outcome.LOCATED, SPOT), merged, placed(3, Outcome.LOCATED, SPOT)
    names, third, *rest = seen(tmp_path, script, *found)
    assert names == ["? 1 located 60 %", "✓ 2 located 60 %", "? 3 located 60 %"]
    assert (third, rest) == ("3", [True, 1, False])


@needs_browser
def test_the_public_map_says_of_a_persons_pin_that_it_is_one(tmp_path: Path) -> None:
    page = tmp_path / "public.html"
    found = [placed(1, Outcome.NOT_FOUND, SPOT), placed(2, Outcome.LOCATED, SPOT)]
    found[0] = replace(found[0], decision=SIGNED)
    format_of(page).write(page, found, Sharing.PUBLIC)
    script = 'seen.push(text("place")); press("j"); seen.push(text("place"), text("verdict"));'
    first, second, verdict = json.loads(
        page_data(run_script(page, HELPERS + script + END, tmp_path), "seen") or ""
    )
    assert first.startswith("Placed by a person")
    assert "if it is in this index" not in first + second
    assert second.startswith("Where the machine puts it")
    assert verdict == "? candidate: not confirmed by a person"


def calling(number: int, text: str, probability: float = 0.6, **more: object) -> Finding:
    """A photo whose post says so, of the hour of its number."""
    post = Post("JSONL", "1", text, "ana", datetime(2021, 7, 14, 23 - number % 24))
    return replace(placed(number, Outcome.LOCATED, at(number * 300), probability=probability), posts=(post,))


QUEUE = (
    calling(1, "water in the street"),
    calling(2, "Help us, trapped on the roof", 0.3),
    calling(3, "Hilfe, eingeschlossen, Kinder auf dem Dach", 0.9),
    calling(4, "look at this", 0.95),
)


@needs_browser
def test_the_queue_begins_with_what_is_urgent_likely_and_undecided(tmp_path: Path) -> None:
    script = """
    const rows = () =>
      [...document.querySelectorAll(".row b")].map((one) => Number(one.textContent.split(" ")[0]));
    seen.push(rows(), number(), text("decided"));
    signAs("ana"); press("c"); press("q");
    seen.push(rows(), number(), text("decided"), text("save"));
    press("r"); press("k"); press("q"); seen.push(number());
    press("c"); press("q"); press("q"); seen.push(number());
    press("c"); press("q"); seen.push(text("decided"), text("notice"));
    for (const name of ["time", "number"]) { order(name); seen.push(rows()); }
    press("u"); order("urgency"); seen.push(rows());
    press("c", byId("sort")); seen.push(made().length);
    """
    told = seen(tmp_path, script, *QUEUE)
    assert told[:3] == [[3, 2, 4, 1], "3", "0 of 4 decided"]
    assert told[3:7] == [[3, 2, 4, 1], "2", "1 of 4 decided", "Save 1 decision"]
    assert told[7:9] == ["4", "1"], "next undecided goes over the decided, and never moves the list"
    assert told[9:11] == ["4 of 4 decided", "No other photo is undecided."]
    assert told[11:13] == [[4, 3, 2, 1], [1, 2, 3, 4]]
    assert told[13:] == [[1, 2, 3, 4], 3], "what is decided comes last"


@needs_browser
def test_the_post_is_on_top_with_what_calls_for_help_marked(tmp_path: Path) -> None:
    script = """
    seen.push(text("calls"), [...document.querySelectorAll("#said mark.call")].map((one) => one.textContent));
    seen.push(byId("said").getBoundingClientRect().top < byId("pair").getBoundingClientRect().top);
    press("q"); press("q"); seen.push(text("calls"), text("said").split("\\n")[1], text("posts"));
    """
    calls, marked, above, none, said, more = seen(tmp_path, script, *QUEUE)
    assert calls == "Calls for help: Hilfe · eingeschlossen · Kinder · auf dem Dach"
    assert marked == ["Hilfe", "eingeschlossen", "Kinder", "auf dem Dach"]
    assert (above, none, said, more) == (True, "", "look at this", "")


@needs_browser
def test_search_filter_and_selection_agree_and_the_pin_stays_above(tmp_path: Path) -> None:
    script = """
    const pins = () => [...document.querySelectorAll(".folium-map .pin.chosen")];
    const above = () => {
      const all = [...document.querySelectorAll(".folium-map .leaflet-marker-icon")];
      return map.getBounds().contains(spotOf(current)) && all.every((one) => one === pins()[0]
        || Number(one.style.zIndex) < Number(pins()[0].style.zIndex));
    };
    seen.push(byId("outside").hidden, pins().length, above());
    type("search", "look"); seen.push(byId("outside").hidden, text("outside"), number(), pins().length);
    press("q"); seen.push(byId("outside").hidden, number(), above());
    type("search", "");
    seen.push(document.querySelector(".row[aria-current=true] b").textContent.split(" ")[0]);
    for (const one of items) { choose(shown.indexOf(one), true); seen.push(above()); }
    """
    told = seen(tmp_path, script, *QUEUE)
    assert told[:3] == [True, 1, True]
    assert told[3:7] == [False, "Filtered out: not among those in the list. Next undecided: q", "3", 1]
    assert told[7:10] == [True, "4", True]
    assert told[10:] == ["4", True, True, True, True]


@needs_browser
def test_all_fits_a_laptop_and_a_phone_begins_with_pictures_and_map(tmp_path: Path) -> None:
    page = page_of(tmp_path, *(calling(n, "a long post about the water " * 12) for n in range(1, 9)))
    box = """((id) => { const {top, bottom, left, right} = document.querySelector(id).getBoundingClientRect();
      return [top, bottom, left, right].map(Math.round); })"""
    wide = "document.documentElement.scrollWidth"
    with keyboard(tmp_path / "profile") as keys:
        keys.open(page, 1280, 800)
        keys.press("Escape")
        assert keys.ask(wide) == 1280
        top, bottom, *_ = keys.ask(f"{box}('#help')")
        assert (bottom, bottom - top < 50) == (800, True), "legend and keys in two lines"
        top, bottom, *_ = keys.ask(f"{box}('#filters')")
        assert bottom - top < 70
        assert keys.ask("""[...document.querySelectorAll(".row small")].every((one) =>
          one.getBoundingClientRect().right <= byId("list").getBoundingClientRect().right)""")
        assert keys.ask("getComputedStyle(document.querySelector('.row small')).textOverflow") == "ellipsis"
        keys.open(page, 390, 844)
        keys.press("Escape")
        assert keys.ask(wide) == 390
        pair, chart = keys.ask(f"{box}('#pair')"), keys.ask(f"{box}('.folium-map')")
        assert pair[1] <= chart[0] < 600
        assert chart[3] - chart[2] == 390
        assert keys.ask(f"{box}('#filters')")[0] >= chart[1], "the list and its filters come after"
        keys.ask("scrollTo(0, document.body.scrollHeight)")
        assert keys.ask(f"{box}('#decided')")[0] >= 0, "how many are decided stays in sight"


@needs_browser
def test_real_keys_compare_over_the_whole_screen_and_decide_without_leaving(tmp_path: Path) -> None:
    looked_at = AttentionMap(np.linspace(0.2, 1.8, 12, dtype=np.float32).reshape(3, 4), 0.4, "analyst")
    several = placed(1, Outcome.LIKELY, SPOT, at(500), at(0, 900))
    (tmp_path / "1.jpg").write_bytes(photo_jpeg(1))
    located = replace(several.located, attention=looked_at, query=Query(tmp_path / "1.jpg"))
    page = page_of(tmp_path, replace(several, located=located), placed(2, Outcome.LOCATED, at(0, 3000)))
    names = "[...document.querySelectorAll('#compare figcaption')].map((one) => one.textContent)"
    seen_now = """["photo", "match"].filter((name) =>
      getComputedStyle(document.querySelector(`#compare .pane-${name}`)).opacity === "1")"""
    widths = """[...document.querySelectorAll("#compare img")].map((one) =>
      Math.round(one.getBoundingClientRect().width))"""
    layers = """[...document.querySelectorAll("#compare :is(canvas, .water)")].filter((one) =>
      one.offsetWidth).length"""
    with keyboard(tmp_path / "profile") as keys:
        keys.open(page, 1280, 800)
        keys.press(*"ana", "Enter", "e")
        assert keys.ask("compare.isOpen()")
        assert keys.ask(names) == ["Photo", "Match 1 (0.80)"]
        keys.ask("Promise.all([...document.querySelectorAll('#compare img')].map((one) => one.decode()))")
        before = keys.ask(widths)
        assert sum(before) > 1200, "the pair fills the screen"
        keys.press("+", "+")
        assert keys.ask(widths) == [pytest.approx(one * 1.25**2, abs=2) for one in before], "both together"
        keys.press("0", "f")
        assert keys.ask(seen_now) == ["match"]
        keys.press("f")
        assert keys.ask(seen_now) == ["photo"]
        assert keys.ask(layers) == 2
        keys.press("a", "w")
        assert keys.ask(layers) == 0
        keys.press("b")
        told = keys.ask(f"new Promise((done) => setTimeout(() => done({seen_now}), 650))")
        assert told == ["match"], "it blinks by itself"
        keys.press("s", "ArrowRight")
        assert keys.ask(f"[{seen_now}, {names}[1], current.n]") == [["photo", "match"], "Match 2 (0.70)", 1]
        keys.press("c", "q", "r")
        decided = keys.ask("Object.values(draft.decisions).map((one) => [one.status, one.lat])")
        assert decided == [["confirmed", pytest.approx(at(500).lat, abs=1e-6)], ["rejected", None]]
        assert keys.ask("document.querySelector('#compare b').textContent").startswith("2 of 2 decided · 2 ")
        keys.press("Escape")
        assert not keys.ask("compare.isOpen()")


def with_pairs(one: Finding) -> Finding:
    first, *others = one.located.candidates
    pairs = ((0.25, 0.5, 0.75, 0.25),) * 40
    return replace(one, located=replace(one.located, candidates=(replace(first, pairs=pairs), *others)))


@needs_browser
def test_agreeing_details_of_the_first_match_are_lines_to_compare(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(photo_jpeg(1))
    one = with_pairs(placed(1, Outcome.LIKELY, SPOT, at(500)))
    page = page_of(tmp_path, replace(one, located=replace(one.located, query=Query(tmp_path / "1.jpg"))))
    drawn = """[document.querySelector("#compare .core").getAttribute("d").split("M").length - 1,
      document.querySelector("#compare [data-key=d]").hidden]"""
    with keyboard(tmp_path / "profile") as keys:
        keys.open(page, 1280, 800)
        keys.press(*"ana", "Enter", "e")
        keys.ask("Promise.all([...document.querySelectorAll('#compare img')].map((one) => one.decode()))")
        assert keys.ask(f"new Promise((done) => setTimeout(() => done({drawn}), 300))") == [40, False]
        keys.press("Enter", " ")
        assert keys.ask("Object.keys(draft.decisions)") == [], "no button has the focus by chance"
        keys.press("ArrowRight")
        assert keys.ask(drawn) == [0, True]


def test_lines_to_compare_are_of_the_photos_with_larger_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geoflood.triage.export.triage_page.MOST_LARGE", 1)
    outcomes = (Outcome.NOT_FOUND, Outcome.LOCATED, Outcome.LOCATED)
    page = page_of(tmp_path, *(with_pairs(placed(n, one, SPOT)) for n, one in enumerate(outcomes, 1)))
    told = [item["matches"][0]["details"] for item in items_of(page)]
    assert told == ["", "250500750250" * 40, ""]


@needs_browser
def test_forty_posts_are_decided_by_keys_alone(tmp_path: Path) -> None:
    found = [calling(n, "help" if n % 3 else "water", 0.3 + n / 100) for n in range(1, 41)]
    page = page_of(tmp_path, *found)
    with keyboard(tmp_path / "profile") as keys:
        keys.open(page)
        began = time.monotonic()
        keys.press(*"ana", "Enter")
        for n in range(40):
            keys.press("e", "f", "f", "r" if n % 4 == 0 else "c", "Escape", "q")
        assert time.monotonic() - began < 300
        assert keys.ask("[byId('decided').textContent, byId('save').textContent]") == [
            "40 of 40 decided",
            "Save 40 decisions",
        ]


def block_of(page: Path, name: str) -> dict[str, Any]:
    text = page.read_text("utf-8").split(f'<script type="application/json" id="{name}">')[1]
    return dict(json.loads(text.split("</script>")[0]))


def items_of(page: Path) -> list[dict[str, Any]]:
    """All that the first part tells of its photos, by their numbers."""
    listed, told = block_of(page, "data")["items"], block_of(page, "part-0")["items"]
    return sorted(({**one, **more} for one, more in zip(listed, told, strict=True)), key=lambda one: one["n"])


def test_a_page_begins_with_the_queue_and_a_picture_is_in_it_once(tmp_path: Path) -> None:
    """By their confidence: the first part has the likeliest photos, whatever their numbers."""
    last = page_parts.PART + 3
    found = [placed(n, Outcome.LOCATED, SPOT, probability=n / 100) for n in range(1, last + 1)]
    matches = found[0].located.candidates
    same = [replace(one, located=replace(one.located, candidates=matches)) for one in found]
    page = page_of(tmp_path, *same)
    assert [item["n"] for item in block_of(page, "data")["items"]] == list(range(last, 0, -1))
    assert list(block_of(page, "pictures-0")) == ["view-10"]
    assert block_of(page, "pictures-1") == {}
    later = block_of(page, "part-1")["items"]
    assert [item["matches"][0]["picture"] for item in later] == ["0:view-10"] * 3
    text = page.read_text("utf-8")
    assert text.index('id="part-0"') < text.index("function begin()") < text.index('id="pictures-1"')


@needs_browser
def test_what_was_not_read_yet_is_neither_shown_nor_decided_and_comes_later(tmp_path: Path) -> None:
    """The script runs where the browser stands before the second part."""
    found = [placed(n, Outcome.LOCATED, SPOT, probability=n / 100) for n in range(1, 41)]
    found[0] = replace(found[0], file="a needle")
    script = """
    const end = shown.length - 1;
    choose(end, true); seen.push(number(), text("notice")); signAs("ana");
    const bottom = () => [...document.querySelectorAll(".row")].at(-1);
    byId("list").scrollTop = 9999; drawList();
    seen.push(bottom().textContent, bottom().querySelector("img").src);
    type("search", "needle"); seen.push(shown.length);
    document.addEventListener("DOMContentLoaded", () => {
      seen.push(shown.length, bottom().textContent); type("search", ""); choose(end, true);
      seen.push(number(), byId("match").querySelector("img").src.slice(0, 10), made().length);
    """
    page = page_of(tmp_path, *found)
    before = '<script type="application/json" id="pictures-1">'
    begin, end = re.sub("<meta http-equiv[^>]*>", "", page.read_text("utf-8")).split(before)
    page.write_text(f"{begin}<script>{HELPERS}{script}{END}}});</script>{before}{end}", "utf-8")
    dom = open_page(page, tmp_path / "profile")
    assert page_data(dom, "failures") is None
    assert json.loads(page_data(dom, "seen") or "null") == [
        *("40", "The rest of the page is still being read. Try again in a moment."),
        *("1 located 1 %? candidate · 0 posts", "", 0),
        *(1, "1 located 1 %? candidate · 0 postsa needle", "1", "data:image", 0),
    ]


@needs_browser
def test_a_queue_that_kept_decisions_begin_late_is_ready_with_its_first_photo(tmp_path: Path) -> None:
    found = [placed(n, Outcome.LOCATED, SPOT, probability=n / 100) for n in range(1, 41)]
    told = {"status": "rejected", "by": "eve", "at": "2021-07-15T03:04:00Z", "lat": None, "lon": None}
    kept = {one.sha256: {**told, "note": "", "seen": None} for one in found[5:]}
    page = page_of(tmp_path, *found)
    with keyboard(tmp_path / "profile") as keys:
        keys.open(page)
        draft = json.dumps(json.dumps({"by": "eve", "notes": {}, "decisions": kept}))
        keys.ask(f"localStorage.setItem('geoflood triage b', {draft})")
        keys.open(page)
        assert keys.ask("[current.n, byId('match').querySelector('img').src.slice(0, 10)]") == [
            5,
            "data:image",
        ]


def test_only_so_many_photos_have_pictures_of_their_other_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triage_page, "MOST_COMPARED", 1)
    found = [placed(n, Outcome.UNCERTAIN, SPOT, at(300)) for n in (1, 2)]
    page = page_of(tmp_path, *found)
    pictured = [[match["picture"] for match in item["matches"]] for item in items_of(page)]
    assert pictured == [["0:view-10", "0:view-11"], ["0:view-20", None]]
    assert set(block_of(page, "pictures-0")) == {"view-10", "view-11", "view-20"}


def test_the_page_says_what_it_leaves_out(tmp_path: Path) -> None:
    page = tmp_path / "triage.html"
    write_triage(page, [placed(1, Outcome.LOCATED, SPOT)], CITY, "b", view=any_picture, budget=0)
    text = page.read_text("utf-8")
    assert "0 MB at most; 1 more in the folder triage-pictures" in text
    assert "5 posts a photo and 500 characters of each, no more" in text


def large_scene(reference: object) -> Image:
    """1200 x 900 smooth pixels."""
    return np.kron(random_scene(1)[:30, :40], np.ones((30, 30, 1), np.uint8))


def large_names(page: Path) -> set[str]:
    return {path.name for path in (page.parent / "triage-pictures").glob("*-large.jpg")}


def test_larger_pictures_of_the_first_found_photos_and_their_matches_lie_beside_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triage_page, "MOST_LARGE", 2)
    outcomes = [Outcome.NOT_FOUND, Outcome.UNCERTAIN, Outcome.LOCATED, Outcome.LOCATED]
    found = [placed(n, outcome, SPOT, at(300)) for n, outcome in enumerate(outcomes, 1)]
    page = tmp_path / "triage.html"
    write_triage(page, found, CITY, "b", view=large_scene)
    assert large_names(page) == {"view-20-large.jpg", "view-21-large.jpg", "view-30-large.jpg"}
    assert "Larger ones to compare: 3 in the folder triage-pictures, of the first 2" in page.read_text(
        "utf-8"
    )
    small, large = (read_image(page.parent / f"triage-pictures/view-20{size}.jpg") for size in ("", "-large"))
    assert (max(small.shape), max(large.shape)) == (300, 1200)


def test_a_picture_that_one_photo_needs_small_and_another_large_is_both(tmp_path: Path) -> None:
    page, lost = tmp_path / "triage.html", placed(1, Outcome.NOT_FOUND, SPOT)
    shown = placed(2, Outcome.LOCATED, SPOT)
    shown = replace(shown, located=replace(shown.located, candidates=lost.located.candidates))
    write_triage(page, [lost, shown], CITY, "b", view=large_scene)
    assert large_names(page) == {"view-10-large.jpg"}
    assert [item["matches"][0]["picture"] for item in items_of(page)] == ["0:view-10"] * 2


def test_a_larger_picture_of_too_many_bytes_is_not_kept(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1000, 1000, 3), dtype=np.uint8)
    keep(tmp_path, "a", noise, large=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
    keep(tmp_path, "b", noise[:500, :500], large=True)
    assert 0 < (tmp_path / "b-large.jpg").stat().st_size <= LARGE_BYTES


@needs_browser
def test_larger_pictures_are_compared_and_where_they_are_missing_the_small_ones(tmp_path: Path) -> None:
    page = tmp_path / "triage.html"
    (tmp_path / "1.jpg").write_bytes(jpeg(large_scene(None)))
    one = placed(1, Outcome.LOCATED, SPOT)
    one = replace(one, located=replace(one.located, query=Query(tmp_path / "1.jpg")))
    write_triage(page, [one], CITY, "b", view=large_scene)
    widths = "[...document.querySelectorAll('#compare img')].map((one) => one.naturalWidth)"
    names = "[...document.querySelectorAll('#compare figcaption')].map((one) => one.textContent)"
    later = f"new Promise((done) => setTimeout(() => done([...{widths}, ...{names}, failures()]), 500))"
    failures = "const failures = () => document.documentElement.dataset.failures || '';"
    for wide, told in ((1200, ""), (300, " · small: no larger picture beside the page")):
        with keyboard(tmp_path / f"profile-{wide}") as keys:
            keys.open(page, 1280, 800)
            keys.press(*"ana", "Enter", "e")
            seen_pair = keys.ask(f"(() => {{ {failures} return {later}; }})()")
        assert seen_pair == [wide, wide, f"Photo{told}", f"Match 1 (0.80){told}", ""]
        for path in (tmp_path / "triage-pictures").iterdir():
            path.unlink()


WORDS = StreetWords("Mill Road, near Gwydir Street", (("Mill Road", 1.0),), "80 m of Ross Street", "© them")


@needs_browser
def test_the_street_is_listed_shown_searched_and_gone_under_a_persons_pin(tmp_path: Path) -> None:
    one, other = placed(1, Outcome.UNCERTAIN, SPOT, at(300)), placed(2, Outcome.LOCATED, SPOT)
    matches = (one.located.candidates[0], replace(one.located.candidates[1], street="Hills Road"))
    one = replace(one, located=replace(one.located, candidates=matches, streets=WORDS))
    script = """
    const rows = () => [...document.querySelectorAll(".row")].map((row) => row.textContent);
    seen.push(rows(), text("place"), text("matches"), text("about"));
    type("search", "gwydir"); seen.push(rows().length); type("search", "");
    signAs("ben"); press("m"); map.fire("click", {latlng: L.latLng(37.7, -122.4)});
    seen.push(rows()[0], byId("place").querySelector("li").textContent);
    """
    rows, place, matches_text, about, found, pinned, first_line = seen(tmp_path, script, one, other)
    assert isinstance(rows, list)
    assert "Mill Road, near Gwydir Street · a.jpg" in rows[0].replace(one.file, "a.jpg")
    assert "Mill Road" not in rows[1]
    assert str(place).startswith("Where the machine puts itMill Road, near Gwydir Street")
    assert "80 m of Ross Street" in str(place)
    assert "Hills Road · " in str(matches_text)
    assert "Street names: © them." in str(about)
    assert found == 1
    assert "Mill Road" not in str(pinned)
    assert "Mill Road" not in str(first_line)
