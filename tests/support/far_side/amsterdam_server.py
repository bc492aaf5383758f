"""The city of Amsterdam's panorama service, after its published code (github.com/Amsterdam/panorama-api)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Self
from urllib.parse import urlencode

from tests.support.far_side.server import Json, RefusedError
from tests.support.far_side.source_server import FarSource, Params, SourceWire
from tests.support.far_side.street_images import FarImage, within

MOST_M2 = 250_000.0
KNOWN = {"bbox", "srid", "newest_in_range", "page_size", "page", "near", "radius", "tags", "timestamp_after"}


class FarAmsterdam(FarSource):
    """The service, and beside it the host of its pictures. Images of one place: the newest is listed."""

    def __init__(
        self,
        images: Sequence[FarImage],
        a_minute: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(a_minute, clock)
        self.images = {image.id: image for image in images}
        self.store = PictureStore(a_minute, clock)
        for image in images:
            for width in (2000, 4000, 8000):
                self.store.files[f"/{image.id}/panorama_{width}.jpg"] = image.jpeg
        self.most_a_page = 1000

    def __enter__(self) -> Self:
        self.store.__enter__()
        return super().__enter__()

    def __exit__(self, kind: object, *more: object) -> None:
        super().__exit__(kind, *more)
        self.store.__exit__(kind, *more)

    def respond(self, wire: SourceWire, method: str, path: str, params: Params, form: Params) -> None:
        if method != "GET" or not path.startswith("/panorama/panoramas/"):
            wire.answer("<html>Not Found</html>", "text/html", 404)
            return
        name = path.removeprefix("/panorama/panoramas/").rstrip("/")
        if name:
            image = self.images.get(name)
            wire.answer(
                *((self.row(image),) if image else ({"detail": "Not found."}, "application/json", 404))
            )
            return
        if unknown := params.keys() - KNOWN:
            self.violations.append(f"unknown parameters: {unknown}")
        self._list(wire, params)

    def _list(self, wire: SourceWire, params: Params) -> None:
        if params.get("srid", "4326") not in ("4326", "28992"):
            raise RefusedError(400, '["srid must be one of 4326, 28992"]')
        found = list(self.images.values())
        if "bbox" in params:
            west, south, east, north = map(float, params["bbox"].split(","))
            height = (north - south) * 111_200
            area = height * (east - west) * 111_200 * math.cos(math.radians(south))
            if params.get("newest_in_range") == "true":
                if area > MOST_M2:
                    said = f"area for newest_in_range filter can be at most {MOST_M2} square meters"
                    wire.answer([said], status=400)
                    return
                found = _newest(found)
            found = within(found, west, south, east, north)
        size = min(int(params.get("page_size", 25)), self.most_a_page)
        page = int(params.get("page", 1))
        rows = [self.row(image) for image in found[(page - 1) * size : page * size]]
        more = page * size < len(found)
        following = f"{self.url}/panorama/panoramas/?{urlencode(params | {'page': str(page + 1)})}"
        links = {
            "self": {"href": self.url},
            "next": {"href": following if more else None},
            "previous": {"href": None},
        }
        wire.answer({"_links": links, "count": len(found), "_embedded": {"panoramas": rows}})

    def row(self, image: FarImage) -> Json:
        """A panorama: its heading, pitch and roll are the car's, and north is at the picture's centre."""
        base = f"{self.store.url}/{image.id}/panorama_"
        links: Json = {
            f"equirectangular_{size}": {"href": f"{base}{width}.jpg"}
            for size, width in (("full", 8000), ("medium", 4000), ("small", 2000))
        }
        links["self"] = {"href": f"{self.url}/panorama/panoramas/{image.id}/"}
        return {
            "_links": links,
            "pano_id": image.id,
            "geometry": {"type": "Point", "coordinates": [image.lon, image.lat, 43.3]},
            "timestamp": image.taken.isoformat().replace("+00:00", "Z") if image.taken else None,
            "heading": 211.7,
            "pitch": -1.4,
            "roll": 0.9,
            "surface_type": "L",
            "mission_type": "bi",
            "mission_year": "2024",
            "mission_distance": 5,
            "tags": ["mission-bi", "surface-land"],
        }


def _newest(images: Sequence[FarImage]) -> list[FarImage]:
    newest: dict[tuple[float, float], FarImage] = {}
    for image in images:
        place = (round(image.lat, 5), round(image.lon, 5))
        known = newest.get(place)
        if known is None or (image.taken and known.taken and image.taken > known.taken):
            newest[place] = image
    return list(newest.values())


class PictureStore(FarSource):
    """Files at their paths; a token sent here is a violation."""

    secret_forbidden = True

    def __init__(self, a_minute: float | None = None, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(a_minute, clock)
        self.files: dict[str, bytes] = {}

    def respond(self, wire: SourceWire, method: str, path: str, params: Params, form: Any) -> None:
        if path in self.files:
            wire.answer(self.files[path], "image/jpeg")
        else:
            wire.answer("<html>The specified blob does not exist.</html>", "text/html", 404)
