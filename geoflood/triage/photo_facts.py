"""A picture file, decoded once for all that is to be known of it: its looks, its EXIF, its place.

Several threads look ahead of whoever decides what is a duplicate, which has to be decided in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geoflood.core.datatypes import Image
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.imagery import exif
from geoflood.imagery.exif import ExifFacts
from geoflood.imagery.views import LONGEST
from geoflood.triage.near_duplicates import PerceptualHashes, perceptual_hashes

__all__ = ["PhotoFacts", "see"]


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFacts:
    """What a picture file holds."""

    pixels: Image | None
    """As the locator would read them; None when nobody can: the locator will say why."""
    perceptual_hashes: PerceptualHashes | None
    """None when it cannot be read, or nothing is in it."""
    exif: ExifFacts


def see(path: Path) -> PhotoFacts:
    """Decode a picture file; raises nothing of the file's doing."""
    told = exif.read(path)
    try:
        pixels = read_image(path, LONGEST)
    except UnreadableImageError:
        return PhotoFacts(None, None, told)
    return PhotoFacts(pixels, perceptual_hashes(pixels), told)
