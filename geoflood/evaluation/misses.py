"""The worst misses of an evaluation, with the pictures that explain them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geoflood.core.datatypes import Reference
from geoflood.core.geo import distance_m
from geoflood.core.images import UnreadableImageError, fit, jpeg
from geoflood.evaluation.evaluate import Benchmark
from geoflood.evaluation.query_water import DRY, QueryWater, draw_water, read_photo
from geoflood.evaluation.results import Evaluation, Miss, QueryCase, QueryResult
from geoflood.imagery.views import pixels_of
from geoflood.synthetic.flood.files import encode_flood

__all__ = ["add_pictures", "worst_misses"]

SHOWN_PX = 320
QUALITY = 70
SAME_VIEW_DEG = 45.0
"""Two views that are turned by less show much the same."""
OTHER_PLACE = 2.0
"""Positive distances from which a miss shows another place, not the next camera."""


def worst_misses(evaluation: Evaluation, count: int) -> list[QueryResult]:
    """Wrong answers to queries that have a positive: what would mislead a person most.

    Those that name another place come first, of these the surest first.
    """
    within = evaluation.distances_m[0]
    misses = [
        result
        for result in evaluation.results
        if result.case.nearest_m <= within and not result.is_right(within)
    ]
    return sorted(misses, key=lambda miss: (miss.is_right(OTHER_PLACE * within), -miss.probability))[:count]


def add_pictures(misses: Sequence[QueryResult], benchmark: Benchmark, water: QueryWater = DRY) -> list[Miss]:
    """Each with the photo as it was searched, its candidates, and the reference it should have found."""
    return [_add_pictures(miss, benchmark, water) for miss in misses]


def _add_pictures(result: QueryResult, benchmark: Benchmark, water: QueryWater) -> Miss:
    expected = _expected(result, benchmark)
    try:
        photo = _searched_photo(result.case, water)
    except UnreadableImageError:
        photo = None
    candidates = tuple(_picture(candidate.reference) for candidate in result.candidates)
    return Miss(result, photo, candidates, expected, _metres_off(result, expected), _picture(expected))


def _searched_photo(case: QueryCase, water: QueryWater) -> bytes:
    """The photo as a JPEG file. A synthetic flood is marked as one, for a page's pictures get saved."""
    photo = read_photo(case)
    if water.dry:
        return jpeg(photo, SHOWN_PX, QUALITY)
    flooded = draw_water(case, photo, water)
    return encode_flood(replace(flooded, photo=fit(flooded.photo, SHOWN_PX)), quality=QUALITY)


def _expected(result: QueryResult, benchmark: Benchmark) -> Reference:
    """The nearest positive that looks the query's way, as far as headings are known."""
    database, case = benchmark.locator.database, result.case
    (nearest,) = database.references([case.nearest_id])
    geotag = case.truth.geotag
    if geotag is None or geotag.heading_deg is None:
        return nearest
    distances = distance_m(database.positions, (geotag.position.lat, geotag.position.lon))
    near = database.references(np.flatnonzero(distances <= benchmark.distances_m[0]).tolist())
    turns = {ref.id: _turn_deg(ref, geotag.heading_deg) for ref in near if ref.id not in case.twins}
    same_view = [ref for ref in near if turns.get(ref.id, 180.0) <= SAME_VIEW_DEG]
    return min(same_view, key=lambda ref: (float(distances[ref.id]), turns[ref.id]), default=nearest)


def _turn_deg(reference: Reference, heading_deg: float) -> float:
    """Degrees between two headings; an unknown one counts as opposite."""
    if reference.heading_deg is None:
        return 180.0
    return abs((reference.heading_deg - heading_deg + 180) % 360 - 180)


def _metres_off(result: QueryResult, reference: Reference) -> float:
    """From a reference to the true place."""
    geotag, spot = result.case.truth.geotag, reference.position
    if geotag is None:
        return math.inf
    return float(distance_m((spot.lat, spot.lon), (geotag.position.lat, geotag.position.lon)))


def _picture(reference: Reference) -> bytes | None:
    """A small JPEG; None when the picture is gone."""
    try:
        return jpeg(pixels_of(reference), SHOWN_PX, QUALITY)
    except UnreadableImageError:
        return None
