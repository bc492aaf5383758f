"""KartaView's old search and its photo storage: forms, text for numbers, errors in 400s and in 200s."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import monotonic

from tests.support.far_side.server import Json
from tests.support.far_side.source_server import FarSource, Params, SourceWire
from tests.support.far_side.street_images import FarImage

FORM = "application/x-www-form-urlencoded"


def status(code: int, message: str, http: int = 200) -> Json:
    return {"status": {"apiCode": str(code), "apiMessage": message, "httpCode": http, "httpMessage": "x"}}


class FarKartaView(FarSource):
    """Serves the API, and pictures under /storageN/."""

    secret_forbidden = True

    def __init__(
        self,
        images: Sequence[FarImage],
        a_minute: float | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(a_minute, clock)
        self.images = {image.id: image for image in images}
        self.overloads = 0
        """Searches that are answered with 690 before one is answered well."""
        self.widest_m = 10_000.0
        """Of a circle that it can answer at all."""
        self.added_only: set[str] = set()
        """Images whose time is that of their upload."""

    def respond(self, wire: SourceWire, method: str, path: str, params: Params, form: Params) -> None:
        if path == "/1.0/list/nearby-photos/":
            self._nearby(wire, method, form)
        elif path == "/2.0/photo/" and method == "GET":
            self._photo(wire, params)
        elif path.startswith("/storage"):
            image = self.images.get(path.rpartition("/")[2].partition(".")[0])
            if image is None or "/ori/" in path:
                self.violations.extend([path] if "/ori/" in path else [])
                wire.answer("<html>404</html>", "text/html", 404)
            else:
                wire.answer(image.jpeg, "image/jpeg")
        else:
            wire.answer(status(404, "The requested page could not be found", 404), status=404)

    def _nearby(self, wire: SourceWire, method: str, form: Params) -> None:
        if method != "POST" or wire.headers.get("Content-Type") != FORM:
            wire.answer(status(404, "Method not allowed", 404), status=404)
            return
        if "bbTopLeft" in form:  # which finds nothing in the southern hemisphere
            lat = float(form["bbTopLeft"].split(",")[0])
            wire.answer(self._page([] if lat < 0 else list(self.images.values()), 1, 2000))
            return
        lat, lon, radius = float(form["lat"]), float(form["lng"]), float(form["radius"])
        size, page = int(form.get("ipp", 50)), int(form.get("page", 1))
        if size > 2000:
            self.violations.append(f"ipp={size}")
        if self.overloads or radius > self.widest_m:
            self.overloads = max(0, self.overloads - 1)
            wire.answer(status(690, "The system is overloaded, please try again later", 400), status=400)
            return
        near = [one for one in self.images.values() if _metres(lat, lon, one) <= radius]
        near.sort(key=lambda one: (one.sequence, one.id), reverse=True)  # by sequence, not by distance
        wire.answer(self._page(near, page, size))

    def _page(self, found: list[FarImage], page: int, size: int) -> Json:
        rows = [self._row(image) for image in found[(page - 1) * size : page * size]]
        return status(600, "The request has been processed without incidents") | {
            "currentPageItems": rows,
            "totalFilteredItems": [str(len(found))],
        }

    def _row(self, image: FarImage) -> Json:
        """All values are text, and any but the id may be null."""
        shot = None if image.taken is None else f"{image.taken:%Y-%m-%d %H:%M:%S}"
        added = "2025-11-02 10:00:00.123" if image.id not in self.added_only else shot
        path = f"storage7/files/photo/2024/5/3/{{}}/{image.id}.jpg"
        return {
            "id": image.id,
            "lat": f"{image.lat:.6f}",
            "lng": f"{image.lon:.6f}",
            "match_lat": "0.1",
            "match_lng": "0.1",
            "heading": None if image.heading is None else f"{image.heading}",
            "shot_date": shot,
            "date_added": added,
            "projection": "SPHERE" if image.panorama else "PLANE",
            "field_of_view": None,
            "way_id": "42",
            "sequence_id": "77",
            "sequence_index": image.id[-2:],
            "username": image.author,
            "orgCode": "CMNT",
            "name": path.format("ori"),
            "lth_name": path.format("lth"),
            "th_name": path.format("th"),
        }

    def _photo(self, wire: SourceWire, params: Params) -> None:
        if "lat" in params:
            wire.answer(status(408, "Query timeout", 400), status=400)
            return
        image = self.images.get(params.get("id", ""))
        if image is None:
            wire.answer(status(600, "ok") | {"result": {"data": [], "hasMoreData": False}})
            return
        path = f"{self.url}/storage7/files/photo/2024/5/3/{{}}/{image.id}.jpg"
        row = {"id": image.id, "fileurlProc": path.format("proc"), "fileurl": path.format("ori")}
        wire.answer(status(600, "ok") | {"result": {"data": [row], "hasMoreData": False}})


def _metres(lat: float, lon: float, image: FarImage) -> float:
    north = math.radians(image.lat - lat)
    east = math.radians(image.lon - lon) * math.cos(math.radians(lat))
    return 6_371_008.8 * math.hypot(north, east)
