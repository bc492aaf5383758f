"""A source of street images without a network: for all that happens on our side of the protocol."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from geoflood.core.area import Area, Tile
from geoflood.core.datatypes import Geotag, LatLon, Projection, Rejected
from geoflood.core.errors import GeofloodError
from geoflood.core.files import replacing
from geoflood.core.geo import offset
from geoflood.imagery.folder import images as folder_images
from geoflood.imagery.sources.source import SourceImage, VanishedError

ORIGIN = LatLon(52.3731, 4.8926)


def source_image(
    number: str,
    east_m: float = 0.0,
    north_m: float = 0.0,
    heading: float | None = None,
    taken: datetime | None = datetime(2024, 5, 3, 12),
    **more: object,
) -> SourceImage:
    """An image somewhere around the Dam."""
    spot = offset(offset(ORIGIN, 90, east_m), 0, north_m)
    tag = Geotag(spot, "scripted", heading, 4.0, taken)
    known: dict[str, object] = {
        "projection": Projection.PERSPECTIVE,
        "licence": "CC-BY-SA-4.0",
        "link": f"https://scripted.example/{number}",
        "sequence": "s1",
        "width": 2048,
    }
    return SourceImage(number, tag, **{**known, **more})  # type: ignore[arg-type]


@lru_cache(maxsize=100_000)
def _tile_of(spot: LatLon) -> Tile:
    return Tile.at(spot, 18)


class ScriptedSource:
    """Cells are tiles of zoom 18; what only a picture tells is its credit."""

    name = "scripted"
    batch = 4
    pictures_a_minute = 600.0

    def __init__(self, images: Sequence[SourceImage], pictures: Mapping[str, Path] | None = None) -> None:
        self.known = {image.id: image for image in images}
        self.pictures = pictures or {}
        self.asked: Counter[str] = Counter()
        self.prepared: Counter[str] = Counter()
        self.fetched: Counter[str] = Counter()
        self.withdrawn: set[str] = set()
        self.failing: dict[str, GeofloodError] = {}
        """Raised by the picture of an id."""
        self.down: GeofloodError | None = None
        """Raised by every cell that is asked for from now on."""
        self.pause_s = 0.0
        self.log: Path | None = None
        """Notes every picture that was fetched, across processes."""
        self._lock = threading.Lock()

    @classmethod
    def of_folder(cls, folder: Path) -> ScriptedSource:
        """Offers the pictures of a drawn town; their panoramas say that they are ones."""
        images, pictures = [], {}
        for number, found in enumerate(folder_images([folder])):
            assert not isinstance(found, Rejected)
            tag = replace(found.geotag, origin=cls.name)
            more = (
                found.projection,
                "CC-BY-4.0",
                "",
                f"https://scripted.example/{number}",
                f"s{number}",
                768,
            )
            images.append(SourceImage(f"{number:04d}", tag, *more))
            pictures[f"{number:04d}"] = Path(found.location)
        return cls(images, pictures)

    def cells(self, area: Area) -> Sequence[str]:
        return [str(tile) for tile in area.tiles(18)]

    def census(self, cell: str) -> Sequence[SourceImage]:
        with self._lock:
            self.asked[cell] += 1
        time.sleep(self.pause_s)
        if self.down:
            raise self.down
        tile = Tile.parse(cell)
        here = [image for image in self.known.values() if _tile_of(image.geotag.position) == tile]
        return [image for image in here if image.id not in self.withdrawn]

    def prepare(self, images: Sequence[SourceImage]) -> None:
        assert len(images) <= self.batch
        with self._lock:
            self.prepared.update(image.id for image in images)

    def picture(self, image: SourceImage, target: Path) -> SourceImage:
        time.sleep(self.pause_s)
        if image.id in self.failing:
            raise self.failing[image.id]
        if image.id in self.withdrawn:
            raise VanishedError(f"{image.id} is withdrawn")
        with replacing(target) as temporary:
            shutil.copyfile(self.pictures[image.id], temporary)
        with self._lock:
            self.fetched[image.id] += 1
            if self.log:
                with self.log.open("a", encoding="utf-8") as log:
                    log.write(f"{image.id}\n")
        return replace(image, credit=f"Mapper {int(image.id) % 3}")

    def sample(self) -> str:
        return str(Tile.at(ORIGIN, 18))

    def close(self) -> None:
        pass
