"""One query's answer held against its truth."""

from __future__ import annotations

import math

import numpy as np

from geoflood.core.datatypes import Estimate, LatLon, Located
from geoflood.core.geo import distance_m
from geoflood.evaluation.metrics.areas import holds, searched
from geoflood.evaluation.metrics.confidence import agreement, margin
from geoflood.evaluation.metrics.streets import Streets
from geoflood.evaluation.results import RECALLS, SHARES, Floats, QueryCase, QueryResult
from geoflood.outputs.wording import reason_line

__all__ = ["score_query"]

SHOWN = 3
"""Candidates of a query that are kept to be shown."""
TOLERANCE_M = 25.0
"""What the probability of a query without an answer, which is 0, speaks of."""


def score_query(trial: QueryCase, located: Located, streets: Streets, doubt: str = "") -> QueryResult:
    """What came of a query beside its truth; of one without a truth, the answer alone.

    `doubt` is why it was searched without the attention that was asked for.
    """
    found, estimate = located.candidates, located.estimate
    places = np.array([_pair(one.reference.position) for one in found]).reshape(-1, 2)
    truth = trial.asked.geotag.position if trial.asked.geotag else None
    error, held, circled, km2, km = (
        math.inf,
        (False,) * len(SHARES),
        (False,) * len(SHARES),
        math.inf,
        math.inf,
    )
    if truth and estimate:
        error = float(distance_m(_pair(estimate.position), _pair(truth)))
        held = tuple(holds(estimate.cells(part / 100), truth) for part in SHARES)
        circled = (error <= estimate.radius_50_m, error <= estimate.radius_90_m)
        km2, km = searched(estimate.search_area, places, truth, streets)
    return QueryResult(
        trial,
        located.outcome,
        located.reason.kind,
        reason_line(located),
        position=estimate.position if estimate else None,
        error_m=error,
        ranks_m=_ranks(places, truth),
        best=found[:SHOWN],
        probability=estimate.probability if estimate else 0.0,
        tolerance_m=estimate.tolerance_m if estimate else TOLERANCE_M,
        not_in_index=estimate.not_in_index if estimate else 1.0,
        areas_km2=_areas(estimate) if estimate else (),
        held=held,
        circled=circled,
        searched_km2=km2,
        searched_km=km,
        signals=_signals(located, estimate, places) if estimate and len(places) else {},
        seconds=located.seconds,
        doubt=doubt,
    )


def _pair(position: LatLon) -> tuple[float, float]:
    return position.lat, position.lon


def _ranks(places: Floats, truth: LatLon | None) -> tuple[float, ...]:
    """Metres from the truth to each of the first candidates."""
    if truth is None or not len(places):
        return ()
    return tuple(distance_m(places[: max(RECALLS)], _pair(truth)).tolist())


def _areas(estimate: Estimate) -> tuple[float, ...]:
    """km² of the 50 and the 90 % area."""
    return tuple(math.fsum(cell.size_m**2 for cell in estimate.cells(part / 100)) / 1e6 for part in SHARES)


def _signals(located: Located, estimate: Estimate, places: Floats) -> dict[str, float]:
    """What may tell a right answer from a wrong one, larger is surer."""
    similarities = np.array([one.similarity for one in located.candidates])
    order = np.argsort(-similarities, kind="stable")  # they may have been ranked by more than that
    similarities, places = similarities[order], places[order]
    told = {
        "probability": estimate.probability,
        "in this index": 1 - estimate.not_in_index,
        "similarity": float(similarities[0]),
        "margin": margin(similarities, places),
        "agreement": agreement(similarities, places),
    }
    if all(one.inliers is None for one in located.candidates):
        return told
    return told | {"inliers": float(located.candidates[0].inliers or 0)}
