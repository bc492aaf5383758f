"""Made-up folders of posts, each from a seed: exports loose, or in archives of every kind, among other files.

`unaccounted` says which files are not in exactly one of: located or read, rejected, left out.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import random
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any

import openpyxl

from geoflood.core.datatypes import Rejected
from geoflood.triage.findings import Post
from geoflood.triage.posts.archives import clean
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.folder import PostFolder
from geoflood.triage.posts.left_out import LeftOut

SEEDS: dict[str, Any] = {
    "page.json": {
        "data": [
            {
                "id": "1415409600000000001",
                "text": "t",
                "attachments": {"media_keys": ["3_1"]},
                "geo": {"place_id": "p"},
            }
        ],
        "includes": {
            "media": [{"media_key": "3_1", "type": "photo", "url": "https://x/a.jpg"}],
            "places": [{"id": "p", "geo": {"bbox": [-95.8, 29.5, -95.0, 30.1]}}],
        },
    },
    "tweets.js": 'window.YTD.tweets.part0 = [ {"tweet": {"id": "1", "full_text": "x"}} ]',
    "v1.jsonl": {
        "id_str": "1",
        "full_text": "x",
        "extended_entities": {"media": [{"media_url_https": "https://x/a.jpg"}]},
    },
    "result.json": {
        "messages": [
            {"id": 1, "type": "message", "date": "2021-07-14T18:00:00", "text": ["a", {"text": "b"}]}
        ]
    },
    "_chat.txt": "[14.07.21, 18:03:11] Ana: <attached: a.jpg>\n[14.07.21, 18:04:11] Bo: where?\nthere\n",
    "outbox.json": {
        "orderedItems": [
            {"type": "Create", "actor": "a", "object": {"content": "<p>x", "attachment": [{"url": "a.jpg"}]}}
        ]
    },
    "bsky.jsonl": {
        "post": {
            "uri": "at://1",
            "record": {"text": "x", "embed": {"images": [{"image": {"ref": {"$link": "a"}}}]}},
        }
    },
    "crisis.tsv": "tweet_id\timage_id\timage_path\ttweet_text\n1415409600000000001\t1_0\ta.jpg\tx\n",
    "archiver.csv": (
        "status,metadata,media\nok,\"{'title': 'x', 'timestamp': datetime.datetime(2021, 7, 14, 18, 0, "
        "tzinfo=datetime.timezone.utc)}\",\"[{'filename': 'a.jpg', '_key': 'k/a.jpg', 'urls': []}]\"\n"
    ),
    "2014_07.js": 'Grailbird.data.tweets_2014_07 = [ {"id_str": "1", "text": "x"} ]',
    "snscrape.jsonl": {
        "_type": "snscrape.modules.twitter.Tweet",
        "id": 1,
        "date": "2021-07-14T18:00:00+00:00",
        "rawContent": "x",
        "media": [{"_type": "snscrape.modules.twitter.Photo", "fullUrl": "https://x/a?format=jpg&name=orig"}],
        "coordinates": {"longitude": -95.4, "latitude": 29.7},
        "place": {"fullName": "Houston, TX", "type": "city"},
    },
    "data.jsonl": {
        "category": "twitter",
        "subcategory": "user",
        "filename": "a",
        "extension": "jpg",
        "tweet_id": 1,
        "num": 1,
    },
    "old.json": {"$type": "app.bsky.feed.post", "embed": {"images": [{"image": {"cid": "a"}}]}},
    "odd/result.json": '{"messages": [{"id": 1, "type": "message", "date": "2021", "text": "\\x0B"}]}',
    "list.csv": 'image,text,lat,lon\na.jpg,"x, y",29.7,-95.3\n',
    "a.json": {"content": "sidecar", "lat": 29.7, "lon": -95.3},
}
ODD = (
    b"\0",
    b'"',
    b"\xff\xfe",
    b"{",
    b"[" * 3000,
    b"]",
    b"\n",
    b",",
    b"\xed\xa0\x80",
    b"9" * 400,
    b"null",
    b"NaN",
    b"\\ud800",
)


def damaged(dice: random.Random, content: bytes) -> bytes:
    """The content with some of it cut, doubled, flipped or replaced."""
    data = bytearray(content)
    for _ in range(dice.choice((0, 0, 0, 1, 2, 20))):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                del data[at : at + dice.randrange(1, 40)]
            case 1:
                data[at:at] = dice.choice(ODD)
            case 2 if at < len(data):
                data[at] ^= 1 << dice.randrange(8)
            case 3:
                data[at:at] = data[: dice.randrange(1, 200)]
            case _:
                del data[at:]
    return bytes(data)


def shuffled(dice: random.Random, value: Any, depth: int = 0) -> Any:
    """The value with some of its parts replaced by parts of another kind."""
    if dice.random() < 0.08:
        return dice.choice(
            [None, True, 0, -1, 2**70, 1e308, "", "x" * 300, [], {}, [[]], {"text": {}}, "\ud800"]
        )
    if isinstance(value, dict):
        return {
            dice.choice([key, key, key, "id"]): shuffled(dice, inner, depth + 1)
            for key, inner in value.items()
        }
    return [shuffled(dice, inner, depth + 1) for inner in value] if isinstance(value, list) else value


JPEG = b"\xff\xd8\xff"
OTHERS = {
    "clip.mp4": b"\0\0\0\x18ftypmp42",
    "raw.dng": b"II*\0\x08\0\0\0\0\0",
    "photo.tif": b"II*\0\x08\0\0\0\x01\0\xfe\0\x04\0\x01\0\0\0\x01\0\0\0",
    "more.7z": b"7z\xbc\xaf\x27\x1c",
    "more.rar": b"Rar!\x1a\x07",
    "repo.car": b"\x3a\xa2eroots\x81\xd8*X%gversion\x01",
    "half.jpg.part": JPEG,
    "there.jpg": b"/annex/objects/SHA256E-s1--00.jpg\n",
    "messages.html": b"<html><title>Exported Data</title><div class=page_wrap>",
    "letter.docx": b"PK\x03\x04",
    "report.pdf": b"%PDF-1.7",
    "voice.ogg": b"OggS",
    ".hidden": b"",
    "b.txt": b"caption",
    "b.jpg": JPEG,
    "zero.zip": b"",
    "blob": bytes(range(256)),
}
"""Files that are no posts, or none that can be read."""


def workbook(texts: Sequence[str]) -> bytes:
    """A spreadsheet of posts."""
    book = openpyxl.Workbook()
    for row in (("Image", "Text"), *(("a.jpg", text) for text in texts)):
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


SHEET = workbook(["high", "water"])


def make(root: Path, dice: random.Random) -> None:
    """A folder with some damaged exports, loose or packed, among other files."""
    (root / "a.jpg").write_bytes(JPEG)
    files = dict(_exports(dice))
    files |= {name: damaged(dice, OTHERS[name]) for name in dice.sample(sorted(OTHERS), dice.randrange(4))}
    if dice.random() < 0.15:
        files["book.xlsx"] = damaged(dice, SHEET)
    if dice.random() < 0.4:
        name, packed = dice.choice(PACKED)(dice, files)
        (root / name).write_bytes(damaged(dice, packed))
    else:
        for name, content in files.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(content)
    for name in dice.sample(sorted(LINKS), dice.choice((0, 0, 1, 2))):
        with contextlib.suppress(FileExistsError):
            os.symlink(LINKS[name], root / name)


def _exports(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    for name in dice.sample(sorted(SEEDS), dice.randrange(1, 4)):
        value = SEEDS[name]
        whole = (
            value
            if isinstance(value, str)
            else json.dumps(shuffled(dice, value), indent=dice.choice((None, 1)))
        )
        yield name, damaged(dice, whole.encode(dice.choice(("utf-8", "utf-8", "utf-16", "utf-8-sig"))))


LINKS = {
    "loop": "loop",
    "gone.jpg": "nowhere.jpg",
    "out.jpg": "/etc/hostname",
    "same.jpg": "a.jpg",
    "up": ".",
    "annexed.jpg": ".git/annex/objects/0/1.jpg",
}


def _zip(dice: random.Random, files: dict[str, bytes]) -> tuple[str, bytes]:
    methods = (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    before = dice.choice(("", "", "", "../", "/", "a/", "a\\"))
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", dice.choice(methods)) as archive:
        for name, content in files.items():
            archive.writestr(before + name, content)
    return "x.zip", written.getvalue()


def _tar(dice: random.Random, files: dict[str, bytes]) -> tuple[str, bytes]:
    written, before = io.BytesIO(), dice.choice(("", "./", "../", "a/"))
    packed = dice.random() < 0.7
    with tarfile.open(fileobj=written, mode="w:gz" if packed else "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(before + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return "x.tar.gz" if packed else "x.tar", written.getvalue()


def _gzip(dice: random.Random, files: dict[str, bytes]) -> tuple[str, bytes]:
    name = dice.choice(sorted(files))
    return f"{name.rpartition('/')[2]}.gz", gzip.compress(files[name])


PACKED: tuple[Callable[[random.Random, dict[str, bytes]], tuple[str, bytes]], ...] = (_zip, _zip, _tar, _gzip)


def unaccounted(root: Path, found: Sequence[Post | Rejected | LeftOut]) -> list[str]:
    """The files that are not in exactly one of: located or read, rejected, left out.

    A document may be read in part and rejected in part, and so may an archive.
    """
    posts = [one for one in found if isinstance(one, Post)]
    pictures = {medium.file for post in posts for medium in post.media if medium.file}
    read = {post.source for post in posts} - pictures
    rejected = {one.location for one in found if isinstance(one, Rejected)}
    parts = (name.partition(mark) for name in rejected for mark in (", line ", ", sheet ", ": "))
    read |= {name for name, mark, _ in parts if mark}
    left = Counter(one.location for one in found if isinstance(one, LeftOut))
    members = Counter(
        name.partition("!/")[0] for name in {*pictures, *read, *rejected, *left} if "!/" in name
    )

    def wrong(name: str) -> bool:
        inside = name in read or members[name] > 0
        fates = (name in pictures) + left[name] + (name in rejected and not inside) + inside
        return fates != 1

    return sorted(filter(wrong, _names(root, rejected)))


def _names(root: Path, rejected: Set[str]) -> Iterator[str]:
    """Every file in a folder, and every member of the archives of which nothing is told."""
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        single = [name for name in folders if name[0] == "." or (here / name).is_symlink()]
        folders[:] = [name for name in folders if name not in single]
        for name in (*files, *single):
            shown = (here / name).relative_to(root).as_posix()
            yield shown
            if shown not in rejected and not (here / name).is_symlink():
                yield from (f"{shown}!/{member}" for member in _members(here / name))


def _members(path: Path) -> set[str]:
    """By the libraries' own lists; none where a library refuses the archive, or part of it."""
    with contextlib.suppress(Exception):
        if path.name == "x.zip":
            with zipfile.ZipFile(path) as packed:
                return {clean(info.filename) for info in packed.infolist() if not info.is_dir()}
        if path.name in ("x.tar", "x.tar.gz"):
            with tarfile.open(path) as archive:
                return {clean(info.name) for info in archive.getmembers() if not info.isdir()}
    return set()


def read(root: Path) -> list[Post | Rejected | LeftOut]:
    """What a batch would take in."""
    with FileTree(root) as tree:
        return list(PostFolder(tree).posts())


def told(one: Post | Rejected | LeftOut) -> str:
    match one:
        case Post():
            return one.layout
        case Rejected():
            return f"rejected: {one.reason}"
    return f"left out: {one.kind}"
