"""The photos of an evaluation: queries with a truth, photos of elsewhere; and what helps where none are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from geoflood.core.datatypes import Rejected
from geoflood.core.errors import InputError, UsageError
from geoflood.evaluation.results import QueryTruth
from geoflood.imagery.vpr_format import UNLINKABLE, labelled, unlabelled

__all__ = ["QuerySet", "elsewhere", "queries", "reasons", "remedy"]

HARMLESS = "duplicate row"
"""The reason for which nothing is lost."""
REMEDIES = {
    **dict.fromkeys(("not an image", "empty file", "truncated", "damaged"), "give JPEG or PNG files"),
    "no position": "a table, @...@ names or EXIF must say where",
    "missing file": "paths in a table are relative to the table",
    "no UTM zone": "say the zone of the names: --utm-zone 10S",
    "outside the folder": "a table reaches what lies beside it or deeper: give the pictures' folder as "
    "QUERIES, and the table with --geotags",
    UNLINKABLE: "leave out --link: pictures are copied then",
}
"""By reason."""


@dataclass(frozen=True)
class QuerySet:
    """Photos, and what could not be used."""

    photos: list[QueryTruth]
    lost: Counter[str]
    """Pictures and rows, by reason."""
    repeated: int = 0
    """Rows that name a photo again."""


def queries(path: Path, geotags: Path | None, select: str | None, utm_zone: str | None) -> QuerySet:
    """The queries of a table, a folder or a data set. Raises InputError when none can be used."""
    usable, rejected = labelled(path, geotags, select, utm_zone)
    given = _given([QueryTruth(Path(one.location), one.geotag, one.credit) for one in usable], rejected)
    if not given.photos and not given.lost:
        what = "no pictures in it" if path.is_dir() else "the table lists no images"
        raise InputError(f"{path}: {what}", "give a row an image, or a folder of JPEG or PNG files")
    if not given.photos:
        raise InputError(f"{path}: no query with a position{reasons(given.lost)}", remedy(given.lost))
    return given


def elsewhere(path: Path, select: str | None) -> QuerySet:
    """Photos of other places, with a position or without. Raises InputError when there are none."""
    try:
        usable, rejected = unlabelled(path, select)
    except UsageError as error:
        if "--geotags" not in error.hint:
            raise
        said = str(error).replace("--select", "--elsewhere-select")
        raise UsageError(said, f"name the table: --elsewhere {path / 'TABLE.csv'}") from error
    photos = [
        QueryTruth(one) if isinstance(one, Path) else QueryTruth(Path(one.location), one.geotag)
        for one in usable
    ]
    given = _given(photos, rejected)
    if not given.photos:
        raise InputError(
            f"{path}: no photos{reasons(given.lost)}",
            "give a folder of photos of other places, or a table of them",
        )
    return given


def _given(photos: list[QueryTruth], rejected: Iterable[Rejected]) -> QuerySet:
    lost = Counter(one.reason for one in rejected)
    repeated = lost.pop(HARMLESS, 0)
    return QuerySet(photos, lost, repeated)


def reasons(counts: Counter[str]) -> str:
    """How many for which reason, in brackets."""
    told = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
    return f" ({told})" if told else ""


def remedy(counts: Counter[str]) -> str:
    """What helps against the commonest of the reasons."""
    return REMEDIES.get(counts.most_common(1)[0][0], "the others count; look at the table or the folder")
