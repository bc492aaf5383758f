"""A photo, asked about in several views, becomes an AttentionMap: or a neutral one that says why.

Nothing is made up on the way. An answer is used only when every number in it is one that was asked for.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import AttentionMap, Image
from geoflood.core.errors import ModelError, UsageError
from geoflood.vlm.answer_formats import ANSWER_FORMATS, ParsedAnswer, SceneKind
from geoflood.vlm.canvas import ModelView, in_photo_frame
from geoflood.vlm.client import Asker, RawReply
from geoflood.vlm.consensus import agreed_waterline, consensus_map, rank_agreement
from geoflood.vlm.parallel import parallel_map
from geoflood.vlm.privacy import sent_to
from geoflood.vlm.retries import Retries

__all__ = ["AttentionAsker", "Reading"]

Floats: TypeAlias = NDArray[np.float32]
K = TypeVar("K")

HOPELESS = 3.5 / 9
"""A scene called impermanent is believed up to this localizability: more contradicts it."""

_WHY_NEUTRAL = {
    SceneKind.SINGLE_LANDMARK: "one building fills the photo, and weighing its parts would blur it",
    SceneKind.NOTHING_PERMANENT: "nothing in the photo will be there next year",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model made of one photo."""

    attention: AttentionMap
    scene: SceneKind
    """What most views say; unknown when no answer could be used."""
    localizable: bool
    """False when the model finds nothing permanent, and is sure of it: then a search is wasted."""
    texts: tuple[str, ...]
    """What can be read on signs and shops."""
    replies: tuple[RawReply, ...]
    seconds: float
    cached: bool
    """Nothing was asked."""
    notes: tuple[str, ...]
    """For people: why the map is neutral, how far views agree, where the photo went."""
    unusable: str = ""
    """Why no answer could be used; "" when one was."""


class AttentionAsker:
    """Asks one model about photos. Threads may share it.

    Raises UsageError when there is no such format, grid or number of views.
    """

    def __init__(
        self,
        asker: Asker,
        answer_format: str = "cells",
        cells: int = 4,
        consistency: int = 1,
        city: str = "",
        prior: bool = True,
    ) -> None:
        """`consistency` is the number of views; `prior` asks about an empty picture first."""
        if answer_format not in ANSWER_FORMATS:
            raise UsageError(f"there is no prompt {answer_format!r}", f"one of: {', '.join(ANSWER_FORMATS)}")
        if not 2 <= cells <= 8:
            raise UsageError(f"a grid of {cells} x {cells} cells cannot be asked for", "from 2 to 8")
        chosen = ANSWER_FORMATS[answer_format]
        if not 1 <= consistency <= len(chosen.views):
            raise UsageError(
                f"the prompt {answer_format} knows {len(chosen.views)} views, not {consistency}",
                "ask for fewer",
            )
        self._asker, self._views = asker, chosen.views[:consistency]
        self._retries = Retries(asker, chosen, cells, city)
        self._prior: ParsedAnswer | None = None
        self._prior_known = not (prior and chosen.has_grid)
        self._lock = threading.Lock()

    def read(self, image: Image) -> Reading:
        """What the model makes of a photo [H, W, 3]. Raises ModelError when it cannot be asked."""
        begun = time.perf_counter()
        record = self._asker.record
        prior = self._ask_prior_once()
        replies: list[RawReply] = []
        parsed = [(view, self._retries.ask(image, view, prior, replies)) for view in self._views]
        answers = [_ViewAnswer(view, answer) for view, answer in parsed if answer is not None]
        notes = [f"the photo was sent to {host}"] if (host := sent_to(record)) else []
        unusable = "" if answers else f"no attention: {_last_fault(replies)}"
        notes += [unusable] if unusable else []
        return Reading(
            _attention(answers, record.full_name, notes),
            _scene(answers),
            _localizable(answers),
            tuple(dict.fromkeys(text for one in _unmirrored(answers) for text in one.parsed.texts)),
            tuple(replies),
            time.perf_counter() - begun,
            all(reply.cached for reply in replies),
            tuple(notes),
            unusable,
        )

    def read_each(self, photos: Iterable[tuple[K, Image]]) -> Iterator[tuple[K, Reading | ModelError]]:
        """Readings of many photos in their order, as many at a time as the servers can take.

        A photo whose reading fails is a ModelError in its place.
        """

        def work(photo: tuple[K, Image]) -> Reading | ModelError:
            try:
                return self.read(photo[1])
            except ModelError as error:
                return error

        for (key, _), reading in parallel_map(work, photos, self._asker.capacity):
            yield key, reading

    def _ask_prior_once(self) -> ParsedAnswer | None:
        """It belongs to the model and the prompt, not to a photo."""
        with self._lock:
            if not self._prior_known:
                self._prior = self._retries.ask_prior()
                self._prior_known = True
            return self._prior


@dataclass(frozen=True, slots=True)
class _ViewAnswer:
    """A view, and what was answered about it."""

    view: ModelView
    parsed: ParsedAnswer

    def weights(self, lattice: int) -> Floats:
        """In the photo's frame: [lattice, lattice]."""
        return in_photo_frame(self.parsed.weights, self.view, self.cells, lattice)

    def row_water(self, lattice: int) -> Floats | None:
        """Shares of rows under water in the photo's frame: [lattice]."""
        if self.parsed.row_water is None:
            return None
        rows = np.asarray(self.parsed.row_water)
        square = np.repeat(rows[:, None], len(rows), axis=1)
        return in_photo_frame(square, self.view, self.cells, lattice)[:, 0]

    @property
    def cells(self) -> int:
        """A side, of the base view."""
        return len(self.parsed.weights) - self.view.shifted


def _last_fault(replies: Sequence[RawReply]) -> str:
    return next((reply.fault for reply in reversed(replies) if reply.fault), "no answer")


def _attention(answers: Sequence[_ViewAnswer], provider: str, notes: list[str]) -> AttentionMap:
    """The map that the views agree on, or a neutral one; what people should know is added to the notes."""
    if not answers:
        return AttentionMap.neutral(None, provider, *notes)
    line = _waterline(answers, notes)
    reasons = dict.fromkeys(reason for one in _unmirrored(answers) for reason in one.parsed.reasons)
    scene = _scene(answers)
    if scene is SceneKind.COMPLEX:
        weights = _weights([one for one in answers if one.parsed.scene is SceneKind.COMPLEX], notes)
        return AttentionMap(weights, line, provider, (*reasons, *notes))
    notes.append(f"no attention: {_WHY_NEUTRAL[scene]}")
    if scene is SceneKind.NOTHING_PERMANENT and _localizable(answers):
        notes.append("but the model calls the place recognisable: it is searched for all the same")
    return AttentionMap.neutral(line, provider, *reasons, *notes)


def _unmirrored(answers: Sequence[_ViewAnswer]) -> Sequence[_ViewAnswer]:
    """Those about views in which writing can be read, and left is left."""
    return [one for one in answers if not one.view.mirrored]


def _weights(answers: Sequence[_ViewAnswer], notes: list[str]) -> Floats:
    """A single view keeps its own cells; several meet on half cells, where all their borders fall."""
    cells = max(one.cells for one in answers)
    if len(answers) == 1:
        return answers[0].weights(2 * cells if answers[0].view.shifted else cells)
    maps = np.stack([one.weights(2 * cells) for one in answers])
    agreement = rank_agreement(maps)
    notes.append(f"{len(maps)} views agree by {agreement:.0%}: attention counts by so much less")
    return consensus_map(maps, agreement)


def _waterline(answers: Sequence[_ViewAnswer], notes: list[str]) -> float | None:
    """From the medians, over the views, of the rows and of the model's own numbers."""
    lattice = 2 * max(one.cells for one in answers)
    rows = [row_water for one in answers if (row_water := one.row_water(lattice)) is not None]
    own = [one.parsed.waterline for one in answers if one.parsed.waterline is not None]
    if not rows or not own:
        return None
    line, why_unknown = agreed_waterline(np.median(rows, axis=0).tolist(), float(np.median(own)))
    notes.extend([why_unknown] * bool(why_unknown))
    return line


def _scene(answers: Sequence[_ViewAnswer]) -> SceneKind:
    """What most views say."""
    counts = Counter(one.parsed.scene for one in answers)
    return counts.most_common(1)[0][0] if counts else SceneKind.UNKNOWN


def _localizable(answers: Sequence[_ViewAnswer]) -> bool:
    """False when nothing permanent is there and the model's own number does not contradict that."""
    shares = [one.parsed.localizable for one in answers if one.parsed.localizable is not None]
    hopeless = bool(shares) and float(np.median(shares)) <= HOPELESS
    return not (_scene(answers) is SceneKind.NOTHING_PERMANENT and hopeless)
