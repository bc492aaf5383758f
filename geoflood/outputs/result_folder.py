"""From located photos to what a responder is handed: the map and the files, in one folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count
from pathlib import Path

from geoflood.core.datatypes import City, Image, Located
from geoflood.core.errors import UsageError
from geoflood.core.images import UnreadableImageError, fit, read_image
from geoflood.imagery.views import LONGEST, pixels_of
from geoflood.outputs.geojson import write_geojson
from geoflood.outputs.map import PanelSheet, write_map
from geoflood.outputs.table import write_table
from geoflood.places.street_map import StreetMap

__all__ = ["result_folder", "write_results"]

USUAL = Path("located")
"""Where results go if nobody says where."""
_FILES = {"map": "map.html", "geojson": "located.geojson", "table": "located.csv"}
_NAMES = tuple(_FILES.values())

SHOWN_PX = 640
"""Longer side of a picture in the map."""


def result_folder(
    asked: Path | None = None, force: bool = False, usual: Path = USUAL, names: Collection[str] = _NAMES
) -> Path:
    """A folder that holds no other run's results `names`, unless these are to be replaced by `force`.

    None: ./located, or the next of ./located-2, ./located-3 that is free. Raises UsageError where the folder
    that was asked for is taken.
    """
    first = asked or usual
    if force or not _is_taken(first, names):
        return first
    if asked is not None:
        raise UsageError(
            f"{asked} holds the results of another run", "name another folder, or replace them with --force"
        )
    numbered = (first.with_name(f"{first.name}-{number}") for number in count(2))
    return next(folder for folder in numbered if not _is_taken(folder, names))


def _is_taken(folder: Path, names: Collection[str]) -> bool:
    return any((folder / name).exists() for name in names)


def write_results(
    located: Sequence[Located],
    city: City,
    out: Path,
    *,
    streets: StreetMap | None = None,
    tiles: str | None = None,
) -> dict[str, Path]:
    """Write map.html, located.geojson and located.csv into `out`; returns what was written, by kind.

    city: what was searched. streets: drawn on the map.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = {kind: out / name for kind, name in _FILES.items()}
    write_geojson(written["geojson"], located)
    write_table(written["table"], located)
    write_map(written["map"], [_sheet(photo) for photo in located], city, streets, tiles)
    return written


def _sheet(located: Located) -> PanelSheet:
    """A located photo with the pictures that the map shows; the map says where one is gone."""
    views: dict[int, Image] = {}
    for candidate in located.shown_candidates:
        try:
            views[candidate.reference.id] = fit(pixels_of(candidate.reference), SHOWN_PX)
        except UnreadableImageError:
            continue
    try:
        photo = fit(read_image(located.query.path, LONGEST), SHOWN_PX)
    except UnreadableImageError:
        photo = None
    return PanelSheet(located, photo, views)
