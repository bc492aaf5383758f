"""What `locate` takes, as the search takes it: the photo, its pixels and its attention; and a watch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from geoflood.backbones.describe import DescribedImage
from geoflood.core.datatypes import AttentionMap, Image, Query
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.imagery.views import LONGEST
from geoflood.localize.query_photo import QueryPhoto

__all__ = ["Photo", "Watch", "attention_of", "pixels_of_photo", "query_of", "query_photo_of"]

Photo: TypeAlias = Query | Path | str | Image
"""A query, a file, or pixels [H, W, 3], upright, sRGB."""


def query_of(photo: Photo) -> Query:
    """The photo as a query; pixels have no path."""
    if isinstance(photo, Query):
        return photo
    return Query(Path(photo) if isinstance(photo, Path | str) else Path())


def pixels_of_photo(photo: Photo, query: Query) -> Image:
    """Its pixels [H, W, 3]. Raises UnreadableImageError, also for an array that is no picture."""
    if not isinstance(photo, np.ndarray):
        return read_image(query.path, LONGEST)
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
        raise UnreadableImageError("an array", "damaged", "pixels are uint8 [height, width, 3]")
    return photo


def attention_of(attention: AttentionMap | None, waterline: float | None) -> AttentionMap:
    """The map, with the waterline that a person told over its own."""
    if attention is None:
        return AttentionMap.neutral(waterline, "none" if waterline is None else "analyst")
    return attention if waterline is None else replace(attention, waterline=waterline, doubt=0.0)


def query_photo_of(
    pixels: Image | None, attention: AttentionMap, described: DescribedImage | None
) -> QueryPhoto:
    """The photo inside its frame; one that was described as it is needs no second look for a frame."""
    if described is not None and (pixels is None or pixels.shape == described.pixels.shape):
        return QueryPhoto(described.pixels, attention)
    if pixels is None:
        raise ValueError("a photo needs pixels or a description")
    return QueryPhoto.inside_frame(pixels, attention)


class Watch:
    """Wall seconds a stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - begun
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + spent, 4)
