"""`geoflood evaluate`: parse, call one function, show, exit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geoflood.cli import attend as vlm
from geoflood.cli import terminal
from geoflood.cli.flood import effects_of
from geoflood.cli.options import IndexDir, Json, Precision, Quiet, Rerank, Verbose, Workers
from geoflood.core.datatypes import ReasonKind
from geoflood.core.errors import IndexUnusableError, InputError, PartialError, UsageError
from geoflood.core.paths import city_folder

if TYPE_CHECKING:
    from geoflood.evaluation.evaluate import Bench
    from geoflood.evaluation.queries import QuerySet
    from geoflood.evaluation.query_water import QueryWater
    from geoflood.evaluation.results import Evaluation, QueryTruth
    from geoflood.evaluation.search_queries import Way
    from geoflood.vlm.client import Asker
    from geoflood.vlm.stage import VlmStage

__all__ = ["register"]

MISSES = 12
"""Worst misses that the report shows."""


def register(app: typer.Typer) -> None:
    """Add evaluate to the program."""
    app.command()(evaluate)


def evaluate(
    city: Annotated[str, typer.Argument(help="Which index.")],
    queries: Annotated[
        Path, typer.Argument(help="CSV or GeoJSON of geotags, folder of images, or root with queries/.")
    ],
    geotags: Annotated[Path | None, typer.Option(help="CSV or GeoJSON of a folder's positions.")] = None,
    select: Annotated[
        str | None, typer.Option(help="COLUMN=VALUE: only these rows, such as split=query.")
    ] = None,
    utm_zone: Annotated[
        str | None, typer.Option(help="Zone of @easting@northing@ file names, such as 10S.")
    ] = None,
    distance: Annotated[
        list[float] | None,
        typer.Option(min=0.1, help="Positive distance, metres; several: the first says what right is. [25]"),
    ] = None,
    flood: Annotated[
        list[float] | None,
        typer.Option(
            min=0, max=0.9, help="Share of each query to put under synthetic water; several are compared. [0]"
        ),
    ] = None,
    effects: Annotated[
        str | None,
        typer.Option(
            help="What else is drawn into each query: storm: rain, wet lens, debris, cars; post: cropped, "
            "shrunk, compressed; or both, as storm,post."
        ),
    ] = None,
    waterline: Annotated[
        str, typer.Option(help="What the search is told: none, true (that of --flood), or a share.")
    ] = "none",
    exclude_twins: Annotated[
        bool, typer.Option("--exclude-twins", help="Leave out references of the query's own drive.")
    ] = False,
    elsewhere: Annotated[
        Path | None, typer.Option(help="Photos of other places, which ought to be not-found.")
    ] = None,
    elsewhere_select: Annotated[str | None, typer.Option(help="COLUMN=VALUE of their rows.")] = None,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Also search with nothing done, told, untold ...: a row each.")
    ] = False,
    beside: Annotated[
        list[str] | None, typer.Option(help="Another index, such as one of another backbone; several.")
    ] = None,
    attention: Annotated[
        str | None, typer.Option(help="none; ollama or auto: what a model says of each query.")
    ] = None,
    alpha: Annotated[float | None, typer.Option(min=0, max=1, help="How much that counts.")] = None,
    model: vlm.Model = None,
    ollama_host: vlm.OllamaHost = None,
    openai_host: vlm.OpenAIHost = None,
    allow_remote: vlm.AllowRemote = None,
    rerank: Rerank = 0,
    verify: vlm.Verify = 0,
    calibrate: Annotated[
        bool,
        typer.Option("--calibrate", help="Afterwards let the index learn from these queries how sure to be."),
    ] = False,
    report: Annotated[Path | None, typer.Option(help="One HTML file: plots, tables, worst misses.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for report.html, evaluation.json and queries.csv.")
    ] = None,
    write_folder: Annotated[
        Path | None,
        typer.Option(help="New folder for database/ and queries/ in the field's form; evaluates nothing."),
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="With --write-folder: hard links in place of copies.")
    ] = False,
    precision: Precision = None,
    workers: Workers = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """geoflood evaluate hamburg queries.csv --report report.html: how right it is, on photos with a truth.

    Queries without a reference within the distance are counted apart. Only --calibrate changes the index.
    """
    if not all(map(math.isfinite, [*(distance or ()), *(flood or ())])):  # no range keeps NaN out
        raise UsageError("--distance and --flood take numbers", "such as --distance 100 --flood 0.45")
    if attention not in (None, "none", "ollama", "auto"):
        raise UsageError(f"--attention {attention}: one map does not fit all queries", "none, ollama or auto")
    attends = attention in ("ollama", "auto")
    _needs("--elsewhere-select", elsewhere_select, "--elsewhere", elsewhere)
    _needs("--link", link, "--write-folder", write_folder)
    _needs("--alpha", alpha is not None, "--attention ollama", attends)
    _needs("--effects water", effects == "water", "--flood", flood)
    from geoflood.backbones.compute import Compute
    from geoflood.evaluation import evaluate as line
    from geoflood.evaluation import outputs
    from geoflood.evaluation import queries as given
    from geoflood.evaluation.query_water import QueryWater
    from geoflood.evaluation.search_queries import ALL
    from geoflood.localize.locator import Locator

    Compute.best(precision, "cpu")  # refuses what is no precision, whatever the backbone makes of it
    called = ",".join(name.strip() for name in (effects or "water").split(","))
    waters = [QueryWater(level, effects_of(called), called) for level in dict.fromkeys(flood or [0.0])]
    told = [_waterline(waterline, water.level if flood else None) for water in waters]
    if write_folder is not None:
        wanted = {"--report": report, "--out": out, "--elsewhere": elsewhere, "--beside": beside}
        _unasked(wanted | {"--ablate": ablate, "--calibrate": calibrate, "--rerank": rerank})
        _unasked({"--attention": attends, "--verify": verify})
        if len(waters) > 1:
            raise UsageError("--write-folder writes one --flood", "write a folder a level")
        asked = _told_of(given.queries(queries, geotags, select, utm_zone))
        _write(write_folder, city_folder(city, index_dir), asked, waters[0], link, as_json)
        return
    if calibrate and exclude_twins:
        raise UsageError("--calibrate searches all references", "leave out --exclude-twins")
    outputs.tried(report, out, [queries, geotags, elsewhere])
    asked = _told_of(given.queries(queries, geotags, select, utm_zone))
    strange = given.elsewhere(elsewhere, elsewhere_select) if elsewhere else None
    selection = vlm.select_model(model, ollama_host, openai_host, allow_remote)
    stage = vlm.make_stage(selection, attention or "none", verify, city_folder(city, index_dir))
    evaluations: list[Evaluation] = []
    with _once():
        with stage.open() as asker, terminal.progress() as progress:
            benches = [
                line.prepare(
                    Locator(city_folder(name, index_dir), precision),
                    asked.photos,
                    strange.photos if strange else (),
                    distances_m=tuple(distance or [25.0]),
                    exclude_twins=exclude_twins,
                )
                for name in [city, *(beside or [])]
            ]
            how = replace(ALL, rerank=rerank)
            for bench in benches:
                bench.locator.check(how)
            for water, line_told in zip(waters, told, strict=True):
                way = _seeing(line.told_way(line_told, water.level, how), stage, asker, alpha)
                ways = line.ablations(way, water.level if flood else line_told) if ablate else [way]
                ways.sort(key=lambda one: one != way)
                pairs = [(bench, one) for bench in benches for one in ways if bench.takes(one)]
                evaluations += [line.evaluate(bench, one, water, workers, progress) for bench, one in pairs]
        _tell(evaluations, as_json)
        _files(evaluations, benches[0], waters[0], report, out)
    if calibrate:
        _calibrate(city_folder(city, index_dir), asked.photos, workers)
    _lost(asked.lost, strange.lost if strange else Counter(), evaluations[0])


def _needs(option: str, given: object, needed: str, there: object) -> None:
    """Raises UsageError for an option that would be ignored."""
    if given and not there:
        raise UsageError(f"{option} says nothing without {needed}", f"add {needed}, or leave it out")


def _unasked(wanted: Mapping[str, object]) -> None:
    """Raises UsageError for what --write-folder would not do."""
    if asked := [option for option, value in wanted.items() if value]:
        raise UsageError(f"--write-folder evaluates nothing: {', '.join(asked)}", "evaluate in another run")


@contextmanager
def _once() -> Iterator[None]:
    """Ctrl-C ends an evaluation, which is not kept and goes on nowhere."""
    try:
        yield
    except KeyboardInterrupt:
        terminal.news("interrupted: nothing is kept of an evaluation, it begins anew when it is run again")
        raise typer.Exit(130) from None


def _told_of(given: QuerySet) -> QuerySet:
    """The queries, with a word on what was passed over."""
    if given.repeated:
        terminal.news(f"{given.repeated} rows name a query again: each query counts once")
    return given


def _waterline(told: str, level: float | None) -> float | None:
    """What the search is told of a query under water up to `level`. Raises UsageError."""
    if told == "none":
        return None
    if told == "true":
        if level is None:
            raise UsageError("--waterline true is that of --flood, and there is no flood", "add --flood 0.45")
        return level
    try:
        share = float(told)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 0.9:
        raise UsageError(f"--waterline {told}: none, true, or a share from 0 to 0.9", "such as 0.4")
    return share


def _seeing(way: Way, stage: VlmStage, asker: Asker | None, alpha: float | None) -> Way:
    """The way, with what a model adds to it."""
    from geoflood.evaluation.attention import attending

    if stage.attends and stage.selection and asker:
        attend = attending(
            stage.selection.attention_asker(asker, stage.city), stage.selection.full_name, stage.auto
        )
        share = stage.alpha if alpha is None else alpha
        counts = replace(way.manner, alpha=share)
        way = replace(
            way, name=f"{way.name}, attention of {stage.selection.model}", manner=counts, attend=attend
        )
    if (verifier := stage.verifier(asker)) is not None:
        way = replace(way, name=f"{way.name}, {verifier.count} verified", verify=verifier)
    return way


def _write(folder: Path, index: Path, asked: QuerySet, water: QueryWater, link: bool, as_json: bool) -> None:
    """The index's references and the queries in the field's form."""
    from geoflood.database.database import Database
    from geoflood.evaluation.dataset import write_dataset
    from geoflood.evaluation.queries import reasons, remedy

    with _once():
        counts, missing = write_dataset(folder, Database(index), asked.photos, water, link)
    lost = asked.lost + Counter(one.reason for one in missing)
    if as_json:
        terminal.emit({"folder": str(folder), **counts, "lost": dict(lost)})
    for name, count in counts.items():
        terminal.news(f"{folder / name}: {count:,} pictures")
    if lost:
        raise PartialError(f"{lost.total()} pictures could not be written{reasons(lost)}", remedy(lost))


def _tell(evaluations: Sequence[Evaluation], as_json: bool) -> None:
    from geoflood.evaluation.report.evaluation_record import evaluation_record
    from geoflood.evaluation.report.summary import comparison, notes, ordered, signals, told

    first, *others = evaluations
    if as_json:
        record = evaluation_record(first)
        compared = {"compared": [evaluation_record(one) for one in others]} if others else {}
        terminal.emit(record | compared)
        return
    terminal.show_rows({_words(name): _words(value) for name, value in told(first).items()})
    terminal.show_table("what tells right from wrong", *signals(first))
    if others:
        titles, rows = comparison(ordered(evaluations))
        terminal.show_table("ways to search, compared", titles, [[*map(_words, row)] for row in rows])
    for note in notes(evaluations):
        terminal.news(f"note: {note}")


def _calibrate(folder: Path, asked: Sequence[QueryTruth], workers: int | None) -> None:
    """Let the index learn how far to trust itself."""
    from geoflood.core.parallel import cores
    from geoflood.localize.calibration.calibrate import refine

    photos = [(one.path, one.geotag.position) for one in asked if one.geotag]
    with terminal.progress() as progress:
        refine(folder, photos, workers or cores(), progress)
    terminal.news(
        f"{folder.name} is calibrated with {len(photos)} labelled queries; the figures above are older: "
        "evaluate on other queries, these would flatter it"
    )


def _words(text: str) -> str:
    """With spaces that a terminal knows."""
    return text.replace("\u00a0", " ")


def _files(
    evaluations: Sequence[Evaluation], bench: Bench, water: QueryWater, report: Path | None, out: Path | None
) -> None:
    """What was asked to be written."""
    from geoflood.evaluation import outputs
    from geoflood.evaluation.misses import pictured, worst

    pages = outputs.pages(report, out)
    misses = pictured(worst(evaluations[0], MISSES), bench, water) if pages else []
    outputs.write(evaluations, misses, report, out)
    for page in pages:
        terminal.news(f"report: {page}")
    if out:
        terminal.news(f"a row a query: {out / outputs.QUERIES}")


def _lost(lost: Counter[str], strangers: Counter[str], one: Evaluation) -> None:
    """Photos that could not be used, or not be searched: exit 10; all queries: exit 3, or 5 for the index."""
    from geoflood.evaluation.queries import reasons, remedy

    failed = Counter(query.reason for query in one.judged if not query.answered)
    if failed.total() == len(one.judged):
        if all(query.kind is ReasonKind.NOT_A_NUMBER for query in one.judged):
            raise IndexUnusableError(
                f"no query could be searched{reasons(failed)}", "run geoflood index again, with --rebuild"
            )
        raise InputError(f"no query could be searched{reasons(failed)}", "give JPEG or PNG files")
    strangers = strangers + Counter(query.reason for query in one.elsewhere if not query.answered)
    parts = [
        (lost, "queries left out"),
        (failed, "queries that could not be searched and count as wrong"),
        (strangers, "photos of elsewhere left out"),
    ]
    if said := [f"{what}: {n.total()}{reasons(n)}" for n, what in parts if n]:
        raise PartialError("; ".join(said), remedy(lost or failed or strangers))
