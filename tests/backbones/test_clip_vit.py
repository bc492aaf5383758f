"""CLIP's image tower, small and with weights by seed: golden values, both published layouts, its pixels."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from geoflood.backbones.clip_vit import ClipTower, clip_pixels, tower_state
from geoflood.backbones.skeletons import published_shapes
from geoflood.backbones.untrained import untrained_like
from geoflood.backbones.weights import check_content, check_state, import_weights
from geoflood.backbones.world_catalog import CLIP
from geoflood.core.errors import WeightsError

SMALL = {"width": 64, "depth": 2, "heads": 4, "out": 32, "side": 56}


def small_tower() -> ClipTower:
    tower = ClipTower(**SMALL)
    tower.load_state_dict(untrained_like(tower, seed=3))
    return tower.eval()


def openai_layout(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same numbers under OpenAI's names, written down from its table of entries."""
    vision = "vision_model."
    theirs = {
        "visual.class_embedding": state[f"{vision}embeddings.class_embedding"],
        "visual.conv1.weight": state[f"{vision}embeddings.patch_embedding.weight"],
        "visual.positional_embedding": state[f"{vision}embeddings.position_embedding.weight"],
        "visual.proj": state["visual_projection.weight"].T,
        "positional_embedding": torch.zeros(77, 768),
        "transformer.resblocks.0.ln_1.weight": torch.zeros(768),
        "logit_scale": torch.zeros(()),
    }
    for leaf in ("weight", "bias"):
        theirs[f"visual.ln_pre.{leaf}"] = state[f"{vision}pre_layrnorm.{leaf}"]
        theirs[f"visual.ln_post.{leaf}"] = state[f"{vision}post_layernorm.{leaf}"]
        for n in range(SMALL["depth"]):
            ours, block = f"{vision}encoder.layers.{n}", f"visual.transformer.resblocks.{n}"
            stacked = [state[f"{ours}.self_attn.{part}_proj.{leaf}"] for part in "qkv"]
            theirs[f"{block}.attn.in_proj_{leaf}"] = torch.cat(stacked)
            theirs[f"{block}.attn.out_proj.{leaf}"] = state[f"{ours}.self_attn.out_proj.{leaf}"]
            theirs[f"{block}.ln_1.{leaf}"] = state[f"{ours}.layer_norm1.{leaf}"]
            theirs[f"{block}.ln_2.{leaf}"] = state[f"{ours}.layer_norm2.{leaf}"]
            theirs[f"{block}.mlp.c_fc.{leaf}"] = state[f"{ours}.mlp.fc1.{leaf}"]
            theirs[f"{block}.mlp.c_proj.{leaf}"] = state[f"{ours}.mlp.fc2.{leaf}"]
    return theirs


@torch.inference_mode()
def test_golden_values_of_a_small_tower() -> None:
    ramp = torch.linspace(-2, 2, 3 * 56 * 56).reshape(1, 3, 56, 56)
    found = small_tower()(ramp)[0]
    np.testing.assert_allclose(found[:6].numpy(), GOLDEN, atol=1e-5)


GOLDEN = [-0.556271, -1.094477, -0.500674, 0.865345, 0.207636, 0.554617]


def test_both_layouts_are_the_same_tower() -> None:
    state = small_tower().state_dict()
    whole = state | {
        "text_model.final_layer_norm.weight": torch.zeros(768),
        "text_projection.weight": torch.zeros(768, 768),
        "logit_scale": torch.zeros(()),
        "vision_model.embeddings.position_ids": torch.arange(17)[None],
    }
    for other in (tower_state(whole), tower_state(openai_layout(state))):
        assert other.keys() == state.keys()
        assert all(torch.equal(other[key], value) for key, value in state.items())


def test_entries_are_as_published() -> None:
    shapes = published_shapes(CLIP)
    assert len(shapes) == 392
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == CLIP.parameters
    assert shapes["vision_model.embeddings.position_embedding.weight"] == [257, 1024]
    assert shapes["vision_model.encoder.layers.23.mlp.fc1.weight"] == [4096, 1024]
    assert shapes["visual_projection.weight"] == [768, 1024]


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("height", "width"), [(40, 61), (61, 40), (23, 23), (300, 31)])
def test_the_middle_is_taken(height: int, width: int) -> None:
    found = clip_pixels(picture(height, width), side=28)
    assert found.shape == (3, 28, 28)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found[:, [0, 9, 27], [27, 13, 0]].T.ravel()[:4], PIXELS[height, width], atol=1e-5
    )


PIXELS = {
    (40, 61): [-1.383507, -0.52146, 0.155088, 0.397501],
    (61, 40): [0.558084, 0.649146, 0.49637, -0.05505],
    (23, 23): [-1.471097, 1.174418, -0.612796, 0.441297],
    (300, 31): [-0.347018, -0.206297, 0.382609, 0.631076],
}


def test_colours_are_normalised_as_clips_are() -> None:
    white = clip_pixels(np.full((224, 300, 3), 255, np.uint8))
    np.testing.assert_allclose(white[:, 0, 0], [1.9303361, 2.0748837, 2.1458969], atol=1e-6)


def test_another_network_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for state, says in (
        ({"backbone.0.weight": torch.zeros(2)}, "lacks vision_model.embeddings.class_embedding"),
        (small_tower().state_dict(), r"class_embedding is \[64\], clip-vit-l14 has \[1024\]"),
        ({"visual.conv1.weight": torch.zeros(3), "visual.proj": torch.zeros(())}, "lacks vision_model"),
    ):
        save_file({key: value.contiguous() for key, value in state.items()}, path)
        with pytest.raises(WeightsError, match=says) as raised:
            import_weights(CLIP, path, tmp_path / "models")
        assert "\n" not in str(raised.value)
    assert not list((tmp_path / "models").glob("*.safetensors"))


def test_more_than_the_network_has_is_refused() -> None:
    state = {key: torch.empty(shape, device="meta") for key, shape in published_shapes(CLIP).items()}
    check_state(CLIP, state, "model")
    with pytest.raises(WeightsError, match=r"holds vision_model\.more, which clip-vit-l14"):
        check_state(CLIP, state | {"vision_model.more": torch.zeros(1)}, "model")


def test_an_archive_with_code_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "ViT-L-14.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__/model.py"):
            archive.writestr(f"ViT-L-14/{name}", b"\x80\x02N.")
    with pytest.raises(WeightsError, match="is a TorchScript archive, which holds code") as raised:
        check_content(CLIP, path)
    assert "geoflood models fetch clip-vit-l14" in raised.value.hint
