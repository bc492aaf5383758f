"""Attention and waterline as one weigh: bands multiply, and the paper's blend is the paper's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.backbones.describe import EnergyWeights
from geoflood.core.datatypes import AttentionMap, Blend, MaskSides, SearchOptions
from geoflood.database.bands import band_weights
from geoflood.localize.attention import blend_by_energy, location_weights, sample

BANDS = (0, 30, 60)
PLACES = np.array([[x, y] for y in (0.1, 0.3, 0.5, 0.8) for x in (0.2, 0.7)], np.float32)
ENERGY = np.linspace(0.4, 1.6, 8, dtype=np.float32)
LEFT = AttentionMap(np.array([[2.0, 0.5]], np.float32))


def by_energy(attention: AttentionMap, alpha: float, mask_sides: MaskSides = MaskSides.BOTH) -> np.ndarray:
    weigh = location_weights(
        attention, BANDS, SearchOptions(alpha=alpha, mask_sides=mask_sides, blend=Blend.PAPER)
    )
    assert isinstance(weigh, EnergyWeights)
    return weigh.function(PLACES, ENERGY)


def test_bands_multiply_the_papers_blend() -> None:
    weights = by_energy(LEFT, 0.3)
    seen = sample(LEFT, PLACES)
    np.testing.assert_allclose(weights[0], ENERGY + 0.3 * (seen - ENERGY), rtol=1e-6)
    np.testing.assert_array_equal(weights, band_weights(PLACES, BANDS) * weights[0])
    assert (weights[2] == 0).sum() == 4


@given(st.floats(0, 1), st.lists(st.floats(0, 2, width=32), min_size=8, max_size=8))
def test_the_papers_weights_are_weights(alpha: float, weights: list[float]) -> None:
    blended = blend_by_energy(np.array(weights, np.float32), ENERGY, alpha)
    assert np.isfinite(blended).all()
    assert (blended >= 0).all()


def test_a_waterline_told_to_the_query_is_a_part_of_the_map() -> None:
    """Under water the energy's share is left; the plain blend leaves nothing."""
    told = AttentionMap.neutral(0.4)
    weights = by_energy(told, 0.5, MaskSides.QUERY)[0]
    under = PLACES[:, 1] > 0.6
    np.testing.assert_allclose(weights[under], 0.5 * ENERGY[under])
    np.testing.assert_allclose(weights[~under], 0.5 + 0.5 * ENERGY[~under])
    plain = location_weights(told, BANDS, SearchOptions(alpha=0.5, mask_sides=MaskSides.QUERY))
    assert callable(plain)
    np.testing.assert_array_equal(plain(PLACES)[0], ~under)


@pytest.mark.parametrize(
    "attention", [AttentionMap.neutral(0.4), AttentionMap(np.full((3, 3), 0.7, np.float32))]
)
def test_a_map_that_says_nothing_needs_no_energy(attention: AttentionMap) -> None:
    weigh = location_weights(attention, BANDS, SearchOptions(blend=Blend.PAPER))
    assert callable(weigh)
    np.testing.assert_array_equal(weigh(PLACES), band_weights(PLACES, BANDS))
