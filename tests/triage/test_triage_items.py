"""The triage map in a real browser, and the check of what was done."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from geoflood.core.datatypes import (
    LatLon,
    Outcome,
    Query,
)
from geoflood.core.errors import InputError, UsageError
from geoflood.triage.custody import verify, write_run
from geoflood.triage.export.formats import format_of
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.export.triage_page import write_triage
from geoflood.triage.findings import Decision, Status
from geoflood.triage.journal import NAME
from geoflood.triage.results import read_results
from tests.support.batch import photo_jpeg
from tests.support.browser import (
    CANARY,
    CHROMIUMS_OWN,
    HOSTILE,
    eavesdropper,
    needs_browser,
    open_page,
    page_data,
)
from tests.support.triage_results import CITY, any_picture, finding, run_script, write_results

OUTCOMES = [Outcome.LOCATED, Outcome.UNCERTAIN, Outcome.NOT_FOUND, Outcome.FAILED]


@needs_browser
def test_it_opens_with_hostile_text_and_no_network(tmp_path: Path) -> None:
    page = tmp_path / "triage.html"
    found = [finding(n, HOSTILE, OUTCOMES[n % 4]) for n in range(1, 40)]
    write_triage(page, found, CITY, "b", view=any_picture)
    with eavesdropper() as (port, lines):
        dom = open_page(page, tmp_path / "profile", f"--proxy-server=http://127.0.0.1:{port}")
    assert page_data(dom, "ready") == "true"
    assert page_data(dom, "failures") is None
    assert page_data(dom, "canary") is None
    assert [line for line in lines if not CHROMIUMS_OWN.search(line)] == []
    assert "39 of 39 photos" in dom
    assert "leaflet-marker-icon" in dom


@needs_browser
def test_the_public_map_holds_nothing_of_people(tmp_path: Path) -> None:
    page = tmp_path / "public.html"
    found = [finding(n, "ZEBRA-7 " + HOSTILE, OUTCOMES[n % 4]) for n in range(1, 40)]
    made = Decision(
        Status.CONFIRMED, "ZEBRA-7", datetime(2026, 11, 20), LatLon(29.761234, -95.371234), "ZEBRA-7"
    )
    found[3] = replace(found[3], decision=made)
    format_of(page).write(page, found, Sharing.PUBLIC)
    text = page.read_text("utf-8")
    assert "ZEBRA" not in text
    assert "data:image/jpeg" not in text
    assert '"large":' not in text, "no folder of pictures is named"
    assert not any(one.sha256 in text for one in found)
    spots = [(one.position.lat, one.position.lon) for one in found if one.position]
    assert not any(f"{lat:.5f}" in text or f"{lon:.5f}" in text for lat, lon in spots)
    assert list(tmp_path.iterdir()) == [page], "no pictures beside it"
    dom = run_script(
        page,
        """document.documentElement.dataset.hidden = ["pair", "decide", "save", "reviewer", "search",
        "sign"].every((id) => !document.getElementById(id).offsetParent);
        document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "c", bubbles: true}));
        document.querySelector("[data-do=confirmed]").click();
        document.documentElement.dataset.kept = String(localStorage.length);""",
        tmp_path,
    )
    assert (page_data(dom, "failures"), page_data(dom, "hidden"), page_data(dom, "kept")) == (
        None,
        "true",
        "0",
    )
    assert "39 of 39 photos" in dom
    with pytest.raises(UsageError, match="internal map already"):
        format_of(page).write(page, found, Sharing.INTERNAL)


@needs_browser
def test_smuggled_script_is_stopped(tmp_path: Path) -> None:
    page = tmp_path / "triage.html"
    write_triage(page, [finding(1)], CITY, "b")
    text = page.read_text("utf-8").replace("</body>", f"<script>{CANARY}</script></body>")
    page.write_text(text, "utf-8")
    dom = open_page(page, tmp_path / "profile")
    assert page_data(dom, "canary") is None
    assert "script-src" in (page_data(dom, "failures") or "")


DRIVER = """
const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const text = (id) => document.getElementById(id).textContent;
const set = (id, value) => {
  const node = document.getElementById(id);
  if (node.type === "checkbox") node.checked = value; else node.value = value;
  node.dispatchEvent(new Event("input", {bubbles: true}));
};
const seen = [];
const signAs = (name) => { byId("by").value = name; sign(); };
leaveUnsigned();
set("sort", "number"); sort("number"); filter(true); choose(0, false);
const head = () => text("counts").split(":")[0];
document.addEventListener("keydown", (event) => {}, true);
Object.defineProperty(KeyboardEvent.prototype, "target", {get: () => document.body, configurable: true});
seen.push(head(), text("title").split(" ")[0]);
press("j"); press("j"); seen.push(text("title").split(" ")[0]);
press("k"); seen.push(text("title").split(" ")[0]);
signAs("ana"); press("k"); press("c"); seen.push(text("verdict").split(",")[0], text("save"));
press("j"); press("j"); press("r"); seen.push(text("verdict").split(" ")[0]);
press("u"); seen.push(text("verdict").split(":")[0], text("save"));
press("m"); map_.fire("click", {latlng: L.latLng(29.5, -95.5)}); seen.push(text("verdict").split(" ")[0]);
set("search", "needle"); seen.push(head());
set("search", ""); set("twice", true); seen.push(head());
set("twice", false); set("sure", 50); seen.push(head());
set("sure", 0); set("from", 500); seen.push(head());
set("from", 0);
document.querySelector("#outcomes input").click(); seen.push(head());
document.querySelector("#outcomes input").click(); seen.push(document.querySelectorAll(".row").length < 40);
document.getElementById("save").click();
document.documentElement.dataset.seen = seen.join(" | ");
"""


@needs_browser
def test_filters_keys_and_decisions(tmp_path: Path) -> None:
    page = tmp_path / "triage.html"
    found = [finding(n, "a needle" if n == 7 else "water", OUTCOMES[n % 4]) for n in range(1, 121)]
    write_triage(page, found, CITY, "b", view=any_picture)
    dom = run_script(page, DRIVER, tmp_path)
    assert page_data(dom, "failures") is None
    likely = sum(round(one.located.estimate.probability, 3) >= 0.5 for one in found if one.located.estimate)
    late = sum(n % 24 >= 11.5 for n in range(1, 121))
    assert (page_data(dom, "seen") or "").split(" | ") == [
        *("120 of 120 photos", "1", "3", "2"),
        *("✓ confirmed by ana", "Save 1 decision"),
        *("✕", "? candidate", "Save 1 decision"),
        "✓",
        "1 of 120 photos",
        "80 of 120 photos",
        f"{likely} of 120 photos",
        f"{late} of 120 photos",
        "90 of 120 photos",
        "true",
    ]
    saved = json.loads(page_data(dom, "saved") or "")["decisions"]
    assert [(one["sha256"][-1], one["status"], one["by"], one["lat"]) for one in saved] == [
        ("1", "confirmed", "ana", None),
        ("3", "confirmed", "ana", 29.5),
    ]


@needs_browser
def test_pictures_over_the_budget_lie_beside_the_page_and_are_shown(tmp_path: Path) -> None:
    page = tmp_path / "triage.html"
    found = [finding(n) for n in range(1, 9)]
    write_triage(page, found, CITY, "b", view=any_picture, budget=20_000)
    inside = page.read_text("utf-8").count("data:image/jpeg")
    assert 0 < inside < 8
    small = [one for one in (tmp_path / "triage-pictures").iterdir() if "-large" not in one.name]
    assert len(small) == 8
    write_triage(page, found, CITY, "b", view=any_picture, budget=0)
    dom = open_page(page, tmp_path / "profile")
    assert re.search(r'src="triage-pictures/view-\d\.jpg"', dom)
    assert page_data(dom, "failures") is None, "the page's policy lets them be shown"
    look = """{
      const node = document.querySelector("#match img");
      const tell = () => { document.documentElement.dataset.wide = node.naturalWidth; };
      if (node.complete) tell(); else node.onload = tell;
    }"""
    assert page_data(run_script(page, look, tmp_path), "wide") == "120"


def test_half_a_picture_is_made_again_and_a_missing_one_is_none(tmp_path: Path) -> None:
    page, pictures = tmp_path / "triage.html", tmp_path / "triage-pictures"
    (tmp_path / "1.jpg").write_bytes(photo_jpeg(1))
    mine = replace(finding(1), located=replace(finding(1).located, query=Query(tmp_path / "1.jpg")))
    write_triage(page, [mine, finding(2)], CITY, "b", view=any_picture)
    names = (f"{1:064x}", "view-1", "view-2")
    both = {f"{name}{size}.jpg" for name in names for size in ("", "-large")}
    assert {path.name for path in pictures.iterdir()} == both
    whole = (pictures / "view-1.jpg").read_bytes()
    (pictures / "view-1.jpg").write_bytes(whole[:-40])
    (pictures / "view-2.jpg").write_bytes(b"")
    large = (pictures / "view-2-large.jpg").read_bytes()
    (pictures / "view-2-large.jpg").write_bytes(large[:-40])
    write_triage(page, [mine, finding(2)], CITY, "b", view=any_picture)
    assert (pictures / "view-1.jpg").read_bytes() == (pictures / "view-2.jpg").read_bytes() == whole
    assert (pictures / "view-2-large.jpg").read_bytes() == large


@needs_browser
@pytest.mark.parametrize("count", [1000, pytest.param(5000, marks=pytest.mark.long)])
def test_thousands_of_photos_are_a_page_of_few_rows(tmp_path: Path, count: int) -> None:
    page = tmp_path / "triage.html"
    found = (finding(n, "water " * 20, OUTCOMES[n % 4]) for n in range(1, count + 1))
    write_triage(page, found, CITY, "b", view=any_picture)
    dom = open_page(page, tmp_path / "profile")
    assert f"{count} of {count} photos" in dom
    assert int(page_data(dom, "ready-after") or "0") > 0, "milliseconds, which benchmarks/README.md has"
    assert dom.count('class="row') < 60
    assert page.stat().st_size < 1_000_000 + 3000 * count


# ---- custody


def test_custody(tmp_path: Path) -> None:
    out = write_results(tmp_path)
    found = verify(out)
    assert found.stands
    assert (found.located, found.inputs, found.missing) == (3, 4, ())
    run_told = json.loads((out / "run.json").read_text("utf-8"))
    assert run_told["options"]["city"] == "rivertown"
    assert re.fullmatch(r"SHA-256:[0-9a-f]{64}", run_told["journal"]["sha256"])
    (tmp_path / "posts" / "0.jpg").write_bytes(b"changed")
    (tmp_path / "posts" / "1.jpg").unlink()
    (out / "located.csv").write_text("changed", "utf-8")
    found = verify(out)
    assert not found.stands
    assert (found.changed, found.missing) == (("0.jpg", "located.csv"), ("1.jpg",))


def test_a_journal_that_was_cut_is_seen(tmp_path: Path) -> None:
    out = write_results(tmp_path)
    lines = (out / NAME).read_bytes().splitlines(keepends=True)
    (out / NAME).write_bytes(b"".join(lines[:-2]))
    with pytest.raises(InputError, match="was cut"):
        verify(out)
    (out / NAME).write_bytes(b"".join(lines))
    write_run(read_results(out), [])
    assert verify(out).stands
    os.unlink(out / "run.json")
    with pytest.raises(InputError, match=r"run\.json"):
        verify(out)


def test_times_are_utc_in_the_page(tmp_path: Path) -> None:
    write_triage(tmp_path / "t.html", [finding(3)], CITY, "b")
    text = (tmp_path / "t.html").read_text("utf-8")
    assert f'"time":{int(datetime(2021, 7, 14, 3, tzinfo=UTC).timestamp())}' in text
