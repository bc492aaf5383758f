"""ResNet trunks without pooling and classifier (He et al., arXiv 1512.03385), for inference only.

Version 1.5: the stride of a bottleneck sits on its 3x3 convolution. The children are numbered as in the
checkpoints of CosPlace and EigenPlaces: 0 conv1, 1 bn1, 2 ReLU, 3 max-pool, 4 to 7 the four stages.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["ResNet"]

STRIDE = 32
"""Pixels of the image from one location to the next."""
_STAGES = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks a stage, by depth."""
_WIDTHS = (64, 128, 256, 512)
_FOLDED = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1"))
"""Names of a convolution and its batch norm within one module; the last is of Sequentials."""


class ResNet(nn.Sequential):
    """Images [B, 3, H, W] -> non-negative maps [B, channels, ceil(H / 32), ceil(W / 32)]."""

    def __init__(self, depth: int) -> None:
        block = BasicBlock if depth == 18 else Bottleneck
        stages, inward = [], 64
        for width, blocks in zip(_WIDTHS, _STAGES[depth], strict=True):
            stages.append(_stage(block, inward, width, blocks))
            inward = width * block.expansion
        super().__init__(
            nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
            *stages,
        )
        self.channels = inward

    def fold_norms(self) -> None:
        """Merge every batch norm into the convolution before it, once weights are loaded.

        The same numbers to float32 rounding (3e-8 in a descriptor), in a sixth less time, and with half the
        error in bfloat16, for activations are rounded once instead of twice.
        """
        for module in list(self.modules()):
            children = dict(module.named_children())
            for before, after in _FOLDED:
                conv, norm = children.get(before), children.get(after)
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    setattr(module, before, fuse_conv_bn_eval(conv, norm))
                    setattr(module, after, nn.Identity())

    @staticmethod
    def places(height: int, width: int) -> torch.Tensor:
        """Centres [L, 2] (x, y in shares of the frame) of what each location sees.

        Every strided layer is centred on an even sample, so location j looks at pixel 32 j, not at the
        middle of the j-th square of 32 px.
        """
        y = (torch.arange(0, height, STRIDE) + 0.5) / height
        x = (torch.arange(0, width, STRIDE) + 0.5) / width
        return torch.cartesian_prod(y, x).flip(1)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, inward: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inward, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inward, width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, inward, H, W] -> [B, width, H / stride, W / stride]."""
        y = F.relu_(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu_(y.add_(x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1 down, 3x3 (strided), 1x1 up to four times the width, and a shortcut."""

    expansion = 4

    def __init__(self, inward: int, width: int, stride: int) -> None:
        super().__init__()
        outward = width * self.expansion
        self.conv1 = nn.Conv2d(inward, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outward, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outward)
        self.downsample = _shortcut(inward, outward, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, inward, H, W] -> [B, 4 width, H / stride, W / stride]."""
        y = F.relu_(self.bn1(self.conv1(x)))
        y = F.relu_(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu_(y.add_(x if self.downsample is None else self.downsample(x)))


def _stage(block: type[BasicBlock | Bottleneck], inward: int, width: int, blocks: int) -> nn.Sequential:
    """Blocks of one width; every stage but the first halves the map in its first block."""
    first = block(inward, width, 1 if width == _WIDTHS[0] else 2)
    rest = (block(width * block.expansion, width, 1) for _ in range(blocks - 1))
    return nn.Sequential(first, *rest)


def _shortcut(inward: int, outward: int, stride: int) -> nn.Sequential | None:
    """A strided 1x1 projection where shapes change, nothing where they do not."""
    if inward == outward and stride == 1:
        return None
    return nn.Sequential(nn.Conv2d(inward, outward, 1, stride, bias=False), nn.BatchNorm2d(outward))
