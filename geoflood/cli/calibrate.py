"""`geoflood calibrate`: an index learns from labelled queries how far to trust a similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from geoflood.cli import terminal
from geoflood.cli.options import IndexDir, Json, Quiet, Workers
from geoflood.cli.query_options import (
    City,
    Geotags,
    Queries,
    Select,
    UtmZone,
    ends_when_interrupted,
    read_query_set,
)
from geoflood.core.errors import PartialError
from geoflood.core.paths import city_folder

if TYPE_CHECKING:
    from geoflood.database.calibration import Calibration

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add calibrate to the program."""
    app.command()(calibrate)


def calibrate(
    city: City,
    queries: Queries,
    geotags: Geotags = None,
    select: Select = None,
    utm_zone: UtmZone = None,
    workers: Workers = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood calibrate hamburg queries.csv: the index learns from photos with a truth how sure to be.

    Changes the index. Give photos that are not references, best of another day; evaluate on yet others.
    """
    from geoflood.core.parallel import cores
    from geoflood.evaluation.queries import count_reasons, remedy
    from geoflood.localize.calibration.calibrate import refine

    folder = city_folder(city, index_dir)
    query_set = read_query_set(queries, geotags, select, utm_zone)
    photos = [(query.path, query.geotag.position) for query in query_set.photos if query.geotag]
    with ends_when_interrupted("a calibration"), terminal.progress() as progress:
        calibration = refine(folder, photos, workers or cores(), progress)
    _show(folder.name, len(photos), calibration, as_json)
    if left_out := query_set.left_out:
        raise PartialError(f"queries left out: {left_out.total()}{count_reasons(left_out)}", remedy(left_out))


def _show(index: str, queries: int, calibration: Calibration, as_json: bool) -> None:
    labelled = sum(entry.labelled for entry in calibration.values())
    if as_json:
        terminal.emit({"index": index, "queries": queries, "parts": len(calibration), "labelled": labelled})
        return
    rows = {
        "index": index,
        "queries": f"{queries:,}",
        "calibration": f"{labelled} of {len(calibration)} parts by labelled photos",
    }
    terminal.show_rows(rows)
    terminal.news("evaluate on other queries: these would flatter the index")
