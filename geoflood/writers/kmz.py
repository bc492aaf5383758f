"""Findings as KMZ for Google Earth and ATAK: pins and times; in internal files search areas and photos."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape as xml_escape

from geoflood.files import replacing
from geoflood.finding import Finding
from geoflood.images import jpeg
from geoflood.writers.shapes import Polygon, outline
from geoflood.writers.sharing import Row, Sharing, picture, row, title, xml_text

__all__ = ["write_kmz"]

PICTURE_PX = 480
_COLOURS = {"located": "ffb24700", "uncertain": "ff00b4f0"}
"""aabbggrr, as KML has it: the colours of the map."""
_AREA = 0.9


def write_kmz(path: Path, findings: Iterable[Finding], sharing: Sharing) -> None:
    """A placemark for each finding that has a place, written as it comes."""
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
        tempfile.TemporaryFile("w+", encoding="utf-8") as kml,
    ):
        kml.write('<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">')
        kml.write(f"<Document><name>geoflood, {sharing.value}</name>\n")
        kml.writelines(_style(name, colour) for name, colour in _COLOURS.items())
        for finding in findings:
            told = row(finding, sharing)
            if told["lat"] is not None:
                internal = sharing is Sharing.INTERNAL
                photo = _photo(archive, finding) if internal else ""
                kml.write(_placemark(told, photo, _area(finding) if internal else ()))
        kml.write("</Document></kml>\n")
        kml.seek(0)
        with archive.open("doc.kml", "w") as document:
            _copy(kml, document)


def _copy(source: IO[str], target: IO[bytes]) -> None:
    while piece := source.read(1 << 20):
        target.write(piece.encode("utf-8"))


def _photo(archive: zipfile.ZipFile, finding: Finding) -> str:
    """The name of the photo in the archive; empty when it cannot be read."""
    seen = picture(finding, PICTURE_PX)
    if seen is None:
        return ""
    name = f"photos/{finding.number:06}.jpg"
    archive.writestr(name, jpeg(seen, quality=75), zipfile.ZIP_STORED)
    return name


def _area(finding: Finding) -> Sequence[Polygon]:
    """Where to search; a pin that a person set needs none."""
    place = finding.located.place
    moved = finding.decision and finding.decision.position
    return outline(place.cells(_AREA)) if place and not moved else ()


def _style(name: str, colour: str) -> str:
    return (
        f'<Style id="{name}"><IconStyle><color>{colour}</color></IconStyle>'
        f"<LineStyle><color>{colour}</color></LineStyle><PolyStyle><color>66{colour[2:]}</color></PolyStyle></Style>\n"
    )


def _placemark(told: Row, photo: str, area: Sequence[Polygon]) -> str:
    shown = f'<img src="{photo}" width="{PICTURE_PX}"/>' if photo else ""
    # a balloon is HTML in XML: what comes from strangers is escaped once for each
    lines = "<br/>".join(f"{name}: {escape(xml_text(value))}" for name, value in told.items() if value)
    data = "".join(
        f'<Data name="{name}"><value>{xml_escape(xml_text(value))}</value></Data>'
        for name, value in told.items()
        if value is not None
    )
    when = f"<TimeStamp><when>{told['posted_at']}Z</when></TimeStamp>" if told["posted_at"] else ""
    point = f"<Point><coordinates>{told['lon']},{told['lat']}</coordinates></Point>"
    return (
        f"<Placemark><name>{xml_escape(title(told))}</name><styleUrl>#{told['outcome']}</styleUrl>{when}"
        f"<description>{xml_escape(shown + lines)}</description><ExtendedData>{data}</ExtendedData>"
        f"<MultiGeometry>{point}{''.join(map(_polygon, area))}</MultiGeometry></Placemark>\n"
    )


def _polygon(rings: Polygon) -> str:
    outer, *holes = (" ".join(f"{lon:.6f},{lat:.6f}" for lat, lon in ring) for ring in rings)
    inner = "".join(_boundary("inner", hole) for hole in holes)
    return f"<Polygon>{_boundary('outer', outer)}{inner}</Polygon>"


def _boundary(side: str, coordinates: str) -> str:
    ring = f"<LinearRing><coordinates>{coordinates}</coordinates></LinearRing>"
    return f"<{side}BoundaryIs>{ring}</{side}BoundaryIs>"
