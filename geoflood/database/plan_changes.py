"""What an update may change in the plan of an index, and what of it needs new descriptors."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from geoflood.core.datatypes import LatLon, StreetImage

__all__ = [
    "FOLDER",
    "Lists",
    "PlanChange",
    "is_cut_anew",
    "is_own_file",
    "is_under",
    "position_key",
    "room_of",
]

Lists: TypeAlias = Callable[[StreetImage], bool]
"""Whether a list of images would have this one, if it were still there."""

FOLDER = "folder:"
"""How keys of files in folders begin."""


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What an update came to, in images."""

    new: int = 0
    corrected: int = 0
    """Known ones that have another position, heading or projection now."""
    withdrawn: int = 0


def room_of(key: str) -> str:
    """How the keys of all images of a source begin, or of a folder."""
    source, _, path = key.partition(":")
    return f"{source}:{path.partition('/')[0]}/" if f"{source}:" == FOLDER else f"{source}:"


def is_own_file(key: str) -> bool:
    """Whether an image is a file of the user's: geoflood did not fetch it, and never removes it."""
    return key.startswith((FOLDER, "file:"))


def is_under(location: str, folder: str) -> bool:
    """Whether a file lies somewhere in a folder."""
    return location.startswith(os.path.join(folder, ""))


def is_cut_anew(before: StreetImage, now: StreetImage) -> bool:
    """Whether the views of an image have to be cut and described again.

    What is said of place, time and people does not matter: a view's direction is counted from its image's.
    But one that is told no longer may stand in the file.
    """
    lost = before.geotag.heading_deg is not None and now.geotag.heading_deg is None
    return lost or before.projection is not now.projection


def position_key(position: LatLon) -> str:
    """A position to 10 cm, as it stands in a key."""
    return f"{position.lat:.6f},{position.lon:.6f}"
