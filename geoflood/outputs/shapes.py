"""Shapes of what is drawn: search areas out of cells, view cones, thinned coverage; pure.

*Convention*: the shapes are shapely's, in degrees (lon, lat), as the GeoJSON and KML writers need them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LinearRing, LineString, MultiPolygon, Polygon

from geoflood.core.area import cut_at_antimeridian
from geoflood.core.datatypes import Cell, Cells, LatLon
from geoflood.core.geo import from_local, offset, to_local

__all__ = [
    "CONE_M",
    "Floats",
    "LinearRing",
    "MultiPolygon",
    "Polygon",
    "Shape",
    "box_rings",
    "cone",
    "outline",
    "thinned",
]

Floats: TypeAlias = NDArray[np.float64]
Shape: TypeAlias = LineString | Polygon | MultiPolygon

CONE_M = 40.0
"""Length of a view cone: about as far as a street photo tells one house from the next."""


def outline(cells: Sequence[Cell]) -> MultiPolygon:
    """The cells of one grid merged into polygons, one for each group of cells that share edges.

    Outer rings run counterclockwise and holes clockwise. A polygon that would cross the antimeridian is cut
    there (RFC 7946, sections 3.1.6 and 3.1.9). Raises ValueError when the cells differ in size.
    """
    squares = Cells.of(cells)
    if not len(squares):
        return MultiPolygon()
    origin = LatLon(*squares.centres[0].tolist())
    metres = to_local(squares.centres, origin)
    (columns, easts), (rows, norths) = (_grid_steps(axis, squares.size_m) for axis in metres.T)
    merged = shapely.coverage_union_all(shapely.box(columns, rows, columns + 1, rows + 1)).simplify(0)
    corners = shapely.get_coordinates(merged)
    edges = [np.interp(side, *known) for side, known in zip(corners.T, (easts, norths), strict=True)]
    degrees = from_local(np.column_stack(edges), origin)[:, ::-1]
    degrees[:, 0] = origin.lon + (degrees[:, 0] - origin.lon + 180.0) % 360.0 - 180.0
    return cut_at_antimeridian(shapely.set_coordinates(merged, degrees))


def box_rings(boxes: Floats, gap: float) -> list[Floats]:
    """The rings [n, 2] (lat, lon) around boxes [n, 4] (south, west, north, east), holes among them.

    Boxes no farther apart than `gap` are drawn as one, so that no box is cut and few lines are left.
    """
    if not len(boxes):
        return []
    south, west, north, east = boxes.T
    half = gap / 2
    wide = shapely.union_all(shapely.box(west - half, south - half, east + half, north + half))
    polygons = shapely.get_parts(wide.buffer(-half, join_style="mitre").simplify(0)).tolist()
    rings = [ring for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]
    return [shapely.get_coordinates(ring)[:-1, ::-1] for ring in rings]


def _grid_steps(metres: Floats, size_m: float) -> tuple[NDArray[np.intp], tuple[Floats, Floats]]:
    """The column of each cell [n], and where the edges of columns lie: (edge, metres).

    Columns are counted from neighbour to neighbour. A grid laid out in degrees drifts against local metres:
    not over one step, but over the thousands between two ends of a city.
    """
    order = np.argsort(metres)
    steps = np.empty(len(metres), np.intp)
    steps[order] = np.concatenate([[0], np.cumsum(np.rint(np.diff(metres[order]) / size_m))])
    columns, first = np.unique(steps, return_index=True)
    edges, known = np.unique(np.concatenate([columns, columns + 1]), return_index=True)
    sides = np.concatenate([metres[first] - size_m / 2.0, metres[first] + size_m / 2.0])
    return steps, (edges.astype(float), sides[known])


def cone(position: LatLon, heading_deg: float, fov_deg: float | None, length_m: float = CONE_M) -> Shape:
    """What a camera sees: its position, then an arc. Without a field of view, the line along its heading."""
    if fov_deg is None:
        turns = np.zeros(1)
    else:
        turns = np.linspace(-fov_deg / 2.0, fov_deg / 2.0, max(2, math.ceil(fov_deg / 10.0) + 1))
    corners = [position, *(offset(position, heading_deg + turn, length_m) for turn in turns)]
    points = [(corner.lon, corner.lat) for corner in corners]
    return LineString(points) if fov_deg is None else Polygon(points)


def thinned(
    positions: Floats, around: Sequence[LatLon] = (), most: int = 6000, near_m: float = 400.0
) -> Floats:
    """Some of `positions` [N, 2] (lat, lon), one for each square of a grid: about `most`, evenly spread.

    Within `near_m` of a place in `around` the grid is 5 m, because there the map is looked at closely.
    """
    if not len(positions):
        return positions
    origin = LatLon(*map(float, positions[0]))
    metres = to_local(positions, origin)
    close = np.zeros(len(metres), bool)
    for place in around:
        close |= np.hypot(*(metres - to_local([(place.lat, place.lon)], origin)).T) < near_m
    step_m = 5.0
    while True:
        squares = np.floor(metres / np.where(close, 5.0, step_m)[:, None])
        first = np.unique(np.column_stack([squares, close]), axis=0, return_index=True)[1]
        if np.count_nonzero(~close[first]) <= most:
            return positions[np.sort(first)]
        step_m *= 1.5
