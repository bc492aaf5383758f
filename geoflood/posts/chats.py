"""Chats: Telegram Desktop's export, and the text file that WhatsApp exports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import IO

from geoflood.finding import Medium, Post
from geoflood.posts.fields import MAX_TEXT, dig, geotag, ident, moment, prose
from geoflood.posts.reading import Record, lines
from geoflood.terms import Rejected

__all__ = ["is_telegram", "is_whatsapp", "telegram", "whatsapp"]


def is_telegram(record: Record) -> bool:
    """A message, or a service note, of a Telegram export."""
    return record.get("type") in ("message", "service") and "id" in record and "date" in record


def telegram(record: Record) -> Iterator[Post]:
    """The message; notes of who came and went are none."""
    if record["type"] != "message":
        return
    attached = ident(record.get("photo"))
    if not attached and ident(record.get("mime_type")).startswith("image/"):
        attached = ident(record.get("file"))
    yield Post(
        layout="Telegram",
        id=ident(record.get("id")),
        text=_joined(record.get("text")),
        author=ident(record.get("from")),
        posted_at=moment(record.get("date_unixtime")) or moment(record.get("date")),
        geotag=geotag(
            dig(record, "location_information", "latitude"), dig(record, "location_information", "longitude")
        ),
        place=ident(record.get("place_name")) or ident(record.get("address")),
        media=(Medium(attached),) if attached else (),
    )


def _joined(text: object) -> str:
    """Telegram's text: a string, or a list of strings and of objects that hold one."""
    if not isinstance(text, list):
        return prose(text)
    return prose("".join(part if isinstance(part, str) else prose(dig(part, "text")) for part in text))


_LINE = re.compile(
    r"\[?(\d{1,4})[./-](\d{1,2})[./-](\d{1,4}),? +"
    r"(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?\s?([AaPp])?\.?\s?[Mm]?\.?\]?"
    r"(?: -)? (?:([^:]{1,100}): )?(.*)",
    re.ASCII | re.DOTALL,
)
"""A message's first line, as the phones of several countries write it."""
_ATTACHED = re.compile(
    r"<[^<>:]{1,40}: ([^<>/]{1,200}\.\w{2,5})>|^([^/\n]{1,200}\.\w{3,5}) \([^()\n]{1,40}\)$", re.M
)
"""<attached: f> on iOS, f (file attached) on Android, in any language."""
_PINNED = re.compile(
    r"https?://(?:maps\.google\.com|www\.google\.com/maps)/\S*?[?&@]?q?=?(-?\d+\.\d+),(-?\d+\.\d+)"
)
_INVISIBLE = str.maketrans({"\u200e": None, "\u200f": None, "\u202f": " ", "\u00a0": " "})


def is_whatsapp(opening: str) -> bool:
    """Whether one of the first lines is a message's."""
    return any(_LINE.fullmatch(line.translate(_INVISIBLE)) for line in opening[:4000].splitlines()[:5])


def whatsapp(text: IO[str], name: str, opening: str) -> Iterator[Post | Rejected]:
    """Every message, day and month in the order that `opening` shows; times are the phone's local ones."""
    month_first = _month_first(opening)
    block: list[str] = []
    for line in lines(text, name):
        if isinstance(line, Rejected):
            yield line
            continue
        line = line.translate(_INVISIBLE)
        if _LINE.fullmatch(line):
            yield from _message(block, month_first)
            block = []
        if sum(map(len, block)) < MAX_TEXT:
            block.append(line)
    yield from _message(block, month_first)


def _message(block: list[str], month_first: bool) -> Iterator[Post]:
    found = _LINE.fullmatch("\n".join(block))
    if not found or not found[8]:  # who joined and left is told without an author
        return
    told = found[9]
    files = [one or other for one, other in _ATTACHED.findall(told)]
    pinned = _PINNED.search(told)
    yield Post(
        layout="WhatsApp",
        id="",
        text=prose(_ATTACHED.sub("", told).strip()),
        author=ident(found[8]),
        posted_at=_when(found, month_first),
        geotag=geotag(pinned[1], pinned[2]) if pinned else None,
        media=tuple(Medium(file) for file in files if not file.lower().endswith(_NO_PICTURES)),
    )


_NO_PICTURES = (".mp4", ".opus", ".m4a", ".mp3", ".pdf", ".vcf", ".3gp", ".mov", ".aac", ".docx")


def _month_first(opening: str) -> bool:
    """Whether 7/14 is meant rather than 14/7: by a number above 12, else by AM and PM."""
    found = [_LINE.match(line.translate(_INVISIBLE)) for line in opening.splitlines()]
    dates = [one for one in found if one and len(one[1]) < 3]
    if any(int(one[1]) > 12 for one in dates):
        return False
    return any(int(one[2]) > 12 for one in dates) or any(one[7] for one in dates)


def _when(found: re.Match[str], month_first: bool) -> datetime | None:
    first, second, third = (int(part) for part in found.group(1, 2, 3))
    year, month, day = (
        (first, second, third)
        if first > 31
        else ((third, first, second) if month_first else (third, second, first))
    )
    half = (found[7] or "").upper()
    hour = int(found[4]) % 12 + 12 * (half == "P") if half else int(found[4])
    with suppress(ValueError):
        return datetime(year + 2000 * (year < 100), month, day, hour, int(found[5]), int(found[6] or 0))
    return None
