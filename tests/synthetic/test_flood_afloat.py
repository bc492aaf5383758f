"""What floats: solids in a camera's eye, cars and debris made of them, their light and their mirror image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoflood.synthetic.flood.afloat import body, cast, look
from geoflood.synthetic.flood.cars import CARS, PAINTS, FloatingCar, car
from geoflood.synthetic.flood.debris import KINDS, PIECES, piece
from geoflood.synthetic.flood.painting import FloatCamera, Sprite, averaged, painted
from geoflood.synthetic.flood.reflection import mirror
from geoflood.synthetic.flood.solids import Pose, Solid, box, cut, packed, placed
from geoflood.synthetic.flood.water import surface
from tests.support.street_pictures import busy

VIEW = FloatCamera(480, 640, 240.0)


@pytest.mark.parametrize("row", [240.0, 300.0, 470.0])
def test_a_thing_on_the_water_is_seen_in_its_row(row: float) -> None:
    away = VIEW.away(row)
    column, found = VIEW.project(np.array([[0.0, away, 0.0]]))[0]
    assert (column, found) == (pytest.approx(320.0), pytest.approx(row))


def alone(solid: Solid, pose: Pose) -> Sprite | None:
    return painted([(solid, pose)], VIEW, np.ones(3))[0]


GREY = packed(box(1, 1, 1, (90, 90, 90)))


def test_what_is_farther_is_smaller_and_higher() -> None:
    near, far = painted([(GREY, Pose(0, away, 0)) for away in (5, 12)], VIEW, np.ones(3))
    assert near
    assert far
    assert len(near.solid) > 1.8 * len(far.solid)
    assert near.top + len(near.solid) > far.top + len(far.solid)


def test_things_painted_together_are_those_painted_alone() -> None:
    things = [
        (car(CARS[1], PAINTS[3]), Pose(-2, 9, 1.2, draft=0.6)),
        (GREY, Pose(0.5, 7, 0.3, 0.1, 0.2, 0.4)),
    ]
    together = painted([*things, (GREY, Pose(0, 5, 0, draft=2.0))], VIEW, np.ones(3))
    for (solid, pose), one in zip(things, together, strict=False):
        other = alone(solid, pose)
        assert one
        assert other
        assert (one.left, one.top) == (other.left, other.top)
        assert np.array_equal(one.colours, other.colours)
        assert np.array_equal(one.solid, other.solid)
    assert together[2] is None


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.tuples(*[st.floats(-2.0, 2.0)] * 3), min_size=3, max_size=6), min_size=1, max_size=4)
)
def test_nothing_is_seen_through_the_water(polygons: list[list[tuple[float, float, float]]]) -> None:
    starts = np.cumsum([0, *map(len, polygons)])
    kept, begins = cut(np.concatenate([np.array(corners) for corners in polygons]), starts)
    assert begins[-1] == len(kept)
    for corners, begin, end in zip(polygons, begins[:-1], begins[1:], strict=True):
        above = kept[begin:end]
        heights = [up for _, _, up in corners]
        assert (above[:, 2] >= 0.0).all()
        if min(heights) >= 0:
            assert np.array_equal(above, np.array(corners))
        if max(heights) < 0:
            assert not len(above)
        elif min(heights) < 0:
            assert len(above) > 1


def test_a_front_that_goes_down_goes_down() -> None:
    ahead = np.array([[1.0, 0.0, 0.0]])
    assert placed(ahead, Pose(0, 5, 0, pitch=0.1))[0, 2] < 0
    assert placed(ahead, Pose(0, 5, 0))[0] == pytest.approx([0.0, 6.0, 0.0])
    assert placed(ahead, Pose(0, 5, np.pi / 2))[0] == pytest.approx([1.0, 5.0, 0.0])
    assert placed(ahead, Pose(0, 5, 0, draft=0.5))[0, 2] == pytest.approx(-0.5)


def test_four_pixels_are_averaged_as_they_are() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (6, 10, 4), np.uint8)
    means = pixels.reshape(3, 2, 5, 2, 4).mean((1, 3))
    assert np.array_equal(np.moveaxis(averaged(pixels), 0, 2), means)
    assert np.array_equal(averaged(np.full((2, 2, 4), 255, np.uint8)), np.full((4, 1, 1), 255.0))


def test_what_is_sunken_or_too_near_is_not_painted() -> None:
    assert alone(GREY, Pose(0, 5, 0, draft=1.5)) is None
    assert alone(GREY, Pose(0, 0.5, 0)) is None
    assert painted([], VIEW, np.ones(3)) == []


@pytest.mark.parametrize("heading", np.linspace(0.1, 6.2, 7).tolist())
def test_a_hull_hides_its_other_side(heading: float) -> None:
    """To leave out what looks away changes nothing, so the corners of hulls go round the right way."""
    for solid, draft in [(GREY, 0.3), *((car(kind, PAINTS[2]), 0.6) for kind in CARS)]:
        pose = Pose(0, 8, heading, draft=draft)
        some, every = alone(solid, pose), alone(replace(solid, hides=np.zeros_like(solid.hides)), pose)
        assert some
        assert every
        differs = some.solid.shape != every.solid.shape or np.abs(some.solid - every.solid).mean()
        assert differs < 0.03


def seen(kind: FloatingCar, heading: float, draft: float, paint: int = 2) -> Sprite:
    sprite = alone(car(kind, PAINTS[paint]), Pose(0, 8, heading, draft=draft))
    assert sprite
    return sprite


@pytest.mark.parametrize("kind", CARS)
@pytest.mark.parametrize("heading", [0.0, 0.8, 1.6, 3.1, 4.5])
def test_a_car_is_painted_from_all_sides(kind: FloatingCar, heading: float) -> None:
    sprite = seen(kind, heading, 0.6)
    solid = sprite.solid > 0.99
    assert solid.mean() > 0.5
    bright = sprite.colours.max(0)[solid]
    assert np.ptp(bright) > 80, "glass is darker than paint"
    assert len(np.unique(bright.astype(int))) > 20, "no face is like the next"


@pytest.mark.parametrize("kind", CARS)
def test_a_car_has_red_lamps_behind_and_pale_ones_before(kind: FloatingCar) -> None:
    behind, before = seen(kind, 0.0, 0.4, 5), seen(kind, np.pi, 0.4, 6)
    red = behind.colours[0] - behind.colours[1:].max(0) > 30
    columns = np.flatnonzero(red.any(0))
    assert columns.min() < 0.3 * red.shape[1]
    assert columns.max() > 0.7 * red.shape[1]
    pale = before.colours.min(0) > 120
    low = pale[len(pale) // 2 :]
    assert low[:, : pale.shape[1] // 3].any()
    assert low[:, -(pale.shape[1] // 3) :].any()


def test_windows_mirror_more_sky_the_higher_they_lean() -> None:
    sprite = seen(CARS[2], np.pi / 2, 0.7)
    glass = (sprite.colours.max(0) < 100) & (sprite.solid > 0.99)
    rows = np.flatnonzero(glass.sum(1) > 0.25 * glass.shape[1])
    rows = rows[rows < 0.75 * len(glass)]
    means = [sprite.colours[:, row][:, glass[row]].mean() for row in (rows[len(rows) // 4], rows[-2])]
    assert means[0] > means[1] + 5


def test_all_kinds_of_debris_float() -> None:
    assert sum(share for _, share in KINDS) == pytest.approx(1.0)
    for kind, _ in KINDS:
        for number in range(PIECES):
            solid, draft = piece(kind, number)
            assert solid.points[:, 2].min() < draft < solid.points[:, 2].max()
            assert alone(solid, Pose(0, 6, 0.5, draft=draft))
        assert len({piece(kind, number)[0].points.tobytes() for number in range(5)}) > 1, "they differ"


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (0.4, 0.45, 0.5), (1.0, 0.8, 0.6)])
def test_things_afloat_are_in_the_light_of_their_photo(tint: tuple[float, float, float]) -> None:
    usual, photo = busy(), (busy() * np.array(tint)).astype(np.uint8)
    bright, here = look(usual), look(photo)
    ratio = here.light / bright.light
    assert ratio.max() <= 1.05
    assert (np.argsort(ratio) == np.argsort(tint)).all() or np.ptp(tint) == 0
    assert look(np.full((40, 60, 3), 99, np.uint8)).grain == 0.0
    assert bright.grain > 1.0


@pytest.mark.parametrize("seed", range(3))
def test_a_car_is_mirrored_below_its_foot(seed: int) -> None:
    """Under a pale car the water is paler than under a black one, though both shade it."""
    photo = busy(240, 320)
    water = surface(240, 320, 0.45, np.random.default_rng(seed))
    found = []
    for paint in (2, 6):
        sprite = painted(
            [(car(CARS[4], PAINTS[paint]), Pose(0, 8, 1.57, draft=0.4))],
            FloatCamera(240, 320, water.line),
            np.ones(3),
        )[0]
        assert sprite
        thing = body(Pose(0, 8, 1.57), sprite, 240)
        reflected, murk = mirror(photo, water), np.full((3, *water.cover.shape), 90.0, np.float32)
        before = reflected.copy()
        cast(reflected, murk, thing, water)
        foot = sprite.top + int(thing.foot.max()) - water.top
        assert np.array_equal(reflected[:, :, : sprite.left - 8], before[:, :, : sprite.left - 8])
        assert (reflected != before).any(0)[foot + 1 : foot + 12].mean() > 0.2
        assert murk.min() < 80
        found.append(reflected[:, foot + 1 : foot + 8].mean())
    assert found[0] > found[1] + 10
