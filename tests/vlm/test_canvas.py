"""What a model is shown."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import PIL.Image
import pytest

from geoflood.core.datatypes import Image
from geoflood.vlm.canvas import (
    GREY,
    SIDES,
    VIEWS,
    ModelView,
    blank_photo,
    photo_alone,
    photo_with_grid,
    photo_with_rulers,
)

WIDE = np.random.default_rng(5).integers(60, 200, (300, 500, 3), np.uint8)


def decode(picture: bytes) -> Image:
    return np.asarray(PIL.Image.open(io.BytesIO(picture)).convert("RGB"))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("photo", [WIDE, WIDE.swapaxes(0, 1), WIDE[:1]], ids=["wide", "tall", "flat"])
def test_a_canvas_is_square_whatever_the_photo(photo: Image, side: int) -> None:
    for picture in (
        photo_alone(photo, side),
        photo_with_grid(photo, VIEWS[3], 8, side),
        photo_with_rulers(photo, VIEWS[1], side),
    ):
        assert decode(picture).shape == (side, side, 3)


@pytest.mark.parametrize(
    "draw",
    [
        lambda view: photo_with_grid(blank_photo(), view, 4, 1008),
        lambda view: photo_with_rulers(blank_photo(), view, 672),
    ],
    ids=["grid", "rulers"],
)
def test_labels_are_not_mirrored_with_the_photo(draw: Callable[[ModelView], bytes]) -> None:
    assert draw(VIEWS[0]) == draw(VIEWS[1])


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_label_stands_in_the_corner_of_each_cell(view: ModelView) -> None:
    canvas = decode(photo_with_grid(blank_photo(), view, 4, 1008)).astype(int)
    left, top, width, height = 42, 157, 924, 693
    for y in view.edges(4)[:-1]:
        for x in view.edges(4)[:-1]:
            row, column = round(top + y * height) + 2, round(left + x * width) + 2
            label = canvas[row : row + 16, column : column + 20]
            assert label.min() < 50
            assert label.max() > 200
            beside = canvas[row + 22 : row + 30, column : column + 20]
            assert abs(beside - GREY).max() < 20, "the photo shows beneath the label"
