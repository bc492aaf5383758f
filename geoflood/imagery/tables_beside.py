"""The tables of geotags that lie in a folder of images; and those there that cannot be used, and why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from geoflood.core.datatypes import Rejected
from geoflood.core.errors import InputError, UsageError
from geoflood.imagery.geotag_table import check_geotags
from geoflood.imagery.reject_reasons import RejectReason

__all__ = ["NAMED_SUFFIXES", "SeveralTablesError", "table_beside", "tables_deeper"]

TABLES = (".csv", ".tsv", ".tab", ".geojson")
"""Files that are there to be tables: one that is none of geotags is told."""
PERHAPS = (".txt", ".json")
"""Text that may be one. Excel's Unicode text is .txt, and some programs write GeoJSON as .json."""
NAMED_SUFFIXES = (*TABLES, *PERHAPS)
"""Of files that the user names."""
OTHERS = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers"), "a spreadsheet: save it as CSV"),
    **dict.fromkeys(
        (".gpkg", ".shp", ".kml", ".kmz", ".fgb", ".parquet"), "a layer: export it as GeoJSON in WGS 84"
    ),
    ".gpx": "a track: write its positions into the images first, as exiftool -geotag does",
}
"""Tables of other programs, and what makes them readable."""
TELLING = (b'"FeatureCollection"', b'"SourceFile"')
"""How a .json begins that may be one."""
MOST_GUESSED = 10_000_000
"""Bytes of a .json that is looked into unasked."""


class SeveralTablesError(UsageError):
    """Several tables in a folder could hold the geotags."""


def table_beside(root: Path) -> tuple[list[Path], list[Rejected]]:
    """The table of geotags that lies in a folder, if one does; and the tables there that are none.

    Raises UsageError when there are several.
    """
    try:
        names = sorted(os.listdir(root))
    except OSError as error:
        raise InputError(f"{root}: cannot be read: {error.strerror}") from error
    found: list[Path] = []
    unread: list[Rejected] = []
    for table in (root / name for name in names if not name.startswith((".", "~"))):
        if not table.is_file():
            continue
        problem = _problem(table)
        if problem == "":
            found.append(table)
        elif problem:
            unread.append(_rejected(table, problem))
    if len(found) > 1:
        several = ", ".join(table.name for table in found)
        raise SeveralTablesError(
            f"{root}: {several} could all hold the geotags", "name one with --geotags FILE"
        )
    return found, unread


def tables_deeper(root: Path) -> Iterator[Rejected]:
    """The tables in the folders of a folder: none of them is used."""
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if Path(folder) == root:
            continue
        for table in (Path(folder, name) for name in sorted(names) if not name.startswith((".", "~"))):
            problem = _problem(table) if table.is_file() else None
            if problem is not None:
                where = "it lies deeper: name it with --geotags FILE, or index its folder alone"
                yield _rejected(table, problem or where)


def _problem(path: Path) -> str | None:
    """Why a file is no table of geotags; empty for one that is, None for what may be anything else."""
    suffix = path.suffix.lower()
    if suffix in OTHERS:
        return OTHERS[suffix]
    if suffix not in NAMED_SUFFIXES or (suffix == ".json" and not _may_hold_geotags(path)):
        return None
    try:
        check_geotags(path)
    except InputError as error:
        return None if suffix in PERHAPS else f"{error} ({error.hint})" if error.hint else str(error)
    return ""


def _may_hold_geotags(path: Path) -> bool:
    """Whether a .json is worth a look, as GeoJSON or exiftool's list: too many other things are JSON."""
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
        return path.stat().st_size <= MOST_GUESSED and any(mark in head for mark in TELLING)
    except OSError:
        return False


def _rejected(table: Path, problem: str) -> Rejected:
    return Rejected(str(table), RejectReason.TABLE_NOT_UNDERSTOOD, problem.removeprefix(f"{table}: "))
