"""coarse.faiss: what a large index is looked through first. Here one of two thousand references is large."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geoflood.core.errors import IndexUnusableError
from geoflood.database import coarse, ready_coarse, vectors
from geoflood.database.bands import untold_belief
from geoflood.database.coarse import CoarseIndex, check_coarse, write_coarse
from geoflood.database.manifest import Settings
from geoflood.database.ready_coarse import seal_coarse
from geoflood.database.vector_file import VectorFile, write_vectors
from geoflood.database.vectors import VectorStore

BANDS = (0, 30, 60)
SETTINGS = Settings("rootsift", "2", BANDS, 16, 8, 90.0)
ROWS, WIDTH = 2000, 16
UNTOLD = untold_belief(BANDS).astype(np.float32)
TOLD = np.array([0.1, 0.7, 0.2], np.float32)


def rows(count: int, seed: int = 0, width: int = WIDTH) -> np.ndarray:
    """Bands of one image are alike, and some directions have more to say than others."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(count, 1, width)) + 0.5 * rng.normal(size=(count, len(BANDS), width))
    found = shared * np.linspace(1.5, 0.5, width) + 0.3
    return (found / np.linalg.norm(found, axis=2, keepdims=True)).astype(np.float16)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    write_vectors(folder / "vectors.faiss", [rows(ROWS)])
    write_coarse(folder / "coarse.faiss", VectorFile(folder / "vectors.faiss"), UNTOLD)
    return folder


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (vectors, ready_coarse):
        monkeypatch.setattr(module, "LARGE", 1000)


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    return tmp_path


def queries(count: int = 6) -> np.ndarray:
    some = rows(ROWS)[:: ROWS // count][:count].astype(np.float32)
    return np.asarray(some + 0.1 * np.random.default_rng(1).normal(size=some.shape), np.float32)


def exact(belief: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("b,qbd,rbd->qr", belief, asked, rows(ROWS).astype(np.float32)))


@pytest.mark.parametrize("belief", [UNTOLD, TOLD], ids=["untold", "told"])
def test_a_shortlist_is_compared_exactly(built: Path, belief: np.ndarray) -> None:
    store = VectorStore(built / "vectors.faiss", len(BANDS))
    assert store.coarse is not None
    similarities, ids = store.search(queries(), belief, 10)
    truth = exact(belief, queries())
    np.testing.assert_array_equal(ids[:, 0], truth.argmax(axis=1))
    np.testing.assert_allclose(similarities, np.take_along_axis(truth, ids, 1), atol=2e-3)
    assert (np.diff(similarities, axis=1) <= 0).all()
    found = [len(set(a) & set(b)) for a, b in zip(ids, np.argsort(-truth)[:, :10], strict=True)]
    assert np.mean(found) > 9


def test_the_coarse_order_is_worth_something(built: Path) -> None:
    """Sixty of two thousand hold most of the best ten, which thirty by chance would not."""
    index = CoarseIndex(built / "coarse.faiss", VectorFile(built / "vectors.faiss"))
    for belief in (UNTOLD, TOLD):
        best = np.argsort(-exact(belief, queries()))[:, :10]
        found = index.search(queries(), belief, 60)
        assert all(len(some) == 60 and (np.diff(some) > 0).all() for some in found)
        assert np.mean([np.isin(a, b).mean() for a, b in zip(best, found, strict=True)]) > 0.8


def test_what_is_left_out_is_not_found(built: Path) -> None:
    store = VectorStore(built / "vectors.faiss", len(BANDS))
    first = store.search(queries(), UNTOLD, 2)[1]
    among = np.ones(ROWS, bool)
    among[first[:, 0]] = False
    np.testing.assert_array_equal(store.search(queries(1), UNTOLD, 1, among)[1][0], first[0, 1:])


@pytest.mark.parametrize("share", [0.3, 0.002])
def test_a_part_of_the_city_is_searched_whole(
    built: Path, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "MOST_LEFT_OUT", 100)
    store = VectorStore(built / "vectors.faiss", len(BANDS))
    monkeypatch.setattr(CoarseIndex, "search", None)
    monkeypatch.setattr("geoflood.database.vector_file._AT_ONCE", 40_000)
    among = np.random.default_rng(2).random(ROWS) < share
    truth = np.where(among, exact(TOLD, queries()), -np.inf)
    count = min(30, int(among.sum()))
    ids = store.search(queries(), TOLD, 30, among)[1]
    np.testing.assert_array_equal(ids, np.argsort(-truth, axis=1)[:, :count])
    assert store.search(queries(), TOLD, 9, np.zeros(ROWS, bool))[1].shape == (6, 0)


def test_without_a_coarse_file_the_search_is_exact(folder: Path) -> None:
    (folder / "coarse.faiss").unlink()
    store = VectorStore(folder / "vectors.faiss", len(BANDS))
    assert store.coarse is None
    np.testing.assert_array_equal(
        store.search(queries(), UNTOLD, 20)[1], np.argsort(-exact(UNTOLD, queries()), axis=1)[:, :20]
    )
    np.testing.assert_array_equal(store.rows(np.array([7, 3])), rows(ROWS)[[7, 3]].astype(np.float32))


def test_a_search_for_very_many_is_exact(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "MOST_SHORTLISTED", 50)
    ids = VectorStore(built / "vectors.faiss", len(BANDS)).search(queries(), UNTOLD, 60)[1]
    np.testing.assert_array_equal(ids, np.argsort(-exact(UNTOLD, queries()), axis=1)[:, :60])


def test_parts_are_one_index(built: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coarse, "PART", 700)
    file = VectorFile(folder / "vectors.faiss")
    write_coarse(folder / "coarse.faiss", file, UNTOLD)
    for threads in (1, 3):
        parted = CoarseIndex(folder / "coarse.faiss", file, threads).search(queries(), UNTOLD, 50)
        whole = CoarseIndex(built / "coarse.faiss", file).search(queries(), UNTOLD, 50)
        shared = [np.isin(a, b).mean() for a, b in zip(parted, whole, strict=True)]
        assert np.mean(shared) > 0.95  # rows at the end of a list may be equally alike


def test_the_same_vectors_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    write_coarse(tmp_path / "c", VectorFile(built / "vectors.faiss"), UNTOLD, lambda *one: told.append(one))
    assert (tmp_path / "c").read_bytes() == (built / "coarse.faiss").read_bytes()
    assert told[-1][1:] == (ROWS, ROWS)


@pytest.mark.parametrize("width", [7, 512])
def test_rows_of_any_width(tmp_path: Path, width: int) -> None:
    """A learned backbone has up to 8,448 numbers a band; some projections have few."""
    some = rows(600, width=width)
    write_vectors(tmp_path / "v", [some])
    file = VectorFile(tmp_path / "v")
    write_coarse(tmp_path / "c", file, UNTOLD)
    found = CoarseIndex(tmp_path / "c", file).search(some[:5].astype(np.float32), UNTOLD, 20)
    assert all(i in ids for i, ids in enumerate(found))


def another(path: Path) -> None:
    file = path.with_name("others")
    write_vectors(file, [rows(ROWS, seed=5)])
    write_coarse(path, VectorFile(file), UNTOLD)


def said(**changes: object) -> Callable[[Path], None]:
    """The line at the end says something else."""

    def damage(path: Path) -> None:
        data = path.read_bytes()
        end = len(data) - len(coarse._END) - 8
        length = int.from_bytes(data[end : end + 8], "little")
        line = json.dumps(json.loads(data[end - length : end]) | changes).encode()
        path.write_bytes(data[: end - length] + line + len(line).to_bytes(8, "little") + coarse._END)

    return damage


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[:9000]),
    "longer": lambda path: path.write_bytes(b"0" + path.read_bytes()),
    "of another index": another,
    "of more rows": said(rows=ROWS + 1),
    "of another format": said(format=99),
    "of odd sizes": said(parts=[-1]),
    "of no sizes": said(parts=["1"]),
    "of unknown words": said(colour="blue"),
    "of no words": lambda path: path.write_bytes(b"[]" + (2).to_bytes(8, "little") + coarse._END),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_coarse_file_that_does_not_fit_is_not_used(folder: Path, damage: str) -> None:
    path, file = folder / "coarse.faiss", VectorFile(folder / "vectors.faiss")
    DAMAGE[damage](path)
    with pytest.raises(IndexUnusableError, match=r"coarse\.faiss"):
        check_coarse(path, file)
    with pytest.raises(IndexUnusableError, match=r"coarse\.faiss"):
        CoarseIndex(path, file)
    assert VectorStore(folder / "vectors.faiss", len(BANDS)).coarse is None
    notice = ready_coarse.ready_coarse(folder, BANDS)
    assert "coarse.faiss" in notice
    assert "made again" in notice
    assert check_coarse(path, file).rows == ROWS
    assert ready_coarse.ready_coarse(folder, BANDS) == ""


def test_parts_that_are_no_index_are_an_error(folder: Path) -> None:
    path = folder / "coarse.faiss"
    path.write_bytes(b"\0" * 64 + path.read_bytes()[64:])
    with pytest.raises(IndexUnusableError, match="cannot be read"):
        CoarseIndex(path, VectorFile(folder / "vectors.faiss"))


def test_other_bands_have_another_file(folder: Path) -> None:
    assert "mixture" in ready_coarse.ready_coarse(folder, (0, 15, 30))


def test_a_folder_that_cannot_be_written_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    (folder / "coarse.faiss").unlink()
    monkeypatch.setattr(ready_coarse, "write_coarse", refused)
    notice = ready_coarse.ready_coarse(folder, BANDS)
    assert "missing" in notice
    assert "Read-only file system" in notice


def test_only_a_large_index_is_sealed_with_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seal_coarse(folder, SETTINGS) == ("coarse.faiss",)
    assert (folder / "coarse.faiss").is_file()
    monkeypatch.setattr(ready_coarse, "LARGE", ROWS + 1)
    assert seal_coarse(folder, SETTINGS) == ()
    assert not (folder / "coarse.faiss").exists()
    assert ready_coarse.ready_coarse(folder, BANDS) == ""
