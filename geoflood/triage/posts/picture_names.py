"""Which file is meant by the name that a post gives its picture.

Only files that were listed can be found, so a name such as ../../etc/passwd finds nothing. Where several
files could be meant, none is taken: a photo credited to a wrong post sends people to a wrong place.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from geoflood.core.file_names import plain, spellings, unescaped
from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.file_tree import FileEntry

__all__ = ["PictureNames"]

_OWNED = re.compile(r"(\d{1,2}_\d{10,}|\d{10,})(?=[-_.])")
"""An id of a post or a medium that collectors put in front of a file's name."""
_DEEPEST = 64
"""Folders above a document that a relative name is tried from."""


class PictureNames:
    """The pictures in a folder, found by path, by name, by name without suffix and by id."""

    def __init__(self) -> None:
        self.entries: list[FileEntry] = []
        self._paths: dict[str, list[int]] = defaultdict(list)
        self._names: dict[str, list[int]] = defaultdict(list)
        self._owned: dict[str, list[int]] = defaultdict(list)
        self._claimed: set[str] = set()

    def add(self, entry: FileEntry) -> None:
        """Take in a picture."""
        index = len(self.entries)
        self.entries.append(entry)
        path = plain(entry.name)
        name = posixpath.basename(path)
        for key in {path, posixpath.splitext(path)[0]}:
            self._paths[key].append(index)
        for key in {name, posixpath.splitext(name)[0]}:
            self._names[key].append(index)
        if owner := _OWNED.match(name):
            self._owned[owner[1]].append(index)

    def found(self, post: Post, document: FileEntry) -> Post:
        """The post, each of its media with its file where there is one; none of them is claimed by this.

        What no name leads to may lie under the post's id; a post that lists nothing is given those too. A
        name that leads nowhere and has a ; or | in it is several names.
        """
        pairs = [pair for medium in post.media for pair in self._parted(medium, document)]
        owners = {medium.owner for medium, _ in pairs if medium.owner} or {post.id}
        taken = {index for _, index in pairs if index is not None}
        spare = (i for owner in sorted(owners) for i in self._owned.get(owner, ()) if i not in taken)
        media = []
        for medium, known in pairs:
            index = next(spare, None) if known is None and medium.owner else known
            media.append(medium if index is None else replace(medium, file=self.entries[index].name))
        return replace(post, media=tuple(media or map(self._medium, spare)))

    def claim(self, post: Post) -> Post:
        """The post, from now on the owner of its files."""
        self._claimed.update(medium.file for medium in post.media if medium.file)
        return post

    def beside(self, document: FileEntry) -> Medium | None:
        """The picture that a document could be a sidecar of, by its name: photo.json, photo.jpg.json."""
        stem = posixpath.splitext(plain(document.name))[0].removesuffix(".info")
        there = self._paths.get(stem, ())
        return self._medium(there[0]) if len(there) == 1 else None

    def unclaimed(self) -> Iterator[FileEntry]:
        """The pictures that no post has been given."""
        yield from (entry for entry in self.entries if entry.name not in self._claimed)

    def _medium(self, index: int) -> Medium:
        return Medium(posixpath.basename(self.entries[index].name), file=self.entries[index].name)

    def _parted(self, medium: Medium, document: FileEntry) -> list[tuple[Medium, int | None]]:
        """A medium, or those that its name lists, each with the picture that is meant."""
        index = self._find(medium, document)
        parts = [part.strip() for part in re.split(r"[;|]", unescaped(medium.name))]
        whole = index is not None and re.search(r"[;|]", posixpath.basename(self.entries[index].name))
        if whole or len(parts) == 1:
            return [(medium, index)]
        listed = [Medium(part, (posixpath.basename(part),)) for part in parts if part]
        return [(one, self._find(one, document)) for one in listed]

    def _find(self, medium: Medium, document: FileEntry) -> int | None:
        for name in (spelled for one in (medium.name, *medium.aliases) for spelled in spellings(one)):
            path = plain(name)
            for folder in _upwards(plain(document.folder)) if path else ():
                there = self._paths.get(posixpath.normpath(posixpath.join(folder, path)), ())
                if len(there) == 1:
                    return there[0]
            base = posixpath.basename(path)
            stem = posixpath.splitext(base)[0]
            named = self._names.get(base) or self._names.get(stem) or self._owned.get(base) or []
            if base and (index := self._nearest(named, document)) is not None:
                return index
        return None

    def _nearest(self, indices: Sequence[int], document: FileEntry) -> int | None:
        """The one that shares most of its path with the document; None when there are several such."""
        here = document.folder.split("/")
        shared = [_shared(self.entries[index].folder.split("/"), here) for index in indices]
        best = [index for index, count in zip(indices, shared, strict=True) if count == max(shared)]
        return best[0] if len(best) == 1 else None


def _upwards(folder: str) -> Iterator[str]:
    """The folder and those above it, the empty name of the root last."""
    for _ in range(_DEEPEST):
        yield folder
        if not folder:
            return
        folder = posixpath.dirname(folder)


def _shared(a: Sequence[str], b: Sequence[str]) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
