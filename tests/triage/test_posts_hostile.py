"""Whatever lies in the folder, reading ends, within bounds, with values."""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import tracemalloc
import zipfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Rejected
from geoflood.core.errors import InputError
from geoflood.triage.findings import Post
from geoflood.triage.posts import archives, json_records, text_files
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.json_records import is_lines, records
from geoflood.triage.posts.layouts import LAYOUTS
from geoflood.triage.posts.left_out import LeftOut
from geoflood.triage.posts.safe_values import box, geotag, prose, unmarked
from geoflood.triage.posts.text_files import Record, lines
from geoflood.triage.posts.times import moment, snowflake
from geoflood.triage.posts.unusable import Unusable
from geoflood.triage.posts.whatsapp import whatsapp
from geoflood.triage.posts.x_archive_extras import ArchiveExtras
from tests.support.post_folder import read_all
from tests.support.work import growth

JPEG = b"\xff\xd8\xff\xe0"


def reasons(root: Path) -> list[str]:
    """Of what was rejected, but for pictures that nobody has."""
    told = [one.reason for one in read_all(root) if isinstance(one, Rejected)]
    return [reason for reason in told if reason != Unusable.NO_FILE]


def told(text: str) -> list[Record | Rejected]:
    def opened() -> AbstractContextManager[io.StringIO]:
        return nullcontext(io.StringIO(text))

    return list(records(opened, "x.json", is_lines(io.StringIO(text))))


def posts(root: Path) -> list[Post]:
    return [one for one in read_all(root) if isinstance(one, Post)]


GOOD = '{"image": "a.jpg", "text": "good"}'


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"image": ' + "[" * 10_000 + "]" * 10_000 + "}", "nested too deep"),
        ('{"image": "a.jpg"', "broken JSON"),
        ("\0\0\0{", "broken JSON"),
        ('{"image": ' + "9" * 5000 + "}", "broken JSON"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "broken JSON"),
    ],
)
def test_a_bad_line_is_a_value_and_the_next_is_read(tmp_path: Path, bad: str, reason: str) -> None:
    (tmp_path / "x.jsonl").write_text(f"{GOOD}\n{bad}\n{GOOD}\n", encoding="utf-8")
    assert reasons(tmp_path) == [reason]
    assert [post.text for post in posts(tmp_path)] == ["good", "good"]


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_document_nested_ten_thousand_deep(tmp_path: Path, opening: str) -> None:
    (tmp_path / "x.json").write_text(opening * 10_000, encoding="utf-8")
    (tmp_path / "y.json").write_text(
        "[\n" + '{"text": ' * 10_000 + "1" + "}" * 10_000 + "]", encoding="utf-8"
    )
    assert posts(tmp_path) == []


class Endless(io.TextIOBase):
    """A line of `length` characters that is in no memory, then a good one."""

    def __init__(self, length: int) -> None:
        self._left, self._tail = length, io.StringIO(f"\n{GOOD}\n")

    def readline(self, size: int | None = -1) -> str:  # type: ignore[override]
        if self._left <= 0:
            return self._tail.readline(-1 if size is None else size)
        piece = min(size or 0, self._left)
        self._left -= piece
        return "x" * piece + (self._tail.readline() if self._left == 0 and piece < (size or 0) else "")


def test_a_line_of_2_gb_takes_no_memory() -> None:
    tracemalloc.start()
    try:
        told = list(lines(Endless(2_000_000_000), "x.jsonl"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [one.reason if isinstance(one, Rejected) else one for one in told] == ["line too long", GOOD]
    assert peak < 5 * text_files.MAX_ITEM


def test_an_item_without_end_stops_its_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "MAX_ITEM", 100_000)
    text = f"[{GOOD},\n" + '{"text": "' + "x" * 1_000_000
    found = told(text)
    assert [one.reason if isinstance(one, Rejected) else one["text"] for one in found] == [
        "good",
        "broken JSON",
    ]


def test_a_large_object_is_streamed_where_it_has_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "MAX_WHOLE", 100)
    message = {"id": 1, "type": "message", "date": "2021-07-14T18:00:00", "text": "hi"}
    text = json.dumps({"name": "chat", "messages": [message] * 20}, indent=1)
    assert len(told(text)) == 20
    (other,) = told(json.dumps({"name": "x" * 200}, indent=1))
    assert isinstance(other, Rejected)
    assert other.reason == "too large"


def test_brackets_without_end_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "MAX_WHOLE", 100)
    tracemalloc.start()
    try:
        (found,) = told('{"messages":' + "[" * 60_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(found, Rejected)
    assert (found.reason, found.detail) == ("broken JSON", "it is nested too deep")
    assert peak < 100_000_000


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members.items():
            written.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize("name", ["../up.jpg", "a/../../up.jpg", "/etc/up.jpg", "C:\\up.jpg", "..\\up.jpg"])
def test_zip_slip(tmp_path: Path, name: str) -> None:
    root = tmp_path / "in"
    root.mkdir()
    archive(root / "x.zip", {name: JPEG, "ok.jpg": JPEG})
    assert reasons(root) == ["path out of the archive"]
    assert [post.media[0].file for post in posts(root)] == ["x.zip!/ok.jpg"]
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "x.zip"], "nothing is unpacked"


def test_zip_bombs(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner.zip", {"a.json": b"[]"}).read_bytes()
    archive(tmp_path / "bomb.zip", {"big.json": b" " * 70_000_000, "inner.zip": inner})
    (tmp_path / "inner.zip").unlink()
    assert sorted(reasons(tmp_path)) == ["archive bomb", "archive in an archive"]


def test_a_bomb_of_many_small_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ARCHIVE_BOMB", (1_000_000, 50))
    whole = {f"{n}.jpg": JPEG + b"\0" * 100_000 for n in range(20)}
    archive(tmp_path / "bomb.zip", whole)
    archive(tmp_path / "ok.zip", {name: JPEG + os.urandom(100_000) for name in whole})
    assert reasons(tmp_path) == ["archive bomb"]
    assert {post.media[0].file.partition("!")[0] for post in posts(tmp_path)} == {"ok.zip"}


def test_a_member_that_lies_about_its_size(tmp_path: Path) -> None:
    data = bytearray(archive(tmp_path / "x.zip", {"x.jsonl": (GOOD + "\n").encode() * 10_000}).read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 40)
    (tmp_path / "x.zip").write_bytes(data)
    assert "cannot be read" in reasons(tmp_path)


def test_damaged_and_encrypted_archives(tmp_path: Path) -> None:
    whole = archive(tmp_path / "x.zip", {"a.jsonl": os.urandom(5000)}).read_bytes()
    (tmp_path / "x.zip").write_bytes(whole[:40] + os.urandom(200) + whole[240:])
    data = bytearray(archive(tmp_path / "e.zip", {"a.jsonl": GOOD.encode()}).read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "e.zip").write_bytes(data)
    assert reasons(tmp_path) == ["encrypted"] or "cannot be read" in reasons(tmp_path)
    assert posts(tmp_path) == []


@pytest.mark.parametrize(("piece", "end"), [("…" * 14, "x"), (" https://t.co/a", "!"), (" " * 14, "x")])
def test_a_text_twice_as_long_takes_twice_as_long_to_be_made_whole(piece: str, end: str) -> None:
    def make_whole(count: int) -> None:
        text = piece * count + end
        assert ArchiveExtras("ana").of(Post("X archive", "1", text)).text == text

    assert growth(make_whole, 500) < 10


def test_a_chat_twice_as_long_takes_twice_as_long() -> None:
    def read_chat(count: int) -> None:
        chat = "14.07.21, 18:23 - A: " + "https://maps.google.com/" * count + "\n" + "<x: a.jpg (" * 2 * count

        def opened() -> AbstractContextManager[io.StringIO]:
            return nullcontext(io.StringIO(chat))

        assert len(list(whatsapp(opened, "_chat.txt"))) == 1

    assert growth(read_chat, 400) < 10


def test_links_out_of_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    (root / "own.jpg").write_bytes(JPEG)
    (root / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "up").symlink_to(tmp_path, target_is_directory=True)
    (root / "again.jpg").symlink_to(root / "own.jpg")
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "list.jsonl").write_text('{"image": "../secret.jpg"}\n{"image": "/etc/hostname"}\n', "utf-8")
    assert reasons(root) == ["link out of the folder"] * 2
    files = [medium.file for post in posts(root) for medium in post.media]
    assert files == ["", "", "own.jpg"]


@pytest.mark.parametrize(
    "name", ['it\'s "quoted".jpg', "two\nlines.jpg", "a..jpg", "\u202egpj.jpg", "=1+1.jpg"]
)
def test_names_that_are_no_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(JPEG)
    (tmp_path / "list.jsonl").write_text(json.dumps({"image": name, "text": "t"}) + "\n", "utf-8")
    found = posts(tmp_path)
    assert [medium.file for post in found for medium in post.media if medium.file] == [name]


def test_a_file_name_that_is_no_utf8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    Path(os.fsdecode(path)).write_bytes(JPEG)
    assert [post.media[0].file for post in posts(tmp_path)] == ["caf\udce9.jpg"]


def test_no_such_folder() -> None:
    with pytest.raises(InputError, match="no such folder"):
        FileTree(Path("nowhere"))


# ---- any value in any field

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["message", "image"]),
)
NAMES = """
id id_str text full_text data includes media users places attachments media_keys media_key url type
geo coordinates bbox author author_id username created_at extended_entities tweet date photo file
mime_type location_information latitude longitude content media_attachments account acct object
actor attachment uri record embed images image ref $link $type post fullsize metadata status
filename lat lon tweet_id image_id image_path note_tweet __twarc place bounding_box user reblog
messages
"""
KEYS = st.sampled_from(NAMES.split())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
RECORDS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=8)


@given(RECORDS)
def test_no_record_breaks_a_reader_that_takes_it(record: dict[str, Any]) -> None:
    for layout in LAYOUTS:
        if layout.recognises(record):
            for post in layout.read(record):
                post.text.encode("utf-8")
                assert isinstance(post.id + post.author + post.place, str)
                assert all(
                    isinstance(name, str) for medium in post.media for name in (medium.name, *medium.aliases)
                )


@given(st.binary(max_size=400) | st.text(max_size=300).map(lambda text: text.encode("utf-16")))
def test_no_bytes_break_the_reading(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("x.json", "x.csv", "x.txt", "x.js"):
            Path(folder, name).write_bytes((b'{"data": [' if name == "x.js" else b"") + content)
        for one in read_all(Path(folder)):
            assert isinstance(one, Post | Rejected | LeftOut)


ANYTHING = VALUES | st.text()


@given(ANYTHING, ANYTHING)
def test_no_value_breaks_a_field(one: Any, other: Any) -> None:
    geotag(one, other)
    box(one)
    moment(one)
    snowflake(str(one))
    prose(one).encode("utf-8")
    unmarked(one)


@pytest.mark.parametrize(
    "told", [float("nan"), float("inf"), 1e300, -1, True, "0", "-1", "99999999999999999999"]
)
def test_no_time_is_invented(told: object) -> None:
    assert moment(told) is None


@pytest.mark.parametrize(
    ("lat", "lon"),
    [(0, 0), ("0", "0.0"), (91, 0), ("a", "b"), (None, None), (float("nan"), 1), (True, True)],
)
def test_no_position_is_invented(lat: object, lon: object) -> None:
    assert geotag(lat, lon) is None
