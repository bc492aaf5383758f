"""Every stage of `geoflood index` says how far it is, all the way, so that nobody takes it for hung."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from geoflood.cli.time_left import INDEXING
from geoflood.database import describe_shards
from geoflood.database.build import build
from geoflood.database.manifest import Settings
from geoflood.imagery.folder import images
from tests.support.calibration import calibrate_quickly


def test_every_stage_reports_from_its_first_step_to_its_last(
    streets: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describe_shards, "REPORT_S", 0.01)
    monkeypatch.setattr(describe_shards, "VIEWS_AT_ONCE", 4)
    told: dict[str, list[float]] = defaultdict(list)

    def progress(stage: str, done: int, total: int) -> None:
        told[stage].append(done / max(total, 1))

    build(
        tmp_path / "town",
        "Town",
        images([streets]),
        replace(settings, dimension=16),
        calibrate_quickly,
        progress=progress,
    )
    only_large = "making the coarse file"
    expected = [stage.name for stage in INDEXING[1:] if stage.name not in ("describing", only_large)]
    assert list(told) == ["describing", *expected]
    for stage, shares in told.items():
        assert shares == sorted(shares), stage
        assert shares[-1] == pytest.approx(1.0, abs=0.05), stage
        assert len(set(shares)) > (2 if stage == "joining" else 5), f"{stage} stands still"
    assert told["comparing"].count(1.0) == 1, "it was said to be done while it worked on"
