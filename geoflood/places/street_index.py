"""Which streets, crossings, doors and named places are near a spot; threads may share the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geoflood.core.geo import to_local
from geoflood.places.street_map import DEGREE, NAMELESS, AreaKind, LineKind, StreetMap
from geoflood.places.street_pieces import StreetPieces, cut, middle_of
from geoflood.places.titles import titles

__all__ = ["NearStreet", "StreetIndex"]

Floats: TypeAlias = NDArray[np.float64]

_ASIDE_M = 10.0
"""A path or a drive must be nearer by this than a road to give its name: people know the road."""
_TOUCH_M = 5.0
"""Streets whose lines come so near to each other meet there."""
_NEITHER = -1

_LANDMARKS = frozenset(
    (
        *(
            "station",
            "bus station",
            "ferry terminal",
            "bridge",
            "pier",
            "tower",
            "lighthouse",
            "square",
            "park",
        ),
        *("place of worship", "church", "mosque", "synagogue", "temple", "cathedral", "castle", "monument"),
        *("school", "university", "college", "kindergarten", "hospital", "clinic", "library", "museum"),
        *("theatre", "cinema", "stadium", "townhall", "courthouse", "police", "fire station", "post office"),
        *("hotel", "supermarket", "mall", "department store", "marketplace", "pharmacy", "bank", "fuel"),
    )
)
"""Sorts that people of the place know and strangers see: told before the nearer of other sorts."""
_NOT_SEEN = frozenset(
    (
        *("city block", "suburb", "quarter", "borough", "village", "hamlet", "town", "island", "islet"),
        *("locality", "company", "office", "ngo", "lawyer", "association", "government", "estate agent"),
        *("financial", "insurance", "it", "quango", "political party", "tax advisor", "tree", "yes"),
    )
)
"""Sorts that nobody stands near: whole quarters, and offices behind a door."""


@dataclass(frozen=True, slots=True, eq=False)
class NearStreet:
    """A street near a spot."""

    street: int
    """Index of its title."""
    title: str
    away_m: float
    foot: Floats
    """[2] metres: its nearest point."""


class StreetIndex:
    """A street map to be asked what is near. It takes half a second to build for 10,000 km of streets."""

    def __init__(self, streets: StreetMap) -> None:
        from scipy.spatial import cKDTree  # takes longer to load than a whole command without streets

        self.map = streets
        self.origin = middle_of(streets)
        names = titles(streets)
        self.titles = tuple(dict.fromkeys(names))
        """Of streets and all else that has a name, each once."""
        numbers = {title: number for number, title in enumerate(self.titles)}
        self._of_name = np.array([*(numbers[name] for name in names), _NEITHER])  # -1 is nameless
        named = streets.streets[streets.lines.names[streets.streets] != NAMELESS]
        self.pieces: StreetPieces = cut(streets.lines, named, self.origin)
        lines = self.pieces.lines
        self._streets = self._of_name[streets.lines.names[lines]]
        self._by_piece = self._streets[self.pieces.segments]
        self._aside = np.where(streets.lines.kinds[lines] <= LineKind.MINOR, 0.0, _ASIDE_M)
        self._reach = float(self.pieces.lengths.max(initial=0.0)) / 2.0
        self._tree = cKDTree(self.pieces.middles, balanced_tree=False, compact_nodes=False)
        spots, ranks = self.metres(streets.spots.points / float(DEGREE)), _ranks(streets)
        self._spots = [(at, cKDTree(spots[at])) for at in (np.flatnonzero(ranks == one) for one in (0, 1))]
        self._doors = cKDTree(self.metres(streets.doors.points / float(DEGREE)))
        self._grounds = self._named_grounds()

    def metres(self, positions: ArrayLike) -> Floats:
        """Positions [N, 2] (lat, lon) as metres (east, north) of the map's middle."""
        return to_local(positions, self.origin)

    def near(self, spot: Floats, within_m: float) -> list[NearStreet]:
        """Named streets within reach of a spot [2] in metres, each once; roads before paths beside them."""
        segments = self._segments(spot, within_m)
        starts, ends = self.pieces.starts[segments], self.pieces.ends[segments]
        feet = _feet(spot, starts, ends)
        away = np.hypot(*(feet - spot).T)
        found: dict[int, NearStreet] = {}
        for at in np.argsort(away + self._aside[segments], kind="stable").tolist():
            street = int(self._streets[segments[at]])
            if away[at] <= within_m and street not in found:
                found[street] = NearStreet(street, self.titles[street], float(away[at]), feet[at])
        return list(found.values())

    def nearest(self, spots: Floats, within_m: float) -> NDArray[np.intp]:
        """The street at each of many spots [N, 2], to half a piece; -1 where none is within reach. [N]"""
        if not len(self.pieces):
            return np.full(len(spots), _NEITHER)
        _, found = self._tree.query(spots, distance_upper_bound=within_m)
        return np.where(found < len(self.pieces), self._by_piece[found % len(self.pieces)], _NEITHER)

    def crossing(self, street: int, spot: Floats, within_m: float) -> str:
        """The street that meets this one nearest to a spot [2], or ""; roads before paths."""
        segments = self._segments(spot, within_m)
        own = self._streets[segments] == street
        if own.all() or not own.any():
            return ""
        ends = np.stack([self.pieces.starts, self.pieces.ends], axis=1)[segments]
        lines, others = np.asarray(shapely.linestrings(ends)), segments[~own]
        links = shapely.shortest_line(lines[own][:, None], lines[~own])
        feet = shapely.get_coordinates(links).reshape(*links.shape, 2, 2)[:, :, 1]
        away = np.hypot(*np.moveaxis(feet - spot, -1, 0))
        away[(shapely.length(links) > _TOUCH_M) | (away > within_m)] = np.inf
        rated = away.min(axis=0) + 2 * within_m * (self._aside[others] > 0)
        best = int(rated.argmin())
        return self.titles[int(self._streets[others[best]])] if np.isfinite(rated[best]) else ""

    def spot_near(self, spot: Floats, within_m: float) -> str:
        """The nearest landmark, else another place, with its sort where no name says it: "Aalto (cafe)"."""
        spots = self.map.spots
        for numbers, tree in self._spots:
            away, at = tree.query(spot, distance_upper_bound=within_m) if len(numbers) else (np.inf, 0)
            if np.isfinite(away):
                title = self.titles[int(self._of_name[spots.names[numbers[at]]])]
                sort = spots.sort_words[spots.sorts[numbers[at]]]
                return title if sort.casefold() in title.casefold() else f"{title} ({sort})"
        return ""

    def door_near(self, street: int, spot: Floats, within_m: float) -> str:
        """The number of this street's nearest door, or ""."""
        doors = self.map.doors
        at = [
            one
            for one in (self._doors.query_ball_point(spot, within_m) if len(doors) else [])
            if self._of_name[doors.streets[one]] == street
        ]
        away = np.hypot(*(self._doors.data[at] - spot).T)
        return doors.numbers[at[int(away.argmin())]] if at else ""

    def ground(self, spot: Floats) -> str:
        """The named square or park that holds a spot [2], or ""; of several the smallest."""
        around = (self._grounds.lows <= spot).all(axis=1) & (spot <= self._grounds.highs).all(axis=1)
        for at in np.flatnonzero(around).tolist():
            rings = self._grounds.rings[at]
            if _holds([self.metres(self.map.areas.degrees(ring)) for ring in rings], spot):
                return self.titles[int(self._of_name[self.map.areas.names[rings[0]]])]
        return ""

    def pieces_near(self, spot: Floats, within_m: float) -> list[int]:
        """Pieces of named streets whose middles are within reach of a spot [2]."""
        found: list[int] = self._tree.query_ball_point(spot, within_m) if len(self.pieces) else []
        return found

    def streets_of(self, pieces: NDArray[np.intp]) -> NDArray[np.intp]:
        """The streets of pieces, as indexes of titles."""
        return np.asarray(self._by_piece[pieces])

    def _segments(self, spot: Floats, within_m: float) -> NDArray[np.intp]:
        found = np.array(self.pieces_near(spot, within_m + self._reach), np.intp)
        return np.unique(self.pieces.segments[found])

    def _named_grounds(self) -> _Grounds:
        """Squares and parks that have a name, smallest first."""
        areas = self.map.areas
        walked = np.isin(areas.kinds, (AreaKind.SQUARE, AreaKind.PARK)) & (areas.names != NAMELESS)
        parts: dict[int, list[int]] = {}
        for ring in np.flatnonzero(walked).tolist():
            parts.setdefault(int(areas.parts_of[ring]), []).append(ring)
        if not parts:
            return _Grounds(np.zeros((0, 2)), np.zeros((0, 2)), [])
        metres = self.metres(areas.points / float(DEGREE))
        starts = areas.starts[:-1]
        rings_low, rings_high = (edge.reduceat(metres, starts) for edge in (np.minimum, np.maximum))
        lows = np.array([rings_low[rings].min(axis=0) for rings in parts.values()])
        highs = np.array([rings_high[rings].max(axis=0) for rings in parts.values()])
        order = np.argsort(np.prod(highs - lows, axis=1))
        grounds = list(parts.values())
        return _Grounds(lows[order], highs[order], [grounds[at] for at in order.tolist()])


def _ranks(streets: StreetMap) -> NDArray[np.intp]:
    """[M] of the named spots: 0 a landmark, 1 another place, 2 what nobody stands near."""
    words = streets.spots.sort_words
    of_word = np.array(
        [0 if word in _LANDMARKS else 2 if word in _NOT_SEEN else 1 for word in words], np.intp
    )
    return np.asarray(of_word[streets.spots.sorts])


@dataclass(frozen=True, slots=True, eq=False)
class _Grounds:
    """Squares and parks: boxes around them, metres, and their rings."""

    lows: Floats
    """[n, 2]."""
    highs: Floats
    rings: list[list[int]]


def _holds(rings: list[Floats], spot: Floats) -> bool:
    """Whether an odd count of edges lies east of a spot [2]: outlines that cross themselves may, too."""
    starts = np.concatenate([ring[:-1] for ring in rings])
    ends = np.concatenate([ring[1:] for ring in rings])
    (x, y), (x0, y0), (x1, y1) = spot, starts.T, ends.T
    beside = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        east = x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x
    return bool((beside & east).sum() % 2)


def _feet(spot: Floats, starts: Floats, ends: Floats) -> Floats:
    """[G, 2] the nearest point of each segment."""
    span = ends - starts
    square = np.maximum((span**2).sum(axis=1), 1e-12)
    along = np.clip(((spot - starts) * span).sum(axis=1) / square, 0.0, 1.0)
    return np.asarray(starts + along[:, None] * span)
