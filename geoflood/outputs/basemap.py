"""Streets and water from a GeoJSON file, reduced to what the map draws of them: foreign, so checked first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
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
    """Streets and water as GeoJSON. Raises InputError for anything else, and where nothing would be drawn."""
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
    if isinstance(content, dict) and content.get("type") == "Topology":
        raise InputError(f"{path} is TopoJSON", "convert it: ogr2ogr -f GeoJSON streets.geojson FILE")
    if not isinstance(content, dict) or content.get("type") != "FeatureCollection":
        raise InputError(f"{path} is not a GeoJSON FeatureCollection", "export it as GeoJSON (WGS 84)")
    if not any(shapes["features"] for shapes in layers(content).values()):
        raise InputError(f"{path}: nothing in it is drawn: it has neither lines nor polygons", _HINT)
    return content


def layers(basemap: Mapping[str, Any]) -> dict[str, Json]:
    """A FeatureCollection for each of KINDS: geometries and names alone, six decimals.

    Raises InputError when `basemap` is no GeoJSON.
    """
    features = basemap.get("features") if basemap.get("type") == "FeatureCollection" else [basemap]
    by_kind: dict[str, list[Json]] = {kind: [] for kind in KINDS}
    try:
        for feature in features or ():
            for kind, shape in _shapes(feature):
                by_kind[kind].append(shape)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the basemap is no GeoJSON that can be drawn: {error}", _HINT) from error
    return {kind: {"type": "FeatureCollection", "features": shapes} for kind, shapes in by_kind.items()}


def _shapes(feature: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """What is drawn of a feature, and as which of KINDS: of a collection of geometries each by itself."""
    properties = feature.get("properties") or {}
    name = plain(str(properties.get("name") or ""))[:80]
    for geometry in _geometries(feature["geometry"] if feature.get("type") == "Feature" else feature):
        form = geometry["type"]
        drawn = {"type": form, "coordinates": _positions(geometry["coordinates"], _DEPTHS[form])}
        yield _kind(form, properties), {"type": "Feature", "geometry": drawn, "properties": {"name": name}}


def _geometries(geometry: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """The lines and polygons in a geometry."""
    if geometry is None:
        return
    if geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _geometries(part)
    elif geometry["type"] in _DEPTHS:
        yield geometry


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
    if properties.get("natural") in ("water", "coastline", "bay") or any(
        _says(properties.get(tag)) for tag in ("waterway", "water")
    ):
        return "water"
    return "street" if "LineString" in geometry else "ground"


def _says(value: object) -> bool:
    """Whether a tag has a value: programs write every column of every feature, with nothing in it."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "no", "none", "null", "nan")
    return value is True or (isinstance(value, list) and any(map(_says, value)))


def credit(basemap: Mapping[str, Any]) -> str:
    """Who made the basemap, where the file says so in a member that such files carry."""
    credits = (basemap.get(name) for name in ("attribution", "copyright", "credit"))
    return plain(next((text for text in credits if isinstance(text, str)), ""))[:200]
