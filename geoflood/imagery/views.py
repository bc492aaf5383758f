"""The views of a street image that are described: the image itself, or the tiles of a panorama."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geoflood.core.datatypes import Image, Projection, Reference, StreetImage, VisibleArea
from geoflood.core.images import Header, header, read_image
from geoflood.imagery.panorama import (
    DECODE_WIDTH,
    FOV_DEG,
    TURNS,
    is_panorama,
    is_seen,
    tile,
    tiles,
    whole_sphere,
    wraps_around,
)

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
    """One view of a perspective image, all tiles of a panorama that it shows. Raises UnreadableImageError."""
    path = Path(image.location)
    head = header(path)
    if is_panorama(head, image.projection) and _shows_a_tile(head.visible):
        whole = _read_panorama(path, head)
        declared = head.equirectangular or image.projection is Projection.EQUIRECTANGULAR
        if declared or wraps_around(whole):
            return _panorama_views(whole, head.visible, image.geotag.heading_deg, head.pose_heading_deg)
    return [View(read_image(path, LONGEST), image.geotag.heading_deg, None, None)]


def _panorama_views(panorama: Image, visible: VisibleArea | None, *headings: float | None) -> list[View]:
    """The tiles of a panorama whose centre has the first of `headings` that is known."""
    known = next((heading for heading in headings if heading is not None), None)
    return [
        View(pixels, None if known is None else (known + turn) % 360, FOV_DEG, turn)
        for turn, pixels in tiles(panorama)
        if visible is None or is_seen(turn, visible)
    ]


def _shows_a_tile(visible: VisibleArea | None) -> bool:
    """Whether a panorama is more than one wide photo."""
    return visible is None or any(is_seen(turn, visible) for turn in TURNS)


def _read_panorama(path: Path, head: Header) -> Image:
    """The pixels of a panorama, in its place on the sphere where it was cropped."""
    if head.visible is None or not _shows_a_tile(head.visible):
        return read_image(path, DECODE_WIDTH)
    share = head.visible.right - head.visible.left
    return whole_sphere(read_image(path, max(1, round(DECODE_WIDTH * share))), head.visible)


def pixels_of(reference: Reference) -> Image:
    """The view [H, W, 3] that a reference was described from. Raises UnreadableImageError when it is gone."""
    path = Path(reference.location)
    if reference.tile_deg is None:
        return read_image(path, LONGEST)
    return tile(_read_panorama(path, header(path)), reference.tile_deg)
