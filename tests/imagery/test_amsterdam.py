"""Amsterdam's panoramas, from a server on this machine that answers as the city's own code does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from geoflood.core.area import Area
from geoflood.core.datatypes import Bounds, LatLon, Projection
from geoflood.core.errors import BlockedError, NetworkError
from geoflood.core.images import header
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.sources.amsterdam import Amsterdam
from geoflood.imagery.sources.source import PictureError, SourceImage, VanishedError
from tests.support.clock import SleptClock
from tests.support.far_side.amsterdam_server import FarAmsterdam
from tests.support.far_side.street_images import a_jpeg, along_a_street

DAM = (52.3731, 4.8926)
AREA = Area.of_bounds(Bounds(52.3725, 4.8920, 52.3737, 4.8950))

pytestmark = pytest.mark.usefixtures("online")


@pytest.fixture
def far() -> Iterator[FarAmsterdam]:
    images = [
        replace(image, id=f"TMX7316010203-000227_pano_0000_{number:06d}")
        for number, image in enumerate(along_a_street(25, DAM, panoramas=True))
    ]
    older = replace(
        images[3], id="TMX0000000000-000001_pano_0000_000003", taken=datetime(2017, 1, 1, tzinfo=UTC)
    )
    with FarAmsterdam([older, *images]) as server:
        yield server


@pytest.fixture
def source(far: FarAmsterdam) -> Iterator[Amsterdam]:
    clock = SleptClock()
    with closing(Amsterdam(far.url, a_minute=1e6, clock=clock.now, sleep=clock.sleep)) as opened:
        yield opened


def listed(source: Amsterdam, area: Area = AREA) -> dict[str, SourceImage]:
    return {image.id: image for cell in source.cells(area) for image in source.census(cell)}


def test_all_newest_panoramas_are_listed(source: Amsterdam, far: FarAmsterdam) -> None:
    far.most_a_page = 7
    found = listed(source)
    assert len(found) == 25
    assert all(name.startswith("TMX7316010203") for name in found)
    first = found["TMX7316010203-000227_pano_0000_000000"]
    tag = first.geotag
    assert (tag.position, tag.origin) == (LatLon(*DAM), "amsterdam")
    assert tag.taken_at == datetime(2024, 5, 3, 14, 0)
    assert (first.projection, first.width) == (Projection.EQUIRECTANGULAR, 8000)
    assert (first.licence, first.credit) == ("CC-BY-4.0", "Gemeente Amsterdam")
    assert first.link == f"{far.url}/panorama/panoramas/{first.id}/"
    assert first.sequence == "TMX7316010203-000227"


def test_north_is_at_the_centre_whatever_the_car_did(source: Amsterdam) -> None:
    tags = [image.geotag for image in listed(source).values()]
    assert {(tag.heading_deg, tag.pitch_deg, tag.roll_deg) for tag in tags} == {(0.0, 0.0, 0.0)}


def test_cells_are_small_enough_and_stay(source: Amsterdam) -> None:
    large = Area.of_bounds(Bounds(52.36, 4.88, 52.38, 4.92))
    cells = source.cells(large)
    assert cells == source.cells(large)
    assert all(cell.startswith("16/") for cell in cells)
    assert len(listed(source, large)) == 25


def test_elsewhere_the_city_is_not_asked() -> None:
    houston = Area.of_bounds(Bounds(29.7, -95.4, 29.8, -95.3))
    with closing(Amsterdam()) as source:
        assert source.cells(houston) == []
        assert source.cells(AREA)
    with closing(Amsterdam("http://127.0.0.1:9")) as own:
        assert own.cells(houston)


def test_the_smallest_picture_that_is_large_enough(
    source: Amsterdam, far: FarAmsterdam, tmp_path: Path
) -> None:
    image = next(iter(listed(source).values()))
    target = tmp_path / "amsterdam" / f"{image.id}.jpg"
    assert source.picture(image, target) == image
    assert target.read_bytes() == far.images[image.id].jpeg
    assert list(far.store.paths) == [f"/{image.id}/panorama_2000.jpg"]
    assert header(target).width == 128


@pytest.mark.parametrize("gone", ["address", "no address"])
def test_an_address_that_is_gone_is_asked_for_anew(
    source: Amsterdam, far: FarAmsterdam, tmp_path: Path, gone: str
) -> None:
    image = next(iter(listed(source).values()))
    old = replace(image, address="" if gone == "no address" else f"{far.store.url}/gone.jpg")
    assert source.picture(old, tmp_path / "a.jpg").address == image.address
    assert (tmp_path / "a.jpg").exists()


def test_a_withdrawn_panorama(source: Amsterdam, far: FarAmsterdam, tmp_path: Path) -> None:
    image = next(iter(listed(source).values()))
    del far.images[image.id]
    far.store.files.clear()
    with pytest.raises(VanishedError, match="no longer published") as error:
        source.picture(image, tmp_path / "a.jpg")
    assert error.value.reason is RejectReason.WITHDRAWN
    assert not list(tmp_path.iterdir())


def test_a_picture_that_its_host_has_lost(source: Amsterdam, far: FarAmsterdam, tmp_path: Path) -> None:
    images = list(listed(source).values())
    far.store.files.clear()
    for image in images[:4]:
        with pytest.raises(PictureError, match="its host has not") as error:
            source.picture(image, tmp_path / "a.jpg")
        assert error.value.reason is RejectReason.OUT_OF_REACH
    with pytest.raises(NetworkError, match="has none of the pictures"):
        source.picture(images[4], tmp_path / "a.jpg")


def test_pages_stay_on_their_host(source: Amsterdam, far: FarAmsterdam) -> None:
    far.most_a_page = 10
    row = far.row
    far.row = lambda image: row(image) | {"_links": {}}  # type: ignore[method-assign]
    real, far.url = far.url, "http://elsewhere.invalid"
    assert len(listed(source)) == 25
    far.url = real


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"_embedded": {}}, "without panoramas"),
        ([1], "without panoramas"),
        ({"_embedded": {"panoramas": None}}, "without panoramas"),
    ],
)
def test_answers_of_another_shape(source: Amsterdam, far: FarAmsterdam, body: object, said: str) -> None:
    far.respond = lambda wire, *_: wire.answer(body)  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match=said):
        listed(source)


def test_rows_that_cannot_be_right_are_left_out(source: Amsterdam, far: FarAmsterdam) -> None:
    rows: list[object] = [
        *(
            {},
            None,
            [],
            "x",
            {"pano_id": "a/b"},
            {"pano_id": "../../x", "geometry": {"coordinates": [4.9, 52.3, 1]}},
        ),
        *(
            {"pano_id": "far", "geometry": {"coordinates": [4.9, 152.3, 1]}},
            {"pano_id": "b", "geometry": {"coordinates": None}},
        ),
        {
            "pano_id": "good",
            "geometry": {"coordinates": [4.8926, 52.3731]},
            "timestamp": "1970-01-01T00:00:00Z",
            "_links": 7,
        },
    ]
    far.respond = lambda wire, *_: wire.answer({"_embedded": {"panoramas": rows}})  # type: ignore[method-assign]
    (image,) = source.census(source.cells(AREA)[0])
    assert (image.id, image.geotag.taken_at, image.address, image.link) == ("good", None, "", "")


def test_pages_without_end(source: Amsterdam, far: FarAmsterdam) -> None:
    def endless(wire: object, method: str, path: str, params: dict[str, str], form: object) -> None:
        page = int(params.get("page", 0)) + 1
        links = {"next": {"href": f"{far.url}/?page={page}"}}
        row = {"pano_id": f"p{page}", "geometry": {"coordinates": [4.8926, 52.3731]}}
        wire.answer({"_links": links, "_embedded": {"panoramas": [row]}})  # type: ignore[attr-defined]

    far.respond = endless  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match="pages without end"):
        source.census(source.cells(AREA)[0])


def test_a_block_stops_the_census(source: Amsterdam, far: FarAmsterdam) -> None:
    far.moods.append("status 429")
    with pytest.raises(BlockedError):
        listed(source)


@pytest.mark.parametrize("mood", ["cut", "lying", "status 503", "drop", "cut chunked"])
def test_a_picture_is_whole_or_not_there(
    source: Amsterdam, far: FarAmsterdam, tmp_path: Path, mood: str
) -> None:
    image = next(iter(listed(source).values()))
    far.store.moods.append(mood)
    source.picture(image, tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").read_bytes() == far.images[image.id].jpeg


def test_the_sample_is_in_the_city() -> None:
    with closing(Amsterdam()) as source:
        assert source.sample() in source.cells(Area.of_circle(LatLon(*DAM), 300))


def test_a_newer_picture_of_a_place_takes_its_turn(source: Amsterdam, far: FarAmsterdam) -> None:
    old = next(iter(far.images.values()))
    new = replace(old, id="new", taken=datetime(2024, 5, 3, tzinfo=UTC) + timedelta(days=300), jpeg=a_jpeg(7))
    far.images["new"] = new
    assert "new" in listed(source)
