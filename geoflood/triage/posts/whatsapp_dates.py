"""What stands before a WhatsApp message: date, time and author, as phones of many countries write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from geoflood.triage.posts.times import sensible

__all__ = ["LINE", "DateOrder", "order_of", "without_marks"]

_WORD = r"[^\W\d_][^\d:,،\[\]/-]{0,11}?"
LINE = re.compile(
    r"\[?(?P<first>\d{1,4})(?P<mark> ?[./-] ?|[년年] ?)(?P<second>\d{1,2})"
    r"(?: ?[./-] ?|[월月] ?)(?P<third>\d{1,4})"
    rf"(?:[.일日]| ?г\.?)?[,،]? ?(?:(?P<before>{_WORD}) ?)?"
    r"(?P<hour>\d{1,2})(?:[:.]| h )(?P<minute>\d\d)(?:(?:[:.]| min )(?P<s>\d\d)(?: s)?)?"
    rf"(?:(?: ?(?P<after>{_WORD}))?(?:\]| [-–])|[,:]) (?:(?P<author>[^:\n]{{1,100}}):(?: |$))?(?P<text>.*)",
    re.DOTALL,
)
"""A message's first line."""
_INVISIBLE = str.maketrans(
    dict.fromkeys("\u200e\u200f\u061c\u202a\u202b\u202c\u2068\u2069\ufeff")
    | dict.fromkeys("\u202f\u00a0\u2009", " ")
)


def without_marks(line: str) -> str:
    """A line as it looks: without marks of direction, every blank a space."""
    return line.translate(_INVISIBLE)


def _bare(word: str) -> str:
    return "".join(filter(str.isalpha, word.casefold()))


def _words(text: str) -> frozenset[str]:
    return frozenset(map(_bare, text.split()))


_MORNING = _words(
    "a am vorm. π.μ. de. dop. fm ap. пр.об. ÖÖ SA PG ق.ظ ص לפנה״צ पूर्वाह्न পূর্বাহ্ণ 上午 午前 早上 清晨 凌晨 오전"
)
_EVENING = _words(
    "p pm nachm. μ.μ. du. odp. em ip. сл.об. ÖS CH PTG ب.ظ م אחה״צ अपराह्न অপরাহ্ণ 下午 午後 中午 傍晚 晚上 오후"
)
"""Halves of the day."""
_CLOCK_WORDS = _words("klo kl. à às at um в h u ч. Uhr")
"""Words around a time of 24 hours."""
_DATED = re.compile(r"(?:[A-Z]{3}-(\d{4})(\d\d)(\d\d)-WA|-(?:PHOTO|VIDEO)-(\d{4})-(\d\d)-(\d\d)-)", re.ASCII)
"""The day in the name of an attached file."""
_FOREIGN = re.compile(
    r"\.\w{3,5} [(（](?!file attached)[^()（）]{1,40}[)）]$|<(?!attached)[^<>:：]{1,40}[:：] ?[^<>]*>$"
)
"""An attachment named in another language than English, whose countries alone put the month first."""
_NEAR = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class DateOrder:
    """How a chat writes its dates."""

    month_first: bool
    sure: bool = True

    def moment(self, found: re.Match[str]) -> datetime | None:
        """The time of a line, by the phone; None where it is not certain."""
        day = _day(found, self.month_first)
        hour = _hour(found)
        if day is None or hour is None:
            return None
        with suppress(ValueError):
            return sensible(day.replace(hour=hour, minute=int(found["minute"]), second=int(found["s"] or 0)))
        return None


def _day(found: re.Match[str], month_first: bool) -> datetime | None:
    first, second, third = (int(found[part]) for part in ("first", "second", "third"))
    year, month, day = (first, second, third) if first > 31 else (third, second, first)
    if first <= 31 and month_first:
        month, day = day, month
    year += 2000 * (year < 100)
    with suppress(ValueError):
        return datetime(year - _BUDDHIST * (year > 2500), month, day)
    return None


_BUDDHIST = 543
"""Years that phones in Thailand count from before our own."""


def _hour(found: re.Match[str]) -> int | None:
    """0 to 23; None for an hour of 12 whose half of the day has a name that is not known."""
    hour = int(found["hour"])
    words = {_bare(found[part] or "") for part in ("before", "after")} - {""} - _CLOCK_WORDS
    if words & _MORNING or words & _EVENING:
        return hour % 12 + 12 * bool(words & _EVENING) if hour <= 12 else hour
    return None if words and hour <= 12 else hour


def order_of(lines: Iterable[str]) -> DateOrder:
    """Whether 7/4 is July or April: by a number above 12, else by file names, the run of time and words."""
    votes: set[bool] = set()
    latest: dict[bool, datetime | None] = {True: None, False: None}
    halves = foreign = False
    for found in filter(None, map(LINE.fullmatch, lines)):
        first, second = int(found["first"]), int(found["second"])
        if first > 12 or "/" not in found["mark"]:
            return DateOrder(month_first=False)
        if second > 12:
            return DateOrder(month_first=True)
        halves |= bool(found["after"])
        foreign |= bool(_FOREIGN.search(found["text"]))
        days = {way: day for way in latest if (day := _day(found, way))}
        votes |= _named(found["text"], days)
        for way, day in days.items():
            if (last := latest[way]) and day < last:
                votes.add(not way)  # a chat does not go back in time
            latest[way] = day
    if len(votes) == 1:
        return DateOrder(votes.pop())
    return DateOrder(month_first=False) if foreign and not votes else DateOrder(halves, sure=False)


def _named(text: str, days: dict[bool, datetime]) -> set[bool]:
    """The order by which a message was sent when its file was made, if it is the only one."""
    dated = _DATED.search(text)
    parts = [int(part) for part in dated.groups() if part] if dated else []
    with suppress(ValueError, IndexError):
        made = datetime(parts[0], parts[1], parts[2])
        near = {way for way, day in days.items() if abs(day - made) <= _NEAR}
        return near if len(near) == 1 else set()
    return set()
