"""A picture file, decoded once for all that is to be known of it: pixels, perceptual hashes, EXIF.

Threads decode ahead; which photo is a duplicate is decided elsewhere, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from geoflood.core.datatypes import Image, Rejected
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.imagery import exif
from geoflood.imagery.exif import ExifFacts
from geoflood.imagery.views import LONGEST
from geoflood.triage.near_duplicates import PerceptualHashes, perceptual_hashes
from geoflood.triage.posts.door import attempt

__all__ = ["PhotoFacts", "read_photo_facts"]


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFacts:
    """What a picture file holds."""

    pixels: Image | None
    """As the locator reads them; None for a file that cannot be decoded: the locator will say why."""
    perceptual_hashes: PerceptualHashes | None
    """None when it cannot be read, or nothing is in it."""
    exif: ExifFacts


def read_photo_facts(path: Path) -> PhotoFacts:
    """Decode a picture file; raises nothing, whatever is in it, but for a full disk."""
    read = attempt(lambda: _read(path), path.name)
    return PhotoFacts(None, None, ExifFacts()) if isinstance(read, Rejected) else read


def _read(path: Path) -> PhotoFacts:
    facts = exif.read(path)
    try:
        pixels = read_image(path, LONGEST)
    except UnreadableImageError:
        return PhotoFacts(None, None, facts)
    return PhotoFacts(pixels, perceptual_hashes(pixels), facts)
