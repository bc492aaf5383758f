"""From candidates to an Estimate: where, how large an area, and whether in this index at all. Pure.

Errors of place recognition are bimodal: a candidate shows the place, within metres, or it shows another
one, kilometres off. So candidates are never averaged across places. Each is a small bump on the ground,
weighted by exp(similarity / temperature); the position is the highest peak, the search area the fewest
cells that hold the belief, in as many pieces as it takes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.geo import distance_m, from_local, to_local
from geoflood.terms import Candidate, Cell, Estimate, LatLon

__all__ = ["ELSEWHERE_M", "TOLERANCE_M", "Trust", "evidence", "fuse", "posterior", "ranked"]

Floats: TypeAlias = NDArray[np.float64]

TOLERANCE_M = 25.0
"""Right means within this: the positive distance of the field."""
ELSEWHERE_M = 50.0
"""Candidates farther from the first than this show another place."""
SHARE = 0.9
"""Of the belief that the search area holds."""
SUREST = 10.0
"""Log likelihood ratio that no verdict may exceed."""
TAIL = (0.15, 2.5)
"""Share of a bump that is so many times wider: geotags are off by more than a bell admits."""
REACH = 5.0
"""Kernel widths at which a bump ends; 2 % lie beyond."""


@dataclass(frozen=True)
class Trust:
    """What calibration learned from the city; see geoflood.fusion.calibration for how."""

    temperature: float
    """Of the softmax over similarities: two candidates this far apart differ e-fold."""
    kernel_m: float
    """Standard deviation, an axis, of the camera around the reference that shows its place."""
    intercept: float
    similarity: float
    margin: float
    """Logistic coefficients: logit P(in this index) = intercept + similarity * s1 + margin * (s1 - s2)."""
    same: float = 2.0
    different: float = -1.2
    """Log likelihood ratios of a model's verdict on a candidate that shows the place. Not measured: cautious,
    since a model may be fooled, by writing in the photo too. `cannot_say` is 0."""

    @classmethod
    def of(cls, numbers: Mapping[str, float]) -> Trust:
        """From a manifest's numbers. Raises KeyError or ValueError when they are not what they should be."""
        known = {
            one.name: numbers[one.name]
            for one in fields(cls)
            if one.default is MISSING or one.name in numbers
        }
        trust = cls(**{name: float(number) for name, number in known.items()})
        if not all(map(math.isfinite, vars(trust).values())) or trust.temperature <= 0 or trust.kernel_m <= 0:
            raise ValueError("calibration out of range")
        if max(abs(trust.same), abs(trust.different)) > SUREST:
            raise ValueError("a verdict weighs too much")
        return trust

    @property
    def numbers(self) -> dict[str, float]:
        """For a manifest: what was learned, so that defaults stay this program's."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) != one.default}


def posterior(similarities: Floats, temperature: float) -> Floats:
    """Belief [k] in each candidate, given that one shows the place: softmax(similarity / temperature)."""
    scaled = (similarities - similarities.max()) / temperature
    weights = np.exp(scaled)
    return np.asarray(weights / weights.sum())


def evidence(similarities: Floats, positions: Floats) -> tuple[float, float]:
    """(s1, s1 - s2): the best similarity, and how far it leads over the best of another place.

    similarities [k] best first, positions [k, 2]. Where none shows another place the last one stands in.
    """
    elsewhere = distance_m(positions, positions[0]) > ELSEWHERE_M
    second = similarities[elsewhere][0] if elsewhere.any() else similarities[-1]
    return float(similarities[0]), float(similarities[0] - second)


def ranked(candidates: Sequence[Candidate], trust: Trust) -> tuple[Candidate, ...]:
    """The candidates by all the evidence on each, best first."""
    return tuple(sorted(candidates, key=lambda c: -(c.similarity / trust.temperature + _judged(c, trust))))


def _judged(candidate: Candidate, trust: Trust) -> float:
    """Log likelihood ratio of what was made of a candidate, whatever it resembles."""
    return {"same": trust.same, "different": trust.different}.get(candidate.verdict or "", 0.0)


def fuse(candidates: Sequence[Candidate], trust: Trust) -> Estimate:
    """Fuse candidates into an Estimate; their order does not matter. Raises ValueError when there are none.

    A verdict moves belief between candidates, and belief in the index as a whole: by the mean likelihood
    ratio of the candidates under the belief before it.
    """
    if not candidates:
        raise ValueError("nothing to fuse")
    candidates = sorted(candidates, key=lambda c: -c.similarity)
    similarities = np.array([c.similarity for c in candidates])
    positions = np.array([(c.reference.position.lat, c.reference.position.lon) for c in candidates])
    before = posterior(similarities, trust.temperature)
    likely = before * np.exp([_judged(c, trust) for c in candidates])
    weights = likely / likely.sum()
    origin = candidates[0].reference.position
    metres = to_local(positions, origin)
    mode = _mode(metres, weights, trust.kernel_m)
    size, centres, belief = _cells(metres, weights, trust.kernel_m)
    away = np.hypot(*(centres - mode).T)
    s1, margin = evidence(similarities, positions)
    logit = trust.intercept + trust.similarity * s1 + trust.margin * margin + math.log(likely.sum())
    absent = 1.0 / (1.0 + math.exp(min(max(logit, -30.0), 30.0)))
    return Estimate(
        position=_latlon(mode, origin),
        probability=float((1.0 - absent) * belief[away <= TOLERANCE_M].sum()),
        radius_50_m=_radius(away, belief, 0.5, size),
        radius_90_m=_radius(away, belief, 0.9, size),
        search_area=_ranked(centres, belief, size, origin),
        not_in_index=absent,
        tolerance_m=TOLERANCE_M,
    )


def _mode(metres: Floats, weights: Floats, kernel_m: float) -> Floats:
    """[2] the peak of the belief: the candidate whose surroundings hold most, and their weighted mean."""
    square = ((metres[:, None] - metres[None]) ** 2).sum(axis=2)
    near = np.exp(-square / (2 * kernel_m**2)) * weights
    peak = int(near.sum(axis=1).argmax())
    return np.asarray(near[peak] @ metres / near[peak].sum())


def _cells(metres: Floats, weights: Floats, kernel_m: float) -> tuple[float, Floats, Floats]:
    """(size in metres, centres [n, 2], belief [n] that sums to 1) of the cells that any bump reaches."""
    size = float(np.clip(5 * round(kernel_m / 5), 5, 50))
    kept = weights > 1e-4 * weights.max()
    reach = math.ceil(REACH * kernel_m / size)
    step = np.arange(-reach, reach + 1)
    stencil = np.stack(np.meshgrid(step, step, indexing="ij"), axis=2).reshape(-1, 2)
    home = np.rint(metres[kept] / size).astype(int)  # the first candidate stands in the middle of a cell
    index = home[:, None] + stencil[None]
    offsets = index * size - metres[kept][:, None]
    square = (offsets**2).sum(axis=2) / kernel_m**2
    share, wider = TAIL
    bumps = (1 - share) * np.exp(-square / 2) + share / wider**2 * np.exp(-square / (2 * wider**2))
    bumps *= (weights[kept] / bumps.sum(axis=1))[:, None]
    cells, inverse = np.unique(index.reshape(-1, 2), axis=0, return_inverse=True)
    belief = np.bincount(inverse.ravel(), bumps.ravel())
    return size, cells * size, belief / belief.sum()


def _radius(away: Floats, belief: Floats, share: float, size: float) -> float:
    """Metres around the position that hold `share`: to the far edge of the last cell needed."""
    order = away.argsort()
    held = np.cumsum(belief[order])
    return float(away[order][min(int(np.searchsorted(held, share - 1e-9)), len(held) - 1)] + size / 2)


def _ranked(centres: Floats, belief: Floats, size: float, origin: LatLon) -> tuple[Cell, ...]:
    order = np.argsort(-belief, kind="stable")
    needed = int(np.searchsorted(np.cumsum(belief[order]), SHARE - 1e-9)) + 1
    chosen = order[:needed]
    places = from_local(centres[chosen], origin)
    return tuple(
        Cell(LatLon(float(lat), float(lon)), size, float(share))
        for (lat, lon), share in zip(places, belief[chosen], strict=True)
    )


def _latlon(metres: Floats, origin: LatLon) -> LatLon:
    lat, lon = from_local(metres, origin)[0]
    return LatLon(float(lat), float(lon))
