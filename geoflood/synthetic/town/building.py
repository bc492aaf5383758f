"""The town goes up: houses along the streets, trees and lamps on the pavements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from PIL import Image as Pictures

from geoflood.core.datatypes import LatLon
from geoflood.synthetic.town.facades import blind_wall, facade
from geoflood.synthetic.town.ground import paint_ground
from geoflood.synthetic.town.model import Points, Prop, Rng, Town, Wall, streets
from geoflood.synthetic.town.paint import materials
from geoflood.synthetic.town.plan import PAVEMENT_M, Plan, draw_plan
from geoflood.synthetic.town.signs import name_streets, put_up_signs

__all__ = ["DOGGER_BANK", "build_town"]

DOGGER_BANK = LatLon(54.7280, 2.6950)
DEPTH_M = 9.0
"""Of a house."""
BLIND_WALLS = 8
"""Kinds of bare sides of houses."""


def build_town(seed: int = 7, blocks: tuple[int, int] = (3, 2), origin: LatLon = DOGGER_BANK) -> Town:
    """Draw the town: `blocks` (east, north) and the houses that face them; same seed, same town."""
    rng = np.random.default_rng(seed)
    plan, tiles = draw_plan(blocks, rng), materials(rng)
    blind = [blind_wall(tiles, rng) for _ in range(BLIND_WALLS)]
    walls = tuple(build_houses(plan, blocks, tiles, blind, rng))
    corner, ground = paint_ground(plan, walls, rng)
    nodes = plan.nodes[1:-1, 1:-1]
    props = tuple(prop for left, right in streets(nodes) for prop in furnish(left, right, rng))
    named = tuple(name_streets(plan, seed))
    signs = put_up_signs(plan, named, seed)
    inner = [(i, j) for i in range(1, blocks[0] + 1) for j in range(1, blocks[1] + 1)]
    return Town(
        seed,
        origin,
        nodes,
        (*walls, *signs),
        ground,
        corner,
        props,
        named,
        houses=tuple(wall.behind(DEPTH_M) for wall in walls if wall.is_front),
        gardens=tuple(plan.block(i, j, DEPTH_M) for i, j in inner),
    )


def build_houses(
    plan: Plan, blocks: tuple[int, int], tiles: Sequence[Pictures.Image],
    blind: Sequence[Pictures.Image], rng: Rng,
) -> Iterator[Wall]:  # fmt: skip
    """Houses around every block, those of the ring around the town only where they face it."""
    for i in range(blocks[0] + 2):
        for j in range(blocks[1] + 2):
            corners, busy = plan.block(i, j), float(rng.uniform(0, 1))
            faces_town = (j != 0, i != blocks[0] + 1, j != blocks[1] + 1, i != 0)
            for k in np.flatnonzero(faces_town):
                yield from build_row(corners[k], corners[(k + 1) % 4], busy, tiles, blind, rng)


def build_row(
    left: Points, right: Points, busy: float, tiles: Sequence[Pictures.Image],
    blind: Sequence[Pictures.Image], rng: Rng,
) -> Iterator[Wall]:  # fmt: skip
    """One side of a block: fronts, and the bare sides between them."""
    length = float(np.linalg.norm(right - left))
    along = (right - left) / length
    inward = np.array([-along[1], along[0]])
    lots = rng.uniform(7.0, 14.5, max(round(length / 10.5), 1))
    cuts = np.append(0.0, np.cumsum(lots)) * (length / lots.sum())
    for number, (start, stop) in enumerate(pairwise(cuts)):
        a, b = left + along * start, left + along * stop
        first, last = number == 0, number == len(lots) - 1
        picture, eaves_m, top_m = facade(tiles, stop - start, busy, rng)
        yield Wall(a, b, top_m, picture, is_front=True)
        # No bare side at a corner of the block: streets slant, and it would pierce the front around it.
        for foot in (a,) * (not first) + (b,) * (not last):
            side = blind[int(rng.integers(BLIND_WALLS))]
            yield Wall(foot + inward * 0.3, foot + inward * DEPTH_M, eaves_m, lower_part(side, eaves_m))


def lower_part(side: Pictures.Image, high_m: float) -> Pictures.Image:
    """The lower part of a bare side, as high as a house."""
    high = min(round(high_m * side.width / 9.0), side.height)
    return side.crop((0, side.height - high, side.width, side.height))


def furnish(left: Points, right: Points, rng: Rng) -> Iterator[Prop]:
    """Lamps on one pavement, and in avenues trees on both."""
    length = float(np.linalg.norm(right - left))
    along = (right - left) / length
    across = np.array([along[1], -along[0]]) * (7.5 - PAVEMENT_M) * rng.choice([-1, 1])
    avenue = rng.random() < 0.4
    for k, at in enumerate(np.arange(15.0, length - 12.0, rng.uniform(11.0, 15.0))):
        for side in (1, -1):
            spot = left + along * (at + rng.normal(0, 0.8)) + across * side
            if avenue and k % 2:
                yield Prop("tree", float(spot[0]), float(spot[1]), float(rng.uniform(4.8, 7.8)))
            elif side == 1 and k % 2 == 0:
                yield Prop("lamp", float(spot[0]), float(spot[1]), 6.0)
