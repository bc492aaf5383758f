"""`geoflood doctor --source`: what works and what does not, in a line each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from geoflood.cli.app import app
from tests.support.commands import error_line
from tests.support.far_side.amsterdam_server import FarAmsterdam
from tests.support.far_side.kartaview_server import FarKartaView
from tests.support.far_side.mapillary_server import EXPIRED, TOKEN, FarMapillary
from tests.support.far_side.panoramax_server import FarPanoramax, uuid_of
from tests.support.far_side.street_images import FarImage, along_a_street

Result = Any
Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs the command without anybody's own settings, and fast."""
    for name in ("GEOFLOOD_OFFLINE", "MAPILLARY_TOKEN", "MAPILLARY_ACCESS_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEOFLOOD_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("GEOFLOOD_SOURCE_PACE", "100000")
    return lambda *arguments: CliRunner().invoke(app, ["doctor", *arguments])


def dam(count: int = 12) -> list[FarImage]:
    return along_a_street(count, (52.3731, 4.8926), panoramas=True)


def told(result: Result) -> dict[str, Any]:
    return dict(json.loads(result.stdout))


def test_a_source_that_works(call: Call) -> None:
    with FarAmsterdam(dam()) as far:
        result = call("--source", "amsterdam", "--source-url", far.url)
        assert result.exit_code == 0, result.output
        census, picture = result.stdout.splitlines()[2:]
        assert "12 images in cell 16/" in census
        assert "12 of them panoramas" in census
        assert "128 x 64 px" in picture
        assert "heading 0, CC-BY-4.0, Gemeente Amsterdam" in picture
        assert sum(far.paths.values()) == 1
        assert sum(far.store.paths.values()) == 1


@pytest.mark.parametrize("name", ["panoramax", "kartaview", "mapillary"])
def test_every_source_can_be_tried(call: Call, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAPILLARY_TOKEN", TOKEN)
    places = {"panoramax": (50.0, 3.0), "kartaview": (1.2903, 103.8519), "mapillary": (55.6050, 13.0038)}
    images = along_a_street(4, places[name])
    if name == "mapillary":
        with FarMapillary(images) as far:
            monkeypatch.setenv("GEOFLOOD_MAPILLARY_TILES_URL", far.tiles.url)
            found = told(call("--json", "--source", name, "--source-url", far.graph.url))
    elif name == "panoramax":
        with FarPanoramax([replace(image, id=uuid_of(image.id)) for image in images]) as instance:
            found = told(call("--json", "--source", name, "--source-url", instance.url))
    else:
        with FarKartaView(images) as grab:
            found = told(call("--json", "--source", name, "--source-url", grab.url))
    assert found.keys() == {f"{name}: census", f"{name}: picture"}
    assert all(check["ok"] for check in found.values()), found
    assert "CC-BY-SA-4.0" in found[f"{name}: picture"]["found"]


def test_a_census_that_does_not_work(call: Call) -> None:
    with FarAmsterdam(dam()) as far:
        far.moods.append("portal")
        result = call("--json", "--source", "amsterdam", "--source-url", far.url)
    assert result.exit_code == 1
    (check,) = told(result).values()
    assert not check["ok"]
    assert "sent a web page" in check["found"]
    assert "login page" in check["advice"]


def test_pictures_that_do_not_come(call: Call) -> None:
    with FarAmsterdam(dam()) as far:
        far.store.files.clear()
        result = call("--json", "--source", "amsterdam", "--source-url", far.url)
    found = told(result)
    assert (found["amsterdam: census"]["ok"], found["amsterdam: picture"]["ok"]) == (True, False)
    assert result.exit_code == 1


def test_a_picture_that_is_gone_is_not_the_source_s_fault(call: Call) -> None:
    with FarAmsterdam(dam()) as far:
        for path in list(far.store.files)[:3]:
            del far.store.files[path]
        result = call("--source", "amsterdam", "--source-url", far.url)
        assert result.exit_code == 0, result.output


def test_a_source_without_images(call: Call) -> None:
    with FarAmsterdam([]) as far:
        result = call("--json", "--source", "amsterdam", "--source-url", far.url)
    assert "no image in cell" in told(result)["amsterdam: census"]["found"]
    assert result.exit_code == 1


def test_a_token_is_missing_or_expired(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    result = call("--json", "--source", "mapillary")
    assert told(result)["source mapillary"]["found"] == "mapillary needs a token, and none is set"
    monkeypatch.setenv("MAPILLARY_TOKEN", EXPIRED)
    with FarMapillary(along_a_street(3)) as far:
        monkeypatch.setenv("GEOFLOOD_MAPILLARY_TILES_URL", far.tiles.url)
        result = call("--json", "--source", "mapillary", "--source-url", far.graph.url)
    assert "does not accept the token" in told(result)["mapillary: census"]["found"]
    assert EXPIRED not in result.output


def test_offline(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFLOOD_OFFLINE", "1")
    result = call("--json", "--source", "amsterdam")
    assert "GEOFLOOD_OFFLINE is set" in told(result)["amsterdam: census"]["found"]


def test_what_is_no_source(call: Call) -> None:
    assert "terms forbid" in error_line(call("--source", "google"), 2)
    assert "is no source" in error_line(call("--source", "nowhere"), 2)
    assert "--source-url is for --source" in error_line(call("--source-url", "https://a.example"), 2)
