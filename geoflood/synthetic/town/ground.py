"""The ground: streets, pavements, markings, shadows, painted from above."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pictures
from PIL import ImageChops, ImageDraw

from geoflood.synthetic.town.model import (
    GROUND_PIXELS_PER_M,
    SUN,
    Atlas,
    Colour,
    Packer,
    Points,
    Rng,
    Walls,
)
from geoflood.synthetic.town.paint import pick, shade
from geoflood.synthetic.town.plan import PAVEMENT_M, Plan

__all__ = ["paint_ground"]

WHITE, YELLOW = (214, 212, 204), (206, 170, 60)


class Ground:
    """The town from above, to paint streets on; metres in, pixels inside."""

    def __init__(self, plan: Plan) -> None:
        spots = plan.nodes.reshape(-1, 2)
        self.west, self.south = (float(v) - 15.0 for v in spots.min(0))
        size = (spots.max(0) - spots.min(0) + 30.0) * GROUND_PIXELS_PER_M
        self.picture = Pictures.new("RGB", (int(size[0]), int(size[1])), (92, 92, 95))
        self.pen = ImageDraw.Draw(self.picture)

    def at(self, points: Iterable[Points]) -> list[tuple[float, float]]:
        """Pixels of points."""
        high = self.picture.height
        return [
            (
                (float(x) - self.west) * GROUND_PIXELS_PER_M,
                high - (float(y) - self.south) * GROUND_PIXELS_PER_M,
            )
            for x, y in points
        ]

    def area(self, points: Iterable[Points], colour: Colour, rim: Colour | None = None) -> None:
        """Fill a polygon."""
        self.pen.polygon(self.at(points), fill=colour, outline=rim, width=2 if rim else 0)

    def strip(self, start: Points, stop: Points, width_m: float, colour: Colour) -> None:
        """Draw a broad line."""
        self.pen.line(self.at((start, stop)), fill=colour, width=max(round(width_m * GROUND_PIXELS_PER_M), 1))


def paint_ground(
    plan: Plan, walls: Walls, green: tuple[int, int], rng: Rng
) -> tuple[tuple[float, float], Atlas]:
    """Pave, mark and dirty the streets; returns the south-western corner, and one picture."""
    ground = Ground(plan)
    columns, rows = plan.nodes.shape[0] - 1, plan.nodes.shape[1] - 1
    for j in range(1, rows):
        for i in range(columns):
            paint_street(ground, plan.nodes[i, j], plan.nodes[i + 1, j], float(plan.half_rows[j]), rng)
    for i in range(1, columns):
        for j in range(rows):
            paint_street(ground, plan.nodes[i, j], plan.nodes[i, j + 1], float(plan.half_columns[i]), rng)
    for i in range(columns):
        for j in range(rows):
            paint_pavement(ground, plan.block(i, j, -PAVEMENT_M), plan.block(i, j), rng)
    ground.area(plan.block(*green), (98, 122, 66))
    packer = Packer(slanting=False)
    packer.add(finished(ground, cast_shadows(ground, walls), rng))
    return (ground.west, ground.south), packer.atlas()


def finished(ground: Ground, light: Pictures.Image, rng: Rng) -> Pictures.Image:
    """The painted ground, dirty, with its light in the fourth channel; takes the picture out of `ground`."""
    bands = list(ground.picture.split())
    del ground.picture, ground.pen  # it is large
    speckles = dirt(*light.size, rng)
    for k in range(3):
        bands[k] = ImageChops.multiply(bands[k], speckles)
    return Pictures.merge("RGBX", [*bands, light])


def dirt(wide: int, high: int, rng: Rng) -> Pictures.Image:
    """What makes asphalt uneven, to multiply with."""
    speckles = np.clip(rng.normal(226, 17, (256, 256)), 0, 255).astype(np.uint8)
    return Pictures.fromarray(np.tile(speckles, (high // 256 + 1, wide // 256 + 1))[:high, :wide])


def paint_pavement(ground: Ground, kerb: Points, houses: Points, rng: Rng) -> None:
    """Slabs around a block; what lies under the houses is never seen."""
    tone = int(rng.integers(128, 168))
    ground.area(kerb, (tone, tone - 2, tone - 8), (186, 184, 178))
    slab, seam = float(rng.choice([0.8, 1.2, 1.8])), (tone - 34, tone - 36, tone - 40)
    for k in range(4):
        outer, inner = (ring[(k + 1) % 4] - ring[k] for ring in (kerb, houses))
        for share in np.arange(0.0, 1.0, slab / float(np.linalg.norm(outer))):
            ground.strip(kerb[k] + outer * share, houses[k] + inner * share, 0.1, seam)
        middle = (kerb + houses) / 2
        ground.strip(middle[k], middle[(k + 1) % 4], 0.1, (tone - 30, tone - 32, tone - 36))
    ground.area(houses, (120, 116, 108))


@dataclass(frozen=True, slots=True, eq=False)
class Road:
    """One piece of road to paint on: metres along from its start, metres across from its middle."""

    ground: Ground
    start: Points
    along: Points
    length: float
    half_m: float

    def spot(self, along: float, across: float = 0.0) -> Points:
        """A point of it."""
        right = np.array([self.along[1], -self.along[0]])
        return np.asarray(self.start + self.along * along + right * across)

    def line(self, first: float, last: float, across: float, width_m: float, colour: Colour) -> None:
        """A line along it."""
        self.ground.strip(self.spot(first, across), self.spot(last, across), width_m, colour)


def paint_street(ground: Ground, start: Points, stop: Points, half_m: float, rng: Rng) -> None:
    """One piece of road: surface, patches, markings; each of its own kind, for roads are places too."""
    length = float(np.linalg.norm(stop - start))
    road = Road(ground, start, (stop - start) / length, length, half_m - PAVEMENT_M)
    tone = int(rng.integers(72, 112))
    surfaces = ((tone, tone, tone + 3), (tone, tone, tone + 3), (126, 112, 98))
    ground.strip(start, stop, 2 * road.half_m, pick(rng, surfaces))
    for _ in range(int(length / 9)):
        paint_patch(road, tone, rng)
    paint_lines(road, rng)
    for at, zebra in ((9.0, rng.random() < 0.55), (length - 9.0, rng.random() < 0.55)):
        for x in np.arange(-road.half_m + 0.4, road.half_m - 0.2, 1.0) if zebra else ():
            road.line(at - 1.5, at + 1.5, x, 0.5, WHITE)
    if rng.random() < 0.25:  # a lane for bicycles
        road.line(9.0, length - 9.0, road.half_m - 0.8, 1.4, (136, 66, 56))


def paint_patch(road: Road, tone: int, rng: Rng) -> None:
    """A repair, a drain, a spot of oil."""
    at, across = rng.uniform(8, road.length - 8), rng.uniform(-road.half_m, road.half_m) * 0.8
    long, wide = rng.uniform(0.4, 5.0), rng.uniform(0.3, 1.4)
    road.line(at, at + long, across, wide, shade((tone, tone, tone), rng.uniform(0.6, 1.2)))


def paint_lines(road: Road, rng: Rng) -> None:
    """A middle line of one of three kinds, or none; edges."""
    first, last, kind = 13.0, road.length - 13.0, int(rng.integers(5))
    if kind < 3:
        dash, gap = ((3.0, 3.0), (1.5, 1.5), (road.length, 1.0))[kind]
        for at in np.arange(first, last, dash + gap):
            road.line(at, min(at + dash, last), 0.0, 0.15, WHITE if kind < 2 else YELLOW)
    if rng.random() < 0.4:
        for side in (-1, 1):
            road.line(first + 1.0, last - 1.0, side * (road.half_m - 2.1), 0.12, WHITE)


def cast_shadows(ground: Ground, walls: Walls) -> Pictures.Image:
    """How much light reaches the ground in summer."""
    azimuth, altitude, _ = SUN["summer"]
    away = -np.array([math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))])
    dark = Pictures.new("L", ground.picture.size, 255)
    pen = ImageDraw.Draw(dark)
    for (left, right), top in zip(walls.ends, walls.tops, strict=True):
        throw = away * (float(top) - 1.5) / math.tan(math.radians(altitude))
        pen.polygon(ground.at((left, right, right + throw, left + throw)), fill=150)
    return dark
