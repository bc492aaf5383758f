"""`geoflood rm`: an index is removed, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from geoflood.cli import terminal
from geoflood.cli.options import DryRun, IndexDir, Quiet
from geoflood.core.paths import city_folder

__all__ = ["register"]

NAMED = 5
"""Files that stay and are named one by one."""


def register(app: typer.Typer) -> None:
    """Add rm to the program."""
    app.command()(rm)


def rm(
    city: Annotated[str, typer.Argument(help="Which index.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    index_dir: IndexDir = None,
    quiet: Quiet = False,
) -> None:
    """geoflood rm hamburg: removes an index and the pictures fetched for it, after asking.

    Your own pictures stay, and so does any file that geoflood did not write.
    """
    from geoflood.database.index_files import is_index
    from geoflood.database.manifest import no_such_index
    from geoflood.database.remove_city import foreign_files, remove_city

    folder = city_folder(city, index_dir)
    if not is_index(folder):
        raise no_such_index(folder)
    if dry_run:
        stay = foreign_files(folder)
        terminal.show_rows({"would be removed": f"{folder} ({_megabytes(folder, stay)} MB)"})
        _name_those_that_stay(folder, stay)
        return
    if not yes and not terminal.agrees(f"Remove the index {folder} ({_megabytes(folder)} MB)?"):
        terminal.news("nothing was removed")
        return
    left = remove_city(folder)
    terminal.news(f"removed: {folder.name}")
    _name_those_that_stay(folder, left)


def _name_those_that_stay(folder: Path, files: Sequence[Path]) -> None:
    if files:
        named = ", ".join(str(path) for path in files[:NAMED]) + (" ..." if files[NAMED:] else "")
        terminal.warning(f"{len(files)} files in {folder} are not geoflood's, and stay: {named}")


def _megabytes(folder: Path, without: Sequence[Path] = ()) -> str:
    """Of its files; `without` are relative to it."""
    kept = {folder / path for path in without}
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path not in kept)
    return f"{size / 1e6:,.0f}"
