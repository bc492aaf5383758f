"""A page that opens by double-click with no network: a Leaflet map, a panel, data. The only home of folium.

folium makes the Leaflet map with all that lies under the evidence: coverage, basemap, tiles if asked for.
Of the page that folium would write only its body and script are taken, since its head links to servers.
Scripts run only when the page's policy knows their checksum, so foreign text that slipped through as markup
would still do nothing.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import folium
import numpy as np
from branca.element import Figure
from xstatic.pkg import leaflet, leaflet_markercluster

from geoflood.core.datatypes import City, LatLon
from geoflood.core.errors import UsageError
from geoflood.outputs import basemap as ground
from geoflood.outputs.shapes import thinned

__all__ = ["Json", "bounds", "chart", "data_uri", "page", "tile_host"]

Json = dict[str, Any]

_STYLES: dict[str, Json] = {
    "ground": {"stroke": False, "fillColor": "#eeeeea", "fillOpacity": 1.0},
    "water": {"color": "#b9cfdd", "weight": 2, "fillColor": "#d3e2ec", "fillOpacity": 1.0},
    "street": {"color": "#cfcfcb", "weight": 4, "fill": False},
}
_NAME_TIP = """(feature, layer) => feature.properties.name && layer.bindTooltip(
    Object.assign(document.createElement("span"), {textContent: feature.properties.name}), {sticky: true})"""

_WATCH = """
window.addEventListener("error", failed);
window.addEventListener("unhandledrejection", failed);
document.addEventListener("securitypolicyviolation", failed);
function failed(event) {
  const page = document.documentElement;
  const said = event.message || event.violatedDirective || String(event.reason);
  page.dataset.failures = `${page.dataset.failures || ""}${said}; `;
  const notice = document.getElementById("broken");
  if (notice) notice.hidden = false;
}
"""
"""Runs first: what goes wrong in the page is shown in it, not lost in a console."""


def chart(
    city: City, around: Sequence[LatLon], basemap: Mapping[str, Any] | None, tiles: str | None
) -> folium.Map:
    """Leaflet's map with its ground, on canvas: thousands of dots would choke a page of SVG."""
    drawn = folium.Map(
        location=np.mean(bounds(city), axis=0).tolist(), tiles=None, prefer_canvas=True, control_scale=True
    )
    drawn.options |= {"max_zoom": 20, "zoom_snap": 0.25, "keyboard": False}
    if tiles is not None:
        tile_host(tiles)
        drawn.add_child(
            folium.TileLayer(
                tiles,
                attr=_tile_credit(tiles),
                max_zoom=20,
                max_native_zoom=19,
                referrer_policy="strict-origin-when-cross-origin",
            )
        )
    if basemap is not None:
        for kind, features in ground.layers(basemap).items():
            if features["features"]:
                drawn.add_child(_ground_layer(features, _STYLES[kind], html.escape(ground.credit(basemap))))
    drawn.add_child(_coverage(city, around))
    return drawn


def bounds(city: City) -> list[list[float]]:
    """[[south, west], [north, east]] of what the index covers."""
    covered = city.coverage if len(city.coverage) else np.zeros((1, 2))
    return [covered.min(axis=0).tolist(), covered.max(axis=0).tolist()]


def _ground_layer(features: Json, style: Json, credit: str) -> folium.GeoJson:
    named = folium.JsCode(_NAME_TIP)
    return folium.GeoJson(
        features, style_function=lambda _: style, on_each_feature=named, attribution=credit, smooth_factor=1.5
    )


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


def page(
    chart: folium.Map,
    name: str,
    data: Mapping[str, Json],
    pictures: Sequence[str] = ("data:",),
    scripts: Sequence[str] = (),
    room: str = __package__,
    clusters: bool = False,
) -> str:
    """A page around a map: NAME.html, NAME.css and NAME.js of the package `room`, and blocks of data by id.

    `pictures` are the sources of pictures that the page's policy allows; `scripts` run instead of NAME.js,
    after dom.js.
    """
    figure = Figure()
    figure.add_child(chart)
    figure.render()
    first = [_WATCH, _library(leaflet, "leaflet.js")]
    if clusters:
        first.append(_library(leaflet_markercluster, "leaflet.markercluster.js"))
    last = [
        figure.script.render(),
        *(_asset(room, f"{script}.js") for script in ("dom", *(scripts or (name,)))),
    ]
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy([*first, *last], pictures)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<title>geoflood map</title>",
        f"<style>{_leaflet_css()}</style>\n<style>{_asset(room, f'{name}.css')}</style>",
        *(f"<script>{script}</script>" for script in first),
        "</head>\n<body>",
        _asset(room, f"{name}.html"),
        figure.html.render(),
        *(
            f'<script type="application/json" id="{key}">{_json(block)}</script>'
            for key, block in data.items()
        ),
        *(f"<script>{script}</script>" for script in last),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _policy(scripts: Sequence[str], pictures: Sequence[str]) -> str:
    """Nothing may be fetched, sent or framed; only these scripts run; pictures are in the page, or tiles."""
    sums = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    return "; ".join(
        [
            "default-src 'none'",
            f"img-src {' '.join(pictures)}",
            "style-src 'unsafe-inline'",
            "script-src " + " ".join(f"'sha256-{checksum}'" for checksum in sums),
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _json(data: Json) -> str:
    """JSON that no HTML parser takes for markup, whatever is in it."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _asset(room: str, name: str) -> str:
    """A file of the page's own package, or one that all pages share."""
    own = resources.files(room).joinpath(name)
    return (own if own.is_file() else resources.files(__package__).joinpath(name)).read_text("utf-8")


def _library(package: ModuleType, name: str) -> str:
    """A library's script, less the comment that makes a browser look for a file beside the page."""
    return re.sub(r"//# sourceMappingURL=.*", "", Path(package.BASE_DIR, name).read_text(encoding="utf-8"))


def _leaflet_css() -> str:
    """Leaflet's style sheet with its images inside."""

    def inlined(link: re.Match[str]) -> str:
        return f"url({data_uri('image/png', Path(leaflet.BASE_DIR, link[1]).read_bytes())})"

    return re.sub(
        r"url\((images/[\w.-]+\.png)\)",
        inlined,
        Path(leaflet.BASE_DIR, "leaflet.css").read_text(encoding="utf-8"),
    )


def data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
