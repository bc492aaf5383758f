"""Mastodon and its kin, as their API and their archives tell it, and Bluesky."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.safe_values import basename, dig, geotag, ident, listed, prose, unmarked
from geoflood.triage.posts.text_files import Record
from geoflood.triage.posts.times import moment

__all__ = ["activity", "bluesky", "is_activity", "is_bluesky", "is_status", "status"]


def is_status(record: Record) -> bool:
    """A status of Mastodon's API."""
    return isinstance(record.get("media_attachments"), list) and "content" in record


def status(record: Record) -> Iterator[Post]:
    """The status; of a boost, what was boosted."""
    post = record.get("reblog") if isinstance(record.get("reblog"), Mapping) else record
    assert isinstance(post, Mapping)
    attached = listed(post.get("media_attachments"))
    yield Post(
        layout="Mastodon",
        id=ident(post.get("uri")) or ident(post.get("id")),
        text=unmarked(post.get("content")),
        author=ident(dig(post, "account", "acct")),
        posted_at=moment(post.get("created_at")),
        media=tuple(Medium(basename(one.get("url"))) for one in attached if one.get("type") == "image"),
    )


def is_activity(record: Record) -> bool:
    """An activity of an ActivityPub outbox."""
    return "actor" in record and "object" in record and "type" in record


def activity(record: Record) -> Iterator[Post]:
    """The note that an activity creates; a boost names another's only by its address."""
    note = record["object"]
    if not isinstance(note, Mapping):
        return
    attached = note.get("attachment")
    attached = listed([attached] if isinstance(attached, Mapping) else attached)
    pictures = [_address(one) for one in attached if str(one.get("mediaType", "image/")).startswith("image/")]
    yield Post(
        layout="Mastodon",
        id=ident(note.get("id")),
        text=unmarked(note.get("content")),
        author=basename(record.get("actor")),
        posted_at=moment(note.get("published")) or moment(record.get("published")),
        geotag=geotag(dig(note, "location", "latitude"), dig(note, "location", "longitude")),
        media=tuple(Medium(basename(url), (ident(url),)) for url in pictures),
    )


def _address(attachment: Record) -> object:
    """Of an attachment: told as text, as a link, or as a list of links of which the first is the largest."""
    url = attachment.get("url") or attachment.get("href")
    first = url[0] if isinstance(url, list) and url else url
    return first.get("href") if isinstance(first, Mapping) else first


def is_bluesky(record: Record) -> bool:
    """A post as the app or its repository has it, an item of a feed, or a thread."""
    post = next(_posts(record), record)
    return ident(post.get("uri")).startswith("at://") or post.get("$type") == _POST


_POST = "app.bsky.feed.post"


def bluesky(record: Record) -> Iterator[Post]:
    """The post, or the posts of a thread; a repository's likes and follows are none."""
    for post in _posts(record):
        written = next((post[key] for key in ("record", "value") if isinstance(post.get(key), Mapping)), post)
        if written.get("$type", _POST) != _POST:
            continue
        blobs = [_blob(one) for one in _images(written)]
        views = [basename(one.get("fullsize")).partition("@")[0] for one in _images(post)]
        yield Post(
            layout="Bluesky",
            id=ident(post.get("uri")) or ident(post.get("cid")),
            text=prose(written.get("text")),
            author=ident(dig(post, "author", "handle")),
            posted_at=moment(written.get("createdAt")),
            media=tuple(Medium(name) for name in (blobs if any(blobs) else views)),
        )


def _blob(image: Record) -> str:
    """The id of a picture's bytes; posts of before April 2023 have it without the reference around it."""
    return ident(dig(image, "image", "ref", "$link")) or ident(dig(image, "image", "cid"))


def _posts(record: Record) -> Iterator[Record]:
    """What a record shows: a post, one in a feed, or those above and below it in a thread, in that order."""
    if isinstance(record.get("thread"), list):
        shown = (dig(one, "value", "post") for one in record["thread"])
        yield from (post for post in shown if isinstance(post, Mapping))
        return
    if not isinstance(record.get("thread"), Mapping):
        yield record["post"] if isinstance(record.get("post"), Mapping) else record
        return
    above = [record["thread"]]
    while isinstance(above[-1].get("parent"), Mapping):
        above.append(above[-1]["parent"])
    waiting = [*above]
    while waiting:
        post = waiting.pop()
        if isinstance(post.get("post"), Mapping):
            yield post["post"]
        waiting += reversed(listed(post.get("replies")))


def _images(post: Record) -> list[Record]:
    """The pictures embedded in a post, beside a quoted record too: up to four images, or a gallery."""
    for embed in (dig(post, "embed"), dig(post, "embed", "media")):
        for key in ("images", "items"):
            if found := listed(dig(embed, key)):
                return found
    return []
