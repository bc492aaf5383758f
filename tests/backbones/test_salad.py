"""SALAD's and MegaLoc's aggregation: golden numbers, slow NumPy, and what weights do to clusters."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from geoflood.backbones.dinov2 import DinoV2
from geoflood.backbones.interface import relative_weights
from geoflood.backbones.megaloc import MegaLocNetwork
from geoflood.backbones.salad import Aggregation, AssignedTokens, SaladNetwork, transport
from geoflood.backbones.untrained import untrained_like

ONE = torch.tensor(1.0)
WIDTH, PLACES = 16, 90


@cache
def aggregation() -> Aggregation:
    with torch.device("meta"):
        module = Aggregation(WIDTH, features=8)
    module.load_state_dict(untrained_like(module), assign=True)
    return module.requires_grad_(False)


def tokens(seed: int = 0, images: int = 2, places: int = PLACES) -> torch.Tensor:
    return torch.randn(images, 1 + places, WIDTH, generator=torch.Generator().manual_seed(seed)) * 2


def test_golden_transport() -> None:
    scores = torch.tensor([[[0.5, -1, 2, 0], [1, 0, -0.5, 1.5]]])
    expected = [[0.199112, 0.068764, 0.616100, 0.107243], [0.315172, 0.179457, 0.048553, 0.461437]]
    torch.testing.assert_close(transport(scores, ONE)[0], torch.tensor(expected), atol=1e-6, rtol=0)


def slow_plan(scores: np.ndarray, dust: float) -> np.ndarray:
    """Sinkhorn by rows and columns of masses, without logarithms: [m, n]."""
    m, n = scores.shape
    kernel = np.exp(np.vstack([scores, np.full((1, n), dust)]))
    rows = np.full(m + 1, 1 / (n + m))
    rows[m] = (n - m) / (n + m)
    v = np.ones(n)
    for _ in range(3):
        u = rows / (kernel @ v)
        v = 1 / (n + m) / (kernel.T @ u)
    return (u[:, None] * kernel * v[None] * (n + m))[:m]


def slow_descriptor(state: dict[str, np.ndarray], x: np.ndarray, w: np.ndarray | None) -> np.ndarray:
    """One image's tokens [1 + n, width] to its descriptor, in float64, cluster by cluster."""

    def mlp(x: np.ndarray, name: str, last: int) -> np.ndarray:
        first = state[f"{name}.0.weight"].reshape(512, -1)
        second = state[f"{name}.{last}.weight"].reshape(-1, 512)
        return np.maximum(x @ first.T + state[f"{name}.0.bias"], 0) @ second.T + state[f"{name}.{last}.bias"]

    plan = slow_plan(mlp(x[1:], "score", 3).T, float(state["dust_bin"]))
    features, token = mlp(x[1:], "cluster_features", 3), mlp(x[:1], "token_features", 2)[0]
    w = np.ones(len(features)) if w is None else w
    left = (plan * w).sum(1) / plan.sum(1)
    loudness = left**0.25 / np.sqrt(np.sqrt(left).mean())
    blocks = []
    for row, loud in zip(plan, loudness, strict=True):
        block = (row * w) @ features
        blocks.append(block / max(np.linalg.norm(block), 1e-12) * loud)
    flat = np.array(blocks).T.flatten()  # channel by channel
    whole = np.concatenate([token / np.linalg.norm(token), flat])
    return whole / np.linalg.norm(whole)


def test_aggregation_against_numpy() -> None:
    module, x = aggregation(), tokens()
    state = {key: value.double().numpy() for key, value in module.state_dict().items()}
    weights = torch.rand(2, 2, PLACES, generator=torch.Generator().manual_seed(9))
    weights[:, 1, 40:] = 0
    given_ = module.assign(x)
    stock, weighted = module.pool(given_, relative_weights(None, 2, PLACES)), module.pool(given_, weights)
    assert stock.shape == (2, 1, 256 + 64 * 8)
    for image in range(2):
        slow = x[image].double().numpy()
        np.testing.assert_allclose(stock[image, 0].numpy(), slow_descriptor(state, slow, None), atol=1e-6)
        for m in range(2):
            w = weights[image, m].double().numpy()
            np.testing.assert_allclose(weighted[image, m].numpy(), slow_descriptor(state, slow, w), atol=1e-6)


def published(plan: torch.Tensor, features: torch.Tensor, token: torch.Tensor) -> torch.Tensor:
    """The paper's last steps, without any thought of weights."""
    clusters = F.normalize(torch.einsum("bkn,bnc->bck", plan, features), dim=1).flatten(1)
    return F.normalize(torch.cat([F.normalize(token, dim=-1), clusters], -1), dim=-1)


@given(seed=st.integers(0, 2**16), level=st.floats(1e-30, 1e30), places=st.integers(65, 120))
def test_uniform_weights_give_the_published_descriptor(seed: int, level: float, places: int) -> None:
    module = aggregation()
    given_ = module.assign(tokens(seed, places=places))
    stock = module.pool(given_, relative_weights(None, 2, places))
    assert (stock[:, 0] - published(given_.plan, given_.features, given_.token)).abs().max() < 1e-6
    for value in (level, 0.0):
        uniform = relative_weights(torch.full((2, 1, places), value), 2, places)
        same = torch.equal(module.pool(given_, uniform), stock)
        assert same, "bit by bit"


@given(seed=st.integers(0, 2**16), scale=st.floats(1e-3, 1e3))
def test_weights_speak_by_ratio_and_zeros_hide(seed: int, scale: float) -> None:
    module, x = aggregation(), tokens(seed)
    given_ = module.assign(x)
    weights = torch.rand(2, 1, PLACES, generator=torch.Generator().manual_seed(seed))
    weights[..., 50:] = 0
    pooled = module.pool(given_, relative_weights(weights, 2, PLACES))
    torch.testing.assert_close(pooled.norm(dim=-1), torch.ones(2, 1))
    scaled = module.pool(given_, relative_weights(weights * scale, 2, PLACES))
    torch.testing.assert_close(scaled, pooled, atol=1e-6, rtol=0)
    hidden = given_.features.clone()
    hidden[:, 50:] = 1e3  # whatever lies under a zero
    unmoved = module.pool(AssignedTokens(given_.token, hidden, given_.plan), weights)
    torch.testing.assert_close(unmoved, pooled, atol=1e-6, rtol=0)


def test_every_block_holds_a_65th_and_the_token_keeps_it() -> None:
    module = aggregation()
    given_ = module.assign(tokens())
    weights = torch.rand(2, 1, PLACES) ** 4
    stock = module.pool(given_, relative_weights(None, 2, PLACES))[:, 0]
    blocks = stock[:, 256:].reshape(2, 8, 64).square().sum(1)
    torch.testing.assert_close(blocks, torch.full((2, 64), 1 / 65))
    weighted = module.pool(given_, relative_weights(weights, 2, PLACES))[:, 0]
    torch.testing.assert_close(weighted[:, :256].square().sum(1), torch.full((2,), 1 / 65))


def test_a_cluster_that_lived_in_the_flood_falls_silent() -> None:
    """Half the clusters belong to the upper half, the others to the lower; the lower half is masked."""
    n, half = 130, 65
    scores = torch.full((1, 64, n), -4.0)
    scores[:, :32, :half] = 4
    scores[:, 32:, half:] = 4
    features = F.normalize(torch.randn(1, n, 8, generator=torch.Generator().manual_seed(1)), dim=-1)
    given_ = AssignedTokens(torch.ones(1, 256), features, transport(scores, ONE))
    dry = (torch.arange(n) < half).float().expand(1, 1, n)
    blocks = aggregation().pool(given_, dry)[0, 0, 256:].reshape(8, 64).square().sum(0)
    assert blocks[:32].min() > 5 * blocks[32:].max()


def test_masking_the_flooded_half_brings_the_photo_back() -> None:
    module = aggregation()
    dry, flooded = tokens(1, images=1), tokens(1, images=1)
    flooded[:, 60:] = tokens(2, images=1)[:, 60:]
    mask = (torch.arange(PLACES) < 59).float().expand(1, 1, PLACES)
    a, b = module.assign(dry), module.assign(flooded)
    stock = relative_weights(None, 1, PLACES)
    plain = float((module.pool(a, stock) * module.pool(b, stock)).sum())
    masked = float((module.pool(a, mask) * module.pool(b, mask)).sum())
    assert masked > plain + 0.05


def test_extreme_scores_stay_finite_and_stock() -> None:
    """A cluster that underflows to nothing is a block of zeros, as published; all of them leave the token."""
    module, x = aggregation(), tokens()
    given_ = module.assign(x)
    scores = torch.zeros(2, 64, PLACES)
    scores[:, 0, :40] = 400
    plan = transport(scores, ONE)
    plan[:, 7] = 0
    plan[:, :, 3] = 0
    extreme = AssignedTokens(given_.token, given_.features, plan)
    stock = module.pool(extreme, relative_weights(None, 2, PLACES))[:, 0]
    torch.testing.assert_close(stock, published(plan, given_.features, given_.token), atol=1e-6, rtol=0)
    discarded = torch.zeros(1, 1, PLACES)
    discarded[..., 3] = 1
    only_token = module.pool(extreme, discarded)[:, 0]
    torch.testing.assert_close(only_token[:, :256], F.normalize(given_.token, dim=-1), atol=1e-6, rtol=0)
    assert torch.isfinite(only_token).all()


def test_too_few_patches_are_refused() -> None:
    with pytest.raises(ValueError, match="64 patches cannot fill 64 clusters"):
        aggregation().assign(tokens(places=64))


def tiny_trunk() -> DinoV2:
    return DinoV2(width=WIDTH, depth=1, heads=2)


@pytest.mark.parametrize("family", ["salad", "megaloc"])
def test_whole_networks(family: str) -> None:
    with torch.device("meta"):
        network = SaladNetwork(tiny_trunk()) if family == "salad" else MegaLocNetwork(tiny_trunk(), 40)
    network.load_state_dict(untrained_like(network), assign=True)
    network.settle()
    images = torch.randn(2, 3, 130, 160, generator=torch.Generator().manual_seed(3))  # 9 x 11 patches
    local = network.local(images)
    places = len(network.places(130, 160))
    assert places == 99
    stock = network.pool(local, relative_weights(None, 2, places))
    assert stock.shape == (2, 1, 256 + 64 * 128 if family == "salad" else 40)
    torch.testing.assert_close(stock.norm(dim=-1), torch.ones(2, 1))
    uniform = network.pool(local, relative_weights(torch.full((1, 2, places), 0.7), 2, places))
    torch.testing.assert_close(uniform, stock.expand(-1, 2, -1), atol=1e-6, rtol=0)
    if isinstance(network, MegaLocNetwork):
        clusters = published(local.plan, local.features, local.token)
        linear = clusters @ network.aggregator.linear.weight.T + network.aggregator.linear.bias
        torch.testing.assert_close(stock[:, 0], F.normalize(linear, dim=-1), atol=1e-6, rtol=0)
        resized = F.interpolate(images, (126, 154), mode="bilinear", antialias=True)
        torch.testing.assert_close(network.local(resized).plan, local.plan)
