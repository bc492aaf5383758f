"""Random weights in the shape of a checkpoint: for benchmarks and tests, which need numbers, not places.

Scales are chosen so that activations neither die nor explode through any depth.
"""

from __future__ import annotations

import math

import torch

from geoflood.backbones.catalog import Checkpoint
from geoflood.backbones.skeletons import skeleton

__all__ = ["untrained", "untrained_like"]


def untrained(row: Checkpoint, seed: int = 0) -> dict[str, torch.Tensor]:
    """A state dict with the keys and shapes of the published one; the same for the same seed."""
    return untrained_like(skeleton(row), seed)


def untrained_like(network: torch.nn.Module, seed: int = 0) -> dict[str, torch.Tensor]:
    """The same for a network of any size."""
    random = torch.Generator().manual_seed(seed)
    return {key: _drawn(key, like, random) for key, like in network.state_dict().items()}


def _drawn(key: str, like: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """One tensor, by the role that its key tells."""
    if not like.is_floating_point():
        return torch.zeros(like.shape, dtype=like.dtype)
    values = torch.randn(like.shape, generator=random)
    if key.endswith("aggregation.1.p"):
        return values * 0.1 + 3
    if key.endswith(("running_var", "gamma")):
        return values.abs() * 0.3 + 0.1
    if key.endswith(("bias", "running_mean", "token", "pos_embed")):
        return values * 0.1
    if like.ndim <= 1:  # norms; the last of a residual branch is kept small
        return (1 + values * 0.1) * (0.3 if ".bn3." in key else 1)
    return values * math.sqrt((2 if like.ndim == 4 else 1) / like[0].numel())
