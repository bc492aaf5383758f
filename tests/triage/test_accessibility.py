"""Both maps by axe-core: nothing serious keeps a person from reading or reaching what is in them.

Opt-in (`make test-axe`): GEOFLOOD_AXE names the script of axe-core, which npm fetches for this test alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geoflood.core.datatypes import AttentionMap, Outcome
from geoflood.outputs.map import PanelSheet, write_map
from geoflood.triage.export.triage_page import write_triage
from geoflood.triage.findings import Finding
from tests.support.browser import needs_browser
from tests.support.keyboard import keyboard
from tests.support.triage_results import CITY, any_picture, finding

AXE = os.environ.get("GEOFLOOD_AXE", "")

pytestmark = pytest.mark.skipif(not AXE, reason="GEOFLOOD_AXE names no script of axe-core")

FINDINGS = """axe.run().then((found) => found.violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => [one.id, ...one.nodes.map((node) => node.html.slice(0, 200))]))"""


def looked_at(number: int) -> Finding:
    one = finding(number, "Help, trapped on the roof", list(Outcome)[number % 5], 400.0)
    attention = AttentionMap(np.linspace(0.2, 1.8, 12, dtype=np.float32).reshape(3, 4), 0.4, "analyst")
    return replace(one, located=replace(one.located, attention=attention))


@needs_browser
@pytest.mark.parametrize("night", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("keys", [(), ("Escape", "q"), ("Escape", "e")], ids=["sign", "queue", "compare"])
def test_the_triage_page(tmp_path: Path, keys: Sequence[str], width: int, night: bool) -> None:
    page = tmp_path / "triage.html"
    write_triage(page, map(looked_at, range(1, 12)), CITY, "b", view=any_picture)
    assert serious(page, tmp_path, keys, width, night) == []


@needs_browser
@pytest.mark.parametrize("night", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("keys", [(), ("e",)], ids=["map", "compare"])
def test_the_map(tmp_path: Path, keys: Sequence[str], width: int, night: bool) -> None:
    page = tmp_path / "map.html"
    write_map(page, [PanelSheet(looked_at(n).located, any_picture(None)) for n in range(1, 6)], CITY)
    assert serious(page, tmp_path, keys, width, night) == []


def serious(page: Path, tmp_path: Path, keys: Sequence[str], width: int, night: bool) -> object:
    with keyboard(tmp_path / "profile") as pressed:
        pressed.open(page, width, 800, night)
        pressed.press(*keys)
        pressed.ask(f"{Path(AXE).read_text('utf-8')}; 1")
        return pressed.ask(FINDINGS)
