"""From the result of each query to the scores of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from geoflood.core.datatypes import Outcome
from geoflood.evaluation.metrics.recall import pad_rows, proportion, recall
from geoflood.evaluation.metrics.reliability import calibration_error, reliability
from geoflood.evaluation.metrics.signals import auroc, signal_quality
from geoflood.evaluation.results import (
    AREA_PERCENTS,
    RECALL_KS,
    Floats,
    Proportion,
    QueryResult,
    Scores,
    SignalQuality,
)

__all__ = ["scores"]


def scores(
    results: Sequence[QueryResult], elsewhere: Sequence[QueryResult], distances_m: Sequence[float]
) -> Scores:
    """All figures of an evaluation. The first distance separates right from wrong.

    Photos that could not be read or compared count as wrong. They got no probability, so they are left out
    of the reliability. Raises ValueError when no query has a positive at one of the distances.
    """
    first = distances_m[0]
    near = {d: [result for result in results if result.case.nearest_m <= d] for d in distances_m}
    positive = near[first]
    places = _places(positive)
    answered = [result for result in results if result.answered]
    bins = reliability(
        [result.probability for result in answered],
        [result.is_right(result.tolerance_m) for result in answered],
    )
    percents = range(len(AREA_PERCENTS))
    return Scores(
        with_positive={d: len(some) for d, some in near.items()},
        recall={d: _recalls(some, d) for d, some in near.items()},
        position_recall={d: _position_recall(some, d) for d, some in near.items()},
        errors_m=_ascending(result.error_m for result in positive),
        in_area=tuple(proportion([result.in_area[i] for result in positive], places) for i in percents),
        in_circle=tuple(proportion([result.in_circle[i] for result in positive], places) for i in percents),
        areas_km2=_median_areas(positive),
        searched_km2=_ascending(result.searched_km2 for result in positive),
        searched_street_km=_ascending(result.searched_street_km for result in positive),
        signals=_signals(results, first),
        reliability=bins,
        calibration_error=calibration_error(bins) if bins else None,
        outcomes=_outcomes(results, elsewhere, first),
        not_found_auroc=_not_found_auroc(positive, elsewhere),
        seconds=_mean_seconds([*results, *elsewhere]),
    )


def _recalls(results: Sequence[QueryResult], within_m: float) -> dict[int, Proportion]:
    errors_m = pad_rows([result.candidate_errors_m for result in results], max(RECALL_KS))
    return {k: recall(errors_m, k, within_m, _places(results)) for k in RECALL_KS}


def _position_recall(results: Sequence[QueryResult], within_m: float) -> Proportion:
    return proportion([result.is_right(within_m) for result in results], _places(results))


def _places(results: Sequence[QueryResult]) -> list[str]:
    """The place of each photo, for photos of one place are right or wrong together."""
    geotags = [result.case.truth.geotag for result in results]
    return [str(geotag and geotag.position) for geotag in geotags]


def _ascending(values: Iterator[float]) -> Floats:
    return np.sort(np.fromiter(values, float))


def _median_areas(results: Sequence[QueryResult]) -> tuple[float, ...]:
    """km² of each area, over the queries that have any."""
    areas = np.array([result.areas_km2 for result in results if result.areas_km2])
    if not len(areas):
        return (float("nan"),) * len(AREA_PERCENTS)
    return tuple(np.median(areas, axis=0).tolist())


def _signals(results: Sequence[QueryResult], within_m: float) -> tuple[SignalQuality, ...]:
    """The quality of each signal, over the queries with an answer.

    An answer that was sure without counting inliers is ranked above all that were counted.
    """
    answered = [result for result in results if result.signals]
    names = dict.fromkeys(name for result in answered for name in result.signals)
    right = [result.is_right(within_m) for result in answered]
    return tuple(
        signal_quality(name, [result.signals.get(name, np.inf) for result in answered], right)
        for name in names
    )


def _outcomes(
    results: Sequence[QueryResult], elsewhere: Sequence[QueryResult], within_m: float
) -> dict[str, dict[str, int]]:
    """Queries by group and outcome; and how many of those located, and of those likely, are right."""
    groups = {
        "with_positive": [result for result in results if result.case.nearest_m <= within_m],
        "without_positive": [result for result in results if result.case.nearest_m > within_m],
        "elsewhere": elsewhere,
    }
    return {name: _count_outcomes(group, within_m) for name, group in groups.items()}


def _count_outcomes(results: Sequence[QueryResult], within_m: float) -> dict[str, int]:
    counts = Counter(result.outcome for result in results)
    right = Counter(result.outcome for result in results if result.is_right(within_m))
    told = {outcome.value: counts[outcome] for outcome in Outcome}
    return told | {"right": right[Outcome.LOCATED], "likely_right": right[Outcome.LIKELY]}


def _not_found_auroc(positive: Sequence[QueryResult], elsewhere: Sequence[QueryResult]) -> Proportion | None:
    """Of the share "not in this index": photos of elsewhere against queries with a positive."""
    low = [result.not_in_index for result in positive if result.answered]
    high = [result.not_in_index for result in elsewhere if result.answered]
    return auroc(low, high) if low and high else None


def _mean_seconds(results: Sequence[QueryResult]) -> dict[str, float]:
    """Mean time of each stage, over the queries that got an answer."""
    answered = [result.seconds for result in results if result.answered]
    stages = dict.fromkeys(stage for seconds in answered for stage in seconds)
    return {stage: sum(s.get(stage, 0.0) for s in answered) / len(answered) for stage in stages}
