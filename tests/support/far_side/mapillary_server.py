"""Mapillary as it was met in 2026: tiles with double ids, a moody graph, pictures that expire."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic, time
from typing import Any, Self

from tests.support.far_side.server import Json
from tests.support.far_side.source_server import FarSource, Params, SourceWire
from tests.support.far_side.street_images import FarImage, within
from tests.support.vector_tiles import Point, pixel, vector_tile

TOKEN = "MLY|4242424242|00112233445566778899aabbccddeeff"
EXPIRED = "MLY|4242424242|ffffffffffffffffffffffffffffffff"
SHORT = "MLY|4242424242|eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
"""A token that may not read images."""

SPOILERS = {"sfm_cluster", "mesh"}


def mly_error(message: str, code: int, kind: str = "MLYApiException", **more: Any) -> Json:
    return {"error": {"message": message, "type": kind, "code": code, **more}}


def unknown(name: str) -> Json:
    said = (
        f"Unsupported get request. Object with ID '{name}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation"
    )
    return mly_error(said, 100, error_subcode=33)


class FarMapillary:
    """Three hosts: `graph`, `tiles` and `pictures`, with the same images."""

    def __init__(
        self,
        images: Sequence[FarImage],
        a_minute: float | None = None,
        clock: Callable[[], float] = monotonic,
        today: Callable[[], float] = time,
    ) -> None:
        self.images = {image.id: image for image in images}
        self.withdrawn: set[str] = set()
        self.today = today
        self.lives_s = 4 * 3600.0
        """How long an address of a picture lasts."""
        self.graph = _Graph(self, None, clock)
        self.tiles = _Tiles(self, a_minute, clock)
        self.pictures = _Pictures(self, None, clock)

    def __enter__(self) -> Self:
        for server in (self.graph, self.tiles, self.pictures):
            server.__enter__()
        return self

    def __exit__(self, kind: object, *more: object) -> None:
        for server in (self.graph, self.tiles, self.pictures):
            server.__exit__(kind, *more)

    def there(self) -> list[FarImage]:
        return [image for name, image in self.images.items() if name not in self.withdrawn]


class _Graph(FarSource):
    """Judges tokens, then answers."""

    most_in_a_box = 40
    """Images in a box, above which a search fails whatever its limit."""

    def __init__(self, far: FarMapillary, a_minute: float | None, clock: Callable[[], float]) -> None:
        super().__init__(a_minute, clock)
        self.far = far
        self.accepted = {TOKEN}
        self.fields_asked: Counter[str] = Counter()

    def respond(self, wire: SourceWire, method: str, path: str, params: Params, form: Params) -> None:
        if refused := self._token(wire, params):
            wire.answer(refused[1], status=refused[0])
        elif SPOILERS & set(params.get("fields", "").split(",")):
            wire.answer(mly_error("An unknown error has occurred.", 1), status=500)
        elif path == "/image_ids":
            known = [one.id for one in self.far.there() if one.sequence == params.get("sequence_id")]
            wire.answer({"data": [{"id": name} for name in known]})
        elif path == "/images":
            self._search(wire, params)
        elif path == "/":
            self._many(wire, params)
        else:
            self._one(wire, path.strip("/"), params)

    def _token(self, wire: SourceWire, params: Params) -> tuple[int, Json] | None:
        """Status and body for a token that is not accepted."""
        header = wire.headers.get("Authorization")
        if header is None:
            if "access_token" in params:
                self.violations.append("the token is in the address")
            return 500, mly_error("Invalid OAuth 2.0 Access Token", 190, error_data={})
        token = header.removeprefix("OAuth ")
        if token in self.accepted or token == SHORT:
            return None
        if token == EXPIRED:
            return 400, mly_error("Error validating access token: Session has expired", 190, "OAuthException")
        if not token.startswith("MLY|"):
            return 401, mly_error("Failed to decode", 190, "OAuthException")
        return 401, mly_error("Error validating application", 190, "OAuthException")

    def _shown(self, wire: SourceWire, name: str) -> FarImage | None:
        if wire.headers.get("Authorization") == f"OAuth {SHORT}" or name in self.far.withdrawn:
            return None
        return self.far.images.get(name)

    def _one(self, wire: SourceWire, name: str, params: Params) -> None:
        image = self._shown(wire, name)
        if image is None:
            wire.answer(unknown(name), status=400)
        else:
            wire.answer(self._fields(image, params))

    def _many(self, wire: SourceWire, params: Params) -> None:
        ids = params.get("ids", "").split(",")
        if len(ids) > 50:
            wire.answer(mly_error("Too many IDs. Maximum: 50.", 100), status=400)
            return
        shown = {name: image for name in ids if (image := self._shown(wire, name))}
        wire.answer({name: self._fields(image, params) for name, image in shown.items()})

    def _search(self, wire: SourceWire, params: Params) -> None:
        west, south, east, north = map(float, params["bbox"].split(","))
        area = (east - west) * (north - south)
        if area >= 0.010:
            said = "Bounding box area is too large. Maximum allowed area is 0.010 square degrees"
            too_large = mly_error(f"{said}, but got {area:.3f} square degrees.", 100, error_subcode=1)
            wire.answer(too_large, status=500)
            return
        found = within(self.far.there(), west, south, east, north)
        if len(found) > self.most_in_a_box:
            said = "Please reduce the amount of data you're asking for, then retry your request"
            wire.answer(mly_error(said, 1), status=500)
            return
        wire.answer({"data": [self._fields(image, params) for image in found[::3]]})  # a sample, unmarked

    def _fields(self, image: FarImage, params: Params) -> Json:
        """Only what is asked for, and not all of that: anything may be absent."""
        asked = set(params.get("fields", "id").split(",")) | {"id"}
        self.fields_asked.update(asked)
        kind = "fisheye" if image.state == "fisheye" else "spherical" if image.panorama else "perspective"
        number = int(image.id) % 10
        known: Json = {
            "id": image.id,
            "geometry": {"type": "Point", "coordinates": [image.lon + 5e-5, image.lat]},
            "computed_geometry": {"type": "Point", "coordinates": [image.lon, image.lat]}
            if number != 7
            else None,
            "compass_angle": 12.0,
            "computed_compass_angle": image.heading,
            "computed_rotation": rotation(image.heading or 0.0, 3.0, -2.0),
            "camera_type": kind if number != 3 else None,
            "captured_at": int(image.taken.timestamp() * 1000) if image.taken else 0,
            "sequence": image.sequence,
            "creator": {"username": image.author, "id": "42"},
            "width": image.size[0],
            "thumb_1024_url": self.far.pictures.address(image, 1024),
            "thumb_2048_url": self.far.pictures.address(image, 2048),
            "thumb_original_url": "" if number == 5 else self.far.pictures.address(image, 5760),
        }
        return {name: value for name, value in known.items() if name in asked and value is not None}


def rotation(heading: float, pitch: float, roll: float) -> list[float]:
    """The axis-angle of a camera that looks along a heading, up by a pitch, turned clockwise by a roll."""
    h, p, r = map(math.radians, (heading, pitch, roll))
    on = [math.sin(h) * math.cos(p), math.cos(h) * math.cos(p), math.sin(p)]
    right = [math.cos(h), -math.sin(h), 0.0]
    down = [math.sin(h) * math.sin(p), math.cos(h) * math.sin(p), -math.cos(p)]
    turned_right = [math.cos(r) * a + math.sin(r) * b for a, b in zip(right, down, strict=True)]
    turned_down = [-math.sin(r) * a + math.cos(r) * b for a, b in zip(right, down, strict=True)]
    m = [turned_right, turned_down, on]
    angle = math.acos(max(-1.0, min(1.0, (m[0][0] + m[1][1] + m[2][2] - 1) / 2)))
    axis = [m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]]
    return [part * angle / (2 * math.sin(angle)) for part in axis]


class _Tiles(FarSource):
    """Wants the token in the address, and blocks after so many."""

    def __init__(self, far: FarMapillary, a_minute: float | None, clock: Callable[[], float]) -> None:
        super().__init__(a_minute, clock)
        self.far = far
        self.blocks_after = 10**9
        self.after_block = 0
        """Requests after the first that was answered with a redirect: each may extend the block."""

    def respond(self, wire: SourceWire, method: str, path: str, params: Params, form: Params) -> None:
        if wire.headers.get("Authorization"):
            wire.answer({"error": {"message": "Forbidden", "type": "OAuthException"}}, status=403)
            return
        if sum(self.paths.values()) > self.blocks_after:
            self.after_block += 1
            wire.send(
                "", 302, Location="https://www.mapillary.com/login?next=tiles", Content_Type="text/html"
            )
            return
        _, _, _, tileset, version, zoom, x, y = path.split("/")
        if tileset not in ("mly1_public", "mly1_computed_public") or version != "2":
            wire.answer("", "text/plain", 403)
        elif params.get("access_token") == EXPIRED or "MLY|" not in params.get("access_token", ""):
            wire.answer(mly_error("Cannot parse access token", 190, "OAuthException"), status=400)
        else:
            self._tile(wire, int(zoom), int(x), int(y))

    def _tile(self, wire: SourceWire, zoom: int, x: int, y: int) -> None:
        points: list[Point] = []
        for image in self.far.there():
            at = pixel(image.lat, image.lon, zoom, x, y)
            if zoom == 14 and -64 <= at[0] < 4160 and -64 <= at[1] < 4160:  # with a margin
                points.append((*at, self._row(image)))
        data = vector_tile({"image": points, "sequence": []})
        if not data:
            wire.answer(b"", "application/x-protobuf", 404 if (x + y) % 2 else 200)
            return
        wire.mood = wire.mood or "packed"
        wire.answer(data, "application/x-protobuf")

    @staticmethod
    def _row(image: FarImage) -> Json:
        number = int(image.id)
        return {
            "captured_at": int(image.taken.timestamp() * 1000) if image.taken else (0, 10**16)[number % 2],
            "compass_angle": image.heading,
            "id": float(number),  # a double, whatever it loses
            "sequence_id": image.sequence,
            "is_pano": image.panorama,
            "creator_id": 42.0,
            "organization_id": None,
            "quality_score": 0.15 if image.foot else 0.86,
            "foot": image.foot or None,
        }


class _Pictures(FarSource):
    """Answers until an address expires; a token here is a violation."""

    secret_forbidden = True

    def __init__(self, far: FarMapillary, a_minute: float | None, clock: Callable[[], float]) -> None:
        super().__init__(a_minute, clock)
        self.far = far
        self.lost: set[str] = set()

    def address(self, image: FarImage, width: int) -> str:
        ends = int(self.far.today() + self.far.lives_s)
        return f"{self.url}/m1/v/t6/{image.id}?stp=s{width}x768&ccb=10-5&oh=00_AfA&oe={ends:X}&_nc_sid=6de079"

    def respond(self, wire: SourceWire, method: str, path: str, params: Params, form: Params) -> None:
        image = self.far.images.get(path.rpartition("/")[2])
        if int(params["oe"], 16) < self.far.today():
            wire.answer("URL signature expired", "text/plain", 403)
        elif image is None or image.id in self.lost:
            wire.answer("", "text/plain", 404)
        else:
            wire.answer(image.jpeg, "image/jpeg")


def told(server: FarSource) -> str:
    """All that was ever sent to a server, to look for what must not be."""
    return json.dumps([(method, path, str(body)) for method, path, body in server.requests])
