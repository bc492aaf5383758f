"""Re-ranking: how many details of a photo and of its first references agree on where they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.interface import Backbone
from geoflood.backbones.patches import PackedPatches, Patches, matches, patches
from geoflood.core.datatypes import AttentionMap, Reference
from geoflood.core.images import UnreadableImageError
from geoflood.database.bands import above
from geoflood.imagery.views import pixels_of
from geoflood.localize.attention import sample
from geoflood.localize.matching.geometry import agreeing, votes

__all__ = ["FINALISTS", "Reranker", "count_inliers"]

Floats: TypeAlias = NDArray[np.float32]

FINALISTS = 5
"""Candidates whose patches are compared with all of the photo's, after a first count with one in eight."""
GLANCE = 3.0
"""Log likelihood ratio a unit of log(1 + inliers) of that first count, which only chooses finalists."""


@dataclass(frozen=True)
class Reranker:
    """Counts inliers of a photo with references. Threads may share it.

    References' patches are those that the index kept, else they are made anew from the picture. A patch
    counts as much as it is believed to stand above the water, in both images; the attention counts in the
    photo.
    """

    backbone: Backbone
    bands: Sequence[int]
    """Percent, see geoflood.database.bands."""
    pool: ThreadPoolExecutor
    """References are compared side by side in it; it may serve several photos at once."""
    kept: Callable[[int], PackedPatches | None] = lambda reference: None
    """The patches that an index kept of a reference, by its id."""

    def inliers(
        self,
        photo: Patches,
        attention: AttentionMap,
        belief: Floats | None,
        references: Sequence[Reference],
        likelihoods: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], int]:
        """Inliers [n] of the photo with n references, NaN where not counted; how many pictures are gone.

        Counted are FINALISTS of them: those that a glance at all leaves likeliest. belief [bands]: how much
        each waterline is believed; None where nothing was told. likelihoods [n]: log likelihood of each
        reference before.
        """
        weigh = partial(self._weighed, attention, belief)
        others = list(self.pool.map(self.patches_of, references))
        there = [n for n, other in enumerate(others) if other is not None]
        inliers, gone = np.full(len(others), np.nan), len(others) - len(there)
        if len(there) > FINALISTS:
            glance = partial(self._glance, weigh(photo.sparse().coarse()), belief)
            glances = np.array(list(self.pool.map(glance, [others[n] for n in there])))
            likely = likelihoods[there] + GLANCE * np.log1p(glances)
            there = [there[n] for n in np.argsort(-likely, kind="stable")[:FINALISTS]]
        count = partial(self._count, weigh(photo), belief)
        inliers[there] = list(self.pool.map(count, [others[n] for n in there]))
        return inliers, gone

    def _weighed(
        self, attention: AttentionMap, belief: Floats | None, photo: Patches
    ) -> tuple[Patches, Floats]:
        return photo, self.worth(photo, belief) * sample(attention, photo.places)

    def _glance(self, photo: tuple[Patches, Floats], belief: Floats | None, other: Patches) -> float:
        return votes(*_matched(*photo, other.coarse(), self.worth(other, belief)))

    def _count(self, photo: tuple[Patches, Floats], belief: Floats | None, other: Patches) -> int:
        return count_inliers(*photo, other, self.worth(other, belief))

    def worth(self, image: Patches, belief: Floats | None) -> Floats:
        """What each patch of an image counts, [n]: less, the surer it is under water.

        All count 1 where nothing was told. The mixture over all bands will not do there: a dry street would
        lose half of what it shows.
        """
        if belief is None:
            return np.ones(len(image.places), np.float32)
        return above(image.places, belief, self.bands)

    def patches_of(self, reference: Reference) -> Patches | None:
        """The patches of a reference, thinned; None when they were not kept and its picture is gone."""
        keeps = self.backbone.has_compact_patches
        if keeps and (packed := self.kept(reference.id)) is not None:
            return packed.unpacked()
        try:
            made = patches(self.backbone, pixels_of(reference))
        except UnreadableImageError:
            return None
        return PackedPatches.of(made).unpacked() if keeps else made


def count_inliers(query: Patches, worth: Floats, reference: Patches, other: Floats) -> int:
    """Matches of two images that agree on one shift and scale, each the geometric mean of its ends' worth.

    worth [n], other [m] >= 0: what the patches of the query and of the reference count.
    """
    ours, theirs, weights = _matched(query, worth, reference, other)
    return round(float(weights[agreeing(ours, theirs, weights)].sum()))


def _matched(
    query: Patches, worth: Floats, reference: Patches, other: Floats
) -> tuple[NDArray[np.float64], NDArray[np.float64], Floats]:
    """Places [m, 2] of both ends of the matches, in widths of their frames, and what each match counts."""
    pairs = matches(query, reference)
    weights = np.sqrt(worth[pairs[:, 0]] * other[pairs[:, 1]])
    return _in_widths(query)[pairs[:, 0]], _in_widths(reference)[pairs[:, 1]], weights


def _in_widths(of: Patches) -> NDArray[np.float64]:
    """Places [n, 2] in units of the frame's width, so that a shift is one in both directions."""
    height, width = of.shape
    return np.asarray(of.places * np.array([1.0, height / width]), float)
