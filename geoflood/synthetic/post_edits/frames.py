"""Edits that put something around the photo, or more photos beside it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageEnhance, ImageFilter

from geoflood.core.datatypes import Image
from geoflood.core.images import resize
from geoflood.synthetic.blocks import Colour
from geoflood.synthetic.lettering import font, nonsense, wrapped, write
from geoflood.synthetic.post_edits.edited import Edited, Rng, framed, posted

__all__ = ["blurred_frame", "caption_bar", "collage_2", "collage_4", "letterbox", "pillarbox", "white_frame"]

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def letterbox(photo: Image, rng: Rng) -> Edited:
    """Black bars above and below."""
    return bars(photo, BLACK, False, rng)


def pillarbox(photo: Image, rng: Rng) -> Edited:
    """Black bars left and right."""
    return bars(photo, BLACK, True, rng)


def bars(photo: Image, colour: Colour, upright: bool, rng: Rng) -> Edited:
    """The photo between two bars of one colour, beside it or above and below."""
    height, width = photo.shape[:2]
    first, last = (round(float(share) * (width if upright else height)) for share in rng.uniform(0.1, 0.6, 2))
    if rng.random() < 0.7:
        last = first
    size = (width + first + last, height) if upright else (width, height + first + last)
    picture = Pictures.new("RGB", size, colour)
    box = framed(picture, photo, (first, 0) if upright else (0, first))
    return posted(picture, [box], rng)


def white_frame(photo: Image, rng: Rng) -> Edited:
    """White, or another colour, all around: wide above and below, narrow at the sides."""
    height, width = photo.shape[:2]
    side = round(width * rng.uniform(0.02, 0.12))
    above, below = (round(height * float(share)) for share in rng.uniform(0.02, 0.3, 2))
    colour = WHITE if rng.random() < 0.6 else tuple(rng.integers(0, 256, 3).tolist())
    picture = Pictures.new("RGB", (width + 2 * side, height + above + below), colour)
    return posted(picture, [framed(picture, photo, (side, above))], rng)


def blurred_frame(photo: Image, rng: Rng) -> Edited:
    """Before a blurred, enlarged copy of itself, in a tall frame or a wide one."""
    height, width = photo.shape[:2]
    tall = rng.random() < 0.7
    size = (width, max(width * 16 // 9, height + 32)) if tall else (max(height * 16 // 9, width + 32), height)
    ground = Pictures.fromarray(photo).resize(size, Pictures.Resampling.BICUBIC)
    ground = ground.filter(ImageFilter.GaussianBlur(max(size) * rng.uniform(0.015, 0.04)))
    picture = ImageEnhance.Brightness(ground).enhance(rng.uniform(0.5, 1.0))
    corner = (size[0] - width) // 2, (size[1] - height) // 2
    return posted(picture, [framed(picture, photo, corner)], rng)


def caption_bar(photo: Image, rng: Rng) -> Edited:
    """Text on a plain bar above the photo, or below, or both."""
    height, width = photo.shape[:2]
    ground, ink = (WHITE, (20, 20, 20)) if rng.random() < 0.6 else ((12, 12, 12), (240, 240, 240))
    letters = font(max(round(width * rng.uniform(0.04, 0.07)), 8))
    texts = [wrapped(nonsense(rng, int(rng.integers(5, 22))), letters, width * 0.92) for _ in range(2)]
    above, below = [(True, False), (False, True), (True, True)][int(rng.integers(3))]
    pitch = round(letters.size * 1.35)
    highs = [(len(text) * pitch + pitch) * used for text, used in zip(texts, (above, below), strict=True)]
    picture = Pictures.new("RGB", (width, height + sum(highs)), ground)
    pen = ImageDraw.Draw(picture)
    if above:
        write(pen, texts[0], (round(width * 0.04), pitch // 2), ink, letters)
    if below:
        write(pen, texts[1], (round(width * 0.04), highs[0] + height + pitch // 2), ink, letters)
    return posted(picture, [framed(picture, photo, (0, highs[0]))], rng)


def collage_2(photo: Image, rng: Rng) -> Edited:
    """Two photos, beside or above each other."""
    return collage(photo, rng, *((1, 2) if rng.random() < 0.5 else (2, 1)))


def collage_4(photo: Image, rng: Rng) -> Edited:
    """Four photos."""
    return collage(photo, rng, 2, 2)


def collage(photo: Image, rng: Rng, rows: int, columns: int) -> Edited:
    """Details of the photo and the photo itself in a grid, with a thin seam or none."""
    height, width = (max(side // 2, 16) for side in photo.shape[:2])
    seam = int(rng.choice([0, 4, 10]))
    size = (columns * width + (columns - 1) * seam, rows * height + (rows - 1) * seam)
    picture = Pictures.new("RGB", size, WHITE if rng.random() < 0.7 else BLACK)
    corners = [(column * (width + seam), row * (height + seam)) for row, column in np.ndindex(rows, columns)]
    photos = islice(parts(photo, width, height, rng), len(corners))
    boxes = [framed(picture, part, corner) for corner, part in zip(corners, photos, strict=True)]
    return posted(picture, boxes, rng)


def parts(photo: Image, width: int, height: int, rng: Rng) -> Iterator[Image]:
    """The photo, then details of it, all in one size."""
    yield resize(photo, width, height)
    while True:
        zoom = rng.uniform(0.55, 0.8)
        high, wide = (max(round(side * zoom), 1) for side in photo.shape[:2])
        top, left = (int(rng.integers(0, side - round(side * zoom) + 1)) for side in photo.shape[:2])
        detail = photo[top : top + high, left : left + wide]
        yield resize(np.ascontiguousarray(detail[:, :: rng.choice([1, -1])]), width, height)
