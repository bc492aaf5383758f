"""Frames, screens and bars are cut; skies, water and plain photos are not."""

from __future__ import annotations

import numpy as np
import pytest

from geoflood.core.datatypes import Box, Image
from geoflood.core.images import resize
from geoflood.imagery.content_box import content_box
from geoflood.synthetic.cohort import KINDS
from geoflood.synthetic.flood import flood
from geoflood.synthetic.post_edits import FRAMES, edit

PHOTOS = ("aerial", "bricks", "foliage", "grass", "landscape", "fence", "street", "still life")


def photo(kind: str, seed: int = 1) -> Image:
    return KINDS[kind](np.random.default_rng(seed), 480, 360)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    both = max(width, 0) * max(height, 0)
    areas = ((box.right - box.left) * (box.bottom - box.top) for box in (one, other))
    return both / (sum(areas) - both)


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("kind", ["aerial", "foliage"])
def test_what_is_around_a_photo_is_cut(name: str, kind: str) -> None:
    shown = photo(kind)
    for seed in range(3):
        edited = edit(shown, name, seed)
        box = content_box(edited.image)
        assert box is not None
        assert overlap(box, edited.box) > 0.9


@pytest.mark.parametrize("kind", PHOTOS)
@pytest.mark.parametrize("level", [0.0, 0.45])
def test_a_plain_photo_stays_whole_dry_and_flooded(kind: str, level: float) -> None:
    for seed in range(2):
        assert content_box(flood(photo(kind, seed), level, seed)[0]) is None


@pytest.mark.parametrize("name", ["meme text", "filtered", "night", "low quality", "mirrored", "tall crop"])
def test_what_is_over_a_photo_stays(name: str) -> None:
    assert content_box(edit(photo("aerial"), name, 2).image) is None


def skyline(sky: int, roofs: Image) -> Image:
    """A sky of one value over a busy city, whose roofs begin at these rows."""
    city = resize(photo("aerial"), len(roofs), 300)
    city[np.arange(300)[:, None] < roofs] = sky
    return city


@pytest.mark.parametrize("sky", [255, 200, 0])
def test_a_sky_of_one_colour_stays(sky: int) -> None:
    jagged = 60 + 8 * np.random.default_rng(2).integers(0, 8, 20).repeat(20)
    tilted = np.linspace(90, 104, 400).astype(int)
    assert content_box(skyline(sky, jagged)) is None
    assert content_box(skyline(sky, tilted)) is None


def test_a_straight_bar_above_the_same_city_is_cut() -> None:
    """Only the straightness of its end tells a bar from a sky."""
    box = content_box(skyline(255, np.full(400, 90)))
    assert box is not None
    assert overlap(box, Box(0, 90, 400, 300)) > 0.97


def test_a_mirror_image_has_the_mirrored_box() -> None:
    edited = edit(photo("foliage"), "chat", 4).image
    box, mirrored = content_box(edited), content_box(np.ascontiguousarray(edited[:, ::-1]))
    assert box is not None
    assert mirrored is not None
    width = edited.shape[1]
    assert overlap(mirrored, box._replace(left=width - box.right, right=width - box.left)) > 0.97


@pytest.mark.parametrize("size", [(1, 1), (20, 900), (63, 63), (64, 64), (2000, 64)])
@pytest.mark.parametrize("value", [0, 255])
def test_a_picture_of_nothing_stays(size: tuple[int, int], value: int) -> None:
    assert content_box(np.full((*size, 3), value, np.uint8)) is None
