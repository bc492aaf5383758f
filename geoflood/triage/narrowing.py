"""Where posts say that their photos were taken, for a search that is narrowed by it.

Of the posts that show a photo, or a duplicate of it, one narrows its search. A post with a position of its
own comes first, then one whose words name a street or a landmark, then one that names a wider place; then the
earliest. The order of reading does not matter, so no
photo is searched for before every post is read. A photo that an earlier run narrowed otherwise is located
again, unless a person has decided on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import astuple
from datetime import datetime
from typing import TypeAlias

from geoflood.triage.findings import Decision, NamedPlace, Post, Status
from geoflood.triage.stated_place import StatedPlace, stated_place, stated_words

__all__ = ["Narrowing"]

_Rank: TypeAlias = tuple[int, datetime, tuple[float, ...], str]


class Narrowing:
    """What posts said of photos, and what these were located under.

    geo: positions and places of posts count; words: the places that their words name do.
    """

    def __init__(self, geo: bool = True, words: bool = False) -> None:
        self._geo, self._words = geo, words
        self._shown: dict[str, tuple[datetime, set[str]]] = {}
        self._places: dict[str, dict[str, tuple[_Rank, StatedPlace]]] = {}
        self._narrowed_by: dict[str, str] = {}
        self._decisions: dict[str, Decision] = {}

    def add_post(self, photo: str, key: str, post: Post) -> None:
        """Take in a post that shows a photo, or a newer version of it, by its key."""
        posted_at = post.posted_at or datetime.max
        earlier = self._shown.get(key, (posted_at, set[str]()))[1]
        self._shown[key] = (posted_at, earlier | {photo})
        place = stated_place(post) if self._geo else StatedPlace()
        self._take(photo, key, 0 if post.geotag else 2, posted_at, place)

    def add_words(self, key: str, words: Sequence[NamedPlace]) -> None:
        """Take in the places that the words of a post name; the post came before."""
        posted_at, photos = self._shown.get(key, (datetime.max, set()))
        place = stated_words(words) if self._words else StatedPlace()
        for photo in photos:
            self._take(photo, f"words {key}", 1, posted_at, place)

    def _take(self, photo: str, key: str, sort: int, posted_at: datetime, place: StatedPlace) -> None:
        if place.within:
            rank = (sort, posted_at, astuple(place.within), place.source)
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
