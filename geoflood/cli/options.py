"""The options that several commands share, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geoflood.cli import terminal
from geoflood.core.datatypes import Blend

__all__ = [
    "Alpha",
    "Basemap",
    "BlendForm",
    "IndexDir",
    "Json",
    "ModelsDir",
    "Precision",
    "Quiet",
    "Rerank",
    "Verbose",
    "Workers",
]


def _quieter(wanted: bool) -> None:
    if wanted:
        terminal.set_verbosity(-1)


def _louder(level: int) -> None:
    if level:
        terminal.set_verbosity(level)


IndexDir = Annotated[
    Path | None,
    typer.Option(
        envvar="GEOFLOOD_INDEX_DIR", help="Where indexes live; default ./index, else the user's data."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object an answer, on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", callback=_quieter, help="Only errors.")]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose", "-v", count=True, callback=_louder, help="Log every request to a server; -vv logs more."
    ),
]
ModelsDir = Annotated[
    Path | None,
    typer.Option(
        envvar="GEOFLOOD_MODELS_DIR",
        help="Where weights live; default ./models if there, else the user's data.",
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        envvar="GEOFLOOD_PRECISION", help="float32, bfloat16 or auto: what the hardware is made for."
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, envvar="GEOFLOOD_WORKERS", help="Default: one a core.")]
Alpha = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="How much the attention counts; default 1, of a model's 0.25."),
]
BlendForm = Annotated[
    Blend,
    typer.Option(
        "--blend", help="How attention and features mix; paper: as VPR-AttLLM's code, GeM networks."
    ),
]
Basemap = Annotated[
    Path | None, typer.Option(help="GeoJSON to draw under the map, instead of the street map of the index.")
]

Rerank = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=256,
        show_default="20 with rootsift, else 0",
        help="Candidates whose details are compared with the photo's; 0 for none.",
    ),
]
