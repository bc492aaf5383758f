"""Lines and first words of documents, however large, broken or ill-meant these are.

Nothing here holds more than a line of MAX_ITEM characters. A longer one is a `Rejected` in its place, and
reading goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import IO, Any, TypeAlias

from geoflood.core.datatypes import Rejected
from geoflood.core.text_files import head_text
from geoflood.triage.posts.unusable import Unusable

__all__ = ["Opened", "Record", "is_assigned", "lines", "opening", "unassigned"]

Record: TypeAlias = Mapping[str, Any]
Opened: TypeAlias = Callable[[], AbstractContextManager[IO[str]]]
"""Opens a document's text from its start, as often as it is asked to."""

MAX_ITEM = 16_000_000
"""Characters of a line, or of one item of an array: a twarc2 page of 100 tweets has 500,000."""

_ASSIGNED = re.compile(r"\s*(?:window\.YTD\.\w+\.part\d+|Grailbird\.data\.tweets_\w+)\s*=\s*")
"""What an archive of X puts in front of its JSON, the second until 2018."""
_BLANK = "\ufeff \t\r\n\0"


def opening(head: bytes) -> str:
    """The first text of a file, without the blanks and the assignment before it."""
    return unassigned(head_text(head).lstrip(_BLANK))


def is_assigned(head: bytes) -> bool:
    """Whether an archive of X begins so."""
    return bool(_ASSIGNED.match(head_text(head).lstrip(_BLANK)))


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
