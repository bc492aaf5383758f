"""Models without a server: for what is asked and believed, where the wire does not matter."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from geoflood.vlm.canvas import VIEWS, ModelView
from geoflood.vlm.client import Answer, AskOptions, ModelRecord, Prompt

Script = Callable[[Prompt, Mapping[str, Any], AskOptions], Any]
"""What is asked -> text, a JSON value, an Answer, or an error to raise."""


class Scripted:
    """Answers what a script says, and keeps what it was asked."""

    capacity = 2

    def __init__(self, script: Script, record: ModelRecord | None = None) -> None:
        self.script = script
        self.record = record or ModelRecord("ollama", "scripted", "127.0.0.1:11434", "0.33.0", "d1", True)
        self.asked: list[tuple[Sequence[bytes], Prompt, Mapping[str, Any], AskOptions]] = []

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        self.asked.append((images, prompt, schema, options))
        said = self.script(prompt, schema, options)
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, Answer):
            return said
        return Answer(said if isinstance(said, str) else json.dumps(said), done_reason="stop")

    def close(self) -> None:
        pass


def in_turn(*said: Any) -> Script:
    """A script of answers one after the other, the last one for ever."""
    left = list(said)
    return lambda *_: left.pop(0) if len(left) > 1 else left[0]


def cells_of(schema: Mapping[str, Any]) -> int:
    """Cells a side that a schema of the forms cells and grid asks for."""
    return math.isqrt(len(schema["properties"]["f_cells"]["properties"]))


def cells_answer(scores: Sequence[int], water: Sequence[int], **more: Any) -> dict[str, Any]:
    """A whole answer in the form cells from scores, row by row, and water, a number a row."""
    side = math.isqrt(len(scores))
    names = [f"{'ABCDEFGHI'[n // side]}{n % side + 1}" for n in range(len(scores))]
    answer = {
        "a_reason": "the roof line",
        "b_scene": "complex",
        "c_localizable": 7,
        "d_water": 0,
        "e_text": [],
    }
    answer |= {"f_cells": dict(zip(names, scores, strict=True))}
    return answer | {"g_water": dict(zip("ABCDEFGHI"[:side], water, strict=True))} | more


class Sighted:
    """A script that sees: scores are those of a field over the photo, water is where it is.

    field(x, y) -> 0..9 at shares of the photo; a view shows the photo as that view does.
    """

    def __init__(self, field: Callable[[Any, Any], Any], waterline: float = 0.0, **more: Any) -> None:
        self.field, self.waterline, self.more = field, waterline, more

    def __call__(self, prompt: Prompt, schema: Mapping[str, Any], _: AskOptions) -> Any:
        view = next(view for view in VIEWS if view.name == prompt.view)
        edges = view.edges(cells_of(schema) - view.shifted)
        centres = (edges[:-1] + edges[1:]) / 2
        across = 1 - centres if view.mirrored else centres
        scores = self.field(across[None, :], centres[:, None]) * np.ones((len(centres), len(centres)))
        water = ((edges[1:] - (1 - self.waterline)) / np.diff(edges)).clip(0, 1)
        own = {"d_water": round(10 * self.waterline)} | self.more
        return cells_answer(
            np.rint(scores).astype(int).ravel().tolist(), np.rint(9 * water).astype(int).tolist(), **own
        )


BASE: ModelView = VIEWS[0]
