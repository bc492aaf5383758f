"""`geoflood flood`: photos of streets in, the same streets under drawn water out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geoflood.cli import terminal
from geoflood.cli.options import DryRun, Json, Quiet
from geoflood.core.errors import InputError, PartialError, UsageError

if TYPE_CHECKING:
    from geoflood.synthetic.flood import Effects
    from geoflood.synthetic.flood.files import Flooded

__all__ = ["effects_of", "register"]

SUFFIXES = (".jpg", ".jpeg", ".png")
MARK = "synthetic"
"""A word that the name of every picture must hold, so that nobody takes it for a photo."""


def register(app: typer.Typer) -> None:
    """Add flood to the program."""
    app.command()(flood)


def flood(
    photos: Annotated[list[Path], typer.Argument(help="Photos of streets, or folders of them.")],
    level: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the height under water, from the bottom.")
    ] = 0.4,
    seed: Annotated[
        int, typer.Option(min=0, help="Same seed, same picture; the second photo takes the next one.")
    ] = 0,
    effects: Annotated[
        str,
        typer.Option(
            help="water; storm: rain, wet lens, debris, cars; post: cropped, shrunk, compressed; "
            "or several, as storm,post."
        ),
    ] = "water",
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for PHOTO.synthetic-flood.jpg, or for one photo a .jpg or .png "
            "whose name holds the word synthetic.",
        ),
    ] = Path("flooded"),
    mask: Annotated[
        bool, typer.Option("--mask", help="Write the true mask beside it: a PNG, white is water.")
    ] = False,
    longest: Annotated[
        int, typer.Option(min=16, help="Pixels of the longer side at most; nothing is enlarged.")
    ] = 1600,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood flood street.jpg --level 0.45 --effects storm: the same street under synthetic water.

    For tests and training. Each picture says that it is synthetic, and carries no position.
    """
    from geoflood.synthetic.flood.files import flood_file

    if not math.isfinite(level):
        raise UsageError("--level is a share of the height from 0 to 0.9", "such as --level 0.45")
    chosen = effects_of(effects)
    photos, files = _files(photos, out)
    _check_overwriting(photos, files, mask, overwrite)
    if dry_run:
        for number, (photo, file) in enumerate(zip(photos, files, strict=True)):
            _show_intended(photo, file, seed + number, as_json)
        return
    failed: list[InputError] = []
    for number, (photo, file) in enumerate(zip(photos, files, strict=True)):
        try:
            flooded = flood_file(photo, file, level, seed + number, chosen, longest, mask=mask)
        except InputError as error:
            failed.append(error)
            terminal.error_line(error)
            if as_json:
                terminal.emit({"photo": str(photo), "file": None, "error": str(error)})
        else:
            _show(flooded, as_json)
    if len(failed) == len(photos):
        raise typer.Exit(InputError.exit_code)
    if failed:
        raise PartialError(f"{len(failed)} of {len(photos)} photos failed", "the others were flooded")


def effects_of(names: str) -> Effects:
    """The presets of a list such as "storm,post", together. Raises UsageError for a name that is none."""
    from geoflood.synthetic.flood import PRESETS, WATER

    chosen = WATER
    for name in names.split(","):
        if name.strip() not in PRESETS:
            raise UsageError(
                f"no effects are called {name.strip()!r}", f"one or more of {', '.join(PRESETS)}"
            )
        chosen |= PRESETS[name.strip()]
    return chosen


def _files(given: Sequence[Path], out: Path) -> tuple[list[Path], list[Path]]:
    """The photos, and where each one's picture goes.

    No two go to the same place, none under a name that hides what it is. What lies in folders keeps its place
    below them. Raises UsageError.
    """
    from geoflood.imagery.folder import is_picture
    from geoflood.synthetic.flood.files import flood_path

    found = [one for path in given for one in _below(path)]
    photos = [photo for photo, _ in found]
    if not out.is_dir() and (out.suffix.lower() in SUFFIXES or out.exists() or is_picture(out)):
        return photos, [_single_file(photos, out)]
    files = [flood_path(photo, out / below) for photo, below in found]
    for number, file in enumerate(files):
        if file in files[:number]:
            first = photos[files.index(file)]
            raise UsageError(
                f"{first} and {photos[number]} would both become {file}", "flood them into different folders"
            )
    return photos, files


def _below(path: Path) -> list[tuple[Path, Path]]:
    """A photo, or the photos of a folder; and where below the folder they lie.

    Pictures that are synthetic already are passed over: a second run would find those of the first.
    Raises InputError for a folder without photos.
    """
    from geoflood.imagery.folder import is_picture
    from geoflood.synthetic.flood.files import SUFFIX

    if not path.is_dir():
        return [(path, Path())]
    photos = [one for one in sorted(filter(is_picture, path.rglob("*"))) if SUFFIX not in one.stem]
    if not photos:
        raise InputError(f"no photos in {path}", "give a folder with JPEG or PNG files")
    return [(photo, photo.relative_to(path).parent) for photo in photos]


def _single_file(photos: Sequence[Path], out: Path) -> Path:
    """The file that was named for one photo. Raises UsageError for one that is not to be written."""
    from geoflood.synthetic.flood.files import SUFFIX

    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{out} is no {' or '.join(SUFFIXES)}, and no folder", "name one of these")
    if len(photos) > 1:
        raise UsageError(f"{len(photos)} photos do not go into one file", "name a folder with --out")
    if MARK not in out.stem.lower():
        name = out.with_name(f"{out.stem}{SUFFIX}{out.suffix}")
        raise UsageError(f"{out}: the name of a synthetic flood says that it is one", f"--out {name}")
    return out


def _check_overwriting(photos: Sequence[Path], files: Sequence[Path], mask: bool, overwrite: bool) -> None:
    """Raises UsageError where a file would take the place of a photo, or of a file that is to stay."""
    given = {photo.resolve() for photo in photos}
    written = [*files, *(file.with_name(f"{file.stem}.mask.png") for file in files if mask)]
    for file in written:
        if file.resolve() in given:
            raise UsageError(f"{file} is one of the photos, and photos are only read", "name another --out")
        if file.exists() and not overwrite:
            raise UsageError(f"{file} is there already", "add --overwrite, or name another --out")


def _show_intended(photo: Path, file: Path, seed: int, as_json: bool) -> None:
    """What would be written."""
    if as_json:
        terminal.emit({"photo": str(photo), "file": str(file), "seed": seed, "dry_run": True})
    else:
        terminal.show_rows({str(file): f"would be made of {photo}, seed {seed}"})


def _show(flooded: Flooded, as_json: bool) -> None:
    """Where it is, and the truth about it."""
    scene = flooded.scene
    if not as_json:
        terminal.show_rows(
            {str(flooded.file): f"water over the lower {scene.waterline:.0%}, seed {scene.seed}"}
        )
        return
    record: dict[str, Any] = {
        "photo": str(flooded.photo),
        "file": str(flooded.file),
        "mask": str(flooded.mask) if flooded.mask else None,
        "synthetic": True,
        "level": scene.level,
        "waterline": round(scene.waterline, 4),
        "seed": scene.seed,
        "box": [scene.box.left, scene.box.top, scene.box.right, scene.box.bottom],
    }
    terminal.emit(record)
