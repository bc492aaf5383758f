"""A city's index gets its street map, out of an extract of OpenStreetMap."""

from __future__ import annotations

from pathlib import Path

from geoflood.core.datatypes import Progress, no_progress
from geoflood.database.captures import find_captures
from geoflood.database.manifest import read_manifest
from geoflood.database.plan import locked_index
from geoflood.places.build_street_map import build
from geoflood.places.street_map import StreetMap
from geoflood.places.street_map_file import save

__all__ = ["add_streets"]


def add_streets(folder: Path, extract: Path, progress: Progress = no_progress) -> StreetMap:
    """Keep with an index what an extract says of its ground, in place of what was kept before.

    Raises CityError where there is no index, IndexUnusableError for one that is unfinished or in use, and
    what `build` raises: then the index keeps what it had.
    """
    read_manifest(folder)
    with locked_index(folder):
        positions = find_captures(folder, read_manifest(folder).files).positions
        street_map = build(extract, positions, progress=progress)
        save(folder, street_map)
    return street_map
