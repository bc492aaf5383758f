"""The network of each published family, without weights: which modules a checkpoint has to fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import nn

from geoflood.backbones.catalog import Checkpoint
from geoflood.backbones.clip_vit import ClipTower, tower_state
from geoflood.backbones.dinov2 import DinoV2
from geoflood.backbones.gem import gem_network
from geoflood.backbones.geoclip import ImageHead, LocationEncoder, LogitScale
from geoflood.backbones.megaloc import MegaLocNetwork
from geoflood.backbones.network import Network
from geoflood.backbones.salad import SaladNetwork

__all__ = ["published_shapes", "published_state", "skeleton"]

State: TypeAlias = dict[str, torch.Tensor]

_NETWORKS: dict[str, Callable[[Checkpoint], Network]] = {
    "cosplace": lambda row: gem_network(row.trunk, row.dimension),
    "eigenplaces": lambda row: gem_network(row.trunk, row.dimension),
    "salad": lambda row: SaladNetwork(DinoV2(mask_token=True)),
    "megaloc": lambda row: MegaLocNetwork(DinoV2(), row.dimension),
}

_WORLD: dict[str, Callable[[], nn.Module]] = {
    "clip": ClipTower,
    "location-encoder": LocationEncoder,
    "image-head": ImageHead,
    "logit-scale": LogitScale,
}


def skeleton(row: Checkpoint) -> Network:
    """The network of a row without any memory for its weights, in inference mode."""
    with torch.device("meta"):
        return _NETWORKS[row.family](row)


def published_shapes(row: Checkpoint) -> dict[str, list[int]]:
    """Key -> shape of every entry that the network of a row needs, one of the world prior included."""
    if row.family not in _WORLD:
        return {key: list(value.shape) for key, value in skeleton(row).state_dict().items()}
    with torch.device("meta"):
        network = _WORLD[row.family]()
    return {key: list(value.shape) for key, value in network.state_dict().items()}


def published_state(row: Checkpoint, content: object) -> State | None:
    """The entries that the network of a row takes out of what a checkpoint holds; None where it holds none.

    A whole CLIP has a text side that stays out, and GeoCLIP's scale is one bare number.
    """
    if row.family == "logit-scale" and isinstance(content, torch.Tensor):
        return {"logit_scale": content}
    if not isinstance(content, dict):
        return None
    state = {str(key): value for key, value in content.items()}
    whole = row.family == "clip" and all(isinstance(value, torch.Tensor) for value in state.values())
    return tower_state(state) if whole else state
