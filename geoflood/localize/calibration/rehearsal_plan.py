"""How much calibration rehearses before it believes its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from geoflood.localize.calibration.prior import PRIOR, RERANKED_PRIOR, Prior
from geoflood.synthetic.cohort import COUNT

__all__ = ["RehearsalPlan"]


@dataclass(frozen=True)
class RehearsalPlan:
    """What an index is calibrated with; smaller numbers are quicker, and calibrate worse."""

    sources: int = 96
    """References that are made into pseudo-queries, each dry and in one depth of water."""
    outsiders: int = COUNT
    """Pictures of nobody's city."""
    enough: int = 24
    """Places below which the prior alone counts: a handful of pairs teaches nothing."""
    prior: Prior = PRIOR
    """Of searches as they are."""
    reranked_prior: Prior = RERANKED_PRIOR
