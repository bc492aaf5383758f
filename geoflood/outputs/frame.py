"""Located photos as a pandas DataFrame, for notebooks; pandas need not be installed for anything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from geoflood.core.datatypes import Located
from geoflood.core.errors import ExtraMissingError
from geoflood.outputs.record import record

if TYPE_CHECKING:
    import pandas

__all__ = ["to_frame"]

_NUMBERS = ("lat", "lon", "probability", "radius_50_m", "radius_90_m", "not_in_index")
_BEST = {"best_match": "image", "similarity": "similarity", "credit": "credit", "licence": "licence"}
"""Column -> field of the first candidate."""


def to_frame(located: Iterable[Located]) -> pandas.DataFrame:
    """A row a photo, in their order; numbers stay numbers, and what is not known is NaN.

    Raises ExtraMissingError where pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise ExtraMissingError("a data frame needs pandas", "pip install pandas") from error
    columns = ["photo", "outcome", *_NUMBERS, "street", *_BEST, "reason"]
    frame = pandas.DataFrame([_row(one) for one in located], columns=columns)
    return frame.astype(dict.fromkeys((*_NUMBERS, "similarity"), float))


def _row(located: Located) -> dict[str, Any]:
    """A photo that was not found has no position: somebody would drive there."""
    facts = record(located)
    if located.place is None:
        facts |= dict.fromkeys(("lat", "lon", "radius_50_m", "radius_90_m"))
    best = facts["candidates"][0] if facts["candidates"] else {}
    return facts | {column: best.get(name) for column, name in _BEST.items()}
