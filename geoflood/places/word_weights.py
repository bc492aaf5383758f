"""What clues are worth: learned by benchmarks/post_words.py on posts written for it (decision 091)."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["BASE", "MOST_NATS", "WEIGHTS", "WORTH", "chance_of", "nats_of"]

MOST_NATS = 5.0
"""Words are never worth more, nor less than minus this: anyone may write anything."""
BASE = -0.37
"""Logarithm of the odds that a name found in a post is meant, before any clue: as in those posts."""
WORTH = -BASE
"""A mention of fewer nats is not told: it is likelier that no place is meant."""

WEIGHTS: Mapping[str, float] = {
    "bent": 0.99,
    "crossing": 2.18,
    "cue": 1.12,
    "elsewhere": -3.58,
    "everyday": -1.74,
    "everyday, typed": 0.49,
    "in a town": -4.72,
    "landmark": 1.5,
    "landmark of one word": -3.11,
    "letters": 1.25,
    "number": 2.9,
    "one edit": -2.74,
    "one edit, typed": 0.61,
    "part of a street": -2.06,
    "part of a street, typed": -1.76,
    "shared": -1.48,
    "short": 0.94,
    "small": -2.0,
    "street without a type": 0.55,
    "the small": -2.44,
    "title": 0.05,
    "town": -3.54,
    "two edits": -0.44,
    "usual": -1.37,
    "usual, typed": -0.57,
    "whole street": 2.54,
}


def nats_of(clues: Mapping[str, float]) -> float:
    """Logarithm of how much likelier clues are of a place that is meant than of one that is not, -5 to 5."""
    log_odds = sum(WEIGHTS.get(clue, 0.0) * value for clue, value in clues.items())
    return max(-MOST_NATS, min(MOST_NATS, log_odds - BASE))


def chance_of(nats: float) -> float:
    """The probability that the place is meant, in posts like those that weights were learned on."""
    return 1.0 / (1.0 + math.exp(-nats - BASE))
