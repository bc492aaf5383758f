"""Synthetic water: what it changes, what it leaves, and that it is the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Image
from geoflood.synthetic.flood import flood, overcast
from tests.support.street_pictures import street


def test_no_water_leaves_the_photo_as_it_is() -> None:
    photo = street()
    flooded, mask = flood(photo, 0.0, 1)
    assert np.array_equal(flooded, photo)
    assert flooded is not photo
    assert not mask.any()


def test_same_seed_same_water_other_seed_other_water() -> None:
    photo = street()
    before = photo.copy()
    first, second, other = (flood(photo, 0.4, seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("level", [0.1, 0.25, 0.5, 0.75, 0.9])
def test_mask_covers_the_level(level: float) -> None:
    _, mask = flood(street(), level, 5)
    assert mask.mean() == pytest.approx(level, abs=0.02)
    assert mask[-1].all()
    assert not mask[0].any()


@pytest.mark.parametrize("seed", range(4))
def test_mask_is_exactly_what_became_water(seed: int) -> None:
    """Outside it only the light is another one; inside, water is not the overcast photo."""
    photo = street()
    flooded, mask = flood(photo, 0.4, seed)
    dull = overcast(photo)
    assert np.array_equal(flooded[~mask], dull[~mask])
    assert (flooded[mask] != dull[mask]).any(axis=1).mean() > 0.97


def test_each_column_has_one_shore_and_no_islands() -> None:
    _, mask = flood(street(), 0.5, 2)
    assert (np.diff(mask.astype(int), axis=0) >= 0).all()


def test_near_the_line_the_street_is_mirrored() -> None:
    """Under the red half the water is redder than under the blue one: it is no flat colour."""
    photo = street()
    flooded, mask = flood(photo, 0.5, 7)
    band = slice(64, 76)
    left, right = flooded[band, 10:70].mean((0, 1)), flooded[band, 90:150].mean((0, 1))
    assert mask[band].all()
    assert left[0] - left[2] > right[0] - right[2] + 40


def test_near_the_viewer_there_is_more_mud_than_mirror() -> None:
    """The difference between the halves fades from the line to the viewer."""
    flooded, _ = flood(street(), 0.5, 7)
    redness = flooded[..., 0].astype(float) - flooded[..., 2]
    halves = redness[:, 10:70].mean(1) - redness[:, 90:150].mean(1)
    assert halves[110:].mean() < 0.4 * halves[64:72].mean()


def test_a_grey_photo_stays_grey() -> None:
    grey = np.repeat(np.random.default_rng(0).integers(0, 256, (60, 80, 1), np.uint8), 3, 2)
    flooded, mask = flood(grey, 0.5, 1)
    assert np.ptp(flooded[mask].astype(int), axis=1).mean() < 10


@given(st.integers(1, 24), st.integers(1, 24), st.floats(0.0, 0.9), st.integers(0, 99))
def test_any_small_photo(height: int, width: int, level: float, seed: int) -> None:
    photo = np.full((height, width, 3), 255, np.uint8)
    flooded, mask = flood(photo, level, seed)
    assert flooded.shape == photo.shape
    assert flooded.dtype == np.uint8
    assert mask.shape == photo.shape[:2]
    assert mask.any() == (round(level * height) >= 1)


@pytest.mark.parametrize("level", [-0.1, 0.95, float("nan")])
def test_a_level_that_is_no_share_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="water level"):
        flood(street(), level, 1)


@pytest.mark.parametrize("photo", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)])
def test_what_is_no_photo_is_refused(photo: Image) -> None:
    with pytest.raises(ValueError, match="a photo is uint8"):
        flood(photo, 0.5, 1)
