"""Plots as inline SVG: lines, steps, points with error bars. Plain text, so a page needs no script."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geoflood.evaluation.results import Floats

__all__ = ["Axis", "Curve", "plot"]

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 10, 44
LEGEND = 18
"""Height of a row of names under the plot."""
SHORT, MIDDLING = 17, 32
"""Letters of a name of which three fit in a row, and two; of longer ones it is one."""
INKS = ("#00478f", "#d55e00", "#009e73", "#9b2393", "#56789a", "#8a6d00")
"""Told apart by people who see fewer colours too (after Okabe and Ito)."""
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")
"""And in grey."""
MOST = 400
"""Points of a line that are drawn."""


@dataclass(frozen=True)
class Axis:
    """What is shown from `low` to `high`."""

    title: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    log: bool = False

    def at(self, value: float) -> float:
        """A value as a share of the axis, cut at its ends."""
        low, high, x = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, x = math.log(low), math.log(high), math.log(x)
        return (x - low) / (high - low)


@dataclass(frozen=True, eq=False)
class Curve:
    """Points [N] joined in their order; marked and with bars of `errors` [N] when there are any."""

    name: str
    x: Floats
    y: Floats
    errors: Floats | None = None
    steps: bool = False
    """Held until the next point: what a count does."""


def plot(
    title: str,
    across: Axis,
    up: Axis,
    lines: Sequence[Curve],
    diagonal: bool = False,
    bars: Sequence[tuple[float, float, float]] = (),
) -> str:
    """An SVG element; titles and names are anybody's text. Bars are (from, to, height) behind the lines."""
    parts = [*_frame(across, up), *(_bar(across, up, *bar) for bar in bars)]
    if diagonal:
        parts.append(_path([(0.0, 0.0), (1.0, 1.0)], "#777", "4 4"))
    for number, line in enumerate(lines):
        parts += _drawn(line, across, up, INKS[number % len(INKS)], DASHES[number % len(DASHES)])
    named = [line for line in lines if line.name]
    parts += _legend(named)
    name, rows = html.escape(title), -(-len(named) // _abreast(named))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + LEGEND * rows}" role="img" aria-label="{name}">'
        f"<title>{name}</title>{''.join(parts)}</svg>"
    )


def _bar(across: Axis, up: Axis, low: float, high: float, height: float) -> str:
    left, right, top = _x(across.at(low)) + 1, _x(across.at(high)) - 1, _y(up.at(height))
    size = f'width="{right - left:.1f}" height="{_y(0) - top:.1f}"'
    return f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="#c9d6e4"/>'


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _frame(across: Axis, up: Axis) -> list[str]:
    """Grid, numbers and titles."""
    left, right, low, high = _x(0), _x(1), _y(0), _y(1)
    parts = [f'<rect x="{left}" y="{high}" width="{right - left}" height="{low - high}" fill="#fbfbf9"/>']
    for value, text in across.ticks:
        x = _x(across.at(value))
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low}" y2="{high}" stroke="#ddd"/>')
        parts.append(_text(text, x, low + 15, "middle"))
    for value, text in up.ticks:
        y = _y(up.at(value))
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(_text(text, left - 6, y + 4, "end"))
    parts.append(f'<path d="M{left} {high}V{low}H{right}" fill="none" stroke="#333"/>')
    parts.append(_text(across.title, (left + right) / 2, low + 33, "middle"))
    parts.append(
        f'<text transform="translate(13 {(low + high) / 2:.0f}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(up.title)}</text>"
    )
    return parts


def _drawn(line: Curve, across: Axis, up: Axis, ink: str, dash: str) -> list[str]:
    keep = np.unique(np.linspace(0, len(line.x) - 1, min(len(line.x), MOST)).round().astype(int))
    points = [(across.at(float(line.x[i])), up.at(float(line.y[i]))) for i in keep]
    parts = [_path(points, ink, dash, line.steps)]
    if line.errors is not None:
        for i, (x, y) in zip(keep, points, strict=True):
            low, high = (up.at(float(line.y[i] + side * line.errors[i])) for side in (-1, 1))
            bar = f'x1="{_x(x):.1f}" x2="{_x(x):.1f}" y1="{_y(low):.1f}" y2="{_y(high):.1f}"'
            parts.append(f'<line {bar} stroke="{ink}"/>')
            parts.append(f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="3.5" fill="{ink}"/>')
    return parts


def _path(points: Sequence[tuple[float, float]], ink: str, dash: str, steps: bool = False) -> str:
    if not points:
        return ""
    x, y = points[0]
    words = [f"M{_x(x):.1f} {_y(y):.1f}"]
    for x, y in points[1:]:
        words.append(f"H{_x(x):.1f}V{_y(y):.1f}" if steps else f"L{_x(x):.1f} {_y(y):.1f}")
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{"".join(words)}" fill="none" stroke="{ink}" stroke-width="2"{dashed}/>'


def _abreast(lines: Sequence[Curve]) -> int:
    longest = max((len(line.name) for line in lines), default=0)
    return 3 if longest <= SHORT else 2 if longest <= MIDDLING else 1


def _legend(lines: Sequence[Curve]) -> list[str]:
    """Names under the axis, a few abreast."""
    parts, abreast = [], _abreast(lines)
    for number, line in enumerate(lines):
        x, y = 8 + number % abreast * 456 // abreast, HEIGHT + LEGEND * (number // abreast) + 10
        ink, dash = INKS[number % len(INKS)], DASHES[number % len(DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<path d="M{x} {y - 4}h22" stroke="{ink}" stroke-width="2.5" fill="none"{dashed}/>')
        parts.append(_text(line.name, x + 27, y, "start"))
    return parts


def _text(text: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'
