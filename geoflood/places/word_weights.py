"""What clues are worth: learned by benchmarks/post_words.py on posts written for it (decision 091)."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["BASE", "MOST_NATS", "SURE", "WEIGHTS", "WORTH", "chance_of", "nats_of"]

MOST_NATS = 5.0
"""Words are never worth more, nor less than minus this: anyone may write anything."""
BASE = -0.34
"""Logarithm of the odds that a name found in a post is meant, before any clue: as in those posts."""
WORTH = -BASE
"""A mention of fewer nats is not told: it is likelier that no place is meant."""
SURE = 2.2 - BASE
"""One of as many narrows a search, where that is asked for: nine of ten are meant."""

WEIGHTS: Mapping[str, float] = {
    "bent": 0.68,
    "crossing": 1.42,
    "cue": 1.39,
    "elsewhere": -2.88,
    "everyday": -2.3,
    "everyday, typed": 0.16,
    "in a town": -4.2,
    "landmark": 1.41,
    "landmark of one word": -2.88,
    "letters": 1.25,
    "number": 2.56,
    "one edit": -2.94,
    "one edit, typed": 0.48,
    "part of a street": -1.85,
    "part of a street, typed": -1.69,
    "shared": -1.21,
    "short": 0.81,
    "small": -1.93,
    "street without a type": 0.82,
    "the everyday": -1.79,
    "town": -3.57,
    "two edits": -0.68,
    "usual": -1.38,
    "usual, typed": -0.52,
    "whole street": 2.6,
}


def nats_of(clues: Mapping[str, float]) -> float:
    """Logarithm of how much likelier clues are of a place that is meant than of one that is not, -5 to 5."""
    log_odds = sum(WEIGHTS.get(clue, 0.0) * value for clue, value in clues.items())
    return max(-MOST_NATS, min(MOST_NATS, log_odds - BASE))


def chance_of(nats: float) -> float:
    """The probability that the place is meant, in posts like those that weights were learned on."""
    return 1.0 / (1.0 + math.exp(-nats - BASE))
