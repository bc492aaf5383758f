"""Waterline bands: what each ignores, and how much each is believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.database.bands import BANDS, band_weights
from geoflood.localize.waterline import LEAST_DOUBT, belief, beliefs, nearest

BAND_SETS = [BANDS, (0,), (0, 30), (0, 10, 20, 30, 40, 50, 60, 70, 80, 90)]


def test_the_first_band_ignores_nothing() -> None:
    places = np.random.default_rng(0).random((50, 2))
    assert BANDS[0] == 0
    assert (band_weights(places, BANDS)[0] == 1).all()


def test_a_band_ignores_what_lies_below_its_line() -> None:
    rows = np.stack([np.full(100, 0.5), (np.arange(100) + 0.5) / 100], axis=1)
    for band, weights in zip(BANDS, band_weights(rows, BANDS), strict=True):
        assert weights.tolist() == [1.0] * (100 - band) + [0.0] * band
        assert weights.dtype == np.float32


def test_bands_are_nested() -> None:
    weights = band_weights(np.random.default_rng(1).random((200, 2)), BANDS)
    assert (np.diff(weights, axis=0) <= 0).all()


@given(st.none() | st.floats(0, 0.999), st.sampled_from(BAND_SETS))
def test_beliefs_are_shares(waterline: float | None, bands: tuple[int, ...]) -> None:
    shares = belief(waterline, bands)
    assert shares.shape == (len(bands),)
    assert (shares >= 0).all()
    assert float(shares.sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("band", BANDS)
def test_a_told_waterline_believes_its_band_most_but_not_alone(band: int) -> None:
    shares = belief(band / 100, BANDS)
    assert BANDS[int(shares.argmax())] == band
    assert shares.max() < 1
    away = np.abs(np.array(BANDS) - band)
    gained = (shares / belief(None, BANDS))[np.argsort(away, kind="stable")]
    assert (np.diff(gained) <= 1e-6).all(), "less, the farther off"


def test_untold_means_every_band_has_its_say() -> None:
    assert (belief(None, BANDS) > 0).all()
    np.testing.assert_array_equal(belief(0.45, BANDS, 1.0), belief(None, BANDS))
    half = belief(0.45, BANDS, LEAST_DOUBT) / 2 + belief(None, BANDS) / 2
    np.testing.assert_allclose(belief(0.45, BANDS, (1 + LEAST_DOUBT) / 2), half, atol=1e-6)


def test_whoever_tells_a_waterline_leaves_a_doubt() -> None:
    np.testing.assert_array_equal(belief(0.3, BANDS, 0.0), belief(0.3, BANDS, LEAST_DOUBT))
    assert (belief(0.0, BANDS) >= LEAST_DOUBT * belief(None, BANDS) - 1e-6).all()


@pytest.mark.parametrize("waterline", [0.0, 0.9, 0.99])
def test_a_waterline_beyond_the_bands_takes_the_nearest(waterline: float) -> None:
    shares = belief(waterline, (0, 15, 30))
    assert int(shares.argmax()) == (0 if waterline == 0 else 2)


@pytest.mark.parametrize("bands", BAND_SETS)
def test_every_waterline_has_a_calibrated_belief(bands: tuple[int, ...]) -> None:
    known = beliefs(bands)
    for waterline in (None, 0.0, 0.07, 0.2, 0.33, 0.5, 0.89, 0.95):
        assert nearest(waterline, bands) in known
    for band in bands:
        assert nearest(band / 100, bands) == band
        np.testing.assert_array_equal(known[band], belief(band / 100, bands))
