"""The values that file names and tables share: numbers, positions, headings, times.

*Convention*: what cannot be right raises `BadGeotagError` here and becomes a `Rejected` value where it
was met. A position or heading that cannot be right spoils its image, for the index would rest on
it; a date that cannot be read is merely unknown.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import UTC, datetime

from geoflood.core.datatypes import LatLon
from geoflood.imagery.reject_reasons import RejectReason

__all__ = ["BadGeotagError", "parse_heading", "parse_number", "parse_position", "parse_time"]

NO_VALUE = frozenset({"", "none", "nan", "null", "n/a"})
"""Words that programs print for a value they do not have."""


class BadGeotagError(Exception):
    """A value that cannot be right; `reason` is out of a small set."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def parse_number(text: str) -> float | None:
    """A finite number, with a decimal point or comma; None when the text is not one."""
    if "," in text and "." not in text:
        text = text.replace(",", ".")
    with suppress(ValueError):
        value = float(text)
        return value if math.isfinite(value) else None
    return None


def parse_position(lat: str, lon: str) -> LatLon | None:
    """A position in degrees; None when both are empty, or both zero, which writers put for no position.

    Raises BadGeotagError when there is no such place, or half of one is missing.
    """
    if lat.strip().lower() in NO_VALUE and lon.strip().lower() in NO_VALUE:
        return None
    north, east = parse_number(lat), parse_number(lon)
    if north is None or east is None or not (-90 <= north <= 90 and -180 <= east <= 180):
        raise BadGeotagError(
            RejectReason.BAD_POSITION, f"latitude {lat.strip()[:20]!r}, longitude {lon.strip()[:20]!r}"
        )
    return LatLon(north, east) if north or east else None


def parse_heading(text: str) -> float | None:
    """Degrees in [0, 360) of text from -360 to 360; None when it is empty. Raises BadGeotagError."""
    if text.strip().lower() in NO_VALUE:
        return None
    heading = parse_number(text)
    if heading is None or not -360 <= heading <= 360:
        raise BadGeotagError(RejectReason.BAD_HEADING, repr(text.strip()[:20]))
    return heading % 360.0 % 360.0  # -1e-20 % 360 is 360


def parse_time(text: str) -> datetime | None:
    """A date and time in any usual form, UTC where it says so; None when the text is not one.

    YYYY[MM[DD[hh[mm[ss]]]]] with or without _ before the hour, ISO 8601, EXIF's colons, seconds or
    milliseconds since 1970. What is left out is the first month, day, hour.
    """
    text = text.strip().removesuffix(".0")  # a spreadsheet's 201102.0
    with suppress(ValueError, OverflowError, OSError):
        if re.fullmatch(r"\d{10}(\d{3})?", text, re.ASCII):
            seconds = int(text) / (1000 if len(text) == 13 else 1)
            return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
        if re.fullmatch(r"\d{4}(\d\d){0,2}|\d{8}_?(\d\d){1,3}", text, re.ASCII):
            digits = text.replace("_", "")
            parts = [int(digits[at : at + 2]) for at in range(4, len(digits), 2)]
            month, day, hour, minute, second = parts + [1, 1, 0, 0, 0][len(parts) :]
            return datetime(int(digits[:4]), month, day, hour, minute, second)
        text = re.sub(r"^(\d{4})[:/](\d\d)[:/](\d\d)", r"\1-\2-\3", text)
        moment = datetime.fromisoformat(f"{text}-01" if re.fullmatch(r"\d{4}-\d\d", text) else text)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return None
