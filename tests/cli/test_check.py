"""`geoflood info --check`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.support.commands import Result

Run = Callable[..., Result]


def test_all_right_is_said(run: Run, index_dir: Path) -> None:
    facts = json.loads(run("info", "town", "--check", "--index-dir", index_dir, "--json").stdout)
    assert facts["checked"].endswith("all right")
    assert "all right" in run("info", "town", "--check", "--index-dir", index_dir).stdout


def test_what_is_damaged_is_named(run: Run, index_dir: Path, tmp_path: Path) -> None:
    town = Path(shutil.copytree(index_dir / "town", tmp_path / "town"))
    for shard in (town / "shards").iterdir():
        shard.write_bytes(b"")
    assert run("info", "town", "--index-dir", tmp_path).exit_code == 0, "it can be searched"
    result = run("info", "town", "--check", "--index-dir", tmp_path)
    assert (result.exit_code, result.stdout) == (5, "")
    assert "damaged or missing" in result.stderr
    told = "".join(result.stderr.split())
    assert all(f"{path.name}:cutordamaged" in told for path in (town / "shards").iterdir())
