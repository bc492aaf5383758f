"""Photos against a small gallery, filled up with the places of indexes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from geoflood.backbones.clip_vit import clip_pixels
from geoflood.backbones.kept_gallery import encode
from geoflood.backbones.selftest import draw_street
from geoflood.core.errors import WeightsError
from geoflood.core.world_cells import cells_of
from geoflood.localize.world import WorldLocator, WorldPrior
from tests.support.world import HOSTILE_COUNTRY, small_location_encoder, small_locator, small_photo_encoder


def test_a_photo_has_a_belief_and_another_file_a_reason(tmp_path: Path) -> None:
    Pictures.fromarray(draw_street()).save(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    found, failed = small_locator().locate_all([tmp_path / "a.png", tmp_path / "b.jpg"])
    assert failed.belief is None
    assert failed.reason
    assert found.belief is not None
    assert found.belief.probabilities.sum() == pytest.approx(1)
    assert len(found.countries) == len(found.belief.cells)
    assert set(found.countries) <= {"West", HOSTILE_COUNTRY, ""}
    assert found.city == ""


def test_places_of_indexes_fill_holes() -> None:
    image = draw_street()
    empty = small_locator().belief(image)
    hole = np.array([[6.45, 3.4]])
    filled = small_locator({"lagos": hole})
    assert filled.added == 1
    assert cells_of(hole)[0] not in empty.cells
    assert cells_of(hole)[0] in filled.belief(image).cells


def test_the_head_takes_features_of_any_length() -> None:
    encoder = small_photo_encoder()
    vector = encoder.encode(draw_street())
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    with torch.inference_mode():
        feature = encoder._tower(torch.from_numpy(clip_pixels(draw_street()))[None])
        assert abs(float(feature.norm()) - 1) > 0.1, "or the next line proves nothing"
        direct = torch.nn.functional.normalize(encoder._head(feature)[0], dim=0)
    np.testing.assert_allclose(vector, direct.numpy(), atol=1e-6)


def test_weights_that_give_no_numbers_are_named() -> None:
    locator = small_locator()
    with torch.no_grad():
        next(locator._encoder._head.parameters()).fill_(torch.nan)
    with pytest.raises(WeightsError, match="not a number"):
        locator.belief(draw_street())


def test_the_prior_of_cities() -> None:
    locator = small_locator()
    rows = encode(small_location_encoder(), np.array([[10.0, 10.0], [40.0, -70.0]]))
    prior = WorldPrior(small_photo_encoder(), [rows[:1], rows[1:]], locator._rows[0], 0.3)
    odds = prior.log_odds(draw_street())
    assert odds.shape == (2,)
    assert np.abs(odds).max() <= 1.2
    assert odds[0] != odds[1]


def test_without_weights_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFLOOD_MODELS_DIR", str(tmp_path))
    for opening in (lambda: WorldLocator.open({}), lambda: WorldPrior.open([np.zeros((1, 2))])):
        with pytest.raises(WeightsError) as raised:
            opening()
        assert raised.value.hint == "geoflood models fetch geoclip"
