"""The answer to one query, measured against its true place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geoflood.core.datatypes import Estimate, LatLon, Located
from geoflood.core.geo import distance_m
from geoflood.evaluation.metrics.areas import area_holds, search_effort
from geoflood.evaluation.metrics.signals import similarity_margin, spatial_agreement
from geoflood.evaluation.metrics.streets import Streets
from geoflood.evaluation.results import AREA_PERCENTS, RECALL_KS, Floats, QueryCase, QueryResult
from geoflood.outputs.wording import reason_line

__all__ = ["score_query"]

SHOWN = 3
"""Candidates of a query that the report shows."""
TOLERANCE_M = 25.0
"""The tolerance of the probability of a query without an answer, which is 0."""


def score_query(
    case: QueryCase, located: Located, streets: Streets, attention_error: str = ""
) -> QueryResult:
    """The result of a query; of one whose true place is not known, the answer alone.

    `attention_error` is why it was searched without the attention that was asked for.
    """
    candidates, estimate = located.candidates, located.estimate
    positions = np.array([_pair(candidate.reference.position) for candidate in candidates]).reshape(-1, 2)
    truth = case.truth.geotag.position if case.truth.geotag else None
    errors = _estimate_errors(estimate, positions, truth, streets) if truth and estimate else NO_ANSWER
    return QueryResult(
        case,
        located.outcome,
        located.reason.kind,
        reason_line(located),
        position=estimate.position if estimate else None,
        error_m=errors.error_m,
        candidate_errors_m=_candidate_errors(positions, truth),
        candidates=candidates[:SHOWN],
        probability=estimate.probability if estimate else 0.0,
        tolerance_m=estimate.tolerance_m if estimate else TOLERANCE_M,
        not_in_index=estimate.not_in_index if estimate else 1.0,
        areas_km2=_areas_km2(estimate) if estimate else (),
        in_area=errors.in_area,
        in_circle=errors.in_circle,
        searched_km2=errors.searched_km2,
        searched_street_km=errors.searched_street_km,
        signals=_signals(located, estimate, positions) if estimate and candidates else {},
        seconds=located.seconds,
        attention_error=attention_error,
        cities=_cities(located),
    )


@dataclass(frozen=True, slots=True)
class _EstimateErrors:
    """The fields of QueryResult that need both an estimate and a true place."""

    error_m: float = math.inf
    in_area: tuple[bool, ...] = (False,) * len(AREA_PERCENTS)
    in_circle: tuple[bool, ...] = (False,) * len(AREA_PERCENTS)
    searched_km2: float = math.inf
    searched_street_km: float = math.inf


NO_ANSWER = _EstimateErrors()


def _estimate_errors(
    estimate: Estimate, candidates: Floats, truth: LatLon, streets: Streets
) -> _EstimateErrors:
    error_m = float(distance_m(_pair(estimate.position), _pair(truth)))
    in_area = tuple(area_holds(estimate.cells(percent / 100), truth) for percent in AREA_PERCENTS)
    in_circle = (error_m <= estimate.radius_50_m, error_m <= estimate.radius_90_m)
    effort = search_effort(estimate.search_area, candidates, truth, streets)
    return _EstimateErrors(error_m, in_area, in_circle, *effort)


def _cities(located: Located) -> tuple[str, ...]:
    """The index of the answer and those that count with it; none where one was asked, or without a place."""
    if not located.city or located.place is None:
        return ()
    return located.city, *(one.city for one in located.cities if one.same_place)


def _pair(position: LatLon) -> tuple[float, float]:
    return position.lat, position.lon


def _candidate_errors(positions: Floats, truth: LatLon | None) -> tuple[float, ...]:
    """Metres from each of the first candidates to the true place."""
    if truth is None or not len(positions):
        return ()
    return tuple(distance_m(positions[: max(RECALL_KS)], _pair(truth)).tolist())


def _areas_km2(estimate: Estimate) -> tuple[float, ...]:
    cells = [estimate.cells(percent / 100) for percent in AREA_PERCENTS]
    return tuple(math.fsum(cell.size_m**2 for cell in area) / 1e6 for area in cells)


def _signals(located: Located, estimate: Estimate, positions: Floats) -> dict[str, float]:
    """What may tell a right answer from a wrong one, larger is surer."""
    similarities = np.array([candidate.similarity for candidate in located.candidates])
    order = np.argsort(-similarities, kind="stable")  # re-ranking may have put them in another order
    similarities, positions = similarities[order], positions[order]
    signals = {
        "probability": estimate.probability,
        "in this index": 1 - estimate.not_in_index,
        "similarity": float(similarities[0]),
        "margin": similarity_margin(similarities, positions),
        "agreement": spatial_agreement(similarities, positions),
    }
    if all(candidate.inliers is None for candidate in located.candidates):
        return signals
    return signals | {"inliers": float(located.candidates[0].inliers or 0)}
