"""Spreadsheets of posts, as people and their programs save them."""

from __future__ import annotations

import builtins
import importlib.util
import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from geoflood.core.datatypes import LatLon, Rejected
from geoflood.triage.posts import workbooks
from tests.support.batch import findings, photo_jpeg, run_batch
from tests.support.post_folder import (
    JPEG,
    TWEET,
    TWEET_TIME,
    media_files,
    only_post,
    read_all,
    read_posts,
    write_folder,
)


def book(*sheets: list[list[Any]]) -> bytes:
    written = openpyxl.Workbook()
    written.remove(written.active)
    for number, rows in enumerate(sheets):
        sheet = written.create_sheet(f"S{number}")
        for row in rows:
            sheet.append(row)
    data = io.BytesIO()
    written.save(data)
    return data.getvalue()


HEADER = ["Image", "Text", "Date", "Lat", "Lon", "Tweet ID"]


def test_a_table_of_posts(tmp_path: Path) -> None:
    when = datetime(2021, 7, 14, 18, 23, 5)
    rows = [
        HEADER,
        ["a.jpg", "high, water\nhelp", when, 29.76, -95.37, 7],
        [None, None, None, None, None, None],
        ["b.jpg", None, date(2021, 7, 14), None, None, None],
    ]
    files = {"a.jpg": JPEG, "b.jpg": JPEG, "posts.xlsx": book([], rows)}
    posts, tally = read_posts(write_folder(tmp_path, files))
    first, second = posts
    assert (first.layout, first.text, first.id) == ("XLSX manifest", "high, water\nhelp", "7")
    assert (first.posted_at, first.clock) == (when, "a clock of unknown time zone")
    assert first.geotag is not None
    assert first.geotag.position == LatLon(29.76, -95.37)
    assert (second.posted_at, media_files(second)) == (datetime(2021, 7, 14), ["b.jpg"])
    assert tally.lines() == ["XLSX manifest: 2 posts with 2 pictures"]


def test_ids_that_a_spreadsheet_has_rounded_are_left_out(tmp_path: Path) -> None:
    rows = [HEADER, ["a.jpg", "t", None, None, None, 1.4154096e18], ["a.jpg", "u", None, None, None, TWEET]]
    posts, _ = read_posts(write_folder(tmp_path, {"a.jpg": JPEG, "posts.xlsx": book(rows)}))
    assert [(post.id, post.posted_at) for post in posts] == [("", None), (TWEET, TWEET_TIME)]


@pytest.mark.parametrize("name", ["p.xlsx", "p.xlsm", "p", "p.csv", "p.zip", "x.zip!/p.xlsx"])
def test_what_it_is_called_and_where_it_lies_does_not_matter(tmp_path: Path, name: str) -> None:
    data = book([["image", "text"], ["a.jpg", "high"]])
    if "!" in name:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr("p.xlsx", data)
    else:
        (tmp_path / name).write_bytes(data)
    post = only_post(write_folder(tmp_path, {"a.jpg": JPEG}))
    assert (post.layout, post.text, post.source) == ("XLSX manifest", "high", name)


def test_a_table_that_is_not_understood_is_told(tmp_path: Path) -> None:
    (one,) = read_all(write_folder(tmp_path, {"posts.xlsx": book([["Bild", "Wort"], ["a.jpg", "hi"]])}))
    assert isinstance(one, Rejected)
    assert (one.reason, "bild, wort" in one.detail) == ("not recognised", True)


def test_pictures_inside_are_not_located_and_told(tmp_path: Path) -> None:
    data = io.BytesIO(book([["image"], ["a.jpg"]]))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("xl/media/image1.jpeg", photo_jpeg(1))
        archive.writestr("docProps/thumbnail.jpeg", photo_jpeg(2))
    write_folder(tmp_path / "posts", {"a.jpg": photo_jpeg(3), "posts.xlsx": data.getvalue()})
    summary = run_batch(tmp_path)
    assert [one.file for one in findings(tmp_path)] == ["a.jpg"]
    (row,) = summary.results.rejections()
    assert row.location == "posts.xlsx"
    assert row.detail == "2 pictures in it are not read: save pictures as files"


@pytest.mark.parametrize("name", ["posts.xlsx", "letter.docx", "letter"])
def test_a_broken_office_file_is_told(tmp_path: Path, name: str) -> None:
    part = "xl/workbook.xml" if "xlsx" in name else "word/document.xml"
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(part, "<x/>")
    (one,) = read_all(tmp_path)
    assert isinstance(one, Rejected)
    assert one.detail.startswith("as a spreadsheet: " if "xlsx" in name else "a document: ")


def test_of_a_broken_spreadsheet_its_pictures_are_told_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "posts.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/media/image1.jpeg", JPEG)
    told = [(one.location, one.reason, one.detail) for one in read_all(tmp_path) if isinstance(one, Rejected)]
    assert [(place, reason) for place, reason, _ in told] == [
        ("posts.xlsx", "office file"),
        ("posts.xlsx", "cannot be read"),
    ]
    assert told[0][2] == "a picture in it is not read: save pictures as files"


def test_a_spreadsheet_that_unpacks_to_far_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_UNPACKED", 10_000)
    rows = [["image", "text"], *([f"{n}.jpg", "t" * 100] for n in range(500))]
    (one,) = read_all(write_folder(tmp_path, {"posts.xlsx": book(rows)}))
    assert isinstance(one, Rejected)
    assert one.reason == "too large"


def test_more_rows_than_any_spreadsheet_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_ROWS", 3)
    rows = [["image"], *([f"{n}.jpg"] for n in range(9))]
    _, tally = read_posts(write_folder(tmp_path, {"posts.xlsx": book(rows)}))
    assert tally.posts == {"XLSX manifest": 2}
    assert tally.rejected == {"too large": 1}


def test_without_openpyxl_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find, get = importlib.util.find_spec, builtins.__import__

    def absent(name: str, *more: Any) -> Any:
        return None if name == "openpyxl" else find(name, *more)

    def refusing(name: str, *more: Any, **named: Any) -> Any:
        if name == "openpyxl":
            raise ModuleNotFoundError(name)
        return get(name, *more, **named)

    data = book([["image"], ["a.jpg"]])
    monkeypatch.setattr(importlib.util, "find_spec", absent)
    monkeypatch.setattr(builtins, "__import__", refusing)
    (one,) = read_all(write_folder(tmp_path, {"posts.xlsx": data}))
    assert isinstance(one, Rejected)
    assert (one.reason, "pip install openpyxl" in one.detail) == ("office file", True)
