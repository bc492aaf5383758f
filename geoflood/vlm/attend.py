"""`--attention ollama|auto`: photos -> what a vision-language model says of them -> attention maps.

Asked for by name, a model that cannot be asked fails the photo. With `auto` the photo is searched without
attention, and the terminal, the map and the files say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from geoflood.core.datatypes import AttentionMap, Image, Located, Outcome, Progress, Query, no_progress
from geoflood.core.errors import GeofloodError, InputError, ModelError
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.imagery.views import LONGEST
from geoflood.vlm.attention import AttentionAsker, Reading

__all__ = ["DOUBT", "AttentionResult", "Search", "attend", "look", "search_attended"]

Search = Callable[[Sequence[Query], Sequence[AttentionMap]], Sequence[Located]]
"""Locates each query under its attention."""

DOUBT = 0.5
"""Of a model's waterline: half of what a right one gains is kept, and a wrong one costs half. DESIGN.md."""

_NOWHERE = (
    "not searched: nothing in the photo will be there next year, says the model "
    "(--search-anyway searches all the same)"
)


@dataclass(frozen=True, slots=True)
class AttentionResult:
    """What came of asking about one photo: a reading, or why there is none."""

    path: Path
    provider: str
    reading: Reading | None = None
    error: GeofloodError | None = None
    """InputError for a photo that cannot be decoded, ModelError for a model that cannot be asked."""

    @property
    def attention(self) -> AttentionMap:
        """The model's map with all that it said; a neutral one without a reading."""
        if self.reading is None:
            return AttentionMap.neutral(None, self.provider, f"no attention: {self.error}")
        texts = ", ".join(f"“{text}”" for text in self.reading.texts)
        told = replace(self.reading.attention, doubt=DOUBT)
        return replace(told, reasons=(*told.reasons, f"legible: {texts}")) if texts else told

    @property
    def doubt(self) -> str:
        """Why the photo is searched without the attention that was asked for; "" when it has it."""
        if isinstance(self.error, ModelError):
            return f"no attention: {self.error}"
        if self.reading is not None and self.reading.scene == "unknown":
            return next((note for note in self.reading.notes if note.startswith("no attention")), "")
        return ""

    def settled(self, auto: bool, anyway: bool) -> tuple[Outcome, str] | None:
        """The outcome without a search and its reason; None for a photo to be searched for."""
        if isinstance(self.error, ModelError) and not auto:
            return Outcome.FAILED, f"not searched: {self.error}"
        if self.reading is not None and not self.reading.localizable and not anyway:
            return Outcome.NOT_FOUND, _NOWHERE
        return None


def attend(
    paths: Sequence[Path], attendant: AttentionAsker, provider: str, progress: Progress = no_progress
) -> list[AttentionResult]:
    """Ask about each photo, in their order, all hosts busy. One that fails is a value in its place."""
    unreadable: dict[int, InputError] = {}

    def photos() -> Iterator[tuple[int, Image]]:
        for number, path in enumerate(paths):
            try:
                yield number, read_image(path, LONGEST)
            except UnreadableImageError as error:
                unreadable[number] = error

    readings: dict[int, Reading | ModelError] = {}
    for number, reading in attendant.read_each(photos()):
        readings[number] = reading
        progress("asking the model", len(readings) + len(unreadable), len(paths))
    return [
        _attended(path, provider, unreadable.get(number) or readings[number])
        for number, path in enumerate(paths)
    ]


def look(path: Path, photo: Image, attendant: AttentionAsker, provider: str) -> AttentionResult:
    """Ask about one photo [H, W, 3] that was read from `path`."""
    try:
        return _attended(path, provider, attendant.read(photo))
    except ModelError as error:
        return _attended(path, provider, error)


def _attended(path: Path, provider: str, came: Reading | GeofloodError) -> AttentionResult:
    if isinstance(came, GeofloodError):
        return AttentionResult(path, provider, error=came)
    return AttentionResult(path, came.attention.provider, came)


def search_attended(
    queries: Sequence[Query],
    attended: Sequence[AttentionResult],
    search: Search,
    *,
    waterline: float | None = None,
    auto: bool = False,
    anyway: bool = False,
) -> list[Located]:
    """Search for the photos that are worth it, and say of the others why not; in their order.

    A `waterline` that a person told stands over the model's.
    """
    maps = [_told(one.attention, waterline) for one in attended]
    ends = [one.settled(auto, anyway) for one in attended]
    sought = [number for number, end in enumerate(ends) if end is None]
    found = iter(search([queries[number] for number in sought], [maps[number] for number in sought]))
    return [
        _noted(next(found), one) if end is None else Located(query, *end, attention=map_)
        for query, one, end, map_ in zip(queries, attended, ends, maps, strict=True)
    ]


def _told(attention: AttentionMap, waterline: float | None) -> AttentionMap:
    if waterline is None:
        return attention
    reasons = (*attention.reasons, "the waterline is the analyst's")
    return replace(attention, waterline=waterline, doubt=0.0, reasons=reasons)


def _noted(located: Located, one: AttentionResult) -> Located:
    """With the model's time, and in the first line what the search had to do without."""
    spent = {} if one.reading is None else {"attend": round(one.reading.seconds, 4)}
    reason = f"{located.reason}; {one.doubt}" if one.doubt else located.reason
    return replace(located, reason=reason, seconds=spent | located.seconds)
