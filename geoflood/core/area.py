"""The ground that is asked for: a polygon on WGS 84, and the map tiles that cover it.

*Convention*: the polygon's coordinates are (lon, lat), as in GeoJSON, and it never crosses the antimeridian:
there it is cut in parts. Everything else is (lat, lon). GeoJSON comes from anywhere and is not trusted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from geoflood.core.datatypes import Bounds, LatLon
from geoflood.core.errors import InputError
from geoflood.core.geo import EARTH_RADIUS_M

__all__ = ["MAX_TILES", "Area", "Tile", "cut_at_antimeridian"]

Floats: TypeAlias = NDArray[np.float64]

MAX_VERTICES = 2_000_000
"""Of one area. The coast of a whole country has fewer."""

MAX_TILES = 1_000_000
"""Of one list: a hundred times a large city at zoom 15."""

MERCATOR_LAT = math.degrees(math.atan(math.sinh(math.pi)))
"""Where web mercator ends, 85.05 degrees north and south."""

_CORNERS = 90
"""Of a circle: its corners then lie within 0.1 % of the radius."""
_QUARTERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.int64)
"""From a tile of one zoom to its four of the next."""
_MAX_RADIUS_M = 200_000.0
_WHAT = "give a Polygon or MultiPolygon in (lon, lat) degrees, WGS 84"


class Tile(NamedTuple):
    """A square of the web-mercator map, as tile servers count: x eastward, y southward."""

    zoom: int
    x: int
    y: int

    @classmethod
    def at(cls, position: LatLon, zoom: int) -> Tile:
        """The tile that holds a position."""
        lat = math.radians(min(max(position.lat, -MERCATOR_LAT), MERCATOR_LAT))
        x = (position.lon + 180.0) / 360.0
        y = (1.0 - math.asinh(math.tan(lat)) / math.pi) / 2.0
        last = 2**zoom - 1
        return cls(zoom, min(int(x * 2**zoom), last), min(max(int(y * 2**zoom), 0), last))

    @classmethod
    def parse(cls, name: str) -> Tile:
        """The tile of a name such as "14/4823/6160". Raises ValueError for another text."""
        zoom, x, y = map(int, name.split("/"))
        if not (0 <= zoom <= 30 and 0 <= x < 2**zoom and 0 <= y < 2**zoom):
            raise ValueError(f"no such tile: {name}")
        return cls(zoom, x, y)

    def __str__(self) -> str:
        return f"{self.zoom}/{self.x}/{self.y}"

    @property
    def bounds(self) -> Bounds:
        """The ground that it covers, degrees."""
        west, south, east, north = _tile_edges(self.zoom, np.array([[self.x, self.y]]))[0].tolist()
        return Bounds(south, west, north, east)


@dataclass(frozen=True, slots=True)
class Area:
    """A named piece of ground."""

    name: str
    polygon: MultiPolygon
    """In (lon, lat) degrees; valid, not empty, within [-180, 180] x [-90, 90]."""
    credit: str = ""
    """Of whoever drew it, such as "© OpenStreetMap contributors"."""

    @classmethod
    def of_bounds(cls, bounds: Bounds, name: str = "") -> Area:
        """A box. Raises InputError where it has no ground."""
        return cls.of_box(bounds.south, bounds.west, bounds.north, bounds.east, name)

    @classmethod
    def of_box(cls, south: float, west: float, north: float, east: float, name: str = "") -> Area:
        """A box in degrees; one whose west lies east of its east crosses the antimeridian.

        Raises InputError for what is no box.
        """
        given = f"{south:g},{west:g},{north:g},{east:g}"
        if not (-90 <= south < north <= 90 and -180 <= west <= 180 and -180 <= east <= 180 and west != east):
            raise InputError(
                f"{given} is no box of south, west, north, east", "such as 52.36,4.88,52.38,4.91"
            )
        box = shapely.box(west, south, east if east > west else east + 360.0, north)
        return cls(name or given, cut_at_antimeridian(box))

    @classmethod
    def of_circle(cls, centre: LatLon, radius_m: float, name: str = "") -> Area:
        """All within a radius of a place. Raises InputError for a radius that no city has, and at a pole."""
        if not 0 < radius_m <= _MAX_RADIUS_M:  # NaN fails too
            raise InputError(f"a radius of {radius_m:g} m", f"give 1 to {_MAX_RADIUS_M:,.0f} metres")
        reach = radius_m / EARTH_RADIUS_M
        if abs(centre.lat) + math.degrees(reach) > 89.0:
            raise InputError(f"{centre.lat:g},{centre.lon:g} is at a pole", "give a place with streets")
        corners = _circle(centre, reach / math.cos(math.pi / _CORNERS))  # around the circle, not inside it
        return cls(
            name or f"{radius_m:,.0f} m around {centre.lat:.5f},{centre.lon:.5f}",
            cut_at_antimeridian(shapely.Polygon(corners)),
        )

    @classmethod
    def of_geojson(cls, content: object, name: str = "", credit: str = "") -> Area:
        """The polygons of any GeoJSON, repaired and merged; lines and points beside them are left out.

        A ring may jump at the antimeridian, or go on beyond it. Raises InputError, in one line, for what has
        no polygon, holds no degrees, or encloses nothing.
        """
        budget = _VertexBudget()
        polygons = [_polygon(rings, budget) for rings in _polygons(content)]
        if not polygons:
            raise InputError(f"{name or 'the GeoJSON'} has no polygon", _WHAT)
        merged = shapely.union_all(shapely.make_valid(polygons, method="structure", keep_collapsed=False))
        whole = cut_at_antimeridian(merged)
        if whole.is_empty or not whole.area > 0:
            raise InputError(f"{name or 'the GeoJSON'} encloses no ground", _WHAT)
        return cls(name, whole, credit)

    @property
    def geojson(self) -> dict[str, Any]:
        """As a GeoJSON Feature, which `of_geojson` reads again."""
        properties = {"name": self.name, "credit": self.credit}
        return {
            "type": "Feature",
            "properties": properties,
            "geometry": shapely.geometry.mapping(self.polygon),
        }

    @property
    def km2(self) -> float:
        """Its ground, km²; exact for a sphere, within 0.5 % of the Earth's."""

        def equal_area(degrees: Floats) -> Floats:
            lon, lat = np.radians(degrees).T
            return np.column_stack([lon, np.sin(lat)])

        flat = shapely.transform(self.polygon, equal_area)
        return float(flat.area) * (EARTH_RADIUS_M / 1000.0) ** 2

    @property
    def bounds(self) -> tuple[Bounds, ...]:
        """The box around it; two where it lies on both sides of the antimeridian, the eastern side first."""
        boxes = shapely.bounds(shapely.get_parts(self.polygon))
        sides = [boxes]
        if boxes[:, 2].max() - boxes[:, 0].min() > 180.0:
            east = boxes[:, 0] + boxes[:, 2] >= 0
            sides = [side for side in (boxes[east], boxes[~east]) if len(side)]
        edges = [(*side[:, :2].min(axis=0).tolist(), *side[:, 2:].max(axis=0).tolist()) for side in sides]
        return tuple(Bounds(south, west, north, east) for west, south, east, north in edges)

    def simplified(self, metres: float) -> Area:
        """The same ground with fewer vertices, each edge off by at most about so many metres."""
        shape = shapely.simplify(self.polygon, math.degrees(metres / EARTH_RADIUS_M))
        fewer = cut_at_antimeridian(shapely.make_valid(shape, method="structure", keep_collapsed=False))
        return self if fewer.is_empty else replace(self, polygon=fewer)

    def holds(self, lats: Sequence[float] | Floats, lons: Sequence[float] | Floats) -> NDArray[np.bool_]:
        """Which of the positions [N] lie in it; its edge counts."""
        shapely.prepare(self.polygon)
        return np.asarray(shapely.intersects_xy(self.polygon, np.asarray(lons), np.asarray(lats)), bool)

    def tiles(self, zoom: int) -> list[Tile]:
        """The tiles that touch it, row by row from the north. Raises InputError for more than MAX_TILES."""
        shapely.prepare(self.polygon)
        found = np.zeros((1, 2), np.int64)
        for level in range(zoom + 1):
            if level:
                found = (2 * found[:, None] + _QUARTERS).reshape(-1, 2)
            sides = _tile_edges(level, found)
            found = found[shapely.intersects(self.polygon, shapely.box(*sides.T))]
            if len(found) > MAX_TILES:
                raise InputError(f"{self.name or 'the area'} is no city: {self.km2:,.0f} km²", "take a part")
        ordered = found[np.lexsort(found.T)]
        return [Tile(zoom, x, y) for x, y in ordered.tolist()]


def cut_at_antimeridian(shape: BaseGeometry) -> MultiPolygon:
    """The polygons of a shape, each part on its own side of 180 degrees, all rings turned as RFC 7946 says.

    Longitudes may lie beyond 180. Points and lines are left out.
    """
    west, _, east, _ = shape.bounds if not shape.is_empty else (0.0, 0.0, 0.0, 0.0)
    if west < -180.0 or east > 180.0:
        world = shapely.box(-180.0, -90.0, 180.0, 90.0)
        turns = range(math.floor((west + 180.0) / 360.0), math.ceil((east - 180.0) / 360.0) + 1)
        shape = shapely.union_all([translate(shape, -360.0 * turn).intersection(world) for turn in turns])
    return MultiPolygon(list(_polygonal(shapely.orient_polygons(shape))))


def _polygonal(shape: BaseGeometry) -> Iterator[shapely.Polygon]:
    """The polygons in a shape of any kind."""
    for part in shapely.get_parts(shape).tolist():
        if isinstance(part, shapely.Polygon):
            yield part
        elif part.geom_type.startswith(("Multi", "Geometry")):
            yield from _polygonal(part)


def _circle(centre: LatLon, reach: float) -> Floats:
    """Corners [n, 2] (lon, lat) of a circle of `reach` radians; longitudes may lie beyond 180."""
    turn = np.linspace(0.0, 2.0 * math.pi, _CORNERS, endpoint=False)
    lat = math.radians(centre.lat)
    north = np.arcsin(math.sin(lat) * math.cos(reach) + math.cos(lat) * math.sin(reach) * np.cos(turn))
    east = np.arctan2(
        np.sin(turn) * math.sin(reach) * math.cos(lat), math.cos(reach) - math.sin(lat) * np.sin(north)
    )
    return np.column_stack([centre.lon + np.degrees(east), np.degrees(north)])


def _tile_edges(zoom: int, tiles: NDArray[np.int64]) -> Floats:
    """[n, 4] west, south, east, north of tiles [n, 2] (x, y), degrees."""
    corners = np.column_stack([tiles, tiles + 1]) / 2.0**zoom
    lons = corners[:, ::2] * 360.0 - 180.0
    lats = np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * corners[:, 1::2]))))
    return np.column_stack([lons[:, 0], lats[:, 1], lons[:, 1], lats[:, 0]])


class _VertexBudget:
    """Counts vertices: a file of any size may come from anyone."""

    def __init__(self) -> None:
        self._left = MAX_VERTICES

    def spend(self, vertices: int) -> None:
        """Raises InputError when there were too many."""
        self._left -= vertices
        if self._left < 0:
            raise InputError(f"an area of more than {MAX_VERTICES:,} vertices", "simplify it, or take a part")


_MEMBERS = {"FeatureCollection": "features", "GeometryCollection": "geometries"}


def _polygons(content: object) -> Iterator[Sequence[Any]]:
    """The rings of every polygon, in order, however deep the collections; nothing here recurses."""
    waiting = [content]
    while waiting:
        part = waiting.pop()
        if part is None:  # a Feature without geometry is allowed
            continue
        if not isinstance(part, Mapping) or not isinstance(kind := part.get("type"), str):
            raise InputError("not GeoJSON: an object with a type is expected", _WHAT)
        if kind in _MEMBERS:
            waiting += reversed(_listed(part.get(_MEMBERS[kind])))
        elif kind == "Feature":
            waiting.append(part.get("geometry"))
        elif kind == "Polygon":
            yield _listed(part.get("coordinates"))
        elif kind == "MultiPolygon":
            yield from map(_listed, _listed(part.get("coordinates")))


def _listed(value: object) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise InputError("not GeoJSON: a list is missing", _WHAT)
    return value


def _polygon(rings: Sequence[Any], budget: _VertexBudget) -> BaseGeometry:
    """A polygon of GeoJSON's rings, its longitudes in one piece."""
    if not rings:
        return shapely.Polygon()
    shell, *holes = (_ring(ring, budget) for ring in rings)
    middle = (shell[:, 0].min() + shell[:, 0].max()) / 2.0
    for hole in holes:
        hole[:, 0] += 360.0 * round((middle - hole[0, 0]) / 360.0)
    try:
        return shapely.Polygon(shell, holes)
    except (ValueError, shapely.GEOSException) as error:
        raise InputError(f"a ring that encloses nothing: {error!s:.60}", _WHAT) from error


def _ring(ring: object, budget: _VertexBudget) -> Floats:
    """[n, 2] (lon, lat) of a ring; where it jumps at the antimeridian it goes on beyond it."""
    points = _listed(ring)
    budget.spend(len(points))
    if len(points) < 3:
        raise InputError("a ring of fewer than three positions", _WHAT)
    degrees = np.array([_lon_lat(point) for point in points])
    if (np.abs(degrees[:, 1]) > 90).any() or (np.abs(degrees[:, 0]) > 540).any():
        worst = degrees[(np.abs(degrees) > (540, 90)).any(axis=1)][0]
        raise InputError(f"{worst[0]:g},{worst[1]:g} is no position", _WHAT)
    steps = np.diff(degrees[:, 0])
    jumps = np.where((np.abs(steps) > 180.0) & (np.abs(steps) < 360.0), -360.0 * np.sign(steps), 0.0)
    lons = degrees[:, 0] + np.concatenate([[0.0], np.cumsum(jumps)])
    if abs(lons[-1] - lons[0]) < 180.0:  # else it goes around a pole, and stays as it was written
        degrees[:, 0] = lons
    return degrees


def _lon_lat(point: object) -> tuple[float, float]:
    """A position as two floats; altitudes are dropped."""
    values = _listed(point)[:2]
    if len(values) < 2 or not all(type(value) in (int, float) for value in values):
        raise InputError(f"{str(point)[:60]} is no position", _WHAT)
    try:
        lon, lat = float(values[0]), float(values[1])
    except OverflowError:  # a whole number of hundreds of digits
        lon = lat = math.inf
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise InputError(f"{str(point)[:60]} is no position", _WHAT)
    return lon, lat
