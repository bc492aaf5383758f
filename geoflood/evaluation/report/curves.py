"""The curves of an evaluation: which are drawn, over which axes, and what each tells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from geoflood.evaluation.report.plots import Axis, Curve, plot
from geoflood.evaluation.report.summary import whose
from geoflood.evaluation.results import RECALLS, Evaluation, Floats
from geoflood.outputs.wording import area

__all__ = ["figures"]

LEAST_KM2, MOST_KM2 = 1e-5, 1.0
"""What the axis of ground shows where nothing was found: 10 m² to a square kilometre."""
MOST = 6
"""Lines in a plot: no more can be told apart."""
METRES = ((1, "1"), (10, "10"), (100, "100"), (1000, "1 km"), (10_000, "10 km"))


def figures(evaluations: Sequence[Evaluation]) -> Iterator[tuple[str, str, str]]:
    """(title, what it tells, SVG) of each: of the first evaluation, or of all where they compare."""
    one, drawn = evaluations[0], _alike(evaluations)
    own, shared = whose(evaluations), _which(drawn, evaluations)
    yield "Recall", f"Is the right place among the first k matches?{own}", _recall(one)
    yield (
        "Error of the position",
        f"Share of the photos that are placed at least so well.{shared}",
        _errors(drawn),
    )
    yield (
        "Recall vs area",
        f"How much ground has to be searched, likeliest first, until so many photos are found.{shared}",
        _searched(drawn),
    )
    if one.scores.confidence:
        yield (
            "Precision against coverage",
            f"Answer only the surest photos: how many of these are right? By each signal.{own}",
            _coverage(one),
        )
    if one.scores.reliability:
        yield (
            "Reliability",
            "What is called 70 % should be right seven times in ten: on the dashed line; below it, too sure. "
            f"Bars: share of the photos that were told so much.{own}",
            _reliability(one),
        )


def _which(drawn: Sequence[Evaluation], evaluations: Sequence[Evaluation]) -> str:
    """Which evaluations a figure leaves to the table."""
    if len(drawn) == len(evaluations):
        return ""
    alike = sum(one.water == drawn[0].water for one in evaluations)
    under = f", of those with water {drawn[0].water}" if alike < len(evaluations) else ""
    return f" Drawn are {len(drawn)} of the {len(evaluations)} rows of the table{under}; the asked one first."


def _percent(title: str, low: float = 0.0) -> Axis:
    parts = [low + (1 - low) * part / 5 for part in range(6)]
    return Axis(title, low, 1.0, [(part, f"{100 * part:.0f}") for part in parts])


def _recall(one: Evaluation) -> str:
    across = Axis("first k matches", 0, max(RECALLS), [(k, str(k)) for k in RECALLS])
    lines = [
        Curve(
            f"within {distance:g} m",
            np.array(RECALLS, float),
            np.array([of[k].value for k in RECALLS]),
            np.array([of[k].error for k in RECALLS]),
        )
        for distance, of in one.scores.recall.items()
    ]
    return plot("Recall", across, _percent("recall@k, %"), lines)


def _errors(evaluations: Sequence[Evaluation]) -> str:
    across = Axis("metres", 1, 10_000, METRES, log=True)
    lines = [
        Curve(_name(one, evaluations), *_counted(one.scores.errors_m), steps=True) for one in evaluations
    ]
    return plot("Error of the position", across, _percent("photos, %"), lines)


def _searched(evaluations: Sequence[Evaluation]) -> str:
    across = _ground([one.scores.searched_km2 for one in evaluations])
    lines = [
        Curve(_name(one, evaluations), *_counted(one.scores.searched_km2), steps=True) for one in evaluations
    ]
    return plot("Recall vs area", across, _percent("photos found, %"), lines)


def _ground(searched_km2: Sequence[Floats]) -> Axis:
    """Whole powers of ten around all that was searched."""
    every = np.concatenate(searched_km2)
    known = every[np.isfinite(every) & (every > 0)]
    low = math.floor(math.log10(known.min() if len(known) else LEAST_KM2))
    high = max(math.ceil(math.log10(known.max() if len(known) else MOST_KM2)), low + 1)
    ticks = [(10.0**power, area(10.0**power)) for power in range(low, high + 1)]
    return Axis("ground searched", 10.0**low, 10.0**high, ticks, log=True)


def _alike(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Those under the water of the first; all of them where it is alone; no more than can be told apart."""
    alike = [one for one in evaluations if one.water == evaluations[0].water]
    return (alike if len(alike) > 1 else list(evaluations))[:MOST]


def _name(one: Evaluation, evaluations: Sequence[Evaluation]) -> str:
    """What sets it apart from the others; nothing where there are none."""
    if len(evaluations) == 1:
        return ""
    parts = []
    if len({other.index for other in evaluations}) > 1:
        parts.append(one.index)
    if len({other.name for other in evaluations}) > 1:
        parts.append(one.name)
    if len({other.water for other in evaluations}) > 1:
        parts.append(f"{one.water} water")
    return ", ".join(parts) or one.name


def _counted(values: Floats) -> tuple[Floats, Floats]:
    """(value, share that is no larger) of ascending values, from nought on; the infinite is never reached."""
    known = values[np.isfinite(values)]
    share = np.arange(1, len(known) + 1) / len(values)
    x, y = np.concatenate([[0.0], known]), np.concatenate([[0.0], share])
    return np.append(x, np.inf), np.append(y, y[-1])


def _coverage(one: Evaluation) -> str:
    lines = [Curve(of.name, of.coverage, of.precision) for of in one.scores.confidence]
    lowest = min(float(of.precision.min()) for of in one.scores.confidence)
    low = next(low for low in (0.9, 0.75, 0.5, 0.0) if low <= lowest)
    right = _percent("right, %", low)
    return plot("Precision against coverage", _percent("photos answered, %"), right, lines)


def _reliability(one: Evaluation) -> str:
    bins = one.scores.reliability
    line = Curve(
        "",
        np.array([of.told for of in bins]),
        np.array([of.right.value for of in bins]),
        np.array([of.right.error for of in bins]),
    )
    total = sum(of.count for of in bins)
    bars = [
        (math.floor(10 * of.told) / 10, math.floor(10 * of.told) / 10 + 0.1, of.count / total) for of in bins
    ]
    told = _percent("probability told, %")
    return plot("Reliability", told, _percent("right, %"), [line], diagonal=True, bars=bars)
