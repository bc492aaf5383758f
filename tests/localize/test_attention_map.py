"""Attention maps: read from files, sampled at places, blended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pictures

from geoflood.core.datatypes import AttentionMap
from geoflood.core.errors import InputError
from geoflood.localize.attention import MAX_SIDE, blend, read_attention, sample

CENTRES = np.array([[(x + 0.5) / 3, (y + 0.5) / 2] for y in range(2) for x in range(3)])


def written(folder: Path, content: Any) -> Path:
    path = folder / "map.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


# -- files ------------------------------------------------------------------------------------------------


def test_a_grid(tmp_path: Path) -> None:
    grid = [[0, 1, 2], [0.5, 1.5, 1]]
    for content in (grid, {"weights": grid, "waterline": 0.4, "reasons": ["a sign"]}):
        read = read_attention(written(tmp_path, content))
        np.testing.assert_allclose(read.weights, grid)
        assert read.provider == "file"
    assert (read.waterline, read.reasons) == (0.4, ("a sign",))


def test_regions_are_painted_in_their_order(tmp_path: Path) -> None:
    regions = [{"box": [0, 0, 1, 0.5], "weight": 2}, {"box": [0.5, 0, 1, 0.25], "weight": 0}]
    read = read_attention(written(tmp_path, {"regions": regions, "background": 0.5}))
    spots = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.4], [0.5, 0.9]])
    np.testing.assert_allclose(sample(read, spots), [2, 0, 2, 0.5])


def test_a_grey_picture_is_black_0_and_white_2(tmp_path: Path) -> None:
    grey = np.zeros((40, 60), np.uint8)
    grey[:, 30:] = 255
    Pictures.fromarray(grey).save(tmp_path / "map.png")
    read = read_attention(tmp_path / "map.png")
    np.testing.assert_allclose(sample(read, np.array([[0.2, 0.5], [0.8, 0.5]])), [0, 2])


@pytest.mark.parametrize("side", [MAX_SIDE - 1, MAX_SIDE, MAX_SIDE + 1, 1000])
def test_large_maps_are_averaged_never_skipped(tmp_path: Path, side: int) -> None:
    chess = (np.indices((side, 3)).sum(0) % 2 * 255).astype(np.uint8)
    Pictures.fromarray(chess).save(tmp_path / "map.png")
    read = read_attention(tmp_path / "map.png")
    assert max(read.weights.shape) <= MAX_SIDE
    assert float(read.weights.mean()) == pytest.approx(chess.mean() / 127.5, abs=0.05)
    if side == 1000:
        assert np.ptp(read.weights) < 0.2


BOX = '{"regions": [{"box": %s, "weight": %s}]}'
NO_MAPS = (
    *("", "{", "null", "3", '"x"', "[]", "[[]]", "[[1], [1, 2]]", "[[[1]]]", '[["a"]]', "[" * 100_000),
    *("[[NaN]]", "[[Infinity]]", "[[3]]", "[[-1]]", "{}", '{"weights": null}', '{"weights": [[1e999]]}'),
    *(
        '{"weights": [[1]], "regions": []}',
        '{"regions": 3}',
        '{"regions": [{}]}',
        '{"regions": [[0, 0, 1, 1]]}',
    ),
    *(
        BOX % ("[0, 0, 1]", 1),
        BOX % ("[0, 0, 2, 1]", 1),
        BOX % ("[0.5, 0, 0.5, 1]", 1),
        BOX % ("[0, 0, 1, 1]", 9),
    ),
    *('{"regions": [], "background": 5}', '{"weights": [[1]], "reasons": 3}'),
    *(f'{{"weights": [[1]], "waterline": {line}}}' for line in ("1", "-0.1", '"low"', "NaN", "[]")),
)


@pytest.mark.parametrize("content", NO_MAPS, ids=range(len(NO_MAPS)))
def test_what_is_no_map_is_an_input_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"map\.json"):
        read_attention(written(tmp_path, content))


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "huge.json").write_bytes(b" " * 4_000_001)
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "text.png").write_text("no picture", "utf-8")
    (tmp_path / "folder.json").mkdir()
    for name in ("huge.json", "bytes.json", "text.png", "folder.json", "absent.json", "absent.png"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            read_attention(tmp_path / name)


def test_a_map_checks_itself() -> None:
    for weights in (
        np.ones((0, 3)),
        np.ones(3),
        np.full((2, 2), 2.1),
        np.full((1, 1), np.nan),
        -np.ones((1, 1)),
    ):
        with pytest.raises(ValueError, match="weights"):
            AttentionMap(weights.astype(np.float32))
    assert AttentionMap.neutral().uniform
    assert not AttentionMap(np.array([[1, 1.5]], np.float32)).uniform


# -- numbers ----------------------------------------------------------------------------------------------


def test_cells_are_sampled_at_their_centres_and_between_them() -> None:
    weights = np.array([[0, 1, 2], [0.5, 1.5, 1]], np.float32)
    found = AttentionMap(weights)
    np.testing.assert_allclose(sample(found, CENTRES), weights.ravel(), atol=1e-6)
    np.testing.assert_allclose(sample(found, np.array([[1 / 3, 0.25]])), [0.5], atol=1e-6)
    np.testing.assert_allclose(sample(found, np.array([[0.0, 0.0], [1.0, 1.0]])), [0, 1], atol=1e-6)


grids = st.lists(st.floats(0, 2, width=32), min_size=1, max_size=30).map(lambda w: np.array(w, np.float32))


@given(grids, st.floats(0, 1))
def test_blended_weights_are_weights(weights: np.ndarray, alpha: float) -> None:
    blended = blend(weights, alpha)
    assert blended.dtype == np.float32
    assert np.isfinite(blended).all()
    assert (blended >= 0).all()
    if weights.mean() > 1e-3:
        assert float(blended.mean()) == pytest.approx(1, abs=1e-3)
        order = np.argsort(weights, kind="stable")
        assert (np.diff(blended[order]) >= -1e-4).all(), "more attention never means less weight"


def test_the_ends_of_alpha() -> None:
    weights = np.array([0, 1, 3, 4], np.float32) / 2
    assert blend(weights, 0).tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(blend(weights, 1), weights / weights.mean())
    assert blend(np.zeros(4, np.float32), 1).tolist() == [1, 1, 1, 1]
