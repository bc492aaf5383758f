"""How much calibration rehearses before it believes its numbers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RehearsalPlan"]


@dataclass(frozen=True)
class RehearsalPlan:
    """What an index is calibrated with; smaller numbers are quicker, and calibrate worse."""

    sources: int = 128
    """References that are made into pseudo-queries, each dry and in two or three depths of water."""
    re_ranked: int = 80
    """Of these pseudo-queries, those whose inliers are counted too: references must be read for it."""
    enough: int = 24
    """Places below which the defaults are kept: a handful of pairs teaches nothing."""
