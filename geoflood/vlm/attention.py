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
from geoflood.vlm.answer_formats import FORMS, ParsedAnswer
from geoflood.vlm.canvas import ModelView, read_back
from geoflood.vlm.client import Asker
from geoflood.vlm.consensus import agreed, agreement, waterline
from geoflood.vlm.pool import each
from geoflood.vlm.privacy import away
from geoflood.vlm.retries import RawReply, Retries

__all__ = ["AttentionAsker", "RawReply", "Reading"]

Floats: TypeAlias = NDArray[np.float32]
K = TypeVar("K")

HOPELESS = 3.5 / 9
"""A scene called impermanent is believed up to this localizability: more contradicts it."""

_WHY_NEUTRAL = {
    "single_landmark": "one building fills the photo, and weighing its parts would blur it",
    "nothing_permanent": "nothing in the photo will be there next year",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model made of one photo."""

    attention: AttentionMap
    scene: str
    """complex, single_landmark, nothing_permanent; unknown when no answer could be used."""
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


class AttentionAsker:
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
            raise UsageError(f"there is no prompt {form!r}", f"one of: {', '.join(FORMS)}")
        if not 2 <= cells <= 8:
            raise UsageError(f"a grid of {cells} x {cells} cells cannot be asked for", "from 2 to 8")
        views = FORMS[form].views
        if not 1 <= consistency <= len(views):
            raise UsageError(
                f"the prompt {form} knows {len(views)} views, not {consistency}", "ask for fewer"
            )
        self._asker, self._views = asker, views[:consistency]
        self._ladder = Retries(asker, FORMS[form], cells, city)
        self._habit: ParsedAnswer | None = None
        self._habit_known = not (prior and FORMS[form].gridded)
        self._lock = threading.Lock()

    def read(self, image: Image) -> Reading:
        """What the model makes of a photo [H, W, 3]. Raises ModelError when it cannot be asked."""
        begun = time.perf_counter()
        standing = self._asker.standing
        habit = self._known_habit()
        replies: list[RawReply] = []
        heard = [(view, self._ladder.climb(image, view, habit, replies)) for view in self._views]
        seen = [_Seen(view, said) for view, said in heard if said is not None]
        notes = [f"the photo was sent to {away(standing)}"] * bool(away(standing))
        attention = _attention(seen, standing.named, notes, replies)
        return Reading(
            attention,
            _scene(seen),
            _localizable(seen),
            tuple(dict.fromkeys(text for one in _legible(seen) for text in one.said.texts)),
            tuple(replies),
            time.perf_counter() - begun,
            all(reply.cached for reply in replies),
            tuple(notes),
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

        for (key, _), reading in each(work, photos, self._asker.capacity):
            yield key, reading

    def _known_habit(self) -> ParsedAnswer | None:
        """Asked once: it belongs to the model and the prompt, not to a photo."""
        with self._lock:
            if not self._habit_known:
                self._habit = self._ladder.habit()
                self._habit_known = True
            return self._habit


@dataclass(frozen=True, slots=True)
class _Seen:
    """A view, and what was said of it."""

    view: ModelView
    said: ParsedAnswer

    def upright(self, lattice: int) -> Floats:
        """Its weights in the photo's frame: [lattice, lattice]."""
        return read_back(self.said.weights, self.view, self.cells, lattice)

    def rows(self, lattice: int) -> Floats | None:
        """Shares of rows under water in the photo's frame: [lattice]."""
        if self.said.row_water is None:
            return None
        square = np.repeat(np.asarray(self.said.row_water)[:, None], len(self.said.row_water), axis=1)
        return read_back(square, self.view, self.cells, lattice)[:, 0]

    @property
    def cells(self) -> int:
        """A side, of the plain view."""
        return len(self.said.weights) - self.view.shifted


def _attention(
    seen: Sequence[_Seen], provider: str, notes: list[str], replies: Sequence[RawReply]
) -> AttentionMap:
    """The map that the views agree on, or a neutral one; what people should know is added to the notes."""
    if not seen:
        fault = next((reply.fault for reply in reversed(replies) if reply.fault), "no answer")
        notes.append(f"no attention: {fault}")
        return AttentionMap.neutral(None, provider, *notes)
    line = _waterline(seen, notes)
    reasons = dict.fromkeys(reason for one in _legible(seen) for reason in one.said.reasons)
    scene = _scene(seen)
    if scene != "complex":
        notes.append(f"no attention: {_WHY_NEUTRAL[scene]}")
        if scene == "nothing_permanent" and _localizable(seen):
            notes.append("but the model calls the place recognisable: it is searched for all the same")
        return AttentionMap.neutral(line, provider, *reasons, *notes)
    weights = _weights([one for one in seen if one.said.scene == "complex"], notes)
    return AttentionMap(weights, line, provider, (*reasons, *notes))


def _legible(seen: Sequence[_Seen]) -> Sequence[_Seen]:
    """The views in which writing can be read, and left is left."""
    return [one for one in seen if not one.view.mirrored]


def _weights(seen: Sequence[_Seen], notes: list[str]) -> Floats:
    """A single view keeps its own cells; several meet on half cells, where all their borders fall."""
    cells = max(one.cells for one in seen)
    if len(seen) == 1:
        return seen[0].upright(2 * cells if seen[0].view.shifted else cells)
    maps = np.stack([one.upright(2 * cells) for one in seen])
    share = agreement(maps)
    notes.append(f"{len(maps)} views agree by {share:.0%}: attention counts by so much less")
    return agreed(maps, share)


def _waterline(seen: Sequence[_Seen], notes: list[str]) -> float | None:
    """From the medians, over the views, of the rows and of the model's own numbers."""
    lattice = 2 * max(one.cells for one in seen)
    rows = [found for one in seen if (found := one.rows(lattice)) is not None]
    owns = [one.said.waterline for one in seen if one.said.waterline is not None]
    if not rows or not owns:
        return None
    line, doubt = waterline(np.median(rows, axis=0).tolist(), float(np.median(owns)))
    notes.extend([doubt] * bool(doubt))
    return line


def _scene(seen: Sequence[_Seen]) -> str:
    """What most views say."""
    return Counter(one.said.scene for one in seen).most_common(1)[0][0] if seen else "unknown"


def _localizable(seen: Sequence[_Seen]) -> bool:
    """False when nothing permanent is seen and the model's own number does not contradict that."""
    shares = [one.said.localizable for one in seen if one.said.localizable is not None]
    return _scene(seen) != "nothing_permanent" or not shares or float(np.median(shares)) > HOPELESS
