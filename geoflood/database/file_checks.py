"""Whether the files of an index are those that were sealed: by size and time at each opening, or whole.

Reading all of a large index takes seconds. So a large file whose checksum was found right is noted in
checked.json with its size and its times, and is read again only when one of these is another: after copying,
or when somebody wrote it. The manifest holds no times: the same images give the same manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from geoflood.core.errors import IndexUnusableError
from geoflood.core.files import fingerprint, write_whole
from geoflood.database.index_files import CHECKED, REMADE
from geoflood.database.manifest import Manifest

__all__ = ["FileCheck", "check_whole", "fingerprints", "verify"]

SMALL = 4 << 20
"""Bytes of a file that is read at each opening: it takes a few milliseconds."""
_HINT = "build it again: geoflood index CITY IMAGES --rebuild"

_Note: TypeAlias = list[str | int]
"""SHA-256, bytes, time of the content and of the file's entry, nanoseconds. A copy has another entry."""


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What came of reading one file of an index."""

    name: str
    size: int
    """Bytes; 0 where it is missing or broke."""
    problem: str = ""
    """What is wrong with it; "" where it is right."""


def fingerprints(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of files that were just written, and the note that they are right; by name."""
    notes = {name: _note(folder / name) for name in names}
    _keep(folder, notes)
    return {name: str(sha256) for name, (sha256, *_) in notes.items()}


def verify(folder: Path, manifest: Manifest) -> None:
    """Whether each file that a manifest names has its SHA-256, where that was noted by its size and times.

    What had to be read is noted, if the folder can be written. What can be made again is not looked at.
    Raises IndexUnusableError for the first that is missing or another.
    """
    known, right = _known(folder), dict[str, _Note]()
    for name, expected in manifest.files.items():
        path = folder / Path(name).name
        if path.name in REMADE:
            continue
        note = known.get(path.name)
        if note is None or note[:1] != [expected] or note[1:] != _times(path) or _is_small(note):
            note = _note(path)
        if note[0] != expected:
            raise _damaged(path)
        right[path.name] = note
    if _large(right) != _large(known):
        _keep(folder, right)


def check_whole(folder: Path, manifest: Manifest) -> Iterator[FileCheck]:
    """Read every file whole, whatever was noted; the note then holds those that are right."""
    right: dict[str, _Note] = {}
    for name, expected in manifest.files.items():
        path = folder / Path(name).name
        try:
            note = _note(path)
        except IndexUnusableError:
            yield FileCheck(path.name, 0, "missing")
            continue
        same = note[0] == expected
        right |= {path.name: note} if same else {}
        yield FileCheck(path.name, int(note[1]), "" if same else "its checksum is not the manifest's")
    _keep(folder, right)


def _note(path: Path) -> _Note:
    """Of a file as it is now. Raises IndexUnusableError when it is missing."""
    times = _times(path)  # before it is read: what is written meanwhile shows at the next opening
    return [fingerprint(path), *times]


def _times(path: Path) -> _Note:
    if not path.is_file():
        raise IndexUnusableError(f"{path} is missing", _HINT)
    now = path.stat()
    return [now.st_size, now.st_mtime_ns, now.st_ctime_ns]


def _damaged(path: Path) -> IndexUnusableError:
    return IndexUnusableError(f"{path} is damaged: its checksum is not the manifest's", _HINT)


def _is_small(note: _Note) -> bool:
    return int(note[1]) <= SMALL


def _large(notes: Mapping[str, _Note]) -> dict[str, _Note]:
    return {name: note for name, note in notes.items() if not _is_small(note)}


def _known(folder: Path) -> dict[str, _Note]:
    """What was noted; nothing where the note is missing or was not written here."""
    try:
        notes = json.loads((folder / CHECKED).read_bytes())
        return {str(name): [str(sha), *map(int, times)] for name, (sha, *times) in notes.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _keep(folder: Path, notes: Mapping[str, _Note]) -> None:
    """A folder that cannot be written has no note: its files are read at each opening."""
    with suppress(OSError):
        write_whole(folder / CHECKED, json.dumps(_large(notes), indent=1, sort_keys=True) + "\n")
