"""Indexes that learned the same become one, which answers as one that was built of all images."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geoflood.backbones.learned import load_learned
from geoflood.core.datatypes import LatLon, Rejected, StreetImage
from geoflood.core.errors import CityError, GeofloodError, IndexUnusableError, UsageError
from geoflood.core.images import read_image
from geoflood.database import plan
from geoflood.database.bands import band_weights
from geoflood.database.build import build
from geoflood.database.calibration import Calibration, CalibrationEntry, CalibrationKey, Weakness
from geoflood.database.database import Database
from geoflood.database.index_files import SIGNS
from geoflood.database.like import learned_elsewhere, settings_like
from geoflood.database.manifest import Settings, read_manifest, write_manifest
from geoflood.database.merge import MergedIndex, measure_merge, merge
from geoflood.database.patch_store import patches_path
from geoflood.database.plan import IndexPlan, locked_index
from geoflood.database.shards import shard_path
from geoflood.database.sign_store import SignsRead, read_reference_signs
from geoflood.imagery.folder import images
from geoflood.localize.calibration.prior import PRIOR
from geoflood.places.street_map_file import STREETS
from geoflood.synthetic.town import Truth
from tests.support.calibration import uncalibrated
from tests.support.contents import contents

Found = list[StreetImage | Rejected]
LOST = Rejected("nowhere.jpg", "no position", "")


@pytest.fixture(scope="module")
def photos(streets: Path) -> list[StreetImage]:
    """Seven, and a panorama."""
    usable = [one for one in images([streets]) if isinstance(one, StreetImage)]
    panorama = next(one for one in usable if "panorama" in one.location)
    return [*[one for one in usable if "panorama" not in one.location][:7], panorama]


@pytest.fixture(scope="module")
def moved(photos: list[StreetImage]) -> StreetImage:
    """Another image whose file has a name that is taken: of the other district's folder."""
    tag = photos[0].geotag
    elsewhere = LatLon(tag.position.lat + 0.01, tag.position.lon)
    return replace(photos[0], geotag=replace(tag, position=elsewhere), location=photos[6].location)


@pytest.fixture(scope="module")
def districts(
    index_dir: Path,
    photos: list[StreetImage],
    moved: StreetImage,
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """west and east share an image that both can use, and one that only east can; all: both at one go.

    Not to be changed: copy it.
    """
    root = tmp_path_factory.mktemp("districts")
    gone = replace(photos[3], location=f"{root}/gone.jpg")
    west: Found = [*photos[:3], gone, LOST]
    east: Found = [photos[2], photos[3], LOST, *photos[4:], moved]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "SHARD_IMAGES", 2)
        like = learned_elsewhere(index_dir / "town")
        for name, found in (("west", west), ("east", east), ("all", [*photos, moved, LOST, LOST])):
            build(root / name, name.title(), found, settings, uncalibrated, like=like)
    return root


@pytest.fixture
def root(districts: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(districts, tmp_path / "index"))


def merged(root: Path, *names: str, **options: object) -> MergedIndex:
    names = names or ("west", "east")
    return merge([root / name for name in names], root / "both", "Both", uncalibrated, **options)  # type: ignore[arg-type]


def test_as_one_index_of_all_images(root: Path, queries: list[tuple[Path, Truth]]) -> None:
    size = measure_merge([root / "west", root / "east"], root / "both")
    made = merged(root)
    assert (made.doubles, size.doubles) == (1, 1)
    whole, both = read_manifest(root / "all"), read_manifest(root / "both")
    assert made.info.manifest == both
    assert size.images == both.images == whole.images
    assert (both.references, both.credits) == (whole.references, whole.credits)
    assert both.rejected == {"no position": 2}
    assert both.files["learned.npz"] == whole.files["learned.npz"]
    assert contents(root / "both") == contents(root / "all")
    for name in ("west", "east"):
        shutil.rmtree(root / name)  # the merged index needs none of its parts
    described = load_learned(root / "both" / "learned.npz", "rootsift").describe(
        [read_image(photo, 320) for photo, _ in queries[:2]],
        partial(band_weights, bands=whole.settings.bands),
    )
    found = [first_ten(root / name, described) for name in ("all", "both")]
    assert found[0] == found[1]


def first_ten(folder: Path, described: Sequence[NDArray[np.float32]]) -> list[list[tuple[object, ...]]]:
    """Of each photo what is most alike: similarity, image and tile."""
    database = Database(folder)
    belief = np.full(described[0].shape[0], 0.2, np.float32)
    similarities, ids = database.open_vectors().search(np.stack(described), belief, 10)
    return [
        [
            (round(float(s), 5), one.image_key, one.tile_deg)
            for s, one in zip(row, database.references(at), strict=True)
        ]
        for row, at in zip(similarities, ids.tolist(), strict=True)
    ]


def test_three_districts_and_more_images_afterwards(
    root: Path, settings: Settings, photos: list[StreetImage]
) -> None:
    like = learned_elsewhere(root / "west")
    build(root / "north", "North", photos[6:], settings, uncalibrated, like=like)
    made = merged(root, "north", "west", "east")
    assert made.info.images == read_manifest(root / "all").images
    assert made.doubles == 3
    before = {path: path.stat().st_mtime_ns for path in (root / "both" / "shards").iterdir()}
    new = replace(photos[1], key="file:/new.jpg")
    manifest = build(root / "both", "Both", [new], settings, uncalibrated)
    assert manifest.images == made.info.images + 1
    assert {path: path.stat().st_mtime_ns for path in before} == before, "shards stay as they were"


class _StopError(BaseException):
    """As a kill: nobody catches it."""


@pytest.mark.parametrize("stage", ["merging", "joining", "calibrating"])
def test_killed_it_goes_on(root: Path, stage: str) -> None:
    def stop(now: str, done: int, total: int) -> None:
        if now == stage and done >= total / 2:
            raise _StopError

    def calibrate(*_: object) -> Calibration:
        stop("calibrating", 1, 1)
        return {}

    parts = [root / "west", root / "east"]
    with pytest.raises(_StopError):
        merge(parts, root / "both", "Both", calibrate, progress=stop)
    assert not (root / "both").exists()
    staged = {path: path.stat().st_mtime_ns for path in (root / ".both.merge").rglob("*.npz")}
    assert staged
    seen: list[str] = []
    again = merge(parts, root / "both", "Both", uncalibrated, progress=lambda name, *_: seen.append(name))
    assert again.doubles == 1
    assert contents(root / "both") == contents(root / "all")
    kept = [
        root / "both" / path.relative_to(root / ".both.merge")
        for path in staged
        if path.parent.name == "shards"
    ]
    assert [path.stat().st_mtime_ns for path in kept] == [
        time for path, time in staged.items() if path.parent.name == "shards"
    ], "no shard is written twice"
    assert not (root / ".both.merge").exists()


def test_parts_that_changed_since_the_kill(root: Path, settings: Settings, photos: list[StreetImage]) -> None:
    def stop(now: str, *_: int) -> None:
        if now == "joining":
            raise _StopError

    with pytest.raises(_StopError):
        merged(root, progress=stop)
    build(root / "west", "West", [replace(photos[5], key="file:/other.jpg")], settings, uncalibrated)
    assert merged(root).info.images == read_manifest(root / "all").images + 1


def known(trials: int, weakness: Weakness | None = None) -> Calibration:
    return {CalibrationKey(None): CalibrationEntry(PRIOR.params, trials, trials, weakness)}


def test_without_pictures_it_inherits_what_the_largest_part_knows(root: Path) -> None:
    for name, calibration in (
        ("west", known(30)),
        ("east", known(60)),
        ("all", known(9, Weakness.FEW_PLACES)),
    ):
        write_manifest(root / name, replace(read_manifest(root / name), calibration=calibration))
    parts = [root / "west", root / "east"]
    made = merge(parts, root / "both", "Both", lambda *_: known(1, Weakness.FEW_PLACES))
    (one,) = made.info.calibration.values()
    assert (one.trials, one.inherited) == (60, True)
    learned = merge(parts, root / "both", "Both", lambda *_: known(40), replace_index=True)
    (one,) = learned.info.calibration.values()
    assert (one.trials, one.inherited) == (40, False)


def test_signs_are_taken_and_a_street_map_is_not(root: Path) -> None:
    read_reference_signs(root / "east", lambda pixels: (), workers=1)
    (root / "west" / STREETS).write_bytes(b"a street map")
    made = merged(root)
    assert made.lacks == (
        "a street map: geoflood streets both EXTRACT",
        "signs of west: geoflood index both IMAGES --read-signs",
    )
    assert SignsRead.of(root / "both") == SignsRead(read_manifest(root / "east").references, 0)
    assert not (root / "both" / STREETS).exists()


def test_pictures_that_geoflood_fetched_stay_where_they_are(
    root: Path, photos: list[StreetImage], settings: Settings
) -> None:
    picture = root / "fetched" / "images" / "amsterdam" / "1.jpg"
    picture.parent.mkdir(parents=True)
    shutil.copy(photos[6].location, picture)
    one = replace(photos[6], key="amsterdam:1", location=str(picture))
    build(root / "fetched", "Fetched", [one], settings, uncalibrated, like=learned_elsewhere(root / "west"))
    made = merged(root, "fetched", "west")
    assert made.pictures == {root / "fetched": 1}
    with pytest.raises(UsageError, match="1 of the pictures lie in"):
        merge([root / "both", root / "east"], root / "fetched", "Fetched", uncalibrated, replace_index=True)
    assert picture.is_file()


def broken(name: str, file: Callable[[Path], Path]) -> Callable[[Path], object]:
    return lambda root: file(root / name).write_bytes(b"broken")


def other_settings(root: Path) -> None:
    manifest = read_manifest(root / "east")
    write_manifest(root / "east", replace(manifest, settings=replace(manifest.settings, bands=(0, 30))))


def learned_itself(root: Path) -> None:
    manifest = read_manifest(root / "east")
    write_manifest(root / "east", replace(manifest, files={**manifest.files, "learned.npz": "0" * 64}))


def unfinished(root: Path) -> None:
    (root / "east" / "manifest.json").unlink()


CASES: list[tuple[str, tuple[str, ...], Callable[[Path], object], type[GeofloodError]]] = [
    ("did not learn the same", ("west", "east"), learned_itself, IndexUnusableError),
    ("other settings: bands", ("west", "east"), other_settings, IndexUnusableError),
    ("two indexes or more", ("west",), lambda root: None, UsageError),
    ("each named once", ("west", "west"), lambda root: None, UsageError),
    ("one of those that are merged", ("west", "both"), lambda root: merged(root), UsageError),
    ("there already", ("west", "east"), lambda root: merged(root), UsageError),
    ("no index at", ("west", "eats"), lambda root: None, CityError),
    ("east is unfinished", ("west", "east"), unfinished, IndexUnusableError),
    (
        "east/vectors.faiss is damaged",
        ("west", "east"),
        broken("east", lambda at: at / "vectors.faiss"),
        IndexUnusableError,
    ),
    (
        "east/ledger.sqlite is damaged",
        ("west", "east"),
        broken("east", lambda at: at / "ledger.sqlite"),
        IndexUnusableError,
    ),
    (
        "east/shards/000001.npz is missing",
        ("west", "east"),
        broken("east", lambda at: shard_path(at, 1)),
        IndexUnusableError,
    ),
    (
        "east/signs.sqlite is damaged",
        ("west", "east"),
        broken("east", lambda at: at / SIGNS),
        IndexUnusableError,
    ),
]


@pytest.mark.parametrize(("told", "names", "harm", "error"), CASES, ids=[case[0] for case in CASES])
def test_what_cannot_be_merged(
    root: Path,
    told: str,
    names: tuple[str, ...],
    harm: Callable[[Path], object],
    error: type[GeofloodError],
) -> None:
    harm(root)
    before = contents(root / "both") if (root / "both").exists() else None
    with pytest.raises(error, match=told) as raised:
        merged(root, *names)
    assert raised.value.hint
    assert not (root / ".both.merge").exists()
    assert before == (contents(root / "both") if (root / "both").exists() else None)


def test_a_part_that_is_being_built(root: Path) -> None:
    with locked_index(root / "east"), pytest.raises(IndexUnusableError, match=r"building .*east"):
        merged(root)


def test_patches_that_were_lost_are_told(root: Path) -> None:
    patches_path(root / "east", 0).unlink()
    made = merged(root)
    assert made.without_patches == 1
    assert sum(one.patches is None for one in contents(root / "both").values()) == 1


# -- like -------------------------------------------------------------------------------------------------


def test_a_run_that_goes_on_keeps_to_it(root: Path, photos: list[StreetImage], settings: Settings) -> None:
    west = learned_elsewhere(root / "west")
    (root / "new").mkdir()
    with closing(IndexPlan(root / "new")) as begun:  # as a kill leaves it
        begun.keep_like(str(west.folder), west.sha256)
    manifest = build(root / "new", "New", photos[:2], settings, uncalibrated)
    assert manifest.files["learned.npz"] == west.sha256


def test_like_what_cannot_be(root: Path, photos: list[StreetImage], settings: Settings) -> None:
    west = learned_elsewhere(root / "west")
    (root / "east" / "learned.npz").write_bytes(b"something else")
    with pytest.raises(IndexUnusableError, match="something else learned"):
        build(root / "east", "East", photos[:2], settings, uncalibrated, like=west)
    with pytest.raises(UsageError, match="like itself"):
        build(root / "west", "West", photos[:2], settings, uncalibrated, like=west, rebuild=True)
    assert read_manifest(root / "west")
    with pytest.raises(CityError):
        learned_elsewhere(root / "nowhere")
    (root / "west" / "learned.npz").write_bytes(b"broken")
    with pytest.raises(IndexUnusableError, match=r"learned\.npz is damaged"):
        build(root / "new", "New", photos[:2], settings, uncalibrated, like=west)


@pytest.mark.parametrize("asked", [("megaloc", "auto", None), (None, 128, None), (None, "auto", (0, 30))])
def test_other_settings_beside_it(root: Path, asked: tuple[object, ...]) -> None:
    west = learned_elsewhere(root / "west")
    assert settings_like(west, None, "auto", None) == west.settings
    with pytest.raises(UsageError, match="west"):
        settings_like(west, *asked)  # type: ignore[arg-type]
