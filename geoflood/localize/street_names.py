"""What a city's street map says of an answer: the place in street names, and those of the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geoflood.core.datatypes import Candidate, Estimate, LatLon, Located, Outcome
from geoflood.core.geo import distance_m
from geoflood.places.answer_words import answer_words
from geoflood.places.naming import street_of
from geoflood.places.street_index import StreetIndex
from geoflood.places.street_map import StreetMap

__all__ = ["StreetNames"]

Floats: TypeAlias = NDArray[np.float64]

_WITNESSES = 3
"""Matches at the place that must not look the other way for a direction to be told."""
_OTHER_WAY_DEG = 90.0


class StreetNames:
    """A street map in use, for references at `positions` [N, 2] (lat, lon). Threads may share it."""

    def __init__(self, street_map: StreetMap, positions: Floats) -> None:
        self._index = StreetIndex(street_map)
        self._references = cKDTree(self._index.metres(positions))

    def named(self, located: Located) -> Located:
        """The answer with its streets, where it has a place, and those of its candidates."""
        index, place = self._index, located.place
        candidates = self.named_candidates(located.candidates)
        if place is None:
            return replace(located, candidates=candidates)
        doubtful = located.outcome is Outcome.UNCERTAIN
        words = answer_words(index, place, _looking(place, candidates), self._references, doubtful)
        return replace(located, candidates=candidates, streets=words)

    def named_candidates(self, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """With the street of each. Views cut from one panorama stand on one spot."""
        streets: dict[LatLon, str] = {}
        for candidate in candidates:
            position = candidate.reference.position
            if position not in streets:
                streets[position] = street_of(self._index, position)
        return tuple(replace(one, street=streets[one.reference.position]) for one in candidates)


def _looking(place: Estimate, candidates: Sequence[Candidate]) -> float | None:
    """Where the best match at the place looks, unless the next ones there look the other way."""
    here = (place.position.lat, place.position.lon)
    headings = [
        one.reference.heading_deg
        for one in candidates
        if distance_m(here, (one.reference.position.lat, one.reference.position.lon)) <= place.tolerance_m
    ][:_WITNESSES]
    if not headings or headings[0] is None:
        return None
    turned = [abs((other - headings[0] + 180.0) % 360.0 - 180.0) for other in headings if other is not None]
    return headings[0] if max(turned) <= _OTHER_WAY_DEG else None
