"""A large index searched in parts, each on a worker of a Ray cluster; the answers are those of one index.

A part is a range of rows of vectors.faiss. Of a small index it is held in memory. Of a large one its parts of
coarse.faiss are: workers say which rows look alike, and the most alike of all of them are compared whole. A
worker whose process was lost loads its part anew.
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.threads import compute_on_one_core
from geoflood.core.datatypes import Vectors
from geoflood.core.errors import GeofloodError, IndexUnusableError, NetworkError
from geoflood.database.coarse import COARSE, LARGE, CoarseIndex, check_coarse, rows_of
from geoflood.database.ray_cluster import RayCluster, Ref, WorkerLostError, connected
from geoflood.database.similar_rows import (
    best_first,
    index_of_rows,
    most_similar,
    most_similar_of,
    most_similar_rows,
)
from geoflood.database.vector_file import VectorFile
from geoflood.database.vectors import compares_all, shortlist_length

__all__ = ["PartOrder", "RayVectorStore", "SearchedPart", "row_ranges"]

LEAST_ROWS = 2000
"""Of a part: fewer are sooner searched at once than asked for in turns."""
ANSWERED_WITHIN_S = 60.0
"""A worker that was lost is back within this; else a search goes without its part, and says so."""
LOADED_WITHIN_S = 900.0

Ids = NDArray[np.int64]
Found = tuple[Vectors, Ids]
"""Similarities and ids [Q, n]."""


@dataclass(frozen=True, slots=True)
class PartOrder:
    """Rows `first` to `end` of a vectors.faiss."""

    vectors: str
    size: int
    """Bytes of the file, by which another one is noticed."""
    first: int
    end: int
    coarse: range | None
    """The parts of the coarse file beside it that hold these rows; None: there is no such file."""


class SearchedPart:
    """On a worker: a part of an index."""

    def __init__(self, order: PartOrder) -> None:
        compute_on_one_core()
        self._order, self._trouble = order, ""
        self._index: faiss.Index | None = None
        try:
            self._file = _file_of(order)
            if order.coarse is None:
                self._index = index_of_rows([rows for _, rows in self._file.blocks(self._rows())])
            else:
                path = Path(order.vectors).with_name(COARSE)
                self._coarse = CoarseIndex(path, self._file, threads=1, parts=order.coarse)
        except (
            OSError,
            GeofloodError,
        ) as error:  # told when asked: a worker that cannot begin is begun again
            self._trouble = f"the node {socket.gethostname()}: {error}"

    def _rows(self) -> Ids:
        return np.arange(self._order.first, self._order.end)

    def trouble(self) -> str:
        """Why this part cannot be searched, or ""."""
        return self._trouble

    def search(self, mixed: Vectors, k: int, among: NDArray[np.bool_] | None) -> Found:
        """The k most similar of the part, or of those `among` its rows: all are compared."""
        if self._index is None:
            return most_similar_of(
                self._file, mixed, k, self._rows() if among is None else self._rows()[among]
            )
        similarities, ids = most_similar(self._index, mixed, k, among)
        return similarities, ids + self._order.first

    def alike(self, queries: Vectors, belief: NDArray[np.float32], count: int) -> Found:
        """The rows of the part that look most alike in the coarse file, and how much so."""
        return self._coarse.alike(queries, belief, count)

    def compared(self, mixed: Vectors, ids: Sequence[Ids], k: int) -> list[Found]:
        """Of each query the k most similar of some rows of the part."""
        rows = zip(mixed, ids, strict=True)
        return [most_similar_rows(query[None], some, self._file.read(some), k) for query, some in rows]


def _file_of(order: PartOrder) -> VectorFile:
    """Raises IndexUnusableError where the file is not seen as the driver sees it."""
    path = Path(order.vectors)
    if not path.is_file() or path.stat().st_size != order.size:
        raise IndexUnusableError(f"{path} is not seen there as it is here")
    return VectorFile(path)


def row_ranges(rows: int, parts: int) -> list[tuple[int, int]]:
    """`parts` ranges of about as many rows, or fewer where rows are few."""
    return list(pairwise(_edges(rows, max(min(parts, rows // LEAST_ROWS), 1))))


def _edges(count: int, parts: int) -> list[int]:
    return [count * part // parts for part in range(parts + 1)]


def _orders(path: Path, file: VectorFile, parts: int) -> tuple[list[PartOrder], NDArray[np.float32] | None]:
    """What each worker is to hold, and the belief that the coarse file was made for; None: there is none."""
    given, size = str(path.absolute()), path.stat().st_size
    content = None
    with suppress(IndexUnusableError):  # its coarse file could not be made
        content = check_coarse(path.with_name(COARSE), file) if len(file) >= LARGE else None
    if content is None:
        ranges = row_ranges(len(file), parts)
        return [PartOrder(given, size, first, end, None) for first, end in ranges], None
    edges = pairwise(_edges(len(content.parts), min(parts, len(content.parts))))
    taken = [range(*some) for some in edges]
    orders = [PartOrder(given, size, *rows_of(len(file), some), some) for some in taken]
    return orders, np.array(content.untold, np.float32)


class RayVectorStore:
    """The vectors of one index on the workers of a cluster, searched as `VectorStore` searches its own.

    parts: how many workers share them; None: one a core of the cluster. Threads may share it. It leaves the
    cluster when it is closed, or no longer used.

    Raises NetworkError where the cluster cannot be reached or has no room for the parts, IndexUnusableError
    where a node does not see the index.
    """

    def __init__(
        self, where: str, path: Path, bands: int, parts: int | None = None, *, notice: str = ""
    ) -> None:
        self.notice = notice
        """What people are to know of how it is searched, or ""."""
        self._file, self.bands = VectorFile(path), bands
        self.dimension = self._file.width // bands
        self._said = threading.local()
        stack = ExitStack()
        self._cluster: RayCluster = stack.enter_context(connected(where))
        self.close: Callable[[], object] = weakref.finalize(self, stack.close)
        cores = self._cluster.cores()
        self._orders, self._untold = _orders(path, self._file, parts or cores)
        share = min(1.0, int(100 * cores / len(self._orders)) / 100)
        self._parts = [self._cluster.actor(SearchedPart, order, cores=share) for order in self._orders]
        self._late: dict[int, Ref] = {}
        """Parts that did not answer in time -> what they were asked."""
        self._lost = ""
        """What was said of the last worker that cannot come back."""
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._file)

    @property
    def missed(self) -> float:
        """Share of the references that this thread's last search could not look at."""
        return float(getattr(self._said, "missed", 0.0))

    def _load(self) -> None:
        """Wait until every part is in memory. Raises what the class does."""
        told = self._answers("trouble", dict.fromkeys(range(len(self._parts)), ()), LOADED_WITHIN_S)
        if len(told) < len(self._parts):
            why = self._lost or f"the others are not in memory after {LOADED_WITHIN_S / 60:.0f} minutes"
            loaded = f"{len(told)} of {len(self._parts)} parts of the index"
            raise NetworkError(
                f"the cluster {self._cluster.name} loaded {loaded}: {why}",
                "every node needs the same geoflood[ray], and free cores and memory",
            )
        if said := next(filter(None, told.values()), ""):
            raise IndexUnusableError(said, "an index that a cluster searches lies where every node sees it")

    def search(
        self,
        queries: Vectors,
        belief: NDArray[np.float32],
        k: int,
        among: NDArray[np.bool_] | None = None,
        *,
        shortlist: int | None = None,
    ) -> Found:
        """As `VectorStore.search`; a part that is lost for long is left out, which `missed` says.

        Raises NetworkError where no part answers.
        """
        mixed = (queries * belief[:, None]).reshape(len(queries), -1).astype(np.float32)
        left_out = 0 if among is None else len(self) - int(np.count_nonzero(among))
        if self._untold is None or compares_all(k, left_out):
            return self._among_all(mixed, k, among)
        wanted = shortlist_length(belief, self._untold, k, left_out, shortlist)
        alike = self._answers("alike", self._each((queries, belief, wanted)), ANSWERED_WITHIN_S)
        self._say_missed(alike, among)
        ids = np.sort(_merged(alike, wanted)[1], axis=1)
        looked_at = [row if among is None else row[among[row]] for row in ids]
        given = {part: (mixed, [self._inside(part, row) for row in looked_at], k) for part in alike}
        found: dict[int, list[Found]] = self._answers("compared", given, ANSWERED_WITHIN_S)
        self._say_missed(found, among)
        rows = [_merged({part: found[part][query] for part in found}, k) for query in range(len(mixed))]
        return np.vstack([row[0] for row in rows]), np.vstack([row[1] for row in rows])

    def _among_all(self, mixed: Vectors, k: int, among: NDArray[np.bool_] | None) -> Found:
        """All are compared."""
        given = {
            part: (mixed, k, None if among is None else among[order.first : order.end])
            for part, order in enumerate(self._orders)
        }
        found: dict[int, Found] = self._answers("search", given, ANSWERED_WITHIN_S)
        self._say_missed(found, among)
        return _merged(found, k)

    def _each(self, given: tuple[Any, ...]) -> dict[int, tuple[Any, ...]]:
        return dict.fromkeys(range(len(self._parts)), given)

    def _inside(self, part: int, ids: Ids) -> Ids:
        """Those of ascending ids that a part holds."""
        order = self._orders[part]
        return ids[np.searchsorted(ids, order.first) : np.searchsorted(ids, order.end)]

    def _say_missed(self, found: Mapping[int, object], among: NDArray[np.bool_] | None) -> None:
        """Keep the share of what was to be looked at that the parts without an answer hold."""
        if not found:
            raise NetworkError(
                f"no part of the index answers at {self._cluster.name}", "see whether its nodes are there"
            )
        ranges = [(order.first, order.end) for order in self._orders]
        counts = [end - first if among is None else int(among[first:end].sum()) for first, end in ranges]
        lost = sum(count for part, count in enumerate(counts) if part not in found)
        self._said.missed = lost / max(sum(counts), 1)

    def _answers(self, method: str, given: Mapping[int, tuple[Any, ...]], seconds: float) -> dict[int, Any]:
        """Part -> its answer, of those that answer in time; a part that is late already is not waited for."""
        self._late = {part: ref for part, ref in self._late.items() if not self._cluster.ended([ref], 0)[0]}
        asked = {
            self._cluster.ask(self._parts[part], method, *what): part
            for part, what in given.items()
            if part not in self._late
        }
        ended, late = self._cluster.ended(list(asked), seconds, len(asked)) if asked else ([], [])
        self._late |= {asked[ref]: ref for ref in late}
        answers = {}
        for ref in ended:
            try:
                answers[asked[ref]] = self._cluster.result(ref)
            except WorkerLostError as error:  # for good: Ray begins it again as often as it can
                self._lost = str(error)
        return answers

    def rows(self, ids: Ids) -> Vectors:
        """The vectors [N, bands, D] of some references, read here."""
        return self._file.read_rows(ids).reshape(len(ids), self.bands, -1)


def _merged(found: Mapping[int, Found], k: int) -> Found:
    """The k best of all parts."""
    similarities = np.hstack([found[part][0] for part in sorted(found)])
    return best_first(similarities, np.hstack([found[part][1] for part in sorted(found)]), k)
