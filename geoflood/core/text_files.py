"""From the bytes of a file to its text, whatever program wrote it; never an error.

A mark at the start says what the text is. Without one it is UTF-16 where every second byte is zero, else
UTF-8; single bytes that are no UTF-8 are read as the Windows or Macintosh letters that they once were.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import IO, NamedTuple

__all__ = ["HEAD", "TextForm", "form_of", "head_text", "text_of"]

HEAD = 65_536
"""Bytes that tell what a file is."""

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The longest first: the mark of UTF-32 begins as that of UTF-16."""

_OLD_LINE_END = re.compile(r"[^\r\n]*\r(?!\r*\n)")
"""A first line as the Macintosh ended it; some programs of Windows write two of its marks and a new line."""

_WINDOWS, _MACINTOSH = "geoflood-cp1252", "geoflood-mac-roman"


class TextForm(NamedTuple):
    """How the bytes of a file are text."""

    encoding: str
    errors: str
    newline: str
    """What ends a line."""


def form_of(head: bytes) -> TextForm:
    """The form of a file that begins with `head`."""
    encoding = _encoding(head)
    start = head.decode(encoding, "replace")
    old = _OLD_LINE_END.match(start.lstrip("\ufeff"))
    errors = "replace" if encoding not in ("utf-8", "utf-8-sig") else _MACINTOSH if old else _WINDOWS
    return TextForm(encoding, errors, "\r" if old else "\n")


def text_of(stream: IO[bytes], head: bytes) -> io.TextIOWrapper:
    """The stream as text, from where it stands; `head` are the file's first bytes."""
    form = form_of(head)
    return io.TextIOWrapper(stream, form.encoding, form.errors, form.newline)


def head_text(head: bytes) -> str:
    """The first text of a file."""
    form = form_of(head)
    decoder = codecs.getincrementaldecoder(form.encoding)(form.errors)  # `head` may end within a letter
    return decoder.decode(head).removeprefix("\ufeff")


def _encoding(head: bytes) -> str:
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    zeros = [head[start::2].count(0) * 3 > len(head) for start in (0, 1)]
    if any(zeros):
        return "utf-16-be" if zeros[0] else "utf-16-le"
    return "utf-8"


def _old_letters(encoding: str, error: UnicodeError) -> tuple[str, int]:
    """What bytes that are no UTF-8 were in an older encoding."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode(encoding, "replace"), error.end


codecs.register_error(_WINDOWS, lambda error: _old_letters("cp1252", error))
codecs.register_error(_MACINTOSH, lambda error: _old_letters("mac-roman", error))
