"""SIFT and MAGSAC++: views of one street agree, others do not, and nothing to see is no accident."""

from __future__ import annotations

import numpy as np
import pytest

from geoflood.backbones.selftest import draw_field, draw_street
from geoflood.core.datatypes import Image
from geoflood.core.errors import ExtraMissingError
from geoflood.core.images import resize
from geoflood.localize.matching import sift
from geoflood.localize.matching.sift import Keypoints, Sift, matches


def test_without_opencv_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sift, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissingError) as error:
        Sift()
    assert "geoflood[opencv]" in error.value.hint


@pytest.fixture(scope="module")
def matcher() -> Sift:
    pytest.importorskip("cv2")
    return Sift()


def inliers(matcher: Sift, one: Image, other: Image, lowest: float = 1.0) -> int:
    """Of two photos of which only what lies above `lowest` counts."""
    seen = [matcher.look(image) for image in (one, other)]
    worth = [(each.places[:, 1] <= lowest).astype(np.float32) for each in seen]
    return matcher.inliers(seen[0], worth[0], seen[1], worth[1])


def nearer(image: Image) -> Image:
    """From a few steps on, and to the side."""
    height, width = image.shape[:2]
    return resize(np.ascontiguousarray(image[height // 10 :, width // 6 :]), width, height)


def test_one_place_agrees_and_another_does_not(matcher: Sift) -> None:
    street = draw_street()
    same = inliers(matcher, street, nearer(street))
    assert same > 4 * max(inliers(matcher, street, draw_field()), 4)
    assert same == inliers(matcher, street, nearer(street)), "no dice"


def test_what_counts_nothing_decides_nothing(matcher: Sift) -> None:
    """The upper half is of one place, the lower of another."""
    street, field = draw_street(), draw_field()
    half = len(street) // 2
    both = np.concatenate([field[:half], street[half:]])
    assert inliers(matcher, both, street) > 20
    assert inliers(matcher, both, street, lowest=0.45) <= 8
    seen = matcher.look(street)
    ones = np.ones(len(seen.places), np.float32)
    whole, quarter = (matcher.inliers(seen, ones * part, seen, ones) for part in (1, 0.25))
    assert quarter == pytest.approx(whole / 2, abs=1)


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (64, 64)])
def test_an_image_without_texture_matches_nothing(matcher: Sift, size: tuple[int, int]) -> None:
    flat = np.full((*size, 3), 127, np.uint8)
    assert len(matcher.look(flat).places) == 0
    for pair in ((flat, draw_street()), (draw_street(), flat), (flat, flat)):
        assert inliers(matcher, *pair) == 0


@pytest.mark.parametrize("count", range(7))
def test_hardly_any_keypoints(matcher: Sift, count: int) -> None:
    """All in one spot, too: no homography goes through them."""
    few = Keypoints(np.eye(128, dtype=np.float32)[:count], np.full((count, 2), 0.5, np.float32), (10, 10))
    ones = np.ones(count, np.float32)
    assert 0 <= matcher.inliers(few, ones, few, ones) <= count
    if count < 4:
        assert matcher.inliers(few, ones, few, ones) == 0


def test_keypoints_lie_within_the_frame(matcher: Sift) -> None:
    seen = matcher.look(draw_street())
    assert seen.places.min() >= 0
    assert seen.places.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(seen.descriptors, axis=1), 1, atol=1e-5)


def test_matches_are_mutual_and_clear() -> None:
    def unit(*rows: list[float]) -> np.ndarray:
        found = np.array(rows, np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    query = unit([1, 0, 0], [0.95, 0.3, 0], [0, 1, 0])
    assert matches(query, unit([0, 1, 0], [1, 0, 0])).tolist() == [[0, 1], [2, 0]]
    doubtful = unit([1, 0, 0.02], [1, 0.02, 0], [0, 1, 0])
    assert matches(query, doubtful).tolist() == [[2, 2]], "two alike: neither is clear"
    assert matches(query, query[:1]).shape == (0, 2), "no second nearest"
