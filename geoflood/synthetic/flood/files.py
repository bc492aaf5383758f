"""Synthetic floods as files: a photo in, a picture out that says of itself that it is synthetic.

Who comes across the file must not take it for news. Its name says so, its EXIF and its comment say so in
words, and its XMP in the word that platforms look for (IPTC digital source type). Nothing of the original's
metadata is taken over: no position, no time, no camera, no owner.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import PngImagePlugin
from PIL.ExifTags import Base

from geoflood.core.files import write_whole
from geoflood.core.images import read_image
from geoflood.synthetic.flood.effects import Effects
from geoflood.synthetic.flood.scene import Scene, scene

__all__ = ["SUFFIX", "Flooded", "encode_flood", "flood_file", "flood_path"]

SUFFIX = ".synthetic-flood"
"""Comes before the ending of the file's name."""
QUALITY = 92
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/></rdf:RDF></x:xmpmeta>'
)


@dataclass(frozen=True, slots=True)
class Flooded:
    """What was made of a photo."""

    photo: Path
    file: Path
    mask: Path | None
    """A grey PNG as large as the picture, white where water or a thing afloat is; None if not asked for."""
    scene: Scene


def flood_path(photo: Path, folder: Path) -> Path:
    """Where the flooded picture of a photo goes: photo.synthetic-flood.jpg in the folder."""
    return folder / f"{photo.stem}{SUFFIX}.jpg"


def flood_file(
    photo: Path, file: Path, level: float, seed: int, effects: Effects, longest: int, *, mask: bool = False
) -> Flooded:
    """Read a photo, at most `longest` pixels a side, flood it, write it: PNG where `file` says so, else JPEG.

    With `mask`, its mask lies beside it. Raises UnreadableImageError, and ValueError as `scene` does.
    """
    flooded = scene(read_image(photo, longest), level, seed, effects)
    write_whole(file, encode_flood(flooded, png=file.suffix.lower() == ".png"))
    beside = file.with_name(f"{file.stem}.mask.png") if mask else None
    if beside:
        write_whole(beside, encode(flooded.mask.astype(np.uint8) * 255, "PNG", caption(flooded)))
    return Flooded(photo, file, beside, flooded)


def encode_flood(flooded: Scene, png: bool = False, quality: int = QUALITY) -> bytes:
    """The picture as a JPEG or PNG file that says what it is; the same scene gives the same bytes."""
    return encode(flooded.photo, "PNG" if png else "JPEG", caption(flooded), quality)


def caption(flooded: Scene) -> str:
    """What it is, and how it was made; ASCII, as EXIF wants it."""
    made = f"level {flooded.level:g}, seed {flooded.seed}"
    return f"SYNTHETIC FLOOD made by geoflood ({made}): the water in this picture never was."


def encode(pixels: NDArray[np.uint8], kind: str, text: str, quality: int = QUALITY) -> bytes:
    """The file of a picture, marked in EXIF, comment and XMP."""
    exif = Pictures.Exif()
    exif[Base.ImageDescription], exif[Base.Software] = text, "geoflood, synthetic flood"
    buffer, picture = io.BytesIO(), Pictures.fromarray(pixels)
    if kind == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text("Comment", text)
        chunks.add_itxt("XML:com.adobe.xmp", XMP)
        picture.save(buffer, kind, exif=exif, pnginfo=chunks)
    else:
        picture.save(buffer, kind, quality=quality, exif=exif, comment=text.encode(), xmp=XMP.encode())
    return buffer.getvalue()
