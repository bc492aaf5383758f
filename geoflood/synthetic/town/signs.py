"""Names of streets, and the signs that carry them at crossings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw

from geoflood.synthetic.blocks import Colour
from geoflood.synthetic.lettering import font
from geoflood.synthetic.town.model import Points, TownStreet, Wall
from geoflood.synthetic.town.plan import Plan

__all__ = ["name_streets", "put_up_signs"]

_NAMES = (
    *("Herring Row", "Ferry Street", "Mill Lane", "Chapel Hill", "Cod Street", "Rope Walk", "Tide Street"),
    *("Salt Lane", "Harbour Road", "Gull Street", "Anchor Lane", "Beacon Hill", "Sand Street", "Net Lane"),
    *("Pilot Row", "Oyster Lane", "Church Street", "Sluice Road"),
)
_PAINTS = ((22, 62, 112), (0, 88, 66), (40, 42, 46))
_INK = (244, 244, 238)

_LETTERS_M, _PLATE_M, _TOP_M = 0.46, 0.68, 3.9
"""Capitals large enough to be read from twelve metres in a picture of 400 pixels."""
_PIXELS_PER_M = 48
_REACH_M = 45.0
"""Signs farther away are a few pixels of paint."""
_FROM_HOUSES_M = 1.75
"""Poles stand on the pavement, by the kerb."""


def name_streets(plan: Plan, seed: int) -> Iterator[TownStreet]:
    """The streets of the town, from west to east and then from south to north, out to its last houses."""
    ways = [*np.swapaxes(plan.nodes, 0, 1)[1:-1], *plan.nodes[1:-1]]
    rows = plan.nodes.shape[1] - 2
    names = np.random.default_rng([seed, 23]).permutation(_NAMES).tolist()
    names += [f"{number} Street" for number in range(len(names) + 1, len(ways) + 1)]
    for number, way in enumerate(ways):
        yield TownStreet(names[number], way, main=number in (rows // 2, rows + (len(ways) - rows) // 2))


def put_up_signs(plan: Plan, named: Sequence[TownStreet], seed: int) -> Iterator[Wall]:
    """On two corners of each crossing a pole with both streets' names, each along its street."""
    paint, rows = _PAINTS[seed % len(_PAINTS)], plan.nodes.shape[1] - 2
    tops_m = [_TOP_M] * rows + [_TOP_M - 1.1 * _PLATE_M] * (len(named) - rows)
    plates = [_plate(street.name, paint, top_m) for street, top_m in zip(named, tops_m, strict=True)]
    for i, column in enumerate(plates[rows:], 1):
        for j, row in enumerate(plates[:rows], 1):
            north_east = plan.block(i, j, -_FROM_HOUSES_M)[0]
            south_west = plan.block(i - 1, j - 1, -_FROM_HOUSES_M)[2]
            along_row = plan.nodes[i + 1, j] - plan.nodes[i - 1, j]
            along_column = plan.nodes[i, j + 1] - plan.nodes[i, j - 1]
            for pole in (north_east, south_west):
                yield _sign(pole, along_row, row)
                yield _sign(pole, along_column, column)


def _sign(pole: Points, along: Points, plate: Pictures.Image) -> Wall:
    """A picture that stands upright over its pole."""
    half = along / np.linalg.norm(along) * plate.width / _PIXELS_PER_M / 2.0
    return Wall(pole - half, pole + half, plate.height / _PIXELS_PER_M, plate, reach_m=_REACH_M)


def _plate(name: str, paint: Colour, top_m: float) -> Pictures.Image:
    """A name on its plate on a pole of a height, RGBa."""
    letters = font(round(_LETTERS_M * _PIXELS_PER_M / 0.72))  # capitals are so much of a font's size
    high, plate = round(top_m * _PIXELS_PER_M), round(_PLATE_M * _PIXELS_PER_M)
    wide = round(letters.getlength(name.upper())) + plate // 2
    picture = Pictures.new("RGBA", (wide, high))
    pen = ImageDraw.Draw(picture)
    pole = round(0.05 * _PIXELS_PER_M)
    pen.rectangle((wide // 2 - pole, 0, wide // 2 + pole, high), (96, 98, 100, 255))
    pen.rectangle((0, 0, wide, plate), (*paint, 255), (*_INK, 255), 2)
    pen.text((wide / 2, plate / 2), name.upper(), (*_INK, 255), letters, "mm")
    return picture.convert("RGBa")
