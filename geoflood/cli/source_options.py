"""The options of `geoflood index --from SOURCE`: which source, which ground, how much of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geoflood.cli.options import FETCHED
from geoflood.core.errors import InputError, UsageError

if TYPE_CHECKING:
    from geoflood.core.area import Area
    from geoflood.imagery.sources.source import Source

__all__ = [
    "Aoi",
    "Around",
    "Bounds",
    "From",
    "Geocoder",
    "KeepImages",
    "MaxImages",
    "Plan",
    "Radius",
    "Since",
    "SourceUrl",
    "Yes",
    "open_source",
    "parse_area",
    "parse_since",
    "refuse_beside_source",
    "refuse_both",
    "refuse_without_source",
]

MAX_BYTES = 100_000_000
"""Of a file that draws an area."""

From = Annotated[
    str | None,
    typer.Option(
        "--from", help="mapillary, panoramax, kartaview or amsterdam: fetch images.", metavar="SOURCE"
    ),
]
Bounds = Annotated[
    str | None,
    typer.Option(help="Ground to fetch: a box in degrees.", metavar="S,W,N,E", rich_help_panel=FETCHED),
]
Aoi = Annotated[
    Path | None, typer.Option(help="Ground to fetch: the polygons of a GeoJSON.", rich_help_panel=FETCHED)
]
Around = Annotated[
    str | None,
    typer.Option(
        "--center",
        help="Ground to fetch: a circle, with --radius.",
        metavar="LAT,LON",
        rich_help_panel=FETCHED,
    ),
]
Radius = Annotated[
    float | None, typer.Option(help="Of the circle, metres.", metavar="M", rich_help_panel=FETCHED)
]
Geocoder = Annotated[
    str | None,
    typer.Option(
        help="Who knows a name's ground: a Nominatim, or photon+URL; default OSM's.",
        metavar="URL",
        rich_help_panel=FETCHED,
    ),
]
SourceUrl = Annotated[
    str | None,
    typer.Option(
        help="A mirror of the source, or an instance of your own.", metavar="URL", rich_help_panel=FETCHED
    ),
]
Plan = Annotated[
    bool, typer.Option("--plan", "--dry-run", help="Only say what it would cost and what it is worth.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Fetch without asking.", rich_help_panel=FETCHED)]
MaxImages = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Fetched at the most, chosen to cover places and directions; default all.",
        rich_help_panel=FETCHED,
    ),
]
KeepImages = Annotated[
    str | None,
    typer.Option(
        help="What stays of pictures once they are described: all, thumbnails or none; default all.",
        rich_help_panel=FETCHED,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(help="Only images taken since then.", metavar="YYYY[-MM[-DD]]", rich_help_panel=FETCHED),
]


def open_source(name: str, url: str | None) -> Source:
    """The source of a name. Raises UsageError, TokenError."""
    from geoflood.imagery.sources.catalog import open_source

    return open_source(name, url)


def refuse_beside_source(given: Sequence[Path]) -> None:
    """Raises UsageError for images of one's own when others are to be fetched."""
    if given:
        raise UsageError(
            f"images come from a source or from folders, and {given[0]} is given too", "index one, then add"
        )


def refuse_both(plan: bool, update: bool) -> None:
    """Raises UsageError: a plan tells of what is kept, and an update asks for it anew."""
    if plan and update:
        raise UsageError("--plan fetches nothing, and --update fetches what is new", "give one of them")


def refuse_without_source(given: Mapping[str, object]) -> None:
    """Raises UsageError for an option that says what to fetch when nothing is to be fetched."""
    names = {"area": "--bounds, --aoi and --center", "yes": "--yes", "plan": "--plan"}
    for name, value in given.items():
        if value is not None:
            shown = names.get(name, f"--{name.replace('_', '-')}")
            raise UsageError(f"{shown} says what to fetch, and nothing is fetched", "add --from SOURCE")


def parse_area(bounds: str | None, aoi: Path | None, centre: str | None, radius: float | None) -> Area | None:
    """The ground that is named; None where the city's name says it.

    Raises UsageError for several or half of one, InputError for what encloses nothing.
    """
    from geoflood.core.area import Area
    from geoflood.core.datatypes import LatLon

    if sum(given is not None for given in (bounds, aoi, centre)) > 1:
        raise UsageError("--bounds, --aoi and --center each name the ground", "give one of them")
    if (centre is None) != (radius is None):
        raise UsageError(
            "a circle needs both --center and --radius", "such as --center 52.373,4.893 --radius 800"
        )
    if bounds is not None:
        south, west, north, east = _numbers(bounds, 4, "--bounds S,W,N,E")
        return Area.of_box(south, west, north, east)
    if aoi is not None:
        return _read_area(aoi)
    if centre is None or radius is None:
        return None
    lat, lon = _numbers(centre, 2, "--center LAT,LON")
    try:
        return Area.of_circle(LatLon(lat, lon), radius)
    except ValueError as error:
        raise UsageError(f"--center {centre}: {error}", "latitude first, such as 52.373,4.893") from error


def _numbers(text: str, count: int, form: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise UsageError(f"{text!r} is not {form}", "numbers in degrees with commas between them, no blanks")
    return numbers


def _read_area(path: Path) -> Area:
    """The polygons of a GeoJSON file. Raises InputError."""
    from geoflood.core.area import Area

    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB", "simplify it")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", "check the path given to --aoi"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no GeoJSON: {error!s:.100}", "export it as GeoJSON (WGS 84)") from error
    return Area.of_geojson(content, path.stem)


def parse_since(text: str | None) -> datetime | None:
    """A day in UTC. Raises UsageError."""
    if text is None:
        return None
    from geoflood.imagery.parse_values import parse_time

    since = parse_time(text)
    if since is None:
        raise UsageError(f"--since {text!r} is no date", "such as 2022 or 2022-05-31")
    return since
