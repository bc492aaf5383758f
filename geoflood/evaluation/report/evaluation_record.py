"""An evaluation as one plain object, and its queries as a table: `evaluate --json` and queries.csv."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from geoflood.core.files import write_whole
from geoflood.evaluation.results import (
    AREA_PERCENTS,
    SEARCH_PERCENTS,
    Evaluation,
    Proportion,
    QueryResult,
    ReliabilityBin,
    Scores,
    SignalQuality,
    smallest_serving,
)
from geoflood.outputs.record import utf8
from geoflood.outputs.table import harmless

__all__ = ["COLUMNS", "COVERAGES", "evaluation_record", "write_queries"]

Json = dict[str, Any]

COVERAGES = (80, 50, 20)
"""Percent of the queries, the surest, whose precision is reported."""
ERROR_PERCENTS = (25, 50, 75, 90)

COLUMNS = (
    *("index", "way", "flood", "effects"),
    *("query", "set", "lat", "lon", "nearest_reference_m", "outcome", "found_lat", "found_lon", "error_m"),
    *("first_right_rank", "probability", "not_in_index", "similarity", "margin", "agreement", "inliers"),
    *("area_50_km2", "area_90_km2", "in_area_50", "in_area_90", "searched_km2", "searched_street_km"),
    *("first_match", "first_match_m", "seconds", "reason"),
)
SIGNAL_COLUMNS = ("similarity", "margin", "agreement", "inliers")


def evaluation_record(evaluation: Evaluation) -> Json:
    """One JSON object of an evaluation; what is not known is null, and no number is NaN or infinite."""
    return {
        "way": evaluation.name,
        "city": utf8(evaluation.city),
        "index": utf8(evaluation.index),
        "backbone": evaluation.backbone,
        "references": evaluation.references,
        "flood": evaluation.flood,
        "effects": evaluation.effects,
        "waterline": evaluation.waterline,
        "queries": len(evaluation.results),
        **_recall_fields(evaluation.scores, evaluation.distances_m[0]),
        **_area_fields(evaluation.scores),
        **_confidence_fields(evaluation.scores),
        **_outcome_fields(evaluation),
        "which_city": asdict(shares) if (shares := evaluation.city_shares) else None,
        "without_attention": evaluation.without_attention,
        "seconds_per_query": _round(evaluation.seconds_per_query),
        "at_a_time": evaluation.at_a_time,
        "seconds": {stage: _round(seconds) for stage, seconds in evaluation.scores.seconds.items()},
        "notes": [utf8(note) for note in evaluation.notes],
    }


def _recall_fields(s: Scores, first_m: float) -> Json:
    return {
        "with_positive": s.with_positive[first_m],
        "with_positive_by_distance": {f"{d:g}": n for d, n in s.with_positive.items()},
        "recall": {f"{d:g}": _values(by_k) for d, by_k in s.recall.items()},
        "recall_error": {f"{d:g}": _errors(by_k) for d, by_k in s.recall.items()},
        "position_recall": {f"{d:g}": _round(share.value) for d, share in s.position_recall.items()},
        "median_error_m": _round(smallest_serving(s.errors_m, 50), 1),
        "error_m": {str(p): _round(smallest_serving(s.errors_m, p), 1) for p in ERROR_PERCENTS},
    }


def _area_fields(s: Scores) -> Json:
    sizes = zip(AREA_PERCENTS, s.areas_km2, strict=True)
    return {
        "search_area_km2": {str(percent): _round(km2, 6) for percent, km2 in sizes},
        "contained": _values(_by_area(s.in_area)),
        "contained_error": _errors(_by_area(s.in_area)),
        "contained_by_radius": _values(_by_area(s.in_circle)),
        "to_search": {str(percent): _to_search(s, percent) for percent in SEARCH_PERCENTS},
    }


def _confidence_fields(s: Scores) -> Json:
    return {
        "confidence": {signal.name: _signal(signal) for signal in s.signals},
        "reliability": [_bin(part) for part in s.reliability],
        "expected_calibration_error": _round(s.calibration_error),
    }


def _outcome_fields(evaluation: Evaluation) -> Json:
    outcomes, auroc = evaluation.scores.outcomes, evaluation.scores.not_found_auroc
    return {
        "outcomes": outcomes,
        "abstained": sum(outcomes[group]["not-found"] for group in ("with_positive", "without_positive")),
        "failed": sum(not result.answered for result in evaluation.results),
        "elsewhere": len(evaluation.elsewhere),
        "not_found_auroc": _round(auroc.value if auroc else None),
        "not_found_auroc_error": _round(auroc.error if auroc else None),
    }


def _values(shares: Mapping[int, Proportion]) -> Json:
    return {str(key): _round(share.value) for key, share in shares.items()}


def _errors(shares: Mapping[int, Proportion]) -> Json:
    return {str(key): _round(share.error) for key, share in shares.items()}


def _by_area(shares: Iterable[Proportion]) -> dict[int, Proportion]:
    return dict(zip(AREA_PERCENTS, shares, strict=True))


def _to_search(s: Scores, percent: int) -> Json:
    """What has to be searched until so many percent of the queries are found."""
    return {
        "km2": _round(smallest_serving(s.searched_km2, percent), 6),
        "street_km": _round(smallest_serving(s.searched_street_km, percent), 3),
    }


def _signal(signal: SignalQuality) -> Json:
    precisions = {str(percent): _round(signal.precision_at(percent / 100)) for percent in COVERAGES}
    return {"auc_pr": _round(signal.auc_pr), "precision_at_coverage": precisions}


def _bin(part: ReliabilityBin) -> Json:
    return {"count": part.count, "told": _round(part.probability), "right": _round(part.right.value)}


def _round(value: float | None, places: int = 4) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), places)


def write_queries(path: Path, evaluations: Sequence[Evaluation]) -> None:
    """Write a row a query of each evaluation, those of elsewhere last; empty where nothing is known.

    CSV (RFC 4180, UTF-8).
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n", restval="")
    writer.writeheader()
    for evaluation in evaluations:
        searched = {
            "index": harmless(evaluation.index),
            "way": harmless(evaluation.name),
            "flood": f"{evaluation.flood:g}",
            "effects": evaluation.effects,
        }
        for name, results in (("queries", evaluation.results), ("elsewhere", evaluation.elsewhere)):
            for result in results:
                writer.writerow({**searched, "set": name, **_row(result, evaluation.distances_m[0])})
    write_whole(path, text.getvalue())


def _row(result: QueryResult, right_m: float) -> dict[str, str]:
    errors_m = result.candidate_errors_m
    rank = next((rank for rank, metres in enumerate(errors_m, 1) if metres <= right_m), None)
    return {
        **_place_cells(result),
        "outcome": result.outcome.value,
        "error_m": _cell(result.error_m, 1),
        "first_right_rank": "" if rank is None else str(rank),
        "probability": _cell(result.probability),
        "not_in_index": _cell(result.not_in_index),
        **{name: _cell(result.signals[name]) for name in SIGNAL_COLUMNS if name in result.signals},
        **_area_cells(result),
        "first_match": harmless(result.candidates[0].reference.image_key if result.candidates else ""),
        "first_match_m": _cell(errors_m[0] if errors_m else None, 1),
        "seconds": _cell(sum(result.seconds.values())),
        "reason": harmless(result.reason),
    }


def _place_cells(result: QueryResult) -> dict[str, str]:
    geotag, position = result.case.truth.geotag, result.position
    return {
        "query": harmless(str(result.case.truth.path)),
        "lat": _cell(geotag.position.lat if geotag else None, 7),
        "lon": _cell(geotag.position.lon if geotag else None, 7),
        "nearest_reference_m": _cell(result.case.nearest_m, 1),
        "found_lat": _cell(position.lat if position else None, 7),
        "found_lon": _cell(position.lon if position else None, 7),
    }


def _area_cells(result: QueryResult) -> dict[str, str]:
    sizes = dict(zip(AREA_PERCENTS, result.areas_km2, strict=False))
    inside = dict(zip(AREA_PERCENTS, result.in_area, strict=True)) if result.case.truth.geotag else {}
    return {
        **{f"area_{percent}_km2": _cell(km2, 6) for percent, km2 in sizes.items()},
        **{f"in_area_{percent}": str(int(held)) for percent, held in inside.items()},
        "searched_km2": _cell(result.searched_km2, 6),
        "searched_street_km": _cell(result.searched_street_km, 3),
    }


def _cell(value: float | None, places: int = 4) -> str:
    rounded = _round(value, places)
    return "" if rounded is None else f"{rounded:.{places}f}"
