"""Findings as GeoJSON (RFC 7946) and as a GeoJSON text sequence (RFC 8142), one feature a photo."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from geoflood.files import replacing
from geoflood.finding import Finding
from geoflood.writers.sharing import Sharing, row

__all__ = ["write_features", "write_sequence"]

RS = "\x1e"
"""Stands before each text of a sequence that is not plain lines."""


def write_features(path: Path, findings: Iterable[Finding], sharing: Sharing) -> None:
    """A FeatureCollection, written as it comes."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for count, text in enumerate(_features(findings, sharing)):
            file.write(f"{',' if count else ''}\n{text}")
        file.write("\n]}\n")


def write_sequence(path: Path, findings: Iterable[Finding], sharing: Sharing) -> None:
    """One feature a line; with the record separators of RFC 8142 in a file that ends in .geojsons."""
    mark = RS if path.suffix.lower() == ".geojsons" else ""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for text in _features(findings, sharing):
            file.write(f"{mark}{text}\n")


def _features(findings: Iterable[Finding], sharing: Sharing) -> Iterator[str]:
    for finding in findings:
        told = row(finding, sharing)
        lat, lon = told.pop("lat"), told.pop("lon")
        point: dict[str, Any] | None = None if lat is None else {"type": "Point", "coordinates": [lon, lat]}
        feature = {"type": "Feature", "id": finding.number, "geometry": point, "properties": told}
        yield json.dumps(feature, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
