"""Cars, as seen from a window: outlines rounded off, glass, lights, mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from geoflood.flood.solids import Colour, Face, Points, Solid, packed

__all__ = ["CARS", "PAINTS", "Car", "car"]


@dataclass(frozen=True, slots=True)
class Car:
    """A kind of car: its outline from the tail to the nose, metres (ahead, up), and where its glass is."""

    outline: tuple[tuple[float, float], ...]
    rear: tuple[float, float]
    """From where to where (ahead) the rear window goes."""
    front: tuple[float, float]
    pillars: tuple[float, ...]
    """What divides the side windows, metres ahead, from the hindmost to the foremost edge of the glass."""
    shoulder: float
    """Height at which the glass begins."""
    half: float = 0.88
    """Half of its width at the shoulder."""
    roof: float = 0.62
    """Half of its width at the roof."""

    @property
    def height(self) -> float:
        """Of the roof, metres."""
        return max(up for _, up in self.outline)


SALOON = Car(
    ((-2.2, 0.45), (-2.22, 0.85), (-1.95, 1.02), (-1.5, 1.05), (-0.85, 1.40), (-0.1, 1.45), (0.5, 1.38),
     (1.15, 0.98), (1.9, 0.86), (2.2, 0.68), (2.25, 0.4)),
    (-1.5, -0.85), (0.5, 1.15), (-1.2, -0.3, 0.85), 0.95,
)  # fmt: skip
HATCH = Car(
    ((-1.9, 0.45), (-1.95, 0.8), (-1.85, 1.0), (-1.5, 1.42), (-0.8, 1.50), (0.0, 1.50), (0.45, 1.43),
     (1.1, 1.0), (1.7, 0.86), (1.95, 0.66), (2.0, 0.4)),
    (-1.85, -1.5), (0.45, 1.1), (-1.5, -0.45, 0.8), 0.95, 0.84,
)  # fmt: skip
ESTATE = Car(
    ((-2.2, 0.5), (-2.25, 0.95), (-2.15, 1.15), (-1.85, 1.6), (-1.2, 1.70), (-0.2, 1.70), (0.35, 1.62),
     (1.05, 1.16), (1.9, 1.02), (2.2, 0.8), (2.25, 0.45)),
    (-2.15, -1.85), (0.35, 1.05), (-1.85, -0.95, -0.1, 0.75), 1.1, 0.92, 0.7,
)  # fmt: skip
CARS = (SALOON, HATCH, ESTATE)
PAINTS: tuple[Colour, ...] = (
    (168, 170, 172), (74, 76, 80), (206, 206, 202), (116, 38, 38), (62, 76, 106), (112, 116, 120),
    (86, 94, 86),
)  # fmt: skip
GLASS: Colour = (24, 29, 34)


@lru_cache(64)
def car(kind: Car, paint: Colour) -> Solid:
    """A car: sides, roof and hood in strips, panes, lights, mirrors; no wheels, they are under water."""
    return packed([*strips(kind, paint), *sides(kind, paint), *lamps(kind)])


def rounded(outline: tuple[tuple[float, float], ...]) -> Points:
    """The outline with its corners cut twice: no car has any."""
    points = np.array(outline)
    for _ in range(2):
        near, far = points[:-1], points[1:]
        inner = np.stack([0.75 * near + 0.25 * far, 0.25 * near + 0.75 * far], 1).reshape(-1, 2)
        points = np.concatenate([points[:1], inner, points[-1:]])
    return points


def half_width(kind: Car, up: Points) -> Points:
    """Half of the car's width at heights `up`: straight to the shoulder, then leaning in."""
    lean = np.clip((up - kind.shoulder) / (kind.height - kind.shoulder), 0.0, 1.0)
    return np.asarray(kind.half + (kind.roof - kind.half) * lean)


def strips(kind: Car, paint: Colour) -> Iterator[Face]:
    """Everything that goes from one side to the other, tail to nose."""
    points = rounded(kind.outline)
    half = half_width(kind, points[:, 1])
    for i in range(len(points) - 1):
        (x0, z0), (x1, z1) = points[i], points[i + 1]
        middle = (x0 + x1) / 2
        pane = (
            any(low <= middle <= high for low, high in (kind.rear, kind.front))
            and min(z0, z1) > kind.shoulder
        )
        edge = np.array(
            [(x0, -half[i], z0), (x0, half[i], z0), (x1, half[i + 1], z1), (x1, -half[i + 1], z1)]
        )
        yield Face(edge, paint, gloss=0.30)
        if pane:
            yield Face(edge * (1.0, 0.90, 1.0), GLASS, over=0.15, gloss=0.42)


def sides(kind: Car, paint: Colour) -> Iterator[Face]:
    """Doors below the shoulder, pillars and windows above it, a mirror: left and right."""
    points = rounded(kind.outline)
    roof = points[points[:, 1] >= kind.shoulder]
    door = np.column_stack([points[:, 0], np.minimum(points[:, 1], kind.shoulder)])
    for side in (-1.0, 1.0):
        yield Face(np.insert(door, 1, side * kind.half, 1), paint)
        yield Face(np.insert(roof, 1, side * half_width(kind, roof[:, 1]), 1), paint)
        for rear, front in pairwise(kind.pillars):
            yield Face(pane(kind, roof, rear + 0.05, front - 0.03, side), GLASS, over=0.2, gloss=0.25)
        mirror = kind.shoulder + np.array([0.0, 0.03, 0.15, 0.16])
        edge = np.column_stack([kind.pillars[-1] - np.array([0.2, -0.02, -0.02, 0.2]), mirror])
        yield Face(np.insert(edge, 1, side * (kind.half + 0.14), 1), (38, 38, 40), over=0.3)


def pane(kind: Car, roof: Points, rear: float, front: float, side: float) -> Points:
    """A side window: under the roof's line, above the shoulder."""
    ahead = np.linspace(rear, front, 6)
    top = np.interp(ahead, roof[:, 0], roof[:, 1])
    high = kind.shoulder + 0.04 + 0.86 * np.maximum(top - kind.shoulder - 0.04, 0.0)
    x = np.concatenate([ahead, ahead[::-1]])
    z = np.concatenate([high, np.full(6, kind.shoulder + 0.03)])
    return np.column_stack([x, side * half_width(kind, z) * 1.005, z])


def lamps(kind: Car) -> Iterator[Face]:
    """Two at the tail, two at the nose, where the outline is; drawn a little outside of it."""
    tail, nose = kind.outline[1][0] - 0.01, kind.outline[-2][0] + 0.03
    top = kind.outline[1][1]
    low = kind.outline[-2][1]
    for x, z, colour, deep in ((tail, top, (138, 26, 24), 0.2), (nose, low, (214, 214, 206), 0.14)):
        for side in (-1.0, 1.0):
            inner, outer = side * (kind.half - 0.32), side * (kind.half - 0.02)
            corners = [(x, inner, z - deep), (x, outer, z - deep), (x, outer, z), (x, inner, z)]
            yield Face(np.array(corners), colour, over=0.3)
