"""What a person chooses of an index, checked, as the settings that decide its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from geoflood.backbones.learned import default_dimension, version_of
from geoflood.core.errors import UsageError
from geoflood.database.bands import BANDS
from geoflood.database.manifest import Settings
from geoflood.imagery.panorama import FOV_DEG, HEADINGS

__all__ = ["index_settings"]


def index_settings(
    backbone: str = "rootsift", dimension: int | Literal["auto"] | None = "auto", bands: Sequence[int] = BANDS
) -> Settings:
    """Settings of an index; the band 0 is always there, and "auto" is the backbone's usual dimension.

    Raises UsageError for bands, a dimension or a backbone that make no sense, WeightsError without weights.
    """
    size = default_dimension(backbone) if dimension == "auto" else dimension
    ascending = tuple(sorted({0, *bands}))
    if ascending[0] < 0 or ascending[-1] > 90 or (size is not None and size < 8):
        raise UsageError("bands are 0 to 90 percent, a dimension is 8 or more", "such as --bands 0,30,60")
    return Settings(backbone, version_of(backbone), ascending, size, HEADINGS, FOV_DEG)
