"""Nobody's city: pictures of no place in any index, from which a calibration learns what strangers look like.

Drawn by code alone, wide in kind, since a threshold that has met only its own city's streets knows nothing of
documents, rooms, memes or another town. docs/decisions/059 has what is in it and why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.synthetic.cohort.brush import Rng
from geoflood.synthetic.cohort.exposures import black_and_white, filtered, nearly_black, overexposed
from geoflood.synthetic.cohort.land import aerial, landscape
from geoflood.synthetic.cohort.paper import chart, document, form, line_drawing, street_map
from geoflood.synthetic.cohort.rooms import indoor
from geoflood.synthetic.cohort.scenes import fronts, parking, portrait, still_life, street
from geoflood.synthetic.cohort.sharing import chat, meme, post
from geoflood.synthetic.cohort.textures import bricks, fence, foliage, grass, tiles, waves

__all__ = ["COUNT", "KINDS", "cohort"]

Kind: TypeAlias = Callable[[Rng, int, int], Image]

KINDS: dict[str, Kind] = {
    "street": street,
    "document": document,
    "indoor": indoor,
    "bricks": bricks,
    "post": post,
    "landscape": landscape,
    "nearly black": nearly_black,
    "aerial": aerial,
    "portrait": portrait,
    "foliage": foliage,
    "meme": meme,
    "street map": street_map,
    "fronts": fronts,
    "black and white": black_and_white,
    "form": form,
    "parking": parking,
    "fence": fence,
    "chat": chat,
    "still life": still_life,
    "overexposed": overexposed,
    "waves": waves,
    "line drawing": line_drawing,
    "filtered": filtered,
    "grass": grass,
    "chart": chart,
    "tiles": tiles,
}
"""Painters (rng, width, height) by name; in this order, so that few pictures are wide in kind too."""

COUNT = 2 * len(KINDS)
SIZES = ((640, 480), (480, 640), (512, 512), (640, 400), (400, 600), (600, 450), (420, 560))
"""Width and height, px."""


def cohort(count: int = COUNT, seed: int = 0) -> list[Image]:
    """So many pictures, uint8 [H, W, 3], 400 to 640 px a side, each kind in turn.

    The same seed gives the same pictures, and a larger count begins with those of a smaller one.
    """
    return [_picture(number, seed) for number in range(count)]


def _picture(number: int, seed: int) -> Image:
    rng = np.random.default_rng([seed, number])
    width, height = SIZES[int(rng.integers(len(SIZES)))]
    return list(KINDS.values())[number % len(KINDS)](rng, width, height)
