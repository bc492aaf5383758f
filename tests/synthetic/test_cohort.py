"""Nobody's city: the same every time, wide in kind, and rich enough to be searched with."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from geoflood.backbones.rootsift import RootSift, local_descriptors
from geoflood.core.datatypes import Image
from geoflood.core.images import resize
from geoflood.synthetic.cohort import COUNT, KINDS, cohort

EMPTY = {"nearly black", "overexposed", "waves"}
"""Kinds that may have next to nothing to describe: that is what they are for."""


@pytest.fixture(scope="module")
def pictures() -> list[Image]:
    return cohort()


def described(picture: Image) -> float:
    """The share of patches that are not flat."""
    pixels = torch.from_numpy(RootSift.prepare(picture).copy()).permute(2, 0, 1)[None].float() / 255
    return float(local_descriptors(pixels).values.strength.mean())


def test_many_pictures_of_many_kinds(pictures: list[Image]) -> None:
    assert len(pictures) == COUNT >= 48
    assert len(KINDS) >= 12


def test_each_is_a_picture_of_ordinary_size(pictures: list[Image]) -> None:
    for picture in pictures:
        height, width, channels = picture.shape
        assert picture.dtype == np.uint8
        assert channels == 3
        assert 290 <= min(height, width) <= max(height, width) <= 640
    assert len({picture.shape for picture in pictures}) >= 5


def test_same_seed_same_pictures_and_a_small_cohort_begins_a_large_one(pictures: list[Image]) -> None:
    again = cohort(5)
    assert all(np.array_equal(a, b) for a, b in zip(pictures, again, strict=False))
    assert not any(np.array_equal(a, b) for a, b in zip(again, cohort(5, seed=1), strict=True))


def test_no_two_are_alike(pictures: list[Image]) -> None:
    """Shrunk to 16 x 16, they differ by more than recompressing or cropping a little would make them."""
    small = [resize(picture, 16, 16).astype(float) for picture in pictures]
    assert min(np.abs(a - b).mean() for a, b in combinations(small, 2)) > 4.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_something_to_describe(kind: str) -> None:
    shares = [described(KINDS[kind](np.random.default_rng(seed), 480, 400)) for seed in range(2)]
    assert min(shares) > (0.0 if kind in EMPTY else 0.15)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_drawn_in_any_shape(kind: str) -> None:
    for width, height in ((400, 640), (640, 400)):
        picture = KINDS[kind](np.random.default_rng(3), width, height)
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert picture.shape[2] == 3
        assert picture.flags.c_contiguous
