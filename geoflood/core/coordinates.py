"""Positions as tables write them: a number or three, with a sign, a letter, or a letter in another cell.

*Convention*: what could be a place on another continent is refused. A letter that is none of N, S, E and W,
and one that differs from the sign, tell no hemisphere.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress

from geoflood.core.datatypes import LatLon

__all__ = ["BadPositionError", "is_nothing", "number", "point", "position", "split_pair", "tells_hemisphere"]

NO_VALUE = frozenset({"", "-", "none", "nan", "null", "n/a", "<na>", "#n/a", "undef"})
"""Words that programs print for a value they do not have."""

LONGEST = 100
"""Characters of a cell that can be a position."""


class BadPositionError(ValueError):
    """No such place, or half of one."""


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return text.strip().lower() in NO_VALUE


def number(text: str) -> float | None:
    """A finite number with a decimal point or comma, and perhaps a unit; None when the text is not one."""
    text = _UNIT.sub("", _in_ascii(text))
    if "," in text and "." not in text:
        text = text.replace(",", ".")
    with suppress(ValueError):
        value = math.nan if "_" in text else float(text)
        return value if math.isfinite(value) else None
    return None


_UNIT = re.compile(r"\s*(?:°|º|deg(?:rees?)?|m(?:et(?:er|re)s?)?)$", re.IGNORECASE)
_SAME = str.maketrans(
    {"\u2212": "-", "\u2013": "-", "\uff0d": "-", **dict.fromkeys("\xa0\u202f\u2009", " ")}
    | dict.fromkeys("′’´‘", "'")
    | dict.fromkeys("″”“", '"')
    | dict.fromkeys("º˚", "°")
)
"""Signs that are written in several ways."""


def _in_ascii(text: str) -> str:
    return text.translate(_SAME).strip()


def position(lat: str, lon: str, lat_letter: str = "", lon_letter: str = "") -> LatLon | None:
    """A position in degrees; None when both are empty, or both zero, which writers put for no position.

    The letters are what other cells tell of the hemispheres. Raises BadPositionError when there is no such
    place, or half of one is missing.
    """
    if is_nothing(lat) and is_nothing(lon):
        return None
    north, east = _angle(lat, "NS", lat_letter), _angle(lon, "EW", lon_letter)
    if north is None or east is None or not (-90 <= north <= 90 and -180 <= east <= 180):
        raise BadPositionError(f"latitude {_shown(lat, lat_letter)}, longitude {_shown(lon, lon_letter)}")
    return LatLon(north, east) if north or east else None


def _shown(value: str, letter: str) -> str:
    return repr(f"{value.strip()[:30]} {letter.strip()[:10]}".strip())


_WORDS = {
    **{letter: letter for letter in "NSEW"},
    **dict(zip(("NORTH", "SOUTH", "EAST", "WEST"), "NSEW", strict=True)),
}
"""What names a hemisphere. O does not: it is the east of Germans and the west of Frenchmen."""
_WORD = "north|south|east|west|[nsew]"
_LETTERED = re.compile(f"({_WORD})?(.*?)({_WORD})?", re.IGNORECASE | re.DOTALL)


def tells_hemisphere(angle: str) -> bool:
    """Whether an angle has a letter, or is known to be the negative one."""
    found = _LETTERED.fullmatch(_in_ascii(angle[:LONGEST]))
    return bool(found and (found[1] or found[3] or found[2].strip().startswith("-")))


def _angle(text: str, letters: str, letter: str) -> float | None:
    """Degrees of an axis whose positive and negative halves have two `letters`; None for no angle.

    Raises BadPositionError where sign and letter differ.
    """
    found = _LETTERED.fullmatch(_in_ascii(text[:LONGEST]))
    degrees = _degrees(found[2].strip()) if found else None
    if found is None or degrees is None:
        return None
    words = [word for word in (found[1], found[3], letter) if word and not is_nothing(word)]
    told = {_WORDS.get(word.strip().upper(), "?") for word in words}
    if not told:
        return degrees
    if len(told) > 1 or not told <= set(letters):
        raise BadPositionError(f"{_shown(text, letter)} is neither {letters[0]} nor {letters[1]}")
    negative = told == {letters[1]}
    if degrees < 0 and not negative:
        raise BadPositionError(f"{_shown(text, letter)} is negative, but {letters[0]}")
    return -abs(degrees) if negative else degrees


_PARTS = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<d>\d+(?:[.,]\d*)?)\s*(?:°|deg(?:rees?)?|d|:|\s)\s*"
    r"(?:(?P<m>\d+(?:[.,]\d*)?)\s*(?:'(?!')|min(?:utes?)?|m|:|\s|$)\s*"
    r"(?:(?P<s>\d+(?:[.,]\d*)?)\s*(?:\"|''|sec(?:onds?)?|s)?)?)?",
    re.IGNORECASE,
)
"""Degrees, minutes and seconds, parted by their marks, by colons or by blanks."""
_XMP = re.compile(r"(?P<sign>[+-]?)(?P<d>\d{1,3}),(?P<m>\d{1,2}(?:\.\d+)?)(?:,(?P<s>\d{1,2}(?:\.\d+)?))?")
"""As XMP has it, before a letter: 53,33.060 or 53,33,4."""
_LIST = re.compile(r"[\[(]\s*(?P<sign>)(?P<d>[\d./]+)\s*,\s*(?P<m>[\d./]+)\s*,\s*(?P<s>[\d./]+)\s*[\])]")
"""As programs print the three fractions of EXIF: [53, 33, 18/5]."""


def _degrees(text: str) -> float | None:
    """Degrees of a number, or of degrees, minutes and seconds; None when the text is neither."""
    value = number(text)
    found = None if value is not None else next((f for form in _FORMS if (f := form.fullmatch(text))), None)
    if found is None:
        return value
    degrees, minutes, seconds = (_fraction(found[part] or "0") for part in "dms")
    if not (0 <= minutes <= 60 and 0 <= seconds <= 60):  # some write 59.9996 as 60
        return None
    whole = degrees + minutes / 60 + seconds / 3600
    return -whole if found["sign"] == "-" else whole


_FORMS = (_PARTS, _XMP, _LIST)


def _fraction(text: str) -> float:
    """A number, or one over another; NaN for neither."""
    over, slash, under = text.partition("/")
    above, below = number(over), number(under) if slash else 1.0
    return math.nan if above is None or not below else above / below


def split_pair(text: str) -> tuple[str, str]:
    """The latitude and the longitude in one cell. Raises BadPositionError."""
    plain = _in_ascii(text[:LONGEST]).strip("()[]")
    found = next((f for form in _PAIRS if (f := form.fullmatch(plain))), None)
    if found is None or len(text) > LONGEST:
        raise BadPositionError(f"not latitude and longitude: {text[:40]!r}")
    return found[1], found[2]


_PAIRS = (
    re.compile(r"(.*?[NS])[\s,;]+(.*?[EW])(?:[\s,;].*)?", re.IGNORECASE),
    re.compile(r"([^\s,;]+)\s*[,;]\s*([^\s,;]+)(?:\s*[,;]\s*[^\s,;]+)?"),
    re.compile(r"([^\s;]+)\s*[\s;]\s*([^\s;]+)(?:\s+\S+)?"),
)
"""By their letters; parted by a comma; by a blank. An altitude may follow."""


def point(text: str) -> LatLon | None:
    """The position of a POINT in well-known text: longitude first. Raises BadPositionError."""
    found = _POINT.fullmatch(text[:LONGEST].strip())
    if not found or found[1] not in (None, "4326"):
        raise BadPositionError(f"no POINT in WGS 84: {text.strip()[:40]!r}")
    return position(found[3], found[2])


_POINT = re.compile(
    r"(?:SRID=(\d+);)?\s*POINT\s*(?:ZM?|M)?\s*\(\s*([^\s)]+)\s+([^\s)]+)[^)]*\)", re.IGNORECASE
)
