"""A batch that a model looks at: journalled, repeated without it, stopped when it goes down, killed."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.datatypes import Outcome, Reason
from geoflood.localize import locator as locating
from geoflood.outputs.wording import reason_line
from geoflood.triage import ask_model
from geoflood.triage.ask_model import IN_A_ROW, AskModelStage, DecodedPhoto
from geoflood.triage.custody import verify, write_run
from geoflood.triage.findings import Finding
from geoflood.triage.intake import Photo
from geoflood.triage.journal import NAME, read_journal
from geoflood.triage.options import BatchOptions, BatchRequest
from geoflood.triage.pipeline import AT_ONCE, BatchSummary, batch_locate
from geoflood.triage.results import read_results
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.client import RefusalError
from geoflood.vlm.stage import VlmSelection, VlmStage
from tests.support.batch import (
    FakeLocator,
    IndexedFakeLocator,
    finding_rows,
    photo_jpeg,
    post_row,
    random_scene,
    run_batch_with_model,
    write_index,
    write_posts,
)
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.scripted import Scripted, Sighted, cells_answer, in_turn
from tests.support.far_side.sighted import sighted_answers
from tests.support.kills import killable

FOR_EVER_S = 120
"""Until a wait that only a stop of everything can prolong has failed."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("GEOFLOOD_", "OLLAMA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(locating, "Locator", IndexedFakeLocator)
    monkeypatch.setattr(
        "geoflood.database.manifest.read_manifest", lambda _: SimpleNamespace(city="Rivertown")
    )
    monkeypatch.setenv("GEOFLOOD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(tmp_path / "indexes"))
    (tmp_path / "indexes" / "rivertown").mkdir(parents=True)
    (tmp_path / "indexes" / "rivertown" / "manifest.json").write_text("{}", "utf-8")
    filled(tmp_path, 6)
    return tmp_path


@pytest.fixture
def far() -> Iterator[FarOllama]:
    with FarOllama(FarModel(answer=sighted_answers())) as server:
        yield server


def filled(root: Path, count: int) -> Path:
    folder = write_posts(root, *(post_row(f"{n}.jpg", f"post {n}", n % 24) for n in range(count)))
    for n in range(count):
        (folder / f"{n}.jpg").write_bytes(photo_jpeg(n))
    return folder


def call(root: Path, *more: object, out: str = "out") -> Any:
    line = ["batch-locate", root / "posts", "--city", "rivertown", "--out", root / out, *more]
    return CliRunner().invoke(app, [str(argument) for argument in line])


def asked(far: FarOllama) -> list[object]:
    return ["--model", "tiny-vl", "--ollama-host", far.host]


def found(root: Path, out: str = "out") -> list[Finding]:
    return list(read_results(root / out))


# -- with a server ----------------------------------------------------------------------------------------


def test_what_the_model_said_is_kept_with_each_result(root: Path, far: FarOllama) -> None:
    done = call(root, *asked(far), "--json")
    assert done.exit_code == 0, done.output
    assert not far.violations
    assert len(found(root)) == 6
    for one in found(root):
        told = one.located.attention
        assert told is not None
        assert (told.provider, told.doubt) == ("ollama:tiny-vl", 0.5)
        assert told.waterline == pytest.approx(0.45, abs=0.06)
        assert told.weights.shape == (4, 4)
        assert not told.uniform
        assert "the roof line" in told.reasons
        assert one.located.seconds["attend"] >= 0
    run = json.loads((root / "out" / "run.json").read_text("utf-8"))
    (model,) = run["models"]
    assert model["digest"] == far.models["tiny-vl"].digest
    assert (model["named"], model["host"]) == ("ollama:tiny-vl", far.host)
    assert run["options"]["manner"]["alpha"] == 0.25, "a model's map counts a quarter"
    assert run["options"]["eyes"]["prompt"].startswith("cells ")
    table = (root / "out" / "located.csv").read_text("utf-8-sig")
    assert "ollama:tiny-vl" in table
    assert "ELM ST" in table
    page = (root / "out" / "triage.html").read_text("utf-8")
    assert "attention, ollama:tiny-vl" in page
    assert call(root, *asked(far), "--json").exit_code == 0
    export = ["export", str(root / "out"), str(root / "x.csv"), "--public"]
    assert CliRunner().invoke(app, export).exit_code == 0
    assert "ELM ST" not in (root / "x.csv").read_text("utf-8"), "what can be read may be somebody's door"


def test_a_replay_gives_the_same_tables_without_the_model(root: Path) -> None:
    with FarOllama(FarModel(answer=sighted_answers())) as far:
        line = ["--model", "tiny-vl", "--verify", "2"]
        assert call(root, *line, "--ollama-host", far.host).exit_code == 0
        questions = len(far.asked("/api/chat"))
    assert questions >= 6
    again = call(root, *line, "--replay", out="again")
    assert again.exit_code == 0, again.output
    for name in ("located.csv", "located.geojson", "rejected.csv"):
        assert (root / "again" / name).read_bytes() == (root / "out" / name).read_bytes()
    before, after = (json.loads((root / out / "run.json").read_text("utf-8")) for out in ("out", "again"))
    assert before["models"] == after["models"]


def test_a_replay_says_what_was_never_asked(root: Path) -> None:
    with FarOllama(FarModel(answer=sighted_answers())) as far:
        assert call(root, *asked(far)).exit_code == 0
    (root / "posts" / "late.jpg").write_bytes(photo_jpeg(77))
    done = call(root, "--model", "tiny-vl", "--replay", out="again")
    assert done.exit_code == 10
    assert "was never asked about 1 photos: late.jpg" in " ".join(done.stderr.split())
    failed = [one for one in found(root, "again") if one.located.outcome is Outcome.FAILED]
    assert [one.file for one in failed] == ["late.jpg"]
    assert "was never asked this (cells" in reason_line(failed[0].located)
    assert "late.jpg" in (root / "again" / "located.csv").read_text("utf-8")


def test_a_replay_without_the_verdicts_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Verified(IndexedFakeLocator):
        def locate(self, *given: Any, verify: Any = None, **named: Any) -> Any:
            located = super().locate(*given, **named)
            _, told = verify(named["pixels"], located.candidates) if verify else ((), "")
            return replace(located, reason=Reason.recorded(told) if told else located.reason)

    monkeypatch.setattr(locating, "Locator", Verified)
    monkeypatch.setattr("geoflood.vlm.verify.pixels_of", lambda reference: random_scene(1))
    with FarOllama(FarModel(answer=sighted_answers())) as far:
        assert call(root, *asked(far)).exit_code == 0
    done = call(root, "--model", "tiny-vl", "--verify", "2", "--replay", out="again")
    assert done.exit_code == 10
    assert "was never asked about 6 photos" in " ".join(done.stderr.split())
    assert "never asked this (pair" in (root / "again" / "located.csv").read_text("utf-8")


def test_a_replay_of_a_model_that_was_never_asked_is_exit_8(root: Path) -> None:
    done = call(root, "--model", "other", "--replay")
    assert done.exit_code == 8
    assert "holds no answers of ollama:other" in done.stderr
    assert call(root, "--replay").exit_code == 2


def test_a_model_that_is_down_at_first_is_exit_8_and_nothing_is_begun(root: Path) -> None:
    done = call(root, "--model", "tiny-vl", "--ollama-host", "127.0.0.1:9")
    assert done.exit_code == 8
    assert not (root / "out" / NAME).exists()


def test_a_model_that_goes_down_stops_the_batch_and_the_next_run_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask_model, "PAUSES_S", (0.01, 0.01))
    filled(root, 30)
    far = FarOllama(FarModel(answer=sighted_answers()))
    with far:
        host = far.host
        decent = far.models["tiny-vl"].answer
        assert decent

        def dying(body: Any) -> Any:
            if len(far.asked("/api/chat")) >= 9:
                far.moods.extend(["drop"] * 500)
            return decent(body)

        far.models["tiny-vl"].answer = dying
        done = call(root, "--model", "tiny-vl", "--ollama-host", host)
        assert done.exit_code == 8, done.output
        assert "the model is down" in done.stderr
        assert "the same command continues" in " ".join(done.stderr.split())
        assert (root / "out" / "triage.html").exists(), "what there is can be looked at"
        first = found(root)
        good = [one for one in first if one.located.outcome is not Outcome.FAILED]
        assert 5 <= len(good) < 12
        assert len(first) - len(good) <= 3, "not every photo that is left fails"
        assert all("not searched" in reason_line(one.located) for one in first if one not in good)
        far.moods.clear()
        far.models["tiny-vl"].answer = decent
        done = call(root, "--model", "tiny-vl", "--ollama-host", host)
        assert done.exit_code == 0, done.output
    assert {one.located.outcome for one in found(root)} <= {Outcome.LOCATED, Outcome.UNCERTAIN}
    assert len(found(root)) == 30
    assert all(one.located.attention and not one.located.attention.uniform for one in found(root))


def test_auto_goes_on_without_and_says_so(root: Path) -> None:
    filled(root, 12)
    with FarOllama(FarModel(answer=sighted_answers())) as far:
        decent = far.models["tiny-vl"].answer
        assert decent

        def dying(body: Any) -> Any:
            if len(far.asked("/api/chat")) >= 5:
                far.moods.extend(["drop"] * 500)
            return decent(body)

        far.models["tiny-vl"].answer = dying
        done = call(root, *asked(far), "--attention", "auto")
    assert done.exit_code == 0, done.output
    assert "warning: no attention:" in done.stderr
    without = [one for one in found(root) if "no attention" in reason_line(one.located)]
    assert 0 < len(without) < 12
    assert all(one.located.candidates for one in found(root)), "searched all the same"
    assert "no attention" in (root / "out" / "located.csv").read_text("utf-8")


def test_auto_without_any_model_says_how_to_name_one(root: Path) -> None:
    done = call(root, "--attention", "auto")
    assert done.exit_code == 0, done.output
    assert "no model is named" in done.stderr
    assert "GEOFLOOD_VLM_MODEL" in done.stderr
    assert (root / "out" / "located.csv").read_text("utf-8-sig").count("no model is named") == 6
    assert call(root, "--attention", "ollama").exit_code == 2


def test_another_build_of_the_model_needs_another_folder(root: Path, far: FarOllama) -> None:
    assert call(root, *asked(far)).exit_code == 0
    far.models["tiny-vl"].digest = "b" * 64
    done = call(root, *asked(far))
    assert done.exit_code == 2
    assert "another build of the model" in done.stderr


def test_a_file_is_everybody_s_map(root: Path) -> None:
    path = root / "map.json"
    path.write_text(json.dumps({"weights": [[2, 2], [0, 0]], "waterline": 0.4}), "utf-8")
    assert call(root, "--attention", path).exit_code == 0
    assert [one.located.attention and one.located.attention.waterline for one in found(root)] == [0.4] * 6
    path.write_text(json.dumps({"weights": [[1, 2], [0, 0]]}), "utf-8")
    assert call(root, "--attention", path).exit_code == 2, "another map is another setting"


def test_several_hosts_share_the_photos(root: Path) -> None:
    filled(root, 16)
    with (
        FarOllama(FarModel(answer=sighted_answers())) as one,
        FarOllama(FarModel(answer=sighted_answers())) as other,
    ):
        hosts = ["--ollama-host", one.host, "--ollama-host", other.host]
        assert call(root, "--model", "tiny-vl", *hosts).exit_code == 0
        shares = [len(far.asked("/api/chat")) for far in (one, other)]
    assert min(shares) >= 4, shares


# -- without one ------------------------------------------------------------------------------------------


def look(asker: Scripted, count: int, **how: Any) -> tuple[AskModelStage, list[DecodedPhoto]]:
    looks = AskModelStage(AttentionAsker(asker, prior=False), "ollama:m", how.pop("auto", False), **how)
    shown = [DecodedPhoto(Photo(str(n), Path(f"{n}.jpg"), f"{n}.jpg", random_scene(n))) for n in range(count)]
    return looks, list(looks(shown))


GOOD = cells_answer([*range(10), 9, 8, 7, 0, 1, 2], [0, 0, 0, 9], d_water=2)
AWAY = RefusalError("unreachable", "no server answers", "ollama serve")


def test_a_server_that_starts_again_is_waited_for() -> None:
    waited: list[float] = []
    looks, (one,) = look(Scripted(in_turn(AWAY, AWAY, GOOD)), 1, sleep=waited.append)
    assert waited == list(ask_model.PAUSES_S[:2])
    assert (one.retry, looks.down) == (False, None)
    assert one.attended is not None
    assert one.attended.reading is not None


def test_a_server_that_does_not_is_given_up_once() -> None:
    waited: list[float] = []
    looks, all_ = look(Scripted(in_turn(AWAY)), 3, sleep=waited.append)
    assert looks.down is not None
    assert waited == [*ask_model.PAUSES_S], "the others do not wait any more"
    assert all(one.retry for one in all_)


def test_one_photo_that_is_refused_is_only_that_photo() -> None:
    refused = RefusalError("final", "out of memory")
    looks, all_ = look(Scripted(in_turn(refused, GOOD, refused, GOOD)), 4)
    assert [one.retry for one in all_] == [True, False, True, False]
    assert looks.down is None
    looks, _ = look(Scripted(in_turn(refused)), IN_A_ROW)
    assert str(looks.down) == "out of memory", "a model that refuses everything is broken"


def test_with_auto_nobody_waits() -> None:
    waited: list[float] = []
    looks, all_ = look(Scripted(in_turn(AWAY)), 9, auto=True, sleep=waited.append)
    assert (waited, looks.down) == ([], None)
    assert not any(one.retry for one in all_)
    assert looks.doubts == {"no attention: no server answers": 9}


def batch(
    root: Path, asker: Any, locator: FakeLocator | None = None, verify: int = 0, **more: Any
) -> BatchSummary:
    stage = VlmStage(VlmSelection("m"), "none" if verify else "ollama", verify, "Rivertown")
    return batch_locate(
        root / "posts",
        root / "out",
        locator or FakeLocator(),
        write_index(root),
        BatchOptions("rivertown", vlm=stage.settings),
        BatchRequest(stage, asker),
        workers=2,
        **more,
    )


def test_stages_overlap_and_few_photos_are_in_hand(tmp_path: Path) -> None:
    """While a photo is searched for, the model looks at as many others as may be in hand, and no more."""
    filled(tmp_path, 40)
    in_hand = 2 * (1 + 2 * AT_ONCE)
    sighted = Sighted(lambda x, y: (9 - 6 * x - 3 * y).clip(0, 9), 0.4)
    as_far_as_it_may = threading.Event()
    ahead: list[int] = []

    def look_ahead(*given: Any) -> Any:
        ahead.append(len(asker.asked) - len(locator.seen))
        if len(asker.asked) == in_hand:
            as_far_as_it_may.set()
        return sighted(*given)

    class Waiting(FakeLocator):
        def locate(self, *given: Any, **named: Any) -> Any:
            assert as_far_as_it_may.wait(FOR_EVER_S), "the model waits for the search"
            return super().locate(*given, **named)

    asker, locator = Scripted(look_ahead), Waiting()
    asker.capacity = 1
    summary = batch(tmp_path, asker, locator)
    assert summary.outcomes[Outcome.FAILED] == 0
    assert sum(summary.outcomes.values()) == 40
    assert max(ahead) == in_hand


def test_a_verdict_that_could_not_be_had_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, 2)

    class Verified(FakeLocator):
        def locate(self, *given: Any, verify: Any = None, **named: Any) -> Any:
            located = super().locate(*given, **named)
            _, missing = verify(named["pixels"], located.candidates)
            return replace(located, reason=Reason.recorded(missing))

    monkeypatch.setattr("geoflood.vlm.verify.pixels_of", lambda reference: random_scene(1))
    first = batch(tmp_path, Scripted(in_turn(RefusalError("final", "out of memory"))), Verified(), verify=2)
    assert first.unverified == 2
    lines = [line.content for line in read_journal(tmp_path / "out") if line.kind == "located"]
    assert [line["again"] for line in lines] == [True, True]
    assert all(line["located"]["outcome"] != "failed" for line in lines), "found all the same"
    assert {line["located"]["reason"]["detail"] for line in lines} == {"not verified: out of memory"}
    good = Scripted(in_turn({"a_reason": "", "b_verdict": "same", "c_sure": 9}))
    assert sum(batch(tmp_path, good, Verified(), verify=2).outcomes.values()) == 2
    assert {reason_line(one.located) for one in found(tmp_path)} == {""}
    assert batch(tmp_path, good, Verified(), verify=2).before == 2


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.long)])
def test_killed_at_random_moments_nothing_the_model_said_is_lost(
    root: Path, far: FarOllama, kills: int
) -> None:
    count = 20 if kills < 10 else 120
    decent: Callable[[Any], Any] | None = far.models["tiny-vl"].answer
    assert decent

    def slow(body: Any) -> Any:
        time.sleep(0.02)
        return decent(body)

    far.models["tiny-vl"].answer = slow
    whole, torn = root / "whole", root / "torn"
    for one in (whole, torn):
        one.mkdir()
        filled(one, count)
    run_batch_with_model(str(whole), far.host)
    for path in (root / "cache").rglob("*.json"):
        path.unlink()
    dice, located = random.Random(1), []
    with killable(run_batch_with_model, torn, far.host) as run_and_kill:
        for _ in range(kills):
            run_and_kill(dice.uniform(0.0, 0.4))
            if (torn / "out" / NAME).exists():
                located.append(sum(line.kind == "located" for line in read_journal(torn / "out")))
    assert located == sorted(located), "what was done stays done"
    run_batch_with_model(str(torn), far.host)
    assert finding_rows(torn) == finding_rows(whole)
    kept = [[one.located.attention.weights.tolist() for one in found(r)] for r in (whole, torn)]  # type: ignore[union-attr]
    assert kept[0] == kept[1]
    write_run(read_results(torn / "out"), [])
    assert verify(torn / "out").stands
