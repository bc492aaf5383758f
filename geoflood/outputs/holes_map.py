"""The map of what an index cannot know: stretches of street without a street image.

One HTML file that opens by double-click with no network, laid out as the map of a plan; holes.js beside it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from geoflood import __version__
from geoflood.core.datatypes import City
from geoflood.core.files import write_whole
from geoflood.outputs.chart import bounds, chart
from geoflood.outputs.ground import draw_ground
from geoflood.outputs.page import Json, page
from geoflood.outputs.wording import length, percent, plain
from geoflood.places.coverage import COVERED_M, Coverage
from geoflood.places.street_map import StreetMap

__all__ = ["MOST_HOLES", "write_holes_map"]

MOST_HOLES = 5000
"""Drawn in one page, the longest; all are in the GeoJSON."""
_LISTED = 30


def write_holes_map(path: Path, city: City, coverage: Coverage, streets: StreetMap) -> None:
    """Write the map of a city's holes, whole or not at all."""
    drawn = chart(city, [])
    ground = draw_ground(streets, city.coverage)
    holes = coverage.holes[:MOST_HOLES]
    left = len(coverage.holes) - len(holes)
    said = f"The {left:,} shortest holes are left out of this map. " if left else ""
    made = f"Made by geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    data: Json = {
        "map": drawn.get_name(),
        "title": f"{percent(coverage.share)} of the streets of {plain(city.name)} have street images",
        "rows": _rows(coverage),
        "about": f"{said}{ground.left_out}{made}",
        "box": bounds(city),
        "holes": [
            [
                f"{plain(hole.street) or 'unnamed'}, {length(hole.length_m)}",
                [np.round(line, 6).tolist() for line in hole.lines],
            ]
            for hole in holes
        ],
    }
    write_whole(path, page(drawn, "plan", {"data": data}, scripts=("holes",), ground=ground))


def _rows(coverage: Coverage) -> list[tuple[str, str]]:
    """Names and values, one a line."""
    looked = ", ".join(f"{name} {percent(share)}" for name, share in coverage.by_direction)
    longest = (
        f"{plain(hole.street) or 'unnamed'} {length(hole.length_m)}" for hole in coverage.holes[:_LISTED]
    )
    more = len(coverage.holes) - _LISTED
    return [
        ("streets", f"{coverage.street_km:.3g} km inside the outline of all street images"),
        (f"within {COVERED_M:.0f} m of one", percent(coverage.share)),
        ("seen all round", percent(coverage.all_round)),
        ("seen looking", looked),
        *((f"{name} streets", f"{percent(share)} of {km:.3g} km") for name, km, share in coverage.by_class),
        ("longest holes", ", ".join(longest) + (f" and {more:,} more" if more > 0 else "") or "none"),
    ]
