"""Archives as programs and bad connections leave them: tar.gz, gzip, zips of many writers, foreign ones."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Rejected
from geoflood.triage.posts import archives, seekable_gzip, tar_archive
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.seekable_gzip import SeekableGzip
from tests.support.batch import findings, photo_jpeg, run_batch
from tests.support.post_folder import (
    JPEG,
    TWEET,
    media_files,
    only_post,
    read_all,
    read_posts,
    write_folder,
)

NOTE = {
    "id": "https://m.example/1",
    "type": "Note",
    "content": "<p>mud</p>",
    "published": "2021-07-14T18:00:00Z",
    "attachment": [{"type": "Document", "mediaType": "image/jpeg", "url": "media_attachments/files/1/x.jpg"}],
}
OUTBOX = {"orderedItems": [{"type": "Create", "actor": "https://m.example/users/ana", "object": NOTE}]}


def tar(path: Path, members: dict[str, bytes], mode: Any = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def mastodon(root: Path) -> dict[str, bytes]:
    source = write_folder(root / "source", {"outbox.json": OUTBOX, "actor.json": {"inbox": 1, "outbox": 2}})
    return {
        "media_attachments/files/1/x.jpg": JPEG,
        "outbox.json": (source / "outbox.json").read_bytes(),
        "avatar.png": JPEG,
        "actor.json": (source / "actor.json").read_bytes(),
    }


def rows(root: Path) -> list[tuple[str, str]]:
    return [(one.location, str(one.reason)) for one in read_all(root) if isinstance(one, Rejected)]


@pytest.mark.parametrize("before", ["", "./"])
@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar", "w"), ("a", "w:gz")]
)
def test_mastodon_s_archive_is_read_packed(tmp_path: Path, name: str, mode: str, before: str) -> None:
    members = {before + member: content for member, content in mastodon(tmp_path).items()}
    (tmp_path / "in").mkdir()
    tar(tmp_path / "in" / name, members, mode)
    posts, tally = read_posts(tmp_path / "in")
    (post,) = posts
    assert (post.layout, post.text, post.author) == ("Mastodon archive", "mud", "ana")
    assert media_files(post) == [f"{name}!/media_attachments/files/1/x.jpg"]
    assert tally.left_out["profile picture"] == 1
    assert not tally.rejected


def test_photos_in_a_tar_gz_are_located(tmp_path: Path) -> None:
    (tmp_path / "posts").mkdir()
    tar(tmp_path / "posts" / "x.tar.gz", {f"{n}.jpg": photo_jpeg(n) for n in range(5)})
    run_batch(tmp_path)
    assert [one.file for one in findings(tmp_path)] == [f"x.tar.gz!/{n}.jpg" for n in range(5)]


def test_a_line_oriented_export_that_is_packed_alone(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.jpg": JPEG})
    (tmp_path / "tweets.jsonl.gz").write_bytes(gzip.compress(b'{"image": "a.jpg", "text": "high"}\n' * 3))
    posts, tally = read_posts(tmp_path)
    assert {(post.text, post.source) for post in posts} == {("high", "tweets.jsonl.gz!/tweets.jsonl")}
    assert not tally.rejected


def test_what_lies_before_the_break_of_a_tar_gz_is_read(tmp_path: Path) -> None:
    members = {f"{n}.jpg": JPEG + random.Random(n).randbytes(300_000) for n in range(4)}
    path = tar(tmp_path / "x.tar.gz", members)
    path.write_bytes(path.read_bytes()[:700_000])
    posts, tally = read_posts(tmp_path)
    assert [media_files(post)[0] for post in posts] == [f"x.tar.gz!/{n}.jpg" for n in range(3)]
    assert tally.rejected == {"damaged archive": 1}
    summary = run_batch_of(tmp_path)
    assert summary == [("x.tar.gz", "damaged archive"), ("x.tar.gz!/2.jpg", "cannot be read")]


def run_batch_of(root: Path) -> list[tuple[str, str]]:
    """What a batch over the folder rejects."""
    (root / "posts").mkdir()
    (root / "x.tar.gz").rename(root / "posts" / "x.tar.gz")
    return sorted((one.location, one.reason) for one in run_batch(root).results.rejections())


@pytest.mark.parametrize("cut", [512, 1024, 1536])
def test_a_tar_without_its_end_is_told(tmp_path: Path, cut: int) -> None:
    path = tar(tmp_path / "x.tar", {"a.jpg": JPEG, "b.jpg": JPEG}, "w")
    path.write_bytes(path.read_bytes()[: 2048 + 512 - cut])
    assert ("x.tar", "damaged archive") in rows(tmp_path)


def test_headers_that_ask_for_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_archive, "MOST_AT_ONCE", 10_000)
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a.jpg")
        info.pax_headers = {"comment": "x" * 50_000}
        archive.addfile(info)
    assert rows(tmp_path) == [("x.tar", "damaged archive")]


@pytest.mark.parametrize("name", ["big.json.gz", "big.tar.gz"])
def test_what_unpacks_to_far_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for limit in ("BOMB", "ARCHIVE_BOMB"):
        monkeypatch.setattr(tar_archive, limit, (1_000_000, 50))
    content = b"[" + b" " * 20_000_000
    if "tar" in name:
        tar(tmp_path / name, {"big.json": content})
    else:
        (tmp_path / name).write_bytes(gzip.compress(content))
    assert {reason for _, reason in rows(tmp_path)} == {"archive bomb"}


def test_members_of_a_tar_that_are_no_files(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        for name, kind in (
            ("l.jpg", tarfile.SYMTYPE),
            ("h.jpg", tarfile.LNKTYPE),
            ("f.jpg", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/hostname"
            archive.addfile(info)
        archive.addfile(tarfile.TarInfo("../up.jpg"))
    assert rows(tmp_path) == [
        ("x.tar.gz!/l.jpg", "link in an archive"),
        ("x.tar.gz!/h.jpg", "link in an archive"),
        ("x.tar.gz!/f.jpg", "not a file"),
        ("x.tar.gz!/../up.jpg", "path out of the archive"),
    ]


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    tar(tmp_path / "x.tar", {f"{n}.jpg": JPEG for n in range(4)}, "w")
    assert rows(tmp_path) == [("x.tar", "archive too large")]


# ---- reading gzip from any place


@given(st.data())
def test_any_place_of_a_gzip_reads_the_same(data: st.DataObject) -> None:
    dice = random.Random(data.draw(st.integers(0, 99)))
    content = b"".join(dice.choice((dice.randbytes(50), b"x" * 500)) for _ in range(2000))
    pieces = data.draw(st.sampled_from([1, 3]))
    size = len(content) // pieces + 1
    packed = b"".join(gzip.compress(content[at : at + size]) for at in range(0, len(content), size))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(seekable_gzip, "APART", 30_000)
        patch.setattr(seekable_gzip, "PIECE", 4096)
        path = Path(folder, "x.gz")
        path.write_bytes(packed + data.draw(st.sampled_from([b"", bytes(100)])))
        with SeekableGzip(path) as unpacked:
            for at in data.draw(st.lists(st.integers(0, len(content)), min_size=1, max_size=20)):
                length = data.draw(st.integers(1, 5000))
                unpacked.seek(at)
                got = b""
                while len(got) < length and (piece := unpacked.read(length - len(got))):
                    got += piece
                assert got == content[at : at + length]


def test_going_back_in_a_gzip_does_not_unpack_all_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seekable_gzip, "APART", 100_000)
    (tmp_path / "x.gz").write_bytes(gzip.compress(os.urandom(3_000_000)))
    unpacked: list[int] = []
    with SeekableGzip(tmp_path / "x.gz", unpacked.append) as file:
        file.seek(2_900_000)
        file.read(10)
        once = len(unpacked)
        for place in range(0, 2_900_000, 100_000):
            file.seek(2_900_000 - place)
            file.read(10)
    assert len(unpacked) - once < 29 * 6


def test_a_gzip_that_breaks_off_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(os.urandom(10_000))[:5000])
    with SeekableGzip(tmp_path / "x.gz") as file:
        file.seek(9_000)
        with pytest.raises(EOFError):
            file.read(1)


def test_a_gzip_that_is_damaged_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"a" * 10_000)[:12] + b"\xff" * 40)
    with SeekableGzip(tmp_path / "x.gz") as file, pytest.raises(zlib.error):
        file.read(1)


# ---- zip


def zipped(path: Path, members: list[tuple[str, bytes]]) -> Path:
    """Names are written as they are, whatever the system parts them with."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, content)
    return path


def test_names_with_back_slashes(tmp_path: Path) -> None:
    media = {"media": [{"type": "photo", "media_url_https": "https://pbs.twimg.com/media/AbC.jpg"}]}
    told = [{"tweet": {"id": TWEET, "full_text": "x", "extended_entities": media}}]
    tweet = f"window.YTD.tweets.part0 = {json.dumps(told)}"
    zipped(
        tmp_path / "x.zip",
        [
            ("data\\tweets.js", tweet.encode()),
            ("data\\account.js", b'window.YTD.account.part0 = [{"account": {"username": "me"}}]'),
            (f"data\\tweets_media\\{TWEET}-AbC.jpg", JPEG),
            ("data\\profile_media\\1-p.jpg", JPEG),
            ("data\\empty\\", b""),
        ],
    )
    posts, tally = read_posts(tmp_path)
    (post,) = posts
    assert (post.author, media_files(post)) == ("me", [f"x.zip!/data/tweets_media/{TWEET}-AbC.jpg"])
    assert tally.left_out == {"profile picture": 1}


def test_names_in_utf8_that_is_not_marked(tmp_path: Path) -> None:
    name = "Königstraße.jpg"
    data = zipped(tmp_path / "x.zip", [(name, JPEG), ("m.jsonl", f'{{"image": "{name}"}}'.encode())])
    raw = bytearray(data.read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = raw.find(mark) + (6 if mark == b"PK\x03\x04" else 8)
        raw[at + 1] &= ~0x08 & 0xFF
    data.write_bytes(raw)
    assert media_files(only_post(tmp_path)) == [f"x.zip!/{name}"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_twice_in_an_archive(tmp_path: Path) -> None:
    zipped(tmp_path / "x.zip", [("a.jpg", b"old"), ("b.jpg", JPEG), ("a.jpg", JPEG)])
    found = read_all(tmp_path)
    assert [one.reason for one in found if isinstance(one, Rejected)] == ["name that is twice in an archive"]
    assert len(found) == 3


def test_a_zip_that_stands_behind_something_else(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", [("a.jpg", JPEG)])
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    assert media_files(only_post(tmp_path)) == ["x.zip!/a.jpg"]


@pytest.mark.parametrize(
    ("name", "content", "reason", "told"),
    [
        ("x.zip", b"PK\x03\x04" + bytes(200), "damaged archive", "its end is missing"),
        ("x.zip", b"<html>404", "damaged archive", "does not begin as one"),
        ("x.zip", b"", "damaged archive", "does not begin as one"),
        ("x.tar.gz", b"<html>404", "damaged archive", "does not begin as one"),
        ("x.tgz", b"\x1f\x8b\x08\0", "damaged archive", "breaks off"),
        ("x.7z", b"7z\xbc\xaf\x27\x1c", "archive of a kind that is not read", "7-Zip: unpack it"),
        ("x.zip", b"Rar!\x1a\x07\x01\0", "archive of a kind that is not read", "RAR: unpack it"),
        ("x.rar", b"", "archive of a kind that is not read", "RAR: unpack it"),
        ("x", b"BZh91AY", "archive of a kind that is not read", "bzip2: unpack it"),
        ("x.tar.xz", b"\xfd7zXZ\0", "archive of a kind that is not read", "xz: unpack it"),
        ("repo.car", b"\x3a\xa2eroots", "archive of a kind that is not read", "repository of Bluesky"),
        ("repo", b"\x3a\xa2eroots\x81\xd8*X%\0gversion\x01", "archive of a kind that is not read", "Bluesky"),
        ("x.wacz", b"PK\x03\x04", "archive of a kind that is not read", "web archive"),
        ("x.zip.crdownload", b"PK\x03\x04", "download that was not finished", "fetch it again"),
    ],
)
def test_an_archive_that_cannot_be_read_is_one_row(
    tmp_path: Path, name: str, content: bytes, reason: str, told: str
) -> None:
    (one,) = read_all(write_folder(tmp_path, {name: content}))
    assert isinstance(one, Rejected)
    assert (one.location, one.reason) == (name, reason)
    assert told in one.detail


def test_a_zip_cut_short_behind_an_archive_in_it(tmp_path: Path) -> None:
    """The end that is there is another's: what lies before it must not be lost."""
    inner = zipped(tmp_path / "inner.zip", [("a.jpg", JPEG)]).read_bytes()
    (tmp_path / "inner.zip").unlink()
    path = zipped(tmp_path / "x.zip", [("b.jpg", JPEG), ("inner.zip", inner), ("c.jpg", JPEG)])
    path.write_bytes(path.read_bytes().partition(inner)[0] + inner)
    assert zipfile.is_zipfile(path)
    assert rows(tmp_path) == [("x.zip", "damaged archive")]


def test_archives_in_archives_are_told(tmp_path: Path) -> None:
    inner = tar(tmp_path / "inner.tgz", {"a.jpg": JPEG}).read_bytes()
    (tmp_path / "inner.tgz").unlink()
    zipped(tmp_path / "x.zip", [("a.tgz", inner), ("b.zip", b"PK\x03\x04"), ("c.7z", b"7z\xbc\xaf\x27\x1c")])
    assert rows(tmp_path) == [
        ("x.zip!/a.tgz", "archive in an archive"),
        ("x.zip!/b.zip", "archive in an archive"),
        ("x.zip!/c.7z", "archive of a kind that is not read"),
    ]


def test_listing_is_told_while_it_goes_on(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as packed:
        for n in range(5):
            info = tarfile.TarInfo(f"{n}.jpg")
            info.size = len(JPEG)
            packed.addfile(info, io.BytesIO(JPEG))
    told: list[tuple[str, int, int]] = []
    with FileTree(tmp_path, progress=lambda *step: told.append(step)) as tree:
        entries = tree.entries()
        next(entries)
        assert told == [("listing the folder", n, 0) for n in range(1, 7)], "before the first is at hand"
        assert len(list(entries)) == 4
