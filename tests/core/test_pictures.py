"""Labels and lines on pictures."""

from __future__ import annotations

import numpy as np
import pytest

from geoflood.core.datatypes import Image
from geoflood.core.pictures import DARK, LIGHT, draw_label, draw_lines


def ground(grey: int, height: int = 60, width: int = 90) -> Image:
    return np.full((height, width, 3), grey, np.uint8)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_label_is_light_on_dark_on_any_ground(grey: int) -> None:
    picture = ground(grey)
    draw_label(picture, "A1", 10, 20, 20)
    plate = picture[20:40, 10:30]
    assert plate.max() > LIGHT - 20
    assert (plate == DARK).mean() > 0.4
    picture[20:40, 10:50] = grey
    assert (picture == grey).all(), "nothing is drawn beside the plate"


@pytest.mark.parametrize(("x", "y"), [(-50, -50), (500, 500), (-50, 500)])
def test_a_label_stays_inside_the_picture(x: float, y: float) -> None:
    picture = ground(128)
    draw_label(picture, "C3", x, y, 20, "centre")
    rows, columns = np.nonzero((picture != 128).any(axis=2))
    assert np.ptp(rows) == 19
    assert rows.min() in (0, 40)
    assert columns.min() == 0 or columns.max() == 89


def test_different_texts_look_different() -> None:
    plates = set()
    for text in [f"{row}{column}" for row in "ABCDEFGHI" for column in range(1, 10)]:
        picture = ground(128)
        draw_label(picture, text, 0, 0, 20)
        plates.add(picture.tobytes())
    assert len(plates) == 81


def test_a_line_is_dark_beside_light_within_its_box() -> None:
    picture = ground(128)
    draw_lines(picture, [30.4], [40.0], (20, 10, 80, 50))
    assert (picture[10:39, 30] == LIGHT).all()
    assert (picture[10:39, 29] == DARK).all()
    assert (picture[40, 20:80] == LIGHT).all()
    assert (picture[:10] == 128).all()
    assert (picture[:, :20] == 128).all()
