"""The three formats in which a model can answer, each with its schema and its parser.

Keys are named so that their alphabetical order is the wanted one: one of Ollama's two paths sorts them.
Numbers are enumerated, for that is the only range which every server holds a model to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.vlm.canvas import ROW_LETTERS, VIEWS, ModelView
from geoflood.vlm.parse_replies import Json, one_line
from geoflood.vlm.prompts import cells_prompt, grid_prompt, points_prompt

__all__ = [
    "ANSWER_FORMATS",
    "AnswerFormat",
    "ParsedAnswer",
    "SceneKind",
    "cell_names",
    "enum_schema",
    "object_schema",
    "parse_numbers",
    "spread_points",
]

Floats: TypeAlias = NDArray[np.float32]

NEUTRAL_SCORE = 4.5
"""A score of 0..9 over this is a weight of 0..2, where 1 changes nothing."""

SIGMA = 0.2
"""Of the spreading around a point, shares of the frame (arXiv 2512.11811)."""

SPREAD_CELLS = 32
"""Cells a side of a map that is spread from points; the spreading is far wider."""

_REASON_CHARACTERS, _POINT_REASON_CHARACTERS, _TEXT_CHARACTERS, _MAX_TEXTS = 160, 80, 40, 6
_MAX_POINTS = 8
_WEIGHTS = [n / 10 for n in range(21)]
_SHARES = [n / 20 for n in range(21)]


class SceneKind(StrEnum):
    """What fills a photo, as far as the attention depends on it."""

    COMPLEX = "complex"
    """Many things, some of which speak for the place."""
    SINGLE_LANDMARK = "single_landmark"
    """One building: weighing its parts would blur it."""
    NOTHING_PERMANENT = "nothing_permanent"
    """Nothing that will be there next year."""
    UNKNOWN = "unknown"
    """No answer could be used; never a model's own word."""


_SCENES = [SceneKind.COMPLEX.value, SceneKind.SINGLE_LANDMARK.value, SceneKind.NOTHING_PERMANENT.value]
_PAPER_SCENES = _SCENES[:2]


@dataclass(frozen=True, slots=True, eq=False)
class ParsedAnswer:
    """What an answer says, checked, in the frame of its view."""

    weights: Floats
    """[rows, cols] in [0, 2]."""
    numbers: tuple[float, ...]
    """As the model gave them, to tell whether it judged at all."""
    scene: SceneKind = SceneKind.COMPLEX
    localizable: float | None = None
    """How much of the place can be recognised, [0, 1]."""
    waterline: float | None = None
    """The model's own number: share of the height under water."""
    row_water: tuple[float, ...] | None = None
    """Share of each row of cells under water, from the top."""
    texts: tuple[str, ...] = ()
    """What can be read on signs and shops."""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """A format of question and answer."""

    name: str
    version: int
    """Raised with every change of the prompt or of the picture: figures and journals name it."""
    prompt: Callable[[int, str], str]
    """(cells a side, city) -> the text of the question."""
    schema: Callable[[int, bool], Json]
    """(cells a side, with free text) -> JSON schema."""
    parse: Callable[[Mapping[str, Any], int], ParsedAnswer]
    """(answer, cells a side) -> ParsedAnswer. Raises ValueError with what is wrong."""
    has_grid: bool = True
    """Cells are drawn over the photo; otherwise rulers around it."""
    views: tuple[ModelView, ...] = VIEWS
    """Those that differ for this format."""


def cell_names(cells: int) -> list[str]:
    """A1, A2 ... row by row."""
    return [f"{row}{column + 1}" for row in _row_names(cells) for column in range(cells)]


def _row_names(cells: int) -> list[str]:
    return list(ROW_LETTERS[:cells])


def object_schema(properties: Json) -> Json:
    """The JSON schema of an object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def enum_schema(values: Sequence[Any]) -> Json:
    """The JSON schema of one of these values; the type is there for servers that look at nothing else."""
    kind = {str: "string", int: "integer", float: "number"}[type(values[0])]
    return {"type": kind, "enum": list(values)}


def _reason_schema(texts: bool, characters: int = _REASON_CHARACTERS) -> Json:
    return {"a_reason": {"type": "string", "maxLength": characters}} if texts else {}


def _cells_schema(cells: int, texts: bool) -> Json:
    score = enum_schema(range(10))
    text = {"type": "string", "maxLength": _TEXT_CHARACTERS}
    sign_texts: Json = {"e_text": {"type": "array", "items": text, "maxItems": _MAX_TEXTS}} if texts else {}
    return object_schema(
        _reason_schema(texts)
        | {"b_scene": enum_schema(_SCENES), "c_localizable": score, "d_water": score}
        | sign_texts
        | {
            "f_cells": object_schema(dict.fromkeys(cell_names(cells), score)),
            "g_water": object_schema(dict.fromkeys(_row_names(cells), score)),
        }
    )


def _parse_cells(answer: Mapping[str, Any], cells: int) -> ParsedAnswer:
    scores = parse_numbers(answer.get("f_cells"), cell_names(cells), 9)
    row_water = parse_numbers(answer.get("g_water"), _row_names(cells), 9)
    return ParsedAnswer(
        np.asarray(scores, np.float32).reshape(cells, cells) / NEUTRAL_SCORE,
        tuple(scores),
        _parse_scene(answer.get("b_scene")),
        _parse_number(answer.get("c_localizable"), "c_localizable", 9) / 9,
        _parse_number(answer.get("d_water"), "d_water", 9) / 10,
        tuple(share / 9 for share in row_water),
        _parse_texts(answer.get("e_text")),
        _parse_reason(answer.get("a_reason")),
    )


def _grid_schema(cells: int, texts: bool) -> Json:
    weights = object_schema(dict.fromkeys(cell_names(cells), enum_schema(_WEIGHTS)))
    return object_schema(_reason_schema(texts) | {"b_scene": enum_schema(_PAPER_SCENES), "f_cells": weights})


def _parse_grid(answer: Mapping[str, Any], cells: int) -> ParsedAnswer:
    weights = parse_numbers(answer.get("f_cells"), cell_names(cells), 2)
    grid = np.asarray(weights, np.float32).reshape(cells, cells)
    scene = _parse_scene(answer.get("b_scene"))
    return ParsedAnswer(grid, tuple(weights), scene, reasons=_parse_reason(answer.get("a_reason")))


def _points_schema(_: int, texts: bool) -> Json:
    share, weight = enum_schema(_SHARES), enum_schema(_WEIGHTS)
    free = _reason_schema(texts, _POINT_REASON_CHARACTERS)
    point = object_schema(free | {"b_x": share, "c_y": share, "d_weight": weight})
    points = {"type": "array", "items": point, "minItems": 3, "maxItems": _MAX_POINTS}
    return object_schema({"b_scene": enum_schema(_PAPER_SCENES), "f_points": points})


def _parse_points(answer: Mapping[str, Any], _: int) -> ParsedAnswer:
    listed = answer.get("f_points")
    points = [p for p in listed[:_MAX_POINTS] if isinstance(p, dict)] if isinstance(listed, list) else []
    if not points:
        raise ValueError("f_points is no list of points")
    limits = {"b_x": 1, "c_y": 1, "d_weight": 2}
    numbers = [[_parse_number(p.get(key), key, most) for key, most in limits.items()] for p in points]
    reasons = (_parse_reason(point.get("a_reason"), _POINT_REASON_CHARACTERS) for point in points)
    return ParsedAnswer(
        spread_points(np.asarray(numbers)),
        tuple(weight for _, _, weight in numbers),
        _parse_scene(answer.get("b_scene")),
        reasons=tuple(reason for given in reasons for reason in given),
    )


def spread_points(points: NDArray[Any]) -> Floats:
    """Points [N, 3] (x, y, weight) as a map [SPREAD_CELLS, SPREAD_CELLS] of mean weights.

    Each point counts with exp(-d² / 2σ²) of its distance d (arXiv 2512.11811); far corners therefore take the
    weight of the nearest point.
    """
    centres = (np.arange(SPREAD_CELLS) + 0.5) / SPREAD_CELLS
    across = (centres[None, :, None] - points[:, 0]) ** 2
    down = (centres[:, None, None] - points[:, 1]) ** 2
    near = -(across + down) / (2 * SIGMA**2)
    shares = np.exp(near - near.max(axis=2, keepdims=True))
    return np.asarray((shares @ points[:, 2] / shares.sum(axis=2)).clip(0, 2), np.float32)


def parse_numbers(values: Any, keys: Sequence[str], most: float) -> list[float]:
    """The values of exactly these keys, each from 0 to `most`. Raises ValueError."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{keys[0]} ... {keys[-1]} are missing")
    return [_parse_number(values.get(key), key, most) for key in keys]


def _parse_number(value: Any, key: str, most: float) -> float:
    """A number from 0 to `most`, or digits that mean one. Raises ValueError: nothing is guessed."""
    if isinstance(value, str) and len(value) < 6:
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{key} is no number from 0 to {most}")
    return float(value)


def _parse_scene(value: Any) -> SceneKind:
    if value not in _SCENES:
        raise ValueError("b_scene is no kind of scene")
    return SceneKind(value)


def _parse_texts(values: Any) -> tuple[str, ...]:
    """Those that are text, each once; none when there is no list of them."""
    listed = values[:_MAX_TEXTS] if isinstance(values, list) else []
    return tuple(dict.fromkeys(text for value in listed if (text := one_line(value, _TEXT_CHARACTERS))))


def _parse_reason(value: Any, characters: int = _REASON_CHARACTERS) -> tuple[str, ...]:
    reason = one_line(value, characters)
    return (reason,) if reason else ()


ANSWER_FORMATS = {
    "cells": AnswerFormat("cells", 2, cells_prompt, _cells_schema, _parse_cells),
    "points": AnswerFormat(
        "points", 2, points_prompt, _points_schema, _parse_points, has_grid=False, views=VIEWS[:2]
    ),
    "grid": AnswerFormat("grid", 2, grid_prompt, _grid_schema, _parse_grid),
}
"""By the name that `--prompt` takes: geoflood's own, and the two of arXiv 2512.11811."""
