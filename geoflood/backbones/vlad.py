"""VLAD (Jegou et al. 2010; intra-normalised, Arandjelovic & Zisserman 2013) under weights per location.

The descriptor of a word is the weighted sum of what its local descriptors differ from it by. Waterline bands
are nested, so the frame falls into a few strips that every band takes whole or not at all: the sums are made
once a strip and then put together, which makes five bands as cheap as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np
import torch
import torch.nn.functional as F

__all__ = ["Local", "Vocabulary", "aggregate", "learn_vocabulary"]

WORDS = 128
SAMPLES = 120_000
"""Local descriptors that k-means sees, at most: 940 a word."""
ROUNDS = 20
FEW_WORDS = 0.1
"""Share of the words below which a descriptor is shortened: it rests on next to nothing."""
SEED = 7


@dataclass(frozen=True, eq=False)
class Local:
    """Local descriptors of B images."""

    descriptors: torch.Tensor
    """[B, L, d] float32."""
    strength: torch.Tensor
    """[B, L]: 0 for a patch that says nothing, else 1."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The visual words of a city."""

    words: torch.Tensor
    """[K, d] float32."""


def learn_vocabulary(samples: torch.Tensor, words: int = WORDS) -> Vocabulary:
    """K-means over local descriptors [n, d]; the same samples give the same words.

    Fewer samples than words give fewer words. Raises ValueError when there are no samples.
    """
    if not len(samples):
        raise ValueError("no local descriptors to learn a vocabulary from")
    generator = np.random.default_rng(SEED)
    chosen = np.sort(generator.choice(len(samples), min(SAMPLES, len(samples)), replace=False))
    rows = np.ascontiguousarray(samples.numpy()[chosen])
    kmeans = faiss.Kmeans(
        rows.shape[1],
        min(words, len(rows)),
        niter=ROUNDS,
        seed=SEED,
        min_points_per_centroid=1,
        max_points_per_centroid=1 << 30,
    )
    kmeans.train(rows)
    return Vocabulary(torch.from_numpy(np.array(kmeans.centroids)))


def aggregate(vocabulary: Vocabulary, local: Local, weights: torch.Tensor | None) -> torch.Tensor:
    """Descriptors [B, M, K * d] under weights [B or 1, M, L]; unit rows, shorter where nearly empty.

    A weighting that is zero everywhere counts as uniform; None is one uniform weighting.
    """
    batch, places, size = local.descriptors.shape
    words = vocabulary.words
    if weights is None:
        weights = torch.ones(1, 1, places)
    weights = torch.where(weights.amax(dim=2, keepdim=True) > 0, weights, 1.0)
    strength, strips, shares = _strips(weights)
    strength = strength * local.strength
    count = shares.shape[2]
    slots = (torch.arange(batch)[:, None] * count + strips) * len(words) + _nearest(local.descriptors, words)
    sums = torch.zeros(batch * count * len(words), size)
    sums.index_add_(0, slots.flatten(), (local.descriptors * strength[..., None]).flatten(0, 1))
    mass = torch.zeros(len(sums)).index_add_(0, slots.flatten(), strength.flatten())
    differences = (sums - mass[:, None] * words.repeat(batch * count, 1)).view(batch, count, -1)
    mixed = (shares @ differences).view(batch, -1, len(words), size)
    return F.normalize(F.normalize(mixed, dim=3).flatten(2), dim=2) * _fullness(mixed)


def _fullness(differences: torch.Tensor) -> torch.Tensor:
    """[B, M, 1]: 1, less where hardly any word is present.

    What is left of some photos above a high waterline is sky. Such descriptors resemble each other and would
    poison a mixture of bands: said more quietly, they do not.
    """
    present = (differences.square().sum(dim=3) > 0).float().mean(dim=2, keepdim=True)
    return (present / FEW_WORDS).clamp_max(1)


def _nearest(local: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """[B, L] the word that each local descriptor is nearest to."""
    offset = -0.5 * words.square().sum(dim=1)
    return torch.addmm(offset, local.flatten(0, 1), words.T).argmax(dim=1).view(local.shape[:2])


def _strips(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weights [B or 1, M, L] as strength x share: strength and strip [B or 1, L], shares [1, M, S].

    Locations whose weights differ between the weightings in the same way form a strip: for nested bands
    there are as many as bands, whatever attention does within them.
    """
    strength = weights.amax(dim=1)
    shares = weights / strength.clamp_min(1e-12)[:, None]
    # Factors without a small whole-number relation: a sum tells which column of shares it was made of.
    factors = (2 + torch.arange(shares.shape[1], dtype=torch.float64) / 63).exp()
    codes = torch.einsum("bml,m->bl", (shares * 4096).round().double(), factors)
    kinds, strip = torch.unique(codes, return_inverse=True)
    first = torch.empty(len(kinds), dtype=torch.long).scatter_(
        0, strip.flatten(), torch.arange(strip.numel())
    )
    return strength, strip, shares.transpose(1, 2).flatten(0, 1)[first].T[None]
