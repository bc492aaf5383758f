"""`geoflood flood`: what it writes, what it says of it, and what it never touches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.images import read_image
from tests.support.street_pictures import street

GPS = 0x8825


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo that says where it was taken, and by whom."""
    path = tmp_path / "street.jpg"
    exif = PIL.Image.Exif()
    exif[0x010F], exif[0x013B] = "Camera", "Ana Example"
    exif.get_ifd(GPS)[1] = "N"
    PIL.Image.fromarray(street()).save(path, exif=exif, comment=b"at home")
    return path


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["flood", *map(str, arguments)])


def test_help_opens_with_an_example() -> None:
    said = " ".join(call("--help").stdout.split())
    assert said.index("geoflood flood street.jpg --level 0.45") < said.index("Options")


@pytest.mark.parametrize("name", ["a.synthetic-flood.jpg", "My Synthetic street.png"])
def test_the_file_says_that_it_is_synthetic_and_nothing_of_the_original(photo: Path, name: str) -> None:
    file = photo.parent / name
    done = call(photo, "--out", file, "--level", 0.3)
    assert done.exit_code == 0, done.output
    with PIL.Image.open(file) as picture:
        exif, info = picture.getexif(), dict(picture.info)
        assert picture.format == ("PNG" if name.endswith("png") else "JPEG")
    assert set(exif) == {0x010E, 0x0131}, "a description and the software: no position, no camera, no owner"
    comment = info.get("comment", b"").decode() or info["Comment"]
    assert exif[0x010E] == comment
    assert comment.startswith("SYNTHETIC FLOOD made by geoflood")
    assert "compositeSynthetic" in file.read_bytes().decode("latin-1")
    assert b"Ana" not in file.read_bytes()


def test_the_name_says_it_too_and_the_photo_stays(photo: Path) -> None:
    before = photo.read_bytes()
    out = photo.parent / "out"
    assert call(photo, "--out", out, "--mask", "--effects", "storm,post").exit_code == 0
    assert {path.name for path in out.iterdir()} == {
        "street.synthetic-flood.jpg",
        "street.synthetic-flood.mask.png",
    }
    assert photo.read_bytes() == before


def test_json_tells_the_truth_and_every_photo_its_own_seed(photo: Path) -> None:
    other = photo.with_name("other.png")
    PIL.Image.fromarray(street(90, 200)).save(other)
    out = photo.parent / "out"
    done = call(photo, other, "--out", out, "--mask", "--json", "--level", 0.5, "--seed", 7)
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["seed"] for one in told] == [7, 8]
    for one in told:
        assert one["synthetic"] is True
        assert one["level"] == 0.5
        pixels, mask = read_image(Path(one["file"])), np.asarray(PIL.Image.open(one["mask"]))
        assert pixels.shape[:2] == mask.shape
        assert set(np.unique(mask)) == {0, 255}
        assert (mask > 0).mean() == pytest.approx(one["waterline"], abs=0.03)


def test_same_seed_same_bytes(photo: Path) -> None:
    files = [photo.parent / f"synthetic{n}.jpg" for n in range(3)]
    for file, seed in zip(files, (4, 4, 5), strict=True):
        assert call(photo, "--out", file, "--seed", seed, "--effects", "storm").exit_code == 0
    one, again, other = (file.read_bytes() for file in files)
    assert one == again
    assert one != other


def test_longest(photo: Path) -> None:
    file = photo.parent / "small-synthetic.jpg"
    assert call(photo, "--out", file, "--longest", 40).exit_code == 0
    assert max(read_image(file).shape) == 40


def test_one_of_several_cannot_be_read(photo: Path) -> None:
    text = photo.with_name("text.jpg")
    text.write_text("no picture", "utf-8")
    done = call(text, photo, "--out", photo.parent / "out", "--json")
    assert done.exit_code == 10
    assert "text.jpg: not an image" in done.stderr
    bad, good = (json.loads(line) for line in done.stdout.splitlines())
    assert bad["file"] is None
    assert "not an image" in bad["error"]
    assert Path(good["file"]).is_file()


def test_none_can_be_read(tmp_path: Path) -> None:
    done = call(tmp_path / "nowhere.jpg", "--out", tmp_path / "out")
    assert done.exit_code == 3
    assert done.stderr.strip().count("\n") == 0
    assert "nowhere.jpg: no such file" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options",
    [("--level", 0.95), ("--level", "nan"), ("--level", -1), ("--effects", "fire"), ("--seed", -1)],
)
def test_what_makes_no_sense_is_a_usage_error(photo: Path, options: tuple[object, object]) -> None:
    assert call(photo, *options, "--out", photo.parent / "out").exit_code == 2
    assert not (photo.parent / "out").exists()


def test_nothing_is_written_over(photo: Path) -> None:
    photo = photo.rename(photo.with_name("synthetic.jpg"))
    before = photo.read_bytes()
    assert call(photo, "--out", photo).exit_code == 2
    assert call(photo, "--out", photo, "--overwrite").exit_code == 2, "not even when told to"
    assert photo.read_bytes() == before
    file = photo.parent / "there-synthetic.jpg"
    file.write_bytes(b"mine")
    refused = call(photo, "--out", file)
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert file.read_bytes() == b"mine"
    assert call(photo, "--out", file, "--overwrite").exit_code == 0
    assert file.read_bytes() != b"mine"


def test_two_photos_of_one_name_do_not_meet(photo: Path) -> None:
    twin = photo.parent / "twin" / "street.png"
    twin.parent.mkdir()
    PIL.Image.fromarray(street()).save(twin)
    done = call(photo, twin, "--out", photo.parent / "out")
    assert done.exit_code == 2
    assert "would both become" in done.stderr
    assert call(photo, twin, "--out", photo.parent / "one.jpg").exit_code == 2


@pytest.mark.parametrize("name", ["y.png", "flooded.jpg", "news.JPEG"])
def test_a_name_that_hides_what_it_is_is_refused_with_one_that_does_not(photo: Path, name: str) -> None:
    refused = call(photo, "--out", photo.parent / name)
    assert refused.exit_code == 2
    helps = refused.stderr.split("--out ")[1].strip()
    assert "synthetic" in helps
    assert not (photo.parent / name).exists()
    assert call(photo, "--out", helps).exit_code == 0
    assert Path(helps).is_file()


def test_what_is_neither_a_folder_nor_a_jpeg_or_png_is_refused(photo: Path) -> None:
    there = photo.with_name("notes.txt")
    there.write_text("mine", "utf-8")
    for name in ("x.gif", "x.webp", "notes.txt"):
        refused = call(photo, "--out", photo.parent / name)
        assert refused.exit_code == 2
        assert ".png" in refused.stderr
    assert sorted(path.name for path in photo.parent.iterdir()) == ["notes.txt", "street.jpg"]


def test_a_folder_of_photos_keeps_its_shape_and_is_not_flooded_twice(photo: Path, tmp_path: Path) -> None:
    for name in ("a.jpg", "north/a.jpg", "north/b.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(street()).save(path)
    (tmp_path / "photos" / "notes.txt").write_text("no photo", "utf-8")
    out = tmp_path / "photos" / "flooded"
    wanted = {f"{name}.synthetic-flood.jpg" for name in ("a", "north/a", "north/b")}
    only_said = call(tmp_path / "photos", "--out", out, "--mask", "--dry-run", "--json")
    told = [json.loads(line) for line in only_said.stdout.splitlines()]
    assert {str(Path(one["file"]).relative_to(out)) for one in told} == wanted
    assert not out.exists()
    for again in ([], ["--overwrite"]):
        assert call(tmp_path / "photos", "--out", out, "--mask", *again).exit_code == 0
        written = {str(path.relative_to(out)) for path in out.rglob("*.jpg")}
        assert written == wanted
    (tmp_path / "none").mkdir()
    assert call(tmp_path / "none", "--out", out).exit_code == 3
    assert call(tmp_path / "photos", "--out", tmp_path / "synthetic.jpg").exit_code == 2
