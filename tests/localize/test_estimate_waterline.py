"""The waterline found in a picture: where water mirrors it is right, where nothing does it is not claimed."""

from __future__ import annotations

import numpy as np
import pytest

from geoflood.core.datatypes import Image
from geoflood.core.images import resize
from geoflood.database.bands import BANDS
from geoflood.localize.estimate_waterline import LEAD, estimate_waterline, symmetry
from geoflood.localize.waterline import belief
from geoflood.synthetic.flood import scene
from geoflood.synthetic.town import build_town, view


def clutter(height: int = 240, width: int = 320, seed: int = 0) -> Image:
    """Blotches of a few pixels, nothing like their mirror image anywhere."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return resize(noise, width, height)


def mirrored(waterline: float, dark: float = 0.5, seed: int = 0) -> Image:
    """Clutter over its mirror image, as dark as muddy water makes it."""
    picture = clutter(seed=seed)
    line = round(len(picture) * (1 - waterline))
    below = len(picture) - line
    turned = picture[:line][::-1][:below]
    picture[line : line + len(turned)] = (turned * dark).astype(np.uint8)
    return picture


@pytest.mark.parametrize("waterline", [0.15, 0.3, 0.45, 0.6, 0.7])
def test_a_mirror_image_begins_at_the_waterline(waterline: float) -> None:
    found, doubt = estimate_waterline(mirrored(waterline))
    assert found == pytest.approx(waterline, abs=0.015)
    assert doubt < 0.5


@pytest.mark.parametrize("seed", range(6))
def test_clutter_mirrors_nothing(seed: int) -> None:
    assert estimate_waterline(clutter(seed=seed))[1] == 1.0


def test_walls_that_go_on_are_not_their_mirror_image() -> None:
    """Columns of one colour look the same turned over: at every line, and so at none."""
    columns = np.broadcast_to(clutter()[:1], (240, 320, 3)).copy()
    _, mirror = symmetry(columns)
    assert mirror.max() == pytest.approx(0.5, abs=0.01)
    assert estimate_waterline(columns)[1] == 1.0


def test_brightness_and_contrast_do_not_matter() -> None:
    bright, dark = (estimate_waterline(mirrored(0.4, dark)) for dark in (1.0, 0.2))
    assert bright == pytest.approx(dark, abs=0.011)
    assert bright[1] < 0.5


@pytest.mark.parametrize("picture", [np.full((240, 320, 3), grey, np.uint8) for grey in (0, 128)])
def test_a_blank_picture_says_nothing(picture: Image) -> None:
    assert estimate_waterline(picture)[1] == 1.0


@pytest.mark.parametrize("shape", [(1, 1), (40, 300), (300, 3), (95, 95), (2000, 40)])
def test_pictures_too_small_or_narrow_say_nothing(shape: tuple[int, int]) -> None:
    assert estimate_waterline(clutter(400, 2400)[: shape[0], : shape[1]])[1] == 1.0


def test_two_mirrors_are_none() -> None:
    """Which of two lines is the water's is not known."""
    tile = clutter(60, 320)
    picture = np.concatenate([tile, tile[::-1], tile, tile[::-1]])
    lines, mirror = symmetry(picture)
    first = mirror.argmax()
    assert mirror[np.abs(lines - lines[first]) > 0.1].max() > mirror[first] - LEAD
    assert estimate_waterline(picture)[1] == 1.0


def test_a_doubtful_estimate_is_as_good_as_untold() -> None:
    waterline, doubt = estimate_waterline(clutter())
    np.testing.assert_array_equal(belief(waterline, BANDS, doubt), belief(None, BANDS))


def test_a_drawn_street_under_water_and_dry() -> None:
    town = build_town(3, (1, 1))
    dry = view(town, (0, 0), 30, size=(320, 240))
    flooded = scene(dry, 0.4, 1)
    assert estimate_waterline(dry)[1] == 1.0
    waterline, doubt = estimate_waterline(flooded.photo)
    assert waterline == pytest.approx(flooded.waterline, abs=0.03)
    assert doubt < 0.5
