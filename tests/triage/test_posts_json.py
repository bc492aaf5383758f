"""JSON of the sizes that collectors write, and JSON that breaks off."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.triage.posts import json_records, text_files
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.folder import PostFolder
from tests.support.post_folder import JPEG, media_files, only_post, read_posts, write_folder


def page(first: int, tweets: int = 100, padding: int = 2500) -> dict[str, object]:
    """A page as twarc2 saves it: 100 tweets, some 280 KB."""
    data = [{"id": str(n), "text": "x" * padding, "author_id": "7"} for n in range(first, first + tweets)]
    return {"data": data, "includes": {"users": [{"id": "7", "username": "ana"}]}, "__twarc": {}}


@pytest.mark.parametrize("name", ["tweets.jsonl", "tweets.json", "tweets"])
def test_twarc2_pages_longer_than_what_tells_a_file(tmp_path: Path, name: str) -> None:
    posts, tally = read_posts(write_folder(tmp_path, {name: [page(100), page(200), page(300)]}))
    assert [post.id for post in posts] == [str(n) for n in range(100, 400)]
    assert not tally.rejected
    assert posts[0].layout == "twarc2 JSONL"


def test_jsonl_larger_than_one_document_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "MAX_WHOLE", 100_000)
    posts, tally = read_posts(write_folder(tmp_path, {"tweets.jsonl": [page(100), page(200)]}))
    assert (len(posts), tally.rejected) == (200, {})


def test_a_first_line_that_is_too_long_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "MAX_ITEM", 100_000)
    posts, tally = read_posts(write_folder(tmp_path, {"t.jsonl": [page(1), page(200, 2), page(300, 2)]}))
    assert [post.id for post in posts] == ["200", "201", "300", "301"]
    assert tally.rejected == {"line too long": 1}


def test_one_line_with_a_large_document_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "MAX_ITEM", 100_000)
    monkeypatch.setattr(json_records, "MAX_WHOLE", 10_000)
    message = {"id": 1, "type": "message", "date": "2021-07-14T18:00:00", "text": "hi" * 40}
    about = {"contacts": {"list": [{"first_name": "A" * 100}] * 200}}
    chats = {"list": [{"name": "a", "messages": [message] * 2000}, {"name": "b", "messages": [message]}]}
    whole = json.dumps(about | {"chats": chats, "left_chats": {"list": [{"messages": [message] * 2}]}})
    posts, tally = read_posts(write_folder(tmp_path, {"result.json": whole}))
    assert (len(posts), tally.rejected) == (2003, {})


def test_memory_stays_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "MAX_ITEM", 200_000)
    with (tmp_path / "t.jsonl").open("w") as file:
        file.write('{"text": "')
        file.writelines("x" * 100_000 for _ in range(200))
        file.write('"}\n{"image": "a.jpg", "text": "good"}\n')
    tracemalloc.start()
    try:
        with FileTree(tmp_path) as tree:
            found = list(PostFolder(tree).posts())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == 3
    assert peak < 4_000_000, "20 MB are in that line"


MESSAGE = {"id": 1, "type": "message", "date": "2021-07-14T18:00:00", "text": "hi"}


@pytest.mark.parametrize("indent", [1, None])
def test_an_export_that_breaks_off_keeps_what_is_whole(tmp_path: Path, indent: int | None) -> None:
    whole = json.dumps({"name": "c", "messages": [MESSAGE] * 20}, indent=indent)
    posts, tally = read_posts(write_folder(tmp_path, {"result.json": whole[:-60]}))
    assert len(posts) >= 18
    assert tally.rejected == {"broken JSON": 1}


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_every_way_to_write_objects_reads_the_same(
    tmp_path: Path, texts: list[str], indent: int | None, by_line: bool
) -> None:
    told = [{"image": f"{n}.jpg", "text": text} for n, text in enumerate(texts)]
    whole = "\n".join(map(json.dumps, told)) if by_line else json.dumps(told, indent=indent)
    posts, _ = read_posts(write_folder(tmp_path, {"x.json": whole}))
    assert [post.media[0].name for post in posts] == [one["image"] for one in told]
    assert [post.text for post in posts] == [
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts
    ]


def test_a_broken_first_line_is_a_line(tmp_path: Path) -> None:
    posts, tally = read_posts(
        write_folder(
            tmp_path,
            {"x.jsonl": '{"image": \n{"image": "a.jpg"}\n', "y.jsonl": '{"image": "b\n{"image": "b.jpg"}\n'},
        )
    )
    assert [post.media[0].name for post in posts] == ["b.jpg"]
    assert tally.rejected == {"broken JSON": 2}


@pytest.mark.parametrize(
    "text",
    ['{"data":\n[{"id": "1", "text": "a"}], "meta": {}}', '{\n"data": {"id": "1", "text": "a"}, "meta": {}}'],
)
def test_a_document_over_several_lines_is_one(tmp_path: Path, text: str) -> None:
    assert only_post(write_folder(tmp_path, {"page.json": text})).text == "a"


def test_bluesky_records_of_a_repository(tmp_path: Path) -> None:
    def record(kind: str, **value: object) -> dict[str, object]:
        return {"uri": f"at://did:plc:x/{kind}/1", "cid": "c", "value": {"$type": kind, **value}}

    image = {"image": {"ref": {"$link": "bafkrei1"}}}
    post = record(
        "app.bsky.feed.post", text="mud", createdAt="2021-07-14T18:00:00Z", embed={"images": [image]}
    )
    like = record("app.bsky.feed.like", createdAt="2021-07-14T18:00:00Z")
    one = only_post(
        write_folder(tmp_path, {"records.json": {"records": [post, like], "cursor": "x"}, "bafkrei1": JPEG})
    )
    assert (one.layout, one.text, media_files(one)) == ("Bluesky", "mud", ["bafkrei1"])


def test_a_thread_of_bluesky(tmp_path: Path) -> None:
    def node(text: str, **around: object) -> dict[str, object]:
        told = {"text": text, "createdAt": "2021-07-14T18:00:00Z"}
        return {"post": {"uri": f"at://x/{text}", "author": {"handle": text}, "record": told}, **around}

    gone = {"notFound": True, "uri": "at://x"}
    above = node("b", parent=node("a"))
    thread = node("c", parent=above, replies=[node("d", replies=[node("e")]), gone, node("f")])
    posts, tally = read_posts(write_folder(tmp_path, {"thread.json": {"thread": thread}}))
    assert [post.text for post in posts] == [*"abcdef"]
    assert not tally.rejected
