"""Findings as GPX 1.1 waypoints, for handheld receivers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from geoflood.core.files import replacing
from geoflood.triage.export.redaction import Row, Sharing, row, title, xml_text
from geoflood.triage.findings import Finding

__all__ = ["write_gpx"]

_TOLD = ("usng", "accuracy_m", "status", "method", "narrowed_by", "sharing", "photo", "text")
"""What a waypoint's description carries of a row."""


def write_gpx(path: Path, findings: Iterable[Finding], sharing: Sharing) -> None:
    """A waypoint for each finding that has a place, written as it comes."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="geoflood"')
        file.write(' xmlns="http://www.topografix.com/GPX/1/1">\n')
        for finding in findings:
            told = row(finding, sharing)
            if told["lat"] is not None:
                file.write(_waypoint(told))
        file.write("</gpx>\n")


def _waypoint(told: Row) -> str:
    words = "; ".join(f"{name}: {told[name]}" for name in _TOLD if told.get(name) not in (None, ""))
    name, text = (escape(xml_text(value)) for value in (title(told), words))
    posted = str(told["posted_at"] or "")
    when = f"<time>{posted}</time>" if posted.endswith("Z") else ""  # GPX has no times but UTC
    place = f'lat="{told["lat"]}" lon="{told["lon"]}"'
    return f"<wpt {place}>{when}<name>{name}</name><desc>{text}</desc></wpt>\n"
