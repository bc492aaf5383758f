"""Every layout of posts, each in a small folder written here after its documentation."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from geoflood.core.datatypes import Bounds, LatLon, Rejected
from geoflood.triage.findings import Post
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.folder import PostFolder
from tests.support.post_folder import (
    JPEG,
    TWEET,
    TWEET_TIME,
    V1,
    V2,
    media_files,
    only_post,
    read_posts,
    write_folder,
)

HOUSTON = Bounds(29.5, -95.8, 30.1, -95.0)


def check_tweet(post: Post, layout: str, file: str) -> None:
    assert post.layout == layout
    assert (post.id, post.author, media_files(post)) == (TWEET, "ana", [file])
    assert post.geotag is not None
    assert (post.geotag.position, post.geotag.origin) == (LatLon(29.76, -95.37), "post")
    assert (post.box, post.place) == (HOUSTON, "Houston, TX")


def test_bare_images_with_a_caption(tmp_path: Path) -> None:
    write_folder(
        tmp_path, {"a/IMG-20210714-WA0001.jpg": JPEG, "b.png": b"\x89PNG\r\n", "b.txt": "under the bridge\n"}
    )
    posts, tally = read_posts(tmp_path)
    assert [(p.source, p.text, media_files(p)) for p in posts] == [
        ("b.png", "under the bridge", ["b.png"]),
        ("a/IMG-20210714-WA0001.jpg", "", ["a/IMG-20210714-WA0001.jpg"]),
    ]
    assert tally.lines() == ["bare images: 2 pictures that no post speaks of"]


def test_a_picture_without_a_suffix_is_known_by_its_content(tmp_path: Path) -> None:
    write_folder(tmp_path, {"bafkreiabc": JPEG, "notes": "nothing", "page.bin": b"\0\1"})
    assert media_files(only_post(tmp_path)) == ["bafkreiabc"]


@pytest.mark.parametrize("name", ["p.json", "p.jpg.json", "p.info.json"])
def test_sidecar(tmp_path: Path, name: str) -> None:
    told = {
        "content": "knee deep",
        "lat": 29.76,
        "lon": -95.37,
        "date": "2021-07-14 18:00:00",
        "filename": "x",
    }
    post = only_post(write_folder(tmp_path, {"p.jpg": JPEG, name: told | {"author": {"name": "ana"}}}))
    assert (post.layout, post.text, post.author) == ("image + sidecar", "knee deep", "ana")
    assert (post.posted_at, media_files(post)) == (datetime(2021, 7, 14, 18), ["p.jpg"])
    assert post.geotag is not None


def test_a_sidecar_that_is_a_tweet_is_read_as_one(tmp_path: Path) -> None:
    check_tweet(only_post(write_folder(tmp_path, {"p.jpg": JPEG, "p.json": V1})), "X API v1.1 JSON", "p.jpg")


@pytest.mark.parametrize(("mark", "suffix"), [(",", "csv"), (";", "csv"), ("\t", "tsv")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_table_manifest(tmp_path: Path, mark: str, suffix: str, encoding: str) -> None:
    rows = [
        ["Image Path", "Text", "Lat", "lon", "date"],
        ["media/a.jpg", "für Oma", "29.76", "-95.37", "2021-07-14"],
    ]
    rows.append(["gone.jpg", "two", "", "", ""])
    text = "".join(mark.join(row) + "\r\n" for row in rows)
    write_folder(tmp_path, {"media/a.jpg": JPEG, f"list.{suffix}": text.encode(encoding)})
    posts, tally = read_posts(tmp_path)
    assert [(p.text, media_files(p)) for p in posts] == [("für Oma", ["media/a.jpg"]), ("two", [""])]
    assert posts[0].geotag is not None
    assert posts[0].geotag.position == LatLon(29.76, -95.37)
    assert posts[0].posted_at == datetime(2021, 7, 14)
    assert tally.lines() == [
        f"{suffix.upper()} manifest: 2 posts with 1 picture, and 1 picture that is not here"
    ]


def test_jsonl_manifest_with_several_pictures(tmp_path: Path) -> None:
    lines = [
        {"image": ["a.jpg", "sub/b.jpg"], "tweet_id": int(TWEET)},
        {"image": "a.jpg;../b.jpg", "text": "t"},
    ]
    posts, tally = read_posts(write_folder(tmp_path, {"a.jpg": JPEG, "sub/b.jpg": JPEG, "list.jsonl": lines}))
    assert [media_files(p) for p in posts] == [["a.jpg", "sub/b.jpg"]] * 2
    assert posts[0].posted_at == TWEET_TIME, "from the id"
    assert tally.lines() == ["JSONL manifest: 2 posts with 4 pictures"]


@pytest.mark.parametrize(
    "file",
    [
        "E6abc.jpg",
        "m/E6abc.png",
        f"{TWEET}-E6abc.jpg",
        f"{TWEET}_1.jpg",
        "3_14100000000.jpg",
        "3_14100000000-o.jpg",
    ],
)
def test_v2_page_and_where_collectors_put_its_pictures(tmp_path: Path, file: str) -> None:
    write_folder(tmp_path, {file: JPEG, "page.json": V2})
    check_tweet(only_post(tmp_path), "X API v2 JSON", file)


def test_twarc2(tmp_path: Path) -> None:
    lines = [
        V2 | {"__twarc": {"version": "2.14"}, "meta": {}},
        {"data": [{"id": "2", "text": "no photo"}], "__twarc": {}},
    ]
    posts, tally = read_posts(write_folder(tmp_path, {"E6abc.jpg": JPEG, "tweets.jsonl": lines}))
    check_tweet(posts[0], "twarc2 JSONL", "E6abc.jpg")
    assert tally.lines() == ["twarc2 JSONL: 2 posts with 1 picture"]


def test_twarc2_flattened(tmp_path: Path) -> None:
    tweet = {
        **V2["data"][0],  # type: ignore[index]
        "author": {"username": "ana"},
        "attachments": {"media": V2["includes"]["media"]},  # type: ignore[index, call-overload]
        "note_tweet": {"text": "the long form"},
    }
    tweet["geo"] = {**tweet["geo"], "full_name": "Houston, TX", "geo": {"bbox": [-95.8, 29.5, -95.0, 30.1]}}
    del tweet["created_at"]
    post = only_post(write_folder(tmp_path, {"E6abc.jpg": JPEG, "flat.jsonl": [tweet]}))
    check_tweet(post, "twarc2 flattened JSONL", "E6abc.jpg")
    assert post.text == "the long form"
    assert post.posted_at == TWEET_TIME


def test_v1(tmp_path: Path) -> None:
    root = write_folder(tmp_path, {"E6abc.jpg": JPEG, "search.json": {"statuses": [V1]}})
    post = only_post(root)
    check_tweet(post, "X API v1.1 JSON", "E6abc.jpg")
    assert (post.text, post.posted_at) == ("Water in <Main St>", TWEET_TIME)


def test_personal_archive_in_a_zip(tmp_path: Path) -> None:
    tweet = {key: value for key, value in V1.items() if key not in ("id_str", "user")} | {"id": TWEET}
    with zipfile.ZipFile(tmp_path / "twitter.zip", "w") as archive:
        archive.writestr(
            "data/tweets.js", "window.YTD.tweets.part0 = " + json.dumps([{"tweet": tweet}], indent=2)
        )
        archive.writestr(
            "data/like.js", 'window.YTD.like.part0 = [ {"like": {"tweetId": "1", "fullText": "x"}} ]'
        )
        archive.writestr(f"data/tweets_media/{TWEET}-E6abc.jpg", JPEG)
    post = only_post(tmp_path)
    assert (post.layout, post.source) == ("X archive", "twitter.zip!/data/tweets.js")
    assert media_files(post) == [f"twitter.zip!/data/tweets_media/{TWEET}-E6abc.jpg"]


def test_crisismmd(tmp_path: Path) -> None:
    path = f"data_image/hurricane_harvey/14_7_2021/{TWEET}_0.jpg"
    header = "tweet_id\timage_id\ttext_info\timage_info\ttweet_text\timage_url\timage_path\n"
    row = f"{TWEET}\t{TWEET}_0\tinformative\tinformative\thelp\thttp://x/y.jpg\t{path}\n"
    post = only_post(
        write_folder(tmp_path, {path: JPEG, "annotations/hurricane_harvey_final_data.tsv": header + row})
    )
    assert (post.layout, post.id, post.text, media_files(post)) == ("CrisisMMD", TWEET, "help", [path])
    assert post.posted_at == TWEET_TIME


@pytest.mark.parametrize("whole", [False, True])
def test_telegram(tmp_path: Path, whole: bool) -> None:
    base = {"type": "message", "date": "2021-07-14T18:00:00", "date_unixtime": "1626278400", "from": "Ana"}
    messages = [
        {"id": 1, "type": "service", "date": "2021-07-14T17:00:00", "action": "join"},
        base | {"id": 2, "text": "plain", "photo": "photos/photo_1@14-07-2021_18-00-00.jpg"},
        base
        | {
            "id": 3,
            "text": ["see ", {"type": "link", "text": "this"}],
            "file": "files/a.jpg",
            "mime_type": "image/jpeg",
            "location_information": {"latitude": 29.76, "longitude": -95.37},
        },
        base | {"id": 4, "text": "", "photo": "(File not included. Change data exporting settings.)"},
    ]
    chat = {"name": "Flood", "type": "private_group", "id": 9, "messages": messages}
    export = {"chats": {"list": [chat]}} if whole else chat
    pictures = {"x/photos/photo_1@14-07-2021_18-00-00.jpg": JPEG, "x/files/a.jpg": JPEG}
    posts, tally = read_posts(write_folder(tmp_path, {"x/result.json": export, **pictures}))
    assert [(p.id, p.text, media_files(p)) for p in posts] == [
        ("2", "plain", ["x/photos/photo_1@14-07-2021_18-00-00.jpg"]),
        ("3", "see this", ["x/files/a.jpg"]),
        ("4", "", [""]),
    ]
    assert posts[0].posted_at == datetime(2021, 7, 14, 16), "UTC, not the exporter's clock"
    assert posts[1].geotag is not None
    assert tally.lines() == ["Telegram: 3 posts with 2 pictures, and 1 picture that is not here"]


IOS = """[14.07.21, 18:03:11] Ana: \u200e<angehängt: 00000012-PHOTO-2021-07-14.jpg>
[14.07.21, 18:05:00] Bo: wo?
https://maps.google.com/?q=29.76,-95.37
"""
ANDROID = """7/14/21, 6:03\u202fPM - Messages are end-to-end encrypted.
7/14/21, 6:03\u202fPM - Ana: IMG-20210714-WA0001.jpg (file attached)
at the bridge
7/14/21, 6:05\u202fPM - Bo: VID-1.mp4 (file attached)
"""


def test_whatsapp_from_an_iphone(tmp_path: Path) -> None:
    posts, _ = read_posts(write_folder(tmp_path, {"_chat.txt": IOS, "00000012-PHOTO-2021-07-14.jpg": JPEG}))
    assert [(p.author, media_files(p)) for p in posts] == [
        ("Ana", ["00000012-PHOTO-2021-07-14.jpg"]),
        ("Bo", []),
    ]
    assert posts[0].posted_at == datetime(2021, 7, 14, 18, 3, 11)
    assert posts[1].geotag is not None
    assert posts[1].geotag.position == LatLon(29.76, -95.37)


def test_whatsapp_from_android(tmp_path: Path) -> None:
    files_ = {"WhatsApp Chat with Flood.txt": ANDROID, "IMG-20210714-WA0001.jpg": JPEG}
    posts, _ = read_posts(write_folder(tmp_path, files_))
    assert [(p.author, p.text, media_files(p)) for p in posts] == [
        ("Ana", "at the bridge", ["IMG-20210714-WA0001.jpg"]),
        ("Bo", "", []),
    ]
    assert posts[0].posted_at == datetime(2021, 7, 14, 18, 3)


def test_mastodon(tmp_path: Path) -> None:
    status = {
        "id": "109",
        "uri": "https://m.example/109",
        "created_at": "2021-07-14T18:00:00.000Z",
        "content": "<p>Water &amp; mud</p><p>everywhere</p>",
        "account": {"acct": "ana@m.example"},
        "media_attachments": [{"type": "image", "url": "https://m.example/media/original/abc.jpeg"}],
    }
    post = only_post(write_folder(tmp_path, {"timeline.jsonl": [status], "abc.jpeg": JPEG}))
    assert (post.layout, post.text, post.author) == ("Mastodon", "Water & mud\neverywhere", "ana@m.example")
    assert media_files(post) == ["abc.jpeg"]


def test_mastodon_archive(tmp_path: Path) -> None:
    note = {
        "id": "https://m.example/1",
        "type": "Note",
        "content": "<p>mud</p>",
        "published": "2021-07-14T18:00:00Z",
        "attachment": [
            {
                "type": "Document",
                "mediaType": "image/jpeg",
                "url": "/media_attachments/files/1/original/x.jpg",
            }
        ],
    }
    create = {"type": "Create", "actor": "https://m.example/users/ana", "object": note}
    boost = {"type": "Announce", "actor": "https://m.example/users/ana", "object": "https://else.example/2"}
    outbox = {"type": "OrderedCollection", "orderedItems": [create, boost]}
    post = only_post(
        write_folder(tmp_path, {"outbox.json": outbox, "media_attachments/files/1/original/x.jpg": JPEG})
    )
    assert (post.layout, post.text, post.author) == ("Mastodon archive", "mud", "ana")
    assert media_files(post) == ["media_attachments/files/1/original/x.jpg"]


def test_bluesky(tmp_path: Path) -> None:
    embed = {
        "$type": "app.bsky.embed.images",
        "images": [{"alt": "", "image": {"ref": {"$link": "bafkrei1"}}}],
    }
    raw = {"$type": "app.bsky.feed.post", "text": "raw", "createdAt": "2021-07-14T18:00:00Z", "embed": embed}
    view = {
        "uri": "at://did:plc:x/app.bsky.feed.post/1",
        "author": {"handle": "ana.bsky.social"},
        "record": {"text": "viewed", "createdAt": "2021-07-14T18:00:00Z"},
        "embed": {"media": {"images": [{"fullsize": "https://cdn.bsky.app/img/plain/did/bafkrei2@jpeg"}]}},
    }
    root = write_folder(tmp_path, {"p.jsonl": [raw, {"post": view}], "bafkrei1": JPEG, "bafkrei2.jpg": JPEG})
    posts, tally = read_posts(root)
    assert [(p.text, media_files(p)) for p in posts] == [("raw", ["bafkrei1"]), ("viewed", ["bafkrei2.jpg"])]
    assert tally.lines() == ["Bluesky: 2 posts with 2 pictures"]


def test_auto_archiver(tmp_path: Path) -> None:
    metadata = {"url": "https://x.com/1", "title": 'Flood, "Main"', "timestamp": "2021-07-14T18:00:00+00:00"}
    media = [{"filename": "local/0a1b.jpg", "key": "0a1b.jpg"}, {"filename": "local/ff.html"}]

    def cell(value: object) -> str:
        return '"' + str(value).replace('"', '""') + '"'

    text = "status,metadata,media\n" + f"archived,{cell(json.dumps(metadata))},{cell(media)}\n"
    post = only_post(write_folder(tmp_path, {"db.csv": text, "store/0a1b.jpg": JPEG}))
    assert (post.layout, post.id, post.text) == ("auto-archiver", "https://x.com/1", 'Flood, "Main"')
    assert (post.posted_at, media_files(post)) == (datetime(2021, 7, 14, 18), ["store/0a1b.jpg"])


def test_several_layouts_in_one_folder(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", {"page.json": V2, "E6abc.jpg": JPEG})
    write_folder(tmp_path / "w", {"_chat.txt": IOS, "00000012-PHOTO-2021-07-14.jpg": JPEG})
    write_folder(tmp_path, {"loose.jpg": JPEG, "readme.md": "# notes", "settings.json": {"theme": "dark"}})
    _, tally = read_posts(tmp_path)
    assert tally.lines() == [
        "WhatsApp: 2 posts with 1 picture",
        "X API v2 JSON: 1 post with 1 picture",
        "bare images: 1 picture that no post speaks of",
        "not used: 1 × not recognised",
        "left out: 1 × text without posts",
    ]


def test_a_name_that_could_mean_two_files_means_none(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a/1.jpg": JPEG, "b/1.jpg": JPEG, "list.jsonl": [{"image": "1.jpg"}]})
    posts, tally = read_posts(tmp_path)
    assert media_files(posts[0]) == [""]
    assert tally.posts == {"JSONL manifest": 1, "bare images": 2}


def test_the_order_stays(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        {"b.jsonl": [{"image": "x.jpg"}], "a.jsonl": [{"image": "y.jpg"}], "x.jpg": JPEG, "y.jpg": JPEG},
    )
    first, second = ([p.source for p in read_posts(tmp_path)[0]] for _ in range(2))
    assert first == second == ["a.jsonl", "b.jsonl"]


def test_rejected_values_are_told(tmp_path: Path) -> None:
    write_folder(tmp_path, {"x.jsonl": '{"image": "a.jpg"}\n{"image": "a.jpg"\n', "a.jpg": JPEG})
    with FileTree(tmp_path) as tree:
        (bad,) = [one for one in PostFolder(tree).posts() if isinstance(one, Rejected)]
    assert (bad.location, bad.reason) == ("x.jsonl, line 2", "broken JSON")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("IMG-20210714-WA0003.jpg", datetime(2021, 7, 14)),
        ("WhatsApp Image 2021-07-14 at 18.03.11.jpeg", datetime(2021, 7, 14, 18, 3, 11)),
        ("signal-2021-07-14-18-03-11-001.jpg", datetime(2021, 7, 14, 18, 3, 11)),
        ("signal-2021-07-14-180311.jpg", datetime(2021, 7, 14, 18, 3, 11)),
        ("photo_1@14-07-2021_18-03-11.jpg", datetime(2021, 7, 14, 18, 3, 11)),
        ("IMG_20210714_180311.jpg", datetime(2021, 7, 14, 18, 3, 11)),
        ("WhatsApp Image 2021-07-14 at 11.03.11 PM.jpeg", None),
        ("IMG-20211399-WA0003.jpg", None),
        ("IMG-99990714-WA0003.jpg", None),
        ("IMG_0042.jpg", None),
    ],
)
def test_a_file_s_name_is_a_witness_of_its_time(tmp_path: Path, name: str, told: datetime | None) -> None:
    (tmp_path / name).write_bytes(b"\xff\xd8\xff")
    one = only_post(tmp_path)
    assert (one.posted_at, one.clock) == (told, "the file's name" if told else "")
