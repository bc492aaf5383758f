"""Small pictures for a page: made once, kept in a folder beside it, the first of them inside it too."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from geoflood.files import write_whole
from geoflood.images import jpeg
from geoflood.terms import Image

__all__ = ["Thumbnails"]

_QUALITY = 60


class Thumbnails:
    """Hands out the source of each picture: a key of `inside` while the budget lasts, else a file's name."""

    longest = 320
    """Pixels of the longer side."""

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
            write_whole(path, jpeg(seen, self.longest, _QUALITY))
        size = path.stat().st_size * 4 // 3
        if size > self._left:
            self._left = 0  # all that come later lie beside, so that the first ones are whole
            return f"{self._folder.name}/{path.name}"
        self._left -= size
        self.inside[name] = f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
        return name
