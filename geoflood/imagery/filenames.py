"""The geotag in a file name, in the form of the field's data sets (VPR-datasets-downloader).

`@easting@northing@zone@letter@lat@lon@pano_id@tile@heading@pitch@roll@height@timestamp@note@.jpg`;
its short form is `@easting@northing@...@.jpg`, with the zone given apart.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import PurePath
from typing import NamedTuple

from geoflood.core.coordinates import number
from geoflood.core.datatypes import Geotag, LatLon, Rejected
from geoflood.core.errors import UsageError
from geoflood.core.geo import distance_m, from_utm
from geoflood.imagery.parse_values import (
    BadGeotagError,
    parse_heading,
    parse_position,
    parse_time,
)
from geoflood.imagery.reject_reasons import RejectReason

__all__ = ["Zone", "parse_filename", "parse_zone"]

FULL_FORM = 16
"""Parts of a full name split at "@": nothing, 14 fields, the extension."""

AGREEMENT_M = 15.0
"""How far latitude and longitude may be from the UTM fields: five decimals are 1 m, four are 11 m."""


class Zone(NamedTuple):
    """A UTM zone; the letter is the band of latitude, so the S of 10S is San Francisco's, not "south"."""

    number: int
    letter: str


def parse_zone(text: str) -> Zone:
    """The zone of "10S". Raises UsageError."""
    match = re.fullmatch(r"\s*(\d{1,2})\s*([C-HJ-NP-X])\s*", text.upper(), re.ASCII)
    if not match or not 1 <= int(match[1]) <= 60:
        raise UsageError(
            f"not a UTM zone: {text!r}", "a zone is a number and a band letter, such as 10S or 31U"
        )
    return Zone(int(match[1]), match[2])


def parse_filename(path: PurePath | str, zone: Zone | None = None) -> Geotag | Rejected | None:
    """The geotag in a file's name; None when there is none, Rejected when it cannot be right.

    `zone` serves names without one. Folders may be called anything: only the last part of the path counts.
    Latitude and longitude win over UTM, but where both are known they must agree. The heading is kept as
    written: some data sets mean the left edge of the picture by it.
    """
    fields = [field.strip() for field in PurePath(path).name.split("@")]
    if len(fields) < 4 or fields[0]:
        return None
    full = fields if len(fields) >= FULL_FORM else [""] * FULL_FORM
    with suppress(UsageError):
        zone = parse_zone("".join(fields[3:5]))
    try:
        stated = parse_position(full[5], full[6])
        utm_position = _parse_utm(fields[1], fields[2], zone)
        apart = _metres_apart(stated, utm_position) if stated and utm_position else 0.0
        if apart > AGREEMENT_M:
            raise BadGeotagError(
                RejectReason.BAD_POSITION, f"UTM and latitude, longitude are {apart:.0f} m apart"
            )
        if position := stated or utm_position:
            return Geotag(position, "filename", parse_heading(full[9]), None, parse_time(full[13]))
    except BadGeotagError as error:
        return Rejected(str(path), error.reason, error.detail)
    if number(fields[1]) is None or number(fields[2]) is None:
        return None
    return Rejected(str(path), RejectReason.NO_UTM_ZONE, "name it with --utm-zone, such as 10S")


def _parse_utm(easting: str, northing: str, zone: Zone | None) -> LatLon | None:
    """The position of UTM fields; None when they are empty or the zone is unknown. Raises BadGeotagError."""
    east, north = number(easting), number(northing)
    if east is None or north is None or zone is None:
        return None
    try:
        return from_utm(east, north, *zone)
    except ValueError as error:
        raise BadGeotagError(RejectReason.BAD_POSITION, f"UTM {east:.0f} {north:.0f}: {error}") from error


def _metres_apart(a: LatLon, b: LatLon) -> float:
    return float(distance_m((a.lat, a.lon), (b.lat, b.lon)))
