"""From an estimate to what a responder is told first, and why."""

from __future__ import annotations

from geoflood.core.datatypes import Estimate, Outcome, Reason, ReasonKind
from geoflood.database.calibration import CalibrationEntry, Weakness

__all__ = ["judge", "weakness"]

SURE = 0.6
"""Probability from which a position is called located."""
STRANGE = 0.15
"""Share "not in this index" above which none is. At 0.25, 2 to 10 % more photos of a city would be located,
and two to four times as many of another city."""
NOWHERE = 0.4
"""Share "not in this index" from which a photo is called not-found. docs/decisions has the figures."""


def judge(estimate: Estimate, tried: bool = True) -> tuple[Outcome, Reason]:
    """The outcome and its reason.

    Nothing is called located by an index that could not be `tried` out on itself: its probabilities are
    anybody's guess.
    """
    if estimate.not_in_index > NOWHERE:
        return Outcome.NOT_FOUND, Reason(ReasonKind.NOT_IN_INDEX)
    if estimate.probability < SURE:
        return Outcome.UNCERTAIN, Reason(ReasonKind.SEVERAL_PLACES, share=estimate.probability)
    if estimate.not_in_index > STRANGE:
        return Outcome.UNCERTAIN, Reason(ReasonKind.PERHAPS_ELSEWHERE, share=estimate.not_in_index)
    if not tried:
        return Outcome.UNCERTAIN, Reason(ReasonKind.UNTRIED_INDEX)
    return Outcome.LOCATED, Reason(ReasonKind.ONE_PLACE, share=estimate.probability)


def weakness(entry: CalibrationEntry) -> Reason | None:
    """What to say of a calibration that promises less than others."""
    match entry.weakness:
        case Weakness.FEW_PLACES:
            return Reason(ReasonKind.FEW_PLACES, count=entry.places)
        case Weakness.ONE_DAY:
            return Reason(ReasonKind.ONE_DAY)
        case None:
            return None
