"""`geoflood calibrate` as scripts and people meet it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from geoflood.database.calibration import CalibrationKey
from geoflood.database.manifest import read_manifest
from geoflood.localize.calibration import calibrate
from tests.support.calibration import PLAIN
from tests.support.commands import Result, error_line

Call = Callable[..., Result]


@pytest.fixture
def own_index(index_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of indexes whose town may be changed; the few photos of the town are enough for it."""
    monkeypatch.setattr(calibrate, "refine", partial(calibrate.refine, plan=PLAIN))
    shutil.copytree(index_dir / "town", tmp_path / "indexes" / "town")
    return tmp_path / "indexes"


def test_an_index_learns_from_labelled_queries(run: Call, table: Path, own_index: Path) -> None:
    result = run("calibrate", "town", table, "--index-dir", own_index, "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    calibration = read_manifest(own_index / "town").calibration
    assert (record["index"], record["queries"], record["parts"]) == ("town", 7, len(calibration))
    assert record["labelled"] == sum(entry.labelled for entry in calibration.values()) > 0
    assert calibration[CalibrationKey(None)].labelled


def test_queries_that_cannot_be_used_are_counted(run: Call, table: Path, own_index: Path) -> None:
    lines = table.read_text().splitlines()
    folder = own_index / "photos"
    shutil.copytree(table.parent, folder)
    (folder / "truth.csv").write_text("\n".join([*lines, "gone.jpg,1,1"]) + "\n")
    result = run("calibrate", "town", folder / "truth.csv", "--index-dir", own_index)
    assert result.exit_code == 10
    assert "queries left out: 1 (1 missing file)" in " ".join(result.stderr.split())
    calibration = read_manifest(own_index / "town").calibration
    labelled = sum(entry.labelled for entry in calibration.values())
    assert f"{labelled} of {len(calibration)} parts by labelled photos" in result.stdout


def test_references_are_no_queries(run: Call, streets: Path, own_index: Path) -> None:
    before = read_manifest(own_index / "town").calibration
    message = error_line(run("calibrate", "town", streets, "--index-dir", own_index, "-q"), 3)
    assert "references of this index" in message
    assert read_manifest(own_index / "town").calibration == before


def test_help_opens_with_an_example(run: Call) -> None:
    lines = run("calibrate", "--help").stdout.splitlines()
    assert "geoflood calibrate hamburg" in next(
        line for line in lines if line.strip() and "Usage" not in line
    )
