"""coarse.faiss: a small likeness of vectors.faiss, in which a large index is looked through first.

A row of all bands side by side is shortened to 384 codes of half a byte: a 25th of vectors.faiss.
It is scanned for a shortlist, which is then compared whole. Decision 105 has what else was tried.

1. Each band is scaled by the root of its untold belief: so what a search usually looks at counts most. A
   search that believes otherwise asks with its own belief over that root, which is the same inner product.
2. Principal components, learned from a sample of the city (Halko et al. 2011, algorithm 4.4), keep what most
   of an inner product is made of. A random rotation then makes all equally important.
3. A product quantizer (Jegou et al. 2011) of 16 centroids for every two components, scanned in registers
   (Andre et al. 2015, in FAISS: fast scan).

The file holds FAISS indexes of PART rows, one after another, so that cores share a search; then the matrix
of steps 1 and 2; then a line of JSON that says what is there, and of which vectors.faiss it is made.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import faiss
import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Progress, Vectors, no_progress
from geoflood.core.errors import IndexUnusableError
from geoflood.core.files import replacing
from geoflood.core.parallel import cores
from geoflood.database.similar_rows import best_first
from geoflood.database.vector_file import VectorFile

__all__ = ["COARSE", "LARGE", "CoarseIndex", "check_coarse", "rows_of", "write_coarse"]

COARSE = "coarse.faiss"
LARGE = 50_000
"""References from which on an index has a coarse file; fewer are quickly compared whole."""
NUMBERS = 768
"""Of a shortened row."""
NUMBERS_A_CODE, BITS = 2, 4
SAMPLE = 16_384
"""Rows that are learned from."""
SPARE, PASSES = 64, 3
"""Components more than are kept, and times that the sample is gone over for them."""
PART = 1 << 18
"""Rows of a part; a million make four."""
SEED = 20261127
_FORMAT = 1
_END = b"geoflood coarse\n"
_PROBED = 64
"""Rows by which a vectors.faiss is known again."""
_LONGEST = 1 << 24
"""Bytes of the line at the end; longer ones are of a damaged file."""
_STAGE = "making the coarse file"
_HINT = "remove it: it is made again"


_Found: TypeAlias = tuple[Vectors, NDArray[np.int64]]
"""Similarities and ids [Q, n]."""


@dataclass(frozen=True)
class _Content:
    """The line at the end of the file."""

    format: int
    rows: int
    width: int
    """Numbers of a row of vectors.faiss."""
    untold: list[float]
    """Of each band, what is believed where nothing is told of the water."""
    vectors: str
    """What `_likeness` says of vectors.faiss."""
    parts: list[int]
    """Bytes of each."""
    numbers: int


def _likeness(vectors: VectorFile) -> str:
    """Tells one vectors.faiss from another by its size and a few rows: hashing all takes seconds."""
    ids = np.unique(np.linspace(0, len(vectors) - 1, _PROBED).astype(np.int64))
    digest = hashlib.sha256(f"{len(vectors)} {vectors.width}".encode())
    digest.update(vectors.read(ids).data)
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class _Shortening:
    """Rows of vectors.faiss -> the numbers that are quantized; queries -> numbers they are compared with."""

    matrix: NDArray[np.float32]
    """[numbers, width]: scales, components and rotation in one."""
    mean: NDArray[np.float32]
    """[numbers] what all rows have in common, which tells none from another."""

    def rows(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """[n, width] -> [n, numbers]."""
        return np.asarray(rows.astype(np.float32) @ self.matrix.T - self.mean, np.float32)


def write_coarse(
    path: Path, vectors: VectorFile, untold: NDArray[np.float32], progress: Progress = no_progress
) -> None:
    """Learn from a sample of `vectors`, and write the coarse file of all; memory holds a part at a time.

    untold: the belief [bands] of a search that was told nothing.
    """
    with _one_thread(), replacing(path) as temporary, temporary.open("wb") as file:
        shortening, empty = _learn(vectors, untold)
        sizes = list[int]()
        for part in _parts(vectors, shortening, empty, progress):
            data = faiss.serialize_index(part)
            file.write(data.data)
            sizes.append(len(data))
        file.write(np.ascontiguousarray(shortening.matrix, "<f4").data)
        content = _Content(
            *(_FORMAT, len(vectors), vectors.width, untold.tolist(), _likeness(vectors)),
            *(sizes, len(shortening.matrix)),
        )
        line = json.dumps(asdict(content)).encode()
        file.write(line + len(line).to_bytes(8, "little") + _END)


@contextmanager
def _one_thread() -> Iterator[None]:
    """FAISS keeps to one thread: several spin between steps as short as these, at many times the cost."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)  # torch uses the same number


def _parts(
    vectors: VectorFile, shortening: _Shortening, empty: faiss.Index, progress: Progress
) -> Iterator[faiss.Index]:
    """All rows quantized, in indexes of PART rows."""
    total = len(vectors)
    for start in range(0, total, PART):
        part = faiss.clone_index(empty)
        end = min(start + PART, total)
        for ids, rows in vectors.blocks(np.arange(start, end)):
            part.add(shortening.rows(rows))
            progress(_STAGE, int(ids[-1]) + 1, total)
        yield part


def _learn(vectors: VectorFile, untold: NDArray[np.float32]) -> tuple[_Shortening, faiss.IndexPQFastScan]:
    """How rows are shortened, and an index of none that has learned its centroids."""
    rng = np.random.default_rng(SEED)
    ids = np.sort(rng.permutation(len(vectors))[:SAMPLE])
    codes = min(NUMBERS, vectors.width) // NUMBERS_A_CODE
    numbers = codes * NUMBERS_A_CODE
    scale = np.repeat(np.sqrt(untold), vectors.width // len(untold))
    mean, components = _components(vectors, ids, scale, numbers, rng)
    matrix = _rotation(numbers, rng) @ components
    shortening = _Shortening(matrix * scale, np.asarray(matrix @ mean, np.float32))
    empty = faiss.IndexPQFastScan(numbers, codes, BITS, faiss.METRIC_INNER_PRODUCT)
    empty.train(np.concatenate([shortening.rows(rows) for _, rows in vectors.blocks(ids)]))
    return shortening, empty


def _rotation(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    return np.asarray(np.linalg.qr(rng.normal(size=(size, size)))[0], np.float32)


def _components(
    vectors: VectorFile,
    ids: NDArray[np.int64],
    scale: NDArray[np.float32],
    numbers: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean [width] of the scaled rows, and their first principal components [numbers, width].

    By subspace iteration, since the covariance of a learned backbone's bands would not fit into memory.
    """
    width = vectors.width

    def rows() -> Iterator[NDArray[np.float32]]:
        return (block.astype(np.float32) * scale for _, block in vectors.blocks(ids))

    mean = sum(block.sum(axis=0, dtype=np.float64) for block in rows()) / len(ids)
    mean = np.asarray(mean, np.float32)
    basis = rng.normal(size=(width, min(numbers + SPARE, width))).astype(np.float32)
    for _ in range(PASSES):
        basis = np.linalg.qr(basis)[0]
        product = np.zeros_like(basis)
        for block in rows():
            centred = block - mean
            product += centred.T @ (centred @ basis)
        basis = product
    basis = np.linalg.qr(basis)[0]
    small = np.zeros((basis.shape[1], basis.shape[1]))
    for block in rows():
        inner = (block - mean) @ basis
        small += inner.T @ inner
    _, inside = np.linalg.eigh(small)
    return mean, np.asarray((basis @ inside[:, ::-1][:, :numbers]).T, np.float32)


class CoarseIndex:
    """A coarse file in memory. Threads may share it; raises IndexUnusableError when it is not of `vectors`.

    threads: that share a search; None: one a core. parts: those of the file that are read; None: all.
    """

    def __init__(
        self, path: Path, vectors: VectorFile, threads: int | None = None, parts: range | None = None
    ) -> None:
        content = check_coarse(path, vectors)
        taken = range(len(content.parts)) if parts is None else parts
        places = np.cumsum([0, *content.parts]).tolist()
        try:
            with path.open("rb") as file:
                self._parts = [_read_part(file, places[part], content.parts[part]) for part in taken]
                file.seek(places[-1])
                matrix = np.frombuffer(file.read(4 * content.numbers * content.width), "<f4")
        except (OSError, RuntimeError) as error:
            raise IndexUnusableError(f"{path} cannot be read", _HINT) from error
        self._matrix = matrix.reshape(content.numbers, content.width)
        self.untold = np.array(content.untold, np.float32)
        """What is believed of the bands where nothing is told, [bands]."""
        first, end = (0, content.rows) if parts is None else rows_of(content.rows, parts)
        self._starts = first + np.cumsum([0, *(part.ntotal for part in self._parts[:-1])])
        if sum(part.ntotal for part in self._parts) != end - first:
            raise IndexUnusableError(f"{path} is damaged: its parts hold other rows", _HINT)
        workers = min(threads or cores(), len(self._parts))
        self._pool = ThreadPoolExecutor(workers, "coarse", partial(faiss.omp_set_num_threads, 1))
        self._alone = workers == 1

    def search(self, queries: Vectors, belief: NDArray[np.float32], count: int) -> list[NDArray[np.int64]]:
        """Of each query [Q, bands, D] the ascending ids of the `count` references that look most alike."""
        return list(np.sort(self.alike(queries, belief, count)[1], axis=1))

    def alike(
        self, queries: Vectors, belief: NDArray[np.float32], count: int
    ) -> tuple[Vectors, NDArray[np.int64]]:
        """How alike they look and ids [Q, count], best first; of equals the lower ids."""
        asked = queries * (belief / self.untold)[:, None]
        asked = asked.reshape(len(queries), -1).astype(np.float32)
        # BLAS would take ten times as long for one query: its threads spin.
        short = np.einsum("qw,nw->qn", asked, self._matrix)
        found = self._map(lambda part: part.search(short, min(count, part.ntotal)))
        alike = np.hstack([similarities for similarities, _ in found])
        ids = np.hstack([some + start for (_, some), start in zip(found, self._starts, strict=True)])
        return best_first(alike, ids, count)

    def _map(self, search: Callable[[faiss.Index], _Found]) -> list[_Found]:
        """The parts searched side by side; one alone is not worth waking a thread."""
        if not self._alone:
            return list(self._pool.map(search, self._parts))
        with _one_thread():
            return [search(part) for part in self._parts]


def rows_of(rows: int, parts: range) -> tuple[int, int]:
    """The first row of some parts of a file of so many rows, and the one behind their last."""
    return parts.start * PART, min(parts.stop * PART, rows)


def _read_part(file: BinaryIO, place: int, size: int) -> faiss.IndexPQFastScan:
    file.seek(place)
    return _part(file.read(size))


def _part(data: bytes) -> faiss.IndexPQFastScan:
    """Raises RuntimeError for what is no such index."""
    part = faiss.deserialize_index(np.frombuffer(data, np.uint8))
    if not isinstance(part, faiss.IndexPQFastScan):
        raise RuntimeError("another kind of index")
    return part


def check_coarse(path: Path, vectors: VectorFile) -> _Content:
    """What is in a coarse file. Raises IndexUnusableError unless it is whole and of these `vectors`."""
    if not path.is_file():
        raise IndexUnusableError(f"{path} is missing", _HINT)
    try:
        content = _read_content(path)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise IndexUnusableError(f"{path} is cut short or damaged", _HINT) from error
    if (content.rows, content.width, content.vectors) != (len(vectors), vectors.width, _likeness(vectors)):
        raise IndexUnusableError(f"{path} is of another index", _HINT)
    return content


def _read_content(path: Path) -> _Content:
    """Raises OSError, ValueError and TypeError when it is not what `write_coarse` wrote."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        behind = 8 + len(_END)
        file.seek(max(size - behind, 0))
        end = file.read()
        length = int.from_bytes(end[:8], "little")
        if end[8:] != _END or not 0 < length <= min(size - behind, _LONGEST):
            raise ValueError("no end")
        file.seek(size - behind - length)
        content = _Content(**json.loads(file.read(length)))
    arrays = sum(content.parts) + 4 * content.numbers * content.width
    sizes = (*content.parts, content.numbers, content.width)
    if content.format != _FORMAT or min(sizes) <= 0 or arrays + length + behind != size:
        raise ValueError("other sizes")
    return content
