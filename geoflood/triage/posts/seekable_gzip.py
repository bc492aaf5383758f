"""A gzip file that can be read from any place, without unpacking all before it again and again.

While it is read, the state of the decompressor is noted every few megabytes. Reading from an earlier place
goes on from the note before it. Nothing is written, and no more than the notes is held in memory.
"""

from __future__ import annotations

import bisect
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["SeekableGzip"]

PIECE = 65_536
"""Packed bytes that are read at once."""
APART = 4_000_000
"""Unpacked bytes between two notes, at least."""
MOST_NOTES = 500
"""A note takes some 50 kB."""
_MAGIC = b"\x1f\x8b"
_WITH_HEADER = 31
"""For zlib: gzip with its header and its checksum."""


@dataclass(frozen=True, slots=True)
class _Note:
    """How to go on from a place."""

    unpacked: int
    packed: int
    """Bytes of the file that were handed to the decompressor."""
    inflate: Any
    pending: bytes
    """Of these, what it has not looked at."""


class SeekableGzip(io.RawIOBase):
    """The unpacked bytes of a gzip file, of whose members there may be several.

    Reading raises EOFError where the file breaks off, zlib.error where it is damaged, and what `too_much`
    raises, which is asked with the bytes unpacked so far.
    """

    def __init__(self, path: Path, too_much: Any = lambda unpacked: None) -> None:
        self._file = path.open("rb")
        self._apart = max(APART, 20 * path.stat().st_size // MOST_NOTES)
        self._too_much = too_much
        self._wanted = 0
        self._notes: list[_Note] = []
        self._begin()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def tell(self) -> int:
        """The place that is read from next, in unpacked bytes."""
        return self._wanted

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Read from another place next, counted from the start or from here."""
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end is not known")
        self._wanted = max(0, offset + (self._wanted if whence == io.SEEK_CUR else 0))
        return self._wanted

    def readinto(self, buffer: Any) -> int:
        """As a file does."""
        self._go_to(self._wanted)
        while not self._ready and not self._ended:
            self._unpack()
        taken = self._ready[: len(buffer)]
        buffer[: len(taken)] = taken
        self._skip(len(taken))
        self._wanted += len(taken)
        return len(taken)

    def _begin(self) -> None:
        self._place, self._packed = 0, 0
        self._inflate, self._pending = zlib.decompressobj(_WITH_HEADER), b""
        self._ready, self._ended = b"", False

    def _go_to(self, place: int) -> None:
        if place < self._place:
            at = bisect.bisect_right(self._notes, place, key=lambda note: note.unpacked) - 1
            self._begin()
            if at >= 0:
                note = self._notes[at]
                self._place, self._packed = note.unpacked, note.packed
                self._inflate, self._pending = note.inflate.copy(), note.pending
        while self._place < place and not (self._ended and not self._ready):
            if not self._ready:
                self._unpack()
            self._skip(min(len(self._ready), place - self._place))

    def _skip(self, count: int) -> None:
        self._ready = self._ready[count:]
        self._place += count

    def _unpack(self) -> None:
        """Unpack the next piece, of which nothing is ready any more."""
        if self._inflate.eof:
            self._next_member()
            return
        self._take_note()
        if not self._pending:
            self._file.seek(self._packed)
            self._pending = self._file.read(PIECE)
            self._packed += len(self._pending)
            if not self._pending:
                raise EOFError("it breaks off before its end")
        self._ready = self._inflate.decompress(self._pending, PIECE)
        self._pending = self._inflate.unconsumed_tail
        self._too_much(self._place + len(self._ready))

    def _next_member(self) -> None:
        """Begin what is packed behind a member that has ended; zeros and anything else are its end."""
        rest = self._inflate.unused_data
        self._file.seek(self._packed)
        if len(rest) < len(_MAGIC):
            more = self._file.read(PIECE)
            self._packed += len(more)
            rest += more
        if not rest.startswith(_MAGIC):
            self._ended = True
            return
        self._inflate, self._pending = zlib.decompressobj(_WITH_HEADER), rest

    def _take_note(self) -> None:
        last = self._notes[-1].unpacked if self._notes else 0
        if self._place >= last + self._apart:
            note = _Note(self._place, self._packed, self._inflate.copy(), self._pending)
            self._notes.append(note)
