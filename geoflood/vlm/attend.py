"""`--attention ollama|auto`: photos -> what a vision-language model says of them -> attention maps.

A model that was named and cannot be asked fails the photo. With `auto` the photo is searched without
attention, and the terminal, the map and the files say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from geoflood.core.datatypes import (
    AttentionMap,
    Image,
    Located,
    Outcome,
    Progress,
    Query,
    Reason,
    ReasonKind,
    no_progress,
)
from geoflood.core.errors import GeofloodError, InputError, ModelError
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.imagery.views import LONGEST
from geoflood.vlm.attention import AttentionAsker, Reading

__all__ = ["DOUBT", "AttentionResult", "Search", "attend", "attend_photo", "search_attended"]

Search = Callable[[Sequence[Query], Sequence[AttentionMap]], Sequence[Located]]
"""Locates each query under its attention."""

DOUBT = 0.5
"""Of a model's waterline: half of what a right one gains is kept, a wrong one costs half. Decision 043."""


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
        attention = replace(self.reading.attention, doubt=DOUBT)
        if not texts:
            return attention
        return replace(attention, reasons=(*attention.reasons, f"legible: {texts}"))

    @property
    def unavailable(self) -> str:
        """Why the photo is searched without the attention that was asked for; "" when it has it."""
        if isinstance(self.error, ModelError):
            return f"no attention: {self.error}"
        return self.reading.unusable if self.reading else ""

    def outcome_without_search(self, auto: bool, anyway: bool) -> tuple[Outcome, Reason] | None:
        """The outcome without a search and its reason; None for a photo to be searched for."""
        if isinstance(self.error, ModelError) and not auto:
            return Outcome.FAILED, Reason(ReasonKind.MODEL_FAILED, detail=str(self.error))
        if self.reading is not None and not self.reading.localizable and not anyway:
            return Outcome.NOT_FOUND, Reason(ReasonKind.NOTHING_PERMANENT)
        return None


def attend(
    paths: Sequence[Path], attention_asker: AttentionAsker, provider: str, progress: Progress = no_progress
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
    for number, reading in attention_asker.read_each(photos()):
        readings[number] = reading
        progress("asking the model", len(readings) + len(unreadable), len(paths))
    return [
        _result(path, provider, unreadable.get(number) or readings[number])
        for number, path in enumerate(paths)
    ]


def attend_photo(path: Path, photo: Image, attention_asker: AttentionAsker, provider: str) -> AttentionResult:
    """Ask about one photo [H, W, 3] that was read from `path`."""
    try:
        return _result(path, provider, attention_asker.read(photo))
    except ModelError as error:
        return _result(path, provider, error)


def _result(path: Path, provider: str, reading: Reading | GeofloodError) -> AttentionResult:
    if isinstance(reading, GeofloodError):
        return AttentionResult(path, provider, error=reading)
    return AttentionResult(path, reading.attention.provider, reading)


def search_attended(
    queries: Sequence[Query],
    results: Sequence[AttentionResult],
    search: Search,
    *,
    waterline: float | None = None,
    auto: bool = False,
    anyway: bool = False,
) -> list[Located]:
    """Search for the photos that are worth it, and say of the others why not; in their order.

    A `waterline` that a person told stands over the model's.
    """
    maps = [_with_waterline(result.attention, waterline) for result in results]
    ends = [result.outcome_without_search(auto, anyway) for result in results]
    worth = [number for number, end in enumerate(ends) if end is None]
    located = iter(search([queries[number] for number in worth], [maps[number] for number in worth]))
    return [
        _with_attention_notes(next(located), result) if end is None else Located(query, *end, attention=map_)
        for query, result, end, map_ in zip(queries, results, ends, maps, strict=True)
    ]


def _with_waterline(attention: AttentionMap, waterline: float | None) -> AttentionMap:
    if waterline is None:
        return attention
    reasons = (*attention.reasons, "the waterline is the analyst's")
    return replace(attention, waterline=waterline, doubt=0.0, reasons=reasons)


def _with_attention_notes(located: Located, result: AttentionResult) -> Located:
    """With the model's time, and in the first line what the search had to do without."""
    seconds = {} if result.reading is None else {"attend": round(result.reading.seconds, 4)}
    unavailable = result.unavailable
    notes = (Reason(ReasonKind.NO_ATTENTION, detail=unavailable),) if unavailable else ()
    return replace(located, notes=(*located.notes, *notes), seconds=seconds | located.seconds)
