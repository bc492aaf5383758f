"""Without a server: what the model said before, its refusals too, and never anything else."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoflood.core.errors import ModelError
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.cache import AnswerCache
from geoflood.vlm.client import AskOptions, ModelRecord, Prompt, RefusalError
from tests.support.far_side.scripted import Scripted, Sighted, in_turn

PHOTO = np.random.default_rng(3).integers(0, 255, (90, 160, 3), np.uint8)
RECORD = ModelRecord("ollama", "m", "here:1", "0.33.0", "d1", True, remote_host="https://cloud:443")
QUESTION: tuple[Any, ...] = ([b"image"], Prompt("p", 1, "Rate."), {"type": "object"}, AskOptions(60))


def remembered(folder: Path, script: Any, record: ModelRecord = RECORD) -> AnswerCache:
    return AnswerCache(Scripted(script, record), folder)


def test_a_reading_is_the_same_without_the_model(tmp_path: Path) -> None:
    sighted = Sighted(lambda x, y: (9 - 6 * x - 3 * y).clip(0, 9), 0.4)
    before = AttentionAsker(remembered(tmp_path, sighted), consistency=3).read(PHOTO)
    after = AttentionAsker(AnswerCache.replay(tmp_path, "ollama:m"), consistency=3).read(PHOTO)
    assert np.array_equal(before.attention.weights, after.attention.weights)
    assert before.notes == after.notes
    assert "cloud" in " ".join(after.notes), "where the photo went is told again"
    assert after.cached


def test_what_was_never_asked_has_no_answer(tmp_path: Path) -> None:
    remembered(tmp_path, in_turn({"a": 1})).ask(*QUESTION)
    replayed = AnswerCache.replay(tmp_path, "ollama:m")
    assert replayed.ask(*QUESTION).parsed == {"a": 1}
    with pytest.raises(RefusalError, match=r"ollama:m was never asked this \(p 1, base\)") as caught:
        replayed.ask([b"other"], *QUESTION[1:])
    assert caught.value.kind == "unanswered"
    with pytest.raises(ModelError, match="holds no answers of ollama:other"):
        AnswerCache.replay(tmp_path, "ollama:other")


@pytest.mark.parametrize("kind", ["unlucky", "too long"])
def test_a_refusal_after_which_something_else_was_asked_is_met_again(tmp_path: Path, kind: Any) -> None:
    asker = remembered(tmp_path, in_turn(RefusalError(kind, "no luck"), {"a": 1}))
    with pytest.raises(RefusalError):
        asker.ask(*QUESTION)
    with pytest.raises(RefusalError, match="no luck") as met:
        AnswerCache.replay(tmp_path, "ollama:m").ask(*QUESTION)
    assert met.value.kind == kind
    assert asker.ask(*QUESTION).parsed == {"a": 1}, "who can ask, asks again"
    assert AnswerCache.replay(tmp_path, "ollama:m").ask(*QUESTION).parsed == {"a": 1}


def test_other_refusals_are_not_kept(tmp_path: Path) -> None:
    with pytest.raises(RefusalError):
        remembered(tmp_path, in_turn(RefusalError("busy", "later"))).ask(*QUESTION)
    with pytest.raises(RefusalError) as caught:
        AnswerCache.replay(tmp_path, "ollama:m").ask(*QUESTION)
    assert caught.value.kind == "unanswered"


def test_the_latest_build_counts_behind_whatever_server(tmp_path: Path) -> None:
    second = [[b"second"], *QUESTION[1:]]
    remembered(tmp_path, in_turn({"a": "old"}), dataclasses.replace(RECORD, digest="d0")).ask(*QUESTION)
    remembered(tmp_path, in_turn({"a": 1})).ask(*QUESTION)
    remembered(tmp_path, in_turn({"a": 2}), dataclasses.replace(RECORD, version="0.34.0")).ask(*second)
    replayed = AnswerCache.replay(tmp_path, "ollama:m")
    assert [one.version for one in replayed.records] == ["0.34.0", "0.33.0"]
    assert (replayed.ask(*QUESTION).parsed, replayed.ask(*second).parsed) == ({"a": 1}, {"a": 2})


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"standings": [1]}', b'{"standings": [{"digest": 5}]}']
)
def test_damaged_records_are_none(tmp_path: Path, damage: bytes) -> None:
    remembered(tmp_path, in_turn({"a": 1})).ask(*QUESTION)
    (path,) = (tmp_path / "standings").iterdir()
    path.write_bytes(damage)
    with pytest.raises(ModelError, match="holds no answers"):
        AnswerCache.replay(tmp_path, "ollama:m")
    remembered(tmp_path, in_turn({"a": 1})).ask(*QUESTION)
    assert AnswerCache.replay(tmp_path, "ollama:m").record == RECORD
