"""Where names of a gazetteer stand in the words of a text: spans that do not overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from geoflood.places.fold_words import Word
from geoflood.places.gazetteer import Entry, Gazetteer, NameNode, Spelt, WordReading

__all__ = ["NameSpan", "name_spans"]

_JOINING = frozenset(" \u00a0-–—./'’")
"""What may stand between the words of one name; a full stop ends short words."""
_SKIPPED = frozenset(("jr", "sr"))
_STEPS = 400
"""Steps through the tree of names that one word is worth: a hostile map may have names without end."""


@dataclass(frozen=True, slots=True)
class NameSpan:
    """Words that may be a name, all its owners alike."""

    first: int
    """Index of its first word, and of the one after its last."""
    after: int
    entries: tuple[Entry, ...]
    spelt: Spelt
    whole: bool
    typed: bool

    @property
    def rank(self) -> float:
        """Of spans that overlap, the highest stays: the longest, rather as it is written."""
        return (self.after - self.first) + self.whole + 0.4 * self.typed - 0.4 * self.spelt

    @property
    def names(self) -> tuple[int, ...]:
        """Indexes into the map's names."""
        return tuple(dict.fromkeys(entry.name for entry in self.entries))


def name_spans(text: str, words: Sequence[Word], gazetteer: Gazetteer) -> list[NameSpan]:
    """Spans in the order of the text; `words` are those of `text`."""
    finder = _Finder(text, words, gazetteer)
    found = [span for first in range(len(words)) for span in finder.spans(first)]
    taken = bytearray(len(words))
    kept = []
    for span in sorted(found, key=lambda span: (-span.rank, span.first)):
        if not any(taken[span.first : span.after]):
            taken[span.first : span.after] = b"\x01" * (span.after - span.first)
            kept.append(span)
    return sorted(kept, key=lambda span: span.first)


class _Finder:
    def __init__(self, text: str, words: Sequence[Word], gazetteer: Gazetteer) -> None:
        self._words, self._gazetteer = words, gazetteer
        self._joined = [
            set(text[one.end : other.start]) <= _JOINING and other.start - one.end <= 3
            for one, other in pairwise(words)
        ]
        self._joined.append(False)
        self._best: dict[int, NameSpan] = {}
        self._steps = 0

    def spans(self, first: int) -> list[NameSpan]:
        """Names that begin with a word: the best of each length. Misspelt ones where none is whole."""
        self._best, self._steps = {}, _STEPS
        word = self._words[first]
        if not (
            word.before or self._gazetteer.readings(word.folded) or self._gazetteer.misspelt(word.folded)
        ):
            return []
        self._walk(self._gazetteer.root, first, first, Spelt.EXACT, False)
        if not any(span.whole and (span.typed or span.after - first > 1) for span in self._best.values()):
            self._walk(self._gazetteer.root, first, first, Spelt.EXACT, True)
        return list(self._best.values())

    def _walk(self, node: NameNode, first: int, at: int, spelt: Spelt, guess: bool) -> None:
        for reading in self._readings(at, guess and spelt < Spelt.ONE_EDIT):
            self._steps -= 1
            if self._steps < 0:
                return
            following: NameNode | None = node
            for word in reading.words:
                following = following.following.get(word) if following else None
            if following is None:
                continue
            worst = max(spelt, reading.spelt)
            if following.entries:
                self._keep(first, at + 1, following.entries, worst)
            after = at + 1
            if self._joined[at] and self._words[after].folded in _SKIPPED:
                after += 1
            if self._joined[after - 1]:
                self._walk(following, first, after, worst, guess)

    def _readings(self, at: int, guess: bool) -> Iterator[WordReading]:
        word = self._words[at]
        yield from self._gazetteer.readings(word.folded)
        if word.before:
            for reading in self._gazetteer.readings(word.before):
                yield WordReading(reading.words, max(reading.spelt, Spelt.BENT))
        if guess:
            yield from self._gazetteer.misspelt(word.folded)

    def _keep(self, first: int, after: int, entries: Sequence[Entry], spelt: Spelt) -> None:
        for whole in (True, False):
            chosen = tuple(entry for entry in entries if entry.whole is whole)
            if chosen:
                typed = any(entry.typed for entry in chosen)
                span = NameSpan(first, after, chosen, spelt, whole, typed)
                known = self._best.get(after)
                if known is None or span.rank > known.rank:
                    self._best[after] = span
                elif span.rank == known.rank and span.whole is known.whole:
                    both = tuple(dict.fromkeys((*known.entries, *chosen)))
                    self._best[after] = NameSpan(first, after, both, spelt, whole, known.typed or typed)
