"""The calibration of an index: numbers from which probabilities are made, for each kind of search.

They are learned by `geoflood.localize.calibration`. Here are their types, and their form in the manifest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MODELS",
    "SUREST",
    "Calibration",
    "CalibrationEntry",
    "CalibrationKey",
    "CalibrationParams",
    "Coefficients",
    "ConformalKnots",
    "Evidence",
    "Weakness",
    "calibration_from",
    "calibration_to",
]

Floats: TypeAlias = NDArray[np.float64]
ConformalKnots: TypeAlias = tuple[tuple[float, float], ...]

MODELS = ("place", "spot", "inside")
"""Fields of `CalibrationParams` that are logistic models over `Evidence`."""
SUREST = 10.0
"""Log likelihood ratio that no verdict may exceed."""


class Evidence(NamedTuple):
    """From what it is judged whether a photo's first candidate is right. More of each never makes it less so.

    Each means the same whether the place is in the index or not, and in a small index as in a large one: a
    candidate is compared with those of other places, or with outsiders that are nobody's city.
    """

    lead: float
    """log(1 + how far the first leads over the best of another place), inliers included, in temperatures."""
    agreement: float = 0.0
    """log(1 + inliers), the most of the first one's place; 0 where they were not counted."""
    advantage: float = 0.0
    """The same less that of the best of another place; 0 where they were not counted."""
    support: float = 0.0
    """log(1 + inliers), the second most of the first one's place; 0 where there is none."""
    apart: float = 0.0
    """Highest similarity there less that of the outsiders most alike the photo; 0 where these are unknown."""


class Coefficients(NamedTuple):
    """Of a logistic model over `Evidence`."""

    intercept: float
    lead: float = 0.0
    agreement: float = 0.0
    advantage: float = 0.0
    support: float = 0.0
    apart: float = 0.0

    def logit(self, evidence: Evidence) -> float:
        """Log odds."""
        return self.intercept + sum(slope * value for slope, value in zip(self[1:], evidence, strict=True))


@dataclass(frozen=True)
class CalibrationParams:
    """What calibration learned from the city; see geoflood.localize.calibration.fit for how."""

    temperature: float
    """Of the softmax over similarities: two candidates this far apart differ e-fold."""
    kernel_m: float
    """Standard deviation, an axis, of the camera around the reference that shows its place."""
    place: Coefficients
    """Of P(the first candidate shows the place): it stands within 50 m of it."""
    spot: Coefficients
    """Of P(the position is right within 25 m), where the first candidate shows the place."""
    inside: Coefficients
    """Of P(in this index)."""
    inliers: float = 0.0
    """Log likelihood ratio that a candidate shows the place, per unit of log(1 + inliers) above `usual`."""
    usual: float = 0.0
    """log(1 + inliers) of the usual wrong candidate."""
    coverage: ConformalKnots = ()
    """(belief, share), both rising: the most probable cells with so much of the belief held the place in that
    share of the trials. Empty: belief and share are equal."""
    sure_coverage: ConformalKnots = ()
    """The same for photos where one place holds nearly all belief, so only the distance to it is open."""
    same: float = 2.0
    different: float = -1.2
    """Log likelihood ratios of a model's verdict that a candidate shows the place. They are not measured but
    cautious: a model may be fooled, also by writing in the photo. `cannot_say` is 0."""

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> CalibrationParams:
        """From a manifest's numbers. Raises KeyError or ValueError when they are not what they should be."""
        known = {
            field.name: numbers[field.name]
            for field in fields(cls)
            if field.default is MISSING or field.name in numbers
        }
        coverage, sure = (_knots(known.pop(name, ())) for name in ("coverage", "sure_coverage"))
        models: dict[str, Any] = {name: _coefficients(known.pop(name)) for name in MODELS}
        read: dict[str, Any] = {name: float(number) for name, number in known.items()}
        params = cls(**read, **models, coverage=coverage, sure_coverage=sure)
        if not all(map(math.isfinite, read.values())) or params.temperature <= 0 or params.kernel_m <= 0:
            raise ValueError("calibration out of range")
        if max(abs(params.same), abs(params.different)) > SUREST:
            raise ValueError("a verdict weighs too much")
        return params

    @property
    def numbers(self) -> dict[str, Any]:
        """For a manifest: only what differs from the defaults, so that those may change with the program."""
        return {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    def likelihood(self, inliers: Floats) -> Floats:
        """Log likelihood ratios [k] of candidates with so many inliers; 0 where none were counted at all.

        Where some were, NaN is one that a glance left out: no likelier than the least of the others.
        """
        counted = ~np.isnan(inliers)
        if not counted.any():
            return np.zeros(len(inliers))
        ratio = np.clip(self.inliers * (np.log1p(inliers) - self.usual), -SUREST, SUREST)
        return np.where(counted, ratio, min(float(ratio[counted].min()), 0.0))


def _coefficients(numbers: Sequence[float]) -> Coefficients:
    """Raises ValueError for a slope that is no number or negative: more evidence never speaks against."""
    coefficients = Coefficients(*map(float, numbers))
    if not all(map(math.isfinite, coefficients)) or min(coefficients[1:]) < 0:
        raise ValueError("coefficients out of range")
    return coefficients


def _knots(pairs: Sequence[Sequence[float]]) -> ConformalKnots:
    """Raises ValueError when they do not rise from (0, 0) to (1, 1)."""
    knots = tuple((float(belief), float(share)) for belief, share in pairs)
    steps = pairwise([(0.0, 0.0), *knots, (1.0, 1.0)] if knots else [])
    if not all(after[0] > before[0] and after[1] > before[1] for before, after in steps):  # nor NaN
        raise ValueError("coverage does not rise from 0 to 1")
    return knots


class CalibrationKey(NamedTuple):
    """A kind of search that has a calibration of its own."""

    band: int | None
    """The waterline band that was told, percent of the height; None: nothing was told."""
    reranked: bool = False

    @property
    def name(self) -> str:
        """As the manifest writes it."""
        return ("untold" if self.band is None else f"{self.band}") + (", re-ranked" if self.reranked else "")

    @classmethod
    def of(cls, name: str) -> CalibrationKey | None:
        """From a manifest's name; None for a kind of search that this program does not have."""
        match = re.fullmatch(r"(untold|\d+)(, re-ranked)?", name)
        return match and cls(None if match[1] == "untold" else int(match[1]), bool(match[2]))


class Weakness(StrEnum):
    """Why a calibration promises less than others."""

    FEW_PLACES = "few places"
    """Too few trials to learn from: the numbers are this program's defaults."""
    ONE_DAY = "one day"
    """Most places were seen on one day only, so that neighbours stand in for another visit."""
    NEVER = "never calibrated"
    """Written by a program whose numbers are not used any more; other cities' stand in."""


@dataclass(frozen=True)
class CalibrationEntry:
    """What is known of one kind of search."""

    params: CalibrationParams
    trials: int = 0
    """Photos with their place present that it rests on."""
    places: int = 0
    """Different places among them."""
    weakness: Weakness | None = None
    labelled: bool = False
    """Learned from photos that people labelled."""
    inherited: bool = False
    """Learned when the index held other images, and not tried out since: their pictures are not here."""

    @property
    def few(self) -> bool:
        """Nothing was learned from this city: the numbers are those of others."""
        return self.weakness in (Weakness.FEW_PLACES, Weakness.NEVER)


Calibration: TypeAlias = Mapping[CalibrationKey, CalibrationEntry]


def calibration_to(calibration: Calibration) -> dict[str, Any]:
    """As the manifest holds it, ready for JSON."""
    return {
        key.name: entry.params.numbers
        | {"trials": entry.trials, "places": entry.places}
        | ({"weak": entry.weakness.value} if entry.weakness else {})
        | ({"few": True} if entry.few else {})
        | ({"labelled": True} if entry.labelled else {})
        | ({"inherited": True} if entry.inherited else {})
        for key, entry in calibration.items()
    }


def calibration_from(content: Mapping[str, Any]) -> dict[CalibrationKey, CalibrationEntry]:
    """From a manifest; kinds of search that this program cannot use are left out.

    Raises KeyError, TypeError or ValueError when it is damaged.
    """
    calibration = {}
    for name, numbers in content.items():
        if (key := CalibrationKey.of(name)) is not None:
            if "spot" not in numbers:  # of an earlier program, whose numbers called wrong places located
                continue
            weakness = Weakness.FEW_PLACES if numbers.get("few") else None
            if weakness is None and numbers.get("weak"):  # manifests of 2026 say why in a sentence
                weakness = Weakness.ONE_DAY
            trials, places = int(numbers.get("trials", 0)), int(numbers.get("places", 0))
            params = CalibrationParams.of(numbers)
            calibration[key] = CalibrationEntry(
                params,
                trials,
                places,
                weakness,
                labelled=bool(numbers.get("labelled")),
                inherited=bool(numbers.get("inherited")),
            )
    return calibration
