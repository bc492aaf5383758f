"""PCA-whitening of descriptors, learned from the city (Jegou & Chum 2012), one projection a waterline band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

__all__ = ["Projection", "learn_projection"]

POWER = 0.35
"""Of the eigenvalues: 0.5 whitens fully and trusts the small ones too much, 0 not at all."""


@dataclass(frozen=True, eq=False)
class Projection:
    """mean [M, D], matrix [M, D, d]: descriptor -> normalised (descriptor - mean) @ matrix, band by band."""

    mean: torch.Tensor
    matrix: torch.Tensor

    def apply(self, descriptors: torch.Tensor) -> torch.Tensor:
        """Unit rows [N, M, d] of descriptors [N, M, D]."""
        centred = (descriptors.float() - self.mean).transpose(0, 1)
        return F.normalize((centred @ self.matrix).transpose(0, 1), dim=2)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a file; the matrix in half precision, which moves cosines by less than 1e-3."""
        return {"mean": self.mean.numpy(), "matrix": self.matrix.half().numpy()}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Projection:
        """From a file's arrays."""
        return cls(torch.from_numpy(arrays["mean"]), torch.from_numpy(arrays["matrix"]).float())


def learn_projection(descriptors: torch.Tensor, dimension: int, power: float = POWER) -> Projection:
    """From descriptors [n, M, D]; at most n - 1 dimensions can be learned from n samples.

    Raises ValueError for fewer than two samples.
    """
    if len(descriptors) < 2:
        raise ValueError("a projection is learned from two descriptors at least")
    mean = descriptors.float().mean(dim=0)
    matrices = [
        _whitening(descriptors[:, band].float() - mean[band], dimension, power) for band in range(len(mean))
    ]
    return Projection(mean, torch.stack(matrices))


def _whitening(centred: torch.Tensor, dimension: int, power: float) -> torch.Tensor:
    """[D, d] of samples [n, D] around 0, by the eigenvectors of their Gram matrix [n, n]: n is the smaller."""
    gram = centred @ centred.T / len(centred)
    values, vectors = np.linalg.eigh(gram.double().numpy())
    kept = min(dimension, len(centred) - 1, centred.shape[1])
    values, vectors = values[::-1][:kept], vectors[:, ::-1][:, :kept]
    floor = max(float(values[0]) * 1e-6, 1e-12)
    axes = centred.T @ torch.from_numpy(np.ascontiguousarray(vectors)).float()
    axes = F.normalize(axes, dim=0)
    axes = axes * torch.sign(axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)))
    scale = torch.from_numpy(np.maximum(values, floor).copy()).float() ** -power
    dead = torch.from_numpy((values <= floor).copy())
    return (axes * scale).masked_fill_(dead, 0)
