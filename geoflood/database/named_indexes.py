"""Which indexes a user means: one by its name, several with commas between them, or `auto`, all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from geoflood.backbones.catalog import find
from geoflood.core.errors import CityError, UsageError
from geoflood.core.paths import city_folder, home, slug
from geoflood.database.index_files import is_index
from geoflood.database.manifest import no_such_index, read_manifest

__all__ = ["AUTO", "NamedIndexes", "all_indexes", "beside", "named_indexes"]

AUTO = "auto"


@dataclass(frozen=True)
class NamedIndexes:
    """Folders of indexes, each once."""

    folders: tuple[Path, ...]
    together: bool
    """They are asked together: which city a photo is of is a part of the answer."""
    notes: tuple[str, ...] = ()
    """What a user may not have meant."""
    one_city: bool = False
    """They are of one city, by several backbones."""

    @property
    def name(self) -> str:
        """Of all."""
        return (" beside " if self.one_city else ",").join(folder.name for folder in self.folders)

    @property
    def only(self) -> Path | None:
        """The folder of the one that is asked alone."""
        return None if self.together else self.folders[0]


def named_indexes(city: str | Path | Sequence[str | Path], index_dir: Path | None = None) -> NamedIndexes:
    """The indexes that are meant by a name, a folder, names with commas between, a list of these, or `auto`.

    A name that holds a comma is one where an index is called so. `auto` is all indexes, unfinished and
    damaged ones included, for they are to be told of.
    Raises CityError for a name that is not indexed where there are several, and for `auto` where nothing is;
    UsageError for names without one.
    """
    if city == AUTO:
        return _all(index_dir)
    if isinstance(city, str | Path):
        whole = _folder(city, index_dir)
        if isinstance(city, Path) or "," not in city or is_index(whole):
            return NamedIndexes((whole,), together=False)
        city = [name.strip() for name in city.split(",") if name.strip()]
    if not city:
        raise UsageError("no city is named", "such as hamburg, hamburg,bremen or auto")
    folders = [_folder(name, index_dir) for name in city]
    unique = list({folder.resolve(): folder for folder in folders}.values())
    for folder in unique:
        if len(unique) > 1 and not is_index(folder):
            raise no_such_index(folder)
    twice = [folder.name for folder in unique if sum(other == folder for other in folders) > 1]
    notes = tuple(f"{name} is named twice: it is asked once" for name in twice)
    return NamedIndexes(tuple(unique), len(unique) > 1, notes)


def beside(named: NamedIndexes, other: str | Path) -> NamedIndexes:
    """The index that is named, and that of the same city by another backbone, which is called CITY-BACKBONE.

    other: a backbone; or the folder of an index, as a Path.
    Raises UsageError where several cities are named, for an unknown backbone, and for an index that is of
    another one than its name says; CityError where there is no such index.
    """
    if named.only is None:
        raise UsageError(
            "several backbones are asked of one city", "name one city, and the backbone beside it"
        )
    if isinstance(other, Path):
        return NamedIndexes((named.only, other.expanduser()), True, one_city=True)
    backbone, own = find(other).name, named.only.absolute()
    folder = own.with_name(f"{own.name}-{slug(backbone)}")
    if not is_index(folder):
        make = f"build it of the same images: geoflood index {folder.name} IMAGES --backbone {backbone}"
        raise no_such_index(folder, make)
    built_with = read_manifest(folder).settings.backbone
    if built_with != backbone:
        raise UsageError(
            f"{folder} is of {built_with}, not of {backbone}", "build it again, or name the backbone it has"
        )
    return NamedIndexes((named.only, folder), True, one_city=True)


def all_indexes(index_dir: Path | None = None) -> list[Path]:
    """The folders of all indexes, by name; damaged and unfinished ones included."""
    root = home("index", index_dir)
    return sorted(path for path in root.iterdir() if is_index(path)) if root.is_dir() else []


def _all(index_dir: Path | None) -> NamedIndexes:
    folders = all_indexes(index_dir)
    if not folders:
        raise CityError(
            f"nothing is indexed in {home('index', index_dir)}", "begin with: geoflood index CITY IMAGES"
        )
    called_so = any(folder.name == AUTO for folder in folders)
    note = f"{AUTO} means all indexes; the one called so is among them: rename its folder to ask it alone"
    return NamedIndexes(tuple(folders), True, (note,) if called_so else ())


def _folder(city: str | Path, index_dir: Path | None) -> Path:
    """Of a name, in the folder of indexes; what holds a manifest, or is a Path, is a folder already."""
    if isinstance(city, Path) or (Path(city) / "manifest.json").is_file():
        return Path(city).expanduser()
    return city_folder(city, index_dir)
