"""Walls that are no house fronts: bare sides, garden walls, the church."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image as Pictures

from geoflood.synthetic.town.model import Rng
from geoflood.synthetic.town.paint import PAINTS, ROOFS, WALLS, Easel, pick, shade

__all__ = ["blind_wall", "garden_wall", "nave", "tower"]

INK = (40, 40, 44, 255)


def blind_wall(tiles: Sequence[Pictures.Image], seed: int) -> Pictures.Image:
    """The side of a house that its lower neighbour leaves bare: old brick or plaster, few windows."""
    easel, rng = Easel(9.0, 26.0), np.random.default_rng(seed)
    easel.grain(tiles[int(rng.integers(0, 3))], pick(rng, WALLS), 26.0, rng)
    for _ in range(int(rng.integers(0, 5))):
        easel.box(rng.uniform(1, 7), rng.uniform(8, 24), 0.7, 1.0, (60, 66, 74))
    return easel.done()


def garden_wall(tiles: Sequence[Pictures.Image], seed: int) -> Pictures.Image:
    """What closes a gap between two houses: brick, with a gate."""
    easel, rng = Easel(14.0, 2.2), np.random.default_rng(seed)
    easel.grain(tiles[1], pick(rng, WALLS[:3]), 2.2, rng)
    easel.box(0, 2.05, 14.0, 0.15, (170, 164, 152))
    easel.box(rng.uniform(1, 5), 0, 1.3, 1.95, pick(rng, PAINTS))
    return easel.done()


def tower(tiles: Sequence[Pictures.Image], seed: int) -> Pictures.Image:
    """One side of a church tower, with its clock and its sound holes."""
    easel, rng = Easel(6.5, 24.0), np.random.default_rng(seed)
    stone = pick(rng, WALLS[5:10])
    easel.grain(tiles[2], stone, 24.0, rng)
    for y in (7.0, 14.0, 20.0, 23.5):
        easel.box(0, y, 6.5, 0.4, shade(stone, 1.15))
    for x in (1.3, 3.9):
        easel.arch(x, 20.6, 1.3, 2.6, (46, 46, 50))
    easel.arch(2.1, 0, 2.3, 4.2, (70, 48, 34))
    easel.arch(2.5, 8.6, 1.5, 4.0, (58, 66, 78))
    paint_clock(easel, rng)
    return easel.done()


def paint_clock(easel: Easel, rng: Rng) -> None:
    """A dial, at some hour."""
    (left, top), (right, low) = easel.at((1.65, 19.1), (4.85, 15.9))
    easel.pen.ellipse((left, top, right, low), fill=(236, 232, 220, 255), outline=INK, width=6)
    for angle, hand in ((rng.uniform(0, 6.3), 0.9), (rng.uniform(0, 6.3), 1.3)):
        tip = (3.25 + hand * math.sin(angle), 17.5 + hand * math.cos(angle))
        easel.pen.line(easel.at((3.25, 17.5), tip), fill=(30, 30, 34, 255), width=6)


def nave(tiles: Sequence[Pictures.Image], seed: int) -> Pictures.Image:
    """One side of the church's hall."""
    easel, rng = Easel(16.0, 12.5), np.random.default_rng(seed)
    stone = pick(rng, WALLS[5:10])
    easel.clear(ROOFS[1])
    easel.shape(ROOFS[1], (0, 8.0), (1.5, 12.4), (14.5, 12.4), (16, 8.0))
    easel.grain(tiles[2], stone, 8.0, rng)
    for x in np.arange(1.5, 14.0, 3.0):
        easel.arch(x, 2.4, 1.5, 4.6, (70, 78, 96))
        easel.box(x - 0.8, 0, 0.5, 6.5, shade(stone, 0.8))
    return easel.done()
