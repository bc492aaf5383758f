"""A model looks at the photos of a batch, all its hosts busy: the stage before the search.

A model that was asked for by name and fails costs a photo its row until the next run, which asks again. One
that is down is waited for a little; then the batch stops, so that not every photo that is left fails. With
`auto` the search goes on without it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from geoflood.core.datatypes import AttentionMap, Image
from geoflood.core.errors import ModelError
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.imagery.views import LONGEST
from geoflood.triage.intake import Photo
from geoflood.vlm.attend import AttentionResult, attend_photo
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.client import RefusalError

__all__ = ["PAUSES_S", "AskModelStage", "DecodedPhoto", "pixels_of", "unanswered"]

PAUSES_S = (2.0, 5.0, 15.0, 30.0)
"""Before a server that does not answer is asked again: it may be starting, or loading the model."""
IN_A_ROW = 5
"""Photos that a model refuses one after the other before it is taken for broken."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedPhoto:
    """A photo with its pixels, and what a model made of it."""

    photo: Photo
    pixels: Image | None = None
    """None when they cannot be decoded: the search says why."""
    attended: AttentionResult | None = None
    """None when none was asked."""
    retry: bool = False
    """The model failed it: a later run asks again."""
    attention: AttentionMap | None = None
    """What was said of it in a first pass: it is not asked about again."""


class AskModelStage:
    """Asks about photos; several threads may. `down` says why the model is given up, once it is."""

    def __init__(
        self,
        attention_asker: AttentionAsker,
        provider: str,
        auto: bool,
        capacity: int = 1,
        pauses_s: Sequence[float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._attention_asker, self._provider, self._auto = attention_asker, provider, auto
        self.capacity = capacity
        self._pauses_s: Sequence[float] = () if auto else PAUSES_S if pauses_s is None else pauses_s
        self._sleep = sleep
        self._lock, self._refused = threading.Lock(), 0
        self.down: ModelError | None = None
        self.doubts: Counter[str] = Counter()
        """What photos are searched for without."""

    def __call__(self, chunk: Sequence[DecodedPhoto]) -> Iterator[DecodedPhoto]:
        """What the model makes of each photo; nothing of one that cannot be decoded."""
        for photo in (one.photo for one in chunk):
            pixels = pixels_of(photo)
            if pixels is None:
                yield DecodedPhoto(photo)
                continue
            attended = self._attended(photo, pixels)
            self._count(attended)
            failed = isinstance(attended.error, ModelError)
            yield DecodedPhoto(photo, pixels, attended, failed and not self._auto)

    def _attended(self, photo: Photo, pixels: Image) -> AttentionResult:
        """A server that does not answer is waited for, unless the search can do without."""
        for pause_s in self._pauses_s:
            attended = attend_photo(photo.path, pixels, self._attention_asker, self._provider)
            if not _unreachable(attended.error) or self.down:
                return attended
            self._sleep(pause_s)
        return attend_photo(photo.path, pixels, self._attention_asker, self._provider)

    def _count(self, attended: AttentionResult) -> None:
        """Whether the model is down, or refuses whatever it is shown; a replay's gaps are not its fault."""
        error = attended.error
        with self._lock:
            if unanswered(error):
                return
            failed = isinstance(error, ModelError)
            self._refused = self._refused + 1 if failed else 0
            if attended.unavailable and (self._auto or not failed):
                self.doubts[attended.unavailable] += 1
            if isinstance(error, ModelError) and not self._auto:
                self.down = error if _unreachable(error) or self._refused >= IN_A_ROW else self.down


def pixels_of(photo: Photo) -> Image | None:
    """Of a photo that may have been decoded already; None when nobody can."""
    if photo.pixels is not None:
        return photo.pixels
    try:
        return read_image(photo.path, LONGEST)
    except UnreadableImageError:
        return None


def unanswered(error: Exception | None) -> bool:
    """A replay has no answer to this question."""
    return isinstance(error, RefusalError) and error.kind == "unanswered"


def _unreachable(error: Exception | None) -> bool:
    """No host answers, or all that failed rest: a photo is not to blame."""
    return isinstance(error, RefusalError) and error.kind == "unreachable"
