"""`geoflood dataset`: an index and queries as folders that other evaluators of the field read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from geoflood.cli import terminal
from geoflood.cli.options import IndexDir, Json, Quiet
from geoflood.cli.query_options import (
    City,
    Effects,
    Geotags,
    Queries,
    Select,
    UtmZone,
    ends_when_interrupted,
    parse_water,
    read_query_set,
)
from geoflood.core.errors import PartialError
from geoflood.core.paths import city_folder

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add dataset to the program."""
    app.command()(dataset)


def dataset(
    city: City,
    queries: Queries,
    out: Annotated[Path, typer.Argument(help="New folder for database/ and queries/.")],
    geotags: Geotags = None,
    select: Select = None,
    utm_zone: UtmZone = None,
    flood: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of each query to put under synthetic water.")
    ] = 0.0,
    effects: Effects = None,
    link: Annotated[bool, typer.Option("--link", help="Hard links in place of copies.")] = False,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood dataset hamburg queries.csv hamburg-set: references and queries in the field's folders.

    Each picture's name says where it was taken, as in the VPR data sets: @easting@northing@...@.jpg.
    """
    from geoflood.database.database import Database
    from geoflood.evaluation.dataset import write_dataset
    from geoflood.evaluation.queries import count_reasons, remedy

    (water,) = parse_water([flood] if flood else None, effects)
    query_set = read_query_set(queries, geotags, select, utm_zone)
    with ends_when_interrupted("a data set"):
        database = Database(city_folder(city, index_dir))
        counts, failed = write_dataset(out, database, query_set.photos, water, link)
    lost = query_set.left_out + Counter(picture.reason for picture in failed)
    if as_json:
        terminal.emit({"folder": str(out), **counts, "lost": dict(lost)})
    for split, count in counts.items():
        terminal.news(f"{out / split}: {count:,} pictures")
    if lost:
        raise PartialError(f"{lost.total()} pictures could not be written{count_reasons(lost)}", remedy(lost))
