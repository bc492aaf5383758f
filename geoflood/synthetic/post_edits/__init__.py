"""What people and apps do to a photo before others see it: mirrored, framed, captioned, joined, filtered.

Each edit is a function (photo, rng) -> Edited; same seed, same pixels. The photo is uint8 [H, W, 3] with
sides of 64 px or more; so is what comes out, though smaller or larger.
"""

from __future__ import annotations

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.synthetic.post_edits.edited import Edit, Edited
from geoflood.synthetic.post_edits.frames import (
    blurred_frame,
    caption_bar,
    collage_2,
    collage_4,
    letterbox,
    pillarbox,
    white_frame,
)
from geoflood.synthetic.post_edits.pixels import (
    black_and_white,
    filtered,
    low_quality,
    meme_text,
    mirrored,
    night,
    tall_crop,
)
from geoflood.synthetic.post_edits.screens import chat, screenshot

__all__ = ["EDITS", "FRAMES", "Edited", "edit"]

FRAMES: dict[str, Edit] = {
    "letterbox": letterbox,
    "pillarbox": pillarbox,
    "white frame": white_frame,
    "blurred frame": blurred_frame,
    "caption bar": caption_bar,
    "screenshot": screenshot,
    "chat": chat,
}
"""Edits that put something around the photo, by name."""

EDITS: dict[str, Edit] = {
    **FRAMES,
    "mirrored": mirrored,
    "meme text": meme_text,
    "collage of 2": collage_2,
    "collage of 4": collage_4,
    "tall crop": tall_crop,
    "filtered": filtered,
    "night": night,
    "black and white": black_and_white,
    "low quality": low_quality,
}
"""All edits by name."""


def edit(photo: Image, name: str, seed: int = 0) -> Edited:
    """The photo after the edit of that name. Raises KeyError for a name that is not in EDITS."""
    return EDITS[name](photo, np.random.default_rng([seed, sorted(EDITS).index(name)]))
