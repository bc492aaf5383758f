"""Values out of records that strangers wrote: what can be right, or nothing, whatever is handed in."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from geoflood.terms import Bounds, Geotag, LatLon

__all__ = [
    *("basename", "box", "dig", "geotag", "ident", "listed", "moment", "named_time", "prose", "snowflake"),
    "unmarked",
]

MAX_TEXT = 20_000
"""Characters of a post that are kept: the longest posts there are have 25,000, and none of interest."""
MAX_WORD = 300
"""Characters of a name or an id."""

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
"""2010-11-04, from which X counts the milliseconds in its ids."""

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
_CLOCK = re.compile(r"\w{3} (\w{3}) (\d\d) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d) (\d{4})", re.ASCII)


def dig(value: object, *keys: str | int) -> Any:
    """What lies under the keys; None when any of them is missing or leads into something else."""
    for key in keys:
        if isinstance(key, str) and isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(key, int) and isinstance(value, list) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def listed(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list; none of anything else."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def prose(value: object) -> str:
    """Text as it is, cut at MAX_TEXT, in characters that can be written; empty for anything else."""
    if not isinstance(value, str):
        return ""
    return value[:MAX_TEXT].encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def ident(value: object) -> str:
    """A name or an id in one line: text or a whole number, cut at MAX_WORD."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value.bit_length() < 128 else ""
    return " ".join(prose(value[:MAX_WORD]).split()) if isinstance(value, str) else ""


def snowflake(identifier: str) -> datetime | None:
    """The UTC time in an id of X; None for ids from before they had one."""
    if not re.fullmatch(r"\d{15,19}", identifier, re.ASCII):
        return None
    return _since_1970(((int(identifier) >> 22) + SNOWFLAKE_EPOCH_MS) / 1000)


def moment(value: object) -> datetime | None:
    """A time in ISO 8601, X's v1.1 form, or seconds or milliseconds since 1970; UTC where it says so."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value / 1000 if abs(value) > 1e11 else value)
    text = ident(value)
    if re.fullmatch(r"\d{9,14}(\.\d+)?", text, re.ASCII):
        return moment(float(text))
    with suppress(ValueError, OverflowError):
        if found := _CLOCK.fullmatch(text):
            return _v1_time(*found.groups())
        read = datetime.fromisoformat(text.replace("/", "-"))
        return _sensible(read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read)
    return None


_NAMED = re.compile(
    r"(?:IMG-(?P<whatsapp>\d{8})-WA\d+"
    r"|WhatsApp Image (?P<web>\d{4}-\d\d-\d\d at \d\d[.:]\d\d[.:]\d\d)(?! ?[AP]M)"
    r"|signal-(?P<signal>\d{4}-\d\d-\d\d-\d{2}-?\d{2}-?\d{2})|photo_\d+@(?P<telegram>[\d-]{10}_[\d-]{8})"
    r"|(?:IMG|PXL|VID)_(?P<phone>\d{8}_\d{6}))",
    re.ASCII | re.IGNORECASE,
)
"""When a chat or a phone made a file, as it names its files; WhatsApp on phones tells the day only."""
_TELEGRAM_NAME = "%d%m%Y%H%M%S"


def named_time(name: str) -> datetime | None:
    """The local time in a file's name, midnight where it tells the day only; None for any other name."""
    found = _NAMED.match(name)
    if not found or found.lastgroup is None:
        return None
    digits = re.sub(r"\D", "", found[found.lastgroup])
    form = (
        _TELEGRAM_NAME if found.lastgroup == "telegram" else "%Y%m%d%H%M%S"[: 6 if len(digits) == 8 else 12]
    )
    with suppress(ValueError):
        return _sensible(datetime.strptime(digits, form))
    return None


def _v1_time(month: str, *rest: str) -> datetime | None:
    """Raises ValueError for a month that is none."""
    day, hour, minute, second, sign, ahead_h, ahead_min, year = rest
    told = datetime(int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
    ahead = timedelta(hours=int(ahead_h), minutes=int(ahead_min))
    return _sensible(told - ahead if sign == "+" else told + ahead)


def _since_1970(seconds: float) -> datetime | None:
    with suppress(ValueError, OverflowError, OSError):
        return _sensible(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None))
    return None


def _sensible(told: datetime) -> datetime | None:
    """Posts are younger than the web and older than the day after tomorrow's archive."""
    return told.replace(microsecond=0) if 1995 <= told.year < 2200 else None


def geotag(lat: object, lon: object) -> Geotag | None:
    """A post's own position; None for the two zeros that stand for none."""
    with suppress(TypeError, ValueError):
        if not isinstance(lat, bool) and not isinstance(lon, bool) and (float(lat) or float(lon)):  # type: ignore[arg-type]
            return Geotag(LatLon(float(lat), float(lon)), "post")  # type: ignore[arg-type]
    return None


def box(corners: object) -> Bounds | None:
    """The box of [west, south, east, north], or around a ring of [lon, lat]; None when it is none."""
    with suppress(TypeError, ValueError):
        if isinstance(corners, list) and all(isinstance(c, list) and len(c) == 2 for c in corners):
            lons, lats = zip(*((float(c[0]), float(c[1])) for c in corners), strict=True)
            return Bounds(min(lats), min(lons), max(lats), max(lons))
        if isinstance(corners, list) and len(corners) == 4:
            west, south, east, north = map(float, corners)
            if all(map(math.isfinite, (west, south, east, north))):
                return Bounds(south, west, north, east)
    return None


def basename(url: object) -> str:
    """The file name in a URL or a path, with the suffix that X keeps in the query."""
    if not isinstance(url, str):
        return ""
    with suppress(ValueError):
        parts = urlsplit(url[:4096])
        name = posixpath.basename(unquote(parts.path).replace("\\", "/"))
        suffix: Sequence[str] = parse_qs(parts.query).get("format", ())
        return ident(f"{name}.{suffix[0]}" if suffix and "." not in name else name)
    return ""


class _Words(HTMLParser):
    """The text of HTML, lines where paragraphs end."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "p") and self.parts:
            self.parts.append("\n")


def unmarked(value: object) -> str:
    """The text of HTML."""
    words = _Words()
    with suppress(AssertionError, ValueError):  # html.parser raises them on broken declarations
        words.feed(prose(value))
        words.close()
    return "".join(words.parts).strip()
