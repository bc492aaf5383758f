"""The worst misses of an evaluation, with the pictures that explain them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from geoflood.core.datatypes import Reference
from geoflood.core.geo import distance_m
from geoflood.core.images import UnreadableImageError, fit, jpeg
from geoflood.evaluation.evaluate import Bench
from geoflood.evaluation.query_water import DRY, QueryWater, drawn, read
from geoflood.evaluation.results import Evaluation, Miss, QueryCase, QueryResult
from geoflood.imagery.views import pixels_of
from geoflood.synthetic.flood.files import encode_flood

__all__ = ["pictured", "worst"]

SHOWN_PX = 320
QUALITY = 70
ALIKE_DEG = 45.0
"""Two views that are turned by less show much the same."""
ANOTHER = 2.0
"""Positive distances from which a miss shows another place, not the next camera."""


def worst(evaluation: Evaluation, count: int) -> list[QueryResult]:
    """Wrong answers to queries that have a positive: what would mislead a person most.

    Those that name another place first, of these the surest first.
    """
    within = evaluation.distances_m[0]
    wrong = [one for one in evaluation.judged if one.trial.nearest_m <= within and not one.right(within)]
    return sorted(wrong, key=lambda one: (one.right(ANOTHER * within), -one.probability))[:count]


def pictured(missed: list[QueryResult], bench: Bench, water: QueryWater = DRY) -> list[Miss]:
    """Each with the photo as it was searched, what was retrieved, and the nearest reference there is."""
    return [_pictured(one, bench, water) for one in missed]


def _pictured(one: QueryResult, bench: Bench, water: QueryWater) -> Miss:
    expected = _expected(one, bench)
    try:
        photo = _searched(one.trial, water)
    except UnreadableImageError:
        photo = None
    retrieved = tuple(_view(found.reference) for found in one.best)
    return Miss(one, photo, retrieved, expected, _off(one, expected), _view(expected))


def _searched(trial: QueryCase, water: QueryWater) -> bytes:
    """The photo as a file; a synthetic flood says what it is, whoever saves it out of a page."""
    photo = read(trial)
    if water.dry:
        return jpeg(photo, SHOWN_PX, QUALITY)
    flooded = drawn(trial, photo, water)
    return encode_flood(replace(flooded, photo=fit(flooded.photo, SHOWN_PX)), quality=QUALITY)


def _expected(one: QueryResult, bench: Bench) -> Reference:
    """The nearest positive of those that look the query's way, as far as headings are known."""
    database, trial = bench.locator.database, one.trial
    (nearest,) = database.references([trial.nearest_id])
    tag = trial.asked.geotag
    if tag is None or tag.heading_deg is None:
        return nearest
    away = distance_m(database.positions, (tag.position.lat, tag.position.lon))
    near = database.references(np.flatnonzero(away <= bench.distances_m[0]).tolist())
    turned = {ref.id: _turned(ref, tag.heading_deg) for ref in near if ref.id not in trial.twins}
    alike = [ref for ref in near if turned.get(ref.id, 180.0) <= ALIKE_DEG]
    return min(alike, key=lambda ref: (float(away[ref.id]), turned[ref.id]), default=nearest)


def _turned(reference: Reference, heading_deg: float) -> float:
    """Degrees between two ways of looking; where one is unknown, as if opposite."""
    if reference.heading_deg is None:
        return 180.0
    return abs((reference.heading_deg - heading_deg + 180) % 360 - 180)


def _off(one: QueryResult, reference: Reference) -> float:
    """Metres between the truth and a reference."""
    tag, spot = one.trial.asked.geotag, reference.position
    return float(distance_m((spot.lat, spot.lon), (tag.position.lat, tag.position.lon))) if tag else math.inf


def _view(reference: Reference) -> bytes | None:
    """None when the picture is gone."""
    try:
        return jpeg(pixels_of(reference), SHOWN_PX, QUALITY)
    except UnreadableImageError:
        return None
