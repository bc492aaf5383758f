"""The places that posts name in words, found once all are read: how posts use words says which are names."""

from __future__ import annotations

from collections.abc import Iterator

from geoflood.core.datatypes import LatLon
from geoflood.places.gazetteer import Gazetteer
from geoflood.places.match_words import PlaceMention, find_mentions
from geoflood.places.name_positions import thinned
from geoflood.places.street_map import StreetMap
from geoflood.places.word_usage import learn_usage
from geoflood.places.word_weights import chance_of
from geoflood.triage.findings import NamedPlace
from geoflood.triage.results import Results

__all__ = ["places_in_posts"]

_POINTS = 16
"""Positions that are kept of a place: the journal has them for every post."""
_SHOWN = 3


def places_in_posts(
    results: Results, street_map: StreetMap | None, city: str
) -> Iterator[tuple[str, tuple[NamedPlace, ...]]]:
    """Each post's key and the places that its words name; of no post where the index has no street map."""
    if street_map is None or not street_map.names:
        return
    gazetteer = Gazetteer(street_map)
    usage = learn_usage((post.text for _, post in results.posts() if post.text), city)
    for key, post in results.posts():
        mentions = find_mentions(post.text, gazetteer, usage) if post.text else ()
        yield key, tuple(_named_place(mention, street_map.credit) for mention in mentions)


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
