"""Of a folder of street images every file is used or told, whatever lies in it."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from tests.support.fuzz_streets import listed, look, lost, make


@given(st.integers(0, 2**32))
def test_every_file_is_used_or_told(seed: int) -> None:
    with TemporaryDirectory() as folder:
        make(Path(folder), random.Random(seed))
        found = listed(Path(folder))
        assert lost(Path(folder), found) == []
        assert look(found).total() == len(found)


def test_a_file_without_a_fate_is_noticed(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "more.zip"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "t.csv").write_text("image,note\na.jpg,x\n")
    found = listed(tmp_path)
    assert lost(tmp_path, found) == []
    assert [Path(one.location).name for one in found] == ["t.csv", "more.zip", "a.jpg", "b.jpg"]
    for one in found[1:]:
        assert lost(tmp_path, [other for other in found if other is not one]) == [one.location]
        assert lost(tmp_path, [*found, one]) == [one.location]
