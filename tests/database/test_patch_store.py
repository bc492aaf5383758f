"""The patches that an index keeps: those of each reference or none, never a crash, whoever made the index."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.format import write_array_header_1_0

from geoflood.backbones.patches import PackedPatches
from geoflood.core.files import ARRAY_HEADS
from geoflood.database import patch_store
from geoflood.database.patch_store import (
    PatchPlaces,
    PatchStore,
    patches_path,
    write_patch_places,
    write_patches,
)

FRAME = (300, 400)


def view(count: int, seed: int) -> PackedPatches:
    rows = np.random.default_rng(seed).integers(0, 256, (count, PackedPatches.ROW), dtype=np.uint8)
    return PackedPatches(rows, FRAME)


VIEWS = [[view(5, 0), view(0, 1), view(7, 2)], [], [view(3, 3), view(4, 4)]]
"""Three shards; all images of the second were unusable."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    places = PatchPlaces()
    for number, views in enumerate(VIEWS):
        if views:
            write_patches(patches_path(tmp_path, number), views)
        counts, frames = [len(one.rows) for one in views], [one.shape for one in views]
        places.add(number, np.array(counts, np.int64), np.array(frames, np.int64).reshape(-1, 2))
    write_patch_places(tmp_path / "patches.npz", places)
    return tmp_path


def found(folder: Path) -> list[PackedPatches | None]:
    store = PatchStore(folder)
    return [store(reference) for reference in range(5)]


def kept(folder: Path) -> list[bool]:
    return [one is not None for one in found(folder)]


def test_every_reference_has_its_own(folder: Path) -> None:
    for back, put in zip(found(folder), chain(*VIEWS), strict=True):
        assert back is not None
        np.testing.assert_array_equal(back.rows, put.rows)
        assert back.shape == FRAME
    assert sorted(path.name for path in folder.rglob("*")) == [
        "000000.npy", "000002.npy", "patches", "patches.npz",
    ]  # fmt: skip


@pytest.mark.parametrize("reference", [-1, -5, 5, 10**12])
def test_an_id_that_is_none_has_none(folder: Path, reference: int) -> None:
    assert PatchStore(folder)(reference) is None


def test_views_without_any_patch_are_kept_as_such(tmp_path: Path) -> None:
    """A night, a wall: there is nothing to count, and no need to look at the picture again."""
    write_patches(patches_path(tmp_path, 0), [view(0, 0), view(0, 1)])
    places = PatchPlaces()
    places.add(0, np.zeros(2, np.int64), np.array([FRAME, FRAME]))
    write_patch_places(tmp_path / "patches.npz", places)
    back = PatchStore(tmp_path)(1)
    assert back is not None
    assert back.rows.shape == (0, PackedPatches.ROW)


def test_an_older_index_has_none(tmp_path: Path) -> None:
    assert kept(tmp_path) == [False] * 5


def test_views_that_were_described_before_patches_were_kept_have_none(folder: Path) -> None:
    places = PatchPlaces()
    places.add(0, np.zeros(3, np.int64), np.zeros((3, 2), np.int64))
    places.add(2, np.array([3, 4]), np.array([FRAME, FRAME]))
    write_patch_places(folder / "patches.npz", places)
    assert kept(folder) == [False, False, False, True, True]


# -- files that broke -------------------------------------------------------------------------------------


def _saved(array: Any, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=pickled)
    return file.getvalue()


def _claiming(dtype: str, shape: tuple[int, ...]) -> bytes:
    """A file whose header says so, with 12 rows behind it."""
    file = io.BytesIO()
    write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(12 * 28)


class Trap:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("sprung",)


SHARDS: dict[str, bytes] = {
    "empty": b"",
    "text": b"no array",
    "float": _saved(np.zeros((12, 28))),
    "signed": _saved(np.zeros((12, 28), np.int8)),
    "narrow": _saved(np.zeros((12, 27), np.uint8)),
    "flat": _saved(np.zeros(12 * 28, np.uint8)),
    "short": _saved(np.zeros((4, 28), np.uint8)),
    "pickled": _saved(np.array([Trap()], object), pickled=True),
    "claims too much": _claiming("|u1", (13, 28)),
    "claims the sky": _claiming("|u1", (10**13, 28)),
    "unended": _claiming("|u1", (12, 28)).replace(b"}", b"("),
}


@pytest.mark.parametrize("harm", SHARDS)
def test_a_shard_that_broke_has_none_and_the_others_have(
    folder: Path, harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    patches_path(folder, 0).write_bytes(SHARDS[harm])
    first, second, third, *others = kept(folder)
    assert others == [True, True]
    assert not first
    assert not third
    assert not second or harm == "short", "nothing out of nothing can be read"
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("left", [0, 60, 128, 200, -1])
def test_a_shard_that_was_cut_off_has_none(folder: Path, left: int) -> None:
    path = patches_path(folder, 2)
    path.write_bytes(path.read_bytes()[:left])
    assert kept(folder) == [True, True, True, False, False]


def test_a_shard_that_is_missing_has_none(folder: Path) -> None:
    patches_path(folder, 0).unlink()
    assert kept(folder) == [False, False, False, True, True]


# -- an index that was made to do damage ------------------------------------------------------------------


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "patches.npz") as held:
        return {name: held[name].copy() for name in held.files}


@pytest.mark.parametrize("name", ["shard", "start", "count", "shape"])
@pytest.mark.parametrize("value", [-1, -(2**63), 2**63 - 1, 2**40])
def test_impossible_numbers_have_none(folder: Path, name: str, value: int) -> None:
    changed = arrays(folder)
    changed[name][2] = value
    np.savez(folder / "patches.npz", **changed)
    assert kept(folder) == [True, True, False, True, True]


def test_a_shard_number_leads_nowhere_else(folder: Path) -> None:
    (folder / "patches").rename(folder / "elsewhere")
    changed = arrays(folder)
    for shard in (np.full(5, -1), np.full(5, "../elsewhere/000000"), np.full(5, 0.5), np.full(5, np.nan)):
        np.savez(folder / "patches.npz", **(changed | {"shard": shard}))
        assert kept(folder) == [False] * 5


MISFITS: tuple[Any, ...] = (
    *(np.zeros(3, np.int64), np.zeros((5, 3), np.int64), np.zeros((0, 2), np.int64), np.int64(1)),
    *(np.zeros(5), np.zeros((5, 2), bool), np.array(["x"] * 5), np.zeros((1, 1, 1), np.int64)),
    *(np.zeros(5, "datetime64[s]"), np.zeros(5, [("a", "i8")]), np.zeros(5, np.uint64)),
)


@given(
    st.dictionaries(
        st.sampled_from(["shard", "start", "count", "shape"]), st.sampled_from(MISFITS), min_size=1
    )
)
def test_arrays_that_do_not_fit_each_other_have_none(folder: Path, wrong: dict[str, Any]) -> None:
    true = folder / "true.npz"
    if not true.exists():
        (folder / "patches.npz").rename(true)
    with np.load(true) as held:
        np.savez(folder / "patches.npz", **(dict(held) | wrong))
    assert all(one is None or len(one.rows) == 0 for one in found(folder))


def _npz(path: Path, changed: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in (members | changed).items():
            file.writestr(name, data)


PLACES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-30]),
    "no archive": lambda path: path.write_bytes(_saved(np.zeros(5))),
    "a column gone": lambda path: np.savez(path, shard=np.zeros(5, np.int64)),
    "pickled": lambda path: _npz(path, {"shard.npy": _saved(np.array([Trap()] * 5, object), pickled=True)}),
    "unended": lambda path: _npz(path, {"shard.npy": _claiming("<i8", (5,)).replace(b"}", b"(")}),
    "claims the sky": lambda path: _npz(path, {"shard.npy": _claiming("<i8", (10**17,))}),
    "claims more": lambda path: _npz(path, {"shard.npy": _claiming("<i8", (43,))}),
    "a bomb": lambda path: _npz(path, {"more.npy": _saved(np.zeros(10**6))}, zipfile.ZIP_DEFLATED),
}


@pytest.mark.parametrize("harm", PLACES)
def test_places_that_broke_have_none(
    folder: Path, harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    PLACES[harm](folder / "patches.npz")
    assert kept(folder) == [False] * 5
    assert not (tmp_path / "sprung").exists()


def test_threads_open_one_file_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once break the parser of CPython 3.11.7 now and then."""
    held: list[bool] = []

    def opened(path: Path, mode: str) -> None:
        held.append(ARRAY_HEADS.locked())
        raise OSError

    monkeypatch.setattr(patch_store, "open_memmap", opened)
    assert not patch_store.has_patches(tmp_path, 0, 1)
    assert held == [True]
    assert not ARRAY_HEADS.locked()
