"""A small GeoCLIP of random numbers, a gallery of some places, and a world of two countries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from geoflood.backbones.clip_vit import ClipTower
from geoflood.backbones.compute import Compute
from geoflood.backbones.geoclip import ImageHead, LocationEncoder
from geoflood.backbones.kept_gallery import KeptGallery, encode
from geoflood.backbones.photo_encoder import PhotoEncoder
from geoflood.backbones.untrained import untrained_like
from geoflood.localize.world import WorldLocator, WorldPrior
from geoflood.localize.world_prior import WEIGHT, city_places
from geoflood.places.world_map import WorldMap

HOSTILE_COUNTRY = "=Ost</script><img src=x>"


def small_photo_encoder() -> PhotoEncoder:
    """It takes pictures of 224 pixels, as the published one does."""
    tower, head = ClipTower(32, 1, 2, 16), ImageHead(16)
    for network in (tower, head):
        network.load_state_dict(untrained_like(network, seed=1))
    return PhotoEncoder(tower, head, 39.7, Compute())


def small_location_encoder() -> LocationEncoder:
    encoder = LocationEncoder(4, 8)
    encoder.load_state_dict(untrained_like(encoder, seed=2))
    return encoder.eval()


def small_world() -> WorldMap:
    """West and east of Greenwich, between 60 S and 60 N."""
    halves = np.array([shapely.box(-180, -60, 0, 60), shapely.box(0, -60, 180, 60)])
    return WorldMap(("West", HOSTILE_COUNTRY), halves)


def small_locator(cities: Mapping[str, NDArray[np.float64]] | None = None) -> WorldLocator:
    places = np.random.default_rng(5).uniform((-80, -180), (80, 180), (300, 2))
    location = small_location_encoder()
    gallery = KeptGallery(places, encode(location, places).astype(np.float16), left_out=3)
    own = {name: (where, encode(location, where)) for name, where in (cities or {}).items()}
    return WorldLocator(small_photo_encoder(), gallery, own, small_world())


def small_prior(cities: Sequence[NDArray[np.float64]], **options: object) -> WorldPrior:
    """In place of `WorldPrior.open`."""
    location = small_location_encoder()
    rows = [encode(location, city_places(positions)) for positions in cities]
    others = encode(location, np.random.default_rng(6).uniform((-60, -180), (60, 180), (50, 2)))
    return WorldPrior(small_photo_encoder(), rows, others, WEIGHT)
