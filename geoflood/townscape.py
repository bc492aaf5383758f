"""A small city drawn by code: streets to index, photos to locate, and the truth about them.

The town stands on the Dogger Bank, in the open North Sea: land until a flood some 8,000 years ago, so
that its positions are real ones where no street can be. It is a 2.5-D model: upright walls, each with a
facade that is drawn once, on a painted ground; a view intersects one ray per column with the walls and looks
colours up. Trees, lamps and cars are painted over it, far to near.

*Convention*: metres (east, north) around the town's origin, heights above the street; headings clockwise from
north. Pictures inside lie on their side, [width, height], since neighbours in a column share one wall.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, ImageChops, ImageDraw, ImageEnhance, ImageFont, ImageOps
from PIL import Image as Pictures
from PIL.TiffImagePlugin import IFDRational

from geoflood.flood import flood
from geoflood.geo import from_local
from geoflood.terms import Image, LatLon

__all__ = ["Season", "Town", "Truth", "build_town", "panorama", "view", "write_city", "write_queries"]

Floats: TypeAlias = NDArray[np.float32]
Points: TypeAlias = NDArray[np.float64]
Packed: TypeAlias = NDArray[np.uint32]
Colour: TypeAlias = tuple[int, int, int]
Season = Literal["summer", "winter"]
Rng: TypeAlias = np.random.Generator
SEASONS: tuple[Season, Season] = ("summer", "winter")

DOGGER_BANK = LatLon(54.7280, 2.6950)
FAROE_BANK = LatLon(60.9100, -8.6600)
"""Where the other town lies, the one that is in no index: open water again, 950 km away."""

EYE_M = 2.4
PIXELS_PER_M = 16
"""Of a facade."""
GROUND_PIXELS_PER_M = 8
LEVELS = 4
"""Halvings of a facade, sideways and upwards on their own: along a street walls shrink sideways first."""
REACH_M = 170.0
"""Walls farther away are left out: haze and nearer walls hide them."""
LAYERS = 4
"""Walls looked at behind each other: past a gable stands the next house."""
PAVEMENT_M = 2.6
BLIND_WALLS = 8
"""Kinds of bare sides; they come first in the atlas."""


# -- the walls and what is painted on them ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Walls:
    """Upright rectangles, N of them; `texture` is a row of the atlas, one a season."""

    ends: Points
    """[N, 2, 2]: left and right end as seen from the street."""
    tops: Floats
    texture: NDArray[np.int32]
    """[2, N]"""


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """All pictures of one kind, packed RGBA, each lying on its side, at every level of detail."""

    pixels: Packed
    start: NDArray[np.int32]
    """[T, LEVELS, LEVELS]: first pixel at (level sideways, level upwards)."""
    width: NDArray[np.int32]
    height: NDArray[np.int32]
    """[T, LEVELS]"""


@dataclass(frozen=True, slots=True)
class Prop:
    """A flat picture that stands upright and turns to the viewer: a tree, a lamp, a spire."""

    kind: str
    east: float
    north: float
    height_m: float
    above_m: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """A city drawn from a seed; `nodes` [columns + 1, rows + 1, 2] are its crossings (east, north)."""

    seed: int
    blocks: tuple[int, int]
    origin: LatLon
    nodes: Points
    walls: Walls
    atlas: Atlas
    ground: dict[Season, Atlas]
    corner: tuple[float, float]
    """South-western corner of the painted ground."""
    props: tuple[Prop, ...]

    def streets(self) -> Iterator[tuple[Points, Points]]:
        """Both ends of every piece of street between two crossings."""
        columns, rows = self.nodes.shape[:2]
        for j in range(rows):
            yield from ((self.nodes[i, j], self.nodes[i + 1, j]) for i in range(columns - 1))
        for i in range(columns):
            yield from ((self.nodes[i, j], self.nodes[i, j + 1]) for j in range(rows - 1))


def pack(pictures: Sequence[Pictures.Image], slanting: bool = True) -> Atlas:
    """Put pictures into an atlas, halved as far views need it, sideways also as slanting ones do."""
    parts, start, length = [], np.zeros((len(pictures), LEVELS, LEVELS), np.int32), 0
    width, height = (np.zeros((len(pictures), LEVELS), np.int32) for _ in range(2))
    for number, picture in enumerate(pictures):
        lying = picture.convert("RGBA").transpose(Pictures.Transpose.TRANSPOSE)
        for up in range(LEVELS):
            for side in range(up, LEVELS if slanting else up + 1):
                small = lying.reduce((2**up, 2**side))
                height[number, up], width[number, side] = small.size
                start[number, side, up] = length
                parts.append(np.frombuffer(small.tobytes(), np.uint32))
                length += parts[-1].size
    return Atlas(np.concatenate(parts), start, width, height)


WALLS: tuple[Colour, ...] = (
    (168, 92, 70), (146, 74, 60), (190, 128, 96), (214, 196, 160), (226, 216, 198), (198, 170, 120),
    (160, 168, 160), (176, 190, 200), (206, 176, 160), (150, 140, 126), (232, 222, 176), (188, 152, 140),
    (120, 126, 132),
)  # fmt: skip
"""The first three are bricks."""
PAINTS: tuple[Colour, ...] = (
    (150, 34, 38), (28, 74, 122), (24, 94, 66), (214, 160, 40), (238, 234, 224), (44, 46, 52), (116, 44, 96),
    (206, 92, 34), (36, 130, 140), (104, 66, 40),
)  # fmt: skip
ROOFS: tuple[Colour, ...] = ((146, 74, 54), (92, 92, 100), (120, 64, 52), (70, 76, 84), (108, 98, 88))
SYLLABLES = (
    "ka",
    "lo",
    "ren",
    "mi",
    "tas",
    "vor",
    "dun",
    "hel",
    "bri",
    "sa",
    "nok",
    "pel",
    "un",
    "dra",
    "fos",
    "gil",
)


class Easel:
    """A wall to paint on, in metres from its left foot, drawn twice as large as it is kept."""

    def __init__(self, width_m: float, height_m: float) -> None:
        self.scale = 2 * PIXELS_PER_M
        self.width_m, self.height_m = width_m, height_m
        size = (max(round(width_m * self.scale), 8), max(round(height_m * self.scale), 8))
        self.picture = Pictures.new("RGBA", size)
        self.pen = ImageDraw.Draw(self.picture)

    def at(self, *points: tuple[float, float]) -> list[tuple[float, float]]:
        """Pixels of points in metres."""
        return [(x * self.scale, self.picture.height - y * self.scale) for x, y in points]

    def box(self, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """Fill a rectangle whose lower left corner is (x, y)."""
        (left, low), (right, top) = self.at((x, y), (x + wide, y + high))
        self.pen.rectangle((left, top, max(right - 1, left), max(low - 1, top)), fill=(*colour, 255))

    def shape(self, colour: Colour, *points: tuple[float, float]) -> None:
        """Fill a polygon."""
        self.pen.polygon(self.at(*points), fill=(*colour, 255))

    def arch(self, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """Fill a rectangle with a half circle on top."""
        self.box(x, y, wide, high - wide / 2, colour)
        (left, low), (right, top) = self.at((x, y + high - wide), (x + wide, y + high))
        self.pen.ellipse((left, top, right - 1, low), fill=(*colour, 255))

    def grain(self, material: Pictures.Image, colour: Colour, top_m: float, rng: Rng) -> None:
        """Cover the wall up to `top_m` with a material, tinted."""
        high = min(round(top_m * self.scale), self.picture.height)
        x, y = (int(rng.integers(0, 2 * s)) for s in (64, 64))
        patch = material.crop((x, y, x + self.picture.width, y + high))
        tinted = ImageOps.colorize(patch, shade(colour, 0.45), shade(colour, 1.3), colour)
        self.picture.paste(tinted, (0, self.picture.height - high))

    def words(self, text: str, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """Letter a sign, as large as its box allows."""
        font = ImageFont.load_default(max(high * self.scale, 6.0))
        for size in (high, high * 0.75, high * 0.5):
            font = ImageFont.load_default(max(size * self.scale, 6.0))
            if font.getlength(text) <= wide * self.scale:
                break
        ((middle, line),) = self.at((x + wide / 2, y + high / 2))
        self.pen.text((middle, line), text, (*colour, 255), font, "mm")

    def done(self) -> Pictures.Image:
        """The finished wall at the size that is kept."""
        return self.picture.reduce(2)


def shade(colour: Colour, factor: float) -> Colour:
    """A darker or lighter colour."""
    red, green, blue = (int(min(max(c * factor, 0), 255)) for c in colour)
    return red, green, blue


def pick(rng: Rng, choices: Sequence[Colour]) -> Colour:
    """One of the colours, a little off."""
    lighter = rng.normal(0, 9)
    off = (np.array(choices[int(rng.integers(len(choices)))]) + lighter + rng.normal(0, 3, 3)).clip(0, 255)
    return int(off[0]), int(off[1]), int(off[2])


def materials(rng: Rng) -> list[Pictures.Image]:
    """Grey tiles of brick, ashlar, boards and plaster, as large as the largest wall."""
    high, wide = 900, 760
    stains = Pictures.fromarray(rng.normal(128, 30, (24, 20)).clip(0, 255).astype(np.uint8)).resize(
        (wide, high), Pictures.Resampling.BICUBIC
    )
    base = (
        128
        + (np.asarray(stains, np.float32) - 128) * 0.45
        + rng.normal(0, 9, (high, wide)).astype(np.float32)
    )
    y, x = np.mgrid[0:high, 0:wide]
    tiles = [base]
    for course, length, joint, variety in ((5, 14, 1, 20), (15, 32, 2, 12), (22, 44, 2, 10), (6, wide, 1, 8)):
        row = y // course
        brick = (x + (row % 2) * (length // 2)) // length
        tone = rng.normal(0, variety, (high // course + 1, wide // length + 2))[row, brick]
        joints = (y % course < joint) | ((x + (row % 2) * (length // 2)) % length < joint)
        tiles.append(base + tone - 34 * joints)
    return [Pictures.fromarray(t.clip(0, 255).astype(np.uint8)) for t in tiles]


@dataclass(frozen=True, slots=True)
class House:
    """The measures of one facade, drawn from the seed."""

    width_m: float
    storeys: int
    ground_m: float
    storey_m: float
    roof_m: float
    roof: str

    @property
    def eaves_m(self) -> float:
        """Where the wall ends and the roof begins."""
        return self.ground_m + (self.storeys - 1) * self.storey_m + 0.4

    @property
    def top_m(self) -> float:
        """Height of the picture: chimneys stick out of the roof."""
        return self.eaves_m + self.roof_m + 1.1


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
    wall, trim, roof = (
        pick(rng, WALLS),
        shade(pick(rng, ((236, 232, 222), (214, 204, 186), (120, 112, 104))), 1.0),
        pick(rng, ROOFS),
    )
    easel.picture.paste((*roof, 0), (0, 0, *easel.picture.size))
    material = tiles[int(rng.choice(len(tiles), p=[0.34, 0.3, 0.14, 0.1, 0.12]))]
    paint_roof(easel, house, wall, trim, roof, rng)
    easel.grain(material, wall, house.eaves_m, rng)
    if rng.random() < 0.35:  # quoins
        for k in range(int(house.eaves_m / 0.6)):
            long = 0.55 if k % 2 else 0.35
            easel.box(0, k * 0.6, long, 0.52, trim)
            easel.box(house.width_m - long, k * 0.6, long, 0.52, trim)
    paint_windows(easel, house, trim, rng)
    easel.box(0, house.eaves_m - 0.35, house.width_m, 0.35, trim)
    easel.box(0, house.eaves_m - 0.5, house.width_m, 0.15, shade(wall, 0.5))
    if rng.random() < 0.35 + 0.4 * busy:
        paint_shop(easel, house, rng, shop)
    else:
        paint_home(easel, house, wall, trim, rng)
    if rng.random() < 0.6:
        easel.box(
            float(rng.choice([0.12, house.width_m - 0.24])), 0.2, 0.12, house.eaves_m - 0.6, shade(wall, 0.55)
        )
    return easel.done()


def paint_roof(easel: Easel, house: House, wall: Colour, trim: Colour, roof: Colour, rng: Rng) -> None:
    """Everything over the eaves, with the sky around it left clear."""
    low, high, wide = house.eaves_m, house.eaves_m + house.roof_m, house.width_m
    for _ in range(int(rng.integers(0, 3))):
        x = rng.uniform(0.1, 0.8) * wide
        easel.box(x, low, rng.uniform(0.6, 1.1), house.roof_m + rng.uniform(0.3, 1.0), pick(rng, WALLS[:3]))
    if house.roof == "flat":
        easel.box(0, low, wide, house.roof_m, shade(wall, 0.9))
        easel.box(0, high - 0.2, wide, 0.2, trim)
    elif house.roof == "steps":
        steps = 5
        for k in range(steps):
            easel.box(
                wide * k / (2 * steps),
                low,
                wide * (1 - k / steps),
                house.roof_m * (k + 1) / steps,
                shade(wall, 0.95),
            )
    elif house.roof == "gable":
        easel.shape(roof, (0, low), (wide / 2, high), (wide, low))
        easel.shape(shade(wall, 0.95), (0.5, low), (wide / 2, high - 0.5), (wide - 0.5, low))
    else:
        inset = 0.35 if house.roof == "mansard" else 1.4
        easel.shape(roof, (-0.1, low), (inset, high), (wide - inset, high), (wide + 0.1, low))
        for k in range(1, int(house.roof_m / 0.3)):
            cut = inset * k * 0.3 / house.roof_m
            easel.box(cut, low + k * 0.3, wide - 2 * cut, 0.07, shade(roof, 0.72))
        for x in np.arange(1.2, wide - 1.8, 3.1) if rng.random() < 0.7 else ():
            easel.box(x, low + 0.3, 1.3, 1.7, trim)
            easel.box(x + 0.2, low + 0.5, 0.9, 1.2, (52, 60, 70))
            easel.box(x + 0.6, low + 0.5, 0.1, 1.2, trim)
    if house.roof in ("steps", "gable"):
        easel.arch(wide / 2 - 0.45, low + 0.5, 0.9, min(1.7, house.roof_m * 0.5), (56, 62, 70))


def paint_windows(easel: Easel, house: House, trim: Colour, rng: Rng) -> None:
    """The grid of windows over the ground floor: one kind a house, no two panes alike."""
    bays = max(1, round(house.width_m / rng.uniform(1.9, 3.3)))
    wide, high = (
        min(rng.uniform(0.9, 1.5), house.width_m / bays - 0.5),
        rng.uniform(1.4, min(2.1, house.storey_m - 0.8)),
    )
    arched, shutters = rng.random() < 0.22, rng.random() < 0.25 and house.width_m / bays > wide + 1.1
    frame, leaf = pick(rng, (*PAINTS[4:6], (224, 220, 210))), pick(rng, PAINTS)
    across, down, balcony = int(rng.integers(1, 4)), int(rng.integers(1, 4)), rng.random() < 0.3
    band = rng.random() < 0.4
    skip = int(rng.integers(0, bays + 3))
    for storey in range(1, house.storeys):
        y = house.ground_m + (storey - 1) * house.storey_m + 0.75
        if band:
            easel.box(0, y - 0.75, house.width_m, 0.16, shade(trim, 0.9))
        for bay in range(bays):
            x = (bay + 0.5) * house.width_m / bays - wide / 2
            if bay == skip:
                continue
            if shutters:
                easel.box(x - 0.5, y, 0.45, high, leaf)
                easel.box(x + wide + 0.05, y, 0.45, high, leaf)
            paint_window(easel, (x, y, wide, high), (across, down), arched, trim, frame, rng)
            if balcony and (bay + storey) % 2 == 0:
                easel.box(x - 0.35, y - 0.35, wide + 0.7, 0.16, shade(trim, 0.75))
                for rail in np.arange(x - 0.35, x + wide + 0.35, 0.17):
                    easel.box(rail, y - 0.2, 0.05, 0.9, (40, 40, 44))
                easel.box(x - 0.35, y + 0.65, wide + 0.7, 0.07, (40, 40, 44))


def paint_window(
    easel: Easel, box: tuple[float, float, float, float], panes: tuple[int, int], arched: bool, trim: Colour,
    frame: Colour, rng: Rng,
) -> None:  # fmt: skip
    """One window: surround, glass that mirrors some sky, curtain, glazing bars, sill."""
    x, y, wide, high = box
    fill = easel.arch if arched else easel.box
    fill(x - 0.14, y - 0.05, wide + 0.28, high + 0.19, trim)
    glass = shade((74, 86, 98), rng.uniform(0.5, 1.5))
    fill(x, y, wide, high, glass)
    easel.box(x, y, wide, high * 0.45, shade(glass, 0.75))
    if rng.random() < 0.4:
        curtain = shade((206, 200, 186), rng.uniform(0.6, 1.0))
        easel.box(x, y, wide * 0.25, high * 0.8, curtain)
        easel.box(x + wide * 0.75, y, wide * 0.25, high * 0.8, curtain)
    for k in range(1, panes[0]):
        easel.box(x + wide * k / panes[0] - 0.035, y, 0.07, high * (0.85 if arched else 1), frame)
    for k in range(1, panes[1]):
        easel.box(x, y + high * k / panes[1] - 0.035, wide, 0.07, frame)
    easel.box(x - 0.2, y - 0.16, wide + 0.4, 0.12, shade(trim, 0.8))
    easel.box(x - 0.2, y - 0.24, wide + 0.4, 0.08, (70, 66, 62))


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
            continue
        easel.box(x, 0.6, 1.55, 2.0, glass)
        for _ in range(4):
            easel.box(
                x + shop.uniform(0, 1.1),
                0.62,
                shop.uniform(0.2, 0.45),
                shop.uniform(0.3, 1.3),
                pick(shop, PAINTS),
            )
    easel.box(0.15, high - 1.05, wide - 0.3, 0.8, sign)
    ink = (240, 236, 220) if sum(sign) < 420 else (30, 30, 34)
    name = "".join(str(s) for s in shop.choice(SYLLABLES, int(shop.integers(2, 5)))).upper()
    easel.words(name, 0.3, high - 0.98, wide - 0.6, 0.66, ink)
    if shop.random() < 0.6:
        other = pick(shop, PAINTS)
        for k, x in enumerate(np.arange(0.3, wide - 0.6, 0.45)):
            easel.shape(
                (other, (238, 234, 226))[k % 2], (x, 2.1), (x + 0.05, 2.75), (x + 0.5, 2.75), (x + 0.45, 2.1)
            )
        easel.box(0.3, 1.98, wide - 0.6, 0.14, shade(other, 0.6))


def paint_home(easel: Easel, house: House, wall: Colour, trim: Colour, rng: Rng) -> None:
    """A ground floor where people live: plinth, door with steps, windows, now and then a garage."""
    wide, garage = house.width_m, rng.random() < 0.3
    easel.box(0, 0, wide, rng.uniform(0.4, 1.0), shade(wall, 0.62))
    door = float(rng.uniform(0.7, max(wide - 2.2, 0.8)))
    leaf = pick(rng, PAINTS)
    for x in np.arange(0.8, wide - 1.4, 2.3):
        if abs(x - door) > 1.5 and not (garage and abs(x - door) > wide / 3):
            paint_window(easel, (x, 1.1, 1.25, 1.6), (2, 2), False, trim, (228, 224, 216), rng)
    easel.box(door - 0.25, 0, 1.6, 2.85, trim)
    easel.box(door, 0.3, 1.1, 2.0, leaf)
    easel.box(door, 2.35, 1.1, 0.35, (70, 82, 92))
    for k in range(4):
        easel.box(door + 0.15 + (k % 2) * 0.45, 0.5 + (k // 2) * 0.9, 0.35, 0.7, shade(leaf, 0.75))
    easel.box(door - 0.35, 0, 1.8, 0.3, (150, 146, 138))
    if garage and wide > 7:
        x = 0.6 if door > wide / 2 else wide - 3.2
        easel.box(x - 0.1, 0, 2.8, 2.6, trim)
        easel.box(x, 0, 2.6, 2.5, pick(rng, PAINTS))
        for y in np.arange(0.4, 2.4, 0.4):
            easel.box(x, y, 2.6, 0.06, (60, 60, 62))


def blind_wall(tiles: Sequence[Pictures.Image], rng: Rng) -> Pictures.Image:
    """The side of a house that its lower neighbour leaves bare: old brick or plaster, few windows."""
    easel = Easel(9.0, 26.0)
    easel.grain(tiles[int(rng.integers(0, 3))], pick(rng, WALLS), 26.0, rng)
    for _ in range(int(rng.integers(0, 5))):
        easel.box(rng.uniform(1, 7), rng.uniform(8, 24), 0.7, 1.0, (60, 66, 74))
    return easel.done()


def garden_wall(tiles: Sequence[Pictures.Image], rng: Rng) -> Pictures.Image:
    """What closes a gap between two houses: brick, with a gate."""
    easel = Easel(14.0, 2.2)
    easel.grain(tiles[1], pick(rng, WALLS[:3]), 2.2, rng)
    easel.box(0, 2.05, 14.0, 0.15, (170, 164, 152))
    easel.box(rng.uniform(1, 5), 0, 1.3, 1.95, pick(rng, PAINTS))
    return easel.done()


def tower(tiles: Sequence[Pictures.Image], rng: Rng) -> Pictures.Image:
    """One side of a church tower, with its clock and its sound holes."""
    easel = Easel(6.5, 24.0)
    stone = pick(rng, WALLS[5:10])
    easel.grain(tiles[2], stone, 24.0, rng)
    for y in (7.0, 14.0, 20.0, 23.5):
        easel.box(0, y, 6.5, 0.4, shade(stone, 1.15))
    for x in (1.3, 3.9):
        easel.arch(x, 20.6, 1.3, 2.6, (46, 46, 50))
    easel.arch(2.1, 0, 2.3, 4.2, (70, 48, 34))
    easel.arch(2.5, 8.6, 1.5, 4.0, (58, 66, 78))
    (left, top), (right, low) = easel.at((1.65, 19.1), (4.85, 15.9))
    easel.pen.ellipse((left, top, right, low), fill=(236, 232, 220, 255), outline=(40, 40, 44, 255), width=6)
    for angle, hand in ((rng.uniform(0, 6.3), 0.9), (rng.uniform(0, 6.3), 1.3)):
        tip = (3.25 + hand * math.sin(angle), 17.5 + hand * math.cos(angle))
        easel.pen.line(easel.at((3.25, 17.5), tip), fill=(30, 30, 34, 255), width=6)
    return easel.done()


# -- the plan: streets, lots, ground ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Crossings, with a ring of them around the town, and half of each street's width between the walls."""

    nodes: Points
    half_rows: Floats
    half_columns: Floats

    def block(self, i: int, j: int, inset_m: float = 0.0) -> Points:
        """Corners of a block [4, 2], anticlockwise from the south-west, `inset_m` inside its house fronts."""
        corners = self.nodes[[i, i + 1, i + 1, i], [j, j, j + 1, j + 1]]
        margins = (self.half_rows[j], self.half_columns[i + 1], self.half_rows[j + 1], self.half_columns[i])
        return inset(corners, [float(m) + inset_m for m in margins])


def inset(corners: Points, margins: Sequence[float]) -> Points:
    """A quadrangle whose sides (side k from corner k to k + 1) have moved inwards."""
    along = np.roll(corners, -1, 0) - corners
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    feet = corners + np.stack([-along[:, 1], along[:, 0]], 1) * np.asarray(margins)[:, None]
    moved = []
    for k in range(4):
        cross = along[k - 1, 0] * along[k, 1] - along[k - 1, 1] * along[k, 0]
        gap = feet[k] - feet[k - 1]
        moved.append(feet[k - 1] + along[k - 1] * (gap[0] * along[k, 1] - gap[1] * along[k, 0]) / cross)
    return np.array(moved)


def draw_plan(blocks: tuple[int, int], rng: Rng) -> Plan:
    """Streets of different lengths and widths that bend a little at every crossing."""
    columns, rows = blocks[0] + 3, blocks[1] + 3
    steps = [rng.uniform(50, 84, columns), rng.uniform(46, 74, rows)]
    for step in steps:
        step[[1, -1]] = 30.0
    east, north = (np.cumsum(step) for step in steps)
    nodes = np.stack(np.meshgrid(east, north, indexing="ij"), -1) + rng.uniform(-4.5, 4.5, (columns, rows, 2))
    nodes[..., 1] += 7.0 * np.sin(east / 70.0 + rng.uniform(0, 6.3))[:, None]
    nodes -= nodes[1:-1, 1:-1].mean((0, 1))
    widths = rng.choice([6.2, 6.8, 7.6, 8.2], columns + rows).astype(np.float32)
    return Plan(nodes, widths[:rows], widths[rows:])


class Builder:
    """Collects walls and their pictures while the town is being built."""

    def __init__(self) -> None:
        self.ends: list[tuple[Points, Points]] = []
        self.tops: list[float] = []
        self.texture: list[tuple[int, int]] = []
        self.pictures: list[Pictures.Image] = []

    def picture(self, picture: Pictures.Image) -> int:
        """Keep a picture; returns its number."""
        self.pictures.append(picture)
        return len(self.pictures) - 1

    def wall(self, left: Points, right: Points, top_m: float, summer: int, winter: int | None = None) -> None:
        """Put up a wall; pictures hang from its top."""
        self.ends.append((left, right))
        self.tops.append(top_m)
        self.texture.append((summer, summer if winter is None else winter))

    def walls(self) -> Walls:
        """All that was put up."""
        return Walls(np.array(self.ends), np.array(self.tops, np.float32), np.array(self.texture, np.int32).T)


def line_street(
    builder: Builder, left: Points, right: Points, tiles: Sequence[Pictures.Image], busy: float, rng: Rng
) -> Iterator[Prop]:
    """Houses along one side of a block, with the bare sides of the tall ones; yields trees in gaps."""
    length = float(np.linalg.norm(right - left))
    cuts = np.cumsum(np.append(0.0, rng.uniform(7.0, 14.5, max(round(length / 10.5), 1))))
    cuts *= length / cuts[-1]
    along = (right - left) / length
    inward = np.array([-along[1], along[0]])
    for k, (start, stop) in enumerate(pairwise(cuts)):
        a, b = left + along * start, left + along * stop
        if 0 < k < len(cuts) - 2 and rng.random() < 0.08:
            builder.wall(a + inward, b + inward, 2.2, builder.picture(garden_wall(tiles, rng)))
            middle = (a + b) / 2 + inward * 5.0
            yield Prop("tree", float(middle[0]), float(middle[1]), float(rng.uniform(6, 10)))
            continue
        house = design(rng, float(stop - start), busy)
        back = inward * (float(rng.choice([0.0, 0.0, 0.0, 0.7, 1.4])) if 0 < k < len(cuts) - 2 else 0.0)
        seed = int(rng.integers(2**31))
        fronts = [
            builder.picture(front(house, tiles, seed, years, busy))
            for years in (0, 1)[: 1 + (rng.random() < 0.3)]
        ]
        builder.wall(a + back, b + back, house.top_m, fronts[0], fronts[-1])
        # None at a corner of the block: streets slant, and it would pierce the front around the corner.
        for foot in (a,) * (k > 0) + (b,) * (k < len(cuts) - 2):
            blind = int(rng.integers(0, BLIND_WALLS))
            builder.wall(foot + back + inward * 0.3, foot + inward * 9.0, house.eaves_m, blind)


def front(
    house: House, tiles: Sequence[Pictures.Image], seed: int, years: int, busy: float
) -> Pictures.Image:
    """The same house front, and its shop as it is after some years."""
    return facade(house, tiles, np.random.default_rng(seed), np.random.default_rng([seed, years]), busy)


def build_church(
    builder: Builder, centre: Points, tiles: Sequence[Pictures.Image], rng: Rng
) -> Iterator[Prop]:
    """A tower with a clock and a nave in the middle of a green; yields its spire and the trees around."""
    turn = rng.uniform(0, 1.5)
    side, deep = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
    wall, nave = builder.picture(tower(tiles, rng)), Easel(16.0, 12.5)
    stone = pick(rng, WALLS[5:10])
    nave.picture.paste((*ROOFS[1], 0), (0, 0, *nave.picture.size))
    nave.shape(ROOFS[1], (0, 8.0), (1.5, 12.4), (14.5, 12.4), (16, 8.0))
    nave.grain(tiles[2], stone, 8.0, rng)
    for x in np.arange(1.5, 14.0, 3.0):
        nave.arch(x, 2.4, 1.5, 4.6, (70, 78, 96))
        nave.box(x - 0.8, 0, 0.5, 6.5, shade(stone, 0.8))
    hall = builder.picture(nave.done())
    for (x, y), wide, high, number, long in (
        ((-3.25, 0), 6.5, 24.0, wall, 6.5),
        ((3.25, 0), 16.0, 12.5, hall, 6.5),
    ):
        foot = centre + side * x + deep * y
        ring = [foot, foot + side * wide, foot + side * wide + deep * long, foot + deep * long]
        for k in range(4):
            builder.wall(ring[k], ring[(k + 1) % 4], high, number)
    middle = centre + deep * 3.25
    yield Prop("spire", float(middle[0]), float(middle[1]), 13.0, 23.6)
    for _ in range(12):
        spot = centre + rng.uniform(10, 17) * np.array([math.sin(a := rng.uniform(0, 6.3)), math.cos(a)])
        yield Prop("tree", float(spot[0]), float(spot[1]), float(rng.uniform(5, 9)))


def furnish(left: Points, right: Points, half_m: float, rng: Rng) -> Iterator[Prop]:
    """Lamps on one pavement, trees on some, now and then a sign."""
    length = float(np.linalg.norm(right - left))
    along = (right - left) / length
    across = np.array([along[1], -along[0]]) * (half_m - PAVEMENT_M + 0.5) * rng.choice([-1, 1])
    avenue = rng.random() < 0.4
    for k, at in enumerate(np.arange(15.0, length - 12.0, rng.uniform(11.0, 15.0))):
        for side in (1, -1):
            spot = left + along * (at + rng.normal(0, 0.8)) + across * side
            kind, high = ("tree", rng.uniform(4.8, 7.8)) if avenue and k % 2 else ("lamp", 6.0)
            if kind == "tree" or (side == 1 and k % 2 == 0):
                yield Prop(kind, float(spot[0]), float(spot[1]), float(high))
        if rng.random() < 0.3:
            spot = left + along * (at + 4.0) - across
            yield Prop(f"sign{rng.integers(3)}", float(spot[0]), float(spot[1]), 2.7)


def build_town(seed: int = 7, blocks: tuple[int, int] = (4, 3), origin: LatLon = DOGGER_BANK) -> Town:
    """Draw the town: `blocks` (east, north), one of them a green with a church; same seed, same town."""
    rng = np.random.default_rng(seed)
    plan, tiles, builder = draw_plan(blocks, rng), materials(rng), Builder()
    for _ in range(BLIND_WALLS):
        builder.picture(blind_wall(tiles, rng))
    green = (1 + blocks[0] // 2, 1 + blocks[1] // 2)
    props: list[Prop] = []
    for i in range(blocks[0] + 2):
        for j in range(blocks[1] + 2):
            corners = plan.block(i, j)
            if (i, j) == green:
                props += build_church(builder, corners.mean(0), tiles, rng)
                continue
            busy = float(rng.uniform(0, 1))
            hidden = ((j, 0), (i, blocks[0] + 1), (j, blocks[1] + 1), (i, 0))
            for k in range(4):
                if hidden[k][0] != hidden[k][1]:  # nobody walks behind the town
                    props += line_street(builder, corners[k], corners[(k + 1) % 4], tiles, busy, rng)
    town_nodes = plan.nodes[1:-1, 1:-1]
    walls = builder.walls()
    corner, ground = paint_ground(plan, walls, green, rng)
    town = Town(seed, blocks, origin, town_nodes, walls, pack(builder.pictures), ground, corner, ())
    for left, right in town.streets():
        props += furnish(left, right, 7.0, rng)
    return Town(seed, blocks, origin, town_nodes, walls, town.atlas, ground, corner, tuple(props))


class Ground:
    """The town from above, to paint streets on; metres in, pixels inside."""

    def __init__(self, plan: Plan) -> None:
        spots = plan.nodes.reshape(-1, 2)
        self.west, self.south = (float(v) - 15.0 for v in spots.min(0))
        size = (spots.max(0) - spots.min(0) + 30.0) * GROUND_PIXELS_PER_M
        self.picture = Pictures.new("RGB", (int(size[0]), int(size[1])), (92, 92, 95))
        self.pen = ImageDraw.Draw(self.picture)

    def at(self, points: Iterable[Points]) -> list[tuple[float, float]]:
        """Pixels of points."""
        high = self.picture.height
        return [
            (
                (float(x) - self.west) * GROUND_PIXELS_PER_M,
                high - (float(y) - self.south) * GROUND_PIXELS_PER_M,
            )
            for x, y in points
        ]

    def area(self, points: Iterable[Points], colour: Colour, rim: Colour | None = None) -> None:
        """Fill a polygon."""
        self.pen.polygon(self.at(points), fill=colour, outline=rim, width=2 if rim else 0)

    def strip(self, start: Points, stop: Points, width_m: float, colour: Colour) -> None:
        """Draw a broad line."""
        self.pen.line(self.at((start, stop)), fill=colour, width=max(round(width_m * GROUND_PIXELS_PER_M), 1))


def paint_ground(
    plan: Plan, walls: Walls, green: tuple[int, int], rng: Rng
) -> tuple[tuple[float, float], dict[Season, Atlas]]:
    """Pave, mark and dirty the streets; returns the south-western corner and one picture a season."""
    ground = Ground(plan)
    columns, rows = plan.nodes.shape[0] - 1, plan.nodes.shape[1] - 1
    for j in range(1, rows):
        for i in range(columns):
            paint_street(ground, plan.nodes[i, j], plan.nodes[i + 1, j], float(plan.half_rows[j]), rng)
    for i in range(1, columns):
        for j in range(rows):
            paint_street(ground, plan.nodes[i, j], plan.nodes[i, j + 1], float(plan.half_columns[i]), rng)
    for i in range(columns):
        for j in range(rows):
            paint_pavement(ground, plan.block(i, j, -PAVEMENT_M), plan.block(i, j), rng)
    ground.area(plan.block(*green), (98, 122, 66))
    dirt = np.clip(rng.normal(226, 17, (256, 256)), 0, 255).astype(np.uint8)
    high, wide = ground.picture.height, ground.picture.width
    worn = ImageChops.multiply(
        ground.picture, grey(np.tile(dirt, (high // 256 + 1, wide // 256 + 1))[:high, :wide])
    )
    pictures = {"summer": ImageChops.multiply(worn, cast_shadows(ground, walls)), "winter": worn}
    return (ground.west, ground.south), {season: pack([pictures[season]], False) for season in SEASONS}


def grey(values: NDArray[np.uint8]) -> Pictures.Image:
    """A picture of three equal channels."""
    return Pictures.merge("RGB", (Pictures.fromarray(values),) * 3)


def paint_pavement(ground: Ground, kerb: Points, houses: Points, rng: Rng) -> None:
    """Slabs around a block; what lies under the houses is never seen."""
    tone = int(rng.integers(128, 168))
    ground.area(kerb, (tone, tone - 2, tone - 8), (186, 184, 178))
    slab = float(rng.choice([0.8, 1.2, 1.8]))
    for k in range(4):
        outer, inner = (ring[(k + 1) % 4] - ring[k] for ring in (kerb, houses))
        for share in np.arange(0.0, 1.0, slab / float(np.linalg.norm(outer))):
            ground.strip(
                kerb[k] + outer * share, houses[k] + inner * share, 0.1, (tone - 34, tone - 36, tone - 40)
            )
        middle = (kerb + houses) / 2
        ground.strip(middle[k], middle[(k + 1) % 4], 0.1, (tone - 30, tone - 32, tone - 36))
    ground.area(houses, (120, 116, 108))


def paint_street(ground: Ground, start: Points, stop: Points, half_m: float, rng: Rng) -> None:
    """One piece of road: surface, patches, markings; each of its own kind, for roads are places too."""
    length = float(np.linalg.norm(stop - start))
    along = (stop - start) / length
    across = np.array([along[1], -along[0]])
    road = half_m - PAVEMENT_M
    tone = int(rng.integers(72, 112))
    ground.strip(
        start, stop, 2 * road, pick(rng, ((tone, tone, tone + 3), (tone, tone, tone + 3), (126, 112, 98)))
    )
    for _ in range(int(length / 9)):  # patches, drains, oil
        spot = start + along * rng.uniform(8, length - 8) + across * rng.uniform(-road, road) * 0.8
        ground.strip(
            spot,
            spot + along * rng.uniform(0.4, 5.0),
            rng.uniform(0.3, 1.4),
            shade((tone, tone, tone), rng.uniform(0.6, 1.2)),
        )
    first, last = 9.0, length - 9.0
    white = (214, 212, 204)
    kind = int(rng.integers(5))
    if kind < 3:
        dash, gap = ((3.0, 3.0), (1.5, 1.5), (length, 1.0))[kind]
        for at in np.arange(first + 4.0, last - 4.0, dash + gap):
            ground.strip(
                start + along * at,
                start + along * min(at + dash, last - 4.0),
                0.15,
                white if kind < 2 else (206, 170, 60),
            )
    if rng.random() < 0.4:
        for side in (-1, 1):
            edge = across * side * (road - 2.1)
            ground.strip(start + along * (first + 5) + edge, start + along * (last - 5) + edge, 0.12, white)
    for at, zebra in ((first, rng.random() < 0.55), (last, rng.random() < 0.55)):
        for x in np.arange(-road + 0.4, road - 0.2, 1.0) if zebra else ():
            foot = start + along * at + across * x
            ground.strip(foot - along * 1.5, foot + along * 1.5, 0.5, white)
    if rng.random() < 0.25:
        lane = across * (road - 0.8)
        ground.strip(start + along * first + lane, start + along * last + lane, 1.4, (136, 66, 56))


SUN: dict[Season, tuple[float, float, float]] = {"summer": (205.0, 42.0, 1.0), "winter": (160.0, 14.0, 0.22)}
"""Azimuth, altitude, strength: in winter it hides behind clouds."""


def cast_shadows(ground: Ground, walls: Walls) -> Pictures.Image:
    """How much light reaches the ground in summer."""
    azimuth, altitude, _ = SUN["summer"]
    away = -np.array([math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))])
    dark = Pictures.new("L", ground.picture.size, 255)
    pen = ImageDraw.Draw(dark)
    for (left, right), top in zip(walls.ends, walls.tops, strict=True):
        throw = away * (float(top) - 1.5) / math.tan(math.radians(altitude))
        pen.polygon(ground.at((left, right, right + throw, left + throw)), fill=150)
    return Pictures.merge("RGB", (dark,) * 3)


# -- what stands in the street ----------------------------------------------------------------------------


def draw_tree(rng: Rng, leaves: bool) -> Pictures.Image:
    """A tree, 1:1.25: branches that fork, and clouds of leaves in summer."""
    picture = Pictures.new("RGBA", (320, 400), (84, 96, 52, 0) if leaves else (74, 64, 56, 0))
    pen = ImageDraw.Draw(picture)
    tips: list[tuple[float, float]] = []

    def grow(x: float, y: float, angle: float, length: float, thick: float) -> None:
        end = (x + length * math.sin(angle), y - length * math.cos(angle))
        tone = int(rng.integers(52, 84))
        pen.line(((x, y), end), fill=(tone + 14, tone + 4, tone - 6, 255), width=max(round(thick), 2))
        if length < 17:
            tips.append(end)
            return
        for _ in range(3 if length > 40 else 2):
            grow(*end, angle + rng.normal(0, 0.5), length * rng.uniform(0.6, 0.78), thick * 0.62)

    grow(160, 398, float(rng.normal(0, 0.05)), float(rng.uniform(88, 104)), 15)
    hue = pick(rng, ((72, 104, 42), (96, 116, 48), (52, 88, 48)))
    for x, y in tips if leaves else ():
        for _ in range(12):
            a, b, r = x + rng.normal(0, 16), y + rng.normal(0, 13), rng.uniform(2, 5)
            light = 0.5 + 0.5 * np.clip((300 - b) / 260, 0, 1) + rng.normal(0, 0.2)
            pen.ellipse((a - r, b - r * 0.7, a + r, b + r * 0.7), fill=(*shade(hue, light), 255))
    return picture


def draw_sign(kind: int) -> Pictures.Image:
    """A lamp post (3), or a road sign: no stopping (0), give way (1), parking (2)."""
    picture = Pictures.new("RGBA", (96, 432), (90, 92, 94, 0))
    pen = ImageDraw.Draw(picture)
    if kind == 3:
        pen.rectangle((45, 40, 51, 431), fill=(52, 56, 58, 255))
        pen.polygon(
            ((30, 34), (66, 34), (58, 4), (38, 4)), fill=(226, 222, 200, 255), outline=(40, 42, 44, 255)
        )
        pen.rectangle((42, 300, 54, 431), fill=(44, 48, 50, 255))
        return picture
    pen.rectangle((44, 80, 52, 431), fill=(136, 138, 140, 255))
    if kind == 0:
        pen.ellipse((4, 4, 92, 92), fill=(30, 70, 150, 255), outline=(200, 30, 36, 255), width=12)
        pen.line(((18, 18), (78, 78)), fill=(200, 30, 36, 255), width=12)
    elif kind == 1:
        pen.polygon(((2, 4), (94, 4), (48, 90)), fill=(200, 30, 36, 255))
        pen.polygon(((20, 14), (76, 14), (48, 66)), fill=(240, 238, 232, 255))
    else:
        pen.rectangle((6, 4, 90, 96), fill=(28, 80, 170, 255), outline=(236, 236, 236, 255), width=5)
        pen.text((48, 50), "P", (240, 240, 240, 255), ImageFont.load_default(80), "mm")
    return picture


@lru_cache(maxsize=2)
def sprites(season: Season) -> dict[str, list[Pictures.Image]]:
    """Pictures of everything that turns to the viewer; trees in four shapes."""
    trees = [draw_tree(np.random.default_rng([k, 41]), season == "summer") for k in range(4)]
    spire = Pictures.new("RGBA", (208, 416), (66, 92, 84, 0))
    pen = ImageDraw.Draw(spire)
    pen.polygon(((0, 415), (207, 415), (104, 24)), fill=(66, 92, 84, 255))
    pen.polygon(((104, 415), (207, 415), (104, 24)), fill=(52, 74, 68, 255))
    pen.line(((104, 0), (104, 30)), fill=(196, 160, 60, 255), width=6)
    signs = {f"sign{k}": [draw_sign(k)] for k in range(3)}
    return {"tree": trees, "spire": [spire], "lamp": [draw_sign(3)], **signs}


@dataclass(frozen=True, slots=True)
class Car:
    """A parked car."""

    east: float
    north: float
    heading_deg: float
    colour: Colour
    van: bool


def parked_cars(town: Town, season: Season, seed: int, camera: Camera) -> Iterator[Car]:
    """Who parks within sight: another day, other cars. Every street has its own luck, whoever looks."""
    paints = ((178, 180, 184), (40, 42, 46), (222, 222, 220), (120, 26, 30), (34, 58, 104), (92, 98, 100))
    for number, (left, right) in enumerate(town.streets()):
        rng = np.random.default_rng([town.seed, SEASONS.index(season), seed, number])
        length = float(np.linalg.norm(right - left))
        along = (right - left) / length
        across = np.array([along[1], -along[0]])
        heading = math.degrees(math.atan2(along[0], along[1]))
        at = np.repeat(np.arange(17.0, length - 15.0, 6.0), 2)
        luck, kind, paint = rng.random(at.size), rng.random(at.size), rng.integers(len(paints), size=at.size)
        side = np.tile([-1.0, 1.0], at.size // 2)
        spots = left + along * (at + 3.0 * (luck - 0.15))[:, None] + across * (3.1 * side)[:, None]
        far = np.hypot(*(spots - (camera.east, camera.north)).T)
        for k in np.flatnonzero((luck < 0.3) & (far > 2.6) & (far < 55)):
            spot, turn = spots[k], heading + 90.0 * (1 + side[k])
            yield Car(float(spot[0]), float(spot[1]), turn, paints[paint[k]], bool(kind[k] < 0.2))


# -- the camera -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Camera:
    """An upright camera at `EYE_M`; without a field of view it is a panorama camera (equirectangular)."""

    east: float
    north: float
    heading_deg: float
    width: int
    height: int
    fov_deg: float | None = None

    @property
    def focal_px(self) -> float:
        """Pixels in a radian at the centre."""
        if self.fov_deg is None:
            return self.width / (2 * math.pi)
        return self.width / 2 / math.tan(math.radians(self.fov_deg) / 2)

    def rays(self, finer: int) -> tuple[Floats, Floats, Floats]:
        """Bearing of columns, radians; rise of rows per metre ahead; metres ahead per metre of ray."""
        aside = ((np.arange(self.width * finer) + 0.5) / finer - self.width / 2) / self.focal_px
        down = ((np.arange(self.height * finer) + 0.5) / finer - self.height / 2) / self.focal_px
        turn = math.radians(self.heading_deg)
        if self.fov_deg is None:
            rise, ahead = -np.tan(np.clip(down, -1.55, 1.55)), np.ones(aside.size)
        else:
            aside, rise = np.arctan(aside), -down
            ahead = np.cos(aside)
        return (turn + aside).astype(np.float32), rise.astype(np.float32), ahead.astype(np.float32)

    def project(self, points: Points) -> Points:
        """Column, row and distance [N, 3] of points (east, north, height); distance -1 behind the camera."""
        east, north, up = points[:, 0] - self.east, points[:, 1] - self.north, points[:, 2] - EYE_M
        bearing, far = np.arctan2(east, north), np.hypot(east, north)
        # The first point decides on which side of a panorama's seam the whole thing lies.
        first = wrapped(bearing[0] - math.radians(self.heading_deg))
        aside = first + wrapped(bearing - bearing[0])
        if self.fov_deg is None:
            columns, rows = aside, np.arctan2(up, far)
        else:
            ahead = far * np.cos(aside)
            far = np.where(ahead > 0.7, far, -1.0)
            columns, rows = np.tan(aside), up / np.where(ahead > 0.7, ahead, 1.0)
        return np.stack(
            [self.width / 2 + columns * self.focal_px, self.height / 2 - rows * self.focal_px, far], 1
        )


def wrapped(angle: Points) -> Points:
    """Angles brought into [-pi, pi)."""
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi)


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    """The wall that each column meets, as far as it is known: arrays [columns]; distance inf: none."""

    wall: NDArray[np.intp]
    distance: Floats
    share: Floats
    """Where along the wall, [0, 1]."""
    sine: Floats
    """Of the angle between ray and wall; negative from behind."""


def meet(walls: Walls, camera: Camera, bearing: Floats) -> Iterator[Hit]:
    """Intersect one ray a column with all walls near enough to matter; nearest first."""
    ends = (walls.ends - (camera.east, camera.north)).astype(np.float32)
    turn = math.radians(camera.heading_deg)
    ahead = ends @ np.array([math.sin(turn), math.cos(turn)], np.float32)
    seen = (ahead > 0).any(1) | (camera.fov_deg is None)
    near = np.flatnonzero(seen & (np.hypot(*ends.mean(1).T) < REACH_M))
    left, along = ends[near, 0], ends[near, 1] - ends[near, 0]
    length = np.hypot(*along.T)
    sine, cosine = np.sin(bearing), np.cos(bearing)
    cross = sine * along[:, 1:] - cosine * along[:, :1]
    cross[np.abs(cross) < 1e-5] = 1e-5
    share = (sine * left[:, 1:] - cosine * left[:, :1]) / -cross
    distance = (left[:, 0] * along[:, 1] - left[:, 1] * along[:, 0])[:, None] / cross
    distance[(share < 0) | (share > 1) | (distance < 0.3)] = np.inf
    columns = np.arange(bearing.size)
    for _ in range(LAYERS):
        first = distance.argmin(0)
        at = first, columns
        yield Hit(near[first], distance[at], share[at], -cross[at] / length[first])
        distance[at] = np.inf


# -- light and colour -------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def heavens(seed: int, season: Season) -> Packed:
    """Sky and distant hills, packed [1024 bearings, 256 heights]."""
    rng = np.random.default_rng([seed, SEASONS.index(season), 5])
    wide, high = 1024, 256
    rise = np.linspace(0, 1, high)[None, :]
    low, top = (
        ((222, 228, 234), (104, 148, 206)) if season == "summer" else ((206, 208, 210), (158, 164, 172))
    )
    sky = np.array(low) * (1 - rise[..., None]) + np.array(top) * rise[..., None]
    waves = np.hypot(np.fft.fftfreq(wide)[:, None] * 2.2, np.fft.rfftfreq(high)[None, :] * 0.8)
    cloud = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((wide, high))) / (waves + 0.004) ** 1.7)
    cloud /= cloud.std()
    amount = (
        0.85
        * np.sqrt(1 - rise[..., None])
        * np.clip(cloud * 0.5 + (0.1 if season == "summer" else 0.6), 0, 1)[..., None]
    )
    tone = (244.0 if season == "summer" else 196.0) + 14 * np.roll(cloud, 6, 1)[..., None]
    sky = sky * (1 - amount) + tone * amount
    turns, hills = np.arange(wide) * 2 * np.pi / wide, np.full(wide, 0.03)
    for k in (2, 3, 7, 19, 44):
        hills += rng.uniform(0.002, 0.012) * np.sin(turns * k + rng.uniform(0, 6))
    sky[rise < hills[:, None]] = (118, 138, 128) if season == "summer" else (132, 134, 132)
    opaque = np.full((wide, high, 1), 255.0)
    return np.concatenate([sky.clip(0, 255), opaque], 2).astype(np.uint8).view(np.uint32).reshape(-1)


def sun_on(walls: Walls, hit: Hit, season: Season) -> Floats:
    """How bright the side of the wall is that one sees, [columns]."""
    azimuth, _, strength = SUN[season]
    left, right = walls.ends[hit.wall, 0], walls.ends[hit.wall, 1]
    along = (right - left) / np.linalg.norm(right - left, axis=1, keepdims=True)
    towards = np.array([-math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))])
    facing = (along @ towards) * np.sign(hit.sine)
    return np.asarray(0.86 + strength * np.where(facing > 0, 0.42 * facing, 0.30 * facing), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """A view in the making, lying on its side: arrays [columns, rows] unless they say otherwise."""

    colours: Packed
    depth: Floats
    """Metres from the camera, inf in the sky."""
    light: Floats
    bearing: Floats
    """[columns], radians."""
    rise: Floats
    """[rows], per metre ahead."""
    ahead: Floats
    """[columns], metres ahead per metre of ray."""
    step: float
    """Radians in a pixel."""
    apart: float
    """Texels that neighbouring samples sit apart: averaged later, they smooth what is seen from near."""


def blank(camera: Camera, finer: int, sky: Packed) -> Canvas:
    """The sky all over."""
    bearing, rise, ahead = camera.rays(finer)
    height = np.clip(rise, 0, None)
    level = (height / (height + 1.0) * 255).astype(np.int32)
    turn = (bearing * (1024 / (2 * np.pi))).astype(np.int32) % 1024
    colours = sky[(turn * 256)[:, None] + level[None, :]]
    depth, light = np.full(colours.shape, np.inf, np.float32), np.ones(colours.shape, np.float32)
    return Canvas(colours, depth, light, bearing, rise, ahead, 1 / camera.focal_px / finer, 0.5 * (finer > 1))


def pave(canvas: Canvas, town: Town, season: Season, camera: Camera, nearest: Floats, rng: Rng) -> None:
    """Look the ground up in front of the nearest wall of every column."""
    atlas, below = town.ground[season], int(np.searchsorted(-canvas.rise, EYE_M / 400.0))
    ahead = (-EYE_M / canvas.rise[below:]).astype(np.float32)
    far = ahead / canvas.ahead[:, None]
    # A texel is stretched along the view: the mean of both lengths keeps markings sharp enough.
    span = ahead * np.sqrt(ahead / EYE_M) * (canvas.step * GROUND_PIXELS_PER_M)
    level = np.clip(np.log2(np.maximum(span, 1e-3)) + 0.3, 0, LEVELS - 1).astype(np.int32)
    shrink = (0.5**level * GROUND_PIXELS_PER_M).astype(np.float32)
    wide, high = atlas.width[0][level], atlas.height[0][level]
    # Off by up to half a texel at random, asphalt looks grained and never blocky.
    grain = rng.random(far.size + 99, np.float32)
    east = np.float32(camera.east - town.corner[0]) + far * np.sin(canvas.bearing)[:, None]
    north = np.float32(camera.north - town.corner[1]) + far * np.cos(canvas.bearing)[:, None]
    i = np.clip((east * shrink + grain[:-99].reshape(far.shape)).astype(np.int32), 0, wide - 1)
    j = np.clip((high - north * shrink - grain[99:].reshape(far.shape)).astype(np.int32), 0, high - 1)
    seen = far < nearest[:, None]
    canvas.colours[:, below:][seen] = atlas.pixels[(atlas.start[0].diagonal()[level] + i * high + j)[seen]]
    canvas.depth[:, below:][seen] = far[seen]


def build_up(canvas: Canvas, town: Town, season: Season, hit: Hit) -> None:
    """Look up the wall that each column meets, wherever nothing nearer stands."""
    atlas, walls = town.atlas, town.walls
    far = np.where(np.isfinite(hit.distance), hit.distance, 0.0).astype(np.float32)
    number, top = walls.texture[SEASONS.index(season)][hit.wall], walls.tops[hit.wall] - np.float32(EYE_M)
    length = np.linalg.norm(walls.ends[hit.wall, 1] - walls.ends[hit.wall, 0], axis=1)
    span = np.maximum(far * (canvas.step * PIXELS_PER_M), 1e-3)
    up = np.clip(np.log2(span) + 0.3, 0, LEVELS - 1).astype(np.int32)
    side = np.clip(np.log2(span / np.maximum(np.abs(hit.sine), 0.03)) + 0.3, up, LEVELS - 1).astype(np.int32)
    high, wide = atlas.height[number, up], atlas.width[number, side]
    jitter = canvas.apart * (np.arange(far.size) % 2 - 0.5)
    share = np.where(hit.sine < 0, 1 - hit.share, hit.share)  # no mirrored signs on the backs of houses
    column = np.clip(share * length * PIXELS_PER_M * 0.5**side + jitter, 0, wide - 1).astype(np.int32)
    first, scale = atlas.start[number, side, up] + column * high, (0.5**up * PIXELS_PER_M).astype(np.float32)
    # Below the lowest gap there is nothing left to find: for all walls but the nearest that is half the view.
    rows = int(np.flatnonzero(np.isinf(canvas.depth).any(0)).max(initial=-1)) + 1
    uneven = (canvas.apart * (np.arange(rows) % 2 - 0.5)).astype(np.float32)
    down = (top * scale)[:, None] - (far * canvas.ahead * scale)[:, None] * canvas.rise[:rows] + uneven
    open_ = np.flatnonzero((down > 0) & np.isinf(canvas.depth[:, :rows]) & (far > 0)[:, None])
    x = open_ // max(rows, 1)
    colour = atlas.pixels[first[x] + np.minimum(down.reshape(-1)[open_].astype(np.int32), high[x] - 1)]
    solid = colour >= 0x80000000
    flat, x = (open_ + x * (canvas.rise.size - rows))[solid], x[solid]
    canvas.colours.reshape(-1)[flat] = colour[solid]
    canvas.depth.reshape(-1)[flat] = far[x]
    canvas.light.reshape(-1)[flat] = sun_on(walls, hit, season)[x]


def see(town: Town, camera: Camera, season: Season, seed: int, finer: int) -> Image:
    """Render: sky, ground and walls `finer` times finer than asked for; then what stands in the street."""
    rng = np.random.default_rng([town.seed, seed, 3])
    canvas = blank(camera, finer, heavens(seed + town.seed, season))
    hits = list(meet(town.walls, camera, canvas.bearing))
    pave(canvas, town, season, camera, hits[0].distance, rng)
    for hit in hits:
        build_up(canvas, town, season, hit)
    lying = Pictures.frombuffer("RGBA", canvas.colours.shape[::-1], canvas.colours.tobytes())
    colours = np.asarray(lying.reduce(finer))[..., :3]
    depth, light = canvas.depth[::finer, ::finer], canvas.light[::finer, ::finer]
    clear = np.where(np.isinf(depth), 1.0, np.exp(-depth / 420.0)).astype(np.float32)
    hazy = colours * (light * clear)[..., None] + (206.0 - 206.0 * clear)[..., None]
    upright = Pictures.fromarray(hazy.clip(0, 255).astype(np.uint8).transpose(1, 0, 2).copy())
    stand_in_street(upright, depth.T, town, camera, season, seed)
    return develop(np.asarray(upright), season, rng)


def develop(picture: Image, season: Season, rng: Rng) -> Image:
    """What the camera makes of the light: exposure, white balance, noise."""
    tint = (1.03, 1.0, 0.95) if season == "summer" else (0.87, 0.89, 0.91)
    gain = np.array(tint, np.float32) * np.float32(rng.uniform(0.92, 1.08))
    grain = np.float32(1.6 if season == "summer" else 2.6)
    noise = rng.standard_normal(picture.shape[:2], np.float32) * grain
    if season == "winter":
        picture = np.asarray(ImageEnhance.Color(Pictures.fromarray(picture)).enhance(0.72))
    return np.asarray((picture * gain + noise[..., None]).clip(0, 255), np.uint8)


# -- what stands in the street, painted far to near -------------------------------------------------------


def stand_in_street(
    picture: Pictures.Image, depth: Floats, town: Town, camera: Camera, season: Season, seed: int
) -> None:
    """Paint cars, trees, lamps and spires into the view, each where no nearer wall hides it."""
    things: list[Prop | Car] = [*town.props, *parked_cars(town, season, seed, camera)]
    spots = np.array([(t.east, t.north) for t in things]) - (camera.east, camera.north)
    far = np.hypot(*spots.T)
    turn = math.radians(camera.heading_deg)
    ahead = spots @ (math.sin(turn), math.cos(turn))
    for k in np.argsort(-far, kind="stable"):
        thing = things[k]
        reach = 260.0 if isinstance(thing, Prop) and thing.kind == "spire" else 110.0
        if far[k] > reach or far[k] < 2.2 or (camera.fov_deg is not None and ahead[k] < 1.0):
            continue
        if isinstance(thing, Car):
            paint_car(picture, depth, camera, thing, float(far[k]))
        else:
            paint_prop(picture, depth, camera, thing, season)


def stamp(
    picture: Pictures.Image, depth: Floats, patch: Pictures.Image, left: int, top: int, far: float
) -> None:
    """Paste a patch wherever the view behind it is farther away."""
    wide, high = patch.size
    nearer = depth[top : top + high, left : left + wide] < far
    alpha = np.asarray(patch.getchannel("A")).copy()
    alpha[nearer] = 0
    picture.paste(patch.convert("RGB"), (left, top), Pictures.fromarray(alpha))


def paint_prop(picture: Pictures.Image, depth: Floats, camera: Camera, prop: Prop, season: Season) -> None:
    """One flat picture, cut to the frame before it is scaled."""
    shapes = sprites(season)[prop.kind]
    sprite = shapes[int(abs(prop.east * 7 + prop.north * 13)) % len(shapes)]
    foot, head = camera.project(
        np.array([(prop.east, prop.north, z) for z in (prop.above_m, prop.above_m + prop.height_m)])
    )
    high = foot[1] - head[1]
    wide = high * sprite.width / sprite.height
    if foot[2] < 0 or high < 3:
        return
    left, right = max(round(foot[0] - wide / 2), 0), min(round(foot[0] + wide / 2) + 1, picture.width)
    top, low = max(round(head[1]), 0), min(round(foot[1]) + 1, picture.height)
    if left >= right or top >= low:
        return
    source = np.array([left - foot[0] + wide / 2, top - head[1], right - foot[0] + wide / 2, low - head[1]])
    x0, y0, x1, y1 = source * (sprite.height / high)
    box = (max(x0, 0), max(y0, 0), min(x1, sprite.width), min(y1, sprite.height))
    if box[2] - box[0] < 1 or box[3] - box[1] < 1:
        return
    patch = sprite.resize((right - left, low - top), Pictures.Resampling.BILINEAR, box)
    stamp(picture, depth, patch, left, top, float(foot[2]) - 0.5)


CAR = ((-2.1, 0.3), (-2.15, 0.95), (-1.55, 1.45), (0.25, 1.45), (0.95, 0.98), (2.0, 0.8), (2.1, 0.3))
VAN = ((-2.4, 0.35), (-2.4, 2.05), (1.1, 2.05), (1.75, 1.2), (2.35, 1.05), (2.4, 0.35))
"""Outlines of a side: metres (ahead, up)."""


def car_faces(car: Car, seen_from: float) -> Iterator[tuple[Colour, list[tuple[float, float, float]]]]:
    """Polygons (ahead, right, up) of a car and its shadow, those painted over coming last."""
    outline, half = (VAN, 0.95) if car.van else (CAR, 0.87)
    glass = (48, 56, 64)
    yield (44, 44, 46), [(a, b, 0.02) for a, b in ((-2.5, -1.1), (2.5, -1.1), (2.5, 1.1), (-2.5, 1.1))]
    near = math.copysign(half, seen_from)
    tops = list(pairwise(outline))
    for n, ((x0, z0), (x1, z1)) in enumerate(tops):
        pane = (n == 1 or n == 3) if not car.van else n == 2
        light = 1.15 if abs(z1 - z0) < 0.3 else 0.8
        yield (
            glass if pane else shade(car.colour, light),
            [(x0, -half, z0), (x0, half, z0), (x1, half, z1), (x1, -half, z1)],
        )
    yield shade(car.colour, 0.92), [(x, near, z) for x, z in outline]
    if car.van:
        yield glass, [(x, near, z) for x, z in ((0.5, 1.25), (0.5, 1.85), (1.05, 1.85), (1.5, 1.25))]
    else:
        yield glass, [(x, near, z) for x, z in ((-1.65, 1.0), (-1.4, 1.36), (0.15, 1.36), (0.7, 1.0))]
        yield car.colour, [(x, near, z) for x, z in ((-0.6, 1.0), (-0.6, 1.38), (-0.5, 1.38), (-0.5, 1.0))]
    for wheel in (-1.35, 1.35):
        for size, tone in ((0.34, 26), (0.18, 150)):
            turns = np.arange(10) * 2 * np.pi / 10
            yield (
                (tone, tone, tone),
                [(wheel + size * math.cos(t), near, 0.34 + size * math.sin(t)) for t in turns],
            )


def paint_car(picture: Pictures.Image, depth: Floats, camera: Camera, car: Car, far: float) -> None:
    """A car as a small solid: far faces first."""
    turn = math.radians(car.heading_deg)
    ahead, right = np.array([math.sin(turn), math.cos(turn)]), np.array([math.cos(turn), -math.sin(turn)])
    rel = np.array([camera.east - car.east, camera.north - car.north])
    faces = []
    for colour, corners in car_faces(car, float(rel @ right)):
        solid = np.array(corners)
        flat = np.array([car.east, car.north]) + solid[:, :1] * ahead + solid[:, 1:2] * right
        faces.append((colour, camera.project(np.column_stack([flat, solid[:, 2]]))))
    if min(f[:, 2].min() for _, f in faces) < 0:
        return
    if rel @ ahead > 0:
        faces = faces[:1] + faces[1:]
    else:
        strips = len(VAN if car.van else CAR) - 1
        faces = faces[:1] + faces[1 : 1 + strips][::-1] + faces[1 + strips :]
    spots = np.concatenate([f[:, :2] for _, f in faces])
    left, top = np.maximum(np.floor(spots.min(0)), 0).astype(int)
    right_, low = np.minimum(np.ceil(spots.max(0)) + 1, picture.size).astype(int)
    if left >= right_ or top >= low:
        return
    patch = Pictures.new("RGBA", (2 * int(right_ - left), 2 * int(low - top)), (*car.colour, 0))
    pen = ImageDraw.Draw(patch)
    for n, (colour, spot) in enumerate(faces):
        points = [((float(c) - left) * 2, (float(r) - top) * 2) for c, r in spot[:, :2]]
        pen.polygon(points, fill=(*colour, 255 if n else 170))
    stamp(picture, depth, patch.reduce(2), int(left), int(top), far - 2.6)


# -- pictures, and folders of them ------------------------------------------------------------------------


def view(
    town: Town, position: tuple[float, float], heading_deg: float, fov_deg: float = 75.0,
    size: tuple[int, int] = (400, 400), season: Season = "summer", seed: int = 0,
) -> Image:  # fmt: skip
    """A perspective photo, `size` (width, height), from `position` (east, north); `seed` is the day."""
    return see(town, Camera(*position, heading_deg, *size, fov_deg), season, seed, 2)


def panorama(
    town: Town,
    position: tuple[float, float],
    heading_deg: float,
    width: int = 1536,
    season: Season = "summer",
    seed: int = 0,
) -> Image:
    """An equirectangular panorama [width / 2, width, 3]; `heading_deg` is that of its centre."""
    return see(town, Camera(*position, heading_deg, width, width // 2), season, seed, 1)


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo to be taken."""

    east: float
    north: float
    heading_deg: float

    def moved(self, rng: Rng, far: tuple[float, float], turn_deg: float) -> Shot:
        """Somebody else's photo of the same place: some metres off, mostly along the street."""
        way = math.radians(self.heading_deg + rng.choice([0.0, 180.0]) + rng.normal(0, 12.0))
        metres = rng.uniform(*far)
        spot = self.east + metres * math.sin(way), self.north + metres * math.cos(way)
        return Shot(*spot, (self.heading_deg + rng.uniform(-turn_deg, turn_deg)) % 360.0)


@dataclass(frozen=True, slots=True)
class Truth:
    """Where a flooded photo was really taken."""

    image: str
    """File name."""
    position: LatLon
    heading_deg: float
    waterline: float
    """Share of the frame that lies under water."""
    in_city: bool
    """False for a photo of another town, which no honest answer can find."""


def drive(town: Town, spacing_m: float) -> list[Shot]:
    """Down every street once, in the lane on its right, and a photo ahead every `spacing_m`."""
    shots = []
    for number, ends in enumerate(town.streets()):
        left, right = ends[:: 1 - 2 * (number % 2)]
        length = float(np.linalg.norm(right - left))
        along = (right - left) / length
        lane = np.array([along[1], -along[0]]) * 1.2
        heading = math.degrees(math.atan2(along[0], along[1])) % 360.0
        for at in np.linspace(4.0, length - 10.0, max(round((length - 14.0) / spacing_m) + 1, 2)):
            spot = left + along * at + lane
            shots.append(Shot(float(spot[0]), float(spot[1]), heading))
    return shots


def located(town: Town, shot: Shot) -> LatLon:
    """Where on Earth a photo was taken."""
    ((lat, lon),) = from_local([(shot.east, shot.north)], town.origin)
    return LatLon(float(lat), float(lon))


def geotagged(position: LatLon, heading_deg: float, taken: datetime) -> Pictures.Exif:
    """EXIF as a camera with GPS writes it."""
    exif = Pictures.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken.strftime("%Y:%m:%d %H:%M:%S")
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef] = "N" if position.lat >= 0 else "S"
    gps[ExifTags.GPS.GPSLatitude] = sexagesimal(position.lat)
    gps[ExifTags.GPS.GPSLongitudeRef] = "E" if position.lon >= 0 else "W"
    gps[ExifTags.GPS.GPSLongitude] = sexagesimal(position.lon)
    gps[ExifTags.GPS.GPSImgDirectionRef] = "T"
    gps[ExifTags.GPS.GPSImgDirection] = IFDRational(round(heading_deg * 100) % 36000, 100)
    return exif


def sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and seconds; a ten-thousandth of a second is 3 mm."""
    minutes, seconds = divmod(round(abs(degrees) * 36_000_000), 600_000)
    return IFDRational(minutes // 60, 1), IFDRational(minutes % 60, 1), IFDRational(seconds, 10_000)


def save(path: Path, draw: Callable[[], Image], quality: int, exif: Pictures.Exif | None = None) -> None:
    """Draw and write a JPEG, whole or not at all, unless it is there already."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    Pictures.fromarray(draw()).save(
        unfinished, "JPEG", quality=quality, exif=Pictures.Exif() if exif is None else exif
    )
    unfinished.replace(path)


PASSES: dict[Season, datetime] = {
    "summer": datetime(2017, 6, 14, 9, 0),
    "winter": datetime(2021, 12, 2, 11, 0),
}


def write_city(
    folder: Path, town: Town, size_px: int = 400, panorama_px: int = 1536, spacing_m: float = 17.0
) -> None:
    """Write what `geoflood index` reads: photos with EXIF geotags of two passes, and panoramas with a table.

    `streets/summer-*.jpg` every `spacing_m`, `streets/winter-*.jpg` a third as often and years later;
    `panoramas/*.jpg` at every crossing, listed in `panoramas.csv`. Pictures that are there stay.
    """
    shots = drive(town, spacing_m)
    for season in SEASONS:
        for number, shot in list(enumerate(shots))[:: 1 if season == "summer" else 3]:
            if season == "winter":
                shot = shot.moved(np.random.default_rng([town.seed, number]), (0.5, 2.5), 3.0)
            exif = geotagged(
                located(town, shot), shot.heading_deg, PASSES[season] + timedelta(seconds=20 * number)
            )
            path = folder / "streets" / f"{season}-{town.seed}-{number:04}.jpg"
            save(path, partial(photo, town, shot, 75.0, (size_px, size_px), season), 90, exif)
    write_panoramas(folder, town, panorama_px)


def photo(
    town: Town, shot: Shot, fov_deg: float, size: tuple[int, int], season: Season, seed: int = 0
) -> Image:
    """The view of a shot."""
    return view(town, (shot.east, shot.north), shot.heading_deg, fov_deg, size, season, seed)


def write_panoramas(folder: Path, town: Town, width: int) -> None:
    """A panorama at every crossing, and the table that says where they are."""
    rows = []
    for number, node in enumerate(town.nodes.reshape(-1, 2)):
        shot = Shot(float(node[0]), float(node[1]), float(number * 37 % 360))
        image, place = f"panoramas/{town.seed}-{number:04}.jpg", located(town, shot)
        save(
            folder / image,
            partial(panorama, town, (shot.east, shot.north), shot.heading_deg, width, seed=1),
            90,
        )
        taken = (datetime(2018, 5, 3, 8, 0) + timedelta(minutes=number)).isoformat() + "Z"
        rows.append(
            (image, *spelled(place, shot.heading_deg), taken, "true", "CC0-1.0", "geoflood townscape")
        )
    table(
        folder / "panoramas.csv",
        ("image", "lat", "lon", "heading", "taken", "pano", "licence", "credit"),
        rows,
    )


def table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def write_queries(
    folder: Path, town: Town, count: int, strangers: int = 1, size: tuple[int, int] = (480, 360)
) -> list[Truth]:
    """Write `count` flooded photos of the town, `strangers` of another one, and `truth.csv`.

    They were taken 1-4 m off the photos of `write_city`, on another day, and came through social media:
    small, and without a geotag.
    """
    name = f"photo-{town.seed}"  # also of the strangers: nothing tells them apart but what they show
    truths = [flooded(folder, f"{name}-{k:03}.jpg", town, k, size, True) for k in range(count)]
    if strangers:
        other = build_town(town.seed + 1, (1, 1), FAROE_BANK)
        last = range(count, count + strangers)
        truths += [flooded(folder, f"{name}-{k:03}.jpg", other, k, size, False) for k in last]
    rows = [(t.image, *spelled(t.position, t.heading_deg), f"{t.waterline:.3f}") for t in truths]
    table(folder / "truth.csv", ("image", "lat", "lon", "heading", "waterline"), rows)
    return truths


def spelled(position: LatLon, heading_deg: float) -> tuple[str, str, str]:
    """Latitude, longitude (to a centimetre) and heading for a table."""
    return f"{position.lat:.7f}", f"{position.lon:.7f}", f"{heading_deg:.1f}"


def flooded(folder: Path, image: str, town: Town, number: int, size: tuple[int, int], in_city: bool) -> Truth:
    """Take and keep one flooded photo."""
    rng = np.random.default_rng([town.seed, number, 17])
    shots = drive(town, 17.0)
    shot = shots[int(rng.integers(len(shots)))].moved(rng, (1.0, 4.0), 7.0)
    level, season = round(float(rng.uniform(0.25, 0.5)), 3), SEASONS[number % 2]

    def draw() -> Image:
        return flood(photo(town, shot, 70.0, size, season, 100 + number), level, number)[0]

    save(folder / image, draw, 72)
    return Truth(image, located(town, shot), shot.heading_deg, level, in_city)
