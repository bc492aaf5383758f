"""From what a model wrote to JSON and to text that can be shown. No answer is trusted."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, TypeAlias

__all__ = ["MAX_CHARACTERS", "Json", "json_objects", "one_line", "without_controls"]

Json: TypeAlias = dict[str, Any]

MAX_CHARACTERS = 64_000
"""Of an answer: ten times the longest that the prompts ask for."""

MAX_STARTS = 40
"""Braces at which an object may begin: prose with more of them is no answer."""

_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
_KEPT = {"\n", "\t"}


def json_objects(text: str) -> Iterator[Json]:
    """The JSON objects in a text, outermost only, in their order: fences and prose around them do not matter.

    Also such with a comma too many before a closing bracket, which small models like to write.
    """
    text = text[:MAX_CHARACTERS]
    decoder, start = json.JSONDecoder(), 0
    for _ in range(MAX_STARTS):
        start = text.find("{", start)
        if start < 0:
            return
        content, end = _decode(decoder, text, start)
        if content is not None:
            yield content
        start = end


def _decode(decoder: json.JSONDecoder, text: str, start: int) -> tuple[Json | None, int]:
    """The object that begins at `start` and where it ends; None and the next character when none does."""
    try:
        content, end = decoder.raw_decode(text, start)
        return content, end
    except (ValueError, RecursionError):
        pass
    try:
        content, _ = decoder.raw_decode(_TRAILING_COMMA.sub("", text[start:]))
        return content, len(text)
    except (ValueError, RecursionError):
        return None, start + 1


def without_controls(text: str) -> str:
    """The text without what steers terminals and turns reading direction; new lines and tabs stay."""
    return "".join(c for c in text if c in _KEPT or unicodedata.category(c)[0] != "C")


def one_line(value: Any, longest: int) -> str:
    """A value as one line of at most `longest` characters that can be shown; "" for what is no text.

    Markup stays as it is: whoever shows it on a terminal or a page escapes it there.
    """
    if not isinstance(value, str):
        return ""
    line = " ".join(without_controls(value[: 20 * longest]).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
