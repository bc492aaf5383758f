"""Images on a disk: every picture in the folders, with the best geotag there is for it.

A row of a sidecar (a table of geotags) comes before the file name, the name before EXIF. EXIF also fills in
the heading and the time that the others leave open. Nothing is decoded here. Nothing outside the folders is
touched, whatever a row or a link says. Only an absolute path in a table that the user named is read anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from geoflood.core.datatypes import Geotag, Rejected, StreetImage
from geoflood.core.errors import InputError, UsageError
from geoflood.imagery import exif
from geoflood.imagery.filenames import Zone, parse_filename, parse_zone
from geoflood.imagery.geotag_table import Row, TaggedImage, has_geotags, read_sidecar
from geoflood.imagery.reject_reasons import RejectReason

__all__ = ["NoTableError", "SeveralTablesError", "images", "is_picture", "lists"]

PICTURE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .webp .tif .tiff .bmp .gif .avif .heic .heif".split()  # noqa: SIM905
)
"""Files of a folder that are taken for pictures. HEIC cannot be read yet, so it is counted as unusable."""

SIDECAR_SUFFIXES = (".csv", ".tsv", ".geojson")
TABLE_SUFFIXES = (*SIDECAR_SUFFIXES, ".json")
"""A .json file is a table only when the user names it: too many other things are JSON."""

THREADS = 4
"""Parsing EXIF keeps one core busy whatever the threads; they hide the latency of disks and networks."""

FILES_AT_ONCE = 512
"""Files in flight: enough for the threads, small enough to begin at once."""


@dataclass(frozen=True, slots=True)
class _ImageFile:
    """A picture on the disk, and what a table says of it."""

    path: str
    """Absolute, without links in its folders."""
    key: str
    listed: TaggedImage | None = None


class NoTableError(UsageError):
    """Rows are to be selected, and no table of geotags is there."""


class SeveralTablesError(UsageError):
    """Several tables in a folder could hold the geotags."""


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
    files = _FileList(sorted(roots))  # of two, one inside the other, the outer one names the files
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
    labels, anywhere = _labels(sorted(roots)), any(tables.values())

    def would_have(image: StreetImage) -> bool:
        source, _, path = image.key.partition(":")
        if source == "file":
            return anywhere
        inside = any(image.location.startswith(os.path.join(root, "")) for root in labels)
        moved = any(path.startswith(f"{label}/") for label in labels.values())
        return source == "folder" and (inside or (moved and not os.path.exists(image.location)))

    return would_have


def is_picture(path: Path) -> bool:
    """Whether a file name is that of a picture: of a known suffix and not hidden."""
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")


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
        elif os.path.exists(given) and given.suffix.lower() in TABLE_SUFFIXES:
            roots.setdefault(given.parent.resolve(), False)
            named.append(given)
        else:
            what = "not a folder, CSV or GeoJSON" if os.path.exists(given) else "no such folder"
            raise InputError(f"{given}: {what}", "give folders of images, or a table of geotags")
    if not roots:
        raise UsageError("no images given", "geoflood index CITY FOLDER")
    tables = named or [table for root in roots for table in _sidecar_of(root)]
    return roots, {table.parent.resolve() / table.name: bool(named) for table in tables}


def _sidecar_of(root: Path) -> list[Path]:
    """The table of geotags that lies in a folder, if one does. Raises UsageError when there are several."""
    try:
        names = sorted(os.listdir(root))
    except OSError as error:
        raise InputError(f"{root}: cannot be read: {error.strerror}") from error
    tables = (root / name for name in names if name.lower().endswith(SIDECAR_SUFFIXES))
    found = [table for table in tables if table.is_file() and has_geotags(table)]
    if len(found) > 1:
        several = ", ".join(table.name for table in found)
        raise SeveralTablesError(
            f"{root}: {several} could all hold the geotags", "name one with --geotags FILE"
        )
    return found


class _FileList:
    """The files to be used, and what is known of them before any is opened."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._labels = _labels(roots)
        self._keys: dict[str, str] = {}
        """Path -> key, in the order in which the files are yielded."""
        self._known: dict[str, TaggedImage | Rejected] = {}
        """What a table, or the file system, says of a path."""
        self._unmatched: list[Rejected] = []
        """Rows and folders that lead to no usable file."""

    def walk(self, root: Path) -> None:
        """Add every picture under a folder; links that lead inside it are followed, others are counted."""
        for folder, subfolders, names in os.walk(root, onerror=self._note_unreadable):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            names[:] = sorted(name for name in names if is_picture(Path(name)))
            for path in (os.path.join(folder, name) for name in (*subfolders, *names)):
                if os.path.islink(path) and self._label_of(os.path.realpath(path)) is None:
                    self._keys[path] = ""
                    self._known[path] = Rejected(_printable(path), RejectReason.OUTSIDE_FOLDER, "a link")
            for path in (os.path.join(folder, name) for name in names):
                if os.path.isfile(path):
                    self._add_file(path)

    def add(self, table: Path, rows: Iterable[Row | Rejected], named: bool) -> None:
        """Add the rows of a table; of several rows for one image the first counts.

        Absolute paths lead anywhere in a table that the user named, and nowhere in one that was found.
        """
        for row in rows:
            if isinstance(row, Rejected):
                self._unmatched.append(row)
                continue
            path, problem = self._path_of(row.image, table.parent, named)
            if problem:
                self._unmatched.append(Rejected(row.image, problem, f"listed in {table.name}"))
            elif path not in self._known:
                self._known[path] = row.geotag
            elif isinstance(self._known[path], TaggedImage):
                self._unmatched.append(
                    Rejected(row.image, RejectReason.DUPLICATE_ROW, f"listed in {table.name}")
                )

    def items(self) -> Iterator[_ImageFile | Rejected]:
        """The rejected rows, then every file."""
        yield from self._unmatched
        for path, key in self._keys.items():
            known = self._known.get(path)
            yield known if isinstance(known, Rejected) else _ImageFile(path, key, known)

    def _path_of(self, image: str, base: Path, anywhere: bool) -> tuple[str, str]:
        """The file that a row names, relative to its table or else to a folder; or ("", the problem).

        Absolute ones may lie `anywhere`, or else in a folder.
        """
        spellings = (image, image.replace("\\", "/"))  # tables come from Windows too
        starts = (str(base), *self._labels)
        tried = [os.path.normpath(os.path.join(start, text)) for text in spellings for start in starts]
        for path in tried:
            if path in self._keys:
                return path, ""
        anywhere = anywhere and os.path.isabs(image)
        real = [os.path.realpath(path) for path in tried]
        allowed = [path for path in real if anywhere or self._label_of(path) is not None]
        there = [path for path in real if os.path.isfile(path)]
        if usable := [path for path in allowed if path in there]:
            self._add_file(usable[0])
            return usable[0], ""
        return "", RejectReason.MISSING_FILE if allowed and not there else RejectReason.OUTSIDE_FOLDER

    def _add_file(self, path: str) -> None:
        """Add a file under its key, once: two folders may hold it, one inside the other."""
        if path in self._keys:
            return
        label = self._label_of(path)
        if _printable(path) == path:
            self._keys[path] = f"file:{path}" if label is None else f"folder:{label}"
        else:  # no database and no map could hold it
            self._unmatched.append(Rejected(_printable(path), RejectReason.NAME_NOT_UTF8))

    def _label_of(self, path: str) -> str | None:
        """The path within its folder, after the folder's label; None when it lies in none of the folders."""
        for root, label in self._labels.items():
            start = os.path.join(root, "")
            if os.path.join(path, "").startswith(start):
                return f"{label}/{path[len(start) :]}".replace(os.sep, "/")
        return None

    def _note_unreadable(self, error: OSError) -> None:
        path = _printable(str(error.filename))
        self._unmatched.append(Rejected(path, RejectReason.NO_PERMISSION, error.strerror or ""))


def _labels(roots: Sequence[Path]) -> dict[str, str]:
    """Each folder's name, with as many of its parents as tell it from the others."""
    labels = {}
    for root in roots:
        depth = 1
        while any(other.parts[-depth:] == root.parts[-depth:] for other in roots if other != root):
            depth += 1
        labels[str(root)] = "/".join(root.parts[-depth:]).lstrip("/")
    return labels


def _printable(path: str) -> str:
    """The path as text that can be printed and stored, whatever bytes its name is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _complete(file: _ImageFile, zone: Zone | None, licence: str, credit: str) -> StreetImage | Rejected:
    """The picture with the best geotag there is, or why it has none."""
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


def _with_exif(tag: Geotag | None, facts: exif.ExifFacts) -> Geotag | None:
    """The geotag, its gaps filled from EXIF; the geotag of EXIF when there is no other."""
    if tag is None:
        return facts.geotag
    heading = facts.heading_deg if tag.heading_deg is None else tag.heading_deg
    return replace(tag, heading_deg=heading, taken_at=tag.taken_at or facts.taken_at)


def _in_order(
    items: Iterator[_ImageFile | Rejected], complete: Callable[[_ImageFile], StreetImage | Rejected]
) -> Iterator[StreetImage | Rejected]:
    """The items completed, in their order, a few files at a time."""
    with ThreadPoolExecutor(THREADS) as pool:
        while chunk := list(islice(items, FILES_AT_ONCE)):
            yield from pool.map(lambda item: item if isinstance(item, Rejected) else complete(item), chunk)
