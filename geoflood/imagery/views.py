"""The views of a street image that are described: the image itself, or the tiles of a panorama."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geoflood.core.datatypes import Image, Projection, Reference, StreetImage
from geoflood.core.images import header, read_image
from geoflood.imagery.panorama import DECODE_WIDTH, FOV_DEG, is_panorama, tile, tiles, wraps_around

__all__ = ["View", "pixels_of", "views"]

LONGEST = 1024
"""Pixels of the longer side that are decoded: no backbone takes more, while phones give 4000."""


@dataclass(frozen=True, eq=False)
class View:
    """Pixels [H, W, 3] to be described, and which way they look."""

    pixels: Image
    heading_deg: float | None
    fov_deg: float | None
    tile_deg: float | None
    """How far right of the panorama's centre it was cut; None for a whole image."""


def views(image: StreetImage) -> list[View]:
    """One view of a perspective image, all tiles of a panorama. Raises UnreadableImageError."""
    path = Path(image.location)
    head = header(path)
    if is_panorama(head, image.projection):
        whole = read_image(path, DECODE_WIDTH)
        declared = head.equirectangular or image.projection is Projection.EQUIRECTANGULAR
        if declared or wraps_around(whole):
            return _panorama_views(whole, image.geotag.heading_deg, head.pose_heading_deg)
    return [View(read_image(path, LONGEST), image.geotag.heading_deg, None, None)]


def _panorama_views(panorama: Image, *headings: float | None) -> list[View]:
    """The tiles of a panorama whose centre has the first of `headings` that is known."""
    known = next((heading for heading in headings if heading is not None), None)
    return [
        View(pixels, None if known is None else (known + turn) % 360, FOV_DEG, turn)
        for turn, pixels in tiles(panorama)
    ]


def pixels_of(reference: Reference) -> Image:
    """The view [H, W, 3] that a reference was described from. Raises UnreadableImageError when it is gone."""
    path = Path(reference.location)
    if reference.tile_deg is None:
        return read_image(path, LONGEST)
    return tile(read_image(path, DECODE_WIDTH), reference.tile_deg)
