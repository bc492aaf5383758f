"""The commands that take queries, run on the drawn town's index."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.synthetic.town import Truth
from tests.support.commands import Result


@pytest.fixture
def run(tmp_path: Path, index_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command in an empty folder, with the town indexed."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("GEOFLOOD_", "OLLAMA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", str(index_dir))
    monkeypatch.setenv("GEOFLOOD_CACHE_DIR", str(tmp_path / "cache"))
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def table(queries: list[tuple[Path, Truth]]) -> Path:
    """Six photos of the town and one of another, with the truth about each."""
    return queries[0][0].parent / "truth.csv"
