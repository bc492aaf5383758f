"""vectors.faiss as FAISS would write it, and rows of it read where they lie."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import faiss
import numpy as np
import pytest

from geoflood.core.errors import IndexUnusableError
from geoflood.database.vector_file import VectorFile, write_vectors

WIDTH = 24


def rows(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float16)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    some = rows(70)
    assert write_vectors(tmp_path / "v", [some[:1], some[1:1], some[1:64], some[64:]]) == 70
    return tmp_path / "v"


def test_the_bytes_are_those_of_faiss(path: Path, tmp_path: Path) -> None:
    index = faiss.IndexScalarQuantizer(WIDTH, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.add(rows(70).astype(np.float32))
    faiss.write_index(index, str(tmp_path / "theirs"))
    assert path.read_bytes() == (tmp_path / "theirs").read_bytes()


def test_bands_side_by_side_make_a_row(path: Path, tmp_path: Path) -> None:
    write_vectors(tmp_path / "bands", [rows(70).reshape(70, 3, 8)])
    assert (tmp_path / "bands").read_bytes() == path.read_bytes()


def test_nothing_is_written_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no vectors"):
        write_vectors(tmp_path / "v", [rows(0)])
    assert not list(tmp_path.iterdir())


def test_rows_are_read_where_they_lie(path: Path) -> None:
    file = VectorFile(path)
    assert (len(file), file.width) == (70, WIDTH)
    some = np.array([0, 1, 2, 5, 40, 41, 69])
    np.testing.assert_array_equal(file.read(some), rows(70)[some])
    mixed = np.array([69, 3, 3, 0])
    found = file.read_rows(mixed)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, rows(70)[mixed].astype(np.float32))
    assert file.read(np.empty(0, np.int64)).shape == (0, WIDTH)


def test_blocks_hold_every_row_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoflood.database.vector_file._AT_ONCE", 30 * WIDTH * 2)
    file = VectorFile(path)
    for ids in (None, np.arange(3, 68, 2)):
        found = list(file.blocks(ids))
        assert [len(block) for _, block in found] == ([30, 30, 10] if ids is None else [30, 3])
        expected = np.arange(70) if ids is None else ids
        np.testing.assert_array_equal(np.concatenate([some for some, _ in found]), expected)
        np.testing.assert_array_equal(np.concatenate([block for _, block in found]), rows(70)[expected])


@pytest.mark.parametrize("lacking", ["RWF_NOWAIT", "RWF_NOWAIT posix_fadvise pread"])
def test_a_system_without_read_ahead_reads_the_same(
    path: Path, lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in lacking.split():
        monkeypatch.delattr(os, name)
    np.testing.assert_array_equal(VectorFile(path).read(np.array([2, 50])), rows(70)[[2, 50]])


DAMAGE = {
    "missing": lambda data: None,
    "empty": lambda data: b"",
    "cut in its head": lambda data: data[:40],
    "cut short": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "of another count": lambda data: data[:8] + (71).to_bytes(8, "little") + data[16:],
    "of a huge count": lambda data: data[:8] + b"\xff" * 8 + data[16:],
    "of another width": lambda data: data[:4] + (23).to_bytes(4, "little") + data[8:],
    "of no width": lambda data: data[:4] + bytes(4) + data[8:],
    "of a huge width": lambda data: data[:4] + b"\xff" * 4 + data[8:],
    "of another metric": lambda data: data[:33] + b"\1" + data[34:],
    "of another kind": lambda data: b"IxF2" + data[4:],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_an_error(path: Path, damage: str) -> None:
    data = DAMAGE[damage](path.read_bytes())
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(IndexUnusableError, match=str(path)):
        VectorFile(path)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(path: Path) -> None:
    file = VectorFile(path)
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(IndexUnusableError, match="cut short"):
        file.read(np.array([0, 69]))


def test_the_file_is_closed_with_the_last_user(path: Path) -> None:
    file = VectorFile(path)
    number = file._file
    del file
    gc.collect()
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(number)
