"""The picture files in folders, and what tables say of them, before any file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from geoflood.core.datatypes import Rejected
from geoflood.core.file_names import spellings
from geoflood.core.file_suffixes import ARCHIVES, OTHER_PICTURES, PICTURES, RAW_PHOTOS, VIDEOS
from geoflood.core.stand_ins import fetches_link, unlocks_link
from geoflood.imagery.geotag_table import Row, TaggedImage
from geoflood.imagery.known_files import KnownFiles
from geoflood.imagery.listed_names import ListedNames
from geoflood.imagery.reject_reasons import RejectReason

__all__ = ["FileList", "ImageFile", "is_picture", "labels_of"]


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A picture on the disk, and what a table says of it."""

    path: str
    """Absolute, without links in its folders."""
    key: str
    listed: TaggedImage | None = None


def is_picture(path: Path) -> bool:
    """Whether a file name is that of a picture: of a known suffix and not hidden."""
    return path.suffix.lower() in PICTURES and not path.name.startswith(".")


class FileList:
    """The files to be used, and what is known of them.

    Nothing outside the folders is touched, whatever a row or a link says. Only an absolute path in a table
    that the user named is read anywhere.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._labels = labels_of(roots)
        self._inside = ListedNames(lambda folder: self._label_of(folder) is not None, is_picture)
        self._anywhere = ListedNames(lambda folder: True, is_picture)
        self._files = KnownFiles()
        self._unmatched: list[Rejected] = []
        """Rows and folders that lead to no usable file."""

    def walk(self, root: Path) -> None:
        """Add every picture under a folder; links that lead inside it are followed, others are told.

        So is what may hold pictures that are not read.
        """
        for folder, subfolders, names in os.walk(root, onerror=self._note_unreadable):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            self._unmatched += _unread(folder, names)
            names[:] = sorted(name for name in names if is_picture(Path(name)))
            for path in (os.path.join(folder, name) for name in (*subfolders, *names)):
                if os.path.islink(path) and (why := self._link(path)):
                    self._files.refuse(path, why)
            for path in (os.path.join(folder, name) for name in names):
                if os.path.isfile(path):
                    self._add_file(path)

    def _link(self, path: str) -> Rejected | None:
        """Why a link is not followed; None for one that leads to what is in the folders."""
        target, shown = _printable(os.readlink(path)), _printable(path)
        if not os.path.exists(path):
            fetched = fetches_link(target)
            reason = RejectReason.NOT_HERE if fetched else RejectReason.LINK_BROKEN
            return Rejected(shown, reason, fetched or f"to {target}"[:160])
        if self._label_of(os.path.realpath(path)) is not None:
            return None
        helps = unlocks_link(target)
        return Rejected(shown, RejectReason.OUTSIDE_FOLDER, f"a link: {helps}" if helps else "a link")

    def add(self, table: Path, rows: Iterable[Row | Rejected], named: bool) -> None:
        """Add the rows of a table; of several rows for one image the first counts.

        Absolute paths lead anywhere in a table that the user `named`, and nowhere in one that was found. A
        path that only ends as a file's does means that file, unless another row could mean it too.
        """
        ends: dict[str, list[Row]] = {}
        for row in rows:
            if isinstance(row, Rejected):
                self._unmatched.append(row)
                continue
            tried = self._tried(row, table.parent, named)
            if path := self._exact(tried) or self._alike(tried):
                self._tag(path, row, table)
            elif path := self._end(row, table.parent):
                ends.setdefault(path, []).append(row)
            else:
                self._reject(row, table, self._problem(tried))
        for path, several in ends.items():
            sure = self._files.told(path) is None and len({row.names for row in several}) == 1
            for row in several:
                if sure:
                    self._tag(path, row, table)
                else:
                    self._reject(row, table, RejectReason.MISSING_FILE, f"{Path(path).name} is another's too")

    def note(self, unread: Iterable[Rejected]) -> None:
        """Tell of tables that are not used."""
        self._unmatched += unread

    def items(self) -> Iterator[ImageFile | Rejected]:
        """The rejected rows, then every file."""
        yield from self._unmatched
        for path, key, known in self._files.items():
            yield known if isinstance(known, Rejected) else ImageFile(path, key, known)

    def _tag(self, path: str, row: Row, table: Path) -> None:
        """Note what a row says of a file, and take the file in."""
        self._add_file(path)
        told = row.geotag
        told = replace(told, location=path) if isinstance(told, Rejected) else told
        if not self._files.tell(path, told) and isinstance(self._files.told(path), TaggedImage):
            self._reject(row, table, RejectReason.DUPLICATE_ROW)

    def _reject(self, row: Row, table: Path, problem: str, detail: str = "") -> None:
        listed = f"listed in {table.name}"
        self._unmatched.append(Rejected(row.image, problem, f"{listed}: {detail}" if detail else listed))

    def _tried(self, row: Row, base: Path, named: bool) -> dict[str, bool]:
        """The paths that a row's names can mean, relative to its table or else to a folder, the likeliest
        first; and for each whether it may be read though it lies in no folder."""
        starts = (str(base), *self._labels)
        names = [spelled for name in row.names for spelled in spellings(name)]
        return {
            os.path.normpath(os.path.join(start, name)): named and os.path.isabs(name)
            for name in names
            for start in starts
        }

    def _exact(self, tried: dict[str, bool]) -> str:
        """The file of exactly such a path; empty when there is none that may be used."""
        known = next((path for path in tried if path in self._files), "")
        return known or next((real for path in tried if (real := self._real(path, tried[path]))), "")

    def _alike(self, tried: dict[str, bool]) -> str:
        """The only file of such a path but for what systems make of names; empty when there is none."""
        for stem in (False, True):
            found = [
                self._file(like, anywhere)
                for path, anywhere in tried.items()
                if (start := self._start_of(path, anywhere))
                for like in (self._anywhere if anywhere else self._inside).like(
                    start, path[len(start) :], stem=stem
                )
            ]
            if len(different := set(found) - {""}) == 1:
                return different.pop()
        return ""

    def _end(self, row: Row, base: Path) -> str:
        """The only file in the folders whose path ends as a row's does; empty when there is none."""
        starts = [
            start for start in dict.fromkeys((str(base), *self._labels)) if self._label_of(start) is not None
        ]
        for spelled in (spelled for name in row.names for spelled in spellings(name)):
            found = {self._file(path, False) for path in self._inside.ends(starts, spelled)} - {""}
            if found:
                return found.pop() if len(found) == 1 else ""
        return ""

    def _start_of(self, path: str, anywhere: bool) -> str:
        """The folder from which a path may be looked for."""
        inside = next((root for root in self._labels if path.startswith(os.path.join(root, ""))), "")
        return inside or (os.sep if anywhere else "")

    def _file(self, path: str, anywhere: bool) -> str:
        """The path under which a file is known, or would be; empty for what is no file, or out of reach."""
        return path if path in self._files else self._real(path, anywhere)

    def _real(self, path: str, anywhere: bool) -> str:
        real = os.path.realpath(path)
        return real if (anywhere or self._label_of(real) is not None) and os.path.isfile(real) else ""

    def _problem(self, tried: dict[str, bool]) -> str:
        """Why no file was found."""
        real = {os.path.realpath(path): anywhere for path, anywhere in tried.items()}
        reached = any(anywhere or self._label_of(path) is not None for path, anywhere in real.items())
        there = any(map(os.path.isfile, real))
        return RejectReason.MISSING_FILE if reached and not there else RejectReason.OUTSIDE_FOLDER

    def _add_file(self, path: str) -> None:
        """Add a file under its key, once: two folders may hold it, one inside the other."""
        label = self._label_of(path)
        if _printable(path) == path:
            self._files.add(path, f"file:{path}" if label is None else f"folder:{label}")
        elif path not in self._files:  # no database and no map could hold it
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


def _unread(folder: str, names: Iterable[str]) -> Iterator[Rejected]:
    """What of the files in a folder holds pictures that are not read, by their suffixes."""
    for name in sorted(names):
        suffix = os.path.splitext(name)[1].lower()
        if not name.startswith(".") and (why := _UNREAD.get(suffix)):
            yield Rejected(_printable(os.path.join(folder, name)), *why)


_UNREAD = {
    **dict.fromkeys(RAW_PHOTOS, (RejectReason.RAW_PHOTO, "export it as JPEG")),
    **dict.fromkeys(VIDEOS, (RejectReason.VIDEO, "save frames of it as pictures")),
    **{s: (RejectReason.OTHER_PICTURE, f"{name}: convert it to JPEG") for s, name in OTHER_PICTURES.items()},
    **dict.fromkeys((*ARCHIVES, ".zip", ".tar", ".tgz", ".gz"), (RejectReason.ARCHIVE, "unpack it")),
}


def labels_of(roots: Sequence[Path]) -> dict[str, str]:
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
