"""One view of a photo, asked about until an answer can be used, a few times and never for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Image
from geoflood.vlm.answer_formats import AnswerFormat, ParsedAnswer
from geoflood.vlm.canvas import SIDES, VIEWS, ModelView, blank, gridded, ruled
from geoflood.vlm.client import Answer, Asker, AskOptions, Prompt, RefusalError
from geoflood.vlm.consensus import alike, without_prior

__all__ = ["RawReply", "Retries"]

Floats: TypeAlias = NDArray[np.float32]

SAME_SHARE = 0.9
"""From so many equal numbers on, an answer is a habit and no judgement."""

NO_LOOK = "the model says the same of an empty picture: it did not look"
SAME = "nearly all numbers are the same"

_ENDS = {"stop": "", "unreadable": ": the server could not read it either"}
"""What the end of an answer adds to its fault."""


@dataclass(frozen=True, slots=True)
class RawReply:
    """What was said, as it was said, and what came of it."""

    view: str
    content: str
    thinking: str = ""
    fault: str = ""
    """Why it was not used; "" when it was."""
    cached: bool = False


@dataclass(frozen=True, slots=True)
class _Rung:
    """One way of asking."""

    cells: int
    texts: bool
    again: bool = False


class Retries:
    """How one model is asked in one form. Threads may share it."""

    def __init__(self, asker: Asker, form: AnswerFormat, cells: int, city: str) -> None:
        self._asker, self._form, self._cells, self._city = asker, form, cells, city
        self._side = SIDES[0]

    def climb(
        self, image: Image, view: ModelView, habit: ParsedAnswer | None, replies: list[RawReply]
    ) -> ParsedAnswer | None:
        """The first answer that can be used, the habit taken from its weights; None when there is none.

        Every answer is added to `replies`. Raises ModelError when asking itself fails.
        """
        for rung in self._rungs():
            said = self._said(image, view, rung, replies)
            if said is None:
                continue
            usual = self._usual(habit, view, rung.cells)
            if alike(said.weights, usual):
                replies[-1] = replace(replies[-1], fault=NO_LOOK)
                return None
            if said.scene != "complex" or not _degenerate(said.judged):
                return replace(said, weights=without_prior(said.weights, usual))
            replies[-1] = replace(replies[-1], fault=SAME)
        return None

    def habit(self) -> ParsedAnswer | None:
        """What the model says of a picture of nothing; None when that cannot be read, or is all the same."""
        said = self._said(blank(), VIEWS[0], _Rung(self._cells, texts=True), [])
        return None if said is None or _degenerate(said.judged) else said

    def _rungs(self) -> Sequence[_Rung]:
        """As planned; at random near it; without free text, over which servers stumble; with fewer cells."""
        asked = _Rung(self._cells, texts=True)
        rungs = [asked, replace(asked, again=True), replace(asked, texts=False)]
        return rungs + [_Rung(self._cells - 1, texts=False)] * (self._form.gridded and self._cells > 2)

    def _usual(self, habit: ParsedAnswer | None, view: ModelView, cells: int) -> Floats | None:
        """The habit in the cells of another view: it goes by where they stand, not by what they show."""
        if habit is None:
            return None
        edges = view.edges(cells)
        at = ((edges[:-1] + edges[1:]) / 2 * self._cells).astype(int)
        return np.asarray(habit.weights[np.ix_(at, at)])

    def _said(
        self, image: Image, view: ModelView, rung: _Rung, replies: list[RawReply]
    ) -> ParsedAnswer | None:
        """One answer, read; None when it cannot be, or when sampling failed on the server."""
        try:
            answer = self._answer(image, view, rung)
        except RefusalError as error:
            if error.kind != "unlucky":
                raise
            replies.append(RawReply(view.name, "", fault=str(error)))
            return None
        said, fault = self._read(answer, view.cells(rung.cells))
        replies.append(RawReply(view.name, answer.content, answer.thinking, fault, answer.cached))
        return said

    def _read(self, answer: Answer, cells: int) -> tuple[ParsedAnswer | None, str]:
        """What the first fitting JSON object in an answer says, or what is wrong with the last."""
        fault = "no JSON in it"
        for found in answer.candidates():
            try:
                return self._form.read(found, cells), ""
            except ValueError as error:
                fault = str(error)
        return None, fault + _ENDS.get(answer.done_reason, ": it broke off")

    def _answer(self, image: Image, view: ModelView, rung: _Rung) -> Answer:
        """On the largest canvas that the server's context takes; which one that is, is remembered."""
        cells = view.cells(rung.cells)
        prompt = Prompt(self._form.name, self._form.version, self._form.prompt(cells, self._city), view.name)
        options = AskOptions(300 + 40 * cells**2 if self._form.gridded else 900)
        schema = self._form.schema(cells, rung.texts)
        while True:
            shown = self._shown(image, view, rung.cells)
            try:
                return self._asker.ask([shown], prompt, schema, options.again() if rung.again else options)
            except RefusalError as error:
                smaller = [side for side in SIDES if side < self._side]
                if error.kind != "too long" or not smaller:
                    raise
                self._side = smaller[0]

    def _shown(self, image: Image, view: ModelView, cells: int) -> bytes:
        if self._form.gridded:
            return gridded(image, view, cells, self._side)
        return ruled(image, view, self._side)


def _degenerate(judged: Sequence[float]) -> bool:
    """Whether numbers are a habit: a few that are all the same, or many that nearly are."""
    commonest = Counter(judged).most_common(1)[0][1]
    return commonest == len(judged) or (len(judged) >= 9 and commonest >= SAME_SHARE * len(judged))
