"""Streets and water from a GeoJSON file, reduced to what the map draws of them: foreign, so checked first."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geoflood.core.errors import InputError
from geoflood.outputs.wording import plain

__all__ = ["KINDS", "credit", "layers", "read_basemap"]

KINDS = ("ground", "water", "street")
"""From the bottom up."""

_DEPTHS = {
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
"""How deep lists of positions are nested. Points are left out: a quiet ground has none."""

_HINT = "give a FeatureCollection of lines and polygons in (lon, lat), such as an OpenStreetMap extract"

MAX_BYTES = 50_000_000
"""Of a basemap's file: it lies in every map, and browsers choke on more."""

Json = dict[str, Any]


def read_basemap(path: Path) -> Json:
    """Streets and water as GeoJSON. Raises InputError when it is not."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB", "clip it to the city")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", "check the path given to --basemap"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not GeoJSON: {error!s:.100}", "export it as GeoJSON (WGS 84)") from error
    if not isinstance(content, dict) or content.get("type") != "FeatureCollection":
        raise InputError(f"{path} is not a GeoJSON FeatureCollection", "export it as GeoJSON (WGS 84)")
    return content


def layers(basemap: Mapping[str, Any]) -> dict[str, Json]:
    """A FeatureCollection for each of KINDS: geometries and names alone, six decimals.

    Raises InputError when `basemap` is no GeoJSON.
    """
    features = basemap.get("features") if basemap.get("type") == "FeatureCollection" else [basemap]
    by_kind: dict[str, list[Json]] = {kind: [] for kind in KINDS}
    try:
        for feature in features or ():
            kind, shape = _feature(feature)
            if shape is not None:
                by_kind[kind].append(shape)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the basemap is no GeoJSON that can be drawn: {error}", _HINT) from error
    return {kind: {"type": "FeatureCollection", "features": shapes} for kind, shapes in by_kind.items()}


def _feature(feature: Mapping[str, Any]) -> tuple[str, Json | None]:
    geometry = feature["geometry"] if feature.get("type") == "Feature" else feature
    properties = feature.get("properties") or {}
    if geometry is None or geometry["type"] not in _DEPTHS:
        return KINDS[0], None
    coordinates = _positions(geometry["coordinates"], _DEPTHS[geometry["type"]])
    return _kind(geometry["type"], properties), {
        "type": "Feature",
        "geometry": {"type": geometry["type"], "coordinates": coordinates},
        "properties": {"name": plain(str(properties.get("name") or ""))[:80]},
    }


def _positions(nested: Any, depth: int) -> list[Any]:
    """Lists of [lon, lat], `depth` deep; altitudes are dropped."""
    if depth:
        return [_positions(part, depth - 1) for part in nested]
    lon, lat = float(nested[0]), float(nested[1])
    if not (math.isfinite(lon) and abs(lat) <= 90):
        raise ValueError(f"not a position: {nested!r:.60}")
    return [round(lon, 6), round(lat, 6)]


def _kind(geometry: str, properties: Mapping[str, Any]) -> str:
    """By OpenStreetMap's tags; a line that says nothing is a street."""
    if (
        properties.get("natural") in ("water", "coastline", "bay")
        or "waterway" in properties
        or "water" in properties
    ):
        return "water"
    return "street" if "LineString" in geometry else "ground"


def credit(basemap: Mapping[str, Any]) -> str:
    """Who made the basemap, where the file says so in a member that such files carry."""
    credits = (basemap.get(name) for name in ("attribution", "copyright", "credit"))
    return plain(next((text for text in credits if isinstance(text, str)), ""))[:200]
