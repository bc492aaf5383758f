"""No file of a folder is passed over in silence: it is located or read, rejected, or left out by kind."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import struct
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Rejected
from geoflood.triage.findings import Post
from geoflood.triage.journal import read_journal
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.left_out import LeftOut, LeftOutKind
from geoflood.triage.posts.unusable import Unusable
from tests.support.batch import findings, photo_jpeg, post_row, run_batch, write_posts
from tests.support.fuzz_posts import make, unaccounted
from tests.support.post_folder import (
    JPEG,
    media_files,
    only_post,
    read_all,
    read_posts,
    write_folder,
)


def told(root: Path) -> dict[str, tuple[str, str]]:
    """What is said of each thing that is no post."""
    found = read_all(root)
    rows = {one.location: (str(one.reason), one.detail) for one in found if isinstance(one, Rejected)}
    return rows | {one.location: (f"left out: {one.kind}", "") for one in found if isinstance(one, LeftOut)}


@given(st.integers(0, 2**32))
def test_every_file_has_one_fate(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), random.Random(seed))
        assert unaccounted(Path(folder), read_all(Path(folder))) == []


@given(st.integers(0, 2**32))
def test_a_batch_over_them_ends_and_loses_none(seed: int) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "posts")
        folder.mkdir()
        make(folder, random.Random(seed))
        tally = run_batch(Path(root)).tally
        found = read_all(folder)
        lines = list(read_journal(Path(root, "out")))
    rejected = {line.content["location"] for line in lines if line.kind == "rejected"}
    media = [medium for line in lines if line.kind == "post" for medium in line.content["media"]]
    hashed = {medium["file"] for medium in media if medium["sha256"]}
    pictures = {medium.file for one in found if isinstance(one, Post) for medium in one.media if medium.file}
    assert pictures == hashed | (pictures & rejected)
    assert not hashed & rejected
    assert {one.location for one in found if isinstance(one, Rejected)} <= rejected
    left = [one for one in found if isinstance(one, LeftOut) and one.kind is not LeftOutKind.READ_BESIDE]
    assert tally.left_out.total() == len(left)
    located = {line.content["sha256"] for line in lines if line.kind == "located"}
    photos = {line.content["same_as"] or line.content["sha256"] for line in lines if line.kind == "photo"}
    assert located == photos


def test_a_file_without_a_fate_is_noticed(tmp_path: Path) -> None:
    found = read_all(write_folder(tmp_path, {"a.jpg": JPEG, "clip.mp4": b"", "notes.txt": "x"}))
    assert unaccounted(tmp_path, found) == []
    for lost in found:
        assert len(unaccounted(tmp_path, [one for one in found if one is not lost])) == 1
    assert unaccounted(tmp_path, [*found, LeftOut("a.jpg", found[1].kind)]) == ["a.jpg"]  # type: ignore[union-attr]


def test_in_a_batch_every_file_is_located_rejected_or_counted(tmp_path: Path) -> None:
    folder = write_posts(tmp_path, post_row("0.jpg", "one", 7), post_row("gone.jpg", "two", 8))
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(photo_jpeg(n))
    write_folder(
        folder,
        {
            "broken.jpg": b"\xff\xd8\xff no picture",
            "clip.mp4": b"",
            "raw.nef": b"",
            "voice.ogg": b"",
            "STK-20210714-WA0001.webp": JPEG,
            "page.html": "<p>",
            "notes.md": "x",
            ".hidden": "",
        },
    )
    (folder / "gone").symlink_to("nowhere")
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.writestr("3.jpg", photo_jpeg(3))
        archive.writestr("clip.mov", b"")
    tally = run_batch(tmp_path).tally
    located = [one.file for one in findings(tmp_path)]
    assert sorted(located) == ["0.jpg", "1.jpg", "2.jpg", "broken.jpg", "x.zip!/3.jpg"]
    assert tally.rejected == {"video": 2, "raw photo": 1, "link that leads nowhere": 1}
    assert tally.left_out == {
        **dict.fromkeys(("sound", "sticker", "web page", "text without posts", "hidden file or folder"), 1)
    }
    files = sum(len(names) for _, _, names in os.walk(folder)) - 1 + 2  # the archive stands for its members
    posts = 1
    assert len(located) + posts + tally.rejected.total() + tally.left_out.total() == files


# ---- what is said of each kind


@pytest.mark.parametrize(
    ("name", "content", "reason", "detail"),
    [
        ("clip.mp4", b"", "video", "save a frame"),
        ("clip", b"\0\0\0\x18ftypmp42", "video", "save a frame"),
        ("clip", b"\x1aE\xdf\xa3", "video", "save a frame"),
        ("clip.MTS", b"", "video", "save a frame"),
        ("IMG_0001.DNG", b"II*\0", "raw photo", "export it as JPEG"),
        ("IMG_0001.CR3", b"\0\0\0\x18ftypcrx ", "raw photo", "export it as JPEG"),
        ("report.pdf", b"%PDF", "office file", "PDF: save its pictures"),
        ("letter.docx", b"PK\x03\x04", "office file", "a document: save its pictures"),
        ("slides.odp", b"PK\x03\x04", "office file", "slides: save its pictures"),
        ("old.xls", b"\xd0\xcf\x11\xe0", "office file", "a spreadsheet: save its tables as CSV or XLSX"),
        ("table.ods", b"PK\x03\x04", "office file", "a spreadsheet: save its tables as CSV or XLSX"),
        ("posts.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office file", "an old office file"),
        ("mail.eml", b"From: a", "e-mail", "save its pictures as files"),
        ("a.jxl", b"\xff\x0a", "picture of a kind that is not read", "JPEG XL: convert it to JPEG"),
        ("a.jp2", b"", "picture of a kind that is not read", "JPEG 2000: convert it to JPEG"),
        ("photo.jpg.part", JPEG, "download that was not finished", "fetch it again"),
        ("a.jpg", b"/annex/objects/SHA256E-s12--00.jpg", "its content is not here", "git annex get"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\n", "its content is not here", "git lfs pull"),
        (".a.jpg.icloud", b"", "its content is not here", "iCloud"),
        (
            "messages2.html",
            "<html><title>Exported Data</title><div class=page_wrap>",
            "export as web pages",
            "JSON",
        ),
        ("saved.html", "<html>", "left out: web page", ""),
        ("saved", "<!DOCTYPE html>", "left out: web page", ""),
        ("voice.opus", b"", "left out: sound", ""),
        ("voice", b"\0\0\0\x18ftypM4A ", "left out: sound", ""),
        ("logo.svg", "<svg>", "left out: drawing or icon", ""),
        ("font.woff2", b"", "left out: file of another kind", ""),
        ("blob", bytes(range(256)), "left out: file of another kind", ""),
        ("README", "read me", "left out: text without posts", ""),
        ("readme.txt", "read me", "left out: text without posts", ""),
        ("empty.json", "", "left out: empty file", ""),
        ("none.json", "[ ]", "left out: empty file", ""),
        (
            "like.js",
            'window.YTD.like.part0 = [ {"like": {}} ]',
            "left out: data of an export beside its posts",
            "",
        ),
        ("account.js", "window.YTD.account.part0 = []", "left out: read beside posts or pictures", ""),
        (".DS_Store", b"", "left out: hidden file or folder", ""),
    ],
)
def test_one_row_for_each(tmp_path: Path, name: str, content: Any, reason: str, detail: str) -> None:
    ((location, said),) = told(write_folder(tmp_path, {name: content})).items()
    assert (location, said[0]) == (name, reason)
    assert detail in said[1]


def tiff(**tags: int) -> bytes:
    """A picture with more tags in its first directory."""
    written = io.BytesIO()
    known = {"subfile": 254, "dng": 50706}
    told = {known[name]: value for name, value in tags.items()}
    PIL.Image.new("RGB", (16, 12)).save(written, "TIFF", tiffinfo=told)
    return written.getvalue()


@pytest.mark.parametrize("name", ["raw.tif", "raw", "x.zip"])
@pytest.mark.parametrize(
    "content", [tiff(subfile=1), tiff(dng=1), struct.pack("<2sHI2s", b"II", 42, 16, b"CR") + bytes(20)]
)
def test_raw_photos_under_other_names(tmp_path: Path, name: str, content: bytes) -> None:
    if name == "x.zip":
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("raw.tiff", content)
        name = "x.zip!/raw.tiff"
    else:
        (tmp_path / name).write_bytes(content)
    assert {place: reason for place, (reason, _) in told(tmp_path).items()} == {name: "raw photo"}


@pytest.mark.parametrize("name", ["a.tif", "a"])
def test_a_plain_tiff_is_a_picture(tmp_path: Path, name: str) -> None:
    assert media_files(only_post(write_folder(tmp_path, {name: tiff()}))) == [name]


def test_a_caption_is_read_and_not_counted(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.jpg": JPEG, "a.txt": "under the bridge", "b.jpg.txt": "x", "b.jpg": JPEG})
    posts, tally = read_posts(tmp_path)
    assert [post.text for post in posts] == ["under the bridge", "x"]
    assert tally.lines() == ["bare images: 2 pictures that no post speaks of"]


# ---- links


def test_photos_of_git_annex_are_read_where_they_are_here(tmp_path: Path) -> None:
    for n in range(2):
        write_folder(tmp_path, {f".git/annex/objects/{n}/{n}.jpg": JPEG})
        (tmp_path / f"flood-{n}.jpg").symlink_to(f".git/annex/objects/{n}/{n}.jpg")
    (tmp_path / "gone.jpg").symlink_to(".git/annex/objects/9/9.jpg")
    posts, tally = read_posts(tmp_path)
    assert [media_files(post) for post in posts] == [["flood-0.jpg"], ["flood-1.jpg"]]
    assert told(tmp_path)["gone.jpg"] == ("its content is not here", "git annex get fetches it")
    assert tally.left_out == {"hidden file or folder": 1}


def test_links_of_every_kind(tmp_path: Path) -> None:
    root = tmp_path / "in"
    write_folder(
        tmp_path, {"in/a.jpg": JPEG, "in/below/b.jpg": JPEG, "in/.secret/c.jpg": JPEG, "out.jpg": JPEG}
    )
    for name, target in {
        "same.jpg": "a.jpg",
        "folder": "below",
        "up": ".",
        "secret": ".secret",
        "out": "../out.jpg",
        "annexed.jpg": "../.git/annex/objects/x.jpg",
        "gone": "nowhere",
        "self": "self",
    }.items():
        (root / name).symlink_to(target)
    write_folder(tmp_path, {".git/annex/objects/x.jpg": JPEG})
    said = {name: reason for name, (reason, _) in told(root).items()}
    here = "left out: link to a file or folder that is here anyway"
    assert said == {
        **dict.fromkeys(("same.jpg", "folder", "up"), here),
        **dict.fromkeys(("gone", "self"), "link that leads nowhere"),
        **dict.fromkeys(("out", "annexed.jpg"), "link out of the folder"),
        "secret": "link to a hidden folder",
        ".secret": "left out: hidden file or folder",
    }
    assert "git annex unlock" in told(root)["annexed.jpg"][1]


def test_a_link_into_our_own_results(tmp_path: Path) -> None:
    write_folder(tmp_path, {"in/a.jpg": JPEG, "in/.out/photos/b.jpg": JPEG})
    (tmp_path / "in/b.jpg").symlink_to(".out/photos/b.jpg")
    with FileTree(tmp_path / "in", skip=[tmp_path / "in/.out"]) as tree:
        found = [one for one in tree.entries() if isinstance(one, Rejected)]
    assert [(one.location, one.reason) for one in found] == [("b.jpg", Unusable.OWN_RESULTS)]


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    assert told(tmp_path) == {"pipe.json": ("not a file", "a pipe, a socket or a device")}


# ---- folders that may not be read


@pytest.mark.parametrize("name", ["", "closed"])
def test_a_folder_that_may_not_be_read_is_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write_folder(tmp_path, {"closed/a.jpg": JPEG, "open/b.jpg": JPEG})
    scan = os.scandir

    def refusing(path: Any) -> Any:
        if Path(path) == tmp_path / name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert told(tmp_path)[name or "."] == ("cannot be read", "the folder: Permission denied")
    assert ["open/b.jpg"] in [
        media_files(one) for one in read_all(tmp_path) if isinstance(one, Post)
    ] or not name


def test_a_folder_whose_files_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path, {"closed/a.jpg": JPEG, "closed/posts.json": "{}", "b.jpg": JPEG})
    stat = Path.stat

    def refusing(path: Path, **more: Any) -> Any:
        if path.parent.name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **more)

    monkeypatch.setattr(Path, "stat", refusing)
    said = told(tmp_path)
    assert said == dict.fromkeys(
        ("closed/a.jpg", "closed/posts.json"), ("cannot be read", "Permission denied")
    )


# ---- the counts stay true


def test_what_was_mended_is_no_longer_listed(tmp_path: Path) -> None:
    folder = write_posts(tmp_path, post_row("a.jpg", "one", 7))
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("a.jpg", photo_jpeg(1))
    (folder / "x.zip").write_bytes(whole.getvalue()[:-30])
    (folder / "clip.mp4").write_bytes(b"")

    def rejected() -> set[tuple[str, str]]:
        return {(one.location, one.reason) for one in run_batch(tmp_path).results.rejections()}

    clip = ("clip.mp4", "video")
    assert rejected() == {clip, ("x.zip", "damaged archive"), ("list.jsonl: a.jpg", "without a file")}
    (folder / "x.zip").write_bytes(whole.getvalue())
    assert rejected() == {clip}
    (folder / "x.zip").write_bytes(whole.getvalue()[:-30])
    assert rejected() == {clip, ("x.zip", "damaged archive"), ("list.jsonl: a.jpg", "without a file")}
    assert rejected() == {clip, ("x.zip", "damaged archive"), ("list.jsonl: a.jpg", "without a file")}


def test_what_is_left_out_is_a_row_for_each_kind(tmp_path: Path) -> None:
    folder = write_posts(tmp_path)
    (folder / "list.jsonl").unlink()
    write_folder(folder, {"a.jpg": photo_jpeg(1), **{f"{n}.ogg": b"" for n in range(3)}, "b.svg": ""})
    left = [(one.location, one.reason) for one in run_batch(tmp_path).results.rejections()]
    assert left == [("b.svg", "left out: drawing or icon"), ("0.ogg and 2 more", "left out: sound")]
    (folder / "0.ogg").unlink()
    left = [(one.location, one.reason) for one in run_batch(tmp_path).results.rejections()]
    assert left == [("b.svg", "left out: drawing or icon"), ("1.ogg and 1 more", "left out: sound")]


def test_a_picture_that_is_rejected_is_counted(tmp_path: Path) -> None:
    folder = write_posts(tmp_path, post_row("a.jpg", "one", 7))
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.writestr("b.jpg", photo_jpeg(1))
    data = bytearray((folder / "x.zip").read_bytes())
    data[60] ^= 0xFF
    (folder / "x.zip").write_bytes(data)
    assert run_batch(tmp_path).tally.rejected == {"cannot be read": 1}


def test_a_folder_whose_name_ends_as_archives_do(tmp_path: Path) -> None:
    from geoflood.triage.custody import verify
    from geoflood.triage.outputs import write_outputs
    from tests.support.batch import CITY

    write_folder(tmp_path / "posts", {"Help!/a.jpg": photo_jpeg(1), "Help!/list.json": json.dumps([])})
    write_outputs(run_batch(tmp_path).results, CITY)
    assert verify(tmp_path / "out").stands
