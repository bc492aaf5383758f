"""EXIF as cameras, phones and forgers write it."""

from __future__ import annotations

import io
import logging
import math
import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.ExifTags import IFD
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational
from pillow_heif import register_heif_opener

from geoflood.core.datatypes import LatLon
from geoflood.imagery import exif
from geoflood.imagery.exif import ExifFacts, read

HOUSTON = {1: "N", 2: (29, 45, 37.44), 3: "W", 4: (95, 22, 11.28)}
"""GPS tags by number; decimal 29.7604, -95.3698."""


def picture(gps: dict[int, Any], camera: dict[int, Any] | None = None, form: str = "JPEG") -> bytes:
    exif = PIL.Image.Exif()
    exif[0x010F] = "Maker"  # Pillow writes no directories below an empty one
    exif.get_ifd(IFD.GPSInfo).update(gps)
    exif.get_ifd(IFD.Exif).update(camera or {})
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, form, exif=exif)
    return buffer.getvalue()


def tiff(tags: list[tuple[int, int, int, bytes]]) -> bytes:
    """A bare TIFF whose GPS directory holds (tag, type, count, value) to the letter, right or wrong."""
    gps_at, head = 26, b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x8825, 4, 1, 26) + bytes(4)
    values_at = gps_at + 2 + 12 * len(tags) + 4
    directory, values = struct.pack("<H", len(tags)), b""
    for tag, kind, count, value in tags:
        if len(value) <= 4:
            cell = value.ljust(4, b"\0")
        else:
            cell = struct.pack("<I", values_at + len(values))
            values += value
        directory += struct.pack("<HHI", tag, kind, count) + cell
    return head + directory + bytes(4) + values


def rationals(*pairs: tuple[int, int]) -> bytes:
    return b"".join(struct.pack("<II", *pair) for pair in pairs)


def position(lat: bytes, lon: bytes, north: bytes = b"N\0", east: bytes = b"W\0") -> LatLon | None:
    tags = [(1, 2, len(north), north), (2, 5, len(lat) // 8, lat)]
    tags += [(3, 2, len(east), east), (4, 5, len(lon) // 8, lon)]
    return read(tiff(tags)).position


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_position_heading_and_accuracy(form: str) -> None:
    facts = read(picture(HOUSTON | {16: "T", 17: 123.45, 31: 4.5}, form=form))
    assert facts.position is not None
    assert facts.position.lat == pytest.approx(29.7604, abs=1e-7)
    assert facts.position.lon == pytest.approx(-95.3698, abs=1e-7)
    assert facts.heading_deg == pytest.approx(123.45)
    assert facts.accuracy_m == pytest.approx(4.5)
    geotag = facts.geotag
    assert geotag is not None
    assert (geotag.origin, geotag.heading_deg, geotag.accuracy_m) == (
        "exif",
        facts.heading_deg,
        facts.accuracy_m,
    )


def test_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(picture(HOUSTON))
    assert read(path).position is not None
    assert read(tmp_path / "absent.jpg") == ExifFacts()
    assert read(tmp_path) == ExifFacts()


@pytest.mark.parametrize(
    ("letters", "signs"),
    [
        ((b"N\0", b"E\0"), (1, 1)),
        ((b"S\0", b"W\0"), (-1, -1)),
        ((b"s\0", b"w\0"), (-1, -1)),
        ((b" n", b"east"), (1, 1)),
    ],
)
def test_reference_letters(letters: tuple[bytes, bytes], signs: tuple[int, int]) -> None:
    angle = rationals((10, 1), (30, 1), (0, 1))
    assert position(angle, angle, *letters) == LatLon(10.5 * signs[0], 10.5 * signs[1])


@pytest.mark.parametrize("letter", [b"\0", b"", b"X\0", b"E\0", b"\xff\xfe\0", b"?"])
def test_without_its_letter_a_hemisphere_is_a_guess(letter: bytes) -> None:
    angle = rationals((10, 1), (30, 1), (0, 1))
    assert position(angle, angle, north=letter) is None


def test_zero_denominators() -> None:
    whole, unused, broken = (45, 1), (0, 0), (5, 0)
    east = rationals((95, 1), (22, 1), (0, 1))
    minutes = position(rationals((29, 1), (4562, 100), unused), east)  # decimal minutes, seconds not used
    assert minutes is not None
    assert minutes.lat == pytest.approx(29.760333, abs=1e-6)
    assert position(rationals((29_7604, 10_000), unused, unused), east) == LatLon(29.7604, -95 - 22 / 60)
    assert position(rationals((29, 1), whole, unused), east) is None  # seconds unknown: up to 1.8 km
    assert position(rationals((29, 1), unused, unused), east) is None
    assert position(rationals((29, 1), whole, broken), east) is None
    assert position(rationals(broken, whole, whole), east) is None
    assert position(rationals(unused, unused, unused), rationals(unused, unused, unused)) is None


def test_fewer_parts() -> None:
    east = rationals((95, 1), (22, 1), (0, 1))
    assert position(rationals((297604, 10000)), east) == LatLon(29.7604, -95 - 22 / 60)
    assert position(rationals((29, 1)), east) is None
    assert position(b"", east) is None


@pytest.mark.parametrize(
    "angle", [((91, 1), (0, 1), (0, 1)), ((10, 1), (61, 1), (0, 1)), ((10, 1), (0, 1), (4000, 1))]
)
def test_out_of_range(angle: tuple[tuple[int, int], ...]) -> None:
    assert position(rationals(*angle), rationals((9, 1), (0, 1), (0, 1))) is None


def test_sixty_seconds_are_a_rounding() -> None:
    assert position(rationals((29, 1), (59, 1), (60, 1)), rationals((9, 1), (0, 1), (0, 1))) == LatLon(
        30.0, -9.0
    )


def test_null_island_is_no_position() -> None:
    zero = rationals((0, 1), (0, 1), (0, 1))
    assert position(zero, zero) is None
    assert position(zero, rationals((9, 1), (0, 1), (0, 1))) == LatLon(0.0, -9.0)  # the equator is one


def test_floats_that_are_no_numbers() -> None:
    for value in (math.nan, math.inf, -math.inf):
        packed = struct.pack("<ddd", value, 0.0, 0.0)
        tags = [(1, 2, 2, b"N\0"), (2, 12, 3, packed), (3, 2, 2, b"E\0"), (4, 12, 3, packed)]
        assert read(tiff([*tags, (17, 12, 1, packed[:8]), (31, 12, 1, packed[:8])])) == ExifFacts()


@pytest.mark.parametrize(("told", "kept"), [(0, 0), (359.5, 359.5), (360, 0), (361, None), (655.35, None)])
def test_heading_range(told: float, kept: float | None) -> None:
    assert read(picture({16: "T", 17: IFDRational(round(told * 100), 100)})).heading_deg == kept


def test_magnetic_headings_are_kept() -> None:
    assert read(picture({16: "M", 17: 90.0})).heading_deg == 90


GPS_TIME = {29: "2023:06:01", 7: (8, 30, 15.5)}
CAMERA_TIME = {0x9003: "2023:06:01 10:30:20"}


@pytest.mark.parametrize(
    ("gps", "camera", "taken"),
    [
        (GPS_TIME, CAMERA_TIME, datetime(2023, 6, 1, 8, 30, 15)),
        ({}, CAMERA_TIME, datetime(2023, 6, 1, 10, 30, 20)),
        ({}, CAMERA_TIME | {0x9011: "+02:00"}, datetime(2023, 6, 1, 8, 30, 20)),
        ({}, CAMERA_TIME | {0x9011: "nonsense"}, datetime(2023, 6, 1, 10, 30, 20)),
        ({29: "1980:01:06", 7: (0, 0, 0)}, CAMERA_TIME, datetime(2023, 6, 1, 10, 30, 20)),
        ({29: "2023:06:01", 7: (25, 0, 0)}, {}, None),
        ({29: "2023:06:01"}, {}, None),
        ({}, {0x9003: "0000:00:00 00:00:00"}, None),
        ({}, {0x9003: "    :  :     :  :  ", 0x9004: "2020:02:03 04:05:06"}, datetime(2020, 2, 3, 4, 5, 6)),
    ],
)
def test_time(gps: dict[int, Any], camera: dict[int, Any], taken: datetime | None) -> None:
    assert read(picture(gps, camera)).taken_at == taken


@pytest.mark.parametrize(
    ("gps", "camera", "taken"),
    [
        ("2021:07:14", "2012:01:01 00:03:00", datetime(2021, 7, 14, 8, 30, 15)),
        ("2001:11:28", "2021:07:14 10:30:20", datetime(2021, 7, 14, 10, 30, 20)),
        ("2021:07:11", "2021:07:14 10:30:20", datetime(2021, 7, 14, 10, 30, 20)),
        ("2021:07:14", "2098:01:01 00:00:00", datetime(2021, 7, 14, 8, 30, 15)),
        ("2098:07:14", "2021:07:14 10:30:20", datetime(2021, 7, 14, 10, 30, 20)),
    ],
    ids=["camera reset", "1,024 weeks too few", "last fix kept", "camera ahead", "receiver ahead"],
)
def test_two_clocks_that_disagree_are_both_kept(gps: str, camera: str, taken: datetime) -> None:
    facts = read(picture({29: gps, 7: (8, 30, 15)}, {0x9003: camera}))
    assert facts.taken_at == taken
    assert facts.clocks is not None
    assert facts.clocks.likelier == taken
    assert facts.clocks.receiver == datetime.strptime(gps, "%Y:%m:%d").replace(hour=8, minute=30, second=15)
    assert facts.clocks.camera == datetime.strptime(camera, "%Y:%m:%d %H:%M:%S")


@pytest.mark.parametrize("camera", ["2023:06:01 22:30:15", "2023:05:31 20:30:15", "2023:06:02 08:30:15"])
def test_clocks_of_other_time_zones_agree(camera: str) -> None:
    facts = read(picture(GPS_TIME, {0x9003: camera}))
    assert (facts.taken_at, facts.clocks) == (datetime(2023, 6, 1, 8, 30, 15), None)


def test_no_exif_no_facts() -> None:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    assert read(buffer.getvalue()) == ExifFacts()
    assert read(b"") == ExifFacts()
    assert ExifFacts().geotag is None


def chain(count: int) -> bytes:
    """A TIFF of many directories, each full of the longest fields that exifread follows."""
    data = b"II*\0\x08\0\0\0"
    for step in range(count):
        entries = b"".join(struct.pack("<HHII", 0x8825, 5, 999, 0) for _ in range(40))
        following = len(data) + 2 + len(entries) + 4
        data += struct.pack("<H", 40) + entries + struct.pack("<I", following if step < count - 1 else 8)
    return data


@pytest.mark.parametrize(
    "data",
    [
        chain(50),
        b"II*\0\x08\0\0\0\xff\xff"
        + b"\x25\x88\x04\0\x01\0\0\0\x08\0\0\0" * 5000,  # directories in themselves
        b"II*\0\x08\0\0\0\xff\xff"
        + b"\x0e\x01\x02\0\xff\xff\xff\xff\0\0\0\0" * 5000
        + bytes(10**6),  # 4 GB of text
        b"\xff\xd8" + b"\xff\xe1\0\x02" * 20000,
        b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x08" + bytes(10**6),
        b"\x89PNG\r\n\x1a\n" + bytes(10**6),
        struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + struct.pack(">I", 8) + b"free" * 10**5,
    ],
    ids=["chain", "loop", "text", "jpeg", "webp", "png", "heic"],
)
def test_hostile_counts_and_loops_end_soon(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unmetered, some of these take minutes."""
    sizes: list[int] = []

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            sizes.append(len(piece))
            return piece

    monkeypatch.setattr(exif.io, "BytesIO", Counted)
    assert read(data) == ExifFacts()
    assert 0 < len(sizes) <= 2 * exif.BUDGET + len(data)
    assert sum(sizes) <= exif.BUDGET * 256 + 4 * len(data), "what a decoder reads besides is the file itself"


def jpeg_with(*segments: bytes) -> bytes:
    """A JPEG that begins with these segments."""
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    return b"\xff\xd8" + b"".join(segments) + buffer.getvalue()[2:]


def segment(number: int, content: bytes) -> bytes:
    return b"\xff" + bytes([number]) + struct.pack(">H", len(content) + 2) + content


def block(gps: dict[int, Any], order: str = "<") -> bytes:
    """EXIF as a TIFF of its own."""
    exif = PIL.Image.Exif()
    exif.endian = order
    exif[0x010F] = "Maker"
    exif.get_ifd(IFD.GPSInfo).update(gps)
    return exif.tobytes().removeprefix(b"Exif\0\0")


def raw_profile(tiff: bytes) -> PngInfo:
    """EXIF as ImageMagick put it into the texts of a PNG."""
    info = PngInfo()
    content = b"Exif\0\0" + tiff
    info.add_text("Raw profile type exif", f"\nexif\n{len(content):8}\n{content.hex()}\n", zip=True)
    return info


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"])
@pytest.mark.parametrize("headed", [False, True])
def test_every_container_as_its_standard_has_it(form: str, order: str, headed: bool) -> None:
    """WebP and AVIF begin their EXIF with TIFF's header; some programs put the one of JPEG before it."""
    tiff = block(HOUSTON, order)
    needs = form in ("JPEG", "PNG", "HEIF", "TIFF")
    buffer = io.BytesIO()
    register_heif_opener()  # so that Pillow can write it
    content = b"Exif\0\0" + tiff if headed or needs else tiff
    PIL.Image.new("RGB", (64, 64)).save(buffer, form, exif=content)
    assert read(buffer.getvalue()).position == LatLon(29.7604, -95.3698)


@pytest.mark.parametrize(
    "before",
    [
        [b"\xff"],
        [segment(0xE4, bytes(30_000))],
        [segment(0xE2, bytes(60_000))] * 20,
        [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")],
        [segment(0xDB, b"\0" + bytes(range(1, 65)))],
        [segment(0xFE, b"a comment")],
    ],
    ids=["fill", "app4", "much", "xmp", "tables", "comment"],
)
def test_exif_behind_other_segments(before: list[bytes]) -> None:
    data = jpeg_with(*before, segment(0xE1, b"Exif\0\0" + block(HOUSTON)))
    assert read(data).position == LatLon(29.7604, -95.3698)


def test_exif_in_the_texts_of_a_png() -> None:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=raw_profile(block(HOUSTON)))
    assert read(buffer.getvalue()).position == LatLon(29.7604, -95.3698)
    broken = PngInfo()
    broken.add_text("Raw profile type exif", "\nexif\n  12\nno digits\n")
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=broken)
    assert read(buffer.getvalue()) == ExifFacts()


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for data in (b"GIF89a", picture(HOUSTON)[:150], b"II*\0\x08\0\0\0\xff\xff"):
            read(data)
    assert not [record for record in caplog.records if record.name.startswith("exifread")]


SEEDS = [
    picture(HOUSTON | GPS_TIME | {17: 5.0, 31: 3.0}, CAMERA_TIME, form) for form in ("JPEG", "PNG", "WEBP")
]


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 499), st.binary(min_size=1, max_size=4)), max_size=5),
)
def test_damaged_exif_says_something_possible_or_nothing(
    seed: bytes, damage: list[tuple[int, bytes]]
) -> None:
    data = bytearray(seed)
    for at, patch in damage:
        data[at : at + len(patch)] = patch
    facts = read(bytes(data))
    assert facts.heading_deg is None or 0 <= facts.heading_deg < 360
    assert facts.accuracy_m is None or 0 < facts.accuracy_m < 1e6
    assert facts.taken_at is None or facts.taken_at.tzinfo is None


@given(
    st.sampled_from(
        [b"", b"II*\0", b"MM\0*", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypheic"]
    ),
    st.binary(),
)
def test_any_bytes_end(head: bytes, data: bytes) -> None:
    assert isinstance(read(head + data), ExifFacts)


@given(st.floats(-89.9, 89.9), st.floats(-179.9, 179.9))
def test_what_is_written_is_read(lat: float, lon: float) -> None:
    def dms(value: float) -> bytes:
        return rationals((int(abs(value) * 10**7), 10**7), (0, 1), (0, 1))

    found = position(dms(lat), dms(lon), b"N\0" if lat >= 0 else b"S\0", b"E\0" if lon >= 0 else b"W\0")
    if max(abs(lat), abs(lon)) < 1e-7:
        assert found is None
    else:
        assert found is not None
        assert (found.lat, found.lon) == pytest.approx((lat, lon), abs=2e-7)
