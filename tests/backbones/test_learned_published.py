"""An index made with a published backbone, from imported weights to a located photo. Weights are random."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from geoflood.backbones.catalog import find
from geoflood.backbones.learned import (
    default_dimension,
    learn,
    load_learned,
    published_describer,
    save_learned,
    version_of,
)
from geoflood.backbones.published import Published
from geoflood.backbones.selftest import draw_field, draw_street
from geoflood.backbones.untrained import untrained
from geoflood.backbones.weights import import_weights
from geoflood.core.datatypes import (
    AttentionMap,
    Blend,
    Geotag,
    Image,
    LatLon,
    Outcome,
    Query,
    SearchOptions,
    StreetImage,
)
from geoflood.core.errors import IndexUnusableError, UsageError, WeightsError
from geoflood.core.images import resize
from geoflood.database.bands import band_weights
from geoflood.database.build import build
from geoflood.database.manifest import Settings
from geoflood.imagery.panorama import FOV_DEG, HEADINGS
from geoflood.localize.locator import Locator
from tests.support.calibration import calibrate_quickly, uncalibrated

NAME = "cosplace-resnet18-32"
BANDS = (0, 40)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two trainings of the same network."""
    folder = tmp_path_factory.mktemp("published")
    for seed in (0, 1):
        torch.save(untrained(find(NAME), seed), folder / f"{seed}.pth")
    return sorted(folder.iterdir())


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoints: list[Path]) -> Path:
    """models/ with the first training in it. Pictures stay small: the published size has its own test."""
    monkeypatch.setattr(Published, "prepare", lambda self, image: resize(image, 128, 96))
    monkeypatch.setenv("GEOFLOOD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("GEOFLOOD_PRECISION", "float32")
    import_weights(find(NAME), checkpoints[0])
    return tmp_path / "models"


def pictures() -> list[Image]:
    """Six streets and fields, no two alike."""
    whole = [draw_street(), draw_field()]
    return [
        np.ascontiguousarray(picture[20 * n : 300 + 30 * n : 2, 60 * n : 400 + 60 * n : 2])
        for n in range(3)
        for picture in whole
    ]


def city(folder: Path) -> list[StreetImage]:
    folder.mkdir(exist_ok=True)
    found = []
    for n, picture in enumerate(pictures()):
        path = folder / f"{n}.png"
        Pictures.fromarray(picture).save(path)
        found.append(StreetImage(f"file:{n}", str(path), Geotag(LatLon(53.5 + n / 1000, 10.0), "csv")))
    return found


def settings(dimension: int | None = None) -> Settings:
    return Settings(NAME, version_of(NAME), BANDS, dimension, HEADINGS, FOV_DEG)


@pytest.mark.usefixtures("models")
def test_index_then_locate_then_other_weights(tmp_path: Path, checkpoints: list[Path]) -> None:
    found = city(tmp_path / "pictures")
    build(tmp_path / "city", "city", found, settings(), calibrate_quickly)
    locator = Locator(tmp_path / "city")
    assert locator.vectors.dimension == 32, "as the backbone gives it"
    for waterline in (None, 0.4):
        located = locator.locate(Query(Path(found[2].location)), AttentionMap.neutral(waterline))
        assert located.outcome is not Outcome.FAILED
        assert located.candidates[0].reference.image_key == "file:2"
        assert located.candidates[0].similarity == pytest.approx(1, abs=2e-3)
    before = version_of(NAME)
    import_weights(find(NAME), checkpoints[1])
    assert version_of(NAME) != before
    for use in (
        lambda: Locator(tmp_path / "city"),
        lambda: build(tmp_path / "city", "city", [], settings(), calibrate_quickly),
    ):
        with pytest.raises(IndexUnusableError) as error:
            use()
        assert before in str(error.value), "both are named"
        assert version_of(NAME) in str(error.value)


@pytest.mark.usefixtures("models")
def test_the_papers_blend_from_the_photo_on(tmp_path: Path) -> None:
    found = city(tmp_path / "pictures")
    build(tmp_path / "city", "city", found, settings(), uncalibrated)
    locator, photo = Locator(tmp_path / "city"), pictures()[0]
    left = AttentionMap(np.array([[2.0, 0.1]], np.float32))

    def described(attention: AttentionMap, alpha: float, blend: Blend = Blend.PAPER) -> np.ndarray:
        return locator.describe([photo], [attention], SearchOptions(alpha=alpha, blend=blend))[0].descriptors

    plain = described(AttentionMap.neutral(), 1.0, Blend.CONTINUOUS)
    for attention, alpha in ((left, 0.0), (AttentionMap.neutral(0.4), 0.5)):
        np.testing.assert_array_equal(described(attention, alpha), plain)
    np.testing.assert_allclose(described(left, 1.0), described(left, 1.0, Blend.CONTINUOUS), atol=1e-6)
    jump = np.abs(described(left, 2e-6) - plain).max()
    assert jump > 10 * np.abs(described(left, 2e-6, Blend.CONTINUOUS) - plain).max(), "energy, not stock"
    query = Query(Path(found[0].location))
    paper = SearchOptions(alpha=0.5, blend=Blend.PAPER)
    one = locator.locate(query, left, paper)
    (among,) = locator.locate_all([query], left, paper)
    assert (among.outcome, among.position) == (one.outcome, one.position)
    # Several threads round sums otherwise.
    assert among.estimate
    assert one.estimate
    assert among.estimate.probability == pytest.approx(one.estimate.probability, abs=1e-5)
    other = locator.locate(query, left, SearchOptions(alpha=0.5))
    assert one.candidates[0].similarity != other.candidates[0].similarity


@pytest.mark.usefixtures("models")
def test_a_projection_is_learned_without_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    whole = Published.features
    monkeypatch.setattr(Published, "features", lambda self, x: passes.append(len(x)) or whole(self, x))
    weigh = partial(band_weights, bands=BANDS)
    learned = learn(NAME, lambda count: pictures()[:count], weigh, 4)
    assert sorted(learned) == ["matrix", "mean"]
    assert sum(passes) == 6, "bands share one pass"
    save_learned(tmp_path / "learned.npz", learned)
    describer = load_learned(tmp_path / "learned.npz", NAME)
    vectors = describer.describe(pictures()[:2], weigh)
    assert vectors.shape == (2, 2, 4)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=2), 1, atol=1e-5)
    assert np.abs(vectors[:, 0] - vectors[:, 1]).max() > 1e-3


@pytest.mark.usefixtures("models")
def test_nothing_is_read_when_nothing_is_learned(tmp_path: Path) -> None:
    def unread(count: int) -> Iterator[Image]:
        raise AssertionError(f"{count} decoded for nothing")
        yield

    weigh = partial(band_weights, bands=BANDS)
    save_learned(tmp_path / "learned.npz", learn(NAME, unread, weigh, None))
    assert load_learned(tmp_path / "learned.npz", NAME).projection is None
    assert learn(NAME, lambda count: pictures()[:1], weigh, 8) == {}, "one view shows nothing that varies"


def test_missing_weights_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFLOOD_MODELS_DIR", str(tmp_path))
    for use in (version_of, published_describer):
        with pytest.raises(WeightsError, match="are not here") as error:
            use("eigenplaces-resnet50-2048")
        assert error.value.hint == "geoflood models fetch eigenplaces-resnet50-2048"
        with pytest.raises(UsageError, match="no backbone is called"):
            use("eigenplaces-resnet50-2047")
    with pytest.raises(UsageError, match="in the words of a city"):
        published_describer("rootsift")


@pytest.mark.usefixtures("models")
def test_a_damaged_learned_file(tmp_path: Path) -> None:
    (tmp_path / "learned.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(IndexUnusableError, match="is damaged"):
        load_learned(tmp_path / "learned.npz", NAME)


def test_published_descriptors_stay_as_published_unless_told() -> None:
    assert default_dimension("rootsift") == 512
    assert default_dimension("megaloc") is None
