"""What is in a wall: windows, doors, shops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoflood.synthetic.town.model import Colour, Rng
from geoflood.synthetic.town.paint import PAINTS, Easel, House, pick, shade

__all__ = ["paint_home", "paint_shop", "paint_windows"]

IRON = (40, 40, 44)
SYLLABLES = tuple("ka lo ren mi tas vor dun hel bri sa nok pel un dra fos gil".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Windows:
    """The one kind of window that a house has."""

    wide: float
    high: float
    arched: bool
    panes: tuple[int, int]
    trim: Colour
    frame: Colour


def paint_windows(easel: Easel, house: House, trim: Colour, rng: Rng) -> None:
    """The grid of windows over the ground floor: one kind a house, no two panes alike."""
    bays = max(1, round(house.width_m / rng.uniform(1.9, 3.3)))
    pitch = house.width_m / bays
    wide, high = min(rng.uniform(0.9, 1.5), pitch - 0.5), rng.uniform(1.4, min(2.1, house.storey_m - 0.8))
    arched, shutters = rng.random() < 0.22, rng.random() < 0.25 and pitch > wide + 1.1
    frame, leaf = pick(rng, (*PAINTS[4:6], (224, 220, 210))), pick(rng, PAINTS)
    kind = Windows(wide, high, arched, (int(rng.integers(1, 4)), int(rng.integers(1, 4))), trim, frame)
    balcony, band = rng.random() < 0.3, rng.random() < 0.4
    skip = int(rng.integers(0, bays + 3))
    for storey in range(1, house.storeys):
        y = house.ground_m + (storey - 1) * house.storey_m + 0.75
        if band:
            easel.box(0, y - 0.75, house.width_m, 0.16, shade(trim, 0.9))
        for bay in set(range(bays)) - {skip}:
            x = (bay + 0.5) * pitch - wide / 2
            if shutters:
                easel.box(x - 0.5, y, 0.45, high, leaf)
                easel.box(x + wide + 0.05, y, 0.45, high, leaf)
            paint_window(easel, x, y, kind, rng)
            if balcony and (bay + storey) % 2 == 0:
                paint_balcony(easel, x - 0.35, y, wide + 0.7, trim)


def paint_window(easel: Easel, x: float, y: float, kind: Windows, rng: Rng) -> None:
    """One window: surround, glass that mirrors some sky, curtain, glazing bars, sill."""
    wide, high = kind.wide, kind.high
    fill = easel.arch if kind.arched else easel.box
    fill(x - 0.14, y - 0.05, wide + 0.28, high + 0.19, kind.trim)
    glass = shade((74, 86, 98), rng.uniform(0.5, 1.5))
    fill(x, y, wide, high, glass)
    easel.box(x, y, wide, high * 0.45, shade(glass, 0.75))
    if rng.random() < 0.4:
        curtain = shade((206, 200, 186), rng.uniform(0.6, 1.0))
        easel.box(x, y, wide * 0.25, high * 0.8, curtain)
        easel.box(x + wide * 0.75, y, wide * 0.25, high * 0.8, curtain)
    across, down = kind.panes
    for k in range(1, across):
        easel.box(x + wide * k / across - 0.035, y, 0.07, high * (0.85 if kind.arched else 1), kind.frame)
    for k in range(1, down):
        easel.box(x, y + high * k / down - 0.035, wide, 0.07, kind.frame)
    easel.box(x - 0.2, y - 0.16, wide + 0.4, 0.12, shade(kind.trim, 0.8))
    easel.box(x - 0.2, y - 0.24, wide + 0.4, 0.08, (70, 66, 62))


def paint_balcony(easel: Easel, x: float, y: float, wide: float, trim: Colour) -> None:
    """A slab and its railing."""
    easel.box(x, y - 0.35, wide, 0.16, shade(trim, 0.75))
    for rail in np.arange(x, x + wide, 0.17):
        easel.box(rail, y - 0.2, 0.05, 0.9, IRON)
    easel.box(x, y + 0.65, wide, 0.07, IRON)


def paint_shop(easel: Easel, house: House, rng: Rng, shop: Rng) -> None:
    """A shop front: large panes and a door stay, the sign and the awning change hands."""
    wide, high = house.width_m, house.ground_m
    front, sign = pick(rng, PAINTS), pick(shop, PAINTS)
    easel.box(0.25, 0, wide - 0.5, high - 0.25, front)
    door = float(rng.uniform(0.6, wide - 2.0))
    for x in np.arange(0.5, wide - 1.5, 1.75):
        glass = shade((82, 88, 92), shop.uniform(0.5, 1.4))
        if abs(x - door) < 0.9:
            easel.box(x, 0.05, 1.25, 2.35, shade(front, 0.55))
            easel.box(x + 0.2, 0.9, 0.85, 1.3, glass)
        else:
            easel.box(x, 0.6, 1.55, 2.0, glass)
            paint_goods(easel, x, shop)
    easel.box(0.15, high - 1.05, wide - 0.3, 0.8, sign)
    ink = (240, 236, 220) if sum(sign) < 420 else (30, 30, 34)
    name = "".join(str(s) for s in shop.choice(SYLLABLES, int(shop.integers(2, 5)))).upper()
    easel.words(name, 0.3, high - 0.98, wide - 0.6, 0.66, ink)
    if shop.random() < 0.6:
        paint_awning(easel, wide, pick(shop, PAINTS))


def paint_goods(easel: Easel, x: float, shop: Rng) -> None:
    """What lies in the window."""
    for _ in range(4):
        at, wide, high = x + shop.uniform(0, 1.1), shop.uniform(0.2, 0.45), shop.uniform(0.3, 1.3)
        easel.box(at, 0.62, wide, high, pick(shop, PAINTS))


def paint_awning(easel: Easel, wide: float, colour: Colour) -> None:
    """Stripes over the panes."""
    for k, x in enumerate(np.arange(0.3, wide - 0.6, 0.45)):
        stripe = (colour, (238, 234, 226))[k % 2]
        easel.shape(stripe, (x, 2.1), (x + 0.05, 2.75), (x + 0.5, 2.75), (x + 0.45, 2.1))
    easel.box(0.3, 1.98, wide - 0.6, 0.14, shade(colour, 0.6))


def paint_home(easel: Easel, house: House, wall: Colour, trim: Colour, rng: Rng) -> None:
    """A ground floor where people live: plinth, door with steps, windows, now and then a garage."""
    wide, garage = house.width_m, rng.random() < 0.3
    easel.box(0, 0, wide, rng.uniform(0.4, 1.0), shade(wall, 0.62))
    door = float(rng.uniform(0.7, max(wide - 2.2, 0.8)))
    leaf = pick(rng, PAINTS)
    kind = Windows(1.25, 1.6, False, (2, 2), trim, (228, 224, 216))
    for x in np.arange(0.8, wide - 1.4, 2.3):
        if abs(x - door) > 1.5 and not (garage and abs(x - door) > wide / 3):
            paint_window(easel, x, 1.1, kind, rng)
    paint_door(easel, door, trim, leaf)
    if garage and wide > 7:
        x = 0.6 if door > wide / 2 else wide - 3.2
        easel.box(x - 0.1, 0, 2.8, 2.6, trim)
        easel.box(x, 0, 2.6, 2.5, pick(rng, PAINTS))
        for y in np.arange(0.4, 2.4, 0.4):
            easel.box(x, y, 2.6, 0.06, (60, 60, 62))


def paint_door(easel: Easel, x: float, trim: Colour, leaf: Colour) -> None:
    """A door with panels, a light over it, and a step."""
    easel.box(x - 0.25, 0, 1.6, 2.85, trim)
    easel.box(x, 0.3, 1.1, 2.0, leaf)
    easel.box(x, 2.35, 1.1, 0.35, (70, 82, 92))
    for k in range(4):
        easel.box(x + 0.15 + (k % 2) * 0.45, 0.5 + (k // 2) * 0.9, 0.35, 0.7, shade(leaf, 0.75))
    easel.box(x - 0.35, 0, 1.8, 0.3, (150, 146, 138))
