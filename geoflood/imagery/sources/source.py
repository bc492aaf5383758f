"""What every source of street images is to the rest: a census of cells, and the picture of one image.

A census is cheap and asks for no picture. What only asking for an image tells (its author, its lens) comes
with its picture. All that a provider sends is hostile until it was checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from geoflood.core.area import Area
from geoflood.core.datatypes import Geotag, Projection, VisibleArea
from geoflood.core.errors import BlockedError, InputError, PartialError
from geoflood.imagery.reject_reasons import RejectReason

__all__ = [
    "BlockedError",
    "PictureError",
    "Source",
    "SourceImage",
    "TokenError",
    "VanishedError",
    "VisibleArea",
]


@dataclass(frozen=True, slots=True)
class SourceImage:
    """A street image as a provider's census has it."""

    id: str
    """The provider's own; unique within it."""
    geotag: Geotag
    """Its origin is the source's name."""
    projection: Projection = Projection.UNKNOWN
    licence: str = ""
    """SPDX, such as CC-BY-SA-4.0; "proprietary" where its owner grants none; empty when not told yet."""
    credit: str = ""
    link: str = ""
    """Its page, which licences ask to be linked."""
    sequence: str = ""
    """Of the drive that it belongs to; empty when unknown."""
    width: int | None = None
    """Pixels of the largest picture there is, of a cropped panorama if it were whole."""
    on_foot: bool = False
    visible: VisibleArea | None = None
    """Of a panorama that lacks a part of the sphere."""
    address: str = ""
    """Where its picture lay when the census was taken; may be empty, and may have expired."""


class PictureError(PartialError):
    """This one picture cannot be had, now at least; the others can."""

    def __init__(
        self, message: str, reason: RejectReason, hint: str = "run the same command again later"
    ) -> None:
        super().__init__(message, hint)
        self.reason = reason


class VanishedError(PictureError):
    """Its provider has withdrawn it: it will not come back."""

    def __init__(self, message: str) -> None:
        super().__init__(message, RejectReason.WITHDRAWN, "it is counted and left out")


class TokenError(InputError):
    """A token is missing, wrong, expired, or may not do what is asked."""


class Source(Protocol):
    """A provider of street images. Threads may share it."""

    name: str
    batch: int
    """Images that `prepare` takes at once."""
    pictures_a_minute: float
    """At the most, at the pace that it keeps."""

    def cells(self, area: Area) -> Sequence[str]:
        """Names of the census cells that cover an area, such as "14/4823/6160"; stable, in a stable order."""

    def census(self, cell: str) -> Sequence[SourceImage]:
        """All images in a cell, some beyond its edges; one may be in several cells.

        Raises BlockedError and TokenError, NetworkError for any other failure: then nothing is known of it.
        """

    def prepare(self, images: Sequence[SourceImage]) -> None:
        """Ask at once what `picture` needs to know of these; it does without, one by one.

        Raises as `census` does.
        """

    def picture(self, image: SourceImage, target: Path) -> SourceImage:
        """Write the picture to `target`, whole or not at all; returns all that is now known of the image.

        Raises PictureError when only this one cannot be had, InputError when the disk is full; otherwise as
        `census` does.
        """

    def sample(self) -> str:
        """A cell in which it has images, to try it out."""

    def close(self) -> None:
        """Close its connections."""
