"""Which words in a picture stay where they are, and which were put on it: signs and overlays. Pure.

What tells them apart is where they stand, how straight, what they say, and how often the same words stand at
the same spot of other pictures. Letters of plates and digits of phones are masked here, before anything is
kept or shown.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from geoflood.core.datatypes import PictureText, TextSort

__all__ = [
    "MASK",
    "Mark",
    "folded",
    "mark",
    "masked",
    "recurring",
    "signs",
    "sort_texts",
    "without_recurring",
]

MASK = "•••"
"""Stands for a plate or a number."""

Mark: TypeAlias = tuple[str, int, int]
"""A text and the cell of the frame where it stands: what recurs over pictures."""

EDGE, EDGE_HEIGHT = 0.04, 0.07
"""Shares of the frame: a straight line so near the upper or lower edge, and no higher, is printed on it."""
STRAIGHT_DEG = 1.0
"""A line that leans no more than this may be an overlay; walls are seen aslant."""
WIDE, ALIKE, APART = 0.3, 0.35, 2.2
"""A caption: straight lines, one of them so wide, whose heights differ by no more than this share, one under
the other, no further than so many heights from middle to middle."""
LEAST_CAPTION = 2
"""Lines: shops have one."""
RECURS, RECURS_AT_LEAST = 0.02, 4
"""Share of the pictures of an index, and number of places, in which one text stands at one spot."""
_CELLS = 12
"""Cells of the frame a side."""

_CREDIT = re.compile(
    r"^[©@]|^\(c\)\s|\bgoogle\b|\bmapillary\b|\bkartaview\b|\bpanoramax\b|\bshutterstock\b|\bgetty ?images\b"
    r"|\balamy\b|\btiktok\b|\binstagram\b|\bfacebook\b|\bsnapchat\b|\bphoto ?(by|:)|\bimage ?(by|:|capture)",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(^|\s)[@#]\w{2,}")
_DATE = re.compile(r"\b(19|20)\d\d[-/.:]\d{1,2}[-/.:]\d{1,2}\b|\b\d{1,2}[-/.]\d{1,2}[-/.](19|20)\d\d\b")
_CLOCK = re.compile(r"\b\d{1,2}:\d\d:\d\d\b|\bGPS\b")
_COORDINATES = re.compile(r"([NSEW]?\s?-?(?<!\d)(0|[1-9]\d{0,2})\.\d{4,}°?[\s,;NSEW]*){2}", re.IGNORECASE)
_MOMENTS = (_DATE, _CLOCK, _COORDINATES)
"""When and where cameras print that a picture was taken."""
_PLATE_PARTS = re.compile(r"[\s\-.·•:]+")
_PHONE = re.compile(r"[+(]?\d[\d\s().\-/]{4,}\d")
_PHONE_DIGITS = 6
"""House numbers and years are shorter."""
_PLATE_LENGTH, _PLATE_LETTERS, _PLATE_DIGITS = range(5, 9), range(1, 6), range(1, 6)


def sort_texts(texts: Sequence[PictureText], shape: tuple[int, ...]) -> tuple[PictureText, ...]:
    """The texts of one picture of (height, width), each sorted, those of plates and numbers masked."""
    captions = _captions(texts, shape)
    return tuple(_sorted(text, n in captions or _is_overlay(text, shape)) for n, text in enumerate(texts))


def without_recurring(texts: Iterable[PictureText], recurring: Collection[Mark]) -> tuple[PictureText, ...]:
    """The texts, those signs overlays that stand at the same spot of many pictures of an index."""
    return tuple(
        replace(text, sort=TextSort.OVERLAY)
        if text.sort is TextSort.SIGN and mark(text) in recurring
        else text
        for text in texts
    )


def signs(texts: Iterable[PictureText]) -> tuple[PictureText, ...]:
    """Those that speak for a place."""
    return tuple(text for text in texts if text.sort is TextSort.SIGN)


def folded(text: str) -> str:
    """A text as it is compared: no case, letters and digits only."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def mark(text: PictureText) -> Mark:
    """The text and where it stands."""
    left, top, right, bottom = text.box
    return folded(text.text), math.floor((left + right) / 2 * _CELLS), math.floor((top + bottom) / 2 * _CELLS)


def recurring(marks: Iterable[tuple[Mark, object]], pictures: int) -> frozenset[Mark]:
    """Marks that stand in too many of so many pictures to be of a wall; each with the number of its place.

    A shop is seen from a few places; what a service prints on its pictures, from all.
    """
    counts = Counter(one for one, _ in set(marks))
    return frozenset(
        one for one, places in counts.items() if places >= max(RECURS * pictures, RECURS_AT_LEAST)
    )


def masked(text: str) -> tuple[str, TextSort]:
    """A line with its phone numbers masked, or all of it where it may be a plate; and what it is.

    It errs on the side of people: "PARK 24" could be a plate.
    """
    if _may_be_plate(text):
        return MASK, TextSort.PLATE
    stamped = {found.span() for known in (_DATE, _COORDINATES) for found in known.finditer(text)}

    def hidden(found: re.Match[str]) -> str:
        first, last = found.span()
        inside = any(first >= begin and last <= end for begin, end in stamped)
        return found.group() if inside or not _may_be_phone(found.group()) else MASK

    kept = _PHONE.sub(hidden, text)
    if kept == text:
        return text, TextSort.SIGN
    rest = folded(kept)
    return kept, TextSort.SIGN if sum(letter.isalpha() for letter in rest) >= 3 else TextSort.NUMBER


def _sorted(text: PictureText, overlay: bool) -> PictureText:
    words, sort = masked(text.text)
    if sort is TextSort.SIGN and overlay:
        sort = TextSort.OVERLAY
    return replace(text, text=words, sort=sort)


def _may_be_plate(text: str) -> bool:
    """Letters and digits in a line of their own, as short as a plate's and none of them small."""
    parts = _PLATE_PARTS.sub("", text)
    letters = [letter for letter in parts if letter.isalpha()]
    digits = _digits(parts)
    if len(letters) + digits != len(parts) or any(letter.islower() for letter in letters):
        return False
    return len(parts) in _PLATE_LENGTH and len(letters) in _PLATE_LETTERS and digits in _PLATE_DIGITS


def _may_be_phone(number: str) -> bool:
    """Many digits that are no date."""
    return _digits(_DATE.sub("", number)) >= _PHONE_DIGITS


def _digits(text: str) -> int:
    return sum(letter.isdecimal() for letter in text)


def _is_overlay(text: PictureText, shape: tuple[int, ...]) -> bool:
    """By what it says, or by its place at the edge."""
    if any(known.search(text.text) for known in (_CREDIT, _HANDLE, *_MOMENTS)):
        return True
    _, top, _, bottom = text.box
    at_edge = bottom > 1 - EDGE or top < EDGE
    return at_edge and bottom - top <= EDGE_HEIGHT and _is_straight(text, shape)


def _captions(texts: Sequence[PictureText], shape: tuple[int, ...]) -> set[int]:
    """Numbers of the texts that are lines of a caption: wide, straight, of one size, one under the other."""
    straight = [n for n, text in enumerate(texts) if _is_straight(text, shape)]
    straight.sort(key=lambda n: texts[n].box[1])
    found: set[int] = set()
    block: list[int] = []
    for n in straight:
        if block and not _follows(texts[block[-1]], texts[n]):
            found |= _if_caption(block, texts)
            block = []
        block.append(n)
    return found | _if_caption(block, texts)


def _if_caption(block: Sequence[int], texts: Sequence[PictureText]) -> set[int]:
    wide = any(texts[n].box[2] - texts[n].box[0] >= WIDE for n in block)
    return set(block) if wide and len(block) >= LEAST_CAPTION else set()


def _follows(upper: PictureText, lower: PictureText) -> bool:
    """Whether a line stands right under another of its size, and over or under a part of it."""
    (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) = upper.box, lower.box
    high, high_2 = bottom - top, bottom_2 - top_2
    alike = abs(high - high_2) <= ALIKE * max(high, high_2)
    pitch = (top_2 + bottom_2 - top - bottom) / 2
    overlap = min(right, right_2) - max(left, left_2)
    return (
        alike and 0.5 * high <= pitch <= APART * high and overlap > 0.5 * min(right - left, right_2 - left_2)
    )


def _is_straight(text: PictureText, shape: tuple[int, ...]) -> bool:
    """Whether its long edges run along the rows of the picture: an overlay's do, to a pixel."""
    height, width = shape[:2]
    corners = [(x * width, y * height) for x, y in text.quad]
    return all(
        abs(math.degrees(math.atan2(y_2 - y, x_2 - x))) <= STRAIGHT_DEG or abs(y_2 - y) <= 1.5
        for (x, y), (x_2, y_2) in ((corners[0], corners[1]), (corners[3], corners[2]))
    )
