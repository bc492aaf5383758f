"""From a street image to the views that are described: itself, or the tiles of a panorama."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geoflood.imagery.panorama import FOV_DEG, is_panorama, tile, tiles
from geoflood.images import header, read_image
from geoflood.terms import Image, Reference, StreetImage

__all__ = ["View", "pixels_of", "views"]

LONGEST = 1024
"""Pixels of the longer side that are decoded: no backbone here takes more, and phones give 4000."""


@dataclass(frozen=True, eq=False)
class View:
    """Pixels to be described, and which way they look."""

    pixels: Image
    heading_deg: float | None
    fov_deg: float | None
    tile_deg: float | None
    """How far right of the panorama's centre it was cut; None for a whole image."""


def views(image: StreetImage) -> list[View]:
    """One view of a perspective image, all tiles of a panorama. Raises UnreadableImageError."""
    path = Path(image.location)
    head = header(path)
    if not is_panorama(head, image.projection):
        return [View(read_image(path, LONGEST), image.geotag.heading_deg, None, None)]
    known = image.geotag.heading_deg if image.geotag.heading_deg is not None else head.pose_heading_deg
    cut = tiles(read_image(path))
    return [
        View(pixels, None if known is None else (known + turn) % 360, FOV_DEG, turn) for turn, pixels in cut
    ]


def pixels_of(reference: Reference) -> Image:
    """The view of a reference again, from its image. Raises UnreadableImageError when that is gone."""
    path = Path(reference.location)
    if reference.tile_deg is None:
        return read_image(path, LONGEST)
    return tile(read_image(path), reference.tile_deg)
