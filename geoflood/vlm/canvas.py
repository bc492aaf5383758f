"""The photo as a model sees it, and what the model says read back into the photo's own frame.

Servers stretch or pad what is not square, each release in its own way; so the canvas is square and the
bars are ours. 1008 px is a multiple of 14, 16, 21 and 28: Qwen2.5-VL and Gemma 4 see it unresized.
Pixels only: whatever else the file carried, its position first of all, is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Image
from geoflood.core.images import jpeg, resize
from geoflood.vlm.glyphs import cross, stamp

__all__ = ["SIDES", "VIEWS", "ModelView", "bare", "blank", "gridded", "read_back", "ruled"]

SIDES = (1008, 672, 560)
"""Of the canvas, pixels: the smaller ones for servers whose context is too short for the first."""

GREY = 128
QUALITY = 92
MARGIN = 24
"""Of the canvas side, one in so many is left around the photo for row and column names."""


@dataclass(frozen=True, slots=True)
class ModelView:
    """One way of showing the same photo. A model that reads the photo says the same of each."""

    name: str
    mirrored: bool = False
    shifted: bool = False
    """By half a cell: one row and one column more, those at the border half as large."""

    def edges(self, cells: int) -> NDArray[np.float64]:
        """Where cells begin and end along a side, shares of the photo, from 0 to 1."""
        if not self.shifted:
            return np.linspace(0, 1, cells + 1)
        inner = (np.arange(cells) + 0.5) / cells
        return np.concatenate(([0.0], inner, [1.0]))

    def cells(self, cells: int) -> int:
        """Cells along a side, when the plain view has `cells`."""
        return cells + self.shifted


VIEWS = (
    ModelView("base"),
    ModelView("mirrored", mirrored=True),
    ModelView("shifted", shifted=True),
    ModelView("mirrored and shifted", mirrored=True, shifted=True),
)
"""In the order in which `--consistency N` takes them."""


def bare(image: Image, side: int) -> bytes:
    """The photo [H, W, 3] on its canvas, nothing drawn: JPEG."""
    return jpeg(_placed(image, side, 0)[0], quality=QUALITY)


def blank() -> Image:
    """A photo of nothing: what a model says of it, it says without looking."""
    return np.full((600, 800, 3), GREY, np.uint8)


def gridded(image: Image, view: ModelView, cells: int, side: int) -> bytes:
    """The photo [H, W, 3] under a grid of named cells, rows A, B ... from the top, columns 1, 2 ...: JPEG."""
    canvas, box = _placed(_turned(image, view), side, side // MARGIN)
    xs, ys = _along(view.edges(cells), box)
    cross(canvas, xs[1:-1], ys[1:-1], box)
    size = max(1, side // 500)
    for row, y in enumerate(ys[:-1]):
        stamp(canvas, _letter(row), box[0] / 2, (y + ys[row + 1]) / 2, size + 1, centred=True)
        for column, x in enumerate(xs[:-1]):
            stamp(canvas, f"{_letter(row)}{column + 1}", x + 1, y + 1, size)
    for column, x in enumerate(xs[:-1]):
        stamp(
            canvas,
            str(column + 1),
            (x + xs[column + 1]) / 2,
            box[1] - side / MARGIN / 2,
            size + 1,
            centred=True,
        )
    return jpeg(canvas, quality=QUALITY)


def ruled(image: Image, view: ModelView, side: int) -> bytes:
    """The photo [H, W, 3] within rulers from 0.0 to 1.0, as VPR-AttLLM (arXiv 2512.11811) shows it: JPEG."""
    canvas, box = _placed(_turned(image, view), side, side // MARGIN)
    left, top, right, bottom = box
    tick = side // MARGIN // 3
    shares = np.linspace(0, 1, 6)
    xs, ys = (
        np.minimum(positions, end - 1) for positions, end in zip(_along(shares, box), box[2:], strict=True)
    )
    for ends in ((left, top - tick, right, top), (left, bottom, right, bottom + tick)):
        cross(canvas, xs, np.empty(0), ends)
    for ends in ((left - tick, top, left, bottom), (right, top, right + tick, bottom)):
        cross(canvas, np.empty(0), ys, ends)
    size = max(1, side // 500)
    for share, x, y in zip(shares, xs, ys, strict=True):
        stamp(canvas, f"{share:.1f}", x, top - 2 * tick, size, centred=True)
        stamp(canvas, f"{share:.1f}", left - 2 * tick, y, size, centred=True)
    return jpeg(canvas, quality=QUALITY)


def read_back(values: NDArray[Any], view: ModelView, cells: int, lattice: int) -> NDArray[np.float32]:
    """Values [r, c] of a view's cells as the photo has them: [lattice, lattice], unmirrored, each the value
    of the cell that its centre lies in.
    """
    upright = values[:, ::-1] if view.mirrored else values
    centres = (np.arange(lattice) + 0.5) / lattice
    at = np.searchsorted(view.edges(cells), centres, side="right") - 1
    return np.asarray(upright[np.ix_(at, at)], np.float32)


def _turned(image: Image, view: ModelView) -> Image:
    return image[:, ::-1] if view.mirrored else image


def _placed(image: Image, side: int, margin: int) -> tuple[Image, tuple[int, int, int, int]]:
    """The photo in the middle of a grey canvas [side, side, 3], and its box: left, top, right, bottom."""
    height, width = image.shape[:2]
    scale = (side - 2 * margin) / max(height, width)
    height, width = max(1, round(scale * height)), max(1, round(scale * width))
    left, top = (side - width) // 2, (side - height) // 2
    canvas = np.full((side, side, 3), GREY, np.uint8)
    canvas[top : top + height, left : left + width] = resize(np.ascontiguousarray(image), width, height)
    return canvas, (left, top, left + width, top + height)


def _along(shares: NDArray[Any], box: tuple[int, int, int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pixel columns and rows at shares of the box."""
    left, top, right, bottom = box
    return left + shares * (right - left), top + shares * (bottom - top)


def _letter(row: int) -> str:
    return "ABCDEFGHI"[row]
