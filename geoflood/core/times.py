"""Dates that spreadsheets write in numbers, day and month in either order."""

from __future__ import annotations

import re
from datetime import datetime

__all__ = ["NUMBERS", "dated_by_numbers"]

NUMBERS = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d\d)"
    r"(?:,?[ T](\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?: ?([AP])\.?M\.?)?)?",
    re.ASCII | re.IGNORECASE,
)
"""Group 5 is the hour, if the text has one."""


def dated_by_numbers(found: re.Match[str]) -> datetime | None:
    """The time that NUMBERS has found; None where the day could be the month: a wrong day is worse than none.

    Raises ValueError for a date that there is not.
    """
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if len(found[4]) == 2:
        if found[2] != ".":  # 21/07/14 may begin with the year
            return None
        year += 2000
    if found[2] == "." or first > 12 or first == second:
        day, month = first, second
    elif second > 12:
        day, month = second, first
    else:
        return None
    hour, minute, second_ = (int(part or 0) for part in found.group(5, 6, 7))
    if found[8]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (found[8] in "Pp")
    return datetime(year, month, day, hour, minute, second_)
