"""The streets that a plan counts: of an extract that is given with it, else those that the index keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geoflood.core.datatypes import Progress, no_progress
from geoflood.imagery.census_columns import CensusColumns
from geoflood.places.build_street_map import build, check_extract
from geoflood.places.street_map import StreetMap
from geoflood.places.street_map_file import find

__all__ = ["plan_streets"]


def plan_streets(
    folder: Path, there: CensusColumns, extract: Path | None, progress: Progress = no_progress
) -> StreetMap | None:
    """The streets near the images of a source; None where nobody told any.

    Raises what `build` does for an extract, IndexUnusableError for a damaged street map.
    """
    if extract is None:
        return find(folder)
    check_extract(extract)
    return build(extract, np.column_stack([there.lats, there.lons]), progress=progress)
