"""Data sets in the field's form: `database/` and `queries/`, with the position in the name of each picture.

Pitts, Tokyo 24/7, MSLS and SF-XL come so (VPR-datasets-downloader): `@easting@northing@zone@letter@lat@lon@
pano@tile@heading@pitch@roll@height@timestamp@note@.jpg`. They are read like any folder with
geotags, and written so that other programs can be run on the same images.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from geoflood.core.datatypes import LatLon, Rejected, StreetImage
from geoflood.core.errors import InputError, UsageError
from geoflood.core.files import write_whole
from geoflood.core.geo import to_utm
from geoflood.core.images import UnreadableImageError, header, jpeg, read_image
from geoflood.imagery.folder import images
from geoflood.imagery.reject_reasons import RejectReason

__all__ = [
    "DATABASE",
    "JPEG_QUALITY",
    "QUERIES",
    "VprImage",
    "fresh",
    "labelled",
    "name_of",
    "unlabelled",
    "write_split",
]

DATABASE, QUERIES = "database", "queries"

JPEG_QUALITY = 95
"""Of pictures that are encoded anew: tiles, flooded photos, formats that other programs do not read."""
COPIED_SUFFIXES = (".jpg", ".jpeg")
"""Files of these are copied byte for byte, EXIF included."""


@dataclass(frozen=True, slots=True)
class VprImage:
    """A picture to be written into a split."""

    name: str
    source: Path
    make: Callable[[], bytes] | None = None
    """Makes the JPEG file to be written in place of the source; raises UnreadableImageError."""


def labelled(
    path: Path, geotags: Path | None = None, select: str | None = None, utm_zone: str | None = None
) -> tuple[list[StreetImage], list[Rejected]]:
    """The queries of a table, a folder, or the root of a data set; and what cannot be used of them.

    Raises InputError and UsageError for what is none of these.
    """
    items = list(images([_queries_folder(path)], geotags, utm_zone=utm_zone, select=select))
    return (
        [item for item in items if isinstance(item, StreetImage)],
        [item for item in items if isinstance(item, Rejected)],
    )


def unlabelled(path: Path, select: str | None = None) -> tuple[list[StreetImage | Path], list[Rejected]]:
    """Photos that need no geotag, those taken elsewhere: one without a geotag is given as its path."""
    usable, rejected = labelled(path, None, select)
    base = path if path.is_dir() else path.parent
    untagged = [base / item.location for item in rejected if item.reason == RejectReason.NO_POSITION]
    return [*usable, *untagged], [item for item in rejected if item.reason != RejectReason.NO_POSITION]


def _queries_folder(path: Path) -> Path:
    """The folder of queries under a data set's root; any other path as it is."""
    if not path.is_dir() or not (path / DATABASE).is_dir():
        return path
    sets = sorted(item for item in path.iterdir() if item.is_dir() and item.name.startswith(QUERIES))
    if (path / QUERIES) in sets:
        return path / QUERIES
    if len(sets) == 1:
        return sets[0]
    if not sets:
        raise InputError(f"{path} has {DATABASE}/ and no {QUERIES}/", "name the folder of the queries")
    raise UsageError(
        f"{path} has {', '.join(folder.name for folder in sets)}", f"name one, such as {sets[0]}"
    )


def name_of(
    position: LatLon,
    key: str,
    number: int,
    *,
    zone: int | None = None,
    heading_deg: float | None = None,
    tile: int | None = None,
    taken_at: datetime | None = None,
) -> str:
    """A picture's name in the field's form; of `key` only letters and digits are kept.

    With one `zone` for all names, plain UTM distances are right across the border of a zone, too. A position
    too far from it keeps its own zone. `number` makes the name unique.
    """
    easting, northing, where, letter = _in_zone(position, zone)
    heading = "" if heading_deg is None else f"{round(heading_deg) % 360:03d}"
    pano = re.sub(r"[^A-Za-z0-9-]+", "_", os.path.splitext(key)[0])[-60:]
    fields = [
        *(f"{easting:010.2f}", f"{northing:010.2f}", f"{where:02d}", letter),
        *(f"{position.lat:09.5f}", f"{position.lon:010.5f}", pano, "" if tile is None else f"{tile:02d}"),
        *(heading, "", "", "", "" if taken_at is None else f"{taken_at:%Y%m%d_%H%M%S}", f"{number:06d}"),
    ]
    return f"@{'@'.join(fields)}@.jpg"


def _in_zone(position: LatLon, zone: int | None) -> tuple[float, float, int, str]:
    """UTM in `zone`, or in the position's own when the easting would be none that other programs accept."""
    forced = to_utm(position, zone)
    return forced if 100_000 <= forced[0] <= 999_000 else to_utm(position)


def fresh(folder: Path) -> None:
    """Raises UsageError unless a folder is new or empty: so nothing is replaced, no link followed."""
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UsageError(f"{folder} is there already and not empty", "name a folder that is not there")


def write_split(folder: Path, split: str, entries: Iterable[VprImage], link: bool = False) -> list[Rejected]:
    """Write `folder/split/`, copies or hard links; returns what could not be written, with reasons.

    Symbolic links are not made: they lead out of the folder, and careful readers of a data set refuse them.
    """
    (folder / split).mkdir(parents=True)
    rejected = []
    for entry in entries:
        target = folder / split / entry.name
        if target.parent != folder / split:
            raise ValueError(f"{entry.name!r} is no file name")
        try:
            _write_image(entry, target, link)
        except UnreadableImageError as error:
            rejected.append(Rejected(str(entry.source), error.reason, error.detail))
        except _UnlinkableError as error:
            rejected.append(Rejected(str(entry.source), RejectReason.CANNOT_BE_LINKED, str(error)))
    return rejected


class _UnlinkableError(Exception):
    """A file that lies on another disk, or is somebody else's."""


def _write_image(entry: VprImage, target: Path, link: bool) -> None:
    """Link one picture, copy it as it is, or encode it anew."""
    if entry.make is not None:
        write_whole(target, entry.make())
        return
    header(entry.source)
    if link:
        _link(entry.source.resolve(), target)
    elif entry.source.suffix.lower() in COPIED_SUFFIXES:
        shutil.copyfile(entry.source, target)
    else:
        write_whole(target, jpeg(read_image(entry.source), None, JPEG_QUALITY))


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        raise _UnlinkableError(error.strerror or str(error)) from error
