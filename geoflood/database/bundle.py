"""`geoflood bundle`: a finished index, or the part of it in an area, in one file that another machine opens.

It holds numbers and texts, not the files of the index. Those are made anew where it is opened, so no foreign
database is ever opened. Pictures stay at home unless they are asked for.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray

from geoflood import __version__
from geoflood.backbones.patches import PackedPatches
from geoflood.core.area import Area
from geoflood.core.datatypes import Geotag, Progress, Projection, Reference, StreetImage, no_progress
from geoflood.core.errors import IndexUnusableError, InputError, UsageError
from geoflood.core.files import replacing
from geoflood.database.bundle_format import (
    HEADER,
    IMAGES,
    LEARNED,
    MOST_MEMBERS,
    MOST_PICTURE,
    OUTSIDERS,
    PICTURE_FOLDER,
    PICTURE_SUFFIXES,
    BundledImage,
    BundledPicture,
    BundleHeader,
    WholeIndex,
    image_line,
)
from geoflood.database.database import Database
from geoflood.database.disk_room import check_room, full_disk_told
from geoflood.database.index_files import PICTURES, is_finished
from geoflood.database.ledger_facts import LedgerFacts, PlannedFacts
from geoflood.database.manifest import find_manifest
from geoflood.database.patch_store import PatchStore
from geoflood.places.street_map_file import STREETS, find

__all__ = ["Bundled", "measure_bundle", "write_bundle"]

Chunks: TypeAlias = Iterable[bytes]

_AT_ONCE = 1024
"""Views in memory."""
_CHUNK = 1 << 20
_LINE = 700
"""Bytes of an image's line, roughly."""
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every member: a zip has to have one."""
_SMALLER = "free space, or bundle a part with --bounds"


@dataclass(frozen=True, slots=True)
class Bundled:
    """What a bundle came to hold."""

    path: Path
    images: int
    views: int
    without_patches: int
    """Views that re-ranking cannot look at without their pictures."""
    pictures: int
    pictures_gone: int
    """Pictures that were asked for and cannot be read."""


@dataclass(frozen=True, eq=False)
class _Views:
    """The n views of m images that are bundled, in their order; images count from 0."""

    ids: NDArray[np.int64]
    """[n] in the index."""
    image: NDArray[np.int64]
    """[n]."""
    first: NDArray[np.int64]
    """[m] id of each image's first view."""
    heading: NDArray[np.float32]
    """[n]; NaN where unknown, as below."""
    fov: NDArray[np.float32]
    tile: NDArray[np.float32]
    patches: NDArray[np.int64]
    """[n, 3] number of patches, height and width of their frame; zeros where none were kept."""


def write_bundle(
    folder: Path,
    path: Path,
    *,
    area: Area | None = None,
    with_pictures: bool = False,
    replace_file: bool = False,
    progress: Progress = no_progress,
) -> Bundled:
    """Write an index, or what of it lies in an area, to a file that is whole or not there.

    Raises CityError and IndexUnusableError for an index that cannot be searched, InputError where the area
    holds none of it or the disk is full, UsageError for a file that is there.
    """
    _refuse_existing(path, replace_file)
    database = Database(folder)
    writer = _Writer(database, _views(database, area), progress)
    if with_pictures:
        writer.find_pictures()
    check_room(path, writer.size, _SMALLER)
    with full_disk_told(path, _SMALLER), replacing(path) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            writer.write(_Members(archive))
        if not is_finished(folder) or find_manifest(folder) != database.manifest:
            raise IndexUnusableError(f"{folder} changed while it was bundled", "run geoflood bundle again")
    return writer.bundled(path)


def _refuse_existing(path: Path, replace_file: bool) -> None:
    if path.exists() and not replace_file:
        raise UsageError(f"{path} is there already", "name another file, or say --replace")


def measure_bundle(
    folder: Path,
    path: Path,
    *,
    area: Area | None = None,
    with_pictures: bool = False,
    replace_file: bool = False,
) -> tuple[Bundled, int]:
    """What `write_bundle` would write, and roughly how many bytes; nothing is written.

    Raises CityError and IndexUnusableError for an index that cannot be searched, InputError where the area
    holds none of it, UsageError for a file that is there.
    """
    _refuse_existing(path, replace_file)
    database = Database(folder)
    writer = _Writer(database, _views(database, area), no_progress)
    if with_pictures:
        writer.find_pictures()
    return writer.bundled(path), writer.size


def _views(database: Database, area: Area | None) -> _Views:
    """Raises InputError when none lies in the area."""
    ids = np.arange(len(database), dtype=np.int64)
    if area is not None:
        ids = ids[area.holds(database.positions[:, 0], database.positions[:, 1])]
        if not len(ids):
            raise InputError(
                f"nothing of {database.folder} lies in {area.name}", "geoflood info CITY says where it lies"
            )
    _, first, image = np.unique(database.captures.image[ids], return_index=True, return_inverse=True)
    shown = np.full((3, len(ids)), np.nan, np.float32)
    for n, one in enumerate(_references(database, ids)):
        for row, value in enumerate((one.heading_deg, one.fov_deg, one.tile_deg)):
            shown[row, n] = np.nan if value is None else value
    kept = PatchStore(database.folder)
    frames = np.array([kept.frame(view) or (0, 0, 0) for view in ids.tolist()], np.int64)
    heading, fov, tile = shown
    return _Views(ids, image, ids[first], heading, fov, tile, frames)


def _references(database: Database, ids: NDArray[np.int64]) -> Iterator[Reference]:
    for start in range(0, len(ids), _AT_ONCE):
        yield from database.references(ids[start : start + _AT_ONCE].tolist())


class _Members:
    """The members of a bundle as they are written, each with its size and checksum."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.written: dict[str, tuple[int, str]] = {}

    def add(self, name: str, chunks: Chunks) -> tuple[int, str]:
        """Write a member; returns its bytes and SHA-256."""
        digest, size = hashlib.sha256(), 0
        entry = zipfile.ZipInfo(name, _DATE)
        entry.external_attr = 0o100644 << 16
        with self._archive.open(entry, "w", force_zip64=True) as member:
            for chunk in chunks:
                member.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        self.written[name] = (size, digest.hexdigest())
        return self.written[name]

    def add_array(
        self, name: str, dtype: type[Any], shape: tuple[int, ...], blocks: Iterable[NDArray[Any]]
    ) -> None:
        """Write an array of this shape, whose rows come in blocks."""
        head = io.BytesIO()
        form = {"descr": np.dtype(dtype).newbyteorder("<").str, "fortran_order": False, "shape": shape}
        write_array_header_1_0(head, form)
        rows = (np.ascontiguousarray(block, dtype).tobytes() for block in blocks)
        self.add(f"{name}.npy", chain([head.getvalue()], rows))


class _Writer:
    """Writes the members of a bundle."""

    def __init__(self, database: Database, views: _Views, progress: Progress) -> None:
        self._database, self._views, self._progress = database, views, progress
        self._vectors = database.open_vectors()
        self._streets = find(database.folder)
        self._sources: list[tuple[Path, str, int] | None] = []
        """Of each image whose pictures are bundled too: file, name in the bundle and bytes."""

    def find_pictures(self) -> None:
        """Bundle the pictures, too. Raises InputError for more than a bundle holds."""
        count = len(self._views.first)
        if count > MOST_MEMBERS // 2:
            raise InputError(
                f"{count:,} pictures are more than a bundle holds", "bundle parts of the city by --bounds"
            )
        root, names = self._database.folder.absolute() / PICTURES, set[str]()
        for number, one in enumerate(_references(self._database, self._views.first)):
            source = _picture(one, number, root)
            if source and source[1].casefold() in names:
                source = (source[0], _numbered(number, source[0]), source[2])
            names |= {source[1].casefold()} if source else set()
            self._sources.append(source)

    @property
    def size(self) -> int:
        """Bytes that the bundle will have, roughly."""
        vectors = len(self._views.ids) * 2 * self._vectors.bands * self._vectors.dimension
        patches = int(self._views.patches[:, 0].sum()) * PackedPatches.ROW
        pictures = sum(source[2] for source in self._sources if source)
        learned = sum(path.stat().st_size for path in self._learned)
        rows = len(self._views.first) * _LINE + len(self._views.ids) * 60
        return vectors + patches + pictures + learned + rows

    @property
    def _learned(self) -> list[Path]:
        """What is carried as it is; a street map whole, for it is small."""
        paths = (self._database.folder / name for name in (LEARNED, OUTSIDERS, STREETS))
        return [path for path in paths if path.is_file()]

    def bundled(self, path: Path) -> Bundled:
        """What was written."""
        bare = int((self._views.patches[:, 1] == 0).sum())
        gone = self._sources.count(None)
        pictures = len(self._sources) - gone
        return Bundled(path, len(self._views.first), len(self._views.ids), bare, pictures, gone)

    def write(self, members: _Members) -> None:
        """All members; bundle.json, which lists them, last."""
        pictures = dict(self._pictures(members))
        members.written.clear()  # their checksums stand in images.jsonl
        credits = Counter[tuple[str, str]]()
        members.add(IMAGES, self._lines(pictures, credits))
        self._write_views(members)
        if self._views.patches[:, 1].any():
            self._write_patches(members)
        for path in self._learned:
            members.add(path.name, _chunks(path))
        whole, listed = self._database.manifest, dict(members.written)
        count, views = len(self._views.first), len(self._views.ids)
        part_of = None if views == whole.references else WholeIndex(whole.images, whole.references)
        head = BundleHeader(whole.city, whole.settings, count, views, whole.calibration, listed, part_of)
        told = [[credit, licence, images] for (credit, licence), images in credits.most_common()]
        told += [[self._streets.credit, "", 0]] if self._streets else []
        written = datetime.now(UTC).isoformat(timespec="seconds")
        members.add(HEADER, [head.json(written=written, by=f"geoflood {__version__}", credits=told)])

    def _pictures(self, members: _Members) -> Iterator[tuple[int, BundledPicture]]:
        """(number of the image, its picture) of all that are written."""
        for number, source in enumerate(self._sources):
            self._progress("bundling pictures", number, len(self._sources))
            if source is not None:
                path, name, _ = source
                size, sha256 = members.add(f"{PICTURE_FOLDER}/{name}", _chunks(path))
                yield number, BundledPicture(name, size, sha256)

    def _lines(self, pictures: Mapping[int, BundledPicture], credits: Counter[tuple[str, str]]) -> Chunks:
        """A line an image; credits are counted on the way."""
        first = self._views.first
        with LedgerFacts(self._database.folder) as facts:
            for start in range(0, len(first), _AT_ONCE):
                batch = self._database.references(first[start : start + _AT_ONCE].tolist())
                known = facts([one.image_key for one in batch])
                for number, one in enumerate(batch, start):
                    credits[one.credit, one.licence] += 1
                    image = _street_image(one, known.get(one.image_key))
                    yield image_line(BundledImage(image, pictures.get(number)))

    def _write_views(self, members: _Members) -> None:
        views = self._views
        members.add_array("views/image", np.int64, views.image.shape, [views.image])
        for name in ("heading", "fov", "tile"):
            column = getattr(views, name)
            members.add_array(f"views/{name}", np.float32, column.shape, [column])
        shape = (len(views.ids), self._vectors.bands, self._vectors.dimension)
        members.add_array("views/descriptors", np.float16, shape, self._descriptors())

    def _descriptors(self) -> Iterator[NDArray[Any]]:
        for start in range(0, len(self._views.ids), _AT_ONCE):
            self._progress("bundling", start, len(self._views.ids))
            yield self._vectors.rows(self._views.ids[start : start + _AT_ONCE])

    def _write_patches(self, members: _Members) -> None:
        counts, frames = self._views.patches[:, 0], self._views.patches[:, 1:]
        found = map(PatchStore(self._database.folder), self._views.ids.tolist())
        rows = (kept.rows for kept in found if kept is not None)
        members.add_array("patches/count", np.int64, counts.shape, [counts])
        members.add_array("patches/frame", np.int64, frames.shape, [frames])
        members.add_array("patches/rows", np.uint8, (int(counts.sum()), PackedPatches.ROW), rows)


def _street_image(one: Reference, known: PlannedFacts | None) -> StreetImage:
    """The image that a view was cut from, by the ledger, or else as far as the view tells."""
    if known is None:
        whole = one.tile_deg is None
        heading = one.heading_deg if whole else None
        known = PlannedFacts(
            "bundle", heading, None, Projection.UNKNOWN if whole else Projection.EQUIRECTANGULAR
        )
    tag = Geotag(one.position, known.origin, known.heading_deg, known.accuracy_m, one.taken_at)
    return StreetImage(one.image_key, "", tag, known.projection, one.licence, one.credit, one.link)


def _picture(one: Reference, number: int, root: Path) -> tuple[Path, str, int] | None:
    """An image's picture, its name in the bundle and its bytes; None where there is none to be read.

    What was fetched keeps its name, so that it is found again where the bundle is opened.
    """
    path = Path(one.location)
    try:
        size = path.stat().st_size if path.is_file() else 0
        with path.open("rb") if size else io.BytesIO():
            pass
    except OSError:
        return None
    if not 0 < size <= MOST_PICTURE or _suffix(path) not in PICTURE_SUFFIXES:
        return None
    inside = path.relative_to(root).as_posix() if path.is_relative_to(root) else ""
    plain = re.fullmatch(r"[a-z]{1,32}/[A-Za-z0-9_-]{1,90}\.jpg", inside, re.ASCII)
    return path, inside if plain else _numbered(number, path), size


def _numbered(number: int, path: Path) -> str:
    """The name of a picture that has none that every disk takes."""
    return f"bundled/{number:06d}{_suffix(path)}"


def _suffix(path: Path) -> str:
    """Of the three that JPEG files have in common, and of others as it is."""
    return ".jpg" if path.suffix.lower() in (".jpe", ".jfif", ".mpo") else path.suffix.lower()


def _chunks(path: Path) -> Chunks:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
