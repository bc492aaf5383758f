"""Scenes as apps show them: in a post, in a chat, as a meme."""

from __future__ import annotations

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.core.images import fit
from geoflood.synthetic.cohort.brush import Rng
from geoflood.synthetic.cohort.exposures import any_scene
from geoflood.synthetic.post_edits import EDITS

__all__ = ["chat", "meme", "post"]

LONGEST = 640


def post(rng: Rng, width: int, height: int) -> Image:
    """A phone's screen with a post."""
    return fit(EDITS["screenshot"](any_scene(rng, width, height), rng).image, LONGEST)


def chat(rng: Rng, width: int, height: int) -> Image:
    """A phone's screen with a chat."""
    return fit(EDITS["chat"](any_scene(rng, width, height), rng).image, LONGEST)


def meme(rng: Rng, width: int, height: int) -> Image:
    """A scene under large letters, or with text on bars."""
    name = "meme text" if rng.random() < 0.5 else "caption bar"
    return np.asarray(fit(EDITS[name](any_scene(rng, width, height), rng).image, LONGEST))
