"""Street images that far sources have."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import PIL.Image

ROME = (41.9, 12.5)


@dataclass(frozen=True)
class FarImage:
    """One image at its provider."""

    id: str
    lat: float
    lon: float
    jpeg: bytes
    heading: float | None = 90.0
    """Of its centre."""
    taken: datetime | None = datetime(2024, 5, 3, 14, 0, tzinfo=UTC)
    panorama: bool = False
    sequence: str = "s1"
    author: str = "ann"
    licence: str = "CC-BY-SA-4.0"
    state: str = "ready"
    """ready, waiting, broken, hidden; fisheye at Mapillary."""
    visible: tuple[int, int, int, int] | None = None
    """Margins (left, top, right, bottom) that a cropped panorama lacks, px."""
    size: tuple[int, int] = (2048, 1024)
    """Of the original, whole, px."""
    foot: bool = False


def a_jpeg(colour: int = 120, size: tuple[int, int] = (64, 48)) -> bytes:
    """A small picture, of which no two colours are the same file."""
    pixels = np.full((size[1], size[0], 3), colour % 256, np.uint8)
    pixels[:, :, 1] = np.arange(size[0]) % 256
    pixels[:, :, 2] = colour // 256
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def along_a_street(
    count: int,
    start: tuple[float, float] = ROME,
    *,
    step: float = 1e-4,
    first_id: int = 1000,
    panoramas: bool = False,
) -> list[FarImage]:
    """Images eastward, two seconds apart, in drives of ten."""
    begun = datetime(2024, 5, 3, 14, 0, tzinfo=UTC)
    return [
        FarImage(
            str(first_id + number),
            start[0],
            start[1] + step * number,
            a_jpeg(number, (128, 64) if panoramas else (64, 48)),
            taken=begun + timedelta(seconds=2 * number),
            panorama=panoramas,
            sequence=f"drive{number // 10}",
        )
        for number in range(count)
    ]


def within(
    images: Sequence[FarImage], west: float, south: float, east: float, north: float
) -> list[FarImage]:
    """The images in a box; its edges count."""
    return [image for image in images if west <= image.lon <= east and south <= image.lat <= north]
