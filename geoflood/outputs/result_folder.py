"""From located photos to what a responder is handed: the map and the files, in one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geoflood.core.datatypes import Image, Located
from geoflood.core.images import UnreadableImageError, fit, read_image
from geoflood.database.database import Database
from geoflood.imagery.views import LONGEST, pixels_of
from geoflood.outputs.geojson import write_geojson
from geoflood.outputs.map import PanelSheet, write_map
from geoflood.outputs.table import write_table

__all__ = ["write_results"]

SHOWN_PX = 640
"""Longer side of a picture in the map."""


def write_results(
    located: Sequence[Located],
    database: Database,
    out: Path,
    *,
    basemap: dict[str, Any] | None = None,
    tiles: str | None = None,
) -> dict[str, Path]:
    """Write map.html, located.geojson and located.csv into `out`; returns what was written, by kind."""
    out.mkdir(parents=True, exist_ok=True)
    written = {"map": out / "map.html", "geojson": out / "located.geojson", "table": out / "located.csv"}
    write_geojson(written["geojson"], located)
    write_table(written["table"], located)
    write_map(written["map"], [_sheet(photo) for photo in located], database.city(), basemap, tiles)
    return written


def _sheet(located: Located) -> PanelSheet:
    """A located photo with the pictures that the map shows; the map says where one is gone."""
    views: dict[int, Image] = {}
    for candidate in located.candidates:
        try:
            views[candidate.reference.id] = fit(pixels_of(candidate.reference), SHOWN_PX)
        except UnreadableImageError:
            continue
    try:
        photo = fit(read_image(located.query.path, LONGEST), SHOWN_PX)
    except UnreadableImageError:
        photo = None
    return PanelSheet(located, photo, views)
