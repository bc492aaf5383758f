"""Panoramas of the city of Amsterdam: survey grade, CC BY 4.0, no key.

*Convention*: the published pictures are levelled, and north is at their centre. The heading, pitch and roll
that the service tells are those of the car, and are in the pictures no more (read in the city's own code,
github.com/Amsterdam/panorama-api: thumbnails are cut by compass bearing alone).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from geoflood.core.area import Area, Tile
from geoflood.core.datatypes import Bounds, Geotag, LatLon, Projection
from geoflood.core.errors import NetworkError
from geoflood.core.talker import Manners, Question, Talker, WebAnswer
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.sources import values
from geoflood.imagery.sources.pictures import PictureFetcher, keep_picture, large_enough
from geoflood.imagery.sources.source import PictureError, SourceImage, VanishedError

__all__ = ["Amsterdam"]

URL = "https://api.data.amsterdam.nl"
MANNERS = Manners(a_minute=60)
"""No limit is documented."""

ZOOM = 16
"""Cells of 0.14 km²: the service answers for at most 0.25 km² when only the newest are asked for."""

BOUNDS = Bounds(52.20, 4.60, 52.50, 5.15)
"""Beyond it the city has no panoramas, and is not asked for any."""

SAMPLE = LatLon(52.3731, 4.8926)
"""The Dam."""

PAGE, MOST_PAGES = 500, 200

SIZES = {"equirectangular_small": 2000, "equirectangular_medium": 4000, "equirectangular_full": 8000}
"""Link -> pixels of its picture's width."""


class Amsterdam:
    """The newest panorama at each place."""

    name = "amsterdam"
    batch = 50

    def __init__(
        self,
        url: str = URL,
        *,
        a_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = f"{url}/panorama/panoramas/"
        self._everywhere = url != URL
        self.pictures_a_minute = MANNERS.paced(a_minute).a_minute
        self._talker = Talker(self.name, MANNERS.paced(a_minute), clock=clock, sleep=sleep)
        self._pictures = PictureFetcher(self._talker)

    def cells(self, area: Area) -> Sequence[str]:
        """Tiles of zoom 16; none outside the city, unless the address is one's own."""
        return [str(tile) for tile in area.tiles(ZOOM) if self._everywhere or _meets(tile.bounds, BOUNDS)]

    def census(self, cell: str) -> Sequence[SourceImage]:
        """All panoramas in a cell that are the newest of their place."""
        box = Tile.parse(cell).bounds
        params = {"bbox": f"{box.west},{box.south},{box.east},{box.north}", "srid": "4326"}
        params |= {"newest_in_range": "true", "page_size": str(PAGE)}
        found: dict[str, SourceImage] = {}
        for _ in range(MOST_PAGES):
            page = values.mapping(self._talker.ask(Question(self._url, params), WebAnswer.json))
            rows = values.mapping(page.get("_embedded")).get("panoramas")
            if not isinstance(rows, list):
                raise NetworkError(f"{self.name}: an answer without panoramas", "the service has changed")
            found |= {image.id: image for image in map(_image, rows) if image is not None}
            following = _link(page, "next")
            if not following or not rows:
                return list(found.values())
            params = dict(
                parse_qsl(urlsplit(following).query)
            )  # only the query, so that no other host is asked
        raise NetworkError(f"{self.name}: pages without end in {cell}", "the service has changed")

    def prepare(self, images: Sequence[SourceImage]) -> None:
        """Nothing: the census says all."""

    def picture(self, image: SourceImage, target: Path) -> SourceImage:
        """The smallest size that has all pixels which views use."""
        data, known = self._pictures.fetch_renewed(image, self._asked_again)
        keep_picture(data, target)
        return known

    def _asked_again(self, image: SourceImage) -> SourceImage:
        """The image as the service has it now. Raises VanishedError."""

        def read(answer: WebAnswer) -> Any:
            if answer.status == 404:
                raise VanishedError(f"{image.id} is no longer published")
            return answer.json()

        known = _image(self._talker.ask(Question(f"{self._url}{image.id}/"), read))
        if known is None:
            raise PictureError(f"{image.id}: an answer without a place", RejectReason.NO_POSITION)
        return known

    def sample(self) -> str:
        return str(Tile.at(SAMPLE, ZOOM))

    def close(self) -> None:
        self._talker.close()


def _meets(a: Bounds, b: Bounds) -> bool:
    return a.south <= b.north and b.south <= a.north and a.west <= b.east and b.west <= a.east


def _image(row: object) -> SourceImage | None:
    """An image of a row of the service; None when it has no id or no place."""
    known = values.mapping(row)
    name = values.identifier(known.get("pano_id"))
    place = [*values.listed(values.mapping(known.get("geometry")).get("coordinates")), None, None]
    where = values.position(place[1], place[0])
    if not name or where is None:
        return None
    tag = Geotag(where, Amsterdam.name, 0.0, None, values.time_of_text(known.get("timestamp")), 0.0, 0.0)
    image = SourceImage(name, tag, Projection.EQUIRECTANGULAR, "CC-BY-4.0", "Gemeente Amsterdam")
    width, address = _picture_address(known)
    drive = name.partition("_pano")[0]
    return replace(image, link=_link(known, "self"), sequence=drive, width=width, address=address)


def _picture_address(row: Mapping[str, Any]) -> tuple[int | None, str]:
    """Width of the largest picture there is, and the address of the smallest that is large enough."""
    there = [(width, address) for link, width in SIZES.items() if (address := _link(row, link))]
    if not there:
        return None, ""
    return there[-1][0], next((address for width, address in there if large_enough(width)), there[-1][1])


def _link(row: Mapping[str, Any], name: str) -> str:
    return values.web_address(values.mapping(values.mapping(row.get("_links")).get(name)).get("href"))
