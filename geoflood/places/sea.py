"""The sea, out of its coastline: OpenStreetMap draws no polygon of it, but a line with land on its left.

A coast that is cut off within the box encloses nothing that is sure, and then there is no sea.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geoflood.places.map_feature import Floats

__all__ = ["Box", "sea_rings"]

Box = tuple[float, float, float, float]
"""South, west, north, east, degrees."""

_BESIDE = 2e-6
"""Degrees to the side of the coast at which it is asked which face lies there: 0.2 m."""
_REACH = 0.002
"""Degrees, 200 m, that a coast may end before the edge: extracts leave out what is beyond theirs."""
_MOST_WRONG = 0.02
"""Share of the coast around a face that may say otherwise: coasts are drawn by hand."""
_LEAST = 1e-9
"""Square degrees of a face that is asked: some ten square metres."""


def sea_rings(coast: Sequence[Floats], box: Box) -> list[Floats]:
    """The rings [P, 2] (lat, lon) of the sea in a box; of all of them an odd count around a spot enclose it.

    coast: lines [P, 2], each with land on its left. None where there is no coast, or where it tells nothing.
    """
    south, west, north, east = box
    parts = [shapely.LineString(line[:, ::-1]) for line in coast if len(line) > 1]
    if not parts:
        return []
    inside = shapely.clip_by_rect(shapely.line_merge(shapely.union_all(parts)), west, south, east, north)
    if inside.is_empty:
        return []
    edge = shapely.box(west, south, east, north).exterior
    faces = shapely.get_parts(
        shapely.polygonize([shapely.union_all([inside, edge, *_prolonged(inside, edge)])])
    )
    faces = faces[shapely.area(faces) > _LEAST]
    votes = _votes(faces, shapely.get_parts(inside).tolist())
    water = shapely.union_all(faces[(votes[:, 0] > 0) & (votes[:, 1] <= _MOST_WRONG * votes[:, 0])])
    rings = [ring for polygon in shapely.get_parts(water) for ring in (polygon.exterior, *polygon.interiors)]
    return [shapely.get_coordinates(ring)[:, ::-1] for ring in rings]


def _prolonged(inside: BaseGeometry, edge: BaseGeometry) -> Iterator[BaseGeometry]:
    """From each loose end of the coast the shortest way to the edge of the box, where that is near."""
    ends: Counter[tuple[float, float]] = Counter()
    for part in shapely.get_parts(inside):
        points = shapely.get_coordinates(part)
        ends.update((tuple(points[0]), tuple(points[-1])))
    for end, count in ends.items():
        way = shapely.shortest_line(shapely.Point(end), edge)
        if count == 1 and 0 < way.length <= _REACH:
            yield way


def _votes(faces: NDArray[np.object_], lines: Sequence[shapely.LineString]) -> NDArray[np.float64]:
    """[F, 2] length of coast, degrees, that says that a face is sea, and that it is land."""
    starts, ends = (
        np.concatenate([shapely.get_coordinates(line)[part] for line in lines])
        for part in (slice(None, -1), slice(1, None))
    )
    steps = ends - starts
    lengths = np.linalg.norm(steps, axis=1)
    along = steps[lengths > 0] / lengths[lengths > 0, None]
    middles = ((starts + ends) / 2.0)[lengths > 0]
    right = np.stack([along[:, 1], -along[:, 0]], axis=1)
    tree, votes = shapely.STRtree(faces), np.zeros((len(faces), 2))
    for column, side in enumerate((_BESIDE, -_BESIDE)):
        points, held = tree.query(shapely.points(middles + side * right), predicate="within")
        np.add.at(votes[:, column], held, lengths[lengths > 0][points])
    return votes
