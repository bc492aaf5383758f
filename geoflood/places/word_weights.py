"""What clues are worth: learned by benchmarks/post_words.py on posts written for it (decision 091)."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["BASE", "MOST_NATS", "WEIGHTS", "WORTH", "chance_of", "nats_of"]

MOST_NATS = 5.0
"""Words are never worth more, nor less than minus this: anyone may write anything."""
BASE = -0.33
"""Logarithm of the odds that a name found in a post is meant, before any clue: as in those posts."""
WORTH = -BASE
"""A mention of fewer nats is not told: it is likelier that no place is meant."""

WEIGHTS: Mapping[str, float] = {
    "bent": 0.68,
    "crossing": 1.42,
    "cue": 1.39,
    "elsewhere": -2.89,
    "everyday": -2.3,
    "everyday, typed": 0.13,
    "in a town": -4.2,
    "landmark": 1.42,
    "landmark of one word": -2.87,
    "letters": 1.25,
    "number": 2.58,
    "one edit": -2.92,
    "one edit, typed": 0.48,
    "part of a street": -1.85,
    "part of a street, typed": -1.69,
    "shared": -1.24,
    "short": 0.8,
    "small": -1.94,
    "street without a type": 0.82,
    "the everyday": -1.78,
    "town": -3.57,
    "two edits": -0.65,
    "usual": -1.39,
    "usual, typed": -0.52,
    "whole street": 2.61,
}


def nats_of(clues: Mapping[str, float]) -> float:
    """Logarithm of how much likelier clues are of a place that is meant than of one that is not, -5 to 5."""
    log_odds = sum(WEIGHTS.get(clue, 0.0) * value for clue, value in clues.items())
    return max(-MOST_NATS, min(MOST_NATS, log_odds - BASE))


def chance_of(nats: float) -> float:
    """The probability that the place is meant, in posts like those that weights were learned on."""
    return 1.0 / (1.0 + math.exp(-nats - BASE))
