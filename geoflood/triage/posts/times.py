"""When a post was made, as strangers write it: what can be right, or nothing, and by whose clock."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from geoflood.core.times import NUMBERS, dated_by_numbers
from geoflood.triage.posts.safe_values import ident

__all__ = ["moment", "named_time", "sensible", "snowflake", "when"]

UNKNOWN_ZONE = "a clock of unknown time zone"
DAY_ONLY = "a date without a time"
SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
"""2010-11-04, from which X counts the milliseconds in its ids."""

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
_CLOCK = re.compile(r"\w{3} (\w{3}) (\d\d) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d) (\d{4})", re.ASCII)
"""X's v1.1 form."""
_MAIL = re.compile(r"(?:\w{3}, )?\d{1,2} \w{3} \d{4} \d\d?:\d\d.*", re.ASCII)
"""RFC 2822."""


def when(*values: object) -> tuple[datetime | None, str]:
    """The first time that can be read, UTC where it says so, and whose clock it is by: empty for UTC."""
    times = (_time_and_clock(value) for value in values if value not in (None, ""))
    return next((time for time in times if time[0]), (None, ""))


def moment(value: object) -> datetime | None:
    """The time alone."""
    return _time_and_clock(value)[0]


def _time_and_clock(value: object) -> tuple[datetime | None, str]:
    """ISO 8601, RFC 2822, X's v1.1 form, seconds or milliseconds since 1970, or numbers of a sure order."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value / 1000 if abs(value) > 1e11 else value), ""
    if isinstance(value, datetime):
        value = value.isoformat()
    text = ident(value)
    if re.fullmatch(r"\d{9,13}(\.\d+)?", text, re.ASCII):
        return _time_and_clock(float(text))
    with suppress(ValueError, OverflowError, TypeError, IndexError):
        if found := _CLOCK.fullmatch(text):
            return _v1_time(*found.groups()), ""
        if found := NUMBERS.fullmatch(text):
            time = dated_by_numbers(found)
            return time and sensible(time), UNKNOWN_ZONE if found[5] else DAY_ONLY
        read = _dated(text)
        if read.tzinfo:
            return sensible(read.astimezone(UTC).replace(tzinfo=None)), ""
        return sensible(read), DAY_ONLY if re.fullmatch(r"[\d/-]{8,10}", text) else UNKNOWN_ZONE
    return None, ""


def _dated(text: str) -> datetime:
    """Raises ValueError, or whatever else the library does, for what is no date."""
    if _MAIL.fullmatch(text):
        return parsedate_to_datetime(text)
    if re.fullmatch(r"\d{14}", text, re.ASCII):
        return datetime.strptime(text, "%Y%m%d%H%M%S")
    return datetime.fromisoformat(_ZONE.sub(_offset, text.replace("/", "-")))


_ZONE = re.compile(r" ?(?:UTC|GMT|([+-]\d\d:?\d\d))$", re.ASCII)


def _offset(found: re.Match[str]) -> str:
    """An offset from UTC as ISO 8601 has it: without a blank before it."""
    return found[1] or "+00:00"


def _v1_time(month: str, *rest: str) -> datetime | None:
    """Raises ValueError for a month that is none."""
    day, hour, minute, second, sign, ahead_h, ahead_min, year = rest
    local = datetime(int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
    ahead = timedelta(hours=int(ahead_h), minutes=int(ahead_min))
    return sensible(local - ahead if sign == "+" else local + ahead)


def snowflake(identifier: str) -> datetime | None:
    """The UTC time in an id of X; None for ids from before they had one. Other ids must not come here."""
    if not re.fullmatch(r"\d{15,19}", identifier, re.ASCII):
        return None
    return _since_1970(((int(identifier) >> 22) + SNOWFLAKE_EPOCH_MS) / 1000)


def _since_1970(seconds: float) -> datetime | None:
    with suppress(ValueError, OverflowError, OSError):
        return sensible(datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None))
    return None


def sensible(time: datetime) -> datetime | None:
    """Posts are younger than the web and older than the day after tomorrow's archive."""
    return time.replace(microsecond=0) if 1995 <= time.year < 2200 else None


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
        return sensible(datetime.strptime(digits, form))
    return None
