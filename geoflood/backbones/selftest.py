"""A check of a backbone by its own invariants, for weights that nobody could try where this was written.

It needs no reference descriptor. Whatever was trained, descriptors have unit length, and uniform weights
change nothing. A street is more like its own mirror image than like a field. Ignoring the flooded part of a
photo brings it nearer to the dry one under the same weights.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import torch

from geoflood.backbones.interface import Backbone, Features
from geoflood.core.datatypes import Image

__all__ = ["Invariant", "SelfTest", "draw_field", "draw_street", "peak_mb", "self_test"]

_LINE = 0.6
"""Share of the height, from the top, that the drawn flood leaves dry."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant: what was found, and whether it holds."""

    what: str
    found: float
    holds: bool


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What `geoflood models verify NAME --self-test` shows."""

    name: str
    checks: tuple[Invariant, ...]
    seconds_per_image: float | None
    """Features and one aggregation, images one at a time; None of what takes no images."""
    peak_mb: float
    """Of the whole process so far, 10^6 bytes."""

    @property
    def passed(self) -> bool:
        """Every invariant holds."""
        return all(check.holds for check in self.checks)


def self_test(backbone: Backbone) -> SelfTest:
    """Describe images drawn here and look at how the descriptors relate."""
    street, field = draw_street(), draw_field()
    flooded = street.copy()
    flooded[int(_LINE * len(street)) :] = (110, 100, 85)
    _features(backbone, street)  # the first pass pays for warming up
    began = time.perf_counter()
    scenes = [_features(backbone, image) for image in (street, street[:, ::-1].copy(), field, flooded)]
    plain = torch.stack([backbone.aggregate(features)[0, 0] for features in scenes])
    seconds = (time.perf_counter() - began) / len(scenes)
    dry = (scenes[0].places[:, 1] < _LINE).float().expand(1, 1, -1)
    upper = [backbone.aggregate(scenes[i], dry)[0, 0] for i in (0, 3)]
    even = backbone.aggregate(scenes[0], torch.full((1, 1, len(scenes[0])), 0.3))[0, 0]
    mirrored, other, drowned, masked = (
        float(a @ b) for a, b in ((plain[0], plain[1]), (plain[0], plain[2]), (plain[0], plain[3]), upper)
    )
    stray, drift = float((plain.norm(dim=1) - 1).abs().max()), float((even - plain[0]).abs().max())
    checks = (
        Invariant("length of a descriptor differs from 1 by", stray, stray < 1e-4),
        Invariant("uniform weights change a number by at most", drift, drift < 1e-6),
        Invariant("similarity of a street and its mirror image", mirrored, mirrored > other),
        Invariant("similarity of a street and a field", other, other < 0.99),
        Invariant("similarity of a street, dry and flooded", drowned, drowned < 1),
        Invariant("the same with the flooded part ignored", masked, masked > drowned),
    )
    return SelfTest(backbone.name, checks, seconds, peak_mb())


def draw_street() -> Image:
    """Three facades with windows under a sky, over a road: uint8 [480, 640, 3]."""
    rng = np.random.default_rng(1)
    picture = np.full((480, 640, 3), (150, 180, 215), np.uint8)
    for left, top, width in ((0, 90, 210), (210, 140, 190), (400, 50, 240)):
        picture[top:360, left : left + width] = rng.integers(90, 200, 3)
        for y in range(top + 20, 330, 55):
            for x in range(left + 15, left + width - 30, 45):
                picture[y : y + 32, x : x + 22] = rng.integers(20, 90, 3)
    picture[360:] = (95, 95, 98)
    picture[410:418, ::2] = (225, 225, 220)
    return _grained(picture, rng)


def draw_field() -> Image:
    """A meadow with a few trees: uint8 [480, 640, 3]."""
    rng = np.random.default_rng(2)
    picture = np.full((480, 640, 3), (190, 205, 225), np.uint8)
    picture[220:] = (96, 140, 60)
    y, x = np.mgrid[:480, :640]
    for across, down, radius in ((120, 210, 60), (330, 230, 35), (520, 200, 75)):
        picture[(x - across) ** 2 + (y - down) ** 2 < radius**2] = (40, 85, 35)
    return _grained(picture, rng)


def _grained(picture: Image, rng: np.random.Generator) -> Image:
    """With a camera's noise, so that no area is exactly flat."""
    return (picture + rng.normal(0, 4, picture.shape)).clip(0, 255).astype(np.uint8)


def _features(backbone: Backbone, image: Image) -> Features:
    pixels = torch.from_numpy(backbone.prepare(image)).permute(2, 0, 1)[None]
    return backbone.features(pixels.float() / 255)


def peak_mb() -> float:
    """Largest resident memory so far; NaN on Windows, which Python cannot ask."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
