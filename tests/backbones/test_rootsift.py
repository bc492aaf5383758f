"""The embedded backbone, derived again by slow loops over pixels, patches and words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from geoflood.backbones import rootsift
from geoflood.backbones.describe import Describer
from geoflood.backbones.projection import POWER, PcaWhitening, learn_projection
from geoflood.backbones.rootsift import (
    CELL,
    CELLS,
    DIMENSION,
    ORIENTATIONS,
    RootSift,
    local_descriptors,
    sample_descriptors,
)
from geoflood.backbones.vlad import Local, Vocabulary, aggregate, learn_vocabulary
from geoflood.core.datatypes import Image
from geoflood.database.bands import BANDS, band_weights

Floats = NDArray[Any]


@pytest.fixture(scope="module")
def picture() -> Image:
    """Blobs and stripes, [72, 96, 3]."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:72, :96]
    waves = sum(
        rng.uniform(20, 50) * np.sin(x * rng.uniform(-0.15, 0.15) + y * rng.uniform(-0.15, 0.15) + k)
        for k in range(6)
    )
    return (128 + waves[..., None] + rng.normal(0, 4, (72, 96, 3))).clip(0, 255).astype(np.uint8)


def tensor(*images: Image) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255


def unit(rows: torch.Tensor) -> torch.Tensor:
    """Directions: how long a descriptor is says how full the frame was."""
    return torch.nn.functional.normalize(rows, dim=-1)


# -- local descriptors ------------------------------------------------------------------------------------


def blurred(line: Floats, sigma: float) -> Floats:
    """One row or column under a Gaussian that ends at the border."""
    away = np.arange(len(line))[:, None] - np.arange(len(line))
    kernel = np.exp(-0.5 * (away / sigma) ** 2)
    return (kernel / kernel.sum(1, keepdims=True)) @ line


def patch_slowly(image: Image, left: int, top: int) -> Floats:
    """RootSIFT [128] of the patch of 4 x 4 cells whose corner is (left, top), pixel by pixel."""
    grey = image.astype(float) @ (0.299, 0.587, 0.114) / 255
    grey = np.apply_along_axis(
        blurred, 0, np.apply_along_axis(blurred, 1, grey, rootsift.BLUR), rootsift.BLUR
    )
    found = np.zeros((CELLS, CELLS, ORIENTATIONS))
    height, width = grey.shape
    for y in range(height):
        for x in range(width):
            across = (grey[y, x + 1] - grey[y, x - 1]) / 2 if 0 < x < width - 1 else 0.0
            down = (grey[y + 1, x] - grey[y - 1, x]) / 2 if 0 < y < height - 1 else 0.0
            turn = math.atan2(down, across) / (2 * math.pi) * ORIENTATIONS % ORIENTATIONS
            for row in range(CELLS):
                for column in range(CELLS):
                    off_x = abs(x - (left + (column + 0.5) * CELL - 0.5)) / CELL
                    off_y = abs(y - (top + (row + 0.5) * CELL - 0.5)) / CELL
                    share = max(1 - off_x, 0) * max(1 - off_y, 0) * math.hypot(across, down)
                    near = int(turn)
                    found[row, column, near % ORIENTATIONS] += share * (1 - (turn - near))
                    found[row, column, (near + 1) % ORIENTATIONS] += share * (turn - near)
    return np.sqrt(found.ravel() / found.sum())


def patches_of(side: int) -> int:
    """How many patches fit into a side."""
    return side // CELL - CELLS + 1


@pytest.mark.parametrize(("across", "down"), [(0, 0), (7, 3), (20, 14)])
def test_a_patch_is_rootsift(picture: Image, across: int, down: int) -> None:
    features = local_descriptors(tensor(picture))
    pick = patches_of(96) * down + across
    x, y = features.places[pick] * torch.tensor([96, 72])
    left, top = round(float(x) - 2 * CELL), round(float(y) - 2 * CELL)
    assert (left, top) == (CELL * across, CELL * down)
    expected = patch_slowly(picture, left, top)
    np.testing.assert_allclose(features.values.descriptors[0, pick, :128].numpy(), expected, atol=2e-4)


def test_every_patch_has_unit_length_and_lies_in_the_frame(picture: Image) -> None:
    features = local_descriptors(tensor(picture))
    assert len(features) == patches_of(72) * patches_of(96)
    alive = features.values.strength[0] > 0
    assert float(alive.float().mean()) > 0.9
    lengths = features.values.descriptors[0, alive, :128].norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths), atol=1e-4, rtol=0)
    assert float(features.places.min()) > 0
    assert float(features.places.max()) < 1
    mirrored = local_descriptors(tensor(picture[:, ::-1].copy()))
    assert not torch.equal(mirrored.values.descriptors, features.values.descriptors)


def test_brightness_and_contrast_do_not_matter(picture: Image) -> None:
    plain = local_descriptors(tensor(picture)).values
    dimmed = local_descriptors(tensor(picture) * 0.6 + 0.2).values
    alive = (plain.strength > 0) & (dimmed.strength > 0)
    torch.testing.assert_close(dimmed.descriptors[alive], plain.descriptors[alive], atol=1e-3, rtol=0)


@pytest.mark.parametrize("tone", [0, 127, 255])
def test_a_flat_image_says_nothing(tone: int) -> None:
    flat = np.full((72, 96, 3), tone, np.uint8)
    values = local_descriptors(tensor(flat)).values
    assert not values.strength.any()
    assert torch.isfinite(values.descriptors).all()
    assert len(sample_descriptors([flat])) == 0
    found = aggregate(Vocabulary(torch.randn(5, DIMENSION)), values, None)
    assert torch.isfinite(found).all()


def test_the_same_image_gives_the_same_bits(picture: Image) -> None:
    first, again = (local_descriptors(tensor(picture)).values for _ in range(2))
    assert torch.equal(first.descriptors, again.descriptors)
    batch = local_descriptors(tensor(picture, picture[::-1].copy(), picture)).values
    torch.testing.assert_close(batch.descriptors[2], first.descriptors[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3000, 3), (3000, 2, 3), (40, 30, 3), (2000, 1500, 3)])
def test_any_shape_is_prepared(shape: tuple[int, int, int]) -> None:
    prepared = RootSift.prepare(np.full(shape, 9, np.uint8))
    assert max(prepared.shape[:2]) == rootsift.SIDE
    assert min(prepared.shape[:2]) >= CELLS * CELL
    assert len(local_descriptors(tensor(prepared)))


# -- the sum over words -----------------------------------------------------------------------------------


def some_local(images: int = 2, places: int = 40, size: int = 6) -> tuple[Local, Vocabulary]:
    generator = torch.Generator().manual_seed(3)
    strength = (torch.rand(images, places, generator=generator) > 0.2).float()
    words = torch.randn(4, size, generator=generator)
    return Local(torch.randn(images, places, size, generator=generator), strength), Vocabulary(words)


def vlad_slowly(local: Local, vocabulary: Vocabulary, image: int, weights: Floats) -> Floats:
    words = vocabulary.words.double().numpy()
    sums = np.zeros_like(words)
    for place, descriptor in enumerate(local.descriptors[image].double().numpy()):
        word = int(((words - descriptor) ** 2).sum(1).argmin())
        sums[word] += weights[place] * float(local.strength[image, place]) * (descriptor - words[word])
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return sums.ravel() / np.linalg.norm(sums)


@pytest.mark.parametrize("shared", [True, False])
def test_weighted_vlad(shared: bool) -> None:
    local, vocabulary = some_local()
    weights = np.random.default_rng(5).random((1 if shared else 2, 3, 40)).astype(np.float32)
    weights[:, 1, ::3] = 0
    found = unit(aggregate(vocabulary, local, torch.from_numpy(weights)))
    assert found.shape == (2, 3, 24)
    for image in range(2):
        for m in range(3):
            expected = vlad_slowly(local, vocabulary, image, weights[0 if shared else image, m])
            np.testing.assert_allclose(found[image, m].numpy(), expected, atol=2e-3)


def test_uniform_weights_are_none() -> None:
    local, vocabulary = some_local()
    plain = aggregate(vocabulary, local, None)
    for weight in (1.0, 0.5, 2.0):
        assert torch.equal(aggregate(vocabulary, local, torch.full((1, 1, 40), weight)), plain)
    assert torch.equal(aggregate(vocabulary, local, torch.zeros(1, 1, 40)), plain), "zero says nothing"
    torch.testing.assert_close(aggregate(vocabulary, local, torch.full((1, 1, 40), 0.37)), plain)
    expected = [vlad_slowly(local, vocabulary, image, np.ones(40)) for image in range(2)]
    np.testing.assert_allclose(unit(plain[:, 0]).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("bands_percent", [BANDS, range(70), range(91)], ids=len)
@pytest.mark.parametrize("attention", [False, True])
def test_bands_together_are_bands_one_by_one(attention: bool, bands_percent: Sequence[int]) -> None:
    local, vocabulary = some_local(places=60)
    places = np.random.default_rng(6).random((60, 2))
    bands = band_weights(places, bands_percent)
    if attention:
        bands = bands * np.random.default_rng(7).uniform(0.1, 3, 60).astype(np.float32)
    together = aggregate(vocabulary, local, torch.from_numpy(bands)[None])
    for m, band in enumerate(bands):
        alone = aggregate(vocabulary, local, torch.from_numpy(band)[None, None])
        torch.testing.assert_close(together[:, m], alone[:, 0], atol=1e-4, rtol=0)
    if not attention:
        torch.testing.assert_close(
            together[:, 0], aggregate(vocabulary, local, None)[:, 0], atol=1e-5, rtol=0
        )


def test_the_first_band_alone_is_the_plain_descriptor(picture: Image) -> None:
    vocabulary = learn_vocabulary(sample_descriptors([picture]), 8)
    backbone = RootSift(vocabulary)
    features = backbone.features(tensor(picture))
    weights = torch.from_numpy(band_weights(features.places.numpy(), (0,)))[None]
    assert torch.equal(backbone.aggregate(features, weights), backbone.aggregate(features))


def test_the_same_samples_give_the_same_words() -> None:
    samples = torch.randn(500, 6, generator=torch.Generator().manual_seed(1))
    first, again = (learn_vocabulary(samples.clone(), 12).words for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (12, 6)
    assert learn_vocabulary(samples[:5], 12).words.shape == (5, 6)
    with pytest.raises(ValueError, match="no local descriptors"):
        learn_vocabulary(samples[:0])


def test_images_of_several_shapes_keep_their_order(picture: Image) -> None:
    vocabulary = learn_vocabulary(sample_descriptors([picture]), 8)
    describer = Describer(RootSift(vocabulary), None, batch=2)
    high = np.ascontiguousarray(picture.transpose(1, 0, 2))
    images = [picture, high, picture[:, ::-1].copy(), high]
    weigh = lambda places: band_weights(places, (0, 30))  # noqa: E731
    found = describer.describe(images, weigh)
    assert found.shape == (4, 2, vocabulary.words.numel())
    np.testing.assert_allclose(found[1], found[3], atol=1e-5)
    for image, row in zip(images, found, strict=True):
        np.testing.assert_allclose(describer.describe([image], weigh)[0], row, atol=1e-4)


# -- the projection ---------------------------------------------------------------------------------------


def samples_of(count: int, size: int = 12) -> torch.Tensor:
    """Unit rows [count, 1, size] that vary more along some axes than along others."""
    generator = torch.Generator().manual_seed(2)
    rows = torch.randn(count, size, generator=generator) * torch.linspace(3, 0.3, size) + 1
    return unit(rows)[:, None]


@pytest.mark.parametrize("dimension", [3, 12])
def test_whitening_is_that_of_a_singular_value_decomposition(dimension: int) -> None:
    samples = samples_of(80)
    rows = samples[:, 0].double().numpy()
    _, values, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    kept = axes[:dimension].T * (values[:dimension] ** 2 / len(rows)) ** -POWER
    expected = (rows - rows.mean(0)) @ kept
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = learn_projection(samples, dimension).apply(samples)[:, 0].double().numpy()
    assert found.shape == (80, dimension)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=2e-3)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_few_samples_teach_few_dimensions(count: int) -> None:
    samples = samples_of(count)
    found = learn_projection(samples, 12).apply(samples_of(9))
    assert found.shape[0] == 9
    assert found.shape[2] <= 12
    assert torch.isfinite(found).all()
    assert float(found.norm(dim=2).max()) <= 1 + 1e-4


def test_samples_that_are_all_the_same_teach_nothing() -> None:
    same = samples_of(1).expand(6, 1, 12)
    assert torch.isfinite(learn_projection(same, 4).apply(samples_of(3))).all()


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_samples_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="two"):
        learn_projection(samples_of(count) if count else torch.empty(0, 1, 12), 4)


def test_a_projection_comes_back_from_its_file() -> None:
    samples = samples_of(40).expand(40, 3, 12)
    learned = learn_projection(samples, 6)
    back = PcaWhitening.of({name: array.copy() for name, array in learned.arrays().items()})
    torch.testing.assert_close(back.apply(samples), learned.apply(samples), atol=5e-3, rtol=0)
    assert torch.equal(learn_projection(samples, 6).matrix, learned.matrix)
