"""A table for spreadsheets: CSV (RFC 4180, UTF-8), one row a photo."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from geoflood.core.datatypes import Estimate, Located
from geoflood.core.files import write_whole
from geoflood.core.geo import degrees_minutes, usng
from geoflood.outputs.record import METHOD, STATUS, record
from geoflood.outputs.wording import decimal_degrees, plain

__all__ = ["COLUMNS", "harmless", "table", "write_table"]

COLUMNS = (
    *("photo", "outcome", "lat", "lon", "accuracy_m", "probability", "radius_50_m", "radius_90_m"),
    *("not_in_index", "usng", "dmm", "status", "method", "best_match", "credit", "licence", "reason"),
)


def write_table(path: Path, located: Iterable[Located]) -> None:
    """Write the table of all photos, whole or not at all."""
    write_whole(path, table(located).encode("utf-8"))


def table(located: Iterable[Located]) -> str:
    """The table as text: a header and one row a photo, each in one line."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in located:
        row = _row(one)
        writer.writerow([row[column] for column in COLUMNS])
    return text.getvalue()


def _row(located: Located) -> dict[str, str]:
    known = record(located)
    best = known["candidates"][0] if known["candidates"] else {}
    return {
        **dict.fromkeys(COLUMNS, ""),
        **(_belief(located.estimate) if located.estimate else {}),
        **(_place(located.place) if located.place else {}),
        "photo": harmless(known["photo"]),
        "outcome": known["outcome"],
        "status": STATUS,
        "method": METHOD,
        "best_match": harmless(best.get("image", "")),
        "credit": harmless(best.get("credit", "")),
        "licence": harmless(best.get("licence", "")),
        "reason": harmless(known["reason"]),
    }


def _belief(estimate: Estimate) -> dict[str, str]:
    return {"probability": f"{estimate.probability:.2f}", "not_in_index": f"{estimate.not_in_index:.2f}"}


def _place(estimate: Estimate) -> dict[str, str]:
    """Numbers no finer than known. lat and lon feed programs, which read accuracy_m beside them: the mode
    is as sharp as its tolerance even where the 90 % radius spans two candidates kilometres apart.
    """
    lat, lon = decimal_degrees(estimate.position, min(estimate.radius_90_m, estimate.tolerance_m))
    return {
        "lat": lat,
        "lon": lon,
        "accuracy_m": f"{estimate.radius_90_m:.0f}",
        "radius_50_m": f"{estimate.radius_50_m:.0f}",
        "radius_90_m": f"{estimate.radius_90_m:.0f}",
        "usng": usng(estimate.position, estimate.radius_90_m),
        "dmm": degrees_minutes(estimate.position, estimate.radius_90_m),
    }


def harmless(text: str) -> str:
    """Foreign text that no spreadsheet takes for a formula: such a field gets an apostrophe in front."""
    shown = plain(text)
    return f"'{shown}" if shown.lstrip().startswith(tuple("=+-@＝＋－＠")) else shown
