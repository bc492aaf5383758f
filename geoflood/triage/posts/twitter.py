"""X: pages of API v2 as twarc2 saves them, its flattened tweets, API v1.1, the archives of accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from geoflood.triage.findings import Medium, Post
from geoflood.triage.posts.safe_values import basename, box, dig, geotag, ident, listed, prose
from geoflood.triage.posts.text_files import Record
from geoflood.triage.posts.times import moment, snowflake

__all__ = ["archived", "flattened", "is_archived", "is_flattened", "is_page", "is_v1", "page", "v1"]


def is_page(record: Record) -> bool:
    """`data` beside `includes`, `meta` or twarc2's own mark, and tweets in it."""
    data = record.get("data")
    first = data[0] if isinstance(data, list) and data else data
    known = {"includes", "meta", "__twarc"} & record.keys()
    return bool(known or isinstance(data, Mapping)) and {"id", "text"} <= (
        first.keys() if isinstance(first, Mapping) else set()
    )


def page(record: Record) -> Iterator[Post]:
    """Every tweet of a page, with what `includes` holds of it."""
    included: dict[str, dict[str, Record]] = {
        kind: {ident(one.get(key)): one for one in listed(dig(record, "includes", kind))}
        for kind, key in (("media", "media_key"), ("users", "id"), ("places", "id"), ("tweets", "id"))
    }
    data = record["data"]
    for tweet in listed(data if isinstance(data, list) else [data]):
        again = included["tweets"].get(_retweeted(tweet), {})
        shown, owner = _media(tweet, included["media"]), tweet
        if not shown and again:
            shown, owner = _media(again, included["media"]), again
        author = included["users"].get(ident(tweet.get("author_id")), {})
        place = included["places"].get(ident(dig(tweet, "geo", "place_id")), {})
        yield _tweet(tweet, shown, author, place, owner)


def _media(tweet: Record, included: Mapping[str, Record]) -> list[Record]:
    keys = dig(tweet, "attachments", "media_keys")
    return [included.get(ident(key), {}) for key in keys] if isinstance(keys, list) else []


def _retweeted(tweet: Record) -> str:
    """The id of the tweet that this one repeats: the photos are its own."""
    references = listed(tweet.get("referenced_tweets"))
    return next((ident(one.get("id")) for one in references if one.get("type") == "retweeted"), "")


def is_flattened(record: Record) -> bool:
    """A tweet of v2 with its author, media or place moved into it."""
    merged = dig(record, "author", "username") or listed(dig(record, "attachments", "media"))
    return "id" in record and "text" in record and bool(merged or "edit_history_tweet_ids" in record)


def flattened(record: Record) -> Iterator[Post]:
    """The tweet."""
    repeated = [one for one in listed(record.get("referenced_tweets")) if one.get("type") == "retweeted"]
    owner = next((one for one in (record, *repeated) if listed(dig(one, "attachments", "media"))), record)
    media = listed(dig(owner, "attachments", "media"))
    yield _tweet(record, media, dig(record, "author") or {}, dig(record, "geo") or {}, owner)


def _tweet(tweet: Record, media: list[Record], author: Record, place: Record, owner: Record) -> Post:
    """`owner` is the tweet that the media are of."""
    identifier = ident(tweet.get("id"))
    point = dig(tweet, "geo", "coordinates", "coordinates")
    corners = dig(place, "geo", "bbox") or dig(place, "bbox")
    of = ident(owner.get("id")) or identifier
    return Post(
        layout="X API v2",
        id=identifier,
        text=prose(dig(tweet, "note_tweet", "text")) or prose(tweet.get("text")),
        author=ident(dig(author, "username")),
        posted_at=moment(tweet.get("created_at")) or snowflake(identifier),
        geotag=geotag(dig(point, 1), dig(point, 0)),
        box=box(corners),
        place=ident(dig(place, "full_name")),
        place_kind=ident(dig(place, "place_type")),
        media=tuple(_photo(one, of, "url") for one in media if one.get("type", "photo") == "photo"),
    )


def _photo(medium: Mapping[str, Any], owner: str, key: str) -> Medium:
    """A photo, which lies under its own name, under the post's id with it, or under its key."""
    name = basename(medium.get(key)) or ident(medium.get("media_key"))
    aliases = [f"{owner}-{name}", f"{owner}_{name}", ident(medium.get("media_key"))]
    return Medium(name, tuple(alias for alias in aliases if alias), owner)


def is_v1(record: Record) -> bool:
    """A tweet of API v1.1."""
    return "id_str" in record and ("full_text" in record or "text" in record)


def v1(record: Record) -> Iterator[Post]:
    """The tweet; the long form of one that was streamed."""
    identifier = ident(record.get("id_str"))
    long = dig(record, "extended_tweet") or record
    repeated = dig(record, "retweeted_status")
    media, of = _entities(long), identifier
    if not media and isinstance(repeated, Mapping):
        media = _entities(dig(repeated, "extended_tweet") or repeated)
        of = ident(repeated.get("id_str")) or identifier
    photos = [one for one in media if one.get("type", "photo") == "photo"]
    yield Post(
        layout="X API v1.1",
        id=identifier,
        text=prose(long.get("full_text")) or prose(record.get("text")),
        author=ident(dig(record, "user", "screen_name")),
        posted_at=moment(record.get("created_at")) or snowflake(identifier),
        geotag=geotag(
            dig(record, "coordinates", "coordinates", 1), dig(record, "coordinates", "coordinates", 0)
        )
        or geotag(dig(record, "geo", "coordinates", 0), dig(record, "geo", "coordinates", 1)),
        box=box(dig(record, "place", "bounding_box", "coordinates", 0)),
        place=ident(dig(record, "place", "full_name")),
        place_kind=ident(dig(record, "place", "place_type")),
        media=tuple(_photo(one, of, "media_url_https") for one in photos),
    )


def _entities(tweet: Any) -> list[Record]:
    return listed(dig(tweet, "extended_entities", "media")) or listed(dig(tweet, "entities", "media"))


def is_archived(record: Record) -> bool:
    """An item of tweets.js in a personal archive."""
    return isinstance(record.get("tweet"), Mapping) and bool({"id", "id_str"} & record["tweet"].keys())


def archived(record: Record) -> Iterator[Post]:
    """The tweet, as v1.1 has it."""
    tweet = record["tweet"]
    yield from v1({"id_str": tweet.get("id"), **tweet})
