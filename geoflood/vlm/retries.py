"""One view of a photo, asked about until an answer can be used, a few times and never for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Image
from geoflood.vlm.answer_formats import AnswerFormat, ParsedAnswer, SceneKind
from geoflood.vlm.canvas import SIDES, VIEWS, ModelView, blank_photo, photo_with_grid, photo_with_rulers
from geoflood.vlm.client import Answer, Asker, AskOptions, Prompt, RawReply, RefusalError
from geoflood.vlm.consensus import equals_prior, subtract_prior

__all__ = ["Retries"]

Floats: TypeAlias = NDArray[np.float32]

SAME_SHARE, MANY = 0.9, 9
"""From so many equal numbers on, among so many, an answer is a habit and no judgement."""

DID_NOT_LOOK = "the model says the same of an empty picture: it did not look"
ALL_THE_SAME = "nearly all numbers are the same"

_FAULT_ENDINGS = {"stop": "", "unreadable": ": the server could not read it either"}
"""What the end of an answer adds to its fault."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One way of asking."""

    cells: int
    texts: bool
    resampled: bool = False


class Retries:
    """How one model is asked in one format. Threads may share it."""

    def __init__(self, asker: Asker, answer_format: AnswerFormat, cells: int, city: str) -> None:
        self._asker, self._format, self._cells, self._city = asker, answer_format, cells, city
        self._side = SIDES[0]

    def ask(
        self, image: Image, view: ModelView, prior: ParsedAnswer | None, replies: list[RawReply]
    ) -> ParsedAnswer | None:
        """The first answer that can be used, less the prior's weights; None when there is none.

        Every reply is added to `replies`. Raises ModelError when asking itself fails.
        """
        for attempt in self._attempts():
            parsed = self._try(image, view, attempt, replies)
            if parsed is None:
                continue
            expected = self._prior_weights(prior, view, attempt.cells)
            if equals_prior(parsed.weights, expected):
                replies[-1] = replace(replies[-1], fault=DID_NOT_LOOK)
                return None
            if parsed.scene is not SceneKind.COMPLEX or not _degenerate(parsed.numbers):
                return replace(parsed, weights=subtract_prior(parsed.weights, expected))
            replies[-1] = replace(replies[-1], fault=ALL_THE_SAME)
        return None

    def ask_prior(self) -> ParsedAnswer | None:
        """What the model says of an empty picture; None when that cannot be parsed, or is all the same."""
        parsed = self._try(blank_photo(), VIEWS[0], _Attempt(self._cells, texts=True), [])
        return None if parsed is None or _degenerate(parsed.numbers) else parsed

    def _attempts(self) -> Sequence[_Attempt]:
        """As planned; at random near it; without free text, over which servers stumble; with fewer cells."""
        first = _Attempt(self._cells, texts=True)
        attempts = [first, replace(first, resampled=True), replace(first, texts=False)]
        if self._format.has_grid and self._cells > 2:
            attempts.append(_Attempt(self._cells - 1, texts=False))
        return attempts

    def _prior_weights(self, prior: ParsedAnswer | None, view: ModelView, cells: int) -> Floats | None:
        """The prior in the cells of another view: it goes by where cells stand, not by what they show."""
        if prior is None:
            return None
        edges = view.edges(cells)
        at = ((edges[:-1] + edges[1:]) / 2 * self._cells).astype(int)
        return np.asarray(prior.weights[np.ix_(at, at)])

    def _try(
        self, image: Image, view: ModelView, attempt: _Attempt, replies: list[RawReply]
    ) -> ParsedAnswer | None:
        """One answer, parsed; None when it cannot be, or when sampling failed on the server."""
        try:
            answer = self._answer(image, view, attempt)
        except RefusalError as error:
            if error.kind != "unlucky":
                raise
            replies.append(RawReply(view.name, "", fault=str(error)))
            return None
        parsed, fault = self._parse(answer, view.cells(attempt.cells))
        replies.append(RawReply(view.name, answer.content, answer.thinking, fault, answer.cached))
        return parsed

    def _parse(self, answer: Answer, cells: int) -> tuple[ParsedAnswer | None, str]:
        """What the first fitting JSON object in an answer says, or what is wrong with the last."""
        fault = "no JSON in it"
        for content in answer.json_objects():
            try:
                return self._format.parse(content, cells), ""
            except ValueError as error:
                fault = str(error)
        return None, fault + _FAULT_ENDINGS.get(answer.done_reason, ": it broke off")

    def _answer(self, image: Image, view: ModelView, attempt: _Attempt) -> Answer:
        """On the largest canvas that the server's context takes; which one that is, is remembered."""
        cells = view.cells(attempt.cells)
        prompt = Prompt(
            self._format.name, self._format.version, self._format.prompt(cells, self._city), view.name
        )
        options = AskOptions(300 + 40 * cells**2 if self._format.has_grid else 900)
        options = options.resampled() if attempt.resampled else options
        schema = self._format.schema(cells, attempt.texts)
        while True:
            try:
                return self._asker.ask([self._picture(image, view, attempt.cells)], prompt, schema, options)
            except RefusalError as error:
                smaller = [side for side in SIDES if side < self._side]
                if error.kind != "too long" or not smaller:
                    raise
                self._side = smaller[0]

    def _picture(self, image: Image, view: ModelView, cells: int) -> bytes:
        if self._format.has_grid:
            return photo_with_grid(image, view, cells, self._side)
        return photo_with_rulers(image, view, self._side)


def _degenerate(numbers: Sequence[float]) -> bool:
    """Whether numbers are a habit: a few that are all the same, or many that nearly are."""
    commonest = Counter(numbers).most_common(1)[0][1]
    return commonest == len(numbers) or (len(numbers) >= MANY and commonest >= SAME_SHARE * len(numbers))
