"""Exports in the shapes in which programs really write them; docs/reference/layouts.md has the versions."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import warnings
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Bounds, LatLon
from geoflood.triage.posts import json_records
from geoflood.triage.posts.python_literals import python_value
from tests.support.post_folder import (
    JPEG,
    TWEET,
    TWEET_TIME,
    media_files,
    only_post,
    read_posts,
    write_folder,
)

EVENING = datetime(2021, 7, 14, 18, 23, 5)

# ---- auto-archiver


@dataclass
class Kept:
    """As auto-archiver keeps a file; nested ones are frames of a video."""

    filename: str
    _key: str
    urls: list[str] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    _mimetype: str = "image/jpeg"


@dataclass
class Archived:
    """As auto-archiver keeps a post; its CSV is `asdict` through csv.DictWriter."""

    status: str
    metadata: dict[str, Any]
    media: list[Kept]


def archiver_csv(*items: Archived) -> str:
    written = io.StringIO()
    table = csv.DictWriter(written, ["status", "metadata", "media"])
    table.writeheader()
    table.writerows(asdict(item) for item in items)
    return written.getvalue()


def archived(timestamp: object, *media: Kept, **more: Any) -> Archived:
    told = {
        "_processed_at": datetime(2021, 7, 15, 8, 0, 0, 123, tzinfo=UTC),
        "url": "https://x.com/u/status/1415000000000000000",
        "title": "Flood",
        "content": 'Main street, "under" water\nhelp',
        "timestamp": timestamp,
        "author": "u",
    }
    return Archived("generic_extractor: success", told | more, list(media))


FILE = "local_archive/https-x-com-u-status/0a1b.jpg"
STORED = Kept("/tmp/tmp1/abc.jpg", FILE, [f"./{FILE}"], {"hash": "SHA3-512:aa"})


@pytest.mark.parametrize(
    ("timestamp", "clock"),
    [
        (EVENING.replace(tzinfo=UTC), ""),
        (EVENING.replace(hour=20, tzinfo=timezone(timedelta(hours=2))), ""),
        (EVENING.replace(hour=20, tzinfo=ZoneInfo("Europe/Berlin")), ""),
        (EVENING, "a clock of unknown time zone"),
        ("2021-07-14T18:23:05+00:00", ""),
        (1626286985.0, ""),
    ],
)
def test_auto_archiver_s_csv_holds_python(tmp_path: Path, timestamp: object, clock: str) -> None:
    post = only_post(
        write_folder(tmp_path, {"db.csv": archiver_csv(archived(timestamp, STORED)), FILE: JPEG})
    )
    assert (post.layout, post.author, post.text) == ("auto-archiver", "u", 'Main street, "under" water\nhelp')
    assert (post.posted_at, post.clock, media_files(post)) == (EVENING, clock, [FILE])


def test_auto_archiver_with_dateutil_s_zones_and_other_objects(tmp_path: Path) -> None:
    text = archiver_csv(
        archived(
            "WHEN", STORED, seen={"x"}, size=float("nan"), at=PurePosixPath("/tmp"), day=date(2021, 7, 14)
        )
    )
    for zone in ("tzutc()", "tzoffset(None, 0)", "datetime.timezone.utc"):
        told = text.replace("'WHEN'", f"datetime.datetime(2021, 7, 14, 18, 23, 5, tzinfo={zone})")
        post = only_post(write_folder(tmp_path, {"db.csv": told, FILE: JPEG}))
        assert (post.posted_at, post.clock) == (EVENING, "")


def test_auto_archiver_s_frames_belong_to_their_post_and_its_page_does_not(tmp_path: Path) -> None:
    frames = [Kept(f"/tmp/frame{n}.jpg", f"store/frame{n}.jpg") for n in range(2)]
    video = Kept("/tmp/v.mp4", "store/v.mp4", [], {"thumbnails": frames}, "video/mp4")
    page = Kept("/tmp/p.html", "store/p.html", [], {"id": "_final_media"}, "text/html")
    files = {f"store/frame{n}.jpg": JPEG for n in range(2)}
    post = only_post(
        write_folder(tmp_path, {"db.csv": archiver_csv(archived(EVENING, video, page)), **files})
    )
    assert media_files(post) == ["store/frame0.jpg", "store/frame1.jpg"]


def test_auto_archiver_keeps_what_is_not_python(tmp_path: Path) -> None:
    text = archiver_csv(archived("WHEN", STORED)).replace("'WHEN'", "<Thing object at 0x7f00>")
    post = only_post(write_folder(tmp_path, {"db.csv": text, FILE: JPEG}))
    assert (post.text, media_files(post)) == ("", [FILE])


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.datetimes(timezones=st.none() | st.just(UTC)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_python_spells_is_read_back(value: Any) -> None:
    assert python_value(repr(value)) == value


@pytest.mark.parametrize("source", ["[1if 2else 3]", r'["\d"]', '["a" is "b"]'])
def test_python_s_own_warnings_are_not_the_user_s(source: str, recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    with contextlib.suppress(ValueError, SyntaxError):
        python_value(source)
    assert not list(recwarn)


@pytest.mark.parametrize(
    "source",
    [
        "__import__('os').system('true')",
        "open('/etc/passwd').read()",
        "[x for x in (1,)]",
        "lambda: 1",
        "f'{1}'",
        "1 + 1",
        "().__class__",
        "(1)(2)",
        "[" * 5000,
        "datetime.timedelta(days=10**9)",
        "x" * 2_000_000,
        "\0",
    ],
)
def test_nothing_is_run(source: str) -> None:
    try:
        value = python_value(source)
    except Exception:
        return
    assert value in ({}, None), "an unknown call has no more than its named arguments"


# ---- gallery-dl


GALLERY = {
    "category": "twitter",
    "subcategory": "tweet",
    "tweet_id": int(TWEET),
    "num": 1,
    "filename": "E6abc",
    "extension": "jpg",
    "date": "2021-07-14 18:23:05",
    "content": "Brays Bayou",
    "author": {"id": 7, "name": "ana", "nick": "Ana"},
}


def test_gallery_dl_beside_each_picture(tmp_path: Path) -> None:
    name = f"{TWEET}_1.jpg"
    post = only_post(write_folder(tmp_path, {name: JPEG, f"{name}.json": GALLERY}))
    assert (post.layout, post.id, post.text, post.author) == ("image + sidecar", TWEET, "Brays Bayou", "ana")
    assert (post.posted_at, post.clock, media_files(post)) == (EVENING, "", [name])


@pytest.mark.parametrize("name", [f"{TWEET}_1.jpg", "E6abc.jpg", f"ana/{TWEET}_1.jpg"])
def test_gallery_dl_in_one_file_for_all(tmp_path: Path, name: str) -> None:
    lines = [GALLERY, GALLERY | {"extension": "mp4", "tweet_id": 2}]
    posts, tally = read_posts(write_folder(tmp_path, {name: JPEG, "data.jsonl": lines}))
    assert [(post.layout, media_files(post)) for post in posts] == [
        ("gallery-dl JSONL", [name]),
        ("gallery-dl JSONL", []),
    ]
    assert not tally.rejected


def test_gallery_dl_of_bluesky(tmp_path: Path) -> None:
    told = {
        "category": "bluesky",
        "subcategory": "post",
        "post_id": "3k",
        "num": 1,
        "text": "mud",
        "filename": "bafkrei1",
        "extension": "jpeg",
        "description": "alt",
        "date": "2021-07-14 18:23:05",
        "author": {"did": "did:plc:x", "handle": "ana.bsky.social", "displayName": "Ana"},
    }
    name = "2021-07-14T18:23:05_3k_1.jpeg"
    post = only_post(write_folder(tmp_path, {name: JPEG, f"{name}.json": told}))
    assert (post.text, post.author, post.id) == ("mud", "ana.bsky.social", "3k")


# ---- snscrape


def snscrape(**more: Any) -> dict[str, Any]:
    kind = "snscrape.modules.twitter"
    return {
        "_type": f"{kind}.Tweet",
        "url": f"https://twitter.com/ana/status/{TWEET}",
        "date": "2021-07-14T18:23:05+00:00",
        "rawContent": "Brays Bayou https://t.co/x",
        "renderedContent": "Brays Bayou example.com",
        "id": int(TWEET),
        "user": {"_type": f"{kind}.User", "username": "ana", "id": 7, "displayname": "Ana"},
        "media": [
            {
                "_type": f"{kind}.Photo",
                "previewUrl": "https://pbs.twimg.com/media/E6abc?format=jpg&name=small",
                "fullUrl": "https://pbs.twimg.com/media/E6abc?format=jpg&name=orig",
                "altText": None,
            }
        ],
        "retweetedTweet": None,
        "quotedTweet": None,
        "coordinates": None,
        "place": None,
        "_snscrape": "0.7.0.20230622",
        **more,
    }


@pytest.mark.parametrize("file", ["E6abc.jpg", f"{TWEET}-E6abc.jpg", f"{TWEET}_1.jpg"])
def test_snscrape_s_tweets(tmp_path: Path, file: str) -> None:
    post = only_post(write_folder(tmp_path, {file: JPEG, "tweets.jsonl": [snscrape()]}))
    assert (post.layout, post.id, post.author) == ("snscrape JSONL", TWEET, "ana")
    assert (post.text, post.posted_at, post.clock) == ("Brays Bayou https://t.co/x", EVENING, "")
    assert media_files(post) == [file]


def test_snscrape_until_2022_has_content(tmp_path: Path) -> None:
    old = snscrape(content="Brays Bayou", username="ana")
    del old["rawContent"], old["_snscrape"]
    assert only_post(write_folder(tmp_path, {"E6abc.jpg": JPEG, "t.jsonl": [old]})).text == "Brays Bayou"


def test_snscrape_s_position_beside_a_place_is_the_place_s_corner(tmp_path: Path) -> None:
    kind = "snscrape.modules.twitter"
    here = {"_type": f"{kind}.Coordinates", "longitude": -95.8, "latitude": 29.5}
    place = {
        "_type": f"{kind}.Place",
        "id": "p",
        "fullName": "Houston, TX",
        "name": "Houston",
        "type": "city",
    }
    lines = [snscrape(coordinates=here), snscrape(coordinates=here, place=place)]
    alone, placed = read_posts(write_folder(tmp_path, {"t.jsonl": lines}))[0]
    assert alone.geotag is not None
    assert (alone.geotag.position, alone.box) == (LatLon(29.5, -95.8), None)
    assert (placed.geotag, placed.box) == (None, Bounds(29.5, -95.8, 29.5, -95.8))
    assert (placed.place, placed.place_kind) == ("Houston, TX", "city")


def test_snscrape_s_retweet_shows_the_photos_of_what_it_repeats(tmp_path: Path) -> None:
    again = snscrape(id=1, media=None, rawContent="RT @ana", retweetedTweet=snscrape())
    assert media_files(only_post(write_folder(tmp_path, {"E6abc.jpg": JPEG, "t.jsonl": [again]}))) == [
        "E6abc.jpg"
    ]


@pytest.mark.parametrize(
    ("told", "text", "author", "file"),
    [
        (
            {
                "_type": "snscrape.modules.mastodon.Toot",
                "url": "https://m.example/@ana/1",
                "id": "1",
                "text": "mud",
                "user": {"_type": "snscrape.modules.mastodon.User", "account": "@ana@m.example"},
                "attachments": [{"url": "https://m.example/media/abc.jpeg", "name": ""}],
            },
            *("mud", "@ana@m.example", "abc.jpeg"),
        ),
        (
            {
                "_type": "snscrape.modules.mastodon.Boost",
                "user": {"account": "@bo@m.example"},
                "toot": {
                    "_type": "snscrape.modules.mastodon.Toot",
                    "text": "mud",
                    "attachments": [{"url": "https://m.example/media/abc.jpeg", "name": ""}],
                },
            },
            *("mud", "@bo@m.example", "abc.jpeg"),
        ),
        (
            {
                "_type": "snscrape.modules.instagram.InstagramPost",
                "content": "mud",
                "username": "ana",
                "isVideo": False,
                "displayUrl": "https://scontent.example/v/123_n.jpg?efg=1",
            },
            *("mud", "ana", "123_n.jpg"),
        ),
        (
            {
                "_type": "snscrape.modules.vkontakte.VKontaktePost",
                "content": "mud",
                "photos": [
                    {
                        "variants": [
                            {"url": "https://vk.example/s.jpg", "width": 100, "height": 80},
                            {"url": "https://vk.example/l.jpg?x=1", "width": 800, "height": 600},
                        ]
                    }
                ],
            },
            *("mud", "", "l.jpg"),
        ),
        (
            {
                "_type": "snscrape.modules.weibo.Post",
                "id": "9",
                "text": "mud",
                "user": {"screenname": "ana"},
                "pictures": ["https://wx.example/large/w.jpg"],
            },
            *("mud", "ana", "w.jpg"),
        ),
    ],
)
def test_snscrape_s_other_sites(
    tmp_path: Path, told: dict[str, Any], text: str, author: str, file: str
) -> None:
    post = only_post(write_folder(tmp_path, {file: JPEG, "items.jsonl": [told]}))
    assert (post.layout, post.text, post.author, media_files(post)) == (
        "snscrape JSONL",
        text,
        author,
        [file],
    )


def test_snscrape_s_accounts_are_no_posts(tmp_path: Path) -> None:
    lines = [{"_type": "snscrape.modules.twitter.User", "username": "ana"}, snscrape(media=None)]
    posts, tally = read_posts(write_folder(tmp_path, {"t.jsonl": lines}))
    assert (len(posts), tally.rejected) == (1, {})


# ---- X


def test_the_archive_of_an_account_until_2018(tmp_path: Path) -> None:
    tweet = {
        "source": "web",
        "geo": {},
        "id_str": "489000000000000000",
        "text": "old flood",
        "id": 489,
        "created_at": "2014-07-14 18:23:05 +0000",
        "user": {"name": "Ana", "screen_name": "ana", "id_str": "7"},
        "entities": {"media": [{"media_url_https": "https://pbs.twimg.com/media/BsABC.jpg"}], "urls": []},
    }
    write_folder(
        tmp_path,
        {
            "BsABC.jpg": JPEG,
            "data/js/tweets/2014_07.js": "Grailbird.data.tweets_2014_07 = \n "
            + json.dumps([tweet], indent=2),
            "data/js/tweet_index.js": 'var tweet_index =  [ {"tweet_count" : 1} ]',
            "data/js/user_details.js": 'var user_details =  {"screen_name" : "ana"}',
        },
    )
    posts, tally = read_posts(tmp_path)
    (post,) = posts
    assert (post.layout, post.author, post.text) == ("X archive", "ana", "old flood")
    assert (post.posted_at, media_files(post)) == (EVENING.replace(year=2014), ["BsABC.jpg"])
    assert tally.left_out == {"data of an export beside its posts": 2}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("variable", ["tweet", "tweets"])
def test_the_archive_of_an_account_since_2018(tmp_path: Path, variable: str, wrapped: bool) -> None:
    """Until 2019 tweets were not wrapped, and until 2022 the file was called tweet.js."""
    tweet: dict[str, Any] = {
        "id": TWEET,
        "id_str": TWEET,
        "full_text": "x",
        "created_at": "Wed Jul 14 20:35:20 +0000 2021",
        "coordinates": {"type": "Point", "coordinates": ["-95.37", "29.76"]},
        "extended_entities": {
            "media": [{"media_url_https": "https://pbs.twimg.com/media/E6abc.jpg", "type": "photo"}]
        },
    }
    items = [{"tweet": tweet} if wrapped else tweet]
    file = f"data/{variable}_media/{TWEET}-E6abc.jpg"
    write_folder(
        tmp_path,
        {
            file: JPEG,
            f"data/{variable}.js": f"window.YTD.{variable}.part0 = " + json.dumps(items, indent=2),
            "data/account.js": 'window.YTD.account.part0 = [ {"account": {"username": "ana"}} ]',
        },
    )
    post = only_post(tmp_path)
    assert (post.layout, post.author, post.posted_at) == ("X archive", "ana", TWEET_TIME)
    assert media_files(post) == [file]
    assert post.geotag is not None
    assert post.geotag.position == LatLon(29.76, -95.37)


def test_api_v1_1_tells_a_position_twice(tmp_path: Path) -> None:
    tweet = {
        "id_str": TWEET,
        "text": "x",
        "coordinates": None,
        "geo": {"type": "Point", "coordinates": [29.76, -95.37]},
    }
    post = only_post(write_folder(tmp_path, {"t.jsonl": [tweet]}))
    assert post.geotag is not None
    assert post.geotag.position == LatLon(29.76, -95.37)


@pytest.mark.parametrize("kind", ["poi", "city"])
def test_the_kind_of_a_place_is_kept(tmp_path: Path, kind: str) -> None:
    place = {"full_name": "Cafe X", "place_type": kind, "bounding_box": {"coordinates": [[[1, 2]] * 4]}}
    v2 = {
        "data": [{"id": "2", "text": "x", "geo": {"place_id": "p"}}],
        "includes": {
            "places": [{"id": "p", "place_type": kind, "full_name": "Cafe X", "geo": {"bbox": [1, 2, 1, 2]}}]
        },
    }
    lines = [{"id_str": TWEET, "text": "x", "place": place}, v2]
    for post in read_posts(write_folder(tmp_path, {"t.jsonl": lines}))[0]:
        assert (post.place, post.place_kind, post.box) == ("Cafe X", kind, Bounds(2, 1, 2, 1))


def test_what_streams_and_pages_of_x_hold_beside_tweets(tmp_path: Path) -> None:
    lines = [
        {"data": [{"id": "2", "text": "a"}], "__twarc": {}},
        {"errors": [{"title": "Not Found Error"}], "__twarc": {}},
        {"meta": {"result_count": 0}, "__twarc": {}},
        {"delete": {"status": {"id": 1}}},
        {"limit": {"track": 5}},
        {"id_str": TWEET, "full_text": "b"},
    ]
    posts, tally = read_posts(write_folder(tmp_path, {"stream.jsonl": lines}))
    assert ([post.text for post in posts], tally.rejected) == (["a", "b"], {})


# ---- Telegram


MESSAGE = {
    "id": 1,
    "type": "message",
    "date": "2021-07-14T20:23:05",
    "date_unixtime": "1626286985",
    "text": "hi",
}


@pytest.mark.parametrize("streamed", [False, True])
def test_telegram_desktop_writes_what_is_no_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    """Control characters as \\x0B (telegramdesktop/tdesktop#27571), emoji's files without quotes (#24961)."""
    if streamed:
        monkeypatch.setattr(json_records, "MAX_WHOLE", 100)
    emoji = [{"type": "custom_emoji", "text": "!", "document_id": "WHERE"}, ""]
    messages = [MESSAGE | {"text": "one \\\\x41 TWO three"}, MESSAGE | {"text": emoji}, MESSAGE]
    whole = json.dumps({"name": "c", "messages": messages}, indent=1)
    whole = whole.replace("TWO", "\\x0B").replace('"WHERE"', "video_files/sticker (2).webm")
    with pytest.raises(ValueError, match="escape"):
        json.loads(whole)
    posts, tally = read_posts(write_folder(tmp_path, {"result.json": whole}))
    assert [post.text for post in posts] == ["one \\\\x41 \x0b three", "!", "hi"]
    assert not tally.rejected


def test_telegram_s_whole_account(tmp_path: Path) -> None:
    story = {"date": "2021-07-14T20:23:05", "date_unixtime": "1626286985", "expires": "", "pinned": False}
    export = {
        "about": "Here is the data you requested.",
        "personal_information": {"first_name": "Ana"},
        "profile_pictures": [{"date": "", "photo": "profile_pictures/photo_1.jpg"}],
        "stories": [
            story | {"media": "stories/story_1.jpg"},
            story | {"media": "stories/story_2.mp4"},
            story | {"media": "(Photo unavailable, please try again later)"},
        ],
        "contacts": {"list": []},
        "chats": {"list": [{"name": "a", "type": "personal_chat", "id": 1, "messages": [MESSAGE]}]},
        "left_chats": {"list": []},
    }
    names = ("stories/story_1.jpg", "profile_pictures/photo_1.jpg", "chats/chat_001/photos/photo_1.jpg")
    posts, tally = read_posts(write_folder(tmp_path, {"result.json": export, **dict.fromkeys(names, JPEG)}))
    shown = [(post.layout, media_files(post), post.posted_at) for post in posts]
    assert shown == [
        ("Telegram", [], EVENING),
        ("Telegram", ["stories/story_1.jpg"], EVENING),
        ("Telegram", [], EVENING),
        ("Telegram", [], EVENING),
        ("bare images", ["chats/chat_001/photos/photo_1.jpg"], None),
    ]
    assert (tally.rejected, tally.left_out) == ({}, {"profile picture": 1})


def test_telegram_s_messages_of_every_kind(tmp_path: Path) -> None:
    gif = {"file": "files/a.gif", "media_type": "animation", "mime_type": "image/gif"}
    clip = {"file": "video_files/a.mp4", "media_type": "animation", "mime_type": "video/mp4"}
    venue = {
        "place_name": "Cafe X",
        "address": "Main St",
        "location_information": {"latitude": 1.5, "longitude": 2.5},
    }
    messages = [{"id": 1, "type": "unsupported"}, MESSAGE | gif, MESSAGE | clip, MESSAGE | venue]
    posts, tally = read_posts(
        write_folder(tmp_path, {"result.json": {"messages": messages}, "files/a.gif": JPEG})
    )
    assert [media_files(post) for post in posts] == [["files/a.gif"], [], []]
    assert posts[2].place == "Cafe X"
    assert not tally.rejected


# ---- Mastodon and Bluesky


@pytest.mark.parametrize(
    "attachment",
    [
        {"type": "Document", "mediaType": "image/jpeg", "url": "media_attachments/files/1/original/x.jpg"},
        [
            {
                "type": "Document",
                "mediaType": "image/jpeg",
                "url": "/s3-bucket/media_attachments/files/1/original/x.jpg",
            }
        ],
        [{"type": "Image", "url": [{"type": "Link", "href": "https://p.example/storage/x.jpg"}]}],
        [{"type": "Image", "url": {"type": "Link", "href": "https://p.example/storage/x.jpg"}}],
    ],
)
def test_attachments_as_kin_of_mastodon_write_them(tmp_path: Path, attachment: Any) -> None:
    note = {"id": "https://m.example/1", "type": "Note", "content": "<p>mud</p>", "attachment": attachment}
    outbox = {"orderedItems": [{"type": "Create", "actor": "https://m.example/users/ana", "object": note}]}
    file = "opt/mastodon/public/system/media_attachments/files/1/original/x.jpg"
    assert media_files(only_post(write_folder(tmp_path, {"outbox.json": outbox, file: JPEG}))) == [file]


def test_mastodon_archive_the_program(tmp_path: Path) -> None:
    """kensanata/mastodon-archive keeps statuses as the API tells them, beside what was liked."""
    status = {
        "id": "109",
        "content": "<p>mud</p>",
        "created_at": "2021-07-14T18:23:05.000Z",
        "account": {"acct": "ana"},
        "media_attachments": [
            {"type": "image", "url": "https://m.example/system/media_attachments/files/1/x.jpg"}
        ],
    }
    kept = {
        "account": {"acct": "ana"},
        "statuses": [status],
        "favourites": [status | {"id": "1"}],
        "mentions": [],
    }
    post = only_post(write_folder(tmp_path, {"m.user.ana.json": kept, "m.user.ana/files/1/x.jpg": JPEG}))
    assert (post.layout, media_files(post)) == ("Mastodon", ["m.user.ana/files/1/x.jpg"])


BLOB = {"$type": "blob", "ref": {"$link": "bafkrei1"}, "mimeType": "image/jpeg", "size": 9}


@pytest.mark.parametrize(
    "embed",
    [
        {"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": BLOB}]},
        {
            "$type": "app.bsky.embed.images",
            "images": [{"alt": "", "image": {"cid": "bafkrei1", "mimeType": "image/jpeg"}}],
        },
        {
            "$type": "app.bsky.embed.gallery",
            "items": [{"$type": "app.bsky.embed.gallery#image", "alt": "", "image": BLOB}],
        },
        {
            "$type": "app.bsky.embed.recordWithMedia",
            "record": {"record": {"uri": "at://x"}},
            "media": {"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": BLOB}]},
        },
    ],
)
def test_embeds_of_bluesky(tmp_path: Path, embed: dict[str, Any]) -> None:
    record = {
        "$type": "app.bsky.feed.post",
        "text": "mud",
        "createdAt": "2021-07-14T18:23:05.655Z",
        "embed": embed,
    }
    post = only_post(write_folder(tmp_path, {"posts.json": [record], "bafkrei1.jpg": JPEG}))
    assert (post.layout, post.posted_at, media_files(post)) == ("Bluesky", EVENING, ["bafkrei1.jpg"])


def test_views_of_bluesky(tmp_path: Path) -> None:
    def post(kind: str, key: str, cid: str) -> dict[str, Any]:
        url = f"https://cdn.bsky.app/img/feed_fullsize/plain/did:plc:x/{cid}@jpeg"
        shown = {"$type": f"app.bsky.embed.{kind}#view", key: [{"fullsize": url, "alt": ""}]}
        record = {"$type": "app.bsky.feed.post", "text": cid, "createdAt": "2021-07-14T18:23:05Z"}
        return {"uri": f"at://{cid}", "author": {"handle": "ana"}, "record": record, "embed": shown}

    threads = [
        {"uri": "at://a", "depth": 0, "value": {"post": post("images", "images", "a")}},
        {"uri": "at://gone", "depth": 1, "value": {"$type": "app.bsky.unspecced.defs#threadItemNotFound"}},
        {"uri": "at://b", "depth": 1, "value": {"post": post("gallery", "items", "b")}},
    ]
    write_folder(
        tmp_path, {"thread.json": {"thread": threads, "hasOtherReplies": False}, "a.jpg": JPEG, "b.jpg": JPEG}
    )
    posts, tally = read_posts(tmp_path)
    assert [(one.text, media_files(one)) for one in posts] == [("a", ["a.jpg"]), ("b", ["b.jpg"])]
    assert not tally.rejected


# ---- CrisisMMD and WhatsApp


def test_the_splits_of_crisismmd(tmp_path: Path) -> None:
    path = f"data_image/hurricane_harvey/14_7_2021/{TWEET}_0.jpg"
    columns = ("event_name", "tweet_id", "image_id", "tweet_text", "image", "label", "label_text")
    cells = ("hurricane_harvey", TWEET, f"{TWEET}_0", "help", path, "informative", "informative")
    header, row = ("\t".join(one) + "\n" for one in (columns, cells))
    post = only_post(
        write_folder(tmp_path, {path: JPEG, "task_informative_text_img_train.tsv": header + row})
    )
    assert (post.layout, post.text, post.posted_at) == ("TSV manifest", "help", TWEET_TIME)
    assert media_files(post) == [path]


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("[14/7/2564 18:23:05] Ana: <attached: {}>", EVENING),
        ("2564/7/14 18:23 - Ana: {} (แนบไฟล์)", EVENING.replace(second=0)),
        ("14/07/2021, 18:23 - Ana: < attached: {} >", EVENING.replace(second=0)),
        ("[14/07/2021, 6:23:05\u202fPM] Ana: photo • 2 pages \u200e<attached: {}>", EVENING),
    ],
)
def test_chats_of_whatsapp_as_others_met_them(tmp_path: Path, line: str, at: datetime) -> None:
    file = "00000042-PHOTO-2021-07-14-18-23-05.jpg"
    post = only_post(write_folder(tmp_path, {"_chat.txt": line.format(file) + "\n", file: JPEG}))
    assert (post.author, post.posted_at, media_files(post)) == ("Ana", at, [file])
