"""Small pictures for a page: made once, kept in a folder beside it, the first of them inside it too.

Of some there is a larger one beside the small one, to be compared over the whole screen.

Whoever has a photo in hand anyway may make its picture before the page is written, and save decoding it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from geoflood.core.datatypes import Image
from geoflood.core.images import UnreadableImageError, thumbnail

__all__ = ["LARGE_BYTES", "Thumbnails", "keep", "pictures_of"]

LONGEST = 320
"""Pixels of the longer side, about."""
_QUALITY = 60
LARGE = 1000
"""Pixels of the longer side of a larger one, about."""
LARGE_BYTES = 300_000
"""Of a larger one, at most: what has more at both qualities has none."""
_LARGE_QUALITIES = (75, 50)
_LARGE_NAME = "{}-large"
_END = b"\xff\xd9"
"""Of a JPEG file."""


def pictures_of(page: Path) -> Path:
    """The folder beside a page that holds its pictures."""
    return page.with_name(f"{page.stem}-pictures")


def keep(folder: Path, name: str, source: Image | Path, large: bool = False) -> None:
    """Write a picture's small version, and its larger one, unless they are there. Threads may, each its own.

    Raises UnreadableImageError for a file that is no picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    larger = folder / f"{_LARGE_NAME.format(name)}.jpg"
    if large and not _whole(larger):
        made = (thumbnail(source, LARGE, quality) for quality in _LARGE_QUALITIES)
        fitting = next((data for data in made if len(data) <= LARGE_BYTES), None)
        if fitting is not None:
            larger.write_bytes(fitting)
    if not _whole(folder / f"{name}.jpg"):
        if isinstance(source, Path) and large and _whole(larger):
            source = larger  # decoded in a third of the time
        (folder / f"{name}.jpg").write_bytes(thumbnail(source, LONGEST, _QUALITY))


def _whole(path: Path) -> bool:
    """There to its end: half a picture is made again, so that none has to wait for the disk."""
    try:
        with path.open("rb") as file:
            file.seek(-len(_END), os.SEEK_END)
            return file.read() == _END
    except OSError:
        return False


class Thumbnails:
    """Makes pictures while others are still asked for; a context manager, since threads of its own do so."""

    def __init__(self, folder: Path, budget: int) -> None:
        self.inside: dict[str, str] = {}
        """Pictures in the page by their name, as data URIs."""
        self.beside = 0
        """Pictures that were asked for and did not fit in."""
        self._folder = folder
        self._left = budget
        self._made: dict[str, Future[bool]] = {}
        self._large: set[str] = set()
        self._sources: dict[str, str | None] = {}
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def __enter__(self) -> Thumbnails:
        return self

    def __exit__(self, *raised: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def request(self, name: str, read: Callable[[], Image | Path | None], large: bool = False) -> str:
        """Have a picture made, unless it is there: another thread calls `read`. Returns its name.

        `large`: have its larger one made, too.
        """
        if name not in self._made or (large and name not in self._large):
            self._made[name] = self._pool.submit(self._make, name, read, large, self._made.get(name))
            self._large |= {name} if large else set()
        return name

    @property
    def large(self) -> int:
        """Larger pictures that lie in the folder, of those that were asked for."""
        return sum(_whole(self._folder / f"{_LARGE_NAME.format(name)}.jpg") for name in self._large)

    def source(self, name: str) -> str | None:
        """Where a wanted picture is: a key of `inside` while the budget lasts, else a file's name.

        None when there is none.
        """
        if name not in self._sources:
            self._sources[name] = self._place(name) if self._made[name].result() else None
        return self._sources[name]

    def _make(
        self, name: str, read: Callable[[], Image | Path | None], large: bool, before: Future[bool] | None
    ) -> bool:
        if before is not None:  # begun earlier, thus never waiting for this one: both write one file
            before.result()
        wanted = [name, _LARGE_NAME.format(name)] if large else [name]
        if all(_whole(self._folder / f"{one}.jpg") for one in wanted):
            return True
        try:
            picture = read()
            if picture is not None:
                keep(self._folder, name, picture, large)
        except UnreadableImageError:
            picture = None
        return picture is not None or _whole(self._folder / f"{name}.jpg")

    def _place(self, name: str) -> str:
        path = self._folder / f"{name}.jpg"
        size = path.stat().st_size * 4 // 3
        if size > self._left:
            self.beside += 1
            self._left = 0  # all that come later lie beside, so that the first ones are whole
            return f"{self._folder.name}/{path.name}"
        self._left -= size
        self.inside[name] = f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
        return name
