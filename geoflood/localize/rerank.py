"""Re-ranking: how many details of a photo and of its first references agree on where they are."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.interface import Backbone
from geoflood.backbones.patches import Patches, matches, patches
from geoflood.core.datatypes import AttentionMap, Reference
from geoflood.core.images import UnreadableImageError
from geoflood.database.bands import above
from geoflood.imagery.views import pixels_of
from geoflood.localize.attention import sample
from geoflood.localize.matching.geometry import agreeing

__all__ = ["Reranker", "count_inliers"]

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Reranker:
    """Counts inliers of a photo with references. Threads may share it.

    References are described anew from their pictures. A patch counts as much as it is believed to stand
    above the water, in both images; the attention counts in the photo.
    """

    backbone: Backbone
    bands: Sequence[int]
    """Percent, see geoflood.database.bands."""
    pool: ThreadPoolExecutor
    """References are described side by side in it; it may serve several photos at once."""

    def inliers(
        self,
        photo: Patches,
        attention: AttentionMap,
        belief: Floats | None,
        references: Sequence[Reference],
    ) -> NDArray[np.float64]:
        """Inliers [n] of the photo with n references; NaN where the picture of one is gone.

        belief [bands]: how much each waterline is believed; None where nothing was told.
        """
        worth = self.worth(photo, belief) * sample(attention, photo.places)

        def with_reference(reference: Reference) -> float:
            other = self.patches_of(reference)
            return np.nan if other is None else count_inliers(photo, worth, other, self.worth(other, belief))

        return np.array(list(self.pool.map(with_reference, references)), float)

    def worth(self, image: Patches, belief: Floats | None) -> Floats:
        """What each patch of an image counts, [n]: less, the surer it is under water.

        All count 1 where nothing was told. The mixture over all bands will not do there: a dry street would
        lose half of what it shows.
        """
        if belief is None:
            return np.ones(len(image.places), np.float32)
        return above(image.places, belief, self.bands)

    def patches_of(self, reference: Reference) -> Patches | None:
        """The patches of a reference; None when its picture is gone."""
        try:
            return patches(self.backbone, pixels_of(reference))
        except UnreadableImageError:
            return None


def count_inliers(query: Patches, worth: Floats, reference: Patches, other: Floats) -> int:
    """Matches of two images that agree on one shift and scale, each the geometric mean of its ends' worth.

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
