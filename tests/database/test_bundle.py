"""An index on a stick: what comes out is what went in, whole or in part, and it goes on growing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geoflood
from geoflood.core.area import Area
from geoflood.core.datatypes import StreetImage
from geoflood.core.errors import IndexUnusableError, InputError, UsageError, WeightsError
from geoflood.database import bundle as bundle_module
from geoflood.database import disk_room
from geoflood.database import unbundle as unbundle_module
from geoflood.database.build import build
from geoflood.database.bundle import write_bundle
from geoflood.database.database import Database
from geoflood.database.manifest import Settings, read_manifest
from geoflood.database.plan import IndexPlan, locked_index
from geoflood.database.plan_changes import PlanChange
from geoflood.database.unbundle import unbundle
from geoflood.imagery.folder import images
from geoflood.localize.locator import Locator
from geoflood.synthetic.town import Truth
from tests.support.calibration import uncalibrated
from tests.support.contents import contents
from tests.support.kills import killable

Photos = list[tuple[Path, Truth]]


@pytest.fixture(scope="module")
def town(index_dir: Path) -> Path:
    """The town's index; not to be changed."""
    return index_dir / "town"


@pytest.fixture(scope="module")
def stick(town: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the whole town."""
    path = tmp_path_factory.mktemp("stick") / "town.zip"
    write_bundle(town, path)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where indexes are on the other machine."""
    return tmp_path / "elsewhere"


def header(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return dict(json.loads(archive.read("bundle.json")))


def lines(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        return [json.loads(line) for line in archive.read("images.jsonl").splitlines()]


def western(town: Path) -> Area:
    """The half of the town in the west."""
    lats, lons = Database(town).positions.T
    return Area.of_box(
        lats.min() - 0.001, lons.min() - 0.001, lats.max() + 0.001, float(np.median(lons)), "west"
    )


# -- whole --------------------------------------------------------------------------------------------------


def test_what_comes_out_is_what_went_in(town: Path, stick: Path, root: Path) -> None:
    came = unbundle(stick, root)
    assert came.folder == root / "town"
    assert (came.pictures, came.part_of, came.needs) == (0, None, "")
    assert contents(came.folder, locations=False) == contents(town, locations=False)
    for name in ("vectors.faiss", "learned.npz", "outsiders.npy", "patches.npz"):
        assert (came.folder / name).read_bytes() == (town / name).read_bytes()
    here, there = read_manifest(town), read_manifest(came.folder)
    assert replace(there, files={}, rejected=here.rejected) == replace(here, files={})
    assert sorted(path.name for path in root.iterdir()) == ["town"], "nothing else is left"
    assert not [path for path in came.folder.rglob("*") if path.name == "incoming"]


def test_photos_are_found_alike_without_any_picture(
    town: Path, stick: Path, root: Path, queries: Photos
) -> None:
    there = Locator(unbundle(stick, root).folder)
    here = Locator(town)
    for photo, _ in queries[:3]:
        answers = [one.locate(photo, waterline=0.3) for one in (here, there)]
        assert answers[0].estimate == answers[1].estimate
        assert answers[0].outcome is answers[1].outcome
        found = [
            [(c.reference.image_key, c.similarity, c.inliers) for c in one.candidates] for one in answers
        ]
        assert found[0] == found[1]


def test_nothing_of_the_machine_is_told(town: Path, stick: Path, root: Path, streets: Path) -> None:
    """Neither paths nor names of people; where the pictures lay is nobody's business."""
    data = stick.read_bytes()
    for secret in (str(streets), str(town), str(streets.parent.parent)):
        assert secret.encode() not in data
    folder = unbundle(stick, root).folder.absolute()
    references = Database(folder).references(range(5))
    assert {Path(one.location).parent for one in references} == {folder / "images" / "bundled"}
    assert not any(Path(one.location).exists() for one in references)


def test_the_form_is_what_the_documents_say(stick: Path, town: Path) -> None:
    told = header(stick)
    manifest = read_manifest(town)
    assert (told["format"], told["version"], told["city"]) == ("geoflood bundle", 1, "Town")
    assert (told["images"], told["views"]) == (manifest.images, manifest.references)
    assert {tuple(one) for one in told["credits"]} == set(manifest.credits)
    with zipfile.ZipFile(stick) as archive:
        for member in archive.infolist():
            assert member.compress_type == zipfile.ZIP_STORED
            if member.filename != "bundle.json":
                data = archive.read(member)
                assert told["members"][member.filename] == {
                    "bytes": len(data),
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
        assert set(archive.namelist()) - {"bundle.json"} == set(told["members"])
        with archive.open("views/descriptors.npy") as file:
            shape = np.load(file, allow_pickle=False).shape
    assert shape == (manifest.references, 5, 64)
    rows = lines(stick)
    assert len(rows) == manifest.images
    assert {row["projection"] for row in rows} == {"equirectangular", "unknown"}
    documents = (Path(__file__).parents[2] / "docs/reference/files.md").read_text("utf-8")
    section = documents.partition("## A bundle")[2].partition("\n## ")[0]
    for name in (*told["members"], *told, *rows[0], "picture", "part_of"):
        assert f"`{name}`" in section, name


def test_another_program_could_have_written_it(stick: Path, root: Path, town: Path, tmp_path: Path) -> None:
    """By what the document says, with json, numpy and zipfile; fields of its own are passed over."""
    with zipfile.ZipFile(stick) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    rows = [json.loads(line) | {"mood": "sunny"} for line in held["images.jsonl"].splitlines()]
    held["images.jsonl"] = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    told = json.loads(held.pop("bundle.json")) | {"by": "another program", "mood": [1, 2]}
    told["members"] = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in held.items()
    }
    del told["members"]["outsiders.npy"], held["outsiders.npy"]
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        for name, data in [("bundle.json", json.dumps(told).encode()), *reversed(held.items())]:
            archive.writestr(name, data)
    folder = unbundle(tmp_path / "other.zip", root, "another").folder
    assert contents(folder, locations=False) == contents(town, locations=False)
    assert Locator(folder).database.manifest.city == "another"


def test_an_index_without_ledger_shards_or_patches_is_bundled(town: Path, tmp_path: Path, root: Path) -> None:
    """One that was handed over by copying its files."""
    copied = Path(shutil.copytree(town, tmp_path / "copied"))
    for name in ("ledger.sqlite", "patches.npz"):
        (copied / name).unlink()
    for name in ("shards", "patches"):
        shutil.rmtree(copied / name)
    manifest = json.loads((copied / "manifest.json").read_text())
    del manifest["files"]["patches.npz"]
    (copied / "manifest.json").write_text(json.dumps(manifest))
    made = write_bundle(copied, tmp_path / "c.zip")
    assert made.without_patches == made.views
    folder = unbundle(tmp_path / "c.zip", root).folder
    bare = {key: replace(one, patches=None) for key, one in contents(town, locations=False).items()}
    assert contents(folder, locations=False) == bare
    rows = lines(tmp_path / "c.zip")
    assert {row["origin"] for row in rows} == {"bundle"}
    assert {row["projection"] for row in rows} == {"equirectangular", "unknown"}


def test_patches_that_broke_are_counted_and_left_out(town: Path, tmp_path: Path, root: Path) -> None:
    harmed = Path(shutil.copytree(town, tmp_path / "harmed"))
    (harmed / "patches" / "000000.npy").write_bytes(b"broken")
    made = write_bundle(harmed, tmp_path / "h.zip")
    assert 0 < made.without_patches <= made.views
    before, after = (
        contents(harmed, locations=False),
        contents(unbundle(tmp_path / "h.zip", root).folder, False),
    )
    assert after == before


# -- a part -------------------------------------------------------------------------------------------------


def test_a_part_is_an_index_of_its_own(town: Path, tmp_path: Path, root: Path) -> None:
    area, whole = western(town), read_manifest(town)
    made = write_bundle(town, tmp_path / "west.zip", area=area)
    assert 0 < made.images < whole.images
    came = unbundle(tmp_path / "west.zip", root)
    inside = {
        key: one
        for key, one in contents(town, locations=False).items()
        if area.holds([one.reference.position.lat], [one.reference.position.lon])[0]
    }
    assert contents(came.folder, locations=False) == inside
    assert (made.images, made.views) == (came.manifest.images, came.manifest.references)
    assert sum(count for _, _, count in came.manifest.credits) == made.images
    assert came.part_of is not None
    assert (came.part_of.images, came.part_of.views) == (whole.images, whole.references)
    database = Database(came.folder)
    assert [one.id for one in database.references(range(len(database)))] == list(range(made.views))


def test_a_part_says_what_its_calibration_is(town: Path, tmp_path: Path, root: Path) -> None:
    """The numbers of the whole, until they are learned anew with pictures."""
    write_bundle(town, tmp_path / "west.zip", area=western(town))
    part = unbundle(tmp_path / "west.zip", root).manifest.calibration
    whole = read_manifest(town).calibration
    assert part == {key: replace(entry, inherited=True) for key, entry in whole.items()}
    assert read_manifest(root / "town").calibration == part
    again = tmp_path / "again.zip"
    write_bundle(root / "town", again)
    assert unbundle(again, root, "again").manifest.calibration == part, "it stays so from hand to hand"


def test_an_area_without_images_is_one_line(town: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing of .*town lies in the sea"):
        write_bundle(town, tmp_path / "sea.zip", area=Area.of_box(0, 0, 1, 1, "the sea"))
    assert list(tmp_path.iterdir()) == []


# -- pictures -----------------------------------------------------------------------------------------------


def test_pictures_come_along_if_asked(town: Path, tmp_path: Path, root: Path) -> None:
    made = write_bundle(town, tmp_path / "p.zip", with_pictures=True)
    assert (made.pictures, made.pictures_gone) == (made.images, 0)
    came = unbundle(tmp_path / "p.zip", root)
    assert came.pictures == made.images
    mine, theirs = Database(town), Database(came.folder)
    for one, other in zip(mine.references(range(20)), theirs.references(range(20)), strict=True):
        assert Path(one.location).read_bytes() == Path(other.location).read_bytes()
        assert Path(other.location).is_relative_to(came.folder.absolute() / "images")
    here, there = (len(list(folder.rglob("*.jpg"))) for folder in (came.folder / "images", came.folder))
    assert here == there == made.images


def test_fetched_pictures_keep_their_names_and_others_are_counted(
    streets: Path, settings: Settings, tmp_path: Path, root: Path
) -> None:
    """What a source gave is found again by its id, so an update fetches nothing twice."""
    found = [one for one in images([streets]) if isinstance(one, StreetImage)][-5:]
    fetched = tmp_path / "town" / "images" / "mapillary"
    fetched.mkdir(parents=True)
    shutil.copy(found[0].location, fetched / "77.jpg")
    shutil.copy(found[1].location, tmp_path / "CON.JPEG")
    (tmp_path / "CON.JPEG").rename(tmp_path / "CON.jfif")
    listed = [
        replace(found[0], key="mapillary:77", location=str(fetched / "77.jpg")),
        replace(found[1], location=str(tmp_path / "CON.jfif")),
        *found[2:4],
    ]
    gone = tmp_path / "gone.jpg"
    shutil.copy(found[4].location, gone)
    build(tmp_path / "town", "Town", [*listed, replace(found[4], location=str(gone))], settings, uncalibrated)
    gone.unlink()
    made = write_bundle(tmp_path / "town", tmp_path / "t.zip", with_pictures=True)
    assert (made.pictures, made.pictures_gone) == (4, 1)
    folder = unbundle(tmp_path / "t.zip", root).folder
    names = sorted(path.relative_to(folder / "images").as_posix() for path in folder.rglob("*.jpg"))
    assert names == ["bundled/000001.jpg", "bundled/000002.jpg", "bundled/000003.jpg", "mapillary/77.jpg"]
    assert geoflood.info(folder).images == 5


# -- it goes on ---------------------------------------------------------------------------------------------


def test_it_grows_and_is_followed_where_it_came_to(
    streets: Path, settings: Settings, tmp_path: Path, root: Path
) -> None:
    """As if it had been built there: the words are the same, and so is what is described with them."""
    found = [one for one in images([streets]) if isinstance(one, StreetImage)]
    first, all_of_it = found[:-3], found[3:]
    build(tmp_path / "town", "Town", first, settings, uncalibrated)
    write_bundle(tmp_path / "town", tmp_path / "t.zip")
    folder = unbundle(tmp_path / "t.zip", root).folder
    for one in (tmp_path / "town", folder):
        told: list[PlanChange] = []
        build(one, "Town", all_of_it, settings, uncalibrated, update=True, changed=told.append)
        assert told == [PlanChange(new=3, withdrawn=3)]
    assert contents(folder, locations=False) == contents(tmp_path / "town", locations=False)
    index_plan = IndexPlan(folder)
    planned = {one.key: one for _, group in index_plan.shards() for _, one in group}
    index_plan.close()
    assert planned == {one.key: one for one in all_of_it}, (
        "positions, headings, credits are all that was known"
    )


# -- what is there already ----------------------------------------------------------------------------------


def test_nothing_is_written_over(town: Path, stick: Path, root: Path, tmp_path: Path) -> None:
    unbundle(stick, root)
    before = contents(root / "town")
    with pytest.raises(UsageError, match="is there already") as caught:
        unbundle(stick, root)
    assert "--replace" in caught.value.hint
    assert contents(root / "town") == before
    assert unbundle(stick, root, "Other Town").folder == root / "other-town"
    with pytest.raises(UsageError, match="is there already"):
        write_bundle(town, stick)
    shutil.copy(stick, tmp_path / "copy.zip")
    write_bundle(town, tmp_path / "copy.zip", replace_file=True)


def test_replacing_is_whole(town: Path, stick: Path, root: Path, tmp_path: Path) -> None:
    write_bundle(town, tmp_path / "west.zip", area=western(town))
    unbundle(tmp_path / "west.zip", root)
    part = contents(root / "town")
    (root / "town" / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match=r"did not write: notes\.txt"):
        unbundle(stick, root, replace_index=True)
    assert contents(root / "town") == part
    (root / "town" / "notes.txt").unlink()
    with locked_index(root / "town"), pytest.raises(IndexUnusableError, match="another geoflood"):
        unbundle(stick, root, replace_index=True)
    assert contents(root / "town") == part
    unbundle(stick, root, replace_index=True)
    assert contents(root / "town", locations=False) == contents(town, locations=False)
    assert [path.name for path in root.iterdir()] == ["town"]


def test_a_folder_of_the_users_is_not_taken(stick: Path, root: Path, tmp_path: Path) -> None:
    (root / "town").mkdir(parents=True)
    assert unbundle(stick, root).folder.is_dir(), "an empty one is"
    (root / "mine").mkdir()
    (root / "mine" / "a.txt").touch()
    with pytest.raises(UsageError, match=r"did not write: a\.txt"):
        unbundle(stick, root, "mine")
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="is a link"):
        unbundle(stick, root, "link", replace_index=True)
    (root / "file").touch()
    with pytest.raises(UsageError, match="is no folder"):
        unbundle(stick, root, "file")


def test_two_at_a_time_are_told(stick: Path, root: Path) -> None:
    with locked_index(root / ".town.unbundle"), pytest.raises(IndexUnusableError, match="another geoflood"):
        unbundle(stick, root)
    assert unbundle(stick, root).folder.is_dir()


# -- disks --------------------------------------------------------------------------------------------------


def test_room_is_asked_for_first(
    town: Path, stick: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    free = disk_room.SPARE + stick.stat().st_size // 2
    monkeypatch.setattr(disk_room.shutil, "disk_usage", lambda path: usage._replace(free=free))
    with pytest.raises(InputError, match=r"needs 0\.\d GB") as caught:
        write_bundle(town, tmp_path / "t.zip")
    assert "--bounds" in caught.value.hint
    with pytest.raises(InputError, match=r"needs 0\.\d GB"):
        unbundle(stick, root)
    assert list(tmp_path.rglob("*")) == [root], "nothing was begun"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_a_disk_that_fills_up_is_one_line(
    town: Path, stick: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Some sticks take no file of more than 4 GB."""

    def full(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(bundle_module._Members, "add", full)
        with pytest.raises(InputError, match=os.strerror(code)):
            write_bundle(town, tmp_path / "t.zip")
    with monkeypatch.context() as patch:
        patch.setattr(unbundle_module, "write_shard", full)
        with pytest.raises(InputError, match=os.strerror(code)):
            unbundle(stick, root)
    assert [path for path in tmp_path.rglob("*") if path != root] == []


def test_an_index_that_changes_meanwhile_is_not_bundled(
    town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(town, tmp_path / "town"))
    original = bundle_module._Members.add_array

    def changing(self: Any, name: str, *rest: Any) -> None:
        original(self, name, *rest)
        (copy / "manifest.json").unlink(missing_ok=True)

    monkeypatch.setattr(bundle_module._Members, "add_array", changing)
    with pytest.raises(IndexUnusableError, match="changed while it was bundled"):
        write_bundle(copy, tmp_path / "t.zip")
    assert not (tmp_path / "t.zip").exists()


def test_a_damaged_index_is_not_bundled(town: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(town, tmp_path / "town"))
    (copy / "vectors.faiss").write_bytes(b"broken")
    with pytest.raises(IndexUnusableError, match=r"vectors\.faiss is damaged"):
        write_bundle(copy, tmp_path / "t.zip")


# -- killed -------------------------------------------------------------------------------------------------


def keep_unbundling(stick: str, root: str) -> None:
    """What a killed process was doing."""
    while True:
        unbundle(Path(stick), Path(root), replace_index=True)


@pytest.mark.parametrize("rounds", [2, pytest.param(15, marks=pytest.mark.long)])
def test_killed_at_random_there_is_one_index_or_the_other(
    town: Path, stick: Path, root: Path, tmp_path: Path, rounds: int
) -> None:
    write_bundle(town, tmp_path / "west.zip", area=western(town))
    unbundle(tmp_path / "west.zip", root)
    whole, part = contents(town, locations=False), contents(root / "town", locations=False)
    with killable(keep_unbundling, stick, root) as run_and_kill:
        for turn in range(rounds):
            run_and_kill(0.3 + turn * 0.37 % 2)
            assert contents(root / "town", locations=False) in (whole, part)
            assert geoflood.cities(root) == ["town"], "what is half done is no city"
    unbundle(stick, root, replace_index=True)
    assert contents(root / "town", locations=False) == whole
    assert [path.name for path in root.iterdir()] == ["town"], "what kills left is cleared away"


@pytest.mark.parametrize("afterwards", [False, True])
def test_killed_between_two_names_nothing_is_lost(
    town: Path, stick: Path, root: Path, monkeypatch: pytest.MonkeyPatch, afterwards: bool
) -> None:
    """The old index has given up its name, the new one has it not yet, or just now."""
    unbundle(stick, root)
    before = contents(root / "town")
    original: Callable[..., Any] = Path.rename

    class Killed(BaseException):
        pass

    def dying(self: Path, target: Path) -> Any:
        if self.name == ".town.unbundle":
            if afterwards:
                original(self, target)
            raise Killed
        return original(self, target)

    monkeypatch.setattr(Path, "rename", dying)
    monkeypatch.setattr(unbundle_module, "give_up", lambda staging: None)  # a kill gives nobody a turn
    with pytest.raises(Killed):
        unbundle(stick, root, replace_index=True)
    monkeypatch.undo()
    with pytest.raises(UsageError, match="is there already"):
        unbundle(stick, root)
    assert contents(root / "town") == before
    assert geoflood.cities(root) == ["town"]


# -- other machines -----------------------------------------------------------------------------------------


def test_what_the_other_machine_lacks_is_told(
    stick: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(unbundle_module, "version_of", lambda name: "3")
        with pytest.raises(IndexUnusableError, match="rootsift 2, this geoflood has 3"):
            unbundle(stick, root)
        assert not root.exists()

    def missing(name: str) -> str:
        raise WeightsError("the weights of megaloc are not here", "geoflood models fetch megaloc")

    monkeypatch.setattr(unbundle_module, "version_of", missing)
    assert "models fetch" in unbundle(stick, root).needs


def test_no_such_bundle(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        unbundle(tmp_path / "gone.zip", root)
    with pytest.raises(InputError, match="no such file"):
        unbundle(tmp_path, root)
