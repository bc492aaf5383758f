"""The photo as a model is shown it, and the model's answer turned back into the photo's own frame.

Servers stretch or pad what is not square, each release in its own way. So the photo is sent on a square
canvas with grey bars. 1008 px is a multiple of 14, 16, 21 and 28: Qwen2.5-VL and Gemma 4 do not resize it.
Only pixels are sent: the file's metadata, its position first of all, is left behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Box, Image
from geoflood.core.images import jpeg, resize
from geoflood.core.pictures import draw_label, draw_lines

__all__ = [
    "ROW_LETTERS",
    "SIDES",
    "VIEWS",
    "ModelView",
    "blank_photo",
    "in_photo_frame",
    "photo_alone",
    "photo_with_grid",
    "photo_with_rulers",
]

SIDES = (1008, 672, 560)
"""Of the canvas, in pixels: the smaller ones are for servers whose context is too short for the first."""

ROW_LETTERS = "ABCDEFGHI"
"""Names of the rows of a grid, from the top."""

GREY = 128
QUALITY = 92
MARGIN = 24
"""The margin around the photo, for names and rulers, is the canvas side divided by this."""
LABEL, HEADING = 50, 36
"""The height of a label is the canvas side divided by this: in a cell and on a ruler, and in the margin."""


@dataclass(frozen=True, slots=True)
class ModelView:
    """One way of showing the same photo. A model that looks at the photo says the same of each."""

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
        """Cells along a side, when the base view has `cells`."""
        return cells + self.shifted


VIEWS = (
    ModelView("base"),
    ModelView("mirrored", mirrored=True),
    ModelView("shifted", shifted=True),
    ModelView("mirrored and shifted", mirrored=True, shifted=True),
)
"""In the order in which `--consistency N` takes them."""


def photo_alone(image: Image, side: int) -> bytes:
    """The photo [H, W, 3] on its canvas, nothing drawn on it: JPEG."""
    return jpeg(_on_canvas(image, side, 0)[0], quality=QUALITY)


def blank_photo() -> Image:
    """A photo of nothing [600, 800, 3]: what a model says of it is habit, and not sight."""
    return np.full((600, 800, 3), GREY, np.uint8)


def photo_with_grid(image: Image, view: ModelView, cells: int, side: int) -> bytes:
    """The photo [H, W, 3] under a grid of named cells, rows A, B ... from the top, columns 1, 2 ...: JPEG."""
    canvas, box = _on_canvas(_mirror(image, view), side, side // MARGIN)
    xs, ys = _pixels_at(view.edges(cells), box)
    draw_lines(canvas, xs[1:-1], ys[1:-1], box)
    columns = [str(column + 1) for column in range(len(xs) - 1)]
    rows = ROW_LETTERS[: len(ys) - 1]
    for column, x in zip(columns, (xs[:-1] + xs[1:]) / 2, strict=True):
        draw_label(canvas, column, x, box[1] - side / MARGIN / 2, side // HEADING, "centre")
    for row, y in zip(rows, (ys[:-1] + ys[1:]) / 2, strict=True):
        draw_label(canvas, row, box[0] / 2, y, side // HEADING, "centre")
    for row, y in zip(rows, ys[:-1], strict=True):
        for column, x in zip(columns, xs[:-1], strict=True):
            draw_label(canvas, row + column, x + 1, y + 1, side // LABEL)
    return jpeg(canvas, quality=QUALITY)


def photo_with_rulers(image: Image, view: ModelView, side: int) -> bytes:
    """The photo [H, W, 3] within rulers from 0.0 to 1.0, as VPR-AttLLM (arXiv 2512.11811) shows it: JPEG."""
    canvas, box = _on_canvas(_mirror(image, view), side, side // MARGIN)
    left, top, right, bottom = box
    tick = side // MARGIN // 3
    shares = np.linspace(0, 1, 6)
    xs, ys = (
        np.minimum(at, end - 1) for at, end in zip(_pixels_at(shares, box), (right, bottom), strict=True)
    )
    draw_lines(canvas, xs, (), box._replace(top=top - tick, bottom=top))
    draw_lines(canvas, xs, (), box._replace(top=bottom, bottom=bottom + tick))
    draw_lines(canvas, (), ys, box._replace(left=left - tick, right=left))
    draw_lines(canvas, (), ys, box._replace(left=right, right=right + tick))
    for share, x, y in zip(shares, xs, ys, strict=True):
        draw_label(canvas, f"{share:.1f}", x, top - 2 * tick, side // LABEL, "centre")
        draw_label(canvas, f"{share:.1f}", left - 2 * tick, y, side // LABEL, "centre")
    return jpeg(canvas, quality=QUALITY)


def in_photo_frame(values: NDArray[Any], view: ModelView, cells: int, lattice: int) -> NDArray[np.float32]:
    """Values [r, c] of a view's cells on a lattice over the photo, unmirrored: [lattice, lattice].

    Each point of the lattice takes the value of the cell that its centre lies in.
    """
    upright = values[:, ::-1] if view.mirrored else values
    centres = (np.arange(lattice) + 0.5) / lattice
    at = np.searchsorted(view.edges(cells), centres, side="right") - 1
    return np.asarray(upright[np.ix_(at, at)], np.float32)


def _mirror(image: Image, view: ModelView) -> Image:
    return image[:, ::-1] if view.mirrored else image


def _on_canvas(image: Image, side: int, margin: int) -> tuple[Image, Box]:
    """The photo in the middle of a grey canvas [side, side, 3], and its box there."""
    height, width = image.shape[:2]
    scale = (side - 2 * margin) / max(height, width)
    height, width = max(1, round(scale * height)), max(1, round(scale * width))
    left, top = (side - width) // 2, (side - height) // 2
    canvas = np.full((side, side, 3), GREY, np.uint8)
    canvas[top : top + height, left : left + width] = resize(np.ascontiguousarray(image), width, height)
    return canvas, Box(left, top, left + width, top + height)


def _pixels_at(shares: NDArray[Any], box: Box) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pixel columns and rows at shares of the box."""
    left, top, right, bottom = box
    return left + shares * (right - left), top + shares * (bottom - top)
