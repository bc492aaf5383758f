"""A picture as it was posted, and where in it a photo stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from PIL import Image as Pictures

from geoflood.core.datatypes import Box, Image
from geoflood.synthetic.flood.post import recompress

__all__ = ["Edit", "Edited", "Rng", "framed", "posted", "whole"]

Rng: TypeAlias = np.random.Generator

QUALITIES = (62, 92)
"""Of the JPEG that an edited picture is posted as."""


class Edited(NamedTuple):
    """A picture as it was posted."""

    image: Image
    panels: tuple[Box, ...]
    """Where photos stand in it: one, or one each in a collage."""

    @property
    def box(self) -> Box:
        """Where the (first) photo stands."""
        return self.panels[0]


Edit: TypeAlias = Callable[[Image, Rng], Edited]


def whole(image: Image) -> Edited:
    """A picture that is photo from edge to edge."""
    return Edited(np.ascontiguousarray(image), (Box(0, 0, image.shape[1], image.shape[0]),))


def framed(picture: Pictures.Image, photo: Image, corner: tuple[int, int]) -> Box:
    """Lay the photo into a picture; where it lies."""
    picture.paste(Pictures.fromarray(photo), corner)
    return Box(*corner, corner[0] + photo.shape[1], corner[1] + photo.shape[0])


def posted(picture: Pictures.Image, panels: Sequence[Box], rng: Rng) -> Edited:
    """A picture on its way: compressed once more."""
    return Edited(recompress(np.asarray(picture), int(rng.integers(*QUALITIES))), tuple(panels))
