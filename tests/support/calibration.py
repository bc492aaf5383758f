"""Calibration of small indexes, by few pseudo-queries."""

from __future__ import annotations

from functools import partial

from geoflood.localize.calibration.calibrate import self_calibrate
from geoflood.localize.calibration.rehearsal_plan import RehearsalPlan

QUICK = RehearsalPlan(sources=24, re_ranked=24, enough=10)
calibrate_quickly = partial(self_calibrate, plan=QUICK)
"""As `geoflood.database.build.Calibrate`."""
