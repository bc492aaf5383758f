"""The curves of an evaluation: which are drawn, over which axes, and what each shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from geoflood.evaluation.report.plots import Axis, Curve, plot
from geoflood.evaluation.report.text import scope
from geoflood.evaluation.results import RECALL_KS, Evaluation, Floats
from geoflood.outputs.wording import area

__all__ = ["figures"]

LEAST_KM2, MOST_KM2 = 1e-5, 1.0
"""Range of the axis of ground where nothing was found: 10 m² to a square kilometre."""
MOST_CURVES = 6
"""In one plot: more cannot be told apart."""
METRES = ((1, "1"), (10, "10"), (100, "100"), (1000, "1 km"), (10_000, "10 km"))


def figures(evaluations: Sequence[Evaluation]) -> Iterator[tuple[str, str, str]]:
    """(title, caption, SVG) of each figure: of the first evaluation, or of all where they are compared."""
    first, drawn = evaluations[0], _drawn(evaluations)
    only_first, some = scope(evaluations), _left_out(drawn, evaluations)
    yield "Recall", f"Is the right place among the first k matches?{only_first}", _recall(first)
    yield (
        "Error of the position",
        f"Share of the photos that are placed at least so well.{some}",
        _errors(drawn),
    )
    yield (
        "Recall vs area",
        f"How much ground has to be searched, likeliest first, until so many photos are found.{some}",
        _searched(drawn),
    )
    if first.scores.signals:
        yield (
            "Precision against coverage",
            f"Answer only the surest photos: how many of these are right? By each signal.{only_first}",
            _precision(first),
        )
    if first.scores.reliability:
        yield (
            "Reliability",
            "What is called 70 % should be right seven times in ten: on the dashed line; below it, too sure. "
            f"Bars: share of the photos that were told so much.{only_first}",
            _reliability(first),
        )


def _drawn(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Those under the water of the first; all of them where it is alone; no more than can be told apart."""
    same_water = [evaluation for evaluation in evaluations if evaluation.water == evaluations[0].water]
    return (same_water if len(same_water) > 1 else list(evaluations))[:MOST_CURVES]


def _left_out(drawn: Sequence[Evaluation], evaluations: Sequence[Evaluation]) -> str:
    """Says that a figure does not show all rows of the table, where that is so."""
    if len(drawn) == len(evaluations):
        return ""
    same_water = sum(evaluation.water == drawn[0].water for evaluation in evaluations)
    under = f", of those with water {drawn[0].water}" if same_water < len(evaluations) else ""
    return f" Drawn are {len(drawn)} of the {len(evaluations)} rows of the table{under}; the asked one first."


def _percent_axis(title: str, low: float = 0.0) -> Axis:
    values = [low + (1 - low) * fifth / 5 for fifth in range(6)]
    return Axis(title, low, 1.0, [(value, f"{100 * value:.0f}") for value in values])


def _recall(evaluation: Evaluation) -> str:
    x_axis = Axis("first k matches", 0, max(RECALL_KS), [(k, str(k)) for k in RECALL_KS])
    curves = [
        Curve(
            f"within {distance:g} m",
            np.array(RECALL_KS, float),
            np.array([by_k[k].value for k in RECALL_KS]),
            np.array([by_k[k].error for k in RECALL_KS]),
        )
        for distance, by_k in evaluation.scores.recall.items()
    ]
    return plot("Recall", x_axis, _percent_axis("recall@k, %"), curves)


def _errors(evaluations: Sequence[Evaluation]) -> str:
    x_axis = Axis("metres", 1, 10_000, METRES, log=True)
    values = [evaluation.scores.errors_m for evaluation in evaluations]
    curves = _cumulative_curves(evaluations, values)
    return plot("Error of the position", x_axis, _percent_axis("photos, %"), curves)


def _searched(evaluations: Sequence[Evaluation]) -> str:
    values = [evaluation.scores.searched_km2 for evaluation in evaluations]
    curves = _cumulative_curves(evaluations, values)
    return plot("Recall vs area", _area_axis(values), _percent_axis("photos found, %"), curves)


def _cumulative_curves(evaluations: Sequence[Evaluation], values: Sequence[Floats]) -> list[Curve]:
    """For each evaluation the share of its ascending values [N] that are no larger than x."""
    return [
        Curve(_curve_name(evaluation, evaluations), *_cumulative(some), steps=True)
        for evaluation, some in zip(evaluations, values, strict=True)
    ]


def _cumulative(values: Floats) -> tuple[Floats, Floats]:
    """(value, share that is no larger) from 0 on; infinite values are never reached."""
    known = values[np.isfinite(values)]
    share = np.arange(1, len(known) + 1) / len(values)
    x, y = np.concatenate([[0.0], known]), np.concatenate([[0.0], share])
    return np.append(x, np.inf), np.append(y, y[-1])


def _curve_name(evaluation: Evaluation, evaluations: Sequence[Evaluation]) -> str:
    """What sets it apart from the others; "" where there are none."""
    if len(evaluations) == 1:
        return ""
    parts = []
    if len({other.index for other in evaluations}) > 1:
        parts.append(evaluation.index)
    if len({other.name for other in evaluations}) > 1:
        parts.append(evaluation.name)
    if len({other.water for other in evaluations}) > 1:
        parts.append(f"{evaluation.water} water")
    return ", ".join(parts) or evaluation.name


def _area_axis(searched_km2: Sequence[Floats]) -> Axis:
    """Whole powers of ten around all that was searched."""
    values = np.concatenate(searched_km2)
    known = values[np.isfinite(values) & (values > 0)]
    low = math.floor(math.log10(known.min() if len(known) else LEAST_KM2))
    high = max(math.ceil(math.log10(known.max() if len(known) else MOST_KM2)), low + 1)
    ticks = [(10.0**power, area(10.0**power)) for power in range(low, high + 1)]
    return Axis("ground searched", 10.0**low, 10.0**high, ticks, log=True)


def _precision(evaluation: Evaluation) -> str:
    signals = evaluation.scores.signals
    curves = [Curve(signal.name, signal.coverage, signal.precision) for signal in signals]
    lowest = min(float(signal.precision.min()) for signal in signals)
    low = next(low for low in (0.9, 0.75, 0.5, 0.0) if low <= lowest)
    x_axis, y_axis = _percent_axis("photos answered, %"), _percent_axis("right, %", low)
    return plot("Precision against coverage", x_axis, y_axis, curves)


def _reliability(evaluation: Evaluation) -> str:
    bins = evaluation.scores.reliability
    curve = Curve(
        "",
        np.array([part.probability for part in bins]),
        np.array([part.right.value for part in bins]),
        np.array([part.right.error for part in bins]),
    )
    total = sum(part.count for part in bins)
    lows = [math.floor(10 * part.probability) / 10 for part in bins]
    bars = [(low, low + 0.1, part.count / total) for low, part in zip(lows, bins, strict=True)]
    x_axis, y_axis = _percent_axis("probability told, %"), _percent_axis("right, %")
    return plot("Reliability", x_axis, y_axis, [curve], diagonal=True, bars=bars)
