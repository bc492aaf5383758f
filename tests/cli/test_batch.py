"""The commands around a folder of posts, with a locator that needs no index."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest
import typer
from typer.testing import CliRunner

from geoflood.cli import batch as batch_command
from geoflood.cli import batch_results
from geoflood.core.datatypes import Outcome
from geoflood.core.errors import InputError, ModelError, PartialError, UsageError
from geoflood.database import manifest
from geoflood.localize import locator as locating
from geoflood.triage import journal
from geoflood.triage.journal import Journal, JournalLine
from tests.support.batch import (
    IndexedFakeLocator,
    IndexedTwoPassLocator,
    photo_jpeg,
    post_row,
    write_posts,
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("GEOFLOOD_", "OLLAMA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(locating, "Locator", IndexedFakeLocator)
    monkeypatch.setattr(manifest, "read_manifest", lambda _: SimpleNamespace(city="Rivertown"))
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(tmp_path / "index"))
    (tmp_path / "index" / "rivertown").mkdir(parents=True)
    (tmp_path / "index" / "rivertown" / "manifest.json").write_text("{}", "utf-8")
    folder = write_posts(tmp_path, *(post_row(f"{n}.jpg", f"post {n}", n, author="ana") for n in range(3)))
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(photo_jpeg(n))
    return tmp_path


def call(*arguments: object) -> Any:
    app = typer.Typer()
    batch_command.register(app)
    batch_results.register(app)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def batch(root: Path, *more: object) -> Any:
    return call("batch-locate", root / "posts", "--city", "rivertown", "--out", root / "out", *more)


def test_a_folder_in_a_map_out_and_on(root: Path) -> None:
    done = batch(root, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert sum(told[name] for name in ("located", "uncertain", "not-found", "failed")) == 3
    assert "JSONL manifest: 3 posts with 3 pictures" in done.stderr
    assert {Path(path).name for path in told["files"].values()} == {
        *("triage.html", "located.csv", "located.geojson", "rejected.csv"),
    }
    again = json.loads(batch(root, "--json").stdout)
    assert (again["before"], set(again["this_run"].values())) == (3, {0})
    assert [again[outcome.value] for outcome in Outcome] == [told[outcome.value] for outcome in Outcome]
    assert "0 of 3" in batch(root).stdout, "a rerun tells the state of the folder"
    assert call("verify", root / "out").exit_code == 0


def contents(root: Path) -> dict[Path, tuple[int, int]]:
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()
    }


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(root: Path) -> None:
    before = contents(root)
    told = json.loads(batch(root, "--dry-run", "--json").stdout)
    assert (told["posts"], told["pictures"], told["done"], told["left"]) == (3, 3, 0, 3)
    assert (told["begun"], told["model"], told["hosts"]) == (False, None, [])
    assert "3 posts with 3 pictures" in batch(root, "--dry-run").stdout
    assert contents(root) == before
    batch(root)
    (root / "posts" / "more.jpg").write_bytes(photo_jpeg(9))
    before = contents(root)
    told = json.loads(batch(root, "--dry-run", "--json").stdout)
    assert (told["pictures"], told["done"], told["left"], told["begun"]) == (4, 3, 1, True)
    assert "3 of these have a result" in batch(root, "--dry-run").stdout
    assert contents(root) == before
    other = batch(root, "--dry-run", "--top-k", 3)
    assert isinstance(other.exception, UsageError)
    assert "was begun with other options: top k" in str(other.exception)


def test_a_dry_run_names_the_hosts_that_would_see_photos_and_asks_none(root: Path) -> None:
    """Nobody listens there: a question would fail."""
    model = ("--model", "qwen3-vl:8b", "--ollama-host", "127.0.0.1:9", "--verify", 3)
    told = json.loads(batch(root, "--dry-run", "--json", *model).stdout)
    assert (told["model"], told["hosts"], told["verify"]) == ("ollama:qwen3-vl:8b", ["127.0.0.1:9"], 3)
    shown = " ".join(batch(root, "--dry-run", *model).stdout.split())
    assert "ollama:qwen3-vl:8b at 127.0.0.1:9, about 3 photos at most and to compare 3 candidates" in shown
    far = batch(root, "--dry-run", "--model", "m", "--ollama-host", "198.51.100.7")
    assert isinstance(far.exception, ModelError)
    assert not (root / "out").exists()


def test_a_folder_without_a_photo_is_no_success(root: Path) -> None:
    shutil.rmtree(root / "posts")
    (root / "posts").mkdir()
    done = batch(root)
    assert isinstance(done.exception, InputError)
    assert "no photo" in str(done.exception)


def test_a_failed_photo_is_exit_10_and_the_rest_is_there(root: Path) -> None:
    (root / "posts" / "torn.jpg").write_bytes(photo_jpeg(5)[:500])
    done = batch(root)
    assert isinstance(done.exception, PartialError)
    assert done.exception.hint == f"see {root / 'out' / 'located.csv'}"
    assert "torn.jpg" in (root / "out" / "located.csv").read_text("utf-8")


def test_export_says_whether_it_is_public(root: Path) -> None:
    batch(root)
    public = call("export", root / "out", root / "x.csv", "--public")
    assert "public: no persons" in public.stderr
    assert "ana" not in (root / "x.csv").read_text("utf-8")
    assert isinstance(call("export", root / "out", root / "x.csv").exception, UsageError)
    internal = call("export", root / "out", root / "x.csv", "--overwrite")
    assert "INTERNAL" in internal.stderr
    assert "ana" in (root / "x.csv").read_text("utf-8")


def test_an_export_may_only_be_told_of(root: Path) -> None:
    batch(root)
    before = sorted(root.rglob("*"))
    said = call("export", root / "out", root / "x.gpx", "--dry-run")
    assert sorted(root.rglob("*")) == before
    done = call("export", root / "out", root / "x.gpx")
    assert said.stderr.replace("would be in", "in").split() == done.stderr.split()
    assert isinstance(call("export", root / "out", root / "x.gpx", "--dry-run").exception, UsageError)


def test_export_of_some_tells_true_counts(root: Path) -> None:
    batch(root)
    features = json.loads((root / "out" / "located.geojson").read_text("utf-8"))["features"]
    shas = [one["properties"]["sha256"] for one in features]
    made = [
        {"sha256": sha, "status": status, "by": "bo", "at": "2021-11-20T10:00:00Z", "lat": 53.5, "lon": 10.0}
        for sha, status in zip(shas, ("confirmed", "rejected"), strict=False)
    ]
    (root / "d.json").write_text(json.dumps({"decisions": made}), "utf-8")
    assert call("review", root / "out", "--decisions", root / "d.json").exit_code == 0
    every = call("export", root / "out", root / "all.csv")
    assert "3 of 3 photos in" in " ".join(every.stderr.split())
    assert "left out" not in every.stderr
    some = call("export", root / "out", root / "one.csv", "--only", "confirmed")
    told = " ".join(some.stderr.split())
    assert "1 of 3 photos in" in told
    assert "left out: 1 candidate, 1 rejected" in told
    assert shas[0] in (root / "one.csv").read_text("utf-8")
    assert shas[1] not in (root / "one.csv").read_text("utf-8")
    gpx = " ".join(call("export", root / "out", root / "all.gpx").stderr.split())
    points = (root / "all.gpx").read_text("utf-8").count("<wpt")
    assert points < 3, "a rejected one has no place"
    assert f"{points} of 3 photos in" in gpx
    assert f"left out: {3 - points} without a place" in gpx
    none = call("export", root / "out", root / "none.gpx", "--only", "rejected")
    assert "holds no photo" in none.stderr
    assert call("export", root / "out", root / "x.csv", "--only", "maybe").exit_code == 2
    assert call("export", root / "out", root / "x.csv", "--min-probability", "1.5").exit_code == 2


def test_a_brief_holds_what_was_confirmed_and_no_more(root: Path) -> None:
    batch(root)
    nothing = call("brief", root / "out")
    assert isinstance(nothing.exception, InputError)
    assert "is confirmed" in str(nothing.exception)
    assert not (root / "out" / "brief.html").exists()
    features = json.loads((root / "out" / "located.geojson").read_text("utf-8"))["features"]
    sha = features[0]["properties"]["sha256"]
    made = {"sha256": sha, "status": "confirmed", "by": "bo", "at": "2021-11-20T10:00:00Z"}
    (root / "d.json").write_text(json.dumps({"decisions": [made | {"lat": 53.5, "lon": 10.0}]}), "utf-8")
    call("review", root / "out", "--decisions", root / "d.json")
    done = call("brief", root / "out")
    assert done.exit_code == 0, done.output
    assert "1 confirmed places" in " ".join(done.stderr.split())
    page = (root / "out" / "brief.html").read_text("utf-8")
    assert "geo:53.5,10.0" in page
    assert "1 confirmed places of 3 photos" in page
    sealed = json.loads((root / "out" / "run.json").read_text("utf-8"))["journal"]
    assert f"line {sealed['lines']:,}, {sealed['sha256']}" in page, "what verify prints, too"
    assert call("verify", root / "out").exit_code == 0
    assert isinstance(call("brief", root / "out").exception, UsageError)
    assert call("brief", root / "out", "--overwrite", "--public").exit_code == 0
    assert "ana" not in (root / "out" / "brief.html").read_text("utf-8").partition("<body>")[2]


def test_review_rewrites_the_outputs(root: Path) -> None:
    batch(root)
    sha = json.loads((root / "out" / "located.geojson").read_text("utf-8"))["features"][0]["properties"][
        "sha256"
    ]
    made = {"sha256": sha, "status": "confirmed", "by": "bo", "at": "2021-11-20T10:00:00Z"}
    (root / "d.json").write_text(json.dumps({"decisions": [made]}), "utf-8")
    done = call("review", root / "out", "--decisions", root / "d.json", "--json")
    counts = {"candidate": 0, "confirmed": 1, "rejected": 0, "older": 0}
    assert json.loads(done.stdout) == {**counts, "conflicts": [], "moved": []}
    assert "without its streets" in done.stderr
    assert "confirmed" in (root / "out" / "located.csv").read_text("utf-8")
    assert call("verify", root / "out").exit_code == 0
    (root / "posts" / "0.jpg").write_bytes(b"x")
    assert isinstance(call("verify", root / "out").exception, InputError)


def test_a_command_reads_the_journal_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch(root)
    sha = json.loads((root / "out" / "located.geojson").read_text("utf-8"))["features"][0]["properties"][
        "sha256"
    ]
    made = {"sha256": sha, "status": "confirmed", "by": "bo", "at": "2021-11-20T10:00:00Z"}
    (root / "d.json").write_text(json.dumps({"decisions": [made]}), "utf-8")
    (root / "posts" / "late.jpg").write_bytes(photo_jpeg(5))
    reads: list[Path] = []
    whole = journal._checked

    def counted(file: BinaryIO, path: Path) -> Iterator[JournalLine]:
        reads.append(path)
        return whole(file, path)

    monkeypatch.setattr(journal, "_checked", counted)
    for command in (
        ("review", root / "out", "--decisions", root / "d.json"),
        ("export", root / "out", root / "x.csv"),
        ("batch-locate", root / "posts", "--city", "rivertown", "--out", root / "out"),
        ("verify", root / "out"),
    ):
        reads.clear()
        assert call(*command).exit_code == 0
        assert reads == [root / "out" / journal.NAME], command[0]
    rows = (root / "out" / "located.csv").read_text("utf-8")
    assert "late.jpg" in rows, "what a run adds is in what it writes"
    assert "confirmed" in rows


def test_review_of_a_folder_without_results_makes_none(root: Path) -> None:
    (root / "d.json").write_text("{}", "utf-8")
    done = call("review", root / "nothing", "--decisions", root / "d.json")
    assert isinstance(done.exception, InputError)
    assert not (root / "nothing").exists()


def test_a_decision_behind_the_seal_is_named_by_every_command(root: Path) -> None:
    batch(root)
    sha = json.loads((root / "out" / "located.geojson").read_text("utf-8"))["features"][0]["properties"][
        "sha256"
    ]
    told = {
        "status": "confirmed",
        "by": "mal\x1blory",
        "at": "2026-11-20T10:00:00",
        "position": None,
        "note": "",
    }
    with Journal(root / "out") as opened:
        count = sum(1 for _ in opened.replay())
        opened.append("decision", sha256=sha, decision=told)
    told_of = f"line {count + 1}: decision, {sha[:12]} confirmed by mal"
    checked = call("verify", root / "out")
    assert isinstance(checked.exception, InputError)
    assert "1 lines of the journal came after run.json was written" in str(checked.exception)
    assert told_of in checked.stdout
    assert "\x1b" not in checked.stdout
    exported = call("export", root / "out", root / "x.csv")
    assert exported.exit_code == 0
    assert told_of in exported.stderr
    assert told_of in batch(root).stderr
    (root / "out" / "run.json").write_text("{}", "utf-8")
    assert batch(root).exit_code == 0, "a run.json that says nothing is written anew"
    assert call("verify", root / "out").exit_code == 0


def test_missing_inputs_are_named_and_no_success(root: Path) -> None:
    batch(root)
    for n in range(3):
        (root / "posts" / f"{n}.jpg").unlink()
    checked = call("verify", root / "out", "--json")
    assert isinstance(checked.exception, InputError)
    assert "3 are missing" in str(checked.exception)
    assert json.loads(checked.stdout)["missing"] == ["0.jpg", "1.jpg", "2.jpg"]
    (root / "out" / "run.json").write_text('{"journal": {"lines": 1, "sha256": ""}, "outputs": {}}', "utf-8")
    assert "lacks 'folder'" in str(call("verify", root / "out").exception)


def test_ctrl_c_finishes_what_is_in_hand(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3, 20):
        (root / "posts" / f"{n}.jpg").write_bytes(photo_jpeg(n))

    class Pressing(IndexedFakeLocator):
        def locate(self, *given: Any, **named: Any) -> Any:
            if len(self.seen) == 2:
                os.kill(os.getpid(), signal.SIGINT)
            return super().locate(*given, **named)

    monkeypatch.setattr(locating, "Locator", Pressing)
    given = ["/usr/bin/geoflood", "batch-locate", "my posts", "--city", "rivertown"]
    monkeypatch.setattr(sys, "argv", given)
    before = signal.getsignal(signal.SIGINT)
    done = batch(root, "--workers", "1")
    assert done.exit_code == 130
    told = "run the same command again to continue: geoflood batch-locate 'my posts' --city rivertown\n"
    assert told in done.stderr
    assert "so far: " in done.stderr
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.setattr(locating, "Locator", IndexedFakeLocator)
    told = json.loads(batch(root, "--json").stdout)
    assert 3 <= told["before"] < 20
    assert told["before"] + sum(told["this_run"].values()) == 20
    assert sum(told[outcome.value] for outcome in Outcome) == 20


def test_stopped_before_re_ranking_every_command_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pressing(IndexedTwoPassLocator):
        def locate(self, *given: Any, **named: Any) -> Any:
            if len(self.calls) == 2:
                os.kill(os.getpid(), signal.SIGINT)
            return super().locate(*given, **named)

    monkeypatch.setattr(locating, "Locator", Pressing)
    stopped = batch(root, "--json", "--workers", "1")
    assert stopped.exit_code == 130
    told = json.loads(stopped.stdout)
    assert (told["re_ranked"], told["changed"], told["provisional"]) == (0, 0, 3)
    said = "3 results are provisional"
    assert said in (root / "out" / "triage.html").read_text("utf-8")
    exported = call("export", root / "out", root / "x.csv")
    assert exported.exit_code == 0
    assert said in " ".join(exported.stderr.split())
    (root / "d.json").write_text('{"decisions": []}', "utf-8")
    assert said in " ".join(call("review", root / "out", "--decisions", root / "d.json").stderr.split())
    assert call("verify", root / "out").exit_code == 0

    class Looking(IndexedTwoPassLocator):
        def locate(self, *given: Any, **named: Any) -> Any:
            between.append((root / "out" / "triage.html").read_text("utf-8"))
            return super().locate(*given, **named)

    between: list[str] = []
    monkeypatch.setattr(locating, "Locator", Looking)
    done = batch(root, "--json")
    told = json.loads(done.stdout)
    assert (told["before"], told["re_ranked"], told["provisional"]) == (0, 3, 0)
    assert all(said in page for page in between), "it can be used meanwhile"
    assert "that is under way" in between[-1]
    assert "provisional:" not in (root / "out" / "triage.html").read_text("utf-8")
    assert "3 photos are re-ranked now" in " ".join(done.stderr.split())


def test_help_begins_with_an_example() -> None:
    for command in ("batch-locate", "export", "brief", "review", "verify"):
        assert f"geoflood {command}" in call(command, "--help").stdout


def test_what_is_not_used_is_exit_10_and_what_is_left_out_is_not(root: Path) -> None:
    (root / "posts" / "voice.ogg").write_bytes(b"")
    assert batch(root).exit_code == 0
    (root / "posts" / "clip.mp4").write_bytes(b"")
    done = batch(root)
    assert isinstance(done.exception, PartialError)
    assert str(done.exception).startswith("not used: 1 of what is in the folder")
    assert done.exception.hint == f"see {root / 'out' / 'rejected.csv'}"
    assert "clip.mp4,video" in (root / "out" / "rejected.csv").read_text("utf-8")
