"""Small pictures for a page: made once, kept in a folder beside it, the first of them inside it too.

Whoever has a photo in hand anyway may make its picture before the page is written, and save decoding it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from geoflood.files import write_whole
from geoflood.images import jpeg, resize
from geoflood.terms import Image

__all__ = ["Thumbnails", "keep", "pictures_of"]

LONGEST = 320
"""Pixels of the longer side."""
_QUALITY = 60


def pictures_of(page: Path) -> Path:
    """The folder beside a page that holds its pictures."""
    return page.with_name(f"{page.stem}-pictures")


def keep(folder: Path, name: str, pixels: Image) -> Path:
    """Write a picture's small version, unless it is there. Threads may, each its own."""
    path = folder / f"{name}.jpg"
    if not path.is_file():
        height, width = pixels.shape[:2]
        scale = min(LONGEST / max(height, width), 1.0)
        small = resize(pixels, max(round(width * scale), 1), max(round(height * scale), 1), bilinear=True)
        write_whole(path, jpeg(small, quality=_QUALITY))
    return path


class Thumbnails:
    """Hands out the source of each picture: a key of `inside` while the budget lasts, else a file's name."""

    def __init__(self, folder: Path, budget: int) -> None:
        self.inside: dict[str, str] = {}
        """Pictures in the page by their name, as data URIs."""
        self._folder = folder
        self._left = budget
        self._known: dict[str, str | None] = {}

    def of(self, name: str, pixels: Callable[[], Image | None]) -> str | None:
        """The source of a picture; `pixels` is asked only when it was never made. None when there is none."""
        if name not in self._known:
            self._known[name] = self._made(name, pixels)
        return self._known[name]

    def _made(self, name: str, pixels: Callable[[], Image | None]) -> str | None:
        path = self._folder / f"{name}.jpg"
        if not path.is_file():
            seen = pixels()
            if seen is None:
                return None
            keep(self._folder, name, seen)
        size = path.stat().st_size * 4 // 3
        if size > self._left:
            self._left = 0  # all that come later lie beside, so that the first ones are whole
            return f"{self._folder.name}/{path.name}"
        self._left -= size
        self.inside[name] = f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
        return name
