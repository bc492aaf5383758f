"""Same place? One photo against one reference, asked twice with the pair swapped.

A model that prefers the first photo, or whatever agrees with the prompt, contradicts itself when the
pair is swapped; then it cannot say.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from geoflood.core.datatypes import Image
from geoflood.vlm.answer_formats import closed, numbers_of, one_of
from geoflood.vlm.canvas import bare
from geoflood.vlm.client import Answer, Asker, AskOptions, Prompt, RefusalError
from geoflood.vlm.parse_replies import Json, plain
from geoflood.vlm.pool import each
from geoflood.vlm.prompts import PAIR_VERSION, pair_prompt
from geoflood.vlm.retries import RawReply

__all__ = ["Judgement", "Verdict", "compare", "verify"]

Verdict: TypeAlias = Literal["same", "different", "cannot_say"]
_VERDICTS: tuple[Verdict, ...] = ("same", "different", "cannot_say")

SIDE = 672
"""Of each canvas, pixels: two images and the prompt stay within 2,000 tokens."""

NUM_PREDICT = 300
_LONGEST_REASON = 160


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether two photos show the same place."""

    verdict: Verdict
    reason: str
    sure: float
    """The model's own word, [0, 1]; of the less sure order. 0 when it cannot say."""
    replies: tuple[RawReply, ...]
    seconds: float
    cached: bool


@dataclass(frozen=True, slots=True)
class _Heard:
    verdict: Verdict
    reason: str
    sure: float


def compare(asker: Asker, query: Image, reference: Image, city: str = "", hints: str = "") -> Judgement:
    """The model's judgement of a photo and a reference, both [H, W, 3].

    `hints` is what is known of the reference (street, neighbours that agree): it goes into the prompt of
    both orders. Raises ModelError when the model cannot be asked.
    """
    begun = time.perf_counter()
    replies: list[RawReply] = []
    shown = bare(query, SIDE), bare(reference, SIDE)
    there = _heard(asker, shown, "query first", city, hints, replies)
    back = _heard(asker, shown[::-1], "reference first", city, hints, replies) if there else None
    verdict, reason, sure = _both(there, back, replies)
    cached = all(reply.cached for reply in replies)
    return Judgement(verdict, reason, sure, tuple(replies), time.perf_counter() - begun, cached)


def verify(
    asker: Asker, query: Image, references: Sequence[tuple[Image, str]], city: str = ""
) -> tuple[Judgement, ...]:
    """Judgements of a photo and each of the references (image, hints), in their order."""

    def work(pair: tuple[Image, str]) -> Judgement:
        return compare(asker, query, pair[0], city, pair[1])

    return tuple(judgement for _, judgement in each(work, references, asker.capacity))


def _both(
    there: _Heard | None, back: _Heard | None, replies: Sequence[RawReply]
) -> tuple[Verdict, str, float]:
    """One verdict of two: the same one, or none."""
    if there is None or back is None:
        return "cannot_say", f"no usable answer: {replies[-1].fault}", 0.0
    if there.verdict != back.verdict:
        return "cannot_say", f"{there.verdict} one way round, {back.verdict} the other", 0.0
    sure = 0.0 if there.verdict == "cannot_say" else min(there.sure, back.sure)
    return there.verdict, there.reason or back.reason, sure


def _schema(texts: bool) -> Json:
    free: Json = {"a_reason": {"type": "string", "maxLength": _LONGEST_REASON}} if texts else {}
    return closed(free | {"b_verdict": one_of(_VERDICTS), "c_sure": one_of(range(10))})


def _heard(
    asker: Asker, shown: Sequence[bytes], order: str, city: str, hints: str, replies: list[RawReply]
) -> _Heard | None:
    """An answer in one order; asked at most three times, the last time without free text."""
    at = "photo 2" if order == "query first" else "photo 1"
    prompt = Prompt("pair", PAIR_VERSION, pair_prompt(city, hints, at), order)
    options = AskOptions(NUM_PREDICT)
    for again, texts in ((options, True), (options.again(), True), (options, False)):
        try:
            answer = asker.ask(shown, prompt, _schema(texts), again)
        except RefusalError as error:
            if error.kind != "unlucky":
                raise
            replies.append(RawReply(order, "", fault=str(error)))
            continue
        heard, fault = _read(answer)
        replies.append(RawReply(order, answer.content, answer.thinking, fault, answer.cached))
        if heard is not None:
            return heard
    return None


def _read(answer: Answer) -> tuple[_Heard | None, str]:
    fault = "no JSON in it"
    for found in answer.candidates():
        try:
            return _judged(found), ""
        except ValueError as error:
            fault = str(error)
    return None, fault


def _judged(found: Mapping[str, Any]) -> _Heard:
    verdict = found.get("b_verdict")
    if verdict not in _VERDICTS:
        raise ValueError("b_verdict is no verdict")
    (sure,) = numbers_of(found, ["c_sure"], 9)
    return _Heard(verdict, plain(found.get("a_reason"), _LONGEST_REASON), sure / 9)
