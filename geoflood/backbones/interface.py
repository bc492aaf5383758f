"""What every backbone offers: local features first, their aggregation second; attention enters between.

A backbone turns images into local features at L locations of the frame; `aggregate` turns features and
weights per location into descriptors. Attention maps and waterline bands are both such weights. So one pass
over the pixels serves every band, and every backbone treats attention in the same place.
Uniform weights give exactly the backbone's own descriptor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch

from geoflood.core.datatypes import Image

__all__ = ["Backbone", "Features", "relative_weights"]


@dataclass(frozen=True, eq=False)
class Features:
    """Local features of B images that share a size, at the same L locations each."""

    values: Any
    """Whatever the backbone aggregates: a feature map, tokens, local descriptors ... [B, ...]."""
    places: torch.Tensor
    """[L, 2] centre (x, y) of each location as shares of the frame, y downwards, float32."""

    def __len__(self) -> int:
        """L."""
        return len(self.places)


class Backbone(Protocol):
    """Images to descriptors, in two steps."""

    name: str
    version: str
    """Changes whenever the descriptors do: a number of the code, and for published ones of the weights."""
    dimension: int
    """D, of one descriptor before any projection."""
    has_energy: bool
    """Whether `energy` is defined; for a family without a published definition it is not."""

    def prepare(self, image: Image) -> Image:
        """Resize one upright image to what the backbone takes; [h, w, 3] uint8."""

    def features(self, images: torch.Tensor) -> Features:
        """Local features of images [B, 3, H, W], float32 in 0..1."""

    def aggregate(self, features: Features, weights: torch.Tensor | None = None) -> torch.Tensor:
        """Descriptors [B, M, D] with unit rows under M weightings, weights [B, M, L] or [1, M, L] >= 0.

        None means one uniform weighting: M is 1. A weighting that is zero everywhere counts as uniform.
        """

    def energy(self, features: Features) -> torch.Tensor:
        """How strong the features of each location are, before any weights: [B, L] > 0, mean 1 over L.

        What the paper's blend mixes attention with. Raises ValueError where `has_energy` is False.
        """


def relative_weights(weights: torch.Tensor | None, images: int, places: int) -> torch.Tensor:
    """Weightings [B or 1, M, L] float32 as `aggregate` takes them, scaled so that the largest of each is 1.

    Only ratios of weights carry meaning. A uniform weighting, all zeros included, comes out as exact ones, so
    that its descriptor has the same bits as without weights. Raises ValueError for another shape, NaN,
    infinity and negative weights: those are mistakes of the caller.
    """
    if weights is None:
        return torch.ones(1, 1, places)
    if weights.ndim != 3 or weights.shape[0] not in (1, images) or weights.shape[2] != places:
        raise ValueError(f"weights {list(weights.shape)} do not fit {images} images with {places} places")
    weights = weights.float()
    if not bool(torch.isfinite(weights).all()) or bool((weights < 0).any()):
        raise ValueError("weights must be finite and not negative")
    largest = weights.amax(-1, keepdim=True)
    return torch.where(largest > 0, weights / largest, 1.0)
