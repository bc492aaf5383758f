"""Flat pictures that turn to the viewer: trees, lamps, signs, a spire."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from geoflood.synthetic.town.model import Rng, Season
from geoflood.synthetic.town.paint import pick, shade

__all__ = ["sprites"]


def draw_tree(rng: Rng, leaves: bool) -> Pictures.Image:
    """A tree, 1:1.25: branches that fork, and clouds of leaves in summer."""
    picture = Pictures.new("RGBX", (320, 400), (84, 96, 52, 0) if leaves else (74, 64, 56, 0))
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
    picture = Pictures.new("RGBX", (96, 432), (90, 92, 94, 0))
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
    spire = Pictures.new("RGBX", (208, 416), (66, 92, 84, 0))
    pen = ImageDraw.Draw(spire)
    pen.polygon(((0, 415), (207, 415), (104, 24)), fill=(66, 92, 84, 255))
    pen.polygon(((104, 415), (207, 415), (104, 24)), fill=(52, 74, 68, 255))
    pen.line(((104, 0), (104, 30)), fill=(196, 160, 60, 255), width=6)
    signs = {f"sign{k}": [draw_sign(k)] for k in range(3)}
    return {"tree": trees, "spire": [spire], "lamp": [draw_sign(3)], **signs}
