"""The report of an evaluation, in a real browser too; its record and its table of queries."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geoflood.core.datatypes import Geotag, Reference
from geoflood.evaluation.evaluate import evaluate, prepare
from geoflood.evaluation.misses import add_pictures, worst_misses
from geoflood.evaluation.query_water import QueryWater
from geoflood.evaluation.report.curves import figures
from geoflood.evaluation.report.evaluation_record import evaluation_record, write_queries
from geoflood.evaluation.report.html_report import write_report
from geoflood.evaluation.report.plots import Axis, Curve, plot
from geoflood.evaluation.results import Evaluation, QueryTruth
from geoflood.evaluation.search_queries import SearchSetting
from geoflood.localize.locator import Locator
from geoflood.outputs.wording import area
from geoflood.synthetic.town import Truth
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

Photos = list[tuple[Path, Truth]]


@pytest.fixture(scope="session")
def evaluation(locator: Locator, queries: Photos) -> Evaluation:
    truths = [QueryTruth(path, Geotag(truth.position, "csv")) for path, truth in queries]
    return evaluate(prepare(locator, truths), SearchSetting("plain"))


def hostile(one: Evaluation) -> Evaluation:
    """With words of strangers wherever words can be."""

    def renamed(reference: Reference) -> Reference:
        return replace(reference, credit=HOSTILE, licence=HOSTILE, image_key=HOSTILE)

    judged = [
        replace(
            query,
            reason=HOSTILE,
            case=replace(query.case, truth=replace(query.case.truth, path=Path(HOSTILE.replace("\0", "")))),
            candidates=tuple(
                replace(found, reference=renamed(found.reference)) for found in query.candidates
            ),
            error_m=5000.0,
        )
        for query in one.results
    ]
    words = {"city": HOSTILE, "index": HOSTILE, "name": HOSTILE, "backbone": HOSTILE}
    return replace(one, **words, results=judged, notes=(HOSTILE,))  # type: ignore[arg-type]


@needs_browser
def test_the_report_opens_with_hostile_names_and_no_network(
    tmp_path: Path, locator: Locator, evaluation: Evaluation, queries: Photos
) -> None:
    page = tmp_path / "report.html"
    bad = hostile(evaluation)
    benchmark = prepare(locator, [query.case.truth for query in evaluation.results])
    misses = add_pictures(worst_misses(bad, 9), benchmark)
    assert len(misses) == 6
    write_report(page, [bad, evaluation], misses)
    with eavesdropper() as (port, lines):
        dom = open_page(page, tmp_path / "profile", f"--proxy-server=http://127.0.0.1:{port}")
    assert page_data(dom, "canary") is None
    assert [line for line in lines if not CHROMIUMS_OWN.search(line)] == []
    assert dom.count("<svg") == 5
    assert dom.count('<section class="miss">') == 6


@needs_browser
def test_nothing_smuggled_in_would_run(tmp_path: Path, evaluation: Evaluation) -> None:
    page = tmp_path / "report.html"
    write_report(page, [evaluation], [])
    text = page.read_text("utf-8").replace("</main>", f"<script>{CANARY}</script></main>")
    page.write_text(text, "utf-8")
    assert page_data(open_page(page, tmp_path / "profile"), "canary") is None


def test_the_report_is_one_file_of_no_script(
    tmp_path: Path, locator: Locator, evaluation: Evaluation
) -> None:
    page = tmp_path / "report.html"
    benchmark = prepare(locator, [query.case.truth for query in evaluation.results])
    wrong = replace(evaluation, results=[replace(query, error_m=99.0) for query in evaluation.results])
    write_report(page, [hostile(wrong)], add_pictures(worst_misses(wrong, 3), benchmark))
    text = page.read_text("utf-8")
    links = Links(text)
    assert not {"script", "link", "iframe", "object", "embed", "base", "a", "form"} & set(links.tags)
    assert links.found
    assert all(link.startswith("data:image/jpeg;base64,") for link in links.found)
    assert "default-src 'none'" in text
    assert "<script" not in text
    assert "onerror=" not in re.sub(r"&quot;|&#x27;|&lt;", "", text) or "<img src=x" not in text
    assert list(tmp_path.iterdir()) == [page]


def test_a_gone_picture_leaves_a_word(
    tmp_path: Path, locator: Locator, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark = prepare(locator, [query.case.truth for query in evaluation.results])
    wrong = replace(evaluation, results=[replace(query, error_m=99.0) for query in evaluation.results])
    (miss, *_) = add_pictures(worst_misses(wrong, 1), benchmark)
    gone = replace(
        miss, photo=None, expected_picture=None, candidate_pictures=(None,) * len(miss.candidate_pictures)
    )
    write_report(tmp_path / "r.html", [wrong], [gone])
    assert (tmp_path / "r.html").read_text("utf-8").count("its picture is gone") == 5


def test_misses_say_what_their_numbers_are_and_synthetic_pictures_what_they_are(
    tmp_path: Path, locator: Locator, evaluation: Evaluation
) -> None:
    benchmark = prepare(locator, [query.case.truth for query in evaluation.results])
    far = [
        replace(query, error_m=99.0, candidates=tuple(replace(one, inliers=7) for one in query.candidates))
        for query in evaluation.results
    ]
    wet = replace(evaluation, results=far, flood=0.4)
    (miss,) = add_pictures(worst_misses(wet, 1), benchmark, QueryWater(0.4))
    assert miss.photo is not None
    assert b"compositeSynthetic" in miss.photo
    write_report(tmp_path / "r.html", [wet], [miss])
    text = (tmp_path / "r.html").read_text("utf-8")
    assert re.search(r"match 1, [\d.]+\s\w+ off, similarity 0\.\d\d, 7 inliers", text)
    assert "the photo, synthetic water over the lower 40%" in text


def test_the_axis_of_ground_begins_where_the_searches_do(evaluation: Evaluation) -> None:
    def drawn(*km2: float) -> str:
        found = replace(evaluation.scores, searched_km2=np.array(km2))
        titles = {title: svg for title, _, svg in figures([replace(evaluation, scores=found)])}
        return titles["Recall vs area"].replace("\u00a0", " ")

    assert ">10 m²<" in drawn(9e-5, 0.003, np.inf)
    assert ">0.01 ha<" not in drawn(9e-5, 0.003, np.inf)
    assert ">1 m²<" in drawn(9e-6, 2.0)
    assert ">10 km²<" in drawn(9e-6, 2.0)
    assert "<svg" in drawn(np.inf, np.inf)


@given(st.floats(1e-6, 1e3))
@example(0.000999)
def test_an_area_is_told_in_the_unit_that_fits(km2: float) -> None:
    number, unit = area(km2).split("\u00a0")
    in_km2 = {"m²": 1e-6, "ha": 1e-2, "km²": 1.0}[unit]
    assert float(number) * in_km2 == pytest.approx(km2, rel=0.051)
    assert float(number) >= (0.1 if unit == "ha" else 1)


def test_what_ought_to_be_found_looks_the_same_way(locator: Locator, evaluation: Evaluation) -> None:
    every = locator.database.references(range(len(locator.database)))
    tile = next(one for one in every if one.tile_deg is not None)
    ways = [one for one in every if one.position == tile.position]
    assert len(ways) == 8
    for view in ways:
        tag = Geotag(tile.position, "csv", view.heading_deg)
        benchmark = prepare(locator, [QueryTruth(evaluation.results[0].case.truth.path, tag)])
        query = replace(evaluation.results[0], case=benchmark.queries[0])
        (miss,) = add_pictures([query], benchmark)
        assert (miss.expected.id, miss.expected_m) == (view.id, 0)


def test_hostile_names_are_harmless_in_the_table_and_the_record(
    tmp_path: Path, evaluation: Evaluation
) -> None:
    write_queries(tmp_path / "q.csv", [hostile(evaluation)])
    text = (tmp_path / "q.csv").read_bytes()
    assert text.count(b"\r\n") == 8
    assert b"\0" not in text
    formula = replace(evaluation.results[0], reason="=cmd()")
    write_queries(tmp_path / "q.csv", [replace(evaluation, results=[formula], name="=way()")])
    assert "'=cmd()" in (tmp_path / "q.csv").read_text()
    assert "'=way()" in (tmp_path / "q.csv").read_text()
    json.dumps(evaluation_record(hostile(evaluation)), allow_nan=False)


def test_the_worst_are_wrong_and_the_surest_first(evaluation: Evaluation) -> None:
    wrong = replace(evaluation, results=[replace(query, error_m=99.0) for query in evaluation.results])
    first = worst_misses(wrong, 4)
    assert [one.probability for one in first] == sorted((one.probability for one in first), reverse=True)
    assert all(one.case.nearest_m <= 25 for one in first)
    lost = first[-1].case.number
    judged = [replace(query, error_m=99.0 if query.case.number == lost else 40.0) for query in wrong.results]
    assert worst_misses(replace(wrong, results=judged), 4)[0].case.number == lost, "another place comes first"
    assert worst_misses(replace(wrong, results=[replace(q, error_m=1.0) for q in wrong.results]), 4) == []


def test_a_plot_draws_where_the_axes_say() -> None:
    across = Axis("x", 1, 100, [(1, "1"), (100, "<b>")], log=True)
    up = Axis("y", 0, 1, [(0, "0")])
    assert [across.at(value) for value in (0.0, 1, 10, 100, np.inf)] == pytest.approx([0, 0, 0.5, 1, 1])
    svg = plot("<t>", across, up, [Curve("<n>", np.array([1.0, 10]), np.array([0, 1.0]), steps=True)])
    assert "M52.0 256.0H244.0V10.0" in svg
    assert "<b>" not in svg
    assert "<n>" not in svg
    many = Curve("", np.linspace(1, 100, 5000), np.linspace(0, 1, 5000))
    assert plot("", across, up, [many]).count("L") < 450
