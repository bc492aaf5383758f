"""`geoflood dataset` as scripts and people meet it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import Result, error_line

Call = Callable[..., Result]


def test_a_round_trip_through_the_folders(run: Call, table: Path, tmp_path: Path) -> None:
    """Written and evaluated again: the same photos are found among the same references."""
    result = run("dataset", "town", table, tmp_path / "set")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "there already" in error_line(run("dataset", "town", table, tmp_path / "set"), 2)
    before = json.loads(run("evaluate", "town", table, "--json").stdout)
    after = json.loads(run("evaluate", "town", tmp_path / "set", "--json").stdout)
    for name in ("queries", "with_positive", "recall"):
        assert after[name] == before[name]


def test_a_folder_of_links_is_read_again_and_counted(run: Call, table: Path, tmp_path: Path) -> None:
    result = run("dataset", "town", table, tmp_path / "set", "--link", "--json")
    assert result.exit_code == 0, result.output
    counts = json.loads(result.stdout)
    assert (counts["queries"], counts["lost"]) == (7, {})
    assert counts["database"] > 20
    assert run("evaluate", "town", tmp_path / "set", "--json").exit_code == 0


def test_what_is_lost_is_counted(run: Call, table: Path, tmp_path: Path) -> None:
    header, first, *_ = table.read_text().splitlines()
    shutil.copy(table.parent / first.split(",")[0], tmp_path)
    (tmp_path / "few.csv").write_text(f"{header}\n{first}\ngone.jpg{first[first.index(',') :]}\n")
    result = run("dataset", "town", tmp_path / "few.csv", tmp_path / "set", "--flood", 0.3, "--json")
    assert result.exit_code == 10
    assert json.loads(result.stdout)["lost"] == {"missing file": 1}
    (query,) = (tmp_path / "set" / "queries").iterdir()
    assert "synthetic-flood" in query.name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--effects", "water"), "--flood"),
        (("--effects", "fire"), "no effects"),
    ],
)
def test_bad_water_is_a_usage_error(run: Call, table: Path, options: tuple[str, str], message: str) -> None:
    assert message in error_line(run("dataset", "town", table, "set", *options), 2)
    assert not Path("set").exists()
