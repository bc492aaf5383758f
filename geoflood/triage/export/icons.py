"""Pins for other programs as small PNG files: a ring for a proposal, a square with a tick once confirmed.

They are white, so that a program can tint them; what tells them apart is their shape.
"""

from __future__ import annotations

import numpy as np
import PIL.Image
import PIL.ImageDraw

from geoflood.core.images import png
from geoflood.triage.findings import Status

__all__ = ["icon"]

SIDE = 48
_WHITE, _CLEAR = (255, 255, 255, 255), (255, 255, 255, 0)


def icon(status: Status) -> bytes:
    """The pin of a status as a PNG file with transparency."""
    picture = PIL.Image.new("RGBA", (SIDE, SIDE), _CLEAR)
    draw = PIL.ImageDraw.Draw(picture)
    if status is Status.CONFIRMED:
        draw.rectangle((2, 2, 45, 45), fill=_WHITE)
        draw.line([(12, 25), (21, 33), (37, 14)], fill=_CLEAR, width=8, joint="curve")
    else:
        draw.ellipse((2, 2, 45, 45), outline=_WHITE, width=8)
        draw.ellipse((19, 19, 28, 28), fill=_WHITE)
    return png(np.asarray(picture))
