"""Re-ranking: how many details of a photo and of its first references agree on where they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.patches import PackedPatches, Patches, matches, patches
from geoflood.core.datatypes import AttentionMap, Reference
from geoflood.core.images import UnreadableImageError
from geoflood.imagery.views import pixels_of
from geoflood.localize.attention import sample
from geoflood.localize.matching.geometry import agreeing, votes

__all__ = ["FINALISTS", "PAIRS", "Agreed", "Reranker", "count_inliers"]

Floats: TypeAlias = NDArray[np.float32]

FINALISTS = 5
"""Candidates whose patches are compared with all of the photo's, after a first count with one in eight."""
GLANCE = 3.0
"""Log likelihood ratio a unit of log(1 + inliers) of that first count, which only chooses finalists."""
PAIRS = 40
"""Inliers that are kept of a reference, to be drawn: with more no line can be followed."""
FOOT = 0.1
"""Of the height, from the bottom, that is not compared: the car that took the pictures, and what is printed
over them, agree between any two of them. Decision 064."""


@dataclass(frozen=True, eq=False)
class Agreed:
    """What a photo and its n references agree on."""

    inliers: NDArray[np.float64]
    """[n], NaN where not counted."""
    pairs: Mapping[int, Floats]
    """By the id of a reference that was counted: at most PAIRS inliers [k, 4], as `Candidate.pairs`."""
    gone: int
    """References whose pictures are gone."""


@dataclass(frozen=True)
class Reranker:
    """Counts inliers of a photo with references. Threads may share it.

    References' patches are those that the index kept, else they are made anew from the picture. Water needs
    no mask here: what is under it agrees with nothing, and weighing patches by a belief cost recall.
    """

    pool: ThreadPoolExecutor
    """References are compared side by side in it; it may serve several photos at once."""
    kept: Callable[[int], PackedPatches | None] = lambda reference: None
    """The patches that an index kept of a reference, by its id."""

    def agreed(
        self,
        photo: Patches,
        attention: AttentionMap,
        references: Sequence[Reference],
        likelihoods: NDArray[np.float64],
    ) -> Agreed:
        """What the photo and n references agree on.

        Counted are FINALISTS of them: those that a glance at all leaves likeliest. The attention weighs the
        photo's patches. likelihoods [n]: log likelihood of each reference before.
        """
        others: list[Any] = list(self.pool.map(self.packed_of, references))
        there = [n for n, other in enumerate(others) if other is not None]
        inliers, gone = np.full(len(others), np.nan), len(others) - len(there)
        photo = photo.above(FOOT)
        if len(there) > FINALISTS:
            few = photo.sparse().coarse()
            glance = partial(self._glance, few, sample(attention, few.places))
            glances = np.array(list(self.pool.map(glance, [others[n] for n in there])))
            likely = likelihoods[there] + GLANCE * np.log1p(glances)
            there = [there[n] for n in np.argsort(-likely, kind="stable")[:FINALISTS]]
        count = partial(self._count, photo, sample(attention, photo.places))
        counted = list(self.pool.map(count, [others[n] for n in there]))
        inliers[there] = [number for number, _ in counted]
        pairs = {references[n].id: some for n, (_, some) in zip(there, counted, strict=True)}
        return Agreed(inliers, pairs, gone)

    def _glance(self, photo: Patches, worth: Floats, packed: PackedPatches) -> float:
        other = packed.coarse()
        ours, theirs, weights = _matched(photo, worth, other)
        return votes(_in_widths(photo)[ours], _in_widths(other)[theirs], weights)

    def _count(self, photo: Patches, worth: Floats, packed: PackedPatches) -> tuple[int, Floats]:
        return count_inliers(photo, worth, packed.unpacked())

    def packed_of(self, reference: Reference) -> PackedPatches | None:
        """What is compared of a reference; None when it was not kept and its picture is gone."""
        if (packed := self.kept(reference.id)) is not None:
            return packed.above(FOOT)
        try:
            return PackedPatches.of(patches(pixels_of(reference))).above(FOOT)
        except UnreadableImageError:
            return None


def count_inliers(query: Patches, worth: Floats, reference: Patches) -> tuple[int, Floats]:
    """Matches of two images that agree on one shift and scale, each worth what its patch of the query is.

    With them at most PAIRS of those that count [k, 4], as `Candidate.pairs`: spread over all of the photo.
    """
    ours, theirs, weights = _matched(query, worth, reference)
    agree = agreeing(_in_widths(query)[ours], _in_widths(reference)[theirs], weights)
    shown = np.flatnonzero(agree & (weights > 0))
    if len(shown) > PAIRS:
        shown = shown[np.linspace(0, len(shown) - 1, PAIRS).round().astype(int)]
    pairs = np.hstack([query.places[ours[shown]], reference.places[theirs[shown]]])
    return round(float(weights[agree].sum())), pairs


def _matched(
    query: Patches, worth: Floats, reference: Patches
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Which patches [m] of both images match, and what each match counts."""
    pairs = matches(query, reference)
    return pairs[:, 0], pairs[:, 1], np.sqrt(worth[pairs[:, 0]])


def _in_widths(of: Patches) -> NDArray[np.float64]:
    """Places [n, 2] in units of the frame's width, so that a shift is one in both directions."""
    height, width = of.shape
    return np.asarray(of.places * np.array([1.0, height / width]), float)
