"""The command line as scripts and people meet it: exit codes, one clear line, JSON alone on stdout."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from geoflood import __version__
from geoflood.cli import show_located, terminal
from geoflood.cli.app import app
from geoflood.core.datatypes import (
    Candidate,
    Estimate,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    StreetWords,
)
from geoflood.core.errors import (
    CityError,
    ExtraMissingError,
    GeofloodError,
    IndexUnusableError,
    InputError,
    ModelError,
    NetworkError,
    PartialError,
    UsageError,
    WeightsError,
)
from geoflood.database.plan import locked_index
from geoflood.synthetic.town import Truth
from tests.support.commands import error_line

Photos = list[tuple[Path, Truth]]
Result = Any
"""Of typer's CliRunner: exit_code, stdout, stderr, exception."""
Call = Callable[..., Result]

COMMANDS = ("demo", "index", "locate", "cities", "info", "doctor")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GEOFLOOD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def run(*arguments: str | Path, stdin: str = "") -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


# -- help -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_help_opens_with_an_example(call: Call, name: str) -> None:
    result = call(name, "--help")
    assert result.exit_code == 0
    first = next(line for line in result.stdout.splitlines() if line.strip() and "Usage" not in line)
    assert f"geoflood {name}" in first


def test_help_names_every_command_and_how_to_begin(call: Call) -> None:
    for arguments in ((), ("--help",), ("-h",)):
        text = call(*arguments).output
        assert all(name in text for name in COMMANDS)
        assert "geoflood demo" in text


def test_version(call: Call) -> None:
    assert call("--version").stdout == f"geoflood {__version__}\n"


SENSELESS = (
    *(("fly",), ("index",), ("locate",), ("demo", "--workers", "0")),
    *(
        ("locate", "a.jpg", *options)
        for options in (("--top-k", "0"), ("--waterline", "1"), ("--alpha", "2"))
    ),
)


@pytest.mark.parametrize("arguments", SENSELESS)
def test_usage_errors_are_2(call: Call, arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""


# -- errors -----------------------------------------------------------------------------------------------


CODES = {
    GeofloodError: 1,
    UsageError: 2,
    InputError: 3,
    CityError: 4,
    IndexUnusableError: 5,
    WeightsError: 6,
    NetworkError: 7,
    ModelError: 8,
    ExtraMissingError: 9,
    PartialError: 10,
}


@pytest.mark.parametrize(("error", "code"), CODES.items())
def test_every_error_has_its_code(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: type[GeofloodError], code: int
) -> None:
    def broken(*_: object) -> None:
        raise error("the thing [bold]x[/] is \x1b[31mbroken", "mend it")

    monkeypatch.setattr("geoflood.cli.checks.examine", broken)
    line = error_line(call("doctor"), code)
    assert "[bold]x[/]" in line, "markup of others is text"
    assert "\x1b" not in line


def test_ctrl_c_is_130(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("geoflood.cli.checks.examine", interrupted)
    result = call("doctor")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (130, "", 1)


@pytest.mark.parametrize("file", [None, "out/journal.jsonl"])
def test_a_full_disk_is_one_line(call: Call, monkeypatch: pytest.MonkeyPatch, file: str | None) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", file)

    monkeypatch.setattr("geoflood.cli.checks.examine", full)
    result = call("doctor")
    line = error_line(result, InputError.exit_code)
    assert line == f"error: {file or 'the disk'}: No space left on device"
    assert "the same command continues" in result.stderr


def test_our_own_bugs_keep_their_traceback(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoflood.cli.checks.examine", lambda *_: 1 / 0)
    result = call("doctor")
    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)


def test_index_without_images(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    assert "no images" in error_line(call("index", "town"), 2)
    assert "nowhere" in error_line(call("index", "town", "nowhere"), 3)
    assert "no image can be used" in error_line(call("index", "town", "empty"), 3)
    assert "a.jpg" in error_line(call("index", "town", "a.jpg"), 3)


NO_SETTINGS = (("--bands", "x"), ("--dimension", "few"), ("--bands", "0,95"), ("--backbone", "no"))


@pytest.mark.parametrize("options", NO_SETTINGS)
def test_index_options_that_make_no_sense(call: Call, streets: Path, options: tuple[str, str]) -> None:
    error_line(call("index", "town", streets, *options), 2)


@pytest.mark.parametrize("name", ["", " ", "..", "../..", "/", ".", "-", "\x00", "💧", "[/]"])
def test_names_that_are_no_city(call: Call, streets: Path, name: str) -> None:
    for arguments in (("index", "--", name, streets), ("info", "--", name)):
        error_line(call(*arguments), 2)


NAMES = ("../../etc", "/tmp/x", "C:\\town", "a\nb", "A" * 500, "Köln", "[bold]b[/]", "\x1b[2J")


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_hostile_city_names_stay_in_the_folder(call: Call, tmp_path: Path, name: str) -> None:
    line = error_line(call("info", "--", name), 4)
    assert "\x1b" not in line
    assert not (tmp_path / "index").exists()


def test_index_that_is_in_use(call: Call, streets: Path, tmp_path: Path) -> None:
    with locked_index(tmp_path / "index" / "town"):
        assert "another geoflood" in error_line(call("index", "town", streets), 5)


def test_folder_that_cannot_be_written(call: Call, streets: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "file" in error_line(call("index", "town", streets, "--index-dir", "file"), 3)


# -- an index ---------------------------------------------------------------------------------------------


def test_index_tells_what_came_of_it(call: Call, streets: Path, tmp_path: Path) -> None:
    """With the settings and the calibration that everybody gets."""
    folder = tmp_path / "some"
    folder.mkdir()
    for path in sorted((streets / "streets").glob("*.jpg"))[:4]:
        shutil.copy(path, folder)
    (folder / "bad [bold].jpg").write_bytes(b"no picture")
    result = call("index", "Some Town", folder)
    assert result.exit_code == 0, result.output
    assert "4" in result.stdout
    assert "1 no position" in result.stdout
    assert "geoflood locate PHOTO --city some-town" in result.stderr
    again = call("index", "Some Town", folder, "--json", "--max-failed", "0.1")
    assert again.exit_code == 10
    (told,) = objects(again)
    assert (told["images"], told["references"], told["rejected"]) == (4, 4, {"no position": 1})
    error_line(call("index", "Some Town", folder, "--dimension", "64"), 5)


@pytest.mark.usefixtures("no_rehearsal")
def test_the_exit_code_speaks_of_what_was_asked_for(call: Call, streets: Path, tmp_path: Path) -> None:
    """A table is the list: what lies beside its images is nobody's failure, nor is a row that comes twice."""
    folder = tmp_path / "some"
    shutil.copytree(streets / "streets", folder, ignore=shutil.ignore_patterns("*.csv"))
    for number in range(9):
        (folder / f"{number}.jpg").write_bytes(b"no picture")
    first, second, *_ = sorted(folder.glob("*-*.jpg"))
    rows = [f"{first.name},52.1,0.1", *[f"{second},52.1,0.1002"] * 9]
    (tmp_path / "tags.csv").write_text("\n".join(["image,lat,lon", *rows]), "utf-8")
    result = call("index", "town", folder, "--geotags", "tags.csv", "--dimension", 16, "--json")
    assert result.exit_code == 0, result.output
    (told,) = objects(result)
    assert (told["images"], told["rejected"]) == (2, {"duplicate row": 8})
    (tmp_path / "tags.csv").write_text("\n".join(["image,lat,lon", *rows, "gone.jpg,1,2"]), "utf-8")
    strictly = ("--dimension", 16, "--json", "--max-failed", 0.1)
    assert call("index", "town", folder, "--geotags", "tags.csv", *strictly).exit_code == 10


def test_cities_info_and_doctor(call: Call, index_dir: Path) -> None:
    assert "nothing is indexed" in call("cities").stderr
    assert call("cities").stdout == ""
    (city,) = objects(call("cities", "--index-dir", index_dir, "--json"))
    assert (city["city"], city["backbone"]) == ("Town", "rootsift")
    assert "Town" in call("cities", "--index-dir", index_dir).stdout
    (facts,) = objects(call("info", "town", "--index-dir", index_dir, "--json"))
    assert facts["views"] == city["references"]
    assert sum(facts["headings"].values()) == facts["views"]
    assert facts["covered_km2"] > 0
    text = call("info", "TOWN", "--index-dir", index_dir).stdout
    assert "geoflood townscape" in text
    (found,) = objects(call("doctor", "--index-dir", index_dir, "--json"))
    assert found["torch"]["ok"]
    assert found["index town"]["ok"]
    table = call("doctor", "--index-dir", index_dir)
    assert table.exit_code == 0
    assert "index town" in table.stdout


def test_a_damaged_index_is_named_and_hides_no_other(call: Call, index_dir: Path, tmp_path: Path) -> None:
    root = tmp_path / "indexes"
    shutil.copytree(index_dir / "town", root / "town")
    shutil.copytree(index_dir / "town", root / "broken")
    (root / "broken" / "manifest.json").write_text("{", "utf-8")
    result = call("cities", "--index-dir", root, "--json")
    assert [city["city"] for city in objects(result)] == ["Town"]
    assert "broken" in result.stderr
    assert "broken" in error_line(call("info", "broken", "--index-dir", root), 5)
    (root / "town" / "vectors.faiss").write_bytes(b"cut")
    assert "vectors.faiss" in error_line(call("locate", "a.jpg", "--city", "town", "--index-dir", root), 5)
    assert call("doctor", "--index-dir", root).exit_code == 1


# -- locating ---------------------------------------------------------------------------------------------


@pytest.fixture
def locate(call: Call, index_dir: Path) -> Call:
    return lambda *arguments, **named: call("locate", *arguments, "--index-dir", index_dir, **named)


def test_json_is_alone_on_stdout(locate: Call, queries: Photos, tmp_path: Path) -> None:
    (first, _), (second, _) = queries[:2]
    result = locate(first, second, "--json", "--top-k", 3, "--waterline", 0.4)
    assert result.exit_code == 0, result.output
    told = objects(result)
    assert [one["photo"] for one in told] == [str(first), str(second)]
    for one in told:
        assert one["outcome"] in {"located", "likely", "uncertain", "not-found"}
        assert one["attention"]["waterline"] == 0.4
        assert [candidate["rank"] for candidate in one["candidates"]] == [1, 2, 3]
    assert result.stderr == ""
    assert not (tmp_path / "located").exists(), "with --json only where --out says"


def test_a_coarse_file_made_again_is_said(
    locate: Call, queries: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "geoflood.database.database.ready_coarse", lambda *_: "coarse.faiss is missing: made again"
    )
    assert "coarse.faiss is missing: made again" in " ".join(locate(queries[0][0]).stderr.split())


def test_a_report_for_people_and_files_for_others(locate: Call, queries: Photos, tmp_path: Path) -> None:
    photo = queries[0][0]
    result = locate(photo)
    assert result.exit_code == 0, result.output
    assert str(photo) in result.stdout
    assert "map.html" in result.stderr
    assert {path.name for path in (tmp_path / "located").iterdir()} >= {
        "map.html", "located.geojson", "located.csv",
    }  # fmt: skip
    assert "\x1b" not in result.stdout + result.stderr, "no colours where nobody sees them"
    quiet = locate(photo, "-q", "--out", "elsewhere", "--json")
    assert quiet.stderr == ""
    assert (tmp_path / "elsewhere" / "map.html").exists()


def table_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))


def test_what_was_located_is_exported_as_a_batch_is(locate: Call, queries: Photos, tmp_path: Path) -> None:
    first, second = queries[0][0], queries[1][0]
    done = locate(first, second, "--export", "x.csv")
    assert done.exit_code == 0, done.output
    rows = table_rows(tmp_path / "x.csv")
    assert [row["photo"] for row in rows] == [str(first), str(second)]
    assert rows[0]["sha256"] == hashlib.sha256(first.read_bytes()).hexdigest()
    for exported, told in zip(rows, table_rows(tmp_path / "located" / "located.csv"), strict=True):
        assert exported | told == exported, "the same answers, field by field"
    public = locate(first, second, "--export", "x.gpx", "--public", "--out", "again")
    assert "public: no persons" in " ".join(public.stderr.split())
    assert first.name not in (tmp_path / "x.gpx").read_text("utf-8")
    before = (tmp_path / "x.csv").read_bytes()
    assert "is there already" in error_line(locate(first, "--export", "x.csv"), 2)
    assert "internal map" in error_line(locate(first, "--export", "x.html"), 2)
    assert "no format" in error_line(locate(first, "--export", "x.shp"), 2)
    assert (tmp_path / "x.csv").read_bytes() == before
    assert not (tmp_path / "located-2").exists(), "refused before anything was done"


def test_no_run_writes_over_another_s_results(locate: Call, queries: Photos, tmp_path: Path) -> None:
    photo = queries[0][0]
    assert locate(photo, "-q").exit_code == 0
    first = (tmp_path / "located" / "located.csv").read_bytes()
    assert locate(queries[1][0], "-q").exit_code == 0
    assert (tmp_path / "located" / "located.csv").read_bytes() == first
    assert (tmp_path / "located-2" / "located.csv").read_bytes() != first

    taken = locate(queries[1][0], "--out", "located")
    assert "another run" in error_line(taken, 2)
    assert (tmp_path / "located" / "located.csv").read_bytes() == first
    assert locate(queries[1][0], "-q", "--out", "located", "--force").exit_code == 0
    assert (tmp_path / "located" / "located.csv").read_bytes() != first


def test_a_mistyped_photo_writes_nothing(locate: Call, tmp_path: Path) -> None:
    assert locate("absent.jpg", "-q").exit_code == 3
    assert not list(tmp_path.glob("located*"))


def test_lists_on_stdin_and_folders(locate: Call, queries: Photos, tmp_path: Path) -> None:
    (first, _), (second, _) = queries[:2]
    told = objects(locate("-", "--json", stdin=f"{first}\n\n{second}\n"))
    assert [one["photo"] for one in told] == [str(first), str(second)]
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(first, folder / "b.jpg")
    shutil.copy(second, folder / "sub" / "a.JPG")
    (folder / "notes.txt").write_text("no photo", "utf-8")
    assert len(objects(locate(folder, "--json"))) == 2
    (tmp_path / "none").mkdir()
    assert "no photos" in error_line(locate(tmp_path / "none"), 3)
    assert "no photos" in error_line(locate("-", stdin="\n"), 3)


def test_some_failed_is_10_all_failed_is_3(locate: Call, queries: Photos, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no photo")
    some = locate(bad, queries[0][0], "--json")
    assert some.exit_code == 10
    assert [one["outcome"] == "failed" for one in objects(some)] == [True, False]
    everything = locate(bad, "absent.jpg", "--json")
    assert everything.exit_code == 3
    assert [one["outcome"] for one in objects(everything)] == ["failed", "failed"]
    assert len(everything.stderr.splitlines()) == 2


def test_hostile_file_names(locate: Call, queries: Photos, tmp_path: Path) -> None:
    names = ("[bold]a[bold].jpg", "\x1b[2J\x1b]0;x\x07.jpg", "a\nb.jpg", "-v.jpg", "\u202egpj.jpg")
    for number, name in enumerate(names):
        path = tmp_path / f"hostile{number}" / name
        path.parent.mkdir()
        shutil.copy(queries[0][0], path)
        result = locate(path)
        assert result.exit_code == 0, result.output
        assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout + result.stderr)
        if number == 0:
            assert "[bold]a[bold].jpg" in result.stdout
        alone = locate(path, "--json")
        assert alone.exit_code == 0, alone.output
        assert objects(alone)[0]["photo"] == str(path)


def test_the_city_may_be_left_out_when_there_is_one(
    call: Call, index_dir: Path, tmp_path: Path, queries: Photos
) -> None:
    photo = queries[0][0]
    assert "nothing is indexed" in error_line(call("locate", photo), 4)
    shutil.copytree(index_dir / "town", tmp_path / "index" / "town")
    assert call("locate", photo, "--json").exit_code == 0
    assert call("locate", photo, "--json", "--city", "Town").exit_code == 0
    assert "no index" in error_line(call("locate", photo, "--city", "other"), 4)
    shutil.copytree(index_dir / "town", tmp_path / "index" / "other")
    assert "several" in error_line(call("locate", photo), 2)
    assert call("locate", photo, "--json", "--city", "other").exit_code == 0


def test_attention_and_basemap_files(locate: Call, queries: Photos, tmp_path: Path) -> None:
    photo = queries[0][0]
    (tmp_path / "map.json").write_text('{"weights": [[2], [0]], "waterline": 0.3}', "utf-8")
    (told,) = objects(locate(photo, "--attention", "map.json", "--waterline", 0.45, "--json"))
    assert told["attention"]["waterline"] == 0.45, "the analyst's word stands over the file's"
    assert "absent" in error_line(locate(photo, "--attention", "absent.json"), 3)
    for name, content in (("a.geojson", "{"), ("b.geojson", "[]"), ("c.geojson", '{"type": "Feature"}')):
        (tmp_path / name).write_text(content, "utf-8")
        assert name in error_line(locate(photo, "--basemap", name), 3)
    assert "absent" in error_line(locate(photo, "--basemap", "absent.geojson"), 3)
    streets: dict[str, Any] = {"type": "FeatureCollection", "features": []}
    (tmp_path / "none.geojson").write_text(json.dumps(streets), "utf-8")
    assert "nothing in it is drawn" in error_line(locate(photo, "--basemap", "none.geojson"), 3)
    streets["features"] = [{"type": "LineString", "coordinates": [[0, 52], [1, 52]]}]
    (tmp_path / "streets.geojson").write_text(json.dumps(streets), "utf-8")
    assert locate(photo, "--basemap", "streets.geojson").exit_code == 0


def test_an_out_that_is_no_folder(locate: Call, queries: Photos, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = locate(queries[0][0], "--out", "file")
    assert result.exit_code == 3
    assert "file" in result.stderr
    assert "Traceback" not in result.stderr


def test_from_the_shell(queries: Photos, index_dir: Path, tmp_path: Path) -> None:
    """Once in a process of its own, with its usual threads; streams apart, quiet without a terminal."""
    command = [sys.executable, "-m", "geoflood", "locate", "-", "--json", "--index-dir", str(index_dir)]
    photo = f"{queries[0][0]}\n"
    usual = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(command, input=photo, capture_output=True, text=True, cwd=tmp_path, env=usual)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["photo"] == photo.strip()


# -- what people read -------------------------------------------------------------------------------------


def found(outcome: Outcome, count: int) -> Located:
    spots = [LatLon(10, 20 + k / 1e4) for k in range(count)]
    references = [Reference(k, f"folder:a/{k}.jpg", spot, "x", 359.7) for k, spot in enumerate(spots)]
    candidates = tuple(Candidate(reference, 0.9 - reference.id / 100) for reference in references)
    estimate = Estimate(LatLon(10, 20), 1.0, 12.0, 30.0, (), 0.01)
    return Located(Query(Path("photo.jpg")), outcome, Reason.recorded("because"), candidates, estimate)


def test_a_report_is_aligned_and_short(capsys: pytest.CaptureFixture[str]) -> None:
    show_located.show_located(found(Outcome.LOCATED, 12))
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if ".jpg" in line and "photo" not in line]
    assert len(rows) == show_located.SHOWN
    assert len({line.index("a/") for line in rows}) == 1, "a column is a column"
    assert "0°" in rows[0]
    assert "360" not in rows[0]
    assert f"{12 - show_located.SHOWN} more" in "\n".join(lines)


def test_a_report_says_the_whole_belief_beside_the_word(capsys: pytest.CaptureFixture[str]) -> None:
    shown = found(Outcome.LIKELY, 1)
    estimate = Estimate(LatLon(10, 20), 0.698, 5.0, 12.0, (), 0.2)
    show_located.show_located(replace(shown, estimate=estimate))
    text = capsys.readouterr().out
    assert "LIKELY" in text
    assert "69 % within 25 m · 10 % farther off in this index · 20 % not in this index" in text
    assert "within 5 m first (50 %), then 25 m (90 %)" in text, "87 % of what is indexed is within 25 m"


WORDS = StreetWords("Market Hill, near Petty Cury, looking south", (("Market Hill", 1.0),), "a gap", "© them")


def test_a_report_says_the_street(capsys: pytest.CaptureFixture[str]) -> None:
    shown = found(Outcome.LOCATED, 1)
    named = replace(shown.candidates[0], street="Rose Crescent")
    show_located.show_located(replace(shown, streets=WORDS, candidates=(named,)))
    lines = capsys.readouterr().out.replace("\u00a0", " ").splitlines()
    assert lines[1:3] == ["  over 99 % within 25 m · Market Hill, near Petty Cury, looking south", "  a gap"]
    assert "Rose Crescent" in lines[-2]
    show_located.show_located(
        replace(shown, outcome=Outcome.UNCERTAIN, streets=replace(WORDS, place="A or B"))
    )
    assert capsys.readouterr().out.splitlines()[1] == "  A or B", "no share of one place where there are two"


def test_a_place_that_was_not_found_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_located.show_located(found(Outcome.NOT_FOUND, 3))
    text = capsys.readouterr().out
    assert "NOT-FOUND" in text
    assert "10.00000" not in text, "somebody would drive there"


def test_tables_hold_any_script(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_table("t", ["name", "n"], [["東京", "1"], ["[red]x", "2"], ["a\nb" + "c" * 200, "3"]])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[3].startswith("[red]x")


@pytest.mark.usefixtures("no_rehearsal")
def test_a_table_that_is_not_understood_is_named_and_exit_10(
    call: Call, streets: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    for path in sorted((streets / "streets").glob("*.jpg"))[:4]:
        shutil.copy(path, folder)
    (folder / "tags.csv").write_text("image,lattitude,lon\na.jpg,1,2\n", "utf-8")
    told = call("index", "town", folder, "--dimension", 16)
    assert told.exit_code == 10
    said = " ".join(told.stderr.split())
    assert f"table not understood: {folder / 'tags.csv'}: no column for lat" in said
    assert "tables that are not understood: 1" in said
    assert call("index", "town", folder, "--dimension", 16, "--max-failed", 1).exit_code == 0
