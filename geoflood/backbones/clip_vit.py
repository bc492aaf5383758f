"""The image tower of CLIP ViT-L/14 (Radford et al., arXiv 2103.00020), for inference only.

Pre-norm transformer blocks with quick-GELU; a LayerNorm before the blocks, one over the class token after
them, and a projection. The attribute names are those of Hugging Face's checkpoint; OpenAI's are translated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from geoflood.core.datatypes import Image
from geoflood.core.images import resize

__all__ = ["ClipTower", "clip_pixels", "tower_state"]

_SIDE = 224
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


def clip_pixels(image: Image, side: int = _SIDE) -> NDArray[np.float32]:
    """What the tower takes of an upright image: its middle, normalised, float32 [3, side, side].

    The shorter side is resized, bicubic on 8 bits, and the middle square is cut; so did CLIP's authors.
    """
    height, width = image.shape[:2]
    short, long = min(height, width), max(height, width)
    longer = int(side * long / short)
    size = (side, longer) if width <= height else (longer, side)
    small = resize(image, *size)
    top, left = (small.shape[0] - side) // 2, (small.shape[1] - side) // 2
    middle = small[top : top + side, left : left + side]
    shares = (middle.astype(np.float64) * (1 / 255)).astype(np.float32)
    normal = (shares - np.array(_MEAN, np.float32)) / np.array(_STD, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1))


class ClipTower(nn.Module):
    """Pixels [B, 3, side, side] as `clip_pixels` gives them -> features [B, out], not normalised."""

    def __init__(
        self,
        width: int = 1024,
        depth: int = 24,
        heads: int = 16,
        out: int = 768,
        side: int = _SIDE,
        patch: int = 14,
    ) -> None:
        super().__init__()
        self.vision_model = ClipVision(width, depth, heads, side, patch)
        self.visual_projection = nn.Linear(width, out, bias=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The class token's feature, projected; in the precision of the weights."""
        return self.visual_projection(self.vision_model(pixels))  # type: ignore[no-any-return]


class ClipVision(nn.Module):
    """The tower without its projection: pixels -> the class token [B, width]."""

    def __init__(self, width: int, depth: int, heads: int, side: int, patch: int) -> None:
        super().__init__()
        self.embeddings = ClipEmbeddings(width, side, patch)
        self.pre_layrnorm = nn.LayerNorm(width)  # misspelt in the published checkpoint
        self.encoder = nn.ModuleDict(
            {"layers": nn.Sequential(*(ClipLayer(width, heads) for _ in range(depth)))}
        )
        self.post_layernorm = nn.LayerNorm(width)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """[B, 3, side, side] -> [B, width]."""
        tokens = self.pre_layrnorm(self.embeddings(pixels))
        tokens = self.encoder["layers"](tokens)
        return self.post_layernorm(tokens[:, 0])  # type: ignore[no-any-return]


class ClipEmbeddings(nn.Module):
    """Patches as tokens, a class token before them, and where each is."""

    def __init__(self, width: int, side: int, patch: int) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.patch_embedding = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        # No nn.Embedding: without memory for its weights it takes two seconds to initialise.
        table = nn.Parameter(torch.empty((side // patch) ** 2 + 1, width))
        self.position_embedding = nn.ParameterDict({"weight": table})

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """[B, 3, side, side] -> [B, 1 + patches, width]."""
        patches = self.patch_embedding(pixels.to(self.class_embedding.dtype)).flatten(2).mT
        first = self.class_embedding.expand(len(pixels), 1, -1)
        where: torch.Tensor = self.position_embedding["weight"]
        return torch.cat([first, patches], dim=1) + where


class ClipLayer(nn.Module):
    """Attention and MLP, each normed before and added."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = ClipAttention(width, heads)
        self.layer_norm1 = nn.LayerNorm(width)
        self.mlp = ClipMlp(width)
        self.layer_norm2 = nn.LayerNorm(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[B, N, width] -> the same."""
        tokens = tokens + self.self_attn(self.layer_norm1(tokens))
        return tokens + self.mlp(self.layer_norm2(tokens))  # type: ignore[no-any-return]


class ClipAttention(nn.Module):
    """Softmax attention of all tokens to all, `heads` at once."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[B, N, width] -> the same."""
        query, key, value = (
            part(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.q_proj, self.k_proj, self.v_proj)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        return self.out_proj(attended.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class ClipMlp(nn.Module):
    """Up to four times the width, quick-GELU, and down."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., width] -> the same."""
        x = self.fc1(x)
        return self.fc2(x * torch.sigmoid(1.702 * x))  # type: ignore[no-any-return]


_TEXT_SIDE = re.compile(
    r"text_|logit_scale$|transformer\.|token_embedding\.|positional_embedding$|ln_final\.|"
    r"(input_resolution|context_length|vocab_size)$|vision_model\.embeddings\.position_ids$"
)
"""Entries of a whole CLIP that its image tower does without, in both layouts."""

_NAMES = {
    "class_embedding": "vision_model.embeddings.class_embedding",
    "conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "ln_pre": "vision_model.pre_layrnorm",
    "ln_post": "vision_model.post_layernorm",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
"""OpenAI's names -> Hugging Face's."""


def tower_state(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The image tower out of a whole CLIP, in either published layout; what is neither's stays in it."""
    kept = {key: value for key, value in state.items() if not _TEXT_SIDE.match(key)}
    if "visual.conv1.weight" not in kept:
        return kept
    renamed: dict[str, torch.Tensor] = {}
    for key, value in kept.items():
        renamed |= _hugging_face(key.removeprefix("visual."), value)
    return renamed


def _hugging_face(key: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
    """One of OpenAI's entries under the other names; queries, keys and values are stacked there."""
    if key == "proj":
        return {"visual_projection.weight": value.mT if value.ndim == 2 else value}
    block = re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+)", key)
    before, rest = (f"vision_model.encoder.layers.{int(block[1])}.", block[2]) if block else ("", key)
    if stacked := re.fullmatch(r"attn\.in_proj_(weight|bias)", rest):
        parts = value.chunk(3) if value.ndim else ()
        names = (f"{before}self_attn.{part}_proj.{stacked[1]}" for part in "qkv")
        return dict(zip(names, parts, strict=False))
    stem, dot, leaf = rest.rpartition(".")
    name = _NAMES.get(rest) or (f"{_NAMES[stem]}{dot}{leaf}" if stem in _NAMES else rest)
    return {before + name: value}
