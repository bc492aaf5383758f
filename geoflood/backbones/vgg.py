"""The VGG-16 trunk (Simonyan and Zisserman, arXiv 1409.1556), cut after conv5_3, for inference only.

CosPlace and EigenPlaces drop the last pooling *and* the last ReLU, so the map may be negative. The children
are numbered as in their checkpoints: 0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28 are the convolutions.
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["Vgg16"]

STRIDE = 16
"""Pixels of the image from one location to the next."""
_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""(channels, convolutions) of each block; a 2x2 max-pool stands between blocks."""


class Vgg16(nn.Sequential):
    """Images [B, 3, H, W] -> maps [B, 512, H // 16, W // 16]."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        inward = 3
        for channels, convolutions in _BLOCKS:
            for _ in range(convolutions):
                layers += [nn.Conv2d(inward, channels, 3, padding=1), nn.ReLU(inplace=True)]
                inward = channels
            layers.append(nn.MaxPool2d(2))
        super().__init__(*layers[:-2])
        self.channels = inward

    @staticmethod
    def places(height: int, width: int) -> torch.Tensor:
        """Centres [L, 2] (x, y in shares of the frame) of what each location sees: squares of 16 px."""
        y = (torch.arange(height // STRIDE) + 0.5) * STRIDE / height
        x = (torch.arange(width // STRIDE) + 0.5) * STRIDE / width
        return torch.cartesian_prod(y, x).flip(1)
