"""Where posts say that their photos were taken, for a search that is narrowed by it.

Of the posts that show a photo, or a duplicate of it, one narrows its search. A post with a position of its
own comes before one that only names a place, then the earliest. The order of reading does not matter, so no
photo is searched for before every post is read. A photo that an earlier run narrowed otherwise is located
again, unless a person has decided on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import astuple
from datetime import datetime
from typing import TypeAlias

from geoflood.triage.findings import Decision, Post, Status
from geoflood.triage.stated_place import StatedPlace, stated_place

__all__ = ["Narrowing"]

_Rank: TypeAlias = tuple[bool, datetime, tuple[float, ...], str]


class Narrowing:
    """What posts said of photos, and what these were located under."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, tuple[_Rank, StatedPlace]]] = {}
        self._narrowed_by: dict[str, str] = {}
        self._decisions: dict[str, Decision] = {}

    def add_post(self, photo: str, key: str, post: Post) -> None:
        """Take in a post that shows a photo, or a newer version of it, by its key."""
        place = stated_place(post)
        if place.within:
            rank = (not post.geotag, post.posted_at or datetime.max, astuple(place.within), place.source)
            self._places.setdefault(photo, {})[key] = (rank, place)
        else:
            self._places.get(photo, {}).pop(key, None)

    def add_result(self, photo: str, narrowed_by: str) -> None:
        """A photo has a result, for which its search was narrowed by this."""
        self._narrowed_by[photo] = narrowed_by

    def add_decision(self, photo: str, decision: Decision) -> None:
        """What a person made of the result; of several decisions the latest stands."""
        earlier = self._decisions.get(photo, decision)
        self._decisions[photo] = max(decision, earlier, key=lambda made: made.rank)

    def place_of(self, photo: str) -> StatedPlace:
        """What narrows the search for a photo."""
        places = self._places.get(photo)
        return min(places.values(), key=lambda ranked: ranked[0])[1] if places else StatedPlace()

    def due(self, photos: Iterable[str], handled: Collection[str]) -> Iterator[str]:
        """Those of the photos to be located: not `handled`, or narrowed by something else."""
        for photo in photos:
            place = self.place_of(photo)
            decision = self._decisions.get(photo)
            final = decision is not None and decision.status is not Status.CANDIDATE
            if photo not in handled or not (final or self._narrowed_by.get(photo, "") == place.source):
                yield photo
