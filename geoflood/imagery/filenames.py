"""The geotag in a file name, and the words that names and tables share: numbers, headings, dates.

A name in the field's form is
`@easting@northing@zone@letter@lat@lon@pano_id@tile@heading@pitch@roll@height@timestamp@note@.jpg`;
its short form is `@easting@northing@...@.jpg`, with the zone told apart.

*Convention*: what cannot be right raises `BadGeotagError` here and becomes a `Rejected` value where it
was found. A position or heading that cannot be right spoils its image, for the index would rest on
it; a date that cannot be read is merely unknown.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import PurePath
from typing import NamedTuple

from geoflood.core.datatypes import Geotag, LatLon, Rejected
from geoflood.core.errors import UsageError
from geoflood.core.geo import distance_m, from_utm

__all__ = [
    "BadGeotagError",
    "Zone",
    "from_name",
    "number",
    "parse_heading",
    "parse_position",
    "parse_time",
    "parse_zone",
]

FULL_FORM = 16
"""Parts of a full name split at "@": nothing, 14 fields, the extension."""

AGREEMENT_M = 15.0
"""How far latitude and longitude may be from the UTM fields: five decimals are 1 m, four are 11 m."""

NOTHING = frozenset({"", "none", "nan", "null", "n/a"})
"""Words that programs print for a value they do not have."""


class BadGeotagError(Exception):
    """A cell that cannot be right; `reason` is out of a small set."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Zone(NamedTuple):
    """A UTM zone; the letter is the band of latitude, so the S of 10S is San Francisco's, not "south"."""

    number: int
    letter: str


def parse_zone(text: str) -> Zone:
    """The zone of "10S". Raises UsageError."""
    found = re.fullmatch(r"\s*(\d{1,2})\s*([C-HJ-NP-X])\s*", text.upper(), re.ASCII)
    if not found or not 1 <= int(found[1]) <= 60:
        raise UsageError(
            f"not a UTM zone: {text!r}", "a zone is a number and a band letter, such as 10S or 31U"
        )
    return Zone(int(found[1]), found[2])


def from_name(path: PurePath | str, zone: Zone | None = None) -> Geotag | Rejected | None:
    """The geotag in a file's name; None when the name holds none. `zone` serves names without one.

    Only the last part of the path counts: folders may be called anything. Latitude and longitude
    win over UTM, but the two must agree where both are known. The heading is kept as written: some
    data sets mean the left edge of the picture by it.
    """
    fields = [field.strip() for field in PurePath(path).name.split("@")]
    if len(fields) < 4 or fields[0]:
        return None
    full = fields if len(fields) >= FULL_FORM else [""] * FULL_FORM
    with suppress(UsageError):
        zone = parse_zone("".join(fields[3:5]))
    try:
        told = parse_position(full[5], full[6])
        gridded = _from_grid(fields[1], fields[2], zone)
        if told and gridded and (apart := float(distance_m(_pair(told), _pair(gridded)))) > AGREEMENT_M:
            raise BadGeotagError("bad position", f"UTM and latitude, longitude are {apart:.0f} m apart")
        if position := told or gridded:
            return Geotag(position, "filename", parse_heading(full[9]), None, parse_time(full[13]))
    except BadGeotagError as error:
        return Rejected(str(path), error.reason, error.detail)
    if number(fields[1]) is None or number(fields[2]) is None:
        return None
    return Rejected(str(path), "no UTM zone", "name it with --utm-zone, such as 10S")


def number(text: str) -> float | None:
    """A finite number, with a decimal point or comma; None when it is none."""
    if "," in text and "." not in text:
        text = text.replace(",", ".")
    with suppress(ValueError):
        value = float(text)
        return value if math.isfinite(value) else None
    return None


def parse_position(lat: str, lon: str) -> LatLon | None:
    """A position in degrees; None for none, and for the two zeros that stand for none.

    Raises BadGeotagError when there is no such place, or half of one is missing.
    """
    if lat.strip().lower() in NOTHING and lon.strip().lower() in NOTHING:
        return None
    north, east = number(lat), number(lon)
    if north is None or east is None or not (-90 <= north <= 90 and -180 <= east <= 180):
        raise BadGeotagError("bad position", f"latitude {lat.strip()[:20]!r}, longitude {lon.strip()[:20]!r}")
    return LatLon(north, east) if north or east else None


def parse_heading(text: str) -> float | None:
    """Degrees in [0, 360) of anything from -360 to 360; None for none. Raises BadGeotagError."""
    if text.strip().lower() in NOTHING:
        return None
    heading = number(text)
    if heading is None or not -360 <= heading <= 360:
        raise BadGeotagError("bad heading", repr(text.strip()[:20]))
    return heading % 360.0 % 360.0  # -1e-20 % 360 is 360


def parse_time(text: str) -> datetime | None:
    """A moment in any usual form, UTC where it says so; None when it is none.

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


def _from_grid(easting: str, northing: str, zone: Zone | None) -> LatLon | None:
    """The position of UTM fields; None when they are empty or the zone is unknown. Raises BadGeotagError."""
    east, north = number(easting), number(northing)
    if east is None or north is None or zone is None:
        return None
    try:
        return from_utm(east, north, *zone)
    except ValueError as error:
        raise BadGeotagError("bad position", f"UTM {east:.0f} {north:.0f}: {error}") from error


def _pair(position: LatLon) -> tuple[float, float]:
    return position.lat, position.lon
