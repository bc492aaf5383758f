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
"""Names of at most so many letters stand three, and two, in a row; longer ones stand alone."""
INKS = ("#00478f", "#d55e00", "#009e73", "#9b2393", "#56789a", "#8a6d00")
"""People with colour blindness can tell them apart (after Okabe and Ito)."""
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")
"""Tell the lines apart in grey print."""
MOST_POINTS = 400
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
    x_axis: Axis,
    y_axis: Axis,
    curves: Sequence[Curve],
    diagonal: bool = False,
    bars: Sequence[tuple[float, float, float]] = (),
) -> str:
    """An SVG element; titles and names are anybody's text. Bars are (from, to, height) behind the lines."""
    parts = [*_frame(x_axis, y_axis), *(_bar(x_axis, y_axis, *bar) for bar in bars)]
    if diagonal:
        parts.append(_path([(0.0, 0.0), (1.0, 1.0)], "#777", "4 4"))
    for number, curve in enumerate(curves):
        parts += _curve(curve, x_axis, y_axis, INKS[number % len(INKS)], DASHES[number % len(DASHES)])
    named = [curve for curve in curves if curve.name]
    parts += _legend(named)
    name, rows = html.escape(title), -(-len(named) // _abreast(named))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + LEGEND * rows}" role="img" aria-label="{name}">'
        f"<title>{name}</title>{''.join(parts)}</svg>"
    )


def _bar(x_axis: Axis, y_axis: Axis, low: float, high: float, height: float) -> str:
    left, right, top = _x(x_axis.at(low)) + 1, _x(x_axis.at(high)) - 1, _y(y_axis.at(height))
    size = f'width="{right - left:.1f}" height="{_y(0) - top:.1f}"'
    return f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="#c9d6e4"/>'


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _frame(x_axis: Axis, y_axis: Axis) -> list[str]:
    """Grid, numbers and titles."""
    left, right, low, high = _x(0), _x(1), _y(0), _y(1)
    parts = [f'<rect x="{left}" y="{high}" width="{right - left}" height="{low - high}" fill="#fbfbf9"/>']
    for value, text in x_axis.ticks:
        x = _x(x_axis.at(value))
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low}" y2="{high}" stroke="#ddd"/>')
        parts.append(_text(text, x, low + 15, "middle"))
    for value, text in y_axis.ticks:
        y = _y(y_axis.at(value))
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(_text(text, left - 6, y + 4, "end"))
    parts.append(f'<path d="M{left} {high}V{low}H{right}" fill="none" stroke="#333"/>')
    parts.append(_text(x_axis.title, (left + right) / 2, low + 33, "middle"))
    parts.append(
        f'<text transform="translate(13 {(low + high) / 2:.0f}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(y_axis.title)}</text>"
    )
    return parts


def _curve(curve: Curve, x_axis: Axis, y_axis: Axis, ink: str, dash: str) -> list[str]:
    keep = np.unique(np.linspace(0, len(curve.x) - 1, min(len(curve.x), MOST_POINTS)).round().astype(int))
    points = [(x_axis.at(float(curve.x[i])), y_axis.at(float(curve.y[i]))) for i in keep]
    parts = [_path(points, ink, dash, curve.steps)]
    if curve.errors is not None:
        for i, (x, y) in zip(keep, points, strict=True):
            low, high = (y_axis.at(float(curve.y[i] + side * curve.errors[i])) for side in (-1, 1))
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


def _abreast(curves: Sequence[Curve]) -> int:
    longest = max((len(curve.name) for curve in curves), default=0)
    return 3 if longest <= SHORT else 2 if longest <= MIDDLING else 1


def _legend(curves: Sequence[Curve]) -> list[str]:
    """Names under the axis, a few abreast."""
    parts, abreast = [], _abreast(curves)
    for number, curve in enumerate(curves):
        x, y = 8 + number % abreast * 456 // abreast, HEIGHT + LEGEND * (number // abreast) + 10
        ink, dash = INKS[number % len(INKS)], DASHES[number % len(DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<path d="M{x} {y - 4}h22" stroke="{ink}" stroke-width="2.5" fill="none"{dashed}/>')
        parts.append(_text(curve.name, x + 27, y, "start"))
    return parts


def _text(text: str, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'
