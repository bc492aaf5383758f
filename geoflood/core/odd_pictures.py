"""Pictures that every viewer shows though something beside their pixels is wrong.

A PNG's texts and other extras may be damaged or huge: Pillow would refuse the picture for them, so they are
left out before it looks. A JPEG may lack its end mark: it is read all the same, unless pixels are missing.
"""

from __future__ import annotations

import io
import re
import zlib
from typing import BinaryIO, TypeAlias, cast

import numpy as np
import PIL.Image
from PIL.PngImagePlugin import MAX_TEXT_CHUNK

__all__ = ["decode", "without_extras"]

Size: TypeAlias = tuple[int, int]

PNG = b"\x89PNG\r\n\x1a\n"
KEPT = frozenset((b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT"))
"""Extras that change pixels or say where they were taken, besides texts that hold XMP or EXIF."""
TELLING = (b"XML:com.adobe.xmp", b"Raw profile type exif", b"Raw profile type APP1", b"Raw profile type xmp")
SMALL = 0x20
"""Set in the first letter of a chunk that may be left out."""
MOST_CHUNKS = 1_000_000
MOST_READ = 16_000_000
"""Bytes of an extra."""


def without_extras(stream: BinaryIO, head: bytes) -> BinaryIO:
    """The stream of a picture; of a PNG, without the chunks that pixels do not need and with none broken.

    Chunks that pixels need are passed on as they are, damaged or not.
    """
    if not head.startswith(PNG):
        return stream
    parts, left_out = [(0, len(PNG))], False
    at = stream.seek(len(PNG))
    for _ in range(MOST_CHUNKS):
        length, kind = int.from_bytes(stream.read(4), "big"), stream.read(4)
        if kind == b"IEND" or not kind.isalpha():
            break
        if not kind[0] & SMALL or _is_good(kind, length, stream):
            parts.append((at, 12 + length))
        else:
            left_out = True
        at = stream.seek(at + 12 + length)
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    parts.append((at, max(end - at, 0)))
    return io.BufferedReader(_Parts(stream, parts)) if left_out else stream


def _is_good(kind: bytes, length: int, stream: BinaryIO) -> bool:
    """Whether the extra whose content comes next is one that is wanted, of sensible size, and undamaged."""
    if (kind not in KEPT and kind not in (b"tEXt", b"zTXt", b"iTXt")) or length > MOST_READ:
        return False
    if kind == b"fdAT":
        return True
    content, checksum = stream.read(length), int.from_bytes(stream.read(4), "big")
    if zlib.crc32(kind + content) != checksum:
        return False
    if kind in KEPT:
        return True
    keyword, _, text = content.partition(b"\0")
    if keyword not in TELLING:
        return False
    packed = {
        b"tEXt": b"",
        b"zTXt": text[1:],
        b"iTXt": text[2:].split(b"\0", 2)[-1] if text[:1] == b"\1" else b"",
    }
    return _unpacks(packed[kind])


def _unpacks(packed: bytes) -> bool:
    """Whether compressed text unpacks to what Pillow takes; nothing does."""
    try:
        return len(zlib.decompressobj().decompress(packed, MAX_TEXT_CHUNK + 1)) <= MAX_TEXT_CHUNK
    except zlib.error:
        return False


class _Parts(io.RawIOBase):
    """Some parts of a stream, (start, length), as one."""

    def __init__(self, stream: BinaryIO, parts: list[Size]) -> None:
        self._stream, self._at = stream, 0
        self._starts = np.array([start for start, _ in parts])
        self._ends = np.cumsum([length for _, length in parts])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: int(self._ends[-1])}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part = int(np.searchsorted(self._ends, self._at, side="right"))
        if part == len(self._ends):
            return 0
        left = int(self._ends[part]) - self._at
        begin = int(self._ends[part - 1]) if part else 0
        self._stream.seek(int(self._starts[part]) + self._at - begin)
        data = self._stream.read(min(left, len(buffer)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


END = b"\xff\xd9"
"""The mark with which a JPEG ends."""
MOST_OF_A_PICTURE = 200_000_000
NOISE = bytes(at * 89 % 255 for at in range(2048))
"""Bytes that read as pixels, and as no mark."""


def decode(
    picture: PIL.Image.Image, at_least: Size
) -> tuple[PIL.Image.Image, tuple[float, float, float, float] | None]:
    """The picture decoded, perhaps at a half or less while that is `at_least` so large, and its part with
    pixels. Raises whatever Pillow does."""
    drafted = picture.draft(None, at_least)
    try:
        picture.load()
    except OSError as error:
        if picture.format not in ("JPEG", "MPO") or "truncated" not in str(error):
            raise
        whole = _without_end(picture, at_least)
        if whole is None:
            raise
        picture = whole
    return picture, drafted[1] if drafted else None


def _without_end(cut: PIL.Image.Image, at_least: Size) -> PIL.Image.Image | None:
    """A JPEG that lacks nothing but its end mark; None when it lacks more.

    Where pixels are missing, noise behind the file is read in their place. Otherwise it changes nothing.
    """
    stream = cast(BinaryIO, cut.fp)  # type: ignore[attr-defined]
    stream.seek(0)
    data = stream.read(MOST_OF_A_PICTURE + 1).rstrip(b"\xff")
    if len(data) > MOST_OF_A_PICTURE or not _has_all_scans(data):
        return None
    found: list[PIL.Image.Image] = []
    for tail in (END, NOISE + END):
        picture = PIL.Image.open(io.BytesIO(data + tail), formats=("JPEG",))
        picture.draft(None, at_least)
        picture.load()
        found.append(picture)
    whole, with_noise = found
    return whole if np.array_equal(np.asarray(whole), np.asarray(with_noise)) else None


START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
START_OF_SCAN = 0xDA
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")


def _has_all_scans(data: bytes) -> bool:
    """Whether the scans of a JPEG tell each coefficient of each component to its last bit.

    A progressive one could end between two scans, and then be blurred as a whole.
    """
    missing: set[tuple[int, int]] = {(-1, 0)}
    at = 2
    while found := _MARKER.search(data, at):
        at = found.end()
        body = data[at + 2 : at + int.from_bytes(data[at : at + 2], "big")]
        if found[1][0] in START_OF_FRAME and len(body) >= 6:
            components = body[6 : 6 + 3 * body[5] : 3]
            missing = {(component, k) for component in components for k in range(64)}
        if found[1][0] == START_OF_SCAN and body and len(body) >= 4 + 2 * body[0]:
            first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
            if not bits & 15:
                named = body[1 : 1 + 2 * body[0] : 2]
                missing -= {(component, k) for component in named for k in range(first, last + 1)}
        at += 2 + len(body)
    return not missing
