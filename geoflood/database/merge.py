"""`geoflood merge`: indexes that learned the same become one, without describing an image again.

The merged index is made in a folder of its own beside its place. A run that was killed leaves that folder,
and the next one goes on in it as long as the parts are what they were.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from geoflood.backbones.learned import load_learned
from geoflood.core.datatypes import Progress, no_progress
from geoflood.core.errors import IndexUnusableError, UsageError
from geoflood.core.files import replacing
from geoflood.core.parallel import cores
from geoflood.database.build import Calibrate, finish_index
from geoflood.database.calibration import Calibration
from geoflood.database.disk_room import check_room, full_disk_told
from geoflood.database.file_checks import verify
from geoflood.database.index_files import LEDGER, SIGNS, remove_unfinished_files
from geoflood.database.index_info import IndexInfo
from geoflood.database.like import LEARNED, check_version
from geoflood.database.manifest import read_manifest
from geoflood.database.merge_plan import (
    MergePart,
    PlannedPart,
    part_of_shard,
    plan_merge,
    planned_under,
    renamed_keys,
)
from geoflood.database.patch_store import has_patches, patches_path
from geoflood.database.plan import IndexPlan, locked_index
from geoflood.database.shards import read_shard, shard_path, write_shard
from geoflood.database.sign_store import merge_signs
from geoflood.database.staging import check_free, clear, give_up, restore, staging_folder, take_place
from geoflood.places.street_map_file import STREETS

__all__ = ["MergeSize", "MergedIndex", "measure_merge", "merge"]

_ANOTHER = "--into OTHER"
_SPACE = "free space, or name another disk with --index-dir"
_NO_LOCK = {errno.EACCES, errno.EPERM, errno.EROFS}


@dataclass(frozen=True, slots=True)
class MergeSize:
    """What a merged index would be."""

    images: int
    """That can be used."""
    doubles: int
    """Usable images that two parts hold, and the merged index once."""
    size: int
    """Bytes of the merged index, roughly."""
    new: int
    """Bytes of these that it takes besides the parts: patches on one disk are kept once."""


@dataclass(frozen=True)
class MergedIndex:
    """A merged index, and what to know of it."""

    info: IndexInfo
    doubles: int
    """Usable images that two parts held; the merged index has them once."""
    pictures: dict[Path, int]
    """Folder of a part -> images of the merged index whose pictures geoflood put there, where they stay."""
    without_patches: int
    """Shards whose patches were lost in their part: nothing verifies their views without their pictures."""
    lacks: tuple[str, ...]
    """What parts have and the merged index has not, each with the command that adds it."""


def measure_merge(folders: Sequence[Path], into: Path, *, replace_index: bool = False) -> MergeSize:
    """What `merge` would make. Raises what it does."""
    parts = _checked(folders, into, replace_index)
    with TemporaryDirectory() as temporary, _held(parts):
        planned = plan_merge(Path(temporary), parts) or []
        return _size(parts, planned, into)


def merge(
    folders: Sequence[Path],
    into: Path,
    city: str,
    calibrate: Calibrate,
    *,
    replace_index: bool = False,
    workers: int | None = None,
    precision: str | None = None,
    progress: Progress = no_progress,
) -> MergedIndex:
    """Make one index of several; it is whole or not there. The parts stay as they are, and may be removed.

    Where two parts hold an image, that of the part named first counts. The merged index calibrates itself;
    without pictures it inherits the calibration of its largest part.

    Raises UsageError for parts that are no two, and a name that is taken; CityError or IndexUnusableError
    for a part that is missing, unfinished, damaged, in use, or learned something else; InputError for a full
    disk.
    """
    parts = _checked(folders, into, replace_index)
    describer = load_learned(parts[0].folder / LEARNED, parts[0].manifest.settings.backbone, precision)
    staging = staging_folder(into, "merge")
    with full_disk_told(into, _SPACE), locked_index(staging):
        try:
            remove_unfinished_files(staging)
            with _held(parts):
                planned = _planned(staging, parts)
                _check_pictures(staging, into)
                check_room(into, _size(parts, planned, into).new, _SPACE)
                lost = _take_over(staging, planned, progress)
            with closing(IndexPlan(staging)) as plan:
                settings, known = parts[0].manifest.settings, _known(parts)
                manifest = finish_index(
                    staging, city, plan, settings, describer, calibrate, known, workers or cores(), progress
                )
            take_place(staging, into, replace_index, _ANOTHER)
        except Exception:  # not what interrupts: the next run goes on
            give_up(staging)
            raise
    doubles, pictures = sum(one.doubles for one in planned), {one.folder: one.pictures for one in planned}
    there = {folder: count for folder, count in pictures.items() if count}
    return MergedIndex(IndexInfo(into, manifest), doubles, there, lost, _lacks(parts, into))


def _checked(folders: Sequence[Path], into: Path, replace_index: bool) -> list[MergePart]:
    """The parts, each whole, and all of them alike; and whether `into` is free."""
    whole = [folder.resolve() for folder in folders]
    if len(whole) < 2 or len(set(whole)) < len(whole):
        raise UsageError("two indexes or more are merged, each named once", "geoflood merge A B --into C")
    if into.resolve() in whole:
        raise UsageError(f"{into.name} is one of those that are merged", "give --into another name")
    parts = [MergePart(folder, read_manifest(folder)) for folder in folders]
    for one in parts:
        check_version(one.folder, one.manifest)
        _check_alike(parts[0], one)
        verify(one.folder, one.manifest)
    restore(into)
    check_free(into, replace_index, _ANOTHER)
    return parts


def _check_alike(first: MergePart, other: MergePart) -> None:
    """Raises IndexUnusableError unless descriptors of the two compare."""
    names = f"{other.folder.name} and {first.folder.name}"
    if different := other.manifest.settings.differences(first.manifest.settings):
        raise IndexUnusableError(
            f"{names} have other settings: {different}",
            "build both with the same options, one --like the other",
        )
    if other.manifest.files[LEARNED] != first.manifest.files[LEARNED]:
        raise IndexUnusableError(
            f"{names} did not learn the same, so their descriptors do not compare",
            f"geoflood index {other.folder.name} IMAGES --like {first.folder.name} --rebuild",
        )


@contextmanager
def _held(parts: Sequence[MergePart]) -> Iterator[None]:
    """Nobody builds a part meanwhile. One that may not be written here is not held, but looked at again."""
    with ExitStack() as stack:
        for one in parts:
            try:
                stack.enter_context(locked_index(one.folder))
            except OSError as error:
                if error.errno not in _NO_LOCK:
                    raise
        yield
        for one in parts:
            if read_manifest(one.folder) != one.manifest:
                raise IndexUnusableError(f"{one.folder} changed meanwhile", "run geoflood merge again")


def _planned(staging: Path, parts: Sequence[MergePart]) -> list[PlannedPart]:
    """The plan of an earlier run, if it was of these parts; else a new one in an empty folder."""
    if (planned := plan_merge(staging, parts)) is None:
        clear(staging)
        planned = plan_merge(staging, parts) or []
    return planned


def _check_pictures(staging: Path, into: Path) -> None:
    """Raises UsageError where replacing an index would take pictures of the new one away."""
    if count := planned_under(staging, into):
        raise UsageError(f"{count:,} of the pictures lie in {into}, which is to be replaced", _ANOTHER)


def _size(parts: Sequence[MergePart], planned: Sequence[PlannedPart], into: Path) -> MergeSize:
    there = next(place for place in into.absolute().parents if place.is_dir())
    size = new = 0
    for one in parts:
        patches = _bytes(patches_path(one.folder, 0).parent.glob("*.npy"))
        written = _bytes(shard_path(one.folder, 0).parent.glob("*.npz"))
        written += _bytes(one.folder / name for name in (*one.manifest.files, LEDGER, SIGNS))
        linked = one.folder.stat().st_dev == there.stat().st_dev
        size += written + patches
        new += written + (0 if linked else patches)
    doubles = sum(one.doubles for one in planned)
    return MergeSize(sum(one.manifest.images for one in parts) - doubles, doubles, size, new)


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def _take_over(staging: Path, planned: Sequence[PlannedPart], progress: Progress) -> int:
    """What was learned, shards, patches and signs; returns how many shards have lost their patches."""
    if not (staging / LEARNED).exists():
        _link_or_copy(planned[0].folder / LEARNED, staging / LEARNED)
    lost = done = 0
    with closing(IndexPlan(staging)) as plan:
        total = len(plan)
        for number, images in plan.shards():
            lost += not _take_shard(staging, part_of_shard(planned, number), number)
            done += len(images)
            progress("merging", done, total)
    for one in planned:
        merge_signs(one.folder, staging, partial(renamed_keys, staging, one))
    return lost


def _take_shard(staging: Path, part: PlannedPart, number: int) -> bool:
    """A shard with its numbers moved on, and its patches; returns whether these are whole.

    Raises IndexUnusableError for a shard that is missing or broken.
    """
    old = number - part.first_shard
    source, target = shard_path(part.folder, old), shard_path(staging, number)
    shard = read_shard(source)
    if shard is None:
        raise IndexUnusableError(
            f"{source} is missing or damaged",
            f"geoflood index {part.folder.name} IMAGES describes it again; then merge",
        )
    whole = not shard.frame.any() or has_patches(part.folder, old, int(shard.patches.sum()))
    if shard.frame.any() and whole and not patches_path(staging, number).exists():
        _link_or_copy(patches_path(part.folder, old), patches_path(staging, number))
    if target.exists():
        return whole
    if part.first_image:
        moved = replace(
            shard, image=shard.image + part.first_image, rejected=shard.rejected + part.first_image
        )
        write_shard(target, moved)
    else:
        _link_or_copy(source, target)
    return whole


def _link_or_copy(source: Path, target: Path) -> None:
    """The same file under another name: what geoflood writes anew takes a name's place, and no other's."""
    with replacing(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # on another disk, or of a kind that has no links
            temporary.unlink(missing_ok=True)
            shutil.copyfile(source, temporary)


def _known(parts: Sequence[MergePart]) -> Calibration:
    """The calibration of the largest part that has one of its own."""
    ordered = sorted(parts, key=lambda one: -one.manifest.references)
    known = [one.manifest.calibration for one in ordered]
    return next((one for one in known if not all(entry.few for entry in one.values())), {})


def _lacks(parts: Sequence[MergePart], into: Path) -> tuple[str, ...]:
    lacks = []
    if any((one.folder / STREETS).is_file() for one in parts):
        lacks.append(f"a street map: geoflood streets {into.name} EXTRACT")
    unread = [one.folder.name for one in parts if not (one.folder / SIGNS).is_file()]
    if unread and len(unread) < len(parts):
        lacks.append(f"signs of {', '.join(unread)}: geoflood index {into.name} IMAGES --read-signs")
    return tuple(lacks)
