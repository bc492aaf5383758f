"""Countries out of Natural Earth, as its package ships them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoflood.core.errors import ExtraMissingError
from geoflood.places.world_map import WorldMap, check_world_map, read_world_map


@pytest.fixture(scope="module")
def world() -> WorldMap:
    return read_world_map()


def test_countries_of_places(world: WorldMap) -> None:
    places = {
        (53.55, 9.99): "Germany",
        (1.35, 103.82): "Singapore",
        (6.45, 3.4): "Nigeria",
        (35.9, 14.5): "Malta",
        (-29.5, 28.0): "Lesotho",
        (52.2, 4.2): "Netherlands",  # 20 km off the coast
        (-17.8, 178.0): "Fiji",
        (0.0, 0.0): "",
    }
    assert world.countries(np.array(list(places))) == list(places.values())
    assert len(world.names) > 200
    assert world.countries(np.empty((0, 2))) == []


def test_outlines_are_small_and_no_country_is_lost(world: WorldMap) -> None:
    rings = world.rings(0.5)
    assert sum(map(len, rings)) < 10_000
    assert len(rings) >= len(world.names)
    points = np.concatenate(rings)
    assert np.abs(points[:, 0]).max() <= 90
    assert np.abs(points[:, 1]).max() <= 180


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    find = importlib.util.find_spec

    def other(name: str, *rest: Any) -> Any:
        spec = find(name, *rest)
        if name.startswith("geocoder") and spec is not None:
            spec.submodule_search_locations = [str(tmp_path)]
        return spec

    monkeypatch.setattr(importlib.util, "find_spec", other)
    with pytest.raises(ExtraMissingError, match="came without its shapes"):
        read_world_map()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissingError) as raised:
        check_world_map()
    assert raised.value.hint == 'pip install "geoflood[world]"'
