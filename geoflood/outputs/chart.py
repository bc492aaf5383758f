"""The Leaflet map with where there are images, and tiles if asked for."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import folium
import numpy as np

from geoflood.core.datatypes import City, LatLon
from geoflood.core.errors import UsageError
from geoflood.outputs.shapes import thinned

__all__ = ["bounds", "chart", "tile_host"]


def chart(city: City, around: Sequence[LatLon], tiles: str | None = None) -> folium.Map:
    """Leaflet's map with what is indexed, on canvas: thousands of dots would choke a page of SVG."""
    drawn = folium.Map(
        location=np.mean(bounds(city), axis=0).tolist(), tiles=None, prefer_canvas=True, control_scale=True
    )
    drawn.options |= {"max_zoom": 20, "zoom_snap": 0.25, "keyboard": False}
    if tiles is not None:
        drawn.add_child(_tile_layer(tiles))
    drawn.add_child(_coverage(city, around))
    return drawn


def _tile_layer(tiles: str) -> folium.TileLayer:
    """Raises UsageError for what is no address of tiles."""
    tile_host(tiles)
    return folium.TileLayer(
        tiles,
        attr=_tile_credit(tiles),
        max_zoom=20,
        max_native_zoom=19,
        referrer_policy="strict-origin-when-cross-origin",
    )


def bounds(city: City) -> list[list[float]]:
    """[[south, west], [north, east]] of what the index covers."""
    covered = city.coverage if len(city.coverage) else np.zeros((1, 2))
    return [covered.min(axis=0).tolist(), covered.max(axis=0).tolist()]


def _coverage(city: City, around: Sequence[LatLon]) -> folium.GeoJson:
    """Where there are images: what can be found, and no more."""
    spots = np.round(thinned(city.coverage, around)[:, ::-1], 5).tolist()
    dots = {"type": "Feature", "properties": {}, "geometry": {"type": "MultiPoint", "coordinates": spots}}
    dot = folium.CircleMarker(radius=2.5, stroke=False, fill_color="#8a8a8a", fill_opacity=0.8)
    return folium.GeoJson(dots, marker=dot, interactive=False)


def tile_host(tiles: str) -> str:
    """The source that a policy may allow: "https://*.tile.example.org"."""
    url = urlsplit(tiles)
    host = url.netloc.replace("{s}", "*")
    if url.scheme not in ("http", "https") or not re.fullmatch(r"(\*\.)?[A-Za-z0-9.-]+(:\d+)?", host):
        raise UsageError(
            f"{tiles!r} is no address of map tiles",
            "give a template such as https://tiles.example.org/{z}/{x}/{y}.png",
        )
    return f"{url.scheme}://{host}"


def _tile_credit(tiles: str) -> str:
    host = html.escape(urlsplit(tiles).netloc.replace("{s}.", ""))
    return "© OpenStreetMap contributors" if host.endswith("openstreetmap.org") else f"Tiles: {host}"
