"""vectors.faiss on the disk: FAISS's scalar quantizer of half precision, whose rows are the last thing in it.

After a short head come eight bytes that count those of all rows, then the rows, one after another. So a
row lies at a place that can be computed: an index need not be in memory to be written, or for some rows of it
to be read.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock

import faiss
import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Vectors
from geoflood.core.errors import IndexUnusableError
from geoflood.core.files import replacing

__all__ = ["VectorFile", "empty_index", "write_vectors"]

_HINT = "build the index again with --rebuild"
_NUMBER = 2
"""Bytes of a number of half precision."""
_WIDTH, _ROWS, _BYTES = slice(4, 8), slice(8, 16), slice(-8, None)
"""Where in the head the numbers a row, the rows and the bytes of all rows are said, little-endian."""
_WIDEST = 1 << 20
"""Numbers a row: more are of a damaged head."""
_AT_ONCE = 1 << 22
"""Bytes of rows that are read ahead while those before them are looked at."""
_SEEKING = Lock()


def empty_index(width: int) -> faiss.IndexScalarQuantizer:
    """An index of no rows, as vectors.faiss holds them: inner products of `width` numbers each."""
    return faiss.IndexScalarQuantizer(width, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


def _head(width: int, rows: int) -> bytes:
    """All that comes before the rows, as faiss.write_index writes it."""
    head = bytearray(faiss.serialize_index(empty_index(width)).tobytes())
    head[_ROWS] = rows.to_bytes(8, "little")
    head[_BYTES] = (rows * width * _NUMBER).to_bytes(8, "little")
    return bytes(head)


def write_vectors(path: Path, blocks: Iterable[NDArray[np.float16]]) -> int:
    """Write blocks [n, bands, D] as one index of half precision; returns how many rows it holds.

    The bytes are those of faiss.write_index, and memory holds a block at a time. float16 halves the disk
    that a city needs; the cosines move by less than 1e-3. Raises ValueError when every block is empty.
    """
    rows = width = 0
    with replacing(path) as temporary, temporary.open("wb") as file:
        for block in blocks:
            if not len(block):
                continue
            if not rows:
                width = block[0].size
                file.write(_head(width, 0))
            file.write(np.ascontiguousarray(block.reshape(len(block), width), "<f2").data)
            rows += len(block)
        if not rows:
            raise ValueError("no vectors to write")
        file.seek(0)
        file.write(_head(width, rows))
    return rows


class VectorFile:
    """The rows of a vectors.faiss, read where they lie. Threads may share it.

    Raises IndexUnusableError for a file that is cut short, or no such index, or of other counts than it says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise IndexUnusableError(f"{path} cannot be read: {error.strerror}", _HINT) from error
        weakref.finalize(self, os.close, self._file)
        self.width, self._count, self._start = self._layout()

    def __len__(self) -> int:
        return self._count

    def _layout(self) -> tuple[int, int, int]:
        """Numbers a row, rows, and where the first row lies."""
        begin = _read_at(self._file, 16, 0)
        width, rows = (int.from_bytes(begin[part], "little") for part in (_WIDTH, _ROWS))
        if len(begin) == 16 and 0 < width <= _WIDEST:
            start = len(_head(width, 0))
            size = start + rows * width * _NUMBER
            if os.fstat(self._file).st_size == size and _read_at(self._file, start, 0) == _head(width, rows):
                return width, rows, start
        raise IndexUnusableError(f"{self.path} is damaged: it is cut short, or no index of vectors", _HINT)

    def read(self, ids: NDArray[np.int64]) -> NDArray[np.float16]:
        """The rows [n, width] of ascending ids [n].

        What is in the system's memory is copied at once. Of the rest the disk is asked for all before the
        first is waited for: five hundred rows take a hundredth of the time that they take one by one.
        Raises IndexUnusableError when the file shrank.
        """
        rows, size = np.empty((len(ids), self.width), "<f2"), self.width * _NUMBER
        memory = rows.reshape(-1).view(np.uint8).data
        parts = [
            (memory[at * size : end * size], self._start + first * size) for at, end, first in _runs(ids)
        ]
        missing = [(part, place) for part, place in parts if not _copy_at_once(self._file, part, place)]
        if hasattr(os, "posix_fadvise"):
            for part, place in missing:
                os.posix_fadvise(self._file, place, len(part), os.POSIX_FADV_WILLNEED)
        for part, place in missing:
            data = _read_at(self._file, len(part), place)
            if len(data) != len(part):
                raise IndexUnusableError(f"{self.path} is damaged: it is cut short", _HINT)
            part[:] = data
        return rows

    def read_rows(self, ids: NDArray[np.int64]) -> Vectors:
        """The rows [n, width] of ids [n] in any order, in single precision."""
        order, back = np.unique(ids, return_inverse=True)
        return np.asarray(self.read(order)[back.reshape(-1)], np.float32)

    def blocks(
        self, ids: NDArray[np.int64] | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float16]]]:
        """Ids and rows of ascending ids, or of all, a few megabytes at a time."""
        step = max(_AT_ONCE // (self.width * _NUMBER), 1)
        for start in range(0, len(self) if ids is None else len(ids), step):
            end = start + step
            some = np.arange(start, min(end, len(self))) if ids is None else ids[start:end]
            yield some, self.read(some)


def _runs(ids: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """(place of the first, place behind the last, first id) of ascending ids that follow each other."""
    ends = (np.flatnonzero(np.diff(ids) != 1) + 1).tolist()
    return zip([0, *ends], [*ends, len(ids)], ids[[0, *ends]].tolist(), strict=True) if len(ids) else iter(())


def _copy_at_once(file: int, part: memoryview, place: int) -> bool:
    """Copy from the system's memory; False where it is not all there, or the system does not say."""
    if not hasattr(os, "RWF_NOWAIT"):
        return False
    try:
        return os.preadv(file, [part], place, os.RWF_NOWAIT) == len(part)
    except OSError:
        return False


def _read_at(file: int, size: int, place: int) -> bytes:
    """So many bytes, or fewer at the end of the file."""
    parts, left = list[bytes](), size
    while left and (part := _read_some(file, left, place + size - left)):
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read_some(file: int, size: int, place: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, size, place)
    with _SEEKING:  # one place at a time, where a file has but one
        os.lseek(file, place, os.SEEK_SET)
        return os.read(file, size)
