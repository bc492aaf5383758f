"""The map of a few photos: one HTML file that opens by double-click with no network at all.

panel.html, panel.css and panel.js beside this file put up the evidence, one photo at a time, from one block
of JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from geoflood import __version__
from geoflood.core.datatypes import City, Image
from geoflood.core.files import write_whole
from geoflood.core.images import jpeg
from geoflood.outputs.chart import bounds, chart, tile_host
from geoflood.outputs.ground import draw_ground
from geoflood.outputs.page import Json, data_uri, page
from geoflood.outputs.panel import PanelSheet, about, describe, street_credit
from geoflood.places.street_map import StreetMap

__all__ = ["PanelSheet", "write_map"]

PHOTO_PX, VIEW_PX = 800, 480
"""Longer sides of the pictures in the page: the photo is looked at closely, views come by the dozen."""

_QUALITY = 72


def write_map(
    path: Path,
    sheets: Sequence[PanelSheet],
    city: City,
    streets: StreetMap | None = None,
    tiles: str | None = None,
) -> None:
    """Write the map of all sheets to `path`, whole or not at all.

    `streets` are drawn below the evidence. `tiles` is the URL template of a tile server, whose pictures are
    drawn instead: only then does the page ask the network for anything. Raises UsageError for a URL that
    cannot be one.
    """
    around = [s.located.estimate.position for s in sheets if s.located.estimate]
    drawn = chart(city, around, tiles)
    ground = draw_ground(streets, city.coverage) if streets is not None and tiles is None else None
    credits = f"{street_credit(s.located for s in sheets)}{ground.left_out if ground else ''}"
    made = f"Made by geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    data = {
        "map": drawn.get_name(),
        "about": f"{about(city)}. {credits}{made}",
        "city": bounds(city),
        "sheets": [{**describe(s.located), "picture": _picture(s.photo, PHOTO_PX)} for s in sheets],
        "pictures": {str(key): _picture(view, VIEW_PX) for s in sheets for key, view in s.views.items()},
    }
    sources = ["data:", *([tile_host(tiles)] if tiles else [])]
    write_whole(path, page(drawn, "panel", {"data": data}, sources, ("compare", "panel"), ground=ground))


def _picture(image: Image | None, longest: int) -> Json | None:
    if image is None:
        return None
    height, width = image.shape[:2]
    return {"src": data_uri("image/jpeg", jpeg(image, longest, _QUALITY)), "width": width, "height": height}
