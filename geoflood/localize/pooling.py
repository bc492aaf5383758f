"""What several indexes of one city say of a photo, pooled into one estimate. Pure.

Each place that a member names is asked of all: its probability is the weighted mean of their log-odds, a
logarithmic pool (Genest and Zidek, Combining Probability Distributions, 1986). With weights that sum to 1 it
lies between the least and the most that a member says, so it is never surer than the surest. Nor do places
and "not in this index" come to more than 1 together (decision 120).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Cells, Estimate, LatLon
from geoflood.core.geo import distance_m, from_local, to_local
from geoflood.localize.fusion import redrawn

__all__ = ["Pooled", "belief_near", "pool", "pooled_share"]

Floats: TypeAlias = NDArray[np.float64]

LEAST = 0.01
"""Of a member's belief in a place outside its search area, which leaves out a tenth: it is no veto."""


@dataclass(frozen=True)
class Pooled:
    """What members say together."""

    leader: int
    """Number of the member whose position it is."""
    estimate: Estimate


def pool(estimates: Sequence[Estimate], weights: Sequence[float] | None = None) -> Pooled:
    """The estimates of one city's indexes as one; weights sum to 1, None: equal ones.

    The position is that of the members' own which has most together; the search area is their areas' mean.
    Raises ValueError when there are none.
    """
    if not estimates:
        raise ValueError("nothing to pool")
    parts = [1.0 / len(estimates)] * len(estimates) if weights is None else list(weights)
    together = [
        pooled_share([belief_near(one, named.position) for one in estimates], parts) for named in estimates
    ]
    leader = together.index(max(together))
    none = pooled_share([one.not_in_index for one in estimates], parts)
    estimate = replace(estimates[leader], probability=min(together[leader], 1.0 - none), not_in_index=none)
    return Pooled(leader, _with_mean_area(estimate, estimates, parts))


def pooled_share(shares: Sequence[float], weights: Sequence[float]) -> float:
    """The probability whose log-odds are the weighted mean of those of the shares."""
    least = 1e-12
    odds = [math.log(max(share, least)) - math.log(max(1.0 - share, least)) for share in shares]
    mean = math.fsum(weight * one for weight, one in zip(weights, odds, strict=True))
    return 1.0 / (1.0 + math.exp(-mean))


def belief_near(estimate: Estimate, position: LatLon) -> float:
    """P(the camera stood within `tolerance_m` of a position), as a member's search area spreads its belief.

    At the member's own position it is its probability, whatever the cells sum to.
    """
    if position == estimate.position:
        return estimate.probability
    area = Cells.of(estimate.search_area)

    def held(place: LatLon) -> float:
        away = distance_m(area.centres, (place.lat, place.lon))
        return float(area.probabilities[away <= estimate.tolerance_m].sum())

    own = held(estimate.position)
    share = estimate.probability * held(position) / own if own > 0 else 0.0
    return max(min(share, estimate.in_this_index), LEAST)


def _with_mean_area(estimate: Estimate, estimates: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """An estimate with the mean of the members' areas, on cells as large as the largest of theirs."""
    areas = [Cells.of(one.search_area) for one in estimates]
    size = max(area.size_m for area in areas)
    metres = np.concatenate([to_local(area.centres, estimate.position) for area in areas])
    shares = np.concatenate(
        [weight * area.probabilities for weight, area in zip(weights, areas, strict=True)]
    )
    cells, which = np.unique(np.rint(metres / size), axis=0, return_inverse=True)
    centres: Floats = cells * size
    held: Floats = np.bincount(which.ravel(), shares).astype(float)
    return redrawn(estimate, from_local(centres, estimate.position), held, size)
