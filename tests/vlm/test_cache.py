"""A second run asks nothing; whatever could change an answer asks anew."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoflood.core.errors import ModelError
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.cache import AnswerCache
from geoflood.vlm.client import Answer, AskOptions, ModelRecord, Prompt, RefusalError
from geoflood.vlm.connect import connect
from geoflood.vlm.verify import judge_pair
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.scripted import Scripted, Sighted, in_turn

PHOTO = np.random.default_rng(3).integers(0, 255, (90, 160, 3), np.uint8)
RECORD = ModelRecord("ollama", "m", "here:1", "0.33.0", "d1", True)
PLAIN = Prompt("cells", 1, "")
QUESTION: tuple[Any, ...] = ([b"image"], Prompt("p", 1, "Rate."), {"type": "object"}, AskOptions(60))


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("??/*.json"))


def test_a_second_run_asks_nothing(tmp_path: Path) -> None:
    with FarOllama(FarModel()) as far:

        def run() -> tuple[Any, ...]:
            asker = connect("tiny-vl", [far.host], cache=tmp_path)
            first = AttentionAsker(asker, consistency=3).read(PHOTO)
            judgement = judge_pair(asker, PHOTO, PHOTO[::-1])
            asker.close()
            return first, judgement

        before = run()
        asked = len(far.asked("/api/chat"))
        after = run()
        assert asked >= 6
        assert len(far.asked("/api/chat")) == asked
    assert [one.cached for one in before] == [False, False]
    assert [one.cached for one in after] == [True, True]
    assert np.array_equal(before[0].attention.weights, after[0].attention.weights)
    assert before[0].notes == after[0].notes
    assert [r.content for r in before[0].replies] == [r.content for r in after[0].replies]


def test_the_raw_reply_lies_beside_what_was_read(tmp_path: Path) -> None:
    asker = AnswerCache(Scripted(in_turn('said: {"a": 1}'), RECORD), tmp_path)
    asker.ask(*QUESTION)
    (path,) = files(tmp_path)
    entry = json.loads(path.read_text("utf-8"))
    assert entry["answer"]["content"] == 'said: {"a": 1}'
    assert entry["parsed"] == {"a": 1}
    assert entry["question"]["digest"] == "d1"
    assert "here:1" not in json.dumps(entry["question"]), "any host with this build answers the same"
    assert [p.name for p in path.parent.iterdir()] == [path.name], "no remains of writing"


@pytest.mark.parametrize(
    "other",
    [
        ([b"other"], *QUESTION[1:]),
        ([b"image", b"image"], *QUESTION[1:]),
        (QUESTION[0], Prompt("p", 2, "Rate."), *QUESTION[2:]),
        (QUESTION[0], Prompt("p", 1, "Rate!"), *QUESTION[2:]),
        (QUESTION[0], Prompt("p", 1, "Rate.", "mirrored"), *QUESTION[2:]),
        (*QUESTION[:2], {"type": "array"}, QUESTION[3]),
        (*QUESTION[:3], AskOptions(61)),
        (*QUESTION[:3], AskOptions(60).resampled()),
    ],
)
def test_another_question_is_asked(tmp_path: Path, other: tuple[Any, ...]) -> None:
    inner = Scripted(in_turn({"a": 1}), RECORD)
    asker = AnswerCache(inner, tmp_path)
    for question in (QUESTION, other, QUESTION, other):
        asker.ask(*question)
    assert len(inner.asked) == 2


@pytest.mark.parametrize(
    "change", [{"digest": "d2"}, {"version": "0.34"}, {"model": "n"}, {"provider": "openai"}]
)
def test_another_model_or_server_is_asked(tmp_path: Path, change: dict[str, str]) -> None:
    AnswerCache(Scripted(in_turn({"a": 1}), RECORD), tmp_path).ask(*QUESTION)
    inner = Scripted(in_turn({"a": 2}), dataclasses.replace(RECORD, **change))  # type: ignore[arg-type]
    assert AnswerCache(inner, tmp_path).ask(*QUESTION).parsed == {"a": 2}
    moved = Scripted(in_turn({"a": 3}), dataclasses.replace(RECORD, host="there:2"))
    assert AnswerCache(moved, tmp_path).ask(*QUESTION).parsed == {"a": 1}


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format": 1}',
        b"\xff\xfe",
        b"[" * 50_000,
        lambda entry: entry | {"format": 2},
        lambda entry: entry | {"answer": entry["answer"] | {"content": 5}},
        lambda entry: entry | {"answer": entry["answer"] | {"more": 5}},
        lambda entry: entry | {"answer": None},
        lambda entry: entry | {"question": entry["question"] | {"digest": "d9"}},
    ],
    ids=range(12),
)
def test_a_damaged_entry_is_asked_again_and_replaced(tmp_path: Path, damage: Any) -> None:
    inner = Scripted(in_turn({"a": 1}), RECORD)
    asker = AnswerCache(inner, tmp_path)
    asker.ask(*QUESTION)
    (path,) = files(tmp_path)
    path.write_bytes(
        damage if isinstance(damage, bytes) else json.dumps(damage(json.loads(path.read_bytes()))).encode()
    )
    assert not asker.ask(*QUESTION).cached
    again = asker.ask(*QUESTION)
    assert again == dataclasses.replace(inner.ask(*QUESTION), cached=True)
    assert len(inner.asked) == 3


def test_errors_are_not_remembered(tmp_path: Path) -> None:
    asker = AnswerCache(Scripted(in_turn(RefusalError("final", "down"), {"a": 1}), RECORD), tmp_path)
    with pytest.raises(ModelError):
        asker.ask(*QUESTION)
    assert not files(tmp_path)
    assert asker.ask(*QUESTION) == Answer('{"a": 1}', done_reason="stop")


def test_what_the_server_could_not_read_is_remembered_too(tmp_path: Path) -> None:
    with FarOllama(
        FarModel(answer=lambda body: Sighted(lambda x, y: 9 * x)(PLAIN, body["format"], AskOptions(1)))
    ) as far:
        far.moods.append("unparsed")
        asker = connect("tiny-vl", [far.host], cache=tmp_path)
        for _ in range(2):
            reading = AttentionAsker(asker, prior=False).read(PHOTO)
            assert reading.replies[0].fault == "no JSON in it: the server could not read it either"
            assert len(far.asked("/api/chat")) == 2
        asker.close()
    assert reading.cached


def test_retries_are_kept_too(tmp_path: Path) -> None:
    sighted = Sighted(lambda x, y: 9 * x)
    inner = Scripted(
        lambda p, s, o: "no" if o.seed == 7 and "a_reason" in s["properties"] else sighted(p, s, o), RECORD
    )
    for _ in range(3):
        reading = AttentionAsker(AnswerCache(inner, tmp_path), prior=False).read(PHOTO)
        assert len(reading.replies) == 2
    assert len(inner.asked) == 2
