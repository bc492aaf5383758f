"""Every file that findings can be handed over as. A new format is a row here and a writer beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from geoflood.core.errors import UsageError
from geoflood.triage.export.crisis_tables import write_hxl, write_ushahidi
from geoflood.triage.export.finding_geojson import write_features, write_sequence
from geoflood.triage.export.finding_table import write_finding_table
from geoflood.triage.export.geopackage import write_gpkg
from geoflood.triage.export.gpx import write_gpx
from geoflood.triage.export.kmz import write_kmz
from geoflood.triage.export.public_map import write_public
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.export.tak import write_tak
from geoflood.triage.findings import Finding

__all__ = ["FORMATS", "Format", "format_of"]


class Format(NamedTuple):
    """A kind of file."""

    suffixes: tuple[str, ...]
    """Empty for one that has to be named: its suffix means another format."""
    write: Callable[[Path, Iterable[Finding], Sharing], int]
    """Returns how many photos the file holds: those without a place may have none in it."""


FORMATS = {
    "geojson": Format((".geojson", ".json"), write_features),
    "geojsonseq": Format((".geojsonl", ".geojsons", ".ndjson", ".jsonl"), write_sequence),
    "csv": Format((".csv",), write_finding_table),
    "kmz": Format((".kmz",), write_kmz),
    "gpx": Format((".gpx",), write_gpx),
    "gpkg": Format((".gpkg",), write_gpkg),
    "tak": Format((".dpk", ".zip"), write_tak),
    "hxl": Format((), write_hxl),
    "ushahidi": Format((), write_ushahidi),
    "html": Format((".html", ".htm"), write_public),
}


def format_of(path: Path, named: str | None = None) -> Format:
    """The format that is named, or that a file's suffix means. Raises UsageError."""
    known = ", ".join(FORMATS)
    if named is not None:
        if named not in FORMATS:
            raise UsageError(f"no format is called {named!r}", f"there are {known}")
        return FORMATS[named]
    found = next((one for one in FORMATS.values() if path.suffix.lower() in one.suffixes), None)
    if found is None:
        raise UsageError(f"{path}: no format has this suffix", f"name one with --format: {known}")
    return found
