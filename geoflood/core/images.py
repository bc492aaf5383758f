"""Picture files in, upright pixels out: the only home of Pillow.

Files come from phones, strangers and broken disks. Whatever is wrong with one ends in
`UnreadableImageError` with a reason that can be counted, never in another exception, a warning or
a log line. What a file is called does not matter; its content decides.
"""

from __future__ import annotations

import errno
import io
import logging
import math
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, TypeAlias

import numpy as np
import PIL.Image
from PIL.ExifTags import Base

from geoflood.core.datatypes import Image
from geoflood.core.errors import InputError

__all__ = [
    "MAX_PIXELS",
    "Header",
    "UnreadableImageError",
    "fit",
    "header",
    "jpeg",
    "png",
    "read_image",
    "resize",
    "thumbnail",
]

Reason: TypeAlias = Literal[
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
]

MAX_PIXELS = 200_000_000
"""A panorama of 16384 x 8192 has 134 million, the largest phone camera 199.8 million."""

EMPTY_CLAIM = (16_000_000, 1000)
"""From so many pixels on, more than so many per byte of file are a bomb: photos stay below 100."""

DRAFT_MARGIN = 1.75
"""JPEG is decoded at 1/2, 1/4 or 1/8 while that leaves this many times the size asked for, so that
the last shrinking is still a good filter's; 2 would just miss 1/4 for 4,032 px phones and 512 px."""

GREY = (128, 128, 128)
"""What shows through transparent pixels: neither the darkest nor the lightest thing in the picture."""

# Pillow knows some 45 formats, PostScript among them. Only these are tried, whatever a file is called.
# JPEG reads the MPO of phones too; AVIF came with Pillow 11.3.
PIL.Image.init()
FORMATS = tuple(f for f in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF") if f in PIL.Image.OPEN)

# Pillow stops at twice its limit, and before we could say why.
PIL.Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2 + 1
logging.getLogger("PIL").setLevel(logging.CRITICAL)

ORIENTATIONS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
"""What makes a picture of this EXIF orientation upright."""


class UnreadableImageError(InputError):
    """A picture that cannot be used; `reason` is out of a small set, `detail` is for people."""

    def __init__(self, name: str, reason: Reason, detail: str = "") -> None:
        self.what = reason + (f" ({detail})" if detail else "")
        """Reason and detail, without the name."""
        super().__init__(f"{name}: {self.what}")
        self.reason: Reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before it is decoded."""

    width: int
    height: int
    """Upright, pixels."""
    equirectangular: bool = False
    """Its XMP calls it so (GPano), and does not say that a part of the full circle is missing."""
    pose_heading_deg: float | None = None
    """Of the panorama's centre column, clockwise from true north (GPano PoseHeadingDegrees)."""


def read_image(source: Path | bytes, longest: int | None = None) -> Image:
    """Upright RGB pixels, uint8 [H, W, 3], shrunk until the longer side is at most `longest` pixels.

    16-bit grey is scaled to 8, CMYK converted, transparency laid on grey. Of an animation, a
    multi-page TIFF or an MPO the first picture is read: it is what every viewer and chat shows.
    Half a picture is no picture: truncated files are refused. Raises UnreadableImageError.
    """
    with _opened(source) as picture:
        size = _within(picture.width, picture.height, longest)
        drafted = picture.draft(None, (math.ceil(DRAFT_MARGIN * size[0]), math.ceil(DRAFT_MARGIN * size[1])))
        picture.load()
        rgb = _rgb(picture)
        if rgb.size != size:
            rgb = _resized(rgb, *size, box=drafted[1] if drafted else None)
        method = ORIENTATIONS.get(_orientation(picture))
        return np.array(rgb if method is None else rgb.transpose(method))


def header(source: Path | bytes) -> Header:
    """Size and GPano tags, without decoding. Raises UnreadableImageError."""
    with _opened(source) as picture:
        width, height = picture.size
        if picture.format != "TIFF" and _orientation(picture) >= 5:  # Pillow turns TIFF itself
            width, height = height, width
        xmp = picture.info.get("xmp")
    return Header(width, height, *_gpano(xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else ""))


def fit(image: Image, longest: int) -> Image:
    """The image [H, W, 3], shrunk until the longer side is at most `longest` pixels; never enlarged."""
    height, width = image.shape[:2]
    return resize(image, *_within(width, height, longest))


def resize(image: Image, width: int, height: int, *, bilinear: bool = False) -> Image:
    """The image [H, W, 3] in another size, antialiased when it shrinks; bicubic unless told otherwise."""
    if image.shape[:2] == (height, width):
        return image
    kernel = PIL.Image.Resampling.BILINEAR if bilinear else PIL.Image.Resampling.BICUBIC
    return np.array(PIL.Image.fromarray(image).resize((width, height), kernel))


def jpeg(image: Image, longest: int | None = None, quality: int = 85) -> bytes:
    """The image [H, W, 3] as a JPEG file of at most `longest` pixels a side, without any metadata."""
    return _encoded(PIL.Image.fromarray(image if longest is None else fit(image, longest)), quality)


def png(pixels: Image) -> bytes:
    """Pixels [H, W, 3], or [H, W, 4] with their opacity, as a PNG file."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def thumbnail(source: Image | Path, about: int, quality: int) -> bytes:
    """A picture [H, W, 3] or its file as a JPEG file of about so many pixels a side, upright, no metadata.

    It is shrunk by a whole factor, so the longer side is 2/3 to 3/2 of what was asked for, or as it was:
    averaging blocks takes a fifth of the time. Raises UnreadableImageError for a file that is no picture.
    """
    if not isinstance(source, Path):
        return _encoded(_averaged(PIL.Image.fromarray(source), about), quality)
    with _opened(source) as picture:
        picture.draft(None, _within(*picture.size, about * 2 // 3))
        picture.load()
        small = _averaged(_rgb(picture), about)
        method = ORIENTATIONS.get(_orientation(picture))
        return _encoded(small if method is None else small.transpose(method), quality)


def _averaged(picture: PIL.Image.Image, about: int) -> PIL.Image.Image:
    return picture.reduce(max(round(max(picture.size) / about), 1))


def _encoded(picture: PIL.Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _resized(
    picture: PIL.Image.Image, width: int, height: int, box: tuple[float, float, float, float] | None = None
) -> PIL.Image.Image:
    """Bicubic, after averaging whole blocks while twice the size is left: three times as fast from 12 MP.

    `box` is what the picture holds when its last block is only part of one (a draft does that).
    """
    return picture.resize((width, height), PIL.Image.Resampling.BICUBIC, box, reducing_gap=2.0)


def _within(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Width and height, shrunk together; at least one pixel each."""
    if longest is None or max(width, height) <= longest:
        return width, height
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


class _Hush:
    """Silences Pillow's warnings while any thread reads a picture.

    `warnings.catch_warnings` alone would mix up the filters of the process when threads interleave:
    the first reader in sets them aside, the last one out puts them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if not self._readers:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._readers += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._caught.__exit__(kind, error, trace)


_hush = _Hush()


@contextmanager
def _opened(source: Path | bytes) -> Iterator[PIL.Image.Image]:
    """The picture, identified and of a size that can be decoded.

    Whatever goes wrong here or in the caller's block comes out as UnreadableImageError.
    """
    name = "image" if isinstance(source, bytes) else str(source)
    head = b""
    try:
        with _hush, _stream(source) as stream:
            head = stream.read(16)
            length = stream.seek(0, io.SEEK_END)
            with PIL.Image.open(stream, formats=FORMATS) as picture:
                _check_claim(*picture.size, length)
                yield picture
    except Exception as error:  # decoders of hostile bytes raise nearly everything there is
        raise UnreadableImageError(name, *_why(error, head)) from error


def _stream(source: Path | bytes) -> BinaryIO:
    """The file's bytes. Raises OSError, also for what is no file: reading a pipe could wait for ever."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not stat.S_ISREG(source.stat().st_mode):
        raise IsADirectoryError("a folder, a pipe or a device")
    return source.open("rb")


class _ClaimError(Exception):
    """A picture with more pixels than are sensible."""


class _ModeError(Exception):
    """Pixels that do not mean colours."""


def _check_claim(width: int, height: int, length: int) -> None:
    """Raises _ClaimError when a file of `length` bytes says that it has too many pixels."""
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise _ClaimError(f"{width} x {height} pixels")
    if pixels > EMPTY_CLAIM[0] and pixels > EMPTY_CLAIM[1] * length:
        raise _ClaimError(f"{width} x {height} pixels claimed in {length} bytes")


def _why(error: Exception, head: bytes) -> tuple[Reason, str]:
    """The reason and the detail of what went wrong with a file that begins with `head`."""
    text = str(error)
    match error:
        case PIL.UnidentifiedImageError():
            return _unidentified(head)
        case _ClaimError() | MemoryError() | PIL.Image.DecompressionBombError():
            return "too large", text
        case _ModeError():
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


def _unidentified(head: bytes) -> tuple[Reason, str]:
    """Why no decoder took a file that begins with `head`."""
    if not head:
        return "empty file", ""
    brand = head[8:12].decode("ascii", "replace").strip() if head[4:8] == b"ftyp" else ""
    if brand and not (brand in {"avif", "avis"} and "AVIF" in FORMATS):
        kind = "HEIC" if brand in {"heic", "heix", "heim", "heis", "mif1", "msf1"} else brand
        return "no decoder", f"{kind}: convert it to JPEG first"
    known = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"GIF8")
    if brand or head.startswith(known) or head[8:12] == b"WEBP":
        return "damaged", "broken header"
    return "not an image", f"none of {', '.join(FORMATS)}"


def _rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """8-bit RGB of a loaded picture. Raises _ModeError for heights, temperatures and the like."""
    if picture.mode.startswith("I;16"):
        grey = (np.asarray(picture).astype(np.uint32) + 128) // 257  # Pillow's own conversion clips
        return PIL.Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if picture.mode in {"I", "F", "LAB", "HSV"}:
        raise _ModeError(picture.mode)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    ground = PIL.Image.new("RGB", layer.size, GREY)
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def _orientation(picture: PIL.Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 when there is none, or none that can be read."""
    try:
        value = picture.getexif().get(Base.Orientation, 1)
    except Exception:  # a broken EXIF block does not spoil the pixels
        return 1
    return value if value in ORIENTATIONS else 1


def _gpano(xmp: str) -> tuple[bool, float | None]:
    """Whether XMP describes a full equirectangular circle, and its centre's heading in degrees."""

    def tag(name: str) -> str:
        found = re.search(rf":{name}\s*(?:=\s*[\"']|>)\s*([^\"'<]{{1,40}})", xmp)
        return found.group(1).strip() if found else ""

    def number(name: str) -> float:
        try:
            return float(tag(name))
        except ValueError:
            return math.nan

    if tag("ProjectionType").lower() != "equirectangular":
        return False, None
    partial = number("CroppedAreaImageWidthPixels") < number("FullPanoWidthPixels")  # NaN: not known to be
    heading = number("PoseHeadingDegrees")
    return not partial, heading % 360.0 if math.isfinite(heading) else None
