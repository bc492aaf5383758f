"""The map of a plan: which ground has images, what of it the chosen ones show, and from how many sides.

One HTML file that opens by double-click with no network; plan.html, plan.css and plan.js beside this file.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import folium
import numpy as np
import shapely

from geoflood import __version__
from geoflood.core.area import Area
from geoflood.core.files import write_whole
from geoflood.database.collection_plan import QUARTERS, CollectionPlan, CoverageSquares
from geoflood.outputs.ground import draw_ground
from geoflood.outputs.page import page
from geoflood.outputs.plan_words import plan_rows, plan_title
from geoflood.outputs.shapes import Floats
from geoflood.outputs.wording import plain

__all__ = ["write_plan_map"]

MOST_SQUARES = 6000
"""In one page: a phone draws them in a second."""

_OUTLINE_M = 5.0

Json = dict[str, Any]


def write_plan_map(path: Path, plan: CollectionPlan, city: str = "") -> None:
    """Write the map of a city's plan, whole or not at all."""
    around = float(plan.coverage.centres[0, 1])
    squares = _merged(replace(plan.coverage, centres=_in_one_piece(plan.coverage.centres, around)))
    box = [squares.centres.min(axis=0).tolist(), squares.centres.max(axis=0).tolist()]
    drawn = folium.Map(
        location=np.mean(box, axis=0).tolist(), tiles=None, prefer_canvas=True, control_scale=True
    )
    drawn.options |= {"max_zoom": 20, "zoom_snap": 0.25, "keyboard": False}
    ground = None if plan.streets is None else draw_ground(plan.streets, plan.coverage.centres)
    made = f"Made by geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, of metadata."
    data: Json = {
        "map": drawn.get_name(),
        "title": plan_title(plan, city),
        "rows": list(plan_rows(plan).items()),
        "about": f"{ground.left_out if ground else ''}{made}",
        "credit": plain(plan.area.credit),
        "box": box,
        "size_m": squares.size_m,
        "squares": _rows(squares),
        "outline": [_in_one_piece(ring, around).tolist() for ring in _outline(plan.area)],
    }
    write_whole(path, page(drawn, "plan", {"data": data}, ground=ground))


def _in_one_piece(places: Floats, lon: float) -> Floats:
    """Places [n, 2] (lat, lon) within half the globe of a longitude: a map has no antimeridian to cross."""
    return np.column_stack([places[:, 0], lon + (places[:, 1] - lon + 180.0) % 360.0 - 180.0])


def _merged(coverage: CoverageSquares) -> CoverageSquares:
    """The squares, or larger ones where there are too many: each as well seen as its own are on average."""
    while len(coverage.images) > MOST_SQUARES:
        coverage = _of_twice_the_size(coverage)
    return coverage


def _of_twice_the_size(coverage: CoverageSquares) -> CoverageSquares:
    """Two by two squares as one."""
    size_m = 2.0 * coverage.size_m
    middle = coverage.centres.mean(axis=0)
    steps = np.array([size_m / 111_195.0, size_m / (111_195.0 * np.cos(np.radians(middle[0])))])
    grid = np.floor((coverage.centres - middle) / steps).astype(np.int64)
    _, first, place, counts = np.unique(
        grid, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    place = place.ravel()
    centres = middle + (grid[first] + 0.5) * steps
    quarters = np.bincount(place, coverage.quarters) / counts
    images = np.bincount(place, coverage.images).astype(np.int64)
    return CoverageSquares(centres, size_m, images, np.rint(quarters).astype(np.int64))


def _rows(squares: CoverageSquares) -> list[list[float]]:
    """Latitude, longitude, and how well seen: -1 without a chosen image, else quarters of the compass."""
    seen = np.where(squares.images > 0, np.clip(squares.quarters, 0, QUARTERS), -1)
    places = np.round(squares.centres, 6).tolist()
    return [[lat, lon, rank] for (lat, lon), rank in zip(places, seen.tolist(), strict=True)]


def _outline(area: Area) -> list[Floats]:
    """The rings of an area, [n, 2] (lat, lon)."""
    polygons = shapely.get_parts(area.simplified(_OUTLINE_M).polygon).tolist()
    rings = [ring for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]
    return [np.round(np.array(ring.coords)[:, ::-1], 5) for ring in rings]
