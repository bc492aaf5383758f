"""A page that opens by double-click with no network: a Leaflet map, a panel, data, and a policy.

Of the page that folium would write only its body and script are taken, since its head links to servers.
Scripts run only when the page's policy knows their checksum, so foreign text that slipped through as markup
would still do nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import folium
from branca.element import Figure
from xstatic.pkg import leaflet, leaflet_markercluster

from geoflood.outputs.ground import PageGround

__all__ = ["Json", "data_uri", "page", "still_page"]

Json = dict[str, Any]

_TITLE = "geoflood map"

_WATCH = """
window.addEventListener("error", failed);
window.addEventListener("unhandledrejection", failed);
document.addEventListener("securitypolicyviolation", failed);
function failed(event) {
  const page = document.documentElement;
  const problem = event.message || event.violatedDirective || String(event.reason);
  page.dataset.failures = `${page.dataset.failures || ""}${problem}; `;
  const notice = document.getElementById("broken");
  if (notice) notice.hidden = false;
}
"""
"""Runs first: what goes wrong in the page is shown in it, not lost in a console."""


def page(
    leaflet_map: folium.Map,
    name: str,
    data: dict[str, Json],
    pictures: Sequence[str] = ("data:",),
    scripts: Sequence[str] = (),
    room: str = __package__,
    clusters: bool = False,
    ground: PageGround | None = None,
    later: dict[str, Json] | None = None,
) -> str:
    """A page around a map, as HTML; `data` are blocks of JSON by their id, `later` those behind the scripts.

    NAME.html, NAME.css and NAME.js lie in the package `room`; `scripts` run instead of NAME.js, after dom.js.
    With "compare" among them, the page can show two pictures over the whole screen. `pictures` are the
    sources of pictures that the policy allows. `clusters` adds Leaflet.markercluster, `ground` a street map
    below all else.
    """
    figure = Figure()
    figure.add_child(leaflet_map)
    figure.render()
    libraries = [(leaflet, "leaflet.js")] + [(leaflet_markercluster, "leaflet.markercluster.js")] * clusters
    first = [_WATCH, _asset(room, "theme.js"), *(_library(package, file) for package, file in libraries)]
    below = ("street_names", "streets") if ground else ()
    own = [_asset(room, f"{script}.js") for script in ("dom", *below, *(scripts or (name,)))]
    last = [figure.script.render(), *own]
    shared = ["colours.css", *(["compare.css"] if "compare" in scripts else [])]
    styles = [_leaflet_css(), *(_asset(room, style) for style in (*shared, f"{name}.css"))]
    drawn = {"ground": {"packed": ground.packed, "credit": ground.credit}} if ground else {}
    parts = [
        *_head(_policy([*first, *last], pictures), styles, first),
        "<body>",
        _asset(room, f"{name}.html"),
        figure.html.render(),
        *_blocks(data | drawn),
        *map(_script, last),
        *_blocks(later or {}),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def still_page(name: str, body: str, room: str, more: Sequence[str] = (), title: str = _TITLE) -> str:
    """A page for paper: NAME.css of the package `room`, styles `more`, and no script that could run."""
    styles = [_asset(room, f"{style}.css") for style in ("colours", *more, name)]
    return "\n".join(
        [*_head(_policy((), ("data:",)), styles, (), title), "<body>", body, "</body>\n</html>\n"]
    )


def _head(policy: str, styles: Sequence[str], scripts: Sequence[str], title: str = _TITLE) -> list[str]:
    return [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        *(f"<style>{style}</style>" for style in styles),
        *map(_script, scripts),
        "</head>",
    ]


def _blocks(data: dict[str, Json]) -> Iterator[str]:
    for key, block in data.items():
        yield f'<script type="application/json" id="{key}">{_json(block)}</script>'


def _script(text: str) -> str:
    return f"<script>{text}</script>"


def _policy(scripts: Sequence[str], pictures: Sequence[str]) -> str:
    """Nothing may be fetched, sent or framed; only these scripts run; pictures are in the page, or tiles."""
    sums = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    return "; ".join(
        [
            "default-src 'none'",
            f"img-src {' '.join(pictures)}",
            "style-src 'unsafe-inline'",
            "script-src " + (" ".join(f"'sha256-{checksum}'" for checksum in sums) or "'none'"),
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
