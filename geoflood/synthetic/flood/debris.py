"""What a flood carries: boards, pallets, bins, bags, branches, bottles, reed, as faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from geoflood.synthetic.flood.solids import Colour, Face, Points, Solid, box, packed

__all__ = ["KINDS", "PIECES", "piece"]

Kind: TypeAlias = Callable[[np.random.Generator], tuple[list[Face], float]]
"""Draws one thing: its faces, and how much of its height is under water (metres)."""

BAGS: tuple[Colour, ...] = ((26, 27, 30), (30, 31, 34), (196, 198, 196), (58, 74, 98), (150, 148, 140))
BINS: tuple[Colour, ...] = ((36, 54, 42), (44, 46, 50), (38, 48, 76), (62, 66, 62))
WOOD: tuple[Colour, ...] = ((122, 106, 84), (146, 130, 104), (92, 80, 66), (112, 106, 96))
LITTER: tuple[Colour, ...] = ((214, 216, 214), (104, 136, 104), (150, 62, 50), (88, 122, 156), (196, 178, 96))
BARK: tuple[Colour, ...] = ((62, 52, 42), (76, 66, 52), (54, 48, 42))
LEAVES: tuple[Colour, ...] = ((74, 84, 44), (92, 90, 46), (66, 70, 40), (104, 88, 50))
STRAW: tuple[Colour, ...] = ((150, 132, 92), (118, 102, 70), (96, 84, 58), (170, 154, 112), (84, 84, 52))
PIECES = 24
"""So many of each kind there are; each photo turns, tilts and soils some of them anew."""
LOBES = 11
"""Corners of a bag, seen from above."""


def pick(colours: tuple[Colour, ...], rng: np.random.Generator) -> Colour:
    """One of them, a little lighter or darker."""
    red, green, blue = colours[int(rng.integers(len(colours)))]
    return dyed((red, green, blue), float(rng.uniform(0.82, 1.12)))


def dyed(colour: Colour, light: float) -> Colour:
    """The colour so many times as bright."""
    return colour[0] * light, colour[1] * light, colour[2] * light


def board(length: float, width: float, height: float, colour: Colour, rng: np.random.Generator) -> list[Face]:
    """A board with its grain, and with the nails and stains of its life."""
    faces = box(length, width, height, colour)
    for light in rng.uniform(0.72, 1.16, 5).tolist():
        begin, end = np.sort(rng.uniform(-0.5, 0.5, 2)) * length
        low, high = np.sort(rng.uniform(-0.48, 0.48, 2)) * width
        if high - low < 0.6 * width:
            corners = [(begin, low, height), (end, low, height), (end, high, height), (begin, high, height)]
            faces.append(Face(np.array(corners), dyed(colour, light), 0.01))
    return faces


def plank(rng: np.random.Generator) -> tuple[list[Face], float]:
    """A board, nearly awash, often with another one across it."""
    colour = pick(WOOD, rng)
    faces = board(float(rng.uniform(0.9, 2.4)), float(rng.uniform(0.09, 0.2)), 0.055, colour, rng)
    if rng.random() < 0.4:
        other = board(
            float(rng.uniform(0.6, 1.6)), float(rng.uniform(0.07, 0.14)), 0.05, pick(WOOD, rng), rng
        )
        angle = float(rng.uniform(0.2, 1.2))
        faces += [
            replace(face.moved(0.0, 0.0, 0.045), over=face.over + 0.05) for face in turned(other, angle)
        ]
    return faces, 0.03


def turned(faces: list[Face], angle: float) -> list[Face]:
    """Turned about the upright axis, radians."""
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    turn = np.array([(cos, sin, 0.0), (-sin, cos, 0.0), (0.0, 0.0, 1.0)])
    return [replace(face, points=face.points @ turn) for face in faces]


def pallet(rng: np.random.Generator) -> tuple[list[Face], float]:
    """Boards on beams, gaps between them, one perhaps lost."""
    colour = pick(WOOD, rng)
    faces = []
    for ahead in (-0.52, 0.0, 0.52):
        beam = turned(box(0.8, 0.1, 0.1, dyed(colour, 0.7)), np.pi / 2)
        faces += [face.moved(ahead, 0.0, 0.0) for face in beam]
    for across in np.linspace(-0.35, 0.35, 6)[rng.random(6) < 0.9]:
        slat = box(1.2, 0.09, 0.025, dyed(colour, float(rng.uniform(0.8, 1.15))))
        faces += [replace(face.moved(0.0, across, 0.1), over=0.08) for face in slat]
    return faces, 0.06


def bin_(rng: np.random.Generator) -> tuple[list[Face], float]:
    """A wheeled bin, upright up to its ribs or lying on its side, its lid open or shut."""
    colour = pick(BINS, rng)
    faces = box(0.56, 0.54, 0.98, colour, 0.82)
    for height in (0.62, 0.80):
        rib = box(0.585, 0.565, 0.045, dyed(colour, 1.2))
        faces += [replace(face.moved(0.0, 0.0, height), over=0.05) for face in rib]
    lid = box(0.64, 0.60, 0.06, dyed(colour, 0.85))
    faces += [replace(face.moved(0.02, 0.0, 0.98), over=0.1, gloss=0.06) for face in lid]
    handle = box(0.05, 0.5, 0.04, dyed(colour, 0.6))
    faces += [face.moved(-0.36, 0.0, 0.95) for face in handle]
    for side in (-0.22, 0.22):
        wheel = box(0.2, 0.06, 0.2, (18, 18, 19))
        faces += [face.moved(-0.27, side, 0.0) for face in wheel]
    if rng.random() < 0.35:
        return faces, float(rng.uniform(0.35, 0.7))
    over = np.array([(0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)])
    return [replace(face, points=face.points @ over).moved(-0.5, 0.0, 0.3) for face in faces], 0.36


def bag(rng: np.random.Generator) -> tuple[list[Face], float]:
    """A full plastic bag: lumps, creases that shine, and a knot."""
    colour, size = pick(BAGS, rng), float(rng.uniform(0.2, 0.36))
    around = np.linspace(0.0, 2.0 * np.pi, LOBES + 1)[:-1]
    rings = []
    for r, z in ((0.95, 0.0), (1.0, 0.3), (0.8, 0.62), (0.4, 0.86), (0.07, 0.92)):
        lump = r * (1.0 + rng.normal(0.0, 0.10, LOBES))
        up = z + rng.normal(0.0, 0.05, LOBES) * (z > 0)
        rings.append(size * np.column_stack([lump * np.cos(around), 0.8 * lump * np.sin(around), up]))
    knot = size * np.array([(-0.10, -0.03, 1.12), (0.12, 0.02, 1.08), (0.05, 0.0, 0.88), (-0.05, 0.0, 0.88)])
    faces = [Face(knot, dyed(colour, 0.9), 0.1, 0.05)]
    for low, high in pairwise(rings):
        for k in range(LOBES):
            n = (k + 1) % LOBES
            crease = dyed(colour, float(rng.uniform(0.8, 1.15)))
            faces.append(Face(np.stack([low[k], low[n], high[n], high[k]]), crease, gloss=0.07, hides=True))
    return faces, 0.25 * size


def branch(rng: np.random.Generator) -> tuple[list[Face], float]:
    """A limb with twigs, some of them in the air, with or without leaves."""
    colour = pick(BARK, rng)
    length = float(rng.uniform(0.9, 2.4))
    faces = limb(np.zeros(3), np.array([length, 0.0, 0.06]), 0.04, colour)
    leafy = rng.random() < 0.6
    for start in rng.uniform(0.2, 0.95, 7):
        reach = (
            length * rng.uniform(0.12, 0.4) * np.array([0.7, rng.uniform(-1.0, 1.0), rng.uniform(-0.1, 0.6)])
        )
        foot = np.array([length * start, 0.0, 0.04])
        faces += limb(foot, foot + reach, 0.014, dyed(colour, 1.1))
        if leafy:
            faces += foliage(foot + reach, 0.10, 6, rng)
    return faces, 0.03


def foliage(where: Points, spread: float, many: int, rng: np.random.Generator) -> list[Face]:
    """Leaves around a point."""
    middles = where + rng.normal(0.0, spread, (many, 3)) * (1.0, 1.0, 0.5)
    blades = rng.normal(0.0, 0.05, (many, 3, 3)) * (1.0, 1.0, 0.6)
    return [
        Face(middle + blade, pick(LEAVES, rng), 0.02, 0.03)
        for middle, blade in zip(middles, blades, strict=True)
    ]


def limb(start: Points, end: Points, thick: float, colour: Colour) -> list[Face]:
    """A stick that gets thinner, and bends: lit above, dark below."""
    faces = []
    bend = (start + end) / 2.0 + np.array([0.0, 0.0, 0.3 * thick])
    for (near, far), wide in (((start, bend), (1.0, 0.7)), ((bend, end), (0.7, 0.3))):
        for low, high, light in ((-1.0, 0.1, 0.7), (0.1, 1.0, 1.25)):
            edge = np.array([0.0, 0.35 * thick, thick])
            corners = [near + edge * low * wide[0], near + edge * high * wide[0]]
            corners += [far + edge * high * wide[1], far + edge * low * wide[1]]
            faces.append(Face(np.stack(corners), dyed(colour, light)))
    return faces


def bottle(rng: np.random.Generator) -> tuple[list[Face], float]:
    """A bottle lying on the water, with label, neck and cap; or a carton."""
    if rng.random() < 0.3:
        return box(float(rng.uniform(0.12, 0.3)), 0.08, 0.08, pick(LITTER, rng)), 0.03
    length, clear = float(rng.uniform(0.16, 0.26)), pick(((126, 140, 138), (70, 96, 76), (92, 72, 48)), rng)
    around = np.linspace(0.0, 2.0 * np.pi, 8)[:-1]
    stations = ((0.0, 0.03), (0.03, 0.036), (0.62, 0.036), (0.82, 0.014), (0.92, 0.013), (1.0, 0.013))
    label, cap = pick(LITTER, rng), pick(LITTER, rng)
    colours = (clear, label if rng.random() < 0.7 else clear, clear, clear, cap)
    faces = []
    for ((x0, r0), (x1, r1)), colour in zip(pairwise(stations), colours, strict=True):
        low, high = (
            np.column_stack([np.full(7, length * x), r * np.cos(around), 0.036 + r * np.sin(around)])
            for x, r in ((x0, r0), (x1, r1))
        )
        for k in range(7):
            n = (k + 1) % 7
            faces.append(Face(np.stack([low[k], low[n], high[n], high[k]]), colour, gloss=0.12, hides=True))
    return faces, 0.025


def reed(rng: np.random.Generator) -> tuple[list[Face], float]:
    """Straw and twigs that the water has raked together, nearly flat."""
    many, size = int(rng.integers(24, 60)), float(rng.uniform(0.25, 0.7))
    middles = rng.normal(0.0, size, (many, 3)) * (0.7, 0.35, 0.0) + (0.0, 0.0, 0.02)
    angle = rng.normal(0.0, 0.7, many)
    along = np.column_stack([np.cos(angle), np.sin(angle), rng.normal(0.0, 0.12, many)])
    along *= rng.uniform(0.06, 0.26, many)[:, None]
    wide = np.column_stack([-np.sin(angle), np.cos(angle), np.full(many, 0.4)]) * rng.uniform(0.004, 0.016)
    return [
        Face(np.stack([at - to - edge, at + to - edge, at + to + edge, at - to + edge]), pick(STRAW, rng))
        for at, to, edge in zip(middles, along, wide, strict=True)
    ], 0.01


KINDS: tuple[tuple[Kind, float], ...] = (
    (plank, 0.20),
    (pallet, 0.06),
    (bin_, 0.08),
    (bag, 0.16),
    (branch, 0.16),
    (bottle, 0.18),
    (reed, 0.16),
)
"""What there is, and how often; the shares sum to 1."""


@lru_cache(PIECES * len(KINDS))
def piece(kind: Kind, number: int) -> tuple[Solid, float]:
    """A thing of this kind, and how much of its height is under water (metres)."""
    faces, draft = kind(np.random.default_rng([number, PIECES]))
    return packed(faces), draft
