"""The network of each published family, without weights: which modules a checkpoint has to fill."""

from __future__ import annotations

from collections.abc import Callable

import torch

from geoflood.backbones.catalog import Checkpoint
from geoflood.backbones.dinov2 import DinoV2
from geoflood.backbones.gem import gem_network
from geoflood.backbones.megaloc import MegaLocNetwork
from geoflood.backbones.network import Network
from geoflood.backbones.salad import SaladNetwork

__all__ = ["skeleton"]

_NETWORKS: dict[str, Callable[[Checkpoint], Network]] = {
    "cosplace": lambda row: gem_network(row.trunk, row.dimension),
    "eigenplaces": lambda row: gem_network(row.trunk, row.dimension),
    "salad": lambda row: SaladNetwork(DinoV2(mask_token=True)),
    "megaloc": lambda row: MegaLocNetwork(DinoV2(), row.dimension),
}


def skeleton(row: Checkpoint) -> Network:
    """The network of a row without any memory for its weights, in inference mode."""
    with torch.device("meta"):
        return _NETWORKS[row.family](row)
