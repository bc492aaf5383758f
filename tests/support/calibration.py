"""Calibration of small indexes: by few pseudo-queries, or none."""

from __future__ import annotations

from functools import partial

from geoflood.database.calibration import Calibration
from geoflood.localize.calibration.calibrate import self_calibrate
from geoflood.localize.calibration.rehearsal_plan import RehearsalPlan

QUICK = RehearsalPlan(sources=16, re_ranked=8, enough=5)
calibrate_quickly = partial(self_calibrate, plan=QUICK)
"""As `geoflood.database.build.Calibrate`."""


def uncalibrated(*_: object) -> Calibration:
    """As `geoflood.database.build.Calibrate`, for tests of all else: it learns nothing."""
    return {}
