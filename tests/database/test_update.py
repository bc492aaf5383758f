"""An index follows what its source lists: gone, corrected, new; and nothing else is touched."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import geoflood
from geoflood.core.datatypes import Geotag, LatLon, Projection, Rejected, StreetImage
from geoflood.core.errors import CityError, InputError, UsageError
from geoflood.database import describe_shards, plan
from geoflood.database.build import build
from geoflood.database.calibration import Calibration, CalibrationEntry, CalibrationKey, Weakness
from geoflood.database.database import Database
from geoflood.database.index_files import is_finished
from geoflood.database.manifest import Manifest, Settings, read_manifest, write_manifest
from geoflood.database.plan import IndexPlan
from geoflood.database.plan_changes import PlanChange
from geoflood.imagery.folder import images, lists
from geoflood.localize.calibration.prior import PRIOR
from tests.support.calibration import uncalibrated
from tests.support.contents import contents

Found = list[StreetImage | Rejected]


def image(name: str, lat: float = 52.0, source: str = "mapillary", **tag: Any) -> StreetImage:
    geotag = replace(Geotag(LatLon(lat, 0.1), source, 90.0, 4.5, datetime(2020, 1, 1)), **tag)
    return StreetImage(f"{source}:{name}", f"/x/{name}.jpg", geotag, Projection.PERSPECTIVE, "CC0-1.0", "me")


@pytest.fixture
def index_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexPlan]:
    monkeypatch.setattr(plan, "SHARD_IMAGES", 2)
    made = IndexPlan(tmp_path)
    yield made
    made.close()


def rows(of: IndexPlan) -> dict[str, tuple[int, int, StreetImage]]:
    """Key -> number, shard and image."""
    return {one.key: (number, shard, one) for shard, group in of.shards() for number, one in group}


def listed(of: IndexPlan) -> list[StreetImage]:
    return [one for _, group in of.shards() for _, one in group]


# -- the plan -----------------------------------------------------------------------------------------------


def test_gone_corrected_new_and_untouched(index_plan: IndexPlan) -> None:
    index_plan.add([image(name) for name in "abcde"])
    before = rows(index_plan)
    moved, turned = image("b", 52.5), image("c", heading_deg=270.0)
    change = index_plan.update([image("a"), moved, turned, image("e"), image("f"), image("g")])
    assert change == PlanChange(new=2, corrected=2, withdrawn=1)
    after = rows(index_plan)
    assert set(after) == {f"mapillary:{name}" for name in "abcefg"}
    for key in set(before) & set(after):
        assert after[key][:2] == before[key][:2], "it keeps its number and its shard, so its descriptors"
    assert [after[f"mapillary:{name}"][2] for name in "bc"] == [moved, turned]
    assert index_plan.update(listed(index_plan)) == PlanChange(), "again, nothing is new"
    assert rows(index_plan) == after


def test_what_is_said_of_an_image_is_corrected_without_a_word(index_plan: IndexPlan) -> None:
    index_plan.add([image("a")])
    said = replace(
        image("a", accuracy_m=1.0, taken_at=None), credit="you", licence="CC-BY-4.0", link="https://x"
    )
    assert index_plan.update([replace(said, location="/y/a.jpg")]) == PlanChange()
    assert rows(index_plan) == {"mapillary:a": (0, 0, replace(said, location="/y/a.jpg"))}


@pytest.mark.parametrize(
    "now",
    [
        replace(image("a"), projection=Projection.EQUIRECTANGULAR),
        image("a", heading_deg=None),
        replace(image("a", 53.0), projection=Projection.UNKNOWN),
    ],
    ids=["a panorama", "direction lost", "moved as well"],
)
def test_what_is_cut_otherwise_is_described_again(index_plan: IndexPlan, now: StreetImage) -> None:
    """A direction that is told no longer may stand in the file."""
    index_plan.add([image("a"), image("b")])
    assert index_plan.update([now, image("b")]) == PlanChange(corrected=1)
    assert rows(index_plan)["mapillary:a"] == (2, 1, now)
    assert index_plan.update([now, image("b")]) == PlanChange()


def test_numbers_are_never_given_twice(index_plan: IndexPlan) -> None:
    """The file of a shard may outlive its images, and would be taken for that of others."""
    index_plan.add([image(name) for name in "abcd"])
    index_plan.update([image("a")])
    index_plan.update([image("a"), image("e")])
    assert rows(index_plan)["mapillary:e"][:2] == (4, 2)
    index_plan.update([image("a")])
    index_plan.add([image("f")])
    assert rows(index_plan)["mapillary:f"][:2] == (5, 3)
    assert [one.key for one in index_plan.sample(9)] == ["mapillary:a", "mapillary:f"]


def test_a_list_speaks_for_its_own_source(index_plan: IndexPlan) -> None:
    others = [image("a", source="panoramax"), image("roads/1.jpg", source="folder")]
    index_plan.add([image("a"), image("b"), *others, image("streets/1.jpg", source="folder")])
    assert index_plan.update([image("a")]).withdrawn == 1
    assert [one.key for one in listed(index_plan)][1:] == [one.key for one in others] + [
        "folder:streets/1.jpg"
    ]
    assert index_plan.update([image("streets/2.jpg", source="folder")]) == PlanChange(new=1, withdrawn=1)
    assert {one.key for one in listed(index_plan)} >= {one.key for one in others}


def test_a_list_of_a_part_speaks_for_that_part(index_plan: IndexPlan) -> None:
    index_plan.add([image("a", 52), image("b", 52), image("c", 60)])
    change = index_plan.update([image("a", 52)], lambda one: one.geotag.position.lat < 55)
    assert change == PlanChange(withdrawn=1)
    assert set(rows(index_plan)) == {"mapillary:a", "mapillary:c"}


@pytest.mark.parametrize("offered", [[], [Rejected("/x/a.jpg", "no position")]], ids=["nothing", "unusable"])
def test_a_list_of_nothing_changes_nothing(index_plan: IndexPlan, offered: Found) -> None:
    """Rather than all images being gone, a disk is not there."""
    index_plan.add([image("a"), Rejected("/y", "truncated")])
    before = rows(index_plan)
    with pytest.raises(InputError, match="no image can be used"):
        index_plan.update(offered, lambda one: True)
    assert rows(index_plan) == before
    assert index_plan.rejected() == {"truncated": 1}


def test_a_list_that_breaks_off_changes_nothing(index_plan: IndexPlan) -> None:
    index_plan.add([image(name) for name in "abc"])
    before = rows(index_plan)

    def breaking() -> Iterator[StreetImage]:
        yield image("b", 53)
        yield image("d")
        raise OSError("the network is gone")

    with pytest.raises(OSError, match="network is gone"):
        index_plan.update(breaking())
    assert rows(index_plan) == before
    index_plan.update([image("e")])
    assert rows(index_plan)["mapillary:e"][:2] == (3, 2), "no number is lost either"


def test_a_folder_that_cannot_be_read_keeps_its_images(index_plan: IndexPlan) -> None:
    inside = replace(image("town/shut/1.jpg", source="folder"), location="/x/town/shut/1.jpg")
    index_plan.add([image("town/1.jpg", source="folder"), inside, image("town/2.jpg", source="folder")])
    closed = Rejected("/x/town/shut", "no permission")
    assert index_plan.update([image("town/1.jpg", source="folder"), closed]) == PlanChange(withdrawn=1)
    assert set(rows(index_plan)) == {"folder:town/1.jpg", "folder:town/shut/1.jpg"}


def test_a_source_never_has_an_image_twice(index_plan: IndexPlan) -> None:
    """Also without an update: the keys of a source are its own."""
    index_plan.add([image("a")])
    assert index_plan.add([image("a", 53)]) == 0
    assert rows(index_plan) == {"mapillary:a": (0, 0, image("a", 53))}


def at(path: Path, lat: float) -> StreetImage:
    """A file of a folder that is called streets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return replace(image(f"streets/{path.name}", lat, source="folder"), location=str(path))


def test_folders_of_one_name_are_kept_apart(index_plan: IndexPlan, tmp_path: Path) -> None:
    first, second = tmp_path / "a/streets", tmp_path / "b/streets"
    index_plan.add([at(first / "1.jpg", 52), at(first / "2.jpg", 52)])
    index_plan.add([at(second / "1.jpg", 60), at(second / "2.jpg", 60)])
    before = rows(index_plan)
    speaks = lists([second])
    assert index_plan.update([at(second / "1.jpg", 60), at(second / "2.jpg", 60)], speaks) == PlanChange()
    assert rows(index_plan) == before
    (second / "2.jpg").unlink()
    assert index_plan.update([at(second / "1.jpg", 60)], speaks) == PlanChange(withdrawn=1)
    assert set(rows(index_plan)) == set(before) - {"folder:streets/2.jpg@60.000000,0.100000"}


def test_a_corrected_file_moves_wherever_its_folder_went(index_plan: IndexPlan, tmp_path: Path) -> None:
    old, new = tmp_path / "a/streets", tmp_path / "b/streets"
    index_plan.add([at(old / "1.jpg", 52), at(old / "2.jpg", 52)])
    assert index_plan.update([at(old / "1.jpg", 53), at(old / "2.jpg", 52)], lists([old])).corrected == 1
    new.parent.mkdir()
    old.rename(new)
    (new / "2.jpg").unlink()
    change = index_plan.update([at(new / "1.jpg", 54)], lists([new]))
    assert change == PlanChange(corrected=1, withdrawn=1)
    assert rows(index_plan) == {"folder:streets/1.jpg": (0, 0, at(new / "1.jpg", 54))}


def test_what_came_twice_before_is_one_again(index_plan: IndexPlan, tmp_path: Path) -> None:
    """A position that was corrected between two runs without an update."""
    streets = tmp_path / "streets"
    index_plan.add([at(streets / "1.jpg", 52)])
    index_plan.add([at(streets / "1.jpg", 53)])
    assert len(index_plan) == 2
    assert index_plan.update([at(streets / "1.jpg", 53)], lists([streets])) == PlanChange(withdrawn=1)
    assert rows(index_plan) == {"folder:streets/1.jpg": (1, 1, at(streets / "1.jpg", 53))}


named_images = st.builds(
    lambda name, lat, heading, credit: replace(image(name, lat, heading_deg=heading), credit=credit),
    st.sampled_from("abcdefgh"),
    st.sampled_from([52.0, 52.5, 53.0]),
    st.sampled_from([None, 0.0, 90.0]),
    st.sampled_from(["me", "you"]),
)
one_list = st.lists(named_images, min_size=1, unique_by=lambda one: one.key)


@given(st.lists(one_list, min_size=1, max_size=6))
def test_whatever_came_before_a_plan_is_what_is_listed(
    tmp_path_factory: pytest.TempPathFactory, offered: list[list[StreetImage]]
) -> None:
    index_plan, described = IndexPlan(tmp_path_factory.mktemp("plan")), dict[int, StreetImage]()
    try:
        for now in offered:
            index_plan.update(now, lambda one: True)
            assert {one.key: one for one in listed(index_plan)} == {one.key: one for one in now}
            assert len(index_plan) == len(now)
            for number, _, one in rows(index_plan).values():
                first = described.setdefault(number, one)
                assert first.key == one.key, "a number is one image's for ever"
                assert first.geotag.heading_deg is None or one.geotag.heading_deg is not None
    finally:
        index_plan.close()


def test_what_a_folder_lists(tmp_path: Path) -> None:
    town = tmp_path / "town"
    table = tmp_path / "tables" / "tags.csv"
    town.mkdir()
    table.parent.mkdir()
    table.write_text("image,lat,lon\n", "utf-8")
    (tmp_path / "there.jpg").touch()

    def known(key: str, location: object) -> StreetImage:
        return StreetImage(key, str(location), Geotag(LatLon(1, 2), "test"))

    inside, renamed = (
        known("folder:town/1.jpg", town / "1.jpg"),
        known("folder:old/town/1.jpg", town / "1.jpg"),
    )
    moved = known("folder:town/1.jpg", "/gone/town/1.jpg")
    namesake = known("folder:town/1.jpg", tmp_path / "there.jpg")
    absolute, fetched = known("file:/x/1.jpg", "/x/1.jpg"), known("mapillary:1", town / "1.jpg")
    for speaks, tabled in ((lists([town]), False), (lists([town], table), True), (lists([table]), True)):
        assert speaks(absolute) is tabled, "a table that is named is the list of all absolute paths"
        assert not speaks(namesake)
        assert not speaks(fetched)
    assert all(map(lists([town]), (inside, renamed, moved)))


# -- the index ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos, and two panoramas with a table."""
    folder = tmp_path_factory.mktemp("many") / "streets"
    shutil.copytree(streets / "panoramas", folder / "panoramas")
    shutil.copy(streets / "panoramas.csv", folder)
    for path in sorted((streets / "streets").glob("*.jpg"))[:8]:
        shutil.copy(path, folder)
    return folder


def shrink_shards(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plan, "SHARD_IMAGES", 2)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink_shards(monkeypatch)


@pytest.fixture(scope="module")
def built(many: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of these, without the last two photos. Not to be changed: copy it."""
    folder = tmp_path_factory.mktemp("built") / "town"
    with pytest.MonkeyPatch.context() as patch:
        shrink_shards(patch)
        found = [item for item in images([many]) if item.location not in map(str, newest(many))]
        build(folder, "Town", found, settings, uncalibrated)
    return folder


@pytest.fixture
def town(built: Path, tmp_path: Path, small_shards: None) -> Path:
    return Path(shutil.copytree(built, tmp_path / "index" / "town"))


def newest(streets: Path) -> list[Path]:
    return sorted(streets.glob("*.jpg"))[-2:]


def changed(many: Path) -> Found:
    """As the source lists it now: three photos are gone, two are new, a panorama and two photos corrected."""
    found = [item for item in images([many]) if isinstance(item, StreetImage)]
    photos = [one for one in found if one.projection is not Projection.EQUIRECTANGULAR]
    gone = {photos[0].key, photos[2].key, photos[3].key}  # of one shard all, of another half
    corrected: Found = []
    for one in found:
        tag = one.geotag
        if one in (photos[1], found[-1], *[pano for pano in found if pano not in photos][:1]):
            spot = LatLon(tag.position.lat + 0.0005, tag.position.lon)
            one = replace(one, geotag=replace(tag, position=spot, heading_deg=211.7), credit="corrected")
        corrected += [] if one.key in gone else [one]
    return corrected


def anew(folder: Path, like: Path, found: Found, settings: Settings) -> Path:
    """An index of these at one go, in the words that another one learned."""
    folder.mkdir(parents=True)
    shutil.copy(like / "learned.npz", folder)
    build(folder, "Town", found, settings, uncalibrated)
    return folder


def test_it_is_the_index_that_would_be_built_anew(
    town: Path, many: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = changed(many)
    before = {path: path.stat().st_mtime_ns for path in (town / "shards").iterdir()}
    described: list[list[str]] = []
    original = describe_shards.describe_shard

    def noting(folder: Path, number: int, group: list[tuple[int, StreetImage]], *rest: Any) -> None:
        described.append([one.key for _, one in group])
        original(folder, number, group, *rest)

    monkeypatch.setattr(describe_shards, "describe_shard", noting)
    told: list[PlanChange] = []
    manifest = build(town, "Town", found, settings, uncalibrated, update=True, changed=told.append)
    assert told == [PlanChange(new=2, corrected=3, withdrawn=3)]
    assert described == [[f"folder:streets/{path.name}" for path in newest(many)]], "only what is new"
    for path in (town / "shards").iterdir():
        assert before.get(path, path.stat().st_mtime_ns) == path.stat().st_mtime_ns, "no shard is rewritten"
    monkeypatch.undo()
    fresh = anew(tmp_path / "fresh" / "town", town, found, settings)
    assert contents(town) == contents(fresh)
    other = read_manifest(fresh)
    assert (manifest.images, manifest.references, manifest.credits) == (
        other.images, other.references, other.credits,
    )  # fmt: skip
    assert len({Path(path).name for path in (town / "shards").iterdir()} - {p.name for p in before}) == 1
    gone = set(before) - set((town / "shards").iterdir())
    assert len(gone) == 1, "the shard of which all is gone"
    assert not (town / "patches" / f"{gone.pop().stem}.npy").exists()


@pytest.mark.usefixtures("small_shards")
def test_pictures_that_were_fetched_go_with_their_images(
    town: Path, many: Path, settings: Settings, tmp_path: Path
) -> None:
    fetched, other = town / "images" / "mapillary", tmp_path / "other.jpg"
    fetched.mkdir(parents=True)
    photos = sorted(many.glob("*.jpg"))[:4]
    found = []
    for number, path in enumerate(photos):
        place = other if number == 3 else fetched / f"{number}.jpg"
        shutil.copy(path, place)
        found.append(replace(image(str(number), source="mapillary"), location=str(place)))
    build(town, "Town", found, settings, uncalibrated)
    (fetched / "mine.jpg").touch()
    build(town, "Town", found[:2], settings, uncalibrated, update=True)
    assert sorted(path.name for path in fetched.iterdir()) == ["0.jpg", "1.jpg", "mine.jpg"]
    assert other.exists(), "nothing outside the index is removed"
    assert len(Database(town)) == read_manifest(town).references


def test_withdrawn_images_that_were_unusable_are_not_counted(
    many: Path, settings: Settings, tmp_path: Path, small_shards: None
) -> None:
    streets = Path(shutil.copytree(many, tmp_path / "streets"))
    bad = streets / "0-bad.jpg"
    bad.write_bytes(b"no picture")
    (streets / "tags.csv").write_text(f"image,lat,lon\n{bad.name},52,0.1\n", "utf-8")
    tables = [streets / "tags.csv", streets / "panoramas.csv"]
    assert build(tmp_path / "t", "T", images(tables), settings, uncalibrated).rejected == {"not an image": 1}
    assert build(tmp_path / "t", "T", images(tables), settings, uncalibrated).rejected == {"not an image": 1}
    manifest = build(tmp_path / "t", "T", images(tables[1:]), settings, uncalibrated, update=True)
    assert manifest.rejected == {}


# -- calibration --------------------------------------------------------------------------------------------


def calibration(few: bool, trials: int) -> Calibration:
    weakness = Weakness.FEW_PLACES if few else None
    return {CalibrationKey(None): CalibrationEntry(PRIOR.params, trials, trials, weakness)}


def test_calibration_follows(town: Path, many: Path, settings: Settings) -> None:
    """It is asked for anew when anything changed, place or direction too, and kept when nothing did."""
    asked: list[Manifest | None] = []

    def calibrate(*given: Any) -> Calibration:
        asked.append(given[3])
        return calibration(few=False, trials=30)

    def update(found: Found) -> Manifest:
        return build(town, "Town", found, settings, calibrate, update=True)

    found = changed(many)
    first = update(found)
    second = update(found)
    spot = LatLon(50.0, 1.0)
    moved = [replace(one, geotag=replace(one.geotag, position=spot)) for one in found[:1]]  # type: ignore[union-attr, arg-type]
    update([*moved, *found[1:]])
    assert [one is None for one in asked] == [True, False, True]
    assert second == first


def test_an_index_without_pictures_keeps_what_was_known_of_more(
    town: Path, many: Path, settings: Settings
) -> None:
    def run(learned: Calibration, found: Found) -> Manifest:
        return build(town, "Town", found, settings, lambda *_: learned, update=True)

    known, nothing, key = calibration(False, 40), calibration(True, 3), CalibrationKey(None)
    found = changed(many)
    assert run(known, found).calibration == known
    taken_over = run(nothing, found[:-1]).calibration[key]
    assert (taken_over.inherited, taken_over.trials, taken_over.few) == (True, 40, False)
    assert read_manifest(town).calibration[key].inherited, "it is kept in the manifest"
    asked = run(nothing, found[:-1]).calibration[key]
    assert asked.inherited, "and as long as nothing better is learned"
    learned = run(calibration(False, 25), found[:-1]).calibration[key]
    assert (learned.inherited, learned.trials) == (False, 25)
    assert run(nothing, found).calibration[key].trials == 25


def test_nothing_is_taken_over_from_what_never_learned(town: Path, many: Path, settings: Settings) -> None:
    nothing = calibration(True, 3)
    found = changed(many)
    build(town, "Town", found, settings, lambda *_: nothing, update=True)
    manifest = build(town, "Town", found[:-1], settings, lambda *_: nothing, update=True)
    assert manifest.calibration == nothing


# -- killed -------------------------------------------------------------------------------------------------


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["geoflood.database.build", "pytest"])

Run = Callable[..., Any]


def calibrates(*given: Any) -> Calibration:
    """What is known outlives a kill, so that it can be kept where nothing changed."""
    return given[3].calibration if given[3] else calibration(few=True, trials=0)


def dies(original: Callable[..., Any], turn: int, afterwards: bool) -> Callable[..., Any]:
    """A function whose call number `turn` kills the process, before it does anything or once it has."""
    calls = count(1)

    def dying(*arguments: Any, **named: Any) -> Any:
        last = next(calls) == turn
        if last and not afterwards:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **named)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return dying


def child(folder: Path, found: Found, settings: Settings, moment: tuple[str, int, bool] | None) -> None:
    """Update, and perhaps die at a moment."""
    shrink_shards(pytest.MonkeyPatch())
    if moment:
        what, turn, afterwards = moment
        owners: dict[str, Any] = {"replace": Path, "unlink": Path, "calibrates": sys.modules[__name__]}
        owner = owners.get(what, IndexPlan)
        setattr(owner, what, dies(getattr(owner, what), turn, afterwards))
    build(folder, "Town", found, settings, calibrates, update=True, workers=2)


@pytest.fixture
def start(many: Path, settings: Settings, town: Path) -> Iterator[Run]:
    found = changed(many)
    running: list[Any] = []

    def run(moment: tuple[str, int, bool] | None = None) -> Any:
        process = FORKS.Process(target=child, args=(town, found, settings, moment))
        process.start()
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.join()
        process.close()


def moments(turns: Iterable[int]) -> list[tuple[str, int, bool]]:
    """(what, its call by number, afterwards) that kills; `turns` are of files that take their name."""
    return [
        *(("_renew", 4, False), ("_insert", 2, True), ("_withdraw", 1, False), ("_withdraw", 1, True)),
        *(("replace", turn, after) for turn in turns for after in (False, True)),
        *(("calibrates", 1, False), ("unlink", 1, True), ("unlink", 3, True), ("forget_withdrawn", 1, False)),
    ]


@pytest.mark.parametrize("turns", [(1, 3, 5), pytest.param(range(1, 8), marks=pytest.mark.long)])
def test_killed_at_the_worst_moments_it_ends_the_same(
    start: Run, town: Path, many: Path, settings: Settings, tmp_path: Path, turns: Iterable[int]
) -> None:
    """In the middle of planning, around every file that takes its name, and while what is gone is cleared."""
    manifest = read_manifest(town)
    write_manifest(town, replace(manifest, calibration=calibration(few=False, trials=40)))
    old = contents(town)
    new = contents(anew(tmp_path / "fresh" / "town", town, changed(many), settings))
    deaths = 0
    for moment in moments(turns):
        process = start(moment)
        process.join()
        assert process.exitcode in (-signal.SIGKILL, 0), moment
        deaths += process.exitcode != 0
        if is_finished(town):
            assert contents(town) in (old, new), "never half of each"
    assert deaths > len(moments(turns)) / 2, "a moment that never came tests nothing"
    process = start()
    process.join()
    assert process.exitcode == 0
    assert contents(town) == new
    assert read_manifest(town).calibration[CalibrationKey(None)].trials == 40, "what was known is not lost"
    left = {path.stem for part in ("shards", "patches") for path in (town / part).iterdir()}
    index_plan = IndexPlan(town)
    assert left == {f"{number:06d}" for number, _ in index_plan.shards()}
    index_plan.close()
    assert not list(town.rglob(".*.part"))
    assert not (town / "manifest.before.json").exists()


@pytest.mark.parametrize("rounds", [1, pytest.param(6, marks=pytest.mark.long)])
def test_killed_at_random_it_ends_the_same(
    start: Run, town: Path, built: Path, many: Path, settings: Settings, tmp_path: Path, rounds: int
) -> None:
    new = contents(anew(tmp_path / "fresh" / "town", town, changed(many), settings))
    luck = random.Random()
    for round_ in range(rounds):
        for _ in range(4):
            process = start()
            process.join(luck.uniform(0.02, 0.4) * (1 + round_ % 4))
            process.kill()
            process.join()
        process = start()
        process.join()
        assert process.exitcode == 0
        assert contents(town) == new
        shutil.rmtree(town)
        shutil.copytree(built, town)


# -- from outside -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_rehearsal")
def test_a_folder_is_followed(many: Path, tmp_path: Path) -> None:
    streets = Path(shutil.copytree(many, tmp_path / "streets"))

    def update(**options: Any) -> geoflood.IndexInfo:
        return geoflood.build_index("town", [streets], index_dir=tmp_path / "index", dimension=16, **options)

    with pytest.raises(CityError, match="no index"):
        update(update=True)
    assert not (tmp_path / "index").exists()
    assert update().change is None
    for path in sorted(streets.glob("*.jpg"))[:3]:
        path.unlink()
    shutil.copy(newest(streets)[0], streets / "new.jpg")
    info = update(update=True)
    assert info.change == PlanChange(new=1, withdrawn=3)
    held = contents(tmp_path / "index" / "town")
    locations = {one.reference.location for one in held.values()}
    assert locations == {str(path) for path in streets.rglob("*.jpg")}
    with pytest.raises(UsageError, match="not both"):
        update(update=True, rebuild=True)
    shutil.rmtree(streets)
    streets.mkdir()
    with pytest.raises(InputError, match="no image can be used"):
        update(update=True)
    assert contents(tmp_path / "index" / "town") == held
