"""manifest.json: what an index is made of. It is written last, so its presence means complete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from geoflood.core.errors import CityError, GeofloodError, IndexUnusableError
from geoflood.core.files import fingerprint, write_whole
from geoflood.database.calibration import Calibration, calibration_from, calibration_to

__all__ = [
    "FORMAT",
    "NAME",
    "Manifest",
    "Settings",
    "find_manifest",
    "read_manifest",
    "verify",
    "write_manifest",
]

FORMAT = 1
NAME = "manifest.json"
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
    write_whole(folder / NAME, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """Read and check manifest.json; the files it names are checked by `verify`.

    Raises CityError when there is no such index, IndexUnusableError when it is unfinished, newer or damaged.
    """
    path = folder / NAME
    if not path.is_file():
        if (folder / "ledger.sqlite").exists():
            raise IndexUnusableError(
                f"the index {folder} is unfinished", "run the same geoflood index again to continue"
            )
        raise CityError(
            f"no index at {folder}",
            "geoflood cities lists what is indexed; geoflood index CITY IMAGES builds",
        )
    try:
        content = json.loads(path.read_bytes())
        if isinstance(content["format"], int) and content["format"] > FORMAT:
            raise IndexUnusableError(
                f"{path} has format {content['format']}, this geoflood reads up to {FORMAT}",
                "update geoflood",
            )
        return _manifest(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IndexUnusableError(f"{path} is damaged: {error!r:.120}", _HINT) from error


def find_manifest(folder: Path) -> Manifest | None:
    """The manifest, or None when there is none that can be read."""
    try:
        return read_manifest(folder)
    except GeofloodError:
        return None


def _manifest(content: dict[str, Any]) -> Manifest:
    settings = dict(content["settings"])
    settings["bands"] = tuple(int(band) for band in settings["bands"])
    content["settings"] = Settings(**settings)
    content["calibration"] = calibration_from(content["calibration"])
    content["credits"] = tuple(
        (str(credit), str(licence), int(n)) for credit, licence, n in content["credits"]
    )
    return Manifest(**content)


def verify(folder: Path, manifest: Manifest) -> None:
    """Hash every file that the manifest names. Raises IndexUnusableError naming the first that differs."""
    for name, expected in manifest.files.items():
        path = folder / Path(name).name
        if not path.is_file():
            raise IndexUnusableError(f"{path} is missing", _HINT)
        if fingerprint(path) != expected:
            raise IndexUnusableError(f"{path} is damaged: its checksum is not the manifest's", _HINT)
