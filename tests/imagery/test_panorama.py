"""Tiles of panoramas against the pinhole model, point by point."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geoflood.core.datatypes import Projection
from geoflood.core.gpano import CameraPose, PhotoSphere
from geoflood.core.images import Header
from geoflood.imagery.panorama import (
    DECODE_WIDTH,
    FOV_DEG,
    HEADINGS,
    SIZE,
    is_panorama,
    tile,
    tiles,
    wraps_around,
)

Pixels = NDArray[np.uint8]


def smooth(width: int = 1440, height: int | None = None) -> Pixels:
    """A panorama in which red tells the sine, green the cosine of the azimuth, blue the elevation."""
    height = height or width // 2
    azimuth = np.radians((np.arange(width) + 0.5) / width * 360 - 180)
    elevation = (height / 2 - np.arange(height) - 0.5) * 360 / width
    image = np.empty((height, width, 3))
    image[..., 0], image[..., 1] = 127.5 + 120 * np.sin(azimuth), 127.5 + 120 * np.cos(azimuth)
    image[..., 2] = 127.5 + elevation[:, None]
    return np.rint(image).astype(np.uint8)


def turned(axis: str, degrees: float) -> NDArray[np.float64]:
    """[3, 3] The rotation of (right, up, on): pitch lifts what is on, roll lowers what is right."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rows = {"pitch": [[1, 0, 0], [0, c, s], [0, -s, c]], "roll": [[c, s, 0], [-s, c, 0], [0, 0, 1]]}
    return np.array(rows[axis], np.float64)


def leaning(pose: CameraPose, width: int = 1440) -> Pixels:
    """`smooth` as a camera sees it that leans."""
    azimuth = np.radians((np.arange(width) + 0.5) / width * 360 - 180)
    elevation = np.radians((width / 4 - np.arange(width // 2) - 0.5) * 360 / width)[:, None]
    seen = np.stack(
        [
            np.cos(elevation) * np.sin(azimuth),
            np.broadcast_to(np.sin(elevation), (width // 2, width)),
            np.cos(elevation) * np.cos(azimuth),
        ]
    )
    right, up, on = np.tensordot(
        turned("pitch", pose.pitch_deg) @ turned("roll", pose.roll_deg), seen, axes=1
    )
    around, above = np.arctan2(right, on), np.degrees(np.arctan2(up, np.hypot(right, on)))
    image = np.stack([127.5 + 120 * np.sin(around), 127.5 + 120 * np.cos(around), 127.5 + above], axis=2)
    return np.rint(image).astype(np.uint8)


def directions(image: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Azimuth and elevation, degrees, that a tile of `smooth` shows in each pixel."""
    red, green, blue = np.moveaxis(image.astype(float) - 127.5, 2, 0)
    return np.degrees(np.arctan2(red, green)), blue


def apart(a: NDArray[np.float64] | float, b: NDArray[np.float64] | float) -> float:
    return float(np.abs((np.asarray(a) - b + 180) % 360 - 180).max())


@given(st.floats(-720, 720), st.floats(30, 110), st.sampled_from([64, 101, 200]))
def test_every_pixel_looks_where_a_pinhole_camera_does(turn: float, fov: float, size: int) -> None:
    azimuth, elevation = directions(tile(smooth(), turn, fov, size))
    focal = size / 2 / math.tan(math.radians(fov / 2))
    across = np.arange(size) + 0.5 - size / 2
    right, up = np.meshgrid(across, -across)
    assert apart(azimuth, turn + np.degrees(np.arctan2(right, focal))) < 1.0
    assert np.abs(elevation - np.degrees(np.arctan2(up, np.hypot(right, focal)))).max() < 1.2


@given(st.floats(-180, 180), st.floats(-30, 30), st.floats(-30, 30))
def test_a_dot_lands_where_the_model_says(turn: float, beside: float, above: float) -> None:
    width, size, fov = 2048, 400, 90.0
    panorama = np.zeros((width // 2, width, 3), np.uint8)
    column = round((turn + beside + 180) / 360 * width - 0.5)
    row = round(width / 4 - 0.5 - above * width / 360)
    for step in range(-2, 3):
        panorama[row - 2 : row + 3, (column + step) % width] = 255
    image = tile(panorama, turn, fov, size)[..., 0].astype(float)
    azimuth = math.radians((column + 0.5) / width * 360 - 180 - turn)
    elevation = math.radians((width / 4 - 0.5 - row) * 360 / width)
    focal = size / 2
    expected = (
        size / 2 - focal * math.tan(elevation) / math.cos(azimuth) - 0.5,
        size / 2 + focal * math.tan(azimuth) - 0.5,
    )
    rows, columns = np.mgrid[:size, :size]
    found = (float((rows * image).sum() / image.sum()), float((columns * image).sum() / image.sum()))
    assert found == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("turn", [0, 45, 135, 180, 225, 315, -45, 400])
def test_the_centre_column_is_the_panoramas_at_that_turn(turn: float) -> None:
    panorama = np.zeros((512, 1024, 3), np.uint8)
    panorama[:] = np.random.default_rng(1).integers(0, 255, (512, 1, 3))  # rows differ, so down is tested too
    column = round((turn + 180) / 360 * 1024) % 1024
    panorama[:, [(column + step) % 1024 for step in range(-3, 3)]] = 255, 0, 0
    image = tile(panorama, turn, 90, 300)
    middle = image[:, 149:151].astype(int)
    assert np.abs(middle - (255, 0, 0)).max() <= 4
    assert np.abs(image[:, 140].astype(int) - (255, 0, 0)).max() > 100


def test_the_seam_does_not_show() -> None:
    """Around the back of the panorama nothing changes but the turn."""
    panorama = smooth(1440)
    rolled = np.roll(panorama, 720, axis=1)
    np.testing.assert_array_equal(tile(panorama, 180), tile(rolled, 0))
    behind = tile(panorama, 180).astype(int)
    assert np.abs(np.diff(behind, axis=1)).max() <= 3


def test_up_is_up_and_right_is_right() -> None:
    panorama = np.zeros((512, 1024, 3), np.uint8)
    panorama[:256, :, 0] = 255
    panorama[:, 512:, 1] = 255
    image = tile(panorama, 0)
    assert image[10, 10].tolist() == [255, 0, 0]
    assert image[10, -10].tolist() == [255, 255, 0]
    assert image[-10, -10].tolist() == [0, 255, 0]


def test_the_horizon_is_level_at_mid_height() -> None:
    panorama = np.zeros((512, 1024, 3), np.uint8)
    panorama[256:] = 200
    for _, image in tiles(panorama):
        assert (image[: SIZE // 2 - 2] == 0).all()
        assert (image[SIZE // 2 + 2 :] == 200).all()


def test_flat_colours_stay_exact() -> None:
    for value in (0, 1, 127, 254, 255):
        assert (tile(np.full((512, 1024, 3), value, np.uint8), 12.3) == value).all()


def test_tiles_go_around_the_circle() -> None:
    found = tiles(smooth(), size=50)
    assert [turn for turn, _ in found] == [360 * step / HEADINGS for step in range(HEADINGS)]
    for turn, image in found:
        assert image.shape == (50, 50, 3)
        np.testing.assert_array_equal(image, tile(smooth(), turn, size=50))
        assert apart(directions(image)[0][:, 24:26], turn) < 2
    assert HEADINGS * FOV_DEG > 360


def test_large_panoramas_are_antialiased() -> None:
    """Stripes finer than the tile's pixels become grey."""
    stripes = np.zeros((1024, 2048, 3), np.uint8)
    stripes[:, ::2] = 255
    image = tile(stripes, 0, 80, 64).astype(int)
    assert np.abs(image - 127).max() < 25


def test_a_panorama_without_sky_and_ground() -> None:
    """A strip 60 degrees high: the rows around the horizon are the same, beyond it the last row goes on."""
    strip, whole = smooth(1440, 240), smooth(1440)
    np.testing.assert_allclose(
        tile(strip, 30, 50, 100).astype(int), tile(whole, 30, 50, 100).astype(int), atol=1.0
    )
    assert (tile(strip, 0, 120, 100)[:3, 48:52] == tile(strip, 0, 120, 100)[3:6, 48:52]).all()


def test_nothing_is_gained_by_a_wider_panorama() -> None:
    assert DECODE_WIDTH / 360 >= SIZE / FOV_DEG


@pytest.mark.parametrize("fov", [0, -10, 180, 200, math.nan])
def test_fields_of_view_that_no_camera_has(fov: float) -> None:
    with pytest.raises(ValueError, match="degrees"):
        tile(smooth(), 0, fov)


SPHERE, CYLINDER = PhotoSphere(Projection.EQUIRECTANGULAR), PhotoSphere(Projection.PERSPECTIVE)


@pytest.mark.parametrize(
    ("header", "projection", "expected"),
    [
        (Header(2048, 1024), Projection.UNKNOWN, True),
        (Header(5376, 2688), Projection.UNKNOWN, True),
        (Header(2048, 1152), Projection.UNKNOWN, False),
        (Header(512, 1024), Projection.UNKNOWN, False),
        (Header(3328, 512, SPHERE), Projection.UNKNOWN, True),
        (Header(2048, 1024), Projection.PERSPECTIVE, False),
        (Header(400, 400), Projection.EQUIRECTANGULAR, True),
        (Header(2048, 1024, SPHERE), Projection.PERSPECTIVE, False),
        (Header(2048, 1024, CYLINDER), Projection.UNKNOWN, False),
    ],
)
def test_what_is_a_panorama(header: Header, projection: Projection, expected: bool) -> None:
    assert is_panorama(header, projection) is expected


def test_a_circle_wraps_around_and_a_photo_does_not() -> None:
    noise = np.random.default_rng(3).normal(0, 4, (512, 1024, 3))
    circle = np.clip(smooth(1024) + noise, 0, 255).astype(np.uint8)
    assert wraps_around(circle)
    assert not wraps_around(circle[:, :700])
    assert not wraps_around(circle[:, 100:900])


# ---- cameras that lean


@given(st.floats(-60, 60), st.floats(-180, 180), st.floats(-180, 180))
def test_a_leaning_camera_gives_the_level_views(pitch: float, roll: float, turn: float) -> None:
    pose = CameraPose(None, pitch, roll)
    found = tile(leaning(pose), turn, 80, 100, pose).astype(int)
    assert np.abs(found - tile(smooth(), turn, 80, 100)).max() <= 3


@pytest.mark.parametrize(
    ("pose", "turn", "higher"),
    [
        (CameraPose(pitch_deg=10), 0, -10),
        (CameraPose(pitch_deg=10), 180, 10),
        (CameraPose(roll_deg=10), 90, 10),
        (CameraPose(roll_deg=10), -90, -10),
        (CameraPose(roll_deg=10), 0, 0),
    ],
)
def test_which_way_a_camera_leans(pose: CameraPose, turn: int, higher: float) -> None:
    """Pitched up, the horizon sinks ahead; turned clockwise, the right side sinks and shows it higher."""
    image = leaning(pose)
    column = image[:, round((turn + 180) / 360 * 1440) % 1440, 2].astype(int)
    horizon = float(np.argmax(column < 128))
    assert (360 - horizon) / 4 == pytest.approx(higher, abs=0.6)
    level = tile(image, turn, 60, 200, pose)[..., 2].astype(int)
    assert np.abs(level[99:101] - 127).max() <= 3


def test_a_pose_of_nothing_changes_nothing() -> None:
    panorama = smooth()
    np.testing.assert_array_equal(tile(panorama, 33), tile(panorama, 33, pose=CameraPose(120.0)))
    nearly = tile(panorama, 33, pose=CameraPose(pitch_deg=1e-9)).astype(int)
    assert np.abs(nearly - tile(panorama, 33)).max() <= 1
