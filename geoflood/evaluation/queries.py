"""Read the photos of an evaluation, queries and photos of elsewhere; say what helps where there are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from geoflood.core.datatypes import Rejected
from geoflood.core.errors import InputError, UsageError
from geoflood.evaluation.results import QueryTruth
from geoflood.imagery.folder import NoTableError, SeveralTablesError
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.vpr_format import labelled, unlabelled

__all__ = ["NO_PHOTOS", "QuerySet", "count_reasons", "read_elsewhere", "read_queries", "remedy"]

REMEDIES: Mapping[str, str] = {
    **dict.fromkeys(("not an image", "empty file", "truncated", "damaged"), "give JPEG or PNG files"),
    RejectReason.NO_POSITION: "a table, @...@ names or EXIF must say where",
    RejectReason.MISSING_FILE: "paths in a table are relative to the table, or absolute",
    RejectReason.NO_UTM_ZONE: "say the zone of the names: --utm-zone 10S",
    RejectReason.OUTSIDE_FOLDER: "a table reaches what lies beside it or deeper: "
    "write absolute paths, or give the pictures' folder as QUERIES and the table with --geotags",
    RejectReason.CANNOT_BE_LINKED: "leave out --link: pictures are copied then",
}
"""By the reason of a `Rejected`."""


@dataclass(frozen=True)
class QuerySet:
    """Photos that can be used, and a count of what cannot."""

    photos: list[QueryTruth]
    left_out: Counter[str]
    """Pictures and rows that cannot be used, by reason."""
    duplicates: int = 0
    """Rows that name a photo again."""


NO_PHOTOS = QuerySet([], Counter())


def read_queries(path: Path, geotags: Path | None, select: str | None, utm_zone: str | None) -> QuerySet:
    """The queries of a table, a folder or a data set. Raises InputError when none can be used."""
    usable, rejected = labelled(path, geotags, select, utm_zone)
    queries = _query_set(
        [QueryTruth(Path(image.location), image.geotag, image.credit) for image in usable], rejected
    )
    if not queries.photos and not queries.left_out:
        what = "no pictures in it" if path.is_dir() else "the table lists no images"
        raise InputError(f"{path}: {what}", "give a row an image, or a folder of JPEG or PNG files")
    if not queries.photos:
        reasons = count_reasons(queries.left_out)
        raise InputError(f"{path}: no query with a position{reasons}", remedy(queries.left_out))
    return queries


def read_elsewhere(path: Path, select: str | None) -> QuerySet:
    """Photos of other places, with a position or without. Raises InputError when there are none."""
    name_table = f"name the table: --elsewhere {path / 'TABLE.csv'}"
    try:
        usable, rejected = unlabelled(path, select)
    except NoTableError as error:
        raise UsageError(f"--elsewhere-select {select} needs a table of geotags", name_table) from error
    except SeveralTablesError as error:
        raise UsageError(str(error), name_table) from error
    photos = [
        QueryTruth(image) if isinstance(image, Path) else QueryTruth(Path(image.location), image.geotag)
        for image in usable
    ]
    strangers = _query_set(photos, rejected)
    if not strangers.photos:
        raise InputError(
            f"{path}: no photos{count_reasons(strangers.left_out)}",
            "give a folder of photos of other places, or a table of them",
        )
    return strangers


def _query_set(photos: list[QueryTruth], rejected: Iterable[Rejected]) -> QuerySet:
    left_out = Counter(image.reason for image in rejected)
    duplicates = left_out.pop(RejectReason.DUPLICATE_ROW, 0)  # nothing is lost by them
    return QuerySet(photos, left_out, duplicates)


def count_reasons(counts: Counter[str]) -> str:
    """How many for which reason, in brackets: " (2 missing file, 1 no position)"; "" for none."""
    parts = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
    return f" ({parts})" if parts else ""


def remedy(counts: Counter[str]) -> str:
    """What helps against the commonest of the reasons."""
    return REMEDIES.get(counts.most_common(1)[0][0], "the others count; look at the table or the folder")
