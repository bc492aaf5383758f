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
from geoflood.database.vector_file import VectorFile, empty_index

__all__ = ["VectorStore"]

SHORTLIST, TOLD_SHORTLIST = 500, 1000
"""References of a large index that are compared whole. The coarse file is made for what an untold search
believes, so a told one looks at more."""
MOST_SHORTLISTED = 4096
"""A search for more compares all."""
MOST_LEFT_OUT = 4096
"""References that may be left out of a shortlist, which is longer by as many; where it is more, the others
are few, or all are compared."""


class VectorStore:
    """The vectors of one index: in memory, or of a large one in their file, with a coarse file in memory.

    Searches of a large one compare a shortlist whole. Without a coarse file that fits, and in a part of the
    city, they compare all. threads: that share a search of a large one; None: one a core.
    """

    def __init__(self, path: Path, bands: int, *, threads: int | None = None, notice: str = "") -> None:
        self.notice = notice
        """What people are to know of how it is searched, or ""."""
        self._file = VectorFile(path)
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
        first; k is cut to how many are looked at. shortlist: how many a search of a large index compares
        whole; None: SHORTLIST, or TOLD_SHORTLIST where the belief is not the one that nothing is known for.
        """
        count = len(self) if among is None else int(np.count_nonzero(among))
        if not count:
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        mixed = (queries * belief[:, None]).reshape(len(queries), -1).astype(np.float32)
        if self._index is not None:
            return _search(self._index, mixed, min(k, count), among)
        left_out = len(self) - count
        if self.coarse is None or left_out > MOST_LEFT_OUT or k > MOST_SHORTLISTED:
            return self._exact(mixed, min(k, count), None if among is None else np.flatnonzero(among))
        told = not np.allclose(belief, self.coarse.untold, atol=1e-4)
        wanted = max(shortlist or (TOLD_SHORTLIST if told else SHORTLIST), 2 * k) + left_out
        rows = []
        for query, ids in zip(mixed, self.coarse.search(queries, belief, wanted), strict=True):
            some = ids if among is None else ids[among[ids]]
            rows.append(self._best(query[None], some, self._file.read(some), min(k, count)))
        return np.vstack([row[0] for row in rows]), np.vstack([row[1] for row in rows])

    def _exact(
        self, mixed: Vectors, k: int, among: NDArray[np.int64] | None
    ) -> tuple[Vectors, NDArray[np.int64]]:
        """The best of ascending ids, or of all, read block by block."""
        similarities, ids = np.zeros((len(mixed), 0), np.float32), np.zeros((len(mixed), 0), np.int64)
        for some, rows in self._file.blocks(among):
            alike, these = self._best(mixed, some, rows, min(k, len(some)))
            similarities, ids = np.hstack([similarities, alike]), np.hstack([ids, these])
            best = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
            similarities, ids = np.take_along_axis(similarities, best, 1), np.take_along_axis(ids, best, 1)
        return similarities, ids

    def _best(
        self, mixed: Vectors, ids: NDArray[np.int64], rows: NDArray[np.float16], k: int
    ) -> tuple[Vectors, NDArray[np.int64]]:
        """Similarities and ids [Q, k] of the most similar of some rows [n, width], computed as for all."""
        index = empty_index(rows.shape[1])
        faiss.copy_array_to_vector(rows.view(np.uint8).reshape(-1), index.codes)
        index.ntotal = len(rows)
        similarities, places = _search(index, mixed, k)
        return similarities, ids[places]

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


def _search(
    index: faiss.Index, mixed: Vectors, k: int, among: NDArray[np.bool_] | None = None
) -> tuple[Vectors, NDArray[np.int64]]:
    """Similarities and ids [Q, k] of queries [Q, width], all of the index or those `among` [N]."""
    wanted = None
    if among is not None:
        bits = np.packbits(among, bitorder="little")
        selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]  # as its wrapper takes it
        wanted = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(min(max(len(mixed), 1), threads))  # a thread without a query would only spin
    try:
        return index.search(mixed, k, params=wanted)
    finally:
        faiss.omp_set_num_threads(threads)  # torch uses the same number
