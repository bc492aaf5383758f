"""Which files of an index's folder geoflood wrote: all else in it is somebody's, and stays."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = [
    "BEFORE",
    "CAPTURES",
    "CENSUS",
    "CHECKED",
    "LEDGER",
    "LOCK",
    "MANIFEST",
    "PICTURES",
    "PLAN_PAGE",
    "REFERENCES",
    "REMADE",
    "SIGNS",
    "begun",
    "is_finished",
    "is_index",
    "remove_folder",
    "remove_index",
    "remove_unfinished_files",
    "strays",
    "unfinished_files",
    "written_files",
]

MANIFEST = "manifest.json"
BEFORE = "manifest.before.json"
"""The manifest while it is not true: what it knows of calibration outlives a kill."""
CHECKED = "checked.json"
"""What the files were when their checksums were last found right."""
REFERENCES, CAPTURES = "references.sqlite", "captures.npy"
LOCK, LEDGER, CENSUS = ".lock", "ledger.sqlite", "census.sqlite"
SIGNS = "signs.sqlite"
"""The words on the signs of the references, where they were read."""
PLAN_PAGE = "plan.html"
"""The map of the last plan."""
DRIVER = ".driver"
"""Says who has the shards of an index described by other computers, while it is so."""
PICTURES = "images"
"""The folder of pictures that geoflood fetched or unpacked."""

REMADE = frozenset({"coarse.faiss"})
"""What is made again when an index is opened without it: see `ready_coarse`."""

_RESULTS = (
    *(REFERENCES, CAPTURES, "vectors.faiss", "coarse.faiss"),
    *("patches.npz", "outsiders.npy", "learned.npz", CHECKED),
)
_NUMBERED = {"shards": re.compile(r"\d{6,}\.npz"), "patches": re.compile(r"\d{6,}\.npy")}
_UNFINISHED = re.compile(r"\..+\.\d+\.part")


def begun(folder: Path) -> bool:
    """Whether a run got so far in this folder that another can go on from it."""
    return any((folder / name).exists() for name in (MANIFEST, BEFORE, "learned.npz"))


def is_finished(folder: Path) -> bool:
    """Whether an index that says it is complete is in this folder."""
    return (folder / MANIFEST).is_file()


def is_index(folder: Path) -> bool:
    """Whether there is an index in this folder, finished or not."""
    marks = (LEDGER, CENSUS, LOCK)
    if folder.name.startswith(".") or not folder.is_dir():  # hidden is what is not yet in its place
        return False
    return begun(folder) or any((folder / name).exists() for name in marks)


def remove_unfinished_files(folder: Path) -> None:
    """Remove what killed runs left behind; under the lock nobody is writing it."""
    for path in list(unfinished_files(folder)):
        path.unlink(missing_ok=True)


def remove_index(folder: Path, *also: Path) -> None:
    """Remove what geoflood wrote and could make again, and `also` these files; under the lock.

    The manifest goes first: nothing half-removed is taken for whole. The ledger goes last: killed in between,
    what is left still goes together. Pictures that were fetched stay, for getting them again takes longest.
    """
    *first, journal, ledger = written_files(folder)
    for path in [*first, *also, journal, ledger]:
        path.unlink(missing_ok=True)
    for emptied in {folder / part for part in _NUMBERED} | {path.parent for path in also}:
        _remove_if_empty(emptied)
    if also:
        _remove_if_empty(folder / PICTURES)


def remove_folder(folder: Path) -> None:
    """Remove the lock, and the folder if nothing is left in it; still under the lock."""
    (folder / LOCK).unlink(missing_ok=True)
    whole = folder.resolve()  # it may be a link to another disk
    _remove_if_empty(whole)
    if folder.is_symlink() and not whole.exists():
        folder.unlink()


def strays(folder: Path) -> list[Path]:
    """What is left in a folder, relative to it, but for the lock."""
    found = (Path(where, name) for where, _, names in os.walk(folder) for name in names)
    return sorted(path.relative_to(folder) for path in found if path != folder / LOCK)


def unfinished_files(folder: Path) -> Iterator[Path]:
    """What killed runs left behind, pictures that were being fetched among it."""
    sources = [path for path in _listed(folder / PICTURES) if path.is_dir()]
    for place in (folder, *(folder / part for part in _NUMBERED), *sources):
        yield from (path for path in _files(place) if _UNFINISHED.fullmatch(path.name))


def written_files(folder: Path) -> Iterator[Path]:
    """What geoflood could make again, in the order of removal; none need exist."""
    yield from (folder / MANIFEST, folder / BEFORE)
    for part, pattern in _NUMBERED.items():
        yield from sorted(path for path in _files(folder / part) if pattern.fullmatch(path.name))
    yield from (folder / name for name in _RESULTS)
    yield folder / DRIVER
    yield from unfinished_files(folder)
    yield from (folder / f"{LEDGER}-journal", folder / LEDGER)


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _files(folder: Path) -> list[Path]:
    return [path for path in _listed(folder) if path.is_file()]


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # it is not there, or holds what is not ours
        folder.rmdir()
