"""What else stands before a camera: people, tables, parked cars, house fronts, streets of no index."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image as Pictures
from PIL import ImageFilter

from geoflood.core.datatypes import Image
from geoflood.synthetic.blocks import Colour, car, faces, shaded
from geoflood.synthetic.cohort.brush import Canvas, Rng, fractal, photographed, random_colour, tinted
from geoflood.synthetic.town.building import build_town
from geoflood.synthetic.town.facades import facade
from geoflood.synthetic.town.model import SEASONS, Points, Town
from geoflood.synthetic.town.paint import materials, pick
from geoflood.synthetic.town.render import view
from geoflood.synthetic.town.shots import drive

__all__ = ["fronts", "parking", "portrait", "still_life", "street"]

NOBODYS_TOWN = 40_961
"""Seed of a drawn town that is in no index; demo and tests use small numbers."""
SKINS: tuple[Colour, ...] = ((232, 190, 160), (198, 146, 110), (140, 94, 66), (92, 62, 46))
HAIRS: tuple[Colour, ...] = ((30, 24, 22), (84, 56, 36), (176, 140, 86), (120, 116, 112))


def portrait(rng: Rng, width: int, height: int) -> Image:
    """One to three people before something out of focus."""
    ground = tinted(
        0.5 + 0.25 * fractal(rng, width, height, 140, 0.45),
        (random_colour(rng, 10, 120), random_colour(rng, 60, 200), random_colour(rng, 120, 250)),
    )
    canvas, people = Canvas(width, height, ground), int(rng.integers(1, 4))
    for k in rng.permutation(people).tolist():
        x = width * (k + 0.5) / people + rng.normal(0, width / 30)
        draw_person(
            canvas,
            x,
            height * rng.uniform(0.36, 0.5),
            min(width / people, height) * rng.uniform(0.2, 0.26),
            rng,
        )
    light = 1 + np.linspace(-0.25, 0.25, width, dtype=np.float32)[None, :: rng.choice([1, -1]), None]
    skin = 1 + 0.03 * fractal(rng, width, height, 12, 0.9)[..., None]
    return photographed((canvas.finish() * light * skin).clip(0, 255).astype(np.uint8), rng)


def draw_person(canvas: Canvas, x: float, y: float, size: float, rng: Rng) -> None:
    """Shoulders and a face around (x, y) with half axes of about `size` px."""
    skin, hair, cloth = pick(rng, SKINS), pick(rng, HAIRS), random_colour(rng)
    canvas.disc(x, y + 2.6 * size, 1.9 * size, 1.4 * size, cloth)
    canvas.box(x - 1.9 * size, y + 2.6 * size, x + 1.9 * size, y + 9 * size, cloth)
    for stripe in np.arange(2.0, 6.0, 0.35) if rng.random() < 0.5 else ():
        canvas.box(
            x - 1.4 * size, y + stripe * size, x + 1.4 * size, y + (stripe + 0.12) * size, shaded(cloth, 0.7)
        )
    canvas.box(x - 0.4 * size, y + 0.6 * size, x + 0.4 * size, y + 1.6 * size, shaded(skin, 0.8))
    canvas.disc(x, y - 0.25 * size, 0.98 * size, 1.2 * size, hair)
    canvas.disc(x, y, 0.78 * size, size, skin)
    for side in (-1, 1):
        canvas.disc(x + 0.3 * side * size, y - 0.1 * size, 0.15 * size, 0.08 * size, (240, 240, 238))
        canvas.disc(x + 0.3 * side * size, y - 0.1 * size, 0.07 * size, 0.07 * size, shaded(hair, 0.6))
        brow = [(x + 0.12 * side * size, y - 0.3 * size), (x + 0.48 * side * size, y - 0.28 * size)]
        canvas.line(brow, hair, size * 0.07)
    canvas.line(
        [(x, y), (x - 0.1 * size, y + 0.3 * size), (x + 0.06 * size, y + 0.33 * size)], shaded(skin, 0.7), 1.5
    )
    canvas.disc(x, y + 0.6 * size, 0.28 * size, 0.08 * size, shaded((190, 80, 80), skin[0] / 230))


def still_life(rng: Rng, width: int, height: int) -> Image:
    """A laid table: plates, food, glasses, cutlery, from above or from a chair."""
    wood = tinted(
        0.5 + 0.2 * fractal(rng, width, height, 200, 0.7),
        (random_colour(rng, 20, 100), random_colour(rng, 120, 240)),
    )
    canvas, tilt = Canvas(width, height, wood), float(rng.uniform(0.45, 1.0))
    for y in np.sort(rng.uniform(0.1, 0.95, int(rng.integers(5, 11)))) * height:
        x, size = rng.uniform(0, width), rng.uniform(0.07, 0.17) * width
        canvas.disc(x + size / 8, y + size / 6, size, size * tilt, (40, 32, 28))
        plate = random_colour(rng, 120, 250)
        canvas.disc(x, y, size, size * tilt, plate)
        canvas.disc(x, y, size * 0.75, size * 0.75 * tilt, shaded(plate, 0.9))
        for _ in range(int(rng.integers(4, 24))):
            turn, away, bit = (
                rng.uniform(0, 6.3),
                size * 0.55 * math.sqrt(rng.random()),
                size * rng.uniform(0.06, 0.2),
            )
            spot = (x + away * math.cos(turn), y + away * math.sin(turn) * tilt)
            food = random_colour(rng, 30, 230)
            canvas.disc(*spot, bit, bit * tilt, food)
            canvas.disc(spot[0] - bit / 3, spot[1] - bit / 3, bit / 4, bit / 4, shaded(food, 1.6))
        for side in (-1.25, 1.25):
            canvas.line(
                [(x + side * size, y - size * tilt), (x + side * size, y + size * tilt)], (190, 192, 196), 3
            )
    return photographed(canvas.finish(), rng)


def parking(rng: Rng, width: int, height: int) -> Image:
    """Cars in rows on asphalt, from a window above."""
    rough = 0.5 + 0.09 * fractal(rng, width, height, 80, 0.9)
    canvas, eye = (
        Canvas(width, height, tinted(rough, ((60, 60, 62), (150, 150, 150)))),
        float(rng.uniform(5, 12)),
    )
    focal, tilt = width * rng.uniform(0.7, 1.1), math.radians(rng.uniform(18, 34))
    down = np.array([(1, 0, 0), (0, math.cos(tilt), math.sin(tilt)), (0, -math.sin(tilt), math.cos(tilt))])
    turn = float(rng.uniform(-0.3, 0.3))

    def project(points: Points) -> Points:
        right, ahead, up = ((points - (0, 0, eye)) @ down).T
        return np.stack([width / 2 + focal * right / ahead, height / 2 - focal * up / ahead], 1)

    for away in np.arange(46.0, 7.0, -6.5):
        for side in sorted(np.arange(-24.0, 24.0, 2.8), key=lambda side: -abs(side)):
            lines = np.array([(side - 1.4, away - 2.6, 0.0), (side - 1.4, away + 2.6, 0.0)])
            canvas.line(project(lines), (220, 220, 214), 1.2)
            if rng.random() < 0.75:
                for colour, face in faces(
                    car(rng), (side, away), turn + rng.choice([0, math.pi]), (0, 0, eye)
                ):
                    canvas.shape(project(face), colour)
    return photographed(canvas.finish(), rng)


@lru_cache(maxsize=1)
def town() -> Town:
    """One block of a town that no index holds."""
    return build_town(NOBODYS_TOWN, (1, 1))


@lru_cache(maxsize=1)
def walls() -> list[Pictures.Image]:
    """Its bricks and plasters."""
    return materials(np.random.default_rng(NOBODYS_TOWN))


def street(rng: Rng, width: int, height: int) -> Image:
    """A street of the town that no index holds."""
    shots = drive(town(), 17.0)
    shot = shots[int(rng.integers(len(shots)))].moved(rng, (0.0, 5.0), 40.0)
    season, day = SEASONS[int(rng.integers(2))], int(rng.integers(1000))
    return view(
        town(), shot.position, shot.heading_deg, float(rng.uniform(60, 85)), (width, height), season, day
    )


def fronts(rng: Rng, width: int, height: int) -> Image:
    """House fronts side by side, seen straight from across the street."""
    sky = tinted(0.5 + 0.2 * fractal(rng, width, height, 200), ((150, 170, 196), (232, 236, 240)))
    picture, left = Pictures.fromarray(sky), -float(rng.uniform(0, 80))
    scale, busy = float(rng.uniform(1.6, 3.2)), float(rng.random())
    while left < width:
        house, _, _ = facade(walls(), float(rng.uniform(7, 14)), busy, rng)
        house = house.resize((round(house.width * scale), round(house.height * scale))).convert("RGBA")
        picture.paste(house, (round(left), round(height * 0.88) - house.height), house)
        left += house.width
    picture.paste((96, 96, 100), (0, round(height * 0.88), width, height))
    return photographed(np.asarray(picture.filter(ImageFilter.SMOOTH)), rng)
