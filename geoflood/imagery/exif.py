"""Where, which way and when a picture was taken, from its EXIF. The only home of exifread.

The bytes come from strangers. exifread raises all kinds of errors, follows any count in the file, and
logs. Here all of that ends in "nothing known", within a fixed number of reads.

*Convention*: headings are kept whether their reference is true (T) or magnetic (M) north: the
declination is below 20 degrees where people live. A heading turns a view cone and moves no position,
and nothing claims it to be finer than that.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, cast

import exifread

from geoflood.core.datatypes import Geotag, LatLon
from geoflood.core.images import UnreadableImageError, exif_block

__all__ = ["ExifClocks", "ExifFacts", "read"]

logging.getLogger("exifread").setLevel(logging.CRITICAL + 1)

BUDGET = 20_000
"""Reads allowed, each 256 bytes counting as one more. A phone's EXIF takes 200 to 2,000; more is a loop or
an invented count, and is given up after 0.1 s at most."""

MAX_READ_BYTES = 131_072
"""No EXIF segment or field is longer than half of this; a field may claim 4 GB."""

FIRST_GPS_YEAR = 1995
"""Earlier GPS dates come from a receiver without a fix: 1980-01-06 is its week zero, 1970 is Unix's."""


APART = timedelta(days=1)
"""Two clocks of one picture that are farther apart differ by more than any time zone."""


@dataclass(frozen=True, slots=True)
class ExifClocks:
    """What the two clocks of a camera say that disagree."""

    receiver: datetime
    """By the GPS receiver, UTC."""
    camera: datetime
    """UTC where the camera knew its offset, else its local time."""

    @property
    def likelier(self) -> datetime:
        """The later one that is not to come yet.

        A receiver keeps its last fix, or counts 1,024 weeks too few; a camera whose battery was out begins
        anew years ago. All of these lie in the past.
        """
        soon = datetime.now(UTC).replace(tzinfo=None) + APART
        later = max(self.receiver, self.camera)
        return later if later <= soon else min(self.receiver, self.camera)


@dataclass(frozen=True, slots=True)
class ExifFacts:
    """What EXIF says; each field None when EXIF says nothing, or nothing that can be right."""

    position: LatLon | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None
    taken_at: datetime | None = None
    clocks: ExifClocks | None = None
    """Where two clocks are more than a day apart: `taken_at` is the likelier one."""

    @property
    def geotag(self) -> Geotag | None:
        """The facts as a geotag; None without a position."""
        if self.position is None:
            return None
        return Geotag(self.position, "exif", self.heading_deg, self.accuracy_m, self.taken_at)


def read(source: Path | bytes) -> ExifFacts:
    """What the EXIF of a picture says. Raises nothing: of an unreadable file every field is None."""
    tags = _tags(source)
    receiver, camera = _gps_time(tags), _camera_time(tags)
    apart = receiver and camera and abs(receiver - camera) > APART
    clocks = ExifClocks(receiver, camera) if receiver and camera and apart else None
    heading = _first_number(tags, "GPS GPSImgDirection")
    # exifread 3.5 has no name for the positioning error.
    accuracy = _first_number(tags, "GPS Tag 0x001F", "GPS GPSHPositioningError")
    return ExifFacts(
        position=_position(tags),
        heading_deg=heading % 360.0 if heading is not None and 0 <= heading <= 360 else None,
        accuracy_m=accuracy if accuracy is not None and 0 < accuracy < 1e6 else None,
        taken_at=clocks.likelier if clocks else receiver or camera,
        clocks=clocks,
    )


class _ExhaustedError(Exception):
    """The file asks for more reads than EXIF can need."""


class _MeteredFile:
    """A file with a limit on the size and the number of its reads."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = BUDGET
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """As a file does. Raises _ExhaustedError when the budget is spent."""
        data = self._file.read(min(size, MAX_READ_BYTES) if size >= 0 else MAX_READ_BYTES)
        self._left -= 1 + len(data) // 256
        if self._left < 0:
            raise _ExhaustedError
        return data


def _tags(source: Path | bytes) -> Mapping[str, Sequence[object]]:
    """Every tag's values by its name in exifread; empty when there is no EXIF that can be read.

    exifread misses what WebP, AVIF and HEIC have by their standards, and PNG by older habits. There Pillow
    finds the block.
    """
    with suppress(OSError):
        head = _head(source)
        block = _block(source) if head[:4] == b"RIFF" or head[4:8] == b"ftyp" else b""
        found = _process(block or source)
        if found or block or head.startswith((b"II", b"MM")):
            return found
        return _process(_block(source))
    return {}


def _head(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:12]
    with source.open("rb") as file:
        return file.read(12)


def _block(source: Path | bytes) -> bytes:
    with suppress(UnreadableImageError):
        return exif_block(source)
    return b""


def _process(source: Path | bytes) -> Mapping[str, Sequence[object]]:
    with suppress(Exception):  # exifread lets through nearly everything there is
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            found = exifread.process_file(
                cast(BinaryIO, _MeteredFile(file)), details=False, extract_thumbnail=False
            )
        return {name: tag.values for name, tag in found.items()}
    return {}


def _number(value: object) -> float | None:
    """A finite number; None for text, 1/0, NaN and nothing."""
    if isinstance(value, tuple) and value:  # exifread leaves floats packed
        value = value[0]
    if isinstance(value, Fraction) and value.denominator == 0:  # exifread keeps it as the file has it
        return None
    return float(value) if isinstance(value, Fraction | int | float) and math.isfinite(value) else None


def _first_number(tags: Mapping[str, Sequence[object]], *names: str) -> float | None:
    """The first value of the first tag there is, as a finite number."""
    return next((_number(tags[name][0]) for name in names if tags.get(name)), None)


def _left_out(value: object) -> bool:
    """Whether a part was left out, which is written as nothing or as 0/0."""
    return value is None or (isinstance(value, Fraction) and not (value.numerator or value.denominator))


def _angle(values: Sequence[object]) -> float | None:
    """Degrees out of degrees, minutes and seconds; None when what is missing would matter.

    After a value with a fraction the rest may be missing; after a whole number it would be up to 1.8 km.
    """
    degrees, fraction = 0.0, False
    for value, unit in zip_longest(values[:3], (1, 60, 3600)):
        if fraction and _left_out(value):
            continue
        number = _number(value)
        if number is None or number < 0 or (unit > 1 and number > 60):  # some write 59.9996 as 60
            return None
        degrees, fraction = degrees + number / unit, not number.is_integer()
    return degrees


def _signed(tags: Mapping[str, Sequence[object]], axis: str, letters: str) -> float | None:
    """Degrees of a GPS axis; None when the letter for its hemisphere is missing or is no such letter."""
    reference = tags.get(f"GPS {axis}Ref", "")
    text = reference.decode("latin-1") if isinstance(reference, bytes) else str(reference)
    letter = text.strip().upper()[:1]
    degrees = _angle(tags.get(f"GPS {axis}", ()))
    if degrees is None or not letter or letter not in letters:
        return None
    return degrees if letter == letters[0] else -degrees


def _position(tags: Mapping[str, Sequence[object]]) -> LatLon | None:
    """The position; None for the exact zeros that cameras write before they have one."""
    lat, lon = _signed(tags, "GPSLatitude", "NS"), _signed(tags, "GPSLongitude", "EW")
    if lat is None or lon is None or (lat == 0 and lon == 0):
        return None
    with suppress(ValueError):
        return LatLon(lat, lon)
    return None


def _gps_time(tags: Mapping[str, Sequence[object]]) -> datetime | None:
    """UTC by the receiver's clock."""
    clock = [_number(value) for value in tags.get("GPS GPSTimeStamp", ())]
    with suppress(ValueError, OverflowError):
        day = datetime.strptime(_text(tags, "GPS GPSDate").replace("-", ":"), "%Y:%m:%d")
        if day.year >= FIRST_GPS_YEAR and len(clock) == 3:
            hours, minutes, seconds = (-1.0 if part is None else part for part in clock)
            if 0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 61:
                return day + timedelta(hours=hours, minutes=minutes, seconds=int(seconds))
    return None


def _camera_time(tags: Mapping[str, Sequence[object]]) -> datetime | None:
    """UTC where the camera knew its offset, else its local time."""
    for moment in ("Original", "Digitized"):
        text, zone = _text(tags, f"EXIF DateTime{moment}")[:19], _text(tags, f"EXIF OffsetTime{moment}")
        with suppress(ValueError, OverflowError):
            taken = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
            with suppress(ValueError, OverflowError):
                zoned = datetime.strptime(f"{text} {zone}", "%Y:%m:%d %H:%M:%S %z")
                taken = zoned.astimezone(UTC).replace(tzinfo=None)
            return taken
    return None


def _text(tags: Mapping[str, Sequence[object]], name: str) -> str:
    """A tag's text, without the blanks and zeros around it."""
    value = tags.get(name, "")
    return value.strip(" \0") if isinstance(value, str) else ""
