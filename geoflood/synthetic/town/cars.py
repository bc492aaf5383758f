"""Parked cars: where they stand, and their faces."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from geoflood.synthetic.town.camera import Camera
from geoflood.synthetic.town.model import SEASONS, Colour, Season, Town
from geoflood.synthetic.town.paint import shade

__all__ = ["CAR", "VAN", "ParkedCar", "car_faces", "parked_cars"]


@dataclass(frozen=True, slots=True)
class ParkedCar:
    """A parked car."""

    east: float
    north: float
    heading_deg: float
    colour: Colour
    van: bool


def parked_cars(town: Town, season: Season, seed: int, camera: Camera) -> Iterator[ParkedCar]:
    """Who parks within sight: another day, other cars. Every street has its own luck, whoever looks."""
    paints = ((178, 180, 184), (40, 42, 46), (222, 222, 220), (120, 26, 30), (34, 58, 104), (92, 98, 100))
    for number, (left, right) in enumerate(town.streets()):
        rng = np.random.default_rng([town.seed, SEASONS.index(season), seed, number])
        length = float(np.linalg.norm(right - left))
        along = (right - left) / length
        across = np.array([along[1], -along[0]])
        heading = math.degrees(math.atan2(along[0], along[1]))
        at = np.repeat(np.arange(17.0, length - 15.0, 6.0), 2)
        luck, kind, paint = rng.random(at.size), rng.random(at.size), rng.integers(len(paints), size=at.size)
        side = np.tile([-1.0, 1.0], at.size // 2)
        spots = left + along * (at + 3.0 * (luck - 0.15))[:, None] + across * (3.1 * side)[:, None]
        far = np.hypot(*(spots - (camera.east, camera.north)).T)
        for k in np.flatnonzero((luck < 0.3) & (far > 2.6) & (far < 55)):
            spot, turn = spots[k], heading + 90.0 * (1 + side[k])
            yield ParkedCar(float(spot[0]), float(spot[1]), turn, paints[paint[k]], bool(kind[k] < 0.2))


CAR = ((-2.1, 0.3), (-2.15, 0.95), (-1.55, 1.45), (0.25, 1.45), (0.95, 0.98), (2.0, 0.8), (2.1, 0.3))
VAN = ((-2.4, 0.35), (-2.4, 2.05), (1.1, 2.05), (1.75, 1.2), (2.35, 1.05), (2.4, 0.35))
"""Outlines of a side: metres (ahead, up)."""


def car_faces(car: ParkedCar, seen_from: float) -> Iterator[tuple[Colour, list[tuple[float, float, float]]]]:
    """Polygons (ahead, right, up) of a car and its shadow, those painted over coming last."""
    outline, half = (VAN, 0.95) if car.van else (CAR, 0.87)
    glass = (48, 56, 64)
    yield (44, 44, 46), [(a, b, 0.02) for a, b in ((-2.5, -1.1), (2.5, -1.1), (2.5, 1.1), (-2.5, 1.1))]
    near = math.copysign(half, seen_from)
    tops = list(pairwise(outline))
    for n, ((x0, z0), (x1, z1)) in enumerate(tops):
        pane = (n == 1 or n == 3) if not car.van else n == 2
        light = 1.15 if abs(z1 - z0) < 0.3 else 0.8
        yield (
            glass if pane else shade(car.colour, light),
            [(x0, -half, z0), (x0, half, z0), (x1, half, z1), (x1, -half, z1)],
        )
    yield shade(car.colour, 0.92), [(x, near, z) for x, z in outline]
    if car.van:
        yield glass, [(x, near, z) for x, z in ((0.5, 1.25), (0.5, 1.85), (1.05, 1.85), (1.5, 1.25))]
    else:
        yield glass, [(x, near, z) for x, z in ((-1.65, 1.0), (-1.4, 1.36), (0.15, 1.36), (0.7, 1.0))]
        yield car.colour, [(x, near, z) for x, z in ((-0.6, 1.0), (-0.6, 1.38), (-0.5, 1.38), (-0.5, 1.0))]
    for wheel in (-1.35, 1.35):
        for size, tone in ((0.34, 26), (0.18, 150)):
            turns = np.arange(10) * 2 * np.pi / 10
            yield (
                (tone, tone, tone),
                [(wheel + size * math.cos(t), near, 0.34 + size * math.sin(t)) for t in turns],
            )
