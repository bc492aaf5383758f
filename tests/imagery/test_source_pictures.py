"""Pictures as they come over the wire: whole or refused, with their crop inside, and a disk that is full."""

from __future__ import annotations

import errno
import io
import os
import resource
from pathlib import Path

import PIL.Image
import pytest
from PIL.ExifTags import Base

from geoflood.core.datatypes import Projection, VisibleArea
from geoflood.core.errors import InputError
from geoflood.core.gpano import CameraPose, PhotoSphere
from geoflood.core.images import UnreadableImageError, header, read_image
from geoflood.imagery.sources import pictures
from geoflood.imagery.sources.pictures import is_whole_jpeg, keep_picture, large_enough, with_gpano
from geoflood.imagery.sources.source import PictureError
from tests.support.far_side.street_images import a_jpeg

WHOLE = a_jpeg(40, (200, 100))


def with_thumbnail() -> bytes:
    """A JPEG whose EXIF holds a whole small one."""
    picture = PIL.Image.open(io.BytesIO(WHOLE))
    exif = picture.getexif()
    exif[Base.Make] = "x"
    exif[Base.ImageDescription] = a_jpeg(3, (8, 8)).decode("latin-1")
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", exif=exif, progressive=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data", [WHOLE, with_thumbnail(), WHOLE + b"\x00" * 900, WHOLE + b"SEFT trailer of a phone"]
)
def test_whole_pictures(data: bytes) -> None:
    assert is_whole_jpeg(data)


@pytest.mark.parametrize("data", [WHOLE, with_thumbnail()])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.999])
def test_parts_of_pictures(data: bytes, share: float) -> None:
    assert not is_whole_jpeg(data[: int(share * len(data))])


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe1\x00", b"\xff\xd8" + b"\xff" * 99]
)
def test_what_is_hardly_a_picture(data: bytes) -> None:
    assert not is_whole_jpeg(data)


def test_the_crop_is_written_into_the_file() -> None:
    visible = VisibleArea(0.25, 0.1, 0.75, 0.9)
    made = with_gpano(WHOLE, visible)
    found = header(made)
    assert found.equirectangular
    assert found.visible is not None
    for side in ("left", "top", "right", "bottom"):
        assert getattr(found.visible, side) == pytest.approx(getattr(visible, side), abs=0.01)
    assert is_whole_jpeg(made)
    assert (read_image(made) == read_image(WHOLE)).all()


def test_a_file_that_says_so_itself_is_left_alone() -> None:
    made = with_gpano(WHOLE, VisibleArea(0, 0, 1, 0.5))
    assert with_gpano(made, VisibleArea(0, 0, 1, 0.8)) is made


def test_how_the_camera_leant_is_written_into_the_file() -> None:
    made = with_gpano(WHOLE, None, CameraPose(None, -3.5, 12.25))
    assert header(made).sphere == PhotoSphere(Projection.EQUIRECTANGULAR, CameraPose(None, -3.5, 12.25))
    both = with_gpano(made, VisibleArea(0, 0, 1, 0.5), CameraPose(None, 9.0))
    assert header(both).sphere.pose == CameraPose(None, -3.5, 12.25)
    assert header(both).visible == VisibleArea(0, 0, 1, 0.5)
    assert with_gpano(WHOLE, None) is WHOLE


def test_tags_that_make_no_sense_give_way() -> None:
    odd = with_gpano(WHOLE, None, CameraPose(None, 10.0)).replace(b'Degrees="10.0"', b'Degrees="99.0"')
    assert header(odd).sphere.problem
    assert with_gpano(odd, None) is odd
    assert header(with_gpano(odd, VisibleArea(0, 0, 1, 0.5))).visible == VisibleArea(0, 0, 1, 0.5)


def test_other_metadata_stays_and_other_xmp_goes() -> None:
    picture = PIL.Image.open(io.BytesIO(WHOLE))
    exif = picture.getexif()
    exif[Base.Make] = "Testcam"
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", exif=exif, xmp=b"<x:xmpmeta>something else</x:xmpmeta>")
    made = with_gpano(buffer.getvalue(), VisibleArea(0, 0, 1, 0.5))
    again = PIL.Image.open(io.BytesIO(made))
    assert again.getexif()[Base.Make] == "Testcam"
    assert b"something else" not in made
    assert header(made).visible == VisibleArea(0, 0, 1, 0.5)


def test_no_picture_gets_no_crop() -> None:
    with pytest.raises(UnreadableImageError):
        with_gpano(b"\xff\xd8nothing", VisibleArea(0, 0, 1, 0.5))


def test_rubbish_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(PictureError):
        keep_picture(b"\xff\xd8nothing", tmp_path / "a.jpg", VisibleArea(0, 0, 1, 0.5))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "said", "hint"),
    [
        (errno.ENOSPC, "No space left on device", "make room there"),
        (errno.EDQUOT, "[Qq]uota exceeded", "make room there"),
        (errno.EACCES, "Permission denied", "check the path"),
        (errno.EROFS, "Read-only file system", "check the path"),
    ],
)
def test_a_disk_that_takes_nothing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str, hint: str
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(pictures, "write_whole", full)
    with pytest.raises(InputError, match=said) as error:
        keep_picture(WHOLE, tmp_path / "city" / "a.jpg")
    assert str(tmp_path / "city") in str(error.value)
    assert error.value.hint.startswith(hint)
    assert error.value.exit_code == 3


def test_a_disk_that_takes_no_more_leaves_no_part(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(InputError, match="File too large") as error:
            keep_picture(WHOLE + bytes(5000), tmp_path / "a.jpg")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "nothing is fetched twice" in error.value.hint
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made() -> None:
    with pytest.raises(InputError, match=r"^/proc/self/a: "):
        keep_picture(WHOLE, Path("/proc/self/a/b.jpg"))


@pytest.mark.parametrize(
    ("width", "enough"), [(2000, True), (2048, True), (4000, True), (1920, False), (1024, False)]
)
def test_which_size_pays(width: int, enough: bool) -> None:
    assert large_enough(width) is enough
