"""Large files are read again only when their size or times are others; by --check always."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geoflood.core.errors import IndexUnusableError
from geoflood.core.files import fingerprint
from geoflood.database import file_checks
from geoflood.database.captures import find_captures
from geoflood.database.check_index import check_index
from geoflood.database.file_checks import verify
from geoflood.database.index_files import CAPTURES, CHECKED
from geoflood.database.manifest import Manifest, read_manifest


@pytest.fixture
def town(index_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the town's index, whose files count as large."""
    monkeypatch.setattr(file_checks, "SMALL", 0)
    return Path(shutil.copytree(index_dir / "town", tmp_path / "town"))


@pytest.fixture
def manifest(town: Path) -> Manifest:
    return read_manifest(town)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read whole, as they are read."""
    names: list[str] = []

    def noted(path: Path) -> str:
        names.append(path.name)
        return fingerprint(path)

    monkeypatch.setattr(file_checks, "fingerprint", noted)
    return names


def flip(path: Path) -> None:
    """Another byte in the middle; size and time of the content stay."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_copy_is_read_once(town: Path, manifest: Manifest, read: list[str]) -> None:
    verify(town, manifest)
    assert sorted(read) == sorted(manifest.files)
    verify(town, manifest)
    assert len(read) == len(manifest.files)
    os.utime(town / "vectors.faiss")
    verify(town, manifest)
    assert read[len(manifest.files) :] == ["vectors.faiss"]


def test_small_files_are_always_read(
    town: Path, manifest: Manifest, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_checks, "SMALL", 1 << 30)
    for _ in range(2):
        verify(town, manifest)
    assert len(read) == 2 * len(manifest.files)
    assert not (town / CHECKED).exists() or json.loads((town / CHECKED).read_text()) == {}


@pytest.mark.parametrize("harm", [flip, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_what_changes_is_noticed(town: Path, manifest: Manifest, harm: Callable[[Path], object]) -> None:
    """A time of the content that was set back hides nothing: that of the entry is another."""
    verify(town, manifest)
    harm(town / "vectors.faiss")
    for _ in range(2):
        with pytest.raises(IndexUnusableError, match=r"vectors\.faiss is damaged"):
            verify(town, manifest)


@pytest.mark.parametrize(
    "note", ["", "[]", "{", '{"vectors.faiss": 3}', '{"vectors.faiss": ["x", "y"]}', "[" * 100_000]
)
def test_a_note_of_somebody_else_is_no_note(
    town: Path, manifest: Manifest, read: list[str], note: str
) -> None:
    (town / CHECKED).write_text(note)
    verify(town, manifest)
    assert sorted(read) == sorted(manifest.files)


def test_a_folder_that_cannot_be_written_is_read_each_time(
    town: Path, manifest: Manifest, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (town / CHECKED).unlink(missing_ok=True)

    def refuse(path: Path, data: str) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(file_checks, "write_whole", refuse)
    for _ in range(2):
        verify(town, manifest)
    assert len(read) == 2 * len(manifest.files)


def test_rot_that_no_time_tells_is_found_by_reading_all(town: Path, manifest: Manifest) -> None:
    """The disk changed a byte, so no time did; from then on the index is refused."""
    flip(town / "vectors.faiss")
    now = (town / "vectors.faiss").stat()
    times = [manifest.files["vectors.faiss"], now.st_size, now.st_mtime_ns, now.st_ctime_ns]
    (town / CHECKED).write_text(json.dumps({"vectors.faiss": times}))
    verify(town, manifest)
    bad = {one.name: one.problem for one in check_index(town, manifest) if one.problem}
    assert bad == {"vectors.faiss": "its checksum is not the manifest's"}
    with pytest.raises(IndexUnusableError, match="damaged"):
        verify(town, manifest)


def test_shards_and_patches_are_missed(town: Path, manifest: Manifest) -> None:
    shard, patches = min((town / "shards").iterdir()), max((town / "patches").iterdir())
    shard.write_bytes(shard.read_bytes()[:-100])
    patches.unlink()
    (town / CAPTURES).unlink()
    bad = {one.name: one.problem for one in check_index(town, manifest) if one.problem}
    assert bad[f"shards/{shard.name}"] == "cut or damaged"
    assert bad[CAPTURES] == "missing"
    assert len(bad) == 2 if patches.stem == shard.stem else bad[f"patches/{patches.name}"] == "missing or cut"


def test_captures_are_what_the_references_say(town: Path, manifest: Manifest) -> None:
    """The array and the database, as an older geoflood left it alone, say the same."""
    kept, asked = find_captures(town, manifest.files), find_captures(town, [])
    assert isinstance(kept.positions.base, np.ndarray)
    assert not kept.positions.flags.writeable
    for name in ("positions", "image", "day", "heading_deg"):
        assert np.array_equal(getattr(kept, name), getattr(asked, name), equal_nan=True), name
    assert len(kept) == manifest.references
    assert len(np.unique(kept.image)) == manifest.images


@pytest.mark.parametrize("array", [np.zeros(3), np.array([{}], object), np.zeros((2, 2), "f8,f4,i4,i8")])
def test_captures_of_somebody_else_are_refused(town: Path, array: np.ndarray) -> None:
    np.save(town / CAPTURES, array, allow_pickle=True)
    with pytest.raises(IndexUnusableError, match=r"captures\.npy is damaged"):
        find_captures(town, [CAPTURES])
