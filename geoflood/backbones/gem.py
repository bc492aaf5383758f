"""CosPlace (arXiv 2204.02287) and EigenPlaces (arXiv 2308.10832): one network, two trainings.

A convolutional trunk, its features normalised over channels at every location, generalised-mean pooling
(GeM, arXiv 1711.02512) with a learned exponent, one linear layer, and a unit descriptor. Attention enters
where GeM averages: the mean over locations becomes a weighted mean.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from geoflood.backbones.network import Network
from geoflood.backbones.resnet import ResNet
from geoflood.backbones.vgg import Vgg16

__all__ = ["GemNetwork", "energy", "gem", "gem_network"]

EPS = 1e-6
"""Features are clamped to this before the power."""


def gem_network(trunk: str, dimension: int) -> GemNetwork:
    """The network of a catalogue row: trunk VGG16 or ResNet with its depth."""
    return GemNetwork(Vgg16() if trunk == "VGG16" else ResNet(int(trunk.removeprefix("ResNet"))), dimension)


def gem(local: torch.Tensor, weights: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Weighted generalised means [B, M, C] of local features [B, L, C] under weights [B or 1, M, L].

    y_c = (sum_i w_i x_ic^p / sum_i w_i)^(1/p); with equal weights the GeM of the paper.
    """
    shares = weights / weights.sum(-1, keepdim=True)
    return (shares @ local.clamp(min=EPS).pow(p)).pow(1 / p)


def energy(local: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """What each location adds to stock GeM, [B, L] of local features [B, L, C], over its mean.

    e_i = (sum_c x_ic^p)^(1/p), as VPR-AttLLM's code (arXiv 2512.11811); its division by the number of
    locations falls out with the mean.
    """
    strength = local.clamp(min=EPS).pow(p).sum(-1).pow(1 / p)
    return strength / strength.mean(-1, keepdim=True)


class Exponent(nn.Module):
    """The learned p of GeM."""

    def __init__(self) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.empty(1))


class GemNetwork(Network):
    """Trunk, GeM and projection."""

    backbone: ResNet | Vgg16
    has_energy = True

    def __init__(self, trunk: ResNet | Vgg16, dimension: int) -> None:
        super().__init__()
        self.backbone = trunk
        # The published layers are numbered; 0, 2 and 4 (normalise, flatten, normalise) hold no weights.
        self.aggregation = nn.ModuleDict({"1": Exponent(), "3": nn.Linear(trunk.channels, dimension)})

    def settle(self) -> None:
        """Ready for use, with batch norms folded into convolutions."""
        super().settle()
        if isinstance(self.backbone, ResNet):
            self.backbone.fold_norms()

    def local(self, images: torch.Tensor) -> torch.Tensor:
        """Unit local features [B, L, C], float32, of normalised images [B, 3, H, W]."""
        maps = self.backbone(images.to(next(self.backbone.parameters()).dtype))
        return F.normalize(maps.flatten(2).mT.float(), dim=-1)

    def pool(self, local: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Unit descriptors [B, M, D] under weights [B or 1, M, L]."""
        p = self.aggregation.get_parameter("1.p")
        pooled = gem(local, weights, p)
        return F.normalize(self.aggregation["3"](pooled), dim=-1)

    def energy(self, local: torch.Tensor) -> torch.Tensor:
        """[B, L], mean 1, of the local features; see `energy`."""
        return energy(local, self.aggregation.get_parameter("1.p"))

    def places(self, height: int, width: int) -> torch.Tensor:
        """Centres [L, 2], see the trunk."""
        return self.backbone.places(height, width)
