"""The options that several commands share, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geoflood.cli import terminal
from geoflood.core.datatypes import Blend
from geoflood.core.errors import UsageError

__all__ = [
    "DESCRIBED",
    "FETCHED",
    "MACHINE",
    "MODEL",
    "OWN",
    "SEARCH",
    "WRITTEN",
    "Alpha",
    "AnyWorkers",
    "Basemap",
    "BlendForm",
    "DryRun",
    "IndexDir",
    "Json",
    "ModelsDir",
    "Precision",
    "Quiet",
    "Rerank",
    "SearchOn",
    "Verbose",
    "VerboseAnswers",
    "Workers",
    "parse_workers",
]

SEARCH = "How places are searched for"
MODEL = "A vision-language model"
FETCHED = "Images fetched with --from"
OWN = "Images of your own"
DESCRIBED = "How images are described"
WRITTEN = "What is written"
MACHINE = "This computer"
"""Groups of a command's help. Options of no group stand first: those that a first try needs."""


def _quieter(wanted: bool) -> bool:
    if wanted:
        terminal.set_verbosity(-1)
    return wanted


def _louder(level: int) -> int:
    if level:
        terminal.set_verbosity(level)
    return level


IndexDir = Annotated[
    Path | None,
    typer.Option(
        envvar="GEOFLOOD_INDEX_DIR",
        help="Where indexes live; default ./index, else the user's data.",
        rich_help_panel=MACHINE,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON object an answer, on stdout.", rich_help_panel=MACHINE),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", callback=_quieter, help="Only errors.", rich_help_panel=MACHINE)
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        callback=_louder,
        help="Log every request to a server; -vv logs more.",
        rich_help_panel=MACHINE,
    ),
]
VerboseAnswers = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        callback=_louder,
        help="Each of many photos in full, and every request to a server; -vv logs more.",
        rich_help_panel=MACHINE,
    ),
]
ModelsDir = Annotated[
    Path | None,
    typer.Option(
        envvar="GEOFLOOD_MODELS_DIR",
        help="Where weights live; default ./models if there, else the user's data.",
        rich_help_panel=MACHINE,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        envvar="GEOFLOOD_PRECISION",
        help="float32, bfloat16 or auto: what the hardware is made for.",
        rich_help_panel=MACHINE,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, envvar="GEOFLOOD_WORKERS", help="Default: one a core.", rich_help_panel=MACHINE),
]
AnyWorkers = Annotated[
    str | None,
    typer.Option(
        metavar="N|ray|ray://HOST",
        envvar="GEOFLOOD_WORKERS",
        help="Default: one a core; ray: a Ray cluster, here or at a head.",
        rich_help_panel=MACHINE,
    ),
]

SearchOn = Annotated[
    str | None,
    typer.Option(
        "--search",
        metavar="ray|ray://HOST",
        help="A Ray cluster holds the index, in parts.",
        rich_help_panel=MACHINE,
    ),
]


def parse_workers(given: str | None) -> int | str | None:
    """A number, or where a Ray cluster is. Raises UsageError for neither."""
    if given is None or given == "ray" or given.startswith("ray://"):
        return given
    if not (given.isascii() and given.isdecimal() and int(given)):
        raise UsageError(f"--workers {given!r} is no number of workers", "such as 4, ray or ray://HOST:10001")
    return int(given)


Alpha = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="How much the attention counts; default 1, of a model's 0.25.",
        rich_help_panel=SEARCH,
    ),
]
BlendForm = Annotated[
    Blend,
    typer.Option(
        "--blend",
        help="How attention and features mix; paper: as VPR-AttLLM's code, GeM networks.",
        rich_help_panel=SEARCH,
    ),
]
Basemap = Annotated[
    Path | None,
    typer.Option(
        help="GeoJSON to draw under the map, instead of the street map of the index.", rich_help_panel=WRITTEN
    ),
]

Rerank = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=256,
        show_default="20 with rootsift, else 0",
        help="Candidates whose details are compared with the photo's; 0 for none.",
        rich_help_panel=SEARCH,
    ),
]
