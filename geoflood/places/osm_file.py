"""OpenStreetMap's own files, .osm.pbf and .osm, as features; the only home of osmium.

Positions of nodes are held in memory, or for a large file on the disk. Of ways that were cut off with the
extract the parts that are there are kept.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from geoflood.core.errors import ExtraMissingError, InputError
from geoflood.core.plain_text import one_line
from geoflood.places.map_feature import LONGEST_VALUE, MOST_TAGS, Floats, MapFeature, MapGeometry

__all__ = ["ENDINGS", "check_osmium", "read_osm"]

ENDINGS = (".pbf", ".osm", ".osm.gz", ".osm.bz2")

_LARGE = 150 << 20
"""Bytes of a file whose nodes, 16 bytes each and some 100,000 a megabyte, are better on the disk."""

_KEYS = (
    *("highway", "railway", "waterway", "natural", "water", "landuse", "leisure", "building", "place"),
    *("area:highway", "addr:housenumber", "name"),
)
"""A feature that has none of them says nothing to `classify`."""

_LINES = ("highway", "railway", "waterway")
"""A way that has none of them is an area at the most, which osmium gives besides."""

_BROKEN = (RuntimeError, ValueError, UnicodeError, OSError, MemoryError)
"""What osmium raises for a file that is none, or damaged."""


def check_osmium(path: Path) -> None:
    """Raises ExtraMissingError where osmium is not installed."""
    if find_spec("osmium") is None:
        raise ExtraMissingError(
            f"{path.name} is read with osmium, which is not installed",
            "pip install 'geoflood[osm]', or give GeoJSON, which needs nothing more",
        )


def read_osm(path: Path) -> Iterator[MapFeature]:
    """Every node, way and multipolygon that may mean something.

    Raises ExtraMissingError without osmium, InputError for a file that is none of OpenStreetMap's, or cut.
    """
    check_osmium(path)
    import osmium

    with tempfile.TemporaryDirectory(prefix="geoflood-nodes-") as folder:
        on_disk = path.stat().st_size > _LARGE
        storage = f"sparse_file_array,{folder}/nodes" if on_disk else "flex_mem"
        try:
            found = osmium.FileProcessor(str(path)).with_locations(storage).with_areas()
            shapes = osmium.geom.WKBFactory()
            for one in found.with_filter(osmium.filter.KeyFilter(*_KEYS)):
                yield from _features(one, shapes, osmium.InvalidLocationError)
        except _BROKEN as error:
            raise InputError(
                f"{path} cannot be read as OpenStreetMap's: {one_line(str(error), 100)}",
                "check that it was downloaded whole: .osm.pbf, .osm, .osm.gz, .osm.bz2 or GeoJSON",
            ) from error


def _features(one: Any, shapes: Any, missing: type[Exception]) -> list[MapFeature]:
    """None of a relation, of a way that is an area at the most, and of what has no positions."""
    try:
        if one.is_node() and (at := one.location).valid():
            return [MapFeature(_tags(one), MapGeometry.POINT, np.array([[at.lat, at.lon]]))]
        if one.is_way():
            return [MapFeature(_tags(one), MapGeometry.LINE, part) for part in _parts(one, shapes, missing)]
        if one.is_area():
            return _area(one, shapes)
    except UnicodeError:  # a tag that is no text
        pass
    return []


def _tags(one: Any) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in one.tags:
        tags[tag.k] = tag.v[:LONGEST_VALUE]
        if len(tags) == MOST_TAGS:
            break
    return tags


def _parts(way: Any, shapes: Any, missing: type[Exception]) -> list[Floats]:
    """The lines [P, 2] of a way: one, or those between gaps where the extract left nodes out."""
    if way.tags.get("natural") != "coastline" and not any(key in way.tags for key in _LINES):
        return []
    try:
        well_known = bytes.fromhex(shapes.create_linestring(way))
        return [np.frombuffer(well_known, "<f8", offset=9).reshape(-1, 2)[:, ::-1]]
    except missing:
        runs = groupby(way.nodes, key=lambda node: node.location.valid())
        parts = [[(node.lat, node.lon) for node in run] for there, run in runs if there]
        return [np.array(part, np.float64) for part in parts if len(part) > 1]
    except RuntimeError:  # all nodes at one place
        return []


def _area(area: Any, shapes: Any) -> list[MapFeature]:
    try:
        well_known = bytes.fromhex(shapes.create_multipolygon(area))
    except RuntimeError:  # rings that do not close
        return []
    rings = [ring[:, ::-1] for ring in _rings(well_known)]
    if not rings:
        return []
    starts = np.cumsum([0, *map(len, rings[:-1])]).tolist()
    tags = _tags(area)
    if not area.from_way():
        tags["area"] = "yes"  # a relation of type multipolygon is meant as one
    return [MapFeature(tags, MapGeometry.AREA, np.concatenate(rings), tuple(starts))]


def _rings(well_known: bytes) -> Iterator[Floats]:
    """Every ring [P, 2] (lon, lat) of a multipolygon in well-known bytes."""
    (polygons,) = struct.unpack_from("<I", well_known, 5)
    at = 9
    for _ in range(polygons):
        (rings,) = struct.unpack_from("<I", well_known, at + 5)
        at += 9
        for _ in range(rings):
            (count,) = struct.unpack_from("<I", well_known, at)
            yield np.frombuffer(well_known, "<f8", 2 * count, at + 4).reshape(-1, 2)
            at += 4 + 16 * count
