"""Bundles that broke, and bundles that were made to do damage: one clear line, and nothing is left or run."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import random
import sqlite3
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.format import write_array_header_1_0
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.datatypes import StreetImage
from geoflood.core.errors import GeofloodError
from geoflood.database import bundle_format
from geoflood.database.build import build
from geoflood.database.bundle import write_bundle
from geoflood.database.manifest import Settings
from geoflood.database.unbundle import Unbundled, unbundle
from geoflood.imagery.folder import images
from tests.support.calibration import uncalibrated
from tests.support.commands import error_line
from tests.support.contents import contents

Json = dict[str, Any]


@dataclass
class Forged:
    """A bundle taken apart, to be changed and put together again; checksums are right unless `listed`."""

    members: dict[str, bytes]
    head: Json
    listed: dict[str, Json] = field(default_factory=dict)
    """What bundle.json says of members in place of the truth."""
    raw_head: bytes | None = None
    entries: list[tuple[zipfile.ZipInfo, bytes]] = field(default_factory=list)
    """Members besides, with whatever their directory says."""

    @property
    def rows(self) -> list[Json]:
        return [json.loads(line) for line in self.members["images.jsonl"].splitlines()]

    def put_rows(self, rows: list[Json]) -> None:
        self.members["images.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)

    def array(self, name: str) -> Any:
        return np.load(io.BytesIO(self.members[name]))

    def bytes(self) -> bytes:
        """The bundle."""
        pictures = [name for name in self.members if name.startswith("pictures/")]
        told = {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in self.members.items()
            if name not in pictures
        }
        head = json.dumps(self.head | {"members": told | self.listed}).encode()
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("bundle.json", head if self.raw_head is None else self.raw_head)
            for name, data in self.members.items():
                archive.writestr(name, data)
            for entry, data in self.entries:
                archive.writestr(entry, data)
        return file.getvalue()


@pytest.fixture(scope="module")
def small(streets: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of three photos and a panorama, with their pictures."""
    folder = tmp_path_factory.mktemp("small")
    found = [one for one in images([streets]) if isinstance(one, StreetImage)]
    tiny = replace(settings, dimension=8, bands=(0, 30))
    build(folder / "town", "Town", [*found[:1], *found[-3:]], tiny, uncalibrated)
    outsiders = np.random.default_rng(1).normal(size=(9, 2, 8))
    outsiders /= np.linalg.norm(outsiders, axis=2, keepdims=True)
    np.save(folder / "town" / "outsiders.npy", outsiders.astype(np.float16))
    write_bundle(folder / "town", folder / "town.zip", with_pictures=True)
    return folder / "town.zip"


@pytest.fixture
def forged(small: Path) -> Forged:
    with zipfile.ZipFile(small) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    head = json.loads(members.pop("bundle.json"))
    del head["members"]
    return Forged(members, head)


class Trap:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("sprung",)


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Unbundles bytes that have to be refused; returns the line that says why."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "mine.jpg").write_bytes(b"mine")

    def unbundled(data: bytes, code: int = 3) -> str:
        (tmp_path / "bad.zip").write_bytes(data)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        result = CliRunner().invoke(app, ["unbundle", "bad.zip", "--index-dir", "indexes", "-q"])
        line = error_line(result, code)
        assert "\x1b" not in line
        assert len(line) < 400
        after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert after == before, "nothing is written, and nothing is left"
        assert not (tmp_path / "sprung").exists()
        assert not list((tmp_path / "indexes").glob("*")), "not even an empty folder"
        return line

    return unbundled


def test_the_forge_itself_is_right(forged: Forged, tmp_path: Path, small: Path) -> None:
    """What is taken apart and put together again is a bundle: else every test below would prove nothing."""
    (tmp_path / "again.zip").write_bytes(forged.bytes())
    one, other = unbundle(tmp_path / "again.zip", tmp_path / "a"), unbundle(small, tmp_path / "b")
    assert contents(one.folder, locations=False) == contents(other.folder, locations=False)
    assert one.pictures == 4


# -- the archive --------------------------------------------------------------------------------------------


def entry(name: str, **said: Any) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    for what, value in said.items():
        setattr(made, what, value)
    return made


def with_entry(forged: Forged, name: str, data: bytes = b"x", **said: Any) -> bytes:
    forged.entries.append((entry(name, **said), data))
    return forged.bytes()


def patched(data: bytes, old: bytes, new: bytes, count: int = -1) -> bytes:
    assert len(old) == len(new)
    assert old in data
    return data.replace(old, new, count)


def last_end(data: bytes, **said: int) -> bytes:
    """The end record says something else."""
    at = data.rindex(b"PK\5\6")
    names = ("disk", "first", "here", "members", "size", "offset", "comment")
    values = dict(zip(names, struct.unpack("<4H2LH", data[at + 4 : at + 22]), strict=True)) | said
    return data[: at + 4] + struct.pack("<4H2LH", *values.values()) + data[at + 22 :]


NAMES = {
    "a folder above": "../outside/mine.jpg",
    "a folder above, deep inside": "views/../../../outside/mine.jpg",
    "an absolute path": "/tmp/geoflood-was-here.jpg",
    "a path of Windows": "..\\outside\\mine.jpg",
    "a drive": "C:/geoflood-was-here.jpg",
    "a share": "//server/share/x.jpg",
    "a picture above": "pictures/../../outside/mine.jpg",
    "a folder": "pictures/",
    "a device of Windows": "pictures/a/CON.jpg",
    "a stream of Windows": "bundle.json::$DATA",
    "a name that is no text": "caf\udce9.jpg".encode("utf-8", "surrogateescape").decode("cp437"),
    "an empty name": "",
    "control characters": "\x1b[2Jx",
    "a file of the index": "manifest.json",
    "a lock": ".lock",
    "a program": "geoflood/__init__.py",
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_lead_nowhere(forged: Forged, refused: Callable[..., str], kind: str) -> None:
    assert "bad.zip cannot be used" in refused(with_entry(forged, NAMES[kind]))


@pytest.mark.parametrize("kind", NAMES)
def test_listing_a_name_makes_it_no_better(forged: Forged, refused: Callable[..., str], kind: str) -> None:
    forged.listed[NAMES[kind]] = {"bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    assert "bad.zip cannot be used" in refused(with_entry(forged, NAMES[kind]))


def archives(forged: Forged) -> Iterator[tuple[str, bytes]]:
    """Archives that are none, or lie of themselves."""
    good = forged.bytes()
    yield "nothing", b""
    yield "no archive", b"no archive" * 100
    yield "half of it", good[: len(good) // 2]
    yield "its end is gone", good[:-22]
    yield "one byte is gone", good[1:]
    yield "a comment", last_end(good, comment=5) + b"hello"
    yield "bytes behind it", good + b"PK\5\6"
    yield "ten million members", last_end(good, members=60_000, here=60_000)
    yield "a directory of gigabytes", last_end(good, size=0xFFFFFFF0)
    yield "a directory elsewhere", last_end(good, offset=7)
    yield "several disks", last_end(good, disk=1, first=1)
    huge = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 10**15, 10**15, 10**18, 0)
    place = struct.pack("<4sLQL", b"PK\6\7", 0, len(good) - 22, 1)
    yield (
        "more members than there are atoms",
        good[:-22] + huge + place + last_end(good, members=0xFFFF)[-22:],
    )
    yield "a 64-bit end that is none", good[:-22] + place + good[-22:]
    middle = good.index(forged.members["views/descriptors.npy"])
    yield "a byte is another", good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]
    yield "another name inside", patched(good, b"views/fov.npy", b"views/fox.npy", 1)
    yield "another size inside", patched(good, *_sizes(good, "views/fov.npy"))


def _sizes(data: bytes, name: str) -> tuple[bytes, bytes]:
    """The directory's entry of a member, and the same with a size that is a byte less."""
    at = data.rindex(b"PK\1\2", 0, data.rindex(name.encode()))
    size = struct.unpack("<L", data[at + 24 : at + 28])[0]
    less = struct.pack("<L", size - 1)
    return data[at : at + 46], data[at : at + 20] + less * 2 + data[at + 28 : at + 46]


ARCHIVES = (
    *("nothing", "no archive", "half of it", "its end is gone", "one byte is gone", "a comment"),
    *("bytes behind it", "ten million members", "a directory of gigabytes", "a directory elsewhere"),
    *("more members than there are atoms", "a 64-bit end that is none", "a byte is another"),
    *("another name inside", "another size inside"),
)


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_that_are_not_what_they_say(forged: Forged, refused: Callable[..., str], kind: str) -> None:
    assert "bad.zip cannot be used" in refused(dict(archives(forged))[kind])


def test_bombs(forged: Forged, refused: Callable[..., str]) -> None:
    """Compressed members, and members that lie over each other: nothing is larger than the file is."""
    bomb = with_entry(forged, "pictures/a/b.jpg", bytes(50_000_000), compress_type=zipfile.ZIP_DEFLATED)
    assert "is compressed" in refused(bomb)
    forged.entries.clear()
    zeros = bytes(2_000_000)
    data = with_entry(forged, "pictures/a/c.jpg", zeros)
    at = data.rindex(b"PK\1\2")
    (offset,) = struct.unpack("<L", data[at + 42 : at + 46])
    again = data[at : data.rindex(b"PK\5\6")].replace(b"c.jpg", b"d.jpg")
    end = data.rindex(b"PK\5\6")
    many = data[:end] + again * 1 + data[end:]
    size = end - data.index(b"PK\1\2", offset + len(zeros)) + len(again)
    count = len(forged.members) + 3
    assert "over each other" in refused(last_end(many, members=count, here=count, size=size))


@pytest.mark.parametrize(
    "said",
    [
        {"flag_bits": 0x1},
        {"flag_bits": 0x2000},
        {"external_attr": (stat.S_IFLNK | 0o777) << 16},
        {"external_attr": (stat.S_IFIFO | 0o644) << 16},
        {"external_attr": (stat.S_IFCHR | 0o644) << 16},
    ],
    ids=["encrypted", "masked", "a link", "a pipe", "a device"],
)
def test_members_that_are_no_files(forged: Forged, refused: Callable[..., str], said: Json) -> None:
    data = with_entry(forged, "pictures/a/b.jpg", b"/etc/passwd", **said)
    if flag := said.get("flag_bits"):  # writing does not set it
        at = data.rindex(b"PK\1\2")
        data = data[: at + 8] + struct.pack("<H", flag) + data[at + 10 :]
    assert "is encrypted" in (line := refused(data)) or "is no file" in line


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["learned.npz", "LEARNED.npz", "Bundle.json"])
def test_a_name_comes_once_on_every_disk(forged: Forged, refused: Callable[..., str], name: str) -> None:
    assert "comes twice" in refused(with_entry(forged, name))


def evil_database() -> bytes:
    """A database that does something whenever it is used."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE other (id INTEGER)")
    db.execute("CREATE VIEW refs AS SELECT writefile('sprung', 'x') AS id, load_extension('./x.so') AS lat")
    db.execute("CREATE TRIGGER t AFTER INSERT ON other BEGIN SELECT load_extension('./x.so'); END")
    return db.serialize()


def evil_vectors() -> bytes:
    """An index of vectors that says that it has far more of them."""
    index = faiss.IndexScalarQuantizer(8, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.add(np.zeros((4, 8), np.float32))
    data = faiss.serialize_index(index).tobytes()
    return data.replace(struct.pack("<q", 4), struct.pack("<q", 1 << 60))


def nested(forged: Forged) -> bytes:
    return forged.bytes()


EXTRA: dict[str, Callable[[Forged], tuple[str, bytes]]] = {
    "a database": lambda forged: ("references.sqlite", evil_database()),
    "a plan": lambda forged: ("ledger.sqlite", evil_database()),
    "an index of vectors": lambda forged: ("vectors.faiss", evil_vectors()),
    "a pickle": lambda forged: ("learned.pkl", pickle.dumps(Trap())),
    "a bundle": lambda forged: ("town.zip", nested(forged)),
    "a picture that nobody lists": lambda forged: ("pictures/bundled/999999.jpg", b"x"),
}


@pytest.mark.parametrize("kind", EXTRA)
@pytest.mark.parametrize("listed", [False, True])
def test_what_no_bundle_has_is_never_opened(
    forged: Forged, refused: Callable[..., str], kind: str, listed: bool
) -> None:
    name, data = EXTRA[kind](forged)
    if listed:
        forged.listed[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    line = refused(with_entry(forged, name, data))
    assert ("which no bundle has" if listed else "which it does not list") in line


@pytest.mark.parametrize(
    "name", ["images.jsonl", "learned.npz", "views/image.npy", "views/descriptors.npy", "patches/rows.npy"]
)
def test_members_that_lack_or_differ(forged: Forged, refused: Callable[..., str], name: str) -> None:
    data = forged.members[name]
    true = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    forged.listed[name] = true | {"sha256": "0" * 64}
    assert f"{name} is damaged" in refused(forged.bytes())
    for size in (len(data) + 1, 0, 10**14):
        forged.listed[name] = true | {"bytes": size}
        assert f"{name} is missing, or of another size" in refused(forged.bytes())
    forged.listed[name] = true
    del forged.members[name]
    assert f"{name} is missing" in refused(forged.bytes())
    forged.listed.clear()
    assert f"it lists no {name}" in refused(forged.bytes())


def test_pictures_that_lack_or_differ(forged: Forged, refused: Callable[..., str]) -> None:
    name = next(name for name in forged.members if name.startswith("pictures/"))
    data = forged.members[name]
    forged.members[name] = bytes(len(data))
    assert f"{name} is damaged" in refused(forged.bytes())
    forged.members[name] = data + b"x"
    assert "of another size" in refused(forged.bytes())
    del forged.members[name]
    assert "is missing" in refused(forged.bytes())


# -- bundle.json --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000),
        *(b'{"format": "geoflood bundle", "format": "geoflood bundle"}', b'{"version": NaN}'),
        *(b'{"version": ' + b"9" * 5000 + b"}", b'{"format": "another"}', b'{"format": "geoflood bundle"}'),
    ],
    ids=range(12),
)
def test_a_header_that_is_none(forged: Forged, refused: Callable[..., str], data: bytes | None) -> None:
    forged.raw_head = data
    refused(forged.bytes())


def test_a_header_that_is_too_long_is_not_read(
    forged: Forged, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forged.raw_head = b"x" * (bundle_format.MOST_BYTES + 1)
    assert "more than" in refused(forged.bytes())


def test_newer_bundles_say_so(forged: Forged, refused: Callable[..., str]) -> None:
    forged.head["version"] = 2
    assert "version 2 of the form, this geoflood reads up to 1" in refused(forged.bytes())


@pytest.mark.parametrize(
    ("said", "word"),
    [({"backbone": "resnet-of-doom"}, "another backbone"), ({"version": "1"}, "rootsift 1")],
)
def test_what_cannot_be_searched_here_is_5(
    forged: Forged, refused: Callable[..., str], said: Json, word: str
) -> None:
    forged.head["settings"] |= said
    assert word in refused(forged.bytes(), 5)


WHOLE = (0, -1, True, 1.0, "4", None, [], 10**30, 2**63)
HEADS: list[tuple[str, Json]] = [
    *(("images", {"images": value}) for value in (*WHOLE, 3, 5)),
    *(("views", {"views": value}) for value in (*WHOLE, 10, 12)),
    *(("city", {"city": value}) for value in ("x" * 201, 7, None, "a\x00b", "\ud800")),
    *(("settings", {"settings": value}) for value in (None, [], {}, "x")),
    *(
        ("calibration", {"calibration": value})
        for value in (None, [], {"untold": 3}, {"untold": {"spot": 1}})
    ),
    *(("part_of", {"part_of": value}) for value in (3, [], {}, {"images": 0, "views": 1})),
]
SETTINGS: list[Json] = [
    *(
        {"bands": value}
        for value in ([], [30], [0, 95], [0, 0], [30, 0], [0, "1"], [0, 1.5], [0], [0, 30, 45])
    ),
    *({"bands": value} for value in (None, {}, "0", [0, True], list(range(91)), [0, 10**30])),
    *({"dimension": value} for value in (7, 10**9, "8", True, -8, 9.5)),
    *({"tile_headings": value} for value in (0, 10**9, None)),
    *({"tile_fov_deg": value} for value in (0, 180, "80", None, 1e308)),
    *({"backbone": value} for value in ("", None, 7, "x" * 101)),
    *({"version": value} for value in ("", None, 2)),
]


@pytest.mark.parametrize(("what", "said"), HEADS, ids=[f"{what}-{n}" for n, (what, _) in enumerate(HEADS)])
def test_a_header_that_lies(forged: Forged, refused: Callable[..., str], what: str, said: Json) -> None:
    forged.head |= said
    refused(forged.bytes())


@pytest.mark.parametrize("said", SETTINGS, ids=range(len(SETTINGS)))
def test_settings_that_do_not_fit(forged: Forged, refused: Callable[..., str], said: Json) -> None:
    forged.head["settings"] |= said
    refused(forged.bytes())


def calibrated(**numbers: Any) -> Json:
    model = [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    whole = {"temperature": 0.05, "kernel_m": 9.0, "place": model, "spot": model, "inside": model}
    return {"untold": whole | numbers}


@pytest.mark.parametrize(
    "numbers",
    [
        *({"temperature": value} for value in (0, -1, "x", None, [], 1e999)),
        *({"place": value} for value in ([], [0, -1, 0, 0, 0, 0], "abcdef", None, [1e999] * 6)),
        *({"coverage": value} for value in ([[2, 1]], [[0.5]], 7, [[0.5, "x"]])),
        *({"same": 1e9}, {"trials": "many"}, {"trials": 1e999}),
    ],
    ids=range(18),
)
def test_calibration_that_promises_the_impossible(
    forged: Forged, refused: Callable[..., str], numbers: Json
) -> None:
    forged.head["calibration"] = calibrated(**numbers)
    assert "bundle.json" in refused(forged.bytes())


def test_calibration_that_is_right_is_taken(forged: Forged, tmp_path: Path) -> None:
    forged.head["calibration"] = calibrated(trials=30)
    (tmp_path / "c.zip").write_bytes(forged.bytes())
    (entry,) = unbundle(tmp_path / "c.zip", tmp_path / "i").manifest.calibration.values()
    assert (entry.trials, entry.params.kernel_m) == (30, 9.0)


@pytest.mark.parametrize(
    "city", ["../../outside", "/etc", "C:\\x", "a\nb", "[bold]x[/]", ".", "\x1b[2J", "💧"]
)
def test_the_name_of_a_city_is_no_path(
    forged: Forged, tmp_path: Path, city: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    forged.head["city"] = city
    (tmp_path / "c.zip").write_bytes(forged.bytes())
    result = CliRunner().invoke(app, ["unbundle", "c.zip", "--index-dir", "indexes"])
    assert result.exit_code == (2 if city in (".", "💧") else 0), result.output
    assert "\x1b" not in result.output
    assert all(path.parent.parent == tmp_path / "indexes" for path in tmp_path.rglob("manifest.json"))
    assert {path.name for path in tmp_path.iterdir()} <= {"c.zip", "indexes"}


# -- images.jsonl -------------------------------------------------------------------------------------------


ROWS: list[Json] = [
    *({"key": value} for value in ("", None, 7, "x" * 9000, "a\x00", "\ud800")),
    *({"lat": value} for value in (91, -91, None, "52", True, 1e999)),
    *({"lon": value} for value in (181, -181, None, [])),
    *({"heading": value} for value in (-1, 361, "x", 1e999, False)),
    *({"accuracy": value} for value in (-1, "x", 1e30)),
    *({"taken": value} for value in ("yesterday", 7, "2020-01-01T00:00:00+02:00", "9" * 50, [])),
    *({"projection": value} for value in ("fisheye", None, 1)),
    *({name: value} for name in ("licence", "credit", "link", "origin") for value in (None, 7, "x" * 9000)),
    *({"picture": value} for value in (None, 7, [], {}, {"name": "a/b.jpg"})),
]


@pytest.mark.parametrize("said", ROWS, ids=range(len(ROWS)))
def test_images_that_are_none(forged: Forged, refused: Callable[..., str], said: Json) -> None:
    rows = forged.rows
    rows[2] |= said
    forged.put_rows(rows)
    refused(forged.bytes())


@pytest.mark.parametrize("name", ["key", "lat", "lon", "projection", "origin", "heading", "credit"])
def test_images_that_lack_something(forged: Forged, refused: Callable[..., str], name: str) -> None:
    rows = forged.rows
    del rows[2][name]
    forged.put_rows(rows)
    assert f"images.jsonl, line 3: '{name}' is missing" in refused(forged.bytes())


PICTURE_NAMES = (
    *("../../outside/mine.jpg", "/etc/passwd", "a/../../b.jpg", "a\\b.jpg", "C:/a.jpg", "a/b/c.jpg", "a.jpg"),
    *("a/con.jpg", "nul/b.jpg", "a/LPT1.jpg", "a/com9.jpg", "a/.jpg", ".a/b.jpg", "a/b.exe", "a/b.jpg.lnk"),
    *(
        "a/b.jpg ",
        "a/b.jpg.",
        "a/b.jpg\n",
        "a/é.jpg",
        "A/b.jpg",
        "a/b:c.jpg",
        "a/b%2e.jpg",
        "",
        "a/",
        "/b.jpg",
    ),
    *("/b.jpg", "a/" + "x" * 200 + ".jpg", "a/~b.jpg", "a/b.html", "a/b.svg", "a/b.c.jpg"),
)


@pytest.mark.parametrize("name", PICTURE_NAMES)
def test_names_of_pictures_lead_nowhere(forged: Forged, refused: Callable[..., str], name: str) -> None:
    rows = forged.rows
    old, data = rows[0]["picture"]["name"], b"a picture"
    del forged.members[f"pictures/{old}"]
    rows[0]["picture"] = {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    forged.put_rows(rows)
    line = refused(with_entry(forged, f"pictures/{name}", data))
    assert "no name of a picture" in line or "is no text" in line or "its member" in line


def test_a_picture_and_a_key_come_once(forged: Forged, refused: Callable[..., str]) -> None:
    rows = forged.rows
    rows[1]["picture"] = rows[0]["picture"]
    forged.put_rows(rows)
    assert "twice" in refused(forged.bytes())
    rows = forged.rows
    rows[1] = rows[1] | {"key": rows[0]["key"], "picture": rows[2]["picture"]}
    forged.put_rows(rows)
    assert "twice" in refused(forged.bytes())


def lines_of(forged: Forged) -> Iterator[tuple[str, bytes]]:
    whole = forged.members["images.jsonl"]
    yield "one more", whole + json.dumps(forged.rows[0] | {"key": "other", "picture": None}).encode() + b"\n"
    yield "a million more", whole + b"{}\n" * 1_000_000
    yield "one less", b"".join(line + b"\n" for line in whole.splitlines()[1:])
    yield "no last end", whole[:-1]
    yield "an empty line", b"\n" + whole
    yield "nothing", b""
    yield "a line for ever", whole + b'{"key": "' + b"x" * (2 * bundle_format.MOST_LINE)
    yield "no text", whole[:-1] + b"\xff\n"
    yield "zeros", bytes(100_000)


@pytest.mark.parametrize("kind", [
    "one more", "a million more", "one less", "no last end", "an empty line", "nothing", "a line for ever",
    "no text", "zeros",
])  # fmt: skip
def test_lines_that_are_not_one_an_image(forged: Forged, refused: Callable[..., str], kind: str) -> None:
    forged.members["images.jsonl"] = dict(lines_of(forged))[kind]
    assert "images.jsonl" in refused(forged.bytes())


def test_what_is_said_of_an_image_stays_text(forged: Forged, tmp_path: Path) -> None:
    """Links, credits and keys may be anything: they are no paths, and are escaped where they are shown."""
    said = "<script>alert(1)</script>'; DROP TABLE refs; --\n\x1b[2J"
    rows = [row | {"credit": said, "link": "javascript:alert(1)", "licence": said} for row in forged.rows]
    rows[0]["key"] = "../../../etc/passwd"
    forged.put_rows(rows)
    (tmp_path / "c.zip").write_bytes(forged.bytes())
    folder = unbundle(tmp_path / "c.zip", tmp_path / "i").folder
    for view in contents(folder).values():
        assert (view.reference.credit, view.reference.link) == (said, "javascript:alert(1)")
        assert Path(view.reference.location).is_relative_to(folder.absolute() / "images")


# -- arrays -------------------------------------------------------------------------------------------------


def saved(array: Any, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=pickled)
    return file.getvalue()


def claiming(shape: tuple[int, ...], dtype: str, rows: bytes = b"", fortran: bool = False) -> bytes:
    file = io.BytesIO()
    write_array_header_1_0(file, {"descr": dtype, "fortran_order": fortran, "shape": shape})
    return file.getvalue() + rows


def header_of(text: str) -> bytes:
    """A file whose header is this text."""
    padded = text.encode("latin-1").ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded


def forms(good: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """Files that are not the array that they should be."""
    whole = saved(good)
    yield "nothing", b""
    yield "text", b"no array at all"
    yield "cut", whole[:-1]
    yield "longer", whole + b"\0"
    yield "pickled", saved(np.array([Trap()] * len(good), object), pickled=True)
    yield "a pickle", pickle.dumps(Trap())
    yield "other numbers", saved(good.astype(np.float64))
    yield "the other end first", saved(good.astype(good.dtype.newbyteorder(">")))
    yield "one row less", saved(good[1:])
    yield "one row more", saved(np.concatenate([good, good[:1]]))
    yield "another shape", saved(good[..., None])
    yield "a single number", saved(good.flat[0])
    yield "claims the sky", claiming((10**15, *good.shape[1:]), good.dtype.str, good.tobytes())
    yield "claims beyond numbers", claiming((2**62, 2**62), good.dtype.str, good.tobytes())
    yield "claims less than nothing", claiming((-1,), good.dtype.str, good.tobytes())
    yield (
        "code",
        header_of("{'descr': __import__('os').mkdir('sprung'), 'fortran_order': False, 'shape': ()}"),
    )
    yield "an open end", header_of("{'descr': '<f2', 'fortran_order': False, 'shape': (")
    yield "brackets", header_of("(" * 110)
    yield "records", saved(np.zeros(len(good), [("a", "<f2"), ("b", "O")]), pickled=True)
    yield "version 9", b"\x93NUMPY\x09\x00" + whole[8:]
    yield "version 2", b"\x93NUMPY\x02\x00" + whole[8:]


FORMS = (
    *("nothing", "text", "cut", "longer", "pickled", "a pickle", "other numbers", "the other end first"),
    *("one row less", "one row more", "another shape", "a single number", "claims the sky"),
    *("claims beyond numbers", "claims less than nothing", "code", "an open end", "brackets", "records"),
    *("version 9", "version 2"),
)
ARRAYS = (
    *("views/image.npy", "views/heading.npy", "views/tile.npy", "views/descriptors.npy"),
    *("patches/count.npy", "patches/frame.npy", "patches/rows.npy", "outsiders.npy"),
)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("kind", FORMS)
def test_arrays_that_are_none(forged: Forged, refused: Callable[..., str], name: str, kind: str) -> None:
    said = name.rpartition("/")[2]
    if kind in ("one row less", "one row more") and name in ("outsiders.npy", "patches/rows.npy"):
        if name == "outsiders.npy":
            pytest.skip("any number of outsiders is right")
        said = "count.npy"
    if kind == "the other end first" and name == "patches/rows.npy":
        pytest.skip("a byte has one end")
    forged.members[name] = dict(forms(forged.array(name)))[kind]
    assert said in refused(forged.bytes())


def test_fortran_order_is_not_guessed(forged: Forged, refused: Callable[..., str]) -> None:
    good = forged.array("views/descriptors.npy")
    forged.members["views/descriptors.npy"] = claiming(good.shape, "<f2", good.tobytes(), fortran=True)
    assert "descriptors.npy" in refused(forged.bytes())


Change = Callable[[np.ndarray], Any]


def put(at: Any, value: float) -> Change:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array[at] = value
        return array

    return change


VALUES: dict[str, tuple[str, Change]] = {
    "no number": ("views/descriptors.npy", put((3, 1, 2), np.nan)),
    "infinity": ("views/descriptors.npy", put((0, 0, 0), np.inf)),
    "far too long": ("views/descriptors.npy", put((5, 1, 7), 60_000)),
    "twice as long": ("views/descriptors.npy", lambda array: array * np.float16(2)),
    "another band": ("views/descriptors.npy", lambda array: np.concatenate([array, array], axis=1)),
    "another dimension": ("views/descriptors.npy", lambda array: np.concatenate([array, array * 0], axis=2)),
    "fewer dimensions": ("views/descriptors.npy", lambda array: np.ascontiguousarray(array[:, :, :5])),
    "no dimension": ("views/descriptors.npy", lambda array: np.ascontiguousarray(array[:, :, :0])),
    "images from 1": ("views/image.npy", lambda array: array + 1),
    "an image left out": ("views/image.npy", lambda array: array + (array > 1)),
    "backwards": ("views/image.npy", lambda array: array[::-1].copy()),
    "below zero": ("views/image.npy", put(0, -(2**63))),
    "beyond all": ("views/image.npy", put(-1, 2**63 - 1)),
    "a heading of 400": ("views/heading.npy", put(0, 400)),
    "a heading below 0": ("views/heading.npy", put(0, -1)),
    "a heading of infinity": ("views/heading.npy", put(0, np.inf)),
    "a view of 1000": ("views/fov.npy", put(0, 1000)),
    "a tile of minus infinity": ("views/tile.npy", put(0, -np.inf)),
    "patches below zero": ("patches/count.npy", put(0, -5)),
    "patches that cancel out": (
        "patches/count.npy",
        lambda array: array + np.resize([2**62, -(2**62)], len(array)),
    ),
    "patches beyond all": ("patches/count.npy", put(0, 2**63 - 1)),
    "one patch more": ("patches/count.npy", lambda array: array + 1),
    "frames below zero": ("patches/frame.npy", put((0, 0), -1)),
    "frames of kilometres": ("patches/frame.npy", put((0, 1), 2**40)),
    "frames of nothing": ("patches/frame.npy", lambda array: array * 0),
    "narrow patches": ("patches/rows.npy", lambda array: np.ascontiguousarray(array[:, :27])),
    "outsiders of no number": ("outsiders.npy", put((0, 0, 0), np.nan)),
    "outsiders of another band": ("outsiders.npy", lambda array: np.ascontiguousarray(array[:, :1])),
    "outsiders of another dimension": ("outsiders.npy", lambda array: np.ascontiguousarray(array[:, :, :4])),
    "few outsiders": ("outsiders.npy", lambda array: array[:5]),
    "too many outsiders": ("outsiders.npy", lambda array: np.resize(array, (10_001, *array.shape[1:]))),
}


@pytest.mark.parametrize("kind", VALUES)
def test_numbers_that_no_index_has(forged: Forged, refused: Callable[..., str], kind: str) -> None:
    name, change = VALUES[kind]
    good = forged.array(name)
    forged.members[name] = saved(change(good).astype(good.dtype))
    refused(forged.bytes())


# -- streets.npz --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"rubbish", None], ids=["empty", "rubbish", "another"])
def test_a_street_map_that_is_none(forged: Forged, refused: Callable[..., str], data: bytes) -> None:
    forged.members["streets.npz"] = forged.members["learned.npz"] if data is None else data
    assert "streets.npz is no street map" in refused(forged.bytes())


# -- learned.npz --------------------------------------------------------------------------------------------


def npz(arrays: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in arrays.items():
            archive.writestr(name, data)
    return file.getvalue()


def learned_of(forged: Forged) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(forged.members["learned.npz"])) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


LEARNED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "pickled": lambda held: held | {"words": np.array([Trap()], object)},
    "a stranger": lambda held: held | {"more": np.zeros(3, np.float32)},
    "no words": lambda held: {name: array for name, array in held.items() if name != "words"},
    "half a projection": lambda held: {name: array for name, array in held.items() if name != "matrix"},
    "words of no number": lambda held: held | {"words": held["words"] * np.float32("nan")},
    "a projection of infinity": lambda held: held | {"matrix": held["matrix"] + np.float16("inf")},
    "narrow words": lambda held: held | {"words": np.ascontiguousarray(held["words"][:, :7])},
    "fewer words": lambda held: held | {"words": held["words"][:3]},
    "words in doubles": lambda held: held | {"words": held["words"].astype(np.float64)},
    "another dimension": lambda held: held | {"matrix": np.ascontiguousarray(held["matrix"][:, :4])},
    "another mean": lambda held: held | {"mean": held["mean"][:9]},
    "no projection": lambda held: {"words": held["words"]},
    "nothing": lambda held: {},
}


@pytest.mark.parametrize("kind", LEARNED)
def test_words_that_do_not_fit(forged: Forged, refused: Callable[..., str], kind: str) -> None:
    held = {name.removesuffix(".npy"): np.load(io.BytesIO(data)) for name, data in learned_of(forged).items()}
    arrays = LEARNED[kind](held)
    forged.members["learned.npz"] = npz(
        {f"{name}.npy": saved(array, pickled=True) for name, array in arrays.items()}
    )
    assert "learned.npz" in (line := refused(forged.bytes())) or ".npy" in line


@pytest.mark.parametrize(
    "kind", ["compressed", "a bundle", "claims the sky", "no archive", "a path", "empty"]
)
def test_archives_in_the_archive(forged: Forged, refused: Callable[..., str], kind: str) -> None:
    held = learned_of(forged)
    forged.members["learned.npz"] = {
        "compressed": npz(held, zipfile.ZIP_DEFLATED),
        "a bundle": nested(forged),
        "claims the sky": npz(held | {"words.npy": claiming((10**12, 130), "<f4")}),
        "no archive": b"no archive",
        "a path": npz(held | {"../outside/mine.jpg": b"x"}),
        "empty": b"",
    }[kind]
    assert "learned.npz" in (line := refused(forged.bytes())) or "words.npy" in line


# -- anything -----------------------------------------------------------------------------------------------


@given(st.data())
def test_any_bytes_that_change_are_noticed_or_do_not_count(
    small: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A date in the archive may change; what is searched may not."""
    good, folder = small.read_bytes(), tmp_path_factory.mktemp("changed")
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        near_the_end = data.draw(st.booleans())
        at = data.draw(st.integers(len(good) - 3000 if near_the_end else 0, len(good) - 1))
        changed[at] = data.draw(st.integers(0, 255))
    (folder / "c.zip").write_bytes(changed)
    came: Unbundled | GeofloodError
    try:
        came = unbundle(folder / "c.zip", folder / "i")
    except GeofloodError as error:
        came = error
    if isinstance(came, GeofloodError):
        assert came.exit_code in (2, 3, 5)
        assert "\n" not in str(came)
        assert not list((folder / "i").glob("*"))
    else:
        whole = unbundle(small, folder / "whole").folder
        assert contents(came.folder, locations=False) == contents(whole, locations=False)


def test_any_cut_is_noticed(small: Path, refused: Callable[..., str]) -> None:
    good, luck = small.read_bytes(), random.Random(3)
    for length in (*(luck.randrange(len(good)) for _ in range(8)), len(good) - 1):
        assert "cannot be used" in refused(good[:length])
