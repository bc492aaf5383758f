"""Findings as GPX 1.1 waypoints, for handheld receivers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from geoflood.core.files import replacing
from geoflood.outputs.fields import Row
from geoflood.triage.export.finding_fields import finding_row, title
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.export.xml_text import xml_text
from geoflood.triage.findings import Finding

__all__ = ["write_gpx"]

_DESCRIBED = (
    "street",
    "usng",
    "accuracy_m",
    "status",
    "method",
    "narrowed_by",
    "sharing",
    "photo",
    "text",
    "street_credit",
)
"""What a waypoint's description carries of a row."""


def write_gpx(path: Path, findings: Iterable[Finding], sharing: Sharing) -> int:
    """A waypoint for each finding that has a place, written as it comes; returns how many."""
    count = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="geoflood"')
        file.write(' xmlns="http://www.topografix.com/GPX/1/1">\n')
        for finding in findings:
            row = finding_row(finding, sharing)
            if row["lat"] is not None:
                file.write(_waypoint(row))
                count += 1
        file.write("</gpx>\n")
    return count


def _waypoint(row: Row) -> str:
    words = "; ".join(f"{name}: {row[name]}" for name in _DESCRIBED if row.get(name) not in (None, ""))
    name, text = (escape(xml_text(value)) for value in (title(row), words))
    posted = str(row["posted_at"] or "")
    when = f"<time>{posted}</time>" if posted.endswith("Z") else ""  # GPX has no times but UTC
    place = f'lat="{row["lat"]}" lon="{row["lon"]}"'
    return f"<wpt {place}>{when}<name>{name}</name><desc>{text}</desc></wpt>\n"
