"""MegaLoc (Berton and Masone, arXiv 2502.17237): SALAD's aggregation, wider, and one linear layer on top.

Trained on five data sets at once. The linear layer mixes all clusters, so attention enters before it, exactly
where it does in SALAD.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from geoflood.backbones.dinov2 import DinoV2, to_patches
from geoflood.backbones.salad import Aggregation, Given

__all__ = ["MegaLocNetwork"]

_FEATURES = 256
"""Numbers a cluster: twice SALAD's."""


class MegaLocNetwork(nn.Module):
    """DINOv2 ViT-B/14, aggregation and projection, under the keys of the published checkpoint."""

    def __init__(self, trunk: DinoV2, dimension: int) -> None:
        super().__init__()
        self.backbone = trunk
        agg = Aggregation(trunk.width, _FEATURES)
        self.aggregator = nn.ModuleDict({"agg": agg, "linear": nn.Linear(agg.dimension, dimension)})

    def local(self, images: torch.Tensor) -> Given:
        """Tokens and their transport, float32, of normalised images [B, 3, H, W]."""
        return self.aggregator["agg"].give(self.backbone(to_patches(images)).float())  # type: ignore[operator]

    def pool(self, local: Given, weights: torch.Tensor) -> torch.Tensor:
        """Unit descriptors [B, M, 8448] under weights [B or 1, M, L]."""
        clusters = self.aggregator["agg"].pool(local, weights)  # type: ignore[operator]
        return F.normalize(self.aggregator["linear"](clusters), dim=-1)

    def places(self, height: int, width: int) -> torch.Tensor:
        """Centres [L, 2] of the patches of an image of that size."""
        return DinoV2.places(height, width)
