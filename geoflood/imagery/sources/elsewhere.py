"""Which other sources have images of an area: what to say where the one that was named has none."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from geoflood.core.area import Area
from geoflood.core.errors import GeofloodError
from geoflood.imagery.sources.catalog import SOURCES, open_source
from geoflood.imagery.sources.source import Source

__all__ = ["sources_with_images"]

OPT_IN = ("kartaview",)
"""Asked only by those who name them."""


def sources_with_images(area: Area, but: str) -> list[str]:
    """Names of the sources, `but` that one, in which a few cells of the area have images.

    One that needs a token which is not there, or that does not answer, has none.
    """
    others = (row.name for row in SOURCES if row.name != but and row.name not in OPT_IN)
    return [name for name in others if _has_some(name, area)]


def _has_some(name: str, area: Area) -> bool:
    try:
        with closing(open_source(name)) as source:
            return any(_shows(source, cell, area) for cell in _spread(source.cells(area)))
    except GeofloodError:
        return False


def _spread(cells: Sequence[str]) -> list[str]:
    """Three of them, the middle one first: a word of advice may take a few seconds."""
    places = [len(cells) // 2, len(cells) // 4, 3 * len(cells) // 4]
    return list(dict.fromkeys(cells[place] for place in places if cells))


def _shows(source: Source, cell: str, area: Area) -> bool:
    """Whether any image of the cell lies in the area."""
    spots = [image.geotag.position for image in source.census(cell)]
    return bool(spots) and bool(area.holds([at.lat for at in spots], [at.lon for at in spots]).any())
