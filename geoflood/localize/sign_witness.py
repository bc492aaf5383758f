"""Words on signs as a witness beside the search: what a photo shows, and which candidates show the same.

They move no belief: on both sets of street images too few photos show a word (decision 092). What they say is
told to people, who can go and read the sign.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from geoflood.core.datatypes import Candidate, Image, PictureText, Reason, ReasonKind
from geoflood.core.errors import ExtraMissingError, IndexUnusableError
from geoflood.database.database import Database
from geoflood.database.index_files import SIGNS
from geoflood.database.sign_store import kept_signs
from geoflood.places.read_signs import SignReader
from geoflood.places.sign_words import SignIndex, words_of
from geoflood.places.sort_signs import sort_texts

__all__ = ["SignWitness"]


class SignWitness:
    """Reads the signs of photos, where those of an index's references were read. Threads may share it.

    The index's words and the networks are loaded for the first photo.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        self._database = database
        self._folder = folder
        self._loading = threading.Lock()

    @property
    def knows_signs(self) -> bool:
        """Whether the signs of the references were read."""
        return (self._folder / SIGNS).is_file()

    def look(
        self, photo: Image, candidates: Sequence[Candidate]
    ) -> tuple[tuple[PictureText, ...], tuple[Candidate, ...], tuple[Reason, ...]]:
        """The texts of a photo [H, W, 3], the candidates with the words that they share with it; and why not.

        An index whose signs cannot be read, and a missing extra, are a note: the search stands without.
        """
        with self._loading:
            ready = self._ready
        if isinstance(ready, Reason):
            return (), tuple(candidates), (ready,)
        reader, index = ready
        texts = index.settled(sort_texts(reader.read(photo), photo.shape))
        shared = index.shared(words_of(texts))
        together = [
            replace(one, shared_words=shared[one.reference.id].words) if one.reference.id in shared else one
            for one in candidates
        ]
        return texts, tuple(together), ()

    @cached_property
    def _ready(self) -> tuple[SignReader, SignIndex] | Reason:
        try:
            kept = kept_signs(self._folder, self._database) or {}
            return SignReader(), SignIndex(kept, self._database.positions)
        except (ExtraMissingError, IndexUnusableError) as error:
            return Reason(ReasonKind.NO_SIGNS, detail=f"{error} ({error.hint})")
