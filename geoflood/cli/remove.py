"""`geoflood rm`: an index is removed, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geoflood.cli import terminal
from geoflood.cli.options import IndexDir, Quiet
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
    index_dir: IndexDir = None,
    quiet: Quiet = False,
) -> None:
    """geoflood rm hamburg: removes an index and the pictures fetched for it, after asking.

    Your own pictures stay, and so does any file that geoflood did not write.
    """
    from geoflood.database.index_files import is_index
    from geoflood.database.manifest import no_such_index
    from geoflood.database.remove_city import remove_city

    folder = city_folder(city, index_dir)
    if not is_index(folder):
        raise no_such_index(folder)
    if not yes and not terminal.agrees(f"Remove the index {folder} ({_megabytes(folder)} MB)?"):
        terminal.news("nothing was removed")
        return
    left = remove_city(folder)
    terminal.news(f"removed: {folder.name}")
    if left:
        named = ", ".join(str(path) for path in left[:NAMED]) + (" ..." if left[NAMED:] else "")
        terminal.warning(f"{len(left)} files in {folder} are not geoflood's, and stay: {named}")


def _megabytes(folder: Path) -> str:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f"{size / 1e6:,.0f}"
