"""GeoJSON (RFC 7946): (lon, lat), right-hand rule, at most seven decimals; for QGIS, ArcGIS and the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import shapely.geometry

from geoflood.core.datatypes import Estimate, Located
from geoflood.core.files import write_whole
from geoflood.core.geo import usng
from geoflood.outputs.record import METHOD, STATUS, record
from geoflood.outputs.shapes import Shape, outline

__all__ = ["SHARES", "collection", "geometry", "write_geojson"]

SHARES = (0.5, 0.9)
"""Shares of the belief whose search areas are drawn, smallest first."""

Json = dict[str, Any]

_SHARED = ("photo", "outcome", "probability", "radius_50_m", "radius_90_m", "not_in_index", "reason")


def write_geojson(path: Path, located: Iterable[Located]) -> None:
    """Write a FeatureCollection of all photos, whole or not at all."""
    write_whole(path, json.dumps(collection(located), ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def collection(located: Iterable[Located]) -> Json:
    """A FeatureCollection: for each photo its estimate, candidates and search areas, told apart by `kind`."""
    return {
        "type": "FeatureCollection",
        "features": [feature for one in located for feature in _features(one)],
    }


def _features(located: Located) -> list[Json]:
    """A photo whose place was not found is a feature without geometry, so that none is lost."""
    known = record(located)
    photo = {"photo": known["photo"]}
    estimate = located.place
    best = known["candidates"][0] if known["candidates"] else {}
    properties = {
        "kind": "estimate",
        **{name: known[name] for name in _SHARED},
        "accuracy_m": known["radius_90_m"],
        "usng": usng(estimate.position, estimate.radius_90_m) if estimate else None,
        "status": STATUS,
        "method": METHOD,
        "best_match": best.get("image"),
        "credit": best.get("credit"),
        "licence": best.get("licence"),
    }
    features = [_feature(_point(known["lat"], known["lon"]) if estimate else None, properties)]
    for candidate in known["candidates"]:
        rest = {name: value for name, value in candidate.items() if name not in ("lat", "lon")}
        place = _point(candidate["lat"], candidate["lon"])
        features.append(_feature(place, {"kind": "candidate", **photo, **rest, "status": STATUS}))
    return features + (_areas(estimate, photo) if estimate else [])


def _areas(estimate: Estimate, photo: Json) -> list[Json]:
    areas = []
    for share in SHARES:
        cells = estimate.cells(share)
        if cells:
            km2 = round(sum(cell.size_m**2 for cell in cells) / 1e6, 6)
            properties = {"kind": "search-area", **photo, "share": share, "area_km2": km2, "status": STATUS}
            areas.append(_feature(geometry(outline(cells)), properties))
    return areas


def _feature(place: Json | None, properties: Json) -> Json:
    return {"type": "Feature", "geometry": place, "properties": properties}


def _point(lat: float, lon: float) -> Json:
    return {"type": "Point", "coordinates": [lon, lat]}


def geometry(shape: Shape) -> Json:
    """The geometry of a shape, rounded to a centimetre."""
    rounded = shapely.transform(shape, lambda degrees: np.round(degrees, 7))
    return dict(shapely.geometry.mapping(rounded))
