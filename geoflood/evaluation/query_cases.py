"""Queries with a truth -> query cases: which references are positives, which are twins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoflood.core.geo import distance_m
from geoflood.evaluation.results import Floats, QueryCase, QueryTruth
from geoflood.evaluation.twins import TWIN_M, twins
from geoflood.localize.cities import Cities
from geoflood.localize.locator import Locator

__all__ = ["query_cases"]

NEAR_DEG = 0.01
"""References within about a kilometre north and south are measured first."""


def query_cases(
    locator: Locator | Cities, queries: Sequence[QueryTruth], exclude_twins: bool = False
) -> list[QueryCase]:
    """Each query with its nearest reference. Distances are on the globe: UTM zones do not matter."""
    return [_query_case(locator, number, truth, exclude_twins) for number, truth in enumerate(queries)]


def _query_case(locator: Locator | Cities, number: int, truth: QueryTruth, exclude_twins: bool) -> QueryCase:
    if truth.geotag is None:
        return QueryCase(number, truth)
    place = truth.geotag.position.lat, truth.geotag.position.lon
    distances = _distances(locator.database.positions, place)
    near = locator.database.references(np.flatnonzero(distances <= TWIN_M).tolist())
    is_reference = str(truth.path.resolve()) in {reference.location for reference in near}
    excluded: frozenset[int] = frozenset()
    if exclude_twins:
        excluded = twins(truth.path, truth.geotag, truth.credit, near)
        distances[list(excluded)] = np.inf
    nearest = int(distances.argmin())
    city = locator.database.index_of(nearest) if isinstance(locator, Cities) and not locator.one_city else ""
    return QueryCase(number, truth, nearest, float(distances[nearest]), excluded, is_reference, city)


def _distances(positions: Floats, place: tuple[float, float]) -> Floats:
    """Metres [N] to each reference; infinite for those far away when there are near ones."""
    close = np.abs(positions[:, 0] - place[0]) <= NEAR_DEG
    distances = np.full(len(positions), np.inf)
    distances[close] = distance_m(positions[close], place)
    if distances.min(initial=np.inf) <= 100 * TWIN_M:
        return distances
    return distance_m(positions, place)
