"""From a catalogue row to a working backbone: the published networks behind the seam."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import torch
from torch import nn

from geoflood.backbones.catalog import Checkpoint, find
from geoflood.backbones.compute import Compute
from geoflood.backbones.dinov2 import DinoV2
from geoflood.backbones.gem import gem_network
from geoflood.backbones.megaloc import MegaLocNetwork
from geoflood.backbones.salad import SaladNetwork
from geoflood.backbones.seam import Features, relative
from geoflood.backbones.weights import check_state, load
from geoflood.images import resize
from geoflood.terms import Image

__all__ = ["Network", "Published", "build", "skeleton"]

_CODE = "1"
"""Raise when the same weights begin to give other descriptors."""
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


class Network(Protocol):
    """What a family's file provides: a torch module in two steps, both in float32 at the border."""

    backbone: nn.Module
    """The trunk, which alone may run in lower precision."""

    def local(self, images: torch.Tensor) -> Any:
        """Local features of images [B, 3, H, W], ImageNet-normalised."""

    def pool(self, local: Any, weights: torch.Tensor) -> torch.Tensor:
        """Unit descriptors [B, M, D] under weights [B or 1, M, L], as `relative` gives them."""

    def places(self, height: int, width: int) -> torch.Tensor:
        """Centres [L, 2] (x, y in shares of the frame) of the locations of an image of that size."""


_NETWORKS: dict[str, Callable[[Checkpoint], Network]] = {
    "cosplace": lambda row: gem_network(row.trunk, row.dimension),
    "eigenplaces": lambda row: gem_network(row.trunk, row.dimension),
    "salad": lambda row: SaladNetwork(DinoV2(mask_token=True)),
    "megaloc": lambda row: MegaLocNetwork(DinoV2(), row.dimension),
}


def skeleton(row: Checkpoint) -> Network:
    """The network of a row without any memory for its weights, in inference mode."""
    with torch.device("meta"):
        network = _NETWORKS[row.family](row)
    cast(nn.Module, network).eval().requires_grad_(False)
    return network


def build(name: str, compute: Compute | None = None, state: Mapping[str, torch.Tensor] | None = None) -> Published:
    """The backbone of that name, with the weights in models/ unless a state dict is given.

    Raises UsageError for an unknown name, WeightsError when weights are missing, damaged or of another network.
    """
    row = find(name)
    if state is None:
        loaded = load(row)
        return Published(row, loaded.state, loaded.sha256, compute or Compute.best())
    check_state(row, state, "the given state dict")
    return Published(row, state, _digest(state), compute or Compute.best())


class Published:
    """A published network as a `seam.Backbone`."""

    def __init__(self, row: Checkpoint, state: Mapping[str, torch.Tensor], checksum: str, compute: Compute) -> None:
        self.name, self.dimension = row.name, row.dimension
        self.version = f"{_CODE}:{checksum[:16]}"
        self.compute = compute
        self._row = row
        self._network = skeleton(row)
        module = cast(nn.Module, self._network)
        module.load_state_dict(state, strict=True, assign=True)
        module.requires_grad_(False).to(compute.device, torch.float32)
        # Convolutions on the processor and on tensor cores want channels last; for the rest it changes nothing.
        self._network.backbone.to(dtype=compute.dtype, memory_format=torch.channels_last)
        self._mean = torch.tensor(_MEAN, device=compute.device).view(1, 3, 1, 1)
        self._std = torch.tensor(_STD, device=compute.device).view(1, 3, 1, 1)

    def prepare(self, image: Image) -> Image:
        """Resize to what the network was trained or published with, as torchvision's Resize does."""
        height, width = image.shape[:2]
        side = self._row.side
        if self._row.squashed:
            return resize(image, side, side, bilinear=True)
        short = min(height, width)
        return resize(image, side * width // short, side * height // short, bilinear=True)

    @torch.inference_mode()
    def features(self, images: torch.Tensor) -> Features:
        """Local features of images [B, 3, H, W], float32 in 0..1, on any device."""
        height, width = images.shape[2:]
        pixels = (images.to(self.compute.device) - self._mean) / self._std
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        return Features(self._network.local(pixels), self._network.places(height, width))

    @torch.inference_mode()
    def aggregate(self, features: Features, weights: torch.Tensor | None = None) -> torch.Tensor:
        """Descriptors [B, M, D], float32 on the processor, under weights [B or 1, M, L]."""
        images = _images(features.values)
        shares = relative(weights, images, len(features)).to(self.compute.device)
        return self._network.pool(features.values, shares).cpu()


def _digest(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over names and values, for weights that did not come from a file."""
    total = hashlib.sha256()
    for key in sorted(state):
        total.update(key.encode())
        total.update(state[key].detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return total.hexdigest()
