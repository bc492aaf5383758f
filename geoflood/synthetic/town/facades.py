"""House fronts and bare walls: measures, wall, roof, windows, doors, shops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pictures

from geoflood.synthetic.blocks import Colour, shaded
from geoflood.synthetic.town.model import Rng
from geoflood.synthetic.town.paint import PAINTS, ROOFS, WALLS, Easel, pick

__all__ = ["blind_wall", "facade"]

TRIMS = ((236, 232, 222), (214, 204, 186), (120, 112, 104))
DARK = (56, 62, 70)
SYLLABLES = ("ka", "lo", "ren", "mi", "tas", "vor", "dun", "hel", "bri", "sa", "nok", "pel", "dra", "gil")


@dataclass(frozen=True, slots=True)
class House:
    """The measures and colours of one front."""

    width_m: float
    storeys: int
    ground_m: float
    storey_m: float
    roof: str
    roof_m: float
    wall: Colour
    trim: Colour

    @property
    def eaves_m(self) -> float:
        """Where the wall ends and the roof begins."""
        return self.ground_m + (self.storeys - 1) * self.storey_m + 0.4

    @property
    def top_m(self) -> float:
        """Height of the picture: chimneys stick out of the roof."""
        return self.eaves_m + self.roof_m + 1.1


def design(width_m: float, busy: float, rng: Rng) -> House:
    """A house that fits its lot; `busy` [0, 1] makes streets of taller ones."""
    storeys = int(np.clip(rng.normal(2.3 + 1.6 * busy, 0.9), 1, 5))
    roof = str(rng.choice(["flat", "mansard", "gable", "tiles"], p=[0.28, 0.2, 0.3, 0.22]))
    if roof == "gable" and width_m > 11:
        roof = "tiles"
    rise_m = {"flat": 0.7, "mansard": 2.8, "gable": width_m * 0.42, "tiles": 2.6}[roof]
    ground_m, storey_m = float(rng.uniform(3.5, 4.3)), float(rng.uniform(2.9, 3.6))
    return House(width_m, storeys, ground_m, storey_m, roof, rise_m, pick(rng, WALLS), pick(rng, TRIMS))


def facade(
    tiles: Sequence[Pictures.Image], width_m: float, busy: float, rng: Rng
) -> tuple[Pictures.Image, float, float]:
    """Paint a house front; returns it with the heights of its eaves and of the picture, metres."""
    house = design(width_m, busy, rng)
    easel = Easel(house.width_m, house.top_m)
    paint_roof(easel, house, rng)
    easel.grain(tiles[int(rng.choice(len(tiles), p=[0.34, 0.3, 0.14, 0.22]))], house.wall, house.eaves_m, rng)
    paint_windows(easel, house, rng)
    easel.box(0, house.eaves_m - 0.35, house.width_m, 0.35, house.trim)
    easel.box(0, house.eaves_m - 0.5, house.width_m, 0.15, shaded(house.wall, 0.5))
    if rng.random() < 0.35 + 0.4 * busy:
        paint_shop(easel, house, rng)
    else:
        paint_home(easel, house, rng)
    return easel.finish(), house.eaves_m, house.top_m


def paint_roof(easel: Easel, house: House, rng: Rng) -> None:
    """Everything over the eaves, with the sky around it left clear."""
    low, wide, rise, roof = house.eaves_m, house.width_m, house.roof_m, pick(rng, ROOFS)
    for _ in range(int(rng.integers(0, 3))):  # chimneys
        x = rng.uniform(0.1, 0.8) * wide
        easel.box(x, low, rng.uniform(0.6, 1.1), rise + rng.uniform(0.3, 1.0), pick(rng, WALLS[:3]))
    if house.roof == "flat":
        easel.box(0, low, wide, rise, shaded(house.wall, 0.9))
        easel.box(0, low + rise - 0.2, wide, 0.2, house.trim)
    elif house.roof == "gable":
        easel.shape(roof, (0, low), (wide / 2, low + rise), (wide, low))
        easel.shape(shaded(house.wall, 0.95), (0.5, low), (wide / 2, low + rise - 0.5), (wide - 0.5, low))
        easel.arch(wide / 2 - 0.45, low + 0.5, 0.9, min(1.7, rise * 0.5), DARK)
    else:
        paint_slope(easel, house, roof, rng)


def paint_slope(easel: Easel, house: House, roof: Colour, rng: Rng) -> None:
    """Courses of tiles, and dormers."""
    low, wide, rise = house.eaves_m, house.width_m, house.roof_m
    inset = 0.35 if house.roof == "mansard" else 1.4
    easel.shape(roof, (-0.1, low), (inset, low + rise), (wide - inset, low + rise), (wide + 0.1, low))
    for k in range(1, int(rise / 0.3)):
        cut = inset * k * 0.3 / rise
        easel.box(cut, low + k * 0.3, wide - 2 * cut, 0.07, shaded(roof, 0.72))
    for x in np.arange(1.2, wide - 1.8, 3.1) if rng.random() < 0.7 else ():
        easel.box(x, low + 0.3, 1.3, 1.7, house.trim)
        easel.box(x + 0.2, low + 0.5, 0.9, 1.2, DARK)
        easel.box(x + 0.6, low + 0.5, 0.1, 1.2, house.trim)


def paint_windows(easel: Easel, house: House, rng: Rng) -> None:
    """The grid of windows over the ground floor: one kind a house, no two panes alike."""
    bays = max(1, round(house.width_m / rng.uniform(1.9, 3.3)))
    pitch = house.width_m / bays
    wide, high = min(rng.uniform(0.9, 1.5), pitch - 0.5), rng.uniform(1.4, min(2.1, house.storey_m - 0.8))
    fill = easel.arch if rng.random() < 0.22 else easel.box
    shutters, band = rng.random() < 0.3 and pitch > wide + 1.1, rng.random() < 0.4
    leaf, panes = pick(rng, PAINTS), (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    skipped = int(rng.integers(0, bays + 3))
    for storey in range(1, house.storeys):
        y = house.ground_m + (storey - 1) * house.storey_m + 0.75
        if band:
            easel.box(0, y - 0.75, house.width_m, 0.16, shaded(house.trim, 0.9))
        for bay in set(range(bays)) - {skipped}:
            x = (bay + 0.5) * pitch - wide / 2
            if shutters:
                easel.box(x - 0.5, y, 0.45, high, leaf)
                easel.box(x + wide + 0.05, y, 0.45, high, leaf)
            paint_window(easel, fill, (x, y, wide, high), panes, house.trim, rng)


def paint_window(
    easel: Easel, fill: Callable[[float, float, float, float, Colour], None],
    place: tuple[float, float, float, float], panes: tuple[int, int], trim: Colour, rng: Rng,
) -> None:  # fmt: skip
    """One window: surround, glass that mirrors some sky, curtain, glazing bars, sill."""
    x, y, wide, high = place
    fill(x - 0.14, y - 0.05, wide + 0.28, high + 0.19, trim)
    glass = shaded((74, 86, 98), rng.uniform(0.5, 1.5))
    fill(x, y, wide, high, glass)
    easel.box(x, y, wide, high * 0.45, shaded(glass, 0.75))
    if rng.random() < 0.4:
        curtain = shaded((206, 200, 186), rng.uniform(0.6, 1.0))
        easel.box(x, y, wide * 0.25, high * 0.8, curtain)
        easel.box(x + wide * 0.75, y, wide * 0.25, high * 0.8, curtain)
    for k in range(1, panes[0]):
        easel.box(x + wide * k / panes[0] - 0.035, y, 0.07, high * 0.85, trim)
    for k in range(1, panes[1]):
        easel.box(x, y + high * k / panes[1] - 0.035, wide, 0.07, trim)
    easel.box(x - 0.2, y - 0.2, wide + 0.4, 0.16, shaded(trim, 0.7))


def paint_shop(easel: Easel, house: House, rng: Rng) -> None:
    """A shop front: large panes, a door, a sign with a name, now and then an awning."""
    wide, high, colour, sign = house.width_m, house.ground_m, pick(rng, PAINTS), pick(rng, PAINTS)
    easel.box(0.25, 0, wide - 0.5, high - 0.25, colour)
    door = float(rng.uniform(0.6, wide - 2.0))
    for x in np.arange(0.5, wide - 1.5, 1.75):
        glass = shaded((82, 88, 92), rng.uniform(0.5, 1.4))
        if abs(x - door) < 0.9:
            easel.box(x, 0.05, 1.25, 2.35, shaded(colour, 0.55))
            easel.box(x + 0.2, 0.9, 0.85, 1.3, glass)
        else:
            easel.box(x, 0.6, 1.55, 2.0, glass)
            for _ in range(4):  # goods
                at, across, up = x + rng.uniform(0, 1.1), rng.uniform(0.2, 0.45), rng.uniform(0.3, 1.3)
                easel.box(at, 0.62, across, up, pick(rng, PAINTS))
    easel.box(0.15, high - 1.05, wide - 0.3, 0.8, sign)
    ink = (240, 236, 220) if sum(sign) < 420 else (30, 30, 34)
    name = "".join(rng.choice(SYLLABLES, int(rng.integers(2, 5))).tolist()).upper()
    easel.words(name, 0.3, high - 0.98, wide - 0.6, 0.66, ink)
    awning = pick(rng, PAINTS)
    for k, x in enumerate(np.arange(0.3, wide - 0.6, 0.45) if rng.random() < 0.6 else ()):
        stripe = (awning, (238, 234, 226))[k % 2]
        easel.shape(stripe, (x, 2.0), (x + 0.05, 2.75), (x + 0.5, 2.75), (x + 0.45, 2.0))


def paint_home(easel: Easel, house: House, rng: Rng) -> None:
    """A ground floor where people live: plinth, windows, a door with steps."""
    wide, leaf = house.width_m, pick(rng, PAINTS)
    easel.box(0, 0, wide, rng.uniform(0.4, 1.0), shaded(house.wall, 0.62))
    door = float(rng.uniform(0.7, max(wide - 2.2, 0.8)))
    for x in np.arange(0.8, wide - 1.4, 2.3):
        if abs(x - door) > 1.5:
            paint_window(easel, easel.box, (x, 1.1, 1.25, 1.6), (2, 2), house.trim, rng)
    easel.box(door - 0.25, 0, 1.6, 2.85, house.trim)
    easel.box(door, 0.3, 1.1, 2.0, leaf)
    easel.box(door, 2.35, 1.1, 0.35, (70, 82, 92))
    easel.box(door + 0.2, 0.5, 0.7, 0.7, shaded(leaf, 0.75))
    easel.box(door - 0.35, 0, 1.8, 0.3, (150, 146, 138))


def blind_wall(tiles: Sequence[Pictures.Image], rng: Rng) -> Pictures.Image:
    """The side of a house that its lower neighbour leaves bare: old brick or plaster, few windows."""
    easel = Easel(9.0, 26.0)
    easel.grain(tiles[int(rng.integers(0, 3))], pick(rng, WALLS), 26.0, rng)
    for _ in range(int(rng.integers(0, 5))):
        easel.box(rng.uniform(1, 7), rng.uniform(2, 24), 0.7, 1.0, (60, 66, 74))
    return easel.finish()
