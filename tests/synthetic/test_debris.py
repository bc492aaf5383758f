"""What floats: blocks in a camera's view, cut off at the water, mirrored in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from geoflood.synthetic.blocks import Thing, bag, bin_, car, faces, plank
from geoflood.synthetic.flood.debris import KINDS, FloatingThing, float_things, mirror_things, paint_things
from geoflood.synthetic.flood.reflection import mirror
from geoflood.synthetic.flood.water import WaterSurface, surface
from tests.support.street_pictures import busy_street

Kind: TypeAlias = Callable[[np.random.Generator], Thing]

CAMERA = (0.0, 0.0, 1.6)


@pytest.fixture
def water() -> WaterSurface:
    return surface(240, 320, 0.45, np.random.default_rng(3))


def drawn(kind: Kind) -> Thing:
    return kind(np.random.default_rng(1))


def opacity(things: list[FloatingThing], water: WaterSurface) -> NDArray[np.uint8]:
    return np.asarray(paint_things(things, water, busy_street())[0])[..., 3]


@pytest.mark.parametrize("kind", [car, bin_, bag, plank])
@pytest.mark.parametrize("heading", np.linspace(0.0, 6.0, 5).tolist())
def test_faces_that_look_away_are_left_out(kind: Kind, heading: float) -> None:
    for _, face in faces(drawn(kind), (1.0, 8.0), heading, CAMERA):
        normal = np.cross(face[1] - face[0], face[-1] - face[0])
        assert normal @ (np.array(CAMERA) - face[0]) > 0.0


def test_the_front_of_a_thing_is_where_it_heads() -> None:
    """A car that heads right is longer across than one that looks away."""
    spans = []
    for heading in (math.pi / 2, 0.0):
        spots = np.concatenate([face for _, face in faces(drawn(car), (0.0, 8.0), heading, CAMERA)])
        spans.append(np.ptp(spots[:, 0]))
    assert spans[0] > 2.0 * spans[1]


def test_what_is_farther_is_smaller_and_higher(water: WaterSurface) -> None:
    near, far = (
        np.argwhere(opacity([FloatingThing(drawn(bin_), 0, away, 0, 0.3)], water)) for away in (4.0, 12.0)
    )
    assert np.ptp(near[:, 0]) > 1.8 * np.ptp(far[:, 0])
    assert near[:, 0].max() > far[:, 0].max()


def test_what_is_sunken_or_too_near_is_not_painted(water: WaterSurface) -> None:
    for away, draft in ((5.0, 2.0), (0.5, 0.3)):
        assert not opacity([FloatingThing(drawn(bin_), 0, away, 0, draft)], water).any()


def test_things_are_as_bright_as_their_photo(water: WaterSurface) -> None:
    things = [FloatingThing(drawn(car), 0, 8.0, 1.0, 0.6)]
    bright, dark = (
        np.asarray(paint_things(things, water, photo)[0]) for photo in (busy_street(), busy_street() // 2)
    )
    assert np.array_equal(bright[..., 3], dark[..., 3])
    assert bright[..., :3].sum() > 1.5 * dark[..., :3].sum()


def test_a_thing_is_mirrored_below_its_foot(water: WaterSurface) -> None:
    things = [FloatingThing(drawn(car), 0, 8.0, 1.0, 0.4)]
    upright, mirrored = paint_things(things, water, busy_street(240, 320))
    above, below = (np.argwhere(np.asarray(part)[..., 3])[:, 0] for part in (upright, mirrored))
    assert below.min() < above.max() < below.max()
    reflected = mirror(busy_street(240, 320), water)
    before = reflected.copy()
    mirror_things(reflected, mirrored, water)
    changed = np.argwhere((reflected != before).any(0))
    assert len(changed)
    assert changed[:, 0].min() + water.top > above.min()


@pytest.mark.parametrize("seed", range(3))
def test_things_float_on_the_water_the_farthest_first(water: WaterSurface, seed: int) -> None:
    assert sum(share for _, share, _ in KINDS) == pytest.approx(1.0)
    things = float_things(water, np.random.default_rng(seed), 1.0)
    away = [thing.away for thing in things]
    assert away == sorted(away, reverse=True)
    assert opacity(things, water).shape == (240, 320)
    assert opacity(things, water).any()
    assert len(float_things(water, np.random.default_rng(seed), 0.01)) == 1
