"""`--rerank N`: counts how many details of a photo and of its first N references agree on where they are."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.interface import Backbone
from geoflood.backbones.patches import Patches, matches, patches
from geoflood.core.datatypes import AttentionMap, Candidate, Image, Reference
from geoflood.core.images import UnreadableImageError
from geoflood.database.bands import above
from geoflood.imagery.views import pixels_of
from geoflood.localize.attention import sample
from geoflood.localize.matching.geometry import agreeing

__all__ = ["Reranker", "count_inliers"]

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Reranker:
    """Candidates, best first -> the same with inliers on the first `count`. Threads may share it.

    The references are looked at anew from their pictures: DESIGN.md weighs that against keeping patches.
    What was told to be under water counts as little as that is believed, on both sides; the attention counts
    on the photo's.
    """

    backbone: Backbone
    bands: Sequence[int]
    """Percent, see geoflood.database.bands."""
    count: int
    pool: ThreadPoolExecutor
    """References are looked at side by side in it; it may serve several photos at once."""

    def __call__(
        self,
        photo: Image,
        attention: AttentionMap,
        belief: Floats | None,
        candidates: Sequence[Candidate],
    ) -> tuple[tuple[Candidate, ...], str]:
        """The candidates, and what to tell people of those whose pictures are gone, or ""."""
        first = [c.reference for c in candidates[: self.count]]
        counts = self.inliers(photo, attention, belief, first)
        gone = counts.count(None)
        seen = [replace(c, inliers=count) for c, count in zip(candidates, counts, strict=False)]
        told = f"{gone} not re-ranked: their pictures are gone" if gone else ""
        return (*seen, *candidates[self.count :]), told

    def inliers(
        self,
        photo: Image,
        attention: AttentionMap,
        belief: Floats | None,
        references: Sequence[Reference],
    ) -> list[int | None]:
        """Of the photo with each reference; None where the picture of one is gone."""
        query = patches(self.backbone, photo)
        worth = self.worth(query, belief) * sample(attention, query.places)
        return list(self.pool.map(lambda other: self._one(query, worth, belief, other), references))

    def worth(self, of: Patches, belief: Floats | None) -> Floats:
        """What the places of a photo count, [n]: less, the surer they are under water; all 1 for None.

        Not the bands' mixture where nothing was told: a dry street would lose half of what it shows.
        """
        if belief is None:
            return np.ones(len(of.places), np.float32)
        return above(of.places, belief, self.bands)

    def look(self, reference: Reference) -> Patches | None:
        """The details of a reference; None when its picture is gone."""
        try:
            return patches(self.backbone, pixels_of(reference))
        except UnreadableImageError:
            return None

    def _one(self, query: Patches, worth: Floats, belief: Floats | None, reference: Reference) -> int | None:
        other = self.look(reference)
        if other is None:
            return None
        return count_inliers(query, worth, other, self.worth(other, belief))


def count_inliers(query: Patches, worth: Floats, reference: Patches, other: Floats) -> int:
    """Matches of two photos that agree on one shift and scale, each the geometric mean of its ends' worth.

    worth [n], other [m] >= 0: what the patches of the query and of the reference count.
    """
    pairs = matches(query, reference)
    counted = np.sqrt(worth[pairs[:, 0]] * other[pairs[:, 1]])
    kept = agreeing(_in_widths(query)[pairs[:, 0]], _in_widths(reference)[pairs[:, 1]], counted)
    return round(float(counted[kept].sum()))


def _in_widths(of: Patches) -> NDArray[np.float64]:
    """Places [n, 2] in units of the frame's width, so that a shift is one in both directions."""
    height, width = of.shape
    return np.asarray(of.places * np.array([1.0, height / width]), float)
