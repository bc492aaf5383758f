"""Queries with a truth -> [water] -> located, query and truth side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from geoflood.backbones.threads import cores, in_order, side_by_side
from geoflood.evaluate.twins import TWIN_M, twins
from geoflood.flood import flood
from geoflood.geo import distance_m
from geoflood.imagery.views import LONGEST
from geoflood.images import UnreadableImageError, read_image
from geoflood.judged import Asked, Floats, Trial
from geoflood.locate import FUSED, Locator, Verify
from geoflood.terms import (
    AttentionMap,
    Image,
    Located,
    Manner,
    Outcome,
    Query,
)

__all__ = ["ALL", "Attend", "Way", "photo_of", "search_each", "trials"]

Attend = Callable[[int, Image], AttentionMap]
"""(number of the query, its pixels) -> what somebody says of it."""

NEAR_DEG = 0.01
"""References within about a kilometre north and south are looked at first."""


ALL = Manner(top_k=FUSED)
"""Every candidate that fusion saw is kept."""


@dataclass(frozen=True)
class Way:
    """One way to search: a row of the ablations."""

    name: str
    manner: Manner = ALL
    waterline: float | None = None
    """What the search is told."""
    attend: Attend | None = None
    verify: Verify | None = None


def trials(locator: Locator, queries: Sequence[Asked], exclude_twins: bool = False) -> list[Trial]:
    """The queries, each with its nearest reference. Distances are on the globe: zones do not matter."""
    return [_trial(locator, number, asked, exclude_twins) for number, asked in enumerate(queries)]


def _trial(locator: Locator, number: int, asked: Asked, exclude_twins: bool) -> Trial:
    if asked.geotag is None:
        return Trial(number, asked)
    truth = asked.geotag.position.lat, asked.geotag.position.lon
    away = _away(locator.database.positions, truth)
    near = locator.database.references(np.flatnonzero(away <= TWIN_M).tolist())
    known = str(asked.path.resolve()) in {one.location for one in near}
    same: frozenset[int] = frozenset()
    if exclude_twins:
        same = twins(asked.path, asked.geotag, asked.credit, near)
        away[list(same)] = np.inf
    return Trial(number, asked, int(away.argmin()), float(away.min()), same, known)


def _away(positions: Floats, truth: tuple[float, float]) -> Floats:
    """Metres [N] to each reference; infinite to those far off when others are near."""
    close = np.abs(positions[:, 0] - truth[0]) <= NEAR_DEG
    away = np.full(len(positions), np.inf)
    away[close] = distance_m(positions[close], truth)
    return away if away.min(initial=np.inf) <= 100 * TWIN_M else distance_m(positions, truth)


def search_each(
    locator: Locator,
    tried: Sequence[Trial],
    way: Way,
    level: float = 0.0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[Trial, Located]]:
    """Each query under water up to `level`, located in this way, with every candidate that fusion saw.

    What an evaluation judges, and what a calibration with labels can learn from.
    """
    count = min(workers or cores(), len(tried))

    def one(trial: Trial) -> tuple[Trial, Located]:
        return trial, _located(locator, trial, way, level)

    with side_by_side(count) as pool:
        for done, result in enumerate(in_order(pool, one, tried, 2 * count + 2), 1):
            if progress is not None:
                progress(done, len(tried))
            yield result


def photo_of(trial: Trial, level: float) -> Image:
    """The query's pixels, under water up to `level`. Raises UnreadableImageError."""
    photo = read_image(trial.asked.path, LONGEST)
    return flood(photo, level, trial.number)[0] if level else photo


def _located(locator: Locator, trial: Trial, way: Way, level: float) -> Located:
    query = Query(trial.asked.path)
    try:
        pixels = photo_of(trial, level)
        attention = way.attend(trial.number, pixels) if way.attend else AttentionMap.neutral()
        if way.waterline is not None:
            attention = replace(attention, waterline=way.waterline, doubt=0.0)
        return locator.locate(
            query,
            attention,
            way.manner,
            without=trial.twins,
            verify=way.verify,
            pixels=pixels,
        )
    except UnreadableImageError as error:
        return Located(query, Outcome.FAILED, error.reason)
