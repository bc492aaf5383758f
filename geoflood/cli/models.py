"""`geoflood models`: weights of published backbones, listed, fetched, imported and verified."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias
from urllib.parse import urlsplit

import typer

from geoflood.backbones.catalog import CATALOG, Checkpoint
from geoflood.backbones.world_catalog import WORLD_MODELS, WorldModel, files_of, model_of
from geoflood.cli import terminal
from geoflood.cli.options import DryRun, Json, ModelsDir, Precision, Quiet
from geoflood.core.errors import UsageError, WeightsError
from geoflood.core.paths import home

if TYPE_CHECKING:
    from geoflood.backbones.selftest import SelfTest
    from geoflood.backbones.weights import WeightsRecord

__all__ = ["register"]

Model: TypeAlias = Checkpoint | WorldModel

models = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})


def register(app: typer.Typer) -> None:
    """Add models to the program."""
    app.add_typer(models, name="models")


Name = Annotated[str, typer.Argument(help="A name of: geoflood models list.")]
Names = Annotated[list[str], typer.Argument(help="Names of: geoflood models list.")]
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
    rows = [_row(checkpoint, checkpoint.name in usable, models_dir) for checkpoint in CATALOG]
    rows += [_world_row(model, models_dir) for model in WORLD_MODELS]
    if as_json:
        for row in rows:
            terminal.emit(row)
        return
    columns = ["name", "dim", "params", "MB", "licence", "from", "here"]
    where = home("models", models_dir)
    world = len(WORLD_MODELS)
    terminal.show_table(f"backbones; weights in {where}", columns, [_cells(row) for row in rows[:-world]])
    terminal.show_table("where on Earth, for geoflood world", columns, [_cells(row) for row in rows[-world:]])
    terminal.news("next: geoflood models fetch NAME, then: geoflood index CITY IMAGES --backbone NAME")


def _row(checkpoint: Checkpoint, usable: bool, models_dir: Path | None) -> dict[str, Any]:
    """One backbone, for tables and programs."""
    from geoflood.backbones.weights import present

    here = present(checkpoint, models_dir)
    return {
        "name": checkpoint.name,
        "dimension": checkpoint.dimension,
        "parameters": checkpoint.parameters,
        "megabytes": round(checkpoint.megabytes),
        "licence": checkpoint.licence,
        "from": urlsplit(checkpoint.url).netloc,
        "present": here,
        "ready": usable,
        "note": checkpoint.note,
        "url": checkpoint.url,
        "sha256": checkpoint.sha256,
    }


def _world_row(model: WorldModel, models_dir: Path | None) -> dict[str, Any]:
    """The same for a network of the world prior."""
    from geoflood.backbones.weights import is_ready, present

    first = model.files[0]
    return {
        "name": model.name,
        "dimension": first.dimension,
        "parameters": model.parameters,
        "megabytes": round(model.megabytes),
        "licence": model.licence,
        "from": urlsplit(first.url).netloc,
        "present": any(present(file, models_dir) for file in model.files),
        "ready": all(is_ready(file, models_dir) for file in model.files),
        "note": model.note,
        "url": first.url,
        "sha256": first.sha256,
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
    names: Names,
    yes: Yes = False,
    dry_run: DryRun = False,
    models_dir: ModelsDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood models fetch megaloc: downloads weights; run it again to continue where it stopped."""
    wanted = [model_of(name) for name in names]
    if dry_run:
        for model in wanted:
            _show_intended(model, models_dir, as_json)
        return
    for model in wanted:
        for checkpoint, record in _fetch(model, yes, models_dir):
            _show_weights(checkpoint, record, as_json)
        _show_next(model, as_json)


def _show_intended(model: Model, models_dir: Path | None, as_json: bool) -> None:
    """What would be downloaded: from where, how much of it is here, to where, under which licence."""
    from geoflood.backbones.weights import arrived, place_of, present

    for file in files_of(model):
        size, here = round(file.megabytes * 1e6), present(file, models_dir)
        had = size if here else arrived(file, models_dir)
        told = {"name": file.name, "url": file.url, "bytes": size, "here": had, "licence": model.licence}
        place = str(place_of(file, models_dir))
        if as_json:
            more = {"file": place, "exact_bytes": bool(file.size), "note": model.note}
            terminal.emit({"dry_run": True, **told, **more})
            continue
        much = f"{'' if file.size else 'about '}{size:,} bytes"
        state = "is here: nothing would be fetched" if here else f"{had:,} of them are here"
        terminal.show_rows(
            {
                "name": file.name,
                "from": file.url,
                "size": f"{much}; {state}" if had else much,
                "licence": f"{model.licence}; {model.note}",
                "to": place,
            }
        )
    if not as_json:
        terminal.news(f"nothing was fetched; without --dry-run: geoflood models fetch {model.name}")


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
    from geoflood.backbones.weights import import_weights, part_in

    model = model_of(name)
    checkpoint = part_in(file, files_of(model))
    record = import_weights(checkpoint, file, models_dir, allow_unverified=allow_unverified)
    _show_weights(checkpoint, record, as_json)
    _show_next(model, as_json)


@models.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="One name; default: all that are here.")] = None,
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
    named = [model_of(name)] if name else _present(models_dir)
    if not named:
        terminal.news(f"no weights in {home('models', models_dir)}; begin with: geoflood models list")
    sound = True
    for model in named:
        if self_test and model not in _present(models_dir):
            _fetch(model, yes, models_dir)
        whole = [_verify_file(checkpoint, models_dir, as_json) for checkpoint in files_of(model)]
        sound &= all(whole) and (not self_test or _self_test(model, precision, models_dir, as_json))
    if not sound:
        raise typer.Exit(WeightsError.exit_code)


def _present(models_dir: Path | None) -> list[Model]:
    """What is here, backbones that need no weights left out."""
    from geoflood.backbones.weights import present

    known: list[Model] = [*(row for row in CATALOG if row.file), *WORLD_MODELS]
    return [model for model in known if all(present(file, models_dir) for file in files_of(model))]


def _fetch(model: Model, yes: bool, models_dir: Path | None) -> list[tuple[Checkpoint, WeightsRecord]]:
    """The files of a model, downloaded after licence and size were accepted."""
    from geoflood.backbones import weights

    files = files_of(model)
    if not all(weights.present(file, models_dir) for file in files):
        _require_consent(model, yes)
    with terminal.progress() as progress:

        def fetched(file: Checkpoint) -> WeightsRecord:
            stage = f"{file.name}, MB"
            return weights.fetch(
                file,
                models_dir,
                lambda done, total: progress(stage, done // 10**6, (total or 0) // 10**6),
            )

        return [(file, fetched(file)) for file in files]


def _require_consent(model: Model, yes: bool) -> None:
    """Show what will be downloaded under which terms. Raises UsageError unless they are accepted."""
    size, host = f"{model.megabytes:.0f} MB", urlsplit(files_of(model)[0].url).netloc
    terms = f"{model.name}: {size} from {host}, licence {model.licence}; {model.note}"
    if yes:
        terminal.news(terms)
    elif not sys.stdin.isatty():
        raise UsageError(terms, "say --yes to accept that and download")
    elif not typer.confirm(f"{terms}\nDownload?", err=True):
        raise UsageError(f"nothing was downloaded for {model.name}", "geoflood models list shows the others")


def _show_weights(checkpoint: Checkpoint, weights: WeightsRecord, as_json: bool) -> None:
    """What was stored, and whether it is what was published."""
    if as_json:
        terminal.emit({**asdict(weights), "licence": checkpoint.licence, "note": checkpoint.note})
        return
    terminal.show_rows({**_facts(weights), "licence": f"{checkpoint.licence}; {checkpoint.note}"})
    if weights.unverified:
        terminal.news("this is not the published file: you vouch for it")
    elif checkpoint.sha256 is None:
        terminal.news("nobody has published its checksum: the one above is checked at every load from now on")


def _show_next(model: Model, as_json: bool) -> None:
    """The last line of fetch and import."""
    if not as_json:
        terminal.news(f"next: geoflood models verify {model.name} --self-test")


def _facts(weights: WeightsRecord) -> dict[str, str]:
    return {
        "name": weights.name,
        "sha256": weights.sha256,
        "size": f"{weights.size / 1e6:,.1f} MB",
        "came from": weights.source,
    }


def _verify_file(checkpoint: Checkpoint, models_dir: Path | None, as_json: bool) -> bool:
    """Shows whether a checkpoint is still the file that was fetched or imported, and returns that."""
    from geoflood.backbones import weights

    try:
        record = weights.verify(checkpoint, models_dir)
    except WeightsError as error:
        terminal.error_line(error)
        if as_json:
            terminal.emit({"name": checkpoint.name, "ok": False, "reason": str(error), "advice": error.hint})
        return False
    if as_json:
        terminal.emit({"ok": True, **asdict(record)})
    else:
        terminal.show_rows({**_facts(record), "state": "as it came"})
    return True


def _self_test(model: Model, precision: str | None, models_dir: Path | None, as_json: bool) -> bool:
    """Shows whether a network keeps its own invariants, and returns that."""
    from geoflood.backbones.compute import Compute
    from geoflood.backbones.published import build
    from geoflood.backbones.selftest import self_test
    from geoflood.backbones.world_selftest import world_self_test

    compute = Compute.best(precision)
    if isinstance(model, WorldModel):
        report = world_self_test(model, compute, models_dir)
    else:
        report = self_test(build(model.name, compute, models_dir=models_dir))
    if as_json:
        terminal.emit(_self_test_record(report) | asdict(compute))
        return report.passed
    rows = [["yes" if check.holds else "NO", check.what, f"{check.found:.5g}"] for check in report.checks]
    terminal.show_table(f"self-test of {report.name}", ["holds", "what", "found"], rows)
    each = "" if report.seconds_per_image is None else f"{report.seconds_per_image:.2f} s an image, "
    cost = f"{each}{report.peak_mb:,.0f} MB at the most"
    terminal.show_rows({"computed on": f"{compute.device} in {compute.precision}", "cost": cost})
    return report.passed


def _self_test_record(report: SelfTest) -> dict[str, Any]:
    """A self-test for programs; JSON knows no NaN."""
    peak = None if math.isnan(report.peak_mb) else round(report.peak_mb)
    return {**asdict(report), "peak_mb": peak, "passed": report.passed}
