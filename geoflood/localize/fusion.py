"""From candidates to an Estimate: where, how large an area, and whether in this index at all. Pure.

Errors of place recognition are bimodal: a candidate shows the place, within metres, or it shows another
one, kilometres off. So candidates are never averaged across places. Each is a small bump on the ground,
weighted by exp(similarity / temperature); the position is the highest peak, the search area the fewest
cells that hold the belief, in as many pieces as it takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import MOST_COMPARED, Candidate, Cells, Estimate, LatLon
from geoflood.core.geo import distance_m, from_local, to_local
from geoflood.database.calibration import CalibrationParams, Evidence

__all__ = [
    "ELSEWHERE_M",
    "TOLERANCE_M",
    "belief_map",
    "evidence",
    "fuse",
    "fused",
    "posterior",
    "ranked",
    "ranking",
    "redrawn",
    "right_by_search",
]

Floats: TypeAlias = NDArray[np.float64]

TOLERANCE_M = 25.0
"""Right means within this: the positive distance of the field."""
ELSEWHERE_M = 50.0
"""Candidates farther from the first than this show another place."""
SHARE = 0.9
"""Of the belief that the search area holds."""
SURE_OF = 0.9
"""Share of the belief in one place from which only the exact spot is in doubt."""
TAIL = (0.15, 2.5)
"""Share of a bump that is so many times wider: geotags are off by more than a bell admits."""
_ROWS = 1 << 24
"""More cells than lie across any city: two numbers of a cell as one."""
SUREST_NEAR = 0.98
"""Of the belief in an area, at most, lies within TOLERANCE_M of the position."""
LEAST_ADVANTAGE = -1.0
"""Of `Evidence.advantage`: how far another place is ahead says no more from here."""
ALONE, TOGETHER = math.log(2), math.log(1.4)
"""Inliers over those of the best other place, from which one candidate, or two of one place, verify it."""
REACH = 5.0
"""Kernel widths at which a bump ends; 2 % lie beyond."""
_RINGS = 1000
"""Around a position, as wide as each other."""
_GONE = 9.0
"""Kernel widths from which a bell is nothing beside 1 in double precision."""


def posterior(scores: Floats) -> Floats:
    """Belief [k] in each candidate, given that one shows the place: the softmax of log likelihoods [k]."""
    weights = np.exp(scores - scores.max())
    return np.asarray(weights / weights.sum())


def evidence(
    similarities: Floats,
    positions: Floats,
    scores: Floats,
    inliers: Floats,
    outsiders: float | None = None,
    usual: float = 0.0,
) -> Evidence:
    """What candidates say together: similarities, scores, inliers [k] (NaN: not counted), positions [k, 2].

    scores: log likelihoods with all evidence in them; the first candidate is the one that has the highest.
    Its place speaks as a whole, so nothing changes with who is first in it. Where none shows another place,
    it leads over nothing: an index of a single place would else be sure of every photo. outsiders: similarity
    of the outsiders most alike the photo; None if unknown. usual: log(1 + inliers) of a wrong candidate,
    which stands in where no other place was counted.
    """
    first = int(scores.argmax())
    here = distance_m(positions, positions[first]) <= ELSEWHERE_M
    second = scores[~here].max() if not here.all() else scores[first]
    lead = math.log1p(scores[first] - second)
    apart = 0.0 if outsiders is None else float(similarities[here].max()) - outsiders
    counted = np.sort(np.log1p(inliers[here & ~np.isnan(inliers)]))
    if not len(counted):
        return Evidence(lead, apart=apart)
    agreement, support = float(counted[-1]), float(counted[-2]) if len(counted) > 1 else 0.0
    advantage = max(agreement - _most(inliers[~here], usual), LEAST_ADVANTAGE)
    return Evidence(lead, agreement, advantage, support, apart)


def _most(inliers: Floats, otherwise: float) -> float:
    """log(1 + inliers) of the most that was counted."""
    counted = inliers[~np.isnan(inliers)]
    return math.log1p(counted.max()) if len(counted) else otherwise


def ranking(similarities: Floats, inliers: Floats, params: CalibrationParams) -> NDArray[np.int64]:
    """Numbers [k] of candidates by all the evidence on each, best first; inliers [k], NaN: not counted."""
    scores = similarities / params.temperature + params.likelihood(inliers)
    return np.argsort(-scores, kind="stable")


def ranked(candidates: Sequence[Candidate], params: CalibrationParams) -> tuple[Candidate, ...]:
    """The candidates by all the evidence on each, a model's word included, best first."""
    similarities = np.array([c.similarity for c in candidates])
    scores = similarities / params.temperature + params.likelihood(_inliers(candidates))
    scores += np.array([_model_says(c, params) for c in candidates])
    return tuple(candidates[i] for i in np.argsort(-scores, kind="stable"))


def _model_says(candidate: Candidate, params: CalibrationParams) -> float:
    """Log likelihood ratio of what a model made of a candidate, whatever it resembles.

    A verdict and a comparison are one witness asked twice: where both point one way, the stronger counts.
    """
    verdict = {"same": params.same, "different": params.different}.get(candidate.verdict or "", 0.0)
    compared = min(max(candidate.comparison or 0.0, -MOST_COMPARED), MOST_COMPARED)
    return max(verdict, compared, 0.0) + min(verdict, compared, 0.0)


def _inliers(candidates: Sequence[Candidate]) -> Floats:
    return np.array([math.nan if c.inliers is None else c.inliers for c in candidates], float)


def fuse(
    candidates: Sequence[Candidate], params: CalibrationParams, outsiders: float | None = None
) -> Estimate:
    """Fuse candidates into an Estimate; their order does not matter. Raises ValueError when there are none.

    Inliers move belief between candidates. A model's word does, too, and belief in the answer as a whole: by
    the mean likelihood ratio of the candidates under the belief before it.
    """
    if not candidates:
        raise ValueError("nothing to fuse")
    candidates = sorted(candidates, key=lambda c: -c.similarity)
    similarities = np.array([c.similarity for c in candidates])
    positions = np.array([(c.reference.position.lat, c.reference.position.lon) for c in candidates])
    verdicts = np.array([_model_says(c, params) for c in candidates])
    return fused(similarities, positions, params, _inliers(candidates), verdicts, outsiders)


def fused(
    similarities: Floats,
    positions: Floats,
    params: CalibrationParams,
    inliers: Floats | None = None,
    verdicts: Floats | None = None,
    outsiders: float | None = None,
) -> Estimate:
    """Fuse candidates as a search finds them: similarities [k], best first, positions [k, 2] (lat, lon).

    inliers [k], NaN where not counted; verdicts [k], log likelihood ratios of verdicts on them; outsiders as
    in `evidence`.
    """
    inliers = np.full(len(similarities), np.nan) if inliers is None else inliers
    scores = similarities / params.temperature + params.likelihood(inliers)
    verdicts = np.zeros(len(scores)) if verdicts is None else verdicts
    likely = posterior(scores) * np.exp(verdicts)
    weigh = partial(
        evidence, similarities, positions, inliers=inliers, outsiders=outsiders, usual=params.usual
    )
    seen = weigh(scores + verdicts)
    inside = _share(params.inside.logit(weigh(scores)) + math.log(likely.sum()))
    right = _right(params, seen)
    origin = LatLon(*positions[0].tolist())
    mode, ground = belief_map(to_local(positions, origin), likely / likely.sum(), params)
    probability = min(right, inside)
    near = min(probability / inside, SUREST_NEAR)
    ground, shares = ground.agreeing(ground.borne_out(params), near)
    radius_50_m, radius_90_m = _radii(ground, shares, (0.5, 0.9))
    return Estimate(
        position=_latlon(mode, origin),
        probability=probability,
        radius_50_m=radius_50_m,
        radius_90_m=radius_90_m,
        search_area=_ranked(ground.centres, shares, ground.size_m, origin),
        not_in_index=1.0 - inside,
        tolerance_m=TOLERANCE_M,
        verified=_verified(seen),
    )


def redrawn(estimate: Estimate, centres: Floats, shares: Floats, size_m: float) -> Estimate:
    """An estimate with other cells on the ground: centres [n, 2] (lat, lon), shares [n] of the belief.

    Those within TOLERANCE_M of its position are made to hold what its probability says.
    """
    metres = to_local(centres, estimate.position)
    order = np.argsort(-shares, kind="stable")
    metres, shares = metres[order], shares[order]
    ground = BeliefMap(size_m, metres, shares, _lengths(metres), sure=False)
    near = min(estimate.probability / max(1.0 - estimate.not_in_index, 1e-12), SUREST_NEAR)
    ground, shares = ground.agreeing(shares, near)
    radius_50_m, radius_90_m = _radii(ground, shares, (0.5, 0.9))
    area = _ranked(ground.centres, shares, size_m, estimate.position)
    return replace(estimate, radius_50_m=radius_50_m, radius_90_m=radius_90_m, search_area=area)


def right_by_search(
    similarities: Floats, positions: Floats, params: CalibrationParams, outsiders: float | None
) -> float:
    """P(the position is right within 25 m) by a search alone, as `fused` would say it, without its area."""
    scores, uncounted = similarities / params.temperature, np.full(len(similarities), np.nan)
    seen = evidence(similarities, positions, scores, uncounted, outsiders)
    return min(_right(params, seen), _share(params.inside.logit(seen)))


def _right(params: CalibrationParams, seen: Evidence) -> float:
    """P(right): the place first, then the spot in it. Far more details tell the place than tell the spot."""
    return _share(params.place.logit(seen)) * _share(params.spot.logit(seen))


def _share(logit: float) -> float:
    """The probability of log odds."""
    return 1.0 / (1.0 + math.exp(-min(max(logit, -30.0), 30.0)))


def _verified(seen: Evidence) -> bool:
    """Whether details bear the first candidate out: alone far above other places, or together with another
    candidate of its place."""
    together = min(seen.advantage, seen.support - seen.agreement + seen.advantage)
    return seen.advantage >= ALONE or together >= TOGETHER


@dataclass(frozen=True, eq=False)
class BeliefMap:
    """The belief on the ground: cells, most probable first."""

    size_m: float
    centres: Floats
    """[n, 2] metres east and north."""
    belief: Floats
    """[n], sums to 1."""
    away_m: Floats
    """[n] from the peak."""
    sure: bool
    """One place holds nearly all of it: only the exact spot is in doubt."""

    @property
    def held(self) -> Floats:
        """[n] belief of the first 1, 2, ... cells together."""
        return np.cumsum(self.belief)

    def borne_out(self, params: CalibrationParams) -> Floats:
        """[n] the share of each cell that the trials bear out.

        What the first cells believe together is replaced by how often the truth was in them (split conformal
        prediction, Vovk et al. 2005, at a few shares), so that the areas hold what they promise.
        """
        knots = params.sure_coverage if self.sure else params.coverage
        if not knots:
            return self.belief
        believed, held_truth = np.array([(0.0, 0.0), *knots, (1.0, 1.0)]).T
        return np.diff(np.interp(self.held, believed, held_truth), prepend=0.0)

    def agreeing(self, shares: Floats, near: float) -> tuple[BeliefMap, Floats]:
        """The map and shares [n] of its cells, of which those within TOLERANCE_M of the peak hold `near`.

        So the areas say of the position what its probability says. The order of the cells may change.
        """
        within = self.away_m <= TOLERANCE_M
        held = float(shares[within].sum())
        if not 0 < held < 1:
            return self, shares
        shares = shares * np.where(within, near / held, (1 - near) / (1 - held))
        order = np.argsort(-shares, kind="stable")
        moved = replace(
            self, centres=self.centres[order], belief=self.belief[order], away_m=self.away_m[order]
        )
        return moved, shares[order]


def belief_map(metres: Floats, weights: Floats, params: CalibrationParams) -> tuple[Floats, BeliefMap]:
    """The peak [2] and the belief map of candidates at `metres` [k, 2] with `weights` [k] that sum to 1."""
    mode = _mode(metres, weights, params.kernel_m)
    size, centres, belief = _cells(metres, weights, params.kernel_m)
    order = np.argsort(-belief, kind="stable")
    centres, belief = centres.take(order, axis=0), belief[order]
    away, candidates_away = _lengths(centres - mode), _lengths(metres - mode)
    sure = bool(weights[candidates_away <= ELSEWHERE_M].sum() >= SURE_OF)
    return mode, BeliefMap(size, centres, belief, away, sure)


def _lengths(vectors: Floats) -> Floats:
    """[n] of vectors [n, 2]: numpy's hypot takes ten times as long."""
    east, north = vectors.T
    return np.asarray(np.sqrt(east * east + north * north))


def _mode(metres: Floats, weights: Floats, kernel_m: float) -> Floats:
    """[2] the peak of the belief: the candidate whose surroundings hold most, and their weighted mean."""
    east, north = metres.T
    square = (east[:, None] - east) ** 2 + (north[:, None] - north) ** 2
    pairs = np.flatnonzero(square < (_GONE * kernel_m) ** 2)
    one, other = np.divmod(pairs, len(metres))
    near = np.exp(-square.take(pairs) / (2 * kernel_m**2)) * weights[other]
    there = one == np.bincount(one, near).argmax()
    return np.asarray(near[there] @ metres[other[there]] / near[there].sum())


def _cells(metres: Floats, weights: Floats, kernel_m: float) -> tuple[float, Floats, Floats]:
    """(size in metres, centres [n, 2], belief [n] that sums to 1) of the cells that any bump reaches."""
    size = float(np.clip(round(kernel_m), 1, 50))
    kept = weights > 1e-4 * weights.max()
    reach = math.ceil(REACH * kernel_m / size)
    home = np.rint(metres[kept] / size).astype(int)  # the first candidate stands in the middle of a cell
    cells = home[..., None] + np.arange(-reach, reach + 1)  # [k, 2, side]: columns and rows of each bump
    square = (cells * size - metres[kept][..., None]) ** 2 / kernel_m**2
    share, wider = TAIL
    bumps = (1 - share) * _bells(square) + share / wider**2 * _bells(square / wider**2)
    bumps *= (weights[kept] / bumps.sum(axis=(1, 2)))[:, None, None]
    centres, belief = _summed(cells, bumps)
    return size, centres * size, belief / belief.sum()


def _bells(square: Floats) -> Floats:
    """[k, side, side] bells over the plane, of squares of widths [k, 2, side] along its two axes."""
    along = np.exp(-square / 2)
    return np.asarray(along[:, 0, :, None] * along[:, 1, None, :])


def _summed(cells: NDArray[np.int64], bumps: Floats) -> tuple[Floats, Floats]:
    """Cells [n, 2] and what lies on each [n]: bumps [k, side, side] over columns and rows [k, 2, side].

    The ground is laid out in tiles as large as a bump, which lies on two by two of them at most: sorting
    tiles is much quicker than sorting cells.
    """
    side = cells.shape[2]
    tile, inside = np.divmod(cells, side)
    corner = tile[:, :, 0]
    four = (corner[:, 0, None, None] + [[0], [1]]) * _ROWS + corner[:, 1, None, None] + [[0, 1]]
    codes, number = np.unique(four, return_inverse=True)
    east, north = np.moveaxis(tile - corner[..., None], 1, 0)
    which = number.take(4 * np.arange(len(cells))[:, None, None] + 2 * east[:, :, None] + north[:, None])
    column, row = np.moveaxis(inside, 1, 0)
    place = which * side**2 + (column[:, :, None] * side + row[:, None])
    ground = np.bincount(place.ravel(), bumps.ravel(), len(codes) * side**2).astype(float, copy=False)
    reached = np.flatnonzero(ground > 0)
    which, column, row = np.unravel_index(reached, (len(codes), side, side))
    across = np.rint(codes / _ROWS)
    down = codes - across * _ROWS
    return np.stack([across[which] * side + column, down[which] * side + row], axis=1), ground[reached]


def _radii(ground: BeliefMap, shares: Floats, wanted: Sequence[float]) -> list[float]:
    """Metres around the position that hold each wanted share: to the far edge of the last cell needed.

    Rings around the position are summed first: only the cells of one ring have to be sorted.
    """
    away = ground.away_m
    ring = (away * (_RINGS / (away.max() + ground.size_m))).astype(int)
    held = np.cumsum(np.bincount(ring, shares))
    radii = []
    for share in wanted:
        last = min(int(np.searchsorted(held, share - 1e-9)), len(held) - 1)
        on = np.flatnonzero(ring == last)
        on = on[away[on].argsort()]
        within = held[last] - shares[on].sum() + np.cumsum(shares[on])
        needed = min(int(np.searchsorted(within, share - 1e-9)), len(on) - 1)
        radii.append(float(away[on[needed]] + ground.size_m / 2))
    return radii


def _ranked(centres: Floats, shares: Floats, size: float, origin: LatLon) -> Cells:
    needed = int(np.searchsorted(np.cumsum(shares), SHARE - 1e-9)) + 1
    return Cells(from_local(centres[:needed], origin), shares[:needed], size)


def _latlon(metres: Floats, origin: LatLon) -> LatLon:
    lat, lon = from_local(metres, origin)[0]
    return LatLon(float(lat), float(lon))
