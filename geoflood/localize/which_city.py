"""Which of several indexes a photo is of, and whether it is of any: arithmetic over what each says. Pure.

An index asked alone says by its calibrated logit how likely the photo's place is in it, strangers taken to be
one photo in four. Asked together, n indexes share what each would claim for itself, so each is given log n
less: else twenty indexes that hold a stranger for unlikely would together hold it for found. Then

    shares = softmax(logit_1 - log n + nats_1, ..., logit_n - log n + nats_n, 0)

where the last is "none of them" and nats are what was stated before looking. For two copies of one index it
gives what one would say; for indexes of different places it is Bayes' rule (decision 113).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Estimate
from geoflood.core.errors import UsageError
from geoflood.core.geo import distance_m
from geoflood.localize.fusion import ELSEWHERE_M

__all__ = [
    "BOTH_BELOW",
    "CityRanking",
    "city_shares",
    "logit",
    "next_to_rerank",
    "overlaps",
    "rank_cities",
    "stated_nats",
]

Floats: TypeAlias = NDArray[np.float64]

BOTH_BELOW = 0.8
"""Share of the likeliest city below which the runner-up is shown beside it."""
STRANGERS = 0.25
"""Share of photos that calibration takes to be of no index (decision 064)."""
MOST_NATS = 3.0
"""A statement moves log-odds by so much at most: pictures can speak against it."""
LEAST_STATED, MOST_STATED = 0.01, 0.99
OVERLAP_M = 100.0
"""Cells of the ground by which indexes overlap: where one has an image in a cell of another or beside it."""
CLEAR = 0.95
"""Share of a re-ranked index from which no other is re-ranked."""
RERANKED_SHARE = 0.05
"""Share, among the indexes alone, from which another is."""
RERANKED_AT_MOST = 5
"""Indexes: comparing details takes longer than all searches together."""
_SURE = 30.0
"""Log-odds from which a probability is 0 or 1."""
_LAT_M = 111_195.0


@dataclass(frozen=True, eq=False)
class CityRanking:
    """Indexes by how likely a photo is of them, of those that answer."""

    order: tuple[int, ...]
    """Their numbers, likeliest first."""
    shares: Floats
    """[n] of the belief, of all that were asked; 0 of those that do not answer."""
    estimates: Mapping[int, Estimate]
    """By number, each with its probabilities beside the others."""
    same: Mapping[int, tuple[int, ...]]
    """By number, indexes of the same ground that name the same place: they count with it."""

    @property
    def first(self) -> Estimate | None:
        """The estimate of the likeliest; None where none answers."""
        return self.estimates[self.order[0]] if self.order else None

    @property
    def rival(self) -> int | None:
        """The likeliest but for the first and those that count with it."""
        return next((n for n in self.order[1:] if n not in self.same[self.order[0]]), None)


def rank_cities(
    estimates: Sequence[Estimate | None],
    nats: Floats | float = 0.0,
    overlapping: NDArray[np.bool_] | None = None,
) -> CityRanking:
    """What estimates of indexes, each as if it were asked alone, are worth beside each other.

    None is an index that found nothing. overlapping: [n, n] which indexes have ground in common.
    """
    logits = np.array([-math.inf if one is None else logit(one.not_in_index) for one in estimates], float)
    shares, none = city_shares(logits, nats)
    order = [n for n in np.argsort(-shares, kind="stable").tolist() if np.isfinite(logits[n])]
    found = {n: one for n, one in enumerate(estimates) if one is not None}
    same = {
        n: tuple(
            m
            for m in order
            if m != n and overlapping is not None and overlapping[n, m] and _one_place(found[n], found[m])
        )
        for n in order
    }
    beside = {
        n: _beside(found[n], min(float(shares[[n, *same[n]]].sum()), 1.0 - none), none, len(estimates))
        for n in order
    }
    return CityRanking(tuple(order), shares, beside, same)


def _one_place(a: Estimate, b: Estimate) -> bool:
    here, there = ((one.position.lat, one.position.lon) for one in (a, b))
    return bool(distance_m(here, there) <= ELSEWHERE_M)


def _beside(estimate: Estimate, share: float, none: float, asked: int) -> Estimate:
    """An estimate with a share of the belief that is another than its own."""
    right = min(estimate.probability / max(1.0 - estimate.not_in_index, 1e-12), 1.0)
    return replace(
        estimate,
        probability=share * right,
        not_in_index=none,
        in_other_index=max(0.0, 1.0 - none - share),
        asked=asked,
    )


def logit(not_in_index: float) -> float:
    """Log-odds of "in this index", of what an estimate says of it, within what doubles can tell."""
    inside = 1.0 - not_in_index
    least = math.exp(-_SURE)
    return math.log(max(inside, least)) - math.log(max(not_in_index, least))


def city_shares(logits: Floats, nats: Floats | float = 0.0) -> tuple[Floats, float]:
    """Shares [n] of the indexes and the share of none, which sum to 1; logits [n], -inf: could not answer.

    nats: [n] what was stated before looking. Indexes that could not answer count for nothing.
    """
    count = int(np.isfinite(logits).sum())
    if not count:
        return np.zeros(len(logits)), 1.0
    scores = np.append(logits + nats - math.log(count), 0.0)
    weights = np.exp(scores - scores.max())
    shares = weights / weights.sum()
    return shares[:-1], float(shares[-1])


def stated_nats(names: Sequence[str], stated: Mapping[str, float]) -> Floats:
    """Nats [n] of the indexes of these names, where probabilities of some are stated before looking.

    What is left is shared among the others and none as it would have been. Each moves by MOST_NATS at most.
    Raises UsageError for a probability of no index that is asked, one outside 0.01 to 0.99, and for several
    that leave nothing.
    """
    for name, share in stated.items():
        if name not in names:
            raise UsageError(f"a prior for {name}, which is not asked", f"one of: {', '.join(names)}")
        if not LEAST_STATED <= share <= MOST_STATED:
            raise UsageError(
                f"a prior of {share:g} for {name}: it is a share from {LEAST_STATED} to {MOST_STATED}",
                "pictures can speak against it; to leave a city out, name only the others",
            )
    left = 1.0 - math.fsum(stated.values())
    if left < LEAST_STATED - 1e-9:
        raise UsageError("the priors leave nothing for other places", "let them sum to less than 1")
    usual = (1.0 - STRANGERS) / max(len(names), 1)
    usual_left = 1.0 - usual * len(stated)
    nats = [
        math.log(stated[name] / usual) - math.log(left / usual_left) if name in stated else 0.0
        for name in names
    ]
    return np.asarray(np.clip(np.array(nats, float), -MOST_NATS, MOST_NATS))


def next_to_rerank(logits: Floats, reranked: Collection[int], nats: Floats | float = 0.0) -> int | None:
    """Number of the index that is re-ranked next, by what all say so far; None: the case is clear enough.

    It is clear once the likeliest was re-ranked and has a share of CLEAR. Else the next ones have their say,
    as far as they have a share among the indexes, whatever none of them has: a search alone says too little
    of strangers.
    """
    scores = logits + nats
    order: list[int] = [n for n in np.argsort(-scores, kind="stable").tolist() if np.isfinite(scores[n])]
    if not order or len(reranked) >= RERANKED_AT_MOST:
        return None
    if order[0] not in reranked:
        return order[0]
    if city_shares(logits, nats)[0][order[0]] >= CLEAR:
        return None
    weights = np.exp(scores - scores[order[0]])
    shares = weights / weights[np.isfinite(scores)].sum()
    others = (n for n in order if n not in reranked)
    return next((n for n in others if len(reranked) < 2 or shares[n] >= RERANKED_SHARE), None)


def overlaps(first: Floats, second: Floats) -> bool:
    """Whether two indexes with images at positions [N, 2] and [M, 2] (lat, lon) have ground in common."""
    if not len(first) or not len(second):
        return False
    near = {
        (row + down, column + across)
        for row, column in _cells(first, first)
        for down in (-1, 0, 1)
        for across in (-1, 0, 1)
    }
    return not near.isdisjoint(_cells(second, first))


def _cells(positions: Floats, frame: Floats) -> set[tuple[int, int]]:
    """Cells of OVERLAP_M (row, column) that hold a position; as wide as at the middle of `frame`."""
    middle = float(frame[:, 0].mean())
    metres = positions * (_LAT_M, _LAT_M * max(math.cos(math.radians(middle)), 0.01))
    rows = np.unique(np.floor(metres / OVERLAP_M).astype(np.int64), axis=0)
    return set(map(tuple, rows.tolist()))
