"""Twins: references of the same drive as a query. Finding one proves nothing.

Neighbouring frames of one drive share car, light and weather. In an independent benchmark of a whole city
28 % of the queries had one among the references. Without them R@1 fell by 11 points.

A twin lies within 25 m of the query. It is the same file, or it was taken by the same account within 60 s.
The credit names the account; where one is missing, the accounts may be the same. Where a time is a bare date
(midnight sharp), the same date is near enough. Without a time nobody can tell, and it is no twin.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from pathlib import Path

from geoflood.core.datatypes import Geotag, Reference

__all__ = ["TWIN_M", "twins"]

TWIN_M = 25.0
TWIN_S = 60.0


def twins(path: Path, geotag: Geotag, credit: str, near: Iterable[Reference]) -> frozenset[int]:
    """Ids of the query's twins among the references within 25 m of it."""
    own_path = str(path.resolve())
    return frozenset(
        reference.id
        for reference in near
        if reference.location == own_path
        or (_same_account(credit, reference.credit) and _same_time(geotag.taken_at, reference.taken_at))
    )


def _same_account(first: str, second: str) -> bool:
    return not first or not second or first == second


def _same_time(first: datetime | None, second: datetime | None) -> bool:
    if first is None or second is None:
        return False
    if time.min in (first.time(), second.time()):
        return first.date() == second.date()
    return abs((first - second).total_seconds()) <= TWIN_S
