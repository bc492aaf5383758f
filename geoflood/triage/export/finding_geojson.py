"""Findings as GeoJSON (RFC 7946) and as a GeoJSON text sequence (RFC 8142), one feature a photo."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path

from geoflood.core.files import replacing
from geoflood.outputs.fields import Row
from geoflood.outputs.geojson import row_feature
from geoflood.triage.export.finding_fields import finding_row
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.findings import Finding

__all__ = ["collection", "write_features", "write_sequence"]

RS = "\x1e"
"""Stands before each text of a sequence that is not plain lines."""


@contextmanager
def collection(path: Path) -> Iterator[Callable[[Row], object]]:
    """A FeatureCollection in the making: what writes the next feature."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        marks = chain([""], repeat(","))
        yield lambda row: file.write(f"{next(marks)}\n{_feature(row)}")
        file.write("\n]}\n")


def write_features(path: Path, findings: Iterable[Finding], sharing: Sharing) -> int:
    """A FeatureCollection of all findings, written as it comes; returns how many there are."""
    count = 0
    with collection(path) as add:
        for finding in findings:
            add(finding_row(finding, sharing))
            count += 1
    return count


def write_sequence(path: Path, findings: Iterable[Finding], sharing: Sharing) -> int:
    """One feature a line; with the record separators of RFC 8142 in a file that ends in .geojsons.

    Returns how many there are.
    """
    count = 0
    mark = RS if path.suffix.lower() == ".geojsons" else ""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for finding in findings:
            file.write(f"{mark}{_feature(finding_row(finding, sharing))}\n")
            count += 1
    return count


def _feature(row: Row) -> str:
    feature = {"type": "Feature", "id": row["number"], **row_feature(row)}
    return json.dumps(feature, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
