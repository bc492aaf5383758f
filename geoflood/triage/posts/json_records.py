"""Every JSON object of a document: one a line, the items of an array, or what an object holds.

Nothing here holds more than one item of MAX_ITEM characters, or a document of MAX_WHOLE. What cannot be read
is a `Rejected` in its place, and reading goes on behind it where that is possible.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

import ijson

from geoflood.core.datatypes import Rejected
from geoflood.core.text_files import HEAD
from geoflood.triage.posts import text_files
from geoflood.triage.posts.safe_values import dig, listed
from geoflood.triage.posts.text_files import Opened, Record, lines, unassigned
from geoflood.triage.posts.unusable import Unusable

__all__ = ["CONTAINERS", "is_lines", "records"]

MAX_WHOLE = 32_000_000
"""Characters of a JSON object that is read in one piece; a larger one must have an array to stream."""

CONTAINERS = ("messages", "orderedItems", "feed", "posts", "statuses", "records")
"""Arrays of posts: Telegram, ActivityPub, Bluesky, lists of posts, v1.1 searches, Bluesky's repositories."""
CHATS = ("chats", "left_chats")
"""Of a whole Telegram account: each holds a list of chats with messages."""
STORIES = "stories"
"""Of a whole Telegram account: what it posted for a day."""
_STREAMED = frozenset(
    (
        *("item", f"{STORIES}.item"),
        *(f"{key}.item" for key in CONTAINERS),
        *(f"{key}.list.item.messages.item" for key in CHATS),
    )
)

_BROKEN = (ijson.JSONError, ValueError, ArithmeticError, RecursionError, MemoryError)


def is_lines(text: IO[str]) -> bool:
    """Several lines, each an object: the first is one, or at least the second begins as one."""
    first, second = (*islice(lines(text, ""), 2), "", "")[:2]
    if not second or (isinstance(first, str) and not first.lstrip("\ufeff \t\0").startswith("{")):
        return False
    if isinstance(first, Rejected):  # too long to be held
        return isinstance(second, str) and second.lstrip().startswith("{")
    try:
        json.loads(first.lstrip("\ufeff \t\0"))
    except (ValueError, RecursionError):
        inside = first.rstrip().endswith(("{", "[", ":", ","))
        return not inside and isinstance(second, str) and second.lstrip().startswith("{")
    return True


def records(opened: Opened, name: str, by_line: bool) -> Iterator[Record | Rejected]:
    """Every object; `by_line` as `is_lines` says."""
    with opened() as text:
        if by_line:
            for count, line in enumerate(lines(text, name), 1):
                yield from [line] if isinstance(line, Rejected) else _objects(line, f"{name}, line {count}")
            return
        whole = unassigned(text.read(MAX_WHOLE))
        if not text.read(1):
            yield from _document(whole, name)
            return
    with opened() as text:
        detail = f"over {MAX_WHOLE:,} characters, and no list of posts in it"
        yield from _streamed(text, name, Rejected(name, Unusable.TOO_LARGE, detail))


def _document(whole: str, name: str) -> Iterator[Record | Rejected]:
    """The objects of a whole document; of one that breaks off, those before the break."""
    read = list(_objects(whole, name))
    if read and isinstance(read[0], Rejected) and read[0].reason == Unusable.BROKEN_JSON:
        yield from _streamed(io.StringIO(whole), name, read[0])
    else:
        yield from read


def _objects(text: str, place: str) -> Iterator[Record | Rejected]:
    """The objects of a JSON text, containers opened."""
    try:
        value = _loaded(text.strip("\ufeff \t\r\n\0"))
    except RecursionError:
        yield Rejected(place, Unusable.TOO_DEEP)
    except _BROKEN as error:
        yield Rejected(place, Unusable.BROKEN_JSON, f"{error!s:.100}")
    else:
        yield from _contained(value)


def _loaded(text: str) -> Any:
    """The value of a JSON text, also where Telegram Desktop wrote what is no JSON. Raises one of _BROKEN."""
    try:
        return json.loads(text)
    except ValueError:
        if (mended := _mended(text)) == text:
            raise
        return json.loads(mended)


_HEX = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
_BARE = re.compile(r'("document_id": ?)(?!["\d]|null)[^"\n]*?(?=,?[ \r]*\n)')


def _mended(text: str) -> str:
    """What Telegram Desktop means: \\x1F for a control character, a path without quotes for an emoji."""
    if "\\x" in text:
        text = _HEX.sub(r"\1\\u00\2", text)
    return _BARE.sub(r'\1""', text) if '"document_id"' in text else text


def _contained(value: object) -> Iterator[Record]:
    """The objects in a value: of a list its items, of a container what it contains, or itself if nothing."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
    elif isinstance(value, dict):
        chats = [chat for key in CHATS for chat in listed(dig(value, key, "list"))]
        held = next((value[key] for key in CONTAINERS if isinstance(value.get(key), list)), None)
        messages = [message for chat in chats for message in _contained(chat)]
        yield from [*messages, *listed(value.get(STORIES))] or listed(held) or [value]


_SIP = 4096
"""Bytes that ijson is given at a time: it takes memory by the square of how deep these are nested."""
_DEEPEST = 200
"""Arrays and objects around a value."""


class _Bounded:
    """Text as UTF-8 bytes, ending in an error when an item takes too many of them."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._first = True
        self._waiting = io.BytesIO()
        self.left = text_files.MAX_ITEM

    def read(self, size: int = -1) -> bytes:
        """As a file does, a sip at a time. Raises ValueError when the item is too long."""
        if size == 0:
            return b""
        sip = self._waiting.read(_SIP)
        if not sip:
            self._waiting = io.BytesIO(self._piece())
            sip = self._waiting.read(_SIP)
        return sip

    def _piece(self) -> bytes:
        """The next lines, or a part of one."""
        piece = self._text.read(HEAD // 2)
        if piece and piece[-1] != "\n":
            piece += self._text.readline(HEAD // 2)  # what is to be mended stands in one line
        while "\\" in piece[-4:] and (more := self._text.read(4)):
            piece += more
        if self._first:
            self._first, piece = False, unassigned(piece.lstrip("\ufeff \t\r\n\0"))
        self.left -= len(piece)
        if self.left < 0:
            raise ValueError(f"an item of over {text_files.MAX_ITEM:,} characters")
        return _mended(piece).encode("utf-8", "replace")


def _streamed(text: IO[str], name: str, none: Rejected) -> Iterator[Record | Rejected]:
    """The objects in the arrays that hold posts, or `none`; behind a break nothing tells what is what."""
    found = False
    try:
        for item in _items(_Bounded(text)):
            found = True
            yield item
    except _BROKEN as error:
        yield Rejected(name, Unusable.BROKEN_JSON, f"{error!s:.100}")
    else:
        if not found:
            yield none


def _items(bounded: _Bounded) -> Iterator[dict[str, Any]]:
    """What lies under _STREAMED, whole items one at a time. Raises one of _BROKEN."""
    built, within, depth = None, "", 0
    for prefix, event, value in ijson.parse(bounded, use_float=True):
        depth += event.startswith("start_") - event.startswith("end_")
        if depth > _DEEPEST:
            raise ValueError("it is nested too deep")
        if built is None:
            bounded.left = text_files.MAX_ITEM
            if event != "start_map" or prefix not in _STREAMED:
                continue
            built, within = ijson.ObjectBuilder(), prefix
        built.event(event, value)
        if event == "end_map" and prefix == within:
            yield built.value
            built = None
