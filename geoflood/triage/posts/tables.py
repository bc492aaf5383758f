"""Rows that name a picture: manifests as CSV, TSV or JSON, CrisisMMD, auto-archiver, and sidecars."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.safe_values import (
    MAX_WORD,
    basename,
    dig,
    geotag,
    ident,
    listed,
    prose,
    unmarked,
)
from geoflood.triage.posts.text_files import Record
from geoflood.triage.posts.times import snowflake, when

__all__ = [
    *("ROLES", "crisismmd", "is_crisismmd", "is_kept", "is_manifest", "kept", "manifest", "names_picture"),
    *("sidecar", "untimed"),
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
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
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
    names = [ident(one.get("filename")) for one in listed(media)] or _named(record["media"])
    known = metadata if isinstance(metadata, Mapping) else {}
    at, clock = when(known.get("timestamp"), known.get("upload_date"))
    yield Post(
        layout="auto-archiver",
        id=ident(known.get("url")) or ident(known.get("_processed_url")),
        text=prose(known.get("content")) or prose(known.get("title")),
        author=ident(known.get("author")),
        posted_at=at,
        clock=clock,
        media=tuple(Medium(name, (basename(name),)) for name in names if name.lower().endswith(_SHOWN)),
    )


_SHOWN = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".heic")


def _unpacked(value: object) -> Any:
    """What a cell spells out as JSON or as Python does."""
    if not isinstance(value, str):
        return value
    for read in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return read(value)
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
    return any(name.lower().endswith(_SHOWN) for name in _images(record))


def manifest(record: Record) -> Iterator[Post]:
    """The post of a row."""
    yield _row(record, tuple(Medium(name, (basename(name),)) for name in _images(record)))


def sidecar(record: Record) -> Post:
    """What a file beside a picture says of it."""
    return _row(record, ())


def untimed(record: Record) -> str:
    """What stands where a row's time should, and cannot be read as one: its order may be either."""
    time = ident(_first(record, ROLES["time"]))
    return "" if not time or _row(record, ()).posted_at else time


def _row(record: Record, media: tuple[Medium, ...]) -> Post:
    cells = {role: _first(record, names) for role, names in ROLES.items()}
    at, clock = when(*(record.get(name) for name in ROLES["time"]))
    identifier = ident(cells["id"])
    text = cells["text"]
    author = cells["author"]
    return Post(
        layout="manifest",
        id=identifier,
        text=unmarked(text) if isinstance(text, str) and text.lstrip().startswith("<p") else prose(text),
        author=ident(author) or ident(dig(author, "name")) or ident(dig(author, "username")),
        posted_at=at or snowflake(_tweet_id(record, identifier)),
        clock=clock,
        geotag=geotag(cells["lat"], cells["lon"]),
        media=media,
    )


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
