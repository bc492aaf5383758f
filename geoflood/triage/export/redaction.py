"""What of a finding is handed to whom.

Internal files tell all that is known and say so. Public ones leave out whatever leads to a person: authors,
handles, texts, ids, file names, hashes, EXIF and pictures; times are cut to the hour and positions set to the
middle of a square of GRID_M. `finding_fields` applies it to every format.
"""

from __future__ import annotations

import math
from enum import StrEnum

from geoflood.core.datatypes import LatLon

__all__ = ["GRID_M", "Sharing", "snapped"]

GRID_M = 250.0
"""Side of the squares that public positions are set to: a block, not a house."""
_DEGREE_M = 111_195.0


class Sharing(StrEnum):
    """Who may see it."""

    INTERNAL = "internal"
    PUBLIC = "public"


def snapped(spot: LatLon, grid_m: float) -> LatLon:
    """The middle of the square of a fixed grid that holds the spot."""
    high = grid_m / _DEGREE_M
    lat = (math.floor(spot.lat / high) + 0.5) * high
    wide = high / max(math.cos(math.radians(lat)), 0.01)
    lon = (math.floor(spot.lon / wide) + 0.5) * wide
    return LatLon(max(-90.0, min(90.0, lat)), max(-180.0, min(180.0, lon)))
