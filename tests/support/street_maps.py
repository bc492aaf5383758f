"""Small street maps, made in code and as the files that they are read from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import from_local
from geoflood.places.street_map import (
    DEGREE,
    AreaKind,
    Doors,
    LineKind,
    Name,
    NamedSpots,
    Shapes,
    StreetMap,
)

ORIGIN = LatLon(52.2, 0.12)

Metres = Sequence[tuple[float, float]]
"""(east, north) of ORIGIN."""

TOWN: tuple[tuple[str, LineKind, Metres], ...] = (
    ("Market Hill", LineKind.MINOR, [(0, -200), (0, 0), (0, 200)]),
    ("Petty Cury", LineKind.MINOR, [(-200, 0), (0, 0), (200, 0)]),
    ("Mill Lane", LineKind.MIDDLE, [(-200, 150), (0, 150), (200, 150)]),
    ("St. Andrew's Street", LineKind.MAJOR, [(200, -200), (200, 0), (200, 200)]),
    ("", LineKind.SERVICE, [(100, 0), (100, 80)]),
    ("River Cam", LineKind.STREAM, [(-300, -200), (-300, 200)]),
)
"""Streets that cross at right angles; one has no name."""


def street_map(
    lines: Sequence[tuple[str | Sequence[tuple[str, str]], LineKind, Metres]] = TOWN,
    areas: Sequence[tuple[str, AreaKind, Sequence[Metres]]] = (
        ("Christ's Pieces", AreaKind.PARK, [[(20, 20), (90, 20), (90, 140), (20, 140), (20, 20)]]),
        ("", AreaKind.BUILDING, [[(-90, 10), (-20, 10), (-20, 60), (-90, 60), (-90, 10)]]),
    ),
    spots: Sequence[tuple[str, str, tuple[float, float]]] = (
        ("Central Station", "station", (210, 60)),
        ("Guildhall", "townhall", (-30, -30)),
    ),
    doors: Sequence[tuple[str, str, tuple[float, float]]] = (("Petty Cury", "14a", (60, 10)),),
    origin: LatLon = ORIGIN,
) -> StreetMap:
    """A street map of lines, areas (rings), spots (name, sort, place) and doors (street, number, place).

    A line's name is a text, or all its forms: [("name", "Mannerheimintie"), ("name:sv", ...)].
    """
    names: dict[tuple[tuple[str, str], ...], int] = {}

    def number(name: str | Sequence[tuple[str, str]]) -> int:
        forms = (("name", name),) if isinstance(name, str) else tuple(name)
        return names.setdefault(forms, len(names)) if name else -1

    rings = [(kind, name, ring, n) for n, (name, kind, held) in enumerate(areas) for ring in held]
    drawn_lines = _shapes(
        [(kind, number(name), points, n) for n, (name, kind, points) in enumerate(lines)], origin
    )
    drawn_areas = _shapes([(kind, number(name), ring, n) for kind, name, ring, n in rings], origin)
    sorts = tuple(dict.fromkeys(sort for _, sort, _ in spots))
    known_spots = NamedSpots(
        _points([at for *_, at in spots], origin),
        np.array([number(name) for name, *_ in spots], np.int32),
        np.array([sorts.index(sort) for _, sort, _ in spots], np.int32),
        sorts,
    )
    known_doors = Doors(
        _points([at for *_, at in doors], origin),
        np.array([number(street) for street, *_ in doors], np.int32),
        tuple(text for _, text, _ in doors),
    )
    return StreetMap(
        tuple(map(Name, names)),
        drawn_lines,
        drawn_areas,
        known_spots,
        known_doors,
        "© Test, ODbL 1.0",
        "test.osm",
    )


def _shapes(drawn: Sequence[tuple[int, int, Metres, int]], origin: LatLon) -> Shapes:
    lengths = [len(points) for _, _, points, _ in drawn]
    return Shapes(
        _points([point for _, _, points, _ in drawn for point in points], origin),
        np.cumsum([0, *lengths], dtype=np.int64),
        np.array([kind for kind, *_ in drawn], np.uint8),
        np.array([name for _, name, *_ in drawn], np.int32),
        np.array([part_of for *_, part_of in drawn], np.int32),
    )


def _points(metres: Metres, origin: LatLon) -> np.ndarray[Any, np.dtype[np.int32]]:
    degrees = from_local(np.reshape(metres, (-1, 2)), origin)
    degrees[degrees[:, 1] < origin.lon - 180, 1] += 360.0  # a city on the antimeridian is in one piece
    return np.round(degrees * DEGREE).astype(np.int32)


def feature(
    tags: dict[str, Any],
    metres: Any,
    kind: str = "LineString",
    origin: LatLon = ORIGIN,
) -> dict[str, Any]:
    """A feature of GeoJSON; positions in metres (east, north), as deeply nested as its kind asks."""

    def degrees(part: Any) -> Any:
        if isinstance(part[0], int | float):
            lat, lon = from_local([part], origin)[0]
            return [round(float(lon), 7), round(float(lat), 7)]
        return [degrees(inner) for inner in part]

    geometry = {"type": kind, "coordinates": degrees(metres)}
    return {"type": "Feature", "properties": tags, "geometry": geometry}


def write_geojson(path: Path, features: Sequence[dict[str, Any]], **members: Any) -> Path:
    """A FeatureCollection; `members` stand before its features."""
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": list(features)}))
    return path


def town_geojson(path: Path, origin: LatLon = ORIGIN) -> Path:
    """TOWN as a file to be read, with a park that has a pond's hole, a station and a door."""
    words = {
        LineKind.MAJOR: {"highway": "primary"},
        LineKind.MIDDLE: {"highway": "secondary"},
        LineKind.MINOR: {"highway": "residential"},
        LineKind.SERVICE: {"highway": "service"},
        LineKind.STREAM: {"waterway": "river"},
    }
    streets = [
        feature({**words[kind], **({"name": name} if name else {})}, points, origin=origin)
        for name, kind, points in TOWN
    ]
    park = [[(20, 20), (90, 20), (90, 140), (20, 140), (20, 20)]]
    hole = [[(40, 40), (60, 40), (60, 60), (40, 60), (40, 40)]]
    others = [
        feature({"leisure": "park", "name": "Christ's Pieces"}, park + hole, "Polygon", origin),
        feature({"railway": "station", "name": "Central Station"}, (210, 60), "Point", origin),
        feature({"addr:street": "Petty Cury", "addr:housenumber": "14a"}, (60, 10), "Point", origin),
    ]
    return write_geojson(path, [*streets, *others])
