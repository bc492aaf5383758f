"""What evaluate, calibrate and dataset share: the options that name queries, and Ctrl-C."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geoflood.cli import terminal
from geoflood.cli.flood import effects_of
from geoflood.core.errors import UsageError

if TYPE_CHECKING:
    from geoflood.evaluation.queries import QuerySet
    from geoflood.evaluation.query_water import QueryWater

__all__ = [
    "CitiesAsked",
    "City",
    "Effects",
    "Geotags",
    "Queries",
    "Select",
    "UtmZone",
    "ends_when_interrupted",
    "parse_water",
    "read_query_set",
    "require",
]

City = Annotated[str, typer.Argument(help="Which index.")]
CitiesAsked = Annotated[
    str, typer.Argument(metavar="CITY", help="Which index; several as a,b,c; auto: all, asked together.")
]
Queries = Annotated[
    Path, typer.Argument(help="CSV or GeoJSON of geotags, folder of images, or root with queries/.")
]
Geotags = Annotated[Path | None, typer.Option(help="CSV or GeoJSON of a folder's positions.")]
Select = Annotated[str | None, typer.Option(help="COLUMN=VALUE: only these rows, such as split=query.")]
UtmZone = Annotated[str | None, typer.Option(help="Zone of @easting@northing@ file names, such as 10S.")]
Effects = Annotated[
    str | None,
    typer.Option(
        help="What else is drawn into each query: storm: rain, wet lens, debris, cars; post: cropped, "
        "shrunk, compressed; or both, as storm,post."
    ),
]


def read_query_set(path: Path, geotags: Path | None, select: str | None, utm_zone: str | None) -> QuerySet:
    """The queries, with news of rows that were passed over. Raises InputError when none can be used."""
    from geoflood.evaluation.queries import read_queries

    queries = read_queries(path, geotags, select, utm_zone)
    if queries.duplicates:
        terminal.news(f"{queries.duplicates} rows name a query again: each query counts once")
    return queries


def parse_water(levels: Sequence[float] | None, effects: str | None) -> list[QueryWater]:
    """The water of each level, once; without levels, water of none. Raises UsageError."""
    from geoflood.evaluation.query_water import QueryWater

    if not all(map(math.isfinite, levels or ())):  # older versions of typer let NaN pass a range
        raise UsageError("--flood takes a share of the height", "such as --flood 0.45")
    require("--effects water", effects == "water", "--flood", levels)
    names = ",".join(name.strip() for name in (effects or "water").split(","))
    presets = effects_of(names)
    return [QueryWater(level, presets, names) for level in dict.fromkeys(levels or [0.0])]


def require(option: str, given: object, needed: str, there: object) -> None:
    """Raises UsageError for an option that is given and would be ignored."""
    if given and not there:
        raise UsageError(f"{option} says nothing without {needed}", f"add {needed}, or leave it out")


@contextmanager
def ends_when_interrupted(what: str) -> Iterator[None]:
    """Ctrl-C ends the command with exit code 130: nothing of `what` is kept, so nothing can continue."""
    try:
        yield
    except KeyboardInterrupt:
        terminal.news(f"interrupted: nothing is kept of {what}, it begins anew when it is run again")
        raise typer.Exit(130) from None
