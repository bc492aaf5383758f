"""A city out of a source: looked at, chosen, fetched, indexed; killed and refused in the middle."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from geoflood.core.area import Area
from geoflood.core.datatypes import Rejected, StreetImage
from geoflood.core.errors import BlockedError, GeofloodError, InputError, NetworkError, UsageError
from geoflood.core.geo import bounds_of
from geoflood.database import from_source, index_files, plan
from geoflood.database.build import build
from geoflood.database.database import Database
from geoflood.database.file_checks import verify
from geoflood.database.from_source import build_from_source, harvested
from geoflood.database.index_files import LEDGER
from geoflood.database.manifest import Manifest, Settings, read_manifest
from geoflood.database.settings import index_settings
from geoflood.database.shards import shard_path
from geoflood.database.source_order import SourceOrder
from geoflood.imagery import kept_pictures
from geoflood.imagery.census import NAME
from geoflood.imagery.fetch import FOLDER
from geoflood.imagery.folder import images
from geoflood.imagery.kept_pictures import KeepImages
from geoflood.imagery.panorama import HEADINGS
from geoflood.imagery.sources.source import TokenError
from geoflood.localize.calibration.calibrate import self_calibrate
from tests.support.calibration import PLAIN, uncalibrated
from tests.support.kills import killable
from tests.support.scripted_source import ScriptedSource

HINTS = {"block": BlockedError("blocked", "tomorrow"), "network": NetworkError("down", "again")}
HINTS |= {"token": TokenError("expired", "a new one")}  # type: ignore[dict-item]
LEARNED = "learned.npz"


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Several shards and rounds of a few images."""
    patch.setattr(plan, "SHARD_IMAGES", 2)
    patch.setattr(from_source, "AT_ONCE", 6)
    patch.setattr(kept_pictures, "RESERVE", 3)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch)


@pytest.fixture
def source(streets: Path) -> ScriptedSource:
    return ScriptedSource.of_folder(streets)


def town_area(source: ScriptedSource) -> Area:
    box = bounds_of(image.geotag.position for image in source.known.values())
    south, west, north, east = box.south, box.west, box.north, box.east
    return Area.of_box(south - 1e-4, west - 1e-4, north + 1e-4, east + 1e-4, "Town")


def order(source: ScriptedSource, most: int | None = 13, **more: Any) -> SourceOrder:
    return SourceOrder(source, more.pop("area", town_area(source)), most=most, **more)


Build = Callable[[Path, SourceOrder], Manifest]


@pytest.fixture(scope="module")
def learned(streets: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The words of the town, which need not be learned each time."""
    folder = tmp_path_factory.mktemp("learned")
    build(folder, "Town", list(images([streets]))[:8], settings, uncalibrated)
    return folder / LEARNED


@pytest.fixture(scope="module")
def built(settings: Settings, learned: Path) -> Build:
    """Builds an index."""

    def build(folder: Path, wanted: SourceOrder) -> Manifest:
        folder.mkdir(exist_ok=True)
        shutil.copy(learned, folder)
        return build_from_source(folder, "Town", wanted, settings, uncalibrated)

    return build


def content(folder: Path) -> dict[str, Any]:
    """All that counts in an index: what was chosen, and every byte that is searched."""
    manifest = read_manifest(folder)
    verify(folder, manifest)
    database = Database(folder)
    references = [
        replace(reference, location=Path(reference.location).name)
        for reference in database.references(range(len(database)))
    ]
    files = {name: (folder / name).read_bytes() for name in ("vectors.faiss", "learned.npz", "patches.npz")}
    return files | {"references": references, "manifest": replace(manifest, files={})}


def pictures(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "images/scripted").glob("*")}


@pytest.fixture(scope="module")
def calm(streets: Path, built: Build, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The index of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("calm") / "town"
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        built(folder, order(ScriptedSource.of_folder(streets)))
    return content(folder)


def test_a_city_out_of_a_source(tmp_path: Path, source: ScriptedSource, built: Build) -> None:
    manifest = built(tmp_path / "town", order(source))
    assert manifest.images == 13
    panoramas = sum(image.projection == "equirectangular" for image in source.known.values())
    assert panoramas == 2
    assert manifest.references == 11 + 2 * HEADINGS, "panoramas come first"
    assert {credit for credit, _, _ in manifest.credits} == {"Mapper 0", "Mapper 1", "Mapper 2"}
    first = Database(tmp_path / "town").references([0])[0]
    assert first.image_key.startswith("scripted:")
    assert first.link == f"https://scripted.example/{int(first.image_key[9:])}"
    assert first.licence == "CC-BY-4.0"
    assert len(pictures(tmp_path / "town")) == 13
    assert set(source.fetched.values()) == set(source.asked.values()) == {1}


def test_all_of_it_where_there_is_no_limit(tmp_path: Path, source: ScriptedSource, built: Build) -> None:
    manifest = built(tmp_path / "town", order(source, None))
    assert manifest.images == len(source.known)


def test_rounds_change_nothing(
    tmp_path: Path,
    source: ScriptedSource,
    built: Build,
    monkeypatch: pytest.MonkeyPatch,
    calm: dict[str, Any],
) -> None:
    """But for what the city is learned from."""
    monkeypatch.setattr(from_source, "AT_ONCE", 10**6)
    built(tmp_path / "one", order(source))
    assert content(tmp_path / "one") == calm


def test_a_city_is_learned_from_the_first_round(
    tmp_path: Path, source: ScriptedSource, settings: Settings
) -> None:
    small = replace(settings, dimension=16)
    manifest = build_from_source(tmp_path / "town", "Town", order(source, 8), small, uncalibrated)
    assert manifest.images == 8
    verify(tmp_path / "town", manifest)


def test_a_larger_order_adds(tmp_path: Path, source: ScriptedSource, built: Build) -> None:
    built(tmp_path / "town", order(source, 6))
    before = pictures(tmp_path / "town")
    assert built(tmp_path / "town", order(source, 15)).images == 15
    assert pictures(tmp_path / "town") > before
    assert set(source.fetched.values()) == set(source.asked.values()) == {1}
    assert built(tmp_path / "town", order(source, 6)).images == 15, "what is indexed stays"


def kill_me(folder: str, streets: str, learned: str, log: str) -> None:
    """A run that notes what it fetched."""
    plan.SHARD_IMAGES, from_source.AT_ONCE = 2, 6
    kept_pictures.RESERVE = 3
    source = ScriptedSource.of_folder(Path(streets))
    source.log = Path(log)
    source.pause_s = 0.01
    settings = index_settings("rootsift", 64)
    Path(folder).mkdir(exist_ok=True)
    if not Path(folder, LEARNED).exists():
        shutil.copy(learned, folder)
    wanted = SourceOrder(source, town_area(source), most=13, keep=KeepImages.NONE)
    build_from_source(Path(folder), "Town", wanted, settings, uncalibrated)


@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=pytest.mark.long)])
def test_killed_again_and_again_it_is_the_same_index(
    tmp_path: Path, streets: Path, learned: Path, source: ScriptedSource, calm: dict[str, Any], kills: int
) -> None:
    """Without pictures, of which none is fetched twice but what a kill met on its way."""
    log, town = tmp_path / "log.txt", tmp_path / "town"
    rng = random.Random(5)
    arguments = (town, streets, learned, log)
    with killable(kill_me, *arguments) as run_and_kill:
        for _ in range(kills):
            run_and_kill(rng.uniform(0.05, 1.5))
    kill_me(*map(str, arguments))
    assert content(town) == calm
    fetched = log.read_text("utf-8").split() if log.exists() else []
    assert len(set(fetched)) == 13
    assert len(fetched) <= 13 + kills * source.batch * 2
    assert len(pictures(town)) == 3


def test_without_pictures_nothing_is_fetched_again(
    tmp_path: Path, source: ScriptedSource, built: Build, calm: dict[str, Any]
) -> None:
    for _ in range(2):
        built(tmp_path / "town", order(source, keep=KeepImages.NONE))
        assert content(tmp_path / "town") == calm
        assert len(pictures(tmp_path / "town")) == 3
    assert set(source.fetched.values()) == {1}


def test_an_index_without_pictures_calibrates_itself_with_those_that_stay(
    tmp_path: Path, source: ScriptedSource, settings: Settings, learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_pictures, "RESERVE", 8)
    small = replace(settings, bands=(0, 30))
    calibrate = partial(self_calibrate, plan=replace(PLAIN, sources=4))
    found = {}
    for keep in (KeepImages.ALL, KeepImages.NONE):
        folder = tmp_path / keep
        folder.mkdir()
        shutil.copy(learned, folder)
        wanted = order(source, 13, keep=keep)
        found[keep] = build_from_source(folder, "Town", wanted, small, calibrate).calibration
    assert len(pictures(tmp_path / "none")) == 8
    trials = {keep: min(entry.trials for entry in known.values()) for keep, known in found.items()}
    assert trials[KeepImages.NONE] >= 0.8 * trials[KeepImages.ALL] > 0


def test_a_broken_shard_without_pictures_is_fetched_again(
    tmp_path: Path, source: ScriptedSource, built: Build, calm: dict[str, Any]
) -> None:
    town = tmp_path / "town"
    built(town, order(source, keep=KeepImages.NONE))
    shard_path(town, 4).write_bytes(b"broken")
    built(town, order(source, keep=KeepImages.NONE))
    assert content(town) == calm
    assert sorted(source.fetched.values()) == [1] * 11 + [2] * 2
    assert len(pictures(town)) == 3


def test_small_pictures_stay(
    tmp_path: Path,
    source: ScriptedSource,
    built: Build,
    calm: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept_pictures, "PHOTO_PX", 64)
    built(tmp_path / "town", order(source, keep=KeepImages.THUMBNAILS))
    assert content(tmp_path / "town") == calm
    kept = (tmp_path / "town/images/scripted").glob("*")
    sizes = {path.stem: path.stat().st_size for path in kept}
    whole = {number: source.pictures[number].stat().st_size for number in sizes}
    smaller = [number for number in sizes if sizes[number] < whole[number]]
    assert len(smaller) >= 9


@pytest.mark.parametrize("refusal", HINTS.values(), ids=HINTS.keys())
def test_what_was_fetched_before_a_refusal_can_be_searched(
    tmp_path: Path, source: ScriptedSource, built: Build, refusal: GeofloodError, calm: dict[str, Any]
) -> None:
    town, wanted = tmp_path / "town", order(source)
    with harvested(town, wanted) as harvest:
        chosen = [image.id for image in harvest.census.images(harvest.rows.tolist())]
    source.failing[chosen[9]] = refusal
    with pytest.raises(type(refusal)) as caught:
        built(town, wanted)
    assert caught.value.exit_code == refusal.exit_code
    assert "the index of 9 images can be searched meanwhile" in caught.value.hint
    assert caught.value.hint.endswith(refusal.hint.split("; ")[-1])
    assert len({one.image_key for one in Database(town).references(range(len(Database(town))))}) == 9
    source.failing.clear()
    assert built(town, wanted).images == 13
    assert set(source.fetched.values()) == {1}


def test_a_refusal_before_the_first_picture_is_the_error(
    tmp_path: Path, source: ScriptedSource, built: Build
) -> None:
    source.failing = dict.fromkeys(source.known, BlockedError("blocked", "tomorrow"))
    with pytest.raises(BlockedError, match="blocked"):
        built(tmp_path / "town", order(source))
    source.failing = {}
    assert built(tmp_path / "town", order(source)).images == 13
    assert set(source.asked.values()) == {1}, "the census was kept"


def test_withdrawn_pictures_are_counted(tmp_path: Path, source: ScriptedSource, built: Build) -> None:
    wanted = order(source, None)
    with harvested(tmp_path / "town", wanted):
        pass
    source.withdrawn |= {"0003", "0004"}
    manifest = built(tmp_path / "town", wanted)
    assert manifest.images == len(source.known) - 2
    assert dict(manifest.rejected) == {"withdrawn": 2}


def test_the_first_pictures_of_a_choice_are_spread(tmp_path: Path, source: ScriptedSource) -> None:
    with harvested(tmp_path / "town", order(source, 4)) as harvest:
        few = harvest.there.at(harvest.chosen)
        assert len(few) == 4
        assert few.lats.max() - few.lats.min() > 0.5 * (harvest.there.lats.max() - harvest.there.lats.min())


def test_only_what_is_new_enough(tmp_path: Path, source: ScriptedSource) -> None:
    dated = {
        number: replace(image, geotag=replace(image.geotag, taken_at=datetime(2015, 1, 1)))
        for number, image in source.known.items()
    }
    for number, when in (("0012", datetime(2025, 1, 1)), ("0013", None)):
        dated[number] = replace(dated[number], geotag=replace(dated[number].geotag, taken_at=when))
    source.known = dated
    with harvested(tmp_path / "town", order(source, None, since=datetime(2020, 1, 1))) as harvest:
        assert [image.id for image in harvest.census.images(harvest.rows.tolist())] == ["0012"]


def test_a_country_is_refused_with_what_it_would_cost(tmp_path: Path, source: ScriptedSource) -> None:
    germany = Area.of_box(47.3, 5.9, 55.0, 15.0, "Germany")
    wanted = order(source, area=germany)
    cost = r"Germany is no city but 5\d\d,\d{3} km².* tiles, [\d,]+ hours"
    with pytest.raises(InputError, match=cost) as caught, harvested(tmp_path / "de", wanted):
        pass
    assert "--center" in caught.value.hint
    assert not source.asked
    assert not (tmp_path / "de").exists()


def test_an_area_without_images_names_other_sources(
    tmp_path: Path, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOFLOOD_OFFLINE", "1")  # nobody else can be asked
    sea = Area.of_box(53.9, 5.0, 53.91, 5.02, "the sea")
    told = "scripted has no images of the sea"
    with (
        pytest.raises(InputError, match=told) as caught,
        harvested(tmp_path / "sea", order(source, area=sea)),
    ):
        pass
    assert "panoramax" in caught.value.hint
    assert not (tmp_path / "sea").exists(), "no stub is left"


def test_a_source_that_is_down_leaves_no_stub(tmp_path: Path, source: ScriptedSource) -> None:
    source.down = NetworkError("down", "again")
    with pytest.raises(NetworkError), harvested(tmp_path / "town", order(source)):
        pass
    assert not (tmp_path / "town").exists()


def test_what_was_told_before_it_went_down_is_kept(tmp_path: Path, source: ScriptedSource) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        source.down = NetworkError("down", "again") if done == total - 1 else None

    with pytest.raises(NetworkError), harvested(tmp_path / "town", order(source), stop):
        pass
    assert (tmp_path / "town" / NAME).is_file()
    source.down = None
    with harvested(tmp_path / "town", order(source)) as harvest:
        assert len(harvest.there) == len(source.known)
    assert sum(source.asked.values()) == len(source.asked) + 1


def test_nobody_elses_files_are_removed(tmp_path: Path, source: ScriptedSource) -> None:
    (tmp_path / "town").mkdir()
    source.down = NetworkError("down", "again")
    with pytest.raises(NetworkError), harvested(tmp_path / "town", order(source)):
        pass
    assert (tmp_path / "town").is_dir()


def test_two_servers_are_not_mixed(tmp_path: Path, source: ScriptedSource) -> None:
    with harvested(tmp_path / "town", order(source)):
        pass
    with (
        pytest.raises(UsageError, match="begun with scripted"),
        harvested(tmp_path / "town", order(source, server="https://other.example")),
    ):
        pass


def test_a_folder_and_a_source_are_one_index(
    tmp_path: Path, source: ScriptedSource, built: Build, streets: Path, settings: Settings
) -> None:
    own = [one for one in images([streets]) if isinstance(one, StreetImage | Rejected)][:5]
    built(tmp_path / "town", order(source, 6))
    manifest = build(tmp_path / "town", "Town", own, settings, uncalibrated)
    assert manifest.images == 11
    with closing(sqlite3.connect(tmp_path / "town" / LEDGER)) as db:
        rooms = {key.partition(":")[0] for (key,) in db.execute("SELECT key FROM images")}
    assert rooms == {"scripted", "folder"}


def test_the_files_of_a_source_are_known_to_those_who_remove_them() -> None:
    assert (index_files.CENSUS, index_files.PICTURES) == (NAME, FOLDER)
