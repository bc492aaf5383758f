"""A GeoJSON of streets, feature by feature, from whatever exported it: osmium, ogr2ogr, Overpass, QuickOSM.

Foreign and of any size: no more than one feature is in memory, and that is bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import numpy as np

from geoflood.core.errors import InputError
from geoflood.core.plain_text import one_line
from geoflood.places.map_feature import LONGEST_VALUE, MOST_TAGS, MapFeature, MapGeometry

__all__ = ["ENDINGS", "read_credit", "read_geojson"]

ENDINGS = (".geojson", ".json")

MAX_FEATURE = 48_000_000
"""Bytes of a feature: a line of a million positions. A larger one is for its owner to cut."""
_CHUNK = 1 << 16
_CREDITS = ("attribution", "copyright", "credit")
_WHAT = "give a FeatureCollection in (lon, lat) degrees, WGS 84, with OpenStreetMap's tags as properties"
_BROKEN = (ijson.JSONError, ValueError, ArithmeticError, RecursionError, MemoryError, OSError)

_DEPTHS = {
    "Point": (MapGeometry.POINT, False, 0),
    "MultiPoint": (MapGeometry.POINT, True, 0),
    "LineString": (MapGeometry.LINE, False, 1),
    "MultiLineString": (MapGeometry.LINE, True, 1),
    "Polygon": (MapGeometry.AREA, False, 2),
    "MultiPolygon": (MapGeometry.AREA, True, 2),
}
"""Type -> what it is, whether there are several, and how deep the positions of one are nested."""

_DEEPEST = 1000
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1
"""What each byte does to the depth."""

_PAIR = re.compile(r'"((?:[^"\\]|\\.){1,255})"\s*=>\s*"((?:[^"\\]|\\.)*)"')
"""Of PostgreSQL's hstore, as ogr2ogr writes `other_tags`."""


class _Bounded:
    """A file that ends in an error when a feature takes too many bytes, or is nested too deep.

    Depth is counted without regard to texts, which hold few brackets: ijson takes memory by its square.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most = file, most
        self.next_feature()

    def next_feature(self) -> None:
        """A feature has ended."""
        self._left, self._depth = self._most, 0

    def read(self, size: int = -1) -> bytes:
        """As a file does. Raises ValueError when the feature is too long or too deep."""
        piece = self._file.read(_CHUNK if size < 0 else size)
        self._left -= len(piece)
        if self._left < 0:
            raise ValueError(f"a feature of over {self._most // 1_000_000} MB")
        depths = self._depth + np.cumsum(_STEPS[np.frombuffer(piece, np.uint8)], dtype=np.int64)
        if len(depths):
            self._depth = int(depths[-1])
            if depths.max() > _DEEPEST:
                raise ValueError("it is nested too deep")
        return piece


def read_geojson(path: Path) -> Iterator[MapFeature]:
    """Every line, polygon and point. Raises InputError for what is no GeoJSON, or cut short."""
    seen = 0
    try:
        with path.open("rb") as file:
            if file.read(3) != b"\xef\xbb\xbf":
                file.seek(0)
            bounded = _Bounded(file, MAX_FEATURE)
            for feature in ijson.items(bounded, "features.item", use_float=True, buf_size=_CHUNK):
                bounded.next_feature()
                seen += 1
                yield from _features(feature)
    except _BROKEN as error:
        raise InputError(f"{path} is no GeoJSON, or cut short: {one_line(str(error), 80)}", _WHAT) from error
    if not seen:
        raise InputError(f"{path} is no FeatureCollection, or an empty one", _WHAT)


def read_credit(path: Path) -> str:
    """Who made the file, where a member before the features says so; else ""."""
    said: dict[str, str] = {}
    try:
        with path.open("rb") as file:
            head = _Bounded(file, 4 * _CHUNK)
            for prefix, event, value in ijson.parse(head, use_float=True, buf_size=_CHUNK):
                if prefix == "features":
                    break
                if event == "string" and prefix in _CREDITS:
                    said[prefix] = one_line(value, 200)
    except _BROKEN:
        return ""  # what is wrong is said when it is read
    return next((said[name] for name in _CREDITS if said.get(name)), "")


def _features(feature: object) -> Iterator[MapFeature]:
    """The parts of a feature; none of one that is no use."""
    if not isinstance(feature, Mapping) or not isinstance(geometry := feature.get("geometry"), Mapping):
        return
    form = _DEPTHS.get(str(geometry.get("type"))[:20])
    if form is None:
        return
    kind, several, depth = form
    tags = _tags(feature.get("properties"))
    coordinates: Any = geometry.get("coordinates")
    try:
        for part in coordinates if several else [coordinates]:
            rings = [_positions(ring) for ring in _nested(part, depth)]
            if rings and all(map(len, rings)):
                starts = tuple(np.cumsum([0, *map(len, rings[:-1])]).tolist())
                yield MapFeature(tags, kind, np.concatenate(rings), starts)
    except (TypeError, ValueError, IndexError, OverflowError):
        return  # one bad feature among many


def _nested(part: Any, depth: int) -> Any:
    """A list of lists of positions, of one position, of a list of them, or of rings."""
    return part if depth == 2 else [part] if depth == 1 else [[part]]


def _positions(points: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[P, 2] (lat, lon) of GeoJSON's positions. Raises TypeError, ValueError or IndexError for others."""
    pairs = np.array([(point[1], point[0]) for point in points], np.float64).reshape(-1, 2)
    if not np.isfinite(pairs).all():
        raise ValueError("no position")
    return pairs


def _tags(properties: object) -> dict[str, str]:
    """Flat properties, and those in `tags` or `other_tags`, which win over none."""
    if not isinstance(properties, Mapping):
        return {}
    tags = dict(_texts(properties))
    for nested in (_object(properties.get("tags")), _hstore(properties.get("other_tags"))):
        for key, value in nested.items():
            tags.setdefault(key, value)
    return tags


def _texts(pairs: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """The first of them that are texts or whole numbers."""
    for key, value in list(pairs.items())[:MOST_TAGS]:
        if isinstance(value, str | int) and not isinstance(value, bool) and len(str(key)) < 256:
            yield str(key), str(value)[:LONGEST_VALUE]


def _object(tags: object) -> dict[str, str]:
    """Of an object, or of one in JSON text."""
    if isinstance(tags, str):
        try:
            tags = json.loads(tags)
        except (ValueError, RecursionError):
            return {}
    return dict(_texts(tags)) if isinstance(tags, Mapping) else {}


def _hstore(text: object) -> dict[str, str]:
    if not isinstance(text, str):
        return {}
    pairs = (found.groups() for found in _PAIR.finditer(text[: 1 << 20]))
    return {_unescaped(key): _unescaped(value)[:LONGEST_VALUE] for key, value in pairs}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
