"""Which patches of two images look alike: mutual nearest neighbours among local descriptors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from geoflood.backbones.interface import Backbone, Features
from geoflood.core.datatypes import Image

__all__ = ["Patches", "matches", "patches", "patches_of"]

QUERY_PATCHES = 1200
"""Patches of the query that are matched, spread over the frame. All of them (5,000 of a dry street) take four
times as long, and no more places are found."""
BLOCK = 128
"""Query patches compared at a time: their similarities stay in the processor's cache. A quarter quicker."""


@dataclass(frozen=True, eq=False)
class Patches:
    """Local descriptors of one image, without those that are zero."""

    descriptors: torch.Tensor
    """[n, d] float32, unit rows; bfloat16 would be slower, for every new n needs a kernel of its own."""
    places: NDArray[np.float32]
    """[n, 2] (x, y) shares of the frame, y downwards."""
    shape: tuple[int, int]
    """(height, width) of the frame, for its proportions."""


def patches_of(
    backbone: Backbone, features: Features, image: int = 0, shape: tuple[int, int] = (1, 1)
) -> Patches:
    """The patches of one of the images that features were made of; `shape` (height, width) is its frame's."""
    with torch.inference_mode():
        rows = backbone.patches(features, image)
        alive = rows.abs().amax(dim=1) > 0
    return Patches(rows[alive], features.places[alive].numpy().astype(np.float32), shape)


def patches(backbone: Backbone, image: Image) -> Patches:
    """The patches of an upright image [H, W, 3]."""
    prepared = backbone.prepare(image)
    with torch.inference_mode():
        pixels = torch.tensor(prepared).permute(2, 0, 1)[None].float().div_(255)
        features = backbone.features(pixels)
    return patches_of(backbone, features, 0, prepared.shape[:2])


def matches(query: Patches, reference: Patches) -> NDArray[np.int64]:
    """[m, 2] numbers of the patches of both that are each other's nearest neighbour.

    At most QUERY_PATCHES of the query are matched.
    """
    if not len(query.descriptors) or not len(reference.descriptors):
        return np.empty((0, 2), np.int64)
    count = len(query.descriptors)
    chosen = np.linspace(0, count - 1, min(count, QUERY_PATCHES)).astype(np.int64)
    nearest: list[NDArray[np.int64]] = []
    highest: list[NDArray[np.float32]] = []
    back = torch.full((len(reference.descriptors),), -torch.inf)
    for rows in query.descriptors[chosen].split(BLOCK):  # type: ignore[no-untyped-call]
        similarities = rows @ reference.descriptors.T
        columns = similarities.numpy().argmax(axis=1)  # numpy is quicker along rows, torch along columns
        nearest.append(columns)
        highest.append(similarities.numpy()[np.arange(len(columns)), columns])
        back = torch.maximum(back, similarities.amax(dim=0))
    there = np.concatenate(nearest)
    mutual = np.concatenate(highest) == back.numpy()[there]
    return np.asarray(np.column_stack([chosen, there])[mutual], np.int64)
