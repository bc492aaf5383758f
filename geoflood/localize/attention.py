"""The attention map: read from a file, sampled at a backbone's locations, blended; and the waterline bands.

What weighs a query comes from two places: the map (which parts speak for the place) and the waterline
(which lower share of the frame is flood, so that references can be described the same way). Both end as
weights per location, the only form in which a backbone meets them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.describe import EnergyWeights, WeightFunction
from geoflood.core.datatypes import (
    AttentionMap,
    Blend,
    Box,
    Image,
    MaskSides,
    PictureText,
    SearchOptions,
    TextSort,
)
from geoflood.core.errors import InputError
from geoflood.core.images import fit, read_image
from geoflood.database.bands import band_weights

__all__ = [
    "blend",
    "blend_by_energy",
    "editable",
    "location_weights",
    "overlay",
    "read_attention",
    "sample",
    "within",
    "without_overlays",
]

Floats: TypeAlias = NDArray[np.float32]

MAX_JSON_BYTES = 4_000_000
MAX_SIDE = 64
"""Cells a side that are kept: no backbone looks closer, and a mask of 4000 px would alias."""
STOCK = 1e-6
"""The alpha up to which the paper's blend is none."""
_YELLOW, _BLUE = np.array([255.0, 215.0, 0.0]), np.array([40.0, 120.0, 255.0])
_SHAPES = (
    'give {"weights": [[...], ...]}, {"regions": [{"box": [left, top, right, bottom], "weight": 0..2}]} '
    "or a grey PNG"
)


def read_attention(path: Path) -> AttentionMap:
    """An analyst's map: JSON with a grid of weights or with regions, or a grey picture (black 0, white 2).

    JSON may carry "waterline" (share of the height) and "reasons". Raises InputError when it is neither.
    """
    try:
        if path.suffix.lower() == ".json":
            return _from_json(_read_json(path))
        grey = read_image(path).mean(axis=2)
        return AttentionMap((_reduced(grey) / 127.5).clip(0, 2).astype(np.float32), provider="file")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{path} is no attention map: {error}", _SHAPES) from error


def editable(attention: AttentionMap) -> str:
    """The map as JSON that `read_attention` reads, a row of weights a line for who corrects it by hand."""
    rows = ",\n  ".join(json.dumps([round(float(weight), 3) for weight in row]) for row in attention.weights)
    head = {"from": attention.provider, "waterline": attention.waterline, "reasons": list(attention.reasons)}
    return f'{json.dumps(head, indent=1)[:-2]},\n "weights": [\n  {rows}\n ]\n}}\n'


def _read_json(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise InputError(f"{path} is larger than {MAX_JSON_BYTES} bytes", _SHAPES)
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}", "check the path given to --attention"
        ) from error


def _from_json(content: Any) -> AttentionMap:
    if isinstance(content, list):
        content = {"weights": content}
    if not isinstance(content, dict) or ("weights" in content) == ("regions" in content):
        raise ValueError("neither a grid nor regions")
    if "weights" in content:
        grid = np.asarray(content["weights"], np.float32)
        if grid.ndim != 2 or not grid.size or not np.isfinite(grid).all():
            raise ValueError("the grid is not rows of numbers, all of one length")
        weights = _reduced(grid)
    else:
        weights = _painted(content["regions"], float(content.get("background", 1.0)))
    line = content.get("waterline")
    reasons = [str(reason)[:200] for reason in content.get("reasons", [])[:20]]
    return AttentionMap(weights, None if line is None else float(line), "file", tuple(reasons))


def _painted(regions: Sequence[Mapping[str, Any]], background: float) -> Floats:
    """Boxes in shares of the frame, painted in their order on a grid of MAX_SIDE cells."""
    canvas = np.full((MAX_SIDE, MAX_SIDE), background, np.float32)
    for region in regions:
        box = [float(edge) for edge in region["box"]]
        left, top, right, bottom = box
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError(f"the box {box} is not left, top, right, bottom within 0..1")
        rows = slice(math.floor(top * MAX_SIDE), math.ceil(bottom * MAX_SIDE))
        columns = slice(math.floor(left * MAX_SIDE), math.ceil(right * MAX_SIDE))
        canvas[rows, columns] = float(region["weight"])
    return canvas


def _reduced(grid: NDArray[Any]) -> Floats:
    """At most MAX_SIDE cells a side, each the mean of what it covers."""
    for axis in (0, 1):
        if grid.shape[axis] > MAX_SIDE:
            edges = np.linspace(0, grid.shape[axis], MAX_SIDE + 1).astype(int)
            sizes = np.diff(edges).reshape(-1, *([1] * (1 - axis)))
            grid = np.add.reduceat(grid.astype(np.float64), edges[:-1], axis=axis) / sizes
    return grid.astype(np.float32)


def sample(attention: AttentionMap, places: NDArray[Any]) -> Floats:
    """Weights [L] of the map at places [L, 2] (x, y shares of the frame), bilinear between cell centres."""
    rows, columns = attention.weights.shape
    x = np.clip(places[:, 0] * columns - 0.5, 0, columns - 1)
    y = np.clip(places[:, 1] * rows - 0.5, 0, rows - 1)
    left, top = x.astype(int), y.astype(int)
    right, below = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
    across, down = x - left, y - top
    upper = attention.weights[top, left] * (1 - across) + attention.weights[top, right] * across
    lower = attention.weights[below, left] * (1 - across) + attention.weights[below, right] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float32)


def within(attention: AttentionMap, box: Box, shape: tuple[int, int]) -> AttentionMap:
    """The map of a part of a picture, given that of the whole; (height, width) of the whole, px."""
    height, width = shape
    weights = attention.weights
    if not attention.uniform:
        rows, columns = weights.shape
        x = (box.left + (np.arange(columns) + 0.5) / columns * (box.right - box.left)) / width
        y = (box.top + (np.arange(rows) + 0.5) / rows * (box.bottom - box.top)) / height
        places = np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 2)
        weights = sample(attention, places).reshape(rows, columns)
    waterline = attention.waterline
    if waterline is not None:
        under = (box.bottom - (1 - waterline) * height) / (box.bottom - box.top)
        waterline = min(max(under, 0.0), 0.99)
    return replace(attention, weights=weights, waterline=waterline)


def without_overlays(attention: AttentionMap, texts: Iterable[PictureText]) -> AttentionMap:
    """The map, where texts of a picture that are no signs count nothing: they were put on it, or drove by."""
    boxes = [text.box for text in texts if text.sort is not TextSort.SIGN]
    if not boxes:
        return attention
    centres = (np.arange(MAX_SIDE) + 0.5) / MAX_SIDE
    places = np.stack(np.meshgrid(centres, centres), axis=2).reshape(-1, 2)
    weights = sample(attention, places).reshape(MAX_SIDE, MAX_SIDE)
    for left, top, right, bottom in np.clip(boxes, 0.0, 1.0) * MAX_SIDE:
        weights[math.floor(top) : math.ceil(bottom), math.floor(left) : math.ceil(right)] = 0.0
    return replace(attention, weights=weights)


def blend(weights: Floats, alpha: float) -> Floats:
    """w = 1 + alpha (A / mean(A) - 1): neutral at alpha 0, pure attention at 1, continuous between.

    A map that is zero everywhere says nothing and gives neutral weights.
    """
    mean = float(weights.mean())
    if mean <= 0:
        return np.ones_like(weights)
    return np.asarray(np.maximum(1 + alpha * (weights / mean - 1), 0), np.float32)


def blend_by_energy(weights: Floats, energy: Floats, alpha: float) -> Floats:
    """w = e + alpha (A - e), as VPR-AttLLM's code has it (arXiv 2512.11811): map A and energy e, [L].

    The energy has mean 1. Towards alpha 0 the weights become e, which is another descriptor than the plain
    one: so that code, and this, takes neutral weights up to alpha 1e-6, and jumps there. A is taken as it
    comes, not over its mean: a bright map counts more than alpha says.
    """
    if alpha <= STOCK:
        return np.ones_like(weights)
    return np.asarray(energy + alpha * (weights - energy), np.float32)


def overlay(photo: Image, attention: AttentionMap, longest: int = 1024) -> Image:
    """The photo [H, W, 3] as it is looked at: what counts less is darkened, what counts more turns yellow,
    and a blue line is where the water is believed to end.
    """
    shown = fit(photo, longest)
    height, width = shown.shape[:2]
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    weights = sample(attention, np.stack([x, y], axis=2).reshape(-1, 2)).reshape(height, width, 1)
    light = shown * (0.25 + 0.75 * np.minimum(weights, 1))
    light += (_YELLOW - light) * 0.4 * np.maximum(weights - 1, 0)
    if attention.waterline:
        row = round((1 - attention.waterline) * height)
        light[max(row - height // 200 - 1, 0) : row + 1] = _BLUE
    return np.asarray(light.clip(0, 255), np.uint8)


def location_weights(
    attention: AttentionMap, bands: Sequence[int], manner: SearchOptions
) -> WeightFunction | EnergyWeights:
    """How much each place of a photo counts in each band, percent of the height.

    A map that is the same everywhere is none at all, in either blend. Under `Banding.QUERY` a told waterline
    takes away from the query what the bands would take from both sides; in the paper's blend it is a part of
    the map, weight 0, and so leaves the energy's share of what is under water.
    """
    told = 100 * (attention.waterline or 0.0) if manner.mask_sides is MaskSides.QUERY else 0.0
    if manner.blend is Blend.PAPER and (told or not attention.uniform):
        return EnergyWeights(partial(_by_energy, attention, bands, manner.alpha, told))
    return partial(_plain, attention, bands, manner.alpha, told)


def _plain(
    attention: AttentionMap, bands: Sequence[int], alpha: float, told: float, places: Floats
) -> Floats:
    """Weights [bands, L] of places [L, 2]."""
    weights = band_weights(places, [max(told, band) for band in bands])
    return weights if attention.uniform else weights * blend(sample(attention, places), alpha)


def _by_energy(
    attention: AttentionMap,
    bands: Sequence[int],
    alpha: float,
    told: float,
    places: Floats,
    energy: Floats,
) -> Floats:
    """Weights [bands, L] of places [L, 2] that say so much by themselves [L]."""
    seen = sample(attention, places) * band_weights(places, [told])[0]
    return band_weights(places, bands) * blend_by_energy(seen, energy, alpha)
