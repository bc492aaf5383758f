"""`geoflood batch-locate`: a folder of posts in, a map to decide on out."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from geoflood.cli import attend as vlm
from geoflood.cli import terminal
from geoflood.cli.batch_preview import show_preview
from geoflood.cli.batch_results import few, warn_unsealed
from geoflood.cli.cities import (
    Beside,
    Prior,
    indexes_or_only,
    open_indexes,
    raise_left_out,
    say_of_indexes,
    stated,
)
from geoflood.cli.options import (
    MODEL,
    SEARCH,
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
    Verbose,
    Workers,
)
from geoflood.core.datatypes import Blend, SearchOptions
from geoflood.core.errors import InputError, ModelError, PartialError, UsageError
from geoflood.core.files import fingerprint

if TYPE_CHECKING:
    from geoflood.core.datatypes import AttentionMap
    from geoflood.database.named_indexes import NamedIndexes
    from geoflood.localize.cities import Cities
    from geoflood.localize.locator import Locator
    from geoflood.triage.options import BatchOptions
    from geoflood.triage.pipeline import BatchSummary
    from geoflood.vlm.stage import VlmStage

__all__ = ["register"]

STOPPED = 130
"""Exit code of a batch that was asked to stop."""


DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would be done.", rich_help_panel=WRITTEN)
]
Posts = Annotated[Path, typer.Argument(help="Tweets, chats, exports, archives, photos; zip files too.")]
City = Annotated[str, typer.Option(help="Which index; several as a,b,c; auto: all, asked together.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; run again to continue.")]
TopK = Annotated[int, typer.Option(min=1, max=100, help="Candidates to keep a photo.")]
Waterline = Annotated[
    float | None, typer.Option(min=0, max=0.9, help="Share of the height under water, in every photo.")
]
Attention = Annotated[
    str | None, typer.Option(help="As in locate: none, ollama, auto, or FILE: one map for every photo.")
]
Replay = Annotated[
    bool,
    typer.Option(
        "--replay", help="Ask no model: only what it said in earlier runs counts.", rich_help_panel=MODEL
    ),
]
UsePostGeo = Annotated[
    bool,
    typer.Option(
        "--use-post-geo", help="Search only where a photo's posts say that it is.", rich_help_panel=SEARCH
    ),
]
UseWords = Annotated[
    bool,
    typer.Option(
        "--use-words",
        help="Search only around the street or landmark that a photo's posts name.",
        rich_help_panel=SEARCH,
    ),
]


def register(app: typer.Typer) -> None:
    """Add batch-locate to the program."""
    app.command("batch-locate")(batch_locate)


def batch_locate(
    folder: Posts,
    city: City,
    prior: Prior = None,
    beside_backbone: Beside = None,
    out: Out = Path("triage"),
    top_k: TopK = 10,
    waterline: Waterline = None,
    attention: Attention = None,
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
    replay: Replay = False,
    use_post_geo: UsePostGeo = False,
    use_words: UseWords = False,
    basemap: Basemap = None,
    precision: Precision = None,
    workers: Workers = None,
    dry_run: DryRun = False,
    search_on: SearchOn = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """geoflood batch-locate ~/tweets --city hamburg --out triage: a folder of posts in, a triaged map out.

    Photos are searched for, then re-ranked; the map is there in between, and gets better. Ctrl-C finishes the
    photos in hand; the same command continues. Your files are only ever read.
    """
    indexes, shares = indexes_or_only(city, index_dir, beside_backbone), stated(prior)
    selection = vlm.select_model(
        model, ollama_host, openai_host, allow_remote, prompt, grid, consistency, replay
    )
    stage = vlm.make_stage(selection, attention, verify, compare, indexes.only)
    from geoflood.outputs.basemap import read_basemap
    from geoflood.triage import pipeline
    from geoflood.triage.options import BatchOptions, BatchRequest
    from geoflood.triage.outputs import write_outputs

    streets = read_basemap(basemap) if basemap else None
    analyst_map, source = _read_analyst_map(stage, waterline)
    search = SearchOptions(top_k, stage.alpha if alpha is None else alpha, blend, rerank=rerank)
    options = BatchOptions(
        indexes.name,
        search,
        waterline,
        use_post_geo,
        use_words,
        search_anyway,
        shares,
        {**source, **stage.settings},
    )
    if dry_run:
        locator = _open(indexes, shares, options, precision, search_on)
        show_preview(folder, out, indexes.only or locator.database.folders, options, locator, stage, as_json)
        return
    with stage.open() as asker, _stopping() as stopping, terminal.progress() as progress:
        locator = _open(indexes, shares, options, precision, search_on)
        streets = streets or locator.street_map
        covered = locator.database.city()
        summary = pipeline.batch_locate(
            folder,
            out,
            locator,
            indexes.only or locator.database.folders,
            options,
            BatchRequest(stage, asker, analyst_map),
            street_map=locator.street_map,
            workers=workers,
            at_once=locator.batch,
            progress=progress,
            news=terminal.news,
            stopping=stopping,
            opened=warn_unsealed,
            rewrite=lambda results, left_s: write_outputs(results, covered, streets, left_s),
        )
    _warn_missing(summary)
    files = write_outputs(summary.results, covered, streets)
    _show(summary, files, as_json)
    _raise_unfinished(summary, files)
    raise_left_out(locator)


def _open(
    indexes: NamedIndexes,
    shares: Mapping[str, float],
    options: BatchOptions,
    precision: str | None,
    search: str | None,
) -> Locator | Cities:
    """What is searched, opened for these options. Raises UsageError for what it cannot do."""
    locator = open_indexes(indexes, precision, shares, search=search)
    say_of_indexes(locator)
    if options.use_words and indexes.only is None:
        raise UsageError("--use-words looks for the names of one city", "name one with --city")
    if options.use_words and locator.street_map is None:
        raise UsageError(
            f"--use-words: the index {indexes.name} has no street map",
            f"give it one first: geoflood streets {indexes.name} EXTRACT.osm.pbf",
        )
    locator.check(options.search)
    return locator


def _read_analyst_map(stage: VlmStage, waterline: float | None) -> tuple[AttentionMap | None, dict[str, str]]:
    """The analyst's map for every photo, and its hash for the settings of the run.

    --waterline stands over the map's own.
    """
    from geoflood.localize.attention import read_attention

    if stage.attends or stage.attention == "none":
        return None, {}
    path = Path(stage.attention)
    attention = read_attention(path)
    source = {"attention": f"SHA-256:{fingerprint(path)}"}
    return (attention if waterline is None else replace(attention, waterline=waterline)), source


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; pressed twice, it interrupts at once."""
    pressed = False
    before = signal.getsignal(signal.SIGINT)

    def press(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)
        terminal.news("finishing the photos in hand; Ctrl-C again stops at once, and loses only those")

    signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _warn_missing(summary: BatchSummary) -> None:
    """What the search had to do without, and what a replay did not find."""
    for doubt, count in summary.doubts.items():
        terminal.warning(f"{doubt} ({count:,} photos)")
    if missing := summary.unanswered:
        terminal.warning(f"--replay: the model was never asked about {len(missing):,} photos: {few(missing)}")


def _show(summary: BatchSummary, files: dict[str, Path], as_json: bool) -> None:
    """Counts of the whole folder, what this run added to them, and files."""
    from geoflood.core.datatypes import Outcome

    counts = {outcome.value: summary.results.outcomes[outcome] for outcome in Outcome}
    new = {outcome.value: summary.outcomes[outcome] for outcome in Outcome}
    passes = {
        "re_ranked": summary.re_ranked,
        "changed": summary.changed,
        "provisional": len(summary.results.waiting),
    }
    tally = summary.tally
    if as_json:
        paths = {name: str(path) for name, path in files.items()}
        unused = {"not_used": dict(tally.rejected), "left_out": dict(tally.left_out)}
        told = {"this_run": new, "before": summary.before, "stopped": summary.stopped, "files": paths}
        terminal.emit({**counts, **passes, **unused, **told})
    else:
        rows = {name: f"{count:,}" for name, count in counts.items()}
        rows |= {name.replace("_", "-"): f"{count:,}" for name, count in passes.items()}
        rows["by this run"] = f"{summary.outcomes.total():,} of {summary.results.outcomes.total():,}"
        rows["not used"] = f"{tally.rejected.total():,}"
        rows["left out"] = f"{tally.left_out.total():,}"
        terminal.show_rows({**rows, "map": str(files["map"]), "reasons": str(files["rejected"])})


def _raise_unfinished(summary: BatchSummary, files: dict[str, Path]) -> None:
    """Model down: exit 8; stopped: 130; no photo at all: 3; some failed: 10. Says how to go on."""
    from geoflood.core.datatypes import Outcome

    command = shlex.join(["geoflood", *sys.argv[1:]])
    if summary.down:
        raise ModelError(
            f"stopped, the model is down: {summary.down}",
            f"{summary.down.hint or 'start it'}; nothing is lost, the same command continues: {command}",
        )
    if summary.stopped:
        terminal.news(f"stopped; nothing is lost: run the same command again to continue: {command}")
        raise typer.Exit(STOPPED)
    if summary.unverified:
        terminal.warning(f"{summary.unverified:,} photos could not be verified: run again to try again")
    if kept := summary.not_re_ranked:
        terminal.warning(f"{len(kept):,} photos could not be re-ranked: run again to try again: {few(kept)}")
    if not summary.results.outcomes:
        raise InputError("there is no photo in what was read", f"{files['rejected']} says of each file why")
    if failed := summary.results.outcomes[Outcome.FAILED] + summary.unverified + len(kept):
        raise PartialError(f"{failed} photos failed; each is a row with its reason", f"see {files['table']}")
    if unused := summary.tally.rejected.total():
        raise PartialError(
            f"not used: {unused:,} of what is in the folder; each is a row with its reason",
            f"see {files['rejected']}",
        )
