"""Mapillary: tiles are its only census, the graph knows each image, and a token opens both.

*Convention*: errors are judged by the code in their body, never by the HTTP status, which differs from case
to case. Tiles hold ids as doubles; those above 2^53 are wrong in the bytes, and are mended by the list of
their sequence.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from numpy.typing import NDArray

from geoflood.core.area import Area, Tile
from geoflood.core.datatypes import Geotag, LatLon, Projection
from geoflood.core.errors import NetworkError
from geoflood.core.talker import Manners, PassingError, Question, Redirects, Secret, Talker, WebAnswer
from geoflood.core.wire import redact
from geoflood.imagery.panorama import DECODE_WIDTH
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.sources import values
from geoflood.imagery.sources.pictures import PictureFetcher, keep_picture, large_enough, read_picture
from geoflood.imagery.sources.source import PictureError, SourceImage, TokenError, VanishedError
from geoflood.imagery.sources.tiles import TilePoints, points_of, unpacked
from geoflood.imagery.views import LONGEST

__all__ = ["Mapillary"]

URL, TILES_URL = "https://graph.mapillary.com", "https://tiles.mapillary.com"

LOGIN_PAGES = (".mapillary.com", ".facebook.com", ".meta.com")
TILE_MANNERS = Manners(60, Redirects.NOWHERE, pages_block=True, login_pages=LOGIN_PAGES, blocked_h=27)
"""Addresses were blocked for some 26 hours at 370 tiles a minute, and again below 60; a redirect to a login
page is the sign. More than 50,000 a day are refused to anyone."""
GRAPH_MANNERS = Manners(600, Redirects.NOWHERE, pages_block=True)
"""60,000 a minute are documented."""
PICTURE_MANNERS = Manners(600, Redirects.SAME_HOST)

ZOOM = 14
"""The only one whose tiles hold single images."""

TILESET = "mly1_computed_public"
"""With positions from matching images, where there are any."""

SAMPLE = LatLon(55.6050, 13.0038)
"""Malmö, where Mapillary comes from."""

LICENCE = "CC-BY-SA-4.0"
ROW = ("sequence_id", "captured_at", "compass_angle", "is_pano", "creator_id", "foot")
"""What is read of an image in a tile, beside its id."""

EMPTY_BYTES = 64
"""A tile of fewer holds nothing."""

FIELDS = (
    "id,geometry,computed_geometry,compass_angle,computed_compass_angle,computed_rotation,camera_type,"
    "captured_at,sequence,creator,width,thumb_1024_url,thumb_2048_url,thumb_original_url"
)
"""Never sfm_cluster or mesh: one of them may spoil the whole answer."""

THUMBS = {"thumb_1024_url": 1024, "thumb_2048_url": 2048, "thumb_original_url": 1 << 20}

RAW_ACCURACY_M = 10.0
"""Of a phone's or an action camera's own GPS between houses; it is told nowhere. Computed ones are better."""

EXPIRES_SOON_S = 600.0
EXACT = 2**53
"""Whole numbers up to this are exact as doubles."""

UNSEEN_BEFORE_DOUBT = 3
"""Images that are unknown before any is known, after which it is the token that may not see them."""

_ROTATION_AGREES_DEG = 5.0
_PROJECTIONS = {
    "spherical": Projection.EQUIRECTANGULAR,
    "equirectangular": Projection.EQUIRECTANGULAR,
    "perspective": Projection.PERSPECTIVE,
    "brown": Projection.PERSPECTIVE,
}
"""By camera_type; any other is what the census says of it."""


class Mapillary:
    """Asks with one token; it goes to graph and tiles, never to where pictures lie."""

    name = "mapillary"
    batch = 50

    def __init__(
        self,
        token: str,
        url: str = URL,
        tiles_url: str = TILES_URL,
        *,
        a_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        today: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._tiles_url, self._today = url, tiles_url, today
        self._tile_secret = Secret(urlsplit(tiles_url).netloc, token, parameter="access_token")
        self._secret = Secret(urlsplit(url).netloc, token, header="Authorization", prefix="OAuth ")
        self._tiles, self._graph, pictures = (
            Talker(self.name, own.paced(a_minute), clock=clock, sleep=sleep)
            for own in (TILE_MANNERS, GRAPH_MANNERS, PICTURE_MANNERS)
        )
        self._talkers = (self._tiles, self._graph, pictures)
        self.pictures_a_minute = PICTURE_MANNERS.paced(a_minute).a_minute
        self._pictures = PictureFetcher(pictures)
        self._known: dict[str, SourceImage | PictureError] = {}
        self._sequences: dict[str, tuple[str, ...]] = {}
        self._seen, self._unseen = 0, 0
        self._lock = threading.Lock()

    def cells(self, area: Area) -> Sequence[str]:
        """Tiles of zoom 14."""
        return [str(tile) for tile in area.tiles(ZOOM)]

    def census(self, cell: str) -> Sequence[SourceImage]:
        """All images in a tile; the credit names its contributor by number until the picture is fetched."""
        tile = Tile.parse(cell)
        address = f"{self._tiles_url}/maps/vtp/{TILESET}/2/{tile}"
        question = Question(address, secret=self._tile_secret, accept="*/*")
        points = self._tiles.ask(question, lambda answer: _points(answer, tile))
        ids = self._mended(points.column("id"), points.column("sequence_id"))
        rows = zip(ids, points.rows(*ROW), strict=True)
        found = {name: image for name, row in rows if name and (image := _image_of_row(name, row))}
        return list(found.values())

    def _mended(self, ids: Sequence[object], sequences: Sequence[object]) -> list[str]:
        """The ids as text; empty where one cannot be known."""
        whole = [_whole(value) for value in ids]
        rounded: dict[str, list[int]] = {}
        for row, value in enumerate(ids):
            number = whole[row]
            if isinstance(value, float) and number is not None and number >= EXACT:
                rounded.setdefault(values.identifier(sequences[row]), []).append(row)
        mended = ["" if number is None else str(number) for number in whole]
        for sequence, rows in rounded.items():
            exact = _exact_ids(self._ids_of(sequence), [whole[row] or 0 for row in rows])
            for row, name in zip(rows, exact, strict=True):
                mended[row] = name
        return mended

    def _ids_of(self, sequence: str) -> tuple[str, ...]:
        """All images of a sequence, asked once."""
        with self._lock:
            known = self._sequences.get(sequence)
        if known is not None or not sequence:
            return known or ()
        question = Question(f"{self._url}/image_ids", {"sequence_id": sequence}, secret=self._secret)
        try:
            said = self._graph.ask(question, _graph_answer)
        except VanishedError:
            said = {}
        rows = map(values.mapping, values.listed(said.get("data")))
        ids = tuple(name for row in rows if (name := values.identifier(row.get("id"))).isdigit())
        with self._lock:
            self._sequences[sequence] = ids
        return ids

    def prepare(self, images: Sequence[SourceImage]) -> None:
        """Ask for all images at once; those that are unknown are asked for one by one, to be sure."""
        with self._lock:
            wanted = {image.id: image for image in images if image.id not in self._known}
        if len(wanted) < 2:
            return
        params = {"ids": ",".join(wanted), "fields": FIELDS}
        try:
            said = self._graph.ask(Question(f"{self._url}/", params, secret=self._secret), _graph_answer)
        except VanishedError:  # one that is unknown may spoil the answer for all
            return
        rows = {name: row for name in wanted if (row := values.mapping(said.get(name)))}
        self._note(len(rows), len(wanted) - len(rows))
        completed = {name: _or_error(wanted[name], row) for name, row in rows.items()}
        with self._lock:
            self._known |= completed

    def picture(self, image: SourceImage, target: Path) -> SourceImage:
        """The smallest size that has all pixels which views use."""
        with self._lock:
            known = self._known.pop(image.id, None)
        if isinstance(known, PictureError):
            raise known
        if known is None or not known.address or self._expires_soon(known.address):
            known = self._asked(image)
        data, known = self._pictures.fetch_renewed(known, self._asked, _picture)
        keep_picture(data, target)
        return known

    def _asked(self, image: SourceImage) -> SourceImage:
        """The image as the graph has it now. Raises PictureError, and TokenError when it shows no image."""
        question = Question(f"{self._url}/{image.id}", {"fields": FIELDS}, secret=self._secret)
        try:
            row = self._graph.ask(question, _graph_answer)
        except VanishedError as error:
            if self._note(0, 1):
                raise
            unclear = "mapillary does not show it, and has not shown any yet"
            raise PictureError(unclear, RejectReason.OUT_OF_REACH) from error
        self._note(1, 0)
        return _completed(image, row)

    def _note(self, seen: int, unseen: int) -> bool:
        """Count images that the graph knows and does not; returns whether it has shown any to this token.

        Raises TokenError where it has shown none of several: then nothing was withdrawn, the token is short.
        """
        with self._lock:
            self._seen += seen
            self._unseen += unseen
            if not self._seen and self._unseen >= UNSEEN_BEFORE_DOUBT:
                raise TokenError(
                    f"mapillary shows none of the first {self._unseen} images to this token",
                    "it may lack the right to read images: make one at mapillary.com/dashboard/developers",
                )
            return self._seen > 0

    def _expires_soon(self, address: str) -> bool:
        """Whether the address says that it ends within ten minutes."""
        with suppress(ValueError):
            ends = parse_qs(urlsplit(address).query).get("oe", [""])[0]
            return bool(ends) and int(ends, 16) < self._today() + EXPIRES_SOON_S
        return False

    def sample(self) -> str:
        return str(Tile.at(SAMPLE, ZOOM))

    def close(self) -> None:
        for talker in self._talkers:
            talker.close()


def _points(answer: WebAnswer, tile: Tile) -> TilePoints:
    """The images in a tile."""
    if answer.status == 404:
        return points_of(b"", "image", tile)
    if answer.status >= 400:
        _judge(answer)
    body = answer.checked().body
    try:
        return points_of(unpacked(body) if len(body) >= EMPTY_BYTES else b"", "image", tile)
    except ValueError as error:
        raise PassingError(f"sent no vector tile: {error}") from error


def _graph_answer(answer: WebAnswer) -> Mapping[str, Any]:
    """What the graph says, judged by its own words first."""
    _judge(answer)
    return values.mapping(answer.json())


def _judge(answer: WebAnswer) -> None:
    """Raises for an error in the body, whatever the status: TokenError, VanishedError and so on."""
    error = _error_in(answer)
    if not error:
        return
    code, message = values.finite(error.get("code")), redact(values.text(error.get("message")))
    if error.get("is_transient") is True:
        raise PassingError(f"says: {message[:120]}")
    if code == 190:
        raise TokenError(
            f"mapillary does not accept the token: {message[:120]}",
            "take the client token from mapillary.com/dashboard/developers and set MAPILLARY_TOKEN",
        )
    if code == 100 and values.finite(error.get("error_subcode")) == 33:
        raise VanishedError("mapillary has it no more, or does not show it")
    if code in (4, 17, 32, 613):
        raise answer.block(f"says: {message[:120]}")
    if code in (1, 2, -2):
        raise PassingError(f"says: {message[:120]}")
    raise NetworkError(f"{answer.host} says: {message[:200] or 'an error without words'}", "try again later")


def _error_in(answer: WebAnswer) -> Mapping[str, Any]:
    if b'"error"' not in answer.body[:400]:
        return {}
    with suppress(NetworkError, PassingError):
        return values.mapping(values.mapping(replace(answer, status=200).json()).get("error"))
    return {}


def _picture(answer: WebAnswer) -> bytes:
    """A picture; where its address has expired it counts as gone from there."""
    if answer.status == 403 and b"expired" in answer.body[:200]:
        raise VanishedError("its address has expired")
    return read_picture(answer)


def _whole(value: object) -> int | None:
    """An id as a whole number, however it was written."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else None
    if isinstance(value, int | float) and math.isfinite(value) and 0 < value < 1e19:
        return int(value)
    return None


def _exact_ids(candidates: Sequence[str], rounded: Sequence[int]) -> list[str]:
    """For each rounded id the candidate that rounds to it, each used once; empty where there is none."""
    by_double: dict[float, list[str]] = {}
    for name in candidates:
        by_double.setdefault(float(int(name)), []).append(name)
    exact = []
    for number in rounded:
        same = by_double.get(float(number), [])
        exact.append(same.pop(0) if same else "")
    return exact


def _image_of_row(name: str, row: Mapping[str, Any]) -> SourceImage | None:
    """An image of a tile; None for one without a place."""
    where = values.position(row["lat"], row["lon"])
    if where is None:
        return None
    taken = values.time_of_milliseconds(row["captured_at"])
    tag = Geotag(where, Mapillary.name, values.heading(row["compass_angle"]), None, taken)
    number = _whole(row["creator_id"])
    return SourceImage(
        name,
        tag,
        Projection.EQUIRECTANGULAR if row["is_pano"] in (True, 1) else Projection.PERSPECTIVE,
        LICENCE,
        "Mapillary" if number is None else f"Mapillary contributor {number}",
        f"https://www.mapillary.com/app/?pKey={name}",
        values.identifier(row["sequence_id"]),
        on_foot=row["foot"] in (True, 1),
    )


def _completed(image: SourceImage, row: Mapping[str, Any]) -> SourceImage:
    """The image with what the graph tells. Raises PictureError for a fisheye."""
    if row.get("camera_type") == "fisheye":
        raise PictureError("a fisheye picture", RejectReason.FISHEYE, "it is counted and left out")
    computed, raw = (_point(row.get(name)) for name in ("computed_geometry", "geometry"))
    compass = values.heading(row.get("computed_compass_angle"))
    heading = compass if compass is not None else values.heading(row.get("compass_angle"))
    pitch, roll = _leaning(row.get("computed_rotation"), compass)
    tag = replace(
        image.geotag,
        position=computed or raw or image.geotag.position,
        heading_deg=image.geotag.heading_deg if heading is None else heading,
        accuracy_m=RAW_ACCURACY_M if raw and not computed else image.geotag.accuracy_m,
        taken_at=values.time_of_milliseconds(row.get("captured_at")) or image.geotag.taken_at,
        pitch_deg=pitch,
        roll_deg=roll,
    )
    projection = _PROJECTIONS.get(values.text(row.get("camera_type")), image.projection)
    name = values.text(values.mapping(row.get("creator")).get("username"))
    width = values.finite(row.get("width"))
    return replace(
        image,
        geotag=tag,
        projection=projection,
        credit=f"@{name} on Mapillary" if name else image.credit,
        sequence=values.identifier(row.get("sequence")) or image.sequence,
        width=int(width) if width is not None and 0 < width < 1e6 else None,
        address=_address(row, DECODE_WIDTH if projection is Projection.EQUIRECTANGULAR else LONGEST),
    )


def _or_error(image: SourceImage, row: Mapping[str, Any]) -> SourceImage | PictureError:
    try:
        return _completed(image, row)
    except PictureError as error:
        return error


def _point(geometry: object) -> LatLon | None:
    place = [*values.listed(values.mapping(geometry).get("coordinates")), None, None]
    return values.position(place[1], place[0])


def _address(row: Mapping[str, Any], wanted: int) -> str:
    """Of the smallest thumbnail that is large enough; of the largest there is when none is."""
    there = [
        (width, address) for name, width in THUMBS.items() if (address := values.web_address(row.get(name)))
    ]
    enough = next((address for width, address in there if large_enough(width, wanted)), None)
    return enough or (there[-1][1] if there else "")


def _leaning(rotation: object, compass: float | None) -> tuple[float | None, float | None]:
    """Pitch and roll, degrees, of a rotation from east, north, up to the camera's right, down, forward.

    It is three numbers: an axis, and the angle as its length. Believed only where it looks along the compass.
    """
    turn = [values.finite(part) for part in values.listed(rotation)]
    if len(turn) != 3 or None in turn or compass is None:
        return None, None
    right, down, on = _rotation_matrix(np.array(turn, float))
    looks = math.degrees(math.atan2(on[0], on[1]))
    if abs((looks - compass + 180.0) % 360.0 - 180.0) > _ROTATION_AGREES_DEG:
        return None, None
    return math.degrees(math.asin(max(-1.0, min(1.0, on[2])))), math.degrees(math.atan2(-right[2], -down[2]))


def _rotation_matrix(turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """[3, 3] of an axis times its angle, by Rodrigues' formula."""
    angle = float(np.linalg.norm(turn))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = turn / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * cross @ cross)
