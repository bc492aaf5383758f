"""The trunks against slow NumPy, and the keys and shapes of every published checkpoint."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view

from geoflood.backbones.catalog import CATALOG, Checkpoint, find
from geoflood.backbones.dinov2 import DinoV2, to_patches
from geoflood.backbones.resnet import ResNet
from geoflood.backbones.skeletons import skeleton
from geoflood.backbones.untrained import untrained_like
from geoflood.backbones.vgg import Vgg16

PUBLISHED = [row for row in CATALOG if row.file]


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("cosplace-resnet18-512", 123),
        ("cosplace-resnet50-2048", 321),
        ("cosplace-resnet101-128", 627),
        ("cosplace-resnet152-32", 933),
        ("cosplace-vgg16-64", 29),
        ("eigenplaces-vgg16-512", 29),
        ("eigenplaces-resnet18-256", 123),
        ("eigenplaces-resnet50-2048", 321),
        ("eigenplaces-resnet101-2048", 627),
        ("salad", 188),
        ("megaloc", 174 + 12 + 1 + 2),
    ],
)
def test_entries_are_as_many_as_published(name: str, entries: int) -> None:
    assert len(skeleton(find(name)).state_dict()) == entries


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.name)
def test_rows_tell_the_size_of_their_network(row: Checkpoint) -> None:
    state = skeleton(row).state_dict()
    assert sum(p.numel() for p in skeleton(row).parameters()) == row.parameters
    last = [value for key, value in state.items() if key.endswith("weight")][-1]
    if row.family in ("cosplace", "eigenplaces"):
        assert last.shape == state["aggregation.3.weight"].shape == (row.dimension, last.shape[1])
        assert state["aggregation.3.bias"].shape == (row.dimension,)
        assert state["aggregation.1.p"].shape == (1,)


def torchvision_resnet_keys(blocks: tuple[int, ...], convolutions: int) -> set[str]:
    """By the rule of the fact sheet: torchvision's names, renamed to the published numbers."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    keys = {"backbone.0.weight"} | {f"backbone.1.{leaf}" for leaf in norm}
    for stage, count in enumerate(blocks, start=4):
        for block in range(count):
            here = f"backbone.{stage}.{block}."
            for i in range(1, convolutions + 1):
                keys |= {f"{here}conv{i}.weight"} | {f"{here}bn{i}.{leaf}" for leaf in norm}
            if block == 0 and (convolutions == 3 or stage > 4):
                keys |= {f"{here}downsample.0.weight"} | {f"{here}downsample.1.{leaf}" for leaf in norm}
    return keys | {"aggregation.1.p", "aggregation.3.weight", "aggregation.3.bias"}


def test_resnet_keys() -> None:
    small = skeleton(find("cosplace-resnet18-512")).state_dict()
    large = skeleton(find("eigenplaces-resnet50-512")).state_dict()
    assert set(small) == torchvision_resnet_keys((2, 2, 2, 2), 2)
    assert set(large) == torchvision_resnet_keys((3, 4, 6, 3), 3)
    assert large["backbone.5.0.conv2.weight"].shape == (128, 128, 3, 3)
    assert large["backbone.7.0.downsample.0.weight"].shape == (2048, 1024, 1, 1)


def test_vgg_keys() -> None:
    keys = {
        f"backbone.{i}.{leaf}"
        for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
        for leaf in ("weight", "bias")
    }
    assert set(skeleton(find("cosplace-vgg16-512")).state_dict()) == keys | {
        "aggregation.1.p",
        "aggregation.3.weight",
        "aggregation.3.bias",
    }


def test_vit_keys() -> None:
    block = [f"{norm}.{leaf}" for norm in ("norm1", "norm2") for leaf in ("weight", "bias")] + [
        "ls1.gamma",
        "ls2.gamma",
    ]
    block += [
        f"{layer}.{leaf}"
        for layer in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
        for leaf in ("weight", "bias")
    ]
    trunk = {
        "cls_token",
        "pos_embed",
        "patch_embed.proj.weight",
        "patch_embed.proj.bias",
        "norm.weight",
        "norm.bias",
    }
    trunk |= {f"blocks.{i}.{leaf}" for i in range(12) for leaf in block}
    heads = {
        f"{mlp}.{i}.{leaf}"
        for mlp, last in (("token_features", 2), ("cluster_features", 3), ("score", 3))
        for i in (0, last)
        for leaf in ("weight", "bias")
    }
    heads.add("dust_bin")
    salad, megaloc = (skeleton(find(name)).state_dict() for name in ("salad", "megaloc"))
    assert set(salad) == {f"backbone.model.{key}" for key in trunk | {"mask_token"}} | {
        f"aggregator.{key}" for key in heads
    }
    linear = {"aggregator.linear.weight", "aggregator.linear.bias"}
    assert (
        set(megaloc)
        == {f"backbone.{key}" for key in trunk} | {f"aggregator.agg.{key}" for key in heads} | linear
    )
    assert salad["backbone.model.pos_embed"].shape == (1, 1370, 768)
    assert salad["aggregator.cluster_features.3.weight"].shape == (128, 512, 1, 1)
    assert megaloc["aggregator.agg.cluster_features.3.weight"].shape == (256, 512, 1, 1)
    assert megaloc["aggregator.linear.weight"].shape == (8448, 16640)


# Slow and plain, in float64: written from the papers, not from the modules under test.


def conv(
    x: np.ndarray, weight: np.ndarray, stride: int, pad: int, bias: np.ndarray | None = None
) -> np.ndarray:
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    windows = sliding_window_view(x, weight.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    y = np.tensordot(weight, windows, axes=([1, 2, 3], [0, 3, 4]))
    return y if bias is None else y + bias[:, None, None]


def max_pool(x: np.ndarray, size: int, stride: int, pad: int) -> np.ndarray:
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)), constant_values=-np.inf)
    return sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride].max((3, 4))


def numpy_resnet(x: np.ndarray, state: dict[str, np.ndarray], blocks: tuple[int, ...]) -> np.ndarray:
    def norm(x: np.ndarray, key: str) -> np.ndarray:
        mean, var = state[f"{key}.running_mean"], state[f"{key}.running_var"]
        scale = state[f"{key}.weight"] / np.sqrt(var + 1e-5)
        return (x - mean[:, None, None]) * scale[:, None, None] + state[f"{key}.bias"][:, None, None]

    x = max_pool(np.maximum(norm(conv(x, state["0.weight"], 2, 3), "1"), 0), 3, 2, 1)
    for stage, count in enumerate(blocks, start=4):
        for block in range(count):
            here, stride = f"{stage}.{block}", 2 if block == 0 and stage > 4 else 1
            wide = f"{here}.conv3.weight" in state
            strides = (1, stride, 1) if wide else (stride, 1)
            y = x
            for i, step in enumerate(strides, start=1):
                weight = state[f"{here}.conv{i}.weight"]
                y = norm(conv(y, weight, step, weight.shape[2] // 2), f"{here}.bn{i}")
                y = np.maximum(y, 0) if i < len(strides) else y
            if f"{here}.downsample.0.weight" in state:
                x = norm(conv(x, state[f"{here}.downsample.0.weight"], stride, 0), f"{here}.downsample.1")
            x = np.maximum(x + y, 0)
    return x


def numpy_state(module: torch.nn.Module, seed: int) -> dict[str, np.ndarray]:
    state = untrained_like(module, seed)
    module.load_state_dict(state, assign=True)
    module.eval().requires_grad_(False)
    return {key: value.double().numpy() for key, value in state.items()}


@pytest.mark.parametrize(("depth", "blocks"), [(18, (2, 2, 2, 2)), (50, (3, 4, 6, 3))])
def test_resnet_is_the_published_one(depth: int, blocks: tuple[int, ...]) -> None:
    with torch.device("meta"):
        trunk = ResNet(depth)
    state = numpy_state(trunk, seed=depth)
    image = torch.randn(1, 3, 72, 40, generator=torch.Generator().manual_seed(1))
    slow = numpy_resnet(image[0].double().numpy(), state, blocks)
    assert slow.shape == (trunk.channels, 3, 2)
    scale = np.abs(slow).max()
    np.testing.assert_allclose(trunk(image)[0].numpy() / scale, slow / scale, atol=2e-6)
    trunk.fold_norms()
    assert not [m for m in trunk.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    np.testing.assert_allclose(trunk(image)[0].numpy() / scale, slow / scale, atol=2e-6)


def test_vgg_is_the_published_one_and_may_be_negative() -> None:
    with torch.device("meta"):
        trunk = Vgg16()
    state = numpy_state(trunk, seed=3)
    image = torch.randn(1, 3, 50, 33, generator=torch.Generator().manual_seed(2))
    x = image[0].double().numpy()
    for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28):
        if i in (5, 10, 17, 24):
            x = max_pool(x, 2, 2, 0)
        x = conv(x, state[f"{i}.weight"], 1, 1, state[f"{i}.bias"])
        x = np.maximum(x, 0) if i < 28 else x
    assert x.shape == (512, 3, 2)
    assert x.min() < 0
    np.testing.assert_allclose(trunk(image)[0].numpy(), x, atol=2e-6 * np.abs(x).max())


def cubic(t: float) -> float:
    """Keys' kernel with a = -0.75, as torch and Pillow-of-old use it."""
    t = abs(t)
    if t <= 1:
        return 1.25 * t**3 - 2.25 * t**2 + 1
    return -0.75 * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def resampling(cells: int, grid: int = 37) -> np.ndarray:
    """[cells, grid]: bicubic, by scale factor (cells + 0.1) / grid, edges repeated."""
    matrix = np.zeros((cells, grid))
    for i in range(cells):
        centre = (i + 0.5) * grid / (cells + 0.1) - 0.5
        for j in range(math.floor(centre) - 1, math.floor(centre) + 3):
            matrix[i, min(max(j, 0), grid - 1)] += cubic(centre - j)
    return matrix


def numpy_vit(image: np.ndarray, state: dict[str, np.ndarray], heads: int, depth: int) -> np.ndarray:
    def norm(x: np.ndarray, key: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
        return centred / spread * state[f"{key}.weight"] + state[f"{key}.bias"]

    def linear(x: np.ndarray, key: str) -> np.ndarray:
        return x @ state[f"{key}.weight"].T + state[f"{key}.bias"]

    gelu = np.vectorize(lambda t: 0.5 * t * (1 + math.erf(t / math.sqrt(2))))
    rows, columns = image.shape[1] // 14, image.shape[2] // 14
    patches = image.reshape(3, rows, 14, columns, 14).transpose(1, 3, 0, 2, 4).reshape(rows * columns, -1)
    width = len(state["patch_embed.proj.bias"])
    tokens = patches @ state["patch_embed.proj.weight"].reshape(width, -1).T + state["patch_embed.proj.bias"]
    table = state["pos_embed"][0, 1:].reshape(37, 37, width)
    table = np.einsum("ri,cj,ijw->rcw", resampling(rows), resampling(columns), table).reshape(-1, width)
    x = np.vstack([state["cls_token"][0] + state["pos_embed"][0, :1], tokens + table])
    for b in range(depth):
        qkv = linear(norm(x, f"blocks.{b}.norm1"), f"blocks.{b}.attn.qkv")
        query, key, value = qkv.reshape(len(x), 3, heads, -1).transpose(1, 2, 0, 3)
        scores = np.exp(query @ key.transpose(0, 2, 1) / math.sqrt(width // heads))
        mixed = (scores / scores.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(len(x), -1)
        x = x + linear(mixed, f"blocks.{b}.attn.proj") * state[f"blocks.{b}.ls1.gamma"]
        hidden = gelu(linear(norm(x, f"blocks.{b}.norm2"), f"blocks.{b}.mlp.fc1"))
        x = x + linear(hidden, f"blocks.{b}.mlp.fc2") * state[f"blocks.{b}.ls2.gamma"]
    return norm(x, "norm")


def tiny_vit(seed: int = 0) -> tuple[DinoV2, dict[str, np.ndarray]]:
    with torch.device("meta"):
        trunk = DinoV2(width=32, depth=2, heads=4)
    return trunk, numpy_state(trunk, seed)


@pytest.mark.parametrize("size", [(84, 126), (322, 322)])
def test_vit_is_the_published_one(size: tuple[int, int]) -> None:
    trunk, state = tiny_vit()
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(4))
    slow = numpy_vit(image[0].double().numpy(), state, heads=4, depth=2)
    np.testing.assert_allclose(trunk(image)[0].numpy(), slow, atol=2e-5)


def test_positions_are_untouched_on_the_trained_grid_only() -> None:
    trunk, _ = tiny_vit()
    assert torch.equal(trunk.positions(37, 37), trunk.pos_embed)
    assert trunk.positions(23, 31).shape == (1, 1 + 23 * 31, 32)
    stretched = torch.nn.functional.interpolate(
        trunk.pos_embed[:, 1:].mT.reshape(1, -1, 37, 37), size=(23, 23), mode="bicubic"
    )
    assert not torch.allclose(trunk.positions(23, 23)[:, 1:], stretched.flatten(2).mT, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "nearest"),
    [((322, 322), (322, 322)), ((320, 333), (322, 336)), ((35, 49), (28, 56)), ((5, 700), (14, 700))],
)
def test_sides_are_rounded_to_multiples_of_14(size: tuple[int, int], nearest: tuple[int, int]) -> None:
    images = torch.rand(1, 3, *size)
    cut = to_patches(images)
    assert cut.shape[2:] == nearest
    assert (cut is images) == (size == nearest)
    assert len(DinoV2.places(*size)) == nearest[0] * nearest[1] // 196


@pytest.mark.parametrize("size", [(512, 683), (500, 333), (33, 64)])
def test_every_location_has_a_place(size: tuple[int, int]) -> None:
    image = torch.zeros(1, 3, *size, device="meta")
    with torch.device("meta"):
        trunks = [ResNet(18), Vgg16()]
    for trunk in trunks:
        rows, columns = trunk(image).shape[2:]
        places = trunk.places(*size)
        assert len(places) == rows * columns
        assert (places > 0).all()
        assert (places < 1).all()
        assert (places[:columns, 1] == places[0, 1]).all(), "x runs first"


def test_places_are_what_locations_look_at() -> None:
    """The centre of what moves a location, in a trunk that averages."""
    with torch.device("meta"):
        resnet, vgg = ResNet(18), Vgg16()
    for trunk, at in ((resnet, 10), (vgg, 20)):
        state = {}
        for key, like in trunk.state_dict().items():
            flat = key.endswith(("bias", "running_mean", "tracked"))
            state[key] = torch.zeros_like(like, device="cpu") if flat else torch.ones_like(like, device="cpu")
            if like.ndim == 4:
                state[key] /= like[0].numel()
        trunk.load_state_dict(state, assign=True)
        trunk.eval().requires_grad_(False)
        image = torch.ones(1, 3, 32, 640, requires_grad=True)
        # Equal values make every maximum a tie, which the gradient would break to one side.
        smooth = torch.nn.Sequential(*[_mean_instead_of_max(layer) for layer in trunk])
        smooth(image)[0, 0, 0, at].backward()
        assert image.grad is not None
        pull = image.grad[0].sum((0, 1))
        centre = (pull * (torch.arange(640) + 0.5)).sum() / pull.sum()
        assert centre / 640 == pytest.approx(float(trunk.places(32, 640)[at, 0]), abs=1e-4)


def _mean_instead_of_max(layer: torch.nn.Module) -> torch.nn.Module:
    if not isinstance(layer, torch.nn.MaxPool2d):
        return layer
    return torch.nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding)
