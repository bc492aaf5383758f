"""Light and colour: sky, ground and walls looked up, pixel by pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageEnhance

from geoflood.core.datatypes import Image
from geoflood.synthetic.town.camera import Camera, Hit, meet
from geoflood.synthetic.town.model import (
    EYE_M,
    GROUND_PIXELS_PER_M,
    LEVELS,
    PIXELS_PER_M,
    SEASONS,
    SUN,
    Floats,
    Packed,
    Points,
    Rng,
    Season,
    Town,
    Walls,
)
from geoflood.synthetic.town.standing import stand_in_street

__all__ = ["panorama", "view"]

STRIP = 64
"""Columns of the view that are in the making at a time: they stay in the processor's cache."""


@lru_cache(maxsize=4)
def heavens(seed: int, season: Season) -> Packed:
    """Sky and distant hills, packed [1024 bearings, 256 heights]."""
    rng, summer = np.random.default_rng([seed, SEASONS.index(season), 5]), season == "summer"
    cloud = clouds(1024, 256, rng)
    rise = np.linspace(0, 1, 256, dtype=np.float32)
    amount = 0.85 * np.sqrt(1 - rise) * np.clip(cloud * 0.5 + (0.1 if summer else 0.6), 0, 1)
    tone = (244.0 if summer else 196.0) + 14 * np.roll(cloud, 6, 1)
    low, high = ((222, 228, 234), (104, 148, 206)) if summer else ((206, 208, 210), (158, 164, 172))
    hidden = rise < hills(1024, rng)[:, None]
    sky = np.full((1024, 256, 4), 255, np.uint8)
    for k, far in enumerate((118, 138, 128) if summer else (132, 134, 132)):
        colour = (low[k] * (1 - rise) + high[k] * rise) * (1 - amount) + tone * amount
        sky[..., k] = np.where(hidden, far, colour.clip(0, 255))
    return sky.view(np.uint32).reshape(-1)


def clouds(wide: int, high: int, rng: Rng) -> Floats:
    """Noise of all sizes, of deviation 1, that repeats at the edges."""
    waves = np.hypot(np.fft.fftfreq(wide)[:, None] * 2.2, np.fft.rfftfreq(high)[None, :] * 0.8)
    noise = np.fft.rfft2(rng.standard_normal((wide, high), np.float32))
    cloud = np.fft.irfft2(noise / (waves + 0.004).astype(np.float32) ** 1.7)
    return np.asarray(cloud / cloud.std(), np.float32)


def hills(wide: int, rng: Rng) -> Points:
    """How high the horizon rises, [bearings]."""
    turns, rise = np.arange(wide) * 2 * np.pi / wide, np.full(wide, 0.03)
    for k in (2, 3, 7, 19, 44):
        rise += rng.uniform(0.002, 0.012) * np.sin(turns * k + rng.uniform(0, 6))
    return rise


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
    """A strip of a view in the making, on its side: arrays [columns, rows] unless they say otherwise."""

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


def blank(bearing: Floats, rise: Floats, ahead: Floats, step: float, apart: float, sky: Packed) -> Canvas:
    """The sky all over."""
    height = np.clip(rise, 0, None)
    level = (height / (height + 1.0) * 255).astype(np.int32)
    turn = (bearing * (1024 / (2 * np.pi))).astype(np.int32) % 1024
    colours = sky[(turn * 256)[:, None] + level[None, :]]
    depth, light = np.full(colours.shape, np.inf, np.float32), np.ones(colours.shape, np.float32)
    return Canvas(colours, depth, light, bearing, rise, ahead, step, apart)


def pave(canvas: Canvas, town: Town, season: Season, camera: Camera, nearest: Floats, rng: Rng) -> None:
    """Look the ground up in front of the nearest wall of every column."""
    atlas, below = town.ground, int(np.searchsorted(-canvas.rise, EYE_M / 400.0))
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
    colour = atlas.pixels[(atlas.start[0].diagonal()[level] + i * high + j)[seen]]
    canvas.colours[:, below:][seen] = colour
    canvas.depth[:, below:][seen] = far[seen]
    if season == "summer":
        canvas.light[:, below:][seen] = (colour >> 24) * np.float32(1 / 255)


def build_up(canvas: Canvas, town: Town, season: Season, hit: Hit) -> None:
    """Look up the wall that each column meets, wherever nothing nearer stands."""
    atlas, walls = town.atlas, town.walls
    far = np.where(np.isfinite(hit.distance), hit.distance, 0.0).astype(np.float32)
    top = walls.tops[hit.wall] - np.float32(EYE_M)
    first, high, scale = textures(canvas, town, season, hit, far)
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


def textures(
    canvas: Canvas, town: Town, season: Season, hit: Hit, far: Floats
) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """[columns]: first texel of the strip of wall that is seen, their number, texels in a metre upwards."""
    atlas, ends = town.atlas, town.walls.ends[hit.wall]
    number = town.walls.texture[SEASONS.index(season)][hit.wall]
    length = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    span = np.maximum(far * (canvas.step * PIXELS_PER_M), 1e-3)
    up = np.clip(np.log2(span) + 0.3, 0, LEVELS - 1).astype(np.int32)
    side = np.clip(np.log2(span / np.maximum(np.abs(hit.sine), 0.03)) + 0.3, up, LEVELS - 1).astype(np.int32)
    high, wide = atlas.height[number, up], atlas.width[number, side]
    jitter = canvas.apart * (np.arange(far.size) % 2 - 0.5)
    share = np.where(hit.sine < 0, 1 - hit.share, hit.share)  # no mirrored signs on the backs of houses
    column = np.clip(share * length * PIXELS_PER_M * 0.5**side + jitter, 0, wide - 1).astype(np.int32)
    return atlas.start[number, side, up] + column * high, high, (0.5**up * PIXELS_PER_M).astype(np.float32)


def see(town: Town, camera: Camera, season: Season, seed: int, finer: int) -> Image:
    """Render: sky, ground and walls `finer` times finer than asked for; then what stands in the street."""
    rng = np.random.default_rng([town.seed, seed, 3])
    sky, step, apart = heavens(seed + town.seed, season), 1 / camera.focal_px / finer, 0.5 * (finer > 1)
    bearing, rise, ahead = camera.rays(finer)
    picture = np.empty((camera.width, camera.height, 3), np.uint8)
    depth = np.empty(picture.shape[:2], np.float32)
    for first in range(0, camera.width, STRIP):
        part = slice(first * finer, (first + STRIP) * finer)
        canvas = blank(bearing[part], rise, ahead[part], step, apart, sky)
        hits = list(meet(town.walls, camera, canvas.bearing))
        pave(canvas, town, season, camera, hits[0].distance, rng)
        for hit in hits:
            build_up(canvas, town, season, hit)
        depth[first : first + STRIP] = canvas.depth[::finer, ::finer]
        picture[first : first + STRIP] = lit(canvas, finer)
    upright = Pictures.fromarray(np.ascontiguousarray(picture.transpose(1, 0, 2)))
    stand_in_street(upright, depth.T, town, camera, season, seed)
    return develop(upright, season, rng)


def lit(canvas: Canvas, finer: int) -> Image:
    """Colours in their light, and haze over what is far."""
    lying = Pictures.frombuffer("RGBX", canvas.colours.shape[::-1], canvas.colours)
    colours = np.asarray(lying.reduce(finer))[..., :3]
    clear = np.exp(canvas.depth[::finer, ::finer] * np.float32(-1 / 420.0))
    clear[clear == 0] = 1.0  # the sky
    shone = (canvas.light[::finer, ::finer] * clear)[..., None]
    return np.asarray((colours * shone + (206.0 - 206.0 * clear)[..., None]).clip(0, 255), np.uint8)


def develop(upright: Pictures.Image, season: Season, rng: Rng) -> Image:
    """What the camera makes of the light: exposure, white balance, noise."""
    tint = (1.03, 1.0, 0.95) if season == "summer" else (0.87, 0.89, 0.91)
    gain = np.array(tint, np.float32) * np.float32(rng.uniform(0.92, 1.08))
    grain = np.float32(1.6 if season == "summer" else 2.6)
    picture = np.array(ImageEnhance.Color(upright).enhance(0.72) if season == "winter" else upright)
    for rows in np.split(picture, range(STRIP, len(picture), STRIP)):
        noise = rng.standard_normal(rows.shape[:2], np.float32) * grain
        rows[:] = (rows * gain + noise[..., None]).clip(0, 255)
    return picture


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
