"""The map of a few photos: one HTML file that opens by double-click with no network at all.

panel.html, panel.css and panel.js beside this file put up the evidence, one photo at a time, from one block
of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from geoflood import __version__
from geoflood.core.datatypes import City, Image
from geoflood.core.files import write_whole
from geoflood.core.images import jpeg
from geoflood.outputs.chart import bounds, chart, tile_host
from geoflood.outputs.page import Json, data_uri, page
from geoflood.outputs.panel import PanelSheet, about, describe, street_credit

__all__ = ["PanelSheet", "write_map"]

PHOTO_PX, VIEW_PX = 800, 480
"""Longer sides of the pictures in the page: the photo is looked at closely, views come by the dozen."""

_QUALITY = 72


def write_map(
    path: Path,
    sheets: Sequence[PanelSheet],
    city: City,
    basemap: Mapping[str, Any] | None = None,
    tiles: str | None = None,
) -> None:
    """Write the map of all sheets to `path`, whole or not at all.

    `basemap` is GeoJSON drawn in quiet greys below the evidence. `tiles` is the URL template of a tile
    server: only then does the page ask the network for anything. Raises UsageError for a URL that cannot
    be one, InputError for a basemap that is no GeoJSON.
    """
    around = [s.located.estimate.position for s in sheets if s.located.estimate]
    drawn = chart(city, around, basemap, tiles)
    made = f"Made by geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    data = {
        "map": drawn.get_name(),
        "about": f"{about(city)}. {street_credit(s.located for s in sheets)}{made}",
        "city": bounds(city),
        "sheets": [{**describe(s.located), "picture": _picture(s.photo, PHOTO_PX)} for s in sheets],
        "pictures": {str(key): _picture(view, VIEW_PX) for s in sheets for key, view in s.views.items()},
    }
    sources = ["data:", *([tile_host(tiles)] if tiles else [])]
    write_whole(path, page(drawn, "panel", {"data": data}, sources))


def _picture(image: Image | None, longest: int) -> Json | None:
    if image is None:
        return None
    height, width = image.shape[:2]
    return {"src": data_uri("image/jpeg", jpeg(image, longest, _QUALITY)), "width": width, "height": height}
