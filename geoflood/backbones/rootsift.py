"""`rootsift`: dense RootSIFT, aggregated into VLAD. Nothing to download.

SIFT (Lowe 2004) describes a patch by 4 x 4 cells of 8 gradient orientations. Here the patches lie on a grid,
all images of a batch at once: gradients are binned and pooled by matrix products, and the 16 cells of every
patch are strided views of one pooled map. RootSIFT (Arandjelovic & Zisserman 2012): divide by
the sum, take the square root. To each local descriptor its place in the frame is appended, so that the
vocabulary tells a cornice above from a kerb below (after Koniusz et al. 2013).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F

from geoflood.backbones.interface import Features
from geoflood.backbones.vlad import Local, Vocabulary, aggregate
from geoflood.core.datatypes import Image
from geoflood.core.images import resize

__all__ = ["DIMENSION", "RootSift", "local_descriptors", "sample_descriptors"]

SIDE = 400
"""Pixels of the longer side: enough for windows and signs; docs/decisions/005 has other sizes."""
CELL = 4
"""Pixels of a cell's side, and from one patch to the next. Larger cells beside it dilute: decision 004."""
CELLS = 4
ORIENTATIONS = 8
BLUR = 1.2
"""Pixels, before the gradient: a cell sees edges of its own size."""
FLAT = 0.02
"""Patches with less gradient energy are ignored: sky, plain walls, calm water. Half of it costs 7 points."""
PLACE = 1.0
"""Weight of the place: from edge to edge of the frame it differs as much as half-alike patches do."""
SAMPLED = 211
"""Local descriptors an image for the vocabulary; a prime, so that the picks do not fall on one column."""
DIMENSION = CELLS**2 * ORIENTATIONS + 2
"""Of a local descriptor: 128 of RootSIFT, 2 of place."""


class RootSift:
    """The embedded backbone; see geoflood.backbones.interface.Backbone."""

    name = "rootsift"
    version = "2"
    has_energy = False
    """What a patch adds to VLAD depends on its word, so no single number gives its strength."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.dimension = vocabulary.words.numel()

    @staticmethod
    def prepare(image: Image) -> Image:
        """The image with a longer side of SIDE pixels, enlarged if need be, and no side under a patch."""
        height, width = image.shape[:2]
        scale, least = SIDE / max(height, width), CELLS * CELL
        return resize(image, max(round(width * scale), least), max(round(height * scale), least))

    def features(self, images: torch.Tensor) -> Features:
        """Local descriptors of images [B, 3, H, W] in 0..1, at the centres of the patches."""
        return local_descriptors(images)

    def aggregate(self, features: Features, weights: torch.Tensor | None = None) -> torch.Tensor:
        """VLAD [B, M, D] under weights [B or 1, M, L]."""
        return aggregate(self.vocabulary, features.values, weights)

    def energy(self, features: Features) -> torch.Tensor:
        """Not defined: always ValueError."""
        raise ValueError("no energy is defined for VLAD")


def sample_descriptors(images: Sequence[Image]) -> torch.Tensor:
    """A few local descriptors [n, DIMENSION] of each prepared image, spread over the frame."""
    kept = []
    for image in images:
        local = local_descriptors(torch.from_numpy(image).permute(2, 0, 1)[None].float().div_(255)).values
        alive = local.descriptors[0][local.strength[0] > 0]
        kept.append(alive[torch.linspace(0, max(len(alive) - 1, 0), min(SAMPLED, len(alive))).long()])
    return torch.cat(kept)


def local_descriptors(images: torch.Tensor) -> Features:
    """Features of images [B, 3, H, W] in 0..1: values is a Local, places the patch centres."""
    grey = images[:, 0] * 0.299 + images[:, 1] * 0.587 + images[:, 2] * 0.114
    grid = _grid(grey)
    inverse = _inverse_root(grid)
    places = _centres(grey, *inverse.shape[1:])
    local = torch.empty(len(grey), len(places), DIMENSION)
    local[..., -2:] = PLACE * (places - 0.5)
    _write(grid.sqrt(), inverse, local)
    return Features(Local(local, (inverse > 0).flatten(1).float()), places)


def _grid(grey: torch.Tensor) -> torch.Tensor:
    """[B, rows, columns, 8]: gradients of images [B, H, W], pooled into cells.

    Triangular weights: a pixel counts for the two nearest cells, as in SIFT.
    """
    bins = _oriented(_gauss(grey.shape[1]).T @ grey @ _gauss(grey.shape[2]))
    pooled = (bins @ _triangles(bins.shape[3])).transpose(2, 3) @ _triangles(bins.shape[2])
    return pooled.permute(0, 3, 2, 1).contiguous()


def _inverse_root(grid: torch.Tensor) -> torch.Tensor:
    """[B, down, across]: one over the root of each patch's sum of 128, 0 for a flat patch."""
    total, energy = _sums(grid.sum(dim=3)), _sums(grid.square().sum(dim=3))
    return torch.where(energy.sqrt() > FLAT, total.clamp_min(1e-12).rsqrt(), 0.0)


def _write(root: torch.Tensor, inverse: torch.Tensor, local: torch.Tensor) -> None:
    """Put RootSIFT of every patch into local [B, n, DIMENSION]: strided views of 16 cells of the one grid."""
    batch, down, across = inverse.shape
    image, row, column, _ = root.stride()
    cells = root.as_strided(
        (batch, down, across, CELLS, CELLS, ORIENTATIONS), (image, row, column, row, column, 1)
    )
    into = local[..., :-2].view(batch, down, across, CELLS, CELLS, ORIENTATIONS)
    torch.mul(cells, inverse[..., None, None, None], out=into)


def _centres(grey: torch.Tensor, down: int, across: int) -> torch.Tensor:
    """[n, 2] (x, y) of the centres of down x across patches as shares of the frame."""
    y = (torch.arange(down) + CELLS / 2) * CELL / grey.shape[1]
    x = (torch.arange(across) + CELLS / 2) * CELL / grey.shape[2]
    return torch.stack([x.expand(down, -1), y[:, None].expand(-1, across)], dim=2).flatten(0, 1)


def _oriented(grey: torch.Tensor) -> torch.Tensor:
    """[B, 8, H, W]: gradient magnitude, shared between the two nearest of 8 orientations."""
    across, down = torch.zeros_like(grey), torch.zeros_like(grey)
    across[:, :, 1:-1] = (grey[:, :, 2:] - grey[:, :, :-2]) / 2
    down[:, 1:-1] = (grey[:, 2:] - grey[:, :-2]) / 2
    turn = torch.atan2(down, across) * (ORIENTATIONS / (2 * math.pi)) % ORIENTATIONS
    near = torch.floor(turn)
    share = torch.hypot(across, down)
    far = share * (turn - near)
    first = near.long() % ORIENTATIONS
    bins = torch.zeros(len(grey), ORIENTATIONS, *grey.shape[1:])
    bins.scatter_(1, first[:, None], (share - far)[:, None])
    return bins.scatter_(1, ((first + 1) % ORIENTATIONS)[:, None], far[:, None])


def _sums(cells: torch.Tensor) -> torch.Tensor:
    """[B, down, across]: sums over the 4 x 4 cells of every patch that fits."""
    return F.avg_pool2d(cells, CELLS, stride=1) * CELLS**2


@lru_cache(maxsize=64)
def _triangles(side: int) -> torch.Tensor:
    """[side, cells]: weight of each pixel in each cell; sums to 1 a cell."""
    centres = torch.arange(CELL / 2 - 0.5, side - CELL / 2, CELL)
    away = (torch.arange(side)[:, None] - centres[None]).abs()
    return (1 - away / CELL).clamp_min(0) / CELL


@lru_cache(maxsize=64)
def _gauss(side: int) -> torch.Tensor:
    """[side, side]: a column a pixel, its neighbourhood's weights; sums to 1, at the borders too."""
    away = torch.arange(side)[:, None] - torch.arange(side)[None]
    weights = torch.exp(-0.5 * (away / BLUR) ** 2)
    return weights / weights.sum(dim=0, keepdim=True)
