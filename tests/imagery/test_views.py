"""Which views an image gives, and that a cropped panorama gives those of the whole one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from geoflood.core.datatypes import Geotag, LatLon, Projection, Reference, StreetImage, VisibleArea
from geoflood.core.images import UnreadableImageError
from geoflood.imagery.panorama import SIZE, TURNS, is_seen, whole_sphere
from geoflood.imagery.views import pixels_of, views

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description GPano:ProjectionType="equirectangular"
 GPano:FullPanoWidthPixels="{0}" GPano:CroppedAreaImageWidthPixels="{1}" GPano:CroppedAreaLeftPixels="{2}"
 GPano:FullPanoHeightPixels="{3}" GPano:CroppedAreaImageHeightPixels="{4}" GPano:CroppedAreaTopPixels="{5}"
 /></rdf:RDF></x:xmpmeta>"""


def sphere(width: int = 1024) -> NDArray[np.uint8]:
    """Rows and columns that can be told apart."""
    down, across = np.mgrid[: width // 2, :width] / width
    layers = [127 + 120 * np.sin(2 * np.pi * across), 127 + 120 * np.cos(2 * np.pi * across), 40 + 400 * down]
    return np.asarray(np.clip(np.stack(layers, axis=2), 0, 255).astype(np.uint8))


def written(path: Path, box: tuple[int, int, int, int] | None = None) -> Path:
    """The panorama as a file, or the part of it in a box (left, top, right, bottom)."""
    whole = Image.fromarray(sphere())
    left, top, right, bottom = box or (0, 0, *whole.size)
    xmp = XMP.format(whole.width, right - left, left, whole.height, bottom - top, top)
    whole.crop((left, top, right, bottom)).save(path, quality=100, subsampling=0, xmp=xmp.encode())
    return path


def street_image(path: Path, projection: Projection = Projection.UNKNOWN) -> StreetImage:
    return StreetImage("folder:a", str(path), Geotag(LatLon(1, 1), "csv", 90.0), projection)


@pytest.mark.parametrize(
    "box",
    [(0, 0, 1024, 400), (0, 120, 1024, 512), (0, 60, 1024, 420)],
    ids=["no ground", "no sky", "neither"],
)
@pytest.mark.parametrize("projection", [Projection.UNKNOWN, Projection.EQUIRECTANGULAR])
def test_a_cropped_panorama_gives_the_views_of_the_whole(
    tmp_path: Path, box: tuple[int, int, int, int], projection: Projection
) -> None:
    expected = views(street_image(written(tmp_path / "whole.jpg"), projection))
    found = views(street_image(written(tmp_path / "part.jpg", box), projection))
    assert [view.tile_deg for view in found] == list(TURNS)
    assert [view.heading_deg for view in found] == [view.heading_deg for view in expected]
    middle = slice(SIZE * 2 // 5, SIZE * 3 // 5)
    for ours, whole in zip(found, expected, strict=True):
        difference = np.abs(ours.pixels[middle].astype(int) - whole.pixels[middle])
        assert difference.max() <= 4


def test_of_a_half_circle_only_what_it_shows(tmp_path: Path) -> None:
    path = written(tmp_path / "half.jpg", (256, 0, 768, 512))
    found = views(street_image(path))
    assert [view.tile_deg for view in found] == [0.0, 45.0, 315.0]
    assert [view.heading_deg for view in found] == [90.0, 135.0, 45.0]
    whole = views(street_image(written(tmp_path / "whole.jpg")))
    assert np.abs(found[0].pixels.astype(int) - whole[0].pixels).max() <= 4
    reference = Reference(0, "folder:a", LatLon(1, 1), str(path), tile_deg=45.0)
    np.testing.assert_array_equal(pixels_of(reference), found[1].pixels)


@pytest.mark.parametrize(
    "numbers", [(100_000_000, 100, 0, 50_000_000, 50, 0), (4000, 600, 0, 2000, 300, 900)]
)
def test_a_narrow_part_is_one_wide_photo(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    path = tmp_path / "narrow.jpg"
    Image.fromarray(sphere()[:300, :600]).save(path, xmp=XMP.format(*numbers).encode())
    (view,) = views(street_image(path))
    assert (view.pixels.shape, view.tile_deg, view.heading_deg) == ((300, 600, 3), None, 90.0)
    assert pixels_of(Reference(0, "a", LatLon(1, 1), str(path), tile_deg=0.0)).shape == (SIZE, SIZE, 3)


def test_what_is_not_there_is_grey() -> None:
    canvas = whole_sphere(np.full((40, 50, 3), 9, np.uint8), VisibleArea(0.25, 0.1, 0.75, 0.9))
    assert canvas.shape == (50, 100, 3)
    assert (canvas[5:45, 25:75] == 9).all()
    assert (canvas == 128).sum() == 3 * (50 * 100 - 40 * 50)


@pytest.mark.parametrize(
    ("turn", "seen"),
    [(0, True), (44, True), (-44, True), (76, False), (180, False), (-60, True), (-75, False)],
)
def test_what_a_half_circle_shows(turn: float, seen: bool) -> None:
    assert is_seen(turn, VisibleArea(0.25, 0, 0.75, 1)) is seen


def test_the_back_of_a_panorama_is_seen_on_both_edges() -> None:
    assert is_seen(180, VisibleArea(0, 0, 1, 0.5))
    assert not is_seen(180, VisibleArea(0.2, 0, 1, 1))


# ---- what the tags of a file do to its views


def tagged(path: Path, pixels: NDArray[np.uint8], **tags: object) -> Path:
    told = " ".join(f'GPano:{name}="{value}"' for name, value in tags.items())
    xmp = f'<x><rdf:Description GPano:ProjectionType="equirectangular" {told}/></x>'
    Image.fromarray(pixels).save(path, quality=100, subsampling=0, xmp=xmp.encode())
    return path


def test_a_camera_that_was_held_upside_down(tmp_path: Path) -> None:
    """The sphere turned by half a turn is the picture turned so: no other code has to be believed."""
    upright = views(street_image(tagged(tmp_path / "a.jpg", sphere())))
    turned = views(street_image(tagged(tmp_path / "b.jpg", sphere()[::-1, ::-1], PoseRollDegrees=180)))
    for one, other in zip(upright, turned, strict=True):
        assert (one.tile_deg, one.heading_deg) == (other.tile_deg, other.heading_deg)
        assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 6
    reference = Reference(0, "a", LatLon(1, 1), str(tmp_path / "b.jpg"), tile_deg=45.0)
    np.testing.assert_array_equal(pixels_of(reference), turned[1].pixels)


def test_a_crop_and_a_pose_together(tmp_path: Path) -> None:
    whole = views(street_image(tagged(tmp_path / "a.jpg", sphere(), PosePitchDegrees=12, PoseRollDegrees=-8)))
    crop = {
        "FullPanoWidthPixels": 1024,
        "CroppedAreaImageWidthPixels": 1024,
        "CroppedAreaLeftPixels": 0,
        "FullPanoHeightPixels": 512,
        "CroppedAreaImageHeightPixels": 400,
        "CroppedAreaTopPixels": 100,
    }
    part = tagged(tmp_path / "b.jpg", sphere()[100:500], **crop, PosePitchDegrees=12, PoseRollDegrees=-8)
    middle = slice(SIZE * 2 // 5, SIZE * 3 // 5)
    for one, other in zip(whole, views(street_image(part)), strict=True):
        assert np.abs(one.pixels[middle].astype(int) - other.pixels[middle]).max() <= 4


def test_its_own_heading_counts_where_nobody_else_knows_it(tmp_path: Path) -> None:
    path = tagged(tmp_path / "a.jpg", sphere(), PoseHeadingDegrees=350)
    unknown = StreetImage("folder:a", str(path), Geotag(LatLon(1, 1), "csv"))
    assert [view.heading_deg for view in views(unknown)][:3] == [350.0, 35.0, 80.0]
    assert [view.heading_deg for view in views(street_image(path))][:2] == [90.0, 135.0]


@pytest.mark.parametrize(
    "tags",
    [
        {"PosePitchDegrees": "nan"},
        {"PoseRollDegrees": "1e30"},
        {"FullPanoHeightPixels": 400, "CroppedAreaImageHeightPixels": 512, "CroppedAreaTopPixels": 0},
        {"FullPanoHeightPixels": 700, "CroppedAreaImageHeightPixels": 512},
        {"FullPanoHeightPixels": 512, "CroppedAreaImageHeightPixels": 512, "CroppedAreaTopPixels": -9},
    ],
)
def test_tags_that_make_no_sense_are_a_reason(tmp_path: Path, tags: dict[str, object]) -> None:
    image = street_image(tagged(tmp_path / "a.jpg", sphere(), **tags))
    with pytest.raises(UnreadableImageError) as error:
        views(image)
    assert error.value.reason == "bad panorama tags"
    assert error.value.detail
    assert len(views(replace(image, projection=Projection.PERSPECTIVE))) == 1
