"""From an estimate to what a responder is told first, and why."""

from __future__ import annotations

from dataclasses import replace

from geoflood.core.datatypes import Estimate, Outcome, Reason, ReasonKind
from geoflood.database.calibration import CalibrationEntry, Weakness

__all__ = ["FAIR", "judge", "weakness"]

SURE = 0.9
"""Probability from which a verified position is called located."""
FAIR = 0.6
"""Probability from which a position is called likely."""
NOWHERE = 0.5
"""Share "not in this index" above which a photo is called not-found: then that is the likelier."""
WIDEST = 2.0
"""Tolerances that the 90 % radius of a located position may measure, at most."""


def judge(estimate: Estimate, tried: bool = True) -> tuple[Outcome, Reason]:
    """The outcome and its reason: the one rule of all results, new or read back (decision 058).

    Nothing is called located by an index that could not be `tried` out on itself: nobody knows how often
    its probabilities are right.
    """
    if estimate.not_in_index > NOWHERE:
        absent = _outside(estimate, ReasonKind.NOT_IN_BOX, ReasonKind.IN_NONE, ReasonKind.NOT_IN_INDEX)
        return Outcome.NOT_FOUND, replace(absent, share=estimate.not_in_index)
    if estimate.probability >= FAIR:
        lacks = _lacks(estimate, tried)
        outcome = Outcome.LOCATED if lacks is ReasonKind.ONE_PLACE else Outcome.LIKELY
        return outcome, Reason(lacks, share=estimate.probability)
    half_the_rest = (1.0 - estimate.probability) / 2.0
    if estimate.not_in_index > half_the_rest:
        kinds = ReasonKind.PERHAPS_OUTSIDE, ReasonKind.PERHAPS_IN_NONE, ReasonKind.PERHAPS_ELSEWHERE
        return Outcome.UNCERTAIN, replace(_outside(estimate, *kinds), share=estimate.not_in_index)
    if estimate.in_other_index > half_the_rest:
        return Outcome.UNCERTAIN, Reason(ReasonKind.SEVERAL_CITIES, share=estimate.in_other_index)
    return Outcome.UNCERTAIN, Reason(ReasonKind.SEVERAL_PLACES, share=estimate.probability)


def _outside(estimate: Estimate, box: ReasonKind, none: ReasonKind, index: ReasonKind) -> Reason:
    """That the place is not in what was searched, by what that was."""
    if estimate.boxed:
        return Reason(box)
    return Reason(none, count=estimate.asked) if estimate.asked > 1 else Reason(index)


def _lacks(estimate: Estimate, tried: bool) -> ReasonKind:
    """What keeps a likely position from being located; ONE_PLACE where nothing does."""
    if not tried:
        return ReasonKind.UNTRIED_INDEX
    if not estimate.verified:
        return ReasonKind.UNVERIFIED
    wide = estimate.radius_90_m > WIDEST * estimate.tolerance_m
    return ReasonKind.LIKELY_PLACE if wide or estimate.probability < SURE else ReasonKind.ONE_PLACE


def weakness(entry: CalibrationEntry) -> Reason | None:
    """What to say of a calibration that promises less than others."""
    match entry.weakness:
        case Weakness.FEW_PLACES:
            return Reason(ReasonKind.FEW_PLACES, count=entry.places)
        case Weakness.ONE_DAY:
            return Reason(ReasonKind.ONE_DAY)
        case Weakness.NEVER:
            return Reason(ReasonKind.NEVER_CALIBRATED)
        case None:
            return None
