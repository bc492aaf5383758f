"""A question until its answer can be used: three tries, none of which is guessed at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from geoflood.vlm.client import Answer, Asker, AskOptions, Prompt, RawReply, RefusalError
from geoflood.vlm.parse_replies import Json

__all__ = ["usable_answer"]

T = TypeVar("T")


def usable_answer(
    asker: Asker,
    shown: Sequence[bytes],
    prompt: Prompt,
    schema: Callable[[bool], Json],
    parse: Callable[[Mapping[str, Any]], T],
    options: AskOptions,
    replies: list[RawReply],
) -> T | None:
    """What `parse` makes of an answer; asked at most three times, the last time without free text.

    schema: (with free text) -> JSON schema. parse raises ValueError for what cannot be used. Every reply is
    added to `replies`; None when none could be used. Raises ModelError when the model cannot be asked.
    """
    for sampling, texts in ((options, True), (options.resampled(), True), (options, False)):
        try:
            answer = asker.ask(shown, prompt, schema(texts), sampling)
        except RefusalError as error:
            if error.kind != "unlucky":
                raise
            replies.append(RawReply(prompt.view, "", fault=str(error)))
            continue
        parsed, fault = _parse(answer, parse)
        replies.append(RawReply(prompt.view, answer.content, answer.thinking, fault, answer.cached))
        if parsed is not None:
            return parsed
    return None


def _parse(answer: Answer, parse: Callable[[Mapping[str, Any]], T]) -> tuple[T | None, str]:
    """What the first fitting JSON object in an answer says, or what is wrong with the last."""
    fault = "no JSON in it"
    for content in answer.json_objects():
        try:
            return parse(content), ""
        except ValueError as error:
            fault = str(error)
    return None, fault
