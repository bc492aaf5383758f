"""The same photo is known again after what people and apps do to it; other photos are not taken for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import imagehash
import numpy as np
import PIL.Image
import pytest

from geoflood.core.datatypes import Image
from geoflood.core.images import jpeg, read_image, resize
from geoflood.triage.near_duplicates import (
    CROPS,
    SAME_BITS,
    WORDS,
    Duplicates,
    PerceptualHashes,
    _searched,
    _within_frame,
    from_text,
    perceptual_hashes,
    to_text,
)


@cache
def scene(seed: int) -> Image:
    """Blocks of grey, as facades are: a picture with edges at many scales, unlike noise."""
    rng = np.random.default_rng(seed)
    picture = np.full((360, 480, 3), 128, np.float64)
    for largest in (240, 160, 80, 40) * 15:
        (y, x), (h, w) = rng.integers(0, (340, 460)), rng.integers(10, largest, 2)
        picture[y : y + h, x : x + w] = rng.integers(0, 255, 3)
    return resize(resize(picture.astype(np.uint8), 240, 180), 480, 360)


def seen(picture: Image) -> PerceptualHashes:
    found = perceptual_hashes(picture)
    assert found is not None
    return found


def recompressed(picture: Image) -> Image:
    return read_image(jpeg(picture, quality=30))


def captioned(picture: Image) -> Image:
    band = np.full((60, 480, 3), 255, np.uint8)
    return np.vstack([picture, band])


def covered(picture: Image) -> Image:
    changed = picture.copy()
    changed[-30:] = 0
    return changed


CHANGES: list[Callable[[Image], Image]] = [
    recompressed,
    captioned,
    covered,
    lambda picture: resize(picture, 200, 150),
    lambda picture: recompressed(picture[12:-12, 16:-16]),
    lambda picture: picture[18:],
    lambda picture: picture[:-40],
    lambda picture: np.pad(picture, ((50, 50), (0, 0), (0, 0))),
    lambda picture: np.pad(picture, ((0, 0), (70, 70), (0, 0))),
]


@pytest.mark.parametrize("change", range(len(CHANGES)))
def test_a_changed_photo_is_the_same(change: int) -> None:
    known = Duplicates()
    for seed in range(12):
        known.add(str(seed), seen(scene(seed)))
    found = [known.find(seen(CHANGES[change](scene(seed)))) for seed in range(4)]
    right = [one is not None and one[0] == str(seed) for seed, one in enumerate(found)]
    assert sum(right) >= 3, "photos show 92 to 100 % for these changes; see the module"
    assert all(one is None or one[0] == str(seed) for seed, one in enumerate(found))


def test_the_changed_photo_may_come_first() -> None:
    known = Duplicates()
    known.add("cropped", seen(scene(1)[12:-12, 16:-16]))
    found = known.find(seen(scene(1)))
    assert found is not None
    assert found[0] == "cropped"


def test_other_photos_are_others() -> None:
    known = Duplicates()
    for seed in range(100):
        found = seen(scene(seed))
        assert known.find(found) is None, seed
        known.add(str(seed), found)


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_empty_picture_is_like_no_other(shade: int) -> None:
    assert perceptual_hashes(np.full((60, 80, 3), shade, np.uint8)) is None


def test_a_tiny_picture_has_looks() -> None:
    assert perceptual_hashes(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)) is not None


@pytest.mark.parametrize("size", [(3, 40), (40, 3), (2, 9), (1, 200), (5, 5)])
def test_a_sliver_of_flat_lines_has_looks(size: tuple[int, int]) -> None:
    """Nearly all of it is frame: something of it is looked at all the same."""
    stripes = np.linspace(0, 255, max(size)).astype(np.uint8)
    picture = np.broadcast_to(stripes if size[1] > size[0] else stripes[:, None], size)
    assert perceptual_hashes(np.repeat(picture[..., None], 3, axis=2)) is not None


def test_text_and_back() -> None:
    found = seen(scene(3))
    again = from_text(to_text(found))
    assert (again.hashes == found.hashes).all()
    assert (again.sketch == found.sketch).all()
    with pytest.raises(ValueError, match="buffer size"):
        from_text("00" * 8)


@pytest.mark.parametrize("first", range(SAME_BITS + 1))
@pytest.mark.parametrize("words", [(0, 1), (1, 2), (2, 0)])
def test_the_first_words_miss_nothing(first: int, words: tuple[int, int]) -> None:
    """A pair is found whatever words its differing bits are in."""
    base = np.random.default_rng(1).integers(0, 2**63, (len(CROPS), WORDS)).astype(np.uint64)
    other = ~base
    other[0] = base[0]
    for word, count in zip(words, (first, SAME_BITS - first), strict=True):
        other[0, word] ^= np.uint64((1 << count) - 1)
    known = Duplicates()
    grey = np.full((32, 32), 128, np.uint8)
    known.add("it", PerceptualHashes(other, grey))
    assert known.find(PerceptualHashes(base, grey)) == ("it", SAME_BITS)


def under_water(picture: Image, level: float) -> Image:
    """Brown, with the light of what stands above it."""
    line = round((1 - level) * len(picture))
    changed = picture.copy()
    above = picture[line - (len(picture) - line) : line][::-1] if level <= 0.5 else picture[line:]
    changed[line:] = (0.75 * np.array([110, 95, 70]) + 0.25 * above).astype(np.uint8)
    return changed


def test_the_same_view_under_another_waterline_is_another_photo() -> None:
    """A camera that stays where it is while the water rises: each stands for itself, and is known again."""
    apart = again = 0
    for seed in range(8):
        known = Duplicates()
        for level in (0.0, 0.45):
            found = seen(recompressed(under_water(scene(seed), level)))
            apart += known.find(found) is None
            known.add(str(level), found)
        for level in (0.0, 0.45):
            small = seen(resize(under_water(scene(seed), level), 200, 150))
            again += known.find(small) in [(str(level), bits) for bits in range(SAME_BITS + 1)]
    assert apart == 16
    assert again >= 15


def test_views_are_handed_over_in_the_size_that_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resizing fourteen views by imagehash's own kernel took half of the time."""
    sizes: list[tuple[int, int]] = []
    phash = imagehash.phash

    def watched(view: PIL.Image.Image, side: int, factor: int) -> imagehash.ImageHash:
        sizes.append(view.size)
        assert view.size == (side * factor, side * factor)
        return phash(view, side, factor)

    monkeypatch.setattr(imagehash, "phash", watched)
    seen(scene(1))
    assert len(sizes) == len(CROPS)


def test_hashes_of_earlier_versions_are_known_again() -> None:
    """A batch that was begun with views as imagehash resizes them goes on."""
    for seed in range(4):
        grey = _searched(PIL.Image.fromarray(scene(seed)).convert("L"))
        square = grey.resize((128, 128), PIL.Image.Resampling.BILINEAR, _within_frame(np.asarray(grey)))
        older = [imagehash.phash(square.crop(_pixels(crop)), 12).hash.ravel() for crop in CROPS]
        bits = np.pad(np.packbits(np.stack(older), axis=1), ((0, 0), (0, 6))).view(np.uint64)
        known, now = Duplicates(), seen(scene(seed))
        known.add("it", PerceptualHashes(bits, now.sketch))
        found = known.find(now)
        assert found is not None
        assert found[1] <= SAME_BITS // 2


def _pixels(crop: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(share * 128) for share in crop)
    return left, top, 128 - right, 128 - bottom
