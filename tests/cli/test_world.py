"""`geoflood world`, as a shell sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image as Pictures
from typer.testing import CliRunner

from geoflood.backbones.selftest import draw_field, draw_street
from geoflood.cli import world as commands
from geoflood.cli.app import Commands
from geoflood.localize.world import WorldLocator
from geoflood.places import world_map
from tests.support.world import small_locator


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two photos, a small GeoCLIP, no index."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(tmp_path / "index"))
    monkeypatch.setenv("GEOFLOOD_MODELS_DIR", str(tmp_path / "models"))
    for name, picture in (("a.jpg", draw_street()), ("b.jpg", draw_field())):
        Pictures.fromarray(picture).save(tmp_path / name)

    def opened(cls: type, cities: Mapping[str, np.ndarray], **options: Any) -> WorldLocator:
        return small_locator(cities)

    monkeypatch.setattr(WorldLocator, "open", classmethod(opened))
    return tmp_path


def run(*arguments: object) -> Any:
    app = typer.Typer(cls=Commands, pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    commands.register(app)
    return CliRunner().invoke(app, ["world", *map(str, arguments)])


def test_two_photos(folder: Path) -> None:
    result = run("a.jpg", "b.jpg")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("uncertain") == 2
    assert "3 rows of the gallery are no positions" in " ".join(result.stderr.split())
    assert result.stderr.count("next: geoflood index") == 2
    assert {path.name for path in (folder / "world").iterdir()} == {
        *("world.html", "world.json", "world.geojson", "world.csv")
    }
    assert run("a.jpg", "--out", "world").exit_code == 2, "results of another run"
    assert run("a.jpg", "--out", "world", "--force").exit_code == 0


def test_json_writes_nothing_else(folder: Path) -> None:
    result = run("a.jpg", "--json")
    [answer] = [json.loads(line) for line in result.stdout.splitlines()]
    assert answer["outcome"] == "uncertain"
    assert answer["status"] == "candidate"
    assert not (folder / "world").exists()


def test_photos_that_cannot_be_read(folder: Path) -> None:
    (folder / "c.jpg").write_bytes(b"no picture")
    assert run("a.jpg", "c.jpg").exit_code == 10
    result = run("c.jpg", "--out", "other")
    assert result.exit_code == 3
    assert not (folder / "other").exists()


def test_without_weights_or_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("GEOFLOOD_MODELS_DIR", str(folder / "models"))
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(folder / "index"))
    result = run(folder / "a.jpg", "--out", folder / "out")
    assert result.exit_code == 6
    _, helps = result.stderr.strip().splitlines()
    assert helps == "what helps: geoflood models fetch geoclip"
    monkeypatch.setattr(world_map.importlib.util, "find_spec", lambda name: None)
    result = run(folder / "a.jpg", "--out", folder / "out")
    assert result.exit_code == 9
    assert "geoflood[world]" in result.stderr
