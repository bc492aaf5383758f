"""vectors.faiss: the bands of every reference side by side, searched by inner product.

The similarity to a query is a mixture over the waterline bands, sum_b pi_b <q_b, r_b>. Side by side
that is one inner product, <(pi_1 q_1, ..., pi_B q_B), (r_1, ..., r_B)>, so one exact search answers it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Vectors
from geoflood.core.errors import IndexUnusableError
from geoflood.database.coarse import COARSE, LARGE, CoarseIndex
from geoflood.database.similar_rows import most_similar, most_similar_of, most_similar_rows
from geoflood.database.vector_file import VectorFile

__all__ = ["VectorStore", "compares_all", "shortlist_length"]

SHORTLIST, TOLD_SHORTLIST = 500, 1000
"""References of a large index that are compared whole. The coarse file is made for what an untold search
believes, so a told one looks at more."""
MOST_SHORTLISTED = 4096
"""A search for more compares all."""
MOST_LEFT_OUT = 4096
"""References that may be left out of a shortlist, which is longer by as many; where it is more, the others
are few, or all are compared."""


def compares_all(k: int, left_out: int) -> bool:
    """Whether a search for k with so many references left out compares all others, not a shortlist."""
    return left_out > MOST_LEFT_OUT or k > MOST_SHORTLISTED


def shortlist_length(
    belief: NDArray[np.float32],
    untold: NDArray[np.float32],
    k: int,
    left_out: int,
    shortlist: int | None = None,
) -> int:
    """References that a search for k compares whole, with those that are left out of it."""
    told = not np.allclose(belief, untold, atol=1e-4)
    return max(shortlist or (TOLD_SHORTLIST if told else SHORTLIST), 2 * k) + left_out


class VectorStore:
    """The vectors of one index: in memory, or of a large one in their file, with a coarse file in memory.

    Searches of a large one compare a shortlist whole. Without a coarse file that fits, and in a part of the
    city, they compare all. threads: that share a search of a large one; None: one a core.
    """

    def __init__(self, path: Path, bands: int, *, threads: int | None = None, notice: str = "") -> None:
        self.notice = notice
        """What people are to know of how it is searched, or ""."""
        self._file = VectorFile(path)
        self.missed = 0.0
        self.bands, self.dimension = bands, self._file.width // bands
        self._index: faiss.Index | None = None
        self.coarse: CoarseIndex | None = None
        if len(self._file) < LARGE:
            self._index = _read_index(path)
        else:
            with suppress(IndexUnusableError):
                self.coarse = CoarseIndex(path.with_name(COARSE), self._file, threads)

    def __len__(self) -> int:
        return len(self._file)

    def search(
        self,
        queries: Vectors,
        belief: NDArray[np.float32],
        k: int,
        among: NDArray[np.bool_] | None = None,
        *,
        shortlist: int | None = None,
    ) -> tuple[Vectors, NDArray[np.int64]]:
        """The k most similar references of queries [Q, bands, D] under a belief [bands] that sums to 1.

        among: [N] which references are looked at; None: all. Returns similarities [Q, k] and ids [Q, k], best
        first, of equals the lower ids; k is cut to how many are looked at. shortlist: how many a search of a
        large index compares whole; None: SHORTLIST, or TOLD_SHORTLIST where the belief is not the one that
        nothing is known for.
        """
        count = len(self) if among is None else int(np.count_nonzero(among))
        if not count:
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        mixed = (queries * belief[:, None]).reshape(len(queries), -1).astype(np.float32)
        if self._index is not None:
            return most_similar(self._index, mixed, k, among)
        left_out = len(self) - count
        if self.coarse is None or compares_all(k, left_out):
            return most_similar_of(self._file, mixed, k, None if among is None else np.flatnonzero(among))
        wanted = shortlist_length(belief, self.coarse.untold, k, left_out, shortlist)
        rows = []
        for query, ids in zip(mixed, self.coarse.search(queries, belief, wanted), strict=True):
            some = ids if among is None else ids[among[ids]]
            rows.append(most_similar_rows(query[None], some, self._file.read(some), min(k, count)))
        return np.vstack([row[0] for row in rows]), np.vstack([row[1] for row in rows])

    def rows(self, ids: NDArray[np.int64]) -> Vectors:
        """The vectors [N, bands, D] of some references."""
        if self._index is None:
            rows = self._file.read_rows(ids)
        else:
            rows = self._index.reconstruct_batch(np.ascontiguousarray(ids, np.int64))
        return np.asarray(rows, np.float32).reshape(len(ids), self.bands, -1)


def _read_index(path: Path) -> faiss.Index:
    try:
        return faiss.read_index(str(path))
    except RuntimeError as error:
        raise IndexUnusableError(f"{path} cannot be read", "build the index again with --rebuild") from error
