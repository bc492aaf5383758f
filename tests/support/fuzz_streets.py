"""Made-up folders of street images, each from a seed: pictures of all containers, tables of geotags, links.

Their EXIF and GPano are damaged or invented, and so are the tables. `lost` says which files are in none of
used, rejected, or in more than one; `look` reads what a picture says of its place on the sphere.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import PIL.Image
import pillow_heif

from geoflood.core.datatypes import Rejected, StreetImage
from geoflood.core.errors import GeofloodError
from geoflood.core.file_suffixes import PICTURES
from geoflood.core.images import UnreadableImageError, header
from geoflood.imagery.folder import images
from tests.support.fuzz_posts import damaged, shuffled

__all__ = ["listed", "look", "lost", "make"]

FORMS = {
    "a.jpg": "JPEG",
    "b.png": "PNG",
    "c.webp": "WEBP",
    "d.tif": "TIFF",
    "e.avif": "AVIF",
    "F.JPG": "MPO",
    "g.heic": "HEIF",
}
ANGLES = (
    (53.0, 33.0, 3.6),
    (53.55, 0, 0),
    (91.0, 0, 0),
    (0, 0, 0),
    (1e30, 0, 0),
    (53.0, 61.0, 0),
    (9.0, 59.0, 60.0),
)
LETTERS = ("N", "S", "E", "W", "", "Q", "n\0")
TAGS = (
    *("FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaImageWidthPixels"),
    *("CroppedAreaImageHeightPixels", "CroppedAreaLeftPixels", "CroppedAreaTopPixels"),
    *("PoseHeadingDegrees", "PosePitchDegrees", "PoseRollDegrees"),
)
SPHERES = (
    ("",) * len(TAGS),
    ("32", "16", "32", "16", "0", "0", "90", "0", "0"),
    ("32", "20", "32", "16", "0", "4", "359.5", "-3.25", "181"),
)
NUMBERS = ("0", "16", "32", "8", "24", "-1", "nan", "1e30", "90", "180", "-12.5", "361", "", "x", "9" * 60)
CELLS = (
    "53.55",
    "9.99",
    "-33,45",
    "91",
    "",
    "nan",
    "53°33'N",
    "S",
    "W",
    '"open',
    "1e400",
    "=1+1",
    "\ud7ff",
    "0",
)
COLUMNS = (
    *("image", "lat", "lon", "heading", "taken", "pano", "credit", "FileName", "SourceFile", "photo"),
    *("GPSLatitude", "GPSLatitudeRef", "GPSLongitude", "GPSLongitudeRef", "EXIF:GPSLatitude", "lat_ref"),
    *("GPSPosition", "wkt", "latitude", "longitude", "filename", "directory", "Notiz"),
)
OTHERS = {
    "raw.nef": b"II*\0",
    "clip.mp4": b"\0\0\0\x18ftypmp42",
    "more.zip": b"PK\x03\x04",
    "layer.gpkg": b"SQLite format 3\0",
    "sheet.xlsx": b"PK\x03\x04",
    "stand-in.jpg": b"/annex/objects/SHA256E-s1--00.jpg\n",
    "empty.png": b"",
    "text.jpg": b"no picture",
    "track.gpx": b"<gpx>",
}
LINKS = {
    "loop.jpg": "loop.jpg",
    "gone.jpg": "nowhere.jpg",
    "out.jpg": "/etc/hostname",
    "same.jpg": "a.jpg",
    "annexed.jpg": ".git/annex/objects/0/1.jpg",
    "up": ".",
}


@cache
def _pixels() -> PIL.Image.Image:
    return PIL.Image.new("RGB", (32, 16), (90, 120, 150))


def picture(dice: random.Random, form: str) -> bytes:
    """A small picture with EXIF and XMP that may say anything."""
    pillow_heif.register_heif_opener()
    exif = PIL.Image.Exif()
    exif[0x0112] = dice.choice((1, 6, 9))
    exif.get_ifd(0x8769)[0x9003] = dice.choice(("2021:07:14 18:23:05", "0000:00:00 00:00:00", "x" * 19))
    place: dict[int, Any] = {1: "N", 2: ANGLES[0], 3: "E", 4: ANGLES[1]}
    for key in dice.sample(sorted(place), dice.choice((0, 0, 0, 1, 3))):
        place[key] = dice.choice(LETTERS if key % 2 else ANGLES)
    exif.get_ifd(0x8825).update({**place, 17: dice.choice((90.0, 361.0, 0.0))})
    kind = dice.choice(("equirectangular", "equirectangular", "cylindrical", ""))
    tags = dict(zip(TAGS, dice.choice(SPHERES), strict=True))
    for name in dice.sample(TAGS, dice.choice((0, 0, 1, 2, len(TAGS)))):
        tags[name] = dice.choice(NUMBERS)
    told = " ".join(f'GPano:{name}="{value}"' for name, value in {"ProjectionType": kind, **tags}.items())
    written = io.BytesIO()
    with contextlib.suppress(struct.error):  # EXIF cannot hold some numbers
        raw = exif.tobytes()
        xmp = f"<x><rdf:Description {told}/></x>".encode()
        more: dict[str, Any] = {"xmp": xmp} if form in ("JPEG", "MPO", "WEBP") else {}
        _pixels().save(written, form, exif=raw if form in ("JPEG", "MPO", "PNG") else raw[6:], **more)
    return damaged(dice, written.getvalue()) if dice.random() < 0.4 else written.getvalue()


def table(dice: random.Random, names: Sequence[str]) -> tuple[str, bytes]:
    """A table that may be one of geotags, as text, GeoJSON or a list."""
    columns = dice.sample(COLUMNS, dice.randrange(1, 9))
    if dice.random() < 0.7:
        columns = list(dict.fromkeys(["image", "lat", "lon", *columns]))
    rows = [[_cell(dice, column, names) for column in columns] for _ in range(dice.randrange(6))]
    form = dice.choice(("csv", "csv", "tsv", "geojson", "json", "txt"))
    if form in ("geojson", "json"):
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        point = {"type": "Point", "coordinates": [9.99, 53.55]}
        features = [{"type": "Feature", "geometry": point, "properties": one} for one in named]
        content: Any = {"type": "FeatureCollection", "features": features} if form == "geojson" else named
        content = shuffled(dice, content) if dice.random() < 0.5 else content
        return f"t.{form}", damaged(dice, json.dumps(content).encode())
    mark = "\t" if form == "tsv" else dice.choice(",;|")
    ends = dice.choice(("\n", "\r\n", "\r"))
    lines = [*dice.choice(([], [f"sep={mark}"], ["Photos"])), *(mark.join(row) for row in (columns, *rows))]
    encoding = dice.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-le"))
    return f"t.{form}", damaged(dice, (ends.join(lines) + ends).encode(encoding))


def _cell(dice: random.Random, column: str, names: Sequence[str]) -> str:
    if column in ("image", "FileName", "SourceFile", "photo", "filename"):
        odd = ("../a.jpg", "/etc/hostname", "a", "A.JPG", "x\\a.jpg", "", "a&amp;.jpg")
        return dice.choice((*names, *names, *odd))
    return dice.choice(CELLS) if dice.random() < 0.15 else "9.99"


def make(root: Path, dice: random.Random) -> None:
    """A folder of street images, with none to three tables among them."""
    for folder in dice.choice((("",), ("", "deeper"))):
        (root / folder).mkdir(exist_ok=True)
        names = dice.sample(sorted(FORMS), dice.randrange(1, 4))
        for name in names:
            (root / folder / name).write_bytes(picture(dice, FORMS[name]))
        for name in dice.sample(sorted(OTHERS), dice.randrange(3)):
            (root / folder / name).write_bytes(OTHERS[name])
        for _ in range(dice.choice((0, 1, 1, 1, 2))):
            name, content = table(dice, names)
            (root / folder / name).write_bytes(content)
    for name in dice.sample(sorted(LINKS), dice.choice((0, 0, 1, 2))):
        with contextlib.suppress(FileExistsError):
            os.symlink(LINKS[name], root / name)


def listed(root: Path) -> list[StreetImage | Rejected]:
    """What `index` makes of the folder, and, besides, of each of its tables when it is named."""
    for path in root.glob("t.*"):
        with contextlib.suppress(GeofloodError):
            list(images([root], path))
    with contextlib.suppress(GeofloodError):  # of two tables the user names one
        return list(images([root]))
    return []


def lost(root: Path, found: Sequence[StreetImage | Rejected]) -> list[str]:
    """The pictures, and the files that may hold some, that are not in exactly one of used and rejected.

    A table is used, or told; of several only one is used.
    """
    if not found:
        return []
    fates = Counter(one.location for one in found)
    tables = [path for path in _files(root) if path.name.startswith("t.")]
    wrong = [str(p) for p in _files(root) if p.suffix.lower() in _TOLD and fates[str(p)] != 1]
    silent = [p for p in tables if p.suffix in (".csv", ".tsv", ".geojson") and not fates[str(p)]]
    return wrong + [str(path) for path in silent[1:]] + [str(p) for p in silent if p.parent != root]


_TOLD = PICTURES | {".nef", ".mp4", ".zip", ".gpkg", ".xlsx", ".gpx"}


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root.resolve()):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder, name) for name in names)


def look(found: Sequence[StreetImage | Rejected]) -> Counter[str]:
    """What is told of the pictures, by reason; used ones by what they say of the sphere."""
    told: Counter[str] = Counter()
    for one in found:
        if isinstance(one, Rejected):
            told[f"rejected: {one.reason}"] += 1
            continue
        try:
            sphere = header(Path(one.location)).sphere
            told["bad panorama tags" if sphere.problem else f"used: {sphere.projection}"] += 1
        except UnreadableImageError as error:
            told[f"rejected: {error.reason}"] += 1
    return told
