"""The table of layouts: by what a record is recognised, and who reads it. A new layout is a row here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from geoflood.triage.findings import Post
from geoflood.triage.posts import fediverse, snscrape, tables, telegram, twitter
from geoflood.triage.posts.text_files import Record

__all__ = ["LAYOUTS", "Layout", "layout_of"]


class Layout(NamedTuple):
    """A way in which posts are written down."""

    name: str
    """As it is reported; {} is replaced by the kind of file, such as JSONL."""
    recognises: Callable[[Record], bool]
    read: Callable[[Record], Iterator[Post]]


LAYOUTS = (
    Layout("X archive", twitter.is_archived, twitter.archived),
    Layout("twarc2 {}", lambda record: "__twarc" in record and twitter.is_page(record), twitter.page),
    Layout("X API v2 {}", twitter.is_page, twitter.page),
    Layout("twarc2 flattened {}", twitter.is_flattened, twitter.flattened),
    Layout("X API v1.1 {}", twitter.is_v1, twitter.v1),
    Layout("snscrape {}", snscrape.is_snscrape, snscrape.scraped),
    Layout("Telegram", telegram.is_telegram, telegram.telegram),
    Layout("Telegram", telegram.is_story, telegram.story),
    Layout("Mastodon", fediverse.is_status, fediverse.status),
    Layout("Mastodon archive", fediverse.is_activity, fediverse.activity),
    Layout("Bluesky", fediverse.is_bluesky, fediverse.bluesky),
    Layout("CrisisMMD", tables.is_crisismmd, tables.crisismmd),
    Layout("auto-archiver", tables.is_kept, tables.kept),
    Layout("gallery-dl {}", tables.is_gallery, tables.gallery),
    Layout("{} manifest", tables.is_manifest, tables.manifest),
)
"""The most telling first: a manifest is whatever names a picture."""


def layout_of(record: Record) -> Layout | None:
    """The layout of a record; None when it is no post."""
    return next((layout for layout in LAYOUTS if layout.recognises(record)), None)
