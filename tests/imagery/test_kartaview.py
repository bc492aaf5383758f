"""KartaView from a server on this machine: circles, pages, overload and dead hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from geoflood.core.area import Area, Tile
from geoflood.core.datatypes import Bounds, LatLon, Projection
from geoflood.core.errors import BlockedError, NetworkError
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.sources import kartaview
from geoflood.imagery.sources.kartaview import KartaView
from geoflood.imagery.sources.source import PictureError, SourceImage, VanishedError
from tests.support.clock import SleptClock
from tests.support.far_side.kartaview_server import FarKartaView, status
from tests.support.far_side.street_images import FarImage, along_a_street

JAKARTA = (-6.1754, 106.8272)
AREA = Area.of_bounds(Bounds(-6.177, 106.826, -6.174, 106.832))

pytestmark = pytest.mark.usefixtures("online")

Opened = Callable[..., tuple[FarKartaView, KartaView]]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """The server with these images, and the source that asks it."""
    with ExitStack() as stack:

        def both(images: list[FarImage] | None = None) -> tuple[FarKartaView, KartaView]:
            far = stack.enter_context(FarKartaView(along_a_street(25, JAKARTA) if images is None else images))
            clock = SleptClock()
            storage = f"{far.url}/{{store}}/{{path}}"
            source = KartaView(far.url, storage=storage, a_minute=1e6, clock=clock.now, sleep=clock.sleep)
            return far, stack.enter_context(closing(source))

        yield both


def listed(source: KartaView, area: Area = AREA) -> dict[str, SourceImage]:
    return {image.id: image for cell in source.cells(area) for image in source.census(cell)}


def test_all_photos_are_listed_south_of_the_equator_too(opened: Opened) -> None:
    far, source = opened()
    found = listed(source)
    assert found.keys() == far.images.keys()
    image = found["1003"]
    assert image.geotag.position == LatLon(*JAKARTA[:1], round(JAKARTA[1] + 3e-4, 6))
    assert (image.geotag.heading_deg, image.geotag.taken_at) == (90.0, datetime(2024, 5, 3, 14, 0, 6))
    assert (image.licence, image.credit) == ("CC-BY-SA-4.0", "© Grab and KartaView Contributors (ann)")
    assert image.link == "https://kartaview.org/details/77/03/track-info"
    assert image.projection is Projection.PERSPECTIVE


def test_circles_cover_their_squares(opened: Opened) -> None:
    """Also where a square is largest, at the equator, and also its corners."""
    quito = (-0.1, -78.5)
    cell = opened([])[1].cells(Area.of_circle(LatLon(*quito), 10))[0]
    _, radius = kartaview._circle(Tile.parse(cell))
    assert radius <= 1000
    box = Tile.parse(cell).bounds
    corners = [
        FarImage(f"{number}", lat, lon, b"")
        for number, (lat, lon) in enumerate([(box.south, box.west), (box.north, box.east)], 1)
    ]
    _, source = opened(corners)
    assert len(source.census(cell)) == 2


def test_pages_are_read_to_their_end(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kartaview, "PAGE", 10)
    far, source = opened()
    assert len(source.census(source.cells(AREA)[0])) == 25
    assert [form["page"] for form in forms(far)][:4] == ["1", "2", "3", "4"]


def test_a_server_that_sends_the_same_page_for_ever(opened: Opened) -> None:
    far, source = opened()
    first = far._page
    far._page = lambda found, page, size: first(found, 1, size)  # type: ignore[method-assign]
    assert len(source.census(source.cells(AREA)[0])) == 25
    assert len(forms(far)) == 2


def forms(far: FarKartaView) -> list[dict[str, str]]:
    return [
        dict(part.split("=") for part in body.decode().split("&"))
        for _, path, body in far.requests
        if "nearby" in path
    ]


def test_overload_passes(opened: Opened) -> None:
    far, source = opened()
    far.overloads = 2
    assert len(source.census(source.cells(AREA)[0])) == 25
    assert len({form["radius"] for form in forms(far)}) == 1


def test_overload_that_does_not_pass_asks_for_less(opened: Opened) -> None:
    far, source = opened()
    far.widest_m = 250
    assert listed(source).keys() == far.images.keys()
    radii = sorted({int(form["radius"]) for form in forms(far)}, reverse=True)
    assert radii[0] > 500 > 250 > radii[-1]


def test_overload_without_end_is_given_up(opened: Opened) -> None:
    far, source = opened()
    far.widest_m = 1
    with pytest.raises(NetworkError, match="kartaview is overloaded"):
        source.census(source.cells(AREA)[0])
    assert min(int(form["radius"]) for form in forms(far)) >= 100


def test_when_a_photo_was_only_uploaded_is_not_when_it_was_shot(opened: Opened) -> None:
    images = along_a_street(3, JAKARTA)
    images[1] = replace(images[1], taken=None)
    far, source = opened(images)
    far.added_only.add("1002")
    found = listed(source)
    assert [found[name].geotag.taken_at is None for name in ("1000", "1001", "1002")] == [False, True, True]


@pytest.mark.parametrize(
    ("http", "body", "said"),
    [
        (200, status(401, "You are not authorised"), "says 401: You are not authorised"),
        (400, status(619, "Your token is invalid", 400), "says 619"),
        (404, status(404, "not found", 404), "says 404"),
        (200, {"hello": 1}, "an answer without a code"),
        (200, status(600, "ok"), "an answer without photos"),
        (500, "<html>", "answered 500, 4 times"),
        (200, "<html>", "sent a web page"),
        (200, [1], "an answer without a code"),
        (200, '{"status": ', "sent no whole JSON|an answer without a code"),
    ],
)
def test_each_error_is_one_line(opened: Opened, http: int, body: object, said: str) -> None:
    far, source = opened()
    far._nearby = lambda wire, *_: wire.answer(body, status=http)  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match=said) as error:
        listed(source)
    assert "\n" not in str(error.value)


def test_pictures_are_the_large_thumbnail_or_the_processed_panorama(opened: Opened, tmp_path: Path) -> None:
    images = along_a_street(3, JAKARTA)
    images[1] = replace(images[1], panorama=True)
    far, source = opened(images)
    found = listed(source)
    source.prepare(list(found.values()))
    for name, image in found.items():
        source.picture(image, tmp_path / f"{name}.jpg")
        assert (tmp_path / f"{name}.jpg").read_bytes() == far.images[name].jpeg
    kinds = sorted(path.split("/")[7] for path in far.paths if path.startswith("/storage"))
    assert kinds == ["lth", "lth", "proc"]
    assert far.paths["/2.0/photo/"] == 1


def test_without_its_address_a_photo_is_asked_for(opened: Opened, tmp_path: Path) -> None:
    far, source = opened()
    image = replace(listed(source)["1003"], address="")
    assert "/proc/" in source.picture(image, tmp_path / "a.jpg").address
    del far.images["1003"]
    with pytest.raises(VanishedError):
        source.picture(image, tmp_path / "b.jpg")


def test_a_dead_storage_host_is_not_the_end(opened: Opened, tmp_path: Path) -> None:
    _, source = opened()
    found = list(listed(source).values())
    dead = [replace(image, address="http://127.0.0.2:9/storage3/files/a.jpg") for image in found]
    for image in dead[:12]:
        with pytest.raises(PictureError) as error:
            source.picture(image, tmp_path / "a.jpg")
        assert error.value.reason is RejectReason.OUT_OF_REACH
    source.picture(found[13], tmp_path / "b.jpg")


def test_all_storage_hosts_dead_is_the_end(opened: Opened, tmp_path: Path) -> None:
    _, source = opened()
    image = next(iter(listed(source).values()))
    hosts = [f"http://127.0.0.{number}:9/a.jpg" for number in range(2, 6)]
    dead = [replace(image, address=host) for host in hosts for _ in range(5)]
    for one in dead[:-1]:
        with pytest.raises(PictureError):
            source.picture(one, tmp_path / "a.jpg")
    with pytest.raises(NetworkError, match="refused"):
        source.picture(dead[-1], tmp_path / "a.jpg")


def test_a_block(opened: Opened) -> None:
    far, source = opened()
    far.moods.append("status 429")
    with pytest.raises(BlockedError):
        listed(source)


@pytest.mark.parametrize(
    "row",
    [
        *(
            {},
            None,
            7,
            {"id": "x/y"},
            {"id": "1", "lat": "0", "lng": "0"},
            {"id": "1", "lat": "nan", "lng": "5"},
        ),
        {"id": "1", "lat": "91", "lng": "5"},
    ],
)
def test_rows_that_cannot_be_right_are_left_out(opened: Opened, row: object) -> None:
    far, source = opened()
    good = {
        "id": "7",
        "lat": "-6.1754",
        "lng": 106.8272,
        "lth_name": "../../etc/passwd",
        "shot_date": 7,
        "heading": "x",
    }
    body = status(600, "ok") | {"currentPageItems": [row, good]}
    far._nearby = lambda wire, *_: wire.answer(body)  # type: ignore[method-assign]
    (image,) = source.census(source.cells(AREA)[0])
    assert (image.id, image.address, image.geotag.heading_deg) == ("7", "", None)


def test_its_documented_pace_is_kept() -> None:
    clock = SleptClock()
    with (
        FarKartaView([], a_minute=3, clock=clock.now) as far,
        closing(KartaView(far.url, clock=clock.now, sleep=clock.sleep)) as source,
    ):
        began = clock.now()
        for cell in source.cells(Area.of_circle(LatLon(*JAKARTA), 2000)):
            source.census(cell)
        assert sum(far.paths.values()) / (clock.now() - began) * 3600 <= 110
