"""The three forms in which a model can answer, each with its schema and its reading.

Keys are named so that their alphabetical order is the wanted one: one of Ollama's two paths sorts them.
Numbers are enumerated, for that is the only range which every server holds a model to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.vlm.canvas import VIEWS, ModelView
from geoflood.vlm.parse_replies import Json, plain
from geoflood.vlm.prompts import cells_prompt, grid_prompt, points_prompt

__all__ = [
    "FORMS",
    "SCENES",
    "AnswerFormat",
    "ParsedAnswer",
    "closed",
    "names",
    "numbers_of",
    "one_of",
    "spread",
]

Floats: TypeAlias = NDArray[np.float32]

SCENES = ("complex", "single_landmark", "nothing_permanent")

NEUTRAL_SCORE = 4.5
"""A score of 0..9 over this is a weight of 0..2, where 1 changes nothing."""

SIGMA = 0.2
"""Of the spreading around a point, shares of the frame (arXiv 2512.11811)."""

SPREAD_CELLS = 32
"""Cells a side of a map that is spread from points; the spreading is far wider."""

_LONGEST_REASON, _LONGEST_TEXT, _MOST_TEXTS = 160, 40, 6
_WEIGHTS = [n / 10 for n in range(21)]
_SHARES = [n / 20 for n in range(21)]


@dataclass(frozen=True, slots=True, eq=False)
class ParsedAnswer:
    """What an answer says, checked, in the frame of its view."""

    weights: Floats
    """[rows, cols] in [0, 2]."""
    judged: tuple[float, ...]
    """The numbers as the model gave them, to tell whether it judged at all."""
    scene: str = "complex"
    localizable: float | None = None
    """How much of the place can be recognised, [0, 1]."""
    waterline: float | None = None
    """The model's own number: share of the height under water."""
    row_water: tuple[float, ...] | None = None
    """Share of each row of cells under water, from the top."""
    texts: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """A form of question and answer."""

    name: str
    version: int
    prompt: Callable[[int, str], str]
    """(cells a side, city) -> what the model is told."""
    schema: Callable[[int, bool], Json]
    """(cells a side, with free text) -> JSON schema."""
    read: Callable[[Mapping[str, Any], int], ParsedAnswer]
    """(answer, cells a side) -> Said. Raises ValueError with what is wrong."""
    gridded: bool = True
    """Cells are drawn over the photo; otherwise rulers around it."""
    views: tuple[ModelView, ...] = VIEWS
    """Those that differ for this form."""


def names(cells: int) -> list[str]:
    """A1, A2 ... row by row."""
    return [f"{'ABCDEFGHI'[row]}{column + 1}" for row in range(cells) for column in range(cells)]


def closed(properties: Json) -> Json:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def one_of(values: Sequence[Any]) -> Json:
    """One of these; the type is said too, for servers that look at nothing else."""
    kind = {str: "string", int: "integer", float: "number"}[type(values[0])]
    return {"type": kind, "enum": list(values)}


def _cells_schema(cells: int, texts: bool) -> Json:
    score = one_of(range(10))
    free: Json = {
        "a_reason": {"type": "string", "maxLength": _LONGEST_REASON},
        "e_text": {
            "type": "array",
            "items": {"type": "string", "maxLength": _LONGEST_TEXT},
            "maxItems": _MOST_TEXTS,
        },
    }
    fixed: Json = {
        "b_scene": one_of(SCENES),
        "c_localizable": score,
        "d_water": score,
        "f_cells": closed(dict.fromkeys(names(cells), score)),
        "g_water": closed(dict.fromkeys("ABCDEFGHI"[:cells], score)),
    }
    return closed(dict(sorted((fixed | free if texts else fixed).items())))


def _read_cells(found: Mapping[str, Any], cells: int) -> ParsedAnswer:
    scores = numbers_of(found.get("f_cells"), names(cells), 9)
    water = numbers_of(found.get("g_water"), list("ABCDEFGHI"[:cells]), 9)
    texts = found.get("e_text")
    shown = [plain(text, _LONGEST_TEXT) for text in texts[:_MOST_TEXTS]] if isinstance(texts, list) else []
    return ParsedAnswer(
        np.asarray(scores, np.float32).reshape(cells, cells) / NEUTRAL_SCORE,
        tuple(scores),
        _scene(found.get("b_scene")),
        _number(found.get("c_localizable"), "c_localizable", 9) / 9,
        _number(found.get("d_water"), "d_water", 9) / 10,
        tuple(share / 9 for share in water),
        tuple(dict.fromkeys(text for text in shown if text)),
        _reason(found.get("a_reason")),
    )


def _grid_schema(cells: int, texts: bool) -> Json:
    free: Json = {"a_reason": {"type": "string", "maxLength": _LONGEST_REASON}} if texts else {}
    weights = closed(dict.fromkeys(names(cells), one_of(_WEIGHTS)))
    return closed(free | {"b_scene": one_of(SCENES[:2]), "f_cells": weights})


def _read_grid(found: Mapping[str, Any], cells: int) -> ParsedAnswer:
    weights = numbers_of(found.get("f_cells"), names(cells), 2)
    grid = np.asarray(weights, np.float32).reshape(cells, cells)
    return ParsedAnswer(
        grid, tuple(weights), _scene(found.get("b_scene")), reasons=_reason(found.get("a_reason"))
    )


def _points_schema(_: int, texts: bool) -> Json:
    free: Json = {"a_reason": {"type": "string", "maxLength": 80}} if texts else {}
    point = closed(free | {"b_x": one_of(_SHARES), "c_y": one_of(_SHARES), "d_weight": one_of(_WEIGHTS)})
    points = {"type": "array", "items": point, "minItems": 3, "maxItems": 8}
    return closed({"b_scene": one_of(SCENES[:2]), "f_points": points})


def _read_points(found: Mapping[str, Any], _: int) -> ParsedAnswer:
    listed = found.get("f_points")
    points = [point for point in listed[:8] if isinstance(point, dict)] if isinstance(listed, list) else []
    if not points:
        raise ValueError("f_points is no list of points")
    keys = ("b_x", "c_y", "d_weight")
    numbers = [
        [_number(p.get(key), key, limit) for key, limit in zip(keys, (1, 1, 2), strict=True)] for p in points
    ]
    reasons = tuple(plain(point.get("a_reason"), 80) for point in points)
    weights = spread(np.asarray(numbers))
    judged = tuple(weight for _, _, weight in numbers)
    return ParsedAnswer(weights, judged, _scene(found.get("b_scene")), reasons=tuple(r for r in reasons if r))


def spread(points: NDArray[Any]) -> Floats:
    """Points [N, 3] (x, y, weight) as a map: everywhere the mean of the weights, each counting with
    exp(-d² / 2σ²) of its distance (arXiv 2512.11811, whose far corners take the nearest point's weight).
    """
    centres = (np.arange(SPREAD_CELLS) + 0.5) / SPREAD_CELLS
    across = (centres[None, :, None] - points[:, 0]) ** 2
    down = (centres[:, None, None] - points[:, 1]) ** 2
    near = -(across + down) / (2 * SIGMA**2)
    shares = np.exp(near - near.max(axis=2, keepdims=True))
    return np.asarray((shares @ points[:, 2] / shares.sum(axis=2)).clip(0, 2), np.float32)


def numbers_of(found: Any, keys: Sequence[str], most: float) -> list[float]:
    """The values of exactly these keys, each from 0 to `most`. Raises ValueError."""
    if not isinstance(found, Mapping):
        raise ValueError(f"{keys[0]} ... {keys[-1]} are missing")
    return [_number(found.get(key), key, most) for key in keys]


def _number(value: Any, key: str, most: float) -> float:
    """A number from 0 to `most`, or digits that mean one. Raises ValueError: guessing would be inventing."""
    if isinstance(value, str) and len(value) < 6:
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{key} is no number from 0 to {most}")
    return float(value)


def _scene(value: Any) -> str:
    if value not in SCENES:
        raise ValueError("b_scene is no kind of scene")
    return str(value)


def _reason(value: Any) -> tuple[str, ...]:
    reason = plain(value, _LONGEST_REASON)
    return (reason,) if reason else ()


FORMS = {
    "cells": AnswerFormat("cells", 1, cells_prompt, _cells_schema, _read_cells),
    "points": AnswerFormat(
        "points", 1, points_prompt, _points_schema, _read_points, gridded=False, views=VIEWS[:2]
    ),
    "grid": AnswerFormat("grid", 1, grid_prompt, _grid_schema, _read_grid),
}
"""By the name that `--prompt` takes: ours, and the two of arXiv 2512.11811."""
