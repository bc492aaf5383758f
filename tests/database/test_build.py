"""An index from start to end: whole, the same however often it was interrupted, honest about bad images."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.datatypes import Geotag, LatLon, Rejected, StreetImage
from geoflood.core.errors import CityError, IndexUnusableError, InputError
from geoflood.core.geo import distance_m
from geoflood.database import describe_shards, learn_city, plan
from geoflood.database.build import build
from geoflood.database.database import Database
from geoflood.database.file_checks import verify
from geoflood.database.manifest import Settings, read_manifest, write_manifest
from geoflood.database.patch_store import PatchStore
from geoflood.database.plan import IndexPlan, locked_index
from geoflood.database.shards import read_shard, shard_path
from geoflood.imagery.folder import images
from geoflood.synthetic.town import Town
from geoflood.synthetic.town.folders import panorama_shots
from geoflood.synthetic.town.shots import latlon
from tests.support.calibration import uncalibrated

Found = list[StreetImage | Rejected]

FORKS = multiprocessing.get_context("forkserver")
"""Children that can be killed: forked from a process that has loaded everything and started no thread."""
FORKS.set_forkserver_preload(["geoflood.database.build", "pytest"])

PER_SHARD = 2


def whole(folder: Path) -> dict[str, bytes]:
    """Every byte that counts: the manifest, what it names, and patches; the manifest must be right."""
    manifest = read_manifest(folder)
    verify(folder, manifest)
    patches = [f"patches/{path.name}" for path in sorted((folder / "patches").iterdir())]
    return {name: (folder / name).read_bytes() for name in ("manifest.json", *manifest.files, *patches)}


def patch_rows(folder: Path) -> list[np.ndarray]:
    """The patches of every reference; all have some."""
    store = PatchStore(folder)
    found = [store(reference) for reference in range(len(Database(folder)))]
    assert all(one is not None and len(one.rows) for one in found)
    return [one.rows for one in found if one is not None]


@pytest.fixture(scope="module")
def few(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight photos."""
    folder = tmp_path_factory.mktemp("few") / "streets"
    folder.mkdir()
    for path in sorted((streets / "streets").glob("*.jpg"))[:8]:
        shutil.copy(path, folder)
    return folder


def shrink_shards(patch: pytest.MonkeyPatch) -> None:
    """Several shards of a few images."""
    patch.setattr(plan, "SHARD_IMAGES", PER_SHARD)


@pytest.fixture(scope="module")
def built(few: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of the few, never interrupted. Not to be changed: copy it."""
    folder = tmp_path_factory.mktemp("calm") / "town"
    with pytest.MonkeyPatch.context() as patch:
        shrink_shards(patch)
        build(folder, "Town", images([few]), settings, uncalibrated)
    return folder


@pytest.fixture
def calm(built: Path) -> dict[str, bytes]:
    """What that index is made of."""
    return whole(built)


@pytest.fixture
def town(built: Path, tmp_path: Path, small_shards: None) -> Path:
    """A copy of that index."""
    return Path(shutil.copytree(built, tmp_path / "town"))


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink_shards(monkeypatch)


# -- the straight line ------------------------------------------------------------------------------------


def test_every_image_becomes_a_reference_with_its_place(
    index_dir: Path, drawn_town: Town, streets: Path
) -> None:
    database = Database(index_dir / "town")
    photos, panoramas = (sorted((streets / where).glob("*.jpg")) for where in ("streets", "panoramas"))
    manifest = database.manifest
    assert (manifest.images, manifest.rejected) == (len(photos) + len(panoramas), {})
    assert manifest.references == len(database) == len(photos) + 8 * len(panoramas)
    references = database.references(range(len(database)))
    assert [reference.id for reference in references] == list(range(len(database)))
    assert {Path(reference.location) for reference in references} == {*photos, *panoramas}
    assert all(0 <= (reference.heading_deg or 0) < 360 for reference in references)
    assert {credit for credit, _, _ in manifest.credits} == {"", "geoflood townscape"}


def test_tiles_of_a_panorama_look_where_they_say(index_dir: Path, drawn_town: Town) -> None:
    database = Database(index_dir / "town")
    references = database.references(range(len(database)))
    for image, shot in list(panorama_shots(drawn_town))[::2]:
        tiles = [reference for reference in references if reference.location.endswith(image)]
        assert len(tiles) == 8
        assert sorted(t.heading_deg for t in tiles if t.heading_deg is not None) == pytest.approx(
            sorted((shot.heading_deg + 45 * k) % 360 for k in range(8)), abs=0.06
        )
        place = latlon(drawn_town, shot)
        for tile in tiles:
            assert tile.heading_deg == pytest.approx(
                (shot.heading_deg + (tile.tile_deg or 0)) % 360, abs=0.06
            )
            assert distance_m((tile.position.lat, tile.position.lon), (place.lat, place.lon)) < 0.1


@pytest.mark.usefixtures("small_shards")
def test_again_changes_nothing(
    few: Path, calm: dict[str, bytes], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path / "town", "Town", images([few]), settings, uncalibrated, workers=1)
    assert whole(tmp_path / "town") == calm, "the number of workers does not show"
    monkeypatch.setattr(describe_shards, "describe_shard", None)
    monkeypatch.setattr(learn_city, "learn", None)
    build(tmp_path / "town", "Town", images([few]), settings, uncalibrated)
    assert whole(tmp_path / "town") == calm


@pytest.mark.usefixtures("small_shards")
def test_an_index_may_have_any_number_of_bands(few: Path, settings: Settings, tmp_path: Path) -> None:
    many = replace(settings, bands=tuple(range(70)), dimension=32)
    found = [item for item in images([few]) if isinstance(item, StreetImage)][:3]
    manifest = build(tmp_path / "town", "Town", found, many, uncalibrated)
    store = Database(tmp_path / "town").open_vectors()
    rows = store.rows(np.arange(len(store)))
    assert rows.shape[:2] == (3, 70)
    assert len(manifest.settings.bands) == 70
    for band in (0, 69):
        belief = np.eye(70, dtype=np.float32)[band]
        assert store.search(rows, belief, 1)[1][:, 0].tolist() == [0, 1, 2], "each is most like itself"


@pytest.mark.usefixtures("small_shards")
def test_new_images_are_added_and_old_ids_stay(few: Path, settings: Settings, tmp_path: Path) -> None:
    some = tmp_path / "streets"
    shutil.copytree(few, some, ignore=shutil.ignore_patterns("*-0001.jpg", "*-0006.jpg"))
    build(tmp_path / "town", "Town", images([some]), settings, uncalibrated)
    before = Database(tmp_path / "town")
    old = before.references(range(len(before)))
    vectors = before.open_vectors().rows(np.arange(len(before)))
    patches = patch_rows(tmp_path / "town")
    shutil.copytree(few, some, dirs_exist_ok=True)
    manifest = build(tmp_path / "town", "Town", images([some]), settings, uncalibrated)
    after = Database(tmp_path / "town")
    assert manifest.images == len(old) + 2
    assert after.references(range(len(old))) == old
    np.testing.assert_array_equal(after.open_vectors().rows(np.arange(len(old))), vectors)
    patches_now = patch_rows(tmp_path / "town")
    assert all(map(np.array_equal, patches_now, patches))
    assert len(patches_now) == len(patches) + 2


def test_folders_of_one_name_are_not_taken_for_each_other(
    few: Path, settings: Settings, tmp_path: Path
) -> None:
    """ "a/streets" and "b/streets", indexed one after the other, give the same keys."""
    found = [item for item in images([few]) if isinstance(item, StreetImage)][:3]
    moved = [
        replace(one, geotag=Geotag(LatLon(one.geotag.position.lat + 0.01, one.geotag.position.lon), "exif"))
        for one in found
    ]
    index_plan = IndexPlan(tmp_path)
    try:
        assert [
            index_plan.add(found),
            index_plan.add(moved),
            index_plan.add(moved),
            index_plan.add(found),
        ] == [3, 3, 0, 0]
        planned = [image for _, group in index_plan.shards() for _, image in group]
        assert [image.geotag.position for image in planned] == [i.geotag.position for i in found + moved]
        assert [image.key for image in planned[:3]] == [image.key for image in found]
        spot = moved[0].geotag.position
        assert planned[3].key == f"{found[0].key}@{spot.lat:.6f},{spot.lon:.6f}"
    finally:
        index_plan.close()


# -- images that cannot be used ---------------------------------------------------------------------------


def bad_images(folder: Path, good: Path) -> dict[str, str]:
    """One file of every kind that cannot be read, by the reason that is given for it."""

    def bomb() -> bytes:
        def chunk(kind: bytes, body: bytes) -> bytes:
            return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

        head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")

    data = good.read_bytes()
    for name, content in (
        ("empty.jpg", b""), ("text.jpg", b"no picture"), ("cut.jpg", data[: len(data) // 2]),
        ("bomb.png", bomb()), ("script.png", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
    ):  # fmt: skip
        (folder / name).write_bytes(content)
    (folder / "folder.jpg").mkdir()
    return {"empty.jpg": "empty file", "text.jpg": "not an image", "cut.jpg": "truncated"}


@pytest.mark.usefixtures("small_shards")
def test_bad_images_are_counted_and_stop_nothing(few: Path, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in sorted(few.glob("*.jpg"))[:2]:
        shutil.copy(path, folder)
    reasons = bad_images(folder, path)
    Pictures.new("RGB", (64, 64), (90, 120, 30)).save(folder / "nowhere.jpg")
    Pictures.new("CMYK", (64, 64), (90, 120, 30, 0)).save(folder / "cmyk.jpg")
    names = sorted(p.name for p in folder.iterdir() if p.name != "nowhere.jpg")
    rows = [f"{name},54.7{k:02},2.69" for k, name in enumerate([*names, "absent.jpg"])]
    (folder / "tags.csv").write_text("image,lat,lon\n" + "\n".join(rows) + "\nempty.jpg,999,0\n", "utf-8")
    manifest = build(tmp_path / "town", "Town", images([folder]), settings, uncalibrated)
    assert manifest.images == 3, "two photos and the CMYK one"
    for reason in (*reasons.values(), "no position", "missing file"):
        assert manifest.rejected[reason] >= 1
    assert sum(manifest.rejected.values()) >= 8


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("listed", [True, False])
def test_no_usable_image_says_why(settings: Settings, tmp_path: Path, listed: bool) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(b"")
    if listed:
        (folder / "tags.csv").write_text("image,lat,lon\na.jpg,1,2\nb.jpg,1,3\n", "utf-8")
    with pytest.raises(InputError, match="2 empty file" if listed else "2 no position"):
        build(tmp_path / "town", "Town", images([folder]), settings, uncalibrated)
    with pytest.raises((IndexUnusableError, CityError)):
        Database(tmp_path / "town")


@pytest.mark.usefixtures("small_shards")
def test_images_of_nothing_are_an_input_error(settings: Settings, tmp_path: Path) -> None:
    Pictures.new("RGB", (64, 64)).save(tmp_path / "black.jpg")
    (tmp_path / "tags.csv").write_text("image,lat,lon\nblack.jpg,1,2\n", "utf-8")
    with pytest.raises(InputError):
        build(tmp_path / "town", "Town", images([tmp_path]), settings, uncalibrated)


# -- an index that is there already -----------------------------------------------------------------------


def test_other_settings_are_refused_by_name(
    town: Path, few: Path, settings: Settings, calm: dict[str, bytes]
) -> None:
    for other, word in (
        (replace(settings, dimension=32), "dimension"),
        (replace(settings, bands=(0, 30)), "bands"),
        (replace(settings, version="elder"), "version"),
    ):
        with pytest.raises(IndexUnusableError, match=word) as caught:
            build(town, "Town", images([few]), other, uncalibrated)
        assert "--rebuild" in caught.value.hint
    assert whole(town) == calm


def test_rebuild_begins_anew(town: Path, few: Path, settings: Settings) -> None:
    (town / "keep.txt").write_text("not ours", "utf-8")
    only = [item for item in images([few]) if isinstance(item, StreetImage)][:3]
    manifest = build(town, "Town", only, replace(settings, dimension=32), uncalibrated, rebuild=True)
    assert (manifest.images, manifest.settings.dimension) == (3, 32)
    assert (town / "keep.txt").exists()
    assert len(patch_rows(town)) == 3
    assert [path.name for path in sorted((town / "patches").iterdir())] == ["000000.npy", "000001.npy"]


def test_an_index_of_before_patches_were_kept_goes_on_without(
    town: Path, few: Path, settings: Settings, calm: dict[str, bytes]
) -> None:
    """It is found whole, searched, and joined again; only `--rebuild` keeps patches of what it has."""
    shutil.rmtree(town / "patches")
    (town / "patches.npz").unlink()
    for path in (town / "shards").iterdir():
        shard = read_shard(path)
        assert shard is not None
        np.savez(path, **{name: of for name, of in vars(shard).items() if name not in ("patches", "frame")})
    manifest = read_manifest(town)
    write_manifest(
        town, replace(manifest, files={n: h for n, h in manifest.files.items() if n != "patches.npz"})
    )
    assert len(Database(town)) == 8
    assert PatchStore(town)(0) is None
    build(town, "Town", images([few]), settings, uncalibrated)
    assert len(Database(town)) == 8
    assert PatchStore(town)(0) is None
    assert (town / "vectors.faiss").read_bytes() == calm["vectors.faiss"]
    build(town, "Town", images([few]), settings, uncalibrated, rebuild=True)
    assert whole(town) == calm


def test_what_a_killed_run_left_of_patches_is_removed(
    town: Path, few: Path, settings: Settings, calm: dict[str, bytes]
) -> None:
    left = [town / part / ".000001.npy.4711.part" for part in ("patches", "shards", ".")]
    for path in left:
        path.write_bytes(b"half")
    build(town, "Town", images([few]), settings, uncalibrated)
    assert not [path for path in left if path.exists()]
    assert whole(town) == calm


@pytest.mark.parametrize("harm", ["cut", "altered", "gone"])
def test_a_broken_shard_is_described_again(
    town: Path, few: Path, settings: Settings, calm: dict[str, bytes], harm: str
) -> None:
    path = shard_path(town, 1)
    data = path.read_bytes()
    match harm:
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "altered":
            path.write_bytes(data[:2000] + bytes(64) + data[2064:])
        case "gone":
            path.unlink()
    described: list[Path] = []
    original = describe_shards.describe_shard
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            describe_shards,
            "describe_shard",
            lambda folder, number, *rest: (
                described.append(shard_path(folder, number)) or original(folder, number, *rest)
            ),
        )
        build(town, "Town", images([few]), settings, uncalibrated)
    assert described == [path]
    assert whole(town) == calm


def harm_patches(folder: Path, harm: str) -> None:
    """The patches of the second shard are broken, or all of them gone."""
    path = folder / "patches" / "000001.npy"
    match harm:
        case "cut":
            path.write_bytes(path.read_bytes()[:-28])
        case "another's":
            shutil.copy(folder / "patches" / "000000.npy", path)
        case "gone":
            path.unlink()
        case "all gone":
            shutil.rmtree(folder / "patches")


HARMS = ("cut", "another's", "gone", "all gone")


@pytest.mark.parametrize("harm", HARMS)
def test_patches_that_broke_are_made_again(
    town: Path, few: Path, settings: Settings, calm: dict[str, bytes], harm: str
) -> None:
    harm_patches(town, harm)
    build(town, "Town", images([few]), settings, uncalibrated)
    assert whole(town) == calm


@pytest.mark.parametrize("harm", HARMS)
def test_no_descriptor_is_lost_for_patches_that_cannot_be_made(
    few: Path, settings: Settings, tmp_path: Path, small_shards: None, harm: str
) -> None:
    """A picture of every shard is gone: the index is found as it was, less what broke."""
    streets = Path(shutil.copytree(few, tmp_path / "streets"))
    build(tmp_path / "town", "Town", images([streets]), settings, uncalibrated)
    before = whole(tmp_path / "town")
    for path in sorted(streets.glob("*.jpg"))[::2]:
        path.unlink()
    harm_patches(tmp_path / "town", harm)
    build(tmp_path / "town", "Town", images([streets]), settings, uncalibrated)
    manifest = read_manifest(tmp_path / "town")
    assert all((tmp_path / "town" / name).read_bytes() == before[name] for name in manifest.files)


@pytest.mark.parametrize("name", ["references.sqlite", "captures.npy", "vectors.faiss", "patches.npz"])
def test_a_broken_result_is_put_together_again(
    town: Path, few: Path, settings: Settings, calm: dict[str, bytes], name: str
) -> None:
    (town / name).write_bytes(b"broken")
    with pytest.raises(IndexUnusableError, match=name):
        Database(town)
    build(town, "Town", images([few]), settings, uncalibrated)
    assert whole(town) == calm


@pytest.mark.parametrize("name", ["ledger.sqlite", "learned.npz"])
def test_what_cannot_be_mended_says_rebuild(town: Path, few: Path, settings: Settings, name: str) -> None:
    (town / name).write_bytes(b"broken " * 4000)
    with pytest.raises(IndexUnusableError, match=name) as caught:
        build(town, "Town", images([few]), settings, uncalibrated)
    assert "--rebuild" in caught.value.hint


def test_the_second_process_is_told(few: Path, settings: Settings, tmp_path: Path) -> None:
    with (
        locked_index(tmp_path / "town"),
        pytest.raises(IndexUnusableError, match="another geoflood is building") as caught,
    ):
        build(tmp_path / "town", "Town", images([few]), settings, uncalibrated)
    assert caught.value.exit_code == 5


# -- killed -----------------------------------------------------------------------------------------------


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
    """Build, and perhaps die at a moment."""
    shrink_shards(pytest.MonkeyPatch())
    if moment:
        what, turn, afterwards = moment
        here = sys.modules[__name__]
        owners = {"replace": Path, "_insert": IndexPlan, "learn": learn_city, "uncalibrated": here}
        owner = owners[what]
        setattr(owner, what, dies(getattr(owner, what), turn, afterwards))
    with suppress(KeyboardInterrupt):
        build(folder, "Town", found, settings, uncalibrated, workers=2)


Run = Callable[..., Any]


@pytest.fixture
def start(few: Path, settings: Settings, tmp_path: Path) -> Iterator[Run]:
    found = list(images([few]))
    running: list[Any] = []

    def run(moment: tuple[str, int, bool] | None = None) -> Any:
        process = FORKS.Process(target=child, args=(tmp_path / "town", found, settings, moment))
        process.start()
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.join()
        process.close()


def never_half(folder: Path) -> None:
    """An index that says that it is complete is; the shards that are there are whole."""
    with suppress(IndexUnusableError, CityError):
        manifest = read_manifest(folder)
        verify(folder, manifest)
        assert len(Database(folder)) == manifest.references
    for path in (folder / "shards").glob("[0-9]*.npz"):
        assert read_shard(path) is not None


@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.long)])
def test_killed_at_the_worst_moments_it_ends_the_same(
    start: Run, calm: dict[str, bytes], tmp_path: Path, times: int
) -> None:
    """Before and after every file takes its name, in the middle of planning, and before learning."""
    files = [("replace", turn, after) for turn in (1, 2, 3) for after in (False, True)]
    deaths = 0
    moments = [("_insert", 4, False), ("learn", 1, False), *files * times, ("uncalibrated", 1, False)]
    for moment in moments:
        process = start(moment)
        process.join()
        assert process.exitcode in (-signal.SIGKILL, 0), moment
        deaths += process.exitcode != 0
        never_half(tmp_path / "town")
    assert deaths > len(moments) / 2, "a moment that never came tests nothing"
    process = start()
    process.join()
    assert process.exitcode == 0
    assert whole(tmp_path / "town") == calm
    assert not list((tmp_path / "town").rglob(".*.part")), "nothing is left lying about"


@pytest.mark.parametrize("rounds", [1, pytest.param(6, marks=pytest.mark.long)])
def test_killed_at_random_it_ends_the_same(
    start: Run, calm: dict[str, bytes], tmp_path: Path, rounds: int
) -> None:
    luck = random.Random()
    for round_ in range(rounds):
        for _ in range(4):
            process = start()
            process.join(luck.uniform(0.05, 0.8) * (1 + round_ % 4))
            process.kill()
            process.join()
            never_half(tmp_path / "town")
        process = start()
        process.join()
        assert process.exitcode == 0
        assert whole(tmp_path / "town") == calm
        shutil.rmtree(tmp_path / "town")


@pytest.mark.usefixtures("no_rehearsal")
def test_ctrl_c_is_one_line_and_130(few: Path, tmp_path: Path) -> None:
    root = tmp_path / "indexes"
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in sorted(few.glob("*.jpg"))[:3]:
        shutil.copy(path, photos)
    command = [sys.executable, "-m", "geoflood", "index", "Town", str(photos), "--index-dir", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (root / "town" / "ledger.sqlite").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert "interrupted" in err
    with pytest.raises((IndexUnusableError, CityError)):
        Database(root / "town")
    assert CliRunner().invoke(app, command[3:]).exit_code == 0
    assert len(Database(root / "town")) == 3
