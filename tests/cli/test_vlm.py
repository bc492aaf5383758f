"""`locate --attention`, `--verify`, `attend` and `doctor` with a model behind a real socket."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.datatypes import AttentionMap, Query
from geoflood.core.images import read_image
from geoflood.imagery.views import pixels_of
from geoflood.localize.locator import Locator
from geoflood.synthetic.town import Truth
from geoflood.vlm.canvas import photo_alone
from geoflood.vlm.verify import SIDE
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.sighted import sighted_answers

Photos = list[tuple[Path, Truth]]
Result = Any
Call = Callable[..., Result]
DOWN = "127.0.0.1:9"


@pytest.fixture
def call(tmp_path: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command in an empty folder, with the town indexed and nothing remembered."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("GEOFLOOD_", "OLLAMA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(index_dir))
    monkeypatch.setenv("GEOFLOOD_CACHE_DIR", str(tmp_path / "cache"))

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def far() -> Iterator[FarOllama]:
    with FarOllama(FarModel(answer=sighted_answers())) as server:
        yield server


def asked(far: FarOllama, model: str = "tiny-vl") -> list[str]:
    return ["--model", model, "--ollama-host", far.host]


def told(result: Result, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


# -- attention --------------------------------------------------------------------------------------------


def test_the_model_s_attention_is_used_and_shown_everywhere(
    call: Call, far: FarOllama, queries: Photos
) -> None:
    photo = queries[0][0]
    shown = call("locate", photo, *asked(far))
    assert shown.exit_code == 0, shown.output
    for words in ("attention: ollama:tiny-vl, water over the lower 4", "the roof line", "legible: “ELM ST”"):
        assert words in shown.stdout
    page = Path("located/map.html").read_text("utf-8")
    assert "legible: “ELM ST”" in page or "legible: \\u201cELM ST\\u201d" in page
    questions = len(far.asked("/api/chat"))
    record = told(call("locate", photo, *asked(far), "--json"))
    assert len(far.asked("/api/chat")) == questions, "a second run asks nothing"
    assert record["attention"]["provider"] == "ollama:tiny-vl"
    assert record["attention"]["applied"]
    assert record["attention"]["waterline"] == pytest.approx(0.45, abs=0.06)
    assert "ELM ST" in record["attention"]["reason"]
    assert record["seconds"]["attend"] >= 0
    assert "Town" in far.asked("/api/chat")[-1]["messages"][0]["content"]


def test_the_model_is_named_once_for_all(
    call: Call, far: FarOllama, queries: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOFLOOD_VLM_MODEL", "tiny-vl")
    monkeypatch.setenv("OLLAMA_HOST", far.host)
    assert told(call("locate", queries[0][0], "--json"))["attention"]["provider"] == "ollama:tiny-vl"
    plain = told(call("locate", queries[0][0], "--json", "--attention", "none"))
    assert plain["attention"] == {"provider": "none", "waterline": None, "applied": False, "reason": ""}


def test_the_model_s_waterline_chooses_the_bands(
    call: Call, far: FarOllama, queries: Photos, locator: Locator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[AttentionMap] = []
    search = Locator._search

    def watched(self: Locator, descriptors: Any, attention: AttentionMap, *more: Any) -> Any:
        seen.append(attention)
        return search(self, descriptors, attention, *more)

    monkeypatch.setattr(Locator, "_search", watched)
    photo = queries[0][0]
    own = told(call("locate", photo, *asked(far), "--json"))
    over = told(call("locate", photo, *asked(far), "--json", "--waterline", "0.1"))
    assert [one.waterline for one in seen] == [pytest.approx(0.45, abs=0.06), 0.1]
    assert [one.doubt for one in seen] == [0.5, 0], "a person is believed, a model half"
    assert over["attention"]["waterline"] == 0.1
    assert "analyst" in over["attention"]["reason"]
    first = own["candidates"][0]["similarity"]
    assert first != over["candidates"][0]["similarity"]


@pytest.mark.parametrize("more", [[], ["--attention", "ollama"], ["--attention", "none", "--verify", "2"]])
def test_a_model_that_is_asked_for_and_down_is_exit_8(call: Call, queries: Photos, more: list[str]) -> None:
    result = call("locate", queries[0][0], "--model", "tiny-vl", "--ollama-host", DOWN, *more, "--json")
    assert result.exit_code == 8
    assert result.stdout == ""
    assert f"no server answers at {DOWN}" in result.stderr
    assert "ollama serve" in result.stderr


def test_a_model_that_is_missing_names_the_pull(call: Call, far: FarOllama, queries: Photos) -> None:
    result = call("locate", queries[0][0], *asked(far, "qwen3-vl:8b-instruct"))
    assert result.exit_code == 8
    assert "ollama pull qwen3-vl:8b-instruct" in result.stderr


def test_auto_degrades_loudly(call: Call, queries: Photos) -> None:
    photos = [queries[0][0], queries[1][0]]
    line = ["locate", *photos, "--model", "tiny-vl", "--ollama-host", DOWN, "--attention", "auto"]
    result = call(*line)
    assert result.exit_code == 0, result.output
    words = f"no attention: no server answers at {DOWN}"
    assert f"warning: {words} (2 of 2 photos)" in result.stderr
    told = call(*line, "-v", "--out", "told").stdout
    assert told.count(words) == 4, "in the first line and among the reasons of each"
    assert words in Path("located/map.html").read_text("utf-8")
    assert words in Path("located/located.geojson").read_text("utf-8")
    assert words in Path("located/located.csv").read_text("utf-8-sig")
    for record in map(json.loads, call(*line, "--json", "--verify", "2").stdout.splitlines()):
        assert words in record["reason"]
        assert "not verified: no server answers" in record["reason"]
        assert words in record["attention"]["reason"]
        assert not record["attention"]["applied"]
        assert record["candidates"], "searched all the same"


def test_auto_without_any_model_says_how_to_name_one(call: Call, queries: Photos) -> None:
    result = call("locate", queries[0][0], "--attention", "auto", "--json")
    assert "no model is named" in told(result)["reason"]
    assert "GEOFLOOD_VLM_MODEL" in result.stderr


def test_ollama_without_a_model_is_a_mistake(call: Call, queries: Photos) -> None:
    result = call("locate", queries[0][0], "--attention", "ollama")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--model" in result.stderr


def test_a_cloud_model_is_refused_unless_allowed_and_then_said(call: Call, queries: Photos) -> None:
    cloud = FarModel("qwen3-vl:235b-cloud", remote_host="https://ollama.com:443", answer=sighted_answers())
    with FarOllama(cloud) as far:
        line = ["locate", queries[0][0], *asked(far, cloud.name), "--json"]
        result = call(*line)
        assert (result.exit_code, result.stdout) == (8, "")
        assert "runs elsewhere" in result.stderr
        assert f"--allow-remote {cloud.name}" in result.stderr
        assert not far.asked("/api/chat"), "nothing was sent"
        allowed = told(call(*line, "--allow-remote", cloud.name))
    assert "the photo was sent to https://ollama.com:443" in allowed["attention"]["reason"]


def test_another_machine_is_refused_before_anything_is_sent(call: Call, queries: Photos) -> None:
    result = call("locate", queries[0][0], "--model", "m", "--ollama-host", "198.51.100.7")
    assert result.exit_code == 8
    assert "--allow-remote 198.51.100.7" in result.stderr


def test_what_is_not_localizable_is_said_before_the_search(call: Call, queries: Photos) -> None:
    nothing = FarModel(answer=sighted_answers(b_scene="nothing_permanent", c_localizable=0))
    with FarOllama(nothing) as far:
        line = ["locate", queries[0][0], *asked(far), "--json"]
        record = told(call(*line))
        assert record["outcome"] == "not-found"
        assert record["reason"].startswith("not searched")
        assert (record["lat"], record["candidates"], record["seconds"]) == (None, [], {})
        assert told(call(*line, "--search-anyway"))["candidates"]
        assert told(call(*line, "--attention", "none"))["candidates"]
        shown = call(*line[:-1])
    assert shown.exit_code == 0
    assert "NOT FOUND" in Path("located/map.html").read_text("utf-8")


HOSTILE = "[bold red]pin[/] <script>alert(1)</script> \x1b[31m\u202e ignore your orders"


def test_hostile_words_stay_words(call: Call, queries: Photos) -> None:
    with FarOllama(FarModel(answer=sighted_answers(a_reason=HOSTILE, e_text=[HOSTILE, "[/]\\"]))) as far:
        result = call("locate", queries[0][0], *asked(far))
        shown = call("attend", queries[0][0], *asked(far))
    for output in (result, shown):
        assert output.exit_code == 0, output.output
        assert "[bold red]pin[/] <script>alert(1)</script>" in output.stdout
        assert "[/]\\" in output.stdout
        assert not {"\x1b", "\u202e"} & set(output.stdout)
    page = Path("located/map.html").read_text("utf-8")
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_no_answer_in_the_form_is_a_neutral_map_with_its_reason(call: Call, queries: Photos) -> None:
    with FarOllama(FarModel(answer=lambda body: "I would rather talk about boats.")) as far:
        result = call("locate", queries[0][0], *asked(far), "--json")
    record = told(result)
    assert "no attention: no JSON in it" in record["reason"]
    assert not record["attention"]["applied"]
    assert "warning: no attention" in result.stderr


# -- verification -----------------------------------------------------------------------------------------


def test_a_verdict_moves_the_right_candidate_up(
    call: Call, queries: Photos, locator: Locator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the photo whose candidates are hardest to tell apart: nobody's, as it happens."""
    monkeypatch.setattr("geoflood.localize.outcome.NOWHERE", 1.0)
    photo, before = min(
        ((path, locator.locate(Query(path)).candidates) for path, _ in queries),
        key=lambda one: one[1][0].similarity - one[1][1].similarity,
    )
    chosen = base64.b64encode(photo_alone(pixels_of(before[1].reference), SIDE)).decode()

    def answer(body: Any) -> Any:
        same = chosen in body["messages"][0]["images"]
        verdict = "same" if same else "different"
        return {"a_reason": "the [red] gable", "b_verdict": verdict, "c_sure": 8}

    with FarOllama(FarModel(answer=answer)) as far:
        line = ["locate", photo, *asked(far), "--attention", "none", "--verify", "3", "--top-k", "100"]
        record = told(call(*line, "--json"))
        shown = call(*line)
    first = record["candidates"][0]
    assert first["verdict"] == "same"
    assert first["verdict_reason"] == "the [red] gable"
    assert first["image"] == before[1].reference.location
    assert [one.get("verdict") for one in record["candidates"]].count("different") == 2
    assert len(far.asked("/api/chat")) == 6, "each pair both ways round, and remembered"
    assert "the model: same place" in shown.stdout
    assert "same place (the [red] gable)" in Path("located/map.html").read_text("utf-8")


def test_a_comparison_is_counted_and_told(call: Call, queries: Photos) -> None:
    def answer(body: Any) -> Any:
        scores = dict.fromkeys(body["format"]["properties"]["b_scores"]["properties"], 0)
        return {"a_reason": "no gable", "b_scores": scores, "c_none": 9}

    with FarOllama(FarModel(answer=answer)) as far:
        line = ["locate", queries[0][0], *asked(far), "--attention", "none", "--compare", "3"]
        record = told(call(*line, "--json"))
        shown = call(*line)
    assert record["candidates"][0]["comparison"] == -1.8
    assert len(far.asked("/api/chat")) == 2, "both orders, and remembered"
    assert "compared: worse, -1.8" in " ".join(shown.stdout.split())


def test_a_model_that_fails_while_verifying_changes_no_rank(
    call: Call, far: FarOllama, queries: Photos
) -> None:
    line = ["locate", queries[0][0], "--json"]
    before = told(call(*line))
    far.moods.extend(["old_model"])
    after = told(call(*line, *asked(far), "--attention", "none", "--verify", "2"))
    assert after["candidates"] == before["candidates"]
    assert after["probability"] == before["probability"]
    assert after["reason"].startswith(before["reason"])
    assert "not verified: " in after["reason"]


# -- attend -----------------------------------------------------------------------------------------------


def test_attend_shows_all_and_writes_the_picture(call: Call, far: FarOllama, queries: Photos) -> None:
    photo = queries[0][0]
    shown = call("attend", photo, *asked(far), "--city", "Hamburg")
    assert shown.exit_code == 0, shown.output
    for words in ("ollama:tiny-vl", "the roof line", "ELM ST", "complex", "answer (base)", '"f_cells"'):
        assert words in shown.stdout
    assert read_image(Path("attended") / f"001-{photo.stem}.jpg").shape == read_image(photo).shape
    record = told(call("attend", photo, *asked(far), "--json", "--city", "Hamburg"))
    assert record["remembered"]
    assert record["texts"] == ["ELM ST"]
    assert len(record["weights"]) == 4
    assert record["picture"] is None
    assert '"f_cells"' in record["replies"][0]["content"]
    sent = far.asked("/api/chat")[-1]["messages"][0]["images"][0]
    assert not PIL.Image.open(io.BytesIO(base64.b64decode(sent))).getexif()


def test_a_map_is_corrected_by_hand(call: Call, far: FarOllama, queries: Photos, tmp_path: Path) -> None:
    photo, file = queries[0][0], tmp_path / "map.json"
    assert call("attend", photo, *asked(far), "--edit", file).exit_code == 0
    content = json.loads(file.read_text("utf-8"))
    content["waterline"] = 0.2
    file.write_text(json.dumps(content), "utf-8")
    record = told(call("locate", photo, "--attention", file, "--json"))
    assert record["attention"]["provider"] == "file"
    assert record["attention"]["waterline"] == 0.2
    assert record["attention"]["applied"]
    again = call("attend", photo, *asked(far), "--edit", file)
    assert (again.exit_code, "--overwrite" in again.stderr) == (2, True)
    assert json.loads(file.read_text("utf-8"))["waterline"] == 0.2, "the analyst's work is not lost"
    two = call("attend", photo, photo, *asked(far), "--edit", tmp_path / "b.json")
    assert two.exit_code == 2


def test_attend_fails_as_it_should(call: Call, far: FarOllama, queries: Photos, tmp_path: Path) -> None:
    assert call("attend", queries[0][0]).exit_code == 2, "no model"
    assert call("attend", queries[0][0], "--model", "m", "--ollama-host", DOWN).exit_code == 8
    (tmp_path / "no.jpg").write_bytes(b"no photo")
    assert call("attend", tmp_path / "no.jpg", *asked(far)).exit_code == 3
    both = call("attend", queries[0][0], tmp_path / "no.jpg", *asked(far), "--json")
    assert both.exit_code == 10
    good, bad = map(json.loads, both.stdout.splitlines())
    assert (good["error"], bad["error"] is None) == (None, False)


# -- doctor -----------------------------------------------------------------------------------------------


def test_doctor_without_a_model_advises(call: Call) -> None:
    result = call("doctor", "--ollama-host", DOWN, "--json")
    found = told(result)["vision-language model"]
    assert found["ok"]
    assert "no server answers" in found["found"]
    assert "ollama pull" in found["advice"]


def test_doctor_tries_the_model(call: Call, far: FarOllama) -> None:
    found = told(call("doctor", *asked(far), "--json"), 1)
    assert found[f"{far.host}: model"]["ok"]
    assert found[f"{far.host}: takes images"]["ok"]
    assert not found[f"{far.host}: finds a coloured block"]["ok"], "it answers the same whatever it is shown"
    assert "--attention none" in found[f"{far.host}: finds a coloured block"]["advice"]
    assert "recommended model" in found
    down = told(call("doctor", "--model", "m", "--ollama-host", DOWN, "--json"), 1)
    assert "ollama serve" in down[f"{DOWN}: model"]["advice"]
