"""The views of a street image that are described: the image itself, or the tiles of a panorama."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from geoflood.core.datatypes import Image, Projection, Reference, StreetImage
from geoflood.core.gpano import PhotoSphere
from geoflood.core.images import Header, UnreadableImageError, header, read_image
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

__all__ = ["View", "pictures_of", "pixels_of", "views"]

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
    """One view of a perspective image, all level tiles of a panorama that it shows.

    Raises UnreadableImageError, also for a panorama whose tags tell no place on the sphere.
    """
    path = Path(image.location)
    head = header(path)
    if is_panorama(head, image.projection) and _shows_a_tile(head.sphere):
        whole = _read_panorama(path, head)
        declared = head.equirectangular or image.projection is Projection.EQUIRECTANGULAR
        if declared or wraps_around(whole):
            return _panorama_views(whole, head.sphere, image.geotag.heading_deg)
    return [View(read_image(path, LONGEST), image.geotag.heading_deg, None, None)]


def _panorama_views(panorama: Image, sphere: PhotoSphere, heading_deg: float | None) -> list[View]:
    """The tiles of a panorama, whose own word for its heading counts where nobody else knows it."""
    known = sphere.pose.heading_deg if heading_deg is None else heading_deg
    return [
        View(pixels, None if known is None else (known + turn) % 360, FOV_DEG, turn)
        for turn, pixels in tiles(panorama, pose=sphere.pose)
        if sphere.visible is None or is_seen(turn, sphere.visible, pose=sphere.pose)
    ]


def _shows_a_tile(sphere: PhotoSphere) -> bool:
    """Whether a panorama is more than one wide photo."""
    visible = sphere.visible
    return visible is None or any(is_seen(turn, visible, pose=sphere.pose) for turn in TURNS)


def _read_panorama(path: Path, head: Header) -> Image:
    """The pixels of a panorama, in its place on the sphere where it was cropped."""
    if head.sphere.problem:
        raise UnreadableImageError(str(path), "bad panorama tags", head.sphere.problem)
    if head.visible is None or not _shows_a_tile(head.sphere):
        return read_image(path, DECODE_WIDTH)
    share = head.visible.right - head.visible.left
    return whole_sphere(read_image(path, max(1, round(DECODE_WIDTH * share))), head.visible)


def pixels_of(reference: Reference) -> Image:
    """The view [H, W, 3] that a reference was described from. Raises UnreadableImageError when it is gone."""
    return next(pictures_of([reference]))


def pictures_of(references: Sequence[Reference]) -> Iterator[Image]:
    """The same of several references of one image, which is decoded once, in their order."""
    path = Path(references[0].location)
    if references[0].tile_deg is None:
        whole = read_image(path, LONGEST)
        yield from (whole for _ in references)
        return
    head = header(path)
    panorama = _read_panorama(path, head)
    for reference in references:
        yield tile(panorama, reference.tile_deg or 0.0, pose=head.sphere.pose)
