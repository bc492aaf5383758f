"""Land without streets to go by: hills and a road, and fields, roofs and roads from above."""

from __future__ import annotations

import math

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.synthetic.blocks import Colour, shaded
from geoflood.synthetic.cohort.brush import Canvas, Rng, fractal, photographed, random_colour, tinted
from geoflood.synthetic.town.model import Points
from geoflood.synthetic.town.paint import ROOFS, pick

__all__ = ["aerial", "landscape"]

SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((96, 146, 206), (206, 222, 236)), ((150, 156, 164), (214, 216, 218)), ((70, 60, 110), (240, 160, 110)),
)  # fmt: skip
FIELDS: tuple[Colour, ...] = (
    (96, 128, 62), (148, 150, 84), (176, 152, 96), (120, 92, 62), (70, 100, 54), (196, 184, 130),
    (84, 110, 90),
)  # fmt: skip
ASPHALT = (104, 104, 106)


def landscape(rng: Rng, width: int, height: int) -> Image:
    """Sky with clouds, ridge behind ridge, and before them grass with a road and trees."""
    low, high = SKIES[int(rng.integers(3))][::-1]
    fade = np.linspace(0.2, 0.9, height, dtype=np.float32)[:, None]
    clouds = np.float32(0.1) * fractal(rng, width, height, 220, 0.55)
    canvas, near = Canvas(width, height, tinted(fade + clouds, (high, low))), pick(rng, FIELDS)
    draw_ridges(canvas, width, height, (low, near), rng)
    horizon = 0.6 * height
    canvas.box(0, horizon, width, height, near)
    aim, foot = rng.uniform(0.2, 0.8) * width, rng.uniform(0.1, 0.9) * width
    if rng.random() < 0.7:
        canvas.shape([(aim, horizon), (foot + width * 0.3, height), (foot - width * 0.3, height)], ASPHALT)
    for at in np.sort(rng.uniform(0.0, 1.0, int(rng.integers(4, 16))) ** 2):
        tree(canvas, rng.uniform(0, width), horizon + at * 0.35 * height, height * (0.05 + 0.4 * at), rng)
    nearness = np.linspace(0.02, 0.16, height, dtype=np.float32)[:, None]
    rough = 1 + nearness * fractal(rng, width, height, 24, 0.9)
    return photographed((canvas.finish() * rough[..., None]).clip(0, 255).astype(np.uint8), rng)


def draw_ridges(canvas: Canvas, width: int, height: int, haze: tuple[Colour, Colour], rng: Rng) -> None:
    """From far to near, in colours between the two of the haze."""
    xs = np.linspace(0, width, 160)
    for k, base in enumerate(np.linspace(0.38, 0.55, int(rng.integers(2, 5)))):
        ridge = fractal(rng, 160, 2, 80, 0.55)[0] * height * 0.05 + base * height
        red, green, blue = (round(a + (0.25 + 0.18 * k) * (b - a)) for a, b in zip(*haze, strict=True))
        canvas.shape([(0, height), *zip(xs, ridge, strict=True), (width, height)], (red, green, blue))


def tree(canvas: Canvas, x: float, foot: float, high: float, rng: Rng) -> None:
    """A trunk and a crown of clumps, the upper ones in the light."""
    canvas.box(x - high / 30, foot - high / 2, x + high / 30, foot, (64, 50, 40))
    base = pick(rng, ((60, 92, 44), (84, 104, 50), (120, 92, 40)))
    for up in np.sort(rng.uniform(0.35, 1.0, 26)).tolist():
        across, size = rng.normal(0, 0.14) * high, high * float(rng.uniform(0.05, 0.12))
        canvas.disc(x + across, foot - up * high, size * 1.2, size, shaded(base, 0.5 + 0.7 * up))


def aerial(rng: Rng, width: int, height: int) -> Image:
    """Straight from above: a patchwork of fields, or the roofs of a suburb along its roads."""
    fields, turn = rng.random() < 0.45, float(rng.uniform(0, math.pi))
    canvas = Canvas(width, height, pick(rng, FIELDS))
    axes = np.array([(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))])
    middle, reach = np.array((width / 2, height / 2)), math.hypot(width, height) / 2
    pitch = float(rng.uniform(90, 170) if fields else rng.uniform(55, 80))
    for i in np.arange(-reach, reach, pitch).tolist():
        for j in np.arange(-reach, reach, pitch * 1.4).tolist():
            lot = np.array((i, j)), np.array((pitch, pitch * 1.4))
            (draw_field if fields else draw_lot)(canvas, *lot, axes, middle, rng)
    for i in np.arange(-reach, reach, pitch * (3 if fields else 2)).tolist():
        ends = np.array([(i, -reach), (i + rng.normal(0, 12), reach)]) @ axes + middle
        canvas.line(ends, ASPHALT, 5 if fields else 11)
        canvas.line(ends, (206, 204, 196), 0.7)
    rough = 1 + 0.09 * fractal(rng, width, height, 60, 0.9)
    return photographed((canvas.finish() * rough[..., None]).clip(0, 255).astype(np.uint8), rng)


def draw_field(canvas: Canvas, corner: Points, size: Points, axes: Points, middle: Points, rng: Rng) -> None:
    """One field, with the furrows of its tractor."""
    colour, square = pick(rng, FIELDS), np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    canvas.shape((corner + square * size * 0.97) @ axes + middle, colour)
    along = int(rng.integers(2))
    for at in np.arange(0.02, 0.96, rng.uniform(0.03, 0.12)):
        ends = np.array([(at, 0.0), (at, 0.97)])[:, :: 1 - 2 * along]
        canvas.line((corner + ends * size) @ axes + middle, shaded(colour, rng.uniform(0.75, 0.95)), 1.0)


def draw_lot(canvas: Canvas, corner: Points, size: Points, axes: Points, middle: Points, rng: Rng) -> None:
    """One house under a hipped roof with its shadow, in a garden with trees."""
    low, long = rng.uniform(0.15, 0.3, 2), rng.uniform(0.35, 0.55, 2)
    roof, ridge = pick(rng, ROOFS), np.array([(0.5, 0.3), (0.5, 0.7)])
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])

    def at(points: Points, off: float = 0.0) -> Points:
        return np.asarray((corner + (low + points * long) * size) @ axes + middle + off)

    canvas.shape(at(square, 5.0), (44, 50, 40))
    for side, light in enumerate((0.85, 1.15, 1.0, 0.7)):
        edge = square[[side, (side + 1) % 4]]
        top = {0: ridge[:1], 1: ridge[::-1], 2: ridge[1:], 3: ridge}[side]
        canvas.shape(at(np.vstack([edge, top])), shaded(roof, light))
    for _ in range(int(rng.integers(1, 6))):
        x, y = ((corner + rng.uniform(0, 1, 2) * size) @ axes + middle).tolist()
        crown = float(rng.uniform(3, 8))
        canvas.disc(x + 2, y + 2, crown, crown, (34, 44, 30))
        canvas.disc(x, y, crown, crown, shaded((72, 104, 54), rng.uniform(0.7, 1.2)))
    if rng.random() < 0.5:
        x, y = ((corner + (0.5, 0.95) * size) @ axes + middle).tolist()
        canvas.box(x - 4, y - 3, x + 4, y + 3, random_colour(rng, 30, 220))
