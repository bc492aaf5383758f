"""The results of a batch as files: the triage map and table, and exports.

Everything is made from the journal, so all of it can be made again: for others, in another format.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from geoflood.core.datatypes import City, Image, Reference
from geoflood.core.errors import InputError
from geoflood.imagery.views import pixels_of
from geoflood.outputs.table import table_file
from geoflood.places.street_map import StreetMap
from geoflood.triage.custody import write_run
from geoflood.triage.export.brief import BriefFacts, write_brief
from geoflood.triage.export.finding_fields import field_names, finding_row
from geoflood.triage.export.finding_geojson import collection
from geoflood.triage.export.finding_table import write_rejections
from geoflood.triage.export.formats import format_of
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.export.selection import EVERYTHING, ExportTally, Selection
from geoflood.triage.export.triage_page import TriagePage
from geoflood.triage.findings import Status
from geoflood.triage.place_words import PlaceFinder
from geoflood.triage.results import Results
from geoflood.triage.second_pass import waiting_text

__all__ = ["PAGE", "brief", "export", "write_outputs"]

PAGE = "triage.html"


def write_outputs(
    results: Results, city: City, streets: StreetMap | None = None, left_s: float | None = None
) -> dict[str, Path]:
    """Write triage.html, located.csv, located.geojson, rejected.csv and run.json; returns them by kind.

    left_s: seconds until a batch that is at work has re-ranked the rest; None: none is.
    """
    out = results.folder
    files = {
        "map": out / PAGE,
        "table": out / "located.csv",
        "geojson": out / "located.geojson",
        "rejected": out / "rejected.csv",
    }
    with (
        TriagePage(files["map"], _view, named=PlaceFinder(streets)) as triage,
        table_file(files["table"], field_names(Sharing.INTERNAL)) as add_row,
        collection(files["geojson"]) as add_feature,
    ):
        for finding in results:
            row = finding_row(finding, Sharing.INTERNAL)
            add_row(row)
            add_feature(row)
            triage.add(finding)
        triage.write(city, _identity(results), streets, waiting_text(len(results.waiting), left_s))
    write_rejections(files["rejected"], results.rejections())
    write_run(results, files.values())
    return files


def _identity(results: Results) -> str:
    """Of a batch, the same however often it goes on: the line its journal begins with."""
    begun = json.dumps(results.first, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(begun.encode()).hexdigest()[:16]


def _view(reference: Reference) -> Image | Path:
    """The picture of a match: its file, unless it is but a part of that. Raises UnreadableImageError."""
    return Path(reference.location) if reference.tile_deg is None else pixels_of(reference)


def brief(
    results: Results, path: Path, sharing: Sharing, city: str, streets: StreetMap | None
) -> ExportTally:
    """Write the brief of what people confirmed; returns what it holds, and what not.

    Raises InputError when nobody has confirmed a photo.
    """
    tally = ExportTally()
    confirmed = list(tally.chosen(results, Selection(Status.CONFIRMED)))
    if not confirmed:
        raise InputError(
            f"no photo in {results.folder} is confirmed",
            "confirm in triage.html, then merge with geoflood review",
        )
    seal = f"line {results.kinds.total():,}, SHA-256:{results.head}"
    facts = BriefFacts(city, tally.all, seal)
    tally.written = write_brief(path, confirmed, facts, sharing, streets, _view)
    return tally


def export(
    results: Results,
    path: Path,
    sharing: Sharing,
    named: str | None = None,
    selection: Selection = EVERYTHING,
) -> ExportTally:
    """Write one file from the results that are wanted; returns what it holds, and what not.

    Raises UsageError for an unknown format, ExtraMissingError for one whose library is not installed.
    """
    tally = ExportTally()
    tally.written = format_of(path, named).write(path, tally.chosen(results, selection), sharing)
    return tally
