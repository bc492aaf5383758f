"""SALAD (Izquierdo and Civera, arXiv 2311.15937): DINOv2 tokens, pooled by optimal transport.

Every patch has one unit of mass to give. Each of m clusters takes one unit, a dustbin takes the other n - m,
and three Sinkhorn iterations find who gives to whom. A cluster's vector is the sum of what it was given; the
class token is a block of its own.

Attention enters after the transport: patch i keeps the share w_i of what it gives, and a cluster is scaled
by what is left of its mass. Weights alone are not enough, for each cluster is scaled back to unit length: one
that lies wholly in the flood would count as before, made of leftovers. Decision 037
has the figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from geoflood.backbones.dinov2 import DinoV2, to_patches
from geoflood.backbones.network import Network

__all__ = ["Aggregation", "AssignedTokens", "SaladNetwork", "transport"]

CLUSTERS = 64
ITERATIONS = 3
_HIDDEN = 512
_SCALE_POWER = 0.25
"""A cluster's unit vector is scaled by this power of its remaining mass. 0 keeps clusters of the flooded part
in force; 1/2 and more measurably weaken what two equally masked images share. 1/4 lies between, within the
sampling error of 0: to be decided again with trained weights."""
_TINY = 1e-30
"""Avoids a division by zero where weights fall only on patches that all clusters discard."""
_TOKEN = 256
"""Numbers of the descriptor that come from the class token."""


def transport(scores: torch.Tensor, dust_bin: torch.Tensor) -> torch.Tensor:
    """What each cluster is given by each patch, [B, m, n], of scores [B, m, n]; float32, log domain.

    Sinkhorn with regularisation 1 (paper, section 3.2). Columns sum to 1 together with the dustbin's row,
    rows nearly so after three iterations. Raises ValueError unless there are more patches than clusters.
    """
    m, n = scores.shape[1:]
    if n <= m:
        raise ValueError(f"{n} patches cannot fill {m} clusters: the image is too small")
    scores = torch.cat([scores, dust_bin.expand(len(scores), 1, n)], 1)
    rows = scores.new_zeros(m + 1, 1)
    rows[m] = math.log(n - m)  # masses in units of a patch's, so columns have log mass 0
    v = scores.new_zeros(len(scores), 1, n)
    for _ in range(ITERATIONS):
        u = rows - torch.logsumexp(scores + v, 2, keepdim=True)
        v = -torch.logsumexp(scores + u, 1, keepdim=True)
    return (scores + u + v).exp()[:, :m]


@dataclass(frozen=True, eq=False)
class AssignedTokens:
    """Local features of SALAD: everything that weights do not change."""

    token: torch.Tensor
    """[B, 256]."""
    features: torch.Tensor
    """[B, n, l], one vector a patch."""
    plan: torch.Tensor
    """[B, m, n], what each cluster is given by each patch."""

    def __len__(self) -> int:
        """B."""
        return len(self.plan)


class Aggregation(nn.Module):
    """Tokens to unit descriptors of 256 + 64 l numbers. All of it runs in float32."""

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.dimension = _TOKEN + CLUSTERS * features
        self.token_features = nn.Sequential(nn.Linear(width, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _TOKEN))
        self.cluster_features = _pointwise(width, features)
        self.score = _pointwise(width, CLUSTERS)
        self.dust_bin = nn.Parameter(torch.empty(()))

    def assign(self, tokens: torch.Tensor) -> AssignedTokens:
        """Solve the transport for tokens [B, 1 + n, width]."""
        patches = tokens[:, 1:].mT.unsqueeze(-1)  # [B, width, n, 1]: a map for the 1x1 convolutions
        features = self.cluster_features(patches).squeeze(-1).mT
        plan = transport(self.score(patches).squeeze(-1), self.dust_bin)
        return AssignedTokens(self.token_features(tokens[:, 0]), features, plan)

    def pool(self, assigned: AssignedTokens, weights: torch.Tensor) -> torch.Tensor:
        """Unit descriptors [B, M, 256 + 64 l] under weights [B or 1, M, n].

        Only ratios between the clusters' scales matter. Their squares have mean 1, so the class token keeps
        its 1/65 of the similarity whatever the weights.
        """
        kept = assigned.plan.unsqueeze(1) * weights.unsqueeze(2)  # [B, M, m, n]
        whole = assigned.plan.sum(-1).unsqueeze(1)
        left = torch.where(whole > 0, kept.sum(-1) / whole, 1.0)  # extreme scores can leave a cluster nothing
        scale = left.pow(_SCALE_POWER)
        scale = scale / scale.square().mean(-1, keepdim=True).sqrt().clamp(min=_TINY)
        clusters = F.normalize(kept @ assigned.features.unsqueeze(1), dim=-1) * scale.unsqueeze(-1)
        token = F.normalize(assigned.token, dim=-1).unsqueeze(1).expand(-1, clusters.shape[1], -1)
        return F.normalize(torch.cat([token, clusters.mT.flatten(2)], -1), dim=-1)  # channel-major


class SaladNetwork(Network):
    """DINOv2 ViT-B/14 and its aggregation."""

    backbone: nn.ModuleDict

    def __init__(self, trunk: DinoV2) -> None:
        super().__init__()
        self.backbone = nn.ModuleDict({"model": trunk})
        self.aggregator = Aggregation(trunk.width, features=128)

    def local(self, images: torch.Tensor) -> AssignedTokens:
        """Tokens and their transport, float32, of normalised images [B, 3, H, W]."""
        return self.aggregator.assign(self.backbone["model"](to_patches(images)).float())

    def pool(self, local: AssignedTokens, weights: torch.Tensor) -> torch.Tensor:
        """Unit descriptors [B, M, 8448] under weights [B or 1, M, L]."""
        return self.aggregator.pool(local, weights)

    def places(self, height: int, width: int) -> torch.Tensor:
        """Centres [L, 2] of the patches."""
        return DinoV2.places(height, width)


def _pointwise(inward: int, outward: int) -> nn.Sequential:
    """Two 1x1 convolutions; the layer between stands where training has its dropout."""
    hidden = nn.Conv2d(inward, _HIDDEN, 1)
    return nn.Sequential(hidden, nn.Identity(), nn.ReLU(), nn.Conv2d(_HIDDEN, outward, 1))
