"""Queries with a truth -> [water] -> located, query and truth side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import (
    AttentionMap,
    Image,
    Located,
    Outcome,
    Query,
    Reason,
    ReasonKind,
    SearchOptions,
)
from geoflood.core.geo import distance_m
from geoflood.core.images import UnreadableImageError
from geoflood.core.parallel import cores, in_order
from geoflood.evaluation.query_water import DRY, QueryWater, drawn, read
from geoflood.evaluation.results import Floats, QueryCase, QueryTruth
from geoflood.evaluation.twins import TWIN_M, twins
from geoflood.localize.locator import FUSED, Locator, Verify
from geoflood.vlm.attend import AttentionResult

__all__ = ["ALL", "Attend", "Searched", "Way", "at_a_time", "search_each", "trials"]

Attend = Callable[[QueryCase, Image], AttentionResult]
"""(a query, its pixels, water and all) -> what somebody says of it."""

NEAR_DEG = 0.01
"""References within about a kilometre north and south are looked at first."""


ALL = SearchOptions(top_k=FUSED)
"""Every candidate that fusion saw is kept."""


@dataclass(frozen=True)
class Way:
    """One way to search: a row of the ablations."""

    name: str
    manner: SearchOptions = ALL
    waterline: float | None = None
    """What the search is told. Who is told the level of the water is told where it ends in each photo: a
    crop moves it."""
    attend: Attend | None = None
    verify: Verify | None = None


def trials(locator: Locator, queries: Sequence[QueryTruth], exclude_twins: bool = False) -> list[QueryCase]:
    """The queries, each with its nearest reference. Distances are on the globe: zones do not matter."""
    return [_trial(locator, number, asked, exclude_twins) for number, asked in enumerate(queries)]


def _trial(locator: Locator, number: int, asked: QueryTruth, exclude_twins: bool) -> QueryCase:
    if asked.geotag is None:
        return QueryCase(number, asked)
    truth = asked.geotag.position.lat, asked.geotag.position.lon
    away = _away(locator.database.positions, truth)
    near = locator.database.references(np.flatnonzero(away <= TWIN_M).tolist())
    known = str(asked.path.resolve()) in {one.location for one in near}
    same: frozenset[int] = frozenset()
    if exclude_twins:
        same = twins(asked.path, asked.geotag, asked.credit, near)
        away[list(same)] = np.inf
    return QueryCase(number, asked, int(away.argmin()), float(away.min()), same, known)


def _away(positions: Floats, truth: tuple[float, float]) -> Floats:
    """Metres [N] to each reference; infinite to those far off when others are near."""
    close = np.abs(positions[:, 0] - truth[0]) <= NEAR_DEG
    away = np.full(len(positions), np.inf)
    away[close] = distance_m(positions[close], truth)
    return away if away.min(initial=np.inf) <= 100 * TWIN_M else distance_m(positions, truth)


@dataclass(frozen=True, slots=True)
class Searched:
    """What came of one query."""

    trial: QueryCase
    located: Located
    """Its seconds begin with those of reading the photo, of the water and of who looked at it."""
    doubt: str = ""
    """Why it was searched without the attention that was asked for."""


def search_each(
    locator: Locator,
    tried: Sequence[QueryCase],
    way: Way,
    water: QueryWater = DRY,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Searched]:
    """Each query under this water, located in this way, in their order, with all that fusion saw."""
    count = at_a_time(tried, workers)
    with side_by_side(count) as pool:
        found = in_order(pool, lambda trial: _searched(locator, trial, way, water), tried, 2 * count + 2)
        for done, result in enumerate(found, 1):
            if progress is not None:
                progress(done, len(tried))
            yield result


def at_a_time(tried: Sequence[QueryCase], workers: int | None = None) -> int:
    """How many queries are searched side by side."""
    return max(min(workers or cores(), len(tried)), 1)


def _searched(locator: Locator, trial: QueryCase, way: Way, water: QueryWater) -> Searched:
    query, seconds = Query(trial.asked.path), dict[str, float]()
    attention, doubt, told = AttentionMap.neutral(), "", way.waterline
    try:
        with _timed("read", seconds):
            pixels = read(trial)
    except UnreadableImageError as error:
        return Searched(
            trial, Located(query, Outcome.FAILED, Reason(ReasonKind.UNREADABLE, detail=error.reason))
        )
    if not water.dry:
        with _timed("flood", seconds):
            flooded = drawn(trial, pixels, water)
        pixels = flooded.photo
        told = round(flooded.waterline, 4) if told == water.level else told
    if way.attend:
        with _timed("attend", seconds):
            attended = way.attend(trial, pixels)
        attention, doubt = attended.attention, attended.unavailable
    if told is not None:
        attention = replace(attention, waterline=told, doubt=0.0)
    located = locator.locate(
        query, attention, way.manner, without=trial.twins, verify=way.verify, pixels=pixels
    )
    return Searched(trial, replace(located, seconds=seconds | dict(located.seconds)), doubt)


@contextmanager
def _timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    """Wall seconds of a stage, into `seconds`."""
    begun = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - begun, 4)
