"""`geoflood merge`: indexes of districts become the index of a city, or of a region."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import geoflood
from geoflood.cli import terminal
from geoflood.cli.index import describe_calibration
from geoflood.cli.options import DryRun, IndexDir, Json, Precision, Quiet, Workers
from geoflood.core.paths import city_folder, index_folder

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add merge to the program."""
    app.command()(merge)


def merge(
    cities: Annotated[list[str], typer.Argument(help="Two indexes or more, by name or folder.")],
    into: Annotated[str, typer.Option(help="A name for the index of all of them.")],
    replace: Annotated[bool, typer.Option("--replace", help="In place of an index of that name.")] = False,
    dry_run: DryRun = False,
    precision: Precision = None,
    workers: Workers = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood merge harbour altona --into hamburg: one index of several, without describing an image again.

    They have learned the same: geoflood index altona IMAGES --like harbour. They stay, and may be removed.
    """
    if dry_run:
        _show_size(cities, into, replace, index_dir, as_json)
        return
    with terminal.progress() as progress:
        made = geoflood.merge(
            cities,
            into,
            replace=replace,
            precision=precision,
            workers=workers,
            index_dir=index_dir,
            progress=progress,
        )
    info = made.info
    if as_json:
        counts = {"images": info.images, "views": info.references, "doubles": made.doubles}
        terminal.emit({"city": info.city, "index": str(info.folder), **counts, "lacks": list(made.lacks)})
    else:
        unusable = ", ".join(f"{count} {reason}" for reason, count in info.rejected.items())
        rows = {
            "images": f"{info.images:,}{_doubles(made.doubles)}",
            "views": f"{info.references:,}",
            "unusable": f"{sum(info.rejected.values())} ({unusable})" if unusable else "none",
            "calibration": describe_calibration(info.calibration),
            "index": str(info.folder),
        }
        terminal.show_rows(rows)
        terminal.news(f"next: geoflood locate PHOTO --city {info.folder.name}")
    for folder, count in made.pictures.items():
        terminal.warning(
            f"{count:,} pictures stay in {folder}: geoflood rm {folder.name} takes them from the map"
        )
    if made.without_patches:
        terminal.warning(f"patches of {made.without_patches:,} shards were lost before the merge")
    for lack in made.lacks:
        terminal.warning(f"{info.folder.name} lacks {lack}")


def _show_size(cities: list[str], into: str, replace: bool, index_dir: Any, as_json: bool) -> None:
    from geoflood.database.merge import measure_merge

    folders = [index_folder(city, index_dir) for city in cities]
    size = measure_merge(folders, city_folder(into, index_dir), replace_index=replace)
    if as_json:
        counts = {"images": size.images, "doubles": size.doubles}
        terminal.emit({"city": into, **counts, "bytes": size.size, "new_bytes": size.new})
        return
    room = f"{size.size / 1e9:,.2f} GB, of which {size.new / 1e9:,.2f} GB are new on the disk"
    terminal.show_rows({"images": f"{size.images:,}{_doubles(size.doubles)}", "size": room})


def _doubles(count: int) -> str:
    return f", {count:,} of them in two of the indexes" if count else ""
