"""PCA-whitening of descriptors, learned from the city (Jegou & Chum 2012)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray

__all__ = ["PcaWhitening", "learn_projection"]

POWER = 0.35
"""Of the eigenvalues: 0.5 whitens fully and trusts the small ones too much, 0 not at all."""


@dataclass(frozen=True, eq=False)
class PcaWhitening:
    """descriptor -> normalised (direction - mean) @ matrix, as long as the descriptor was.

    One for all bands: their directions are much alike, and together they are five times the samples.
    """

    mean: torch.Tensor
    """[D]."""
    matrix: torch.Tensor
    """[D, d]."""

    def apply(self, descriptors: torch.Tensor) -> torch.Tensor:
        """[N, M, d] of descriptors [N, M, D], lengths kept."""
        length = descriptors.norm(dim=2, keepdim=True)
        centred = descriptors / length.clamp_min(1e-12) - self.mean
        projected: torch.Tensor = F.normalize(centred @ self.matrix, dim=2) * length
        return projected

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a file; the matrix in half precision, which moves cosines by less than 1e-3."""
        return {"mean": self.mean.numpy(), "matrix": self.matrix.half().numpy()}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> PcaWhitening:
        """From a file's arrays."""
        return cls(torch.from_numpy(arrays["mean"]), torch.from_numpy(arrays["matrix"]).float())


def learn_projection(descriptors: torch.Tensor, dimension: int, power: float = POWER) -> PcaWhitening:
    """From descriptors [n, M, D]; at most as many dimensions as samples, less one, can be learned.

    Raises ValueError for fewer than two samples.
    """
    if len(descriptors) < 2:
        raise ValueError("a projection is learned from two descriptors at least")
    samples = _samples(descriptors)
    mean = samples.mean(dim=0)
    return PcaWhitening(mean, _whitening(samples - mean, dimension, power))


def _samples(descriptors: torch.Tensor) -> torch.Tensor:
    """[m, D] directions of all bands, without the nearly empty ones if enough are left."""
    rows = descriptors.flatten(0, 1)
    full = rows.norm(dim=1) > 0.99
    return F.normalize((rows[full] if full.sum() > len(descriptors) else rows).float(), dim=1)


def _whitening(centred: torch.Tensor, dimension: int, power: float) -> torch.Tensor:
    """[D, d] of samples [n, D] around 0, by the eigenvectors of their Gram matrix [n, n]."""
    gram = centred @ centred.T / len(centred)
    values, vectors = torch.linalg.eigh(gram.double())
    kept = min(dimension, len(centred) - 1, centred.shape[1])
    values, vectors = values.flip(0)[:kept].float(), vectors.flip(1)[:, :kept].float()
    floor = float(values[0].clamp_min(1e-12)) * 1e-6
    axes = F.normalize(centred.T @ vectors, dim=0)
    axes = axes * torch.sign(axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)))
    return torch.where(values > floor, axes * values.clamp_min(floor) ** -power, 0.0)
