"""From the bytes of a file to text and lines, however large, broken or ill-meant it is.

Nothing here holds more than a line of MAX_ITEM characters. A longer one is a `Rejected` in its place, and
reading goes on behind it.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import IO, Any, TypeAlias

from geoflood.core.datatypes import Rejected
from geoflood.triage.posts.unusable import Unusable

__all__ = ["HEAD", "Opened", "Record", "is_assigned", "lines", "opening", "text_of", "unassigned"]

Record: TypeAlias = Mapping[str, Any]
Opened: TypeAlias = Callable[[], AbstractContextManager[IO[str]]]
"""Opens a document's text from its start, as often as it is asked to."""

HEAD = 65_536
"""Bytes that tell what a file is."""
MAX_ITEM = 16_000_000
"""Characters of a line, or of one item of an array: a twarc2 page of 100 tweets has 500,000."""

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ASSIGNED = re.compile(r"\s*(?:window\.YTD\.\w+\.part\d+|Grailbird\.data\.tweets_\w+)\s*=\s*")
"""What an archive of X puts in front of its JSON, the second until 2018."""


def text_of(stream: IO[bytes], head: bytes) -> io.TextIOWrapper:
    """The stream as text, by its mark, else UTF-8, else what else `head` may be; never an error."""
    return io.TextIOWrapper(stream, _encoding(head), errors="replace", newline="\n")


def _encoding(head: bytes) -> str:
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    zeros = [head[start::2].count(0) * 3 > len(head) for start in (0, 1)]
    if any(zeros):
        return "utf-16-be" if zeros[0] else "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def opening(head: bytes) -> str:
    """The first text of a file, without the blanks and the assignment before it."""
    return unassigned(head.decode(_encoding(head), "replace").lstrip("\ufeff \t\r\n\0"))


def is_assigned(head: bytes) -> bool:
    """Whether an archive of X begins so."""
    return bool(_ASSIGNED.match(head.decode(_encoding(head), "replace").lstrip("\ufeff \t\r\n\0")))


def unassigned(text: str) -> str:
    """The start of an X archive's file without the assignment; any other as it is."""
    return _ASSIGNED.sub("", text, count=1) if _ASSIGNED.match(text) else text


def lines(text: IO[str], name: str) -> Iterator[str | Rejected]:
    """Each line that is not blank, without its end."""
    count = 0
    while line := text.readline(MAX_ITEM):
        count += 1
        if len(line) == MAX_ITEM and line[-1] != "\n":
            while (rest := text.readline(MAX_ITEM)) and rest[-1] != "\n":
                pass
            yield Rejected(f"{name}, line {count}", Unusable.LONG_LINE, f"over {MAX_ITEM:,} characters")
        elif line.strip("\r\n\t \0"):
            yield line.rstrip("\r\n")
