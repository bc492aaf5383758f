"""`--compare N`: a vision-language model sees a photo beside candidates of different places, and scores each.

One question shows the photo, then up to four places, A to D; it is asked twice, the second time with the
places in reversed order. A model that likes a letter, or what comes last, then contradicts itself, and only
what both orders agree on counts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import MOST_COMPARED, Candidate, Image
from geoflood.core.geo import distance_m
from geoflood.core.images import UnreadableImageError
from geoflood.imagery.views import pixels_of
from geoflood.places.naming import direction
from geoflood.vlm.answer_formats import enum_schema, object_schema, parse_numbers
from geoflood.vlm.canvas import photo_alone
from geoflood.vlm.client import Asker, AskOptions, Prompt, RawReply
from geoflood.vlm.parallel import parallel_map
from geoflood.vlm.parse_replies import Json
from geoflood.vlm.prompts import PLACES_VERSION, places_prompt
from geoflood.vlm.usable_answer import usable_answer

__all__ = ["MOST_PLACES", "PLACE_M", "Comparer", "Comparison", "compare_places", "different_places"]

Floats: TypeAlias = NDArray[np.float64]

MOST_PLACES = 8
"""Of one photo: two questions, each asked in two orders."""
PLACE_M = 50.0
"""Candidates farther apart show different places, as in fusion."""
SIDE = 672
"""Of each canvas, pixels: five of them, 576 tokens each, and the prompt stay within 3,500 tokens."""
NUM_PREDICT = 300
LOG_ODDS = 0.2
"""Of one point between the scores of two places. Not measured: decision 119."""

_LETTERS = "ABCD"
_REASON_CHARACTERS = 160
_ORDERS = ("places in order", "places reversed")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a model made of the places that one question showed."""

    effects: tuple[float, ...] | None
    """Log-odds of each place, at most ±MOST_COMPARED; 0 where the two orders disagree. None: no answer."""
    fault: str
    """Why there is none; "" when there is."""
    replies: tuple[RawReply, ...]
    seconds: float
    cached: bool


@dataclass(frozen=True, slots=True, eq=False)
class _ShownPlace:
    """A place with the picture that stands for it."""

    ranks: tuple[int, ...]
    """Of its candidates, the best first: that one is shown."""
    picture: Image
    hints: str


@dataclass(frozen=True)
class Comparer:
    """Gives log-odds to the candidates of a photo's first `count` places. Threads may share it."""

    asker: Asker
    count: int
    city: str = ""

    def with_comparisons(
        self, photo: Image, candidates: Sequence[Candidate]
    ) -> tuple[tuple[Candidate, ...], str]:
        """The candidates of the places that were compared, and what is missing.

        Raises ModelError when the model fails.
        """
        places = different_places(candidates, min(self.count, MOST_PLACES))
        shown = _shown_places(candidates, places)
        gone = [f"pictures of {len(places) - len(shown)} places are gone"] * (len(shown) < len(places))
        if len(shown) < 2:
            return tuple(candidates), "; ".join(["not compared: fewer than two places to show", *gone])
        groups = _groups(shown)
        compared, faults = list(candidates), gone
        for group, one in parallel_map(
            lambda group: compare_places(self.asker, photo, [(p.picture, p.hints) for p in group], self.city),
            groups,
            self.asker.capacity,
        ):
            if one.effects is None:
                faults.append(f"{len(group)} places not compared: {one.fault}")
                continue
            if not any(one.effects):
                faults.append(f"{len(group)} places compared in vain: the two orders agree on none")
            for place, effect in zip(group, one.effects, strict=True):
                for rank in place.ranks:
                    compared[rank] = replace(compared[rank], comparison=effect)
        return tuple(compared), "; ".join(faults)


def different_places(candidates: Sequence[Candidate], count: int) -> list[tuple[int, ...]]:
    """Ranks of the candidates of each of the first `count` places, the best candidate of each first."""
    positions = np.array([(c.reference.position.lat, c.reference.position.lon) for c in candidates])
    left, places = np.ones(len(candidates), bool), list[tuple[int, ...]]()
    while left.any() and len(places) < count:
        here = left & (distance_m(positions, positions[left.argmax()]) <= PLACE_M)
        places.append(tuple(np.flatnonzero(here).tolist()))
        left &= ~here
    return places


def _shown_places(candidates: Sequence[Candidate], places: Sequence[tuple[int, ...]]) -> list[_ShownPlace]:
    """Those whose best picture is still there."""
    shown = []
    for ranks in places:
        best = candidates[ranks[0]]
        try:
            shown.append(_ShownPlace(ranks, pixels_of(best.reference), _hints(best)))
        except UnreadableImageError:
            continue
    return shown


def _hints(candidate: Candidate) -> str:
    """Its street and where it looks. Coordinates say nothing to a model, and it would repeat ranks."""
    heading = candidate.reference.heading_deg
    looking = "" if heading is None else f"looking {direction(heading)}"
    return ", ".join(part for part in (candidate.street, looking) if part)


def _groups(places: Sequence[_ShownPlace]) -> list[Sequence[_ShownPlace]]:
    """Of at most four, as equal as can be: a place alone has nothing to be compared with."""
    count = -(-len(places) // len(_LETTERS))
    return [places[n::count] for n in range(count)]


def compare_places(
    asker: Asker, query: Image, places: Sequence[tuple[Image, str]], city: str = ""
) -> Comparison:
    """What a model makes of a photo [H, W, 3] beside two to four places (image [H, W, 3], hints).

    Raises ModelError when the model cannot be asked.
    """
    begun = time.perf_counter()
    replies: list[RawReply] = []
    photo = photo_alone(query, SIDE)
    shown = [(photo_alone(picture, SIDE), hints) for picture, hints in places]
    effects = None
    if (there := _ask(asker, photo, shown, _ORDERS[0], city, replies)) is not None:
        back = _ask(asker, photo, shown[::-1], _ORDERS[1], city, replies)
        effects = None if back is None else tuple(_agreed(there, back[::-1]).tolist())
    fault = f"no usable answer: {replies[-1].fault}" if effects is None else ""
    cached = all(reply.cached for reply in replies)
    return Comparison(effects, fault, tuple(replies), time.perf_counter() - begun, cached)


def _agreed(there: Floats, back: Floats) -> Floats:
    """[k] of each place the smaller of two effects [k] where they have one sign, else 0."""
    smaller = np.where(np.abs(there) < np.abs(back), there, back)
    return np.where(there * back > 0, smaller, 0.0)


def _ask(
    asker: Asker,
    photo: bytes,
    shown: Sequence[tuple[bytes, str]],
    order: str,
    city: str,
    replies: list[RawReply],
) -> Floats | None:
    """Effects [k] of places in the order shown; None without a usable answer."""
    letters = _LETTERS[: len(shown)]
    text = places_prompt(city, [hints for _, hints in shown])
    return usable_answer(
        asker,
        [photo, *(picture for picture, _ in shown)],
        Prompt("places", PLACES_VERSION, text, order),
        lambda texts: _schema(letters, texts),
        lambda content: _effects(content, letters),
        AskOptions(NUM_PREDICT),
        replies,
    )


def _schema(letters: str, texts: bool) -> Json:
    score = enum_schema(range(10))
    free: Json = {"a_reason": {"type": "string", "maxLength": _REASON_CHARACTERS}} if texts else {}
    return object_schema(free | {"b_scores": object_schema(dict.fromkeys(letters, score)), "c_none": score})


def _effects(content: Mapping[str, Any], letters: str) -> Floats:
    """Log-odds [k] of an answer. Raises ValueError for what is no whole answer.

    A score counts by how far it is above the score of "none", or above the mean of the places where that is
    higher: at most one place is right, so a model that praises all of them has said nothing.
    """
    scores = np.array(parse_numbers(content.get("b_scores"), letters, 9))
    (none,) = parse_numbers(content, ["c_none"], 9)
    above = scores - max(none, float(scores.mean()))
    return np.clip(LOG_ODDS * above, -MOST_COMPARED, MOST_COMPARED)
