"""The ground: streets, pavements, markings, shadows, painted from above."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image as Pictures
from PIL import ImageChops, ImageDraw

from geoflood.synthetic.blocks import Colour, shaded
from geoflood.synthetic.town.model import GROUND_LEVELS, GROUND_PIXELS_PER_M, SUN, Points, Rng, Season, Wall
from geoflood.synthetic.town.paint import pick
from geoflood.synthetic.town.plan import PAVEMENT_M, Plan

__all__ = ["paint_ground"]

WHITE = (214, 212, 204)
MARGIN_M = 15.0


class Ground:
    """The town from above, to paint streets on; metres in, pixels inside."""

    def __init__(self, plan: Plan) -> None:
        spots = plan.nodes.reshape(-1, 2)
        self.corner = spots.min(0) - MARGIN_M
        size = (spots.max(0) + MARGIN_M - self.corner) * GROUND_PIXELS_PER_M
        self.picture = Pictures.new("RGB", (int(size[0]), int(size[1])), (92, 92, 95))
        self.pen = ImageDraw.Draw(self.picture)

    def at(self, points: Iterable[Points]) -> list[tuple[float, float]]:
        """Pixels of points."""
        pixels = (np.stack(list(points)) - self.corner) * GROUND_PIXELS_PER_M
        return [(x, self.picture.height - y) for x, y in pixels.tolist()]

    def area(self, points: Iterable[Points], colour: Colour, rim: Colour | None = None) -> None:
        """Fill a polygon."""
        self.pen.polygon(self.at(points), fill=colour, outline=rim, width=2 if rim else 0)

    def strip(self, start: Points, stop: Points, width_m: float, colour: Colour) -> None:
        """Draw a broad line."""
        self.pen.line(self.at((start, stop)), fill=colour, width=max(round(width_m * GROUND_PIXELS_PER_M), 1))


def paint_ground(
    plan: Plan, walls: Sequence[Wall], rng: Rng
) -> tuple[tuple[float, float], dict[Season, list[Pictures.Image]]]:
    """Pave, mark and dirty the streets; returns the south-western corner, and pictures by season."""
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
    winter = ImageChops.multiply(ground.picture, dirt(*ground.picture.size, rng))
    summer = ImageChops.multiply(winter, cast_shadows(ground, walls))
    corner = float(ground.corner[0]), float(ground.corner[1])
    return corner, {"summer": in_sizes(summer), "winter": in_sizes(winter)}


def in_sizes(picture: Pictures.Image) -> list[Pictures.Image]:
    """The picture, and the same coarser and coarser."""
    return [picture.reduce(2**level) for level in range(GROUND_LEVELS)]


def dirt(wide: int, high: int, rng: Rng) -> Pictures.Image:
    """What makes asphalt uneven, to multiply with."""
    speckles = np.clip(rng.normal(226, 17, (256, 256)), 0, 255).astype(np.uint8)
    tiled = np.tile(speckles, (high // 256 + 1, wide // 256 + 1))[:high, :wide]
    return Pictures.fromarray(tiled).convert("RGB")


def paint_pavement(ground: Ground, kerb: Points, houses: Points, rng: Rng) -> None:
    """Slabs around a block; what lies under the houses is never seen."""
    tone = int(rng.integers(128, 168))
    ground.area(kerb, (tone, tone - 2, tone - 8), (186, 184, 178))
    slab, seam = float(rng.choice([0.8, 1.2, 1.8])), (tone - 34, tone - 36, tone - 40)
    for k in range(4):
        outer, inner = (ring[(k + 1) % 4] - ring[k] for ring in (kerb, houses))
        for share in np.arange(0.0, 1.0, slab / float(np.linalg.norm(outer))):
            ground.strip(kerb[k] + outer * share, houses[k] + inner * share, 0.1, seam)
    ground.area(houses, (120, 116, 108))


def paint_street(ground: Ground, start: Points, stop: Points, half_m: float, rng: Rng) -> None:
    """One piece of road: surface, patches, markings; each of its own kind, for roads are places too."""
    length = float(np.linalg.norm(stop - start))
    along = (stop - start) / length
    right, road_m = np.array([along[1], -along[0]]), half_m - PAVEMENT_M

    def line(first: float, last: float, across: float, width_m: float, colour: Colour) -> None:
        foot = start + right * across
        ground.strip(foot + along * first, foot + along * last, width_m, colour)

    tone = int(rng.integers(72, 112))
    asphalt = (tone, tone, tone + 3)
    ground.strip(start, stop, 2 * road_m, pick(rng, (asphalt, asphalt, (126, 112, 98))))
    for at in rng.uniform(8, length - 8, int(length / 9)).tolist():  # repairs, drains, spots of oil
        across, patch = rng.uniform(-road_m, road_m) * 0.8, shaded(asphalt, rng.uniform(0.6, 1.2))
        line(at, at + rng.uniform(0.4, 5.0), across, rng.uniform(0.3, 1.4), patch)
    dash = (1.5, 3.0, length, None)[int(rng.integers(4))]
    for at in np.arange(13.0, length - 13.0, 2 * dash) if dash else ():
        line(at, min(at + (dash or 0.0), length - 13.0), 0.0, 0.15, WHITE)
    for at in (9.0, length - 9.0):
        zebra = rng.random() < 0.55
        for x in np.arange(-road_m + 0.4, road_m - 0.2, 1.0) if zebra else ():
            line(at - 1.5, at + 1.5, x, 0.5, WHITE)


def cast_shadows(ground: Ground, walls: Sequence[Wall]) -> Pictures.Image:
    """How much light reaches the ground in summer, to multiply with."""
    azimuth, altitude, _ = SUN["summer"]
    away = -np.array([math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))])
    light = Pictures.new("L", ground.picture.size, 255)
    pen = ImageDraw.Draw(light)
    for wall in walls:
        throw = away * (wall.top_m - 1.5) / math.tan(math.radians(altitude))
        pen.polygon(ground.at((wall.left, wall.right, wall.right + throw, wall.left + throw)), fill=150)
    return light.convert("RGB")
