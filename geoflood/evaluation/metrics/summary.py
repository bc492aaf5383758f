"""From what came of each query to the figures of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from geoflood.core.datatypes import Outcome
from geoflood.evaluation.metrics.confidence import auroc, confidence
from geoflood.evaluation.metrics.reliability import calibration_error, reliability
from geoflood.evaluation.metrics.retrieval import padded, recall, share
from geoflood.evaluation.results import (
    RECALLS,
    SHARES,
    Confidence,
    Floats,
    Proportion,
    QueryResult,
    Scores,
)

__all__ = ["scores"]

Recalls = Mapping[float, Mapping[int, Proportion]]


def scores(
    here: Sequence[QueryResult], elsewhere: Sequence[QueryResult], distances_m: Sequence[float]
) -> Scores:
    """The scores. The first of the distances says what is right, and what a positive is for the areas.

    Photos that could not be read or compared count as wrong; but they were told no probability, so they say
    nothing of how true those are. Raises ValueError when no query has a positive at one of the distances.
    """
    first = distances_m[0]
    near = {distance: [one for one in here if one.trial.nearest_m <= distance] for distance in distances_m}
    positive = near[first]
    places = _places(positive)
    answered = [one for one in here if one.answered]
    bins = reliability(
        [one.probability for one in answered], [one.right(one.tolerance_m) for one in answered]
    )
    return Scores(
        with_positive={distance: len(some) for distance, some in near.items()},
        recall={distance: _recalls(some, distance) for distance, some in near.items()},
        position={d: share([one.right(d) for one in some], _places(some)) for d, some in near.items()},
        errors_m=_ascending(one.error_m for one in positive),
        contained=tuple(share([one.held[i] for one in positive], places) for i in range(len(SHARES))),
        circled=tuple(share([one.circled[i] for one in positive], places) for i in range(len(SHARES))),
        areas_km2=_medians(positive),
        searched_km2=_ascending(one.searched_km2 for one in positive),
        searched_km=_ascending(one.searched_km for one in positive),
        confidence=_confidence(here, first),
        reliability=bins,
        calibration_error=calibration_error(bins) if bins else None,
        outcomes=_outcomes(here, elsewhere, first),
        not_found_auroc=_auroc(positive, elsewhere),
        seconds=_seconds([*here, *elsewhere]),
    )


def _recalls(some: Sequence[QueryResult], within_m: float) -> dict[int, Proportion]:
    table = padded([one.ranks_m for one in some], max(RECALLS))
    return {k: recall(table, k, within_m, _places(some)) for k in RECALLS}


def _places(some: Sequence[QueryResult]) -> list[str]:
    """Where each was taken, for photos of one place stand or fall together."""
    return [str(one.trial.asked.geotag and one.trial.asked.geotag.position) for one in some]


def _ascending(values: Iterator[float]) -> Floats:
    return np.sort(np.fromiter(values, float))


def _medians(some: Sequence[QueryResult]) -> tuple[float, ...]:
    """km² of the areas, of the queries that have any."""
    known = np.array([one.areas_km2 for one in some if one.areas_km2]).reshape(-1, len(SHARES))
    return tuple(np.median(known, axis=0).tolist()) if len(known) else (float("nan"),) * len(SHARES)


def _confidence(here: Sequence[QueryResult], within_m: float) -> tuple[Confidence, ...]:
    """Of each signal, over the queries with an answer.

    Inliers are not counted where an answer is sure without: there they are more than any.
    """
    answered = [one for one in here if one.signals]
    names = dict.fromkeys(name for one in answered for name in one.signals)
    right = [one.right(within_m) for one in answered]
    return tuple(
        confidence(name, [one.signals.get(name, np.inf) for one in answered], right) for name in names
    )


def _outcomes(
    here: Sequence[QueryResult], elsewhere: Sequence[QueryResult], within_m: float
) -> dict[str, dict[str, int]]:
    """How often each was said, of which photos; and how many of the located ones are right."""
    groups = {
        "with_positive": [one for one in here if one.trial.nearest_m <= within_m],
        "without_positive": [one for one in here if one.trial.nearest_m > within_m],
        "elsewhere": elsewhere,
    }
    told = {}
    for name, some in groups.items():
        counts = Counter(one.outcome for one in some)
        told[name] = {outcome.value: counts[outcome] for outcome in Outcome}
        told[name]["right"] = sum(one.outcome is Outcome.LOCATED and one.right(within_m) for one in some)
    return told


def _auroc(positive: Sequence[QueryResult], elsewhere: Sequence[QueryResult]) -> Proportion | None:
    """Of the share "not in this index": photos of elsewhere against those with a positive."""
    ours = [one.not_in_index for one in positive if one.answered]
    strange = [one.not_in_index for one in elsewhere if one.answered]
    return auroc(ours, strange) if ours and strange else None


def _seconds(some: Sequence[QueryResult]) -> dict[str, float]:
    """Mean of each stage, of the queries that got an answer."""
    answered = [one.seconds for one in some if one.answered]
    stages = dict.fromkeys(stage for one in answered for stage in one)
    return {stage: sum(one.get(stage, 0.0) for one in answered) / len(answered) for stage in stages}
