"""The values that file names and tables share: numbers, positions, headings, times.

*Convention*: what cannot be right raises `BadGeotagError` here and becomes a `Rejected` value where it
was met. A position or heading that cannot be right spoils its image, for the index would rest on
it; a date that cannot be read is merely unknown.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

from geoflood.core.coordinates import BadPositionError, is_nothing, number, position
from geoflood.core.datatypes import LatLon
from geoflood.core.times import NUMBERS, dated_by_numbers
from geoflood.imagery.reject_reasons import RejectReason

__all__ = ["BadGeotagError", "parse_heading", "parse_position", "parse_time"]


class BadGeotagError(Exception):
    """A value that cannot be right; `reason` is out of a small set."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def parse_position(lat: str, lon: str) -> LatLon | None:
    """A position in degrees; None when both are empty, or both zero, which writers put for no position.

    Raises BadGeotagError when there is no such place, or half of one is missing.
    """
    try:
        return position(lat, lon)
    except BadPositionError as error:
        raise BadGeotagError(RejectReason.BAD_POSITION, str(error)) from error


def parse_heading(text: str) -> float | None:
    """Degrees in [0, 360) of text from -360 to 360; None when it is empty. Raises BadGeotagError."""
    if is_nothing(text):
        return None
    heading = number(text)
    if heading is None or not -360 <= heading <= 360:
        raise BadGeotagError(RejectReason.BAD_HEADING, repr(text.strip()[:20]))
    return heading % 360.0 % 360.0  # -1e-20 % 360 is 360


def parse_time(text: str) -> datetime | None:
    """A date and time in any usual form, UTC where it says so; None when the text is not one.

    YYYY[MM[DD[hh[mm[ss]]]]] with or without _ before the hour, ISO 8601, EXIF's colons, seconds or
    milliseconds since 1970, numbers of a sure order as spreadsheets write them. What is left out is the
    first month, day, hour.
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
        if found := NUMBERS.fullmatch(text):
            return dated_by_numbers(found)
        text = re.sub(r" (?=[+-]\d\d:?\d\d$)", "", re.sub(r" ?(UTC|GMT)$", "+00:00", text))
        text = re.sub(r"^(\d{4})[:/](\d\d)[:/](\d\d)", r"\1-\2-\3", text)
        moment = datetime.fromisoformat(f"{text}-01" if re.fullmatch(r"\d{4}-\d\d", text) else text)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return None
