"""An index searched in parts: the answers of one index, and never fewer in silence."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.datatypes import ReasonKind
from geoflood.core.errors import IndexUnusableError, NetworkError
from geoflood.database import coarse, ray_search
from geoflood.database import vectors as whole_index
from geoflood.database.coarse import write_coarse
from geoflood.database.ray_search import RayVectorStore, row_ranges
from geoflood.database.vector_file import VectorFile, write_vectors
from geoflood.database.vectors import VectorStore
from geoflood.localize.locator import Locator
from geoflood.outputs.wording import reason_line
from geoflood.synthetic.town import Truth
from tests.support.commands import error_line
from tests.support.inline_cluster import InlineCluster

BANDS, WIDTH, ROWS = 3, 16, 400
BELIEF = np.array([0.5, 0.3, 0.2], np.float32)


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """Rows of which many are the same as others."""
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(ROWS // 4, BANDS, WIDTH))
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    path = tmp_path / "vectors.faiss"
    write_vectors(path, [rows[rng.integers(0, len(rows), ROWS)].astype(np.float16)])
    return path


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> InlineCluster:
    monkeypatch.setattr(ray_search, "LEAST_ROWS", 10)
    inline = InlineCluster()

    @contextmanager
    def connected(where: str) -> Iterator[InlineCluster]:
        yield inline

    monkeypatch.setattr(ray_search, "connected", connected)
    return inline


def asked(count: int = 5) -> np.ndarray:
    rows = np.random.default_rng(5).normal(size=(count, BANDS, WIDTH)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def same(parts: RayVectorStore, whole: VectorStore, k: int, among: np.ndarray | None = None) -> bool:
    ours, theirs = (store.search(asked(), BELIEF, k, among) for store in (parts, whole))
    return all(np.array_equal(mine, its) for mine, its in zip(ours, theirs, strict=True))


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("parts", [1, 4, 7])
def test_parts_answer_as_the_whole_to_the_last_id(vectors: Path, parts: int) -> None:
    store, whole = RayVectorStore("ray", vectors, BANDS, parts), VectorStore(vectors, BANDS)
    assert len(store) == len(whole) == ROWS
    assert (store.bands, store.dimension) == (whole.bands, whole.dimension)
    half = np.random.default_rng(6).random(ROWS) < 0.5
    for k in (1, 10, 150, ROWS + 1):
        assert same(store, whole, k)
        assert same(store, whole, k, half)
    assert store.missed == 0
    some = np.array([ROWS - 1, 0, 7])
    assert np.array_equal(store.rows(some), whole.rows(some))


@pytest.fixture
def large(vectors: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index with a coarse file of seven parts, whose rows look alike by the dozen."""
    for module in (ray_search, whole_index):
        monkeypatch.setattr(module, "LARGE", 100)
    monkeypatch.setattr(coarse, "PART", 64)
    monkeypatch.setattr(whole_index, "SHORTLIST", 20)
    monkeypatch.setattr(whole_index, "TOLD_SHORTLIST", 40)
    write_coarse(vectors.with_name("coarse.faiss"), VectorFile(vectors), BELIEF)
    return vectors


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("belief", [BELIEF, BELIEF[::-1]], ids=["untold", "told"])
def test_a_large_index_is_looked_through_in_parts(large: Path, belief: np.ndarray) -> None:
    store, whole = RayVectorStore("ray", large, BANDS, 3), VectorStore(large, BANDS)
    assert whole.coarse is not None
    few = np.ones(ROWS, bool)
    few[::9] = False
    none = np.zeros(ROWS, bool)
    for k, among in ((5, None), (30, None), (5, few), (5, none), (ROWS, None)):
        ours, theirs = (one.search(asked(), belief, k, among) for one in (store, whole))
        np.testing.assert_array_equal(ours[1], theirs[1])
        np.testing.assert_array_equal(ours[0], theirs[0])
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(whole_index, "MOST_LEFT_OUT", 10)
        assert same(store, whole, 20, few), "all are compared"


def test_a_lost_part_of_a_large_index_is_said(large: Path, cluster: InlineCluster) -> None:
    store = RayVectorStore("ray", large, BANDS, 3)
    cluster.silent = {0}
    _, ids = store.search(asked(), BELIEF, 10)
    assert store.missed == pytest.approx(128 / ROWS)
    assert ids.min() >= 128


@pytest.mark.usefixtures("cluster")
def test_a_box_that_a_part_has_nothing_of(vectors: Path) -> None:
    among = np.zeros(ROWS, bool)
    store, whole = RayVectorStore("ray", vectors, BANDS, 4), VectorStore(vectors, BANDS)
    among[250:260] = True
    assert same(store, whole, 20, among)
    similarities, ids = store.search(asked(), BELIEF, 20, np.zeros(ROWS, bool))
    assert similarities.shape == ids.shape == (5, 0)


def test_a_part_that_is_lost_is_said(vectors: Path, cluster: InlineCluster) -> None:
    store, whole = RayVectorStore("ray", vectors, BANDS, 4), VectorStore(vectors, BANDS)
    cluster.silent = {2}
    _, ids = store.search(asked(), BELIEF, 30)
    assert store.missed == pytest.approx(0.25)
    assert not ((ids >= 200) & (ids < 300)).any()
    inside = np.zeros(ROWS, bool)
    inside[150:250] = True
    store.search(asked(), BELIEF, 30, inside)
    assert store.missed == pytest.approx(0.5), "of what was to be searched"
    cluster.silent = set()
    assert same(store, whole, 30), "it is back"
    assert store.missed == 0


def test_no_part_at_all_is_an_error(vectors: Path, cluster: InlineCluster) -> None:
    store = RayVectorStore("ray", vectors, BANDS, 4)
    cluster.silent = {0, 1, 2, 3}
    with pytest.raises(NetworkError, match="no part of the index answers"):
        store.search(asked(), BELIEF, 30)


def test_a_cluster_without_room_says_so(vectors: Path, cluster: InlineCluster) -> None:
    cluster.silent = {3}
    with pytest.raises(NetworkError, match="loaded 3 of 4 parts of the index: the others"):
        RayVectorStore("ray", vectors, BANDS, 4)


@pytest.mark.usefixtures("cluster")
def test_a_node_that_does_not_see_the_index_says_so(vectors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda path: False)
    with pytest.raises(IndexUnusableError, match="is not seen there as it is here"):
        RayVectorStore("ray", vectors, BANDS, 4)


def test_a_locator_finds_what_it_finds_alone(
    index_dir: Path, locator: Locator, queries: list[tuple[Path, Truth]], cluster: InlineCluster
) -> None:
    apart = Locator(index_dir / "town", search="ray://head")
    assert len(cluster.actors) > 1
    photo = queries[0][0]
    alone, together = locator.locate(photo), apart.locate(photo)
    assert replace(together, seconds={}, attention=alone.attention) == replace(alone, seconds={})
    cluster.silent = {1}
    told = [note.kind for note in apart.locate(photo).notes]
    assert ReasonKind.PARTLY_SEARCHED in told
    assert "could not be reached" in reason_line(apart.locate(photo))


@pytest.mark.parametrize("command", ["locate", "batch-locate"])
def test_a_head_that_is_not_there_ends_a_search(
    index_dir: Path, queries: list[tuple[Path, Truth]], tmp_path: Path, command: str
) -> None:
    photos = str(queries[0][0].parent)
    given = [command, photos, "--city", "town", "--index-dir", str(index_dir), "--out", str(tmp_path)]
    result = CliRunner().invoke(app, [*given, "--search", "ray://127.0.0.1:9"])
    assert "no Ray head answers" in error_line(result, 7)


def test_ranges_hold_every_row_once() -> None:
    for rows, parts in ((100_000, 7), (ray_search.LEAST_ROWS * 3 + 1, 16), (5, 4)):
        ranges = row_ranges(rows, parts)
        assert [row for first, end in ranges for row in range(first, end)] == list(range(rows))
        assert len(ranges) <= parts


def processes(name: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "cmdline").read_bytes().startswith(name):
                found.append(int(entry.name))
    return found


@pytest.mark.long
def test_on_ray_itself_a_lost_part_comes_back(vectors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_search, "LEAST_ROWS", 10)
    store, whole = RayVectorStore("ray", vectors, BANDS, 4), VectorStore(vectors, BANDS)
    try:
        assert same(store, whole, 30)
        parts = processes(b"ray::SearchedPart")
        assert len(parts) == 4
        os.kill(parts[1], signal.SIGKILL)
        assert same(store, whole, 30)
        assert store.missed == 0
    finally:
        store.close()
