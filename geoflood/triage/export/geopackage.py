"""Findings as a GeoPackage for QGIS and ArcGIS: a layer of photos; in internal files one of search areas."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from geoflood.outputs.geopackage import GeoLayer, write_geopackage
from geoflood.outputs.shapes import outline
from geoflood.triage.export.finding_fields import field_names, finding_row
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.findings import Finding

__all__ = ["write_gpkg"]

_AREA = 0.9
_AREA_FIELDS = ("number", "share", "status", "sharing")


def write_gpkg(path: Path, findings: Iterable[Finding], sharing: Sharing) -> int:
    """All findings, those without a place without a point; returns how many.

    Raises ExtraMissingError without pyogrio.
    """
    rows, areas, shapes = [], [], []
    for finding in findings:
        row = finding_row(finding, sharing)
        rows.append(row)
        place = finding.located.place
        if sharing is Sharing.INTERNAL and place and row["lat"] is not None and not finding.pin:
            areas.append({**row, "share": _AREA})
            shapes.append(outline(place.cells(_AREA)))
    layers = [GeoLayer.of_points("photos", field_names(sharing), rows)]
    if sharing is Sharing.INTERNAL:
        layers.append(GeoLayer("search_areas", "MultiPolygon", _AREA_FIELDS, areas, shapes))
    write_geopackage(path, layers)
    return len(rows)
