"""Same place? Asked both ways round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geoflood.core.errors import ModelError
from geoflood.vlm.client import RefusalError
from geoflood.vlm.verify import judge_pair, verify
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.pools import pool
from tests.support.far_side.scripted import Scripted, in_turn

PHOTO = np.random.default_rng(3).integers(0, 255, (90, 160, 3), np.uint8)
OTHER = 255 - PHOTO


def says(verdict: str, sure: int = 8, reason: str = "the gable") -> dict[str, Any]:
    return {"a_reason": reason, "b_verdict": verdict, "c_sure": sure}


@pytest.mark.parametrize(
    ("there", "back", "verdict", "sure"),
    [
        ("same", "same", "same", 4 / 9),
        ("different", "different", "different", 4 / 9),
        ("same", "different", "cannot_say", 0),
        ("same", "cannot_say", "cannot_say", 0),
        ("cannot_say", "cannot_say", "cannot_say", 0),
    ],
)
def test_only_what_is_said_both_ways_round_counts(there: str, back: str, verdict: str, sure: float) -> None:
    asker = Scripted(in_turn(says(there, 8), says(back, 4)))
    judgement = judge_pair(asker, PHOTO, OTHER)
    assert judgement.verdict == verdict
    assert judgement.sure == pytest.approx(sure)
    assert judgement.reason == ("the gable" if there == back else f"{there} one way round, {back} the other")
    (first, *_), (second, *_) = asker.asked
    assert list(first) == list(second)[::-1]
    assert [prompt.view for _, prompt, _, _ in asker.asked] == ["query first", "reference first"]


def test_hints_follow_their_photo() -> None:
    asker = Scripted(in_turn(says("same")))
    judge_pair(asker, PHOTO, OTHER, "Hamburg", "Deichstraße\n12, \x1b[31mthree neighbours agree")
    told = [prompt.text for _, prompt, _, _ in asker.asked]
    assert "Known of photo 2: Deichstraße 12, [31mthree neighbours agree." in told[0]
    assert "Known of photo 1: Deichstraße 12" in told[1]
    assert all("streets in Hamburg" in text for text in told)
    judge_pair(asker, PHOTO, OTHER)
    assert "Known of" not in asker.asked[-1][1].text


@pytest.mark.parametrize(
    "bad",
    [
        "who knows",
        {"b_verdict": "maybe", "c_sure": 3},
        {"b_verdict": "same", "c_sure": 99},
        RefusalError("unlucky", "no"),
    ],
)
def test_no_usable_answer_is_no_verdict(bad: Any) -> None:
    asker = Scripted(in_turn(bad))
    judgement = judge_pair(asker, PHOTO, OTHER)
    assert judgement.verdict == "cannot_say"
    assert judgement.reason.startswith("no usable answer: ")
    assert len(asker.asked) == 3, "bounded, and the other order is not asked"
    assert "a_reason" not in asker.asked[2][2]["properties"]
    assert judge_pair(Scripted(in_turn(bad, says("same"))), PHOTO, OTHER).verdict == "same"


def test_a_server_that_is_down_is_an_error() -> None:
    with pytest.raises(ModelError, match="down"):
        judge_pair(Scripted(in_turn(RefusalError("final", "down"))), PHOTO, OTHER)


def test_references_are_judged_in_their_order_through_the_wire() -> None:
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        text = body["messages"][0]["content"]
        return says("same" if "right" in text else "different", reason="r" * 500)

    with FarOllama(FarModel(answer=answer)) as a, FarOllama(FarModel(answer=answer)) as b, pool(a, b) as both:
        found = verify(both, PHOTO, [(OTHER, "wrong"), (PHOTO, "right"), (OTHER, "wrong")])
        assert [one.verdict for one in found] == ["different", "same", "different"]
        assert a.answered + b.answered == 6
        assert len(found[0].reason) == 160
        assert len(a.asked("/api/chat")[0]["messages"][0]["images"]) == 2
