"""The form of a bundle, an index on a stick: docs/reference/files.md tells other programs how to write one.

A bundle comes from anyone. What is read here is checked to the last field, and raises BadBundleError.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from geoflood.core.datatypes import Geotag, LatLon, Projection, StreetImage
from geoflood.database.calibration import Calibration, calibration_from, calibration_to
from geoflood.database.manifest import Settings

__all__ = [
    "ARRAYS",
    "FORMAT",
    "HEADER",
    "IMAGES",
    "LEARNED",
    "MOST_BYTES",
    "MOST_LEARNED",
    "MOST_LINE",
    "MOST_MEMBERS",
    "OUTSIDERS",
    "PATCH_ARRAYS",
    "PICTURE_FOLDER",
    "PICTURE_SUFFIXES",
    "VERSION",
    "BadBundleError",
    "BundleHeader",
    "BundledImage",
    "BundledPicture",
    "WholeIndex",
    "image_line",
    "parse_header",
    "parse_image",
]

FORMAT, VERSION = "geoflood bundle", 1
HEADER, IMAGES, LEARNED, OUTSIDERS = "bundle.json", "images.jsonl", "learned.npz", "outsiders.npy"
ARRAYS = ("image", "heading", "fov", "tile", "descriptors")
"""Of the views: views/image.npy and so on."""
PATCH_ARRAYS = ("count", "frame", "rows")
"""Of their patches: patches/count.npy and so on; all or none of them are there."""
PICTURE_FOLDER = "pictures"

MOST_BYTES = 16 << 20
"""Of bundle.json."""
MOST_LINE = 256 << 10
"""Bytes of a line of images.jsonl."""
MOST_IMAGES, MOST_VIEWS, MOST_MEMBERS = 2_000_000, 20_000_000, 250_000
MOST_LEARNED = 512 << 20
MOST_PICTURE = 256 << 20
_TEXT = 8192
_DIMENSIONS = 65_536
_FOLDER_NAME = r"[a-z0-9_-]{1,32}"
_FILE_NAME = r"[A-Za-z0-9_-]{1,100}"
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif")
_PICTURE = re.compile(f"{_FOLDER_NAME}/{_FILE_NAME}({'|'.join(map(re.escape, PICTURE_SUFFIXES))})", re.ASCII)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_HALF_CHARACTER = re.compile("[\x00\ud800-\udfff]")


class BadBundleError(Exception):
    """What is wrong with a bundle, in a few words that may be shown."""


@dataclass(frozen=True, slots=True)
class WholeIndex:
    """The index that a part was cut from."""

    images: int
    views: int


@dataclass(frozen=True, slots=True)
class BundleHeader:
    """The content of bundle.json."""

    city: str
    settings: Settings
    images: int
    views: int
    calibration: Calibration
    members: Mapping[str, tuple[int, str]]
    """Member, but for pictures and bundle.json itself -> bytes and SHA-256."""
    part_of: WholeIndex | None = None
    """None: the bundle holds a whole index."""

    def json(self, **more: Any) -> bytes:
        """As it is written; `more` is for people, and not read."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "city": self.city,
            "settings": asdict(self.settings),
            "images": self.images,
            "views": self.views,
            "part_of": self.part_of and asdict(self.part_of),
            "calibration": calibration_to(self.calibration),
            "members": {name: {"bytes": n, "sha256": sha} for name, (n, sha) in self.members.items()},
        }
        return (json.dumps(content | more, indent=1, allow_nan=False) + "\n").encode("ascii")


@dataclass(frozen=True, slots=True)
class BundledPicture:
    """The picture of an image, in the bundle."""

    name: str
    """Below pictures/, and later below images/ of the index: SOURCE/ID.jpg."""
    size: int
    sha256: str

    @property
    def member(self) -> str:
        return f"{PICTURE_FOLDER}/{self.name}"


@dataclass(frozen=True, slots=True)
class BundledImage:
    """A line of images.jsonl."""

    image: StreetImage
    """Its location is empty: that is another one on every machine."""
    picture: BundledPicture | None = None


def image_line(one: BundledImage) -> bytes:
    """As it is written."""
    image, tag = one.image, one.image.geotag
    said = {name: getattr(image, name).replace("\0", "")[:_TEXT] for name in ("licence", "credit", "link")}
    content: dict[str, Any] = {
        "key": image.key,
        "lat": tag.position.lat,
        "lon": tag.position.lon,
        "origin": tag.origin,
        "heading": tag.heading_deg,
        "accuracy": tag.accuracy_m,
        "taken": tag.taken_at.isoformat() if tag.taken_at else None,
        "projection": image.projection.value,
        **said,
    }
    if (picture := one.picture) is not None:
        content["picture"] = {"name": picture.name, "bytes": picture.size, "sha256": picture.sha256}
    return (json.dumps(content, allow_nan=False) + "\n").encode("ascii")


@contextmanager
def _told_of(place: str) -> Iterator[None]:
    """Say where in the bundle it is."""
    try:
        yield
    except BadBundleError as error:
        raise BadBundleError(f"{place}: {error}") from error


def parse_header(data: bytes) -> BundleHeader:
    """Raises BadBundleError, also for a version of the form that is newer than this program."""
    with _told_of(HEADER):
        return _header(_object(data))


def parse_image(line: bytes, number: int) -> BundledImage:
    """A line of images.jsonl. Raises BadBundleError."""
    with _told_of(f"{IMAGES}, line {number:,}"):
        return _image(_object(line))


def _header(content: Mapping[str, Any]) -> BundleHeader:
    if content.get("format") != FORMAT:
        raise BadBundleError(f"it does not say that it is a {FORMAT}")
    version = _count(content, "version", 1, 1 << 30)
    if version > VERSION:
        raise BadBundleError(f"it has version {version} of the form, this geoflood reads up to {VERSION}")
    images = _count(content, "images", 1, MOST_IMAGES)
    return BundleHeader(
        _text(content, "city", 200),
        _settings(_part(content, "settings")),
        images,
        _count(content, "views", images, MOST_VIEWS),
        _calibration(_part(content, "calibration")),
        dict(_members(_part(content, "members"))),
        _whole(content["part_of"]) if content.get("part_of") is not None else None,
    )


def _image(content: Mapping[str, Any]) -> BundledImage:
    heading, accuracy = _number(content, "heading", 0, 360), _number(content, "accuracy", 0, 1e7)
    try:
        place = LatLon(_degrees(content, "lat"), _degrees(content, "lon"))
        projection = Projection(_text(content, "projection", 20))
    except ValueError as error:
        raise BadBundleError(f"{error!s:.80}") from error
    tag = Geotag(place, _text(content, "origin", 100), heading, accuracy, _time(content))
    texts = (_text(content, name) for name in ("licence", "credit", "link"))
    image = StreetImage(_text(content, "key", least=1), "", tag, projection, *texts)
    return BundledImage(image, _picture(_part(content, "picture")) if "picture" in content else None)


def _picture(content: Mapping[str, Any]) -> BundledPicture:
    name = _text(content, "name", 140)
    parts = PurePosixPath(name).parts
    if not _PICTURE.fullmatch(name) or any(map(_RESERVED.fullmatch, parts)):
        raise BadBundleError(f"{name[:80]!r} is no name of a picture")
    return BundledPicture(name, _count(content, "bytes", 1, MOST_PICTURE), _sha256(content))


def _settings(content: Mapping[str, Any]) -> Settings:
    bands, fov = content.get("bands"), _number(content, "tile_fov_deg", 1, 179)
    if not isinstance(bands, list) or not all(type(band) is int and 0 <= band <= 90 for band in bands):
        raise BadBundleError("bands are whole numbers from 0 to 90")
    if bands[:1] != [0] or bands != sorted(set(bands)) or fov is None:
        raise BadBundleError("bands ascend from 0, and tile_fov_deg is a number")
    dimension = None if content.get("dimension") is None else _count(content, "dimension", 8, _DIMENSIONS)
    return Settings(
        _text(content, "backbone", 100, 1),
        _text(content, "version", 200, 1),
        tuple(bands),
        dimension,
        _count(content, "tile_headings", 1, 360),
        fov,
    )


def _calibration(content: Mapping[str, Any]) -> Calibration:
    try:
        return calibration_from(content)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise BadBundleError("calibration that cannot be used") from error


def _members(content: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, str]]]:
    for name in content:
        member = _part(content, name)
        yield name, (_count(member, "bytes", 0, 1 << 50), _sha256(member))


def _whole(content: object) -> WholeIndex:
    if not isinstance(content, dict):
        raise BadBundleError("part_of is no object")
    return WholeIndex(_count(content, "images", 1, 1 << 50), _count(content, "views", 1, 1 << 50))


def _object(data: bytes) -> dict[str, Any]:
    """A JSON object. Raises BadBundleError for anything else, and for a field that comes twice."""
    try:
        content = json.loads(data.decode("utf-8"), parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BadBundleError(f"no JSON ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise BadBundleError("no object of JSON")
    return content


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a field comes twice")
    return content


def _part(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part: dict[str, Any] = _field(content, name, lambda value: isinstance(value, dict), "is no object")
    return part


def _count(content: Mapping[str, Any], name: str, least: int, most: int) -> int:
    return int(
        _field(
            content,
            name,
            lambda value: type(value) is int and least <= value <= most,
            f"is no whole number from {least:,} to {most:,}",
        )
    )


def _number(content: Mapping[str, Any], name: str, least: float, most: float) -> float | None:
    """A number, or null."""
    value = _field(
        content,
        name,
        lambda value: value is None or (type(value) in (int, float) and least <= value <= most),
        f"is no number from {least:g} to {most:g}",
    )
    return None if value is None else float(value)


def _degrees(content: Mapping[str, Any], name: str) -> float:
    value = _number(content, name, -180, 180)
    if value is None or not math.isfinite(value):
        raise BadBundleError(f"{name} is missing")
    return value


def _text(content: Mapping[str, Any], name: str, most: int = _TEXT, least: int = 0) -> str:
    """A text that every file and database can hold."""

    def holds(value: object) -> bool:
        return isinstance(value, str) and least <= len(value) <= most and not _HALF_CHARACTER.search(value)

    return str(_field(content, name, holds, f"is no text of {least} to {most} characters"))


def _sha256(content: Mapping[str, Any]) -> str:
    def holds(value: object) -> bool:
        return isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value))

    return str(_field(content, "sha256", holds, "is no SHA-256"))


def _time(content: Mapping[str, Any]) -> datetime | None:
    if content.get("taken") is None:
        return None
    try:
        taken = datetime.fromisoformat(_text(content, "taken", 40))
    except ValueError as error:
        raise BadBundleError("taken is no time") from error
    if taken.tzinfo is not None:
        raise BadBundleError("taken has a time zone")
    return taken


def _field(content: Mapping[str, Any], name: str, holds: Callable[[Any], bool], problem: str) -> Any:
    """A field of which something holds. Raises BadBundleError."""
    if name not in content:
        raise BadBundleError(f"{name[:40]!r} is missing")
    if not holds(content[name]):
        raise BadBundleError(f"{name[:40]!r} {problem}")
    return content[name]
