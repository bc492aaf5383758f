"""`geoflood world`: where on Earth a photo may have been taken, without an index of the place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import geoflood
from geoflood.cli import terminal
from geoflood.cli.locate import Photos, photos_of
from geoflood.cli.options import WRITTEN, IndexDir, Json, ModelsDir, Precision, Quiet
from geoflood.core.errors import GeofloodError, InputError, PartialError
from geoflood.core.paths import home

if TYPE_CHECKING:
    from geoflood.core.world_cells import WorldAnswer
    from geoflood.localize.world import WorldLocator
    from geoflood.localize.world_prior import Floats

__all__ = ["register"]

Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Folder for world.html, world.json, world.geojson, world.csv."),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Replace the results of another run in --out.", rich_help_panel=WRITTEN),
]


def register(app: typer.Typer) -> None:
    """Add world to the program."""
    app.command()(world)


def world(
    photos: Photos,
    out: Out = None,
    force: Force = False,
    precision: Precision = None,
    models_dir: ModelsDir = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood world photo.jpg: where on Earth, in cells of 25 km; always uncertain, and no index is needed.

    Needs geoflood[world] and: geoflood models fetch geoclip clip-vit-l14. Not for finding people.
    Writes to ./world, or to ./world-2 where results are there; with --json only where --out says.
    """
    paths = list(photos_of(photos))
    if not paths:
        raise InputError("no photos given", "geoflood world PHOTO, or - and a list of paths on stdin")
    from geoflood.localize.world import WorldLocator
    from geoflood.outputs.result_folder import result_folder
    from geoflood.outputs.world_files import FILES, write_world
    from geoflood.places.world_map import check_world_map

    check_world_map()
    results = result_folder(out, force, Path("world"), FILES.values()) if out or not as_json else None
    with terminal.progress() as progress:
        locator = WorldLocator.open(
            _cities(index_dir), precision=precision, models_dir=models_dir, progress=progress
        )
        _say_of_gallery(locator)
        answers = []
        for answer in locator.locate_all(paths):
            answers.append(answer)
            progress("photos", len(answers), len(paths))
    _show(answers, as_json)
    failed = [answer for answer in answers if answer.belief is None]
    if len(failed) == len(answers):
        raise InputError(
            f"no photo could be read; the first: {failed[0].path}: {failed[0].reason}",
            "give JPEG or PNG files",
        )
    if results is not None:
        for kind, path in write_world(answers, results, locator.world_map).items():
            terminal.news(f"{kind}: {path}")
    if failed:
        raise PartialError(f"{len(failed)} of {len(answers)} photos failed", "the others were looked at")


def _cities(index_dir: Path | None) -> dict[str, Floats]:
    """The positions of every index that can be used; of another it is said why not."""
    from geoflood.database.database import Database
    from geoflood.database.index_files import is_finished

    found: dict[str, Floats] = {}
    for name in geoflood.cities(index_dir):
        folder = home("index", index_dir) / name
        try:
            if is_finished(folder):
                found[name] = Database(folder).positions
        except GeofloodError as error:
            terminal.warning(f"{error}; its places are left out")
    return found


def _say_of_gallery(locator: WorldLocator) -> None:
    """What a photo is compared with, where it is not what was published."""
    if locator.added:
        terminal.news(f"{locator.added} places of your indexes were added to the gallery")
    if locator.left_out:
        terminal.warning(f"{locator.left_out:,} rows of the gallery are no positions and were left out")


def _show(answers: list[WorldAnswer], as_json: bool) -> None:
    """Each photo's belief, and what to run next."""
    from geoflood.outputs.world_record import next_command, world_lines, world_record

    for answer in answers:
        if as_json:
            terminal.emit(world_record(answer))
            continue
        terminal.show_rows(world_lines(answer))
        if command := next_command(answer):
            terminal.news(f"next: {command}")
