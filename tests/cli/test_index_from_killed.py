"""A whole city from the network to a stick: planned, fetched, killed, resumed, updated, bundled, searched."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.datatypes import Projection, StreetImage
from geoflood.core.geo import distance_m
from geoflood.database import describing_speed, from_source, plan
from geoflood.database.describing_speed import DescribingSpeed
from geoflood.database.file_checks import verify
from geoflood.database.index_files import unfinished_files
from geoflood.database.manifest import read_manifest
from geoflood.imagery.census import NAME
from geoflood.imagery.fetch import THREADS
from geoflood.imagery.folder import images
from geoflood.localize.calibration import calibrate
from geoflood.synthetic.town import Truth
from tests.support.calibration import uncalibrated
from tests.support.contents import contents
from tests.support.far_side.panoramax_server import FarPanoramax, uuid_of
from tests.support.far_side.street_images import FarImage
from tests.support.kills import killable

PACE = 600
"""Requests a minute that the server bears."""

LATER = 4
"""Photos that the server has only after the first index."""

Start = Callable[[Sequence[str], float], bool]
"""Runs a command and kills it so many seconds later; returns whether it was still running."""

PLAN, BUILD, UPDATE = ("--plan",), ("--yes",), ("--yes", "--update")


def run(command: str) -> None:
    """The command in a file, in a process of its own, which may be killed: small shards, not calibrated."""
    plan.SHARD_IMAGES = 2
    from_source.AT_ONCE = 64  # all of the town in one round, from which it is learned
    calibrate.self_calibrate = uncalibrated
    describing_speed.measure_describing = lambda *_: DescribingSpeed(0.5, 0.1, 60_000.0)
    result = CliRunner().invoke(app, json.loads(Path(command).read_text("utf-8")))
    assert result.exit_code == 0, result.output


@dataclass
class GrowingCity:
    """A city that is indexed from a server, undisturbed or not."""

    root: Path
    far: FarPanoramax
    ground: str
    start: Start
    longest_s: float = 1.0
    """Until a kill."""
    deaths: int = 0
    safe: dict[str, int] = field(default_factory=dict)
    """How often each picture had been asked for when it was there first: it must not be asked for again."""

    @property
    def folder(self) -> Path:
        return self.root / "town"

    def run(self, *more: str, kills: int = 0) -> None:
        """Killed so many times, and then to its end."""
        source = ("--from", "panoramax", "--source-url", self.far.api)
        where = ("--bounds", self.ground, "--index-dir", str(self.root))
        command = ("index", "town", *source, *where, "--dimension", "64", *more)
        dice, longest_s, left = random.Random(kills), self.longest_s, kills
        while left:
            begun = time.monotonic()
            if self.start(command, dice.uniform(0.0, longest_s)):
                left, self.deaths = left - 1, self.deaths + 1
            else:  # it is done, and so are the next runs before long
                longest_s = 0.8 * (time.monotonic() - begun)
            self.look()
        assert not self.start(command, 300.0)
        self.look()

    def look(self) -> None:
        """Check what was safe, and note what is safe now."""
        asked = fetched(self.far)
        assert {name: asked[name] for name in self.safe} == self.safe, "what is there is not fetched again"
        if (self.folder / NAME).exists():
            with closing(sqlite3.connect(self.folder / NAME)) as db:
                there = {name for (name,) in db.execute("SELECT id FROM details_panoramax")}
            self.safe |= {name: asked[name] for name in there - self.safe.keys()}


def fetched(far: FarPanoramax) -> Counter[str]:
    """How often the host of the pictures sent each."""
    return Counter(
        {path[1:3] + path[4:].partition("-sd")[0]: count for path, count in far.store.paths.items()}
    )


@pytest.fixture(autouse=True)
def nobody_s_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GEOFLOOD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GEOFLOOD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("GEOFLOOD_SOURCE_PACE", str(PACE))


@pytest.fixture
def far_images(streets: Path) -> list[FarImage]:
    """The drawn town as a server has it."""
    found = [one for one in images([streets]) if isinstance(one, StreetImage)]
    return [far_image(number, one) for number, one in enumerate(found)]


def far_image(number: int, found: StreetImage) -> FarImage:
    tag, panorama = found.geotag, found.projection is Projection.EQUIRECTANGULAR
    return FarImage(
        uuid_of(f"town{number}"),
        tag.position.lat,
        tag.position.lon,
        Path(found.location).read_bytes(),
        tag.heading_deg,
        datetime(2024, 5, 3, 14, number % 60, tzinfo=UTC),
        panorama,
        sequence="round" if panorama else f"drive{number // 7}",
        size=(768, 384) if panorama else (256, 192),
    )


@pytest.fixture
def far(far_images: list[FarImage]) -> Iterator[FarPanoramax]:
    """Its pictures lie on a host of their own. Asked faster than it bears, it fails the test."""
    with FarPanoramax(far_images[LATER:], redirects=True, a_minute=PACE) as server:
        yield server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    file = tmp_path / "command.json"
    with killable(run, file) as run_and_kill:

        def start(command: Sequence[str], seconds: float) -> bool:
            file.write_text(json.dumps(command), "utf-8")
            return run_and_kill(seconds)

        yield start


def change(far: FarPanoramax, far_images: list[FarImage]) -> None:
    """New ones come, one is withdrawn, one hidden, one moves, one turns."""
    new, (gone, hidden, moved, turned) = far_images[:LATER], far_images[LATER : LATER + 4]
    far.images |= {one.id: one for one in new}
    del far.images[gone.id]
    far.images[hidden.id] = replace(hidden, state="hidden")
    far.images[moved.id] = replace(moved, lat=moved.lat + 5e-5)
    far.images[turned.id] = replace(turned, heading=((turned.heading or 0.0) + 40.0) % 360.0)


def assert_same_index(one: Path, other: Path) -> None:
    """Every view with its place, vectors and patches, and what was learned."""
    assert contents(one, locations=False) == contents(other, locations=False)
    assert (one / "learned.npz").read_bytes() == (other / "learned.npz").read_bytes()
    verify(other, read_manifest(other))
    assert not list(unfinished_files(other))


def right_places(root: Path, queries: Sequence[tuple[Path, Truth]]) -> int:
    """Of six photos those whose first place is theirs; each is credited."""
    right = 0
    for photo, truth in queries:
        command = ("locate", str(photo), "--city", "town", "--waterline", str(truth.waterline))
        found = json.loads(invoke(*command, "--index-dir", str(root), "--json"))
        first = found["candidates"][0]
        assert (first["credit"], first["licence"]) == ("ann, 127.0.0.1", "CC-BY-SA-4.0")
        place = (truth.position.lat, truth.position.lon)
        right += bool(distance_m((found["lat"], found["lon"]), place) <= 25)
    return right


def census_of(far: FarPanoramax) -> dict[str, int]:
    """How often each tile was asked for."""
    return {path: count for path, count in far.paths.items() if "/map/" in path}


def invoke(*arguments: str) -> str:
    """What a command prints that does as it should."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return str(result.stdout)


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.long)])
def test_a_drawn_city_killed_again_and_again(
    far: FarPanoramax,
    far_images: list[FarImage],
    start: Start,
    queries: list[tuple[Path, Truth]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kills: int,
) -> None:
    few = max(1, kills // 5)
    lats, lons = [one.lat for one in far_images], [one.lon for one in far_images]
    edges = (min(lats) - 1e-3, min(lons) - 1e-3, max(lats) + 1e-3, max(lons) + 1e-3)
    ground = ",".join(map(str, edges))
    calm = GrowingCity(tmp_path / "calm", far, ground, start)
    torn = GrowingCity(tmp_path / "torn", far, ground, start)

    begun = time.monotonic()
    calm.run(*BUILD)
    torn.longest_s = (time.monotonic() - begun) / 6
    far.paths.clear()
    far.store.paths.clear()
    torn.run(*PLAN, kills=few)
    assert not fetched(far)
    told = census_of(far)
    torn.run(*BUILD, kills=kills - 2 * few)
    assert census_of(far) == told, "the plan's census serves the build"
    assert fetched(far).keys() == {one.id for one in far_images[LATER:]}
    assert fetched(far).total() <= len(far.images) + THREADS * torn.deaths
    assert_same_index(calm.folder, torn.folder)

    change(far, far_images)
    calm.safe = dict(fetched(far))
    calm.run(*UPDATE)
    far.store.paths.clear()
    torn.safe = dict.fromkeys(torn.safe, 0)
    torn.run(*UPDATE, kills=few)
    assert fetched(far).keys() == {one.id for one in far_images[:LATER]}
    assert_same_index(calm.folder, torn.folder)
    assert torn.deaths == kills

    monkeypatch.setenv("GEOFLOOD_OFFLINE", "1")
    stick, there = tmp_path / "town.zip", tmp_path / "there"
    invoke("bundle", "town", str(stick), "--index-dir", str(torn.root))
    invoke("unbundle", str(stick), "--index-dir", str(there))
    assert contents(there / "town", locations=False) == contents(calm.folder, locations=False)
    assert right_places(there, [query for query in queries if query[1].in_city]) >= 5
