"""The map: one HTML file that opens by double-click with no network at all. The only home of folium.

folium makes the Leaflet map with all that lies under the evidence: coverage, basemap, tiles if asked for.
panel.html, panel.css and panel.js beside this file put up the evidence, one photo at a time, from one
block of JSON. Of the page that folium would write only its body and script are taken, since its head
links to servers. Scripts run only when the page's policy knows their checksum, so foreign text that
slipped through as markup would still do nothing.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import folium
import numpy as np
from branca.element import Figure
from xstatic.pkg import leaflet

from geoflood import __version__
from geoflood.errors import UsageError
from geoflood.files import write_whole
from geoflood.images import jpeg
from geoflood.terms import City, Image, LatLon
from geoflood.writers import basemap as ground
from geoflood.writers.panel import Sheet, about, describe
from geoflood.writers.shapes import thinned

__all__ = ["Sheet", "write_map"]

Json = dict[str, Any]

PHOTO_PX, VIEW_PX = 800, 480
"""Longer sides of the pictures in the page: the photo is looked at closely, views come by the dozen."""

_QUALITY = 72

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


def write_map(
    path: Path,
    sheets: Sequence[Sheet],
    city: City,
    basemap: Mapping[str, Any] | None = None,
    tiles: str | None = None,
) -> None:
    """Write the map of all sheets to `path`, whole or not at all.

    `basemap` is GeoJSON drawn in quiet greys below the evidence. `tiles` is the URL template of a tile
    server: only then does the page ask the network for anything. Raises UsageError for a URL that cannot
    be one, InputError for a basemap that is no GeoJSON.
    """
    chart = _chart(city, sheets, basemap, tiles)
    figure = Figure()
    figure.add_child(chart)
    figure.render()
    data = {
        "map": chart.get_name(),
        "about": f"{about(city)}. Made by geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
        "city": _bounds(city),
        "sheets": [{**describe(s.located), "picture": _picture(s.photo, PHOTO_PX)} for s in sheets],
        "pictures": {str(key): _picture(view, VIEW_PX) for s in sheets for key, view in s.views.items()},
    }
    write_whole(path, _page(figure, data, tiles))


def _picture(image: Image | None, longest: int) -> Json | None:
    if image is None:
        return None
    height, width = image.shape[:2]
    return {"src": _data_uri("image/jpeg", jpeg(image, longest, _QUALITY)), "width": width, "height": height}


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _bounds(city: City) -> list[list[float]]:
    """[[south, west], [north, east]] of what the index covers."""
    covered = city.coverage if len(city.coverage) else np.zeros((1, 2))
    return [covered.min(axis=0).tolist(), covered.max(axis=0).tolist()]


def _chart(
    city: City, sheets: Sequence[Sheet], basemap: Mapping[str, Any] | None, tiles: str | None
) -> folium.Map:
    """Leaflet's map with its ground, on canvas: thousands of dots would choke a page of SVG."""
    chart = folium.Map(
        location=np.mean(_bounds(city), axis=0).tolist(), tiles=None, prefer_canvas=True, control_scale=True
    )
    chart.options |= {"max_zoom": 20, "zoom_snap": 0.25, "keyboard": False}
    if tiles is not None:
        _tile_host(tiles)
        chart.add_child(
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
                chart.add_child(_ground_layer(features, _STYLES[kind], html.escape(ground.credit(basemap))))
    chart.add_child(_coverage(city, [s.located.estimate.position for s in sheets if s.located.estimate]))
    return chart


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


def _tile_host(tiles: str) -> str:
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


def _page(figure: Figure, data: Json, tiles: str | None) -> str:
    first = [_WATCH, _leaflet_js()]
    last = [figure.script.render(), _asset("panel.js")]
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_policy([*first, *last], tiles)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<title>geoflood map</title>",
        f"<style>{_leaflet_css()}</style>\n<style>{_asset('panel.css')}</style>",
        *(f"<script>{script}</script>" for script in first),
        "</head>\n<body>",
        _asset("panel.html"),
        figure.html.render(),
        f'<script type="application/json" id="data">{_json(data)}</script>',
        *(f"<script>{script}</script>" for script in last),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _policy(scripts: Sequence[str], tiles: str | None) -> str:
    """Nothing may be fetched, sent or framed; only these scripts run; pictures are in the page, or tiles."""
    sums = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    return "; ".join(
        [
            "default-src 'none'",
            f"img-src data:{f' {_tile_host(tiles)}' if tiles else ''}",
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


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _leaflet_js() -> str:
    """Leaflet's script, less the comment that makes a browser look for a file beside the page."""
    return re.sub(
        r"//# sourceMappingURL=.*", "", Path(leaflet.BASE_DIR, "leaflet.js").read_text(encoding="utf-8")
    )


def _leaflet_css() -> str:
    """Leaflet's style sheet with its images inside."""

    def inlined(link: re.Match[str]) -> str:
        return f"url({_data_uri('image/png', Path(leaflet.BASE_DIR, link[1]).read_bytes())})"

    return re.sub(
        r"url\((images/[\w.-]+\.png)\)",
        inlined,
        Path(leaflet.BASE_DIR, "leaflet.css").read_text(encoding="utf-8"),
    )
