"""Values out of records that strangers wrote: what can be right, or nothing, whatever is handed in."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping, Sequence
from contextlib import suppress
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from geoflood.core.datatypes import Bounds, Geotag, LatLon

__all__ = ["basename", "box", "dig", "geotag", "ident", "listed", "prose", "unmarked"]

MAX_TEXT = 20_000
"""Characters of a post that are kept: the longest posts there are have 25,000, and none of interest."""
MAX_WORD = 300
"""Characters of a name or an id."""


def dig(value: object, *keys: str | int) -> Any:
    """What lies under the keys; None when any of them is missing or leads into something else."""
    for key in keys:
        if isinstance(key, str) and isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(key, int) and isinstance(value, list) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def listed(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list; none of anything else."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def prose(value: object) -> str:
    """Text as it is, cut at MAX_TEXT, in characters that can be written; empty for anything else."""
    if not isinstance(value, str):
        return ""
    return value[:MAX_TEXT].encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def ident(value: object) -> str:
    """A name or an id in one line: text or a whole number, cut at MAX_WORD."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value.bit_length() < 128 else ""
    return " ".join(prose(value[:MAX_WORD]).split()) if isinstance(value, str) else ""


def geotag(lat: object, lon: object) -> Geotag | None:
    """A post's own position; None for the two zeros that stand for none."""
    with suppress(TypeError, ValueError):
        if not isinstance(lat, bool) and not isinstance(lon, bool) and (float(lat) or float(lon)):  # type: ignore[arg-type]
            return Geotag(LatLon(float(lat), float(lon)), "post")  # type: ignore[arg-type]
    return None


def box(corners: object) -> Bounds | None:
    """The box of [west, south, east, north], or around a ring of [lon, lat]; None when it is none."""
    with suppress(TypeError, ValueError):
        if isinstance(corners, list) and all(isinstance(c, list) and len(c) == 2 for c in corners):
            lons, lats = zip(*((float(c[0]), float(c[1])) for c in corners), strict=True)
            return Bounds(min(lats), min(lons), max(lats), max(lons))
        if isinstance(corners, list) and len(corners) == 4:
            west, south, east, north = map(float, corners)
            if all(map(math.isfinite, (west, south, east, north))):
                return Bounds(south, west, north, east)
    return None


def basename(url: object) -> str:
    """The file name in a URL or a path, with the suffix that X keeps in the query."""
    if not isinstance(url, str):
        return ""
    with suppress(ValueError):
        parts = urlsplit(url[:4096])
        name = posixpath.basename(unquote(parts.path).replace("\\", "/"))
        suffix: Sequence[str] = parse_qs(parts.query).get("format", ())
        return ident(f"{name}.{suffix[0]}" if suffix and "." not in name else name)
    return ""


class _Words(HTMLParser):
    """The text of HTML, lines where paragraphs end."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "p") and self.parts:
            self.parts.append("\n")


def unmarked(value: object) -> str:
    """The text of HTML."""
    words = _Words()
    with suppress(AssertionError, ValueError):  # html.parser raises them on broken declarations
        words.feed(prose(value))
        words.close()
    return "".join(words.parts).strip()
