"""Picture files in, upright pixels out; pixels resized, and written as JPEG or PNG."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
from PIL.ExifTags import Base

from geoflood.core.datatypes import Image, Projection, VisibleArea
from geoflood.core.gpano import UNTOLD_SPHERE, PhotoSphere, read_gpano
from geoflood.core.image_files import (
    MAX_PIXELS,
    UnreadableImageError,
    UnsupportedModeError,
    open_picture,
)
from geoflood.core.odd_pictures import decode

__all__ = [
    "MAX_PIXELS",
    "Header",
    "UnreadableImageError",
    "exif_block",
    "fit",
    "header",
    "jpeg",
    "png",
    "read_image",
    "resize",
    "thumbnail",
]

DRAFT_MARGIN = 1.75
"""JPEG is decoded at 1/2, 1/4 or 1/8 while that leaves this many times the size asked for: the rest is shrunk
by a good filter. With 2, photos of 4,032 px would just miss 1/4 when 512 px are wanted."""

GREY = (128, 128, 128)
"""Laid under transparent pixels: neither the darkest nor the lightest colour of a picture."""

ORIENTATIONS = {
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes the picture upright."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before it is decoded."""

    width: int
    height: int
    """Upright, pixels."""
    sphere: PhotoSphere = UNTOLD_SPHERE
    """What its XMP (GPano) says."""

    @property
    def equirectangular(self) -> bool:
        """Whether GPano says so."""
        return self.sphere.projection is Projection.EQUIRECTANGULAR

    @property
    def visible(self) -> VisibleArea | None:
        """The part that is there of a panorama that was cropped."""
        return self.sphere.visible


def read_image(source: Path | bytes, longest: int | None = None) -> Image:
    """Upright RGB pixels, uint8 [H, W, 3], shrunk until the longer side is at most `longest` pixels.

    16-bit grey is scaled to 8, CMYK converted, transparency laid on grey. Of an animation, a multi-page
    TIFF or an MPO the first picture is read, the one that viewers and chats show. Truncated files are
    refused, unless nothing but the end mark is missing. Raises UnreadableImageError.
    """
    with open_picture(source) as picture:
        size = _fitting_size(picture.width, picture.height, longest)
        at_least = math.ceil(DRAFT_MARGIN * size[0]), math.ceil(DRAFT_MARGIN * size[1])
        whole, box = decode(picture, at_least)
        rgb = _to_rgb(whole)
        if rgb.size != size:
            rgb = _resize_fast(rgb, *size, box=box)
        method = ORIENTATIONS.get(_orientation(picture))
        return np.array(rgb if method is None else rgb.transpose(method))


def header(source: Path | bytes) -> Header:
    """Size and GPano tags, without decoding. Raises UnreadableImageError."""
    with open_picture(source) as picture:
        width, height = picture.size
        if picture.format != "TIFF" and _orientation(picture) >= 5:  # Pillow turns TIFF itself
            width, height = height, width
        xmp = picture.info.get("xmp")
    return Header(width, height, read_gpano(xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else ""))


def exif_block(source: Path | bytes) -> bytes:
    """The EXIF of a picture as a TIFF of its own, wherever its container keeps it; empty when there is none.

    A TIFF has no such block: it is one. Raises UnreadableImageError.
    """
    with open_picture(source) as picture:
        found = picture.info.get("exif")
        if isinstance(found, bytes):
            return found.removeprefix(b"Exif\0\0")
        raw = next((text for name in _RAW_PROFILES if (text := picture.info.get(name))), "")
        hexadecimal = "".join(str(raw).split("\n")[3:])
        return bytes.fromhex(hexadecimal).removeprefix(b"Exif\0\0")


_RAW_PROFILES = ("Raw profile type exif", "Raw profile type APP1")
"""Texts of a PNG in which older programs keep EXIF: a name and a length in lines, then hexadecimal digits."""


def fit(image: Image, longest: int) -> Image:
    """The image [H, W, 3], shrunk until the longer side is at most `longest` pixels; never enlarged."""
    height, width = image.shape[:2]
    return resize(image, *_fitting_size(width, height, longest))


def resize(image: Image, width: int, height: int, *, bilinear: bool = False) -> Image:
    """The image [H, W, 3] in another size, antialiased when it shrinks; bicubic or bilinear."""
    if image.shape[:2] == (height, width):
        return image
    kernel = PIL.Image.Resampling.BILINEAR if bilinear else PIL.Image.Resampling.BICUBIC
    return np.array(PIL.Image.fromarray(image).resize((width, height), kernel))


def jpeg(image: Image, longest: int | None = None, quality: int = 85) -> bytes:
    """The image [H, W, 3] as a JPEG file of at most `longest` pixels a side, without any metadata."""
    return _jpeg(PIL.Image.fromarray(image if longest is None else fit(image, longest)), quality)


def png(pixels: Image) -> bytes:
    """Pixels [H, W, 3], or [H, W, 4] with their opacity, as a PNG file."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def thumbnail(source: Image | Path, about: int, quality: int) -> bytes:
    """A picture [H, W, 3] or its file as a JPEG of `about` pixels a side, upright, without metadata.

    It is shrunk by a whole factor, for averaging blocks takes a fifth of the time. So the longer side is 2/3
    to 3/2 of `about`, or as it was. Raises UnreadableImageError for a file that is no picture.
    """
    if not isinstance(source, Path):
        return _jpeg(_shrink_by_blocks(PIL.Image.fromarray(source), about), quality)
    with open_picture(source) as picture:
        whole, _ = decode(picture, _fitting_size(*picture.size, about * 2 // 3))
        small = _shrink_by_blocks(_to_rgb(whole), about)
        method = ORIENTATIONS.get(_orientation(picture))
        return _jpeg(small if method is None else small.transpose(method), quality)


def _shrink_by_blocks(picture: PIL.Image.Image, about: int) -> PIL.Image.Image:
    return picture.reduce(max(round(max(picture.size) / about), 1))


def _jpeg(picture: PIL.Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _resize_fast(
    picture: PIL.Image.Image, width: int, height: int, box: tuple[float, float, float, float] | None = None
) -> PIL.Image.Image:
    """Bicubic, after averaging whole blocks down to twice the size: three times as fast from 12 MP.

    `box` is the part with pixels, when a draft leaves the last block incomplete.
    """
    return picture.resize((width, height), PIL.Image.Resampling.BICUBIC, box, reducing_gap=2.0)


def _fitting_size(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Width and height, shrunk alike until the longer is `longest`; at least one pixel each."""
    if longest is None or max(width, height) <= longest:
        return width, height
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _to_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """8-bit RGB of a loaded picture. Raises UnsupportedModeError for heights, temperatures and the like."""
    if picture.mode.startswith("I;16"):
        grey = (np.asarray(picture).astype(np.uint32) + 128) // 257  # Pillow's own conversion clips
        return PIL.Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if picture.mode in {"I", "F", "LAB", "HSV"}:
        raise UnsupportedModeError(picture.mode)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    ground = PIL.Image.new("RGB", layer.size, GREY)
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def _orientation(picture: PIL.Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 when there is none that can be read."""
    try:
        value = picture.getexif().get(Base.Orientation, 1)
    except Exception:  # a broken EXIF block does not spoil the pixels
        return 1
    return value if value in ORIENTATIONS else 1
