"""A GeoJSON file as the ground of a page, whatever its tags say: foreign, so checked first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from geoflood.core.errors import InputError
from geoflood.core.plain_text import plain
from geoflood.places.classify import area_kind, line_kind
from geoflood.places.street_map import DEGREE, NAMELESS, AreaKind, LineKind, Name, Shapes, StreetMap

__all__ = ["read_basemap", "street_map_of"]

_DEPTHS = {"LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}
"""How deep lists of lines are nested. Points are left out: a quiet ground has none."""

_HINT = "give a FeatureCollection of lines and polygons in (lon, lat), such as an OpenStreetMap extract"

MAX_BYTES = 50_000_000
"""Of a basemap's file, which is read whole."""

_LONGEST_NAME = 80

Json = dict[str, Any]


def read_basemap(path: Path) -> StreetMap:
    """The lines and polygons of a GeoJSON file. Raises InputError for others, and where nothing is drawn."""
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
    found = street_map_of(content, path.name)
    if not len(found.lines) + len(found.areas):
        raise InputError(f"{path}: nothing in it is drawn: it has neither lines nor polygons", _HINT)
    return found


def street_map_of(collection: Mapping[str, Any], source: str = "") -> StreetMap:
    """What a FeatureCollection draws. Raises InputError when it is no GeoJSON."""
    try:
        rows = [
            row for number, feature in enumerate(collection["features"]) for row in _rows(number, feature)
        ]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the basemap is no GeoJSON that can be drawn: {error!s:.100}", _HINT) from error
    table = {name: number for number, name in enumerate(dict.fromkeys(row.name for row in rows if row.name))}
    return StreetMap(
        tuple(Name((("name", name),)) for name in table),
        _shapes([row for row in rows if isinstance(row.kind, LineKind)], table),
        _shapes([row for row in rows if isinstance(row.kind, AreaKind)], table),
        credit=_credit(collection),
        source=source,
    )


class _Row(NamedTuple):
    """A line, or a ring of an area."""

    kind: LineKind | AreaKind
    name: str
    points: list[tuple[float, float]]
    """(lat, lon)."""
    part_of: int


def _rows(number: int, feature: Mapping[str, Any]) -> Iterator[_Row]:
    properties = feature.get("properties") or {}
    name = plain(str(properties.get("name") or ""))[:_LONGEST_NAME]
    tags = {key: text for key, value in properties.items() if (text := _said(value))}
    for geometry in _geometries(feature["geometry"] if feature.get("type") == "Feature" else feature):
        line = "LineString" in geometry["type"]
        kind = _line(tags) if line else _area(tags)
        for points in _lines(geometry["coordinates"], _DEPTHS[geometry["type"]]):
            if len(points) >= (2 if line else 4):
                yield _Row(kind, name, points, number)


def _geometries(geometry: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """The lines and polygons in a geometry."""
    if geometry is None:
        return
    if geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _geometries(part)
    elif geometry["type"] in _DEPTHS:
        yield geometry


def _said(value: object) -> str:
    """The value of a tag, or "": programs write every column of every feature, with nothing in it."""
    if isinstance(value, str):
        text = value.strip()
        return "" if text.lower() in ("no", "none", "null", "nan") else text
    if isinstance(value, list):
        return next(filter(None, map(_said, value)), "")
    return "yes" if value is True else ""


def _line(tags: Mapping[str, str]) -> LineKind:
    """A line that says nothing is a street."""
    known = line_kind(tags)
    if known is not None:
        return known
    return LineKind.STREAM if _is_water(tags) else LineKind.MIDDLE


def _area(tags: Mapping[str, str]) -> AreaKind:
    """A polygon that says nothing is ground."""
    known = area_kind(tags)
    if known is not None:
        return known
    return AreaKind.WATER if _is_water(tags) else AreaKind.SQUARE


def _is_water(tags: Mapping[str, str]) -> bool:
    return tags.get("natural") in ("water", "coastline", "bay") or "waterway" in tags or "water" in tags


def _lines(nested: Any, depth: int) -> Iterator[list[tuple[float, float]]]:
    if depth:
        for part in nested:
            yield from _lines(part, depth - 1)
    else:
        yield [_position(point) for point in nested]


def _position(point: Sequence[Any]) -> tuple[float, float]:
    lon, lat = float(point[0]), float(point[1])
    if not (math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 540):
        raise ValueError(f"not a position: {point!r:.60}")
    return lat, lon


def _shapes(rows: Sequence[_Row], table: Mapping[str, int]) -> Shapes:
    if not rows:
        return Shapes()
    counts = [len(row.points) for row in rows]
    points = np.concatenate([np.array(row.points) for row in rows])
    return Shapes(
        np.rint(points * DEGREE).astype(np.int32),
        np.concatenate([[0], np.cumsum(counts)]),
        np.array([row.kind for row in rows], np.uint8),
        np.array([table.get(row.name, NAMELESS) for row in rows], np.int32),
        np.array([row.part_of for row in rows], np.int32),
    )


def _credit(collection: Mapping[str, Any]) -> str:
    """Who made the basemap, where the file says so in a member that such files carry."""
    credits = (collection.get(name) for name in ("attribution", "copyright", "credit"))
    return plain(next((text for text in credits if isinstance(text, str)), ""))[:200]
