"""The search area as places to check, and the box a map shows around them; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geoflood.core.datatypes import Estimate, LatLon
from geoflood.core.geo import bounds_of, from_local, to_local
from geoflood.outputs.shapes import Floats
from geoflood.outputs.wording import all_searched, length, percent, searched

__all__ = ["PLACE_M", "AreaPlace", "frame", "parts", "parts_line", "places", "radius_m", "shares_around"]

PLACE_M = 100.0
"""Cells this close to a place belong to it: what one crew sees without moving on."""

_LEAST_SHARE = 0.03
"""Share of the search area's belief below which a place is not worth sending anyone to."""


@dataclass(frozen=True)
class AreaPlace:
    """A spot to check, and the share of the whole belief that the photo was taken within PLACE_M of it."""

    position: LatLon
    share: float


def places(estimate: Estimate) -> list[AreaPlace]:
    """The search area as places to check, the likeliest first.

    The strongest cell that lies within PLACE_M of no place opens a new one. Places that hold next to
    nothing are left out, but not the estimate's.
    """
    spots = _spots(estimate)
    found = list(map(AreaPlace, spots, shares_around(estimate, spots, PLACE_M).tolist()))
    least = _LEAST_SHARE * estimate.in_this_index
    kept = found[:1] + [place for place in found[1:] if place.share >= least]
    return sorted(kept, key=lambda place: -place.share)


def _spots(estimate: Estimate) -> list[LatLon]:
    """The estimate's position and the strongest cells, farther than PLACE_M from each other."""
    centres = estimate.cells(1.0).centres
    metres = to_local(centres, estimate.position)
    spots = [estimate.position]
    free = np.hypot(*metres.T) > PLACE_M
    while free.any():
        strongest = int(free.argmax())
        lat, lon = centres[strongest].tolist()
        spots.append(LatLon(lat, lon))
        free &= np.hypot(*(metres - metres[strongest]).T) > PLACE_M
    return spots


def shares_around(estimate: Estimate, spots: Sequence[LatLon], within_m: float) -> Floats:
    """Shares [n] of the whole belief, "not in this index" included, around each of the spots.

    A cell counts for the nearest spot. The estimate's own holds the probability of the estimate, or more
    where `within_m` is wider than its tolerance; the others share what that leaves. So what a page says of
    its places agrees with what it says of the position, and all of it together is never above 1.
    """
    present = estimate.in_this_index
    held = _belief_around(estimate, spots, within_m) * present
    away_m = np.hypot(*to_local([(spot.lat, spot.lon) for spot in spots], estimate.position).T)
    own = (np.arange(len(spots)) == away_m.argmin()) & (away_m <= within_m)
    probability = min(estimate.probability, present)
    if within_m > estimate.tolerance_m:
        probability = min(max([probability, *held[own]]), present)
    others = held[~own].sum()
    left = min(1.0, (present - probability) / others) if others else 0.0
    return np.where(own, probability, held * left)


def _belief_around(estimate: Estimate, spots: Sequence[LatLon], within_m: float) -> Floats:
    """Shares [n] of the belief in the cells around each of the spots, given that the place is indexed."""
    cells = estimate.cells(1.0)
    from scipy.spatial import cKDTree  # takes longer to load than all else here

    tree = cKDTree(to_local([(spot.lat, spot.lon) for spot in spots], estimate.position))
    metres = to_local(cells.centres, estimate.position)
    _, nearest = tree.query(metres, distance_upper_bound=within_m)  # len(spots) where none is within reach
    return np.asarray(np.bincount(nearest, cells.probabilities, len(spots) + 1)[: len(spots)])


def parts(estimate: Estimate) -> dict[str, float]:
    """The whole belief in parts by their names, three or, beside other indexes, four; they sum to 1."""
    here = min(estimate.probability, estimate.in_this_index)
    return {
        f"within {length(estimate.tolerance_m)}": here,
        f"farther off in {searched(estimate)}": max(0.0, estimate.in_this_index - here),
        f"not in {all_searched(estimate)}": estimate.not_in_index,
        **_in_other_index(estimate),
    }


def _in_other_index(estimate: Estimate) -> dict[str, float]:
    """The part of other indexes, where they were asked, too."""
    return {"in another index": estimate.in_other_index} if estimate.asked > 1 else {}


def parts_line(
    estimate: Estimate, told: Sequence[AreaPlace] = (), told_elsewhere: Sequence[AreaPlace] = ()
) -> str:
    """The parts in one line; beside places that are `told`, here and in another index, what these leave."""
    shares = parts(estimate)
    if told:
        rest = estimate.in_this_index - math.fsum(place.share for place in told)
        shares = {
            f"at other places in {searched(estimate)}": max(0.0, rest),
            f"not in {all_searched(estimate)}": estimate.not_in_index,
            **_in_other_index(estimate),
        }
    if told_elsewhere:
        rest = estimate.in_other_index - math.fsum(place.share for place in told_elsewhere)
        del shares["in another index"]
        shares["at other places in other indexes"] = max(0.0, rest)
    return " · ".join(f"{percent(share)} {name}" for name, share in shares.items())


def radius_m(estimate: Estimate, share: float) -> float:
    """The radius that holds the place with 50 or 90 %, if it is in the index, as people are told it.

    It is not narrower than the tolerance where the probability says that the tolerance holds less.
    """
    known_m = estimate.radius_50_m if share <= 0.5 else estimate.radius_90_m
    held = estimate.probability / max(estimate.in_this_index, 1e-9)
    return max(known_m, estimate.tolerance_m) if held < share else known_m


def frame(spots: Sequence[LatLon], margin_m: float) -> list[list[float]]:
    """[[south, west], [north, east]] around the spots with a margin."""
    box = bounds_of(spots)
    low, high = LatLon(box.south, box.west), LatLon(box.north, box.east)
    corners = from_local([(-margin_m, -margin_m)], low), from_local([(margin_m, margin_m)], high)
    return [corner[0].tolist() for corner in corners]
