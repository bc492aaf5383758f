"""`geoflood locate`: photos in, a line and a place on the map for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geoflood.cli import attend as vlm
from geoflood.cli import terminal
from geoflood.cli.batch_results import show_exported
from geoflood.cli.cities import (
    Beside,
    Prior,
    World,
    indexes_or_only,
    open_indexes,
    raise_left_out,
    say_of_indexes,
    stated,
    street_map_of,
)
from geoflood.cli.options import (
    WRITTEN,
    Alpha,
    Basemap,
    BlendForm,
    IndexDir,
    Json,
    Precision,
    Quiet,
    Rerank,
    SearchOn,
    VerboseAnswers,
    Workers,
)
from geoflood.cli.show_located import show_located
from geoflood.cli.show_many import show_many
from geoflood.core.datatypes import AttentionMap, Blend, Outcome, Query, SearchOptions
from geoflood.core.errors import InputError, PartialError, UsageError

if TYPE_CHECKING:
    from geoflood.core.datatypes import Located

__all__ = ["Photos", "photos_of", "register"]


Photos = Annotated[list[str], typer.Argument(help="Photos, folders of photos, or - for a list on stdin.")]
OneCity = Annotated[
    str | None,
    typer.Option(help="Which index; several as a,b,c; auto: all. May be left out when there is one."),
]
TopK = Annotated[int, typer.Option(min=1, max=100, help="Candidates to show.")]
Attention = Annotated[
    str | None,
    typer.Option(
        help="none; ollama: the model's, the default where one is named; auto: the model's if it can be "
        "had; or FILE: JSON grid or regions, or a grey PNG."
    ),
]
Waterline = Annotated[
    float | None,
    typer.Option(min=0, max=0.9, help="Share of the height under water, 0..0.9; unknown: all bands."),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for map.html, located.geojson, located.csv.")
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Replace the results of another run in --out.", rich_help_panel=WRITTEN),
]
Export = Annotated[
    Path | None,
    typer.Option(
        help="One more file, as of geoflood export: .kmz .gpx .gpkg .zip (TAK).", rich_help_panel=WRITTEN
    ),
]
Public = Annotated[
    bool,
    typer.Option(
        "--public/--internal",
        help="Of --export: without anything that leads to a person, or with all.",
        rich_help_panel=WRITTEN,
    ),
]
Tiles = Annotated[
    str | None,
    typer.Option(help="URL of a tile server; the map then needs the network.", rich_help_panel=WRITTEN),
]


def register(app: typer.Typer) -> None:
    """Add locate to the program."""
    app.command()(locate)


def locate(
    photos: Photos,
    city: OneCity = None,
    prior: Prior = None,
    beside_backbone: Beside = None,
    world: World = False,
    top_k: TopK = 10,
    attention: Attention = None,
    waterline: Waterline = None,
    alpha: Alpha = None,
    blend: BlendForm = Blend.CONTINUOUS,
    model: vlm.Model = None,
    ollama_host: vlm.OllamaHost = None,
    openai_host: vlm.OpenAIHost = None,
    allow_remote: vlm.AllowRemote = None,
    prompt: vlm.PromptForm = "cells",
    grid: vlm.Grid = 4,
    consistency: vlm.Consistency = 1,
    rerank: Rerank = None,
    verify: vlm.Verify = 0,
    compare: vlm.Compare = 0,
    search_anyway: vlm.Anyway = False,
    out: Out = None,
    force: Force = False,
    export: Export = None,
    public: Public = False,
    basemap: Basemap = None,
    tiles: Tiles = None,
    precision: Precision = None,
    workers: Workers = None,
    search_on: SearchOn = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: VerboseAnswers = 0,
) -> None:
    """geoflood locate photo.jpg --city hamburg: where a photo was taken, with a map that opens offline.

    Writes to ./located, or to ./located-2 where results are there; with --json only where --out says.
    """
    queries = [Query(path) for path in photos_of(photos)]
    if not queries:
        raise InputError("no photos given", "geoflood locate PHOTO, or - and a list of paths on stdin")
    _check_export(export, force, public)
    indexes = indexes_or_only(city, index_dir, beside_backbone)
    selection = vlm.select_model(model, ollama_host, openai_host, allow_remote, prompt, grid, consistency)
    stage = vlm.make_stage(selection, attention, verify, compare, indexes.only)
    analyst_map = None if stage.attends else _read_analyst_map(stage.attention)
    from geoflood.outputs.basemap import read_basemap
    from geoflood.outputs.result_folder import result_folder, write_results

    results = result_folder(out, force) if out or not as_json else None
    streets = read_basemap(basemap) if basemap else None
    with stage.open() as asker, terminal.progress() as progress:
        locator = open_indexes(
            indexes, precision, stated(prior), world=world, progress=progress, search=search_on
        )
        say_of_indexes(locator)
        options = SearchOptions(top_k, stage.alpha if alpha is None else alpha, blend, rerank=rerank)
        locator.check(options)
        search = partial(
            locator.locate_all,
            options=options,
            verify=stage.checks(asker),
            workers=workers,
            progress=progress,
        )
        if stage.attends:
            located = stage.locate(
                queries, asker, search, waterline=waterline, anyway=search_anyway, progress=progress
            )
        else:
            located = search(queries, analyst_map, waterline=waterline)
    if len(located) == 1 or as_json or verbose:
        for answer in located:
            show_located(answer, as_json)
    else:
        show_many(located)
    _raise_if_none_read(located)
    if results is not None:
        written = write_results(
            located,
            locator.database.city(),
            results,
            streets=streets or street_map_of(locator, located),
            tiles=tiles,
        )
        for kind, path in written.items():
            terminal.news(f"{kind}: {path}")
    _export(located, export, public)
    _raise_failures(located)
    raise_left_out(locator)


def _check_export(file: Path | None, force: bool, public: bool) -> None:
    """Raises UsageError, before any work is done, for a file that could not be written after it."""
    if file is None:
        return
    from geoflood.triage.export.formats import FORMATS, format_of

    if format_of(file) is FORMATS["html"] and not public:
        raise UsageError("map.html is the internal map already", "add --public for one without people")
    if file.exists() and not force:
        raise UsageError(f"{file} is there already", "add --force, or name another file")


def _export(located: Sequence[Located], file: Path | None, public: bool) -> None:
    """Write the file that --export names."""
    if file is None:
        return
    from geoflood.triage.export.redaction import Sharing
    from geoflood.triage.located_findings import export_located

    told = export_located(located, file, Sharing.PUBLIC if public else Sharing.INTERNAL)
    show_exported(file, told, public)


def photos_of(arguments: Sequence[str]) -> Iterator[Path]:
    """The photos meant: files as they are, what lies in folders, lines of stdin."""
    from geoflood.imagery.folder import is_picture

    for argument in arguments:
        if argument == "-":
            yield from (Path(line) for line in sys.stdin.read().splitlines() if line.strip())
        elif Path(argument).is_dir():
            inside = sorted(filter(is_picture, Path(argument).rglob("*")))
            if not inside:
                raise InputError(f"no photos in {argument}", "give a folder with JPEG or PNG files")
            yield from inside
        else:
            yield Path(argument)


def _read_analyst_map(source: str) -> AttentionMap | None:
    """The map of a file; None where there is none."""
    from geoflood.localize.attention import read_attention

    return None if source == "none" else read_attention(Path(source))


def _raise_if_none_read(located: Sequence[Located]) -> None:
    """All failed: exit 3, before anything is written."""
    from geoflood.outputs.wording import reason_line

    if all(answer.outcome is Outcome.FAILED for answer in located):
        first = f"{located[0].query.path}: {reason_line(located[0])}"
        raise InputError(f"no photo could be read; the first: {first}", "give JPEG or PNG files")


def _raise_failures(located: Sequence[Located]) -> None:
    """Some failed: exit 10."""
    failed = sum(answer.outcome is Outcome.FAILED for answer in located)
    if failed:
        raise PartialError(f"{failed} of {len(located)} photos failed", "the others were located")
