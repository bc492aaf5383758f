"""How much of the street network an index can know: streets within 25 m of a reference, and the holes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geoflood.core.area import Area
from geoflood.core.geo import from_local, to_local
from geoflood.places.naming import metres_text
from geoflood.places.street_index import StreetIndex
from geoflood.places.street_map import NAMELESS, LineKind, StreetMap
from geoflood.places.street_pieces import PIECE_M, StreetPieces, cut, middle_of
from geoflood.places.titles import titles

__all__ = ["COVERED_M", "Coverage", "Hole", "coverage_of", "gap_near", "holes_geojson", "sentence"]

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

COVERED_M = 25.0
"""A street so near to a reference is covered: what is right within 25 m can be right there."""
_HOLE_M = 50.0
"""Shorter stretches are no holes: cameras take a picture every few metres, and GPS errs by some."""
_BESIDE_M = 100.0
"""How near to a place a hole must begin to be told."""
_AROUND_M = 150.0
"""How far it is looked along."""
_RIM_M = 100.0
"""Streets so far outside the outline of all references count, too."""
_OCTANTS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_LOOKING_DEG = 45.0
"""A view whose middle is so near to a direction shows it."""
_JOINT_M = 1.0
_CLASSES = {LineKind.MAJOR: "major", LineKind.MIDDLE: "middle", LineKind.MINOR: "minor"}


@dataclass(frozen=True, slots=True, eq=False)
class Hole:
    """A stretch of street without a reference nearby."""

    street: str
    """Empty where it has no name."""
    length_m: float
    lines: tuple[Floats, ...]
    """Each [points, 2] (lat, lon)."""


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """What of the streets on the ground that is asked about is within COVERED_M of a reference."""

    street_km: float
    share: float
    by_direction: tuple[tuple[str, float], ...]
    """(N to NW, share of the street length that a reference looking that way is near to)."""
    all_round: float
    """Share that references looking north, east, south and west are near to."""
    by_class: tuple[tuple[str, float, float], ...]
    """(major, middle or minor; kilometres; share)."""
    holes: tuple[Hole, ...]
    """Longest first."""


def coverage_of(
    streets: StreetMap, positions: Floats, headings_deg: Floats, ground: Area | None = None
) -> Coverage:
    """Measure references at `positions` [N, 2] (lat, lon); `headings_deg` [N] has NaN where none is known.

    ground: streets outside it are left out. None: the outline of all references, for beyond it the map is
    only margin.
    """
    origin = middle_of(streets)
    chosen = np.flatnonzero(streets.lines.kinds <= LineKind.MINOR)
    pieces, references = cut(streets.lines, chosen, origin), to_local(positions, origin)
    if ground is None:
        inside = _inside(pieces.middles, references)
    else:
        inside = ground.holds(*from_local(pieces.middles, origin).T)
    covered = _near(pieces.middles, references) & inside
    lengths = np.where(inside, pieces.lengths, 0.0)
    looked, round_about = [], covered.copy()
    for at, name in enumerate(_OCTANTS):
        turned = np.abs((headings_deg - at * 45.0 + 180.0) % 360.0 - 180.0)  # NaN is not within
        seen = np.zeros(len(pieces), bool)
        seen[covered] = _near(pieces.middles[covered], references[turned <= _LOOKING_DEG])
        looked.append((name, _share(lengths, seen)))
        if len(name) == 1:
            round_about &= seen
    kinds = streets.lines.kinds[pieces.lines[pieces.segments]]
    classes = [
        (name, float(lengths[kinds == kind].sum()) / 1000, _share(lengths * (kinds == kind), covered))
        for kind, name in _CLASSES.items()
        if lengths[kinds == kind].any()
    ]
    holes = _holes(streets, pieces, inside & ~covered)
    whole_km = float(lengths.sum()) / 1000
    shares = _share(lengths, covered), tuple(looked), _share(lengths, round_about)
    return Coverage(whole_km, *shares, tuple(classes), holes)


def sentence(coverage: Coverage) -> str:
    """ "64 % of 318 km of streets are within 25 m of a street image; longest holes: Mill Road 1.2 km"."""
    if not coverage.street_km:
        return "no street of the map is near a street image"
    words = (
        f"{np.floor(coverage.share * 100 + 1e-9):.0f} % of {coverage.street_km:.3g} km of streets are within "
        f"{COVERED_M:.0f} m of a street image"
    )
    told = (f"{hole.street or 'unnamed'} {metres_text(hole.length_m)}" for hole in coverage.holes[:3])
    longest = ", ".join(told)
    return f"{words}; longest holes: {longest}" if longest else words


def holes_geojson(coverage: Coverage, credit: str) -> dict[str, Any]:
    """The holes as a FeatureCollection of lines, longest first: for those who drive or collect there next."""
    features = [
        {
            "type": "Feature",
            "geometry": {
                "type": "MultiLineString",
                "coordinates": [np.round(line[:, ::-1], 6).tolist() for line in hole.lines],
            },
            "properties": {"street": hole.street, "length_m": round(hole.length_m)},
        }
        for hole in coverage.holes
    ]
    return {"type": "FeatureCollection", "attribution": credit, "features": features}


def gap_near(index: StreetIndex, references: cKDTree, spot: Floats) -> str:
    """The stretch of a street beside a spot [2] that has no street image, in a sentence, or "".

    `references` holds positions in metres of the index's map.
    """
    pieces = index.pieces
    around = np.array(index.pieces_near(spot, _AROUND_M), np.intp)
    kinds = index.map.lines.kinds[pieces.lines[pieces.segments[around]]]
    around = around[kinds <= LineKind.MINOR]
    middles = pieces.middles[around]
    bare = np.isinf(references.query(middles, distance_upper_bound=COVERED_M)[0])
    around, middles = around[bare], middles[bare]
    away = np.hypot(*(middles - spot).T)
    streets, lengths = index.streets_of(around), pieces.lengths[around]
    gaps = []
    for street in np.unique(streets).tolist():
        here = streets == street
        nearest, farthest = float(away[here].min()), float(away[here].max())
        span = np.hypot(*np.ptp(middles[here], axis=0)) + PIECE_M
        length = min(float(lengths[here].sum()), float(span))  # carriageways side by side are one street
        if length >= _HOLE_M and nearest <= _BESIDE_M:
            gaps.append((nearest, length, farthest > _AROUND_M - PIECE_M, index.titles[street]))
    if not gaps:
        return ""
    nearest, length, longer, title = min(gaps)
    least = "at least " if longer else ""
    away_words = f", {_tens(nearest)} away," if nearest >= PIECE_M else ""
    words = f"{least}{_tens(length)} of {title}{away_words} have no street image"
    more = len(gaps) - 1
    return f"{words}; nor have parts of {more} other street{'s' * (more > 1)}" if more else words


def _tens(metres: float) -> str:
    """No finer than pieces are."""
    return metres_text(round(metres, -1))


def _share(lengths: Floats, chosen: Flags) -> float:
    whole = float(lengths.sum())
    return float(lengths[chosen].sum()) / whole if whole else 0.0


def _near(spots: Floats, references: Floats) -> Flags:
    """[N] whether spots [N, 2] are covered."""
    if not len(references) or not len(spots):
        return np.zeros(len(spots), bool)
    tree = cKDTree(np.unique(references, axis=0))
    return np.asarray(np.isfinite(tree.query(spots, distance_upper_bound=COVERED_M)[0]))


def _inside(spots: Floats, references: Floats) -> Flags:
    """[N] whether spots [N, 2] lie in the outline of all references: the map's margin is no hole."""
    if not len(references):
        return np.zeros(len(spots), bool)
    outline = shapely.MultiPoint(references).convex_hull.buffer(_RIM_M)
    shapely.prepare(outline)
    return np.asarray(shapely.contains_xy(outline, *spots.T))


def _holes(streets: StreetMap, pieces: StreetPieces, bare: Flags) -> tuple[Hole, ...]:
    """Bare stretches of one name that touch are one hole; those that are long enough, longest first."""
    names, origin = titles(streets), middle_of(streets)
    lines, points, lengths = _stretches(pieces, bare)
    joined: dict[Any, list[int]] = {}
    for at, line in enumerate(lines):
        name = int(streets.lines.names[line])
        joined.setdefault(names[name] if name != NAMELESS else at, []).append(at)
    holes = []
    for key, stretches in joined.items():
        for group in _touching({at: points[at] for at in stretches}):
            length = float(lengths[group].sum())
            if length >= _HOLE_M:
                parts = tuple(from_local(points[at], origin) for at in group)
                holes.append(Hole(key if isinstance(key, str) else "", length, parts))
    return tuple(sorted(holes, key=lambda hole: -hole.length_m))


def _stretches(pieces: StreetPieces, bare: Flags) -> tuple[list[int], list[Floats], Floats]:
    """Of each run of bare pieces along one line: the line, its points [n, 2] in metres, its length."""
    at = np.flatnonzero(bare)
    if not len(at):
        return [], [], np.zeros(0)
    segments = pieces.segments[at]
    lines = pieces.lines[segments]
    firsts = np.append(0, np.flatnonzero((np.diff(at) != 1) | (np.diff(lines) != 0)) + 1)
    lasts = np.append(firsts[1:], len(at)) - 1
    begins, ends = _edges(pieces, at[firsts], -0.5), _edges(pieces, at[lasts], 0.5)
    corners = np.append(np.diff(segments) != 0, True)  # where the line goes on into its next segment
    points = []
    for first, last, begin, end in zip(firsts.tolist(), lasts.tolist(), begins, ends, strict=True):
        inner = pieces.ends[segments[first:last][corners[first:last]]]
        points.append(np.concatenate([begin[None], inner, end[None]]))
    return lines[firsts].tolist(), points, np.add.reduceat(pieces.lengths[at], firsts)


def _edges(pieces: StreetPieces, chosen: NDArray[np.intp], half: float) -> Floats:
    """[n, 2] where pieces begin (-0.5) or end (0.5)."""
    segments = pieces.segments[chosen]
    span = pieces.ends[segments] - pieces.starts[segments]
    along = span / np.maximum(np.hypot(*span.T), 1e-9)[:, None]
    return np.asarray(pieces.middles[chosen] + half * pieces.lengths[chosen, None] * along)


def _touching(lines: Mapping[int, Floats]) -> list[list[int]]:
    """Keys of lines that hang together by their ends."""
    owner = {at: at for at in lines}

    def root(at: int) -> int:
        while owner[at] != at:
            owner[at] = at = owner[owner[at]]
        return at

    met: dict[tuple[int, int], int] = {}
    for at, line in lines.items():
        for east, north in (line[0].tolist(), line[-1].tolist()):
            owner[root(at)] = root(met.setdefault((round(east / _JOINT_M), round(north / _JOINT_M)), at))
    groups: dict[int, list[int]] = {}
    for at in lines:
        groups.setdefault(root(at), []).append(at)
    return list(groups.values())
