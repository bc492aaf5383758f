"""Panoramax from a server on this machine, as an instance and as the meta-catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geoflood.core.area import Area
from geoflood.core.datatypes import Bounds, LatLon, Projection, StreetImage, VisibleArea
from geoflood.core.errors import BlockedError, NetworkError
from geoflood.core.gpano import CameraPose
from geoflood.core.images import header
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.sources.panoramax import Panoramax
from geoflood.imagery.sources.pictures import with_gpano
from geoflood.imagery.sources.source import PictureError, SourceImage, VanishedError
from geoflood.imagery.views import views
from tests.support.clock import SleptClock
from tests.support.far_side.panoramax_server import FarPanoramax, uuid_of
from tests.support.far_side.source_server import SourceWire
from tests.support.far_side.street_images import FarImage, a_jpeg, along_a_street

LILLE = (50.6372, 3.0633)
AREA = Area.of_bounds(Bounds(50.636, 3.062, 50.639, 3.068))

pytestmark = pytest.mark.usefixtures("online")

Opened = Callable[..., tuple[FarPanoramax, Panoramax]]


def street(count: int = 25) -> list[FarImage]:
    images = along_a_street(count, LILLE, panoramas=True)
    return [replace(image, id=uuid_of(image.id), panorama=image.id > "1004") for image in images]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """A server with these images, and the source that asks it."""
    with ExitStack() as stack:

        def both(images: list[FarImage] | None = None, **kind: Any) -> tuple[FarPanoramax, Panoramax]:
            far = stack.enter_context(FarPanoramax(street() if images is None else images, **kind))
            clock = SleptClock()
            source = Panoramax(far.api, a_minute=1e6, clock=clock.now, sleep=clock.sleep)
            return far, stack.enter_context(closing(source))

        yield both


def listed(source: Panoramax, area: Area = AREA) -> dict[str, SourceImage]:
    return {image.id: image for cell in source.cells(area) for image in source.census(cell)}


@pytest.mark.parametrize("meta", [False, True])
def test_all_pictures_are_listed(opened: Opened, meta: bool) -> None:
    far, source = opened(meta=meta)
    found = listed(source)
    assert found.keys() == far.images.keys()
    flat, round_ = found[uuid_of("1001")], found[uuid_of("1010")]
    assert (flat.projection, round_.projection) == (Projection.PERSPECTIVE, Projection.EQUIRECTANGULAR)
    tag = flat.geotag
    assert (tag.origin, tag.heading_deg, tag.accuracy_m) == ("panoramax", 90.0, 2.5)
    assert tag.position.lat == pytest.approx(LILLE[0], abs=5e-6)
    assert tag.position.lon == pytest.approx(LILLE[1] + 1e-4, abs=5e-6)
    assert flat.sequence == uuid_of("drive0")


def test_times_come_in_three_spellings(opened: Opened) -> None:
    far, source = opened()
    far.images |= {"x": replace(next(iter(far.images.values())), id=uuid_of("x"), taken=None)}
    found = listed(source)
    assert found.pop(uuid_of("x")).geotag.taken_at is None
    taken = [image.geotag.taken_at for image in found.values()]
    assert all(moment is not None and moment.date() == datetime(2024, 5, 3).date() for moment in taken)


def test_lone_pictures_are_found_and_empty_ground_is_not_walked(opened: Opened) -> None:
    """A lone picture is in no line of lower zooms; emptiness is one question."""
    lone = replace(street(1)[0], lat=50.70, lon=3.20)
    far, source = opened([lone])
    area = Area.of_bounds(Bounds(50.55, 2.90, 50.75, 3.25))
    cells = source.cells(area)
    assert listed(source, area).keys() == {lone.id}
    searches = far.paths["/api/search"]
    tiles = sum(count for path, count in far.paths.items() if path.endswith(".mvt"))
    assert (searches, tiles) == (len(cells) + 4, 4)


def test_cells_never_cross_the_antimeridian(opened: Opened) -> None:
    ends = [
        replace(street(1)[0], id=uuid_of(name), lon=lon, lat=-16.5)
        for name, lon in (("e", 179.9995), ("w", -179.9995))
    ]
    far, source = opened(ends)
    area = Area.of_box(-16.6, 179.99, -16.4, -179.99)
    assert listed(source, area).keys() == far.images.keys()
    boxes = [path for _, path, _ in far.requests if "bbox" in path]
    assert boxes
    for path in boxes:
        west, _, east, _ = map(
            float, path.partition("bbox=")[2].partition("&")[0].replace("%2C", ",").split(",")
        )
        assert west < east


def test_licences_are_asked_once_an_account(opened: Opened) -> None:
    images = [replace(image, author="ann" if number < 10 else "bob") for number, image in enumerate(street())]
    images = [replace(image, licence="etalab-2.0") if image.author == "bob" else image for image in images]
    far, source = opened(images, meta=True)
    found = listed(source)
    assert len([path for path in far.paths if "/collections/" in path]) == 2
    assert {(image.licence, image.credit) for image in found.values()} == {
        ("CC-BY-SA-4.0", "ann, panoramax.openstreetmap.fr"),
        ("etalab-2.0", "bob, panoramax.ign.fr"),
    }


def test_a_picture_brings_its_own_licence_and_more(opened: Opened, tmp_path: Path) -> None:
    images = street(3)
    images[1] = replace(images[1], licence="proprietary", author="town")
    far, source = opened(images)
    found = listed(source)
    source.prepare(list(found.values()))
    asked = sum(far.paths.values())
    for image in found.values():
        known = source.picture(image, tmp_path / f"{image.id}.jpg")
        own = far.images[image.id]
        assert (known.licence, known.credit) == (own.licence, f"{own.author}, 127.0.0.1")
        assert known.geotag.position == LatLon(own.lat, own.lon)
        assert (known.geotag.pitch_deg, known.geotag.roll_deg) == (1.5, -0.5)
        assert (known.geotag.taken_at, known.width) == (own.taken and own.taken.replace(tzinfo=None), 2048)
        assert known.link == f"{far.api}/pictures/{image.id}"
        assert (tmp_path / f"{image.id}.jpg").read_bytes() == own.jpeg
    assert sum(far.paths.values()) == asked + 3
    assert all(path.endswith("sd.jpg") for path in list(far.paths)[-3:])


def test_a_picture_comes_without_preparation_too(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(1))
    (image,) = listed(source).values()
    source.prepare([image])  # one is no batch
    assert source.picture(image, tmp_path / "a.jpg").credit == "ann, 127.0.0.1"
    assert far.paths[f"/api/pictures/{image.id}"] == 1


def test_pictures_may_lie_in_a_store_elsewhere(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(2), redirects=True)
    for image in listed(source).values():
        source.picture(image, tmp_path / f"{image.id}.jpg")
    assert sum(far.store.paths.values()) == 2


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        ("waiting", RejectReason.NOT_READY, "not done with it"),
        ("broken", RejectReason.BROKEN_THERE, "could not read it"),
        ("hidden", RejectReason.WITHDRAWN, "no more"),
    ],
)
@pytest.mark.parametrize("prepared", [False, True])
def test_pictures_that_cannot_be_had(
    opened: Opened, tmp_path: Path, state: str, reason: RejectReason, said: str, prepared: bool
) -> None:
    far, source = opened(street(3))
    found = list(listed(source).values())
    far.images[found[0].id] = replace(far.images[found[0].id], state=state)
    if prepared:
        source.prepare(found)
    for _ in range(7):  # and never mistaken for a broken network
        with pytest.raises(PictureError, match=said) as error:
            source.picture(found[0], tmp_path / "a.jpg")
        assert error.value.reason is reason
        assert isinstance(error.value, VanishedError) == (state == "hidden")
    source.picture(found[1], tmp_path / "b.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["b.jpg"]


@pytest.mark.parametrize("state", ["waiting", "broken", "hidden"])
def test_what_changes_between_item_and_picture(opened: Opened, tmp_path: Path, state: str) -> None:
    far, source = opened(street(2))
    found = list(listed(source).values())
    source.prepare(found)
    far.images[found[0].id] = replace(far.images[found[0].id], state=state)
    with pytest.raises(PictureError):
        source.picture(found[0], tmp_path / "a.jpg")


def test_a_deleted_sequence(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(12))
    found = listed(source)
    far.deleted.add("drive0")
    with pytest.raises(VanishedError):
        source.picture(found[uuid_of("1000")], tmp_path / "a.jpg")
    assert len(listed(source)) == 2
    source.picture(found[uuid_of("1011")], tmp_path / "b.jpg")


def test_a_sequence_that_goes_during_the_census(opened: Opened) -> None:
    far, source = opened(street(12))
    answer = far._collection
    asked: list[str] = []

    def deleted(name: str) -> dict[str, object]:
        asked.append(name)
        if len(asked) == 1:
            far.deleted.add("drive0" if name == uuid_of("drive0") else "drive1")
        return answer(name)

    far._collection = deleted  # type: ignore[method-assign]
    licences = [image.licence for image in listed(source).values()]
    assert set(licences) == {"", "CC-BY-SA-4.0"}
    assert sorted(asked) == sorted({uuid_of("drive0"), uuid_of("drive1")})


def test_a_cropped_panorama_keeps_its_place_on_the_sphere(opened: Opened, tmp_path: Path) -> None:
    """Only the item tells what is missing; from the picture on, the file says so itself."""
    down = np.linspace(0, 255, 512).astype(np.uint8)
    whole = np.repeat(np.repeat(down[:, None], 1024, axis=1)[:, :, None], 3, axis=2)
    Image.fromarray(whole).save(tmp_path / "whole.jpg", quality=100)
    Image.fromarray(whole[:400]).save(tmp_path / "part.jpg", quality=100)
    leant = with_gpano((tmp_path / "whole.jpg").read_bytes(), None, CameraPose(None, 1.5, -0.5))
    (tmp_path / "whole.jpg").write_bytes(leant)
    image = replace(
        street(6)[5], jpeg=(tmp_path / "part.jpg").read_bytes(), visible=(0, 0, 0, 224), size=(2048, 1024)
    )
    _, source = opened([image])
    (found,) = listed(source).values()
    known = source.picture(found, tmp_path / "fetched.jpg")
    assert known.visible == VisibleArea(0, 0, 1, 0.78125)
    assert header(tmp_path / "fetched.jpg").visible == VisibleArea(0, 0, 1, 0.78125)
    assert header(tmp_path / "fetched.jpg").sphere.pose == CameraPose(None, 1.5, -0.5)
    shown = {
        name: views(StreetImage("a", str(tmp_path / name), found.geotag, Projection.EQUIRECTANGULAR))[
            0
        ].pixels
        for name in ("whole.jpg", "fetched.jpg")
    }
    middle = slice(180, 220)
    assert np.abs(shown["whole.jpg"][middle].astype(int) - shown["fetched.jpg"][middle]).max() <= 3


@pytest.mark.parametrize("margins", [[0, 0, 0], "x", [0, 0, 0, 4000], [0, 0, None, 1], [-5, 0, 0, 0]])
def test_crops_that_cannot_be_right_are_none(opened: Opened, tmp_path: Path, margins: object) -> None:
    far, source = opened([replace(street(6)[5], visible=margins)])  # type: ignore[arg-type]
    far_item = far.item

    def item(image: FarImage, searched: bool = False) -> dict[str, object]:
        made = far_item(replace(image, visible=None), searched)
        made["properties"]["pers:interior_orientation"]["visible_area"] = margins
        return made

    far.item = item  # type: ignore[method-assign]
    (found,) = listed(source).values()
    assert source.picture(found, tmp_path / "a.jpg").visible is None


def test_the_api_is_down_while_pictures_work_and_the_reverse(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(8), redirects=True)
    found = list(listed(source).values())
    source.prepare(found)
    far.store.moods.extend(["status 500"] * 4)
    with pytest.raises(PictureError, match="answered 500, 4 times") as error:
        source.picture(found[0], tmp_path / "a.jpg")
    assert error.value.reason is RejectReason.OUT_OF_REACH
    source.picture(found[1], tmp_path / "b.jpg")
    far.moods.extend(["status 502"] * 4)
    with pytest.raises(NetworkError, match="answered 502, 4 times"):
        listed(source)


def test_a_network_that_is_gone_ends_the_run(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(8))
    found = list(listed(source).values())
    source.prepare(found)
    far.moods.extend(["drop"] * 100)
    for image in found[:4]:
        with pytest.raises(PictureError):
            source.picture(image, tmp_path / "a.jpg")
    with pytest.raises(NetworkError, match="4 times in a row"):
        source.picture(found[4], tmp_path / "a.jpg")
    far.moods.clear()
    source.picture(found[5], tmp_path / "b.jpg")


@pytest.mark.parametrize("mood", ["status 429", "status 403"])
def test_a_block_of_a_proxy_before_it(opened: Opened, tmp_path: Path, mood: str) -> None:
    far, source = opened(street(2))
    found = list(listed(source).values())
    far.moods.append(mood)
    with pytest.raises(BlockedError, match="panoramax blocks this address"):
        source.picture(found[0], tmp_path / "a.jpg")


def test_an_instance_for_members_only(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(2))
    found = list(listed(source).values())
    far.moods.append("status 401")
    with pytest.raises(PictureError) as error:
        source.picture(found[0], tmp_path / "a.jpg")
    assert error.value.reason is RejectReason.NO_PERMISSION


def test_a_page_in_place_of_pictures(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(8), redirects=True)
    found = list(listed(source).values())
    source.prepare(found)
    far.store.moods.extend(["portal"] * 5)
    for image in found[:4]:
        with pytest.raises(PictureError):
            source.picture(image, tmp_path / "a.jpg")
    with pytest.raises(NetworkError, match="sent a web page") as error:
        source.picture(found[4], tmp_path / "a.jpg")
    assert "login page" in error.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mood", ["zipped", "packed", "chunked"])
def test_tiles_come_in_many_ways(opened: Opened, mood: str) -> None:
    far, source = opened(street(3))
    tile = next(iter(source.cells(AREA)))
    decent = far._tile

    def moody(wire: SourceWire, zoom_text: str, x_text: str, file: str) -> None:
        wire.mood = mood
        decent(wire, zoom_text, x_text, file)

    far._tile = moody  # type: ignore[method-assign]
    assert len(source.census(tile)) == 3


def test_what_is_no_tile_is_asked_again_and_then_told(opened: Opened) -> None:
    far, source = opened(street(3))
    far._tile = lambda wire, *_: wire.answer(b"\x1a\xff\xff", "application/vnd.mapbox-vector-tile")  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match=r"sent no vector tile: .*, 4 times"):
        listed(source)


def test_an_address_that_is_no_panoramax(opened: Opened) -> None:
    far, source = opened()
    far._search = lambda wire, *_: wire.answer({"hello": "world"})  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match="an answer without features"):
        listed(source)


@pytest.mark.parametrize("ending", ["", "/api"])
def test_the_address_may_leave_out_api(ending: str) -> None:
    with FarPanoramax(street(2)) as far, closing(Panoramax(f"{far.url}{ending}", a_minute=1e6)) as source:
        assert len(listed(source)) == 2


def test_the_sample_is_where_a_picture_is(opened: Opened) -> None:
    _, source = opened([replace(street(1)[0], lat=29.76, lon=-95.37, taken=datetime(2024, 1, 1, tzinfo=UTC))])
    assert len(source.census(source.sample())) == 1
    _, empty = opened([])
    assert empty.sample().startswith("13/")


def test_a_tiny_picture(opened: Opened, tmp_path: Path) -> None:
    _, source = opened([replace(street(1)[0], jpeg=a_jpeg(3, (1, 1)))])
    (image,) = listed(source).values()
    source.picture(image, tmp_path / "a.jpg")
    assert header(tmp_path / "a.jpg").width == 1
