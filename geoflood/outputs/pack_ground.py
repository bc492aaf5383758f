"""Shapes and names as few bytes: columns of small numbers, zipped, for `streets.js` to unpack. Pure.

The bytes are gzip of: the length of a header (4 bytes, little-endian), the header (JSON in UTF-8), and whole
numbers of seven bits a byte, lowest first, where a set eighth bit says that more follow. A number that can be
negative is doubled, and is odd where it was negative.
"""

from __future__ import annotations

import gzip
import json
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.places.street_map import DEGREE, NAMELESS, Name, NamedSpots, Shapes

__all__ = ["pack", "taken"]

Integers: TypeAlias = NDArray[np.int64]

_CELL = DEGREE // 200
"""Shapes are sorted by cells of half a kilometre: neighbours in the bytes are neighbours on the ground."""


def pack(names: tuple[Name, ...], lines: Shapes, areas: Shapes, spots: NamedSpots, unit: int) -> bytes:
    """What is drawn, positions rounded to `unit` millionths of a degree.

    Rings of one area must follow each other. Each shape begins with the way from the one before it.
    """
    lines, areas = _by_place(lines), _by_place(areas)
    used = [shapes.names[shapes.names != NAMELESS] for shapes in (lines, areas)]
    wanted, order = np.unique(np.concatenate([*used, spots.names]), return_index=True)
    wanted = wanted[np.argsort(order)]
    number = np.full(len(names) + 1, -1, np.int64)
    number[wanted] = np.arange(len(wanted))  # NAMELESS is the last, and stays -1
    again = np.diff(areas.parts_of, prepend=-1) == 0
    header = {
        "unit": unit / DEGREE,
        "names": [names[n].shown for n in wanted.tolist()],
        "counts": [len(lines), len(areas), len(spots)],
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    columns = [
        *_columns(lines, number, unit),
        *_columns(areas, number, unit),
        again.astype(np.int64),
        _zigzag(_steps(number[spots.names])),
        _zigzag(_steps(_rounded(spots.points, unit))).ravel(),
    ]
    content = len(text).to_bytes(4, "little") + text + _varints(np.concatenate(columns))
    return gzip.compress(content, 9, mtime=0)


def _columns(shapes: Shapes, number: Integers, unit: int) -> list[Integers]:
    """Kinds, names, counts of points, and the points of all, each from the one before it."""
    points = _rounded(shapes.points, unit)
    first = shapes.starts[:-1]
    steps = _steps(points)
    steps[first] = _steps(points[first])
    return [
        shapes.kinds.astype(np.int64),
        _zigzag(_steps(number[shapes.names])),
        np.diff(shapes.starts),
        _zigzag(steps).ravel(),
    ]


def _by_place(shapes: Shapes) -> Shapes:
    """The same shapes by kind, neighbours together; rings of one area stay in their order."""
    _, first, area = np.unique(shapes.parts_of, return_index=True, return_inverse=True)
    first = first[area]
    cells = shapes.points[shapes.starts[:-1][first]] // _CELL
    across = np.where(cells[:, 0] % 2 == 0, cells[:, 1], -cells[:, 1])  # there and back
    return taken(shapes, np.lexsort((first, across, cells[:, 0], shapes.kinds[first])))


def taken(shapes: Shapes, order: NDArray[np.intp]) -> Shapes:
    """Some of the shapes, in an order."""
    counts = np.diff(shapes.starts)[order]
    starts = np.concatenate([[0], np.cumsum(counts)])
    points = np.arange(starts[-1]) + np.repeat(shapes.starts[order] - starts[:-1], counts)
    return Shapes(
        shapes.points[points], starts, shapes.kinds[order], shapes.names[order], shapes.parts_of[order]
    )


def _rounded(points: NDArray[np.int32], unit: int) -> Integers:
    return np.rint(points / unit).astype(np.int64)


def _steps(values: Integers) -> Integers:
    return np.diff(values, axis=0, prepend=np.zeros_like(values[:1]) if len(values) else values)


def _zigzag(values: Integers) -> Integers:
    return np.where(values < 0, -2 * values - 1, 2 * values)


def _varints(values: Integers) -> bytes:
    """Whole numbers [N], none negative, below 2^35."""
    sizes = np.searchsorted(2 ** (7 * np.arange(1, 5)), values, side="right") + 1
    ends = np.cumsum(sizes)
    content = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    for k in range(5):
        longer = sizes > k
        more = (sizes[longer] > k + 1).astype(np.int64) << 7
        content[ends[longer] - sizes[longer] + k] = (values[longer] >> 7 * k) & 127 | more
    return content.tobytes()
