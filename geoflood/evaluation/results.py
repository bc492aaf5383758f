"""What an evaluation is made of: a query with its truth, what came of it, and the scores of all of them."""

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
    "RECALLS",
    "SHARES",
    "TO_SEARCH",
    "Bin",
    "Confidence",
    "Evaluation",
    "Miss",
    "Proportion",
    "QueryCase",
    "QueryResult",
    "QueryTruth",
    "Scores",
]

Floats: TypeAlias = NDArray[np.float64]

RECALLS = (1, 5, 10, 20)
"""The k of recall@k, as the field reports it."""
SHARES = (50, 90)
"""Percent of the belief that the two search areas hold."""
TO_SEARCH = (50, 80, 95)
"""Percent of the queries for which the area to be searched is told."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of `of` trials, with one standard deviation of its sampling error."""

    value: float
    error: float
    of: int


@dataclass(frozen=True, slots=True)
class QueryTruth:
    """A query photo and the truth about it."""

    path: Path
    geotag: Geotag | None = None
    """None for a photo of elsewhere that does not say where."""
    credit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class QueryCase:
    """A query, and what the index has around its truth."""

    number: int
    """From 0, as they were given: also the seed of its synthetic water."""
    asked: QueryTruth
    nearest_id: int = -1
    """Of the reference that is nearest to the truth, twins left out; -1 when nothing says where it was."""
    nearest_m: float = math.inf
    twins: frozenset[int] = frozenset()
    """References that must not be found; empty unless they are to be excluded."""
    known: bool = False
    """The photo itself is a reference."""


@dataclass(frozen=True, slots=True, eq=False)
class QueryResult:
    """What came of one query, beside the truth."""

    trial: QueryCase
    outcome: Outcome
    kind: ReasonKind
    reason: str
    """In words."""
    position: LatLon | None
    error_m: float
    """Of the position, or of the best guess where the outcome is not-found; infinite without either."""
    ranks_m: tuple[float, ...]
    """How far each candidate is from the truth, best first, the first 20."""
    best: tuple[Candidate, ...]
    """The first candidates, to be shown."""
    probability: float
    tolerance_m: float
    """What `probability` speaks of: that the position is right within this."""
    not_in_index: float
    areas_km2: tuple[float, ...]
    """Of the 50 and the 90 % search area."""
    held: tuple[bool, ...]
    """Whether each of them holds the truth."""
    circled: tuple[bool, ...]
    """Whether the circle around the position that ought to hold 50, 90 % does."""
    searched_km2: float
    """Area that is searched, likeliest first, until the truth is reached; infinite when it never is."""
    searched_km: float
    """Streets in that area."""
    signals: Mapping[str, float]
    """What may tell right from wrong, larger is surer; without those that are not known."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time a stage, other queries beside it."""
    doubt: str = ""
    """Why it was searched without the attention that was asked for."""

    @property
    def answered(self) -> bool:
        """A photo that could be read and compared, whatever was found."""
        return self.outcome is not Outcome.FAILED

    def right(self, within_m: float) -> bool:
        return self.error_m <= within_m


@dataclass(frozen=True, slots=True)
class Bin:
    """The queries whose probability lies in one tenth of the scale."""

    count: int
    told: float
    """Mean of the probabilities."""
    right: Proportion


@dataclass(frozen=True, eq=False)
class Confidence:
    """How well one signal tells right answers from wrong ones."""

    name: str
    auc_pr: float
    coverage: Floats
    """[n] shares of the queries that are answered, ascending, the surest first."""
    precision: Floats
    """[n] share of these that is right."""

    def precision_at(self, coverage: float) -> float:
        """Of the surest queries that make up `coverage` of all."""
        return float(self.precision[int(np.searchsorted(self.coverage, coverage - 1e-9))])


@dataclass(frozen=True, eq=False)
class Scores:
    """All figures of one evaluation. Shares of queries count those with a positive unless said otherwise."""

    with_positive: Mapping[float, int]
    """By positive distance, metres."""
    recall: Mapping[float, Mapping[int, Proportion]]
    """By positive distance and k: of the retrieved references."""
    position: Mapping[float, Proportion]
    """By positive distance: of the fused position."""
    errors_m: Floats
    """[Q] of the positions, ascending, infinite where there is none."""
    contained: tuple[Proportion, ...]
    """Of the 50 and 90 % areas: how many hold the truth."""
    circled: tuple[Proportion, ...]
    """Likewise of the circles."""
    areas_km2: tuple[float, ...]
    """Medians of the areas; NaN without any."""
    searched_km2: Floats
    """[Q] area until the truth is reached, ascending, infinite where it never is."""
    searched_km: Floats
    """[Q] likewise the streets."""
    confidence: tuple[Confidence, ...]
    """Of all queries that were answered, with a positive or without; the calibrated probability first."""
    reliability: tuple[Bin, ...]
    """Of all queries that were answered."""
    calibration_error: float | None
    """Expected calibration error of the probability, over the same; None without any."""
    outcomes: Mapping[str, Mapping[str, int]]
    """with_positive, without_positive, elsewhere -> outcome -> how many; `right`: located and right."""
    not_found_auroc: Proportion | None
    """Chance that a photo of elsewhere gets a larger share "not in this index" than one with a positive; `of`
    are the photos of both kinds."""
    seconds: Mapping[str, float]
    """Mean of a query, a stage, while as many queries as the evaluation says shared the cores."""

    def needed(self, values: Floats, percent: int) -> float | None:
        """The smallest of the ascending `values` that serves this percentage; None when nothing does."""
        value = float(values[max(int(np.ceil(percent / 100 * len(values) - 1e-9)), 1) - 1])
        return value if np.isfinite(value) else None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One way to search, on all queries."""

    name: str
    """Of the way, in words."""
    city: str
    index: str
    """Name of its folder: two indexes may be of one city."""
    backbone: str
    references: int
    flood: float
    """Share of the height that synthetic water covers."""
    effects: str
    """What else was drawn: "water" alone, or names such as "storm,post"."""
    waterline: float | None
    """What the search was told."""
    distances_m: tuple[float, ...]
    """The first is the one that right and wrong go by."""
    judged: Sequence[QueryResult]
    elsewhere: Sequence[QueryResult]
    scores: Scores
    seconds_each: float
    """Of the clock, from the first photo to the last, a photo."""
    at_a_time: int
    """Photos that were searched side by side."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures must know."""

    @property
    def doubted(self) -> int:
        """Photos that were searched without the attention that was asked for."""
        return sum(bool(one.doubt) for one in (*self.judged, *self.elsewhere))

    @property
    def dry(self) -> bool:
        """Nothing was drawn into the photos."""
        return not self.flood and self.effects == "water"

    @property
    def water(self) -> str:
        """What was drawn into the photos, in words: "30%, storm, post"."""
        more = "" if self.effects == "water" else f", {', '.join(self.effects.split(','))}"
        return f"{self.flood:.0%}{more}"


@dataclass(frozen=True, eq=False)
class Miss:
    """A wrong answer with its pictures, JPEG files; None where one is gone."""

    judged: QueryResult
    photo: bytes | None
    """As it was searched, water and all."""
    retrieved: tuple[bytes | None, ...]
    """Of each of `judged.best`."""
    expected: Reference
    """What ought to have been found."""
    expected_m: float
    """How far from the truth it is."""
    view: bytes | None
    """Its picture."""
