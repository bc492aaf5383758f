"""What every published family provides: a torch module that works in two steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

__all__ = ["Network"]


class Network(nn.Module, ABC):
    """A trunk and an aggregation, under the keys of the published checkpoint.

    The trunk alone may run in lower precision; both steps take and give float32.
    """

    backbone: nn.Module
    """The trunk: under this name in every published checkpoint."""
    has_energy = False
    """Whether the family defines `energy`."""

    def settle(self) -> None:
        """Make ready for use once weights are loaded; a family may rearrange them for speed here."""
        self.eval().requires_grad_(False)

    @abstractmethod
    def local(self, images: torch.Tensor) -> Any:
        """Local features of B images [B, 3, H, W], ImageNet-normalised; its length is B."""

    @abstractmethod
    def pool(self, local: Any, weights: torch.Tensor) -> torch.Tensor:
        """Unit descriptors [B, M, D] under weights [B or 1, M, L] as `relative_weights` gives them."""

    def energy(self, local: Any) -> torch.Tensor:
        """How strong the features of each location are, [B, L], mean 1; see `interface.Backbone.energy`.

        VPR-AttLLM's code defines it for GeM only, so the default raises ValueError.
        """
        raise ValueError("no energy is defined for this aggregation")

    @abstractmethod
    def places(self, height: int, width: int) -> torch.Tensor:
        """Centres [L, 2] (x, y in shares of the frame) of the locations of an image of that size."""
