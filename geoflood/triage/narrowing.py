"""Where posts say that their photos were taken, for a search that is narrowed by it.

Of all posts that show a photo or its like, one speaks for it: one with a position of its own before one that
only names a place, then the earliest; in whatever order they were read. So no photo is searched for before
every post is read, and one that was located under another word is located again, by the next run at the
latest: unless a person has decided on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from geoflood.core.datatypes import Bounds
from geoflood.core.geo import bounds_of, offset
from geoflood.triage.findings import Decision, Post, Status

__all__ = ["Narrowing", "StatedPlace", "said"]

NEAR_M = 2000.0
"""A post's own position is where it was sent from: its photo was taken within about this."""


@dataclass(frozen=True, slots=True)
class StatedPlace:
    """The box that a photo is searched for in, and in words who says so."""

    within: Bounds | None = None
    told: str = ""


_Rank: TypeAlias = tuple[bool, datetime, tuple[float, ...], str]


def said(post: Post) -> StatedPlace:
    """What a post says of where its photos were taken."""
    if post.geotag:
        spot = post.geotag.position
        around = bounds_of([offset(spot, turn, NEAR_M * 2**0.5) for turn in (45, 135, 225, 315)])
        where = f"{spot.lat:.5f}, {spot.lon:.5f}"
        return StatedPlace(around, f"within {NEAR_M / 1000:g} km of the post's own position {where}")
    return StatedPlace(post.box, f"in the post's place {post.place}".rstrip()) if post.box else StatedPlace()


class Narrowing:
    """What posts said of photos, what these were located under, and which are in the folder."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, tuple[_Rank, StatedPlace]]] = {}
        self._met: dict[str, tuple[Path, str]] = {}
        self._under: dict[str, str] = {}
        self._decided: dict[str, Decision] = {}

    def hear(self, photo: str, key: str, post: Post) -> None:
        """Take in a post by its key, or what it says now."""
        found = said(post)
        if found.within:
            rank = (not post.geotag, post.posted_at or datetime.max, astuple(found.within), found.told)
            self._said.setdefault(photo, {})[key] = (rank, found)
        else:
            self._said.get(photo, {}).pop(key, None)

    def located(self, photo: str, told: str) -> None:
        """It has a result, found under these words."""
        self._under[photo] = told

    def decided(self, photo: str, decision: Decision) -> None:
        """What a person made of the result; of several decisions the latest stands."""
        self._decided[photo] = max(decision, self._decided.get(photo, decision), key=lambda made: made.rank)

    def meet(self, photo: str, path: Path, file: str) -> None:
        """It is in the folder; where it can be read, and its name there."""
        self._met.setdefault(photo, (path, file))

    def best(self, photo: str) -> StatedPlace:
        """What narrows the search for it."""
        heard = self._said.get(photo)
        return min(heard.values(), key=lambda one: one[0])[1] if heard else StatedPlace()

    def due(self, handled: Collection[str]) -> Iterator[tuple[str, Path, str, StatedPlace]]:
        """The photos that are to be located: none of `handled` but those with a result under another word."""
        for photo, (path, file) in self._met.items():
            found = self.best(photo)
            made = self._decided.get(photo)
            final = made is not None and made.status is not Status.CANDIDATE
            if photo not in handled or not (final or self._under.get(photo, "") == found.told):
                yield photo, path, file, found
