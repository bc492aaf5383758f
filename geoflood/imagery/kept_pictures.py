"""What becomes of fetched pictures once they are described: all stay, small ones stay, or none.

Search and re-ranking need none of them. The map shows them, a model that verifies looks at them, and an index
that grows calibrates itself with a few: those stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from geoflood.core.datatypes import StreetImage
from geoflood.core.files import write_whole
from geoflood.core.images import UnreadableImageError, header, jpeg, read_image
from geoflood.imagery.panorama import DECODE_WIDTH, is_panorama
from geoflood.imagery.sources.pictures import with_gpano
from geoflood.imagery.views import LONGEST

__all__ = ["RESERVE", "KeepImages", "PictureKeeper"]

RESERVE = 128
"""The first of a choice, which are spread over the whole city: calibration needs 96."""

PHOTO_PX = LONGEST
"""Longer side of a small photo: as small panoramas, it has the pixels that are described, and no more."""
_QUALITY = 75


class KeepImages(StrEnum):
    """Which pictures stay."""

    ALL = "all"
    THUMBNAILS = "thumbnails"
    NONE = "none"


class PictureKeeper:
    """Called with images in the order of their choice, once they are described."""

    def __init__(self, keep: KeepImages) -> None:
        self._keep, self._seen = keep, 0

    def __call__(self, images: Sequence[StreetImage]) -> None:
        """Remove or shrink their pictures; doing it again changes nothing."""
        free = images[max(0, RESERVE - self._seen) :]
        self._seen += len(images)
        if self._keep is KeepImages.NONE:
            _remove(free)
        elif self._keep is KeepImages.THUMBNAILS:
            for image in free:
                _shrink(image)


def _remove(images: Iterable[StreetImage]) -> None:
    for image in images:
        Path(image.location).unlink(missing_ok=True)


def _shrink(image: StreetImage) -> None:
    """Make the picture small in its place; one that cannot be read stays, as it may be of use elsewhere."""
    path = Path(image.location)
    try:
        head = header(path)
        longest = DECODE_WIDTH if is_panorama(head, image.projection) else PHOTO_PX
        if head.sphere.problem or max(head.width, head.height) <= longest:
            return
        data = jpeg(read_image(path, longest), quality=_QUALITY)
        write_whole(path, with_gpano(data, head.visible, head.sphere.pose))
    except UnreadableImageError:
        return
