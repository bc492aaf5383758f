"""GeoCLIP's gallery: places of the world that a photo is compared with, out of a table of LAT and LON.

No torch. The published table repeats where many photos were taken; which places count once is decided later.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.core.errors import WeightsError

__all__ = ["Gallery", "read_gallery"]

_HEADER = ["LAT", "LON"]
_MOST_BYTES = 100_000_000
_MOST_ROWS = 1_000_000
_MOST_LEFT_OUT = 0.01
"""Share of rows that may be no positions: with more, the table is another one, or damaged."""
_AGAIN = "geoflood models fetch geoclip"


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Places in the order of the table."""

    positions: NDArray[np.float64]
    """[N, 2] (lat, lon), degrees; repeated where the table repeats."""
    left_out: int
    """Rows that are no positions."""

    def unique(self) -> NDArray[np.float64]:
        """Every place once, [M, 2], in the order of the table."""
        first = np.unique(self.positions, axis=0, return_index=True)[1]
        return self.positions[np.sort(first)]


def read_gallery(path: Path) -> Gallery:
    """Read a table of positions. Raises WeightsError, in one line, for what is none or holds much rubbish."""
    if path.stat().st_size > _MOST_BYTES:
        raise WeightsError(f"{path.name} is larger than any gallery", _AGAIN)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            rows = csv.reader(file)
            header = [cell.strip() for cell in next(rows, [])]
            if header != _HEADER:
                raise WeightsError(f"{path.name} is no gallery: its first line is not LAT,LON", _AGAIN)
            found = [_position(row) for row, _ in zip(rows, range(_MOST_ROWS + 1), strict=False)]
        except csv.Error as error:
            raise WeightsError(f"{path.name} is no gallery: {error!s:.100}", _AGAIN) from error
    if len(found) > _MOST_ROWS:
        raise WeightsError(f"{path.name} has more than {_MOST_ROWS:,} rows", _AGAIN)
    kept = [position for position in found if position is not None]
    left_out = len(found) - len(kept)
    if not kept or left_out > _MOST_LEFT_OUT * len(found):
        message = f"{path.name}: {left_out:,} of {len(found):,} rows are no positions"
        raise WeightsError(message, _AGAIN)
    return Gallery(np.array(kept, np.float64), left_out)


def _position(row: list[str]) -> tuple[float, float] | None:
    """None for what is no position."""
    try:
        lat, lon = map(float, row)
    except ValueError:
        return None
    usable = math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180
    return (lat, lon) if usable else None
