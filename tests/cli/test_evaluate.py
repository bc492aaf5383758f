"""`geoflood evaluate` as scripts and people meet it, and its report in a real browser."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.datatypes import Geotag, Reference
from geoflood.evaluation.evaluate import evaluate, prepare
from geoflood.evaluation.misses import pictured, worst
from geoflood.evaluation.query_water import QueryWater
from geoflood.evaluation.report.curves import figures
from geoflood.evaluation.report.evaluation_record import COLUMNS, evaluation_record, write_queries
from geoflood.evaluation.report.html_report import write_report
from geoflood.evaluation.report.plots import Axis, Curve, plot
from geoflood.evaluation.results import Evaluation, QueryTruth
from geoflood.evaluation.search_queries import Way
from geoflood.localize.locator import Locator
from geoflood.outputs.wording import area
from geoflood.synthetic.town import Truth
from tests.support.browser import CANARY, CHROMIUMS_OWN, HOSTILE, Links, browser, eavesdropper, opened, told
from tests.support.commands import failed
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.sighted import seeing

Photos = list[tuple[Path, Truth]]
Result = Any
Call = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("quick_backbone")


@pytest.fixture
def call(tmp_path: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command in an empty folder, with the town indexed."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("GEOFLOOD_", "OLLAMA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(index_dir))
    monkeypatch.setenv("GEOFLOOD_CACHE_DIR", str(tmp_path / "cache"))

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["evaluate", *(str(argument) for argument in arguments)])

    return run


@pytest.fixture
def table(queries: Photos) -> Path:
    """Six photos of the town and one of another, with the truth about each."""
    return queries[0][0].parent / "truth.csv"


@pytest.fixture(scope="session")
def evaluation(locator: Locator, queries: Photos) -> Evaluation:
    asked = [QueryTruth(path, Geotag(truth.position, "csv")) for path, truth in queries]
    return evaluate(prepare(locator, asked), Way("plain"))


def test_help_opens_with_an_example(call: Call) -> None:
    first = next(line for line in call("--help").stdout.splitlines() if line.strip() and "Usage" not in line)
    assert "geoflood evaluate hamburg" in first


# -- answers ----------------------------------------------------------------------------------------------


def test_json_has_the_names_that_stay(call: Call, table: Path) -> None:
    result = call("town", table, "--json", "--distance", "25", "--distance", "100")
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    record = json.loads(line)
    assert (record["queries"], record["with_positive"]) == (7, 6)
    assert record["with_positive_by_distance"] == {"25": 6, "100": 6}
    assert list(record["recall"]) == ["25", "100"]
    assert list(record["recall"]["25"]) == ["1", "5", "10", "20"]
    assert record["recall"]["25"]["20"] >= 0.5
    assert list(record["search_area_km2"]) == list(record["contained"]) == ["50", "90"]
    assert {"median_error_m", "abstained", "not_found_auroc", "seconds_per_query"} <= record.keys()
    assert record["not_found_auroc"] is None
    assert record["flood"] == 0
    assert record["waterline"] is None
    assert set(record["to_search"]) == {"50", "80", "95"}
    assert record["confidence"]["probability"]["auc_pr"] <= 1


def test_the_text_says_what_counts(call: Call, table: Path) -> None:
    result = call("town", table, "--ablate", "--flood", "0.3", "--waterline", "true")
    assert result.exit_code == 0, result.output
    text = result.stdout
    assert "7, 6 with a reference within 25 m" in text
    assert "water over the lower 30%" in text
    for way in ("nothing done", "attention on the query only", "bands, untold", "bands, told"):
        assert len(re.findall(rf"^{way}  ", text, re.M)) == 1
    assert "\ufffd" not in result.output
    assert re.search(r"seconds a photo +\d\.\d\d, \d+ at a time; by stage, .*read .*flood .*describe", text)
    again = call("town", table, "--rerank", "2", "--json")
    assert json.loads(again.stdout)["way"] == "bands, untold, 2 re-ranked"


def test_levels_of_water_are_compared(call: Call, table: Path) -> None:
    result = call("town", table, "--json", "--flood", "0", "--flood", "0.6", "--waterline", "true")
    record = json.loads(result.stdout)
    assert [one["flood"] for one in (record, *record["compared"])] == [0, 0.6]
    assert [one["waterline"] for one in (record, *record["compared"])] == [0, 0.6]
    assert record["recall"] != record["compared"][0]["recall"]
    dry = json.loads(call("town", table, "--json").stdout)
    assert dry["median_error_m"] is not None
    assert "one --flood" in failed(
        call("town", table, "--write-folder", "x", "--flood", "0", "--flood", "0.3"), 2
    )


def test_waterlines(call: Call, table: Path) -> None:
    assert json.loads(call("town", table, "--json", "--flood", "0.3").stdout)["waterline"] is None
    wet = json.loads(call("town", table, "--json", "--flood", "0.3", "--waterline", "true").stdout)
    assert wet["waterline"] == 0.3
    assert json.loads(call("town", table, "--json", "--waterline", "0.4").stdout)["waterline"] == 0.4
    for arguments in (("true",), ("1",), ("nan",), ("deep",), ("-0.1",)):
        assert "--waterline" in failed(call("town", table, "--waterline", *arguments), 2)


@pytest.mark.parametrize("option", ["--distance", "--flood"])
def test_no_number_is_a_usage_error(call: Call, table: Path, option: str) -> None:
    for value in ("nan", "inf"):
        result = call("town", table, option, value)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Traceback" not in result.stderr
    assert call("town", table, option, "-1").exit_code == 2


def test_every_query_is_a_row(call: Call, table: Path, tmp_path: Path) -> None:
    result = call("town", table, "--out", tmp_path / "out", "--elsewhere", table, "--json")
    assert result.exit_code == 0, result.output
    with (tmp_path / "out" / "queries.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["set"] for row in rows] == ["queries"] * 7 + ["elsewhere"]
    near = [row for row in rows[:7] if float(row["nearest_reference_m"]) <= 25]
    assert len(near) == 6
    record = json.loads((tmp_path / "out" / "evaluation.json").read_text())[0]
    first = sum(row["first_right_rank"] == "1" for row in near)
    assert record["recall"]["25"]["1"] == pytest.approx(first / 6, abs=1e-4)
    assert record["elsewhere"] == 1
    assert json.loads(result.stdout) == record
    assert (tmp_path / "out" / "report.html").is_file()


def test_every_way_and_level_is_in_the_table_of_queries_and_in_the_words(
    call: Call, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    wet = ("--flood", 0.3, "--flood", 0.5, "--effects", "post", "--waterline", "true", "--rerank", 2)
    result = call("town", table, "--out", out, "--ablate", *wet)
    assert result.exit_code == 0, result.output
    with (out / "queries.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seen = Counter((row["way"], row["flood"], row["effects"]) for row in rows)
    assert set(seen.values()) == {7}
    assert len(seen) == 12, "six ways, two levels"
    for level in ("0.3", "0.5"):
        assert seen["bands, told, 2 re-ranked", level, "post"]
        assert seen["bands, untold, 2 re-ranked", level, "post"]
    assert len(re.findall(r"^bands, untold, 2 re-ranked +[35]0%, post +6 ", result.stdout, re.M)) == 2
    page = " ".join((out / "report.html").read_text("utf-8").split())
    assert "Drawn are 6 of the 12 rows of the table, of those with water 30%, post;" in page
    assert page.count("Only of “bands, told, 2 re-ranked” in the index town, water 30%, post.") >= 4
    record = json.loads((out / "evaluation.json").read_text())[0]
    assert (record["index"], record["effects"], record["at_a_time"] > 0) == ("town", "post", True)


def test_indexes_side_by_side(call: Call, table: Path, index_dir: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    for name in ("town", "again"):
        shutil.copytree(index_dir / "town", both / name)
    result = call("town", table, "--beside", "again", "--json", "--index-dir", both)
    record = json.loads(result.stdout)
    assert len(record["compared"]) == 1
    assert record["compared"][0]["recall"] == record["recall"]
    text = call("town", table, "--beside", "again", "--index-dir", both).stdout
    for name in ("town", "again"):
        assert re.search(rf"^bands, untold +{name} \(rootsift\) +0% +6 ", text, re.M)


def test_a_model_looks_at_each_query(call: Call, table: Path) -> None:
    with FarOllama(FarModel("qwen3-vl:8b", answer=seeing())) as far:
        options = ("--model", "qwen3-vl:8b", "--ollama-host", far.host, "--json")
        record = json.loads(call("town", table, *options, "--attention", "ollama", "--verify", 1).stdout)
        assert "attention of" in record["way"]
        assert "1 verified" in record["way"]
        assert len(far.asked("/api/chat")) >= 14, "seven photos, seven pairs"
    down = ("--model", "m", "--ollama-host", "127.0.0.1:9")
    for asked in (("--attention", "ollama"), ("--verify", "2")):
        result = call("town", table, *down, *asked)
        assert (result.exit_code, result.stdout) == (8, "")
    auto = call("town", table, *down, "--attention", "auto", "--json")
    record = json.loads(auto.stdout)
    assert auto.exit_code == 0
    assert record["way"] == "bands, untold, attention of m (asked, 7 of 7 without)"
    assert record["without_attention"] == 7
    assert "7 of 7 photos were searched without it" in record["notes"][-1]
    text = call("town", table, *down, "--attention", "auto", "--report", "r.html")
    assert "asked, 7 of 7 without" in text.stdout
    assert "7 of 7 photos were searched without it" in " ".join(text.stderr.split())
    assert "7 of 7 photos were searched without it" in Path("r.html").read_text("utf-8")
    assert "one map" in failed(call("town", table, "--attention", "map.json"), 2)


# -- bad input --------------------------------------------------------------------------------------------


def test_an_empty_positive_set_is_one_line(call: Call, queries: Photos, tmp_path: Path) -> None:
    stranger, truth = queries[-1]
    table = tmp_path / "far.csv"
    table.write_text(f"image,lat,lon\n{stranger},{truth.position.lat},{truth.position.lon}\n")
    shutil.copy(stranger, tmp_path / "a.jpg")
    table.write_text(f"image,lat,lon\na.jpg,{truth.position.lat},{truth.position.lon}\n")
    assert "none of the 1 queries has a reference within 25 m" in failed(call("town", table), 3)


def test_bad_rows_are_counted_and_the_rest_is_scored(call: Call, table: Path, tmp_path: Path) -> None:
    for path in table.parent.glob("*.jpg"):
        shutil.copy(path, tmp_path)
    lines = table.read_text().splitlines()
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    extra = [lines[1], f"broken.jpg{lines[2][lines[2].index(',') :]}", "x.jpg,,", "gone.jpg,1,1"]
    shutil.copy(tmp_path / lines[1].split(",")[0], tmp_path / "x.jpg")
    (tmp_path / "t.csv").write_text("\n".join([*lines, *extra]) + "\n")
    result = call("town", tmp_path / "t.csv", "--json")
    assert result.exit_code == 10, result.output
    record = json.loads(result.stdout)
    assert record["queries"] == 8, "seven, and the broken one"
    assert record["failed"] == 1
    assert "1 rows name a query again" in result.stderr
    said = " ".join(result.stderr.split())
    assert "queries left out: 2 (1 missing file, 1 no position);" in said
    assert "queries that could not be searched and count as wrong: 1 (1 damaged)" in said
    assert "Traceback" not in result.output


def test_nothing_usable_is_one_line(call: Call, tmp_path: Path, queries: Photos) -> None:
    assert "no such folder" in failed(call("town", tmp_path / "none"), 3)
    folder = tmp_path / "bare"
    folder.mkdir()
    shutil.copy(queries[0][0], folder / "a.jpg")
    assert "1 no position" in failed(call("town", folder), 3)
    truth = queries[0][1].position
    (folder / "b.jpg").write_bytes(b"none")
    (folder / "t.csv").write_text(f"image,lat,lon\nb.jpg,{truth.lat},{truth.lon}\n")
    result = call("town", folder / "t.csv", "-q", "--json")
    assert result.exit_code == 3
    assert "no query could be searched (1 not an image)" in result.stderr
    failed(call("nowhere", folder / "t.csv"), 4)


def test_photos_of_elsewhere_are_not_lost_in_silence(call: Call, table: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for number, photo in enumerate(sorted(table.parent.glob("*.jpg"))[:2]):
        shutil.copy(photo, other / f"{number}.jpg")
    assert call("town", table, "--elsewhere", other).exit_code == 0
    (other / "bad.jpg").write_bytes(b"none")
    (other / "t.csv").write_text("image,lat,lon\n0.jpg,,\n1.jpg,,\nbad.jpg,,\ngone.jpg,,\n")
    result = call("town", table, "--elsewhere", other, "--json")
    assert result.exit_code == 10
    said = " ".join(result.stderr.split())
    assert "photos of elsewhere left out: 2 (1 missing file, 1 not an image)" in said
    record = json.loads(result.stdout)
    assert record["elsewhere"] == 3
    assert record["not_found_auroc_error"] > 0
    text = call("town", table, "--elsewhere", other).stdout
    assert re.search(r"AUROC \d\.\d{3} ± \d\.\d{3}", text)
    assert not re.search(r"said elsewhere .*right", text)
    shutil.copy(other / "t.csv", other / "u.csv")
    two = call("town", table, "--elsewhere", other)
    assert two.exit_code == 2
    assert f"--elsewhere {other}" in " ".join(two.stderr.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--elsewhere-select", "a=b"), "--elsewhere-select says nothing without --elsewhere"),
        (("--link",), "--link says nothing without --write-folder"),
        (("--alpha", 0.5), "--alpha says nothing without --attention"),
        (("--effects", "water"), "--effects water says nothing without --flood"),
        (("--effects", "fire", "--flood", 0.3), "no effects are called"),
        (("--precision", "foo"), "no precision 'foo'"),
        (("--write-folder", "w", "--report", "r.html", "--ablate"), "evaluates nothing: --report, --ablate"),
        (("--report", "."), "is a folder"),
        (("--out", "truth.csv"), "is a file"),
        (("--out", "truth.csv/deep"), "is a file"),
        (("--report", "truth.csv"), "would be replaced"),
    ],
)
def test_what_would_be_ignored_or_lost_is_refused_before_the_work(
    call: Call, table: Path, options: tuple[object, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*arguments: object, **named: object) -> None:
        raise AssertionError("worked")

    monkeypatch.setattr("geoflood.evaluation.evaluate.evaluate", none)
    monkeypatch.chdir(table.parent)
    assert said in failed(call("town", "truth.csv", *options), 2)


def test_a_place_where_nothing_can_be_written_is_found_out_before_the_work(
    call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**named: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", ".secret.part")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    for options in (("--report", "new/r.html"), ("--out", "new")):
        result = call("town", table, *options)
        assert (result.exit_code, result.stdout) == (3, "")
        assert "cannot be written: Permission denied" in " ".join(result.stderr.split())
        assert ".part" not in result.stderr
    assert not Path("new").exists()


def test_remedies_fit_what_went_wrong(call: Call, queries: Photos, tmp_path: Path) -> None:
    """Each case: what cannot be evaluated, and the word of the hint that helps."""
    pictures = tmp_path / "pictures"
    tables = tmp_path / "tables"
    for folder in (pictures, tables, tmp_path / "empty", tmp_path / "short"):
        folder.mkdir()
    shutil.copy(queries[0][0], pictures / "a.jpg")
    shutil.copy(queries[0][0], tmp_path / "short" / "@544250.05@4173756.07@a.jpg")
    (tables / "outside.csv").write_text("image,lat,lon\n../pictures/a.jpg,1,1\n")
    (tables / "none.csv").write_text("image,lat,lon\n")
    (tables / "gone.csv").write_text("image,lat,lon\nb.jpg,1,1\n")
    for path, said in (
        (tables / "outside.csv", "--geotags"),
        (tables / "none.csv", "lists no images"),
        (tables / "gone.csv", "relative to the table"),
        (tmp_path / "empty", "no pictures in it"),
        (tmp_path / "short", "--utm-zone"),
    ):
        result = call("town", path)
        assert result.exit_code == 3
        assert said in " ".join(result.stderr.split())
    followed = call("town", pictures, "--geotags", tables / "outside.csv")
    assert "none of the 1 queries has a reference" in failed(followed, 3)


def test_a_damaged_index_is_not_the_photos_fault(
    call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe = Locator.describe
    monkeypatch.setattr(Locator, "describe", lambda *arguments: describe(*arguments) * np.float32("nan"))
    result = call("town", table)
    assert result.exit_code == 5
    assert "--rebuild" in result.stderr
    assert "JPEG" not in result.stderr
    assert "expected error –" in result.stdout


def test_ctrl_c_does_not_promise_to_go_on(call: Call, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("geoflood.evaluation.evaluate.evaluate", interrupted)
    result = call("town", table)
    assert result.exit_code == 130
    assert "begins anew" in " ".join(result.stderr.split())
    assert "continue" not in result.stderr


# -- the folder form --------------------------------------------------------------------------------------


def test_a_round_trip_through_the_folder_form(call: Call, table: Path, tmp_path: Path) -> None:
    """Written, indexed and evaluated again: the same photos are found among the same references."""
    result = call("town", table, "--write-folder", tmp_path / "set")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "there already" in failed(call("town", table, "--write-folder", tmp_path / "set"), 2)
    before = json.loads(call("town", table, "--json").stdout)
    after = json.loads(call("town", tmp_path / "set", "--json").stdout)
    for name in ("queries", "with_positive", "recall"):
        assert after[name] == before[name]


def test_a_folder_of_links_is_read_again_and_counted(call: Call, table: Path, tmp_path: Path) -> None:
    result = call("town", table, "--write-folder", tmp_path / "set", "--link", "--json")
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)
    assert (counts["queries"], counts["lost"]) == (7, {})
    assert counts["database"] > 20
    assert call("town", tmp_path / "set", "--json").exit_code == 0
    few = tmp_path / "few.csv"
    header, first, *_ = table.read_text().splitlines()
    shutil.copy(table.parent / first.split(",")[0], tmp_path)
    few.write_text(f"{header}\n{first}\ngone.jpg{first[first.index(',') :]}\n")
    lossy = call("town", few, "--write-folder", tmp_path / "lossy", "--json")
    assert lossy.exit_code == 10
    assert json.loads(lossy.stdout)["lost"] == {"missing file": 1}


# -- the report -------------------------------------------------------------------------------------------


def hostile(one: Evaluation) -> Evaluation:
    """With words of strangers wherever words can be."""

    def renamed(reference: Reference) -> Reference:
        return replace(reference, credit=HOSTILE, licence=HOSTILE, image_key=HOSTILE)

    judged = [
        replace(
            query,
            reason=HOSTILE,
            trial=replace(
                query.trial, asked=replace(query.trial.asked, path=Path(HOSTILE.replace("\0", "")))
            ),
            best=tuple(replace(found, reference=renamed(found.reference)) for found in query.best),
            error_m=5000.0,
        )
        for query in one.judged
    ]
    words = {"city": HOSTILE, "index": HOSTILE, "name": HOSTILE, "backbone": HOSTILE}
    return replace(one, **words, judged=judged, notes=(HOSTILE,))  # type: ignore[arg-type]


@browser
def test_the_report_opens_with_hostile_names_and_no_network(
    tmp_path: Path, locator: Locator, evaluation: Evaluation, queries: Photos
) -> None:
    page = tmp_path / "report.html"
    bad = hostile(evaluation)
    bench = prepare(locator, [query.trial.asked for query in evaluation.judged])
    misses = pictured(worst(bad, 9), bench)
    assert len(misses) == 6
    write_report(page, [bad, evaluation], misses)
    with eavesdropper() as (port, lines):
        dom = opened(page, tmp_path / "profile", f"--proxy-server=http://127.0.0.1:{port}")
    assert told(dom, "canary") is None
    assert [line for line in lines if not CHROMIUMS_OWN.search(line)] == []
    assert dom.count("<svg") == 5
    assert dom.count('<section class="miss">') == 6


@browser
def test_nothing_smuggled_in_would_run(tmp_path: Path, evaluation: Evaluation) -> None:
    page = tmp_path / "report.html"
    write_report(page, [evaluation], [])
    text = page.read_text("utf-8").replace("</main>", f"<script>{CANARY}</script></main>")
    page.write_text(text, "utf-8")
    assert told(opened(page, tmp_path / "profile"), "canary") is None


def test_the_report_is_one_file_of_no_script(
    tmp_path: Path, locator: Locator, evaluation: Evaluation
) -> None:
    page = tmp_path / "report.html"
    bench = prepare(locator, [query.trial.asked for query in evaluation.judged])
    wrong = replace(evaluation, judged=[replace(query, error_m=99.0) for query in evaluation.judged])
    write_report(page, [hostile(wrong)], pictured(worst(wrong, 3), bench))
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
    bench = prepare(locator, [query.trial.asked for query in evaluation.judged])
    wrong = replace(evaluation, judged=[replace(query, error_m=99.0) for query in evaluation.judged])
    (miss, *_) = pictured(worst(wrong, 1), bench)
    gone = replace(miss, photo=None, view=None, retrieved=(None,) * len(miss.retrieved))
    write_report(tmp_path / "r.html", [wrong], [gone])
    assert (tmp_path / "r.html").read_text("utf-8").count("its picture is gone") == 5


def test_misses_say_what_their_numbers_are_and_synthetic_pictures_what_they_are(
    tmp_path: Path, locator: Locator, evaluation: Evaluation
) -> None:
    bench = prepare(locator, [query.trial.asked for query in evaluation.judged])
    far = [
        replace(query, error_m=99.0, best=tuple(replace(one, inliers=7) for one in query.best))
        for query in evaluation.judged
    ]
    wet = replace(evaluation, judged=far, flood=0.4)
    (miss,) = pictured(worst(wet, 1), bench, QueryWater(0.4))
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
        bench = prepare(locator, [QueryTruth(evaluation.judged[0].trial.asked.path, tag)])
        query = replace(evaluation.judged[0], trial=bench.queries[0])
        (miss,) = pictured([query], bench)
        assert (miss.expected.id, miss.expected_m) == (view.id, 0)


def test_hostile_names_are_harmless_in_the_table_and_the_record(
    tmp_path: Path, evaluation: Evaluation
) -> None:
    write_queries(tmp_path / "q.csv", [hostile(evaluation)])
    text = (tmp_path / "q.csv").read_bytes()
    assert text.count(b"\r\n") == 8
    assert b"\0" not in text
    formula = replace(evaluation.judged[0], reason="=cmd()")
    write_queries(tmp_path / "q.csv", [replace(evaluation, judged=[formula], name="=way()")])
    assert "'=cmd()" in (tmp_path / "q.csv").read_text()
    assert "'=way()" in (tmp_path / "q.csv").read_text()
    json.dumps(evaluation_record(hostile(evaluation)), allow_nan=False)


def test_the_worst_are_wrong_and_the_surest_first(evaluation: Evaluation) -> None:
    wrong = replace(evaluation, judged=[replace(query, error_m=99.0) for query in evaluation.judged])
    first = worst(wrong, 4)
    assert [one.probability for one in first] == sorted((one.probability for one in first), reverse=True)
    assert all(one.trial.nearest_m <= 25 for one in first)
    lost = first[-1].trial.number
    judged = [replace(query, error_m=99.0 if query.trial.number == lost else 40.0) for query in wrong.judged]
    assert worst(replace(wrong, judged=judged), 4)[0].trial.number == lost, "another place comes first"
    assert worst(replace(wrong, judged=[replace(q, error_m=1.0) for q in wrong.judged]), 4) == []


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
