"""What is around and between the houses: the sky, trees and lamps, parked cars."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw

from geoflood.core.datatypes import Image
from geoflood.synthetic.blocks import Thing, car, shaded
from geoflood.synthetic.town.model import SEASONS, Rng, Season, Town
from geoflood.synthetic.town.paint import pick

__all__ = ["ParkedCar", "draw_sky", "parked_cars", "prop_pictures"]

SKY_BEARINGS, SKY_HEIGHTS = 1024, 256


@lru_cache(maxsize=4)
def draw_sky(seed: int, season: Season) -> Image:
    """Sky and distant hills, uint8 [heights, bearings, 3]; a row is the rise over rise + 1, lowest first."""
    rng, summer = np.random.default_rng([seed, SEASONS.index(season), 5]), season == "summer"
    cloud = clouds(rng)
    rise = np.linspace(0, 1, SKY_HEIGHTS)[:, None]
    cover = 0.85 * np.sqrt(1 - rise) * np.clip(cloud * 0.5 + (0.1 if summer else 0.6), 0, 1)
    tone = (244.0 if summer else 196.0) + 14 * np.roll(cloud, 6, 0)
    low, high = ((222, 228, 234), (104, 148, 206)) if summer else ((206, 208, 210), (158, 164, 172))
    clear = np.array(low) * (1 - rise[..., None]) + np.array(high) * rise[..., None]
    sky = clear * (1 - cover[..., None]) + (tone * cover)[..., None]
    turns = np.arange(SKY_BEARINGS) * 2 * np.pi / SKY_BEARINGS
    hills = 0.03 + sum(rng.uniform(0.002, 0.012) * np.sin(turns * k + rng.uniform(0, 6)) for k in (2, 7, 19))
    sky = np.where((rise < hills)[..., None], (118, 138, 128) if summer else (132, 134, 132), sky)
    return np.asarray(sky.clip(0, 255), np.uint8)


def clouds(rng: Rng) -> NDArray[np.float64]:
    """Noise of all sizes, of deviation 1, that repeats at the edges."""
    noise = np.fft.rfft2(rng.standard_normal((SKY_HEIGHTS, SKY_BEARINGS)))
    waves = np.hypot(np.fft.fftfreq(SKY_HEIGHTS)[:, None] * 0.8, np.fft.rfftfreq(SKY_BEARINGS) * 2.2)
    cloud = np.fft.irfft2(noise / (waves + 0.004) ** 1.7)
    return np.asarray(cloud / cloud.std())


@lru_cache(maxsize=2)
def prop_pictures(season: Season) -> dict[str, list[Pictures.Image]]:
    """Pictures, RGBa, of what turns to the viewer; trees in four shapes."""
    trees = [draw_tree(np.random.default_rng([k, 41]), season == "summer") for k in range(4)]
    return {"tree": trees, "lamp": [draw_lamp()]}


def draw_tree(rng: Rng, leaves: bool) -> Pictures.Image:
    """A tree, 1:1.25: branches that fork, and clouds of leaves in summer."""
    picture = Pictures.new("RGBA", (320, 400))
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
            pen.ellipse((a - r, b - r * 0.7, a + r, b + r * 0.7), fill=(*shaded(hue, light), 255))
    return picture.convert("RGBa")


def draw_lamp() -> Pictures.Image:
    """A lamp post."""
    picture = Pictures.new("RGBA", (96, 432))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((45, 40, 51, 431), fill=(52, 56, 58, 255))
    pen.polygon(((30, 34), (66, 34), (58, 4), (38, 4)), fill=(226, 222, 200, 255))
    pen.rectangle((42, 300, 54, 431), fill=(44, 48, 50, 255))
    return picture.convert("RGBa")


@dataclass(frozen=True, slots=True)
class ParkedCar:
    """A car at the kerb."""

    thing: Thing
    east: float
    north: float
    heading: float
    """Radians, clockwise from north."""


def parked_cars(town: Town, season: Season, seed: int) -> Iterator[ParkedCar]:
    """Who parks in the town: another day, other cars."""
    rng = np.random.default_rng([town.seed, SEASONS.index(season), seed])
    for left, right in town.streets():
        length = float(np.linalg.norm(right - left))
        along = (right - left) / length
        heading, across = math.atan2(along[0], along[1]), np.array([along[1], -along[0]])
        for at in np.arange(17.0, length - 15.0, 6.0):
            for side in (-1, 1):
                if rng.random() < 0.3:
                    spot = left + along * (at + rng.uniform(0, 0.9)) + across * 3.1 * side
                    turn = heading + math.pi * (side < 0)
                    yield ParkedCar(car(rng), float(spot[0]), float(spot[1]), turn)
