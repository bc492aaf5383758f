"""Rows that name a picture: manifests as CSV, TSV or JSON, CrisisMMD, auto-archiver, gallery-dl, sidecars."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import astuple
from functools import partial
from typing import Any

from geoflood.core.coordinates import BadPositionError
from geoflood.core.datatypes import Geotag, LatLon, Rejected
from geoflood.core.position_columns import PositionColumns
from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.door import attempt
from geoflood.triage.posts.python_literals import python_value
from geoflood.triage.posts.safe_values import (
    MAX_WORD,
    basename,
    ident,
    listed,
    prose,
    unmarked,
)
from geoflood.triage.posts.text_files import Record
from geoflood.triage.posts.times import snowflake, when

__all__ = [
    *("ROLES", "crisismmd", "gallery", "is_crisismmd", "is_gallery", "is_kept", "is_manifest", "kept"),
    *("manifest", "names_picture", "sidecar", "unplaced", "untimed"),
]

ROLES = {
    "image": (
        *("image_path", "image", "filename", "file_name", "media", "local_path", "image_file", "file"),
        *("path", "photo", "media_path"),
    ),
    "text": ("text", "tweet_text", "full_text", "content", "caption", "message", "description", "title"),
    "id": ("id", "tweet_id", "post_id", "id_str", "status_id"),
    "author": ("author", "username", "screen_name", "user", "handle", "uploader"),
    "time": ("created_at", "posted_at", "timestamp", "date", "datetime", "time", "published", "upload_date"),
}
"""What a column may be called, the likeliest first."""


def is_crisismmd(record: Record) -> bool:
    """A row of CrisisMMD's annotations."""
    return {"tweet_id", "image_id", "image_path"} <= record.keys()


def crisismmd(record: Record) -> Iterator[Post]:
    """One picture of a tweet; the time is in the tweet's id."""
    identifier = ident(record.get("tweet_id"))
    yield Post(
        layout="CrisisMMD",
        id=identifier,
        text=prose(record.get("tweet_text")),
        posted_at=snowflake(identifier),
        media=(Medium(ident(record.get("image_path")), owner=ident(record.get("image_id"))),),
    )


def is_kept(record: Record) -> bool:
    """A row, or a file, that auto-archiver wrote."""
    media = record.get("media")
    return "metadata" in record and media is not None and bool("status" in record or listed(media))


def kept(record: Record) -> Iterator[Post]:
    """The post behind a link that was archived."""
    metadata, media = _unpacked(record["metadata"]), _unpacked(record["media"])
    known = metadata if isinstance(metadata, Mapping) else {}
    shown = [_stored(one) for medium in listed(media) for one in _with_inner(medium)]
    shown = shown or [Medium(name, (basename(name),)) for name in _named(record["media"])]
    at, clock = when(known.get("timestamp"), known.get("upload_date"))
    yield Post(
        layout="auto-archiver",
        id=ident(known.get("url")) or ident(known.get("_processed_url")),
        text=prose(known.get("content")).strip() or prose(known.get("title")),
        author=_author(known),
        posted_at=at,
        clock=clock,
        media=tuple(one for one in shown if any(map(_is_shown, (one.name, *one.aliases)))),
    )


_SHOWN = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".heic")


def _is_shown(name: str) -> bool:
    return name.lower().endswith(_SHOWN)


def _with_inner(medium: Record) -> Iterator[Record]:
    """A medium, and those that were made of it, such as frames of a video."""
    yield medium
    properties = medium.get("properties")
    for value in properties.values() if isinstance(properties, Mapping) else ():
        yield from (one for one in listed(value) if "filename" in one)
        if isinstance(value, Mapping) and "filename" in value:
            yield value


def _stored(medium: Record) -> Medium:
    """A file under the name it was downloaded to, or where a storage has put it since."""
    urls = medium.get("urls")
    names = [ident(medium.get(key)) for key in ("filename", "_key", "key")]
    names += [ident(url) for url in urls] if isinstance(urls, list) else []
    there = list(dict.fromkeys(name for one in names for name in (one, basename(one)) if name))
    return Medium(there[0] if there else "", tuple(there[1:]))


def _unpacked(value: object) -> Any:
    """What a cell spells out as JSON or as Python does; None for anything else."""
    if not isinstance(value, str):
        return value
    readers: tuple[Callable[[str], Any], ...] = (json.loads, python_value)
    for read in readers:
        read_or_why = attempt(partial(read, value), "")
        if not isinstance(read_or_why, Rejected):
            return read_or_why
    return None


def _named(cell: object) -> list[str]:
    """The file names in a cell that spells out neither."""
    found = (
        re.findall(r"['\"]?filename['\"]?\s*[:=]\s*['\"]([^'\"]{1,300})['\"]", cell)
        if isinstance(cell, str)
        else []
    )
    return [ident(name) for name in found]


def is_manifest(record: Record) -> bool:
    """Some column is there to name a picture; where it is empty, the post has none. Not our own tables."""
    if record.keys() >= _OWN:
        return False
    named = [record[key] for key in ROLES["image"] if key in record]
    return bool(_images(record)) or any(value in (None, "", []) for value in named)


_OWN = {"photo", "outcome", "radius_90_m"}


def names_picture(record: Record) -> bool:
    """A column names what is a picture by its suffix: text that happens to have columns does not."""
    return any(map(_is_shown, _images(record)))


def manifest(record: Record) -> Iterator[Post]:
    """The post of a row."""
    yield _row(record, tuple(Medium(name, (basename(name),)) for name in _images(record)))


def is_gallery(record: Record) -> bool:
    """What gallery-dl tells of a file: in one beside it, or in a line for each."""
    return {"category", "subcategory", "filename", "extension"} <= record.keys()


def gallery(record: Record) -> Iterator[Post]:
    """The post of a file, which lies under its own name, or under the post's id and a number."""
    suffix, number = ident(record.get("extension")), ident(record.get("num"))
    name = f"{ident(record['filename'])}.{suffix}"
    ids = [ident(record.get(key)) for key in ("tweet_id", "post_id", "id")]
    others = tuple(f"{one}_{number}.{suffix}" for one in dict.fromkeys(ids) if one and number)
    first, *more = (*others, name)
    yield _row(record, (Medium(first, tuple(more)),) if _is_shown(name) else ())


def sidecar(record: Record) -> Post:
    """What a file beside a picture says of it."""
    return _row(record, ())


def untimed(record: Record) -> str:
    """What stands where a row's time should, and cannot be read as one: its order may be either."""
    time = ident(_first(record, ROLES["time"]))
    return "" if not time or _row(record, ()).posted_at else time


def unplaced(record: Record) -> str:
    """Why a row's place cannot be read; empty where it can, or where none is told."""
    try:
        _place(record)
    except BadPositionError as error:
        return str(error)
    return ""


def _place(record: Record) -> LatLon | None:
    """The position in a row's columns. Raises BadPositionError."""
    columns = PositionColumns.among(record)
    cells = {name: record[name] for name in astuple(columns) if name}
    plain = {n: str(cell) for n, cell in cells.items() if type(cell) in (str, int, float)}
    return columns.read(plain)


def _geotag(record: Record) -> Geotag | None:
    with suppress(BadPositionError):
        position = _place(record)
        return Geotag(position, "post") if position else None
    return None


def _row(record: Record, media: tuple[Medium, ...]) -> Post:
    cells = {role: _first(record, names) for role, names in ROLES.items()}
    at, clock = when(*(record.get(name) for name in ROLES["time"]))
    identifier = ident(cells["id"])
    text = cells["text"]
    return Post(
        layout="manifest",
        id=identifier,
        text=unmarked(text) if isinstance(text, str) and text.lstrip().startswith("<p") else prose(text),
        author=ident(cells["author"]) or _author(record),
        posted_at=at or snowflake(_tweet_id(record, identifier)),
        clock="" if is_gallery(record) else clock,  # gallery-dl tells every time in UTC
        geotag=_geotag(record),
        media=media,
    )


def _author(record: Record) -> str:
    author = record.get("author") or record.get("user") or record.get("account")
    if not isinstance(author, Mapping):
        return ident(author)
    return next((name for key in _HANDLES if (name := ident(author.get(key)))), "")


_HANDLES = ("name", "username", "handle", "acct", "screen_name", "nick")


_TWEET = re.compile(r"https?://(?:\w+\.)?(?:twitter|x)\.com/\w{1,50}/status(?:es)?/(\d{15,19})", re.ASCII)
_ADDRESSES = ("url", "link", "post_url", "tweet_url", "webpage_url", "permalink")
_PLATFORMS = ("platform", "network", "category", "extractor", "source")


def _tweet_id(record: Record, identifier: str) -> str:
    """An id that is known to be X's: other platforms count too, and mean other times by it."""
    if "tweet_id" in record:
        return ident(record["tweet_id"])
    if any(ident(record.get(key)).lower() in ("twitter", "x", "x.com", "twitter.com") for key in _PLATFORMS):
        return identifier
    found = next((f for key in _ADDRESSES if (f := _TWEET.match(ident(record.get(key))))), None)
    return found[1] if found else ""


def _first(record: Record, names: tuple[str, ...]) -> Any:
    return next((record[name] for name in names if record.get(name) not in (None, "")), None)


def _images(record: Record) -> list[str]:
    """The pictures that a row names: in a list, or in a cell that may hold several, parted by ; or |.

    A name may hold these, too: a cell that could be one name stays whole (see `Pictures.found`).
    """
    value = _first(record, ROLES["image"])
    if isinstance(value, str):
        value = re.split(r"\n" if len(value) <= MAX_WORD else r"[;|\n]", value)
    return [name for one in value if (name := ident(one))] if isinstance(value, list) else []
