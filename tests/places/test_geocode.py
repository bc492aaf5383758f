"""Names of cities as ground, through real sockets: what is found, what is asked back, every way to fail."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from geoflood.core.datatypes import Bounds
from geoflood.core.errors import BlockedError, GeofloodError, InputError, NetworkError, UsageError
from geoflood.places import geocode
from geoflood.places.geocode import CREDIT, find_area
from tests.support.far_side.nominatim_server import HOUSTON, ILLINOIS, MASSACHUSETTS, FarNominatim


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarNominatim]:
    monkeypatch.setenv("GEOFLOOD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("GEOFLOOD_OFFLINE", raising=False)
    with FarNominatim() as far:
        monkeypatch.setenv("GEOFLOOD_NOMINATIM_URL", far.url)
        yield far


def refused(name: str, kind: type[GeofloodError], geocoder: str | None = None) -> GeofloodError:
    """The error, which is one line with a hint."""
    with pytest.raises(kind) as caught:
        find_area(name, geocoder)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_the_node_and_the_relation_of_a_city_are_one_place(server: FarNominatim) -> None:
    area = find_area("Houston")
    assert area.name == HOUSTON
    assert area.credit == CREDIT
    assert area.bounds == (Bounds(29.5, -95.8, 30.1, -95.2),)


def test_a_name_is_asked_once(server: FarNominatim) -> None:
    assert find_area("Houston") == find_area("  houston ")
    assert server.paths == {"/search": 1}


def test_what_is_kept_needs_no_network(server: FarNominatim, monkeypatch: pytest.MonkeyPatch) -> None:
    find_area("Houston")
    monkeypatch.setenv("GEOFLOOD_OFFLINE", "1")
    assert find_area("Houston").name == HOUSTON
    assert "GEOFLOOD_OFFLINE" in str(refused("Springfield", NetworkError))
    assert server.paths == {"/search": 1}


def test_a_damaged_answer_is_asked_again(server: FarNominatim, tmp_path: Path) -> None:
    find_area("Houston")
    (kept,) = (tmp_path / "cache/geocode").iterdir()
    kept.write_text('{"answers": 5}')
    assert find_area("Houston").name == HOUSTON
    assert server.paths == {"/search": 2}


def test_names_that_could_be_several_are_listed(server: FarNominatim) -> None:
    error = refused("Springfield", UsageError)
    assert "2 places" in str(error)
    assert f'geoflood index "{ILLINOIS}"' in error.hint
    assert f'geoflood index "{MASSACHUSETTS}"' in error.hint
    assert "Ohio" not in error.hint
    assert find_area(ILLINOIS).name == ILLINOIS


def test_a_point_asks_for_a_centre(server: FarNominatim) -> None:
    error = refused("Nowhere Hamlet", InputError)
    assert "--center 53.10000,-9.20000 --radius" in error.hint


def test_an_unknown_name(server: FarNominatim) -> None:
    assert "knows no place called 'Atlantis'" in str(refused("Atlantis", InputError))
    refused("Atlantis", InputError)
    assert server.paths == {"/search": 2}, "that there is none is not kept: it may be mapped tomorrow"


def test_rubbish_among_the_answers_is_no_place(server: FarNominatim) -> None:
    assert "knows no place" in str(refused("broken", InputError))


def test_a_polygon_that_crosses_itself_is_mended(server: FarNominatim) -> None:
    area = find_area("Bowtie")
    assert list(area.holds([10.2, 10.2], [20.9, 20.5])) == [True, False]


@pytest.mark.parametrize("name", ["Taveuni", "Date Line"])
def test_a_city_on_the_antimeridian_has_two_sides(server: FarNominatim, name: str) -> None:
    east, west = find_area(name).bounds
    assert (east.east, west.west) == (180, -180)


def test_a_slow_answer_is_waited_for(server: FarNominatim) -> None:
    """The library itself would give up after a second."""
    server.moods.append("slow")
    assert find_area("Houston").name == HOUSTON


@pytest.mark.parametrize(
    ("mood", "kind", "words"),
    [
        ("status 429 7", BlockedError, "asked too often"),
        ("status 403", BlockedError, "refuses this address"),
        ("status 400", InputError, "does not understand"),
        ("status 401", NetworkError, "cannot be asked"),
        ("status 500", NetworkError, "cannot be asked"),
        ("status 503", NetworkError, "did not answer"),
        ("portal", NetworkError, "no JSON"),
        ("hidden portal", NetworkError, "no JSON"),
        ("drop", NetworkError, "cannot be asked"),
        ("cut", NetworkError, ""),
        ("cut chunked", NetworkError, ""),
    ],
)
def test_every_failure_is_one_line(
    server: FarNominatim, mood: str, kind: type[GeofloodError], words: str
) -> None:
    server.moods.append(mood)
    assert words in str(refused("Houston", kind))
    assert server.paths == {"/search": 1}, "one call a name, whatever happens"
    assert find_area("Houston").name == HOUSTON


def test_it_says_when_to_ask_again(server: FarNominatim) -> None:
    server.moods.append("status 429 7")
    assert "in 7 s" in refused("Houston", BlockedError).hint


@pytest.mark.parametrize("raw", [5, "text", [5], [[]], {"a": 1}, [{"lat": "x", "lon": "y"}], {"error": "no"}])
def test_answers_that_are_none(server: FarNominatim, raw: object) -> None:
    server.moods.append("raw")
    server.raw = raw
    refused("Houston", GeofloodError)


def test_nobody_there(server: FarNominatim) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "cannot be asked" in str(refused("Houston", NetworkError, f"http://127.0.0.1:{port}"))


def test_a_server_that_is_silent(server: FarNominatim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geocode, "_TIMEOUT_S", 0.2)
    server.moods.append("slow")
    assert "did not answer" in str(refused("Houston", NetworkError))


@pytest.mark.parametrize("url", ["", "houston", "ftp://a/b", "http://", "http://[x", "https://:5"])
def test_no_address_of_a_geocoder(server: FarNominatim, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOFLOOD_NOMINATIM_URL")
    monkeypatch.setenv("GEOFLOOD_OFFLINE", "1")  # an empty one means OpenStreetMap's own
    refused("Houston", NetworkError if not url else UsageError, url)


def test_photon_knows_a_box(server: FarNominatim) -> None:
    area = find_area("Houston", f"photon+{server.url}")
    assert area.name == "Houston, Texas, United States"
    assert area.bounds == (Bounds(29.5, -95.9, 30.1, -95.0),)
    assert area.credit == CREDIT
    assert server.paths == {"/api": 1}


def test_photon_asks_back_unless_the_name_says_more(server: FarNominatim) -> None:
    error = refused("Springfield", UsageError, f"photon+{server.url}")
    assert 'geoflood index "Springfield, Massachusetts, United States"' in error.hint
    area = find_area("Springfield, Massachusetts", f"photon+{server.url}")
    assert area.name == "Springfield, Massachusetts, United States"


def test_photon_without_an_extent_asks_for_a_centre(server: FarNominatim) -> None:
    assert "--center" in refused("Nowhere", InputError, f"photon+{server.url}").hint
