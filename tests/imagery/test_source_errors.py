"""The error tables: whatever a provider answers, it is one line, with what helps and the right exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from geoflood.core.errors import GeofloodError
from geoflood.imagery.sources.amsterdam import Amsterdam
from geoflood.imagery.sources.kartaview import KartaView
from geoflood.imagery.sources.mapillary import Mapillary
from geoflood.imagery.sources.panoramax import Panoramax
from geoflood.imagery.sources.source import Source
from tests.support.clock import SleptClock
from tests.support.far_side.amsterdam_server import FarAmsterdam
from tests.support.far_side.kartaview_server import FarKartaView, status
from tests.support.far_side.mapillary_server import EXPIRED, SHORT, TOKEN, FarMapillary, mly_error
from tests.support.far_side.panoramax_server import FarPanoramax, uuid_of
from tests.support.far_side.source_server import FarSource
from tests.support.far_side.street_images import along_a_street

pytestmark = pytest.mark.usefixtures("online")

SECRETS = ("00112233445566778899aabbccddeeff", "ffffffffffffffff", "eeeeeeeeeeeeeeee")


@dataclass
class Place:
    """A source, and the servers behind its census, its single images and their pictures."""

    source: Source
    census: FarSource
    images: FarSource
    pictures: FarSource


Opener = Callable[[str], Place]


@pytest.fixture
def opened() -> Iterator[Opener]:
    """A source of a name, with 30 images at its sample."""
    with ExitStack() as stack:
        clock = SleptClock()
        ways: Any = {"a_minute": 1e6, "clock": clock.now, "sleep": clock.sleep}

        def place(name: str) -> Place:
            name, _, token = name.partition(" ")
            match name:
                case "amsterdam":
                    city = stack.enter_context(
                        FarAmsterdam(along_a_street(30, (52.3731, 4.8926), panoramas=True))
                    )
                    return Place(
                        stack.enter_context(closing(Amsterdam(city.url, **ways))), city, city, city.store
                    )
                case "panoramax":
                    images = [replace(one, id=uuid_of(one.id)) for one in along_a_street(30)]
                    far = stack.enter_context(FarPanoramax(images, redirects=True))
                    return Place(
                        stack.enter_context(closing(Panoramax(far.api, **ways))), far, far, far.store
                    )
                case "kartaview":
                    grab = stack.enter_context(FarKartaView(along_a_street(30, (1.2903, 103.8519))))
                    kartaview = KartaView(grab.url, storage=f"{grab.url}/{{store}}/{{path}}", **ways)
                    return Place(stack.enter_context(closing(kartaview)), grab, grab, grab)
            mly = stack.enter_context(FarMapillary(along_a_street(30, (55.6050, 13.0038))))
            mapillary = Mapillary(token or TOKEN, mly.graph.url, mly.tiles.url, **ways)
            return Place(stack.enter_context(closing(mapillary)), mly.tiles, mly.graph, mly.pictures)

        yield place


def answering(status: int, body: Any, kind: str = "application/json") -> Any:
    return lambda wire, *_: wire.answer(body, kind, status)


ALL = ("amsterdam", "panoramax", "kartaview", "mapillary")

MOODS = [
    ("portal", "sent a web page, not data", "login page"),
    ("hidden portal", "sent a web page, not data", "login page"),
    ("login", "redirects to login.example", "login page"),
    ("status 500", "answered 500, 4 times in a row", "run the same command again"),
    ("status 502", "answered 502, 4 times in a row", "run the same command again"),
    ("status 503", "answered 503, 4 times in a row", "run the same command again"),
    ("status 504", "answered 504, 4 times in a row", "run the same command again"),
    ("drop", "4 times in a row", "run the same command again"),
    ("cut", "4 times in a row", "run the same command again"),
    ("status 403", "blocks this address for a while", "run the same command again after"),
    ("status 429", "blocks this address for a while", "run the same command again after"),
    ("status 429 86400", "blocks this address for a while", "run the same command again after"),
    ("status 503 86400", "blocks this address for a while", "run the same command again after"),
    ("status 407", "the proxy wants a login", "HTTPS_PROXY"),
    ("status 400", "answered 400", "again later"),
    ("status 451", "answered 451", "again later"),
]
"""Mood of the server, what is said, what helps: exit code 7, all of them."""

BLOCKS_AT_PAGES = {"mapillary"}


def one_line(error: GeofloodError) -> str:
    told = f"{error}"
    assert told
    assert "\n" not in told + error.hint
    assert len(told) < 300
    assert error.hint
    assert not any(secret in told + error.hint for secret in SECRETS)
    return told


@pytest.mark.parametrize(("mood", "said", "helps"), MOODS, ids=[mood for mood, _, _ in MOODS])
@pytest.mark.parametrize("name", ALL)
def test_a_census_that_fails(opened: Opener, name: str, mood: str, said: str, helps: str) -> None:
    place = opened(name)
    place.census.moods.extend([mood] * 50)
    if name in BLOCKS_AT_PAGES and "login page" in helps:
        helps = "run the same command again after"
        said = said.replace("login.example", "")
    cell = place_of(place, name)
    with pytest.raises(GeofloodError) as error:
        place.source.census(cell)
    told = one_line(error.value)
    assert said.split(", 4 times")[0] in told
    assert helps in error.value.hint
    assert error.value.exit_code == 7


def place_of(place: Place, name: str) -> str:
    """The cell of the sample, which Panoramax would have to ask for."""
    return "13/4380/3045" if name == "panoramax" else place.source.sample()


def answers_of(name: str) -> list[tuple[str, int, Any, int, str]]:
    """Where, status, body; exit code and what is said: the rows of a provider's own table."""
    lost = "Object with ID '1' does not exist"
    rows: dict[str, list[tuple[str, int, Any, int, str]]] = {
        "mapillary": [
            (
                "images",
                500,
                mly_error("Invalid OAuth 2.0 Access Token", 190, error_data={}),
                3,
                "does not accept the token",
            ),
            (
                "images",
                401,
                mly_error("Failed to decode", 190),
                3,
                "does not accept the token: Failed to decode",
            ),
            ("images", 400, mly_error("Cannot parse access token", 190), 3, "Cannot parse access token"),
            ("images", 400, mly_error("Error verifying the token", 190), 3, "Error verifying the token"),
            (
                "images",
                401,
                mly_error("Error validating application", 190),
                3,
                "Error validating application",
            ),
            (
                "images",
                500,
                mly_error("Service temporarily unavailable", 2, is_transient=True),
                7,
                "temporarily unavailable",
            ),
            ("images", 400, mly_error("Session has expired", 190), 3, "Session has expired"),
            ("images", 400, mly_error(lost, 100, error_subcode=33), 10, "has not shown any yet"),
            ("images", 403, mly_error("Application request limit reached", 4), 7, "blocks this address"),
            (
                "images",
                500,
                mly_error("Please reduce the amount of data you're asking for", 1),
                7,
                "reduce the amount",
            ),
            ("images", 400, mly_error("Query Timeout", -2, error_subcode=3404014), 7, "Query Timeout"),
            ("images", 200, mly_error("Error validating application", 190), 3, "does not accept the token"),
            ("census", 400, mly_error("Cannot parse access token", 190), 3, "does not accept the token"),
            ("census", 403, "", 7, "blocks this address"),
            ("pictures", 404, "", 10, "its host has not"),
            ("pictures", 403, "URL signature expired", 10, "its host has not"),
            ("pictures", 403, "Forbidden", 7, "blocks this address"),
            ("pictures", 200, "GIF89a", 10, "sent no JPEG"),
        ],
        "panoramax": [
            ("images", 404, {"message": "Item doesn't exist", "status_code": 404}, 10, "has it no more"),
            (
                "images",
                404,
                {"message": "Cet élément n'existe pas", "status_code": 404},
                10,
                "has it no more",
            ),
            (
                "images",
                403,
                {"message": "Picture is not available", "status_code": 403},
                10,
                "is not done with it",
            ),
            ("images", 500, {"properties": {"geovisio:status": "broken"}}, 10, "could not read it"),
            ("images", 401, {"message": "Authentication is mandatory"}, 10, "its members alone"),
            ("images", 403, "<html>Forbidden</html>", 7, "blocks this address"),
            ("images", 404, "<!doctype html><title>404</title>", 7, "answered 404"),
            ("images", 500, "<!doctype html><title>500</title>", 7, "answered 500, 4 times"),
            ("census", 400, {"message": "Parameter limit must be", "status_code": 400}, 7, "answered 400"),
            ("census", 200, {"message": "hello"}, 7, "an answer without features"),
            ("pictures", 404, "<html>NoSuchKey</html>", 10, "its host has not"),
            ("pictures", 200, "<html>sign in</html>", 10, "sent a web page"),
        ],
        "kartaview": [
            ("census", 400, status(690, "The system is overloaded", 400), 7, "kartaview is overloaded"),
            ("census", 400, status(408, "Query timeout", 400), 7, "kartaview is overloaded: Query timeout"),
            ("census", 200, status(401, "Not authorised"), 7, "says 401: Not authorised"),
            ("census", 404, status(404, "not found", 404), 7, "says 404"),
            ("census", 200, status(600, "ok"), 7, "an answer without photos"),
            ("pictures", 404, "<html>404</html>", 7, "an answer without a code|answered 404"),
        ],
        "amsterdam": [
            ("census", 400, ["srid must be one of 4326, 28992"], 7, "answered 400"),
            (
                "census",
                200,
                ["area for newest_in_range filter can be at most 250000.0"],
                7,
                "without panoramas",
            ),
            ("pictures", 404, "<html>The specified blob does not exist.</html>", 10, "its host has not"),
        ],
    }
    return rows[name]


ROWS = [(name, *row) for name in ALL for row in answers_of(name)]


@pytest.mark.parametrize(
    ("name", "where", "status", "body", "code", "said"),
    ROWS,
    ids=[f"{row[0]}-{row[1]}-{row[2]}-{row[5][:20]}" for row in ROWS],
)
def test_each_row_of_the_tables(
    opened: Opener, tmp_path: Path, name: str, where: str, status: int, body: Any, code: int, said: str
) -> None:
    place = opened(name)
    cell = place_of(place, name) if name != "panoramax" else place.source.sample()
    listed = list(place.source.census(cell))
    images = listed if name == "mapillary" or where != "pictures" else prepared(place, listed)
    far = getattr(place, where)
    far.respond = answering(status, body, "text/plain" if isinstance(body, str) else "application/json")
    asked: Callable[[], object] = partial(place.source.census, cell)
    if where != "census":
        asked = partial(place.source.picture, images[0], tmp_path / "a.jpg")
    with pytest.raises(GeofloodError) as error:
        asked()
    told = one_line(error.value)
    assert any(part in told for part in said.split("|")), told
    assert error.value.exit_code == code
    assert not list(tmp_path.iterdir())


def prepared(place: Place, images: list[Any]) -> list[Any]:
    place.source.prepare(images)
    return images


@pytest.mark.parametrize(
    ("token", "code", "said"), [(EXPIRED, 3, "Cannot parse access token"), (SHORT, 3, "to this token")]
)
def test_tokens(opened: Opener, token: str, code: int, said: str) -> None:
    place = opened(f"mapillary {token}")
    with pytest.raises(GeofloodError) as error:
        place.source.prepare(place.source.census(place.source.sample()))
    assert said in one_line(error.value)
    assert error.value.exit_code == code


@pytest.mark.parametrize("name", ALL)
def test_a_provider_that_is_down(opened: Opener, name: str) -> None:
    place = opened(name)
    cell = place_of(place, name)
    place.census.stop()
    with pytest.raises(GeofloodError, match="refused") as error:
        place.source.census(cell)
    one_line(error.value)
    assert error.value.exit_code == 7
