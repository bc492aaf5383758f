"""MegaLoc (Berton and Masone, arXiv 2502.17237): SALAD's aggregation, wider, and one linear layer on top.

Trained on five data sets at once. The linear layer mixes all clusters, so attention enters before it, exactly
where it does in SALAD.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from geoflood.backbones.dinov2 import DinoV2, to_patches
from geoflood.backbones.network import Network
from geoflood.backbones.salad import Aggregation, AssignedTokens

__all__ = ["MegaLocNetwork"]

_FEATURES = 256
"""Numbers a cluster: twice SALAD's."""


class MegaLocNetwork(Network):
    """DINOv2 ViT-B/14, aggregation and projection."""

    backbone: DinoV2

    def __init__(self, trunk: DinoV2, dimension: int) -> None:
        super().__init__()
        self.backbone = trunk
        self.aggregator = Projected(Aggregation(trunk.width, _FEATURES), dimension)

    def local(self, images: torch.Tensor) -> AssignedTokens:
        """Tokens and their transport, float32, of normalised images [B, 3, H, W]."""
        return self.aggregator.agg.assign(self.backbone(to_patches(images)).float())

    def pool(self, local: AssignedTokens, weights: torch.Tensor) -> torch.Tensor:
        """Unit descriptors [B, M, 8448] under weights [B or 1, M, L]."""
        clusters = self.aggregator.agg.pool(local, weights)  # [B, M, 16640], unit
        return F.normalize(self.aggregator.linear(clusters), dim=-1)

    def places(self, height: int, width: int) -> torch.Tensor:
        """Centres [L, 2] of the patches."""
        return self.backbone.places(height, width)


class Projected(nn.Module):
    """An aggregation and the linear layer after it."""

    def __init__(self, agg: Aggregation, dimension: int) -> None:
        super().__init__()
        self.agg = agg
        self.linear = nn.Linear(agg.dimension, dimension)
