"""KartaView: alive but unattended, without a key, and slow. It is asked only by those who name it.

*Convention*: the one endpoint that lists all is the old search around a point, paged until a page is empty.
It answers by sequence, so a page is no sample. Overload is a 400 whose own code says so. Numbers are text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from geoflood.core.area import Area, Tile
from geoflood.core.datatypes import Geotag, LatLon, Projection
from geoflood.core.errors import NetworkError
from geoflood.core.geo import distance_m
from geoflood.core.talker import Manners, PassingError, Question, Talker, WebAnswer
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.sources import values
from geoflood.imagery.sources.pictures import PictureFetcher, keep_picture
from geoflood.imagery.sources.source import PictureError, SourceImage, VanishedError

__all__ = ["KartaView"]

URL = "https://kartaview.org"
STORAGE = "https://{store}.openstreetcam.org/{path}"
MANNERS = Manners(a_minute=100 / 60)
"""100 an hour are documented for whoever has no account."""
PICTURE_MANNERS = Manners(a_minute=60)

ZOOM = 15
"""Squares that fit in circles of at most 870 m."""

SMALLEST_M = 100.0
"""Of a circle's radius, below which an overloaded server is given up."""

STORES = 4
"""Hosts that must be down before all are taken to be."""

PAGE, MOST_PAGES = 1000, 200
SAMPLE = LatLon(1.2903, 103.8519)
"""Singapore, where Grab comes from."""

_OVERLOAD = (690, 408)
_SUCCESS = (600, 200)


class _OverloadedError(NetworkError):
    """Too much for one question: ask for less."""


class KartaView:
    """All photos within circles."""

    name = "kartaview"
    batch = 1

    def __init__(
        self,
        url: str = URL,
        *,
        storage: str = STORAGE,
        a_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url, self._storage = url, storage
        self._talker = Talker(self.name, MANNERS.paced(a_minute), clock=clock, sleep=sleep)
        self.pictures_a_minute = PICTURE_MANNERS.paced(a_minute).a_minute
        store = Talker(self.name, PICTURE_MANNERS.paced(a_minute), clock=clock, sleep=sleep)
        self._talkers = (self._talker, store)
        self._pictures = PictureFetcher(store, hosts=STORES)

    def cells(self, area: Area) -> Sequence[str]:
        """Tiles of zoom 15."""
        return [str(tile) for tile in area.tiles(ZOOM)]

    def census(self, cell: str) -> Sequence[SourceImage]:
        """All photos in the circle around a cell; in smaller circles where the server is overloaded."""
        found: dict[str, SourceImage] = {}
        waiting = [Tile.parse(cell)]
        while waiting:
            tile = waiting.pop()
            try:
                found |= self._around(tile)
            except _OverloadedError:
                if _circle(tile)[1] < 2 * SMALLEST_M:
                    raise
                waiting += [Tile(tile.zoom + 1, 2 * tile.x + n % 2, 2 * tile.y + n // 2) for n in range(4)]
        return list(found.values())

    def _around(self, tile: Tile) -> dict[str, SourceImage]:
        """All photos around a tile, by id. Raises _OverloadedError."""
        centre, radius = _circle(tile)
        form = {"lat": f"{centre.lat:.6f}", "lng": f"{centre.lon:.6f}", "radius": f"{math.ceil(radius)}"}
        found: dict[str, SourceImage] = {}
        for page in range(1, MOST_PAGES + 1):
            asked = form | {"ipp": str(PAGE), "page": str(page)}
            question = Question(f"{self._url}/1.0/list/nearby-photos/", form=asked)
            rows = self._talker.ask(question, _judged).get("currentPageItems")
            if not isinstance(rows, list):
                raise NetworkError(f"{self.name}: an answer without photos", "the service has changed")
            images = [image for row in rows if (image := self._image(values.mapping(row))) is not None]
            if not rows or found.keys() >= {image.id for image in images} > set():
                return found
            found |= {image.id: image for image in images}
        where = f"{centre.lat:.5f},{centre.lon:.5f}"
        raise NetworkError(f"{self.name}: pages without end around {where}", "the service has changed")

    def _image(self, row: Mapping[str, Any]) -> SourceImage | None:
        name, where = values.identifier(row.get("id")), values.position(row.get("lat"), row.get("lng"))
        if not name.isdigit() or where is None:
            return None
        panorama = row.get("projection") == "SPHERE"
        drive, number = (
            values.identifier(row.get("sequence_id")),
            values.identifier(row.get("sequence_index")),
        )
        tag = Geotag(where, self.name, values.heading(row.get("heading")), None, _taken_at(row))
        return SourceImage(
            name,
            tag,
            Projection.EQUIRECTANGULAR if panorama else Projection.PERSPECTIVE,
            "CC-BY-SA-4.0",
            _credit(values.text(row.get("username"))),
            f"https://kartaview.org/details/{drive}/{number}/track-info" if drive and number else "",
            drive,
            address="" if panorama else self._stored(row.get("lth_name")),
        )

    def _stored(self, name: object) -> str:
        """The address of a name such as "storage7/files/photo/…"; empty for any other."""
        store, _, path = values.text(name).partition("/")
        if not (values.identifier(store) and path.startswith("files/")):
            return ""
        return values.web_address(self._storage.format(store=store, path=path))

    def prepare(self, images: Sequence[SourceImage]) -> None:
        """Nothing: the census says all, and a question each would take hours."""

    def picture(self, image: SourceImage, target: Path) -> SourceImage:
        """The large thumbnail, which is 1,280 pixels wide; of a panorama the processed picture."""
        data, known = self._pictures.fetch_renewed(image, self._asked)
        keep_picture(data, target)
        return known

    def _asked(self, image: SourceImage) -> SourceImage:
        """The image with the address of its processed picture, never that of the original."""
        said = self._talker.ask(Question(f"{self._url}/2.0/photo/", {"id": image.id}), _judged)
        data = values.mapping(said.get("result")).get("data")
        row = values.mapping(next(iter(values.listed(data)), data))
        if not row:
            raise VanishedError("kartaview has it no more")
        address = values.web_address(row.get("fileurlProc"))
        if not address:
            raise PictureError("kartaview has no processed picture of it", RejectReason.NOT_READY)
        return replace(image, address=address)

    def sample(self) -> str:
        return str(Tile.at(SAMPLE, ZOOM))

    def close(self) -> None:
        for talker in self._talkers:
            talker.close()


def _circle(tile: Tile) -> tuple[LatLon, float]:
    """Centre and radius in metres of the circle around a tile."""
    box = tile.bounds
    centre = LatLon((box.south + box.north) / 2, (box.west + box.east) / 2)
    corners = [(lat, lon) for lat in (box.south, box.north) for lon in (box.west, box.east)]
    return centre, 1.01 * float(distance_m((centre.lat, centre.lon), corners).max())


def _judged(answer: WebAnswer) -> Mapping[str, Any]:
    """What the server says, by its own code: 600 is well, 690 and 408 are too much at once."""
    said: Mapping[str, Any] = {}
    with suppress(NetworkError, PassingError):
        said = values.mapping(replace(answer, status=200).json())
    status = values.mapping(said.get("status"))
    code = values.finite(status.get("apiCode"))
    if code is None:
        answer.checked()
        raise NetworkError(f"{answer.host}: an answer without a code", "the service has changed")
    message = values.text(status.get("apiMessage"))[:120]
    if code in _OVERLOAD:
        overloaded = _OverloadedError(f"kartaview is overloaded: {message}", "try again at another hour")
        raise PassingError("is overloaded", then=overloaded)
    if code not in _SUCCESS:
        raise NetworkError(f"{answer.host} says {code:.0f}: {message}", "try again later")
    return said


def _taken_at(row: Mapping[str, Any]) -> datetime | None:
    """When it was shot; None where that is only when it was uploaded."""
    shot, added = values.time_of_text(row.get("shot_date")), values.time_of_text(row.get("date_added"))
    return None if shot is None or (added is not None and shot >= added) else shot


def _credit(name: str) -> str:
    return f"© Grab and KartaView Contributors ({name})" if name else "© Grab and KartaView Contributors"
