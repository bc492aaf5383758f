"""The published backbones behind the seam, with random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from geoflood.backbones.catalog import find
from geoflood.backbones.compute import Compute
from geoflood.backbones.interface import Backbone
from geoflood.backbones.published import Published, build
from geoflood.backbones.selftest import draw_field, draw_street, self_test
from geoflood.backbones.untrained import untrained
from geoflood.core.errors import UsageError, WeightsError

CPU = Compute("cpu", "float32")
NAMES = ("cosplace-resnet18-32", "eigenplaces-vgg16-512", "salad")


@pytest.fixture(scope="module", params=NAMES)
def backbone(request: pytest.FixtureRequest) -> Published:
    return build(request.param, CPU, untrained(find(request.param)))


@pytest.fixture(scope="module")
def small() -> Published:
    return build("cosplace-resnet18-32", CPU, untrained(find("cosplace-resnet18-32")))


def test_seam(backbone: Published) -> None:
    """Everything that the protocol promises, on one small pair of images."""
    seamed: Backbone = backbone
    images = torch.rand(2, 3, 140, 154, generator=torch.Generator().manual_seed(0))
    features = seamed.features(images)
    places = len(features)
    stock = seamed.aggregate(features)
    assert stock.shape == (2, 1, seamed.dimension)
    assert stock.dtype == torch.float32
    torch.testing.assert_close(stock.norm(dim=-1), torch.ones(2, 1))
    for value in (0.0, 0.4, 1.0, 7.0):
        uniform = seamed.aggregate(features, torch.full((1, 1, places), value))
        assert torch.equal(uniform, stock), value
    bands = (features.places[None, :, 1] < torch.tensor([[1.0], [0.7], [0.4]])).float()
    banded = seamed.aggregate(features, bands[None])
    assert banded.shape == (2, 3, seamed.dimension)
    torch.testing.assert_close(banded[:, :1], stock, atol=1e-6, rtol=0)
    assert (banded[:, 1] - banded[:, 0]).abs().max() > 1e-4
    alone = seamed.features(images[1:])
    torch.testing.assert_close(seamed.aggregate(alone, bands[None])[0], banded[1], atol=2e-6, rtol=0)
    with pytest.raises(ValueError, match="finite"):
        seamed.aggregate(features, torch.full((1, 1, places), float("nan")))


def test_energy_where_the_paper_has_one(backbone: Published) -> None:
    """Defined for GeM and for nothing else."""
    features = backbone.features(torch.rand(2, 3, 140, 154, generator=torch.Generator().manual_seed(0)))
    assert backbone.has_energy == backbone.name.startswith(("cosplace", "eigenplaces"))
    if not backbone.has_energy:
        with pytest.raises(ValueError, match="no energy"):
            backbone.energy(features)
        return
    energy = backbone.energy(features)
    assert energy.shape == (2, len(features))
    assert bool((energy > 0).all())
    torch.testing.assert_close(energy.mean(1), torch.ones(2))
    assert (energy - 1).abs().max() > 1e-3


def test_the_published_resize(backbone: Published) -> None:
    image = np.random.default_rng(0).integers(0, 255, (300, 401, 3), np.uint8)
    size = (322, 322) if backbone.name == "salad" else (512 * 401 // 300, 512)
    expected = np.asarray(Pictures.fromarray(image).resize(size, Pictures.Resampling.BILINEAR))
    assert np.array_equal(backbone.prepare(image), expected)
    assert backbone.prepare(expected).shape == expected.shape


def test_one_location_is_enough_for_gem(small: Published) -> None:
    features = small.features(torch.rand(1, 3, 20, 32))
    assert len(features) == 1
    stock = small.aggregate(features)
    assert torch.equal(small.aggregate(features, torch.tensor([[[0.2]]])), stock)


def test_bfloat16_stays_close() -> None:
    """The differences between images are what counts, so descriptors are compared without their mean."""
    row = find("cosplace-resnet18-128")
    state = untrained(row)
    images = [draw_street(), draw_field(), draw_street()[:, :300], draw_field()[200:]]
    found = []
    for precision in ("float32", "bfloat16"):
        network = build(row.name, Compute("cpu", precision), state)
        pixels = [torch.from_numpy(image[::3, ::3].copy()).permute(2, 0, 1)[None] / 255 for image in images]
        found.append(torch.cat([network.aggregate(network.features(one))[:, 0] for one in pixels]))
    assert ((found[0] * found[1]).sum(1) > 0.999).all()
    centred = [torch.nn.functional.normalize(one - one.mean(0), dim=1) for one in found]
    assert ((centred[0] * centred[1]).sum(1) > 0.98).all()


def test_versions_follow_the_weights(small: Published) -> None:
    row = find(small.name)
    assert build(row.name, CPU, untrained(row)).version == small.version
    assert build(row.name, CPU, untrained(row, seed=1)).version != small.version
    assert small.version.startswith("1:")


def test_another_networks_weights_are_refused_by_key_and_shape() -> None:
    state = untrained(find("cosplace-resnet18-64"))
    with pytest.raises(WeightsError, match=r"aggregation\.3\.weight is \[64, 512\], .* has \[32, 512\]"):
        build("cosplace-resnet18-32", CPU, state)
    with pytest.raises(WeightsError, match=r"lacks backbone\.4\.0\.conv3\.weight|conv1\.weight is"):
        build("cosplace-resnet50-32", CPU, state)
    with pytest.raises(WeightsError, match=r"holds extra, which cosplace-resnet18-64 does not have"):
        build("cosplace-resnet18-64", CPU, state | {"extra": torch.zeros(1)})


def test_self_test_sees_that_random_weights_are_untrained(small: Published) -> None:
    report = self_test(small)
    failed = [check.what for check in report.checks if not check.holds]
    assert failed == ["similarity of a street and a field"]
    assert not report.passed
    assert report.seconds_per_image > 0
    assert report.peak_mb > 10


def test_precision_is_checked() -> None:
    assert Compute.best("float32", "cpu") == CPU
    assert Compute.best(device="cpu").precision in ("float32", "bfloat16")
    with pytest.raises(UsageError, match="no precision 'float8'"):
        Compute.best("float8")
