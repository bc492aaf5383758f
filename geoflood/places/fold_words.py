"""Text -> words as they are compared: without case, accents and marks; each knows where it stood."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Word", "fold", "spellings", "words_of"]

_ONE_BY_ONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts without spaces between words: each character is a word of its own."""
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0dff"
_APOSTROPHES = "'’ʼ`´"
_WORD = re.compile(
    rf"[{_ONE_BY_ONE}]|(?:(?![{_ONE_BY_ONE}])[^\W_]|[{_MARKS}])(?:(?![{_ONE_BY_ONE}])[^\W_]|[{_MARKS}]"
    rf"|[{_APOSTROPHES}](?=[^\W_]))*"
)
_NO_WORDS = re.compile(r"https?://\S+|www\.\S+|\S+@\w\S*|(?<!\w)@\w+", re.IGNORECASE)
"""Links, addresses and handles name no place."""
_HUMPS = re.compile(r"[^\W\d_]+?(?=[A-Z])|\d+|[^\W\d_]+")
_APOSTROPHE = re.compile(f"[{_APOSTROPHES}]")
_STRIPPED = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670" + _APOSTROPHES + "]")
_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ı": "i",
        "ة": "ه",
        "ى": "ي",
        "ё": "е",
    }
)
_SPELT = (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("å", "aa"), ("ø", "oe"))


class Word(NamedTuple):
    """A word of a text."""

    folded: str
    start: int
    """In the text, and its end: characters."""
    end: int
    capital: bool
    """It begins with a capital letter, in a script that has them."""
    before: str = ""
    """What stands before an apostrophe in it, folded: "caddesi" of "Caddesi'nde"."""


def fold(text: str) -> str:
    """Without case, accents, marks and apostrophes: "Straße" and "STRASSE" are one."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _STRIPPED.sub("", apart).translate(_LETTERS))


def spellings(text: str) -> tuple[str, ...]:
    """A name folded; and with "ae" for "ä", as some keyboards have it, where that differs."""
    spelt = text.casefold()
    for letter, letters in _SPELT:
        spelt = spelt.replace(letter, letters)
    plain, other = fold(text), fold(spelt)
    return (plain,) if plain == other else (plain, other)


def words_of(text: str) -> Iterator[Word]:
    """The words of a text in their order; "#OakStreet" is two."""
    shown = _NO_WORDS.sub(lambda hidden: " " * len(hidden.group()), text)
    for found in _WORD.finditer(shown):
        start, word = found.start(), found.group()
        if start and shown[start - 1] == "#" and not word.isupper():
            for hump in _HUMPS.finditer(word):
                yield _word(hump.group(), start + hump.start())
        else:
            yield _word(word, start)


def _word(word: str, start: int) -> Word:
    folded, before = _folded(word)
    return Word(folded, start, start + len(word), word[0].isupper(), before)


@functools.lru_cache(maxsize=100_000)
def _folded(word: str) -> tuple[str, str]:
    stem = _APOSTROPHE.split(word, maxsplit=1)[0]
    return fold(word), fold(stem) if len(stem) < len(word) else ""
