"""DINOv2's ViT-B/14 without registers (Oquab et al., arXiv 2304.07193), for inference only.

Pre-norm transformer blocks with LayerScale after attention and after the MLP, exact GELU, LayerNorm with
eps 1e-6, and a final norm over all tokens. `mask_token` serves training only; SALAD's checkpoint carries it,
MegaLoc's does not.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["DinoV2", "to_patches"]

_PATCH = 14
"""Pixels a side of a patch."""
_GRID = 37
"""Patches a side for which position embeddings were trained (518 px)."""
_OFFSET = 0.1
"""Added to the grid before the scale factor is taken; it shifts the sampling coordinates slightly."""


def to_patches(images: torch.Tensor) -> torch.Tensor:
    """Images [B, 3, H, W] with each side at the nearest multiple of 14, resized only where needed."""
    size = tuple(_whole(side) * _PATCH for side in images.shape[2:])
    if size == images.shape[2:]:
        return images
    return F.interpolate(images, size, mode="bilinear", antialias=True)


def _whole(side: int) -> int:
    """Patches along a side of that many pixels; halves go to the even number, as the authors' do."""
    return max(1, round(side / _PATCH))


class DinoV2(nn.Module):
    """Images [B, 3, H, W], multiples of 14 -> tokens [B, 1 + H/14 W/14, width]: CLS, then patches by rows."""

    def __init__(
        self, width: int = 768, depth: int = 12, heads: int = 12, *, mask_token: bool = False
    ) -> None:
        super().__init__()
        self.width = width
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + _GRID**2, width))
        if mask_token:
            self.mask_token = nn.Parameter(torch.empty(1, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, _PATCH, stride=_PATCH)})
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Every token after the final norm."""
        patches = self.patch_embed["proj"](images.to(self.cls_token.dtype))  # [B, width, H/14, W/14]
        rows, columns = patches.shape[2:]
        tokens = torch.cat([self.cls_token.expand(len(images), -1, -1), patches.flatten(2).mT], 1)
        tokens = tokens + self.positions(rows, columns).to(tokens.dtype)
        return self.norm(self.blocks(tokens))  # type: ignore[no-any-return]

    def positions(self, rows: int, columns: int) -> torch.Tensor:
        """Position embeddings [1, 1 + rows columns, width], float32.

        The table is resampled by scale factor, not to a target size: with the offset, the two differ.
        """
        table = self.pos_embed.float()
        if rows == columns == _GRID:
            return table
        square = table[:, 1:].mT.reshape(1, -1, _GRID, _GRID)
        scale = ((rows + _OFFSET) / _GRID, (columns + _OFFSET) / _GRID)
        resampled = F.interpolate(square, scale_factor=scale, mode="bicubic", antialias=False)
        return torch.cat([table[:, :1], resampled.flatten(2).mT], 1)

    @staticmethod
    def places(height: int, width: int) -> torch.Tensor:
        """Centres [L, 2] (x, y in shares of the frame) of the patches that `to_patches` cuts."""
        rows, columns = _whole(height), _whole(width)
        y = (torch.arange(rows) + 0.5) / rows
        x = (torch.arange(columns) + 0.5) / columns
        return torch.cartesian_prod(y, x).flip(1)


class Block(nn.Module):
    """Attention and MLP, each normed before, scaled per channel after, and added."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width)
        self.ls2 = LayerScale(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[B, N, width] -> the same."""
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        return tokens + self.ls2(self.mlp(self.norm2(tokens)))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Softmax attention of all tokens to all, `heads` at once."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[B, N, width] -> the same."""
        qkv = self.qkv(tokens).reshape(*tokens.shape[:2], 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each [B, heads, N, width / heads]
        attended = F.scaled_dot_product_attention(query, key, value)
        return self.proj(attended.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class Mlp(nn.Module):
    """Up to four times the width, exact GELU, and down."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., width] -> the same."""
        return self.fc2(F.gelu(self.fc1(x)))  # type: ignore[no-any-return]


class LayerScale(nn.Module):
    """One learned factor a channel (Touvron et al., arXiv 2103.17239)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., width] -> the same."""
        return x * self.gamma
