"""What lies in a folder besides posts and photos, and which photo is whose."""

from __future__ import annotations

import json
import unicodedata
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from geoflood.core.datatypes import Rejected
from geoflood.triage import journal
from geoflood.triage.findings import Post
from geoflood.triage.posts.unusable import Unusable
from tests.support.post_folder import (
    JPEG,
    TWEET,
    V1,
    V2,
    media_files,
    only_post,
    read_all,
    read_posts,
    write_folder,
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{broken", "broken JSON"),
        ("[]", ""),
        ('["a"]', "not recognised"),
        ("", ""),
        ('{"image": ' + "[" * 10_000 + "]" * 10_000 + "}", "nested too deep"),
        ('{"messages": []}', ""),
    ],
)
def test_a_photo_beside_a_document_without_posts_is_still_located(
    tmp_path: Path, content: str, reason: str
) -> None:
    posts, tally = read_posts(write_folder(tmp_path, {"p.jpg": JPEG, "p.json": content}))
    assert [media_files(post) for post in posts] == [["p.jpg"]]
    assert list(tally.rejected) == ([reason] if reason else [])


def test_an_empty_list_of_posts_does_not_hide_what_a_sidecar_says(tmp_path: Path) -> None:
    post = only_post(write_folder(tmp_path, {"p.jpg": JPEG, "p.json": {"posts": [], "text": "x"}}))
    assert (post.layout, post.text) == ("image + sidecar", "x")


def test_a_photo_with_the_name_of_an_export_is_none_of_its_posts(tmp_path: Path) -> None:
    lines = [V2 | {"__twarc": {}}, {"data": [{"id": "2", "text": "no photo"}], "__twarc": {}}]
    posts, _ = read_posts(
        write_folder(tmp_path, {"flood.jpg": JPEG, "E6abc.jpg": JPEG, "flood.jsonl": lines})
    )
    assert [(post.layout, media_files(post)) for post in posts] == [
        ("twarc2 JSONL", ["E6abc.jpg"]),
        ("twarc2 JSONL", []),
        ("bare images", ["flood.jpg"]),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.csv", "image,text\nx.jpg,hi\n"),
        ("m.jsonl", [{"image": "x.jpg", "text": "hi"}]),
        ("m.json", {"image": "x.jpg", "text": "hi"}),
        ("m.jsonl", [{"image": "x.jpg", "text": "hi"}, {"text": "no picture", "image": ""}]),
    ],
)
def test_a_manifest_with_the_name_of_a_photo_speaks_of_the_photos_it_names(
    tmp_path: Path, name: str, content: Any
) -> None:
    posts, tally = read_posts(write_folder(tmp_path, {"m.jpg": JPEG, "x.jpg": JPEG, name: content}))
    assert [media_files(post) for post in posts if post.text == "hi"] == [["x.jpg"]]
    assert [media_files(post) for post in posts if post.layout == "bare images"] == [["m.jpg"]]
    assert not tally.rejected


def test_a_sidecar_that_names_its_own_photo(tmp_path: Path) -> None:
    post = only_post(write_folder(tmp_path, {"m.jpg": JPEG, "m.json": {"image": "m.jpg", "text": "hi"}}))
    assert (post.layout, post.text, media_files(post)) == ("image + sidecar", "hi", ["m.jpg"])


# ---- results of our own


def own(kind: str = "run", before: str = journal.FIRST) -> bytes:
    return (
        json.dumps({"n": 1, "at": "2021", "kind": kind, "before": before}, separators=(",", ":")).encode()
        + b"\n"
    )


def test_a_journal_is_known_by_its_first_line(tmp_path: Path) -> None:
    with journal.Journal(tmp_path / "in" / "triage") as written:
        assert not list(written.replay())
        written.append("run", settings={"index": "x"}, folder="/posts", durable=True)
        written.append("post", key="00")
    write_folder(
        tmp_path / "in",
        {"a.jpg": JPEG, "triage/pictures/b.jpg": JPEG, "triage/located.csv": "image\nb.jpg\n"},
    )
    found = read_all(tmp_path / "in")
    assert [(one.location, one.reason) for one in found if isinstance(one, Rejected)] == [
        ("triage", Unusable.OWN_RESULTS)
    ]
    assert [media_files(one) for one in found if isinstance(one, Post)] == [["a.jpg"]]


def test_results_in_an_archive_are_passed_over(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("t/journal.jsonl", own())
        archive.writestr("t/pictures/b.jpg", JPEG)
        archive.writestr("tent.jpg", JPEG)
    posts, tally = read_posts(tmp_path)
    assert [media_files(post) for post in posts] == [["x.zip!/tent.jpg"]]
    assert tally.rejected == {Unusable.OWN_RESULTS: 1}


@pytest.mark.parametrize("line", [own(before="0" * 64), b'{"image": "a.jpg"}\n', b"", own()[:-1]])
def test_another_s_journal_is_a_document(tmp_path: Path, line: bytes) -> None:
    posts, _ = read_posts(write_folder(tmp_path, {"t/journal.jsonl": line, "t/a.jpg": JPEG}))
    assert ["t/a.jpg"] in [media_files(post) for post in posts]


# ---- what is not recognised


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.csv", "Bild;Text\na.jpg;hi\n", "begins with Bild;Text"),
        ("x.csv", "sep=;\nBild;Text\na.jpg;hi\n", "begins with Bild;Text"),
        ("x.csv", "Bild\na.jpg\n", "begins with Bild"),
        ("x.jsonl", [{"body": "hi", "pic": "a.jpg"}] * 3, "body, pic"),
        ("x.json", {"body": "hi", "pic": "a.jpg"}, "body, pic"),
        ("x.json", "hello", "begins with hello"),
        ("x.jsonl", [{"image": "a.jpg"}, {"body": "hi"}], "1 of 2 records: body"),
    ],
)
def test_a_document_that_is_not_understood_is_told(
    tmp_path: Path, name: str, content: Any, told: str
) -> None:
    found = read_all(write_folder(tmp_path, {"a.jpg": JPEG, name: content}))
    (one,) = [one for one in found if isinstance(one, Rejected)]
    assert (one.location, one.reason) == (name, "not recognised")
    assert told in one.detail


def test_what_exports_hold_beside_posts_is_counted_by_kind(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        {
            "readme.txt": "[draft] read me",
            "index.html": "<p>",
            ".DS_Store": b"\0",
            "notes.md": "{curly}",
            "data/account.js": 'window.YTD.account.part0 = [ {"account": {"username": "ana"}} ]',
            "data/like.js": 'window.YTD.like.part0 = [ {"like": {"tweetId": "1"}} ]',
            "data/manifest.js": "window.__THAR_CONFIG = {}",
            "m/actor.json": {"type": "Person", "inbox": "x", "outbox": "y"},
            "m/likes.json": {"type": "OrderedCollection", "orderedItems": ["https://m.example/1"]},
            "m/bookmarks.json": {"type": "OrderedCollection", "orderedItems": []},
            "v/clip.mp4": b"\0",
            "v/clip.mp4.json": {"category": "twitter", "extension": "mp4"},
            "v/clip2.webm": b"\0",
            "v/clip2.info.json": {"uploader": "ana", "ext": "webm"},
            "empty.csv": "",
            "none.json": "[ ]",
        },
    )
    posts, tally = read_posts(tmp_path)
    assert posts == []
    assert tally.rejected == {"video": 2}
    assert tally.left_out == {
        "data of an export beside its posts": 5,
        "data beside a video or another file": 2,
        "empty file": 2,
        "text without posts": 2,
        "hidden file or folder": 1,
        "web page": 1,
    }


def test_pictures_that_nobody_has_are_listed(tmp_path: Path) -> None:
    found = read_all(
        write_folder(tmp_path, {"m.jsonl": [{"id": "7", "image": ["a.jpg", "b.jpg"]}], "b.jpg": JPEG})
    )
    (one,) = [one for one in found if isinstance(one, Rejected)]
    assert (one.location, one.reason, one.detail) == ("m.jsonl: a.jpg", "without a file", "of post 7")


# ---- names


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_of_either_kind_are_the_same_name(tmp_path: Path, form: Any) -> None:
    other = "NFD" if form == "NFC" else "NFC"
    name = unicodedata.normalize(form, "Überflutung.jpg")
    told = [{"image": unicodedata.normalize(other, f"Fotos für Oma/{name}")}]
    where = unicodedata.normalize(form, "Fotos für Oma") + "/" + name
    assert media_files(only_post(write_folder(tmp_path, {where: JPEG, "m.jsonl": told}))) == [where]


def test_a_name_may_hold_what_parts_names(tmp_path: Path) -> None:
    told = [
        {"image": "a;b.jpg"},
        {"image": "c.jpg; d.jpg"},
        {"image": ";".join(f"{n}.jpg" for n in range(90))},
    ]
    pictures = dict.fromkeys(("a;b.jpg", "b.jpg", "c.jpg", "d.jpg", "89.jpg"), JPEG)
    posts, _ = read_posts(write_folder(tmp_path, {"m.jsonl": told, **pictures}))
    assert [media_files(post) for post in posts][:2] == [["a;b.jpg"], ["c.jpg", "d.jpg"]]
    assert media_files(posts[2])[-1] == "89.jpg"
    assert media_files(posts[3]) == ["b.jpg"]


# ---- no photos


def test_pictures_that_show_no_place_are_left_out(tmp_path: Path) -> None:
    chat = {"messages": [{"type": "message", "id": 1, "date": "2021-07-14T18:00:00"}]}
    sticker = {"type": "message", "id": 2, "date": "2021-07-14T18:00:00", "media_type": "sticker"}
    chat["messages"].append(sticker | {"file": "stickers/s.webp", "mime_type": "image/webp"})
    write_folder(
        tmp_path,
        {
            "tg/result.json": chat,
            "tg/stickers/s.webp": JPEG,
            "tg/photos/p.jpg": JPEG,
            "tg/photos/p_thumb.jpg": JPEG,
            "tg/files/v.mp4_thumb.jpg": JPEG,
            "m/actor.json": {"inbox": 1, "outbox": 2},
            "m/avatar.png": JPEG,
            "m/header.jpeg": JPEG,
            "x/data/account.js": "",
            "x/data/profile_media/1-a.jpg": JPEG,
            "d/a.pdf": b"",
            "d/a.pdf_thumb.jpg": JPEG,
            "d/b.jpg": JPEG,
            "d/b_thumb.jpg": JPEG,
            "own/stickers/photo.jpg": JPEG,
            "own/avatar.jpg": JPEG,
            "own/c_thumb.jpg": JPEG,
        },
    )
    posts, tally = read_posts(tmp_path)
    assert sorted(file for post in posts for file in media_files(post)) == [
        *("d/b.jpg", "own/avatar.jpg", "own/c_thumb.jpg", "own/stickers/photo.jpg", "tg/photos/p.jpg")
    ]
    kinds = ("sticker", "thumbnail", "profile picture")
    assert [tally.left_out[kind] for kind in kinds] == [1, 4, 3]
    assert tally.rejected == {"office file": 1}


# ---- whose clock


def test_telegram_without_seconds_since_1970_tells_a_local_time(tmp_path: Path) -> None:
    base = {"type": "message", "date": "2021-07-14T20:00:00"}
    messages = [base | {"id": 1}, base | {"id": 2, "date_unixtime": "1626285600"}]
    posts, _ = read_posts(write_folder(tmp_path, {"result.json": {"messages": messages}}))
    assert [(post.posted_at, post.clock) for post in posts] == [
        (datetime(2021, 7, 14, 20), "the exporting computer's clock"),
        (datetime(2021, 7, 14, 18), ""),
    ]


# ---- X


LONG = "Water on Main Street & in the cellars. " * 12
CUT = LONG[:270].replace("&", "&amp;") + "… https://t.co/abcdefgh"


@pytest.mark.parametrize("zipped", [False, True])
def test_an_archive_s_long_tweets_and_its_author(tmp_path: Path, zipped: bool) -> None:
    note = {"noteTweet": {"noteTweetId": "9", "core": {"text": LONG}}}
    other = {"noteTweet": {"noteTweetId": "8", "core": {"text": "Something else. " * 30}}}
    tweets = [{"tweet": {"id": TWEET, "full_text": CUT}}, {"tweet": {"id": "20", "full_text": "short"}}]
    content = {
        "data/tweets.js": "window.YTD.tweets.part0 = " + json.dumps(tweets, indent=2),
        "data/note-tweet.js": "window.YTD.note_tweet.part0 = " + json.dumps([note, other]),
        "data/account.js": 'window.YTD.account.part0 = [ {"account": {"username": "ana"}} ]',
    }
    if zipped:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            for name, text in content.items():
                archive.writestr(name, text)
    else:
        write_folder(tmp_path, content)
    posts, tally = read_posts(tmp_path)
    assert [(post.author, post.text) for post in posts] == [("ana", LONG), ("ana", "short")]
    assert not tally.rejected


def test_two_long_tweets_that_begin_alike_leave_a_cut_one_cut(tmp_path: Path) -> None:
    notes = [{"noteTweet": {"core": {"text": LONG + end}}} for end in "ab"]
    archive = {
        "tweets.js": "window.YTD.tweets.part0 = " + json.dumps([{"tweet": {"id": TWEET, "full_text": CUT}}]),
        "note-tweet.js": "window.YTD.note_tweet.part0 = " + json.dumps(notes),
    }
    assert only_post(write_folder(tmp_path, archive)).text == CUT


@pytest.mark.parametrize("file", ["E6abc.jpg", f"{TWEET}_1.jpg"])
@pytest.mark.parametrize("layout", ["page", "flattened", "v1"])
def test_a_retweet_shows_the_photos_of_what_it_repeats(tmp_path: Path, layout: str, file: str) -> None:
    again = [{"type": "retweeted", "id": TWEET}]
    retweet: dict[str, Any] = {
        "id": "1415409600000099999",
        "text": "RT @ana: Brays",
        "referenced_tweets": again,
    }
    media = V2["includes"]["media"]  # type: ignore[index, call-overload]
    if layout == "page":
        content: Any = {"data": [retweet], "includes": V2["includes"] | {"tweets": V2["data"]}}  # type: ignore[operator]
    elif layout == "flattened":
        whole = {"id": TWEET, "text": "Brays", "attachments": {"media": media}}
        content = retweet | {"author": {"username": "bo"}, "referenced_tweets": [again[0] | whole]}
    else:
        content = {"id_str": retweet["id"], "full_text": "RT", "retweeted_status": V1}
    assert media_files(only_post(write_folder(tmp_path, {file: JPEG, "x.json": content}))) == [file]
