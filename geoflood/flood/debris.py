"""What a flood carries: planks, pallets, bins, bags, branches as faces; leaves and foam as specks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw

from geoflood.flood.solids import Colour, Face, Points, box
from geoflood.flood.water import FOCAL, Floats, Water
from geoflood.terms import Image

__all__ = ["KINDS", "specks"]

Kind: TypeAlias = Callable[[np.random.Generator], tuple[list[Face], float]]
"""Draws one thing: its faces, and how much of its height is under water (metres)."""

BAGS: tuple[Colour, ...] = ((34, 35, 38), (36, 38, 40), (178, 180, 176), (70, 82, 98))
BINS: tuple[Colour, ...] = ((48, 62, 52), (54, 56, 60), (50, 58, 78), (84, 74, 56))
WOOD: tuple[Colour, ...] = ((112, 98, 80), (134, 120, 98), (88, 78, 66))
LITTER: tuple[Colour, ...] = ((204, 206, 204), (118, 138, 118), (138, 72, 62), (96, 122, 148))


LOBES = 11
"""Corners of a bag, seen from above."""


def pick(colours: tuple[Colour, ...], rng: np.random.Generator) -> Colour:
    """One of them, a little lighter or darker."""
    light = float(rng.uniform(0.85, 1.1))
    red, green, blue = colours[int(rng.integers(len(colours)))]
    return red * light, green * light, blue * light


def plank(rng: np.random.Generator) -> tuple[list[Face], float]:
    """A board, nearly awash."""
    return box(float(rng.uniform(0.9, 2.4)), float(rng.uniform(0.1, 0.2)), 0.06, pick(WOOD, rng)), 0.035


def pallet(rng: np.random.Generator) -> tuple[list[Face], float]:
    """Slats with gaps between them."""
    colour = pick(WOOD, rng)
    faces = []
    for across in np.linspace(-0.35, 0.35, 5):
        slat = box(1.2, 0.11, 0.13, colour)
        faces += [face.moved(0.0, across, 0.0) for face in slat]
    return faces, 0.07


def bin_(rng: np.random.Generator) -> tuple[list[Face], float]:
    """A wheeled bin on its side, or upright up to its lid."""
    colour = pick(BINS, rng)
    lid = box(0.64, 0.6, 0.07, (colour[0] * 0.8, colour[1] * 0.8, colour[2] * 0.8))
    faces = box(0.56, 0.54, 1.0, colour, 0.8)
    faces += [replace(face.moved(0.02, 0.0, 1.0), over=0.1) for face in lid]
    if rng.random() < 0.5:
        return faces, float(rng.uniform(0.5, 0.8))
    turned = np.array([(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)])
    return [replace(face, points=face.points @ turned).moved(-0.5, 0.0, 0.3) for face in faces], 0.35


def bag(rng: np.random.Generator) -> tuple[list[Face], float]:
    """A full plastic bag: a lumpy dome."""
    colour, size = pick(BAGS, rng), float(rng.uniform(0.2, 0.36))
    around = np.linspace(0.0, 2.0 * np.pi, LOBES + 1)[:-1]
    lumps = 1.0 + rng.normal(0.0, 0.08, (3, LOBES))
    rings = [
        np.column_stack(
            [size * r * lump * np.cos(around), size * r * lump * np.sin(around), np.full(LOBES, size * z)]
        )
        for lump, (r, z) in zip(lumps, ((0.95, 0.0), (0.9, 0.6), (0.5, 1.0)), strict=True)
    ]
    faces = [Face(rings[-1], colour, 0.05, 0.15)]
    for low, high in pairwise(rings):
        for k in range(LOBES):
            n = (k + 1) % LOBES
            faces.append(Face(np.stack([low[k], low[n], high[n], high[k]]), colour, gloss=0.15))
    return faces, 0.25 * size


def branch(rng: np.random.Generator) -> tuple[list[Face], float]:
    """A limb with twigs, some of them in the air."""
    colour = pick(((66, 54, 42), (78, 68, 52)), rng)
    length = float(rng.uniform(0.8, 2.2))
    faces = limb(np.zeros(3), np.array([length, 0.0, 0.06]), 0.045, colour)
    for start in rng.uniform(0.2, 0.95, 6):
        reach = (
            length * rng.uniform(0.12, 0.4) * np.array([0.7, rng.uniform(-1.0, 1.0), rng.uniform(-0.1, 0.6)])
        )
        foot = np.array([length * start, 0.0, 0.04])
        faces += limb(foot, foot + reach, 0.018, colour)
    return faces, 0.03


def limb(start: Points, end: Points, thick: float, colour: Colour) -> list[Face]:
    """A stick that gets thinner: two strips, one standing, one lying."""
    faces = []
    for edge in (np.array([0.0, 0.0, thick]), np.array([0.0, thick, 0.0])):
        faces.append(Face(np.stack([start - edge, start + edge, end + 0.3 * edge, end - 0.3 * edge]), colour))
    return faces


def bottle(rng: np.random.Generator) -> tuple[list[Face], float]:
    """A bottle, a can, a carton: a spot of colour."""
    return box(float(rng.uniform(0.12, 0.25)), 0.065, 0.065, pick(LITTER, rng)), 0.03


KINDS: tuple[tuple[Kind, float], ...] = (
    (plank, 0.22),
    (pallet, 0.06),
    (bin_, 0.10),
    (bag, 0.20),
    (branch, 0.16),
    (bottle, 0.26),
)
"""What there is, and how often; the shares sum to 1."""


def specks(photo: Image, water: Water, rng: np.random.Generator, amount: float, light: float) -> None:
    """Put leaves and foam in drifts on the water of the photo, nowhere else."""
    pixels = photo[water.top :].reshape(-1, 3)
    for colour, many in (((58, 50, 36), 150), ((186, 180, 164), 110)):
        layer = drift(water, round(many * amount * rng.uniform(0.3, 1.0)), rng).reshape(-1)
        spots = np.flatnonzero(layer)
        there = pixels[spots].astype(np.float32)
        lit = np.clip(np.array(colour, np.float32) * np.float32(light), 0, 255)
        pixels[spots] = there + (lit - there) * layer[spots, None]


def drift(water: Water, many: int, rng: np.random.Generator) -> Floats:
    """Opacity [rows, width] of `many` specks around a few lines on the plane, over the rows of the water."""
    rows, width = water.cover.shape
    layer = Pictures.new("L", (2 * width, 2 * rows))
    draw = ImageDraw.Draw(layer)
    where = rng.random((4, 2))[rng.integers(4, size=many)] + rng.normal(0.0, 1.0, (many, 2)) * (0.22, 0.035)
    sizes = rng.uniform(0.006, 0.03, many) * rng.random(many)
    opacity = rng.integers(70, 190, many)
    for (x, y), size, value in zip(where.tolist(), sizes.tolist(), opacity.tolist(), strict=True):
        row = 2 * rows * (0.04 + 0.96 * y * y)
        grazing = float(water.grazing[min(max(int(row / 2), 0), rows - 1), 0])
        wide = max(size * 2 * water.height * grazing * FOCAL, 0.5)
        tall = max(wide * grazing, 0.4)
        draw.ellipse((2 * width * x - wide, row - tall, 2 * width * x + wide, row + tall), value)
    return np.asarray(layer.reduce(2), np.float32) * water.cover / np.float32(255.0)
