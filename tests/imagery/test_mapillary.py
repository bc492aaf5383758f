"""Mapillary from three servers on this machine: tokens, ids that are doubles, addresses that expire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from geoflood.core.area import Area
from geoflood.core.datatypes import Bounds, LatLon, Projection
from geoflood.core.errors import BlockedError, NetworkError
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.sources.mapillary import Mapillary
from geoflood.imagery.sources.source import PictureError, SourceImage, TokenError, VanishedError
from tests.support.clock import SleptClock
from tests.support.far_side.mapillary_server import EXPIRED, SHORT, TOKEN, FarMapillary, mly_error
from tests.support.far_side.street_images import FarImage, along_a_street

MALMO = (55.6050, 13.0038)
AREA = Area.of_bounds(Bounds(55.604, 13.002, 55.606, 13.010))
LARGE = 26774514888887980
"""Beyond 2^53, where doubles are four apart."""

pytestmark = pytest.mark.usefixtures("online")

Opened = Callable[..., tuple[FarMapillary, Mapillary]]


def street(count: int = 25, first_id: int = 1000) -> list[FarImage]:
    return along_a_street(count, MALMO, first_id=first_id)


@pytest.fixture
def opened() -> Iterator[Opened]:
    """The servers with these images, and the source that asks them."""
    with ExitStack() as stack:

        def both(
            images: list[FarImage] | None = None, token: str = TOKEN, **more: Any
        ) -> tuple[FarMapillary, Mapillary]:
            far = stack.enter_context(FarMapillary(street() if images is None else images, **more))
            clock = SleptClock()
            source = Mapillary(
                *(token, far.graph.url, far.tiles.url),
                a_minute=1e6,
                clock=clock.now,
                sleep=clock.sleep,
                today=far.today,
            )
            return far, stack.enter_context(closing(source))

        yield both


def listed(source: Mapillary, area: Area = AREA) -> dict[str, SourceImage]:
    return {image.id: image for cell in source.cells(area) for image in source.census(cell)}


def test_all_images_are_listed(opened: Opened) -> None:
    images = street()
    images[4] = replace(images[4], panorama=True, foot=True)
    far, source = opened(images)
    found = listed(source)
    assert found.keys() == far.images.keys()
    assert not far.graph.paths  # no id needs mending
    image = found["1004"]
    assert (image.projection, image.on_foot) == (Projection.EQUIRECTANGULAR, True)
    assert (found["1003"].projection, found["1003"].on_foot) == (Projection.PERSPECTIVE, False)
    assert image.geotag.position.lat == pytest.approx(MALMO[0], abs=5e-6)
    assert (image.geotag.heading_deg, image.geotag.taken_at) == (90.0, datetime(2024, 5, 3, 14, 0, 8))
    assert (image.licence, image.sequence) == ("CC-BY-SA-4.0", "drive0")
    assert image.link == "https://www.mapillary.com/app/?pKey=1004"
    assert image.credit == "Mapillary contributor 42"


@pytest.mark.parametrize("taken", [None, datetime(1970, 1, 2, tzinfo=UTC), datetime(2003, 5, 1, tzinfo=UTC)])
def test_times_that_cannot_be_are_unknown(opened: Opened, taken: datetime | None) -> None:
    _, source = opened([replace(image, taken=taken) for image in street(2)])
    assert {image.geotag.taken_at for image in listed(source).values()} == {None}


def test_ids_beyond_what_doubles_hold_are_mended(opened: Opened) -> None:
    images = street(30, first_id=LARGE)
    assert float(LARGE + 1) == float(LARGE)  # several share a double
    far, source = opened(images)
    assert listed(source).keys() == far.images.keys()
    assert far.graph.paths == {"/image_ids": 3}  # once a sequence, though tiles overlap
    assert all(name.isdigit() and "e" not in name for name in listed(source))


def test_an_id_that_cannot_be_known_is_left_out(opened: Opened) -> None:
    images = [*street(3), *street(4, first_id=LARGE)]
    images[-1] = replace(images[-1], sequence="")
    far, source = opened(images)
    far.graph.respond = lambda wire, *_: wire.answer({"data": [{"id": str(LARGE)}, {"id": "x"}, 7]})  # type: ignore[method-assign]
    assert sorted(listed(source)) == ["1000", "1001", "1002", str(LARGE)]


def test_tiles_overlap_and_reach_beyond_the_area(opened: Opened) -> None:
    """Points in the margin come twice; both are the same image."""
    wide = Area.of_bounds(Bounds(55.59, 12.98, 55.62, 13.03))
    far, source = opened(along_a_street(200, (55.6050, 12.99), step=2e-4))
    cells = [source.census(cell) for cell in source.cells(wide)]
    assert sum(map(len, cells)) > 200
    assert len({image.id for cell in cells for image in cell}) == 200
    assert sum(far.tiles.paths.values()) == len(cells)


def test_the_token_goes_where_it_belongs_and_nowhere_else(opened: Opened, tmp_path: Path) -> None:
    """The far sides hold the rest: header to the graph, parameter to tiles, nothing to pictures."""
    far, source = opened(street(3))
    for image in listed(source).values():
        source.picture(image, tmp_path / f"{image.id}.jpg")
    assert sum(far.pictures.paths.values()) == 3


def test_a_picture_brings_author_and_place(opened: Opened, tmp_path: Path) -> None:
    images = street(10)
    images[4] = replace(images[4], panorama=True)
    far, source = opened(images)
    found = listed(source)
    source.prepare(list(found.values()))
    known = {name: source.picture(image, tmp_path / f"{name}.jpg") for name, image in found.items()}
    assert far.graph.paths == {"/": 1}
    computed = known["1001"]
    assert (computed.credit, computed.width) == ("@ann on Mapillary", 2048)
    assert computed.geotag.position == LatLon(MALMO[0], MALMO[1] + 1e-4)
    assert (computed.geotag.heading_deg, computed.geotag.accuracy_m) == (90.0, None)
    assert computed.geotag.pitch_deg == pytest.approx(3.0)
    assert computed.geotag.roll_deg == pytest.approx(-2.0)
    raw = known["1007"]
    assert raw.geotag.position.lon == pytest.approx(MALMO[1] + 7e-4 + 5e-5)
    assert raw.geotag.accuracy_m == 10.0
    assert known["1004"].projection is Projection.EQUIRECTANGULAR
    assert known["1003"].projection is Projection.PERSPECTIVE  # its camera is not told
    sizes = {path.rpartition("/")[2][:4]: path for _, path, _ in far.pictures.requests}
    assert "stp=s1024x768" in sizes["1001"]
    assert "stp=s2048x768" in sizes["1004"]
    assert (tmp_path / "1001.jpg").read_bytes() == images[1].jpeg
    assert not {"sfm_cluster", "mesh"} & set(far.graph.fields_asked)


@pytest.mark.parametrize("turn", [[0.1, 0.2], "x", [None, 1, 2], [9.0, 1.0, 2.0], [0, 0, 0]])
def test_a_rotation_that_contradicts_the_compass_is_not_believed(
    opened: Opened, tmp_path: Path, turn: object
) -> None:
    far, source = opened(street(1))
    fields = far.graph._fields
    far.graph._fields = lambda image, params: fields(image, params) | {"computed_rotation": turn}  # type: ignore[method-assign]
    (image,) = listed(source).values()
    tag = source.picture(image, tmp_path / "a.jpg").geotag
    assert (tag.pitch_deg, tag.roll_deg) == (None, None)


def test_a_panorama_without_its_original(opened: Opened, tmp_path: Path) -> None:
    far, source = opened([replace(image, panorama=True) for image in street(6)][5:])
    (image,) = listed(source).values()
    source.picture(image, tmp_path / "a.jpg")
    assert "s2048x768" in far.pictures.requests[0][1]


@pytest.mark.parametrize("prepared", [False, True])
def test_fisheye_is_left_out_by_kind(opened: Opened, tmp_path: Path, prepared: bool) -> None:
    images = street(4)
    images[1] = replace(images[1], state="fisheye")
    _, source = opened(images)
    found = listed(source)
    if prepared:
        source.prepare(list(found.values()))
    with pytest.raises(PictureError) as error:
        source.picture(found["1001"], tmp_path / "a.jpg")
    assert error.value.reason is RejectReason.FISHEYE
    source.picture(found["1002"], tmp_path / "b.jpg")


class Today:
    """A date that can be put forward."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 27, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


def test_expired_addresses_are_renewed(opened: Opened, tmp_path: Path) -> None:
    today = Today()
    far, source = opened(street(3), today=today)
    found = list(listed(source).values())
    source.prepare(found)
    today.now += 4 * 3600 - 300  # five minutes are left: renewed before it is asked for
    source.picture(found[0], tmp_path / "a.jpg")
    assert far.graph.paths == {"/": 1, f"/{found[0].id}": 1}
    assert sum(far.pictures.paths.values()) == 1


def test_an_address_that_expires_without_saying_so_is_renewed(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(1))
    (image,) = listed(source).values()
    far.pictures.moods.append("expired")
    decent = far.pictures.route

    def route(wire: Any, method: str, path: str, body: Any) -> None:
        if far.pictures.moods:
            far.pictures.moods.popleft()
            wire.answer("URL signature expired", "text/plain", 403)
        else:
            decent(wire, method, path, body)

    far.pictures.route = route  # type: ignore[method-assign]
    source.picture(image, tmp_path / "a.jpg")
    assert far.graph.paths == {f"/{image.id}": 2}


def test_an_image_deleted_between_plan_and_fetch(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(5))
    found = list(listed(source).values())
    far.withdrawn.add(found[2].id)
    source.prepare(found)
    source.picture(found[0], tmp_path / "a.jpg")
    with pytest.raises(VanishedError) as error:
        source.picture(found[2], tmp_path / "b.jpg")
    assert error.value.reason is RejectReason.WITHDRAWN


def test_a_picture_that_is_gone_from_its_host(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(5))
    found = list(listed(source).values())
    far.pictures.lost.add(found[2].id)
    with pytest.raises(PictureError) as error:
        source.picture(found[2], tmp_path / "b.jpg")
    assert error.value.reason is RejectReason.OUT_OF_REACH


def test_a_token_that_may_not_read_images_withdraws_nothing(opened: Opened, tmp_path: Path) -> None:
    """Every image looks deleted to it: that is the token's fault, and must not empty an index."""
    _, source = opened(token=SHORT)
    found = list(listed(source).values())
    with pytest.raises(TokenError, match="shows none of the first 25 images to this token"):
        source.prepare(found)
    _, other = opened(token=SHORT)
    for image in found[:2]:
        with pytest.raises(PictureError) as error:
            other.picture(image, tmp_path / "a.jpg")
        assert error.value.reason is RejectReason.OUT_OF_REACH
        assert not isinstance(error.value, VanishedError)
    with pytest.raises(TokenError, match="shows none of the first 3 images"):
        other.picture(found[2], tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (EXPIRED, "Session has expired"),
        ("MLY|1|00000000000000000000000000000000", "Error validating application"),
        ("not-a-token", "Failed to decode"),
    ],
)
def test_tokens_that_are_not_accepted(opened: Opened, tmp_path: Path, token: str, said: str) -> None:
    far, source = opened(street(2))
    image = next(iter(listed(source).values()))
    _, bad = opened([], token=token)
    bad._url, bad._secret = source._url, replace(source._secret, value=token)
    with pytest.raises(TokenError, match=f"does not accept the token: .*{said}") as error:
        bad.picture(image, tmp_path / "a.jpg")
    assert error.value.exit_code == 3
    assert token not in f"{error.value} {error.value.hint}"
    assert "MAPILLARY_TOKEN" in error.value.hint
    assert sum(far.graph.paths.values()) == 1  # and not asked again


def test_a_token_that_tiles_do_not_accept(opened: Opened) -> None:
    _, source = opened(token=EXPIRED)
    with pytest.raises(TokenError, match="Cannot parse access token"):
        listed(source)


def test_the_first_redirect_to_a_login_page_stops_the_census(opened: Opened) -> None:
    far, source = opened()
    far.tiles.blocks_after = 2
    cells = source.cells(Area.of_bounds(Bounds(55.55, 12.9, 55.65, 13.1)))
    for cell in cells[:2]:
        source.census(cell)
    with pytest.raises(
        BlockedError, match=r"mapillary blocks this address.*redirects to www\.mapillary\.com"
    ) as error:
        source.census(cells[2])
    for cell in cells[3:6]:
        with pytest.raises(BlockedError):
            source.census(cell)
    assert far.tiles.after_block == 1
    assert "run the same command again after" in error.value.hint


def test_the_graph_and_pictures_work_while_tiles_are_blocked(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(2))
    found = list(listed(source).values())
    far.tiles.blocks_after = 0
    with pytest.raises(BlockedError):
        listed(source)
    source.picture(found[0], tmp_path / "a.jpg")


def answered(far: FarMapillary, status: int, body: object) -> None:
    far.graph.respond = lambda wire, *_: wire.answer(body, status=status)  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (500, mly_error("Invalid OAuth 2.0 Access Token", 190), TokenError, "does not accept"),
        (200, mly_error("Error validating access token", 190), TokenError, "does not accept"),
        (403, mly_error("Application request limit reached", 4), BlockedError, "request limit reached"),
        (200, mly_error("Application request limit reached", 4), BlockedError, "request limit reached"),
        (
            500,
            mly_error("Please reduce the amount of data", 1),
            NetworkError,
            "reduce the amount of data, 4 times",
        ),
        (400, mly_error("Query Timeout", -2, error_subcode=3404014), NetworkError, "Query Timeout, 4 times"),
        (
            500,
            mly_error("Service temporarily unavailable", 2, is_transient=True),
            NetworkError,
            "temporarily unavailable, 4 times",
        ),
        (400, mly_error("Tried accessing nonexisting field", 100), NetworkError, "nonexisting field"),
        (403, {}, BlockedError, "answered 403"),
        (302, {}, BlockedError, "redirects"),
        (200, "<html>log in</html>", BlockedError, "sent a web page"),
        (200, '{"data": ', NetworkError, "sent no whole JSON, 4 times"),
        (502, "bad gateway", NetworkError, "answered 502, 4 times"),
    ],
)
def test_each_error_of_the_graph_is_one_line(
    opened: Opened, tmp_path: Path, status: int, body: object, kind: type[Exception], said: str
) -> None:
    far, source = opened(street(1))
    (image,) = listed(source).values()
    answered(far, status, body)
    with pytest.raises(kind, match=said) as error:
        source.picture(image, tmp_path / "a.jpg")
    assert type(error.value) is kind
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("body", [[], 7, None, {"1000": 7}, {"error": 7}, {"1000": {"id": 1}}])
def test_the_graph_may_say_anything(opened: Opened, tmp_path: Path, body: object) -> None:
    far, source = opened(street(2))
    found = list(listed(source).values())
    answered(far, 200, body)
    source._seen = 1
    source.prepare(found)
    with pytest.raises((PictureError, NetworkError)):
        source.picture(found[0], tmp_path / "a.jpg")


def test_one_unknown_image_may_spoil_a_batch(opened: Opened, tmp_path: Path) -> None:
    far, source = opened(street(4))
    found = list(listed(source).values())
    decent = far.graph._many
    far.graph._many = lambda wire, params: wire.answer(
        mly_error("Unsupported", 100, error_subcode=33), status=400
    )  # type: ignore[method-assign]
    source.prepare(found)
    far.graph._many = decent  # type: ignore[method-assign]
    assert source.picture(found[1], tmp_path / "a.jpg").credit == "@ann on Mapillary"


def test_the_sample_is_where_images_are(opened: Opened) -> None:
    _, source = opened()
    assert len(source.census(source.sample())) == 25
