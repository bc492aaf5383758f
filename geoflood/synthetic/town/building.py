"""The town goes up: houses along the streets, a church, what stands on the pavements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from PIL import Image as Pictures

from geoflood.core.datatypes import LatLon
from geoflood.synthetic.town.facades import design, facade
from geoflood.synthetic.town.ground import paint_ground
from geoflood.synthetic.town.landmarks import blind_wall, garden_wall, nave, tower
from geoflood.synthetic.town.model import Atlas, Packer, Points, Prop, Rng, Town, Walls, streets
from geoflood.synthetic.town.paint import House, materials
from geoflood.synthetic.town.plan import PAVEMENT_M, Plan, draw_plan

__all__ = ["DOGGER_BANK", "build_town"]

DOGGER_BANK = LatLon(54.7280, 2.6950)
BLIND_WALLS = 8
"""Kinds of bare sides; they come first in the atlas."""


class Builder:
    """Collects walls and their pictures while the town is being built."""

    def __init__(self) -> None:
        self.ends: list[tuple[Points, Points]] = []
        self.tops: list[float] = []
        self.texture: list[tuple[int, int]] = []
        self.paintings: list[Callable[[], Pictures.Image]] = []

    def picture(self, paint: Callable[[], Pictures.Image]) -> int:
        """Have a picture painted, later; returns its number."""
        self.paintings.append(paint)
        return len(self.paintings) - 1

    def wall(self, left: Points, right: Points, top_m: float, summer: int, winter: int | None = None) -> None:
        """Put up a wall; pictures hang from its top."""
        self.ends.append((left, right))
        self.tops.append(top_m)
        self.texture.append((summer, summer if winter is None else winter))

    def atlas(self) -> Atlas:
        """All pictures."""
        packer = Packer()
        for paint in self.paintings:
            packer.add(paint())
        return packer.atlas()

    def walls(self) -> Walls:
        """All that was put up."""
        return Walls(np.array(self.ends), np.array(self.tops, np.float32), np.array(self.texture, np.int32).T)


class Street:
    """One side of a block: where its lots are cut, and how busy it is."""

    def __init__(self, left: Points, right: Points, busy: float, rng: Rng) -> None:
        length = float(np.linalg.norm(right - left))
        cuts = np.cumsum(np.append(0.0, rng.uniform(7.0, 14.5, max(round(length / 10.5), 1))))
        self.cuts = cuts * (length / cuts[-1])
        self.left, self.along, self.busy = left, (right - left) / length, busy
        self.inward = np.array([-self.along[1], self.along[0]])

    def lots(self) -> Iterator[tuple[Points, Points, bool, bool]]:
        """Both corners of each lot, left and right, and whether it is the first or the last."""
        last = len(self.cuts) - 2
        for k, (start, stop) in enumerate(pairwise(self.cuts)):
            yield self.left + self.along * start, self.left + self.along * stop, k == 0, k == last


def line_street(
    builder: Builder, street: Street, tiles: Sequence[Pictures.Image], rng: Rng
) -> Iterator[Prop]:
    """Houses along one side of a block; yields trees in gaps."""
    for a, b, first, last in street.lots():
        corner = first or last
        if not corner and rng.random() < 0.08:
            bricks = builder.picture(partial(garden_wall, tiles, own_seed(rng)))
            builder.wall(a + street.inward, b + street.inward, 2.2, bricks)
            yield prop("tree", (a + b) / 2 + street.inward * 5.0, rng.uniform(6, 10))
        else:
            # No bare side at a corner of the block: streets slant, and it would pierce the front around it.
            sides = (a,) * (not first) + (b,) * (not last)
            build_house(builder, street, (a, b), corner, sides, tiles, rng)


def build_house(
    builder: Builder, street: Street, lot: tuple[Points, Points], corner: bool, sides: tuple[Points, ...],
    tiles: Sequence[Pictures.Image], rng: Rng,
) -> None:  # fmt: skip
    """A front, in two versions where the shop changes hands, and the bare sides of the house."""
    a, b = lot
    house = design(rng, float(np.linalg.norm(b - a)), street.busy)
    back = street.inward * (0.0 if corner else float(rng.choice([0.0, 0.0, 0.0, 0.7, 1.4])))
    own = own_seed(rng)
    fronts = [
        builder.picture(partial(front, house, tiles, own, years, street.busy))
        for years in (0, 1)[: 1 + (rng.random() < 0.3)]
    ]
    builder.wall(a + back, b + back, house.top_m, fronts[0], fronts[-1])
    for foot in sides:
        blind = int(rng.integers(0, BLIND_WALLS))
        builder.wall(foot + back + street.inward * 0.3, foot + street.inward * 9.0, house.eaves_m, blind)


def front(house: House, tiles: Sequence[Pictures.Image], own: int, years: int, busy: float) -> Pictures.Image:
    """The same house front, and its shop as it is after some years."""
    return facade(house, tiles, np.random.default_rng(own), np.random.default_rng([own, years]), busy)


def own_seed(rng: Rng) -> int:
    """Of something that is painted later, with a generator of its own."""
    return int(rng.integers(2**31))


def prop(kind: str, spot: Points, height_m: float, above_m: float = 0.0) -> Prop:
    """A flat picture at a spot."""
    return Prop(kind, float(spot[0]), float(spot[1]), float(height_m), above_m)


def build_church(
    builder: Builder, centre: Points, tiles: Sequence[Pictures.Image], rng: Rng
) -> Iterator[Prop]:
    """A tower with a clock and a nave in the middle of a green; yields its spire and the trees around."""
    turn = rng.uniform(0, 1.5)
    side, deep = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
    wall = builder.picture(partial(tower, tiles, own_seed(rng)))
    hall = builder.picture(partial(nave, tiles, own_seed(rng)))
    for x, wide, high, number in ((-3.25, 6.5, 24.0, wall), (3.25, 16.0, 12.5, hall)):
        foot = centre + side * x
        ring = [foot, foot + side * wide, foot + side * wide + deep * 6.5, foot + deep * 6.5]
        for k in range(4):
            builder.wall(ring[k], ring[(k + 1) % 4], high, number)
    yield prop("spire", centre + deep * 3.25, 13.0, 23.6)
    for _ in range(12):
        spot = centre + rng.uniform(10, 17) * np.array([math.sin(a := rng.uniform(0, 6.3)), math.cos(a)])
        yield prop("tree", spot, rng.uniform(5, 9))


def furnish(left: Points, right: Points, half_m: float, rng: Rng) -> Iterator[Prop]:
    """Lamps on one pavement, trees on some, now and then a sign."""
    length = float(np.linalg.norm(right - left))
    along = (right - left) / length
    across = np.array([along[1], -along[0]]) * (half_m - PAVEMENT_M + 0.5) * rng.choice([-1, 1])
    avenue = rng.random() < 0.4
    for k, at in enumerate(np.arange(15.0, length - 12.0, rng.uniform(11.0, 15.0))):
        for side in (1, -1):
            spot = left + along * (at + rng.normal(0, 0.8)) + across * side
            if avenue and k % 2:
                yield prop("tree", spot, rng.uniform(4.8, 7.8))
            elif side == 1 and k % 2 == 0:
                yield prop("lamp", spot, 6.0)
        if rng.random() < 0.3:
            yield prop(f"sign{rng.integers(3)}", left + along * (at + 4.0) - across, 2.7)


def build_town(seed: int = 7, blocks: tuple[int, int] = (3, 2), origin: LatLon = DOGGER_BANK) -> Town:
    """Draw the town: `blocks` (east, north), one of them a green with a church; same seed, same town."""
    rng = np.random.default_rng(seed)
    plan, tiles, builder = draw_plan(blocks, rng), materials(rng), Builder()
    for _ in range(BLIND_WALLS):
        builder.picture(partial(blind_wall, tiles, own_seed(rng)))
    green = (1 + blocks[0] // 2, 1 + blocks[1] // 2)
    props = list(fill_blocks(builder, plan, blocks, green, tiles, rng))
    corner, ground = paint_ground(plan, builder.walls(), green, rng)
    nodes = plan.nodes[1:-1, 1:-1]
    for left, right in streets(nodes):
        props += furnish(left, right, 7.0, rng)
    return Town(seed, blocks, origin, nodes, builder.walls(), builder.atlas(), ground, corner, tuple(props))


def fill_blocks(
    builder: Builder, plan: Plan, blocks: tuple[int, int], green: tuple[int, int],
    tiles: Sequence[Pictures.Image], rng: Rng,
) -> Iterator[Prop]:  # fmt: skip
    """Houses around every block, those of the ring around the town only where they face it."""
    for i in range(blocks[0] + 2):
        for j in range(blocks[1] + 2):
            corners = plan.block(i, j)
            if (i, j) == green:
                yield from build_church(builder, corners.mean(0), tiles, rng)
                continue
            busy = float(rng.uniform(0, 1))
            seen = (j != 0, i != blocks[0] + 1, j != blocks[1] + 1, i != 0)
            for k in np.flatnonzero(seen):
                street = Street(corners[k], corners[(k + 1) % 4], busy, rng)
                yield from line_street(builder, street, tiles, rng)
