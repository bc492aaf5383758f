"""Words that are written nearly alike: one edit apart, long ones two; the only home of rapidfuzz."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from rapidfuzz import process
from rapidfuzz.distance import OSA

__all__ = ["Spelling"]

_SHORTEST = 5
"""Letters of a word by itself."""
_LONG = 8
"""From here on two edits are forgiven."""
_MOST = 4
"""Words that are kept."""


class Spelling:
    """Finds the words that a misspelt one may stand for. Threads may share it."""

    def __init__(self, words: Iterable[str]) -> None:
        starts: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        ends: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        for word in sorted(words):
            if len(word) >= _SHORTEST and word.isalpha():
                starts[word[:2], len(word)].append(word)
                ends[word[-3:], len(word)].append(word)
        self._starts, self._ends = dict(starts), dict(ends)

    def near(self, word: str, shortest: int = _SHORTEST) -> list[tuple[str, int]]:
        """Words that differ in one edit (two of a long word), nearest first, with the number of edits.

        A word of fewer letters than `shortest` is near to too many others.

        What is wrong both in its first two and in its last three letters is not found.
        """
        size = len(word)
        if size < shortest or not word.isalpha():
            return []
        most = 2 if size >= _LONG else 1
        alike: list[str] = []
        for length in range(size - most, size + most + 1):
            alike += self._starts.get((word[:2], length), ())
            alike += self._ends.get((word[-3:], length), ())
        found = process.extract(word, alike, scorer=OSA.distance, score_cutoff=most, limit=2 * _MOST)
        edits = {other: int(distance) for other, distance, _ in found if distance}
        return list(edits.items())[:_MOST]
