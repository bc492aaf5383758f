"""The Describer: files in, descriptors out, in order, and never two at a device that takes one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from geoflood.backbones.compute import Compute
from geoflood.backbones.describe import Describer, EnergyWeights, write_descriptors
from geoflood.backbones.interface import Backbone, Features
from geoflood.backbones.patches import patches
from geoflood.backbones.rootsift import RootSift
from geoflood.backbones.vlad import Vocabulary
from geoflood.core.datatypes import Image
from geoflood.core.errors import InputError, UsageError
from geoflood.core.images import UnreadableImageError
from geoflood.core.parallel import in_order
from geoflood.database.bands import band_weights
from tests.support.batch import random_scene

DRY = partial(band_weights, bands=(0,))


class Means:
    """A backbone of one location: the mean colour, as a unit vector. Notes how many compute at a time."""

    name, version, dimension = "means", "1", 3

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.most = self._now = 0
        self._lock = Lock()

    def prepare(self, image: Image) -> Image:
        return image

    def features(self, images: torch.Tensor) -> Features:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.batches.append(len(images))
        time.sleep(0.005)
        return Features(images.mean((2, 3)), torch.tensor([[0.5, 0.5]]))

    def aggregate(self, features: Features, weights: torch.Tensor | None = None) -> torch.Tensor:
        with self._lock:
            self._now -= 1
        return torch.nn.functional.normalize(features.values, dim=1)[:, None]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Twenty pictures of two sizes, each redder than the last."""
    paths = []
    for n in range(20):
        pixels = np.full((8 + n % 2, 8, 3), (10 * n, 100, 100), np.uint8)
        paths.append(tmp_path / f"{n}.png")
        Pictures.fromarray(pixels).save(paths[-1])
    return paths


class Weighted(Means):
    """Tells its weights: the descriptor of each weighting is the colour and the weight."""

    def aggregate(self, features: Features, weights: torch.Tensor | None = None) -> torch.Tensor:
        assert weights is not None
        told = weights[..., 0].expand(len(features.values), -1)[..., None]
        return torch.cat([features.values[:, None].expand(-1, told.shape[1], -1), told], dim=2)


def test_each_image_may_have_weights_of_its_own() -> None:
    images = [np.full((8 + n % 3, 8, 3), 20 * n, np.uint8) for n in range(7)]
    weighs = [partial(_constant, n) for n in range(7)]
    found = Describer(Weighted(), None, batch=2).describe(images, weighs)
    assert found.shape == (7, 2, 4)
    for n, image in enumerate(images):
        np.testing.assert_array_equal(found[n], Describer(Weighted(), None).describe([image], weighs[n])[0])
        assert found[n, :, 3].tolist() == [n, n + 0.5]


class Saying(Weighted):
    """Each image says as much as it is red."""

    has_energy = True

    def energy(self, features: Features) -> torch.Tensor:
        return features.values[:, :1]


def test_weights_may_depend_on_what_the_image_says() -> None:
    images = [np.full((8 + n % 3, 8, 3), 20 * n, np.uint8) for n in range(7)]
    double = EnergyWeights(lambda places, energy: 2 * np.stack([energy, energy + 1]))
    weighs = [double if n % 3 else partial(_constant, n) for n in range(7)]
    found = Describer(Saying(), None, batch=4).describe(images, weighs)
    for n in range(7):
        expected = [40 * n / 255, 40 * n / 255 + 2] if n % 3 else [n, n + 0.5]
        np.testing.assert_allclose(found[n, :, 3], expected, atol=1e-6)


def _constant(weight: float, places: np.ndarray) -> np.ndarray:
    """[2, L]: the weight, and a little more."""
    return np.array([[weight], [weight + 0.5]], np.float32).repeat(len(places), axis=1)


def test_files_in_their_order_with_the_bad_ones_in_place(files: list[Path]) -> None:
    files[7].write_bytes(b"no picture")
    found = list(Describer(Means(), None, batch=3).describe_files(files, DRY, 1024, workers=3))
    assert [path for path, _ in found] == files
    assert isinstance(found[7][1], UnreadableImageError)
    for n, (_, vectors) in enumerate(found):
        if n != 7:
            expected = np.array([10 * n, 100, 100]) / np.linalg.norm([10 * n, 100, 100])
            np.testing.assert_allclose(vectors, expected[None], atol=1e-6)


def test_a_batch_of_nothing_but_bad_files(files: list[Path]) -> None:
    for path in files[:3]:
        path.write_bytes(b"")
    found = list(Describer(Means(), None, batch=3).describe_files(files[:3], DRY, 1024, workers=1))
    assert all(isinstance(one, UnreadableImageError) for _, one in found)


@pytest.mark.parametrize("alone", [True, False])
def test_one_at_a_time(files: list[Path], alone: bool) -> None:
    backbone = Means()
    describer = Describer(backbone, None, batch=2, one_at_a_time=alone)
    assert len(list(describer.describe_files(files, DRY, 1024, workers=4))) == len(files)
    assert max(backbone.batches) <= 2
    assert (backbone.most == 1) == alone


@pytest.mark.parametrize("backbone", [Means(), RootSift(Vocabulary(torch.zeros(2, 130)))])
def test_patches_are_the_same_whatever_describes_the_image(backbone: Backbone) -> None:
    images = [random_scene(1), random_scene(2)[:, ::2].copy()]
    described = Describer(backbone, None).describe_keeping(images, DRY)
    for image, one in zip(images, described, strict=True):
        made, again = one.patches(), patches(image)
        assert len(made.cells) > 100
        np.testing.assert_array_equal(made.cells, again.cells)
        torch.testing.assert_close(made.descriptors, again.descriptors)


def test_in_order_takes_no_more_than_it_may() -> None:
    taken = []

    def items() -> object:
        for n in range(30):
            taken.append(n)
            yield n

    with ThreadPoolExecutor(4) as pool:
        for done, made in enumerate(in_order(pool, lambda n: n * n, items(), ahead=5)):
            assert made == done**2
            assert len(taken) <= done + 5


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    found = [(Path("a.jpg"), np.ones(3, np.float32))]
    with pytest.raises(InputError, match="cannot be written"):
        write_descriptors(tmp_path, found, Means())
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        write_descriptors(tmp_path / "file" / "out.npz", found, Means())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_precision_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFLOOD_PRECISION", "bfloat16")
    assert Compute.best(device="cpu").precision == "bfloat16"
    assert Compute.best("float32", "cpu").precision == "float32"
    monkeypatch.setenv("GEOFLOOD_PRECISION", "half")
    with pytest.raises(UsageError, match="no precision 'half'"):
        Compute.best()


def test_a_graphics_processor_takes_one_large_batch_at_a_time() -> None:
    assert not Compute("cpu").one_at_a_time
    assert Compute("cuda").one_at_a_time
    assert Compute("cuda").batch > Compute("cpu").batch
