"""Tables for crisis mapping: reports for Ushahidi, and a table with HXL's row of hashtags."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from geoflood.outputs.fields import Row, Value
from geoflood.outputs.table import table_file
from geoflood.triage.export.finding_fields import field_names, finding_row, title
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.findings import Finding

__all__ = ["hxl_tag", "write_hxl", "write_ushahidi"]

_REPORT = ("title", "description", "date", "latitude", "longitude", "location", "category", "source")
_DESCRIBED = ("text", "accuracy_m", "probability", "method", "usng", "note", "sharing", "street_credit")
"""What a report's description carries of a row."""

_TAGS = {
    "number": "#meta+id",
    "lat": "#geo+lat",
    "lon": "#geo+lon",
    "accuracy_m": "#geo+precision+m",
    "usng": "#geo+usng",
    "dmm": "#geo+dmm",
    "street": "#loc+name+street",
    "streets": "#loc+list+street",
    "posted_at": "#date+posted",
    "status_at": "#date+decided",
    "exif_taken_at": "#date+taken",
    "status": "#status",
    "outcome": "#status+outcome",
    "text": "#description+post",
    "note": "#description+note",
    "posts": "#indicator+posts+num",
    "probability": "#indicator+probability",
    "authors": "#contact+author",
    "status_by": "#contact+reviewer",
}
"""Hashtags of the core schema; a field without one of them says something of the record."""


def write_ushahidi(path: Path, findings: Iterable[Finding], sharing: Sharing) -> int:
    """A report for each finding that has a place, written as it comes; returns how many."""
    count = 0
    with table_file(path, _REPORT) as add:
        for finding in findings:
            row = finding_row(finding, sharing)
            if row["lat"] is not None:
                add(_report(row))
                count += 1
    return count


def _report(row: Row) -> dict[str, Value]:
    words = (f"{name}: {row[name]}" for name in _DESCRIBED if row.get(name) not in (None, ""))
    return {
        "title": f"Flood photo {title(row)}".replace("\u00a0", " "),
        "description": "; ".join(words),
        "date": str(row["posted_at"] or "").replace("T", " ").removesuffix("Z") or None,
        "latitude": row["lat"],
        "longitude": row["lon"],
        "location": row.get("street") or row["usng"],
        "category": row["status"],
        "source": row.get("layouts"),
    }


def write_hxl(path: Path, findings: Iterable[Finding], sharing: Sharing) -> int:
    """The table of all findings with a row of hashtags below its header; returns how many there are."""
    count, names = 0, field_names(sharing)
    with table_file(path, names) as add:
        add({name: hxl_tag(name) for name in names})
        for finding in findings:
            add(finding_row(finding, sharing))
            count += 1
    return count


def hxl_tag(name: str) -> str:
    """The hashtag of a field: "#geo+lat"."""
    return _TAGS.get(name, f"#meta+{name}")
