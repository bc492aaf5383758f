"""The sea lies to the right of its coast, islands are holes in it; a coast that breaks off tells nothing."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geoflood.places.sea import sea_rings

BOX = (0.0, 0.0, 1.0, 1.0)


def line(*points: tuple[float, float]) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(points, float)


def wet(rings: list[np.ndarray], lat: float, lon: float) -> bool:  # type: ignore[type-arg]
    """Whether an odd count of rings encloses a spot."""
    spot = shapely.Point(lon, lat)
    return sum(shapely.Polygon(ring[:, ::-1]).contains(spot) for ring in rings) % 2 == 1


def test_water_is_on_the_right() -> None:
    """Going east along 0.5, the south is on the right."""
    east = line((0.5, -0.2), (0.5, 0.5), (0.5, 1.2))
    rings = sea_rings([east], BOX)
    assert wet(rings, 0.3, 0.5)
    assert not wet(rings, 0.7, 0.5)
    other = sea_rings([east[::-1]], BOX)
    assert wet(other, 0.7, 0.5)
    assert not wet(other, 0.3, 0.5)


def test_a_coast_in_pieces_with_an_island() -> None:
    coast = [line((0.5, 0.4), (0.5, 1.2)), line((0.5, -0.2), (0.5, 0.4))]
    island = line((0.2, 0.2), (0.2, 0.4), (0.3, 0.4), (0.3, 0.2), (0.2, 0.2))  # land on its left
    rings = sea_rings([*coast, island], BOX)
    assert wet(rings, 0.1, 0.5)
    assert not wet(rings, 0.25, 0.3)
    assert not wet(rings, 0.8, 0.8)


def test_an_island_alone_lies_in_the_sea() -> None:
    island = line((0.2, 0.2), (0.2, 0.4), (0.3, 0.4), (0.3, 0.2), (0.2, 0.2))
    rings = sea_rings([island], BOX)
    assert wet(rings, 0.8, 0.8)
    assert not wet(rings, 0.25, 0.3)


def test_any_scribble_is_borne() -> None:
    """Whatever is drawn, the answer is rings or none, in the box."""
    random = np.random.default_rng(3)
    for _ in range(100):
        coast = [random.normal(0.5, 0.4, (random.integers(1, 30), 2)).round(1) for _ in range(5)]
        for ring in sea_rings(coast, BOX):
            assert len(ring) >= 4
            assert ((ring >= 0) & (ring <= 1)).all()


def test_a_coast_that_ends_just_before_the_edge_is_prolonged() -> None:
    rings = sea_rings([line((0.5, 0.001), (0.5, 0.999))], BOX)
    assert wet(rings, 0.3, 0.5)
    assert not wet(rings, 0.7, 0.5)


@pytest.mark.parametrize(
    "coast",
    [
        [],
        [line((0.5, 0.5))],
        [line((5.0, 5.0), (5.0, 6.0))],
        [line((0.5, -0.2), (0.5, 0.6))],
        [line((0.5, 0.2), (0.5, 0.6))],
        [line((0.5, -0.2), (0.5, 1.2)), line((0.7, -0.2), (0.7, 1.2))],
    ],
    ids=["none", "a point", "elsewhere", "cut on one side", "cut on both", "two that disagree"],
)
def test_what_tells_nothing_is_no_sea(coast: list[np.ndarray]) -> None:  # type: ignore[type-arg]
    rings = sea_rings(coast, BOX)
    assert not wet(rings, 0.6, 0.5)
