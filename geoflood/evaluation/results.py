"""The values of an evaluation: a query with its truth, its result, and the scores of all queries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Candidate, Geotag, LatLon, Outcome, ReasonKind, Reference

__all__ = [
    "AREA_PERCENTS",
    "RECALL_KS",
    "SEARCH_PERCENTS",
    "CityShares",
    "Evaluation",
    "Miss",
    "Proportion",
    "QueryCase",
    "QueryResult",
    "QueryTruth",
    "ReliabilityBin",
    "Scores",
    "SignalQuality",
    "smallest_serving",
]

Floats: TypeAlias = NDArray[np.float64]

RECALL_KS = (1, 5, 10, 20)
"""The k of recall@k, as the field reports it."""
AREA_PERCENTS = (50, 90)
"""Percent of the belief that each of the two search areas holds."""
SEARCH_PERCENTS = (50, 80, 95)
"""Percent of the queries for which the ground to be searched is reported."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of `of` trials, with one standard deviation of its sampling error."""

    value: float
    error: float
    of: int


@dataclass(frozen=True, slots=True)
class QueryTruth:
    """A query photo and where it was taken."""

    path: Path
    geotag: Geotag | None = None
    """None for a photo of elsewhere whose place is not known."""
    credit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class QueryCase:
    """A query, and what the index has around its true place."""

    number: int
    """From 0 in the given order; also the seed of its synthetic water."""
    truth: QueryTruth
    nearest_id: int = -1
    """The reference nearest to the true place, twins left out; -1 where that place is not known."""
    nearest_m: float = math.inf
    twins: frozenset[int] = frozenset()
    """References that must not be found; empty unless twins are excluded."""
    is_reference: bool = False
    """The photo itself is in the index."""
    city: str = ""
    """Name of the index that has the nearest reference, where several are asked together."""


@dataclass(frozen=True, slots=True, eq=False)
class QueryResult:
    """The answer to one query, measured against its true place."""

    case: QueryCase
    outcome: Outcome
    reason_kind: ReasonKind
    reason: str
    """In words."""
    position: LatLon | None
    error_m: float
    """Of the position, or of the best guess where the outcome is not-found; infinite without either."""
    candidate_errors_m: tuple[float, ...]
    """From each of the first 20 candidates to the true place, best candidate first."""
    candidates: tuple[Candidate, ...]
    """The first few, for the report."""
    probability: float
    tolerance_m: float
    """`probability` says that the position is right within this distance."""
    not_in_index: float
    areas_km2: tuple[float, ...]
    """Sizes of the 50 and the 90 % search area; empty without an estimate."""
    in_area: tuple[bool, ...]
    """Whether each of these areas holds the true place."""
    in_circle: tuple[bool, ...]
    """Whether the circles of the 50 and the 90 % radius hold it."""
    searched_km2: float
    """Area searched, likeliest first, until the true place is reached; infinite when it never is."""
    searched_street_km: float
    """Length of street in that area."""
    signals: Mapping[str, float]
    """What may tell right answers from wrong ones, larger is surer; unknown signals are left out."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time of each stage, while other queries run beside it."""
    attention_error: str = ""
    """Why the query was searched without the attention that was asked for."""
    cities: tuple[str, ...] = ()
    """The index that the answer is of, and those that count with it, of several; none without a place."""

    @property
    def answered(self) -> bool:
        """Whether the photo could be read and compared, whatever was found."""
        return self.outcome is not Outcome.FAILED

    def is_right(self, within_m: float) -> bool:
        """Whether the position lies so near to the true place."""
        return self.error_m <= within_m


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The queries whose probability lies in one tenth of the scale."""

    count: int
    probability: float
    """Mean of theirs."""
    right: Proportion


@dataclass(frozen=True, eq=False)
class SignalQuality:
    """How well one signal tells right answers from wrong ones."""

    name: str
    auc_pr: float
    coverage: Floats
    """[n] shares of the queries that are answered, ascending, the surest first."""
    precision: Floats
    """[n] share of these answers that are right."""

    def precision_at(self, coverage: float) -> float:
        """Share of right answers among the surest queries that make up `coverage` of all."""
        return float(self.precision[int(np.searchsorted(self.coverage, coverage - 1e-9))])


@dataclass(frozen=True, eq=False)
class Scores:
    """All figures of one evaluation. Shares count the queries with a positive unless said otherwise."""

    with_positive: Mapping[float, int]
    """Queries with a positive, by positive distance in metres."""
    recall: Mapping[float, Mapping[int, Proportion]]
    """Of the retrieved references, by positive distance and k."""
    position_recall: Mapping[float, Proportion]
    """Of the fused position, by positive distance."""
    errors_m: Floats
    """[Q] of the positions, ascending, infinite without a position."""
    in_area: tuple[Proportion, ...]
    """How many of the 50 and of the 90 % areas hold the true place."""
    in_circle: tuple[Proportion, ...]
    """How many of the circles do."""
    areas_km2: tuple[float, ...]
    """Medians of the areas; NaN without any."""
    searched_km2: Floats
    """[Q] area searched until the true place is reached, ascending, infinite when it never is."""
    searched_street_km: Floats
    """[Q] length of street in that area, likewise."""
    signals: tuple[SignalQuality, ...]
    """Over all answered queries, with a positive or without; the calibrated probability first."""
    reliability: tuple[ReliabilityBin, ...]
    """Over all answered queries."""
    calibration_error: float | None
    """Expected calibration error of the probability, over the same queries; None without any."""
    outcomes: Mapping[str, Mapping[str, int]]
    """with_positive, without_positive, elsewhere -> outcome -> queries; `right`: located and right;
    `likely_right`: likely and right."""
    not_found_auroc: Proportion | None
    """Of the share "not in this index": photos of elsewhere against queries with a positive."""
    seconds: Mapping[str, float]
    """Mean time of each stage for a query."""


def smallest_serving(values: Floats, percent: int) -> float | None:
    """The smallest of the ascending `values` [Q] that serves `percent` of them; None where it is infinite."""
    rank = max(int(np.ceil(percent / 100 * len(values) - 1e-9)), 1)
    value = float(values[rank - 1])
    return value if np.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class CityShares:
    """Queries by the city that they were given to, of several that were asked together."""

    of: int
    """That have a positive."""
    right: int
    none: int
    """Without a place: given to none of the cities."""
    wrong: int
    sure: int
    """Located or likely."""
    sure_wrong: int
    """Of these, given to the wrong city."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The results of one search setting on all queries, and their scores."""

    name: str
    """Of the search setting, in words."""
    city: str
    index: str
    """Name of the index's folder: two indexes may be of one city."""
    backbone: str
    references: int
    flood: float
    """Share of the height that synthetic water covers."""
    effects: str
    """Names of the effects that were drawn: "water" alone, or such as "storm,post"."""
    waterline: float | None
    """Share of the height that the search was told; None: untold."""
    distances_m: tuple[float, ...]
    """Positive distances; the first one separates right from wrong."""
    results: Sequence[QueryResult]
    elsewhere: Sequence[QueryResult]
    """Results of the photos of other places."""
    scores: Scores
    seconds_per_query: float
    """By the clock, from the first photo to the last."""
    at_a_time: int
    """Queries searched side by side."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures must know."""

    @property
    def recall(self) -> dict[float, dict[int, float]]:
        """Recall@k by positive distance and k: `recall[25][1]` is the share for 25 m and k = 1.

        Counts the queries with a positive. k is 1, 5, 10 or 20. `scores.recall` has the sampling errors.
        """
        return {d: {k: share.value for k, share in by_k.items()} for d, by_k in self.scores.recall.items()}

    @property
    def city_shares(self) -> CityShares | None:
        """How the queries with a positive were given to cities; None where one index was asked."""
        asked = [one for one in self.results if one.case.city and one.case.nearest_m <= self.distances_m[0]]
        if not asked:
            return None
        right = sum(one.case.city in one.cities for one in asked)
        none = sum(not one.cities for one in asked)
        sure = [one for one in asked if one.outcome in (Outcome.LOCATED, Outcome.LIKELY)]
        wrong_sure = sum(one.case.city not in one.cities for one in sure)
        return CityShares(len(asked), right, none, len(asked) - right - none, len(sure), wrong_sure)

    @property
    def without_attention(self) -> int:
        """Photos that were searched without the attention that was asked for."""
        return sum(bool(result.attention_error) for result in (*self.results, *self.elsewhere))

    @property
    def dry(self) -> bool:
        """Nothing was drawn into the photos."""
        return not self.flood and self.effects == "water"

    @property
    def water(self) -> str:
        """What was drawn into the photos, in words: "30%, storm, post"."""
        effects = "" if self.effects == "water" else f", {', '.join(self.effects.split(','))}"
        return f"{self.flood:.0%}{effects}"


@dataclass(frozen=True, eq=False)
class Miss:
    """A wrong answer with its pictures, JPEG files; None where a picture is gone."""

    result: QueryResult
    photo: bytes | None
    """As it was searched, water included."""
    candidate_pictures: tuple[bytes | None, ...]
    """One for each of `result.candidates`."""
    expected: Reference
    """The reference that should have been found."""
    expected_m: float
    """From it to the true place."""
    expected_picture: bytes | None
