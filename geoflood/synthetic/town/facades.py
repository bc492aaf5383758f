"""House fronts: measures, wall, roof; what is in the wall is in `fronts`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image as Pictures

from geoflood.synthetic.town.fronts import paint_home, paint_shop, paint_windows
from geoflood.synthetic.town.model import Colour, Rng
from geoflood.synthetic.town.paint import ROOFS, WALLS, Easel, House, pick, shade

__all__ = ["design", "facade"]

TRIMS = ((236, 232, 222), (214, 204, 186), (120, 112, 104))
DARK = (56, 62, 70)


def design(rng: Rng, width_m: float, busy: float) -> House:
    """Measures of a house that fits its lot; `busy` [0, 1] makes streets of taller ones."""
    storeys = int(np.clip(rng.normal(2.3 + 1.6 * busy, 0.9), 1, 5))
    roof = str(rng.choice(["flat", "mansard", "gable", "steps", "tiles"], p=[0.28, 0.2, 0.2, 0.1, 0.22]))
    if roof in ("gable", "steps") and width_m > 11:
        roof = "tiles"
    rise = {"flat": 0.7, "mansard": 2.8, "gable": width_m * 0.42, "steps": width_m * 0.4, "tiles": 2.6}[roof]
    return House(width_m, storeys, rng.uniform(3.5, 4.3), rng.uniform(2.9, 3.6), rise, roof)


def facade(house: House, tiles: Sequence[Pictures.Image], rng: Rng, shop: Rng, busy: float) -> Pictures.Image:
    """Paint a house front; its shop has a generator of its own, for it changes over the years."""
    easel = Easel(house.width_m, house.top_m)
    wall, trim, roof = pick(rng, WALLS), pick(rng, TRIMS), pick(rng, ROOFS)
    easel.clear(roof)
    material = tiles[int(rng.choice(len(tiles), p=[0.34, 0.3, 0.14, 0.1, 0.12]))]
    paint_roof(easel, house, wall, trim, roof, rng)
    easel.grain(material, wall, house.eaves_m, rng)
    if rng.random() < 0.35:
        paint_quoins(easel, house, trim)
    paint_windows(easel, house, trim, rng)
    easel.box(0, house.eaves_m - 0.35, house.width_m, 0.35, trim)
    easel.box(0, house.eaves_m - 0.5, house.width_m, 0.15, shade(wall, 0.5))
    if rng.random() < 0.35 + 0.4 * busy:
        paint_shop(easel, house, rng, shop)
    else:
        paint_home(easel, house, wall, trim, rng)
    if rng.random() < 0.6:  # a rainwater pipe
        x = float(rng.choice([0.12, house.width_m - 0.24]))
        easel.box(x, 0.2, 0.12, house.eaves_m - 0.6, shade(wall, 0.55))
    return easel.done()


def paint_quoins(easel: Easel, house: House, trim: Colour) -> None:
    """Stones at both edges of the wall, long and short in turns."""
    for k in range(int(house.eaves_m / 0.6)):
        long = 0.55 if k % 2 else 0.35
        easel.box(0, k * 0.6, long, 0.52, trim)
        easel.box(house.width_m - long, k * 0.6, long, 0.52, trim)


def paint_roof(easel: Easel, house: House, wall: Colour, trim: Colour, roof: Colour, rng: Rng) -> None:
    """Everything over the eaves, with the sky around it left clear."""
    low, wide = house.eaves_m, house.width_m
    for _ in range(int(rng.integers(0, 3))):
        x = rng.uniform(0.1, 0.8) * wide
        easel.box(x, low, rng.uniform(0.6, 1.1), house.roof_m + rng.uniform(0.3, 1.0), pick(rng, WALLS[:3]))
    if house.roof == "flat":
        easel.box(0, low, wide, house.roof_m, shade(wall, 0.9))
        easel.box(0, low + house.roof_m - 0.2, wide, 0.2, trim)
    elif house.roof in ("steps", "gable"):
        paint_gable(easel, house, shade(wall, 0.95), roof)
        easel.arch(wide / 2 - 0.45, low + 0.5, 0.9, min(1.7, house.roof_m * 0.5), DARK)
    else:
        paint_slope(easel, house, trim, roof, rng)


def paint_gable(easel: Easel, house: House, wall: Colour, roof: Colour) -> None:
    """The wall goes on up to the ridge, as a triangle or in steps."""
    low, wide, rise = house.eaves_m, house.width_m, house.roof_m
    if house.roof == "gable":
        easel.shape(roof, (0, low), (wide / 2, low + rise), (wide, low))
        easel.shape(wall, (0.5, low), (wide / 2, low + rise - 0.5), (wide - 0.5, low))
        return
    for k in range(5):
        easel.box(wide * k / 10, low, wide * (1 - k / 5), rise * (k + 1) / 5, wall)


def paint_slope(easel: Easel, house: House, trim: Colour, roof: Colour, rng: Rng) -> None:
    """Courses of tiles, and dormers."""
    low, wide, rise = house.eaves_m, house.width_m, house.roof_m
    inset = 0.35 if house.roof == "mansard" else 1.4
    easel.shape(roof, (-0.1, low), (inset, low + rise), (wide - inset, low + rise), (wide + 0.1, low))
    for k in range(1, int(rise / 0.3)):
        cut = inset * k * 0.3 / rise
        easel.box(cut, low + k * 0.3, wide - 2 * cut, 0.07, shade(roof, 0.72))
    for x in np.arange(1.2, wide - 1.8, 3.1) if rng.random() < 0.7 else ():
        easel.box(x, low + 0.3, 1.3, 1.7, trim)
        easel.box(x + 0.2, low + 0.5, 0.9, 1.2, (52, 60, 70))
        easel.box(x + 0.6, low + 0.5, 0.1, 1.2, trim)
