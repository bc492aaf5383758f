"""A table of geotags beside the images: CSV, GeoJSON with a point for each image, or a list in JSON.

Columns (or properties) image, lat, lon [, heading, taken, pano, licence, credit, link, accuracy_m]; case,
blanks and the usual other names do not matter. Columns that belong together are read together. A bad row is
a `Rejected` value; only a file that is no such table raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geoflood.core.coordinates import BadPositionError, is_nothing, number
from geoflood.core.datatypes import Geotag, Projection, Rejected
from geoflood.core.errors import InputError, UsageError
from geoflood.core.file_names import NOT_IN_A_PATH, unescaped
from geoflood.core.position_columns import PositionColumns
from geoflood.core.tables import folded
from geoflood.imagery.geotag_files import Cells, GeotagCells, read_cells
from geoflood.imagery.parse_values import BadGeotagError, parse_heading, parse_time
from geoflood.imagery.reject_reasons import RejectReason

__all__ = ["Row", "TaggedImage", "check_geotags", "read_sidecar"]

IMAGE = (
    *("sourcefile", "image", "path", "filepath", "relpath", "relativepath", "file", "filename"),
    *("imagepath", "imagefile", "img", "photo", "photopath"),
)
"""Columns that may name the image: one program gives a path in `photo` and half a name in `filename`."""

ROLES = {
    "heading": (
        *("heading", "headingdeg", "bearing", "azimuth", "yaw", "compassangle", "gpsimgdirection"),
        *("imgdirection", "cameraheading", "direction", "mapcompassheading"),
    ),
    "taken": (
        *("taken", "takenat", "capturedat", "capturetime", "timestamp", "datetime", "gpsdatetime"),
        *("subsecdatetimeoriginal", "datetimeoriginal", "createdate"),
    ),
    "offset": ("offsettimeoriginal", "offsettime"),
    "day": ("date", "gpsdatestamp"),
    "clock": ("time", "gpstimestamp"),
    "pano": ("pano", "ispano", "panorama", "projection", "projectiontype"),
    "licence": ("licence", "license"),
    "credit": ("credit", "attribution", "author", "creator", "artist"),
    "link": ("link", "url", "page"),
    "accuracy": ("accuracym", "accuracy", "gpsaccuracy", "gpshpositioningerror"),
    "folder": ("directory", "folder"),
}
"""What a column is for, by its squeezed name; of several, the first in the tuple counts."""

PROJECTIONS = {
    **dict.fromkeys(("1", "true", "yes", "y", "equirectangular", "spherical"), Projection.EQUIRECTANGULAR),
    **dict.fromkeys(("0", "false", "no", "n", "perspective"), Projection.PERSPECTIVE),
}

_SHOWN = 8
"""Values of a column that are named when none is the wanted one."""
PICTURE = re.compile(r".*\.(?:jpe?g|jpe|jfif|mpo|png|webp|tiff?|bmp|gif|avif|hei[cf])", re.IGNORECASE)


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

    names: tuple[str, ...]
    """Paths as they are written, relative to the sidecar, the likeliest first."""
    geotag: TaggedImage | Rejected

    @property
    def image(self) -> str:
        """The likeliest path."""
        return self.names[0]


@dataclass(frozen=True, slots=True)
class _Columns:
    """What the columns of a table are for."""

    images: tuple[str, ...]
    roles: Mapping[str, str]
    position: PositionColumns

    @classmethod
    def among(cls, written: Sequence[str], position: PositionColumns) -> _Columns:
        """By the names without what groups and underlines add: EXIF:GPSImgDirection, gps_img_direction."""
        there: dict[str, str] = {}
        for column in sorted(map(folded, written), key=lambda name: ":" in name):
            there.setdefault(_squeezed(column), column)
        images = tuple(there[name] for name in IMAGE if name in there)
        first = {role: next((n for n in names if n in there), "") for role, names in ROLES.items()}
        return cls(images, {role: there[name] for role, name in first.items() if name}, position)

    @property
    def missing(self) -> list[str]:
        """What a table of geotags needs and these do not have."""
        return (
            []
            if self.images and not self.position.missing
            else [
                *([] if self.images else ["image"]),
                *self.position.missing,
            ]
        )


def check_geotags(path: Path) -> None:
    """Raises InputError when a file is no table with an image and a position in each row."""
    _table(path)


def read_sidecar(path: Path, select: str | None = None) -> Iterator[Row | Rejected]:
    """Every row of a table, or those for which `select`, COLUMN=VALUE, is true; one at a time.

    Raises InputError when it is no table of geotags, UsageError when the selection fits no column, and behind
    the last row, when it fits none.
    """
    table, columns = _table(path)
    found = table.rows(lambda cells: _is_row(cells, columns))
    if select:
        found = _selected(found, *_parse_selection(select, path, table), f"{path}: no row has {select}")
    return (_row(cells, columns, table.origin, place) for place, cells in found)


def _selected(
    found: Iterable[tuple[str, Cells | Rejected]], column: str, wanted: str, problem: str
) -> Iterator[tuple[str, Cells]]:
    """The rows with a value. Raises UsageError, with the first of the values that there are, for none."""
    held, some = list[str](), False
    for place, cells in found:
        if isinstance(cells, Rejected):
            continue
        if (value := cells.get(column)) == wanted:
            some = True
            yield place, cells
        elif (value or "") not in held:
            held = sorted([*held, value or ""])[: _SHOWN + 1]
    if not some:
        raise UsageError(problem, f"there are {', '.join(held[:_SHOWN])}{' ...' * (len(held) > _SHOWN)}")


def _table(path: Path) -> tuple[GeotagCells, _Columns]:
    """The table in a file, and what its columns are for. Raises InputError."""

    def knows(names: Sequence[str]) -> int:
        columns = _Columns.among(names, PositionColumns.among(names))
        return 0 if columns.missing else len(columns.roles) + 3

    table = read_cells(path, knows)
    columns = _Columns.among(table.columns, table.position)
    if columns.missing:
        raise InputError(
            f"{path}: no column for {', '.join(columns.missing)}",
            f"needed are image, lat and lon; there are {', '.join(table.columns)[:200] or 'none'}",
        )
    return table, columns


def _is_row(cells: Cells, columns: _Columns) -> bool:
    """Whether a line could be a row by itself: its name is a picture's, or it has a position."""
    if any(PICTURE.fullmatch(cells.get(name, "")) for name in columns.images):
        return True
    try:
        return columns.position.read(cells) is not None
    except BadPositionError:
        return False


def _row(cells: Cells | Rejected, columns: _Columns, origin: str, place: str) -> Row | Rejected:
    """A row's cells as its image and what they say of it."""
    if isinstance(cells, Rejected):
        return cells
    names = [cells.get(name, "") for name in columns.images]
    folder = cells.get(columns.roles.get("folder", ""), "")
    names += [f"{folder}/{name}" for name in names if folder and name and not re.search(r"[/\\]", name)]
    usable = tuple(dict.fromkeys(name for name in names if name and not NOT_IN_A_PATH.search(name)))
    if not usable:
        return Rejected(place, RejectReason.BAD_ROW, "names no image")
    return Row(usable, _tagged_image(usable[0], cells, columns, origin, place))


def _tagged_image(
    image: str, cells: Cells, columns: _Columns, origin: str, place: str
) -> TaggedImage | Rejected:
    """What a row's cells say of its image."""

    def told(role: str) -> str:
        return cells.get(columns.roles.get(role, ""), "")

    try:
        position = columns.position.read(cells)
        heading = parse_heading(told("heading"))
    except BadPositionError as error:
        return Rejected(image, RejectReason.BAD_POSITION, f"{place}: {error}")
    except BadGeotagError as error:
        return Rejected(image, error.reason, f"{place}: {error.detail}")
    if position is None:
        return Rejected(image, RejectReason.NO_POSITION, place)
    accuracy = number(told("accuracy"))
    taken = _taken(told("taken"), told("offset"), told("day"), told("clock"))
    return TaggedImage(
        Geotag(position, origin, heading, accuracy if accuracy and accuracy > 0 else None, parse_time(taken)),
        PROJECTIONS.get(told("pano").lower(), Projection.UNKNOWN),
        *(unescaped(told(role)) for role in ("licence", "credit", "link")),
    )


def _taken(taken: str, offset: str, day: str, clock: str) -> str:
    """The time in one cell or in two, with the offset from UTC that another tells."""
    if is_nothing(taken):
        taken = f"{day} {clock}".strip() if parse_time(f"{day} {clock}") else day or clock
    zoned = f"{taken}{offset}"
    return zoned if re.fullmatch(r"[+-]\d\d:\d\d|Z", offset) and parse_time(zoned) else taken


def _parse_selection(text: str, path: Path, table: GeotagCells) -> tuple[str, str]:
    """The folded column and the value of COLUMN=VALUE. Raises UsageError."""
    column, equals, value = text.partition("=")
    if not equals or folded(column) not in map(folded, table.columns):
        raise UsageError(
            f"{path}: {text!r} selects nothing", f"write COLUMN=VALUE; there are {', '.join(table.columns)}"
        )
    return folded(column), value.strip()


def _squeezed(column: str) -> str:
    return column.rpartition(":")[2].replace("_", "")
