"""MegaLoc (Berton and Masone, arXiv 2502.17237): SALAD's aggregation, wider, and one linear layer on top.

Trained on five data sets at once. The linear layer mixes all clusters, so attention enters before it, where
it does in SALAD.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from geoflood.backbones.dinov2 import DinoV2, to_patches
from geoflood.backbones.salad import CLUSTERS, Aggregation, Given

__all__ = ["MegaLocNetwork"]

_FEATURES = 256
"""Numbers a cluster, twice SALAD's; the class token has as many."""


class MegaLocNetwork(nn.Module):
    """DINOv2 ViT-B/14, aggregation and projection, under the keys of the published checkpoint."""

    def __init__(self, trunk: DinoV2, dimension: int) -> None:
        super().__init__()
        self.backbone = trunk
        self.agg = Aggregation(trunk.width, _FEATURES)
        self.linear = nn.Linear(_FEATURES * (CLUSTERS + 1), dimension)
