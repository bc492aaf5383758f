"""A street map on paper: an SVG of what lies in a window, with numbered pins. No script, no network; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import EARTH_RADIUS_M, from_local, to_local
from geoflood.outputs.wording import length, plain
from geoflood.places.street_map import DEGREE, NAMELESS, AreaKind, LineKind, Shapes, StreetMap

__all__ = ["PaperMap", "PaperPin", "PaperWindow"]

Floats: TypeAlias = NDArray[np.float64]

WIDE = 1000
"""Units of the drawing from left to right."""
_MARGIN = 1.3
"""A window is so much wider than what it must hold."""
_LINES = {
    LineKind.PATH: (2.0, 1.0, 1_500.0),
    LineKind.RAIL: (3.0, 1.5, 20_000.0),
    LineKind.SERVICE: (4.0, 1.5, 2_500.0),
    LineKind.STREAM: (5.0, 2.0, 20_000.0),
    LineKind.MINOR: (8.0, 1.5, 15_000.0),
    LineKind.MIDDLE: (10.0, 3.0, 60_000.0),
    LineKind.MAJOR: (14.0, 5.0, math.inf),
}
"""What is drawn first comes first: metres wide, units at least, and the widest window (m) that shows it."""
_AREAS = {
    AreaKind.PARK: 20_000.0,
    AreaKind.SQUARE: 4_000.0,
    AreaKind.WATER: math.inf,
    AreaKind.BUILDING: 1_500.0,
}
_NAMED_M = 2_000.0
"""The widest window in which streets are named."""
_NAMES = 16
_LETTER, _LEAST_PART = 13.0, 60.0
"""Units a letter of a street's name takes, and the shortest straight piece that is named."""
_FULL_PINS, _LEAST_PIN = 20.0, 0.35
"""Pins that have room at full size, and how small they get where there are more."""
_SCALES_M = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)


class PaperPin(NamedTuple):
    """A place with what stands in its pin."""

    label: str
    spot: LatLon


@dataclass(frozen=True, slots=True)
class PaperWindow:
    """What a drawing shows."""

    middle: LatLon
    wide_m: float
    high_m: float

    @classmethod
    def of(cls, spots: Sequence[LatLon], shape: float, least_m: float) -> PaperWindow:
        """A window around spots, one at least: `shape` is height by width, `least_m` the least width."""
        local = to_local([(spot.lat, spot.lon) for spot in spots], spots[0])
        low, high = local.min(axis=0), local.max(axis=0)
        middle = LatLon(*from_local([(low + high) / 2.0], spots[0])[0].tolist())
        wide_m = max(least_m, *((high - low) * _MARGIN / (1.0, shape)))
        return cls(middle, float(wide_m), float(wide_m * shape))


class PaperMap:
    """A street map to be drawn from, many windows of it; without one only pins are drawn."""

    def __init__(self, streets: StreetMap | None) -> None:
        self._streets = streets or StreetMap()
        self._boxes = [_boxes(shapes) for shapes in (self._streets.lines, self._streets.areas)]

    def svg(self, window: PaperWindow, pins: Sequence[PaperPin]) -> str:
        """The drawing, as an element for a page whose style has the classes of paper_map.css."""
        high = round(WIDE * window.high_m / window.wide_m)
        inside = "".join((*self._areas(window), *self._lines(window), *self._names(window)))
        size = min(1.0, max(_LEAST_PIN, math.sqrt(_FULL_PINS / max(len(pins), 1))))
        spots = (np.array([(pin.spot.lat, pin.spot.lon)]) for pin in pins)
        drawn = [_pin(pin, _units(at, window)[0], size) for pin, at in zip(pins, spots, strict=True)]
        return (
            f'<svg class="paper-map" viewBox="0 0 {WIDE} {high}" role="img" aria-label="map">'
            f'<rect class="land" width="{WIDE}" height="{high}"/>{inside}{"".join(drawn)}'
            f"{_scale(window, high)}{_north()}</svg>"
        )

    def _areas(self, window: PaperWindow) -> Iterator[str]:
        areas = self._streets.areas
        shown = self._inside(1, window)
        for kind, widest_m in _AREAS.items():
            if window.wide_m <= widest_m:
                rings = shown[areas.kinds[shown] == kind]
                path = "".join(f"{_path(areas.degrees(n), window)}Z" for n in rings.tolist())
                if path:
                    yield f'<path class="area {kind.name.lower()}" d="{path}"/>'

    def _lines(self, window: PaperWindow) -> Iterator[str]:
        lines = self._streets.lines
        shown = self._inside(0, window)
        for edge in (True, False):  # all edges lie below all streets, so that crossings are open
            for kind, (wide_m, least, widest_m) in _LINES.items():
                if window.wide_m > widest_m or (edge and kind > LineKind.SERVICE):
                    continue
                few = shown[lines.kinds[shown] == kind]
                path = "".join(_path(lines.degrees(n), window) for n in few.tolist())
                width = max(wide_m * WIDE / window.wide_m, least) + (2.0 if edge else 0.0)
                if path:
                    name = f"{'edge' if edge else 'line'} {kind.name.lower()}"
                    yield f'<path class="{name}" stroke-width="{width:.1f}" d="{path}"/>'

    def _names(self, window: PaperWindow) -> Iterator[str]:
        """The longest straight piece of each street has its name, unless another's is there."""
        if window.wide_m > _NAMED_M:
            return
        taken: list[tuple[float, float, float]] = []
        for _, name, middle, angle in sorted(self._pieces(window), key=lambda one: -one[0]):
            half = len(name) * _LETTER / 2.0
            reach = half * math.cos(math.radians(angle)), half * abs(math.sin(math.radians(angle)))
            if not _holds(middle, reach, (WIDE, WIDE * window.high_m / window.wide_m)):
                continue
            near = (math.hypot(middle[0] - x, middle[1] - y) < (half + other) for x, y, other in taken)
            if len(taken) == _NAMES or any(near):
                continue
            taken.append((middle[0], middle[1], half))
            x, y = middle
            turned = f"translate({x:.0f} {y:.0f}) rotate({angle:.0f})"
            yield f'<text class="name" transform="{turned}" dy=".35em">{escape(name)}</text>'

    def _pieces(self, window: PaperWindow) -> list[tuple[float, str, tuple[float, float], float]]:
        """Of each named street its longest straight piece here: units long, name, middle, degrees."""
        lines, best = self._streets.lines, dict[int, tuple[float, str, tuple[float, float], float]]()
        high = WIDE * window.high_m / window.wide_m
        for n in self._inside(0, window).tolist():
            number = int(lines.names[n])
            if number == NAMELESS or lines.kinds[n] > LineKind.SERVICE:
                continue
            points = _units(lines.degrees(n), window).clip((0.0, 0.0), (WIDE, high))
            steps = np.diff(points, axis=0)
            longest = int(np.hypot(*steps.T).argmax())
            far = float(np.hypot(*steps[longest]))
            if far > max(_LEAST_PART, best.get(number, (0.0,))[0]):
                angle = math.degrees(math.atan2(steps[longest][1], steps[longest][0]))
                upright = (angle + 90.0) % 180.0 - 90.0
                x, y = (points[longest] + points[longest + 1]) / 2.0
                shown = plain(self._streets.names[number].shown)[:40]
                best[number] = (far, shown, (float(x), float(y)), upright)
        return list(best.values())

    def _inside(self, which: int, window: PaperWindow) -> NDArray[np.intp]:
        """The shapes whose box meets the window."""
        low, high = self._boxes[which]
        if not len(low):
            return np.empty(0, np.intp)
        corners = _degrees_of(window, float((low[:, 1].mean() + high[:, 1].mean()) / 2.0))
        return np.flatnonzero(((high >= corners[0]) & (low <= corners[1])).all(axis=1))


def _holds(middle: tuple[float, float], reach: tuple[float, float], size: tuple[float, float]) -> bool:
    """Whether what reaches so far from its middle lies in a drawing of this size."""
    return all(far <= at <= most - far for at, far, most in zip(middle, reach, size, strict=True))


def _boxes(shapes: Shapes) -> tuple[Floats, Floats]:
    """The least and the greatest (lat, lon) of each shape, [N, 2] degrees."""
    if not len(shapes):
        return np.empty((0, 2)), np.empty((0, 2))
    points, starts = shapes.points / float(DEGREE), shapes.starts[:-1]
    return np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)


def _degrees_of(window: PaperWindow, near_lon: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The window's corners in degrees, in the turn of the globe that `near_lon` is in."""
    lat = math.degrees(window.high_m / 2.0 / EARTH_RADIUS_M)
    squeezed = max(math.cos(math.radians(window.middle.lat)), 0.01)
    lon = math.degrees(window.wide_m / 2.0 / (EARTH_RADIUS_M * squeezed))
    east = window.middle.lon + 360.0 * round((near_lon - window.middle.lon) / 360.0)
    return (window.middle.lat - lat, east - lon), (window.middle.lat + lat, east + lon)


def _units(degrees: Floats, window: PaperWindow) -> Floats:
    """Positions [N, 2] (lat, lon) as units of the drawing (right, down)."""
    right, up = to_local(degrees, window.middle).T
    down = window.high_m / 2.0 - up
    return np.stack([right + window.wide_m / 2.0, down], axis=1) * (WIDE / window.wide_m)


def _path(degrees: Floats, window: PaperWindow) -> str:
    points = np.round(_units(degrees, window), 1)
    moved = np.abs(np.diff(points, axis=0, prepend=np.inf)).max(axis=1) >= 0.5
    moved[-1] = True
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points[moved].tolist())


def _pin(pin: PaperPin, at: Floats, size: float) -> str:
    label = plain(pin.label)
    half = 16 + 8 * max(len(label), 1)
    x, y = at
    return (
        f'<g class="pin" transform="translate({x:.1f} {y:.1f}) scale({size:.2f})">'
        '<path d="M0 0L-12 -22L12 -22Z"/>'
        f'<rect x="{-half}" y="-62" width="{2 * half}" height="42" rx="8"/>'
        f'<text y="-31">{escape(label)}</text></g>'
    )


def _scale(window: PaperWindow, high: int) -> str:
    """A bar of a round length, a quarter of the width at most."""
    metres = max((one for one in _SCALES_M if one <= window.wide_m / 4.0), default=_SCALES_M[0])
    wide = metres * WIDE / window.wide_m
    return (
        f'<g class="scale" transform="translate(20 {high - 20})"><path d="M0 -12V0H{wide:.1f}V-12"/>'
        f'<text x="{wide + 12:.1f}" y="0">{length(metres)}</text></g>'
    )


def _north() -> str:
    return f'<g class="north" transform="translate({WIDE - 40} 60)"><path d="M0 -40L14 0L0 -8L-14 0Z"/></g>'
