"""`geoflood evaluate` as scripts and people meet it."""

from __future__ import annotations

import csv
import errno
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from geoflood.evaluation.report.evaluation_record import COLUMNS
from geoflood.synthetic.town import Truth
from tests.support.commands import Result, error_line
from tests.support.descriptors import break_descriptors
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.sighted import sighted_answers

Photos = list[tuple[Path, Truth]]
Call = Callable[..., Result]


@pytest.fixture
def call(run: Call) -> Call:
    """Runs `geoflood evaluate`."""
    return partial(run, "evaluate")


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
    levels = ("--flood", "0", "--flood", "0.8", "--waterline", "true")
    result = call("town", table, "--json", "--rerank", "0", *levels)
    record = json.loads(result.stdout)
    assert [one["flood"] for one in (record, *record["compared"])] == [0, 0.8]
    assert [one["waterline"] for one in (record, *record["compared"])] == [0, 0.8]
    assert record["recall"] != record["compared"][0]["recall"]
    dry = json.loads(call("town", table, "--json").stdout)
    assert dry["median_error_m"] is not None


def test_waterlines(call: Call, table: Path) -> None:
    assert json.loads(call("town", table, "--json", "--flood", "0.3").stdout)["waterline"] is None
    wet = json.loads(call("town", table, "--json", "--flood", "0.3", "--waterline", "true").stdout)
    assert wet["waterline"] == 0.3
    assert json.loads(call("town", table, "--json", "--waterline", "0.4").stdout)["waterline"] == 0.4
    for arguments in (("true",), ("1",), ("nan",), ("deep",), ("-0.1",)):
        assert "--waterline" in error_line(call("town", table, "--waterline", *arguments), 2)


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
        assert re.search(rf"^bands, untold, 20 re-ranked +{name} \(rootsift\) +0% +6 ", text, re.M)


def test_a_model_looks_at_each_query(call: Call, table: Path) -> None:
    with FarOllama(FarModel("qwen3-vl:8b", answer=sighted_answers())) as far:
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
    assert record["way"] == "bands, untold, 20 re-ranked, attention of m (asked, 7 of 7 without)"
    assert record["without_attention"] == 7
    assert "7 of 7 photos were searched without it" in record["notes"][-1]
    text = call("town", table, *down, "--attention", "auto", "--report", "r.html")
    assert "asked, 7 of 7 without" in text.stdout
    assert "7 of 7 photos were searched without it" in " ".join(text.stderr.split())
    assert "7 of 7 photos were searched without it" in Path("r.html").read_text("utf-8")
    assert "one map" in error_line(call("town", table, "--attention", "map.json"), 2)


# -- bad input --------------------------------------------------------------------------------------------


def test_an_empty_positive_set_is_one_line(call: Call, queries: Photos, tmp_path: Path) -> None:
    stranger, truth = queries[-1]
    table = tmp_path / "far.csv"
    table.write_text(f"image,lat,lon\n{stranger},{truth.position.lat},{truth.position.lon}\n")
    shutil.copy(stranger, tmp_path / "a.jpg")
    table.write_text(f"image,lat,lon\na.jpg,{truth.position.lat},{truth.position.lon}\n")
    assert "none of the 1 queries has a reference within 25 m" in error_line(call("town", table), 3)


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
    assert "no such folder" in error_line(call("town", tmp_path / "none"), 3)
    folder = tmp_path / "bare"
    folder.mkdir()
    shutil.copy(queries[0][0], folder / "a.jpg")
    assert "1 no position" in error_line(call("town", folder), 3)
    truth = queries[0][1].position
    (folder / "b.jpg").write_bytes(b"none")
    (folder / "t.csv").write_text(f"image,lat,lon\nb.jpg,{truth.lat},{truth.lon}\n")
    result = call("town", folder / "t.csv", "-q", "--json")
    assert result.exit_code == 3
    assert "no query could be searched (1 not an image)" in result.stderr
    error_line(call("nowhere", folder / "t.csv"), 4)


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
        (("--link",), "--link has moved to another command"),
        (("--calibrate",), "--calibrate has moved to another command"),
        (("--write-folder", "w"), "--write-folder has moved to another command"),
        (("--alpha", 0.5), "--alpha says nothing without --attention"),
        (("--effects", "water"), "--effects water says nothing without --flood"),
        (("--effects", "fire", "--flood", 0.3), "no effects are called"),
        (("--precision", "foo"), "no precision 'foo'"),
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
    assert said in error_line(call("town", "truth.csv", *options), 2)


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
    assert "none of the 1 queries has a reference" in error_line(followed, 3)


def test_a_damaged_index_is_not_the_photos_fault(
    call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_descriptors(monkeypatch)
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
