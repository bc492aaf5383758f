"""`--verify N`: a vision-language model compares a photo with the first N references. Same place?

Each pair is asked about twice, the second time swapped. A model that prefers the first photo, or whatever the
prompt suggests, contradicts itself when the pair is swapped; then it cannot say.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from geoflood.core.datatypes import Candidate, Image, Reference
from geoflood.core.images import UnreadableImageError
from geoflood.imagery.views import pixels_of
from geoflood.vlm.answer_formats import enum_schema, object_schema, parse_numbers
from geoflood.vlm.canvas import photo_alone
from geoflood.vlm.client import Asker, AskOptions, Prompt, RawReply
from geoflood.vlm.parallel import parallel_map
from geoflood.vlm.parse_replies import Json, one_line
from geoflood.vlm.prompts import PAIR_VERSION, pair_prompt
from geoflood.vlm.usable_answer import usable_answer

__all__ = ["SIDE", "Judgement", "Verdict", "Verifier", "judge_pair", "verify"]

Verdict: TypeAlias = Literal["same", "different", "cannot_say"]
_VERDICTS: tuple[Verdict, ...] = ("same", "different", "cannot_say")

SIDE = 672
"""Of each canvas, pixels: two images and the prompt stay within 2,000 tokens."""

NUM_PREDICT = 300
_REASON_CHARACTERS = 160


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
class _PairAnswer:
    """What was answered about a pair in one order."""

    verdict: Verdict
    reason: str
    sure: float


@dataclass(frozen=True, slots=True)
class _PairOrder:
    """Which photo of a pair comes first."""

    name: str
    reference: str
    """What the reference is called in the question."""


_QUERY_FIRST = _PairOrder("query first", "photo 2")
_REFERENCE_FIRST = _PairOrder("reference first", "photo 1")


@dataclass(frozen=True)
class Verifier:
    """Gives verdicts to the first `count` of a photo's candidates. Threads may share it."""

    asker: Asker
    count: int
    city: str = ""

    def with_verdicts(
        self, photo: Image, candidates: Sequence[Candidate]
    ) -> tuple[tuple[Candidate, ...], str]:
        """The candidates with verdicts, and what is missing. Raises ModelError when the model fails."""
        first = candidates[: self.count]
        pairs = list(_reference_pictures(first))
        judgements = verify(self.asker, photo, [pair for _, pair in pairs], self.city)
        verified = list(candidates)
        for (rank, _), judgement in zip(pairs, judgements, strict=True):
            verified[rank] = replace(
                verified[rank], verdict=judgement.verdict, verdict_reason=judgement.reason
            )
        gone = len(first) - len(pairs)
        return tuple(verified), f"{gone} not verified: their pictures are gone" if gone else ""


def _reference_pictures(candidates: Sequence[Candidate]) -> Iterator[tuple[int, tuple[Image, str]]]:
    """Rank, pixels and hints of each reference whose picture is still there."""
    for rank, candidate in enumerate(candidates):
        try:
            yield rank, (pixels_of(candidate.reference), _hints(candidate.reference))
        except UnreadableImageError:
            continue


def _hints(reference: Reference) -> str:
    """Where the reference was taken. Its neighbours among the candidates stay out: fusion counts those."""
    position, heading = reference.position, reference.heading_deg
    looking = "" if heading is None else f", looking {heading:.0f} degrees from north"
    return f"taken at {position.lat:.5f}, {position.lon:.5f}{looking}"


def verify(
    asker: Asker, query: Image, references: Sequence[tuple[Image, str]], city: str = ""
) -> tuple[Judgement, ...]:
    """Judgements of a photo and each of the references (image, hints), in their order."""

    def work(pair: tuple[Image, str]) -> Judgement:
        return judge_pair(asker, query, pair[0], city, pair[1])

    return tuple(judgement for _, judgement in parallel_map(work, references, asker.capacity))


def judge_pair(asker: Asker, query: Image, reference: Image, city: str = "", hints: str = "") -> Judgement:
    """The model's judgement of a photo and a reference, both [H, W, 3].

    `hints` is what is known of the reference, such as its street: it goes into the prompt of both orders.
    Raises ModelError when the model cannot be asked.
    """
    begun = time.perf_counter()
    replies: list[RawReply] = []
    shown = photo_alone(query, SIDE), photo_alone(reference, SIDE)
    first = _ask(asker, shown, _QUERY_FIRST, city, hints, replies)
    second = _ask(asker, shown[::-1], _REFERENCE_FIRST, city, hints, replies) if first else None
    verdict, reason, sure = _combine(first, second, replies)
    cached = all(reply.cached for reply in replies)
    return Judgement(verdict, reason, sure, tuple(replies), time.perf_counter() - begun, cached)


def _combine(
    first: _PairAnswer | None, second: _PairAnswer | None, replies: Sequence[RawReply]
) -> tuple[Verdict, str, float]:
    """One verdict of two: the same one, or none."""
    if first is None or second is None:
        return "cannot_say", f"no usable answer: {replies[-1].fault}", 0.0
    if first.verdict != second.verdict:
        return "cannot_say", f"{first.verdict} one way round, {second.verdict} the other", 0.0
    sure = 0.0 if first.verdict == "cannot_say" else min(first.sure, second.sure)
    return first.verdict, first.reason or second.reason, sure


def _schema(texts: bool) -> Json:
    free: Json = {"a_reason": {"type": "string", "maxLength": _REASON_CHARACTERS}} if texts else {}
    return object_schema(free | {"b_verdict": enum_schema(_VERDICTS), "c_sure": enum_schema(range(10))})


def _ask(
    asker: Asker, shown: Sequence[bytes], order: _PairOrder, city: str, hints: str, replies: list[RawReply]
) -> _PairAnswer | None:
    """An answer in one order; None without a usable one."""
    prompt = Prompt("pair", PAIR_VERSION, pair_prompt(city, hints, order.reference), order.name)
    return usable_answer(asker, shown, prompt, _schema, _parse_verdict, AskOptions(NUM_PREDICT), replies)


def _parse_verdict(content: Mapping[str, Any]) -> _PairAnswer:
    verdict = content.get("b_verdict")
    if verdict not in _VERDICTS:
        raise ValueError("b_verdict is no verdict")
    (sure,) = parse_numbers(content, ["c_sure"], 9)
    return _PairAnswer(verdict, one_line(content.get("a_reason"), _REASON_CHARACTERS), sure / 9)
