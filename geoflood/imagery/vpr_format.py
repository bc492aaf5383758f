"""Data sets in the field's form: `database/` and `queries/`, the truth in the name of each picture.

Pitts, Tokyo 24/7, MSLS and SF-XL come so (VPR-datasets-downloader): `@easting@northing@zone@letter@lat@lon@
pano@tile@heading@pitch@roll@height@timestamp@note@.jpg`. Read with everything else that says where a
picture was taken; written so that other programs can be run on what geoflood saw.
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

__all__ = [
    "DATABASE",
    "JPEG_QUALITY",
    "QUERIES",
    "UNLINKABLE",
    "VprImage",
    "fresh",
    "labelled",
    "name_of",
    "unlabelled",
    "write_split",
]

DATABASE, QUERIES = "database", "queries"

JPEG_QUALITY = 95
"""Of pictures that have to be written anew: tiles, flooded photos, formats that evaluators do not read."""
PASSED_ON = (".jpg", ".jpeg")
"""What is copied byte for byte, EXIF and all."""
UNLINKABLE = "cannot be linked"
"""Why a picture is not written that cannot share its bytes with the original."""


@dataclass(frozen=True, slots=True)
class VprImage:
    """A picture to be written into a split."""

    name: str
    source: Path
    made: Callable[[], bytes] | None = None
    """The JPEG file that is written in its place: raises UnreadableImageError."""


def labelled(
    path: Path, geotags: Path | None = None, select: str | None = None, utm_zone: str | None = None
) -> tuple[list[StreetImage], list[Rejected]]:
    """The queries of a table, a folder, or the root of a data set; and what cannot be used of them.

    Raises InputError and UsageError for what is none of these.
    """
    found = list(images([_meant(path)], geotags, utm_zone=utm_zone, select=select))
    return (
        [one for one in found if isinstance(one, StreetImage)],
        [one for one in found if isinstance(one, Rejected)],
    )


def unlabelled(path: Path, select: str | None = None) -> tuple[list[StreetImage | Path], list[Rejected]]:
    """Photos that need no geotag: those of elsewhere. One without any is its path."""
    usable, rejected = labelled(path, None, select)
    nowhere = [Path(one.location) for one in rejected if one.reason == "no position"]
    base = path if path.is_dir() else path.parent
    here = [spot if spot.is_absolute() else base / spot for spot in nowhere]
    return [*usable, *here], [one for one in rejected if one.reason != "no position"]


def _meant(path: Path) -> Path:
    """The queries under a data set's root, else what was given."""
    if not path.is_dir() or not (path / DATABASE).is_dir():
        return path
    sets = sorted(one for one in path.iterdir() if one.is_dir() and one.name.startswith(QUERIES))
    if (path / QUERIES) in sets:
        return path / QUERIES
    if len(sets) == 1:
        return sets[0]
    if not sets:
        raise InputError(f"{path} has {DATABASE}/ and no {QUERIES}/", "name the folder of the queries")
    raise UsageError(f"{path} has {', '.join(one.name for one in sets)}", f"name one, such as {sets[0]}")


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
    """A picture's name in the field's form; `key` is whoever's, so only letters and digits of it are kept.

    With one `zone` for all names plain UTM distances are right across a zone's border too; what is too far
    off for it keeps its own. The number makes the name the only one of its kind.
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
    """UTM in a zone as long as readers take the easting for one."""
    forced = to_utm(position, zone)
    return forced if 100_000 <= forced[0] <= 999_000 else to_utm(position)


def fresh(folder: Path) -> None:
    """Make sure that a folder is new or empty: nothing in it is replaced, no link in it leads elsewhere."""
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UsageError(f"{folder} is there already and not empty", "name a folder that is not there")


def write_split(folder: Path, split: str, entries: Iterable[VprImage], link: bool = False) -> list[Rejected]:
    """Write `folder/split/`, copies or hard links; returns what could not be written, with reasons.

    Symbolic links would lead out of the folder, where nobody follows them who distrusts a data set.
    """
    (folder / split).mkdir(parents=True)
    lost = []
    for entry in entries:
        target = folder / split / entry.name
        if target.parent != folder / split:
            raise ValueError(f"{entry.name!r} is no file name")
        try:
            _put(entry, target, link)
        except UnreadableImageError as error:
            lost.append(Rejected(str(entry.source), error.reason, error.detail))
        except _UnlinkableError as error:
            lost.append(Rejected(str(entry.source), UNLINKABLE, str(error)))
    return lost


class _UnlinkableError(Exception):
    """A file that lies on another disk, or is somebody else's."""


def _put(entry: VprImage, target: Path, link: bool) -> None:
    """One picture: linked, copied as it is, or written anew."""
    if entry.made is not None:
        write_whole(target, entry.made())
        return
    header(entry.source)
    if link:
        _link(entry.source.resolve(), target)
    elif entry.source.suffix.lower() in PASSED_ON:
        shutil.copyfile(entry.source, target)
    else:
        write_whole(target, jpeg(read_image(entry.source), None, JPEG_QUALITY))


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        raise _UnlinkableError(error.strerror or str(error)) from error
