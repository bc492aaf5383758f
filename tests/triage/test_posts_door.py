"""The door in front of every reader of posts: what it turns into a row, and what passes."""

from __future__ import annotations

import builtins
import errno
import gzip
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from geoflood.core.datatypes import Rejected
from geoflood.triage import photo_facts
from geoflood.triage.findings import Post
from geoflood.triage.posts import documents, file_tree, folder, layouts, workbooks
from geoflood.triage.posts.door import UnusableError, attempt, guarded, row_of
from geoflood.triage.posts.text_files import Record
from geoflood.triage.posts.unusable import Unusable
from tests.support.batch import findings, photo_jpeg, run_batch
from tests.support.fuzz_posts import unaccounted
from tests.support.post_folder import JPEG, media_files, read_all, read_posts, write_folder


class StrangeError(Exception):
    """What no list of exceptions would have."""


STRANGE = (
    StrangeError("odd"),
    lzma.LZMAError("Corrupt input data"),
    RuntimeError("Symlink loop"),
    RecursionError(),
    MemoryError(),
    AssertionError(),
    KeyError("k"),
    OSError(errno.EIO, "Input/output error"),
    EOFError(),
)
PASSING = (
    KeyboardInterrupt(),
    SystemExit(1),
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
)


def raising(error: BaseException) -> Callable[..., Any]:
    def broken(*arguments: object, **named: object) -> Any:
        raise error

    return broken


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (StrangeError("odd\nin lines"), "cannot be read", "StrangeError: odd in lines"),
        (AssertionError(), "cannot be read", "AssertionError"),
        (OSError(errno.EACCES, "Permission denied"), "cannot be read", "Permission denied"),
        (EOFError(), "cannot be read", "it breaks off before its end"),
        (MemoryError(), "cannot be read", "it takes more memory than there is"),
        (RecursionError(), "nested too deep", ""),
        (UnusableError(Unusable.ENCRYPTED, "by a password"), "encrypted", "by a password"),
    ],
)
def test_what_is_told_of_an_exception(error: Exception, reason: str, detail: str) -> None:
    assert row_of(error, "a.zip") == Rejected("a.zip", reason, detail)
    assert attempt(raising(error), "a.zip") == Rejected("a.zip", reason, detail)


@pytest.mark.parametrize("error", PASSING)
def test_what_is_no_file_s_fault_passes(error: BaseException) -> None:
    with pytest.raises(type(error)):
        attempt(raising(error), "a.zip")
    with pytest.raises(type(error)):
        list(guarded(map(raising(error), [1]), "a.zip"))


def test_what_was_found_before_it_breaks_is_kept() -> None:
    def found() -> Any:
        yield "one"
        raise StrangeError("odd")

    assert list(guarded(found(), "a.zip")) == [
        "one",
        Rejected("a.zip", "cannot be read", "StrangeError: odd"),
    ]


# ---- every reader stands behind it


PLACES: dict[str, tuple[object, str]] = {
    "listing an archive": (file_tree, "ZipArchive"),
    "listing a tar": (file_tree, "TarArchive"),
    "telling what is packed": (file_tree, "begins_as_tar"),
    "looking at a file": (file_tree, "kind_of"),
    "looking for a raw file": (file_tree, "is_raw_tiff"),
    "opening a member": (file_tree.ZipArchive, "opened"),
    "reading a spreadsheet": (workbooks, "_rows"),
    "telling a layout": (documents, "layout_of"),
    "reading JSON": (documents, "records"),
    "a time in a name": (folder, "named_time"),
}


def everything(root: Path) -> Path:
    """A folder with a file for each reader."""
    import openpyxl

    write_folder(
        root, {"a.jpg": JPEG, "b.tif": b"II*\0" + bytes(60), "m.jsonl": [{"image": "a.jpg"}], "clip.mp4": b""}
    )
    with zipfile.ZipFile(root / "x.zip", "w") as archive:
        archive.writestr("c.jpg", JPEG)
        archive.writestr("posts.json", '[{"image": "c.jpg", "text": "packed"}]')
    for name, mode in (("y.tar", "w"), ("y.tgz", "w:gz")):
        with tarfile.open(root / name, mode) as packed:
            packed.add(root / "m.jsonl", "m.jsonl")
    (root / "z.jsonl.gz").write_bytes(gzip.compress((root / "m.jsonl").read_bytes()))
    book = openpyxl.Workbook()
    book.active.append(["image"])
    book.save(root / "book.xlsx")
    return root


@pytest.mark.parametrize("error", STRANGE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", PLACES)
def test_a_reader_that_breaks_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: Exception
) -> None:
    everything(tmp_path)
    where, name = PLACES[place]
    monkeypatch.setattr(where, name, raising(error))
    assert unaccounted(tmp_path, read_all(tmp_path)) == []


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", ["listing an archive", "looking at a file", "a time in a name"])
def test_a_full_disk_and_ctrl_c_end_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: BaseException
) -> None:
    where, name = PLACES[place]
    monkeypatch.setattr(where, name, raising(error))
    with pytest.raises(type(error)):
        read_all(everything(tmp_path))


def test_a_record_that_breaks_its_reader_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touchy(record: Record) -> Any:
        if record.get("text") == "bad":
            raise StrangeError("odd")
        yield Post("JSONL manifest", "", str(record.get("text")))

    row = layouts.LAYOUTS[-1]._replace(read=touchy)
    monkeypatch.setattr(layouts, "LAYOUTS", (row,))
    lines = [{"image": "a.jpg", "text": text} for text in ("one", "bad", "two")]
    posts, tally = read_posts(write_folder(tmp_path, {"m.jsonl": lines}))
    assert [post.text for post in posts] == ["one", "two"]
    assert tally.rejected == {"not as documented": 1}


@pytest.mark.parametrize("whole", [1, 2, 5])
def test_a_document_that_breaks_off_keeps_its_first_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    def breaking(*arguments: object, **named: object) -> Any:
        yield from [{"image": f"{n}.jpg", "text": "x"} for n in range(whole)]
        raise StrangeError("odd")

    monkeypatch.setattr(documents, "records", breaking)
    posts, tally = read_posts(write_folder(tmp_path, {"m.jsonl": [{}, {}]}))
    assert (len(posts), tally.rejected) == (whole, {"cannot be read": 1})


def test_a_file_that_is_gone_when_it_is_read(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.jpg": JPEG, "m.jsonl": [{"image": "a.jpg"}]})
    with file_tree.FileTree(tmp_path) as tree:
        read = folder.PostFolder(tree)
        (tmp_path / "m.jsonl").unlink()
        found = list(read.posts())
    assert found[0] == Rejected("m.jsonl", "cannot be read", "No such file or directory")
    assert isinstance(found[1], Post)


def test_a_damaged_lzma_member_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("posts.json", '[{"id":1,"image":"b.jpg"}]' * 20)
        archive.writestr("b.jpg", JPEG)
    data = bytearray(path.read_bytes())
    at = data.find(b"posts.json") + len("posts.json") + 9
    data[at : at + 12] = b"\xff" * 12
    path.write_bytes(data)
    posts, tally = read_posts(tmp_path)
    assert [media_files(post) for post in posts] == [["export.zip!/b.jpg"]]
    assert tally.rejected == {"cannot be read": 1}


def test_a_link_that_leads_to_itself_is_a_row(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a.jpg": JPEG})
    (tmp_path / "migrations").symlink_to("migrations")
    posts, tally = read_posts(tmp_path)
    assert [media_files(post) for post in posts] == [["a.jpg"]]
    assert tally.rejected == {"link that leads nowhere": 1}


# ---- in a batch


def test_a_picture_that_breaks_the_decoder_s_helpers_is_located_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_facts, "perceptual_hashes", raising(StrangeError("odd")))
    write_folder(tmp_path / "posts", {"a.jpg": photo_jpeg(1), "b.jpg": photo_jpeg(2)})
    run_batch(tmp_path)
    assert [one.file for one in findings(tmp_path)] == ["a.jpg", "b.jpg"]


def test_a_full_disk_stops_the_batch_and_rejects_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "posts").mkdir()
    with zipfile.ZipFile(tmp_path / "posts" / "x.zip", "w") as archive:
        archive.writestr("a.jpg", photo_jpeg(1))
    whole = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if "photos" in path.parts:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        run_batch(tmp_path)
    monkeypatch.undo()
    run_batch(tmp_path)
    assert [one.file for one in findings(tmp_path)] == ["x.zip!/a.jpg"]


def test_a_picture_that_may_not_be_read_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "posts", {"a.jpg": photo_jpeg(1), "b.jpg": photo_jpeg(2)})
    opened = builtins.open

    def refusing(path: Path, *more: Any, **named: Any) -> Any:
        if path.name == "a.jpg":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *more, **named)

    monkeypatch.setattr(Path, "open", refusing)
    summary = run_batch(tmp_path)
    assert [one.file for one in findings(tmp_path)] == ["b.jpg"]
    assert summary.tally.rejected == {"cannot be read": 1}
    told = [(one.location, one.detail) for one in summary.results.rejections()]
    assert told == [("a.jpg", "Permission denied")]
