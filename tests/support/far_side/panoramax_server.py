"""Panoramax in its two personalities: an instance (GeoVisio 2.15 as recorded), and the meta-catalogue."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Self

from tests.support.far_side.amsterdam_server import PictureStore
from tests.support.far_side.server import Json, RefusedError
from tests.support.far_side.source_server import FarSource, Params, SourceWire
from tests.support.far_side.street_images import FarImage, within
from tests.support.vector_tiles import Point, pixel, vector_tile

GEO = "application/geo+json"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PROCESSING = {"message": "Picture is not available (currently in processing)", "status_code": 403}
FLASK = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>"


def uuid_of(text: str) -> str:
    """A UUID for a short name: the same one each time."""
    number = f"{int.from_bytes(text.encode(), 'big') % 16**32:032x}"
    return "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:]))


def refusal(status: int, message: str) -> RefusedError:
    return RefusedError(status, {"message": message, "status_code": status})


class FarPanoramax(FarSource):
    """A server under /api. Pictures lie in a store of their own when `redirects`."""

    def __init__(
        self,
        images: Sequence[FarImage],
        *,
        meta: bool = False,
        redirects: bool = False,
        a_minute: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(a_minute, clock)
        self.images = {image.id: image for image in images}
        self.meta, self.redirects = meta, redirects
        self.store = PictureStore(None, clock)
        self.deleted: set[str] = set()
        """Sequences."""
        self.api = f"{self.url}/api"

    def __enter__(self) -> Self:
        self.store.__enter__()
        return super().__enter__()

    def __exit__(self, kind: object, *more: object) -> None:
        super().__exit__(kind, *more)
        self.store.__exit__(kind, *more)

    def listed(self) -> list[FarImage]:
        """What searches, items and tiles show."""
        seen = (one for one in self.images.values() if one.state == "ready")
        return [one for one in seen if one.sequence not in self.deleted]

    def respond(self, wire: SourceWire, method: str, path: str, params: Params, form: Params) -> None:
        parts = path.strip("/").split("/")
        match method, parts:
            case _, ["api", "search"]:
                self._search(wire, method, params)
            case "GET", ["api", "map", zoom, x, file]:
                self._tile(wire, zoom, x, file)
            case "GET", ["api", "collections"]:
                wire.answer(self._collections(params))
            case "GET", ["api", "collections", name]:
                wire.answer(self._collection(name))
            case "GET", ["api", "collections", name, "items"]:
                self._items(wire, name, params)
            case "GET", ["api", "collections", _, "items", name] | ["api", "pictures", name]:
                self._one(wire, name)
            case "GET", ["api", "pictures", name, file]:
                self._picture(wire, name, file)
            case "GET", ["api", "configuration"]:
                wire.answer({"license": {"id": "CC-BY-SA-4.0"}, "version": "2.15.1"})
            case _:
                wire.answer(FLASK, "text/html; charset=utf-8", 404)

    # Search.

    def _search(self, wire: SourceWire, method: str, params: Params) -> None:
        if method == "POST":
            params = self._posted(wire)
        limit = self._limit(params.get("limit", ""))
        if "filter" in params and not self.meta:
            raise refusal(400, "Unsupported filter parameter")
        found = self.listed()
        if "ids" in params:
            ids = params["ids"].split(",")
            if not all(UUID.fullmatch(name) for name in ids):
                raise refusal(400, "Parameter ids should be a JSON array of strings")
            if len(ids) == 1 and not self.meta:  # the way of the single item: it also shows what waits
                found = [one for one in self.images.values() if one.id == ids[0] and one.state != "hidden"]
            else:
                found = [one for one in found if one.id in ids]
        if "bbox" in params:
            box = list(map(float, params["bbox"].split(",")))
            if len(box) != 4:
                raise refusal(400, "Parameter bbox must be in format [minX, minY, maxX, maxY]")
            west, south, east, north = box
            west, east, south, north = min(west, east), max(west, east), min(south, north), max(south, north)
            centre = ((west + east) / 2, (south + north) / 2)
            found = within(found, west, south, east, north)
            if not self.meta:
                found.sort(key=lambda one: (one.lon - centre[0]) ** 2 + (one.lat - centre[1]) ** 2)
        if "datetime" in params and not self.meta:
            begin, _, end = params["datetime"].partition("/")
            found = [one for one in found if one.taken and begin <= one.taken.isoformat() <= (end or "9")]
        links = [] if self.meta else [{"rel": "root", "href": f"{self.api}/"}]
        features = [self.item(one, searched=True) for one in found[:limit]]
        wire.answer({"type": "FeatureCollection", "features": features, "links": links}, GEO)

    def _posted(self, wire: SourceWire) -> Params:
        """A search as a POST: of lists only the first element is read."""
        if wire.headers.get("Content-Type") != "application/json":
            raise refusal(400, "Search using POST method should have a JSON body")
        _, _, body = self.requests[-1]
        if not isinstance(body, dict):
            raise RefusedError(500, FLASK)
        if isinstance(body.get("intersects"), dict):
            raise refusal(400, "Parameter intersects should contain a valid GeoJSON Geometry (not a Feature)")
        return {
            key: ",".join(map(str, value if key == "bbox" else value[:1]))
            if isinstance(value, list)
            else str(value)
            for key, value in body.items()
        }

    def _limit(self, text: str) -> int:
        most = 32_767 if self.meta else 10_000
        if text == "":
            return 10
        if not re.fullmatch(r"\d+", text) or not 1 <= int(text) <= most:
            said = f"Parameter limit must be either empty or a number between 1 and {most}"
            raise refusal(400, "number too large to fit in target type" if self.meta else said)
        return int(text)

    # Collections and items.

    def _collection(self, name: str) -> Json:
        own = [one for one in self.images.values() if uuid_of(one.sequence) == name]
        if not own or own[0].sequence in self.deleted:
            raise refusal(404, "Collection doesn't exist")
        links = [{"rel": "root", "href": f"{self.api}/"}]
        if self.meta:
            links.append({"rel": "via", "href": f"https://{self._home(own[0])}/api/collections/{name}"})
        providers = [{"name": own[0].author, "roles": ["producer"], "id": uuid_of(own[0].author)}]
        return {
            "id": name,
            "type": "Collection",
            "license": own[0].licence,
            "providers": providers,
            "links": links,
            "stats:items": {"count": len(own)},
            "updated": "2026-11-26T21:00:30+00:00",
        }

    @staticmethod
    def _home(image: FarImage) -> str:
        return "panoramax.ign.fr" if image.licence == "etalab-2.0" else "panoramax.openstreetmap.fr"

    def _collections(self, params: Params) -> Json:
        sequences = dict.fromkeys(one.sequence for one in self.images.values())
        found: list[Json] = [
            self._collection(uuid_of(name)) for name in sequences if name not in self.deleted
        ]
        if params.get("show_deleted") == "true":
            found += [{"id": uuid_of(name), "geovisio:status": "deleted"} for name in sorted(self.deleted)]
        return {"collections": found, "links": []}

    def _items(self, wire: SourceWire, name: str, params: Params) -> None:
        self._collection(name)
        own = [one for one in self.listed() if uuid_of(one.sequence) == name]
        after = int(params.get("startAfterRank", 0))
        size = int(params.get("limit", len(own)))
        if after >= len(own):
            raise refusal(404, f"No more items in this collection (last available rank is {len(own)})")
        links = []
        if after + size < len(own):
            href = f"{self.api}/collections/{name}/items?limit={size}&startAfterRank={after + size}"
            links.append({"rel": "next", "href": href})
        features = [self.item(one) for one in own[after : after + size]]
        wire.answer({"type": "FeatureCollection", "features": features, "links": links}, GEO)

    def _one(self, wire: SourceWire, name: str) -> None:
        if not UUID.fullmatch(name):
            wire.answer(FLASK, "text/html; charset=utf-8", 404)
            return
        image = self.images.get(name)
        if image is None or image.state == "hidden" or image.sequence in self.deleted:
            raise refusal(404, "Item doesn't exist")
        if image.state == "waiting":  # a final 102 with an empty chunked body: no HTTP client likes it
            wire.raw(
                b"HTTP/1.1 102 PROCESSING\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
                b"Content-Type: application/geo+json\r\n\r\n0\r\n\r\n"
            )
            return
        wire.answer(self.item(image), GEO, 500 if image.state == "broken" else 200)

    def item(self, image: FarImage, searched: bool = False) -> Json:
        """A picture as a STAC item."""
        lens: Json = {"camera_model": "Round 1", "sensor_array_dimensions": list(image.size)}
        if image.panorama:
            lens["field_of_view"] = 360
        if image.visible:
            lens["visible_area"] = list(image.visible)
        told: Json = {
            "license": image.licence,
            "view:azimuth": image.heading,
            "pers:interior_orientation": lens,
            "datetime": image.taken.isoformat() if image.taken else None,
            "geovisio:producer": image.author,
            "quality:horizontal_accuracy": 2.5,
            "pers:pitch": 1.5,
            "pers:roll": -0.5,
            "semantics": [],
        }
        if not searched:
            told["geovisio:status"] = image.state
        links = [{"rel": "root", "href": f"{self.api}/"}]
        if self.meta:
            links.append({"rel": "via", "href": f"https://{self._home(image)}/api"})
        assets = {
            size: {"href": f"{self.api}/pictures/{image.id}/{size}.jpg"} for size in ("hd", "sd", "thumb")
        }
        geometry = {"type": "Point", "coordinates": [image.lon, image.lat]}
        providers = [
            {"name": image.author, "roles": ["producer"], "id": uuid_of(image.author)},
            {"name": "artist"},
        ]
        return {
            "type": "Feature",
            "id": image.id,
            "geometry": geometry,
            "links": links,
            "assets": assets,
            "collection": uuid_of(image.sequence),
            "providers": providers,
            "properties": {key: value for key, value in told.items() if value is not None},
        }

    # Pictures and tiles.

    def _picture(self, wire: SourceWire, name: str, file: str) -> None:
        size, _, kind = file.partition(".")
        image = self.images.get(name)
        if kind != "jpg" or size not in ("hd", "sd", "thumb") or image is None:
            raise refusal(404, "Picture can't be found, you may check its ID")
        if image.state == "hidden" or image.sequence in self.deleted:
            raise refusal(404, "Picture can't be found, you may check its ID")
        if image.state in ("waiting", "broken"):
            raise RefusedError(403, PROCESSING)
        if self.redirects:
            path = f"/{name[:2]}/{name[2:]}-{size}.jpg"
            self.store.files.setdefault(path, image.jpeg)
            wire.send(
                f"<!doctype html>{FLASK}", 302, Location=f"{self.store.url}{path}", Content_Type="text/html"
            )
            return
        pieces = [image.jpeg[at : at + 500] for at in range(0, len(image.jpeg), 500)]
        if wire.mood:
            wire.answer(image.jpeg, "image/jpeg")
        else:  # never with a length
            wire.chunked(pieces, "image/jpeg")

    def _tile(self, wire: SourceWire, zoom_text: str, x_text: str, file: str) -> None:
        y_text, _, kind = file.partition(".")
        if not (zoom_text.isdigit() and x_text.isdigit() and y_text.isdigit()):
            wire.answer(FLASK, "text/html; charset=utf-8", 404)
            return
        if kind not in ("mvt", "pbf"):
            raise refusal(400, "Tile format is invalid")
        zoom, x, y = int(zoom_text), int(x_text), int(y_text)
        if not 0 <= zoom <= 15:
            raise refusal(404, "Z parameter is out of bounds (should be 0-15)")
        if not (0 <= x < 2**zoom and 0 <= y < 2**zoom):
            raise refusal(404, "X or Y parameter is out of bounds")
        points: list[Point] = []
        for one in self.listed():
            at = pixel(one.lat, one.lon, zoom, x, y)
            if 0 <= at[0] <= 4096 and 0 <= at[1] <= 4096 and zoom == 15:
                points.append((*at, self._row(one, len(points))))
        lines = {"pictures": points}
        wire.answer(vector_tile(lines), "application/vnd.mapbox-vector-tile")

    def _row(self, image: FarImage, number: int) -> Json:
        return {
            "id": image.id,
            "ts": self._ts(image, number),
            "heading": None if image.heading is None else int(image.heading),
            "account_id": uuid_of(image.author),
            "type": "equirectangular" if image.panorama else "flat",
            "model": "Testcam Round 1",
            "gps_accuracy": 2.5,
            "h_pixel_density": None if image.panorama else 19,
            "sequences": json.dumps([uuid_of(image.sequence)]),
            "first_sequence": uuid_of(image.sequence),
        }

    @staticmethod
    def _ts(image: FarImage, number: int) -> str:
        """The same time in three spellings; an unknown one is the epoch."""
        if image.taken is None:
            return "1970-01-01 00:00:00+00"
        shapes = ("%Y-%m-%d %H:%M:%S+00", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S.25+00")
        return image.taken.strftime(shapes[number % 3])
