"""Edits of the photo itself: mirrored, filtered, darkened, cropped, written over."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageEnhance, ImageFilter

from geoflood.core.datatypes import Image
from geoflood.core.images import resize
from geoflood.synthetic.flood.post import recompress
from geoflood.synthetic.lettering import font, nonsense
from geoflood.synthetic.post_edits.edited import Edited, Rng, posted, whole

__all__ = ["black_and_white", "filtered", "low_quality", "meme_text", "mirrored", "night", "tall_crop"]

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def mirrored(photo: Image, _rng: Rng) -> Edited:
    """Left and right exchanged, as front cameras save it."""
    return whole(photo[:, ::-1])


def black_and_white(photo: Image, rng: Rng) -> Edited:
    """Grey, with more contrast and some grain."""
    grey = Pictures.fromarray(photo).convert("L")
    pixels = np.asarray(ImageEnhance.Contrast(grey).enhance(rng.uniform(0.9, 1.6)), np.float32)
    pixels = pixels + rng.standard_normal(pixels.shape, np.float32) * np.float32(rng.uniform(0, 9))
    return whole(np.repeat(pixels.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2))


def filtered(photo: Image, rng: Rng) -> Edited:
    """A heavy filter: colours cast, faded or shrill, contrast bent, edges of the frame dark."""
    picture = ImageEnhance.Color(Pictures.fromarray(photo)).enhance(rng.choice([0.35, 1.9]))
    pixels = np.asarray(picture, np.float32) / np.float32(255)
    lift, gamma = np.float32(rng.uniform(0, 0.16)), rng.uniform(0.65, 1.5, 3).astype(np.float32)
    pixels = lift + (np.float32(1) - lift) * pixels**gamma * rng.uniform(0.8, 1.15, 3).astype(np.float32)
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in photo.shape[:2])
    vignette = np.float32(1) - np.float32(rng.uniform(0.2, 0.6)) * (y[:, None] ** 2 + x**2) / np.float32(2)
    return whole((pixels * vignette[..., None] * 255).clip(0, 255).astype(np.uint8))


def night(photo: Image, rng: Rng) -> Edited:
    """Little light: dark, bluish, noisy, a little shaken."""
    blurred = Pictures.fromarray(photo).filter(ImageFilter.GaussianBlur(max(photo.shape) / 900))
    pixels = (np.asarray(blurred, np.float32) / np.float32(255)) ** np.float32(1.5)
    light = np.float32(255 * rng.uniform(0.14, 0.45)) * np.array((0.85, 0.92, 1.1), np.float32)
    noise = rng.standard_normal(photo.shape, np.float32) * np.float32(rng.uniform(4, 9))
    return whole((pixels * light + noise + 6).clip(0, 255).astype(np.uint8))


def low_quality(photo: Image, rng: Rng) -> Edited:
    """Passed on many times: small, blocky."""
    scale = rng.uniform(0.35, 0.6)
    height, width = (max(round(side * scale), 16) for side in photo.shape[:2])
    return whole(recompress(resize(photo, width, height), int(rng.integers(12, 30))))


def tall_crop(photo: Image, rng: Rng) -> Edited:
    """Nine by sixteen, as stories are: what does not fit is cut off at the sides."""
    height, width = photo.shape[:2]
    keep = min(round(height * 9 / 16), width)
    left = int(rng.integers(0, width - keep + 1))
    high = min(round(keep * 16 / 9), height)
    top = (height - high) // 2
    return whole(photo[top : top + high, left : left + keep])


def meme_text(photo: Image, rng: Rng) -> Edited:
    """Large white letters with a dark rim, above and below, over the photo itself."""
    picture = Pictures.fromarray(photo)
    pen, (width, height) = ImageDraw.Draw(picture), picture.size
    letters = font(max(round(width * rng.uniform(0.07, 0.11)), 8))
    for row in (0.03, 0.86):
        words = nonsense(rng, 3).upper()
        rim = max(round(letters.size / 12), 1)
        pen.text((width / 2, height * row), words, WHITE, letters, "ma", stroke_width=rim, stroke_fill=BLACK)
    return posted(picture, whole(photo).panels, rng)
