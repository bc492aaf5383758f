"""Patches in 28 bytes: an orthonormal basis, the coarse first, and places that come back to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoflood.backbones import compact as compacting
from geoflood.backbones.compact import BYTES, COARSE, COMPACT, compact, packed, unpacked
from geoflood.backbones.patches import PackedPatches, Patches, patches
from geoflood.backbones.rootsift import CELL, CELLS, RootSift, local_descriptors
from geoflood.core.datatypes import Image
from tests.support.batch import random_scene


def waves(seed: int, height: int = 300, width: int = 400) -> Image:
    """Stripes over each other, and grain: no patch is flat."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    stripes = sum(
        rng.uniform(10, 30) * np.sin(x * rng.uniform(-0.6, 0.6) + y * rng.uniform(-0.6, 0.6) + k)
        for k in range(12)
    )
    grain = rng.normal(0, 6, (height, width, 3))
    return (128 + stripes[..., None] + grain).clip(0, 255).astype(np.uint8)


def full(image: Image) -> torch.Tensor:
    """RootSIFT [n, 128] of an image, zeros for flat patches."""
    prepared = RootSift.prepare(image)
    local = local_descriptors(torch.from_numpy(prepared).permute(2, 0, 1)[None].float() / 255).values
    return torch.as_tensor(local.descriptors[0, :, :-2] * local.strength[0, :, None])


# -- the transform ----------------------------------------------------------------------------------------


def test_the_basis_is_orthonormal_and_the_lowest_frequencies_come_first() -> None:
    basis, mean, spread = compacting._basis()
    assert basis.shape == (128, COMPACT)
    assert mean.shape == spread.shape == (COMPACT,)
    torch.testing.assert_close(basis.T @ basis, torch.eye(COMPACT), atol=1e-5, rtol=0)
    assert spread.tolist() == sorted(spread.tolist(), reverse=True)
    torch.testing.assert_close(basis[:, 0], torch.full((128,), 128**-0.5))


def test_coarse_are_those_below_the_finest_frequency() -> None:
    *_, spread = compacting._basis()
    assert int((spread > compacting.SPREAD[compacting.FINEST]).sum()) == COARSE


def test_a_plain_cell_pattern_is_one_coefficient() -> None:
    """Left against right, in all orientations alike, is the lowest frequency across."""
    rows = torch.ones(1, CELLS, CELLS, 8)
    for column, height in enumerate(np.cos(np.pi * (np.arange(CELLS) + 0.5) / CELLS)):
        rows[0, :, column] *= height
    basis, *_ = compacting._basis()
    found = (rows.reshape(1, 128) @ basis)[0].abs()
    assert int((found > 1e-4).sum()) == 1
    assert int(found.argmax()) < 5, "among the four lowest after the mean"


# -- four bits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image", [waves(2), random_scene(1)], ids=["waves", "boxes"])
def test_four_bits_keep_cosines(image: Image) -> None:
    rows = compact(full(image))
    rows = rows[rows.abs().amax(dim=1) > 0]
    codes = packed(rows)
    assert codes.shape == (len(rows), BYTES)
    assert codes.dtype == np.uint8
    again = unpacked(codes)
    cosines = (rows * again).sum(dim=1)
    assert float(cosines.mean()) > 0.985
    assert float(cosines.min()) > 0.9
    some = torch.arange(0, len(rows), 11)
    between = rows[some] @ rows[some].T - again[some] @ again[some].T
    assert float(between.abs().mean()) < 0.04, "of two different patches, too"


def test_a_flat_patch_stays_nothing() -> None:
    picture = waves(3)
    picture[:, :200] = 90
    flat = full(picture).abs().amax(dim=1) == 0
    rows = compact(full(picture))
    assert 0 < int(flat.sum()) < len(flat)
    assert torch.equal(rows.abs().amax(dim=1) == 0, flat)
    torch.testing.assert_close(rows[~flat].norm(dim=1), torch.ones(int((~flat).sum())))


@given(st.lists(st.binary(min_size=BYTES, max_size=BYTES), min_size=1, max_size=5))
def test_any_bytes_are_some_patch(rows: list[bytes]) -> None:
    codes = np.array(list(b"".join(rows)), np.uint8).reshape(-1, BYTES)
    found = unpacked(codes)
    assert torch.isfinite(found).all()
    assert float(found.norm(dim=1).max()) <= 1 + 1e-5


def test_no_patches_are_none() -> None:
    assert packed(compact(torch.empty(0, 128))).shape == (0, BYTES)
    assert unpacked(np.empty((0, BYTES), np.uint8)).shape == (0, COMPACT)


# -- patches of an image ----------------------------------------------------------------------------------


def grid(columns: int, rows: int, width: int = 3) -> Patches:
    """A patch on every cell, in the order of a picture's."""
    y, x = np.mgrid[:rows, :columns]
    cells = np.stack([x.ravel(), y.ravel()], axis=1)
    descriptors = torch.nn.functional.normalize(torch.randn(len(cells), width), dim=1)
    return Patches(descriptors, (cells / (columns, rows)).astype(np.float32), cells, (rows * 4, columns * 4))


def test_a_fine_grid_is_thinned() -> None:
    fine = grid(60, 40)
    thin, sparse = fine.thinned(), fine.sparse()
    assert (len(thin.cells), len(sparse.cells)) == (60 * 40 // 4, 60 * 40 // 8)
    assert (thin.cells % 2 == 0).all()
    kept = {tuple(cell) for cell in thin.cells.tolist()}
    assert {tuple(cell) for cell in sparse.cells.tolist()} < kept
    for part in (thin, sparse):
        which = part.cells[:, 1] * 60 + part.cells[:, 0]
        assert torch.equal(part.descriptors, fine.descriptors[torch.from_numpy(which)])
        np.testing.assert_array_equal(part.places, fine.places[which])
        assert part.shape == fine.shape


def test_the_sparse_are_the_fields_of_one_colour() -> None:
    """In every thinned row and column every second one, so that no row goes empty."""
    sparse = grid(60, 40).sparse().cells // 2
    counts = np.zeros((30, 20), int)
    counts[sparse[:, 0], sparse[:, 1]] = 1
    assert (counts.sum(axis=0) == 15).all()
    assert (counts.sum(axis=1) == 10).all()


def test_a_coarse_grid_keeps_all() -> None:
    """None to spare."""
    coarse = grid(16, 16)
    assert coarse.thinned() is coarse
    assert coarse.sparse() is coarse
    none = grid(0, 0)
    assert none.thinned() is none


def test_coarse_descriptors_are_the_first_coefficients() -> None:
    ours = grid(60, 10, COMPACT)
    coarse = ours.coarse().descriptors
    assert coarse.shape == (600, COARSE)
    torch.testing.assert_close(coarse.norm(dim=1), torch.ones(600))
    torch.testing.assert_close(
        coarse * ours.descriptors[:, :COARSE].norm(dim=1, keepdim=True), ours.descriptors[:, :COARSE]
    )


@pytest.mark.parametrize(
    ("height", "width"), [(300, 400), (400, 300), (225, 400), (400, 400), (768, 1024), (90, 1200)]
)
def test_packed_patches_come_back_where_they_were(height: int, width: int) -> None:
    made = patches(waves(5, height, width))
    thin, packing = made.thinned(), PackedPatches.of(made)
    again = packing.unpacked()
    assert packing.rows.shape == (len(thin.cells), 28) == (len(again.cells), PackedPatches.ROW)
    assert again.shape == made.shape
    assert max(again.shape) == 400
    np.testing.assert_array_equal(again.cells, thin.cells)
    off = np.abs(again.places - thin.places) * again.shape[::-1]
    assert off.max() < 0.01, "pixels"
    assert (again.places * again.shape[::-1] >= CELLS * CELL / 2 - 0.01).all()
    assert float((again.descriptors * thin.descriptors).sum(dim=1).mean()) > 0.97


def test_of_packed_patches_only_what_is_compared_is_unpacked() -> None:
    packing = PackedPatches.of(patches(waves(5, 300, 400)))
    whole, coarse = packing.unpacked(), packing.coarse()
    torch.testing.assert_close(coarse.descriptors, whole.coarse().descriptors)
    np.testing.assert_array_equal(coarse.cells, whole.cells)
    upper, cut = packing.above(0.3).unpacked(), whole.above(0.3)
    assert 0 < len(cut.cells) < len(whole.cells)
    np.testing.assert_array_equal(upper.places, cut.places)
    torch.testing.assert_close(upper.descriptors, cut.descriptors)


def test_a_picture_of_nothing_is_packed_as_nothing() -> None:
    packing = PackedPatches.of(patches(np.full((300, 400, 3), 77, np.uint8)))
    assert packing.rows.shape == (0, 28)
    assert packing.unpacked().descriptors.shape == (0, COMPACT)
