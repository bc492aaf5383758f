"""The options that several commands share, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geoflood import console

__all__ = ["Basemap", "IndexDir", "Json", "Precision", "Quiet", "Verbose", "Workers"]


def _quieter(wanted: bool) -> None:
    if wanted:
        console.set_verbosity(-1)


def _louder(level: int) -> None:
    if level:
        console.set_verbosity(level)


IndexDir = Annotated[
    Path | None,
    typer.Option(
        envvar="GEOFLOOD_INDEX_DIR", help="Where indexes live; default ./index, else the user's data."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object an answer, on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", callback=_quieter, help="Only errors.")]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, callback=_louder, help="More news.")]
Precision = Annotated[
    str | None,
    typer.Option(
        envvar="GEOFLOOD_PRECISION", help="float32, bfloat16 or auto: what the hardware is made for."
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, envvar="GEOFLOOD_WORKERS", help="Default: one a core.")]
Basemap = Annotated[Path | None, typer.Option(help="GeoJSON of streets and water to draw under the map.")]
