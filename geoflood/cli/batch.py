"""The commands around a folder of posts: parse, call one function, show, exit."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geoflood.cli import attend as vlm
from geoflood.cli import terminal
from geoflood.cli.options import (
    Alpha,
    Basemap,
    BlendForm,
    IndexDir,
    Json,
    Precision,
    Quiet,
    Rerank,
    Verbose,
    Workers,
)
from geoflood.core.datatypes import Blend, SearchOptions
from geoflood.core.errors import GeofloodError, InputError, ModelError, PartialError, UsageError
from geoflood.core.files import fingerprint
from geoflood.core.paths import city_folder

if TYPE_CHECKING:
    from geoflood.core.datatypes import AttentionMap, City
    from geoflood.triage.pipeline import BatchSummary
    from geoflood.triage.results import Results
    from geoflood.vlm.stage import VlmStage

__all__ = ["register"]

STOPPED = 130
"""Exit code of a batch that was asked to stop."""
NAMED = 10
"""Photos, files or lines that a warning names."""
_AFTER = (
    "a command that was killed leaves such lines, and seals them when it is given again; else they were added"
)


def register(app: typer.Typer) -> None:
    """Add batch-locate, export, review and verify to the program."""
    app.command("batch-locate")(batch_locate)
    app.command()(export)
    app.command()(review)
    app.command()(verify)


def batch_locate(
    folder: Annotated[Path, typer.Argument(help="Tweets, chats, exports, archives, photos; zip files too.")],
    city: Annotated[str, typer.Option(help="Which index.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; run again to continue.")] = Path(
        "triage"
    ),
    top_k: Annotated[int, typer.Option(min=1, max=100, help="Candidates to keep a photo.")] = 10,
    waterline: Annotated[
        float | None, typer.Option(min=0, max=0.9, help="Share of the height under water, in every photo.")
    ] = None,
    attention: Annotated[
        str | None, typer.Option(help="As in locate: none, ollama, auto, or FILE: one map for every photo.")
    ] = None,
    alpha: Alpha = None,
    blend: BlendForm = Blend.CONTINUOUS,
    model: vlm.Model = None,
    ollama_host: vlm.OllamaHost = None,
    openai_host: vlm.OpenAIHost = None,
    allow_remote: vlm.AllowRemote = None,
    prompt: vlm.PromptForm = "cells",
    grid: vlm.Grid = 4,
    consistency: vlm.Consistency = 1,
    rerank: Rerank = 0,
    verify: vlm.Verify = 0,
    search_anyway: vlm.Anyway = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="Ask no model: only what it said in earlier runs counts.")
    ] = False,
    use_post_geo: Annotated[
        bool, typer.Option("--use-post-geo", help="Search only where a photo's posts say that it is.")
    ] = False,
    basemap: Basemap = None,
    precision: Precision = None,
    workers: Workers = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """geoflood batch-locate ~/tweets --city hamburg --out triage: a folder of posts in, a triaged map out.

    Ctrl-C finishes the photos in hand; the same command continues. Your files are only ever read.
    """
    index = city_folder(city, index_dir)
    selection = vlm.select_model(
        model, ollama_host, openai_host, allow_remote, prompt, grid, consistency, replay
    )
    stage = vlm.make_stage(selection, attention, verify, index)
    from geoflood.localize.locator import Locator
    from geoflood.outputs.result_folder import read_basemap
    from geoflood.triage import pipeline
    from geoflood.triage.options import BatchOptions, BatchRequest
    from geoflood.triage.outputs import write_outputs

    streets = read_basemap(basemap) if basemap else None
    analyst_map, source = _analyst(stage, waterline)
    how = SearchOptions(top_k, stage.alpha if alpha is None else alpha, blend, rerank=rerank)
    vlm_settings = {**source, **stage.settings}
    options = BatchOptions(index.name, how, waterline, use_post_geo, search_anyway, vlm_settings)
    with stage.open() as asker, _stopping() as stopping, terminal.progress() as progress:
        locator = Locator(index, precision)
        locator.check(how)
        request = BatchRequest(stage, asker, analyst_map)
        summary = pipeline.batch_locate(
            folder,
            out,
            locator,
            index,
            options,
            request,
            workers=workers,
            at_once=locator.describer.batch,
            progress=progress,
            news=terminal.news,
            stopping=stopping,
            opened=_warn_unsealed,
        )
    _missed(summary)
    files = write_outputs(summary.results, locator.database.city(), streets)
    _told(summary, files, as_json)


def _analyst(stage: VlmStage, waterline: float | None) -> tuple[AttentionMap | None, dict[str, str]]:
    """An analyst's map for every photo and its hash; the analyst's word on the waterline stands over it."""
    from geoflood.localize.attention import read_attention

    if stage.attends or stage.attention == "none":
        return None, {}
    path = Path(stage.attention)
    told = read_attention(path)
    source = {"attention": f"SHA-256:{fingerprint(path)}"}
    return (told if waterline is None else replace(told, waterline=waterline)), source


def export(
    results: Annotated[Path, typer.Argument(help="Folder that batch-locate wrote.")],
    file: Annotated[Path, typer.Argument(help="What to write: .geojson .geojsonl .csv .kmz .gpx .html.")],
    public: Annotated[
        bool,
        typer.Option("--public/--internal", help="Without anything that leads to a person, or with all."),
    ] = False,
    named: Annotated[str | None, typer.Option("--format", help="When the suffix does not say.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    quiet: Quiet = False,
) -> None:
    """geoflood export triage findings.kmz --public: the results of a batch in another format."""
    from geoflood.triage.export.redaction import GRID_M, Sharing
    from geoflood.triage.outputs import export as write_export
    from geoflood.triage.results import read_results

    if file.exists() and not overwrite:
        raise UsageError(f"{file} is there already", "add --overwrite, or name another file")
    known = read_results(results)
    _warn_unsealed(known)
    write_export(known, file, Sharing.PUBLIC if public else Sharing.INTERNAL, named)
    told = f"public: no persons, squares of {GRID_M:.0f} m" if public else "INTERNAL: holds persons' posts"
    terminal.news(f"{len(known)} photos in {file} ({told})")


def review(
    results: Annotated[Path, typer.Argument(help="Folder that batch-locate wrote.")],
    decisions: Annotated[Path, typer.Option(help="File that the triage map saved.")],
    basemap: Basemap = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood review triage --decisions decisions.json: merges what people confirmed, rejected or moved."""
    from geoflood.outputs.result_folder import read_basemap
    from geoflood.triage.outputs import write_outputs
    from geoflood.triage.review import review as merge

    streets = read_basemap(basemap) if basemap else None
    merged = merge(results, decisions, _warn_unsealed)
    write_outputs(merged.results, _city(merged.results, index_dir), streets)
    counts = {**{status.value: count for status, count in merged.new.items()}, "older": merged.older}
    if as_json:
        terminal.emit({**counts, "conflicts": merged.conflicts})
    else:
        terminal.show_rows({name: str(count) for name, count in counts.items()})
    for conflict in merged.conflicts[:NAMED]:
        terminal.warning(conflict)
    if (more := len(merged.conflicts) - NAMED) > 0:
        terminal.warning(f"reviewers differ on {more:,} more photos: --json has all")


def verify(
    results: Annotated[Path, typer.Argument(help="Folder that batch-locate wrote.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood verify triage: recomputes the journal's chain and the hash of every input and output."""
    from geoflood.triage.custody import verify as check

    found = check(results)
    told: dict[str, Any] = {
        "lines": found.lines,
        "located": found.located,
        "inputs_unchanged": found.inputs,
        "changed": list(found.changed),
        "missing": list(found.missing),
        "after_run_json": list(found.after),
        "seal": found.seal,
    }
    if as_json:
        terminal.emit(told)
    else:
        terminal.show_rows({name: _words(value) for name, value in told.items()})
    if not found.stands:
        raise InputError(
            f"{len(found.changed):,} files are not what they were, {len(found.missing):,} are missing, "
            f"{len(found.after):,} lines of the journal came after run.json was written",
            _AFTER if found.after else "they are listed above",
        )


def _words(value: str | int | list[str]) -> str:
    if isinstance(value, list):
        return _few(value) or "none"
    return value if isinstance(value, str) else f"{value:,}"


def _few(names: Sequence[str]) -> str:
    """As many as a line can name; --json has all."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _warn_unsealed(results: Results) -> None:
    """Warn of decisions that no command of geoflood ended with."""
    from geoflood.triage.custody import unsealed

    if told := unsealed(results):
        terminal.warning(f"{len(told):,} decisions came after run.json was written: {_few(told)}; {_AFTER}")


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; pressed twice, it interrupts at once."""
    asked = False
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)
        terminal.news("finishing the photos in hand; Ctrl-C again stops at once, and loses only those")

    signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def _missed(summary: BatchSummary) -> None:
    """What the search had to do without, and what a replay did not find."""
    for doubt, count in summary.doubts.items():
        terminal.warning(f"{doubt} ({count:,} photos)")
    if missing := summary.unanswered:
        terminal.warning(
            f"--replay: the model was never asked about {len(missing):,} photos: {_few(missing)}"
        )


def _told(summary: BatchSummary, files: dict[str, Path], as_json: bool) -> None:
    """The last lines: counts, files, how to go on."""
    from geoflood.core.datatypes import Outcome

    counts = {outcome.value: summary.outcomes[outcome] for outcome in Outcome}
    if as_json:
        paths = {name: str(path) for name, path in files.items()}
        terminal.emit({**counts, "before": summary.before, "stopped": summary.stopped, "files": paths})
    else:
        rows = {name: f"{count:,}" for name, count in counts.items()}
        terminal.show_rows({**rows, "from earlier runs": f"{summary.before:,}", "map": str(files["map"])})
    if summary.down:
        raise ModelError(
            f"stopped, the model is down: {summary.down}",
            f"{summary.down.hint or 'start it'}; nothing is lost, the same command continues: {_again()}",
        )
    if summary.stopped:
        terminal.news(f"stopped; nothing is lost: run the same command again to continue: {_again()}")
        raise typer.Exit(STOPPED)
    if summary.unverified:
        terminal.warning(f"{summary.unverified:,} photos could not be verified: run again to try again")
    if failed := summary.outcomes[Outcome.FAILED] + summary.unverified:
        raise PartialError(f"{failed} photos failed; each is a row with its reason", f"see {files['table']}")


def _again() -> str:
    """The command that was given, for a shell."""
    return shlex.join(["geoflood", *sys.argv[1:]])


def _city(results: Results, index_dir: Path | None) -> City:
    """What the index covers; nothing but its name when it is not on this computer."""
    import numpy as np

    from geoflood.core.datatypes import City
    from geoflood.database.database import Database

    name = str(results.run["settings"]["options"]["city"])
    try:
        return Database(city_folder(name, index_dir)).city()
    except GeofloodError as error:
        terminal.news(f"the map is drawn without its streets: {error}")
        return City(name, 0, 0, "index not at hand", np.empty((0, 2)))
