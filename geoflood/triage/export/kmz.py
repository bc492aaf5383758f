"""Findings as KMZ for Google Earth and ATAK: pins and times; in internal files search areas and photos."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape as xml_escape

from geoflood.core.files import replacing
from geoflood.core.images import jpeg
from geoflood.outputs.fields import Row
from geoflood.outputs.shapes import LinearRing, Polygon, outline
from geoflood.triage.export.finding_fields import finding_row, title
from geoflood.triage.export.icons import icon
from geoflood.triage.export.photo_pixels import photo_pixels
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.export.xml_text import xml_text
from geoflood.triage.findings import Finding, Status

__all__ = ["write_kmz"]

PICTURE_PX = 480
_COLOURS = {
    "located": "ff8f4700",
    "likely": "ffe9b456",
    "uncertain": "ff00b4f0",
    "not-found": "ff3a3a3a",
    "failed": "ff001d8c",
}
"""aabbggrr, as KML has it: the colours of the map, for a person may have put a pin on any photo."""
_PINS = (Status.CANDIDATE, Status.CONFIRMED)
"""A rejected one has no place."""
_LEFT_OUT = "photo left out: its file is not there any more, or is not the one that was located"
_AREA = 0.9


def write_kmz(path: Path, findings: Iterable[Finding], sharing: Sharing) -> int:
    """A placemark for each finding that has a place, written as it comes; returns how many."""
    count = 0
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
        tempfile.TemporaryFile("w+", encoding="utf-8") as kml,
    ):
        kml.write('<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">')
        kml.write(f"<Document><name>geoflood, {sharing.value}</name>\n")
        for status in _PINS:
            archive.writestr(_icon(status), icon(status), zipfile.ZIP_STORED)
            kml.writelines(_style(f"{name}-{status}", colour, status) for name, colour in _COLOURS.items())
        for finding in findings:
            row = finding_row(finding, sharing)
            if row["lat"] is not None:
                internal = sharing is Sharing.INTERNAL
                shown = _shown(_photo(archive, finding)) if internal else ""
                kml.write(_placemark(row, shown, _area(finding) if internal else ()))
                count += 1
        kml.write("</Document></kml>\n")
        kml.seek(0)
        with archive.open("doc.kml", "w") as document:
            _copy(kml, document)
    return count


def _copy(source: IO[str], target: IO[bytes]) -> None:
    while piece := source.read(1 << 20):
        target.write(piece.encode("utf-8"))


def _photo(archive: zipfile.ZipFile, finding: Finding) -> str:
    """The name of the photo in the archive; empty when it is not at hand as it was."""
    pixels = photo_pixels(finding, PICTURE_PX)
    if pixels is None:
        return ""
    name = f"photos/{finding.number:06}.jpg"
    archive.writestr(name, jpeg(pixels, quality=75), zipfile.ZIP_STORED)
    return name


def _area(finding: Finding) -> Iterable[Polygon]:
    """Where to search; a pin that a person set needs none."""
    place = finding.located.place
    return outline(place.cells(_AREA)).geoms if place and not finding.pin else ()


def _shown(photo: str) -> str:
    return f'<img src="{photo}" width="{PICTURE_PX}"/>' if photo else f"<p>{_LEFT_OUT}</p>"


def _icon(status: Status) -> str:
    return f"icons/{status}.png"


def _style(name: str, colour: str, status: Status) -> str:
    pin = f"<color>{colour}</color><Icon><href>{_icon(status)}</href></Icon>"
    return (
        f'<Style id="{name}"><IconStyle>{pin}</IconStyle>'
        f"<LineStyle><color>{colour}</color></LineStyle><PolyStyle><color>66{colour[2:]}</color></PolyStyle></Style>\n"
    )


def _placemark(row: Row, shown: str, area: Iterable[Polygon]) -> str:
    # a balloon is HTML in XML: what comes from strangers is escaped once for each
    lines = "<br/>".join(f"{name}: {escape(xml_text(value))}" for name, value in row.items() if value)
    data = "".join(
        f'<Data name="{name}"><value>{xml_escape(xml_text(value))}</value></Data>'
        for name, value in row.items()
        if value is not None
    )
    when = f"<TimeStamp><when>{row['posted_at']}</when></TimeStamp>" if row["posted_at"] else ""
    style = f"{row['outcome']}-{row['status']}"
    point = f"<Point><coordinates>{row['lon']},{row['lat']}</coordinates></Point>"
    return (
        f"<Placemark><name>{xml_escape(title(row))}</name><styleUrl>#{style}</styleUrl>{when}"
        f"<description>{xml_escape(shown + lines)}</description><ExtendedData>{data}</ExtendedData>"
        f"<MultiGeometry>{point}{''.join(map(_polygon, area))}</MultiGeometry></Placemark>\n"
    )


def _polygon(polygon: Polygon) -> str:
    inner = "".join(_boundary("inner", hole) for hole in polygon.interiors)
    return f"<Polygon>{_boundary('outer', polygon.exterior)}{inner}</Polygon>"


def _boundary(side: str, ring: LinearRing) -> str:
    coordinates = " ".join(f"{lon:.6f},{lat:.6f}" for lon, lat in ring.coords)
    inside = f"<LinearRing><coordinates>{coordinates}</coordinates></LinearRing>"
    return f"<{side}BoundaryIs>{inside}</{side}BoundaryIs>"
