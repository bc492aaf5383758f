"""WhatsApp: the text file of a chat, written as each phone's country writes dates and times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import IO

from geoflood.core.datatypes import Rejected
from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.safe_values import MAX_TEXT, geotag, ident, prose
from geoflood.triage.posts.text_files import Opened, lines
from geoflood.triage.posts.whatsapp_dates import LINE, DateOrder, order_of, without_marks

__all__ = ["is_whatsapp", "whatsapp"]

PHONE = "the phone's own clock"
GUESSED = "the phone's own clock; which number is the day was guessed"

_ATTACHED = re.compile(
    r"<[^<>:：]{1,40}[:：] ?([^<>/]{1,200}\.\w{2,5}) ?>"
    r"|^([^/\n]{1,200}\.\w{3,5}) (?:[(（][^()（）\n]{1,40}[)）]|<[^<>\n]{1,40}>)$",
    re.M,
)
"""<attached: f> on iOS, f (file attached) on Android, f <attached> on old phones, in any language."""
_PINNED = re.compile(
    r"https?://(?:maps\.google\.com|www\.google\.com/maps)/\S{0,300}?[?&@]?q?=?(-?\d+\.\d+),(-?\d+\.\d+)"
)
_NO_PICTURES = (".mp4", ".opus", ".m4a", ".mp3", ".pdf", ".vcf", ".3gp", ".mov", ".aac", ".docx")
_STICKER = re.compile(r"STK-|\d+-STICKER-", re.ASCII)


def is_whatsapp(opening: str) -> bool:
    """Whether one of the first lines is a message's."""
    return any(LINE.fullmatch(without_marks(line)) for line in opening[:4000].splitlines()[:5])


def whatsapp(opened: Opened, name: str) -> Iterator[Post | Rejected]:
    """Every message; times are the phone's local ones. It is read twice, first for its order of dates."""
    with opened() as text:
        order = order_of(_lines(text))
    block: list[str] = []
    with opened() as text:
        for line in lines(text, name):
            if isinstance(line, Rejected):
                yield line
                continue
            line = without_marks(line)
            if LINE.fullmatch(line):
                yield from _message(block, order)
                block = []
            if sum(map(len, block)) < MAX_TEXT:
                block.append(line)
    yield from _message(block, order)


def _lines(text: IO[str]) -> Iterator[str]:
    yield from (without_marks(line) for line in lines(text, "") if isinstance(line, str))


def _message(block: list[str], order: DateOrder) -> Iterator[Post]:
    found = LINE.fullmatch("\n".join(block))
    if not found or not found["author"]:  # who joined and left stands there without an author
        return
    text = found["text"]
    files = [one or other for one, other in _ATTACHED.findall(text)]
    shown = [f for f in files if not f.lower().endswith(_NO_PICTURES) and not _STICKER.match(f)]
    pinned = _PINNED.search(text)
    at: datetime | None = order.moment(found)
    yield Post(
        layout="WhatsApp",
        id="",
        text=prose(_ATTACHED.sub("", text).strip()),
        author=ident(found["author"]),
        posted_at=at,
        geotag=geotag(pinned[1], pinned[2]) if pinned else None,
        media=tuple(Medium(file) for file in shown),
        clock=(PHONE if order.sure else GUESSED) if at else "",
    )
