"""What is done with a batch's results: `geoflood export`, `brief`, `review`, `verify`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geoflood.cli import terminal
from geoflood.cli.options import Basemap, DryRun, IndexDir, Json, Quiet
from geoflood.core.errors import GeofloodError, IndexUnusableError, InputError, UsageError
from geoflood.core.paths import city_folder

if TYPE_CHECKING:
    from geoflood.core.datatypes import City
    from geoflood.places.street_map import StreetMap
    from geoflood.triage.export.selection import ExportTally
    from geoflood.triage.results import Results

__all__ = ["few", "register", "show_exported", "warn_unsealed"]

NAMED = 10
"""Photos, files or lines that a warning names."""
_AFTER = (
    "a command that was killed leaves such lines, and seals them when it is given again; else they were added"
)


class Only(StrEnum):
    """Photos that a file is to hold, by their status."""

    ALL = "all"
    CONFIRMED = "confirmed"
    CANDIDATE = "candidate"
    REJECTED = "rejected"


def register(app: typer.Typer) -> None:
    """Add export, brief, review and verify to the program."""
    app.command()(export)
    app.command()(brief)
    app.command()(review)
    app.command()(verify)


def export(
    results: Annotated[Path, typer.Argument(help="Folder that batch-locate wrote.")],
    file: Annotated[
        Path, typer.Argument(help="What to write: .geojson .geojsonl .csv .kmz .gpx .gpkg .zip .html.")
    ],
    public: Annotated[
        bool,
        typer.Option("--public/--internal", help="Without anything that leads to a person, or with all."),
    ] = False,
    only: Annotated[Only, typer.Option(help="Photos of one status only.")] = Only.ALL,
    min_probability: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out photos that the machine places with less.")
    ] = 0.0,
    named: Annotated[
        str | None, typer.Option("--format", help="When the suffix does not say: tak, hxl, ushahidi …")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """geoflood export triage findings.kmz --public: the results of a batch in another format."""
    from geoflood.triage.export.redaction import Sharing
    from geoflood.triage.export.selection import Selection
    from geoflood.triage.findings import Status
    from geoflood.triage.outputs import export as write_export
    from geoflood.triage.results import read_results

    if file.exists() and not overwrite:
        raise UsageError(f"{file} is there already", "add --overwrite, or name another file")
    batch = read_results(results)
    warn_unsealed(batch)
    warn_provisional(batch)
    selection = Selection(None if only is Only.ALL else Status(only.value), min_probability)
    with _aside(file) if dry_run else nullcontext(file) as written:
        told = write_export(batch, written, Sharing.PUBLIC if public else Sharing.INTERNAL, named, selection)
    show_exported(file, told, public, min_probability, dry_run)
    if lost := told.too_weak[Status.CONFIRMED]:
        terminal.warning(f"--min-probability leaves out {lost:,} that a person confirmed")


@contextmanager
def _aside(file: Path) -> Iterator[Path]:
    """A file of that name elsewhere, which goes away: what it holds is known only once it is written."""
    with TemporaryDirectory() as folder:
        yield Path(folder) / file.name


def show_exported(
    file: Path, told: ExportTally, public: bool, min_probability: float = 0.0, dry_run: bool = False
) -> None:
    """Say what a file holds, or would hold, for whom, and what it does not."""
    from geoflood.triage.export.redaction import GRID_M

    words = f"public: no persons, squares of {GRID_M:.0f} m" if public else "INTERNAL: all that is known"
    left_out = _left_out(told, min_probability)
    wanted = "would be in" if dry_run else "in"
    terminal.news(f"{told.written:,} of {told.all:,} photos {wanted} {file} ({words}){left_out}")
    if not told.written:
        terminal.warning(f"{file} holds no photo")


def _left_out(told: ExportTally, min_probability: float) -> str:
    """What a file does not hold, and why, to stand behind what it holds."""
    share = f"{100 * min_probability:g} %"
    parts = [f"{count:,} {status}" for status, count in sorted(told.other_status.items())]
    parts += [f"{count:,} {status} below {share}" for status, count in sorted(told.too_weak.items())]
    if told.unwritten:
        parts.append(f"{told.unwritten:,} without a place, or more than the format holds")
    return f"; left out: {', '.join(parts)}" if parts else ""


def brief(
    results: Annotated[Path, typer.Argument(help="Folder that batch-locate wrote.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="What to write, .html or .pdf; default brief.html in the folder."),
    ] = None,
    public: Annotated[
        bool,
        typer.Option("--public/--internal", help="Without anything that leads to a person, or with all."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    index_dir: IndexDir = None,
    quiet: Quiet = False,
) -> None:
    """geoflood brief triage: the confirmed places to print, a page each, behind a cover with the map."""
    from geoflood.outputs.pdf import check_pdf, is_pdf
    from geoflood.triage.export.redaction import Sharing
    from geoflood.triage.outputs import brief as write_brief
    from geoflood.triage.results import read_results

    file = out or results / "brief.html"
    if file.exists() and not overwrite:
        raise UsageError(f"{file} is there already", "add --overwrite, or name another file with --out")
    if is_pdf(file):
        check_pdf()
    batch = read_results(results)
    warn_unsealed(batch)
    index, city = _read_city(batch, index_dir)
    sharing = Sharing.PUBLIC if public else Sharing.INTERNAL
    told = write_brief(batch, file, sharing, city.name, _street_map(index))
    terminal.news(f"{told.written:,} confirmed places in {file} ({sharing.value}): print it, A4 or Letter")
    if told.unwritten:
        terminal.warning(f"{told.unwritten:,} confirmed photos are not in it: without a place, or too many")


def review(
    results: Annotated[Path, typer.Argument(help="Folder that batch-locate wrote.")],
    decisions: Annotated[Path, typer.Option(help="File that the triage map saved.")],
    basemap: Basemap = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood review triage --decisions decisions.json: merges what people confirmed, rejected or moved."""
    from geoflood.outputs.basemap import read_basemap
    from geoflood.triage.outputs import write_outputs
    from geoflood.triage.review import review as merge

    streets = read_basemap(basemap) if basemap else None
    merged = merge(results, decisions, warn_unsealed)
    index, city = _read_city(merged.results, index_dir)
    write_outputs(merged.results, city, streets or _street_map(index))
    counts = {**{status.value: count for status, count in merged.new.items()}, "older": merged.older}
    if as_json:
        terminal.emit({**counts, "conflicts": merged.conflicts, "moved": merged.moved})
    else:
        terminal.show_rows({name: str(count) for name, count in counts.items()})
    for line in (*merged.conflicts[:NAMED], *merged.moved[:NAMED]):
        terminal.warning(line)
    if (more := len(merged.conflicts) - NAMED) > 0:
        terminal.warning(f"reviewers differ on {more:,} more photos: --json has all")
    if (more := len(merged.moved) - NAMED) > 0:
        terminal.warning(f"{more:,} more photos have moved since they were decided on: --json has all")
    warn_provisional(merged.results)


def verify(
    results: Annotated[Path, typer.Argument(help="Folder that batch-locate wrote.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood verify triage: recomputes the journal's chain and the hash of every input and output."""
    from geoflood.triage.custody import verify as check

    custody = check(results)
    facts: dict[str, Any] = {
        "lines": custody.lines,
        "located": custody.located,
        "inputs_unchanged": custody.inputs,
        "changed": list(custody.changed),
        "missing": list(custody.missing),
        "after_run_json": list(custody.after),
        "seal": custody.seal,
    }
    if as_json:
        terminal.emit(facts)
    else:
        terminal.show_rows({name: _words(value) for name, value in facts.items()})
    if not custody.stands:
        raise InputError(
            f"{len(custody.changed):,} files are not what they were, {len(custody.missing):,} are missing, "
            f"{len(custody.after):,} lines of the journal came after run.json was written",
            _AFTER if custody.after else "they are listed above",
        )


def _words(value: str | int | list[str]) -> str:
    if isinstance(value, list):
        return few(value) or "none"
    return value if isinstance(value, str) else f"{value:,}"


def few(names: Sequence[str]) -> str:
    """As many as a line can name; --json has all."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def warn_unsealed(results: Results) -> None:
    """Warn of decisions that no command of geoflood ended with."""
    from geoflood.triage.custody import unsealed

    if late := unsealed(results):
        terminal.warning(f"{len(late):,} decisions came after run.json was written: {few(late)}; {_AFTER}")


def warn_provisional(results: Results) -> None:
    """Warn of results that a second pass may still change."""
    from geoflood.triage.second_pass import waiting_text

    if text := waiting_text(len(results.waiting)):
        terminal.warning(text)


def _read_city(results: Results, index_dir: Path | None) -> tuple[Path | None, City]:
    """The index and what it covers; nothing but its name when it is not on this computer."""
    import numpy as np

    from geoflood.core.datatypes import City
    from geoflood.database.database import Database

    name = str(results.run["settings"]["options"]["city"])
    try:
        folder = city_folder(name, index_dir)
        return folder, Database(folder).city()
    except GeofloodError as error:
        terminal.news(f"the map is drawn without its streets: {error}")
        return None, City(name, 0, 0, "index not at hand", np.empty((0, 2)))


def _street_map(index: Path | None) -> StreetMap | None:
    """What lies under the map, where the index has it; a damaged one is told."""
    from geoflood.places.street_map_file import find

    try:
        return None if index is None else find(index)
    except IndexUnusableError as error:
        terminal.warning(f"the map is drawn without streets: {error}")
        return None
