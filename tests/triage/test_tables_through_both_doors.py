"""One reader of tables: what a table of geotags may look like, a table of posts may, too."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from geoflood.core.datatypes import LatLon, Rejected, StreetImage
from geoflood.imagery.folder import images
from geoflood.triage.findings import Post
from tests.support.batch import photo_jpeg
from tests.support.post_folder import read_all

HERE = LatLon(-33.45, -70.66)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


PLAIN = "image,lat,lon\n{},-33.45,-70.66\n"
QUIRKS = {
    "plain": ("a.jpg", PLAIN.format("a.jpg")),
    "a mark that is named": ("a.jpg", "sep=;\nimage;lat;lon\na.jpg;-33.45;-70.66\n"),
    "decimal commas": ("a.jpg", "image;lat;lon\na.jpg;-33,45;-70,66\n"),
    "tabs": ("a.jpg", "image\tlat\tlon\na.jpg\t-33.45\t-70.66\n"),
    "bars": ("a.jpg", "image|lat|lon\na.jpg|-33.45|-70.66\n"),
    "lone CR": ("a.jpg", PLAIN.format("a.jpg").replace("\n", "\r")),
    "CR LF": ("a.jpg", PLAIN.format("a.jpg").replace("\n", "\r\n")),
    "UTF-16": ("ö.jpg", PLAIN.format("ö.jpg").encode("utf-16")),
    "UTF-16 without a mark": ("a.jpg", PLAIN.format("a.jpg").encode("utf-16-le")),
    "UTF-8 with a mark": ("ö.jpg", PLAIN.format("ö.jpg").encode("utf-8-sig")),
    "cp1252": ("ö.jpg", PLAIN.format("ö.jpg").encode("cp1252")),
    "a title above": ("a.jpg", "Photos of the flood\n\n" + PLAIN.format("a.jpg")),
    "all cells quoted": ("a.jpg", '"Image","Lat","Lon"\n"a.jpg","-33.45","-70.66"\n'),
    "a formula": ("1.jpg", PLAIN.format('"=""1.jpg"""')),
    "blanks around": ("a.jpg", "Image , LAT,lon \n a.jpg ,\xa0-33.45 , -70.66\n"),
    "typographic minus": ("a.jpg", "image,lat,lon\na.jpg,\u221233.45,\u221270.66\n"),
    "a quote left open": ("a.jpg", 'image,lat,lon,note\na.jpg,-33.45,-70.66,"Main\nb.jpg,1,2,x\n'),
    "another case": ("IMG_1.JPG", PLAIN.format("img_1.jpg")),
    "accents in one letter": (nfd("Königstraße.jpg"), PLAIN.format("Königstraße.jpg")),
    "an entity": ("a&b.jpg", PLAIN.format("a&amp;b.jpg")),
    "a path of Windows": ("d/a.jpg", PLAIN.format("d\\a.jpg")),
    "hemispheres beside": ("a.jpg", "image,lat,lat_ref,lon,lon_ref\na.jpg,33.45,S,70.66,W\n"),
    "exiftool": (
        "a.jpg",
        "FileName,GPSLatitude,GPSLatitudeRef,GPSLongitude,GPSLongitudeRef\na.jpg,33.45,S,70.66,W\n",
    ),
    "degrees and minutes": ("a.jpg", "image,lat,lon\na.jpg,33°27'S,70°39'36\"W\n"),
}


@pytest.fixture(params=sorted(QUIRKS))
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name, content = QUIRKS[request.param]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(photo_jpeg(1))
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def close(found: LatLon) -> bool:
    return abs(found.lat - HERE.lat) < 1e-9 and abs(found.lon - HERE.lon) < 1e-9


@pytest.mark.parametrize("named", [False, True])
def test_as_geotags(table: Path, named: bool) -> None:
    found = list(images([table.parent], table if named else None))
    (image,) = [one for one in found if isinstance(one, StreetImage)]
    assert close(image.geotag.position)


def test_as_posts(table: Path) -> None:
    found = read_all(table.parent)
    posts = [one for one in found if isinstance(one, Post) and one.source == "table.csv"]
    (post,) = [one for one in posts if any(medium.file for medium in one.media)]
    assert post.geotag
    assert close(post.geotag.position)


@pytest.mark.parametrize(
    "cells",
    [
        "image,lat,lat_ref,lon\na.jpg,33.45,S,70.66\n",
        "image,lat,lon,lon_ref\na.jpg,33.45,70.66,W\n",
        "image,lat,lat_ref,lon,lon_ref\na.jpg,33.45,,70.66,W\n",
        "image,lat,lat_ref,lon,lon_ref\na.jpg,33.45,E,70.66,W\n",
    ],
)
def test_half_a_group_is_no_place(tmp_path: Path, cells: str) -> None:
    (tmp_path / "a.jpg").write_bytes(photo_jpeg(1))
    (tmp_path / "table.csv").write_text(cells)
    (refused,) = images([tmp_path])
    assert isinstance(refused, Rejected)
    assert refused.reason == "bad position"
    (told,) = [one for one in read_all(tmp_path) if isinstance(one, Rejected)]
    assert (told.location, told.reason) == ("table.csv", "place not read")
    assert "1 of 1 places" in told.detail
