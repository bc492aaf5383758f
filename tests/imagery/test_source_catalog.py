"""Which sources there are, where their addresses and tokens come from, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from geoflood.core.errors import InputError, UsageError
from geoflood.imagery.sources.catalog import SOURCES, mapillary_token, open_source
from geoflood.imagery.sources.mapillary import Mapillary
from geoflood.imagery.sources.source import Source, TokenError
from tests.support.far_side.mapillary_server import TOKEN

pytestmark = pytest.mark.usefixtures("online")


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder of the test's own, and no tokens and addresses of the machine's."""
    for name in ("MAPILLARY_TOKEN", "MAPILLARY_ACCESS_TOKEN", *(row.variable for row in SOURCES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GEOFLOOD_MAPILLARY_TILES_URL", raising=False)
    monkeypatch.setenv("GEOFLOOD_CONFIG_DIR", str(tmp_path))
    return tmp_path


def token_file(folder: Path, text: str = TOKEN, mode: int = 0o600) -> Path:
    path = folder / "mapillary-token"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("name", [row.name for row in SOURCES])
def test_every_source_opens(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPILLARY_TOKEN", TOKEN)
    source: Source = open_source(name.upper())
    assert source.name == name
    assert source.batch >= 1
    assert source.sample().count("/") == 2 if name != "panoramax" else True
    source.close()


@pytest.mark.parametrize("name", ["google", "Street View", "google-street-view", "GSV"])
def test_street_view_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(UsageError, match="Google Street View is no source: its terms forbid") as error:
        open_source(name)
    assert "mapillary, panoramax, amsterdam, kartaview" in error.value.hint
    assert error.value.exit_code == 2


@pytest.mark.parametrize("name", ["bing", "apple", "baidu", "naver", "yandex"])
def test_what_would_have_to_be_scraped_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"^{name} is no source: nobody but its owner"):
        open_source(name)


@pytest.mark.parametrize("name", ["", "mapilary", "x" * 500, "a\nb"])
def test_what_is_no_source(name: str) -> None:
    with pytest.raises(UsageError, match="is no source") as error:
        open_source(name)
    assert len(str(error.value)) < 100
    assert "mapillary" in error.value.hint


def test_an_address_is_given_else_in_the_environment_else_public(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_source("panoramax")._url == "https://api.panoramax.xyz/api"  # type: ignore[attr-defined]
    monkeypatch.setenv("GEOFLOOD_PANORAMAX_URL", "https://town.example.org/")
    assert open_source("panoramax")._url == "https://town.example.org/api"  # type: ignore[attr-defined]
    given = open_source("panoramax", "http://10.0.0.5:5000/api/")
    assert given._url == "http://10.0.0.5:5000/api"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "url",
    [
        "town.example.org",
        "ftp://a.org",
        "https://",
        "https://a.org/?x=1",
        "https://me:pw@a.org",
        "http://a b",
        "x",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError, match="not the address of a server") as error:
        open_source("amsterdam", url)
    assert "pw" not in str(error.value)


def test_a_mirror_of_mapillary_has_tiles_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPILLARY_TOKEN", TOKEN)
    mirror = open_source("mapillary", "https://mirror.example.org")
    assert isinstance(mirror, Mapillary)
    assert (mirror._url, mirror._tiles_url) == ("https://mirror.example.org",) * 2
    monkeypatch.setenv("GEOFLOOD_MAPILLARY_TILES_URL", "https://tiles.example.org")
    other = open_source("mapillary")
    assert isinstance(other, Mapillary)
    assert (other._url, other._tiles_url) == ("https://graph.mapillary.com", "https://tiles.example.org")


def test_a_token_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPILLARY_TOKEN", TOKEN)
    with pytest.raises(UsageError, match="would see the token unencrypted"):
        open_source("mapillary", "http://mirror.example.org")
    open_source("mapillary", "http://127.0.0.1:8000").close()


def paces(source: Source) -> list[float]:
    talkers = [value for value in vars(source).values() if hasattr(value, "manners")]
    return [talker.manners.a_minute for talker in talkers]


def test_only_an_address_of_ones_own_may_have_another_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFLOOD_SOURCE_PACE", "6000")
    monkeypatch.setenv("MAPILLARY_TOKEN", TOKEN)
    assert paces(open_source("panoramax")) == [60]
    assert paces(open_source("panoramax", "https://own.example.org")) == [6000]
    assert paces(open_source("mapillary")) == [60, 600]
    assert paces(open_source("mapillary", "https://own.example.org")) == [6000, 6000]
    monkeypatch.setenv("GEOFLOOD_MAPILLARY_TILES_URL", "https://tiles.mapillary.com")
    assert paces(open_source("mapillary", "https://own.example.org")) == [60, 600]
    for bad in ("fast", "0", "-5", "1e9"):
        monkeypatch.setenv("GEOFLOOD_SOURCE_PACE", bad)
        with pytest.raises(UsageError, match="GEOFLOOD_SOURCE_PACE"):
            open_source("panoramax", "https://own.example.org")


@pytest.mark.parametrize("name", ["MAPILLARY_TOKEN", "MAPILLARY_ACCESS_TOKEN"])
def test_the_token_comes_from_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch, settings: Path
) -> None:
    token_file(settings, "MLY|1|another")
    monkeypatch.setenv(name, f"  {TOKEN}\n")
    assert mapillary_token() == TOKEN


def test_the_token_comes_from_a_file_of_ones_own(settings: Path) -> None:
    token_file(settings, f"{TOKEN}\r\n")
    assert mapillary_token() == TOKEN


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o660])
def test_a_token_that_others_can_read_is_refused(settings: Path, mode: int) -> None:
    path = token_file(settings, mode=mode)
    with pytest.raises(TokenError, match="can be read by others") as error:
        mapillary_token()
    assert error.value.hint == f"chmod 600 {path}"


def test_without_a_token(settings: Path) -> None:
    with pytest.raises(TokenError, match="mapillary needs a token, and none is set") as error:
        open_source("mapillary")
    assert isinstance(error.value, InputError)
    assert "mapillary.com/dashboard/developers" in error.value.hint
    assert str(settings / "mapillary-token") in error.value.hint


@pytest.mark.parametrize(
    "said", ["MLY|1|00\n11112222", "MLY 1 2 3 4 5 6", "é" * 20, "short", "\x00" * 9, "x" * 600]
)
def test_what_is_no_token_is_not_shown(monkeypatch: pytest.MonkeyPatch, settings: Path, said: str) -> None:
    def refused(where: str) -> None:
        with pytest.raises(TokenError, match="holds no token") as error:
            mapillary_token()
        assert where in str(error.value)
        assert said not in f"{error.value} {error.value.hint}"
        assert "11112222" not in f"{error.value} {error.value.hint}"

    token_file(settings, said)
    refused("mapillary-token")
    if "\x00" not in said:
        monkeypatch.setenv("MAPILLARY_TOKEN", said)
        refused("MAPILLARY_TOKEN")


def test_a_token_file_that_cannot_be_read(settings: Path) -> None:
    (settings / "mapillary-token").mkdir()
    with pytest.raises(TokenError, match="mapillary-token: "):
        mapillary_token()


def test_where_settings_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from geoflood.core.paths import config_folder

    monkeypatch.delenv("GEOFLOOD_CONFIG_DIR")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
    assert os.fspath(config_folder()) == "/somewhere/geoflood"
