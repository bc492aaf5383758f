"""Repetitive things that fill the frame: walls, floors, fences, leaves, grass, water."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image as Pictures

from geoflood.core.datatypes import Image
from geoflood.synthetic.blocks import shaded
from geoflood.synthetic.cohort.brush import FINER, Canvas, Rng, fractal, photographed, random_colour, tinted
from geoflood.synthetic.town.paint import WALLS, lay_courses, pick
from geoflood.synthetic.town.render import homography

__all__ = ["bricks", "fence", "foliage", "grass", "tiles", "waves"]


def bricks(rng: Rng, width: int, height: int) -> Image:
    """A wall, seen straight or aslant."""
    course = int(rng.integers(14, 44))
    plaster = 128 + 14 * fractal(rng, width, height, 200, 0.75)
    wall = lay_courses(plaster, course, round(course * rng.uniform(1.8, 3.2)), 18.0, rng)
    colour = pick(rng, WALLS)
    image = tinted(wall / np.float32(255), (shaded(colour, 0.3), colour, shaded(colour, 1.6)))
    return photographed(aslant(image, rng), rng)


def tiles(rng: Rng, width: int, height: int) -> Image:
    """A floor of tiles in two or three colours, with a figure on each."""
    size = int(rng.integers(28, 70))
    colours = [random_colour(rng) for _ in range(3)]
    canvas = Canvas(width, height, shaded(colours[0], 0.6))
    figure = rng.random()
    for row in range(height // size + 1):
        for column in range(width // size + 1):
            x, y = column * size, row * size
            canvas.box(
                x + 1,
                y + 1,
                x + size - 1,
                y + size - 1,
                shaded(colours[(row + column) % 2], rng.uniform(0.9, 1.1)),
            )
            if figure < 0.4:
                canvas.disc(x + size / 2, y + size / 2, size / 3, size / 3, colours[2])
            elif figure < 0.8:
                middle = np.array((x + size / 2, y + size / 2))
                canvas.shape(middle + size / 2.6 * np.array([(0, -1), (1, 0), (0, 1), (-1, 0)]), colours[2])
    return photographed(aslant(canvas.finish(), rng), rng)


def aslant(image: Image, rng: Rng) -> Image:
    """A flat picture seen from one side or from above: its far edge is shorter."""
    height, width = image.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    seen = corners - corners.mean(0)
    k, depth = int(rng.integers(4)), float(rng.uniform(0.0, 0.45))
    seen[[k, (k + 1) % 4]] *= 1 - depth
    seen *= 1.05 / (1 - depth)  # enlarged until nothing but the surface is in the frame
    data = homography(seen + corners.mean(0), corners)
    turned = Pictures.fromarray(image).transform(
        (width, height), Pictures.Transform.PERSPECTIVE, data, Pictures.Resampling.BILINEAR
    )
    return np.asarray(turned)


def fence(rng: Rng, width: int, height: int) -> Image:
    """Pickets, railings or wire before something green."""
    green = tinted(
        0.45 + 0.2 * fractal(rng, width, height, 90, 0.8), ((14, 24, 12), (96, 124, 60), (190, 204, 170))
    )
    canvas, colour = Canvas(width, height, green), random_colour(rng, 30, 235)
    kind, pitch = int(rng.integers(3)), float(rng.uniform(18, 46))
    if kind == 2:
        for start in np.arange(-height, width + height, pitch):
            canvas.line([(start, 0), (start + height, height)], colour, 1.6)
            canvas.line([(start, 0), (start - height, height)], colour, 1.6)
        return photographed(canvas.finish(), rng)
    thick = pitch * (0.75 if kind == 0 else 0.22)
    for y in (0.25, 0.75):
        canvas.box(0, y * height, width, y * height + 14, shaded(colour, 0.8))
    for x in np.arange(-pitch * rng.random(), width, pitch):
        light, tip = shaded(colour, rng.uniform(0.85, 1.15)), height * 0.1
        canvas.box(x, tip, x + thick, height, light)
        canvas.shape([(x, tip), (x + thick / 2, tip - thick / 2 - 8), (x + thick, tip)], light)
        canvas.box(x + thick * 0.85, tip, x + thick, height, shaded(light, 0.6))
    return photographed(canvas.finish(), rng)


def foliage(rng: Rng, width: int, height: int) -> Image:
    """Leaves over leaves, the nearer the brighter; some in autumn."""
    base = (70, 110, 44) if rng.random() < 0.7 else (190, 110, 40)
    canvas = Canvas(width, height, tinted(0.3 + 0.2 * fractal(rng, width, height, 120), ((8, 14, 8), base)))
    for light, size, count in ((0.5, 7, 700), (0.8, 10, 600), (1.15, 14, 400)):
        at = rng.uniform(0, 1, (count, 2)) * (width, height)
        turn, long = rng.uniform(0, 2 * math.pi, count), size * rng.uniform(0.6, 1.5, count)
        ahead = np.stack([np.cos(turn), np.sin(turn)], 1) * long[:, None]
        side = ahead[:, ::-1] * (-0.4, 0.4)
        leaves = np.stack([at - ahead, at + side, at + ahead, at - side], 1) * FINER
        lights = light * rng.uniform(0.7, 1.3, count)
        for leaf, bright in zip(leaves.reshape(count, 8).tolist(), lights.tolist(), strict=True):
            canvas.pen.polygon(leaf, fill=shaded(base, bright))
    return photographed(canvas.finish(), rng)


def grass(rng: Rng, width: int, height: int) -> Image:
    """Blades, longer the nearer they are, with some flowers."""
    base = (84, 120, 52) if rng.random() < 0.7 else (160, 146, 84)
    canvas = Canvas(
        width, height, tinted(0.5 + 0.2 * fractal(rng, width, height, 200), (shaded(base, 0.4), base))
    )
    feet = np.sort(rng.uniform(0, 1.1, 2200)) * height
    spots, leans, lights = rng.uniform(0, width, 2200), rng.normal(0, 0.4, 2200), rng.uniform(0.5, 1.4, 2200)
    for x, foot, lean, light in zip(*(a.tolist() for a in (spots, feet, leans, lights)), strict=True):
        long = 6 + 34 * foot / height
        canvas.line([(x, foot), (x + lean * long, foot - long)], shaded(base, light), 0.6 + foot / height)
    for _ in range(int(rng.integers(0, 60))):
        canvas.disc(rng.uniform(0, width), rng.uniform(0, height), 2.5, 2.5, random_colour(rng, 150, 255))
    return photographed(canvas.finish(), rng)


def waves(rng: Rng, width: int, height: int) -> Image:
    """Open water to the horizon, or from above."""
    horizon = -height * 0.4 if rng.random() < 0.4 else height * float(rng.uniform(0.05, 0.4))
    rows = np.arange(height, dtype=np.float32)[:, None]
    away = np.float32(height) / np.maximum(rows - np.float32(horizon), np.float32(2))
    x = (np.arange(width, dtype=np.float32) - np.float32(width / 2)) / np.float32(width) * away
    swell = 0.35 * fractal(rng, width, height, 40, 0.7)
    for _ in range(7):
        way, often = rng.normal(math.pi / 2, 0.5), float(rng.uniform(8, 42))
        phase = np.float32(math.cos(way) * often) * x + np.float32(math.sin(way) * often) * away
        swell += np.float32(0.5) * np.sin(phase + np.float32(rng.uniform(0, 6))) * np.exp(-away * often / 60)
    deep, sky = random_colour(rng, 20, 90), random_colour(rng, 150, 240)
    sea = tinted(0.4 + 0.22 * swell, (shaded(deep, 0.5), deep, sky))
    cloudy = tinted(0.6 + 0.15 * fractal(rng, width, height, 200), (shaded(sky, 0.7), sky))
    return photographed(np.where((rows > horizon)[..., None], sea, cloudy).astype(np.uint8), rng)
