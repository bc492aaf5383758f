"""From a catalogue row to a working backbone: a published network as `interface.Backbone`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import torch

from geoflood.backbones.catalog import Checkpoint, find
from geoflood.backbones.compute import Compute
from geoflood.backbones.interface import Features, relative_weights
from geoflood.backbones.skeletons import skeleton
from geoflood.backbones.weights import check_state, load
from geoflood.core.datatypes import Image
from geoflood.core.images import resize

__all__ = ["Published", "State", "build", "version"]

State: TypeAlias = Mapping[str, torch.Tensor]
"""A state dict, under the published keys."""

_CODE = "1"
"""Raise when the same weights begin to give other descriptors."""
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def version(sha256: str) -> str:
    """The version of descriptors from weights with that checksum: of this code, and of the weights."""
    return f"{_CODE}:{sha256[:16]}"


def build(
    name: str, compute: Compute | None = None, state: State | None = None, models_dir: Path | None = None
) -> Published:
    """The backbone of that name, with the weights in models/ unless a state dict is given.

    Raises UsageError for an unknown name, WeightsError when weights are missing, damaged or those of another
    network. Without `compute` it runs where `Compute.best()` says.
    """
    row = find(name)
    if state is None:
        loaded = load(row, models_dir)
        return Published(row, loaded.state, loaded.sha256, compute or Compute.best())
    check_state(row, state, "the given state dict")
    return Published(row, state, _digest(state), compute or Compute.best())


class Published:
    """A published network; see geoflood.backbones.interface.Backbone."""

    def __init__(self, row: Checkpoint, state: State, checksum: str, compute: Compute) -> None:
        self.name, self.dimension = row.name, row.dimension
        self.version = version(checksum)
        self.compute = compute
        self._row = row
        self._network = skeleton(row)
        self.has_energy = self._network.has_energy
        self._network.load_state_dict(state, strict=True, assign=True)
        self._network.to(compute.device, torch.float32).settle()
        # Convolutions want channels last; a network without convolution maps is left as it is.
        self._network.backbone.to(compute.dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
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
        shares = relative_weights(weights, len(features.values), len(features)).to(self.compute.device)
        return self._network.pool(features.values, shares).cpu()

    @torch.inference_mode()
    def energy(self, features: Features) -> torch.Tensor:
        """[B, L], mean 1, on the processor. Raises ValueError for a family without one."""
        return self._network.energy(features.values).cpu()


def _digest(state: State) -> str:
    """SHA-256 over names and values, for weights that did not come from a file."""
    total = hashlib.sha256()
    for key in sorted(state):
        total.update(key.encode())
        total.update(state[key].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
