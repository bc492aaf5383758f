"""The most similar rows of an index in an order of their own: by similarity, then by id.

FAISS leaves the order of equals to its heap, which depends on where rows lie. An index that is searched in
parts must give what the whole gives, so equals need an order that is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Vectors
from geoflood.database.vector_file import VectorFile, empty_index

__all__ = [
    "SearchedVectors",
    "best_first",
    "index_of_rows",
    "most_similar",
    "most_similar_of",
    "most_similar_rows",
]

Ids = NDArray[np.int64]


class SearchedVectors(Protocol):
    """What a search needs of the vectors of an index, wherever they are."""

    bands: int
    dimension: int
    notice: str
    """What people are to know of how it is searched, or ""."""

    @property
    def missed(self) -> float:
        """Share of the references that this thread's last search could not look at."""

    def __len__(self) -> int: ...

    def search(
        self,
        queries: Vectors,
        belief: NDArray[np.float32],
        k: int,
        among: NDArray[np.bool_] | None = None,
    ) -> tuple[Vectors, Ids]:
        """As `VectorStore.search`."""

    def rows(self, ids: Ids) -> Vectors:
        """The vectors [N, bands, D] of some references."""


def best_first(similarities: Vectors, ids: Ids, k: int) -> tuple[Vectors, Ids]:
    """The k best of each row of similarities and ids [Q, n]; of equals the lower ids."""
    order = np.lexsort((ids, -similarities), axis=1)[:, :k]
    return np.take_along_axis(similarities, order, 1), np.take_along_axis(ids, order, 1)


def most_similar(
    index: faiss.Index, mixed: Vectors, k: int, among: NDArray[np.bool_] | None = None
) -> tuple[Vectors, Ids]:
    """Similarities and ids [Q, k] of the rows most similar to queries [Q, width]; of equals the lower ids.

    among: [N] which rows are looked at; None: all. k is cut to how many are looked at.
    """
    count = index.ntotal if among is None else int(np.count_nonzero(among))
    k, wanted = min(k, count), min(k + 1, count)
    similarities, ids = _faiss_search(index, mixed, wanted, among)
    while k < wanted < count and (similarities[:, -1] == similarities[:, k - 1]).any():
        wanted = min(4 * wanted, count)  # equals at the end: there may be more of them, with lower ids
        similarities, ids = _faiss_search(index, mixed, wanted, among)
    return best_first(similarities, ids, k)


def most_similar_rows(mixed: Vectors, ids: Ids, rows: NDArray[np.float16], k: int) -> tuple[Vectors, Ids]:
    """Similarities and ids [Q, k] of the most similar of rows [n, width] of ascending ids, as of all."""
    if not len(rows):
        return np.zeros((len(mixed), 0), np.float32), np.zeros((len(mixed), 0), np.int64)
    similarities, places = most_similar(index_of_rows([rows]), mixed, k)
    return similarities, ids[places]


def most_similar_of(file: VectorFile, mixed: Vectors, k: int, ids: Ids | None = None) -> tuple[Vectors, Ids]:
    """Similarities and ids [Q, k] of the most similar of ascending ids, or of all, read block by block."""
    similarities, found = np.zeros((len(mixed), 0), np.float32), np.zeros((len(mixed), 0), np.int64)
    for some, rows in file.blocks(ids):
        alike, these = most_similar_rows(mixed, some, rows, k)
        similarities, found = best_first(np.hstack([similarities, alike]), np.hstack([found, these]), k)
    return similarities, found


def index_of_rows(blocks: Sequence[NDArray[np.float16]]) -> faiss.Index:
    """An index in memory of blocks of rows [n, width]."""
    index = empty_index(blocks[0].shape[1])
    codes = [rows.view(np.uint8).reshape(-1) for rows in blocks]
    faiss.copy_array_to_vector(codes[0] if len(codes) == 1 else np.concatenate(codes), index.codes)
    index.ntotal = sum(map(len, blocks))
    return index


def _faiss_search(
    index: faiss.Index, mixed: Vectors, k: int, among: NDArray[np.bool_] | None
) -> tuple[Vectors, Ids]:
    if not k:
        return np.zeros((len(mixed), 0), np.float32), np.zeros((len(mixed), 0), np.int64)
    wanted = None
    if among is not None:
        bits = np.packbits(among, bitorder="little")
        selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]  # as its wrapper takes it
        wanted = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(min(max(len(mixed), 1), threads))  # a thread without a query would only spin
    try:
        similarities, ids = index.search(mixed, k, params=wanted)
    finally:
        faiss.omp_set_num_threads(threads)  # torch uses the same number
    return similarities, ids
