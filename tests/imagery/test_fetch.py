"""Pictures of chosen images: in order, once, whole; what is gone, what fails, what stops everything."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from geoflood.core.area import Area
from geoflood.core.datatypes import Image, Projection, Rejected, StreetImage, VisibleArea
from geoflood.core.errors import BlockedError, InputError
from geoflood.core.gpano import CameraPose
from geoflood.core.images import header, jpeg, read_image, resize
from geoflood.imagery import kept_pictures
from geoflood.imagery.census import Census
from geoflood.imagery.fetch import fetch, key_of, picture_path
from geoflood.imagery.kept_pictures import KeepImages, PictureKeeper
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.sources.pictures import with_gpano
from geoflood.imagery.sources.source import PictureError, SourceImage
from geoflood.imagery.views import views
from tests.support.scripted_source import ORIGIN, ScriptedSource, source_image

DAM = Area.of_circle(ORIGIN, 400)


@pytest.fixture
def source(tmp_path: Path, noise: Image) -> ScriptedSource:
    """Forty images, all of one picture."""
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(jpeg(noise))
    images = [source_image(f"{n:03d}", east_m=3 * n) for n in range(40)]
    return ScriptedSource(images, {image.id: picture for image in images})


@pytest.fixture
def census(tmp_path: Path, source: ScriptedSource) -> Census:
    census = Census(tmp_path, "scripted")
    census.take(source, DAM)
    return census


def fetched(
    source: ScriptedSource, census: Census, folder: Path, described: object = ()
) -> list[StreetImage | Rejected]:
    rows = census.columns(DAM).rows.tolist()
    return list(fetch(source, census, rows, folder, described))  # type: ignore[arg-type]


def test_every_image_comes_with_its_picture_in_order(
    tmp_path: Path, source: ScriptedSource, census: Census
) -> None:
    found = fetched(source, census, tmp_path)
    assert [one.key for one in found if isinstance(one, StreetImage)] == [
        f"scripted:{n:03d}" for n in range(40)
    ]
    for one in found:
        assert isinstance(one, StreetImage)
        assert Path(one.location) == tmp_path / "images/scripted" / f"{one.key[-3:]}.jpg"
        assert Path(one.location).is_file()
        assert one.licence == "CC-BY-SA-4.0"
        assert one.credit == f"Mapper {int(one.key[-3:]) % 3}", "which only the picture tells"
        assert one.link == f"https://scripted.example/{one.key[-3:]}"
    assert set(source.fetched.values()) == set(source.prepared.values()) == {1}


def test_nothing_is_fetched_twice(tmp_path: Path, source: ScriptedSource, census: Census) -> None:
    first = fetched(source, census, tmp_path)
    census.close()
    assert fetched(source, Census(tmp_path, "scripted"), tmp_path) == first
    assert set(source.fetched.values()) == set(source.prepared.values()) == {1}


def test_a_picture_that_somebody_removed_is_fetched_again(
    tmp_path: Path, source: ScriptedSource, census: Census
) -> None:
    first = fetched(source, census, tmp_path)
    picture_path(tmp_path, "scripted", "007").unlink()
    assert fetched(source, census, tmp_path) == first
    assert source.fetched["007"] == 2
    assert source.prepared.total() == 41


def test_described_images_need_no_picture(tmp_path: Path, source: ScriptedSource, census: Census) -> None:
    first = fetched(source, census, tmp_path)
    for path in (tmp_path / "images/scripted").iterdir():
        path.unlink()
    assert fetched(source, census, tmp_path, {key_of("scripted", number) for number in source.known}) == first
    assert set(source.fetched.values()) == {1}


def test_withdrawn_images_are_counted_and_not_asked_for_again(
    tmp_path: Path, source: ScriptedSource, census: Census
) -> None:
    rows = census.columns(DAM).rows.tolist()
    source.withdrawn |= {"003", "011"}
    for _ in range(2):
        found = list(fetch(source, census, rows, tmp_path))
        gone = [one for one in found if isinstance(one, Rejected)]
        assert [one.reason for one in gone] == [RejectReason.WITHDRAWN] * 2
        assert gone[0].location == "https://scripted.example/003"
        assert len(found) == 40
    assert source.prepared["003"] == 1
    assert len(census.columns(DAM)) == 38


def test_a_picture_that_fails_is_tried_in_the_next_run(
    tmp_path: Path, source: ScriptedSource, census: Census
) -> None:
    source.failing["005"] = PictureError("not now", RejectReason.NOT_READY)
    (failed,) = (one for one in fetched(source, census, tmp_path) if isinstance(one, Rejected))
    assert (failed.reason, failed.detail) == (RejectReason.NOT_READY, "not now")
    source.failing.clear()
    assert all(isinstance(one, StreetImage) for one in fetched(source, census, tmp_path))


@pytest.mark.parametrize("error", [BlockedError("blocked", "tomorrow"), InputError("disk full", "make room")])
def test_what_stops_everything_keeps_what_is_there(
    tmp_path: Path, source: ScriptedSource, census: Census, error: Exception
) -> None:
    source.failing["020"] = error  # type: ignore[assignment]
    before = threading.active_count()
    images, got = fetch(source, census, census.columns(DAM).rows.tolist(), tmp_path), list[object]()
    with pytest.raises(type(error)):
        got.extend(images)
    assert len(got) == 20
    assert threading.active_count() == before
    source.failing.clear()
    assert len(fetched(source, census, tmp_path)) == 40
    assert set(source.fetched.values()) == {1}


def test_who_stops_listening_stops_the_threads(
    tmp_path: Path, source: ScriptedSource, census: Census
) -> None:
    source.pause_s = 0.01
    before = threading.active_count()
    images = fetch(source, census, census.columns(DAM).rows.tolist() * 30, tmp_path)
    next(images)
    images.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert source.fetched.total() < 400


@pytest.mark.parametrize("number", ["../../etc/passwd", "a/b", "", ".", "x" * 300, "a b", "\u202e", "-rf"])
def test_an_id_is_no_path(tmp_path: Path, number: str) -> None:
    path = picture_path(tmp_path, "scripted", number)
    assert path.parent == tmp_path / "images/scripted"
    assert len(path.name) == 44
    assert path != picture_path(tmp_path, "scripted", f"{number}1")


def test_pictures_are_removed_once_they_are_described(
    tmp_path: Path, source: ScriptedSource, census: Census, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_pictures, "RESERVE", 10)
    images = [one for one in fetched(source, census, tmp_path) if isinstance(one, StreetImage)]
    keep = PictureKeeper(KeepImages.ALL)
    keep(images)
    assert all(Path(one.location).is_file() for one in images)
    for _ in range(2):
        keep = PictureKeeper(KeepImages.NONE)
        for part in (images[:8], images[8:16], images[16:]):
            keep(part)
        assert [Path(one.location).is_file() for one in images] == [True] * 10 + [False] * 30


def test_small_pictures_serve_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: Image) -> None:
    monkeypatch.setattr(kept_pictures, "RESERVE", 0)
    monkeypatch.setattr(kept_pictures, "PHOTO_PX", 100)
    monkeypatch.setattr(kept_pictures, "DECODE_WIDTH", 320)
    flat, round_ = (tmp_path / name for name in ("flat.jpg", "round.jpg"))
    flat.write_bytes(jpeg(noise))
    round_.write_bytes(jpeg(resize(noise, 640, 320)))
    image = fetch_image(source_image("1"), flat)
    panorama = replace(fetch_image(source_image("2"), round_), projection=Projection.EQUIRECTANGULAR)
    missing = fetch_image(source_image("3"), tmp_path / "gone.jpg")
    PictureKeeper(KeepImages.THUMBNAILS)([image, panorama, missing])
    assert (header(flat).width, header(round_).width) == (100, 320)
    assert len(views(panorama)) > 1
    before = flat.read_bytes()
    PictureKeeper(KeepImages.THUMBNAILS)([image])
    assert flat.read_bytes() == before
    assert read_image(flat).shape == (75, 100, 3)


def fetch_image(image: SourceImage, path: Path) -> StreetImage:
    return StreetImage(key_of("scripted", image.id), str(path), image.geotag, Projection.UNKNOWN)


def test_a_cropped_panorama_stays_cropped(
    tmp_path: Path, noise: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_pictures, "RESERVE", 0)
    monkeypatch.setattr(kept_pictures, "DECODE_WIDTH", 80)
    path = tmp_path / "cropped.jpg"
    visible = VisibleArea(0.0, 0.0, 1.0, 0.8)
    path.write_bytes(with_gpano(jpeg(noise), visible, CameraPose(None, 5.0)))
    image = replace(fetch_image(source_image("1"), path), projection=Projection.EQUIRECTANGULAR)
    PictureKeeper(KeepImages.THUMBNAILS)([image])
    assert header(path).width == 80
    seen = header(path).visible
    assert seen is not None
    assert seen.bottom == pytest.approx(0.8, abs=0.02)
    assert header(path).sphere.pose == CameraPose(None, 5.0)
