"""A text -> the places of this city that its words name, and how much each is to be believed.

A witness beside the picture: what is found here is shown, and never mixed into the evidence of the picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice, product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.places.fold_words import Word, words_of
from geoflood.places.gazetteer import Gazetteer, Spelt
from geoflood.places.name_spans import NameSpan, name_spans
from geoflood.places.word_clues import Clues, Surroundings, clues_of
from geoflood.places.word_tables import BETWEEN, BLOCK_WORDS, NOT_A_STREET_NUMBER, OF_CROSSINGS, TYPES
from geoflood.places.word_usage import LONGEST, NO_USAGE, WordUsage
from geoflood.places.word_weights import WORTH, nats_of

__all__ = ["MentionForm", "PlaceMention", "find_mentions", "weighed_spans"]

Floats: TypeAlias = NDArray[np.float64]

MOST_WORDS = 2_000
"""Words of a text that are looked at."""
MOST_MENTIONS = 20
_PAIRS = 36
"""Pairs of streets that are tried for a crossing."""
_SHOWN = 4
_HOUSE = re.compile(r"\d{1,5}[^\W\d_]?")
_NUMBER_GAP = re.compile(r"[,.]?\s*(?:[#№]|n[ro°]\.?)?\s*", re.IGNORECASE)
_CROSSING_GAP = re.compile(r"[\s,.]*(?:[&/@+×]|-\s*/|/\s*-)[\s-]*")
_BLANK = re.compile(r"[\s,.]*-?\s*")


class MentionForm(StrEnum):
    """How a place is named."""

    EXACT = "exact"
    SHORT = "shortened"
    """Abbreviated, or without its type: "Oak" of "Oak Street"."""
    BENT = "bent"
    """As grammar has it: "Unioninkadulla"."""
    MISSPELT = "misspelt"
    CROSSING = "crossing"
    NUMBER = "house number"
    LANDMARK = "landmark"


@dataclass(frozen=True, slots=True, eq=False)
class PlaceMention:
    """A place that a text names: one of several where names repeat."""

    start: int
    """Where it stands in the text, and its end: characters."""
    end: int
    form: MentionForm
    names: tuple[int, ...]
    """Indexes into the map's names; of a crossing, both of each pair in turn."""
    shown: tuple[str, ...]
    """What it is, in words: "Oak Street", "Oak Street × 5th Street"; four at most."""
    points: Floats
    """[points, 2] (lat, lon): where it may be."""
    nats: float
    """Logarithm of how much likelier such words are of a place that is meant than of none, -5 to 5."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A name, or a crossing of two, with what stands around it."""

    spans: tuple[NameSpan, ...]
    pairs: tuple[tuple[int, int], ...] = ()
    number: str = ""
    block: bool = False
    first: int = 0
    after: int = 0


def find_mentions(
    text: str, gazetteer: Gazetteer, usage: WordUsage = NO_USAGE, least: float = WORTH
) -> tuple[PlaceMention, ...]:
    """The places that a text names, in its order: those believed with `least` nats or more, 20 at most.

    Of a text longer than 10,000 characters only these are read.
    """
    words, found = _found(text, gazetteer)
    if not found:
        return ()
    around = Surroundings(text, words, gazetteer, usage)
    mentions = []
    for one in found:
        nats = nats_of(_clues(around, one))
        if nats >= least:
            mentions.append(_mention(words, one, gazetteer, nats))
    best = sorted(mentions, key=lambda mention: -mention.nats)[:MOST_MENTIONS]
    return tuple(sorted(best, key=lambda mention: mention.start))


def weighed_spans(
    text: str, gazetteer: Gazetteer, usage: WordUsage = NO_USAGE
) -> Iterator[tuple[PlaceMention, Clues]]:
    """All that may be a place, however little it is believed, with its clues: weights are learned on it."""
    words, found = _found(text, gazetteer)
    around = Surroundings(text, words, gazetteer, usage)
    for one in found:
        clues = _clues(around, one)
        yield _mention(words, one, gazetteer, nats_of(clues)), clues


def _found(text: str, gazetteer: Gazetteer) -> tuple[list[Word], list[_Found]]:
    text = text[:LONGEST]
    words = list(islice(words_of(text), MOST_WORDS))
    single = [_with_number(text, words, span) for span in name_spans(text, words, gazetteer)]
    return words, list(_with_crossings(text, words, single, gazetteer))


def _clues(around: Surroundings, found: _Found) -> Clues:
    return clues_of(around, found.spans, numbered=bool(found.number), pairs=len(found.pairs))


# ---- house numbers


def _with_number(text: str, words: Sequence[Word], span: NameSpan) -> _Found:
    """The span with a house number beside it: "1432 Oak Street", "1400 block of Oak", "Hauptstr. 12a"."""
    found = _Found((span,), first=span.first, after=span.after)
    at = span.first - 1
    if at > 0 and words[at].folded in ("of", "von", "de"):
        at -= 1
    block = at > 0 and words[at].folded in BLOCK_WORDS
    at = at - 1 if block else span.first - 1
    if (
        at >= 0
        and _is_house(words[at])
        and (block or _BLANK.fullmatch(text, words[at].end, words[span.first].start))
    ):
        return replace(found, number=words[at].folded, block=block, first=at)
    at = span.after
    if at < len(words) and _is_house(words[at]):
        gap = _NUMBER_GAP.fullmatch(text, words[at - 1].end, words[at].start)
        counted = at + 1 < len(words) and words[at + 1].folded in NOT_A_STREET_NUMBER
        if gap and not counted and text[words[at].end : words[at].end + 1] not in (":", "%"):
            return replace(found, number=words[at].folded, after=at + 1)
    return found


def _is_house(word: Word) -> bool:
    return bool(_HOUSE.fullmatch(word.folded))


# ---- crossings


def _with_crossings(
    text: str, words: Sequence[Word], found: Sequence[_Found], gazetteer: Gazetteer
) -> Iterator[_Found]:
    """The spans, but two streets that are named together and do meet become one crossing."""
    at = 0
    while at < len(found):
        if at + 1 < len(found) and (crossing := _crossing(text, words, found[at], found[at + 1], gazetteer)):
            yield crossing
            at += 2
        else:
            yield found[at]
            at += 1


def _crossing(
    text: str, words: Sequence[Word], one: _Found, other: _Found, gazetteer: Gazetteer
) -> _Found | None:
    here, there = one.spans[0], other.spans[0]
    between = words[here.after : there.first]
    if len(between) > 2 or other.number or one.number:
        return None
    gap = text[words[here.after - 1].end : words[there.first].start]
    cued = any(word.folded in OF_CROSSINGS for word in words[max(0, here.first - 3) : here.first])
    linked = all(word.folded in BETWEEN or word.folded in TYPES for word in between) if between else False
    if not (linked or _CROSSING_GAP.fullmatch(gap) or (cued and len(between) <= 1 and "." not in gap)):
        return None
    positions = gazetteer.positions
    ours, theirs = ([name for name in span.names if positions.is_street(name)] for span in (here, there))
    pairs = islice(product(ours, theirs), _PAIRS)
    crossing = tuple(pair for pair in pairs if pair[0] != pair[1] and len(positions.crossing(*pair)))
    return _Found((here, there), crossing, first=here.first, after=there.after) if crossing else None


# ---- what is told


def _mention(words: Sequence[Word], found: _Found, gazetteer: Gazetteer, nats: float) -> PlaceMention:
    names = tuple(name for pair in found.pairs for name in pair) or found.spans[0].names
    return PlaceMention(
        words[found.first].start,
        words[found.after - 1].end,
        _form(found, gazetteer),
        names,
        _shown(found, gazetteer),
        _points(found, gazetteer),
        nats,
    )


def _form(found: _Found, gazetteer: Gazetteer) -> MentionForm:
    span = found.spans[0]
    if found.pairs:
        return MentionForm.CROSSING
    if found.number:
        return MentionForm.NUMBER
    if span.spelt >= Spelt.ONE_EDIT:
        return MentionForm.MISSPELT
    if not gazetteer.positions.is_street(span.names[0]):
        return MentionForm.LANDMARK
    if span.spelt is Spelt.BENT:
        return MentionForm.BENT
    return MentionForm.EXACT if span.whole and span.spelt is Spelt.EXACT else MentionForm.SHORT


def _shown(found: _Found, gazetteer: Gazetteer) -> tuple[str, ...]:
    known = gazetteer.street_map.names
    if found.pairs:
        texts = [f"{known[one].shown} × {known[other].shown}" for one, other in found.pairs]
    else:
        number = f" {found.number}" if found.number else ""
        texts = [f"{known[name].shown}{number}" for name in found.spans[0].names]
    return tuple(dict.fromkeys(texts))[:_SHOWN]


def _points(found: _Found, gazetteer: Gazetteer) -> Floats:
    positions = gazetteer.positions
    if found.pairs:
        return np.vstack([positions.crossing(*pair) for pair in found.pairs])
    names = found.spans[0].names
    if found.number:
        ask = positions.block if found.block and found.number.isdigit() else positions.doors
        doors = np.vstack([ask(name, found.number) for name in names])
        if len(doors):
            return doors
    return np.vstack([positions.of_name(name) for name in names])
