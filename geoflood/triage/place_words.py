"""The places that posts name in words, found once all are read: how posts use words says which are names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from geoflood.core.datatypes import LatLon
from geoflood.places.gazetteer import Gazetteer
from geoflood.places.match_words import PlaceMention, find_mentions
from geoflood.places.name_positions import thinned
from geoflood.places.street_map import StreetMap
from geoflood.places.word_usage import NO_USAGE, WordUsage, learn_usage
from geoflood.places.word_weights import chance_of
from geoflood.triage.findings import NamedPlace
from geoflood.triage.results import Results

__all__ = ["PlaceFinder", "places_in_posts"]

_POINTS = 16
"""Positions that are kept of a place: the journal has them for every post."""
_SHOWN = 3


class PlaceFinder:
    """Finds the places of a street map that a text names; of no map none. The first call takes a second."""

    def __init__(self, street_map: StreetMap | None, usage: WordUsage = NO_USAGE) -> None:
        self._map, self._usage = street_map, usage

    def __call__(self, text: str) -> tuple[NamedPlace, ...]:
        """The places, in the order of the text."""
        if self._map is None or not self._map.names or not text:
            return ()
        mentions = find_mentions(text, self._gazetteer, self._usage)
        return tuple(_named_place(mention, self._map.credit) for mention in mentions)

    @cached_property
    def _gazetteer(self) -> Gazetteer:
        assert self._map, "asked for where there is a map"
        return Gazetteer(self._map)


def places_in_posts(
    results: Results, street_map: StreetMap | None, city: str
) -> Iterator[tuple[str, tuple[NamedPlace, ...]]]:
    """Each post's key and the places that its words name; of no post where the index has no street map."""
    if street_map is None or not street_map.names:
        return
    find = PlaceFinder(street_map, learn_usage((post.text for _, post in results.posts() if post.text), city))
    for key, post in results.posts():
        yield key, find(post.text)


def _named_place(mention: PlaceMention, credit: str) -> NamedPlace:
    others = " or others" if len(mention.shown) > _SHOWN else ""
    points = thinned(mention.points, _POINTS).round(5).tolist()
    return NamedPlace(
        mention.start,
        mention.end,
        " or ".join(mention.shown[:_SHOWN]) + others,
        mention.form.value,
        round(chance_of(mention.nats), 3),
        tuple(LatLon(lat, lon) for lat, lon in points),
        credit,
    )
