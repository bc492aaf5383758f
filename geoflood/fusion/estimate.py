"""From candidates to an Estimate: where, how large an area, and whether in this index at all. Pure.

Errors of place recognition are bimodal: a candidate shows the place, within metres, or it shows another
one, kilometres off. So candidates are never averaged across places. Each is a small bump on the ground,
weighted by exp(similarity / temperature); the position is the highest peak, the search area the fewest
cells that hold the belief, in as many pieces as it takes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.geo import distance_m, from_local, to_local
from geoflood.terms import Candidate, Cell, Estimate, LatLon

__all__ = [
    "ELSEWHERE_M",
    "TOLERANCE_M",
    "Evidence",
    "Trust",
    "evidence",
    "fuse",
    "posterior",
    "ranked",
    "spread",
]

Floats: TypeAlias = NDArray[np.float64]
Knots: TypeAlias = tuple[tuple[float, float], ...]

TOLERANCE_M = 25.0
"""Right means within this: the positive distance of the field."""
ELSEWHERE_M = 50.0
"""Candidates farther from the first than this show another place."""
SHARE = 0.9
"""Of the belief that the search area holds."""
SUREST = 10.0
"""Log likelihood ratio that no verdict may exceed."""
SURE_OF = 0.9
"""Share of the belief in one place from which only the exact spot is in doubt."""
TAIL = (0.15, 2.5)
"""Share of a bump that is so many times wider: geotags are off by more than a bell admits."""
_ROWS = 1 << 24
"""More cells than lie across any city: two numbers of a cell as one."""
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
    """Logistic coefficients of P(in this index), see `Evidence`: of the best similarity, of its lead over
    the best of another place, """
    level: float = 0.0
    """of the mean similarity of all candidates: what resembles everything a little is from nowhere here, """
    agreement: float = 0.0
    """and of the logarithm of the first candidate's inliers."""
    inliers: float = 0.0
    """Log likelihood ratio that a candidate shows the place, a unit of log(1 + inliers), """
    usual: float = 0.0
    """counted from log(1 + inliers) of the usual wrong candidate."""
    coverage: Knots = ()
    """(belief, share) rising in both: the most probable cells that hold so much of the belief held the place
    in that share of the trials. Empty: as much as they believe."""
    sure_coverage: Knots = ()
    """The same where one place holds SURE_OF of the belief: there the areas only wonder how far off it is."""
    same: float = 2.0
    different: float = -1.2
    """Log likelihood ratios of a model's verdict on a candidate that shows the place. Not measured: cautious,
    since a model may be fooled, by writing in the photo too. `cannot_say` is 0."""

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> Trust:
        """From a manifest's numbers. Raises KeyError or ValueError when they are not what they should be."""
        known = {
            one.name: numbers[one.name]
            for one in fields(cls)
            if one.default is MISSING or one.name in numbers
        }
        coverage, sure = (_knots(known.pop(name, ())) for name in ("coverage", "sure_coverage"))
        told = {name: float(number) for name, number in known.items()}
        trust = replace(cls(**told), coverage=coverage, sure_coverage=sure)  # type: ignore[arg-type]
        if not all(map(math.isfinite, told.values())) or trust.temperature <= 0 or trust.kernel_m <= 0:
            raise ValueError("calibration out of range")
        if max(abs(trust.same), abs(trust.different)) > SUREST:
            raise ValueError("a verdict weighs too much")
        return trust

    @property
    def numbers(self) -> dict[str, Any]:
        """For a manifest: what was learned, so that defaults stay this program's."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) != one.default}

    def likelihood(self, inliers: Floats) -> Floats:
        """Log likelihood ratios [k] of candidates with so many inliers; 0 where NaN: not looked at."""
        ratio = self.inliers * (np.log1p(inliers) - self.usual)
        return np.where(np.isnan(inliers), 0.0, np.clip(ratio, -SUREST, SUREST))

    def logit(self, seen: Evidence) -> float:
        """Of P(in this index)."""
        slopes = (self.similarity, self.margin, self.level, self.agreement)
        return self.intercept + sum(slope * value for slope, value in zip(slopes, seen, strict=True))


def _knots(told: Sequence[Sequence[float]]) -> Knots:
    """Raises ValueError when they do not rise from (0, 0) to (1, 1)."""
    knots = tuple((float(belief), float(share)) for belief, share in told)
    steps = pairwise([(0.0, 0.0), *knots, (1.0, 1.0)] if knots else [])
    if not all(after[0] > before[0] and after[1] > before[1] for before, after in steps):  # nor NaN
        raise ValueError("coverage does not rise from 0 to 1")
    return knots


class Evidence(NamedTuple):
    """What speaks for a photo's place being in the index."""

    similarity: float
    """Of the first candidate."""
    margin: float
    """How far it leads over the best of another place, inliers included, in units of similarity."""
    level: float
    """Mean similarity of the candidates."""
    agreement: float
    """log(1 + inliers) of the first candidate; 0 where they were not counted."""


def posterior(similarities: Floats, temperature: float) -> Floats:
    """Belief [k] in each candidate, given that one shows the place: softmax(similarity / temperature)."""
    scaled = (similarities - similarities.max()) / temperature
    weights = np.exp(scaled)
    return np.asarray(weights / weights.sum())


def evidence(similarities: Floats, positions: Floats, scores: Floats, inliers: Floats) -> Evidence:
    """What candidates say together: similarities, scores, inliers [k] (NaN: not counted), positions [k, 2].

    `scores` are the similarities with all other evidence added, in the same unit; the first candidate is the
    one that has the highest. Where none shows another place, the lowest score stands in.
    """
    first = int(scores.argmax())
    elsewhere = distance_m(positions, positions[first]) > ELSEWHERE_M
    second = scores[elsewhere].max() if elsewhere.any() else scores.min()
    agreement = 0.0 if math.isnan(inliers[first]) else math.log1p(inliers[first])
    lead = float(scores[first] - second)
    return Evidence(float(similarities[first]), lead, float(similarities.mean()), agreement)


def ranked(candidates: Sequence[Candidate], trust: Trust) -> tuple[Candidate, ...]:
    """The candidates by all the evidence on each, best first."""
    scores = {id(c): c.similarity / trust.temperature + _judged(c, trust) for c in candidates}
    likely = trust.likelihood(_inliers(candidates))
    for candidate, ratio in zip(candidates, likely, strict=True):
        scores[id(candidate)] += float(ratio)
    return tuple(sorted(candidates, key=lambda c: -scores[id(c)]))


def _judged(candidate: Candidate, trust: Trust) -> float:
    """Log likelihood ratio of what a model made of a candidate, whatever it resembles."""
    return {"same": trust.same, "different": trust.different}.get(candidate.verdict or "", 0.0)


def _inliers(candidates: Sequence[Candidate]) -> Floats:
    return np.array([math.nan if c.inliers is None else c.inliers for c in candidates], float)


def fuse(candidates: Sequence[Candidate], trust: Trust) -> Estimate:
    """Fuse candidates into an Estimate; their order does not matter. Raises ValueError when there are none.

    Inliers move belief between candidates. A verdict does, too, and belief in the index as a whole: by the
    mean likelihood ratio of the candidates under the belief before it.
    """
    if not candidates:
        raise ValueError("nothing to fuse")
    candidates = sorted(candidates, key=lambda c: -c.similarity)
    similarities = np.array([c.similarity for c in candidates])
    positions = np.array([(c.reference.position.lat, c.reference.position.lon) for c in candidates])
    inliers = _inliers(candidates)
    scores = similarities + trust.temperature * trust.likelihood(inliers)
    likely = posterior(scores, trust.temperature) * np.exp([_judged(c, trust) for c in candidates])
    logit = trust.logit(evidence(similarities, positions, scores, inliers)) + math.log(likely.sum())
    absent = 1.0 / (1.0 + math.exp(min(max(logit, -30.0), 30.0)))
    origin = candidates[0].reference.position
    mode, ground = spread(to_local(positions, origin), likely / likely.sum(), trust)
    size, away = ground.size_m, np.hypot(*(ground.centres - mode).T)
    shares = ground.trusted(trust)
    return Estimate(
        position=_latlon(mode, origin),
        probability=(1.0 - absent) * ground.near,
        radius_50_m=_radius(away, shares, 0.5, size),
        radius_90_m=_radius(away, shares, 0.9, size),
        search_area=_ranked(ground.centres, shares, size, origin),
        not_in_index=absent,
        tolerance_m=TOLERANCE_M,
    )


@dataclass(frozen=True, eq=False)
class Ground:
    """The belief on the ground: cells, most probable first."""

    size_m: float
    centres: Floats
    """[n, 2] metres east and north."""
    belief: Floats
    """[n], sums to 1."""
    near: float
    """Of the belief, within TOLERANCE_M of its peak."""
    sure: bool
    """One place holds nearly all of it: only the exact spot is in doubt."""

    @property
    def held(self) -> Floats:
        """[n] belief of the first 1, 2, ... cells together."""
        return np.cumsum(self.belief)

    def trusted(self, trust: Trust) -> Floats:
        """[n] the share of each cell that the trials bear out.

        What the first cells believe together is replaced by how often the truth was in them (split conformal
        prediction, Vovk et al. 2005, at a few shares), so that the areas hold what they promise.
        """
        knots = trust.sure_coverage if self.sure else trust.coverage
        if not knots:
            return self.belief
        believed, borne_out = np.array([(0.0, 0.0), *knots, (1.0, 1.0)]).T
        return np.diff(np.interp(self.held, believed, borne_out), prepend=0.0)


def spread(metres: Floats, weights: Floats, trust: Trust) -> tuple[Floats, Ground]:
    """The peak [2] and the ground of candidates at `metres` [k, 2] with `weights` [k] that sum to 1."""
    mode = _mode(metres, weights, trust.kernel_m)
    size, centres, belief = _cells(metres, weights, trust.kernel_m)
    order = np.argsort(-belief, kind="stable")
    near = float(belief[np.hypot(*(centres - mode).T) <= TOLERANCE_M].sum())
    there = weights[np.hypot(*(metres - mode).T) <= ELSEWHERE_M].sum()
    return mode, Ground(size, centres[order], belief[order], near, bool(there >= SURE_OF))


def _mode(metres: Floats, weights: Floats, kernel_m: float) -> Floats:
    """[2] the peak of the belief: the candidate whose surroundings hold most, and their weighted mean."""
    square = ((metres[:, None] - metres[None]) ** 2).sum(axis=2)
    near = np.exp(-square / (2 * kernel_m**2)) * weights
    peak = int(near.sum(axis=1).argmax())
    return np.asarray(near[peak] @ metres / near[peak].sum())


def _cells(metres: Floats, weights: Floats, kernel_m: float) -> tuple[float, Floats, Floats]:
    """(size in metres, centres [n, 2], belief [n] that sums to 1) of the cells that any bump reaches."""
    size = float(np.clip(round(kernel_m), 1, 50))
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
    codes, inverse = np.unique(index[..., 0] * _ROWS + index[..., 1], return_inverse=True)  # ten times rows'
    belief = np.bincount(inverse.ravel(), bumps.ravel())
    column = np.rint(codes / _ROWS)
    return size, np.column_stack([column, codes - column * _ROWS]) * size, belief / belief.sum()


def _radius(away: Floats, belief: Floats, share: float, size: float) -> float:
    """Metres around the position that hold `share`: to the far edge of the last cell needed."""
    order = away.argsort()
    held = np.cumsum(belief[order])
    return float(away[order][min(int(np.searchsorted(held, share - 1e-9)), len(held) - 1)] + size / 2)


def _ranked(centres: Floats, shares: Floats, size: float, origin: LatLon) -> tuple[Cell, ...]:
    needed = int(np.searchsorted(np.cumsum(shares), SHARE - 1e-9)) + 1
    places = from_local(centres[:needed], origin)
    return tuple(
        Cell(LatLon(float(lat), float(lon)), size, float(share))
        for (lat, lon), share in zip(places, shares[:needed], strict=True)
    )


def _latlon(metres: Floats, origin: LatLon) -> LatLon:
    lat, lon = from_local(metres, origin)[0]
    return LatLon(float(lat), float(lon))
