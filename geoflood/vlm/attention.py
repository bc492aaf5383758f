"""A photo, asked for in several views, becomes an AttentionMap: or a neutral one that says why.

Nothing is made up on the way. An answer is used only when every number in it is one that was asked for;
one that is not is asked for again, differently, a few times, and then given up.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from geoflood.errors import ModelError, UsageError
from geoflood.terms import AttentionMap, Image
from geoflood.vlm.canvas import SIDES, VIEWS, View, blank, gridded, read_back, ruled
from geoflood.vlm.client import Answer, Asker, Options, Prompt, RefusalError
from geoflood.vlm.consensus import agreed, agreement, alike, waterline, without_prior
from geoflood.vlm.forms import FORMS, Said
from geoflood.vlm.pool import each
from geoflood.vlm.privacy import away

__all__ = ["Attendant", "RawReply", "Reading"]

Floats: TypeAlias = NDArray[np.float32]
K = TypeVar("K")

SAME_SHARE = 0.9
"""From so many equal numbers on, an answer is a habit and no judgement."""

HOPELESS = 3.5 / 9
"""A scene said to hold nothing permanent is believed up to this localizability; more contradicts it."""

NO_LOOK = "the model answers the same of an empty picture: it did not look"


@dataclass(frozen=True, slots=True)
class RawReply:
    """What was said, as it was said, and what came of it."""

    view: str
    content: str
    thinking: str
    fault: str = ""
    """Why it was not used; "" when it was."""
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model made of one photo."""

    attention: AttentionMap
    scene: str
    """complex, single_landmark, nothing_permanent, or unknown."""
    localizable: bool
    """False only when the model is sure that nothing permanent shows: then a search is wasted."""
    texts: tuple[str, ...]
    """What can be read on signs and shops."""
    replies: tuple[RawReply, ...]
    seconds: float
    cached: bool
    """Nothing was asked."""
    notes: tuple[str, ...]
    """What a person should know: why the map is neutral, how far views agree, where the photo went."""


@dataclass(frozen=True, slots=True)
class _Try:
    """One rung of the ladder."""

    cells: int
    texts: bool
    again: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A view that was read, in the photo's frame."""

    view: View
    cells: int
    said: Said
    weights: Floats
    """In the view's frame, the prior taken away."""


class Attendant:
    """Asks one model about photos. Threads may share it."""

    def __init__(
        self,
        asker: Asker,
        form: str = "cells",
        cells: int = 4,
        consistency: int = 1,
        city: str = "",
        prior: bool = True,
    ) -> None:
        if form not in FORMS:
            raise UsageError(f"{form!r} is no prompt", f"one of: {', '.join(FORMS)}")
        if not 2 <= cells <= 8:
            raise UsageError(f"a grid of {cells} x {cells} cells cannot be asked for", "from 2 to 8")
        self._form = FORMS[form]
        if not 1 <= consistency <= len(self._form.views):
            raise UsageError(
                f"{form} knows {len(self._form.views)} views, not {consistency}", "lower --consistency"
            )
        self._asker, self._cells, self._city = asker, cells, city
        self._views = self._form.views[:consistency]
        self._wants_prior = prior and self._form.gridded
        self._side = SIDES[0]

    def read(self, image: Image) -> Reading:
        """What the model makes of a photo [H, W, 3]. Raises ModelError when it cannot be asked at all."""
        begun = time.perf_counter()
        standing = self._asker.standing
        replies: list[RawReply] = []
        prior = self._prior(replies) if self._wants_prior else None
        seen = [one for view in self._views if (one := self._seen(image, view, prior, replies))]
        sent = away(standing)
        notes = [f"the photo was sent to {sent}"] if sent else []
        reading = _joined(seen, self._cells, standing.named, replies, notes)
        cached = all(reply.cached for reply in replies)
        return Reading(*reading, tuple(replies), time.perf_counter() - begun, cached, tuple(notes))

    def read_each(self, photos: Iterable[tuple[K, Image]]) -> Iterator[tuple[K, Reading | ModelError]]:
        """Readings of many photos in their order, as many at a time as the servers can take.

        A photo whose reading fails is a ModelError in its place.
        """

        def work(photo: tuple[K, Image]) -> Reading | ModelError:
            try:
                return self.read(photo[1])
            except ModelError as error:
                return error

        for (key, _), reading in each(work, photos, self._asker.capacity):
            yield key, reading

    def _prior(self, replies: list[RawReply]) -> Said | None:
        """What the model says of nothing at all, in the base view; None when that cannot be read."""
        before = len(replies)
        said = self._said(blank(), VIEWS[0], _Try(self._cells, texts=True), replies)
        replies[before:] = [
            RawReply("blank", r.content, r.thinking, r.fault, r.cached) for r in replies[before:]
        ]
        return said

    def _seen(
        self, image: Image, view: View, prior: Said | None, replies: list[RawReply]
    ) -> _Seen | None:
        """Up the ladder until an answer can be used; None when none can."""
        for rung in self._ladder():
            said = self._said(image, view, rung, replies)
            if said is None:
                continue
            habit = _prior_of(prior, view, rung.cells, self._cells)
            if alike(said.weights, habit):
                _blame(replies, NO_LOOK)
                return None
            if said.scene == "complex" and _degenerate(said.judged):
                _blame(replies, "nearly all numbers are the same")
                continue
            return _Seen(view, rung.cells, said, without_prior(said.weights, habit))
        return None

    def _ladder(self) -> Sequence[_Try]:
        """As asked; near it at random; without free text, which some servers stumble over; with fewer cells."""
        smaller = [_Try(self._cells - 1, texts=False)] if self._form.gridded and self._cells > 2 else []
        asked = _Try(self._cells, texts=True)
        return asked, _Try(self._cells, True, again=True), _Try(self._cells, texts=False), *smaller

    def _said(self, image: Image, view: View, rung: _Try, replies: list[RawReply]) -> Said | None:
        """One answer, read; None when the model's luck or form failed it. Both ends are kept in `replies`."""
        try:
            answer = self._answer(image, view, rung)
        except RefusalError as error:
            if error.kind != "unlucky":
                raise
            replies.append(RawReply(view.name, "", "", str(error)))
            return None
        fault = "no JSON in it"
        for found in answer.candidates():
            try:
                said = self._form.read(found, view.cells(rung.cells))
            except (ValueError, OverflowError) as error:
                fault = str(error)
            else:
                replies.append(_raw(answer, view, ""))
                return said
        cut = " (cut off)" if answer.done_reason != "stop" else ""
        replies.append(_raw(answer, view, fault + cut))
        return None

    def _answer(self, image: Image, view: View, rung: _Try) -> Answer:
        """Asked on the largest canvas that the server's context takes; which one that is, is remembered."""
        cells = view.cells(rung.cells)
        prompt = Prompt(
            self._form.name, self._form.version, self._form.prompt(cells, self._city), view.name
        )
        options = Options(300 + 40 * cells**2 if self._form.gridded else 900)
        options = options.again() if rung.again else options
        schema = self._form.schema(cells, rung.texts)
        for side in (side for side in SIDES if side <= self._side):
            self._side = side
            shown = (
                gridded(image, view, rung.cells, side) if self._form.gridded else ruled(image, view, side)
            )
            try:
                return self._asker.ask([shown], prompt, schema, options)
            except RefusalError as error:
                if error.kind != "too long" or side == SIDES[-1]:
                    raise
        raise AssertionError("the smallest canvas is answered or refused")


def _raw(answer: Answer, view: View, fault: str) -> RawReply:
    return RawReply(view.name, answer.content, answer.thinking, fault, answer.cached)


def _blame(replies: list[RawReply], fault: str) -> None:
    last = replies[-1]
    replies[-1] = RawReply(last.view, last.content, last.thinking, fault, last.cached)


def _degenerate(judged: Sequence[float]) -> bool:
    """Whether an answer is a habit: all of a few numbers the same, or nearly all of many."""
    commonest = Counter(judged).most_common(1)[0][1]
    return commonest == len(judged) or (len(judged) >= 9 and commonest >= SAME_SHARE * len(judged))


def _prior_of(prior: Said | None, view: View, cells: int, asked: int) -> Floats | None:
    """The model's habit in the cells of a view, which it has by where they stand, not by what they show."""
    if prior is None or _degenerate(prior.judged):
        return None
    edges = view.edges(cells)
    at = np.minimum(((edges[:-1] + edges[1:]) / 2 * asked).astype(int), asked - 1)
    return prior.weights[np.ix_(at, at)]


def _joined(
    seen: Sequence[_Seen], cells: int, provider: str, replies: Sequence[RawReply], notes: list[str]
) -> tuple[AttentionMap, str, bool, tuple[str, ...]]:
    """The map, the scene, whether the place can be told, and the texts; adds to the notes."""
    if not seen:
        fault = next((reply.fault for reply in reversed(replies) if reply.fault), "no answer")
        notes.append(f"no attention: {fault}")
        return AttentionMap.neutral(None, provider, *notes), "unknown", True, ()
    scene = Counter(one.said.scene for one in seen).most_common(1)[0][0]
    line, doubt = _waterline(seen)
    notes.extend([doubt] if doubt else [])
    localizable = _localizable(seen, scene, notes)
    texts = tuple(dict.fromkeys(text for one in seen for text in one.said.texts))
    reasons = dict.fromkeys(reason for one in seen for reason in one.said.reasons)
    if scene != "complex":
        notes.append(f"no attention: {_WHY_NEUTRAL[scene]}")
        attention = AttentionMap.neutral(line, provider, *notes, *reasons)
    else:
        weights = _weights(seen, cells, notes)
        attention = AttentionMap(weights, line, provider, (*reasons, *notes))
    return attention, scene, localizable, texts


_WHY_NEUTRAL = {
    "single_landmark": "one building fills the photo, and weighing its parts would blur it",
    "nothing_permanent": "nothing in the photo will be there next year",
}


def _weights(seen: Sequence[_Seen], cells: int, notes: list[str]) -> Floats:
    """The map that the views agree on. A single view keeps its own cells; several meet on half cells."""
    complex_ones = [one for one in seen if one.said.scene == "complex"]
    if len(complex_ones) == 1:
        only = complex_ones[0]
        size = len(only.weights)
        return read_back(only.weights, only.view, only.cells, size) if not only.view.shifted else _upright(only, 2 * cells)
    maps = np.stack([_upright(one, 2 * cells) for one in complex_ones])
    share = agreement(maps)
    notes.append(f"{len(maps)} views agree {share:.0%}; attention is weakened by as much")
    return agreed(maps, share)


def _upright(one: _Seen, lattice: int) -> Floats:
    """A view's weights in the photo's frame, [lattice, lattice]."""
    return read_back(one.weights, one.view, one.cells, lattice)


def _waterline(seen: Sequence[_Seen]) -> tuple[float | None, str]:
    """From the median of rows and of own words over the views."""
    rows = [
        read_back(np.repeat(np.asarray(one.said.row_water)[:, None], len(one.said.row_water), 1), one.view, one.cells, 24)[:, 0]
        for one in seen
        if one.said.row_water is not None
    ]
    owns = [one.said.waterline for one in seen if one.said.waterline is not None]
    if not rows or not owns:
        return None, ""
    return waterline(np.median(rows, axis=0).tolist(), float(np.median(owns)))


def _localizable(seen: Sequence[_Seen], scene: str, notes: list[str]) -> bool:
    """False when the model finds nothing permanent, and its own number does not contradict that."""
    shares = [one.said.localizable for one in seen if one.said.localizable is not None]
    if scene != "nothing_permanent":
        return True
    if shares and float(np.median(shares)) <= HOPELESS:
        return False
    notes.append("the model finds nothing permanent, yet calls the place recognisable: searched all the same")
    return True
