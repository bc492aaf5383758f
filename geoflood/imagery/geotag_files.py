"""The cells of a file that may be a table of geotags, whatever it is: CSV, GeoJSON, or a list in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from geoflood.core.datatypes import Rejected
from geoflood.core.errors import InputError
from geoflood.core.position_columns import PositionColumns
from geoflood.core.tables import BadRow, TableFault, TableHeader, find_header, first_header, folded, rows
from geoflood.core.text_files import HEAD, head_text, text_of
from geoflood.imagery.reject_reasons import RejectReason

__all__ = ["Cells", "GeotagCells", "read_cells"]

Cells: TypeAlias = Mapping[str, str]
"""By folded column."""
Tells: TypeAlias = Callable[[Cells], bool]
"""Whether a line that could as well be text is a row, by its cells."""

WGS_84 = re.compile(r"(?:.*[:/])?(?:CRS84h?|4326|4979|4258|4269|4283|7844)", re.IGNORECASE)
"""Names for degrees on WGS 84, and on datums that differ from it by less than two metres."""


@dataclass(frozen=True, slots=True)
class GeotagCells:
    """Cells as text, whatever the file was."""

    origin: str
    columns: tuple[str, ...]
    """As written."""
    position: PositionColumns
    """Where the position stands."""
    rows: Callable[[Tells], Iterator[tuple[str, Cells | Rejected]]]
    """The place of each row and its cells."""


def read_cells(path: Path, knows: Callable[[Sequence[str]], int]) -> GeotagCells:
    """The table in a file, by its content; `knows` counts the known ones of columns. Raises InputError."""
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
        if head_text(head).lstrip()[:1] in ("{", "["):
            return _read_json(path)
        return _read_csv(path, head, knows)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _read_csv(path: Path, head: bytes, knows: Callable[[Sequence[str]], int]) -> GeotagCells:
    header = _header(path, head, lambda text: find_header(text, knows)) or _header(path, head, first_header)
    if header is None or any("\0" in name for name in header.written):
        raise InputError(f"{path}: neither CSV nor GeoJSON")

    def lines(tells: Tells) -> Iterator[tuple[str, Cells | Rejected]]:
        with path.open("rb") as stream, text_of(stream, head) as text:
            for row in rows(text, header, tells):
                place = f"{path.name}, line {row.line}"
                yield place, _rejected(row, place) if isinstance(row, BadRow) else row.cells

    return GeotagCells("csv", header.written, PositionColumns.among(header.columns), lines)


def _header(path: Path, head: bytes, find: Callable[[Any], TableHeader | None]) -> TableHeader | None:
    with path.open("rb") as stream, text_of(stream, head) as text:
        return find(text)


def _rejected(row: BadRow, place: str) -> Rejected:
    reason = RejectReason.OPEN_QUOTE if row.fault is TableFault.OPEN_QUOTE else RejectReason.BAD_ROW
    return Rejected(place, reason, row.detail)


def _read_json(path: Path) -> GeotagCells:
    """The points of a FeatureCollection, or the objects of a list, as exiftool writes it."""
    try:
        content = json.loads(_as_utf_8(path.read_bytes()))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a GeoJSON: {type(error).__name__}") from error
    match content:
        case {"type": "FeatureCollection", "features": [*features]}:
            _check_crs(path, content.get("crs"))
            found = [_point_cells(feature) for feature in features]
        case [*objects] if any(isinstance(one, dict) for one in objects):
            found = [_object_cells(one) for one in objects]
        case _:
            raise InputError(f"{path}: not a FeatureCollection", "a Point for each image is needed")
    origin = "geojson" if isinstance(content, dict) else "json"
    columns = tuple(dict.fromkeys(name for cells in found if cells for name in cells))
    position = PositionColumns.among(columns)
    if origin == "geojson" and "lat" in columns:
        position = replace(position, lat="lat", lon="lon")  # of the point, whatever properties say

    def items(tells: Tells) -> Iterator[tuple[str, Cells | Rejected]]:
        for count, cells in enumerate(found, 1):
            place = f"{path.name}, row {count}"
            yield place, Rejected(place, RejectReason.BAD_ROW, "no point") if cells is None else cells

    return GeotagCells(origin, columns, position, items)


def _as_utf_8(data: bytes) -> bytes | str:
    """JSON of another encoding, such as cp1252, which standards forbid and programs write."""
    return data if data[:2] in (b"\xff\xfe", b"\xfe\xff") else head_text(data)


def _check_crs(path: Path, crs: object) -> None:
    """Raises InputError for positions that are not on WGS 84, as old GeoJSON could have them."""
    match crs:
        case {"properties": {"name": str(name)}} if not WGS_84.fullmatch(name):
            raise InputError(f"{path}: positions in {name[:60]}", "export it in WGS 84 (EPSG:4326)")


def _point_cells(feature: object) -> dict[str, str] | None:
    """A feature's properties and its point as cells; None when nothing says where it is."""
    match feature:
        case {"geometry": {"type": "Point", "coordinates": [lon, lat, *_]}, "properties": {**named}}:
            return {**_object_cells(named), "lat": str(lat), "lon": str(lon)}
        case {"geometry": None, "properties": {**named}}:
            cells = _object_cells(named)
            return None if PositionColumns.among(cells).missing else cells
    return None


def _object_cells(named: object) -> dict[str, str]:
    """An object's members as cells; none of what is no object."""
    if not isinstance(named, dict):
        return {}
    cells = {folded(str(key)): "" if value is None else str(value).strip() for key, value in named.items()}
    return {name: cell for name, cell in cells.items() if name}
