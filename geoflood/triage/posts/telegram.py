"""Telegram, as its desktop program exports it."""

from __future__ import annotations

from collections.abc import Iterator

from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.safe_values import dig, geotag, ident, prose
from geoflood.triage.posts.text_files import Record
from geoflood.triage.posts.times import moment

__all__ = ["is_story", "is_telegram", "story", "telegram"]

EXPORTER = "the exporting computer's clock"
"""Telegram tells `date` by it; older exports have no other time."""


def is_telegram(record: Record) -> bool:
    """A message, a service note, or what the program could not export, of a Telegram export."""
    if record.get("type") == "unsupported":
        return record.keys() <= {"id", "type"}
    return record.get("type") in ("message", "service") and "id" in record and "date" in record


def telegram(record: Record) -> Iterator[Post]:
    """The message; notes of who came and went are none."""
    if record["type"] != "message":
        return
    attached = ident(record.get("photo"))
    sticker = record.get("media_type") == "sticker"
    if not attached and not sticker and ident(record.get("mime_type")).startswith("image/"):
        attached = ident(record.get("file"))
    utc, local = moment(record.get("date_unixtime")), moment(record.get("date"))
    yield Post(
        layout="Telegram",
        id=ident(record.get("id")),
        text=_joined(record.get("text")),
        author=ident(record.get("from")),
        posted_at=utc or local,
        clock="" if utc or not local else EXPORTER,
        geotag=geotag(
            dig(record, "location_information", "latitude"), dig(record, "location_information", "longitude")
        ),
        place=ident(record.get("place_name")) or ident(record.get("address")),
        media=(Medium(attached),) if attached else (),
    )


def is_story(record: Record) -> bool:
    """A story in the export of a whole account."""
    return {"date_unixtime", "expires", "pinned", "media"} <= record.keys()


def story(record: Record) -> Iterator[Post]:
    """The story; it has no text and no author but the account's."""
    path = ident(record.get("media"))
    photo = path.lower().endswith((".jpg", ".jpeg", ".png", ".webp"))
    yield Post(
        layout="Telegram",
        id="",
        posted_at=moment(record.get("date_unixtime")),
        media=(Medium(path),) if photo else (),
    )


def _joined(text: object) -> str:
    """Telegram's text: a string, or a list of strings and of objects that hold one."""
    if not isinstance(text, list):
        return prose(text)
    return prose("".join(part if isinstance(part, str) else prose(dig(part, "text")) for part in text))
