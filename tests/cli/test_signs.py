"""Signs from the shell: a drawn town is indexed with its shops, and a photo finds a shop's name again."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.datatypes import LatLon
from geoflood.core.geo import from_local
from geoflood.synthetic.town import build_town, view
from geoflood.synthetic.town.shots import drive
from tests.support.commands import error_line

SHOP = 5
"""Of the shots: it shows a wall with a name of twelve letters."""


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Walls of a town with their geotags, and `photo.jpg`: one of them from a step aside, later."""
    folder = tmp_path_factory.mktemp("signs")
    drawn = build_town(1, (2, 2))
    shots = drive(drawn, 12.0)
    rows = []
    (folder / "streets").mkdir()
    for n in {SHOP, *range(0, len(shots), 6)}:
        picture = view(drawn, shots[n].position, shots[n].heading_deg + 90, size=(800, 600))
        Pictures.fromarray(picture).save(folder / f"streets/{n}.jpg", quality=92)
        lat, lon = from_local(np.array([shots[n].position]), LatLon(52.2, 0.12))[0]
        rows.append((f"streets/{n}.jpg", lat, lon))
    with (folder / "geotags.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "lat", "lon"), *rows])
    east, north = shots[SHOP].position
    photo = view(drawn, (east + 0.4, north + 0.4), shots[SHOP].heading_deg + 88, size=(800, 600), seed=5)
    Pictures.fromarray(photo).save(folder / "photo.jpg", quality=85)
    return folder


def test_a_shop_is_read_in_the_street_and_in_the_photo(town: Path, tmp_path: Path) -> None:
    where = ("--index-dir", tmp_path)
    built = run("index", "town", town / "geotags.csv", "--read-signs", "--json", *where)
    assert built.exit_code == 0, built.output
    told = json.loads(built.stdout)
    assert told["signs"]["views"] == told["references"]
    assert 1 <= told["signs"]["with_words"] <= told["references"]
    facts = json.loads(run("info", "town", "--json", *where).stdout)
    assert facts["signs"] == told["signs"]

    answer = json.loads(
        run(
            "locate", town / "photo.jpg", "--city", "town", "--json", "--out", tmp_path / "out", *where
        ).stdout
    )
    best = answer["candidates"][0]
    assert best["image"].endswith(f"{SHOP}.jpg")
    assert best["shared_words"]
    assert set(best["shared_words"]) <= set(answer["signs"])
    assert (
        best["shared_words"][0]
        in run("locate", town / "photo.jpg", "--city", "town", "--out", tmp_path / "again", *where).stdout
    )


def test_without_the_extra_nothing_is_begun(
    town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find: Callable[[str], Any] = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "rapidocr" else find(name))
    refused = run("index", "town", town / "geotags.csv", "--read-signs", "--index-dir", tmp_path)
    assert "rapidocr" in error_line(refused, 9)
    assert not (tmp_path / "town").exists()
