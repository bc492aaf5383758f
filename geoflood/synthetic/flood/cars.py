"""Cars, as one sees them from a window: a rounded hull, glass that mirrors the sky, lamps, seams, mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from geoflood.synthetic.flood.solids import Colour, Face, Points, Solid, packed

__all__ = ["CARS", "PAINTS", "FloatingCar", "car"]


@dataclass(frozen=True, slots=True)
class FloatingCar:
    """A kind of car: its outline from the tail to the nose, metres (ahead, up), and where its glass is."""

    outline: tuple[tuple[float, float], ...]
    rear: tuple[float, float]
    """From where to where (ahead) the rear window goes."""
    front: tuple[float, float]
    pillars: tuple[float, ...]
    """What divides the side windows, metres ahead, from the hindmost to the foremost edge of the glass."""
    shoulder: float
    """Height at which the glass begins."""
    half: float = 0.89
    """Half of its width at the widest."""
    roof: float = 0.64
    """Half of its width at the roof."""
    blind: float = -9.0
    """Side windows that begin behind this are metal: a van's."""

    @property
    def height(self) -> float:
        """Of the roof, metres."""
        return max(up for _, up in self.outline)

    def wide(self, ahead: Points, up: Points) -> Points:
        """Half of the width at points of the hull: less at nose, tail and sill, leaning in at the glass."""
        tail, nose = self.outline[0][0], self.outline[-1][0]
        middle, reach = (tail + nose) / 2.0, (nose - tail) / 2.0
        end = np.clip((np.abs(ahead - middle) / reach - 0.55) / 0.45, 0.0, 1.0)
        bulge = 1.0 - 0.10 * ((np.minimum(up, self.shoulder) - 0.62) / 0.6) ** 2
        lean = np.clip((up - self.shoulder) / (self.height - self.shoulder), 0.0, 1.0)
        side = self.half * bulge - (self.half - self.roof) * (0.75 * lean + 0.25 * lean * lean)
        return np.asarray(side * (1.0 - 0.20 * end * end))


SALOON = FloatingCar(
    ((-2.25, 0.45), (-2.3, 0.75), (-2.2, 1.02), (-1.55, 1.06), (-0.8, 1.40), (-0.1, 1.45), (0.45, 1.40),
     (1.2, 0.99), (1.9, 0.90), (2.2, 0.74), (2.26, 0.4)),
    (-1.5, -0.85), (0.5, 1.15), (-1.3, -0.3, 0.9), 0.95,
)  # fmt: skip
HATCH = FloatingCar(
    ((-1.9, 0.45), (-1.95, 0.8), (-1.88, 1.0), (-1.5, 1.42), (-0.8, 1.51), (0.0, 1.51), (0.45, 1.44),
     (1.15, 1.0), (1.7, 0.88), (1.95, 0.70), (2.0, 0.4)),
    (-1.85, -1.5), (0.5, 1.1), (-1.6, -0.45, 0.85), 0.95, 0.85,
)  # fmt: skip
ESTATE = FloatingCar(
    ((-2.2, 0.5), (-2.25, 0.95), (-2.17, 1.15), (-1.9, 1.6), (-1.2, 1.70), (-0.2, 1.70), (0.35, 1.63),
     (1.05, 1.18), (1.85, 1.08), (2.2, 0.86), (2.25, 0.45)),
    (-2.15, -1.88), (0.4, 1.0), (-1.95, -1.05, -0.1, 0.8), 1.1, 0.93, 0.72,
)  # fmt: skip
MINI = FloatingCar(
    ((-1.6, 0.45), (-1.68, 0.8), (-1.62, 1.0), (-1.35, 1.44), (-0.7, 1.52), (0.1, 1.53), (0.55, 1.42),
     (1.15, 1.02), (1.5, 0.90), (1.7, 0.70), (1.74, 0.4)),
    (-1.6, -1.35), (0.6, 1.1), (-1.3, -0.2, 0.9), 0.96, 0.8, 0.6,
)  # fmt: skip
VAN = FloatingCar(
    ((-2.4, 0.5), (-2.45, 1.0), (-2.42, 1.75), (-2.3, 1.92), (-1.2, 1.97), (0.3, 1.97), (0.9, 1.85),
     (1.65, 1.2), (2.15, 1.02), (2.35, 0.8), (2.4, 0.45)),
    (-2.44, -2.36), (0.95, 1.6), (-2.1, -0.7, 0.35, 1.25), 1.15, 0.97, 0.86, 0.0,
)  # fmt: skip
CARS = (SALOON, HATCH, ESTATE, MINI, VAN)
PAINTS: tuple[Colour, ...] = (
    (182, 184, 186), (48, 50, 54), (228, 228, 224), (132, 28, 30), (42, 62, 108), (112, 116, 120),
    (22, 23, 26), (78, 92, 86), (158, 148, 130), (218, 220, 220),
)  # fmt: skip
GLASS: Colour = (17, 20, 23)
TRIM: Colour = (24, 25, 27)
SKY_IN_GLASS = ((0.03, 0.30, 0.07), (0.30, 0.52, 0.11), (0.52, 0.72, 0.17), (0.72, 0.88, 0.25))
"""Bands of the side windows, from share to share of their height, and their gloss: most where sky is."""
SILL = 0.24


@lru_cache(128)
def car(kind: FloatingCar, paint: Colour) -> Solid:
    """A car: hull, glass, lamps, plates, seams, mirrors, and of the wheels what the water may leave."""
    return packed([*hull(kind, paint), *windows(kind, paint), *fittings(kind, paint), *ends(kind, paint)])


def rounded(outline: tuple[tuple[float, float], ...]) -> Points:
    """The outline with its corners cut: no car has any."""
    points = np.array(outline)
    near, far = points[:-1], points[1:]
    inner = np.stack([0.78 * near + 0.22 * far, 0.22 * near + 0.78 * far], 1).reshape(-1, 2)
    return np.concatenate([points[:1], inner, points[-1:]])


def quads(rows: Points, colour: Colour, over: float = 0.0, gloss: float = 0.06) -> Iterator[Face]:
    """Faces between points [rows, columns, 3]; seen from outside, rows go ahead and columns to the left."""
    for low, high in pairwise(rows):
        for k in range(len(low) - 1):
            yield Face(np.stack([low[k], low[k + 1], high[k + 1], high[k]]), colour, over, gloss, hides=True)


def hull(kind: FloatingCar, paint: Colour) -> Iterator[Face]:
    """All that is painted: from one sill over hood and roof to the other."""
    points = rounded(kind.outline)
    ahead, top = points.T
    deck = np.minimum(top, kind.shoulder)
    rows = []
    for share in (0.0, 0.35, 0.7, 0.93):
        up = SILL + (deck - SILL) * share
        rows.append((ahead, kind.wide(ahead, up), up))
    rim = kind.wide(ahead, top)
    rows += [(ahead, kind.wide(ahead, deck) * 0.985, deck), (ahead, rim * 0.97, top - 0.015)]
    rows += [(ahead, rim * 0.86, top + 0.02), (ahead, rim * 0.0, top + 0.04)]
    right = [np.column_stack(row) for row in rows]
    left = [row * (1.0, -1.0, 1.0) for row in right[-2::-1]]
    skin = np.stack([*right, *left], 1)
    # Flanks are long: every other station is enough for them.
    some = skin[[*range(0, len(skin) - 1, 2), len(skin) - 1]]
    yield from quads(some[:, :5], paint)
    yield from quads(skin[:, 4:11], paint, gloss=0.10)
    yield from quads(some[:, 10:], paint)
    for end, turn in ((skin[0], -1), (skin[-1], 1)):
        yield Face(end[::turn], paint, gloss=0.04, hides=True)


def windows(kind: FloatingCar, paint: Colour) -> Iterator[Face]:
    """Screens before and behind, side windows in their black frame, each in bands: glass is curved."""
    points = rounded(kind.outline)
    ahead, top = points.T
    for low, high in (kind.rear, kind.front):
        x = np.linspace(low + 0.03, high - 0.03, 5)
        z = np.interp(x, ahead, top)
        half = kind.wide(x, z)
        across = np.array([0.90, 0.45, 0.0, -0.45, -0.90])
        rows = np.stack([np.column_stack([x, half * y, z + 0.03 + 0.04 * (1.0 - abs(y))]) for y in across], 1)
        yield from quads(rows, GLASS, 0.6, 0.22)
    roof = points[top >= kind.shoulder]
    for side in (1.0, -1.0):
        frame = pane(kind, roof, kind.pillars[0], kind.pillars[-1], side, (0.0, 0.92))
        yield Face(frame, paint if kind.blind > -9.0 else TRIM, 0.12, 0.03, hides=True)
        for rear, front in pairwise(kind.pillars):
            if rear < kind.blind:
                continue
            for low, high, gloss in SKY_IN_GLASS:
                band = pane(kind, roof, rear + 0.05, front - 0.04, side, (low, high))
                yield Face(band, GLASS, 0.2, gloss, hides=True)


def pane(
    kind: FloatingCar, roof: Points, rear: float, front: float, side: float, band: tuple[float, float]
) -> Points:
    """A band of a side window, from one share of the height between shoulder and roof's line to another."""
    ahead = np.linspace(rear, front, 6)
    high = np.maximum(np.interp(ahead, roof[:, 0], roof[:, 1]) - kind.shoulder, 0.0)
    x = np.concatenate([ahead, ahead[::-1]])
    z = kind.shoulder + np.concatenate([high * band[1], (high * band[0])[::-1]])
    points = np.column_stack([x, side * (kind.wide(x, z) + 0.012), z])
    return points if side > 0 else points[::-1]


def fittings(kind: FloatingCar, paint: Colour) -> Iterator[Face]:
    """What is set into the flanks: seams, handles, wheels, a moulding, mirrors."""
    dark = (paint[0] * 0.35, paint[1] * 0.35, paint[2] * 0.35)
    tail, nose = kind.outline[0][0], kind.outline[-1][0]
    for side in (1.0, -1.0):
        for x in kind.pillars:
            yield patch(kind, (x - 0.011, x + 0.011), (0.30, kind.shoulder - 0.01), side, dark, 0.1)
        for x in kind.pillars[:-1]:
            at = (kind.shoulder - 0.15, kind.shoulder - 0.115)
            yield patch(kind, (x + 0.08, x + 0.27), at, side, dark, 0.12, 0.2)
        yield patch(kind, (tail + 0.5, nose - 0.6), (0.50, 0.54), side, TRIM, 0.11)
        for axle in (tail + 0.85, nose - 0.85):
            for radius, grey, over in ((0.38, 10, 0.13), (0.31, 26, 0.14), (0.20, 112, 0.15)):
                yield wheel(kind, axle, radius, side, (grey, grey, grey + 1), over)
        yield from wing_mirror(kind, side, paint)


def wing_mirror(kind: FloatingCar, side: float, paint: Colour) -> Iterator[Face]:
    """Its outer face, its lid, and its glass."""
    x = kind.pillars[-1] + np.array([-0.20, 0.02, 0.02, -0.14])
    z = kind.shoulder + np.array([0.02, 0.03, 0.15, 0.17])
    outer = np.column_stack([x, np.full(4, side * (kind.half + 0.15)), z])
    inner = outer - (0.0, side * 0.17, 0.0)
    yield Face(outer, paint, 0.3, 0.05)
    yield Face(np.stack([outer[3], outer[2], inner[2], inner[3]]), paint, 0.3, 0.05)
    yield Face(np.stack([outer[0], outer[3], inner[3], inner[0]]), (60, 64, 68), 0.31, 0.3)


def patch(
    kind: FloatingCar,
    ahead: tuple[float, float],
    up: tuple[float, float],
    side: float,
    colour: Colour,
    over: float,
    gloss: float = 0.02,
) -> Face:
    """A rectangle on a flank."""
    x = np.array([ahead[0], ahead[1], ahead[1], ahead[0]])
    z = np.array([up[1], up[1], up[0], up[0]])
    points = np.column_stack([x, side * (kind.wide(x, z) + 0.012), z])
    return Face(points if side > 0 else points[::-1], colour, over, gloss, hides=True)


def wheel(kind: FloatingCar, axle: float, radius: float, side: float, colour: Colour, over: float) -> Face:
    """The upper half of a disc in a flank."""
    angle = np.linspace(np.pi, 0.0, 9)
    x, z = axle + radius * np.cos(angle), 0.32 + radius * np.sin(angle)
    points = np.column_stack([x, side * (kind.wide(x, z) + 0.01), z])
    return Face(points if side > 0 else points[::-1], colour, over, 0.01, hides=True)


def ends(kind: FloatingCar, paint: Colour) -> Iterator[Face]:
    """Lamps around the corners, grille, plates and bumpers."""
    nose, tail = kind.outline[-2], kind.outline[1]
    for way, (x, top) in ((1.0, nose), (-1.0, tail)):
        front = way > 0
        lamp: Colour = (196, 200, 202) if front else (128, 14, 16)
        deep = 0.15 if front else 0.22
        high = top - 0.01 if front else top + 0.06
        for side in (1.0, -1.0):
            wide = float(kind.wide(np.array([x]), np.array([high]))[0])
            inner = wide * (0.50 if front else 0.62)
            y = np.array([inner, wide - 0.02, wide - 0.02, inner]) * side
            z = high - np.array([0.02, 0.0, deep, deep - 0.02])
            turn = -1 if way * side > 0 else 1
            yield Face(np.column_stack([bow(kind, x, y, way), y, z])[::turn], lamp, 0.30, 0.14, hides=True)
            core = np.array([0.3, 0.62, 0.62, 0.3]) * (wide - inner) + inner
            bulb: Colour = (246, 246, 240) if front else (196, 54, 44)
            z = high - deep * np.array([0.25, 0.25, 0.72, 0.72])
            points = np.column_stack([bow(kind, x, core * side, way), core * side, z])
            yield Face(points[::turn], bulb, 0.32, 0.1, hides=True)
            flank = sorted((x - way * 0.34, x - way * 0.05))
            yield patch(kind, (flank[0], flank[1]), (high - deep, high - 0.02), side, lamp, 0.2, 0.12)
        plates: list[tuple[float, float, float, Colour, float]] = [(0.27, 0.50, 0.61, (222, 222, 212), 0.33)]
        if front:
            plates += [(0.40, top - 0.13, top - 0.02, (16, 17, 18), 0.31), (0.62, 0.42, 0.50, TRIM, 0.31)]
        else:
            plates += [(0.78, 0.40, 0.47, TRIM, 0.31)]
        for half, low, up, colour, over in plates:
            y, z = np.array([-half, half, half, -half]), np.array([low, low, up, up])
            points = np.column_stack([bow(kind, x, y, way), y, z])
            yield Face(points if front else points[::-1], colour, over, 0.03, hides=True)


def bow(kind: FloatingCar, ahead: float, across: Points, way: float) -> Points:
    """How far ahead a bumper is at these points: it is a bow."""
    return ahead + way * (0.07 - 0.12 * (across / kind.half) ** 2)
