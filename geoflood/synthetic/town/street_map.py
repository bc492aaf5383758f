"""The town's map as an extract of OpenStreetMap would have it: streets with names, houses, gardens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from geoflood.core.files import write_whole
from geoflood.core.geo import from_local
from geoflood.synthetic.town.model import Points, Town, TownStreet

__all__ = ["write_street_map"]

Json = dict[str, Any]

_CREDIT = "geoflood townscape, CC0-1.0"


def write_street_map(path: Path, town: Town) -> None:
    """Write GeoJSON, whole or not at all."""
    features = [
        *(_street(town, street) for street in town.named_streets),
        *(_area(town, garden, leisure="garden") for garden in town.gardens),
        *(_area(town, house, building="yes") for house in town.houses),
    ]
    collection = {"type": "FeatureCollection", "attribution": _CREDIT, "features": features}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(collection))


def _street(town: Town, street: TownStreet) -> Json:
    tags = {"name": street.name, "highway": "secondary" if street.main else "residential"}
    return _feature("LineString", _degrees(town, street.points), tags)


def _area(town: Town, corners: Points, **tags: str) -> Json:
    ring = _degrees(town, corners)
    return _feature("Polygon", [[*ring, ring[0]]], tags)


def _degrees(town: Town, points: Points) -> list[list[float]]:
    """(lon, lat) of points (east, north)."""
    places: list[list[float]] = np.round(from_local(points, town.origin)[:, ::-1], 7).tolist()
    return places


def _feature(form: str, coordinates: list[Any], tags: dict[str, str]) -> Json:
    return {"type": "Feature", "properties": tags, "geometry": {"type": form, "coordinates": coordinates}}
