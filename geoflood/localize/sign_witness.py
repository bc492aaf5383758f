"""Words on signs as a witness beside the search: what a photo shows, and which candidates show the same.

Words move no belief: on both sets of street images too few photos show one (decision 092). What they say is
told to people, who can go and read the sign. What was written over a photo is left out of re-ranking.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from geoflood.core.datatypes import Image, LatLon, Located, PictureText, Reason, ReasonKind, SignPlace
from geoflood.core.errors import ExtraMissingError, IndexUnusableError
from geoflood.core.geo import distance_m
from geoflood.database.database import Database
from geoflood.database.index_files import SIGNS
from geoflood.database.sign_store import kept_signs
from geoflood.places.gazetteer import Gazetteer
from geoflood.places.match_words import find_mentions
from geoflood.places.read_signs import SignReader
from geoflood.places.sign_words import SignIndex, words_of
from geoflood.places.sort_signs import signs, sort_texts
from geoflood.places.street_map import StreetMap

__all__ = ["SignWitness"]

MOST_PLACES = 5
"""That signs name, and are told."""


@dataclass(frozen=True)
class _Known:
    """What is loaded for the first photo."""

    reader: SignReader
    index: SignIndex
    gazetteer: Gazetteer | None
    """None without a street map."""


class SignWitness:
    """Reads the signs of photos, where those of an index's references were read. Threads may share it.

    `street_map` gives that of the index, or None. The index's words and the networks are loaded for the first
    photo.
    """

    def __init__(self, folder: Path, database: Database, street_map: Callable[[], StreetMap | None]) -> None:
        self._folder, self._database, self._street_map = folder, database, street_map
        self._loading = threading.Lock()

    @property
    def knows_signs(self) -> bool:
        """Whether the signs of the references were read."""
        return (self._folder / SIGNS).is_file()

    def read(self, photo: Image) -> tuple[PictureText, ...]:
        """The texts of a photo [H, W, 3], sorted; none where signs cannot be read, which `add_signs` says."""
        known = self._loaded()
        if isinstance(known, Reason):
            return ()
        return known.index.settled(sort_texts(known.reader.read(photo), photo.shape))

    def add_signs(self, located: Located, texts: tuple[PictureText, ...]) -> Located:
        """The answer with the texts of its photo, words that candidates share, and places that signs name.

        An index whose signs cannot be read, and a missing extra, are a note: the answer stands without.
        """
        known = self._loaded()
        if isinstance(known, Reason):
            return replace(located, notes=(*located.notes, known))
        shared = known.index.shared(words_of(texts))
        candidates = tuple(
            replace(one, shared_words=shared[one.reference.id].words) if one.reference.id in shared else one
            for one in located.candidates
        )
        named = _named_places(
            signs(texts), known.gazetteer, located.place.position if located.place else None
        )
        return replace(located, texts=texts, candidates=candidates, sign_places=named)

    def _loaded(self) -> _Known | Reason:
        with self._loading:
            return self._known

    @cached_property
    def _known(self) -> _Known | Reason:
        try:
            kept = kept_signs(self._folder, self._database) or {}
            street_map = self._street_map()
            gazetteer = None if street_map is None else Gazetteer(street_map)
            return _Known(SignReader(), SignIndex(kept, self._database.positions), gazetteer)
        except (ExtraMissingError, IndexUnusableError) as error:
            return Reason(ReasonKind.NO_SIGNS, detail=f"{error} ({error.hint})")


def _named_places(
    texts: Sequence[PictureText], gazetteer: Gazetteer | None, here: LatLon | None
) -> tuple[SignPlace, ...]:
    """What signs name of the city, each place once; of several of one name the one nearest to the answer."""
    if gazetteer is None:
        return ()
    found: dict[str, SignPlace] = {}
    for place in _places(texts, gazetteer, here):
        found.setdefault(place.name, place)
    return tuple(found.values())[:MOST_PLACES]


def _places(texts: Sequence[PictureText], gazetteer: Gazetteer, here: LatLon | None) -> Iterator[SignPlace]:
    credit = gazetteer.street_map.credit
    for text in texts:
        for mention in find_mentions(text.text, gazetteer):
            if not len(mention.points):
                continue
            points, name = mention.points, " or ".join(mention.shown)
            if here is None:
                spot, away_m = points[len(points) // 2], None
            else:
                away = distance_m(points, (here.lat, here.lon))
                spot, away_m = points[int(away.argmin())], float(away.min())
            yield SignPlace(text.text, name, LatLon(*map(float, spot)), away_m, credit)
