"""A model that sees water and structure in the photo it is sent."""

from __future__ import annotations

import base64
import io
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image

from tests.support.far_side.scripted import cells_answer


def pixels(data: str) -> np.ndarray:
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(data))))


def sighted_answers(waterline: float = 0.45, **more: Any) -> Callable[[Any], Any]:
    """A model that finds structure above the water, and has no opinion of an empty picture."""

    def answer(body: Any) -> Any:
        form = body["format"]["properties"]
        if "f_cells" not in form:
            return {"a_reason": "", "b_verdict": "cannot_say", "c_sure": 0}
        side = math.isqrt(len(form["f_cells"]["properties"]))
        if np.abs(pixels(body["messages"][0]["images"][0]).astype(int) - 128).mean() < 8:
            scores = random.Random(1).choices(range(10), k=side * side)
            return cells_answer(scores, [0] * side)
        scores = [max(0, 9 - 2 * row - column % 3) for row in range(side) for column in range(side)]
        covered = [min(max(row + 1 - (1 - waterline) * side, 0), 1) for row in range(side)]
        own = {"d_water": round(10 * waterline), "e_text": ["ELM ST"]} | more
        return cells_answer(scores, [round(9 * share) for share in covered], **own)

    return answer
