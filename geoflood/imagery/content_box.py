"""Where the photo is in a screenshot, a frame or a letterbox: found by its straight edges.

Rows and columns of one colour part what is shown into blocks (the X-Y cut of Nagy & Seth 1984, made for
pages); the tallest, widest block is the photo, if it begins and ends with a straight step. Frames that are a
blurred copy of the photo have no such rows: there both ends must be smooth, alike, and end in such a step.

*Strict*: a photo must not lose its sky or its water. A sky is smooth, but it does not end in a straight line.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Box, Image

__all__ = ["content_box"]

Lines: TypeAlias = NDArray[np.uint8]
"""Rows, or columns, of a picture: [3, samples, lines]."""
Span: TypeAlias = tuple[int, int]
"""First line, and the first after the last."""

SAMPLES = 128
"""Pixels looked at in a line."""
SMALLEST = 64
"""px; pictures with a smaller side are left alone."""
ONE_COLOUR, OUT = 6, 0.08
"""A line of one colour is by no more off its mean, but for a share of it: JPEG leaves waves beside edges."""
STEP = 14
"""By more than this a channel changes where a photo begins."""
STRAIGHT, STRAIGHT_TOO, STRAIGHT_BLUR = 0.8, 0.25, 0.5
"""Share of an edge that is a step: alone, where the opposite edge is straight, and between smooth parts."""
RESTLESS, SMOOTH = 6, 0.04
"""In a smooth line no channel changes by more than this to the next line, but for a share of it."""
LEAST_BLUR = 0.06
"""Of the height or width: smooth parts at both ends are at least so large."""
RIM, LEAST_PLAIN = 3, 0.2
"""The outermost lines of a frame have one colour, px, and of all its lines, among letters, this share."""
NEAR = 18
"""px into a block in which its edge may be: compressed, the plain ground beside a photo is restless."""
LEAST_SIDE, LEAST_AREA, MOST_AREA = 0.25, 0.08, 0.97
"""Shares of the picture: what is smaller is no photo of a post; what is larger is not worth a cut."""


def content_box(image: Image) -> Box | None:
    """Where the photo stands in a picture [H, W, 3], or None if it seems to be photo from edge to edge.

    Bars and frames of one colour or of a blurred copy are cut, and text on plain ground around the photo.
    What is written over the photo stays.
    """
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST:
        return None
    whole = Box(0, 0, width, height)
    box = _straight(image, _block(image, whole))
    if box == whole:
        box = _before_blur(image)
    area = (box.right - box.left) * (box.bottom - box.top) / (height * width)
    shorter = min(box.right - box.left, box.bottom - box.top) / min(height, width)
    return box if LEAST_AREA < area < MOST_AREA and shorter > LEAST_SIDE else None


def _rows(image: Image, box: Box) -> Lines:
    """The box's rows."""
    part = box.cut(image)
    return np.ascontiguousarray(part[:, :: max(part.shape[1] // SAMPLES, 1)].transpose(2, 1, 0))


def _columns(image: Image, box: Box) -> Lines:
    """The box's columns."""
    part = box.cut(image)
    return np.ascontiguousarray(part[:: max(part.shape[0] // SAMPLES, 1)].transpose(2, 0, 1))


def _plain(lines: Lines) -> NDArray[np.bool_]:
    """Which lines [n] have one colour."""
    middle = lines.mean(axis=1, dtype=np.float32).astype(np.uint8)[:, None]
    off = (np.maximum(lines, middle) - np.minimum(lines, middle)).max(axis=0)
    return np.asarray((off > ONE_COLOUR).mean(axis=0) <= OUT)


def _changed(lines: Lines, apart: int, by: int) -> NDArray[np.float64]:
    """The share of samples [n - apart] that change by more than `by` from a line to another so far on."""
    one, other = lines[..., apart:], lines[..., :-apart]
    change = np.maximum(one, other) - np.minimum(one, other)
    return np.asarray((change.max(axis=0) > by).mean(axis=0))


def _block(image: Image, box: Box) -> Box:
    """The tallest and widest block between plain lines."""
    for _ in range(3):
        top, bottom = _longest_run(~_plain(_rows(image, box)))
        inner = box._replace(top=box.top + top, bottom=box.top + bottom)
        left, right = _longest_run(~_plain(_columns(image, inner)))
        inner = inner._replace(left=box.left + left, right=box.left + right)
        if inner == box:
            break
        box = inner
    return box


def _longest_run(flags: NDArray[np.bool_]) -> Span:
    """Where the longest run of True begins and ends; everything if there is none."""
    if not flags.any():
        return 0, len(flags)
    turns = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    first, last = turns[np.argmax(turns[:, 1] - turns[:, 0])].tolist()
    return first, last


def _straight(image: Image, block: Box) -> Box:
    """The block with each pair of edges moved to the straight steps beside them, or to the picture's edge."""
    height, width = image.shape[:2]
    upright = _edges(_rows(image, block._replace(top=0, bottom=height)), (block.top, block.bottom))
    block = block._replace(top=upright[0], bottom=upright[1])
    across = _edges(_columns(image, block._replace(left=0, right=width)), (block.left, block.right))
    return block._replace(left=across[0], right=across[1])


def _edges(lines: Lines, run: Span) -> Span:
    """Where the photo whose busy part is `run` begins and ends; everything where it has no edge."""
    count, step, plain = lines.shape[2], _steps(lines), _plain(lines)
    first, begins = _edge(step, plain, run)
    last, ends = _edge(step[::-1], plain[::-1], (count - run[1], count - run[0]))
    needed = STRAIGHT if max(begins, ends) < STRAIGHT else STRAIGHT_TOO
    span = first if begins >= needed else 0, count - last if ends >= needed else count
    return span if span[1] - span[0] > NEAR else (0, count)


def _edge(step: NDArray[np.float64], plain: NDArray[np.bool_], run: Span) -> tuple[int, float]:
    """The straightest edge near the beginning of a run, and how straight; 0 where no frame is before it.

    A smooth sky may lie between the edge and the busy part, so plain lines before the run are looked at too.
    """
    outer = run[0]
    while outer > 0 and plain[outer - 1]:
        outer -= 1
    window = step[outer : min(run[0] + NEAR, run[1])]
    # The innermost clear edge: a bubble around a photo has one too.
    clear = np.flatnonzero(window >= max(STRAIGHT, 0.9 * window.max()))
    edge = outer + int(clear[-1] if len(clear) else np.argmax(window))
    framed = edge > 0 and plain[: min(RIM, edge)].all() and plain[:edge].mean() > LEAST_PLAIN
    return edge, float(step[edge]) if framed else 0.0


def _steps(lines: Lines) -> NDArray[np.float64]:
    """How much of an edge [n] lies before each line: its share that differs between its two neighbours."""
    share = np.zeros(lines.shape[2])
    share[2:-1] = _changed(lines, 3, STEP)
    return share


def _before_blur(image: Image) -> Box:
    """The photo before a blurred copy of itself: above and below, or left and right, or neither."""
    whole = Box(0, 0, image.shape[1], image.shape[0])
    top, bottom = _between_smooth(_rows(image, whole))
    if (top, bottom) != (0, whole.bottom):
        return whole._replace(top=top, bottom=bottom)
    left, right = _between_smooth(_columns(image, whole))
    return whole._replace(left=left, right=right)


def _between_smooth(lines: Lines) -> Span:
    """Where the photo begins and ends between two smooth parts of one size, or everything.

    The photo lies in the middle, so the clearer of its two edges says where the other is.
    """
    count, smooth, step = lines.shape[2], _changed(lines, 1, RESTLESS) < SMOOTH, _steps(lines)
    depth = min(int(np.argmin(smooth)), int(np.argmin(smooth[::-1])))
    both = np.maximum(step, step[::-1])[: min(depth + NEAR, count // 2)]
    edge = int(np.argmax(both))
    found = both[edge] >= STRAIGHT_BLUR and min(edge, depth) >= LEAST_BLUR * count
    return (edge, count - edge) if found else (0, count)
