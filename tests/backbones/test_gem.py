"""Weighted GeM: golden numbers, the published average, and what weights may and may not do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from geoflood.backbones.gem import GemNetwork, energy, gem
from geoflood.backbones.interface import relative_weights
from geoflood.backbones.resnet import ResNet
from geoflood.backbones.untrained import untrained_like
from geoflood.localize.attention import blend_by_energy

CUBE = torch.tensor([3.0])
# Two channels on a 2 x 2 map, rows first; unit over channels as the networks make them.
GOLDEN = F.normalize(torch.tensor([[[3.0, 0, 1, 1], [4, 2, 1, -1]]]).mT, dim=-1)


def test_golden_numbers() -> None:
    stock = gem(GOLDEN, relative_weights(None, 1, 4), CUBE)
    torch.testing.assert_close(stock, torch.tensor([[[0.613381, 0.775501]]]), atol=1e-6, rtol=0)
    attention = relative_weights(torch.tensor([[[2.0, 1, 1, 0]]]), 1, 4)
    weighted = gem(GOLDEN, attention, CUBE)
    torch.testing.assert_close(weighted, torch.tensor([[[0.581262, 0.840795]]]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("alpha", "pooled"),
    [
        (1.0, (0.581262, 0.840795)),
        (0.5, (0.591299, 0.819828)),
        (1.1e-6, (0.601007, 0.797730)),  # weights are the energy: not the stock descriptor
        (1e-6, (0.613381, 0.775501)),  # by decree: the stock descriptor
        (0.0, (0.613381, 0.775501)),
    ],
)
def test_golden_numbers_of_the_papers_blend(alpha: float, pooled: tuple[float, float]) -> None:
    said = energy(GOLDEN, CUBE)
    torch.testing.assert_close(
        said, torch.tensor([[1.028808, 1.143643, 1.018870, 0.808678]]), atol=1e-6, rtol=0
    )
    weights = blend_by_energy(np.array([2, 1, 1, 0], np.float32), said[0].numpy(), alpha)
    assert weights.dtype == np.float32
    found = gem(GOLDEN, relative_weights(torch.from_numpy(weights)[None, None], 1, 4), CUBE)
    torch.testing.assert_close(found, torch.tensor([[pooled]]), atol=1e-6, rtol=0)


def published_gem(maps: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """As the paper writes it: over a map [B, C, h, w], no weights anywhere."""
    return maps.clamp(min=1e-6).pow(p).mean((2, 3)).pow(1 / p)


@given(
    seed=st.integers(0, 2**16),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    level=st.floats(1e-30, 1e30),
    p=st.floats(0.5, 6),
)
def test_uniform_weights_give_the_published_average(
    seed: int, rows: int, columns: int, level: float, p: float
) -> None:
    random = torch.Generator().manual_seed(seed)
    maps = F.normalize(torch.randn(2, 16, rows, columns, generator=random), dim=1)
    local, exponent = maps.flatten(2).mT, torch.tensor([p])
    places = rows * columns
    stock = gem(local, relative_weights(None, 2, places), exponent)
    torch.testing.assert_close(stock[:, 0], published_gem(maps, exponent), atol=1e-6, rtol=2e-5)
    for value in (level, 0.0):
        uniform = relative_weights(torch.full((1, 1, places), value), 2, places)
        same = torch.equal(gem(local, uniform, exponent), stock)
        assert same, "bit by bit"


@given(seed=st.integers(0, 2**16), places=st.integers(1, 60), scale=st.floats(1e-3, 1e3))
def test_only_ratios_of_weights_matter_and_zeros_remove(seed: int, places: int, scale: float) -> None:
    random = torch.Generator().manual_seed(seed)
    local = F.normalize(torch.randn(2, places, 8, generator=random), dim=-1)
    weights = torch.rand(2, 3, places, generator=random) + 0.01
    pooled = gem(local, relative_weights(weights, 2, places), CUBE)
    torch.testing.assert_close(gem(local, relative_weights(weights * scale, 2, places), CUBE), pooled)
    kept = (torch.rand(places, generator=random) < 0.5).nonzero()[:, 0]
    if len(kept):
        mask = torch.zeros(1, 1, places)
        mask[..., kept] = 1
        cropped = gem(local[:, kept], relative_weights(None, 2, len(kept)), CUBE)
        torch.testing.assert_close(gem(local, relative_weights(mask, 2, places), CUBE), cropped)


def test_weightings_are_independent_of_each_other() -> None:
    local = F.normalize(torch.rand(3, 20, 8), dim=-1)
    weights = torch.rand(3, 5, 20)
    together = gem(local, relative_weights(weights, 3, 20), CUBE)
    assert together.shape == (3, 5, 8)
    for m in range(5):
        alone = gem(local, relative_weights(weights[:, m : m + 1], 3, 20), CUBE)
        torch.testing.assert_close(together[:, m : m + 1], alone)
    shared = gem(local, relative_weights(weights[:1], 3, 20), CUBE)
    torch.testing.assert_close(shared[2], gem(local[2:], relative_weights(weights[:1], 1, 20), CUBE)[0])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1])
def test_senseless_weights_are_refused(bad: float) -> None:
    weights = torch.ones(1, 2, 6)
    weights[0, 1, 3] = bad
    with pytest.raises(ValueError, match="finite and not negative"):
        relative_weights(weights, 1, 6)


@pytest.mark.parametrize("shape", [(6,), (1, 6), (3, 1, 6), (1, 1, 5)])
def test_weights_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="do not fit 2 images with 6 places"):
        relative_weights(torch.ones(shape), 2, 6)


def test_a_whole_network_against_numpy() -> None:
    """Everything after the trunk, in float64, from the trunk's own map."""
    with torch.device("meta"):
        network = GemNetwork(ResNet(18), 32)
    state = untrained_like(network, seed=5)
    network.load_state_dict(state, assign=True)
    network.settle()
    images = torch.randn(2, 3, 96, 70, generator=torch.Generator().manual_seed(6))
    maps = network.backbone(images).double().numpy()
    p = float(state["aggregation.1.p"])
    unit = maps / np.maximum(np.sqrt((maps**2).sum(1, keepdims=True)), 1e-12)
    pooled = (np.maximum(unit, 1e-6) ** p).mean((2, 3)) ** (1 / p)
    out = (
        pooled @ state["aggregation.3.weight"].double().numpy().T
        + state["aggregation.3.bias"].double().numpy()
    )
    out /= np.sqrt((out**2).sum(1, keepdims=True))
    got = network.pool(network.local(images), torch.ones(1, 1, 9))
    np.testing.assert_allclose(got[:, 0].numpy(), out, atol=1e-6)
