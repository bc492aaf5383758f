"""A city out of a real Panoramax server: uploaded, indexed, located in, changed, updated.

Opt-in (`make test-panoramax`): GEOFLOOD_GEOVISIO names the Python of an environment that has geovisio.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import geoflood
from geoflood.cli.app import app
from geoflood.core.geo import bounds_of, distance_m
from geoflood.synthetic.town import Truth, build_town, write_city, write_queries
from tests.support.panoramax_server import PYTHON, PanoramaxServer, UploadedPicture, panoramax_server

pytestmark = pytest.mark.skipif(not PYTHON, reason="GEOFLOOD_GEOVISIO names no Python with geovisio")

CITY = "Panoramax town"
LATER = 4
"""Photos that are uploaded only after the first index."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    write_city(folder, build_town())
    return folder


@pytest.fixture(scope="module")
def truths(town: Path) -> list[Truth]:
    return write_queries(town / "photos", build_town(), 4, strangers=0)


def street_photos(town: Path, season: str) -> list[UploadedPicture]:
    """They say in their EXIF where they were taken."""
    return [UploadedPicture(path) for path in sorted((town / "streets").glob(f"{season}-*.jpg"))]


def panoramas(town: Path) -> list[UploadedPicture]:
    """The server is told where they were taken, and that they are round."""
    with (town / "panoramas.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [UploadedPicture(town / row["image"], told_of(row)) for row in rows]


def told_of(row: dict[str, str]) -> dict[str, str]:
    return {
        "override_latitude": row["lat"],
        "override_longitude": row["lon"],
        "override_capture_time": row["taken"],
        "override_Exif.GPSInfo.GPSImgDirectionRef": "T",
        "override_Exif.GPSInfo.GPSImgDirection": f"{round(float(row['heading']) * 100)}/100",
        "override_Xmp.GPano.ProjectionType": "equirectangular",
    }


@pytest.fixture(scope="module")
def server(town: Path) -> Iterator[PanoramaxServer]:
    """Not in a folder of pytest's: PostgreSQL's user could not reach it."""
    with tempfile.TemporaryDirectory(prefix="panoramax-", ignore_cleanup_errors=True) as home:
        os.chmod(home, 0o755)
        with panoramax_server(Path(home)) as running:
            running.upload("panoramas", panoramas(town))
            running.upload("summer", street_photos(town, "summer"))
            running.upload("winter", street_photos(town, "winter")[LATER:])
            yield running


def index(server: PanoramaxServer, root: Path, *more: str) -> dict[str, Any]:
    """What `geoflood index --from panoramax` says at the end."""
    box = bounds_of(truth.position for truth in write_queries(root / "photos", build_town(), 30, 0))
    edges = (box.south - 0.002, box.west - 0.002, box.north + 0.002, box.east + 0.002)
    ground = ("--bounds", ",".join(f"{edge:.6f}" for edge in edges))
    source = ("--from", "panoramax", "--source-url", server.api)
    result = CliRunner().invoke(
        app, ["index", CITY, *source, *ground, "--index-dir", str(root / "index"), "--yes", "--json", *more]
    )
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def listed(server: PanoramaxServer) -> dict[str, tuple[float, float]]:
    """Key and position of what the server shows."""
    found = {}
    for one in server.pictures():
        lon, lat = one["geometry"]["coordinates"]
        found[f"panoramax:{one['id']}"] = (lat, lon)
    return found


def indexed(root: Path) -> dict[str, tuple[float, float]]:
    """Key and position of what the index holds."""
    database = geoflood.open(CITY, index_dir=root / "index").database
    references = database.references(range(len(database)))
    return {one.image_key: (one.position.lat, one.position.lon) for one in references}


def assert_same_places(found: dict[str, tuple[float, float]], there: dict[str, tuple[float, float]]) -> None:
    """Tiles round positions to a metre."""
    assert found.keys() == there.keys()
    assert all(distance_m(found[key], there[key]) < 2 for key in there)


def test_a_town_on_a_real_server(
    server: PanoramaxServer,
    town: Path,
    truths: list[Truth],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_rehearsal: None,
) -> None:
    monkeypatch.setenv("GEOFLOOD_SOURCE_PACE", "60000")
    first = index(server, tmp_path)
    photos = [*street_photos(town, "summer"), *street_photos(town, "winter")[LATER:]]
    assert first["images"] == len(listed(server)) == len(panoramas(town)) + len(photos)
    assert_same_places(indexed(tmp_path), listed(server))
    city = geoflood.open(CITY, index_dir=tmp_path / "index")
    found = [city.locate(town / "photos" / truth.image, waterline=truth.waterline) for truth in truths]
    places = [one.candidates[0].reference.position for one in found]
    near = [
        bool(distance_m((place.lat, place.lon), (truth.position.lat, truth.position.lon)) <= 25)
        for place, truth in zip(places, truths, strict=True)
    ]
    assert sum(near) >= 3
    best = found[near.index(True)].candidates[0].reference
    assert best.licence == "CC-BY-SA-4.0"
    assert best.credit
    assert best.link.startswith(server.api.removesuffix("/api"))

    pictures = server.pictures()
    server.hide(pictures[0])
    server.delete(pictures[-1])
    server.upload("later", street_photos(town, "winter")[:LATER])
    second = index(server, tmp_path, "--update")
    assert second["update"] == {"new": LATER, "corrected": 0, "withdrawn": 2}
    assert_same_places(indexed(tmp_path), listed(server))
    third = index(server, tmp_path, "--update")
    assert third["update"] == {"new": 0, "corrected": 0, "withdrawn": 0}
