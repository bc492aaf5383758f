"""What every location of a photo counts: its attention map and its waterline, as one weighing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.describe import ByEnergy, Weigh
from geoflood.core.datatypes import AttentionMap, Banding, Blend, Manner
from geoflood.localize.attention import blend, blend_by_energy, sample
from geoflood.localize.waterline import band_weights

__all__ = ["weighing"]

Floats = NDArray[np.float32]


def weighing(attention: AttentionMap, bands: Sequence[int], manner: Manner) -> Weigh | ByEnergy:
    """How much each place of a photo counts in each band, percent of the height.

    A map that is the same everywhere is none at all, in either blend. Under `Banding.QUERY` a told waterline
    takes away from the query what the bands would take from both sides; in the paper's blend it is a part of
    the map, weight 0, and so leaves the energy's share of what is under water.
    """
    told = 100 * (attention.waterline or 0.0) if manner.banding is Banding.QUERY else 0.0
    if manner.blend is Blend.PAPER and (told or not attention.uniform):
        return ByEnergy(partial(_by_energy, attention, bands, manner.alpha, told))
    return partial(_plain, attention, bands, manner.alpha, told)


def _plain(
    attention: AttentionMap, bands: Sequence[int], alpha: float, told: float, places: Floats
) -> Floats:
    """Weights [bands, L] of places [L, 2]."""
    weights = band_weights(places, [max(told, band) for band in bands])
    return weights if attention.uniform else weights * blend(sample(attention, places), alpha)


def _by_energy(
    attention: AttentionMap,
    bands: Sequence[int],
    alpha: float,
    told: float,
    places: Floats,
    energy: Floats,
) -> Floats:
    """Weights [bands, L] of places [L, 2] that say so much by themselves [L]."""
    seen = sample(attention, places) * band_weights(places, [told])[0]
    return band_weights(places, bands) * blend_by_energy(seen, energy, alpha)
