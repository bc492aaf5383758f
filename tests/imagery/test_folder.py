"""Images on a disk: what is offered, what is refused, and in which order."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import PIL.Image
import pytest
from PIL.ExifTags import IFD

from geoflood.core.datatypes import LatLon, Projection, Rejected, StreetImage
from geoflood.core.errors import InputError, UsageError
from geoflood.imagery.folder import images, is_picture
from tests.support.work import growth

UTM = "@0544250.05@4173756.07@10@S@037.70998@-122.49797@@@090@@@@2011@@.jpg"


def photo(
    path: Path, lat: float | None = None, heading: float | None = None, taken: str | None = None
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = PIL.Image.Exif()
    exif[0x010F] = "Maker"
    if lat is not None:
        exif.get_ifd(IFD.GPSInfo).update({1: "N", 2: (lat, 0, 0), 3: "E", 4: (1, 0, 0)})
    if heading is not None:
        exif.get_ifd(IFD.GPSInfo)[17] = heading
    if taken is not None:
        exif.get_ifd(IFD.Exif)[0x9003] = taken
    PIL.Image.new("RGB", (8, 8)).save(path, exif=exif)
    return path


def split(*folders: Path, **options: object) -> tuple[dict[str, StreetImage], list[tuple[str, str]]]:
    """The images by key, and (name, reason) of what was rejected."""
    found = list(images(folders, **options))  # type: ignore[arg-type]
    good = {item.key: item for item in found if isinstance(item, StreetImage)}
    bad = [(Path(item.location).name, item.reason) for item in found if isinstance(item, Rejected)]
    assert len(good) + len(bad) == len(found)  # keys are unique
    return good, bad


def test_exif_of_a_folder_in_order(tmp_path: Path) -> None:
    town = tmp_path / "town"
    for name in ("b.jpg", "a.JPG", "sub/c.jpeg", "sub/@x/d.jpg"):
        photo(town / name, 10)
    photo(town / "bare.png")
    (town / "notes.txt").write_text("x")
    photo(town / ".hidden.jpg", 10)
    photo(town / ".git/e.jpg", 10)
    good, bad = split(town, licence="CC-BY-4.0", credit="City")
    assert list(good) == [f"folder:town/{name}" for name in ("a.JPG", "b.jpg", "sub/c.jpeg", "sub/@x/d.jpg")]
    assert bad == [("bare.png", "no position")]
    first = good["folder:town/a.JPG"]
    assert first.location == str(town / "a.JPG")
    assert (first.geotag.origin, first.geotag.position) == ("exif", LatLon(10, 1))
    assert (first.licence, first.credit, first.projection) == ("CC-BY-4.0", "City", Projection.UNKNOWN)


def test_a_table_comes_before_the_name_and_the_name_before_exif(tmp_path: Path) -> None:
    photo(tmp_path / UTM, 10)
    photo(tmp_path / f"listed/{UTM}", 10)
    (tmp_path / "t.csv").write_text(
        f"image,lat,lon,pano,licence,credit\nlisted/{UTM},20,2,1,CC0-1.0,Someone\n"
    )
    good, bad = split(tmp_path, licence="CC-BY-4.0")
    named, listed = good.values()
    assert not bad
    assert (named.geotag.origin, named.licence) == ("filename", "CC-BY-4.0")
    assert (listed.geotag.origin, listed.geotag.position) == ("csv", LatLon(20, 2))
    assert (listed.projection, listed.licence, listed.credit) == (
        Projection.EQUIRECTANGULAR,
        "CC0-1.0",
        "Someone",
    )


def test_exif_fills_in_heading_and_time_but_never_the_position(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg", 10, 45, "2020:01:02 03:04:05")
    photo(tmp_path / "b.jpg", 10, 45, "2020:01:02 03:04:05")
    (tmp_path / "t.csv").write_text("image,lat,lon,heading,taken\na.jpg,20,2,,\nb.jpg,20,2,0,2011\n")
    a, b = (item.geotag for item in split(tmp_path)[0].values())
    assert (a.position, a.heading_deg, a.taken_at) == (LatLon(20, 2), 45, datetime(2020, 1, 2, 3, 4, 5))
    assert (b.position, b.heading_deg, b.taken_at) == (LatLon(20, 2), 0, datetime(2011, 1, 1))


def test_short_names_and_the_zone(tmp_path: Path) -> None:
    photo(tmp_path / "@0544250.05@4173756.07@.jpg")
    assert split(tmp_path)[1] == [("@0544250.05@4173756.07@.jpg", "no UTM zone")]
    (found,) = split(tmp_path, utm_zone="10S")[0].values()
    assert found.geotag.position.lat == pytest.approx(37.70998, abs=1e-5)
    with pytest.raises(UsageError, match="UTM zone"):
        images([tmp_path], utm_zone="south")


def test_rows_that_lead_outside_are_refused(tmp_path: Path) -> None:
    town, secret = tmp_path / "town", photo(tmp_path / "secret.jpg", 10)
    photo(town / "good.jpg")
    (town / "link.jpg").symlink_to(secret)
    (town / "away").symlink_to(tmp_path)
    names = [
        "good.jpg",
        "../secret.jpg",
        str(secret),
        "link.jpg",
        "away/secret.jpg",
        "gone.jpg",
        "./sub/../good.jpg",
    ]
    (town / "t.csv").write_text("image,lat,lon\n" + "".join(f"{name},1,2\n" for name in names))
    good, bad = split(town)
    assert list(good) == ["folder:town/good.jpg"]
    outside = "outside the folder"
    assert sorted(bad) == sorted(
        [
            ("secret.jpg", outside),
            ("secret.jpg", outside),
            ("secret.jpg", outside),
            ("link.jpg", outside),
            ("away", outside),
            ("gone.jpg", "missing file"),
            ("good.jpg", "duplicate row"),
        ]
    )


def test_links_inside_the_folder_are_followed(tmp_path: Path) -> None:
    photo(tmp_path / "town/.store/1.jpg", 10)
    (tmp_path / "town/a.jpg").symlink_to(".store/1.jpg")
    (tmp_path / "town/loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "town/again").symlink_to(".")
    good, bad = split(tmp_path / "town")
    assert (list(good), bad) == (["folder:town/a.jpg"], [("loop.jpg", "link that leads nowhere")])


def test_a_table_elsewhere_names_images_of_the_folders(tmp_path: Path) -> None:
    photo(tmp_path / "photos/a.jpg")
    photo(tmp_path / "tags/b.jpg")
    table = tmp_path / "tags/t.csv"
    table.write_text(f"image,lat,lon\na.jpg,1,2\nb.jpg,1,2\n{tmp_path}/photos/../photos/a.jpg,1,2\n")
    good, bad = split(tmp_path / "photos", geotags=table)
    assert list(good) == ["folder:photos/a.jpg"]
    assert bad == [("b.jpg", "outside the folder"), ("a.jpg", "duplicate row")]


def test_a_table_that_is_named_is_the_list(tmp_path: Path) -> None:
    """What it does not name is neither used, though EXIF says where it is, nor counted as unusable."""
    for name, lat in (("a.jpg", None), ("exif.jpg", 10), ("bare.jpg", None)):
        photo(tmp_path / "town" / name, lat)
    table = tmp_path / "tags.csv"
    table.write_text("image,lat,lon\na.jpg,1,2\ngone.jpg,1,2\n")
    good, bad = split(tmp_path / "town", geotags=table)
    assert (list(good), bad) == (["folder:town/a.jpg"], [("gone.jpg", "missing file")])
    table.rename(tmp_path / "town/tags.csv")
    good, bad = split(tmp_path / "town")
    assert set(good) == {"folder:town/a.jpg", "folder:town/exif.jpg"}, "a sidecar only adds to the folder"
    assert sorted(bad) == [("bare.jpg", "no position"), ("gone.jpg", "missing file")]


@pytest.mark.parametrize("given", ["option", "positional", "found"])
def test_absolute_paths_are_the_word_of_who_named_the_table(tmp_path: Path, given: str) -> None:
    """A table that merely lies in a folder came with it, perhaps from a stranger."""
    town, away = tmp_path / "town", photo(tmp_path / "disk/away.jpg")
    photo(town / "a.jpg")
    photo(tmp_path / "disk/other.jpg")
    (tmp_path / "link.jpg").symlink_to(away)
    names = (
        *("a.jpg", town / "a.jpg", away, tmp_path / "link.jpg", tmp_path / "gone.jpg", "/dev/null"),
        *("../disk/other.jpg", tmp_path / "disk"),
    )
    table = town / "t.csv"
    table.write_text("image,lat,lon\n" + "".join(f"{name},1,2\n" for name in names))
    named = {"option": ([town], table), "positional": ([table], None), "found": ([town], None)}
    good, bad = split(*named[given][0], geotags=named[given][1])
    outside, missing, twice = "outside the folder", "missing file", "duplicate row"
    if given == "found":
        assert list(good) == ["folder:town/a.jpg"]
        assert [reason for _, reason in bad] == [twice, *[outside] * 6]
    else:
        assert list(good) == ["folder:town/a.jpg", f"file:{away}"]
        assert good[f"file:{away}"].location == str(away)
        assert [reason for _, reason in bad] == [twice, twice, missing, missing, outside, missing]


def test_windows_separators(tmp_path: Path) -> None:
    photo(tmp_path / "sub/a.jpg")
    (tmp_path / "t.csv").write_text("image,lat,lon\nsub\\a.jpg,1,2\n")
    assert [item.geotag.origin for item in split(tmp_path)[0].values()] == ["csv"]


@pytest.mark.parametrize("given", ["positional", "option"])
def test_a_table_alone_stands_for_the_images_it_lists(tmp_path: Path, given: str) -> None:
    photo(tmp_path / "town/a.jpg")
    photo(tmp_path / "town/other.jpg", 10)
    table = tmp_path / "town/t.csv"
    table.write_text("image,lat,lon\na.jpg,1,2\n")
    good, bad = split(table) if given == "positional" else split(geotags=table)
    assert (list(good), bad) == (["folder:town/a.jpg"], [])


def test_select_offers_listed_images_only(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photo(tmp_path / "town" / name, 10)
    (tmp_path / "town/t.csv").write_text("image,lat,lon,split\na.jpg,1,2,database\nb.jpg,1,2,query\n")
    good, bad = split(tmp_path / "town", select="split=database")
    assert (list(good), bad) == (["folder:town/a.jpg"], [])
    (tmp_path / "town/t.csv").unlink()
    with pytest.raises(UsageError, match="needs a table"):
        images([tmp_path / "town"], select="split=database")


def test_of_two_tables_the_user_chooses(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    (tmp_path / "noise.csv").write_text("this,is,something else\n1,2,3\n")
    for name, lat in (("s.csv", 1), ("t.csv", 2)):
        (tmp_path / name).write_text(f"image,lat,lon\na.jpg,{lat},2\n")
    with pytest.raises(UsageError, match=r"s\.csv, t\.csv") as caught:
        images([tmp_path])
    assert "--geotags" in caught.value.hint
    (found,) = split(tmp_path, geotags=tmp_path / "t.csv")[0].values()
    assert found.geotag.position == LatLon(2, 2)


def test_several_folders_have_their_own_keys(tmp_path: Path) -> None:
    for name in ("2020/images", "2021/images", "drone"):
        photo(tmp_path / name / "a.jpg", 10)
    folders = [tmp_path / "2020/images", tmp_path / "2021/images", tmp_path / "drone"]
    keys = ["folder:2020/images/a.jpg", "folder:2021/images/a.jpg", "folder:drone/a.jpg"]
    assert list(split(*folders)[0]) == keys
    assert list(split(folders[2])[0]) == keys[2:]


def test_keys_survive_a_move_and_nested_folders_count_once(tmp_path: Path) -> None:
    photo(tmp_path / "town/sub/a.jpg", 10)
    before = list(split(tmp_path / "town")[0])
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "town").rename(tmp_path / "elsewhere/town")
    town = tmp_path / "elsewhere/town"
    assert (
        before
        == list(split(town)[0])
        == list(split(town, town / "sub")[0])
        == list(split(town / "sub", town)[0])
    )


def test_names_that_are_no_text(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg", 10).rename(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    good, bad = split(tmp_path)
    assert not good
    assert bad == [("caf\\xe9.jpg", "file name not UTF-8")]


def test_a_folder_that_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "open/a.jpg", 10)
    photo(tmp_path / "shut/b.jpg", 10)
    scan: Callable[..., object] = os.scandir

    def guarded(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)  # root, who may run this, may open anything
    good, bad = split(tmp_path)
    assert (len(good), bad) == (1, [("shut", "no permission")])


def test_what_cannot_be_a_source_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        images([tmp_path / "absent"])
    with pytest.raises(InputError, match="not a folder, CSV or GeoJSON"):
        images([photo(tmp_path / "a.jpg")])
    with pytest.raises(UsageError, match="no images given"):
        images([])
    with pytest.raises(InputError, match="cannot be read"):
        images([tmp_path], tmp_path / "absent.csv")


def test_damaged_pictures_are_left_to_the_reader(tmp_path: Path) -> None:
    """A position by name is enough: whether the pixels can be read shows when they are."""
    (tmp_path / UTM).write_bytes(b"\xff\xd8\xff\xe1 broken")
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    good, bad = split(tmp_path)
    assert len(good) == 1
    assert bad == [("empty.jpg", "no position")]


def test_twice_the_files_take_twice_the_time(tmp_path: Path) -> None:
    pixels = photo(tmp_path / "0.jpg", 10).read_bytes()

    def plan(count: int) -> None:
        folder = tmp_path / f"{count}"
        if not folder.exists():
            folder.mkdir()
            for number in range(count):
                (folder / f"{number}.jpg").write_bytes(pixels)
        assert len(split(folder)[0]) == count

    assert growth(plan, 200) < 8


def test_pictures_by_name() -> None:
    assert is_picture(Path("a/b.JPeG"))
    assert is_picture(Path("a.heic"))
    assert not is_picture(Path(".a.jpg"))
    assert not is_picture(Path("a.csv"))


def test_the_list_of_exiftool_is_found_beside_its_images(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    row = {"SourceFile": "./a.jpg", "GPSLatitude": 33.45, "GPSLongitude": 70.66}
    row |= {"GPSLatitudeRef": "S", "GPSLongitudeRef": "West"}
    (tmp_path / "exif.json").write_text(json.dumps([row]), "utf-8")
    (image,) = images([tmp_path])
    assert isinstance(image, StreetImage)
    assert image.geotag.position == LatLon(-33.45, -70.66)


def test_what_is_kept_elsewhere_is_told(tmp_path: Path) -> None:
    """Links into the folder are followed; those to nowhere, out of it, and stand-ins are rows."""
    streets = tmp_path / "streets"
    there = photo(streets / ".git/annex/objects/k/k.jpg", 53.0)
    photo(tmp_path / ".git/annex/objects/o.jpg", 53.0)
    for name, target in {
        "here.jpg": there.relative_to(streets),
        "gone.jpg": ".git/annex/objects/9/9.jpg",
        "out.jpg": "../.git/annex/objects/o.jpg",
        "lost.jpg": "nowhere.jpg",
        "loop.jpg": "loop.jpg",
    }.items():
        (streets / name).symlink_to(target)
    (streets / "locked.jpg").write_bytes(b"/annex/objects/SHA256E-s12--00.jpg\n")
    (streets / "large.jpg").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    found = list(images([streets]))
    assert [one.key for one in found if isinstance(one, StreetImage)] == ["folder:streets/here.jpg"]
    told = {Path(one.location).name: (one.reason, one.detail) for one in found if isinstance(one, Rejected)}
    assert told == {
        "gone.jpg": ("its content is not here", "git annex get fetches it"),
        "locked.jpg": ("its content is not here", "git annex get fetches it"),
        "large.jpg": ("its content is not here", "git lfs pull fetches it"),
        "out.jpg": ("outside the folder", "a link: git annex unlock puts the file here"),
        "lost.jpg": ("link that leads nowhere", "to nowhere.jpg"),
        "loop.jpg": ("link that leads nowhere", "to loop.jpg"),
    }


@pytest.mark.parametrize(
    ("name", "reason", "helps"),
    [
        ("a.NEF", "raw photo", "export it as JPEG"),
        ("a.mp4", "video", "save frames of it as pictures"),
        ("a.jxl", "picture of a kind that is not read", "JPEG XL: convert it to JPEG"),
        ("a.zip", "archive", "unpack it"),
        ("a.7z", "archive", "unpack it"),
    ],
)
def test_what_may_hold_pictures_and_is_not_read_is_told(
    tmp_path: Path, name: str, reason: str, helps: str
) -> None:
    (tmp_path / name).write_bytes(b"")
    (tmp_path / ".hidden.zip").write_bytes(b"")
    assert list(images([tmp_path])) == [Rejected(str(tmp_path / name), reason, helps)]


@pytest.mark.parametrize("home", ["", "/home/ana/survey", "C:\\Users\\ana\\survey"])
def test_the_layer_that_qgis_makes_of_geotagged_photos(tmp_path: Path, home: str) -> None:
    """`photo` is the path when it was made, `filename` lacks its suffix, and empty columns are null."""
    streets = tmp_path / "streets"
    mark = "\\" if "\\" in home else "/"
    features = []
    for n in range(2):
        photo(streets / f"IMG_{n}.JPG")
        told = {"photo": f"{home or streets}{mark}IMG_{n}.JPG", "filename": f"IMG_{n}", "rotation": None}
        told |= {"directory": home or str(streets), "altitude": 3.0, "direction": 90.0}
        told |= {"longitude": str(9.9 + n), "latitude": "53.5", "timestamp": "2021-07-14T18:23:05"}
        point = {"type": "Point", "coordinates": [9.9 + n, 53.5, 3.0]}
        features.append({"type": "Feature", "properties": told, "geometry": point})
    layer = {"type": "FeatureCollection", "name": "Photos", "features": features}
    (streets / "Photos.geojson").write_text(json.dumps(layer), "utf-8")
    good, bad = split(streets)
    assert {key: (one.geotag.position, one.geotag.heading_deg) for key, one in good.items()} == {
        f"folder:streets/IMG_{n}.JPG": (LatLon(53.5, 9.9 + n), 90.0) for n in range(2)
    }
    assert {one.geotag.taken_at for one in good.values()} == {datetime(2021, 7, 14, 18, 23, 5)}
    assert not bad
