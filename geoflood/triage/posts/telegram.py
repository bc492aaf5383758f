"""Telegram, as its desktop program exports it."""

from __future__ import annotations

from collections.abc import Iterator

from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.safe_values import dig, geotag, ident, prose
from geoflood.triage.posts.text_files import Record
from geoflood.triage.posts.times import moment

__all__ = ["is_telegram", "telegram"]

EXPORTER = "the exporting computer's clock"
"""Telegram tells `date` by it; older exports have no other time."""


def is_telegram(record: Record) -> bool:
    """A message, or a service note, of a Telegram export."""
    return record.get("type") in ("message", "service") and "id" in record and "date" in record


def telegram(record: Record) -> Iterator[Post]:
    """The message; notes of who came and went are none."""
    if record["type"] != "message":
        return
    attached = ident(record.get("photo"))
    drawn = record.get("media_type") in ("sticker", "animation")
    if not attached and not drawn and ident(record.get("mime_type")).startswith("image/"):
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


def _joined(text: object) -> str:
    """Telegram's text: a string, or a list of strings and of objects that hold one."""
    if not isinstance(text, list):
        return prose(text)
    return prose("".join(part if isinstance(part, str) else prose(dig(part, "text")) for part in text))
