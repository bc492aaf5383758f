"""manifest.json: what an index is made of. It is written last, so its presence means complete."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from geoflood.core.errors import CityError, IndexUnusableError
from geoflood.core.files import write_whole
from geoflood.database.calibration import Calibration, calibration_from, calibration_to
from geoflood.database.index_files import BEFORE, MANIFEST, is_index

__all__ = [
    "FORMAT",
    "Manifest",
    "Settings",
    "find_manifest",
    "no_such_index",
    "read_manifest",
    "retire_manifest",
    "write_manifest",
]

FORMAT = 1
_HINT = "build it again: geoflood index CITY IMAGES --rebuild"


@dataclass(frozen=True)
class Settings:
    """What decides the numbers in an index: descriptors of two indexes with equal settings compare."""

    backbone: str
    version: str
    """Of the backbone's code and weights: descriptors of two versions do not compare."""
    bands: tuple[int, ...]
    """Percent of the height, from the bottom, that each band ignores; ascending, the first is 0."""
    dimension: int | None
    """After PCA-whitening, at the most; None keeps the backbone's own."""
    tile_headings: int
    tile_fov_deg: float

    def differences(self, other: Settings) -> str:
        """How the two differ, for a message; empty when they do not."""
        mine, theirs = asdict(self), asdict(other)
        return ", ".join(
            f"{key} {mine[key]} is not {theirs[key]}" for key in mine if mine[key] != theirs[key]
        )


@dataclass(frozen=True)
class Manifest:
    """The content of manifest.json."""

    city: str
    settings: Settings
    images: int
    references: int
    rejected: Mapping[str, int]
    """Reason -> how many images."""
    credits: tuple[tuple[str, str, int], ...]
    """(credit, licence, images), most images first."""
    calibration: Calibration
    files: Mapping[str, str] = field(default_factory=dict)
    """File name -> SHA-256."""
    format: int = FORMAT


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json whole."""
    content = {item.name: getattr(manifest, item.name) for item in fields(manifest)}
    content |= {"settings": asdict(manifest.settings), "calibration": calibration_to(manifest.calibration)}
    write_whole(folder / MANIFEST, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """Read and check manifest.json; the files it names are checked by `file_checks`.

    Raises CityError when there is no such index, IndexUnusableError when it is unfinished, newer or damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        if is_index(folder):
            raise IndexUnusableError(
                f"the index {folder} is unfinished",
                f"run geoflood index {folder.name} … again to continue, or geoflood rm {folder.name}",
            )
        raise no_such_index(folder)
    try:
        return _read(path)
    except OSError as error:
        raise IndexUnusableError(f"{path} is damaged: {error!r:.120}", _HINT) from error


def no_such_index(folder: Path, hint: str = "") -> CityError:
    """The error of a folder without an index, which asks for the name that may have been meant."""
    there = filter(is_index, folder.parent.iterdir()) if folder.parent.is_dir() else ()
    meant = difflib.get_close_matches(folder.name, [path.name for path in there], n=1)
    ask = f"did you mean {meant[0]}? " if meant else ""
    hint = hint or "geoflood cities lists what is indexed; geoflood index CITY IMAGES builds"
    return CityError(f"no index at {folder}", ask + hint)


def _read(path: Path) -> Manifest:
    """Raises OSError, and IndexUnusableError when it is newer or damaged."""
    data = path.read_bytes()
    try:
        content = json.loads(data)
        if isinstance(content["format"], int) and content["format"] > FORMAT:
            raise IndexUnusableError(
                f"{path} has format {content['format']}, this geoflood reads up to {FORMAT}",
                "update geoflood",
            )
        return _manifest(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IndexUnusableError(f"{path} is damaged: {error!r:.120}", _HINT) from error


def find_manifest(folder: Path) -> Manifest | None:
    """The manifest, also one that was retired, or None when there is none that can be read."""
    for name in (MANIFEST, BEFORE):
        try:
            return _read(folder / name)
        except (OSError, IndexUnusableError):
            continue
    return None


def retire_manifest(folder: Path) -> None:
    """The files are about to change: until there is a new manifest, the index is unfinished."""
    if (folder / MANIFEST).exists():
        (folder / MANIFEST).replace(folder / BEFORE)


def _manifest(content: dict[str, Any]) -> Manifest:
    settings = dict(content["settings"])
    settings["bands"] = tuple(int(band) for band in settings["bands"])
    content["settings"] = Settings(**settings)
    content["calibration"] = calibration_from(content["calibration"])
    content["credits"] = tuple(
        (str(credit), str(licence), int(n)) for credit, licence, n in content["credits"]
    )
    return Manifest(**content)
