"""How often words occur in posts, and how often in small letters: what many write so is seldom a name."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from geoflood.places.fold_words import words_of

__all__ = ["LONGEST", "NO_USAGE", "WordUsage", "learn_usage"]

LONGEST = 10_000
"""Characters of a post that are read: a longer one is no post of a person."""
_USUAL = 300.0
_UNSEEN = 100
"""Posts that are thought of besides those read: few posts say little of a word."""


@dataclass(frozen=True, slots=True)
class WordUsage:
    """Of how many posts, how many hold a word."""

    posts: int = 0
    holding: Mapping[str, int] = field(default_factory=dict)
    """Posts that hold a folded word, in two posts at least."""
    small: Mapping[str, int] = field(default_factory=dict)
    """Posts that hold it in small letters, likewise."""
    home: frozenset[str] = frozenset()
    """Folded words that name the city itself."""

    def usual(self, word: str) -> float:
        """0 of a word that nobody else writes small; 3 of one that one in fifteen posts holds."""
        share = max(0, self.small.get(word, 0) - 1) / (self.posts + _UNSEEN)
        return math.log1p(share * _USUAL)

    def is_home(self, word: str) -> bool:
        """The word names this city, or so many posts hold it that it is no other town's."""
        return word in self.home or self.holding.get(word, 0) > max(3.0, 0.03 * self.posts)


NO_USAGE = WordUsage()


def learn_usage(texts: Iterable[str], home: str = "") -> WordUsage:
    """Count the words of posts. `home`: the city's name."""
    holding: Counter[str] = Counter()
    small: Counter[str] = Counter()
    posts = 0
    for text in texts:
        posts += 1
        words = list(words_of(text[:LONGEST]))
        holding.update({word.folded for word in words})
        small.update({word.folded for word in words if not word.capital})
    return WordUsage(
        posts,
        {word: count for word, count in holding.items() if count > 1},
        {word: count for word, count in small.items() if count > 1},
        frozenset(word.folded for word in words_of(home)),
    )
