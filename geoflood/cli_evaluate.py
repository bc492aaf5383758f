"""`geoflood evaluate`: parse, call one function, show, exit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geoflood import cli_vlm as vlm
from geoflood import console
from geoflood.cli_options import (
    IndexDir,
    Json,
    MatcherForm,
    Precision,
    Quiet,
    Rerank,
    Verbose,
    Workers,
    manner,
)
from geoflood.errors import InputError, PartialError, UsageError
from geoflood.home import city_folder
from geoflood.terms import Blend, Matching

if TYPE_CHECKING:
    from geoflood.evaluate.line import Bench
    from geoflood.evaluate.trials import Way
    from geoflood.eyes import Eyes
    from geoflood.judged import Asked, Evaluation
    from geoflood.vlm.client import Asker

__all__ = ["register"]

MISSES = 12
"""Worst misses that the report shows."""
HARMLESS = frozenset({"duplicate row"})
"""Reasons for which nothing is lost."""


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
    matcher: MatcherForm = Matching.DENSE,
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
        bool, typer.Option("--link", help="With --write-folder: symbolic links in place of copies.")
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
    levels = list(dict.fromkeys(flood or [0.0]))
    told = [_waterline(waterline, level if flood else None) for level in levels]
    asked, lost = _queries(queries, geotags, select, utm_zone)
    if write_folder is not None:
        if len(levels) > 1:
            raise UsageError("--write-folder writes one --flood", "write a folder a level")
        _write(write_folder, city_folder(city, index_dir), asked, levels[0], link)
        return
    if calibrate and exclude_twins:
        raise UsageError("--calibrate searches all references", "leave out --exclude-twins")
    strange = _elsewhere(elsewhere, elsewhere_select)
    chosen = vlm.choice(model, ollama_host, openai_host, allow_remote)
    if attention not in (None, "none", "ollama", "auto"):
        raise UsageError(f"--attention {attention}: one map does not fit all queries", "none, ollama or auto")
    eyes = vlm.eyes(chosen, attention or "none", verify, city_folder(city, index_dir))
    from geoflood.evaluate import line
    from geoflood.evaluate.trials import ALL
    from geoflood.locate import Locator

    evaluations: list[Evaluation] = []
    with eyes.open() as asker, console.progress() as progress:
        benches = [
            line.prepare(
                Locator(city_folder(name, index_dir), precision),
                asked,
                strange,
                distances_m=tuple(distance or [25.0]),
                exclude_twins=exclude_twins,
            )
            for name in [city, *(beside or [])]
        ]
        how = manner(ALL.top_k, 1.0, Blend.CONTINUOUS, rerank, matcher)
        for bench in benches:
            bench.locator.check(how)
        for level, line_told in zip(levels, told, strict=True):
            way = _seeing(line.asked_way(line_told, level, how), eyes, asker, alpha)
            ways = line.ablations(way, level if flood else line_told) if ablate else [way]
            ways.sort(key=lambda one: one != way)
            pairs = [(bench, one) for bench in benches for one in ways if bench.takes(one)]
            evaluations += [line.evaluate(bench, one, level, workers, progress) for bench, one in pairs]
    _tell(evaluations, as_json)
    _files(evaluations, benches[0], report, out)
    if calibrate:
        _calibrate(city_folder(city, index_dir), asked, workers)
    _lost(lost, evaluations[0])


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


def _seeing(way: Way, eyes: Eyes, asker: Asker | None, alpha: float | None) -> Way:
    """The way, with what a model adds to it."""
    from geoflood.evaluate.asked import attending

    if eyes.attends and eyes.choice and asker:
        attend = attending(eyes.choice.attendant(asker, eyes.city), eyes.choice.named, eyes.auto)
        share = eyes.alpha if alpha is None else alpha
        counts = replace(way.manner, alpha=share)
        way = replace(way, name=f"{way.name}, attention of {eyes.choice.model}", manner=counts, attend=attend)
    if (verifier := eyes.verifier(asker)) is not None:
        way = replace(way, name=f"{way.name}, {verifier.count} verified", verify=verifier)
    return way


def _queries(
    path: Path, geotags: Path | None, select: str | None, utm_zone: str | None
) -> tuple[list[Asked], Counter[str]]:
    """The queries, and how many could not be used, by reason."""
    from geoflood.imagery.dataset import labelled
    from geoflood.judged import Asked

    usable, rejected = labelled(path, geotags, select, utm_zone)
    lost = Counter(one.reason for one in rejected)
    if repeated := sum(lost.pop(reason, 0) for reason in HARMLESS):
        console.news(f"{repeated} rows name a query again: each query counts once")
    if not usable:
        raise InputError(
            f"{path}: no query with a position{_reasons(lost)}", "a table, @...@ names or EXIF must say where"
        )
    return [Asked(Path(one.location), one.geotag, one.credit) for one in usable], lost


def _elsewhere(path: Path | None, select: str | None) -> list[Asked]:
    from geoflood.imagery.dataset import unlabelled
    from geoflood.judged import Asked

    if path is None:
        return []
    usable, _ = unlabelled(path, select)
    if not usable:
        raise InputError(f"{path}: no photos", "give a folder of photos of other places, or a table")
    return [Asked(one) if isinstance(one, Path) else Asked(Path(one.location), one.geotag) for one in usable]


def _write(folder: Path, index: Path, asked: Sequence[Asked], flood: float, link: bool) -> None:
    """The index's references and the queries in the field's form."""
    from geoflood.evaluate.folderform import write_dataset
    from geoflood.reference.database import Database

    counts, lost = write_dataset(folder, Database(index), asked, flood, link)
    for name, count in counts.items():
        console.news(f"{folder / name}: {count:,} pictures")
    if lost:
        raise PartialError(
            f"{len(lost)} pictures could not be written{_reasons(Counter(one.reason for one in lost))}",
            f"the first: {lost[0].location}",
        )


def _tell(evaluations: Sequence[Evaluation], as_json: bool) -> None:
    from geoflood.writers.evaluation import evaluation_record
    from geoflood.writers.summary import comparison, ordered, signals, told

    first, *others = evaluations
    if as_json:
        record = evaluation_record(first)
        compared = {"compared": [evaluation_record(one) for one in others]} if others else {}
        console.emit(record | compared)
        return
    console.show_rows({_words(name): _words(value) for name, value in told(first).items()})
    console.show_table("what tells right from wrong", *signals(first))
    if others:
        titles, rows = comparison(ordered(evaluations))
        console.show_table("ways to search, compared", titles, [[*map(_words, row)] for row in rows])
    for note in first.notes:
        console.news(f"note: {note}")


def _calibrate(folder: Path, asked: Sequence[Asked], workers: int | None) -> None:
    """Let the index learn how far to trust itself."""
    from geoflood.backbones.threads import cores
    from geoflood.calibrating import refine

    photos = [(one.path, one.geotag.position) for one in asked if one.geotag]
    with console.progress() as progress:
        refine(folder, photos, workers or cores(), progress)
    console.news(
        f"{folder.name} is calibrated with {len(photos)} labelled queries; the figures above are older: "
        "evaluate on other queries, these would flatter it"
    )


def _words(text: str) -> str:
    """With spaces that a terminal knows."""
    return text.replace("\u00a0", " ")


def _files(evaluations: Sequence[Evaluation], bench: Bench, report: Path | None, out: Path | None) -> None:
    """What was asked to be written."""
    import json

    from geoflood.evaluate.misses import pictured, worst
    from geoflood.files import write_whole
    from geoflood.writers.evaluation import evaluation_record, write_queries
    from geoflood.writers.report import write_report

    pages = [path for path in (report, out / "report.html" if out else None) if path is not None]
    misses = pictured(worst(evaluations[0], MISSES), bench, evaluations[0].flood) if pages else []
    for page in pages:
        write_report(page, evaluations, misses)
        console.news(f"report: {page}")
    if out:
        records = [evaluation_record(one) for one in evaluations]
        write_whole(out / "evaluation.json", json.dumps(records, indent=1, allow_nan=False) + "\n")
        write_queries(out / "queries.csv", evaluations[0])
        console.news(f"a row a query: {out / 'queries.csv'}")


def _lost(lost: Counter[str], one: Evaluation) -> None:
    """Queries that could not be used, or not be searched: exit 10; all of them: exit 3."""
    failed = Counter(query.reason for query in one.judged if not query.answered)
    if failed.total() == len(one.judged):
        raise InputError(f"no query could be searched{_reasons(failed)}", "give JPEG or PNG files")
    if missing := lost + failed:
        raise PartialError(
            f"{missing.total()} queries could not be used{_reasons(missing)}",
            "those without a position are left out, unreadable ones count as wrong",
        )


def _reasons(counts: Counter[str]) -> str:
    told = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
    return f" ({told})" if told else ""
