"""An extract of OpenStreetMap -> the street map of an index: what lies near its street images.

Features come one at a time and are looked at in batches; only what is kept is held, four bytes a number.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geoflood.core.datatypes import LatLon, Progress, no_progress
from geoflood.core.errors import InputError
from geoflood.core.geo import distance_m, to_local
from geoflood.core.plain_text import one_line
from geoflood.places import geojson_file, osm_file
from geoflood.places.classify import Forms, area_kind, door, line_kind, name_forms, spot_sort
from geoflood.places.map_feature import Floats, MapFeature, MapGeometry
from geoflood.places.sea import Box, sea_rings
from geoflood.places.street_map import (
    DEGREE,
    NAMELESS,
    AreaKind,
    Doors,
    Ints,
    LineKind,
    Name,
    NamedSpots,
    Shapes,
    StreetMap,
)
from geoflood.places.street_map_file import MOST_NAMES, MOST_POINTS, MOST_SHAPES

__all__ = ["OSM_CREDIT", "build", "check_extract"]

OSM_CREDIT = "© OpenStreetMap contributors, ODbL 1.0"

_BATCH = 20_000
"""Features in memory at a time, or fewer of more points."""
_BATCH_POINTS = 500_000
_CELL_M = 250.0
_MOST_CELLS = 4_000_000
_MOST_COAST = 1_000_000
"""Points of coastline: the coast of Norway, islands and all, has some three times as many."""
_SAME_DOOR = DEGREE // 1000
"""Within some 100 m one house number of a street is one door."""
_TOO_LARGE = "cut the extract to the city, such as: osmium extract --bbox W,S,E,N FILE -o CITY.osm.pbf"


def build(
    path: Path, near: ArrayLike, margin_m: float = 1000.0, progress: Progress = no_progress
) -> StreetMap:
    """The street map in an extract, within `margin_m` of the positions `near` [N, 2] of street images.

    Reads .osm.pbf, .osm (.gz, .bz2) and GeoJSON. Raises InputError for a file that cannot be read, is no map,
    lies elsewhere or names no street, ExtraMissingError where osmium is needed and missing.
    """
    places = np.asarray(near, float).reshape(-1, 2)
    if not len(places):
        raise InputError("there are no street images to be near to", "index the city first")
    check_extract(path)
    ground = _Ground.around(places, margin_m)
    collector = _Collector(ground)
    read = geojson_file.read_geojson if _is_geojson(path) else osm_file.read_osm
    seen = _Seen()
    for batch in _batches(read(path)):
        seen.add(batch)
        collector.add(batch)
        progress("reading the map", seen.features, 0)
    street_map = collector.street_map(_credit(path), one_line(path.name, 200))
    _check(street_map, path, seen, ground)
    return street_map


def check_extract(path: Path) -> None:
    """Raises InputError for a file that is not there or of another kind, ExtraMissingError without osmium."""
    if not path.is_file():
        raise InputError(f"{path}: no such file", "give an extract of OpenStreetMap: .osm.pbf or GeoJSON")
    if _is_geojson(path):
        return
    if not path.name.lower().endswith(osm_file.ENDINGS):
        raise InputError(
            f"{path} is no extract that geoflood reads",
            f"give one that ends with {', '.join((*osm_file.ENDINGS, *geojson_file.ENDINGS))}",
        )
    osm_file.check_osmium(path)


def _is_geojson(path: Path) -> bool:
    return path.name.lower().endswith(geojson_file.ENDINGS)


def _credit(path: Path) -> str:
    """Who made the map; what does not say is OpenStreetMap's, for its tags are all that is understood."""
    return (geojson_file.read_credit(path) if _is_geojson(path) else "") or OSM_CREDIT


def _batches(features: Iterator[MapFeature]) -> Iterator[list[MapFeature]]:
    batch: list[MapFeature] = []
    points = 0
    for feature in features:
        batch.append(feature)
        points += len(feature.positions)
        if len(batch) >= _BATCH or points >= _BATCH_POINTS:
            yield batch
            batch, points = [], 0
    if batch:
        yield batch


def _check(street_map: StreetMap, path: Path, seen: _Seen, ground: _Ground) -> None:
    """Raises InputError unless there are streets near the images, and one of them has a name."""
    if not len(street_map.lines):
        where = f"; it is of the ground around {seen.middle}" if seen.middle else ""
        raise InputError(
            f"{path} has no street near the street images{where}",
            f"give an extract of the ground around {ground.origin.lat:.3f},{ground.origin.lon:.3f}",
        )
    if next(street_map.named_streets(), None) is None:
        raise InputError(
            f"no street in {path} has a name", "export it with all tags, or give OpenStreetMap's own file"
        )


class _Seen:
    """What a file held, to say where it lies."""

    def __init__(self) -> None:
        self.features = 0
        self._low, self._high = np.full(2, np.inf), np.full(2, -np.inf)

    def add(self, batch: Sequence[MapFeature]) -> None:
        self.features += len(batch)
        for feature in batch[:: max(1, len(batch) // 100)]:
            self._low = np.minimum(self._low, feature.positions.min(axis=0))
            self._high = np.maximum(self._high, feature.positions.max(axis=0))

    @property
    def middle(self) -> str:
        """Latitude and longitude, or "" where nothing was."""
        if not self.features:
            return ""
        lat, lon = (self._low + self._high) / 2.0
        return f"{lat:.3f},{lon:.3f}"


@dataclass(frozen=True, eq=False)
class _Ground:
    """The ground near the street images: cells of _CELL_M around an origin."""

    origin: LatLon
    cells: NDArray[np.int64]
    """Sorted numbers of the cells."""
    box: Box
    """South, west, north, east of them; longitudes in one piece around the origin's."""

    @classmethod
    def around(cls, places: Floats, margin_m: float) -> _Ground:
        """Raises InputError for images that lie all over the world."""
        origin = LatLon(*map(float, places[len(places) // 2]))
        own = np.unique(_cells(to_local(places, origin)))
        reach = int(np.ceil(margin_m / _CELL_M))
        if len(own) * (2 * reach + 1) ** 2 > 50 * _MOST_CELLS:
            raise InputError("the street images lie on more ground than a city has", "index cities apart")
        cells = own
        for shift in (1, _ROW):  # eastward, then northward: a square is two rows of steps
            cells = np.unique(cells + shift * np.arange(-reach, reach + 1)[:, None])
        north, east = np.floor_divide(cells + _ROW // 2, _ROW), (cells + _ROW // 2) % _ROW - _ROW // 2
        metres = np.array([[east.min(), north.min()], [east.max() + 1, north.max() + 1]]) * _CELL_M
        lats = origin.lat + np.degrees(metres[:, 1] / 6_371_008.8)
        lons = origin.lon + np.degrees(metres[:, 0] / (6_371_008.8 * np.cos(np.radians(origin.lat))))
        return cls(origin, cells, (float(lats[0]), float(lons[0]), float(lats[1]), float(lons[1])))

    def unwrapped(self, positions: Floats) -> Floats:
        """Positions [P, 2] with longitudes in one piece around the origin."""
        lons = (positions[:, 1] - self.origin.lon + 180.0) % 360.0 - 180.0 + self.origin.lon
        return np.stack([np.clip(positions[:, 0], -90.0, 90.0), lons], axis=1)

    def holds(self, positions: Floats) -> NDArray[np.bool_]:
        """Which of the positions [P, 2] lie in one of the cells."""
        wanted = _cells(to_local(positions, self.origin))
        at = np.minimum(np.searchsorted(self.cells, wanted), len(self.cells) - 1)
        return np.asarray(self.cells[at] == wanted)

    def meets(self, positions: Floats) -> bool:
        """Whether the box around positions [P, 2] meets the ground's."""
        (south, west), (north, east) = positions.min(axis=0), positions.max(axis=0)
        box = self.box
        return bool(south <= box[2] and north >= box[0] and west <= box[3] and east >= box[1])

    def in_box(self, positions: Floats) -> NDArray[np.bool_]:
        """Which of the positions [P, 2] lie in the ground's box."""
        return np.asarray(((positions >= self.box[:2]) & (positions <= self.box[2:])).all(axis=1))


_ROW = 1 << 22
"""Numbers of cells from one row to the next: more than there are around the Earth."""


def _cells(metres: Floats) -> NDArray[np.int64]:
    east, north = np.floor(metres / _CELL_M).astype(np.int64).T
    return np.asarray(north * _ROW + east)


@dataclass(eq=False)
class _Growing:
    """Shapes in the making; four bytes a number."""

    points: array[int] = field(default_factory=lambda: array("i"))
    lengths: array[int] = field(default_factory=lambda: array("i"))
    kinds: array[int] = field(default_factory=lambda: array("B"))
    names: array[int] = field(default_factory=lambda: array("i"))
    parts_of: array[int] = field(default_factory=lambda: array("i"))

    def add(self, positions: Floats, kind: int, name: int, part_of: int) -> None:
        """Raises InputError for more than a map holds."""
        self.points.frombytes(_millionths(positions).tobytes())
        self.lengths.append(len(positions))
        self.kinds.append(kind)
        self.names.append(name)
        self.parts_of.append(part_of)
        if len(self.points) > 2 * MOST_POINTS or len(self.lengths) > MOST_SHAPES:
            raise InputError("the extract holds more than a city", _TOO_LARGE)

    def shapes(self) -> Shapes:
        starts = np.concatenate([[0], np.cumsum(_ints(self.lengths), dtype=np.int64)])
        return Shapes(
            _ints(self.points).reshape(-1, 2),
            starts,
            np.frombuffer(self.kinds, np.uint8),
            _ints(self.names),
            _ints(self.parts_of),
        )


def _box_of(lines: _Growing) -> tuple[list[float], list[float]]:
    """Least and greatest latitude and longitude of lines, degrees."""
    points = _ints(lines.points).reshape(-1, 2) / DEGREE
    return points.min(axis=0).tolist(), points.max(axis=0).tolist()


def _millionths(positions: Floats) -> Ints:
    return np.round(positions * DEGREE).astype(np.int32)


def _ints(values: array[int]) -> Ints:
    return np.array(values, np.int32)


class _Collector:
    """Keeps what lies near, of features as they come."""

    def __init__(self, ground: _Ground) -> None:
        self._ground = ground
        self._lines, self._areas = _Growing(), _Growing()
        self._next_area = 0
        self._coast: list[Floats] = []
        self._coast_points = 0
        self._names: dict[Forms, int] = {}
        self._spots: dict[tuple[int, int, int, int], None] = {}
        """(lat, lon, name, sort)."""
        self._sorts: dict[str, int] = {}
        self._doors: dict[tuple[str, str, int, int], tuple[int, int]] = {}
        """(street, number, cell) -> lat, lon."""

    def add(self, batch: Sequence[MapFeature]) -> None:
        """Raises InputError for more than a map holds."""
        ground = self._ground
        points = ground.unwrapped(np.concatenate([feature.positions for feature in batch]))
        starts = np.cumsum([0, *(len(feature.positions) for feature in batch)])
        near, inside = ground.holds(points), ground.in_box(points)
        any_near = np.logical_or.reduceat(near, starts[:-1]).tolist()
        all_inside = np.logical_and.reduceat(inside, starts[:-1]).tolist()
        for number, (feature, (start, end)) in enumerate(zip(batch, pairwise(starts.tolist()), strict=True)):
            own = points[start:end]
            if feature.geometry is MapGeometry.LINE:
                if feature.tags.get("natural") == "coastline" and ground.meets(own):
                    self._add_coast(own)
                if any_near[number]:
                    self._add_line(feature, own, near[start:end])
                continue
            if any_near[number]:
                self._add_place(feature, own, near[start:end])
            elif all_inside[number] or not ground.meets(own):
                continue
            if feature.geometry is MapGeometry.AREA:  # one without a point nearby may lie around it all
                self._add_area(feature, own, all_inside[number])

    def _add_line(self, feature: MapFeature, points: Floats, near: NDArray[np.bool_]) -> None:
        """The parts of a line that are near, each up to the next point beyond."""
        if (kind := line_kind(feature.tags)) is None:
            return
        name = self._name(name_forms(feature.tags))
        wide = near.copy()
        wide[1:] |= near[:-1]
        wide[:-1] |= near[1:]
        for start, end in _runs(wide):
            if end - start > 1:
                self._lines.add(points[start:end], kind, name, len(self._lines.lengths))
        if kind.is_street and (bridge := one_line(feature.tags.get("bridge:name", ""), 200)):
            self._add_spot(points[near][near.sum() // 2], (("name", bridge),), "bridge")

    def _add_coast(self, points: Floats) -> None:
        self._coast.append(points.copy())
        self._coast_points += len(points)
        if self._coast_points > _MOST_COAST:
            raise InputError("the extract holds more coast than a city has", _TOO_LARGE)

    def _add_sea(self) -> None:
        """The sea around the images; where the coast was cut off there, only around the streets."""
        low, high = _box_of(self._lines)
        south, west, north, east = self._ground.box
        smaller = (max(south, low[0]), max(west, low[1]), min(north, high[0]), min(east, high[1]))
        rings = sea_rings(self._coast, self._ground.box) or sea_rings(self._coast, smaller)
        for ring in rings:
            self._areas.add(ring, AreaKind.WATER, NAMELESS, self._next_area)
        self._next_area += bool(rings)

    def _add_area(self, feature: MapFeature, points: Floats, whole: bool) -> None:
        """An area, or what of it lies in the box of the ground."""
        if (kind := area_kind(feature.tags)) is None:
            return
        name = NAMELESS if kind == AreaKind.BUILDING else self._name(name_forms(feature.tags))
        rings = [points[a:b] for a, b in pairwise([*feature.starts, len(points)])]
        if not whole:
            rings = [part for ring in rings for part in _clipped(ring, self._ground.box)]
        rings = [ring for ring in rings if len(ring) >= 4]
        for ring in rings:
            self._areas.add(ring, kind, name, self._next_area)
        self._next_area += bool(rings)

    def _add_place(self, feature: MapFeature, points: Floats, near: NDArray[np.bool_]) -> None:
        """A named spot and a door, in the middle of the first ring, or where that is near."""
        forms, address = name_forms(feature.tags), door(feature.tags)
        sort = spot_sort(feature.tags) if forms and forms[0][0] != "ref" else None
        if sort is None and address is None:
            return
        ring = points[: (*feature.starts, len(points))[1]]
        middle = (ring.min(axis=0) + ring.max(axis=0)) / 2.0
        if not self._ground.in_box(middle[None])[0]:
            middle = points[near][0]
        if sort is not None:
            self._add_spot(middle, forms, sort)
        if address is not None and len(self._doors) < MOST_SHAPES:
            lat, lon = _millionths(middle).tolist()
            self._doors.setdefault((*address, lat // _SAME_DOOR, lon // _SAME_DOOR), (lat, lon))

    def _add_spot(self, middle: Floats, forms: Forms, sort: str) -> None:
        if len(self._spots) < MOST_SHAPES:
            lat, lon = _millionths(middle).tolist()
            number = self._sorts.setdefault(sort, len(self._sorts))
            self._spots.setdefault((lat, lon, self._name(forms), number))

    def _name(self, forms: Forms) -> int:
        if not forms:
            return NAMELESS
        number = self._names.setdefault(forms, len(self._names))
        if number >= MOST_NAMES:
            raise InputError("the extract holds more names than a city", _TOO_LARGE)
        return number

    def street_map(self, credit: str, source: str) -> StreetMap:
        """What was kept."""
        if self._coast and self._lines.lengths:
            self._add_sea()
        doors = self._resolved_doors()  # may name streets that no line has
        spots = np.array(list(self._spots), np.int32).reshape(-1, 4)
        return StreetMap(
            tuple(map(Name, self._names)),
            self._lines.shapes(),
            self._areas.shapes(),
            NamedSpots(spots[:, :2].copy(), spots[:, 2].copy(), spots[:, 3].copy(), tuple(self._sorts)),
            doors,
            credit,
            source,
        )

    def _resolved_doors(self) -> Doors:
        """House numbers with their streets: the name of a line in all its forms, else as it is written."""
        streets = _StreetNames(self._lines, list(self._names))
        points, names = np.zeros((len(self._doors), 2), np.int32), np.zeros(len(self._doors), np.int32)
        for row, ((street, *_), position) in enumerate(self._doors.items()):
            points[row] = position
            found = streets.nearest(street, position)
            names[row] = self._name((("name", street),)) if found is None else found
        return Doors(points, names, tuple(number for _, number, *_ in self._doors))


class _StreetNames:
    """Names of lines by each of their forms; several streets may have one."""

    def __init__(self, lines: _Growing, names: Sequence[Forms]) -> None:
        self._at: dict[int, tuple[int, int]] = {}
        """Name -> a point of a street that has it."""
        self._by_form: dict[str, list[int]] = {}
        starts = np.concatenate([[0], np.cumsum(_ints(lines.lengths), dtype=np.int64)])
        for line, name in enumerate(lines.names):
            if name == NAMELESS or name in self._at or lines.kinds[line] > LineKind.PATH:
                continue
            middle = int(starts[line] + starts[line + 1]) // 2
            self._at[name] = (lines.points[2 * middle], lines.points[2 * middle + 1])
            for text in dict.fromkeys(text for _, text in names[name]):
                self._by_form.setdefault(text, []).append(name)

    def nearest(self, street: str, position: tuple[int, int]) -> int | None:
        """The name of the nearest street of that name; None where there is none."""
        found = self._by_form.get(street, [])
        if len(found) < 2:
            return found[0] if found else None
        at = np.array([self._at[name] for name in islice(found, 50)]) / DEGREE
        return found[int(np.argmin(distance_m(at, np.array(position) / DEGREE)))]


def _runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """(start, end) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _clipped(ring: Floats, box: Box) -> Iterator[Floats]:
    """The rings of what a ring encloses of the box; none where it is no ring."""
    if len(ring) < 4:
        return
    south, west, north, east = box
    try:
        part = shapely.clip_by_rect(shapely.Polygon(ring[:, ::-1]), west, south, east, north)
    except (ValueError, shapely.GEOSException):
        return
    for polygon in shapely.get_parts(part):
        if polygon.geom_type == "Polygon" and not polygon.is_empty:
            for edge in (polygon.exterior, *polygon.interiors):
                yield shapely.get_coordinates(edge)[:, ::-1]
