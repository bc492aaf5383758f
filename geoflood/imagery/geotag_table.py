"""A table of geotags beside the images: CSV, or GeoJSON with a point for each image.

Columns (or properties) image, lat, lon [, heading, taken, pano, licence, credit, link, accuracy_m]; case,
blanks and the usual other names do not matter. A bad row is a `Rejected` value; only a file that is
no such table raises.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geoflood.core.datatypes import Geotag, Projection, Rejected
from geoflood.core.errors import InputError, UsageError
from geoflood.imagery.parse_values import (
    BadGeotagError,
    parse_heading,
    parse_number,
    parse_position,
    parse_time,
)
from geoflood.imagery.reject_reasons import RejectReason

__all__ = ["Row", "TaggedImage", "has_geotags", "read_sidecar"]

ROLES = {
    "image": ("image", "path", "file", "filename", "file_name", "image_path", "img", "photo"),
    "lat": ("lat", "latitude", "gpslatitude", "gps_latitude"),
    "lon": ("lon", "lng", "long", "longitude", "gpslongitude", "gps_longitude"),
    "heading": ("heading", "heading_deg", "bearing", "azimuth", "yaw", "compass_angle", "gpsimgdirection"),
    "taken": (
        "taken",
        "taken_at",
        "captured_at",
        "timestamp",
        "datetime",
        "date",
        "time",
        "datetimeoriginal",
    ),
    "pano": ("pano", "is_pano", "panorama", "projection"),
    "licence": ("licence", "license"),
    "credit": ("credit", "attribution", "author", "creator"),
    "link": ("link", "url", "page"),
    "accuracy": ("accuracy_m", "accuracy", "gps_accuracy"),
}
"""What a column is for, by its folded name; of several, the first in the tuple counts."""

REQUIRED = ("image", "lat", "lon")

PROJECTIONS = {
    **dict.fromkeys(("1", "true", "yes", "y", "equirectangular", "spherical"), Projection.EQUIRECTANGULAR),
    **dict.fromkeys(("0", "false", "no", "n", "perspective"), Projection.PERSPECTIVE),
}

NOT_IN_A_PATH = re.compile("[\x00-\x1f\ud800-\udfff]")
"""An open quote makes one cell of many lines, and JSON can hold half characters: neither is a path."""


@dataclass(frozen=True, slots=True)
class TaggedImage:
    """What a row says of its image."""

    geotag: Geotag
    projection: Projection = Projection.UNKNOWN
    licence: str = ""
    credit: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a sidecar that names an image."""

    image: str
    """The path as it is written, relative to the sidecar."""
    geotag: TaggedImage | Rejected


@dataclass(frozen=True, slots=True)
class _Table:
    """Cells as text, whatever the file was."""

    origin: str
    columns: tuple[str, ...]
    """As written."""
    rows: tuple[Mapping[str, str] | None, ...]
    """By the column's folded name; None for a row that does not fit its columns."""

    @property
    def roles(self) -> dict[str, str]:
        """The folded column for each role that has one."""
        present = {_fold(column) for column in self.columns}
        first = {role: next((name for name in names if name in present), "") for role, names in ROLES.items()}
        return {role: name for role, name in first.items() if name}


def has_geotags(path: Path) -> bool:
    """Whether a file is a table with an image and a position in each row. Raises nothing."""
    try:
        return set(REQUIRED) <= _read_table(path).roles.keys()
    except InputError:
        return False


def read_sidecar(path: Path, select: str | None = None) -> list[Row | Rejected]:
    """Every row of a CSV or GeoJSON, or those for which `select`, COLUMN=VALUE, is true.

    Raises InputError when it is no table of geotags, UsageError when the selection fits no column or row.
    """
    table = _read_table(path)
    roles = table.roles
    if missing := [role for role in REQUIRED if role not in roles]:
        raise InputError(
            f"{path}: no column for {', '.join(missing)}",
            f"needed are image, lat and lon; there are {', '.join(table.columns) or 'none'}",
        )
    column, wanted = _parse_selection(select, path, table) if select else ("", "")
    chosen = [
        (n, cells)
        for n, cells in enumerate(table.rows, 1)
        if not select or (cells or {}).get(column) == wanted
    ]
    if select and not chosen:
        raise UsageError(f"{path}: no row has {select}", _values_hint(table, column))
    return [_row(cells, roles, table.origin, f"{path.name}, row {count}") for count, cells in chosen]


def _row(
    cells: Mapping[str, str] | None, roles: Mapping[str, str], origin: str, place: str
) -> Row | Rejected:
    """A row's cells as its image and what they say of it."""
    if cells is None:
        return Rejected(place, RejectReason.BAD_ROW, "does not fit the columns")
    values = {role: cells.get(name, "") for role, name in roles.items()}
    if not values["image"] or NOT_IN_A_PATH.search(values["image"]):
        return Rejected(place, RejectReason.BAD_ROW, "names no image")
    return Row(values["image"], _tagged_image(values, origin, place))


def _tagged_image(values: Mapping[str, str], origin: str, place: str) -> TaggedImage | Rejected:
    """A row's cells by role as a geotag."""
    try:
        position = parse_position(values["lat"], values["lon"])
        if position is None:
            return Rejected(values["image"], RejectReason.NO_POSITION, place)
        heading = parse_heading(values.get("heading", ""))
    except BadGeotagError as error:
        return Rejected(values["image"], error.reason, f"{place}: {error.detail}")
    accuracy = parse_number(values.get("accuracy", ""))
    taken = parse_time(values.get("taken", ""))
    return TaggedImage(
        Geotag(position, origin, heading, accuracy if accuracy and accuracy > 0 else None, taken),
        PROJECTIONS.get(values.get("pano", "").lower(), Projection.UNKNOWN),
        values.get("licence", ""),
        values.get("credit", ""),
        values.get("link", ""),
    )


def _parse_selection(text: str, path: Path, table: _Table) -> tuple[str, str]:
    """The folded column and the value of COLUMN=VALUE. Raises UsageError."""
    column, equals, value = text.partition("=")
    if not equals or _fold(column) not in map(_fold, table.columns):
        raise UsageError(
            f"{path}: {text!r} selects nothing", f"write COLUMN=VALUE; there are {', '.join(table.columns)}"
        )
    return _fold(column), value.strip()


def _values_hint(table: _Table, column: str) -> str:
    """What a column holds, for a message."""
    held = sorted({cells.get(column, "") for cells in table.rows if cells})
    return f"there are {', '.join(held[:8])}{' ...' * (len(held) > 8)}"


def _fold(column: str) -> str:
    """A column's name without what differs between writers."""
    return "_".join(column.strip("\ufeff \t\"'").lower().replace("-", " ").split())


def _read_table(path: Path) -> _Table:
    """The table in a file, by its content. Raises InputError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return _read_geojson(path, data)
    return _read_csv(path, _decode(data))


def _decode(data: bytes) -> str:
    """Text as spreadsheets write it: UTF-8 with or without a mark, UTF-16, else Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _read_csv(path: Path, text: str) -> _Table:
    """Rows of a CSV. Raises InputError.

    The delimiter is that of comma, semicolon and tab under which the header has the most known columns.
    """
    lines = io.StringIO(text.lstrip(), newline=None)
    try:
        header = next(lines, "")
        if "\0" in header:
            raise InputError(f"{path}: neither CSV nor GeoJSON")
        headers = {mark: tuple(next(csv.reader([header], delimiter=mark), ())) for mark in ",;\t"}
        delimiter = max(headers, key=lambda mark: len(_Table("csv", headers[mark], ()).roles))
        columns = [_fold(column) for column in headers[delimiter]]
        rows = tuple(_cells(columns, row) for row in csv.reader(lines, delimiter=delimiter) if any(row))
    except csv.Error as error:
        raise InputError(f"{path}: not a CSV: {error}") from error
    return _Table("csv", tuple(column.strip() for column in headers[delimiter]), rows)


def _cells(columns: Sequence[str], row: Sequence[str]) -> dict[str, str] | None:
    """A row by column; None when it has more cells than columns, for then nobody knows which is which."""
    if any(cell.strip() for cell in row[len(columns) :]):
        return None
    return {column: cell.strip() for column, cell in zip(columns, row, strict=False)}


def _read_geojson(path: Path, data: bytes) -> _Table:
    """The points of a FeatureCollection with their properties. Raises InputError."""
    try:
        match json.loads(data):
            case {"type": "FeatureCollection", "features": [*features]}:
                rows = tuple(map(_point_cells, features))
            case _:
                raise InputError(f"{path}: not a FeatureCollection", "a Point for each image is needed")
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a GeoJSON: {type(error).__name__}") from error
    columns = dict.fromkeys(name for row in rows if row for name in row)
    return _Table("geojson", tuple(columns), rows)


def _point_cells(feature: object) -> dict[str, str] | None:
    """A feature's properties and its point as cells; None when it is no point."""
    match feature:
        case {"geometry": {"type": "Point", "coordinates": [lon, lat, *_]}, "properties": {**named}}:
            cells = {_fold(str(k)): "" if v is None else str(v).strip() for k, v in named.items()}
            return {**cells, "lat": str(lat), "lon": str(lon)}
    return None
