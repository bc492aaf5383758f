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

from geoflood.finding import Medium, Post
from geoflood.posts.shelf import Entry

__all__ = ["Pictures"]

_OWNED = re.compile(r"(\d{1,2}_\d{10,}|\d{10,})(?=[-_.])")
"""An id of a post or a medium that collectors put in front of a file's name."""
_DEEPEST = 64
"""Folders above a document that a relative name is tried from."""


class Pictures:
    """The pictures in a folder, found by path, by name, by name without suffix and by id."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._paths: dict[str, list[int]] = defaultdict(list)
        self._names: dict[str, list[int]] = defaultdict(list)
        self._owned: dict[str, list[int]] = defaultdict(list)
        self._claimed: set[int] = set()

    def add(self, entry: Entry) -> None:
        """Take in a picture."""
        index = len(self.entries)
        self.entries.append(entry)
        path = entry.name.lower().replace("\\", "/")
        name = posixpath.basename(path)
        for key in {path, posixpath.splitext(path)[0]}:
            self._paths[key].append(index)
        for key in {name, posixpath.splitext(name)[0]}:
            self._names[key].append(index)
        if owner := _OWNED.match(name):
            self._owned[owner[1]].append(index)

    def with_files(self, post: Post, document: Entry) -> Post:
        """The post, each of its media with its file where there is one.

        What no name leads to may lie under the post's id; a post that lists nothing is given those too.
        """
        found = [self._find(medium, document) for medium in post.media]
        owners = {medium.owner for medium in post.media if medium.owner} or {post.id}
        taken = {index for index in found if index is not None}
        spare = (i for owner in sorted(owners) for i in self._owned.get(owner, ()) if i not in taken)
        found = [
            next(spare, None) if i is None and m.owner else i for i, m in zip(found, post.media, strict=True)
        ]
        media = [
            medium if index is None else replace(medium, file=self._claim(index))
            for index, medium in zip(found, post.media, strict=True)
        ]
        if not media:
            media = [self._medium(index) for index in spare]
        return replace(post, media=tuple(media))

    def beside(self, document: Entry) -> Medium | None:
        """The picture that a document is a sidecar of, by its name: photo.json, photo.jpg.json."""
        stem = posixpath.splitext(document.name.lower())[0].removesuffix(".info")
        there = self._paths.get(stem, ())
        return self._medium(there[0]) if len(there) == 1 else None

    def unclaimed(self) -> Iterator[Entry]:
        """The pictures that no post has been given."""
        yield from (entry for index, entry in enumerate(self.entries) if index not in self._claimed)

    def _claim(self, index: int) -> str:
        self._claimed.add(index)
        return self.entries[index].name

    def _medium(self, index: int) -> Medium:
        return Medium(posixpath.basename(self.entries[index].name), file=self._claim(index))

    def _find(self, medium: Medium, document: Entry) -> int | None:
        for name in (medium.name, *medium.aliases):
            path = name.lower().replace("\\", "/")
            for folder in _upwards(document.folder.lower()) if path else ():
                there = self._paths.get(posixpath.normpath(posixpath.join(folder, path)), ())
                if len(there) == 1:
                    return there[0]
            base = posixpath.basename(path)
            stem = posixpath.splitext(base)[0]
            named = self._names.get(base) or self._names.get(stem) or self._owned.get(base) or []
            if base and (index := self._nearest(named, document)) is not None:
                return index
        return None

    def _nearest(self, indices: Sequence[int], document: Entry) -> int | None:
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
