"""Calibration of small indexes: by few pseudo-queries, or none."""

from __future__ import annotations

from functools import partial

from geoflood.database.calibration import Calibration
from geoflood.localize.calibration.calibrate import self_calibrate
from geoflood.localize.calibration.rehearsal_plan import RehearsalPlan

QUICK = RehearsalPlan(sources=12, outsiders=6, enough=5)
PLAIN = RehearsalPlan(sources=8, outsiders=3, enough=5)
"""For tests in which numbers hardly matter: counting inliers takes most of the time."""
calibrate_quickly = partial(self_calibrate, plan=QUICK)
"""As `geoflood.database.build.Calibrate`."""


def uncalibrated(*_: object) -> Calibration:
    """As `geoflood.database.build.Calibrate`, for tests of all else: it learns nothing."""
    return {}
