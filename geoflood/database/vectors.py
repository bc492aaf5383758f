"""vectors.faiss: the bands of every reference side by side, searched by inner product.

The similarity to a query is a mixture over the waterline bands, sum_b pi_b <q_b, r_b>. Side by side
that is one inner product, <(pi_1 q_1, ..., pi_B q_B), (r_1, ..., r_B)>, so one exact search answers it.
"""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Vectors
from geoflood.core.errors import IndexUnusableError

__all__ = ["VectorStore"]


class VectorStore:
    """The vectors of one index, in memory."""

    def __init__(self, path: Path, bands: int) -> None:
        try:
            self._index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise IndexUnusableError(
                f"{path} cannot be read", "build the index again with --rebuild"
            ) from error
        self.bands = bands
        self.dimension = self._index.d // bands

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(
        self,
        queries: Vectors,
        belief: NDArray[np.float32],
        k: int,
        among: NDArray[np.bool_] | None = None,
    ) -> tuple[Vectors, NDArray[np.int64]]:
        """The k most similar references of queries [Q, bands, D] under a belief [bands] that sums to 1.

        among: [N] which references are looked at; None: all. Returns similarities [Q, k] and ids [Q, k], best
        first; k is cut to how many are looked at.
        """
        count = len(self) if among is None else int(np.count_nonzero(among))
        if not count:
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        wanted = None
        if among is not None:
            bits = np.packbits(among, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]  # as its wrapper takes it
            wanted = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        mixed = (queries * belief[:, None]).reshape(len(queries), -1).astype(np.float32)
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(
            min(max(len(queries), 1), threads)
        )  # a thread without a query would only spin
        try:
            similarities, ids = self._index.search(mixed, min(k, count), params=wanted)
        finally:
            faiss.omp_set_num_threads(threads)  # torch uses the same number
        return similarities, ids

    def rows(self, ids: NDArray[np.int64]) -> Vectors:
        """The vectors [N, bands, D] of some references."""
        rows = self._index.reconstruct_batch(np.ascontiguousarray(ids, np.int64))
        return np.asarray(rows, np.float32).reshape(len(ids), self.bands, -1)
