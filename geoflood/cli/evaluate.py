"""`geoflood evaluate`: how right an index is, on photos with a truth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geoflood.cli import attend as vlm
from geoflood.cli import terminal
from geoflood.cli.cities import indexes_or_only, left_out_line, open_indexes, raise_left_out
from geoflood.cli.options import IndexDir, Json, Precision, Quiet, Rerank, Workers
from geoflood.cli.query_options import (
    CitiesAsked,
    Effects,
    Geotags,
    Queries,
    Select,
    UtmZone,
    ends_when_interrupted,
    parse_water,
    read_query_set,
    require,
)
from geoflood.core.datatypes import Progress, ReasonKind
from geoflood.core.errors import IndexUnusableError, InputError, PartialError, UsageError

if TYPE_CHECKING:
    from geoflood.database.named_indexes import NamedIndexes
    from geoflood.evaluation.evaluate import Benchmark
    from geoflood.evaluation.queries import QuerySet
    from geoflood.evaluation.query_water import QueryWater, Waterline
    from geoflood.evaluation.results import Evaluation
    from geoflood.evaluation.search_queries import SearchSetting
    from geoflood.vlm.client import Asker
    from geoflood.vlm.stage import VlmStage

__all__ = ["register"]

MISSES = 12
"""Worst misses that the report shows."""
MODEL_ATTENTION = ("ollama", "auto")

Distances = Annotated[
    list[float] | None,
    typer.Option(min=0.1, help="Positive distance, metres; several: the first says what right is. [25]"),
]
Levels = Annotated[
    list[float] | None,
    typer.Option(
        min=0, max=0.9, help="Share of each query to put under synthetic water; several are compared. [0]"
    ),
]
ToldOption = Annotated[
    str, typer.Option(help="What the search is told: none, true (that of --flood), or a share.")
]
ExcludeTwins = Annotated[
    bool, typer.Option("--exclude-twins", help="Leave out references of the query's own drive.")
]
Elsewhere = Annotated[Path | None, typer.Option(help="Photos of other places, which ought to be not-found.")]
ElsewhereSelect = Annotated[str | None, typer.Option(help="COLUMN=VALUE of their rows.")]
Ablate = Annotated[
    bool, typer.Option("--ablate", help="Also search with nothing done, told, untold ...: a row each.")
]
Beside = Annotated[
    list[str] | None, typer.Option(help="Another index, such as one of another backbone; several.")
]
Attention = Annotated[str | None, typer.Option(help="none; ollama or auto: what a model says of each query.")]
Alpha = Annotated[float | None, typer.Option(min=0, max=1, help="How much that counts.")]
Report = Annotated[Path | None, typer.Option(help="One HTML file: plots, tables, worst misses.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for report.html, evaluation.json and queries.csv.")
]


def register(app: typer.Typer) -> None:
    """Add evaluate to the program."""
    app.command()(evaluate)


def _moved(flag: str, instead: str) -> Any:
    """A hidden option of earlier versions, which ends with a line that says where it went."""

    def refuse(value: object) -> None:
        if value:
            raise UsageError(f"evaluate {flag} has moved to another command", instead)

    return typer.Option(flag, hidden=True, callback=refuse, is_eager=True)


CALIBRATE, DATASET = "geoflood calibrate CITY QUERIES", "geoflood dataset CITY QUERIES OUT [--link]"
MovedCalibrate = Annotated[bool, _moved("--calibrate", CALIBRATE)]
MovedWriteFolder = Annotated[Path | None, _moved("--write-folder", DATASET)]
MovedLink = Annotated[bool, _moved("--link", DATASET)]


def evaluate(
    city: CitiesAsked,
    queries: Queries,
    geotags: Geotags = None,
    select: Select = None,
    utm_zone: UtmZone = None,
    distance: Distances = None,
    flood: Levels = None,
    effects: Effects = None,
    waterline: ToldOption = "none",
    exclude_twins: ExcludeTwins = False,
    elsewhere: Elsewhere = None,
    elsewhere_select: ElsewhereSelect = None,
    ablate: Ablate = False,
    beside: Beside = None,
    attention: Attention = None,
    alpha: Alpha = None,
    model: vlm.Model = None,
    ollama_host: vlm.OllamaHost = None,
    openai_host: vlm.OpenAIHost = None,
    allow_remote: vlm.AllowRemote = None,
    rerank: Rerank = None,
    verify: vlm.Verify = 0,
    compare: vlm.Compare = 0,
    report: Report = None,
    out: Out = None,
    precision: Precision = None,
    workers: Workers = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
    calibrate: MovedCalibrate = False,
    write_folder: MovedWriteFolder = None,
    link: MovedLink = False,
) -> None:
    """geoflood evaluate hamburg queries.csv --report report.html: how right it is, on photos with a truth.

    Queries without a reference within the distance are counted apart. Nothing changes the index.
    """
    from geoflood.evaluation import result_files
    from geoflood.evaluation.queries import NO_PHOTOS, read_elsewhere

    _check_options(distance, attention, precision)
    require("--elsewhere-select", elsewhere_select, "--elsewhere", elsewhere)
    require("--alpha", alpha is not None, "--attention ollama", attention in MODEL_ATTENTION)
    waters, told = parse_water(flood, effects), _parse_waterline(waterline, bool(flood))
    result_files.check_writable(report, out, [queries, geotags, elsewhere])
    query_set = read_query_set(queries, geotags, select, utm_zone)
    strangers = read_elsewhere(elsewhere, elsewhere_select) if elsewhere else NO_PHOTOS
    indexes = [indexes_or_only(name, index_dir) for name in (city, *(beside or []))]
    selection = vlm.select_model(model, ollama_host, openai_host, allow_remote)
    stage = vlm.make_stage(selection, attention or "none", verify, compare, indexes[0].only)
    with ends_when_interrupted("an evaluation"):
        with stage.open() as asker, terminal.progress() as progress:
            benchmarks = [
                _open_benchmark(named, precision, query_set, strangers, distance or [25.0], exclude_twins)
                for named in indexes
            ]
            settings = [
                _settings(
                    _with_model(benchmark.band_setting(told, rerank), stage, asker, alpha),
                    told,
                    bool(flood),
                    ablate,
                )
                for benchmark in benchmarks
            ]
            evaluations = _evaluate_all(benchmarks, settings, waters, workers, progress)
        _show(evaluations, as_json)
        _write(evaluations, benchmarks[0], waters[0], report, out)
    _raise_for_failures(evaluations[0], query_set, strangers)
    for benchmark in benchmarks:
        raise_left_out(benchmark.locator)


def _check_options(distances: Sequence[float] | None, attention: str | None, precision: str | None) -> None:
    """Raises UsageError for values that no search could use."""
    from geoflood.backbones.compute import Compute

    if not all(map(math.isfinite, distances or ())):  # infinity is within the range of the option
        raise UsageError("--distance takes metres", "such as --distance 100")
    if attention not in (None, "none", *MODEL_ATTENTION):
        raise UsageError(f"--attention {attention}: one map does not fit all queries", "none, ollama or auto")
    Compute.best(precision, "cpu")  # refuses what is no precision, whatever the backbone makes of it


def _open_benchmark(
    indexes: NamedIndexes,
    precision: str | None,
    queries: QuerySet,
    elsewhere: QuerySet,
    distances_m: Sequence[float],
    exclude_twins: bool,
) -> Benchmark:
    """An index with the queries."""
    from geoflood.evaluation.evaluate import prepare

    locator = open_indexes(indexes, precision)
    for one in getattr(locator, "left_out", ()):
        terminal.warning(left_out_line(one))
    return prepare(
        locator,
        queries.photos,
        elsewhere.photos,
        distances_m=distances_m,
        exclude_twins=exclude_twins,
    )


def _evaluate_all(
    benchmarks: Sequence[Benchmark],
    settings: Sequence[Sequence[SearchSetting]],
    waters: Sequence[QueryWater],
    workers: int | None,
    progress: Progress,
) -> list[Evaluation]:
    """Every index in each of its settings that it supports, under every water; the requested one first."""
    from geoflood.evaluation.evaluate import evaluate as evaluate_setting

    return [
        evaluate_setting(benchmark, setting, water, workers, progress)
        for water in waters
        for benchmark, wanted in zip(benchmarks, settings, strict=True)
        for setting in wanted
        if benchmark.supports(setting)
    ]


def _parse_waterline(text: str, flooded: bool) -> Waterline:
    """What the search is told. Raises UsageError."""
    from geoflood.evaluation.query_water import ToldWaterline

    if text == ToldWaterline.TRUE and not flooded:
        raise UsageError("--waterline true is that of --flood, and there is no flood", "add --flood 0.45")
    if text in (ToldWaterline.UNTOLD, ToldWaterline.TRUE):
        return ToldWaterline(text)
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 0.9:
        raise UsageError(f"--waterline {text}: none, true, or a share from 0 to 0.9", "such as 0.4")
    return share


def _settings(requested: SearchSetting, told: Waterline, flooded: bool, ablate: bool) -> list[SearchSetting]:
    """The requested setting first, then those that it is compared with."""
    from geoflood.evaluation.ablations import ablations
    from geoflood.evaluation.query_water import ToldWaterline

    others = ablations(requested, ToldWaterline.TRUE if flooded else told) if ablate else []
    return [requested, *(setting for setting in others if setting != requested)]


def _with_model(
    setting: SearchSetting, stage: VlmStage, asker: Asker | None, alpha: float | None
) -> SearchSetting:
    """The setting, with the model's attention and verification where they are wanted."""
    from geoflood.evaluation.model_attention import model_attention

    if stage.attends and stage.selection and asker:
        attention_asker = stage.selection.attention_asker(asker, stage.city)
        setting = replace(
            setting,
            name=f"{setting.name}, attention of {stage.selection.model}",
            options=replace(setting.options, alpha=stage.alpha if alpha is None else alpha),
            attend=model_attention(attention_asker, stage.selection.full_name, stage.auto),
        )
    if (checks := stage.checks(asker)) is not None:
        setting = replace(setting, name=f"{setting.name}, {checks.name}", verify=checks)
    return setting


def _show(evaluations: Sequence[Evaluation], as_json: bool) -> None:
    from geoflood.evaluation.report.evaluation_record import evaluation_record
    from geoflood.evaluation.report.text import (
        comparison_table,
        notes,
        signal_table,
        sort_by_water,
        summary_rows,
    )

    first, *others = evaluations
    if as_json:
        compared = {"compared": [evaluation_record(other) for other in others]} if others else {}
        terminal.emit(evaluation_record(first) | compared)
        return
    terminal.show_rows(summary_rows(first))
    terminal.show_table("what tells right from wrong", *signal_table(first))
    if others:
        terminal.show_table("ways to search, compared", *comparison_table(sort_by_water(evaluations)))
    for note in notes(evaluations):
        terminal.news(f"note: {note}")


def _write(
    evaluations: Sequence[Evaluation],
    benchmark: Benchmark,
    water: QueryWater,
    report: Path | None,
    out: Path | None,
) -> None:
    """The files that were asked for."""
    from geoflood.evaluation.misses import add_pictures, worst_misses
    from geoflood.evaluation.result_files import QUERIES, report_files, write_files

    pages = report_files(report, out)
    misses = add_pictures(worst_misses(evaluations[0], MISSES), benchmark, water) if pages else []
    write_files(evaluations, misses, report, out)
    for page in pages:
        terminal.news(f"report: {page}")
    if out:
        terminal.news(f"a row a query: {out / QUERIES}")


def _raise_for_failures(evaluation: Evaluation, queries: QuerySet, elsewhere: QuerySet) -> None:
    """Exit 10 where photos could not be used or searched; of all queries 3, or 5 for a damaged index."""
    from geoflood.evaluation.queries import count_reasons, remedy

    failed = Counter(result.reason for result in evaluation.results if not result.answered)
    if failed.total() == len(evaluation.results):
        message = f"no query could be searched{count_reasons(failed)}"
        if all(result.reason_kind is ReasonKind.NOT_A_NUMBER for result in evaluation.results):
            raise IndexUnusableError(message, "run geoflood index again, with --rebuild")
        raise InputError(message, "give JPEG or PNG files")
    strangers = Counter(result.reason for result in evaluation.elsewhere if not result.answered)
    counts = {
        "queries left out": queries.left_out,
        "queries that could not be searched and count as wrong": failed,
        "photos of elsewhere left out": elsewhere.left_out + strangers,
    }
    lost = {what: reasons for what, reasons in counts.items() if reasons}
    if lost:
        lines = [f"{what}: {reasons.total()}{count_reasons(reasons)}" for what, reasons in lost.items()]
        raise PartialError("; ".join(lines), remedy(next(iter(lost.values()))))
