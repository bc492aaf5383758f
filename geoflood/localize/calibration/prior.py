"""What the calibrations of all known indexes share: the prior from which an index's own trials move it.

Means and spreads are those of the numbers that trials alone gave four parts of two cities, with a prior four
times as wide (`benchmarks/prior.py`). Decision 064 says which parts, and what was shown on others.
"""

from __future__ import annotations

from dataclasses import dataclass

from geoflood.database.calibration import CalibrationParams, Coefficients

__all__ = ["PRIOR", "RERANKED_PRIOR", "Prior"]


@dataclass(frozen=True)
class Prior:
    """Normal distributions, each number by itself."""

    params: CalibrationParams
    """Their means; also the calibration of an index that could not try itself out."""
    place: Coefficients
    """Standard deviations."""
    spot: Coefficients
    inside: Coefficients
    log_temperature: float = 0.3
    """Standard deviation of its logarithm."""
    inliers: float = 0.7
    """Standard deviation of the slope."""


PRIOR = Prior(
    CalibrationParams(
        temperature=0.017,
        kernel_m=9.0,
        place=Coefficients(-3.1, lead=2.0, apart=14.0),
        spot=Coefficients(0.0, lead=0.9),
        inside=Coefficients(-1.0, lead=1.0, apart=13.0),
    ),
    place=Coefficients(0.4, lead=0.3, apart=4.0),
    spot=Coefficients(2.0, lead=0.4),
    inside=Coefficients(0.8, lead=0.7, apart=2.0),
)
"""Of a search without re-ranking."""
RERANKED_PRIOR = Prior(
    CalibrationParams(
        temperature=0.06,
        kernel_m=9.0,
        place=Coefficients(-8.6, lead=1.4, agreement=1.7, advantage=0.6, support=0.08, apart=6.0),
        spot=Coefficients(-4.5, agreement=1.4),
        inside=Coefficients(-2.6, lead=0.4, agreement=0.4, advantage=1.6, support=0.06, apart=7.5),
        inliers=4.8,
        usual=2.7,
    ),
    place=Coefficients(0.8, lead=0.7, agreement=0.4, advantage=1.0, support=0.06, apart=2.0),
    spot=Coefficients(2.0, agreement=0.5),
    inside=Coefficients(0.8, lead=0.3, agreement=0.5, advantage=1.2, support=0.05, apart=3.0),
)
"""Of a search with re-ranking."""
