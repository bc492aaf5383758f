"""The database on disk: plans that do not change, shards whole or absent, manifests checked, search exact."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import faiss
import numpy as np
import pytest

from geoflood.core.datatypes import Geotag, LatLon, Projection, Reference, Rejected, StreetImage
from geoflood.core.errors import CityError, IndexUnusableError
from geoflood.core.files import fingerprint
from geoflood.database.database import Database, read_references, write_references
from geoflood.database.file_checks import verify
from geoflood.database.manifest import FORMAT, Manifest, Settings, read_manifest, write_manifest
from geoflood.database.plan import SHARD_IMAGES, IndexPlan, locked_index
from geoflood.database.shards import Shard, read_shard, shard_path, write_shard
from geoflood.database.vector_file import write_vectors
from geoflood.database.vectors import VectorStore

SETTINGS = Settings("rootsift", "1", (0, 30), 16, 8, 80.0)


def image(number: int) -> StreetImage:
    when = datetime(2020, 1, 1 + number % 28)
    tag = Geotag(LatLon(52 + number / 1e4, 0.1), "csv", number % 360, 4.5, when, -2.0, 0.5)
    return StreetImage(
        f"folder:{number:05d}.jpg", f"/x/{number}.jpg", tag, Projection.PERSPECTIVE, "CC0-1.0", "me",
        f"https://example.org/{number}",
    )  # fmt: skip


def test_a_plan_comes_back_as_it_was_given(tmp_path: Path) -> None:
    plan = IndexPlan(tmp_path)
    given = [image(i) for i in range(2 * SHARD_IMAGES + 3)]
    assert plan.add([*given, Rejected("y.jpg", "no position"), Rejected("z.jpg", "no position")]) == len(
        given
    )
    shards = list(plan.shards())
    assert [(number, len(images)) for number, images in shards] == [
        (0, SHARD_IMAGES),
        (1, SHARD_IMAGES),
        (2, 3),
    ]
    assert [one for _, images in shards for _, one in images] == given
    assert plan.rejected() == {"no position": 2}
    plan.close()


def test_new_images_begin_a_new_shard_and_old_ones_stay(tmp_path: Path) -> None:
    plan = IndexPlan(tmp_path)
    plan.add(image(i) for i in range(5))
    before = list(plan.shards())
    assert plan.add(image(i) for i in range(8)) == 3
    after = list(plan.shards())
    assert after[:1] == before
    assert [number for number, _ in after[1][1]] == [5, 6, 7]
    assert plan.add(image(i) for i in range(8)) == 0
    plan.close()


def test_a_plan_that_breaks_off_plans_nothing(tmp_path: Path) -> None:
    def breaking() -> object:
        yield image(0)
        raise OSError("the disk is gone")

    plan = IndexPlan(tmp_path)
    with pytest.raises(OSError, match="disk is gone"):
        plan.add(breaking())  # type: ignore[arg-type]
    assert len(plan) == 0
    plan.close()


@pytest.mark.parametrize(("asked", "got"), [(1, 1), (3, 3), (10, 10), (99, 10)])
def test_the_sample_is_spread_and_repeatable(tmp_path: Path, asked: int, got: int) -> None:
    plan = IndexPlan(tmp_path)
    plan.add(image(i) for i in range(10))
    sample = plan.sample(asked)
    assert len({one.key for one in sample}) == got
    assert sample == plan.sample(asked)
    if asked > 1:
        assert {sample[0].key, sample[-1].key} == {image(0).key, image(9).key}
    plan.close()


def test_other_settings_are_refused_naming_both(tmp_path: Path) -> None:
    plan = IndexPlan(tmp_path)
    plan.keep_settings(SETTINGS)
    plan.keep_settings(SETTINGS)
    with pytest.raises(IndexUnusableError, match="backbone salad is not rootsift"):
        plan.keep_settings(replace(SETTINGS, backbone="salad"))
    plan.close()


def test_a_damaged_plan_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(IndexUnusableError, match="damaged"):
        IndexPlan(tmp_path)


def _hold(folder: str, held: object, release: object) -> None:
    with locked_index(Path(folder)):
        held.set()  # type: ignore[attr-defined]
        release.wait()  # type: ignore[attr-defined]


def test_the_second_process_is_told(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(tmp_path), held, release))
    holder.start()
    try:
        while not held.wait(0.1):
            assert holder.is_alive()
        with pytest.raises(IndexUnusableError, match="another geoflood is building"), locked_index(tmp_path):
            pass
        holder.kill()  # the lock ends with its process, however that ends
        holder.join()
        with locked_index(tmp_path):
            pass
    finally:
        holder.kill()


def shard() -> Shard:
    nan = np.float32("nan")
    return Shard(
        image=np.array([0, 0, 2]),
        heading_deg=np.array([0, 45, nan], np.float32),
        fov_deg=np.array([80, 80, nan], np.float32),
        tile_deg=np.array([0, 45, nan], np.float32),
        vectors=np.eye(6, dtype=np.float16).reshape(3, 2, 6),
        rejected=np.array([1]),
        reason=np.array(["truncated"]),
        detail=np.array(["ünïcode"]),
        patches=np.array([3, 0, 2]),
        frame=np.array([[300, 400], [400, 400], [400, 225]]),
    )


def test_a_shard_comes_back(tmp_path: Path) -> None:
    path = shard_path(tmp_path, 42)
    write_shard(path, shard())
    back = read_shard(path)
    assert back is not None
    for name, array in vars(shard()).items():
        np.testing.assert_array_equal(getattr(back, name), array)
    assert [p.name for p in path.parent.iterdir()] == ["000042.npz"], "nothing half-written stays"


@pytest.mark.parametrize("harm", ["truncate", "flip", "pickle", "short", "unended", "absent"])
def test_a_damaged_shard_is_as_good_as_absent(tmp_path: Path, harm: str) -> None:
    path = shard_path(tmp_path, 0)
    write_shard(path, shard())
    if harm == "truncate":
        path.write_bytes(path.read_bytes()[:-200])
    elif harm == "flip":
        data = bytearray(path.read_bytes())
        data[data.index(shard().vectors.tobytes()) + 3] ^= 0xFF
        path.write_bytes(data)
    elif harm == "pickle":
        np.savez(path, **(vars(shard()) | {"reason": np.array([{"a": 1}], object)}))
    elif harm == "short":
        np.savez(path, **(vars(shard()) | {"image": np.array([0])}))
    elif harm == "unended":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("image.npy", b"\x93NUMPY\x01\x00\x06\x00{'a':(")
    else:
        path.unlink()
    assert read_shard(path) is None


def test_a_shard_of_before_patches_were_kept_is_read(tmp_path: Path) -> None:
    path = shard_path(tmp_path, 0)
    write_shard(path, shard())
    older = {name: array for name, array in vars(shard()).items() if name not in ("patches", "frame")}
    np.savez(path, **older)
    back = read_shard(path)
    assert back is not None
    np.testing.assert_array_equal(back.vectors, shard().vectors)
    assert back.patches.tolist() == [0, 0, 0]
    assert back.frame.tolist() == [[0, 0]] * 3


def blocks(rows: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(rows, 2, 16))
    return (found / np.linalg.norm(found, axis=2, keepdims=True)).astype(np.float16)


def test_one_search_answers_the_mixture_exactly(tmp_path: Path) -> None:
    references, queries = blocks(50), blocks(5, seed=1).astype(np.float32)
    path = tmp_path / "vectors.faiss"
    assert write_vectors(path, [references[:20], references[20:20], references[20:]]) == 50
    store = VectorStore(path, bands=2)
    belief = np.array([0.3, 0.7], np.float32)
    similarities, ids = store.search(queries, belief, 10)
    mixture = np.einsum("b,qbd,rbd->qr", belief, queries, references.astype(np.float32))
    np.testing.assert_array_equal(ids, np.argsort(-mixture, axis=1)[:, :10])
    np.testing.assert_allclose(similarities, -np.sort(-mixture, axis=1)[:, :10], atol=2e-3)
    np.testing.assert_allclose(store.rows(np.array([7, 3])), references[[7, 3]].astype(np.float32), atol=1e-3)
    assert store.search(queries, belief, 99)[1].shape == (5, 50)

    among = np.random.default_rng(3).random(50) < 0.3
    kept = np.where(among, mixture, -np.inf)
    count = int(among.sum())
    np.testing.assert_array_equal(
        store.search(queries, belief, 99, among)[1], np.argsort(-kept, axis=1)[:, :count]
    )
    assert store.search(queries, belief, 9, np.zeros(50, bool))[1].shape == (5, 0)


def test_a_search_leaves_the_threads_as_they_were(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v", [blocks(50)])
    store, before = VectorStore(tmp_path / "v", bands=2), faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        store.search(blocks(1).astype(np.float32), np.array([0.5, 0.5], np.float32), 5)
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)


def built(folder: Path) -> Manifest:
    """A small index, put together by hand."""
    when = datetime(2021, 5, 4)
    references = [
        Reference(
            i, f"k{i // 2}", LatLon(1 + i, 2), f"{i}.jpg", 350.0 if i else None, 80.0, "CC0", "me", when, 45.0
        )
        for i in range(4)
    ]
    assert write_references(folder / "references.sqlite", references) == 4
    write_vectors(folder / "vectors.faiss", [blocks(4)])
    (folder / "learned.npz").write_bytes(b"x")
    files = {n: fingerprint(folder / n) for n in ("references.sqlite", "vectors.faiss", "learned.npz")}
    manifest = Manifest("Nowhere", SETTINGS, 2, 4, {"truncated": 1}, (("me", "CC0", 2),), {}, files)
    write_manifest(folder, manifest)
    return manifest


def test_a_database_comes_back(tmp_path: Path) -> None:
    manifest = built(tmp_path)
    database = Database(tmp_path)
    assert database.manifest == manifest
    assert [r.id for r in database.references([2, 0])] == [2, 0]
    assert database.references([0])[0].heading_deg is None
    assert database.references([1])[0].taken_at == datetime(2021, 5, 4)
    assert database.headings() == {"N": 3, "unknown": 1}
    assert len(database.open_vectors()) == len(database) == 4
    assert database.city().coverage.shape == (4, 2)
    captures = database.captures
    assert database.positions[:, 0].tolist() == [1, 2, 3, 4]
    assert captures.image.tolist() == [0, 0, 1, 1]
    assert set(captures.day) == {datetime(2021, 5, 4).toordinal()}
    assert captures.heading_deg.tolist()[1:] == [350.0] * 3
    assert np.isnan(captures.heading_deg[0])


def test_an_index_without_links_is_read_and_goes_on(tmp_path: Path) -> None:
    """As an older geoflood wrote it."""
    built(tmp_path)
    plan = IndexPlan(tmp_path)
    plan.add([image(0)])
    plan.close()
    for file, table in (("references.sqlite", "refs"), ("ledger.sqlite", "images")):
        db = sqlite3.connect(tmp_path / file)
        for column in ("link", "pitch", "roll") if table == "images" else ("link",):
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        db.close()
    (reference,) = read_references(tmp_path / "references.sqlite", [2])
    assert (reference.credit, reference.link) == ("me", "")
    plan = IndexPlan(tmp_path)
    assert plan.add([image(0), image(1)]) == 1
    assert [one.link for _, images in plan.shards() for _, one in images] == ["", "https://example.org/1"]
    plan.close()


@pytest.mark.parametrize("name", ["references.sqlite", "vectors.faiss", "learned.npz"])
def test_a_flipped_bit_is_found(tmp_path: Path, name: str) -> None:
    built(tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(IndexUnusableError, match=f"{name} is damaged"):
        Database(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    built(tmp_path)
    (tmp_path / "vectors.faiss").unlink()
    with pytest.raises(IndexUnusableError, match=r"vectors\.faiss is missing"):
        Database(tmp_path)


def test_files_outside_the_index_are_never_read(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    manifest = built(tmp_path / "inside")
    secret = tmp_path / "secret"
    secret.write_text("x")
    with pytest.raises(IndexUnusableError, match="missing"):
        verify(tmp_path / "inside", replace(manifest, files={"../secret": fingerprint(secret)}))


def test_no_index_and_unfinished_index(tmp_path: Path) -> None:
    with pytest.raises(CityError, match="no index"):
        read_manifest(tmp_path)
    IndexPlan(tmp_path).close()
    with pytest.raises(IndexUnusableError, match="unfinished"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"format": 1}', "[" * 100_000, '{"format": "1", "settings": 3}', "\0\0"],
)
def test_a_damaged_manifest_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(IndexUnusableError, match="damaged") as caught:
        read_manifest(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    built(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": FORMAT + 1, "news": True}))
    with pytest.raises(IndexUnusableError, match=f"format {FORMAT + 1}"):
        read_manifest(tmp_path)


def test_references_are_plain_rows(tmp_path: Path) -> None:
    built(tmp_path)
    with sqlite3.connect(tmp_path / "references.sqlite") as db:
        assert db.execute("SELECT count(*), min(id), max(id) FROM refs").fetchone() == (4, 0, 3)
    db.close()
