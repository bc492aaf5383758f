"""A picture file, opened whatever it is called and whatever is wrong with it.

Files come from phones, strangers and broken disks. Whatever is wrong with one ends in
`UnreadableImageError` with a reason that can be counted, never in another exception, a warning or
a log line. What a file is called does not matter; its content decides.
"""

from __future__ import annotations

import errno
import io
import logging
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, TypeAlias

import PIL.Image

from geoflood.core.errors import InputError
from geoflood.core.odd_pictures import without_extras

__all__ = [
    *("MAX_PIXELS", "STRANGERS_SOURCE", "ImageProblem", "UnreadableImageError", "UnsupportedModeError"),
    *("open_picture", "silenced_warnings"),
]

ImageProblem: TypeAlias = Literal[
    "no such file",
    "no permission",
    "not a file",
    "empty file",
    "not an image",
    "no decoder",
    "unsupported mode",
    "too large",
    "truncated",
    "damaged",
    "bad panorama tags",
]

MAX_PIXELS = 200_000_000
"""A panorama of 16384 x 8192 has 134 million, the largest phone camera 199.8 million."""

BOMB_PIXELS, BOMB_PIXELS_A_BYTE = 16_000_000, 1000
"""A file with more than both is a decompression bomb: photos stay below 100 pixels a byte."""

# Pillow knows some 45 formats, PostScript among them. Only these are tried, whatever a file is called.
# JPEG reads the MPO of phones too; AVIF came with Pillow 11.3.
PIL.Image.init()
FORMATS = tuple(f for f in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF") if f in PIL.Image.OPEN)

# Pillow stops at twice its limit, and before we could say why.
PIL.Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2 + 1
logging.getLogger("PIL").setLevel(logging.CRITICAL)


class UnreadableImageError(InputError):
    """A picture that cannot be used; `reason` is out of a small set, `detail` is for people."""

    def __init__(self, name: str, reason: ImageProblem, detail: str = "") -> None:
        self.what = reason + (f" ({detail})" if detail else "")
        """Reason and detail, without the name."""
        super().__init__(f"{name}: {self.what}")
        self.reason: ImageProblem = reason
        self.detail = detail


STRANGERS_SOURCE = "<a stranger's cell>"
"""The file name under which Python's parser is handed what strangers wrote."""


class _SilencedWarnings:
    """Silences the warnings of Pillow and of Python's parser while any thread reads what strangers made.

    Filters belong to the process, and `warnings.catch_warnings` alone would mix them up between threads.
    So the first reader in sets them aside, and the last one out puts them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._readers:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
                warnings.filterwarnings("ignore", module=re.escape(STRANGERS_SOURCE))
            self._readers += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._filters.__exit__(kind, error, trace)


silenced_warnings = _SilencedWarnings()


@contextmanager
def open_picture(source: Path | bytes) -> Iterator[PIL.Image.Image]:
    """The picture, its format known and its size checked, its pixels not yet decoded.

    Whatever goes wrong here or in the caller's block is raised as UnreadableImageError.
    """
    name = "image" if isinstance(source, bytes) else str(source)
    head = b""
    try:
        with silenced_warnings, _stream(source) as stream:
            head = stream.read(16)
            length = stream.seek(0, io.SEEK_END)
            pixels = without_extras(stream, head)
            with PIL.Image.open(pixels, formats=_formats(head)) as picture:
                _check_size(*picture.size, length)
                yield picture
    except Exception as error:  # decoders of hostile bytes raise nearly everything there is
        raise UnreadableImageError(name, *_problem(error, head)) from error


def _stream(source: Path | bytes) -> BinaryIO:
    """The file's bytes. Raises OSError, also for what is no file: reading a pipe could wait for ever."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not stat.S_ISREG(source.stat().st_mode):
        raise IsADirectoryError("a folder, a pipe or a device")
    return source.open("rb")


HEIC = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
"""Brands of what iPhones write."""


def _formats(head: bytes) -> tuple[str, ...]:
    """Pillow's names for what a file that begins with `head` may be."""
    return (*FORMATS, "HEIF") if _brand(head) in HEIC and _reads_heic() else FORMATS


def _brand(head: bytes) -> bytes:
    return head[8:12] if head[4:8] == b"ftyp" else b""


@cache
def _reads_heic() -> bool:
    """Whether HEIC can be read: pillow-heif is an extra, and is loaded when the first such picture comes."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener(thumbnails=False)
    return True


class _TooManyPixelsError(Exception):
    """A picture that says it has more pixels than are sensible."""


class UnsupportedModeError(Exception):
    """Pixels that are no colours, but heights, temperatures and the like."""


def _check_size(width: int, height: int, length: int) -> None:
    """Raises _TooManyPixelsError when a file of `length` bytes says it has too many pixels."""
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise _TooManyPixelsError(f"{width} x {height} pixels")
    if pixels > max(BOMB_PIXELS, BOMB_PIXELS_A_BYTE * length):
        raise _TooManyPixelsError(f"{width} x {height} pixels claimed in {length} bytes")


def _problem(error: Exception, head: bytes) -> tuple[ImageProblem, str]:
    """The reason and the detail of what went wrong with a file that begins with `head`."""
    text = str(error)
    match error:
        case PIL.UnidentifiedImageError():
            return _problem_of_unknown_format(head)
        case _TooManyPixelsError() | MemoryError() | PIL.Image.DecompressionBombError():
            return "too large", text
        case UnsupportedModeError():
            return "unsupported mode", text
        case PermissionError():
            return "no permission", ""
        case IsADirectoryError():
            return "not a file", text
        case OSError(errno=errno.ENOENT | errno.ENOTDIR | errno.ELOOP | errno.ENAMETOOLONG as number):
            return "no such file", "" if number == errno.ENOENT else errno.errorcode[number]
        case ValueError() if "null" in text and not head:  # a NUL in the path
            return "no such file", text
        case _ if "truncated" in text.lower() or isinstance(error, EOFError):
            return "truncated", text
    return "damaged", f"{type(error).__name__}: {text}"


def _problem_of_unknown_format(head: bytes) -> tuple[ImageProblem, str]:
    """Why no decoder took a file that begins with `head`."""
    if not head:
        return "empty file", ""
    brand = _brand(head)
    if brand in HEIC and not _reads_heic():
        return "no decoder", "HEIC: pip install 'geoflood[heic]', or convert it to JPEG"
    if brand and brand not in HEIC and not (brand in {b"avif", b"avis"} and "AVIF" in FORMATS):
        return "no decoder", f"{brand.decode('ascii', 'replace').strip()}: convert it to JPEG first"
    known = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"GIF8")
    if brand or head.startswith(known) or head[8:12] == b"WEBP":
        return "damaged", "broken header"
    return "not an image", f"none of {', '.join(FORMATS)}"
