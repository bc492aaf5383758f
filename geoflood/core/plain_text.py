"""Foreign text on one line: what could break a file or mislead the eye is spelled out, or left out."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["one_line", "plain"]

_MISLEADING = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Control characters, invisible ones, those that turn the direction of text, and halves of characters."""


def plain(text: str) -> str:
    """`text` in one line; what could break a file or mislead a reader is spelled out: "\\u202e", "\\x00"."""
    return _MISLEADING.sub(lambda character: ascii(character.group())[1:-1], text)


def one_line(text: str, most: int) -> str:
    """`text` as a name is kept: one line of at most `most` characters, composed, nothing invisible in it.

    Unlike `plain` it drops what misleads: a name is compared with others, letter by letter.
    """
    shown = _MISLEADING.sub("", " ".join(text[: 4 * most].split()).replace("\xad", ""))
    return unicodedata.normalize("NFC", shown)[:most].strip()
