"""Rooms seen from their near end."""

from __future__ import annotations

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.synthetic.blocks import Colour, shaded
from geoflood.synthetic.cohort.brush import Canvas, Rng, fractal, photographed, random_colour
from geoflood.synthetic.town.model import Points
from geoflood.synthetic.town.paint import PAINTS, WALLS, pick

__all__ = ["indoor"]

WOODS: tuple[Colour, ...] = ((150, 110, 70), (110, 84, 60), (176, 170, 160), (92, 62, 44))
DAY, FRAME = (222, 232, 240), (236, 232, 226)


class Room:
    """A room to draw in, metres to the right, up and ahead of its near left corner."""

    def __init__(self, canvas: Canvas, width: int, height: int, rng: Rng) -> None:
        self.canvas = canvas
        self.wide, self.high, self.deep = rng.uniform((3.5, 2.5, 3.5), (6.0, 3.2, 7.0)).tolist()
        self.eye = np.array((self.wide * rng.uniform(0.35, 0.65), rng.uniform(1.2, 1.7)))
        self.focal, self.middle = width * float(rng.uniform(0.55, 0.9)), (width / 2, height * 0.48)

    def at(self, points: Points) -> Points:
        """Pixels [n, 2] of points [n, 3]; the camera stands 0.9 m before the corner."""
        scale = self.focal / (points[:, 2:] + 0.9)
        return np.asarray((points[:, :2] - self.eye) * (1, -1) * scale + self.middle)

    def panel(
        self, corner: tuple[float, float, float], size: tuple[float, float, float], colour: Colour
    ) -> None:
        """Fill a rectangle from a corner on; one of its three sizes is 0."""
        first, last = np.array(corner), np.array(corner) + size
        flat = int(np.argmin(np.abs(size)))
        a, b = (axis for axis in range(3) if axis != flat)
        points = np.tile(first, (4, 1))
        points[1:3, a], points[2:, b] = last[a], last[b]
        self.canvas.shape(self.at(points), colour)

    def block(
        self, corner: tuple[float, float, float], size: tuple[float, float, float], colour: Colour
    ) -> None:
        """An upright block: far sides first, so that near ones hide them."""
        (x, y, z), (wide, high, deep) = corner, size
        self.panel((x if self.eye[0] < x else x + wide, y, z), (0, high, deep), shaded(colour, 0.6))
        self.panel((x, y + high, z), (wide, 0, deep), shaded(colour, 1.2))
        self.panel(corner, (wide, high, 0), colour)


def indoor(rng: Rng, width: int, height: int) -> Image:
    """A living room: boards, a window, a door, pictures, shelves with books, a table, a sofa, a lamp."""
    wall = pick(rng, WALLS)
    canvas = Canvas(width, height, wall)
    room = Room(canvas, width, height, rng)
    draw_shell(room, wall, rng)
    left = float(rng.uniform(0.3, room.wide - 1.8))
    room.panel((left - 0.1, 0.85, room.deep), (1.6, 1.4, 0), FRAME)
    for pane in range(2):
        room.panel((left + 0.72 * pane, 0.95, room.deep), (0.66, 1.2, 0), shaded(DAY, rng.uniform(0.7, 1.1)))
    if left > 1.3:
        room.panel((left - 1.2, 0, room.deep), (0.85, 2.05, 0), pick(rng, PAINTS))
    furnish(room, rng)
    shade = 1 + 0.12 * fractal(rng, width, height, 300, 0.4)
    return photographed((canvas.finish() * shade[..., None]).clip(0, 255).astype(np.uint8), rng)


def draw_shell(room: Room, wall: Colour, rng: Rng) -> None:
    """Floor, ceiling and side walls, and what hangs on these."""
    floor, near, long = pick(rng, WOODS), -0.5, room.deep + 0.5
    room.panel((0, 0, near), (room.wide, 0, long), floor)
    for x in np.arange(0, room.wide, 0.18).tolist():
        room.panel((x, 0, near), (0.17, 0, long), shaded(floor, rng.uniform(0.75, 1.2)))
    room.panel((0, room.high, near), (room.wide, 0, long), shaded(wall, 1.25))
    for side, light in ((0.0, 0.75), (room.wide, 0.88)):
        room.panel((side, 0, near), (0, room.high, long), shaded(wall, light))
        room.panel((side, 0, near), (0, 0.12, long), FRAME)
        for z in np.arange(rng.uniform(0.2, 1.0), room.deep - 0.9, rng.uniform(1.0, 2.0)).tolist():
            up, tall = float(rng.uniform(1.1, 1.5)), float(rng.uniform(0.4, 0.8))
            room.panel((side, up, z), (0, tall, 0.8), shaded(random_colour(rng, 20, 90), light))
            room.panel((side, up + 0.06, z + 0.06), (0, tall - 0.12, 0.68), random_colour(rng, 60, 230))
            room.panel((side, up + 0.06, z + 0.06), (0, tall / 3, 0.68), random_colour(rng, 40, 200))


def furnish(room: Room, rng: Rng) -> None:
    """From far to near: shelves, a sofa, a table with things on it, a lamp."""
    wood, cloth = pick(rng, WOODS), pick(rng, PAINTS)
    x = float(rng.choice([0.05, room.wide - 1.25]))
    room.block((x, 0, room.deep - 0.4), (1.2, 2.0, 0.4), shaded(wood, 0.6))
    for shelf in np.arange(0.08, 1.8, 0.38).tolist():
        room.panel((x, shelf, room.deep - 0.4), (1.2, 0.03, 0), shaded(wood, 1.3))
        for book in np.arange(x + 0.04, x + 1.1, 0.07).tolist():
            if rng.random() < 0.85:
                tall = float(rng.uniform(0.18, 0.32))
                room.panel(
                    (book, shelf + 0.03, room.deep - 0.4), (0.06, tall, 0), random_colour(rng, 30, 220)
                )
    sofa, z = float(rng.uniform(0.3, room.wide - 2.1)), room.deep * 0.5
    room.block((sofa, 0, z + 0.8), (1.8, 0.85, 0.2), shaded(cloth, 0.8))
    room.block((sofa, 0, z), (1.8, 0.42, 0.8), cloth)
    for at in (sofa - 0.15, sofa + 1.8):
        room.block((at, 0, z), (0.15, 0.6, 0.9), shaded(cloth, 1.1))
    table = float(rng.uniform(0.2, room.wide - 1.4))
    for leg in (table, table + 1.0):
        room.block((leg, 0, 0.9), (0.06, 0.5, 0.06), shaded(wood, 0.7))
    room.block((table, 0.5, 0.8), (1.1, 0.05, 0.6), wood)
    for at in rng.uniform(table, table + 1.0, int(rng.integers(2, 7))).tolist():
        size = rng.uniform((0.05, 0.08, 0.05), (0.16, 0.3, 0.1)).tolist()
        room.block((at, 0.55, 1.0), (size[0], size[1], size[2]), random_colour(rng, 60, 230))
