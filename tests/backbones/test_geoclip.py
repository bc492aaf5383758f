"""GeoCLIP's encoder and gallery, without its weights: the projection, layers against slow NumPy, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from geoflood.backbones import kept_gallery
from geoflood.backbones.gallery import read_gallery
from geoflood.backbones.geoclip import ImageHead, LocationEncoder, LogitScale, equal_earth
from geoflood.backbones.kept_gallery import encode, open_gallery
from geoflood.backbones.skeletons import published_shapes
from geoflood.backbones.untrained import untrained_like
from geoflood.backbones.weights import import_weights
from geoflood.backbones.world_catalog import GALLERY, GEOCLIP, IMAGE_HEAD, LOCATION_ENCODER, LOGIT_SCALE
from geoflood.backbones.world_selftest import PLACES, golden_invariants
from geoflood.core.errors import WeightsError
from geoflood.core.files import fingerprint

PROJECTED = (
    *((-0.4961289, 0.2174034), (0.0444241, 0.3680866), (0.0005354, 0.3605412)),
    *((-0.6109663, 0.2716685), (0.5917673, -0.0463573), (0.0, 0.0)),
)
"""x and y of the places of the self-test, as the published module gives them."""


def small_encoder(waves: int = 8, width: int = 16, dimension: int = 512) -> LocationEncoder:
    encoder = LocationEncoder(waves, width, dimension)
    state = untrained_like(encoder, seed=7)
    state["LocEnc2.capsule.0.b"] *= 16
    encoder.load_state_dict(state)
    return encoder.eval()


def test_the_projection_is_the_published_one() -> None:
    found = equal_earth(torch.tensor(list(PLACES.values())))
    np.testing.assert_allclose(found.numpy(), PROJECTED, atol=1e-6)
    edge = equal_earth(torch.tensor([[0.0, 180.0], [90.0, 0.0], [0.0, -180.0]]))
    np.testing.assert_allclose(edge[:, 0].numpy(), [1, 0, -1], atol=2e-6)


def test_the_encoder_is_the_sum_of_three_capsules() -> None:
    encoder = small_encoder(dimension=12)
    state = {key: value.double().numpy() for key, value in encoder.state_dict().items()}
    total = np.zeros(12)
    for scale in range(3):
        own = {key.split(".", 1)[1]: value for key, value in state.items() if f"LocEnc{scale}." in key}
        angles = 2 * np.pi * own["capsule.0.b"] @ np.array(PROJECTED[0])
        x = np.concatenate([np.cos(angles), np.sin(angles)])
        for layer in (1, 3, 5):
            x = np.maximum(own[f"capsule.{layer}.weight"] @ x + own[f"capsule.{layer}.bias"], 0)
        total += own["head.0.weight"] @ x + own["head.0.bias"]
    with torch.inference_mode():
        found = encoder(torch.tensor([PLACES["Houston"]]))[0].double().numpy()
    np.testing.assert_allclose(found, total, atol=2e-4)


def test_golden_values_of_a_small_encoder() -> None:
    """Weights by seed: whatever changes the order of operations shows here."""
    with torch.inference_mode():
        found = small_encoder(dimension=4)(torch.tensor(list(PLACES.values())))
    np.testing.assert_allclose(found.numpy(), GOLDEN, atol=1e-5)
    assert found.sum() != 0


GOLDEN = [
    [-0.241529, -0.199916, 0.252207, 0.248667],
    [-0.181137, 0.574047, 0.132451, -0.047326],
    [-0.214944, 0.584346, 0.167553, -0.052454],
    [-0.367008, 0.123433, 0.392322, 0.422967],
    [-0.048674, 0.306135, -0.051696, -0.04578],
    [-0.270976, 0.407402, 0.320778, 0.096496],
]


def test_entries_are_as_published() -> None:
    encoder = published_shapes(LOCATION_ENCODER)
    assert len(encoder) == 27
    assert encoder["LocEnc2.capsule.0.b"] == [256, 2]
    assert encoder["LocEnc0.head.0.weight"] == [512, 1024]
    assert published_shapes(IMAGE_HEAD) == {
        "0.weight": [768, 768],
        "0.bias": [768],
        "2.weight": [512, 768],
        "2.bias": [512],
    }
    assert published_shapes(LOGIT_SCALE) == {"logit_scale": []}
    with torch.device("meta"):
        networks = (LocationEncoder(), ImageHead(), LogitScale())
    for row, network in zip(GEOCLIP.files, networks, strict=False):
        assert row.parameters == sum(p.numel() for p in network.parameters())


def test_other_weights_do_not_pass_the_self_test() -> None:
    assert not any(check.holds for check in golden_invariants(small_encoder()))


def table(path: Path, *rows: str, header: str = "LAT,LON") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def test_rubbish_rows_are_counted_and_left_out(tmp_path: Path) -> None:
    good = [f"{n / 10},{n / 5}" for n in range(300)]
    gallery = read_gallery(table(tmp_path / "g.csv", *good[:150], "91,0", "nan,3", *good[150:], good[0]))
    assert gallery.left_out == 2
    assert len(gallery.positions) == 301
    assert len(gallery.unique()) == 300
    np.testing.assert_array_equal(gallery.unique()[1], (0.1, 0.2))


@pytest.mark.parametrize(
    ("rows", "header", "says"),
    [
        (["1,2", "north,3", "4,5"], "LAT,LON", "1 of 3 rows are no positions"),
        (["1,2"], "LON,LAT", "its first line is not LAT,LON"),
        (["1,2,3"], "LAT,LON", "1 of 1 rows"),
        ([], "LAT,LON", "0 of 0 rows"),
        (["1,2"], "<!DOCTYPE html>", "is no gallery"),
        (['1,"2' + "x" * 200_000], "LAT,LON", "is no gallery"),
    ],
)
def test_what_is_no_gallery_is_refused(rows: list[str], header: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=says):
        read_gallery(table(tmp_path / "g.csv", *rows, header=header))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the published shape."""
    with torch.device("meta"):
        encoder = LocationEncoder()
    path = tmp_path_factory.mktemp("published") / "location.pth"
    torch.save(untrained_like(encoder), path)
    return path


@pytest.fixture
def models(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GeoCLIP with random weights and a gallery of 50 places, two of them twice."""
    monkeypatch.setenv("GEOFLOOD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("GEOFLOOD_CACHE_DIR", str(tmp_path / "cache"))
    rows = [f"{n},{2 * n}" for n in range(50)]
    import_weights(LOCATION_ENCODER, checkpoint, allow_unverified=True)
    import_weights(GALLERY, table(tmp_path / "g.csv", *rows, *rows[:2]), allow_unverified=True)
    return tmp_path / "models"


def test_what_was_encoded_is_kept(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    first = open_gallery(progress=lambda stage, done, total: told.append((done, total)))
    assert told[-1] == (50, 50)
    assert first.embeddings.shape == (50, 512)
    np.testing.assert_allclose(np.linalg.norm(first.embeddings.astype(float), axis=1), 1, atol=1e-3)
    [path] = (tmp_path / "cache").rglob("*.npy")

    with monkeypatch.context() as patched:
        patched.setattr(kept_gallery, "encode", None)
        again = open_gallery()
    assert isinstance(again.embeddings, np.memmap)
    np.testing.assert_array_equal(again.embeddings, first.embeddings)
    del first, again

    whole = fingerprint(path)
    for damage in (path.read_bytes()[:-600], b"", b"\x93NUMPY"):
        path.write_bytes(damage)
        open_gallery()
        assert fingerprint(path) == whole, "what was kept and is damaged is made again"


def test_another_gallery_has_another_file(models: Path, tmp_path: Path) -> None:
    open_gallery()
    import_weights(GALLERY, table(tmp_path / "h.csv", "1,2", "3,4"), allow_unverified=True)
    assert len(open_gallery().embeddings) == 2
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 2


def test_without_a_file_the_command_is_named(models: Path) -> None:
    (models / GALLERY.file).unlink()
    with pytest.raises(WeightsError) as raised:
        open_gallery()
    assert raised.value.hint == "geoflood models fetch geoclip"


def test_no_places_are_no_rows() -> None:
    assert encode(small_encoder(), np.empty((0, 2))).shape == (0, 512)
