"""snscrape's JSON lines: what it took off web pages, one item a line, whose type each item tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from geoflood.core.datatypes import Bounds, Geotag
from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.safe_values import basename, dig, geotag, ident, listed, prose
from geoflood.triage.posts.text_files import Record
from geoflood.triage.posts.times import moment

__all__ = ["is_snscrape", "scraped"]

_TYPES = "snscrape.modules."
_TWEET = f"{_TYPES}twitter.Tweet"
_NO_POSTS = (".User", ".Channel", ".Community", ".Trend", ".Tombstone", ".TweetRef")


def is_snscrape(record: Record) -> bool:
    """An item of snscrape, of whichever of its sites."""
    return ident(record.get("_type")).startswith(_TYPES)


def scraped(record: Record) -> Iterator[Post]:
    """The post; accounts and what is gone are none. Of a repeated post the pictures are the original's."""
    if ident(record["_type"]).endswith(_NO_POSTS):
        return
    shown = next((again for key in _REPEATED if isinstance(again := record.get(key), Mapping)), record)
    own = _pictures(record) or _pictures(shown)
    text = next((words for key in _TEXTS if (words := prose(record.get(key)))), "")
    position, box = _place(record)
    user = record.get("user")
    yield Post(
        layout="snscrape",
        id=ident(record.get("id")) or ident(record.get("url")) or ident(record.get("cleanUrl")),
        text=text or prose(dig(shown, "text")) or prose(dig(shown, "content")),
        author=next((name for key in _NAMES if (name := ident(dig(user, key)))), "")
        or ident(record.get("username"))
        or ident(record.get("author")),
        posted_at=moment(record.get("date")) or moment(record.get("createdAt")) or moment(shown.get("date")),
        geotag=position,
        box=box,
        place=ident(dig(record, "place", "fullName")),
        place_kind=ident(dig(record, "place", "type")),
        media=tuple(_medium(url, record) for url in own),
    )


_REPEATED = ("retweetedTweet", "toot", "repostedPost")
_TEXTS = ("rawContent", "content", "text", "renderedContent", "selftext", "body", "title")
_NAMES = ("username", "account", "screenname", "displayname")


def _pictures(record: Record) -> list[str]:
    """The addresses of its pictures, whichever site it is of."""
    photos = [one for one in listed(record.get("media")) if one.get("fullUrl")]
    found = [one["fullUrl"] for one in photos]
    found += [one.get("url") for one in listed(record.get("attachments"))]
    for photo in listed(record.get("photos")):
        sizes = [one for one in listed(photo.get("variants")) if isinstance(one.get("width"), int)]
        found += [max(sizes, key=lambda one: one["width"]).get("url")] if sizes else []
    pictures = record.get("pictures")
    found += pictures if isinstance(pictures, list) else []
    if not record.get("isVideo"):
        found += [record.get("displayUrl")]
    return [url for url in found if isinstance(url, str)]


def _medium(url: str, record: Record) -> Medium:
    """A picture, which lies under its own name, or under the post's id with it."""
    name, of = basename(url), ident(record.get("id"))
    return Medium(name, (f"{of}-{name}", f"{of}_{name}") if of else (), of)


def _place(record: Record) -> tuple[Geotag | None, Bounds | None]:
    """The post's own position, or the box of its place.

    Where a tweet has no position, snscrape writes the south-western corner of its place for one. Which of
    the two it is cannot be told, so beside a place it counts as a point of that place.
    """
    found = geotag(dig(record, "coordinates", "latitude"), dig(record, "coordinates", "longitude"))
    if found is None or not isinstance(record.get("place"), Mapping):
        return found, None
    spot = found.position
    return None, Bounds(spot.lat, spot.lon, spot.lat, spot.lon)
