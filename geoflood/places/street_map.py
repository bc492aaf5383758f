"""What is known of a city's ground: streets and their names, water, parks, buildings, named places, doors.

*Convention*: positions are (lat, lon) in millionths of a degree, 0.11 m; a city on the antimeridian is in one
piece, with longitudes beyond 180. Everything foreign in it has been checked; names are one line each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEGREE", "AreaKind", "Doors", "LineKind", "Name", "NamedSpots", "Shapes", "StreetMap"]

Ints: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]

DEGREE = 1_000_000
"""Units a degree."""

NAMELESS = -1


class LineKind(IntEnum):
    """What a line is; the numbers stand in files, and streets come first."""

    MAJOR = 0
    """Motorways, trunk and primary roads."""
    MIDDLE = 1
    """Secondary and tertiary roads."""
    MINOR = 2
    """Where people live: residential, unclassified, pedestrian."""
    SERVICE = 3
    """Driveways, car parks, tracks."""
    PATH = 4
    """For feet and bicycles."""
    RAIL = 5
    STREAM = 6
    """Rivers, canals and brooks drawn as a line."""

    @property
    def is_street(self) -> bool:
        """It belongs to the network that coverage is measured on: a car with a camera may go there."""
        return self <= LineKind.MINOR


class AreaKind(IntEnum):
    """What a polygon is; the numbers stand in files."""

    WATER = 0
    PARK = 1
    """Parks, gardens, woods, grass."""
    SQUARE = 2
    """Places of stone for people on foot."""
    BUILDING = 3


@dataclass(frozen=True, slots=True)
class Name:
    """A name in all its forms."""

    forms: tuple[tuple[str, str], ...]
    """(key, text): ("name", "Market Hill"), ("alt_name", …), ("old_name", …), ("ref", "A10"), ("name:fi", …).
    The first is the one that is shown. Never empty."""

    @property
    def shown(self) -> str:
        return self.forms[0][1]


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Many lines, or many rings, in a row."""

    points: Ints = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    """[P, 2] (lat, lon), millionths of a degree."""
    starts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    """[N + 1]: shape n has points starts[n] to starts[n + 1]: two or more of a line, four of a ring."""
    kinds: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    """[N] of LineKind, or AreaKind."""
    names: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    """[N] indexes into the map's names, -1 where there is none."""
    parts_of: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    """[N] rings of one number are one area: what an odd count of them encloses. Of lines each has its own."""

    def __len__(self) -> int:
        return len(self.kinds)

    def degrees(self, n: int) -> Floats:
        """Shape n, [points, 2] (lat, lon)."""
        return self.points[self.starts[n] : self.starts[n + 1]] / float(DEGREE)


@dataclass(frozen=True, slots=True, eq=False)
class NamedSpots:
    """Shops, schools, bridges, stations: what has a name and is no street."""

    points: Ints = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    """[M, 2]."""
    names: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    """[M] indexes into the map's names."""
    sorts: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    """[M] indexes into `sort_words`."""
    sort_words: tuple[str, ...] = ()
    """"school", "bridge", "station": one word or two each, for people."""

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Doors:
    """House numbers."""

    points: Ints = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    """[H, 2]."""
    streets: Ints = field(default_factory=lambda: np.zeros(0, np.int32))
    """[H] indexes into the map's names."""
    numbers: tuple[str, ...] = ()
    """[H] as they are written: "14", "14a", "14-18"."""

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True, eq=False)
class StreetMap:
    """A city's ground as `geoflood index --streets` keeps it."""

    names: tuple[Name, ...] = ()
    lines: Shapes = field(default_factory=Shapes)
    areas: Shapes = field(default_factory=Shapes)
    spots: NamedSpots = field(default_factory=NamedSpots)
    doors: Doors = field(default_factory=Doors)
    credit: str = ""
    """Such as "© OpenStreetMap contributors, ODbL 1.0": it goes wherever a name goes."""
    source: str = ""
    """The file that it was made of: its name, not its path."""

    @property
    def streets(self) -> NDArray[np.intp]:
        """Indexes of the lines that are streets, roads and paths, with or without a name."""
        return np.flatnonzero(self.lines.kinds <= LineKind.PATH)

    def named_streets(self) -> Iterator[tuple[int, Name]]:
        """(line, name) of each street that has a name."""
        for line in self.streets.tolist():
            if (name := int(self.lines.names[line])) != NAMELESS:
                yield line, self.names[name]
