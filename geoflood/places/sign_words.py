"""What the words of signs say of where a photo was taken: rare words that a reference shows too. Pure.

A word counts by how few places of the city show it; "SALE" stands everywhere. It must stand about as high in
both pictures. Letters are misread, so long words may differ a little.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from geoflood.core.datatypes import PictureText
from geoflood.places.sort_signs import MASK, mark, recurring, signs, without_recurring

__all__ = ["SharedWords", "SignIndex", "SignWord", "words_of"]

Floats: TypeAlias = NDArray[np.float64]

LEAST_LETTERS = 4
"""Of a word: shorter ones are bits of longer ones, cut off or misread."""
FUZZY_FROM, FUZZY = 6, 80.0
"""Letters from which a word may be misread, and the likeness, percent, that it keeps."""
HEIGHTS = 0.25
"""Of the frame, between the two places of a word: cameras stand nearly as high as each other."""
PLACE_M = 50.0
"""Views within this show the same walls: they are one place."""
SHARED = 0.3
"""How often a view of the same wall shows a word that the photo shows (decision 092)."""
MOST_A_WORD, MOST = 2.5, 4.0
"""Log likelihood ratios of one word and of all: words can be printed anywhere, and so never decide alone."""
_READ_AS = str.maketrans("015", "ois")
"""Digits that letters are read as."""
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class SignWord:
    """A word on a sign, as it is compared, and how high it stands: share of the frame, from the top."""

    word: str
    height: float
    shown: str
    """As it was read."""


@dataclass(frozen=True, slots=True)
class SharedWords:
    """What a photo and a reference both show."""

    words: tuple[str, ...]
    """As they were read in the photo, the most telling first."""
    weight: float
    """Log likelihood ratio that the two show one place, 0 to MOST."""


def words_of(texts: Iterable[PictureText]) -> tuple[SignWord, ...]:
    """The words of signs among the texts of a picture that are long enough to tell anything."""
    found: dict[str, SignWord] = {}
    for text in signs(texts):
        height = (text.box[1] + text.box[3]) / 2
        for shown in _WORD.findall(text.text.replace(MASK, " ")):
            word = _comparable(shown)
            if sum(letter.isalpha() for letter in shown) >= LEAST_LETTERS:
                found.setdefault(word, SignWord(word, height, shown))
    return tuple(found.values())


def _comparable(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).translate(_READ_AS)


class SignIndex:
    """The words on the signs of all references. Threads may share it."""

    def __init__(self, texts: Mapping[int, Sequence[PictureText]], positions: Floats) -> None:
        """texts: of each reference that was read, by its id; positions [N, 2] (lat, lon), by id."""
        cells = _cells(positions)
        marks = ((mark(line), cells[number]) for number, lines in texts.items() for line in lines)
        self._recurring = recurring(marks, len(texts))
        self.places = max(len({cells[reference] for reference in texts}), 1)
        """Places that were read."""
        self._seen: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._cells_of: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for reference, lines in texts.items():
            for one in words_of(lines):  # printed or not, where it stands everywhere it tells nothing
                self._cells_of[one.word].add(cells[reference])
            for one in words_of(self.settled(lines)):
                self._seen[one.word].append((reference, one.height))
        self._vocabulary = sorted(self._seen)

    def settled(self, texts: Iterable[PictureText]) -> tuple[PictureText, ...]:
        """The texts of a picture, those signs overlays that stand at the same spot of many references."""
        return without_recurring(texts, self._recurring)

    def shared(self, photo: Sequence[SignWord]) -> dict[int, SharedWords]:
        """By reference, what it and the photo both show; references without any are left out."""
        found: dict[int, list[tuple[float, str]]] = defaultdict(list)
        for one in photo:
            alike = self._alike(one.word)
            places = set().union(*(self._cells_of[word] for word in alike))
            weight = min(math.log(SHARED * self.places / len(places)), MOST_A_WORD) if places else 0.0
            if weight <= 0:
                continue
            there = (seen for word in alike for seen in self._seen[word])
            for reference in {number for number, height in there if abs(height - one.height) <= HEIGHTS}:
                found[reference].append((weight, one.shown))
        return {reference: _together(words) for reference, words in found.items()}

    def _alike(self, word: str) -> list[str]:
        """Words of the references that may be this one."""
        exact = [word] if word in self._seen else []
        if len(word) < FUZZY_FROM:
            return exact
        likely = process.extract(word, self._vocabulary, scorer=fuzz.ratio, score_cutoff=FUZZY, limit=20)
        return exact + [other for other, _, _ in likely if len(other) >= FUZZY_FROM and other != word]


def _together(words: Sequence[tuple[float, str]]) -> SharedWords:
    ordered = sorted(words, key=lambda one: -one[0])
    return SharedWords(tuple(shown for _, shown in ordered), min(math.fsum(w for w, _ in ordered), MOST))


def _cells(positions: Floats) -> list[tuple[int, int]]:
    """The square of PLACE_M in which each position [N, 2] lies."""
    if not len(positions):
        return []
    metres = 111_195.0
    north = positions[:, 0] * metres
    east = positions[:, 1] * metres * math.cos(math.radians(float(np.median(positions[:, 0]))))
    squares = np.floor(np.stack([north, east], axis=1) / PLACE_M).astype(int)
    return [(row, column) for row, column in squares.tolist()]
