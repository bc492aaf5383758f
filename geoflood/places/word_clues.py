"""What speaks for a name in a text being meant as a place, and what against it: numbers that are weighed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from geoflood.places.fold_words import Word
from geoflood.places.gazetteer import Gazetteer, Spelt
from geoflood.places.name_spans import NameSpan
from geoflood.places.word_tables import (
    ABSTRACT,
    CUES,
    EVERYDAY,
    NO_TOWNS,
    OF_CROSSINGS,
    PARTICLES,
    TITLES,
    TYPES,
    WHERE,
)
from geoflood.places.word_usage import WordUsage

__all__ = ["Clues", "Surroundings", "clues_of"]

Clues: TypeAlias = dict[str, float]
"""By name; what is not there is 0."""

_SENTENCE_END = re.compile(r"[.!?;\n。！？]\s|[\n。！？]")
_ARTICLES = frozenset(
    ("the", "a", "an", "my", "our", "this", "that", "every", "each", "your", "his", "her", "their", "das")
)
_TOWN_ENDINGS = ("ssa", "lla", "issa")
_UNTYPED = ("part of a street", "street without a type", "landmark of one word")


def clues_of(around: Surroundings, spans: Sequence[NameSpan], *, numbered: bool, pairs: int) -> Clues:
    """The clues of a span, or of the two of a crossing, of which the weaker one counts.

    pairs: streets with these names that do cross; 0 of a span by itself.
    """
    each = [_of_span(span, around) for span in spans]
    clues = min(each, key=lambda one: one.get("whole street", 0.0))
    clues["number"] = float(numbered)
    if pairs:
        clues["crossing"], clues["shared"] = 1.0, math.log(pairs)
    clues |= around.clues(spans[0].first, spans[-1].after)
    return {name: value for name, value in clues.items() if value}


def _of_span(span: NameSpan, around: Surroundings) -> Clues:
    words, usage = around.words, around.usage
    kind = _kind(span, around.gazetteer)
    telling = [word.folded for word in words[span.first : span.after] if word.folded not in TYPES | PARTICLES]
    several = len(telling) > 1 and span.whole
    everyday = not several and all(word in EVERYDAY or word.isdigit() for word in telling)
    usual = min((usage.usual(word) for word in telling), default=3.0)
    typed = "" if kind in _UNTYPED else ", typed"
    letters = sum(map(len, telling))
    dense = 2.0 if telling and not telling[0].isascii() and len(telling[0]) == 1 else 1.0
    return {
        kind: 1.0,
        f"everyday{typed}": float(everyday),
        f"usual{typed}": usual,
        "short": float(span.spelt is Spelt.SHORT),
        "bent": float(span.spelt is Spelt.BENT),
        f"one edit{typed}": float(span.spelt is Spelt.ONE_EDIT),
        f"two edits{typed}": float(span.spelt is Spelt.TWO_EDITS),
        "shared": math.log(len(span.names)),
        "letters": min(1.5, letters * dense / 8.0),
    }


def _kind(span: NameSpan, gazetteer: Gazetteer) -> str:
    if any(gazetteer.positions.is_street(name) for name in span.names):
        if not span.whole:
            return "part of a street, typed" if span.typed else "part of a street"
        return "whole street" if span.typed else "street without a type"
    return "landmark" if span.after - span.first > 1 else "landmark of one word"


class Surroundings:
    """What stands around the spans of a text."""

    def __init__(self, text: str, words: Sequence[Word], gazetteer: Gazetteer, usage: WordUsage) -> None:
        self.words, self.gazetteer, self.usage = words, gazetteer, usage
        self._text = text
        small = sum(not word.capital for word in words)
        self._towns = {at for at in range(len(words)) if self._is_town(at)}
        self._mixed = small > 0 and any(word.capital for word in words) and small >= 0.2 * len(words)

    def clues(self, first: int, after: int) -> Clues:
        before = self.words[first - 1].folded if first and not self._ends(first - 1) else ""
        second = self.words[first - 2].folded if first > 1 and before else ""
        cued = before in CUES or (before in TYPES and len(before) > 1) or second in OF_CROSSINGS
        article = before in _ARTICLES
        return {
            "cue": float(cued),
            "the small": float(article and not any(word.capital for word in self.words[first:after])),
            "title": float(before in TITLES),
            **self._elsewhere(first, after),
            "small": self._small(first, after),
        }

    def _small(self, first: int, after: int) -> float:
        """1 of a name that begins small in a text with capitals."""
        named = [word for word in self.words[first:after] if _has_case(word) and word.folded not in PARTICLES]
        return float(self._mixed and bool(named) and not named[0].capital)

    def _ends(self, at: int) -> bool:
        """A sentence ends after the word."""
        if at + 1 >= len(self.words):
            return True
        return bool(_SENTENCE_END.search(self._text, self.words[at].end, self.words[at + 1].start))

    def _elsewhere(self, first: int, after: int) -> Clues:
        """The sentence, or another, names a town that is not this one: "Main Street in Springfield"."""
        if not self._towns:
            return {}
        near = any(at in self._towns for at in self._sentence(first, after))
        follows = after in self._towns or (after + 1 in self._towns and self.words[after].folded in WHERE)
        return {
            "in a town": float(follows),
            "elsewhere": float(near and not follows),
            "town": float(not near),
        }

    def _sentence(self, first: int, after: int) -> Iterator[int]:
        start = first
        while start > 0 and not self._ends(start - 1):
            start -= 1
        end = after
        while end < len(self.words) and not self._ends(end - 1):
            end += 1
        yield from (at for at in range(start, end) if not first <= at < after)

    def _is_town(self, at: int) -> bool:
        word = self.words[at]
        if (
            not word.capital
            or len(word.folded) < 3
            or word.folded in NO_TOWNS
            or word.folded.endswith(ABSTRACT)
        ):
            return False
        bent = word.folded.endswith(_TOWN_ENDINGS) and len(word.folded) > 5
        if not (bent or (at and self._stands_in(at))):
            return False
        return not (self.usage.is_home(word.folded) or self.gazetteer.knows(word.folded))

    def _stands_in(self, at: int) -> bool:
        before = self.words[at - 1]
        return before.folded in WHERE and self._text[before.end : self.words[at].start] == " "


def _has_case(word: Word) -> bool:
    return word.folded[:1].upper() != word.folded[:1].lower()
