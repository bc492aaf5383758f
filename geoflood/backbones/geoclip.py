"""GeoCLIP's location encoder and image head (Vivanco Cepeda et al., arXiv 2309.16020), for inference only.

A position becomes a vector of 512 numbers, and so does a photo that CLIP's image tower has seen. The cosine
of both, times the learned scale, is how well they fit. The encoder tells cities apart, never streets: at
1 km cosines are still 0.98.
"""

from __future__ import annotations

import math

import torch
from torch import nn

__all__ = ["ImageHead", "LocationEncoder", "LogitScale", "equal_earth"]

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
"""Coefficients of Equal Earth (Šavrič, Patterson, Jenny, 2018)."""
_SCALE = 66.50336
"""Over 180 it makes one unit of the plane about 20,000 km."""
_WAVES = 256
DIMENSION = 512
"""Of what both sides are compared in."""


def equal_earth(positions: torch.Tensor) -> torch.Tensor:
    """Positions [N, 2] (lat, lon) in degrees -> the plane [N, 2] (x, y) of Equal Earth, x in -1..1.

    The order of operations is the authors': another one differs in the fifth digit of what is encoded.
    """
    lat, lon = torch.deg2rad(positions[:, 0]), torch.deg2rad(positions[:, 1])
    root = torch.sqrt(torch.tensor(3.0))
    theta = torch.asin((root / 2) * torch.sin(lat))
    slope = 3 * (9 * _A4 * theta**8 + 7 * _A3 * theta**6 + 3 * _A2 * theta**2 + _A1)
    x = (2 * root * lon * torch.cos(theta)) / slope
    y = _A4 * theta**9 + _A3 * theta**7 + _A2 * theta**3 + _A1 * theta
    return (torch.stack((x, y), dim=1) * _SCALE) / 180


class FourierFeatures(nn.Module):
    """Points of the plane as cosines and sines of random waves (Tancik et al., arXiv 2006.10739)."""

    def __init__(self, waves: int) -> None:
        super().__init__()
        self.b = nn.Parameter(torch.empty(waves, 2))

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """[N, 2] -> [N, 2 waves]: cosines first."""
        angles = 2 * math.pi * points @ self.b.T
        return torch.cat((torch.cos(angles), torch.sin(angles)), dim=-1)


class LocationCapsule(nn.Module):
    """One of the encoder's scales: waves of one length, three layers, and a head."""

    def __init__(self, waves: int, width: int, dimension: int) -> None:
        super().__init__()
        self.capsule = nn.Sequential(
            FourierFeatures(waves),
            *(nn.Linear(2 * waves, width), nn.ReLU()),
            *(nn.Linear(width, width), nn.ReLU()),
            *(nn.Linear(width, width), nn.ReLU()),
        )
        self.head = nn.Sequential(nn.Linear(width, dimension))

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """[N, 2] of the plane -> [N, dimension]."""
        return self.head(self.capsule(points))  # type: ignore[no-any-return]


class LocationEncoder(nn.Module):
    """Positions [N, 2] (lat, lon) in degrees, float32 -> [N, 512], the sum of three capsules."""

    def __init__(self, waves: int = _WAVES, width: int = 1024, dimension: int = DIMENSION) -> None:
        super().__init__()
        self.dimension = dimension
        for scale in range(3):
            self.add_module(f"LocEnc{scale}", LocationCapsule(waves, width, dimension))

    def forward(self, positions: torch.Tensor) -> torch.Tensor:
        """[N, 2] -> [N, dimension]; the sum begins with zeros, as the authors' does."""
        points = equal_earth(positions)
        total = torch.zeros(len(positions), self.dimension, device=positions.device)
        for capsule in self.children():
            total += capsule(points)
        return total


class ImageHead(nn.Sequential):
    """CLIP's projected image feature [N, 768], not normalised -> [N, 512]."""

    def __init__(self, width: int = 768, dimension: int = DIMENSION) -> None:
        super().__init__(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, dimension))


class LogitScale(nn.Module):
    """The learned temperature: cosines times exp of it are logits. Published as one bare number."""

    def __init__(self) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.empty(()))
