"""The Describer: upright images in, descriptors out, under any number of weightings at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from geoflood.backbones.projection import Projection
from geoflood.backbones.seam import Backbone
from geoflood.terms import Image, Vectors

__all__ = ["Describer", "Weigh"]

Weigh: TypeAlias = Callable[[NDArray[Any]], NDArray[np.float32]]
"""Places [L, 2] (x, y shares of the frame) -> weights [M, L], one row a waterline band."""


class Describer:
    """A backbone and what it learned from a city. Calls from several threads may overlap."""

    def __init__(self, backbone: Backbone, projection: Projection | None, batch: int = 8) -> None:
        self.backbone = backbone
        self.projection = projection
        self.batch = batch

    def raw(self, images: Sequence[Image], weigh: Weigh) -> torch.Tensor:
        """Descriptors [N, M, D] as the backbone gives them, before any projection."""
        found: list[torch.Tensor] = [torch.empty(0)] * len(images)
        prepared = [self.backbone.prepare(image) for image in images]
        with torch.inference_mode():
            for chunk in _batches([image.shape for image in prepared], self.batch):
                pixels = torch.from_numpy(np.stack([prepared[i] for i in chunk]))
                features = self.backbone.features(pixels.permute(0, 3, 1, 2).float().div_(255))
                weights = torch.from_numpy(weigh(features.places.numpy()))
                for i, row in zip(chunk, self.backbone.aggregate(features, weights[None]), strict=True):
                    found[i] = row
        return torch.stack(found)

    def describe(self, images: Sequence[Image], weigh: Weigh) -> Vectors:
        """Descriptors [N, M, D] with unit rows; images may differ in size."""
        raw = self.raw(images, weigh)
        projected = raw if self.projection is None else self.projection.apply(raw)
        return projected.float().numpy()


def _batches(shapes: Sequence[tuple[int, ...]], size: int) -> Iterator[list[int]]:
    """Numbers of images that share a shape, at most `size` at once; the same for the same input."""
    order = sorted(range(len(shapes)), key=lambda i: (shapes[i], i))
    for _, group in groupby(order, key=lambda i: shapes[i]):
        same = list(group)
        yield from (same[start : start + size] for start in range(0, len(same), size))
