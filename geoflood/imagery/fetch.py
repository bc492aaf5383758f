"""Pictures of chosen images, from their source into the folder of an index; resumed by what is there.

A picture is whole or absent, and what came with it is noted in the census, so nothing is fetched twice:
not after a kill, and not when its pixels were described and then removed.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from geoflood.core.datatypes import Progress, Rejected, StreetImage, no_progress
from geoflood.core.errors import GeofloodError
from geoflood.core.parallel import in_order
from geoflood.imagery.census import Census, fetched_ids
from geoflood.imagery.sources.source import PictureError, Source, SourceImage, VanishedError

__all__ = ["FOLDER", "THREADS", "fetch", "fetched_pictures", "key_of", "picture_path"]

FOLDER = "images"
"""Of an index: what geoflood fetched for it, a folder a source."""

THREADS = 6
"""Batches on their way at once: hosts that allow ten pictures a second take longer for each."""

AHEAD = 24
"""Batches that are begun before their turn, while the images before them are described."""

Fetched: TypeAlias = StreetImage | Rejected


def key_of(source: str, number: str) -> str:
    """The key of a source's image in an index, such as "mapillary:1933525276802129"."""
    return f"{source}:{number}"


def picture_path(folder: Path, source: str, number: str) -> Path:
    """Where the picture of an image is in the folder of an index, or would be; an id is no path."""
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", number, re.ASCII)
    name = number if plain else hashlib.sha256(number.encode()).hexdigest()[:40]
    return folder.absolute() / FOLDER / source / f"{name}.jpg"


def fetched_pictures(folder: Path) -> list[Path]:
    """Where all pictures are that were ever fetched for an index; some may be gone."""
    return [picture_path(folder, source, number) for source, number in fetched_ids(folder)]


def fetch(
    source: Source,
    census: Census,
    rows: Sequence[int],
    folder: Path,
    described: Collection[str] = (),
    progress: Progress = no_progress,
) -> Iterator[Fetched]:
    """The images of these rows of the census, in order, each with its picture, or why it has none.

    Pictures of images whose keys are in `described` are not needed any more. Those that their provider has
    withdrawn are noted as gone. Raises what ends all fetching: BlockedError, TokenError, NetworkError,
    InputError for a full disk; pictures that are there stay.
    """
    stop = threading.Event()
    fetcher = _Fetcher(source, census, folder, described, census.gone(), stop)
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            batches = _batches(census.images(rows), max(1, source.batch))
            done = 0
            for found, error in in_order(pool, fetcher.batch, batches, AHEAD):
                done += len(found)
                progress("fetching pictures", done, len(rows))
                yield from found
                if error:
                    raise error
        finally:  # a block, a full disk, or nobody wants the rest
            stop.set()
            pool.shutdown(cancel_futures=True)


def _batches(images: Iterable[SourceImage], size: int) -> Iterator[list[SourceImage]]:
    rest = iter(images)
    while batch := list(islice(rest, size)):
        yield batch


class _Fetcher:
    """Fetches batch by batch, in several threads."""

    def __init__(
        self,
        source: Source,
        census: Census,
        folder: Path,
        described: Collection[str],
        gone: dict[str, str],
        stop: threading.Event,
    ) -> None:
        self._source, self._census, self._described = source, census, described
        self._gone, self._stop = gone, stop
        self._path = partial(picture_path, folder, source.name)

    def batch(self, images: Sequence[SourceImage]) -> tuple[list[Fetched], GeofloodError | None]:
        """Each image with its picture, or why it has none, up to an error that ends all fetching."""
        found: list[Fetched] = []
        try:
            found.extend(self._each(images))
        except GeofloodError as error:
            return found, error
        return found, None

    def _each(self, images: Sequence[SourceImage]) -> Iterator[Fetched]:
        told = dict(zip(images, self._census.details(images), strict=True))
        missing = [image for image in images if self._is_missing(image, told[image])]
        if missing and not self._stop.is_set():
            self._source.prepare(missing)
        wanted = {image.id for image in missing}
        for image in images:
            if self._stop.is_set():
                return
            yield self._one(image) if image.id in wanted else self._known(told[image] or image)

    def _is_missing(self, image: SourceImage, told: SourceImage | None) -> bool:
        if image.id in self._gone or key_of(self._source.name, image.id) in self._described:
            return False
        return told is None or not self._path(image.id).is_file()

    def _known(self, image: SourceImage) -> Fetched:
        reason = self._gone.get(image.id)
        return self._street_image(image) if reason is None else self._rejected(image, reason, "")

    def _one(self, image: SourceImage) -> Fetched:
        path = self._path(image.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            told = self._source.picture(image, path)
        except VanishedError as error:
            self._census.keep_gone(image.id, error.reason)
            return self._rejected(image, error.reason, str(error))
        except PictureError as error:
            return self._rejected(image, error.reason, str(error))
        self._census.keep_details(image, told)
        return self._street_image(told)

    def _rejected(self, image: SourceImage, reason: str, detail: str) -> Rejected:
        return Rejected(image.link or key_of(self._source.name, image.id), reason, detail)

    def _street_image(self, image: SourceImage) -> StreetImage:
        location = str(self._path(image.id))
        who = (image.licence, image.credit, image.link)
        return StreetImage(
            key_of(self._source.name, image.id), location, image.geotag, image.projection, *who
        )
