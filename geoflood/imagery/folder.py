"""Images on a disk: every picture in the folders, with the best geotag there is for it.

A row of a sidecar (a table of geotags) comes before the file name, the name before EXIF. EXIF also fills in
the heading and the time that the others leave open. Nothing is decoded here. Nothing outside the folders is
touched, whatever a row or a link says. Only an absolute path in a table that the user named is read anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from geoflood.core.datatypes import Geotag, Rejected, StreetImage
from geoflood.core.errors import InputError, UsageError
from geoflood.core.stand_ins import STAND_IN, fetches
from geoflood.imagery import exif
from geoflood.imagery.file_list import FileList, ImageFile, is_picture, labels_of
from geoflood.imagery.filenames import Zone, parse_filename, parse_zone
from geoflood.imagery.geotag_table import TaggedImage, read_sidecar
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.tables_beside import NAMED_SUFFIXES, SeveralTablesError, table_beside, tables_deeper

__all__ = ["NoTableError", "SeveralTablesError", "images", "is_picture", "lists", "unread_tables"]

THREADS = 4
"""Parsing EXIF keeps one core busy whatever the threads; they hide the latency of disks and networks."""

FILES_AT_ONCE = 512
"""Files in flight: enough for the threads, small enough to begin at once."""


class NoTableError(UsageError):
    """Rows are to be selected, and no table of geotags is there."""


def images(
    folders: Sequence[Path],
    geotags: Path | None = None,
    *,
    utm_zone: str | None = None,
    select: str | None = None,
    licence: str = "",
    credit: str = "",
) -> Iterator[StreetImage | Rejected]:
    """Every image in the folders, in an order that stays, and a reason for each that cannot be used.

    `geotags` is the list: only what it names is used. So is a CSV or GeoJSON among `folders`. Without
    `geotags`, the only table with the right columns directly in a folder is its sidecar, and the folder's
    other images are used too. `select` is COLUMN=VALUE of the tables; only listed images are used then.
    `licence` and `credit` are for images that come without their own.
    Keys are "folder:NAME/path" with the folder's name, so the folder may be moved but not renamed. An image
    outside the folders, which a table that was named lists by its absolute path, has the key "file:/path".

    Raises InputError and UsageError when called, before the first image is yielded.
    """
    zone = parse_zone(utm_zone) if utm_zone else None
    roots, tables = _roots_and_tables(folders, geotags)
    if select and not tables:
        raise NoTableError(f"--select {select} needs a table of geotags", "name it with --geotags FILE")
    files = FileList(sorted(roots))  # of two, one inside the other, the outer one names the files
    files.note(unread_tables(folders, geotags))
    for root, whole in roots.items():
        if whole and not select:
            files.walk(root)
    for table, named in tables.items():
        files.add(table, read_sidecar(table, select), named)
    return _in_order(files.items(), partial(_complete, zone=zone, licence=licence, credit=credit))


def lists(folders: Sequence[Path], geotags: Path | None = None) -> Callable[[StreetImage], bool]:
    """Whether `images` would have an image that an index knows, if it were still there or still listed.

    It speaks for all that lies in the folders, for what lay there before they were moved, and with a table
    that was named, for all absolute paths. Raises what `images` does.
    """
    roots, tables = _roots_and_tables(folders, geotags)
    labels, anywhere = labels_of(sorted(roots)), any(tables.values())

    def would_have(image: StreetImage) -> bool:
        source, _, path = image.key.partition(":")
        if source == "file":
            return anywhere
        inside = any(image.location.startswith(os.path.join(root, "")) for root in labels)
        moved = any(path.startswith(f"{label}/") for label in labels.values())
        return source == "folder" and (inside or (moved and not os.path.exists(image.location)))

    return would_have


def unread_tables(folders: Sequence[Path], geotags: Path | None = None) -> list[Rejected]:
    """The tables in the folders that `images` does not use, and why; none where the user named one.

    Raises what `images` does.
    """
    roots, tables = _roots_and_tables(folders, geotags)
    if any(tables.values()):
        return []
    found = (table for root in roots for table in (*table_beside(root)[1], *tables_deeper(root)))
    used = set(map(str, tables))
    return list({table.location: table for table in found if table.location not in used}.values())


def _roots_and_tables(
    folders: Sequence[Path], geotags: Path | None
) -> tuple[dict[Path, bool], dict[Path, bool]]:
    """The folders, each with whether all of it is used or only what a table lists; and the tables, each with
    whether the user named it."""
    roots: dict[Path, bool] = {}
    named = [geotags] if geotags else []
    for given in folders or tuple(named):
        if os.path.isdir(given):
            roots[given.resolve()] = geotags is None
        elif os.path.exists(given) and given.suffix.lower() in NAMED_SUFFIXES:
            roots.setdefault(given.parent.resolve(), False)
            named.append(given)
        else:
            what = "not a folder, CSV or GeoJSON" if os.path.exists(given) else "no such folder"
            raise InputError(f"{given}: {what}", "give folders of images, or a table of geotags")
    if not roots:
        raise UsageError("no images given", "geoflood index CITY FOLDER")
    tables = named or [table for root in roots for table in table_beside(root)[0]]
    return roots, {table.parent.resolve() / table.name: bool(named) for table in tables}


def _complete(file: ImageFile, zone: Zone | None, licence: str, credit: str) -> StreetImage | Rejected:
    """The picture with the best geotag there is, or why it has none."""
    if fetched := _fetches(file.path):
        return Rejected(file.path, RejectReason.NOT_HERE, fetched)
    listed = file.listed
    tag = listed.geotag if listed else parse_filename(file.path, zone)
    if isinstance(tag, Rejected):
        return tag
    if tag is None or tag.heading_deg is None or tag.taken_at is None:
        tag = _with_exif(tag, exif.read(Path(file.path)))
    if tag is None:
        return Rejected(
            file.path, RejectReason.NO_POSITION, "neither in a table, nor in its name, nor in EXIF"
        )
    listed = listed or TaggedImage(tag)
    who = (listed.licence or licence, listed.credit or credit, listed.link)
    return StreetImage(file.key, file.path, tag, listed.projection, *who)


def _fetches(path: str) -> str:
    """How to fetch the picture that a small file only stands for; empty for any other."""
    with suppress(OSError):
        if os.path.getsize(path) <= STAND_IN:
            with open(path, "rb") as file:
                return fetches(file.read(STAND_IN))
    return ""


def _with_exif(tag: Geotag | None, facts: exif.ExifFacts) -> Geotag | None:
    """The geotag, its gaps filled from EXIF; the geotag of EXIF when there is no other."""
    if tag is None:
        return facts.geotag
    heading = facts.heading_deg if tag.heading_deg is None else tag.heading_deg
    return replace(tag, heading_deg=heading, taken_at=tag.taken_at or facts.taken_at)


def _in_order(
    items: Iterator[ImageFile | Rejected], complete: Callable[[ImageFile], StreetImage | Rejected]
) -> Iterator[StreetImage | Rejected]:
    """The items completed, in their order, a few files at a time."""
    with ThreadPoolExecutor(THREADS) as pool:
        while chunk := list(islice(items, FILES_AT_ONCE)):
            yield from pool.map(lambda item: item if isinstance(item, Rejected) else complete(item), chunk)
