"""Files by the names that tables give them, where no file has that very name.

Systems write one name in several ways: a Mac takes accents from their letters, a camera has .JPG where a
table has .jpg, programs leave the suffix out, and whole folders move to other disks.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from geoflood.core.file_names import plain

__all__ = ["ListedNames"]


class _Listing(NamedTuple):
    """The files and folders in a folder."""

    names: dict[str, list[str]]
    """By plain name."""
    stems: dict[str, list[str]]
    """Pictures by plain name without suffix."""


class ListedNames:
    """Finds files in folders that may be read: `readable` says of a path whether it is."""

    def __init__(self, readable: Callable[[str], bool], is_picture: Callable[[Path], bool]) -> None:
        self._readable, self._is_picture = readable, is_picture
        self._listings: dict[str, _Listing] = {}

    def like(self, start: str, name: str, *, stem: bool = False) -> list[str]:
        """The files under a folder whose path differs from `name` by what systems make of names.

        With `stem`, the name lacks its suffix.
        """
        parts = _parts(name)
        if ".." in parts:
            return []
        found = [start]
        for count, part in enumerate(parts, 1):
            last = count == len(parts)
            found = [
                os.path.join(folder, one)
                for folder in found
                for one in self._named(folder, part, stem and last)
            ]
        return found if parts else []

    def ends(self, starts: Sequence[str], name: str) -> list[str]:
        """The files under the folders to which the longest end of a path leads that leads anywhere."""
        parts = _parts(name)
        first = max((at for at, part in enumerate(parts) if part == ".."), default=-1) + 1
        for at in range(max(first, 1), len(parts)):
            tail = "/".join(parts[at:])
            for stem in (False, True):
                found = dict.fromkeys(path for start in starts for path in self.like(start, tail, stem=stem))
                if found:
                    return list(found)
        return []

    def _named(self, folder: str, part: str, stem: bool) -> list[str]:
        if not stem and os.path.lexists(os.path.join(folder, part)):
            return [part]
        listing = self._listing(folder)
        return (listing.stems if stem else listing.names).get(plain(part), [])

    def _listing(self, folder: str) -> _Listing:
        if folder not in self._listings:
            names: dict[str, list[str]] = defaultdict(list)
            stems: dict[str, list[str]] = defaultdict(list)
            with suppress(OSError):
                for name in sorted(os.listdir(folder)) if self._readable(os.path.realpath(folder)) else ():
                    names[plain(name)].append(name)
                    if self._is_picture(Path(name)):
                        stems[plain(os.path.splitext(name)[0])].append(name)
            self._listings[folder] = _Listing(dict(names), dict(stems))
        return self._listings[folder]


def _parts(name: str) -> list[str]:
    """The parts of a path, without the letter of a disk."""
    parts = re.sub(r"^[A-Za-z]:(?=[/\\])", "", name).replace("\\", "/").split("/")
    return [part for part in parts if part not in ("", ".")]
