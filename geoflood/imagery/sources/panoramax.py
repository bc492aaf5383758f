"""Panoramax: an instance of one's own or another's, and the meta-catalogue that unites them. No key.

*Convention*: the census is of vector tiles at zoom 15, the only ones that hold single pictures. Lines at
lower zooms miss lone pictures, so they are no test of emptiness; a search for one picture is. What a search
answers beyond that differs between the two kinds of server, so nothing else is asked of it but pictures by
their ids.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from geoflood.core.area import Area, Tile
from geoflood.core.datatypes import Geotag, LatLon, Projection, VisibleArea
from geoflood.core.errors import NetworkError
from geoflood.core.gpano import LEVEL, CameraPose
from geoflood.core.talker import Manners, NotHttpError, PassingError, Question, Redirects, Talker, WebAnswer
from geoflood.imagery.panorama import DECODE_WIDTH
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.sources import values
from geoflood.imagery.sources.pictures import PictureFetcher, keep_picture, large_enough, read_picture
from geoflood.imagery.sources.source import PictureError, SourceImage, VanishedError
from geoflood.imagery.sources.tiles import TilePoints, points_of, unpacked
from geoflood.imagery.views import LONGEST

__all__ = ["Panoramax"]

URL = "https://api.panoramax.xyz/api"
MANNERS = Manners(a_minute=60)
"""No limit is documented."""

CELL_ZOOM, PICTURE_ZOOM = 13, 15
ROW = ("id", "type", "heading", "gps_accuracy", "ts", "account_id", "first_sequence", "hidden")
"""What is read of a picture in a tile."""

SD_WIDTH = 2048
"""Of the standard picture, whatever the original's."""

SAMPLE = LatLon(50.6372, 3.0633)
"""The Grand'Place of Lille, where a search without a box finds nothing that could be tried."""


class Panoramax:
    """One server, whichever kind it is."""

    name = "panoramax"
    batch = 50

    def __init__(
        self,
        url: str = URL,
        *,
        a_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url if url.endswith("/api") else f"{url}/api"
        self.pictures_a_minute = MANNERS.paced(a_minute).a_minute
        self._talker = Talker(self.name, MANNERS.paced(a_minute), clock=clock, sleep=sleep)
        # Pictures may lie in an object store, to which their addresses redirect.
        self._pictures = PictureFetcher(self._talker, redirects=Redirects.ANYWHERE)
        self._rights: dict[str, tuple[str, str]] = {}
        """Licence and credit by account, for the census."""
        self._gone: set[str] = set()
        self._items: dict[str, SourceImage] = {}
        self._lock = threading.Lock()

    def cells(self, area: Area) -> Sequence[str]:
        """Tiles of zoom 13."""
        return [str(tile) for tile in area.tiles(CELL_ZOOM)]

    def census(self, cell: str) -> Sequence[SourceImage]:
        """All pictures in a cell that everybody may see.

        Licence and credit are those of the account's first sequence here: an account belongs to one instance,
        and an instance grants one licence. The picture's own come with the picture.
        """
        found: dict[str, SourceImage] = {}
        waiting = [Tile.parse(cell)]
        while waiting:
            tile = waiting.pop()
            if tile.zoom == PICTURE_ZOOM:
                found |= {image.id: image for image in self._of_tile(tile)}
            elif self._has_pictures(tile):
                waiting += reversed(_children(tile))
        return list(found.values())

    def _has_pictures(self, tile: Tile) -> bool:
        box = tile.bounds
        params = {"bbox": f"{box.west},{box.south},{box.east},{box.north}", "limit": "1"}
        return bool(self._searched(params))

    def _searched(self, params: Mapping[str, str]) -> list[Any]:
        """The features that a search finds."""
        found = values.mapping(self._talker.ask(Question(f"{self._url}/search", params), WebAnswer.json))
        features = found.get("features")
        if not isinstance(features, list):
            raise NetworkError(
                f"{self.name}: an answer without features", "is this a Panoramax? see --source-url"
            )
        return features

    def _of_tile(self, tile: Tile) -> list[SourceImage]:
        question = Question(f"{self._url}/map/{tile}.mvt", accept="application/vnd.mapbox-vector-tile")
        points = self._talker.ask(question, lambda answer: _points(answer, tile))
        rows = points.rows(*ROW)
        return [image for row in rows if (image := self._image_of_row(row)) is not None]

    def _image_of_row(self, row: Mapping[str, Any]) -> SourceImage | None:
        """A picture of a tile; None for what has no id or place, or is hidden."""
        name, where = values.identifier(row["id"]), values.position(row["lat"], row["lon"])
        if not name or where is None or row["hidden"] is True:
            return None
        tag = Geotag(
            where,
            self.name,
            values.heading(row["heading"]),
            _accuracy(row["gps_accuracy"]),
            values.time_of_text(row["ts"]),
        )
        projection = Projection.PERSPECTIVE
        if row["type"] == "equirectangular":
            projection = Projection.EQUIRECTANGULAR
        drive = values.identifier(row["first_sequence"])
        licence, credit = self._rights_of(values.identifier(row["account_id"]), drive)
        return SourceImage(name, tag, projection, licence, credit, self._page(name), drive)

    def _rights_of(self, account: str, sequence: str) -> tuple[str, str]:
        """Licence and credit of an account's pictures, asked once for each account."""
        with self._lock:
            known = self._rights.get(account)
        if known is not None or not sequence or sequence in self._gone:
            return known or ("", "")
        collection = self._talker.ask(Question(f"{self._url}/collections/{sequence}"), _json_or_gone)
        if collection is None:  # just withdrawn: the account's next sequence will tell
            self._gone.add(sequence)
            return "", ""
        found = values.text(collection.get("license")), self._credit(collection)
        with self._lock:
            self._rights[account] = found
        return found

    def prepare(self, images: Sequence[SourceImage]) -> None:
        """Ask for all items at once."""
        with self._lock:
            wanted = {image.id: image for image in images if image.id not in self._items}
        if len(wanted) < 2:  # such a search also finds what is not ready, and does not say so
            return
        params = {"ids": ",".join(wanted), "limit": str(len(wanted))}
        for feature in self._searched(params):
            item = values.mapping(feature)
            image = wanted.get(values.identifier(item.get("id")))
            if image is not None:
                with self._lock:
                    self._items[image.id] = self._completed(image, item)

    def picture(self, image: SourceImage, target: Path) -> SourceImage:
        """The standard picture, or the original where that is larger and its pixels are wanted."""
        with self._lock:
            known = self._items.pop(image.id, None)
        data, known = self._pictures.fetch_renewed(known or replace(image, address=""), self._item, _picture)
        pose = _pose(known.geotag) if known.projection is Projection.EQUIRECTANGULAR else LEVEL
        keep_picture(data, target, known.visible, pose)
        return known

    def _item(self, image: SourceImage) -> SourceImage:
        """The image by its own item. Raises PictureError when it is withdrawn, not ready, or broken."""
        question = Question(f"{self._url}/pictures/{image.id}", accept="application/geo+json")
        try:
            return self._completed(image, self._talker.ask(question, _item))
        except NotHttpError as error:  # a 102 with a body
            raise _not_ready() from error

    def _completed(self, image: SourceImage, item: Mapping[str, Any]) -> SourceImage:
        """The image with all that its item tells."""
        told = values.mapping(item.get("properties"))
        lens = values.mapping(told.get("pers:interior_orientation"))
        azimuth = values.heading(told.get("view:azimuth"))
        accuracy = _accuracy(told.get("quality:horizontal_accuracy"))
        tag = replace(
            image.geotag,
            position=_place(item) or image.geotag.position,
            heading_deg=image.geotag.heading_deg if azimuth is None else azimuth,
            accuracy_m=accuracy or image.geotag.accuracy_m,
            taken_at=values.time_of_text(told.get("datetime")) or image.geotag.taken_at,
            pitch_deg=values.finite(told.get("pers:pitch")),
            roll_deg=values.finite(told.get("pers:roll")),
        )
        size = [values.finite(side) or 0.0 for side in values.listed(lens.get("sensor_array_dimensions"))]
        panorama = image.projection is Projection.EQUIRECTANGULAR
        return replace(
            image,
            geotag=tag,
            licence=values.text(told.get("license")) or image.licence,
            credit=self._credit(item),
            sequence=values.identifier(item.get("collection")) or image.sequence,
            width=int(size[0]) if size and 0 < size[0] < 1e6 else None,
            visible=_visible(values.listed(lens.get("visible_area")), size) if panorama else None,
            address=_address(item, panorama),
        )

    def _credit(self, item: Mapping[str, Any]) -> str:
        """Whoever made the pictures of an item or a collection, and the instance that has them."""
        makers = map(values.mapping, values.listed(item.get("providers")))
        producer = next((name for maker in makers if (name := values.text(maker.get("name")))), "")
        links = map(values.mapping, values.listed(item.get("links")))
        home = next((link.get("href") for link in links if link.get("rel") == "via"), None)
        host = urlsplit(values.web_address(home) or self._url).hostname or ""
        return f"{producer}, {host}" if producer else host

    def _page(self, name: str) -> str:
        if self._url == URL:
            return f"https://panoramax.xyz/#focus=pic&pic={name}"
        return f"{self._url}/pictures/{name}"

    def sample(self) -> str:
        """The cell of the picture that was changed last."""
        for feature in self._searched({"limit": "1"}):
            if where := _place(values.mapping(feature)):
                return str(Tile.at(where, CELL_ZOOM))
        return str(Tile.at(SAMPLE, CELL_ZOOM))

    def close(self) -> None:
        self._talker.close()


def _pose(tag: Geotag) -> CameraPose:
    """How the camera of a panorama leant: the item repeats what GPano said in the original."""
    pitch, roll = tag.pitch_deg or 0.0, tag.roll_deg or 0.0
    return CameraPose(None, pitch, roll) if abs(pitch) <= 90 and abs(roll) <= 180 else LEVEL


def _accuracy(value: object) -> float | None:
    """Metres; None for nothing, and for the zero of a receiver that does not know."""
    metres = values.finite(value)
    return metres if metres is not None and metres > 0 else None


def _children(tile: Tile) -> list[Tile]:
    return [Tile(tile.zoom + 1, 2 * tile.x + right, 2 * tile.y + down) for down in (0, 1) for right in (0, 1)]


def _points(answer: WebAnswer, tile: Tile) -> TilePoints:
    """The pictures in a tile; an empty one has no bytes at all."""
    try:
        return points_of(unpacked(answer.checked().body), "pictures", tile)
    except ValueError as error:
        raise PassingError(f"sent no vector tile: {error}") from error


def _json_or_gone(answer: WebAnswer) -> Mapping[str, Any] | None:
    return None if answer.status == 404 else values.mapping(answer.json())


def _item(answer: WebAnswer) -> Mapping[str, Any]:
    """A picture's item. Raises PictureError where there is none: a broken one is a 500 with all of it."""
    said = _own_words(answer)
    if answer.status == 404 and said:
        raise VanishedError("its server has it no more")
    if values.mapping(said.get("properties")).get("geovisio:status") == "broken":
        raise PictureError("its server could not read it", RejectReason.BROKEN_THERE)
    _refuse_hidden(answer, said)
    return values.mapping(answer.json())


def _picture(answer: WebAnswer) -> bytes:
    """A picture; one that waits or is broken is refused with words of the server's own."""
    _refuse_hidden(answer, _own_words(answer))
    return read_picture(answer)


def _own_words(answer: WebAnswer) -> Mapping[str, Any]:
    """The JSON of an answer that is no good; empty where a proxy or a store speaks."""
    if answer.status < 400:
        return {}
    with suppress(ValueError, RecursionError):
        return values.mapping(json.loads(answer.body))
    return {}


def _refuse_hidden(answer: WebAnswer, said: Mapping[str, Any]) -> None:
    """Raises PictureError for what the server itself will not show; a 403 of another is a block."""
    if answer.status == 403 and said.get("status_code") == 403:
        raise _not_ready()
    if answer.status == 401:
        raise PictureError("its server shows it to its members alone", RejectReason.NO_PERMISSION)


def _not_ready() -> PictureError:
    return PictureError("its server is not done with it", RejectReason.NOT_READY)


def _place(item: Mapping[str, Any]) -> LatLon | None:
    place = [*values.listed(values.mapping(item.get("geometry")).get("coordinates")), None, None]
    return values.position(place[1], place[0])


def _visible(margins: list[Any], size: list[float]) -> VisibleArea | None:
    """The part that is there, of margins (left, top, right, bottom) and width and height, px."""
    cut = [values.finite(margin) for margin in margins]
    if len(cut) != 4 or len(size) < 2 or None in cut or not min(size[:2]) > 0:
        return None
    left, top, right, bottom = (margin or 0.0 for margin in cut)
    with suppress(ValueError):
        return VisibleArea(left / size[0], top / size[1], 1.0 - right / size[0], 1.0 - bottom / size[1])
    return None


def _address(item: Mapping[str, Any], panorama: bool) -> str:
    """Of the standard picture if it is large enough, else of the original."""
    assets = values.mapping(item.get("assets"))
    standard, original = (
        values.web_address(values.mapping(assets.get(name)).get("href")) for name in ("sd", "hd")
    )
    enough = large_enough(SD_WIDTH, DECODE_WIDTH if panorama else LONGEST)
    return (standard or original) if enough else (original or standard)
