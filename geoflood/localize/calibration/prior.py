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
    right: Coefficients
    """Standard deviations."""
    inside: Coefficients
    log_temperature: float = 0.3
    """Standard deviation of its logarithm."""
    inliers: float = 0.7
    """Standard deviation of the slope."""


PRIOR = Prior(
    CalibrationParams(
        temperature=0.019,
        kernel_m=9.0,
        right=Coefficients(-2.85, lead=1.75, apart=10.5),
        inside=Coefficients(-1.0, lead=1.0, apart=12.0),
    ),
    right=Coefficients(0.4, lead=0.35, apart=4.4),
    inside=Coefficients(0.6, lead=0.6, apart=2.0),
)
"""Of a search without re-ranking."""
RERANKED_PRIOR = Prior(
    CalibrationParams(
        temperature=0.055,
        kernel_m=9.0,
        right=Coefficients(-8.4, lead=1.5, agreement=1.5, advantage=0.8, support=0.1, apart=1.5),
        inside=Coefficients(-3.1, lead=0.7, agreement=0.6, advantage=1.1, support=0.03, apart=4.5),
        inliers=4.5,
        usual=2.7,
    ),
    right=Coefficients(0.8, lead=0.6, agreement=0.4, advantage=0.7, support=0.08, apart=1.5),
    inside=Coefficients(1.2, lead=0.5, agreement=0.6, advantage=1.0, support=0.05, apart=2.0),
)
"""Of a search with re-ranking."""
