"""Search areas in few boxes: none of them too small, never too many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Cells, Estimate, LatLon
from geoflood.core.geo import from_local, to_local
from geoflood.outputs.shapes import Floats
from geoflood.triage.export.area_boxes import area_boxes

AROUND = LatLon(29.76, -95.37)


def cells(metres: Floats, around: LatLon = AROUND) -> Cells:
    return Cells(from_local(metres, around), np.full(len(metres), 1 / len(metres)), 10.0)


def corners(found: Floats, around: LatLon) -> tuple[Floats, Floats]:
    """South-west and north-east of each box, metres."""
    low, high = (side + np.array([around.lat, around.lon]) for side in (found[:, :2], found[:, 2:]))
    return to_local(low, around), to_local(high, around)


@given(
    st.integers(1, 300),
    st.floats(10.0, 20_000.0),
    st.integers(1, 40),
    st.sampled_from([AROUND, LatLon(-17.0, 179.9999), LatLon(68.0, 20.0)]),
    st.integers(0, 99),
)
def test_boxes_hold_every_cell_and_are_few(
    count: int, spread_m: float, most: int, around: LatLon, seed: int
) -> None:
    metres = np.random.default_rng(seed).normal(0, spread_m, (count, 2))
    area = cells(metres, around)
    found = area_boxes(area, around, most)
    assert 1 <= len(found) <= most
    spots = to_local(area.centres, around)
    low, high = corners(found, around)
    inside = (spots[:, None] - 5 >= low - 0.01).all(axis=2) & (spots[:, None] + 5 <= high + 0.01).all(axis=2)
    assert inside.any(axis=1).all()


def test_pieces_far_apart_stay_apart() -> None:
    grid = np.stack(np.meshgrid(np.arange(4), np.arange(4)), axis=-1).reshape(-1, 2) * 10.0
    found = area_boxes(cells(np.vstack([grid, grid + np.array([3000.0, 0.0])])), AROUND, 40)
    low, high = corners(found, AROUND)
    assert np.prod(high - low, axis=1).sum() == pytest.approx(32 * 100, rel=0.01), "not a square metre more"
    assert len(area_boxes(cells(grid)[:0], AROUND, 3)) == 0


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=40), st.floats(0.05, 0.99))
def test_an_estimate_tells_the_fewest_cells_that_hold_a_share(weights: list[float], share: float) -> None:
    shares = -np.sort(-np.array(weights)) / sum(weights)
    area = Cells(np.tile([29.76, -95.37], (len(weights), 1)), shares, 10.0)
    estimate = Estimate(AROUND, 0.5, 9.0, 30.0, area, 0.1)
    held = np.array([cell.probability for cell in estimate.cells(share)])
    assert held.sum() >= min(share, shares.sum()) - 1e-8
    assert held[:-1].sum() < share, "not one cell more"
