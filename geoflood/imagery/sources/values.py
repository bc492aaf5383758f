"""What providers say, made into values that can be right, or None."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from geoflood.core.datatypes import LatLon

__all__ = [
    "finite",
    "heading",
    "identifier",
    "listed",
    "mapping",
    "position",
    "text",
    "time_of_milliseconds",
    "time_of_text",
    "web_address",
]

FIRST_YEAR = 2004
"""Of a street image. Earlier times are those of a clock that was never set: 1970, 1980, 2001."""

_LONGEST = 300
"""Letters of a name or an address part that are kept."""


def finite(value: object) -> float | None:
    """A number, also one that is written as text; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    with suppress(ValueError, OverflowError):
        number = float(value)
        return number if math.isfinite(number) else None
    return None


def heading(value: object) -> float | None:
    """Degrees in [0, 360); None beyond two turns, which no compass shows."""
    degrees = finite(value)
    return None if degrees is None or abs(degrees) > 720 else degrees % 360.0 % 360.0  # -1e-20 % 360 is 360


def position(lat: object, lon: object) -> LatLon | None:
    """A place; None where there is none, and for the two zeros of a missing fix."""
    north, east = finite(lat), finite(lon)
    if north is None or east is None or (north == 0 and east == 0):
        return None
    with suppress(ValueError):
        return LatLon(north, east)
    return None


def text(value: object) -> str:
    """A short text that can be printed; empty when it is none."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    return "".join(letter for letter in str(value)[:_LONGEST] if letter.isprintable()).strip()


def identifier(value: object) -> str:
    """A provider's id, if it can be a part of an address and of a file's name; else empty."""
    name = text(value)
    return name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name) else ""


def web_address(value: object) -> str:
    """An http or https address; empty for anything else."""
    address = value.strip() if isinstance(value, str) and len(value) < 4000 else ""
    with suppress(ValueError):
        split = urlsplit(address)
        return address if split.scheme in ("http", "https") and split.hostname else ""
    return ""


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """A JSON array; an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def time_of_milliseconds(value: object) -> datetime | None:
    """UTC, of milliseconds since 1970; None for what no camera can have meant."""
    since = finite(value)
    with suppress(ValueError, OverflowError, OSError):
        return None if since is None else _sensible(datetime.fromtimestamp(since / 1000.0, UTC))
    return None


def time_of_text(value: object) -> datetime | None:
    """UTC, of ISO 8601 in any spelling, with UTC where it says no zone; None for anything else."""
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text(value))
        return _sensible(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    return None


def _sensible(moment: datetime) -> datetime | None:
    soon = datetime.now(UTC) + timedelta(days=2)
    return moment.replace(tzinfo=None) if moment.year >= FIRST_YEAR and moment < soon else None
