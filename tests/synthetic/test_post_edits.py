"""What posts do to photos: the same every time, and the photo is where they say."""

from __future__ import annotations

import numpy as np
import pytest

from geoflood.core.images import resize
from geoflood.synthetic.post_edits import EDITS, FRAMES, edit
from tests.support.street_pictures import busy_street

every_edit = pytest.mark.parametrize("name", EDITS)


@every_edit
@pytest.mark.parametrize("size", [(180, 240), (240, 180), (64, 64)])
def test_a_picture_with_its_panels_inside(name: str, size: tuple[int, int]) -> None:
    for seed in range(3):
        edited = edit(busy_street(*size), name, seed)
        height, width = edited.image.shape[:2]
        assert edited.image.dtype == np.uint8
        assert edited.image.shape == (height, width, 3)
        for box in edited.panels:
            assert 0 <= box.left < box.right <= width
            assert 0 <= box.top < box.bottom <= height


@every_edit
def test_same_seed_same_pixels_and_the_photo_stays(name: str) -> None:
    photo = busy_street(180, 240)
    before = photo.copy()
    first, again = edit(photo, name, 3), edit(photo, name, 3)
    assert np.array_equal(first.image, again.image)
    assert first.panels == again.panels
    assert np.array_equal(photo, before)
    assert not np.array_equal(first.image, photo)


@pytest.mark.parametrize("name", [*FRAMES, "collage of 2", "collage of 4"])
def test_the_photo_stands_in_its_box(name: str) -> None:
    photo = busy_street(180, 240)
    for seed in range(4):
        edited = edit(photo, name, seed)
        shown = edited.box.cut(edited.image)
        whole = resize(photo, shown.shape[1], shown.shape[0])
        assert np.corrcoef(shown.reshape(-1), whole.reshape(-1))[0, 1] > 0.85


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_adds_pixels(name: str) -> None:
    edited = edit(busy_street(180, 240), name, 1)
    box = edited.box
    assert (box.right - box.left) * (box.bottom - box.top) < 0.95 * edited.image[..., 0].size


def test_a_mirror_image_is_mirrored() -> None:
    photo = busy_street()
    assert np.array_equal(edit(photo, "mirrored").image, photo[:, ::-1])


@pytest.mark.parametrize(("name", "count"), [("collage of 2", 2), ("collage of 4", 4)])
def test_a_collage_counts_its_panels(name: str, count: int) -> None:
    assert len(set(edit(busy_street(), name).panels)) == count


def test_black_and_white_has_no_colour_and_night_no_light() -> None:
    photo = busy_street()
    grey, dark = edit(photo, "black and white").image, edit(photo, "night").image
    assert np.ptp(grey, axis=2).max() == 0
    assert dark.mean() < photo.mean() / 2


def test_a_tall_crop_is_nine_by_sixteen() -> None:
    height, width = edit(busy_street(360, 480), "tall crop").image.shape[:2]
    assert width / height == pytest.approx(9 / 16, abs=0.01)


def test_an_edit_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        edit(busy_street(), "ironed")
