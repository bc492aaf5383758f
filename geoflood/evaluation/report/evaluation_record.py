"""An evaluation as one plain object, and its queries as a table: `evaluate --json` and queries.csv."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geoflood.core.files import write_whole
from geoflood.evaluation.results import (
    SHARES,
    TO_SEARCH,
    Bin,
    Confidence,
    Evaluation,
    Proportion,
    QueryResult,
    Scores,
)
from geoflood.outputs.record import utf8
from geoflood.outputs.table import harmless

__all__ = ["COLUMNS", "COVERAGES", "evaluation_record", "write_queries"]

Json = dict[str, Any]

COVERAGES = (80, 50, 20)
"""Percent of the queries, the surest, whose precision is told."""
QUARTILES = (25, 50, 75, 90)

COLUMNS = (
    *("index", "way", "flood", "effects"),
    *("query", "set", "lat", "lon", "nearest_reference_m", "outcome", "found_lat", "found_lon", "error_m"),
    *("first_right_rank", "probability", "not_in_index", "similarity", "margin", "agreement", "inliers"),
    *("area_50_km2", "area_90_km2", "in_area_50", "in_area_90", "searched_km2", "searched_street_km"),
    *("first_match", "first_match_m", "seconds", "reason"),
)


def evaluation_record(one: Evaluation) -> Json:
    """One JSON object of an evaluation; what is not known is null, and no number is NaN or infinite."""
    s, auroc = one.scores, one.scores.not_found_auroc
    first = one.distances_m[0]
    return {
        "way": one.name,
        "city": utf8(one.city),
        "index": utf8(one.index),
        "backbone": one.backbone,
        "references": one.references,
        "flood": one.flood,
        "effects": one.effects,
        "waterline": one.waterline,
        "queries": len(one.judged),
        "with_positive": s.with_positive[first],
        "with_positive_by_distance": {f"{d:g}": n for d, n in s.with_positive.items()},
        "recall": {f"{d:g}": _shares(of) for d, of in s.recall.items()},
        "recall_error": {f"{d:g}": _errors(of) for d, of in s.recall.items()},
        "position_recall": {f"{d:g}": _round(of.value) for d, of in s.position.items()},
        "median_error_m": _round(s.needed(s.errors_m, 50), 1),
        "error_m": {str(p): _round(s.needed(s.errors_m, p), 1) for p in QUARTILES},
        "search_area_km2": {str(p): _round(a, 6) for p, a in zip(SHARES, s.areas_km2, strict=True)},
        "contained": _by_part(s.contained),
        "contained_error": {str(p): _round(of.error) for p, of in zip(SHARES, s.contained, strict=True)},
        "contained_by_radius": _by_part(s.circled),
        "to_search": {str(p): _to_search(s, p) for p in TO_SEARCH},
        "confidence": {of.name: _confidence(of) for of in s.confidence},
        "reliability": [_bin(of) for of in s.reliability],
        "expected_calibration_error": _round(s.calibration_error),
        "outcomes": s.outcomes,
        "abstained": sum(s.outcomes[group]["not-found"] for group in ("with_positive", "without_positive")),
        "failed": sum(not query.answered for query in one.judged),
        "elsewhere": len(one.elsewhere),
        "not_found_auroc": _round(auroc.value if auroc else None),
        "not_found_auroc_error": _round(auroc.error if auroc else None),
        "without_attention": one.doubted,
        "seconds_per_query": _round(one.seconds_each),
        "at_a_time": one.at_a_time,
        "seconds": {stage: _round(seconds) for stage, seconds in s.seconds.items()},
        "notes": [utf8(note) for note in one.notes],
    }


def _shares(of: Mapping[int, Proportion]) -> Json:
    return {str(k): _round(share.value) for k, share in of.items()}


def _errors(of: Mapping[int, Proportion]) -> Json:
    return {str(k): _round(share.error) for k, share in of.items()}


def _by_part(shares: Iterable[Proportion]) -> Json:
    return {str(part): _round(share.value) for part, share in zip(SHARES, shares, strict=True)}


def _to_search(s: Scores, percent: int) -> Json:
    """What has to be searched until so many percent of the queries are found."""
    return {
        "km2": _round(s.needed(s.searched_km2, percent), 6),
        "street_km": _round(s.needed(s.searched_km, percent), 3),
    }


def _confidence(of: Confidence) -> Json:
    at = {str(percent): _round(of.precision_at(percent / 100)) for percent in COVERAGES}
    return {"auc_pr": _round(of.auc_pr), "precision_at_coverage": at}


def _bin(of: Bin) -> Json:
    return {"count": of.count, "told": _round(of.told), "right": _round(of.right.value)}


def _round(value: float | None, places: int = 4) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), places)


def write_queries(path: Path, evaluations: Sequence[Evaluation]) -> None:
    """Write a row a query of each evaluation, those of elsewhere last; empty where nothing is known.

    CSV (RFC 4180, UTF-8).
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n", restval="")
    writer.writeheader()
    for one in evaluations:
        of = {
            "index": harmless(one.index),
            "way": harmless(one.name),
            "flood": f"{one.flood:g}",
            "effects": one.effects,
        }
        for name, some in (("queries", one.judged), ("elsewhere", one.elsewhere)):
            for query in some:
                writer.writerow({**of, "set": name, **_row(query, one.distances_m[0])})
    write_whole(path, text.getvalue())


def _row(query: QueryResult, right_m: float) -> dict[str, str]:
    tag, spot = query.trial.asked.geotag, query.position
    rank = next((rank for rank, metres in enumerate(query.ranks_m, 1) if metres <= right_m), None)
    first = query.best[0].reference.image_key if query.best else ""
    areas = [_told(area, 6) for area in query.areas_km2] or [""] * len(SHARES)
    row = {
        "query": harmless(str(query.trial.asked.path)),
        "lat": _told(tag.position.lat if tag else None, 7),
        "lon": _told(tag.position.lon if tag else None, 7),
        "nearest_reference_m": _told(query.trial.nearest_m, 1),
        "outcome": query.outcome.value,
        "found_lat": _told(spot.lat if spot else None, 7),
        "found_lon": _told(spot.lon if spot else None, 7),
        "error_m": _told(query.error_m, 1),
        "first_right_rank": "" if rank is None else str(rank),
        "probability": _told(query.probability),
        "not_in_index": _told(query.not_in_index),
        **{f"area_{part}_km2": area for part, area in zip(SHARES, areas, strict=True)},
        **{f"in_area_{part}": str(int(held)) for part, held in zip(SHARES, query.held, strict=True) if tag},
        "searched_km2": _told(query.searched_km2, 6),
        "searched_street_km": _told(query.searched_km, 3),
        "first_match": harmless(first),
        "first_match_m": _told(query.ranks_m[0] if query.ranks_m else None, 1),
        "seconds": _told(sum(query.seconds.values())),
        "reason": harmless(query.reason),
    }
    return row | {
        name: _told(value) for name, value in query.signals.items() if name in COLUMNS and name not in row
    }


def _told(value: float | None, places: int = 4) -> str:
    rounded = _round(value, places)
    return "" if rounded is None else f"{rounded:.{places}f}"
