"""`geoflood models` and `geoflood describe`: weights of published backbones, and descriptors of files."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from geoflood.backbones.catalog import CATALOG, Checkpoint, find
from geoflood.cli import terminal
from geoflood.cli.options import Json, Precision, Quiet, Workers
from geoflood.core.errors import InputError, PartialError, UsageError, WeightsError
from geoflood.core.paths import city_folder, home
from geoflood.database.bands import band_weights

if TYPE_CHECKING:
    from geoflood.backbones.describe import Describer, Weigh
    from geoflood.backbones.selftest import SelfTest
    from geoflood.backbones.weights import WeightsRecord
    from geoflood.core.datatypes import Vectors
    from geoflood.core.images import UnreadableImageError

__all__ = ["register"]

models = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})


def register(app: typer.Typer) -> None:
    """Add `models` and `describe` to the command line."""
    app.add_typer(models, name="models")
    app.command()(describe)


Name = Annotated[str, typer.Argument(help="A backbone of: geoflood models list.")]
ModelsDir = Annotated[
    Path | None,
    typer.Option(
        envvar="GEOFLOOD_MODELS_DIR",
        help="Where weights live; default ./models if there, else the user's data.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Accept licence and size without being asked.")]


@models.callback(invoke_without_command=True)
def _models(ctx: typer.Context) -> None:
    """geoflood models list: which backbones there are; fetch, import and verify their weights."""
    if ctx.invoked_subcommand is None:
        list_()


@models.command("list")
def list_(models_dir: ModelsDir = None, as_json: Json = False, quiet: Quiet = False) -> None:
    """geoflood models list: every backbone, its size and licence, where it comes from, whether it is here."""
    from geoflood.backbones.weights import ready

    usable = ready(models_dir)
    rows = [_row(row, row.name in usable, models_dir) for row in CATALOG]
    if as_json:
        for row in rows:
            terminal.emit(row)
        return
    columns = ["name", "dim", "params", "MB", "licence", "from", "here"]
    where = home("models", models_dir)
    terminal.show_table(f"backbones; weights in {where}", columns, [_cells(row) for row in rows])
    terminal.news("next: geoflood models fetch NAME, then: geoflood index CITY IMAGES --backbone NAME")


def _row(row: Checkpoint, usable: bool, models_dir: Path | None) -> dict[str, Any]:
    """One backbone, for tables and programs."""
    from geoflood.backbones.weights import present

    here = present(row, models_dir)
    return {
        "name": row.name,
        "dimension": row.dimension,
        "parameters": row.parameters,
        "megabytes": round(row.megabytes),
        "licence": row.licence,
        "from": urlsplit(row.url).netloc,
        "present": here,
        "ready": usable,
        "note": row.note,
        "url": row.url,
        "sha256": row.sha256,
    }


def _cells(row: dict[str, Any]) -> list[str]:
    """One backbone in 80 columns."""
    host = row["from"].rpartition(".")[0]
    here = "yes" if row["ready"] else "BAD" if row["present"] else ""
    parameters = f"{row['parameters'] / 1e6:.0f} M"
    return [
        row["name"],
        f"{row['dimension']:,}",
        parameters,
        f"{row['megabytes']}",
        row["licence"],
        host,
        here,
    ]


@models.command()
def fetch(
    name: Name, yes: Yes = False, models_dir: ModelsDir = None, as_json: Json = False, quiet: Quiet = False
) -> None:
    """geoflood models fetch megaloc: downloads weights; run it again to continue where it stopped."""
    row = find(name)
    _came(row, _fetched(row, yes, models_dir), as_json)


@models.command("import")
def import_(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The checkpoint, downloaded elsewhere.")],
    allow_unverified: Annotated[
        bool, typer.Option("--allow-unverified", help="Take a file without the published checksum.")
    ] = False,
    models_dir: ModelsDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood models import megaloc model.safetensors: checks keys and shapes, then keeps a copy."""
    from geoflood.backbones.weights import import_weights

    row = find(name)
    _came(row, import_weights(row, file, models_dir, allow_unverified=allow_unverified), as_json)


@models.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="One backbone; default: all that are here.")] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Fetch if need be, describe drawn images, check them.")
    ] = False,
    precision: Precision = None,
    yes: Yes = False,
    models_dir: ModelsDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood models verify megaloc --self-test: is the file whole, does the network do what it should?"""
    from geoflood.backbones.weights import present

    rows = [find(name)] if name else [row for row in CATALOG if row.file and present(row, models_dir)]
    if not rows:
        terminal.news(f"no weights in {home('models', models_dir)}; begin with: geoflood models list")
    sound = True
    for row in rows:
        if self_test and not present(row, models_dir):
            _fetched(row, yes, models_dir)
        whole = _verified(row, models_dir, as_json)
        sound &= whole and (not self_test or _tested(row, precision, models_dir, as_json))
    if not sound:
        raise typer.Exit(WeightsError.exit_code)


def describe(
    images: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    out: Annotated[Path, typer.Option(help="The file to write: names, descriptors float32 [N, D].")],
    backbone: Annotated[
        str | None, typer.Option(help="A published backbone; with --city it is the index's own.")
    ] = None,
    city: Annotated[str | None, typer.Option(help="Describe as this index does, for a dry photo.")] = None,
    precision: Precision = None,
    workers: Workers = None,
    models_dir: ModelsDir = None,
    index_dir: Annotated[
        Path | None, typer.Option(envvar="GEOFLOOD_INDEX_DIR", help="Where indexes live.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood describe photos/ --backbone megaloc --out megaloc.npz: descriptors for other programs."""
    from geoflood.backbones.describe import write_descriptors

    paths = list(_pictures(images))
    describer, weigh = _describer(
        backbone, city_folder(city, index_dir) if city else None, precision, models_dir
    )
    found, failed = _describe(describer, weigh, paths, workers)
    if not found:
        raise InputError(f"no photo could be read; the first: {failed[0]}", "give JPEG or PNG files")
    write_descriptors(out, found, describer.backbone)
    answer = {"out": str(out), "images": len(found), "dimension": len(found[0][1])}
    source = {"backbone": describer.backbone.name, "version": describer.backbone.version}
    if as_json:
        terminal.emit({**answer, **source, "failed": [str(error) for error in failed]})
    else:
        terminal.show_rows({key: str(value) for key, value in {**answer, **source}.items()})
    if failed:
        first = f"{len(failed)} of {len(paths)} photos could not be read, the first: {failed[0]}"
        raise PartialError(first, "the others are described")


def _fetched(row: Checkpoint, yes: bool, models_dir: Path | None) -> WeightsRecord:
    """The weights, downloaded under the eyes of the user, who has seen the licence first."""
    from geoflood.backbones import weights

    if row.file and not weights.present(row, models_dir):
        _agree(row, yes)
    with terminal.progress() as progress:
        return weights.fetch(
            row,
            models_dir,
            lambda done, total: progress(f"{row.name}, MB", done // 10**6, (total or 0) // 10**6),
        )


def _agree(row: Checkpoint, yes: bool) -> None:
    """Show what will be downloaded under which terms. Raises UsageError unless they are accepted."""
    size, host = f"{row.megabytes:.0f} MB", urlsplit(row.url).netloc
    terms = f"{row.name}: {size} from {host}, licence {row.licence}; {row.note}"
    if yes:
        terminal.news(terms)
    elif not sys.stdin.isatty():
        raise UsageError(terms, "say --yes to accept that and download")
    elif not typer.confirm(f"{terms}\nDownload?", err=True):
        raise UsageError(f"nothing was downloaded for {row.name}", "geoflood models list shows the others")


def _came(row: Checkpoint, known: WeightsRecord, as_json: bool) -> None:
    """The last lines of fetch and import."""
    if as_json:
        terminal.emit({**asdict(known), "licence": row.licence, "note": row.note})
        return
    terminal.show_rows({**_facts(known), "licence": f"{row.licence}; {row.note}"})
    if known.unverified:
        terminal.news("this is not the published file: you vouch for it")
    elif row.sha256 is None:
        terminal.news("nobody has published its checksum: the one above is checked at every load from now on")
    terminal.news(f"next: geoflood models verify {row.name} --self-test")


def _facts(known: WeightsRecord) -> dict[str, str]:
    return {
        "name": known.name,
        "sha256": known.sha256,
        "size": f"{known.size / 1e6:,.1f} MB",
        "came from": known.source,
    }


def _verified(row: Checkpoint, models_dir: Path | None, as_json: bool) -> bool:
    """Whether a checkpoint is the one that came; says so."""
    from geoflood.backbones import weights

    try:
        known = weights.verify(row, models_dir)
    except WeightsError as error:
        terminal.error_line(error)
        if as_json:
            terminal.emit({"name": row.name, "ok": False, "reason": str(error), "advice": error.hint})
        return False
    if as_json:
        terminal.emit({"ok": True, **asdict(known)})
    else:
        terminal.show_rows({**_facts(known), "state": "as it came"})
    return True


def _tested(row: Checkpoint, precision: str | None, models_dir: Path | None, as_json: bool) -> bool:
    """Whether a backbone keeps its own invariants; says so."""
    from geoflood.backbones.compute import Compute
    from geoflood.backbones.published import build
    from geoflood.backbones.selftest import self_test

    compute = Compute.best(precision)
    report = self_test(build(row.name, compute, models_dir=models_dir))
    if as_json:
        terminal.emit(_report(report) | asdict(compute))
        return report.passed
    rows = [["yes" if c.holds else "NO", c.what, f"{c.found:.5g}"] for c in report.checks]
    terminal.show_table(f"self-test of {report.name}", ["holds", "what", "found"], rows)
    cost = f"{report.seconds_per_image:.2f} s an image, {report.peak_mb:,.0f} MB at the most"
    terminal.show_rows({"computed on": f"{compute.device} in {compute.precision}", "cost": cost})
    return report.passed


def _report(report: SelfTest) -> dict[str, Any]:
    """A self-test for programs; JSON knows no NaN."""
    peak = None if math.isnan(report.peak_mb) else round(report.peak_mb)
    return {**asdict(report), "peak_mb": peak, "passed": report.passed}


def _pictures(named: list[Path]) -> Iterator[Path]:
    """Files as they are, and what lies in folders."""
    from geoflood.imagery.folder import is_picture

    for path in named:
        yield from sorted(filter(is_picture, path.rglob("*"))) if path.is_dir() else [path]


def _describer(
    backbone: str | None, city: Path | None, precision: str | None, models_dir: Path | None
) -> tuple[Describer, Weigh]:
    """What describes, and the weightings that it is used under; the first of them ignores nothing."""
    from geoflood.backbones.learned import stock

    if city is None:
        return stock(backbone or "rootsift", precision, models_dir), partial(band_weights, bands=(0,))
    from geoflood.localize.locator import Locator

    locator = Locator(city, precision)
    if backbone not in (None, locator.settings.backbone):
        raise UsageError(
            f"{city.name} was indexed with {locator.settings.backbone}", "leave --backbone or --city out"
        )
    return locator.describer, partial(band_weights, bands=locator.settings.bands)


def _describe(
    describer: Describer, weigh: Weigh, paths: list[Path], workers: int | None
) -> tuple[list[tuple[Path, Vectors]], list[UnreadableImageError]]:
    """What could be described, and why the rest could not."""
    from geoflood.core.images import UnreadableImageError
    from geoflood.core.parallel import cores
    from geoflood.imagery.views import LONGEST

    found: list[tuple[Path, Vectors]] = []
    failed: list[UnreadableImageError] = []
    with terminal.progress() as progress:
        for path, one in describer.describe_files(paths, weigh, LONGEST, workers or cores()):
            if isinstance(one, UnreadableImageError):
                failed.append(one)
            else:
                found.append((path, one[0]))
            progress("describing", len(found) + len(failed), len(paths))
    return found, failed
