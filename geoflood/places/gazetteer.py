"""A city's names, ready to be met in a text: in all forms, shortened, without their type, bent and misspelt.

Names are sequences of folded words in one tree. A word of a text may stand for several words of names
(`readings`), so that "Lindenstr." finds "Lindenstraße", and "Unioninkadulla" finds "Unioninkatu".
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from geoflood.places.fold_words import spellings, words_of
from geoflood.places.name_positions import NamePositions
from geoflood.places.spelling import Spelling
from geoflood.places.street_map import Name, StreetMap
from geoflood.places.word_tables import ABBREVIATIONS, BENT_ENDINGS, ENDINGS, PARTICLES, TYPES

__all__ = ["Entry", "Gazetteer", "NameNode", "Spelt", "WordReading"]

Words: TypeAlias = tuple[str, ...]

_CACHED = 300_000
"""Words whose readings are kept: posts repeat themselves."""
_STEM = 3
"""Letters before a joined ending, at least: "Ring" is no "R-ing"."""
_GUESSED_STEM = 4
_BENT_STEM = 4
_SHORT_STEM = 2
"""Of scripts whose letters say more, as in Hangul."""
_LONGEST_ENDING = max(map(len, ENDINGS))
_BENT = tuple(old for old, _ in BENT_ENDINGS)
_MOST_WORDS = 10
_MOST_FORMS = 12
_ONE_WORD = 8
"""Letters of a name written as one word, at least: "#oakstreet"."""
_DIRECTIONS = frozenset(
    ("north", "south", "east", "west", "northeast", "northwest", "southeast", "southwest")
)
_CODES = frozenset(("int_name", "ref", "int_ref", "nat_ref", "loc_ref"))
"""Keys of forms that are codes or foreign to the streets: only codes with letters and digits count."""


class Spelt(IntEnum):
    """How a word is written, compared with the name; the worst of a mention counts."""

    EXACT = 0
    SHORT = 1
    BENT = 2
    ONE_EDIT = 3
    TWO_EDITS = 4


class WordReading(NamedTuple):
    """What a word of a text may stand for."""

    words: Words
    spelt: Spelt


class Entry(NamedTuple):
    """A name that ends at a node."""

    name: int
    """Index into the map's names."""
    whole: bool
    """With all its words; else its type or direction is missing: "Oak" of "Oak Street"."""
    typed: bool
    """A word among them says what it is: "street"."""


@dataclass(slots=True)
class NameNode:
    """A word of names, and what may follow."""

    following: dict[str, NameNode] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


class Gazetteer:
    """All names of a street map. Threads may share it."""

    def __init__(self, street_map: StreetMap) -> None:
        self.street_map = street_map
        self.positions = NamePositions(street_map)
        self.root = NameNode()
        self.frequency: Counter[str] = Counter()
        """In how many names a word occurs."""
        self._vocabulary: set[str] = set()
        self._as_one: set[str] = set()
        """Names of several words in one: of these one edit is forgiven, more of their words alone."""
        for number, name in enumerate(street_map.names):
            if self.positions.has(number):
                self._add(number, name, self.positions.is_street(number))
        self._spelling = Spelling(self._vocabulary)
        self._readings: dict[str, tuple[WordReading, ...]] = {}
        self._misspelt: dict[str, tuple[WordReading, ...]] = {}

    def __len__(self) -> int:
        """Names."""
        return len(self.street_map.names)

    def knows(self, word: str) -> bool:
        """A folded word is a word of a name."""
        return word in self._vocabulary or any(
            reading.spelt < Spelt.ONE_EDIT for reading in self.readings(word)
        )

    def readings(self, word: str) -> tuple[WordReading, ...]:
        """Words of names that a folded word may stand for, as it is, shortened or bent."""
        known = self._readings.get(word)
        if known is None:
            known = tuple(dict.fromkeys(self._read(word)))
            if len(self._readings) < _CACHED:
                self._readings[word] = known
        return known

    def misspelt(self, word: str) -> tuple[WordReading, ...]:
        """Words of names that a folded word may stand for when it is misspelt."""
        known = self._misspelt.get(word)
        if known is None:
            known = tuple(dict.fromkeys(self._guess(word)))
            if len(self._misspelt) < _CACHED:
                self._misspelt[word] = known
        return known

    # ---- words of a text

    def _read(self, word: str) -> Iterator[WordReading]:
        known = self._vocabulary
        if word in known:
            yield WordReading((word,), Spelt.EXACT)
        for full in ABBREVIATIONS.get(word, ()):
            if full in known:
                yield WordReading((full,), Spelt.SHORT)
        for kind in ENDINGS.get(word, ()):
            if kind in known and kind != word:
                yield WordReading((kind,), Spelt.BENT)
        for stem, kind, spelt in _parted(word):
            if stem in known and kind in known:
                yield WordReading((stem, kind), spelt)
        for old, new in BENT_ENDINGS if word.endswith(_BENT) else ():
            if word.endswith(old) and len(word) - len(old) >= (_BENT_STEM if old.isascii() else _SHORT_STEM):
                straight = word[: -len(old)] + new
                if straight in known and straight != word:
                    yield WordReading((straight,), Spelt.BENT)

    def _guess(self, word: str) -> Iterator[WordReading]:
        for other, edits in self._spelling.near(word):
            if edits > 1 and other in self._as_one:
                continue
            yield WordReading((other,), Spelt.ONE_EDIT if edits == 1 else Spelt.TWO_EDITS)
        for stem, kind, _ in _parted(word):
            if kind in self._vocabulary:
                for other, edits in self._spelling.near(stem, _GUESSED_STEM):
                    yield WordReading((other, kind), Spelt.ONE_EDIT if edits == 1 else Spelt.TWO_EDITS)

    # ---- names

    def _add(self, number: int, name: Name, is_street: bool) -> None:
        words: set[str] = set()
        for key, text in name.forms:
            for spelling in spellings(text):
                sequence = tuple(
                    word.folded for word in itertools.islice(words_of(spelling), _MOST_WORDS + 1)
                )
                if not 0 < len(sequence) <= _MOST_WORDS or (key in _CODES and not _is_code(sequence)):
                    continue
                for whole in _written_out(tuple(_split(sequence))):
                    words.update(whole)
                    self._add_forms(number, whole, is_street, key in _CODES)
        self.frequency.update(words)

    def _add_forms(self, number: int, whole: Words, is_street: bool, is_code: bool) -> None:
        typed = is_street and any(word in TYPES for word in whole)
        self._insert(whole, Entry(number, True, typed))
        if len(whole) > 1 and (len("".join(whole)) >= _ONE_WORD or is_code):
            self._insert(("".join(whole),), Entry(number, True, typed))
            self._as_one.add("".join(whole))
        if (short := _without(whole, PARTICLES)) and short != whole:
            self._insert(short, Entry(number, True, typed))
        if is_street:
            for part in _parts(short or whole):
                self._insert(part, Entry(number, False, any(word in TYPES for word in part)))
            if initials := _initials(whole):
                self._insert(initials, Entry(number, True, typed))

    def _insert(self, sequence: Words, entry: Entry) -> None:
        node = self.root
        for word in sequence:
            self._vocabulary.add(word)
            node = node.following.setdefault(word, NameNode())
        if entry not in node.entries:
            node.entries.append(entry)


def _parted(word: str) -> Iterator[tuple[str, str, Spelt]]:
    """A word parted into a name and the type that is joined to it: "unionin", "katu"."""
    for size in range(_LONGEST_ENDING, 1, -1):
        ending = word[-size:]
        if ending in ENDINGS and len(word) - size >= _STEM:
            for kind in ENDINGS[ending]:
                spelt = Spelt.EXACT if ending == kind else Spelt.SHORT if size < len(kind) else Spelt.BENT
                yield word[:-size], kind, spelt


def _split(sequence: Sequence[str]) -> Iterator[str]:
    for word in sequence:
        parted = next(((stem, kind) for stem, kind, spelt in _parted(word) if spelt is Spelt.EXACT), None)
        yield from parted or (word,)


def _written_out(sequence: Words) -> Iterator[Words]:
    """As it is, and with its short words written long, in every way they may be meant."""
    choices = [(word, *ABBREVIATIONS.get(word, ())) for word in sequence]
    yield from itertools.islice(itertools.product(*choices), _MOST_FORMS)


def _without(sequence: Words, left_out: frozenset[str]) -> Words:
    return tuple(word for word in sequence if word not in left_out)


def _parts(sequence: Words) -> Iterator[Words]:
    """A street's name as people shorten it: without its direction, without its type, without both."""
    straight = sequence
    if len(sequence) > 1 and sequence[0] in _DIRECTIONS:
        straight = sequence[1:]
        yield straight
    for whole in filter(None, {sequence, straight}):
        part = whole
        if part[0] in TYPES:
            part = part[1:]
        if part and part[-1] in TYPES:
            part = part[:-1]
        if part and part != whole and _tells(part):
            yield part


def _tells(part: Words) -> bool:
    """It is more than a letter, a number or a direction."""
    return any(
        (len(word) > 2 or not word.isascii()) and word not in _DIRECTIONS and not word.isdigit()
        for word in part
    )


def _initials(sequence: Words) -> Words:
    """ "mlk boulevard" of "martin luther king boulevard"; empty where there are few."""
    named = [word for word in sequence if word not in TYPES]
    types = tuple(word for word in sequence if word in TYPES)
    return ("".join(word[0] for word in named), *types) if len(named) == 3 and types else ()


def _is_code(sequence: Words) -> bool:
    whole = "".join(sequence)
    return any(map(str.isdigit, whole)) and any(map(str.isalpha, whole))
