"""`geoflood unbundle`: an index out of a bundle, which may come from anyone.

All is read, checked and built in a folder of its own, which takes its place when everything is right. Nothing
of a bundle is run, opened as a database or used as a path: the files of the index are made anew.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.learned import load_learned, version_of
from geoflood.backbones.patches import PackedPatches
from geoflood.core.datatypes import Progress, StreetImage, no_progress
from geoflood.core.errors import GeofloodError, IndexUnusableError, InputError, UsageError, WeightsError
from geoflood.core.paths import slug
from geoflood.core.stored_zip import BrokenZipError, StoredZip
from geoflood.database.bands import band_weights
from geoflood.database.bundle_arrays import (
    check_learned,
    check_outsiders,
    read_array,
    unit_rows,
    view_columns,
)
from geoflood.database.bundle_format import (
    ARRAYS,
    HEADER,
    IMAGES,
    LEARNED,
    MOST_BYTES,
    MOST_LINE,
    MOST_MEMBERS,
    OUTSIDERS,
    PATCH_ARRAYS,
    BadBundleError,
    BundledImage,
    BundledPicture,
    BundleHeader,
    WholeIndex,
    parse_header,
    parse_image,
)
from geoflood.database.calibration import Calibration
from geoflood.database.disk_room import check_room, full_disk_told
from geoflood.database.index_files import PICTURES
from geoflood.database.join_shards import join_shards
from geoflood.database.manifest import Manifest, Settings, write_manifest
from geoflood.database.patch_store import LARGEST, MOST_PATCHES, patches_path, write_patches
from geoflood.database.plan import IndexPlan, locked_index
from geoflood.database.shards import Shard, shard_path, write_shard
from geoflood.database.staging import check_free, clear, give_up, restore, staging_folder, take_place
from geoflood.places.street_map_file import STREETS, load

__all__ = ["Unbundled", "unbundle"]

_AGAIN = "ask who made it for it again, and check that it was copied whole"
_SPACE = "free space, or name another disk with --index-dir"
_ANOTHER = "--city OTHER"
_ROW_BYTES = 2000
"""Of an image, in the ledger and in references.sqlite, roughly."""


@dataclass(frozen=True, slots=True)
class Unbundled:
    """What came of a bundle."""

    folder: Path
    manifest: Manifest
    pictures: int
    part_of: WholeIndex | None
    needs: str
    """What is missing here before it can be searched, or ""."""


def unbundle(
    path: Path,
    root: Path,
    city: str | None = None,
    *,
    replace_index: bool = False,
    progress: Progress = no_progress,
) -> Unbundled:
    """Build the index of a bundle in the folder of all indexes, under the bundle's name or another.

    It is whole or not there; an index of that name stays as it is unless it is to be replaced.
    Raises InputError for a bundle that is damaged, or was made to do damage, and for a full disk, UsageError
    for a name that is taken, IndexUnusableError for what another geoflood built or holds.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file", "geoflood bundle CITY FILE makes one")
    with _bad_bundle_told(path), full_disk_told(root, _SPACE), StoredZip(path, MOST_MEMBERS) as archive:
        head = parse_header(archive.read(HEADER, MOST_BYTES))
        needs = _check_backbone(head.settings)
        folder = root / slug(city or head.city)
        restore(folder)
        check_free(folder, replace_index, _ANOTHER)
        staging = staging_folder(folder, "unbundle")
        with locked_index(staging):
            try:
                clear(staging)
                bundle = _Bundle(archive, head, staging, folder, progress)
                manifest = bundle.build(city or head.city)
                take_place(staging, folder, replace_index, _ANOTHER)
            except BaseException:
                give_up(staging)
                raise
    return Unbundled(folder, manifest, len(bundle.pictures), head.part_of, needs)


@contextmanager
def _bad_bundle_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (BadBundleError, BrokenZipError) as error:
        raise InputError(f"{path} cannot be used: {error}", _AGAIN) from error


def _check_backbone(settings: Settings) -> str:
    """What is missing to search with it, or "". Raises IndexUnusableError for what can never be searched."""
    try:
        here = version_of(settings.backbone)
    except WeightsError as error:
        return f"{error}; {error.hint}"
    except UsageError as error:
        raise IndexUnusableError(
            f"the bundle was built with another backbone: {error}", "update geoflood"
        ) from error
    if here != settings.version:
        raise IndexUnusableError(
            f"the bundle was built with {settings.backbone} {settings.version}, this geoflood has {here}",
            "ask for a bundle of the same geoflood and weights",
        )
    return ""


class _Bundle:
    """The content of an open bundle on its way into an index."""

    def __init__(
        self, archive: StoredZip, head: BundleHeader, staging: Path, folder: Path, progress: Progress
    ) -> None:
        """Checks which members there are, and every line on images. Raises BadBundleError."""
        self._archive, self._head, self._progress = archive, head, progress
        self._staging, self._folder = staging, folder
        self._incoming = staging / "incoming"
        self._has_patches = f"patches/{PATCH_ARRAYS[0]}.npy" in head.members
        self._check_listed()
        self.pictures = self._check_images()
        named = {HEADER, *head.members, *(one.member for one in self.pictures)}
        if extra := archive.sizes.keys() - named:
            raise BadBundleError(f"it holds {min(extra)[:80]!r}, which it does not list")
        for one in self.pictures:
            if archive.sizes.get(one.member) != one.size:
                raise BadBundleError(f"{one.member} is missing, or of another size than it says")

    def build(self, city: str) -> Manifest:
        """Check the rest, and build the index in its staging folder. Raises BadBundleError, InputError."""
        self._check_room()
        for name in self._head.members:
            self._extract(name, self._incoming / name, *self._head.members[name])
        columns, vectors = self._check_views()
        self._check_numbers(vectors.shape[2])
        with closing(IndexPlan(self._staging)) as plan:
            plan.keep_settings(self._head.settings)
            plan.add(self._located())
            self._write_shards(plan, columns, vectors)
            for one in self.pictures:
                self._extract(one.member, self._staging / PICTURES / one.name, one.size, one.sha256)
            del vectors
            shutil.rmtree(self._incoming)
            contents = join_shards(self._staging, plan, self._progress)
        manifest = Manifest(
            city,
            self._head.settings,
            contents.images,
            contents.references,
            contents.rejected,
            contents.credits,
            self._calibration(),
            contents.files,
        )
        write_manifest(self._staging, manifest)
        return manifest

    def _check_listed(self) -> None:
        """Raises BadBundleError unless all members that an index needs are there, as large as they say."""
        head = self._head
        needed = {IMAGES, LEARNED, *(f"views/{name}.npy" for name in ARRAYS)}
        patches = {f"patches/{name}.npy" for name in PATCH_ARRAYS}
        needed |= patches if self._has_patches else set()
        if lacking := needed - head.members.keys():
            raise BadBundleError(f"it lists no {min(lacking)}")
        if unknown := head.members.keys() - needed - {OUTSIDERS, STREETS}:
            raise BadBundleError(f"it lists {min(unknown)[:80]!r}, which no bundle has")
        for name, (size, _) in head.members.items():
            if self._archive.sizes.get(name) != size:
                raise BadBundleError(f"{name} is missing, or of another size than it says")

    def _check_images(self) -> list[BundledPicture]:
        """Read every line on images; returns the pictures that they name."""
        with closing(self._archive.chunks(IMAGES)) as chunks, closing(self._images(chunks)) as images:
            return self._named_pictures(images)

    def _named_pictures(self, images: Iterable[BundledImage]) -> list[BundledPicture]:
        """Raises BadBundleError for a key or a name that comes twice, and for another count than is said."""
        keys, pictures, names = set[str](), list[BundledPicture](), set[str]()
        for one in images:
            if one.image.key in keys:
                raise BadBundleError(f"{IMAGES} names {one.image.key[:80]!r} twice")
            keys.add(one.image.key)
            if one.picture is None:
                continue
            if one.picture.name in names:
                raise BadBundleError(f"{IMAGES} names {one.picture.name} twice")
            names.add(one.picture.name)
            pictures.append(one.picture)
        if len(keys) != self._head.images:
            raise BadBundleError(f"{IMAGES} has {len(keys):,} images, not {self._head.images:,} as it says")
        return pictures

    def _images(self, chunks: Iterable[bytes]) -> Generator[BundledImage]:
        """Every line, at most as many as there are images, and one more. Raises BadBundleError."""
        digest, rest, seen = hashlib.sha256(), b"", 0
        for chunk in chunks:
            digest.update(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > MOST_LINE or any(len(line) > MOST_LINE for line in lines):
                raise BadBundleError(f"{IMAGES} has a line of more than {MOST_LINE:,} bytes")
            for line in lines:
                seen += 1
                yield parse_image(line, seen)
                if seen > self._head.images:
                    return
        if rest:
            raise BadBundleError(f"{IMAGES} does not end with a whole line")
        if digest.hexdigest() != self._head.members[IMAGES][1]:
            raise BadBundleError(f"{IMAGES} is damaged: its checksum is not the one that is listed")

    def _check_room(self) -> None:
        """Raises InputError when the disk has no room for what comes out of it, and for what it takes."""
        sizes = {name: size for name, (size, _) in self._head.members.items()}
        pictures = sum(one.size for one in self.pictures)
        twice = sizes["views/descriptors.npy"] + sizes.get("patches/rows.npy", 0)
        needed = sum(sizes.values()) + 2 * twice + pictures + self._head.images * _ROW_BYTES
        check_room(self._folder, needed, _SPACE)

    def _extract(self, name: str, target: Path, size: int, sha256: str) -> None:
        """Copy a member to a new file. Raises BadBundleError when it is not what is listed."""
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, done = hashlib.sha256(), 0
        with target.open("xb") as file, closing(self._archive.chunks(name)) as chunks:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                self._progress(f"unpacking {name.rpartition('/')[2]}", done, size)
        if digest.hexdigest() != sha256:
            raise BadBundleError(f"{name} is damaged: its checksum is not the one that is listed")

    def _check_views(self) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
        """Columns and descriptors [n, bands, D] of the views. Raises BadBundleError."""
        head, views = self._head, self._incoming / "views"
        columns = view_columns(views, head.images, head.views)
        shape = (head.views, len(head.settings.bands), None)
        vectors = read_array(views / "descriptors.npy", np.float16, shape)
        most = head.settings.dimension
        if not vectors.shape[2] or (most is not None and vectors.shape[2] > most):
            raise BadBundleError("descriptors.npy has another dimension than the settings say")
        unit_rows(vectors, "descriptors.npy")
        if self._has_patches:
            columns |= self._check_patches()
        return columns, vectors

    def _check_patches(self) -> dict[str, NDArray[Any]]:
        views, folder = self._head.views, self._incoming / "patches"
        counts = np.array(read_array(folder / "count.npy", np.int64, (views,)))
        frames = np.array(read_array(folder / "frame.npy", np.int64, (views, 2)))
        rows = read_array(folder / "rows.npy", np.uint8, (None, PackedPatches.ROW))
        if not ((counts >= 0) & (counts <= MOST_PATCHES)).all() or int(counts.sum()) != len(rows):
            raise BadBundleError("count.npy does not count the rows of patches")
        if not ((frames >= 0) & (frames <= LARGEST)).all() or counts[~frames.all(axis=1)].any():
            raise BadBundleError("frame.npy has frames that no patch lies on")
        return {"count": counts, "frame": frames, "rows": rows}

    def _check_numbers(self, dimension: int) -> None:
        """What was learned fits the descriptors, and outsiders do; both move to their places."""
        settings, bands = self._head.settings, len(self._head.settings.bands)
        check_learned(self._incoming / LEARNED, dimension)
        _check_describing(self._incoming / LEARNED, settings, dimension)
        if OUTSIDERS in self._head.members:
            check_outsiders(self._incoming / OUTSIDERS, bands, dimension)
            (self._incoming / OUTSIDERS).rename(self._staging / OUTSIDERS)
        (self._incoming / LEARNED).rename(self._staging / LEARNED)
        if STREETS in self._head.members:
            _check_streets(self._incoming / STREETS)
            (self._incoming / STREETS).rename(self._staging / STREETS)

    def _located(self) -> Iterator[StreetImage]:
        """The images, each with the place that its picture has or would have: the bundle names no paths."""
        home = self._folder.absolute() / PICTURES

        with (self._incoming / IMAGES).open("rb") as file:
            for number, one in enumerate(self._images(iter(partial(file.read, 1 << 20), b""))):
                name = one.picture.name if one.picture else f"bundled/{number:06d}.jpg"
                yield replace(one.image, location=str(home / name))

    def _write_shards(self, plan: IndexPlan, columns: dict[str, NDArray[Any]], vectors: NDArray[Any]) -> None:
        """As describing the pictures would have written them."""
        views = len(vectors)
        starts = np.searchsorted(columns["image"], np.arange(self._head.images + 1))
        counts = columns.get("count", np.zeros(views, np.int64))
        frames = columns.get("frame", np.zeros((views, 2), np.int64))
        ends = np.concatenate([[0], np.cumsum(counts)])
        for number, images in plan.shards():
            part = slice(int(starts[images[0][0]]), int(starts[images[-1][0] + 1]))
            self._progress("building", part.start, views)
            if frames[part].any():
                rows = np.array(columns["rows"][ends[part.start] : ends[part.stop]])
                write_patches(patches_path(self._staging, number), [PackedPatches(rows, (1, 1))])
            write_shard(
                shard_path(self._staging, number),
                _shard(columns, vectors, counts, frames, part),
            )

    def _calibration(self) -> Calibration:
        """Of a part of an index, that of the whole: it cannot be learned without pictures."""
        known = self._head.calibration
        if self._head.part_of is None:
            return known
        return {key: replace(entry, inherited=True) for key, entry in known.items()}


def _shard(
    columns: dict[str, NDArray[Any]],
    vectors: NDArray[Any],
    counts: NDArray[np.int64],
    frames: NDArray[np.int64],
    part: slice,
) -> Shard:
    none = np.array([], np.str_)
    return Shard(
        image=columns["image"][part],
        heading_deg=columns["heading"][part],
        fov_deg=columns["fov"][part],
        tile_deg=columns["tile"][part],
        vectors=np.array(vectors[part]),
        rejected=np.array([], np.int64),
        reason=none,
        detail=none,
        patches=counts[part],
        frame=frames[part],
    )


def _check_streets(path: Path) -> None:
    """Raises BadBundleError unless the file holds a street map."""
    try:
        load(path)
    except IndexUnusableError as error:
        raise BadBundleError(f"{STREETS} is no street map") from error


def _check_describing(path: Path, settings: Settings, dimension: int) -> None:
    """Describe a picture with what was learned. Raises BadBundleError when it does not fit the index."""
    try:
        describer = load_learned(path, settings.backbone)
        picture = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
        rows = describer.describe([picture], partial(band_weights, bands=settings.bands))[0]
    except WeightsError:
        return  # it was said that they are missing
    except (GeofloodError, RuntimeError, ValueError, TypeError, IndexError) as error:
        raise BadBundleError(f"{LEARNED} cannot describe ({type(error).__name__})") from error
    if rows.shape != (len(settings.bands), dimension) or not np.isfinite(rows).all():
        raise BadBundleError(f"{LEARNED} describes otherwise than the descriptors were")
