"""Findings for spreadsheets: CSV (RFC 4180, UTF-8), one row a photo."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from geoflood.core.datatypes import Rejected
from geoflood.core.files import replacing
from geoflood.outputs.table import harmless
from geoflood.outputs.wording import plain
from geoflood.triage.export.redaction import Row, Sharing, fields_for, row
from geoflood.triage.findings import Finding

__all__ = ["finding_table", "write_finding_table", "write_rejections"]


@contextmanager
def finding_table(path: Path, sharing: Sharing) -> Iterator[Callable[[Row], object]]:
    """A table in the making: what writes the next row. No cell is a formula."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields_for(sharing), lineterminator="\r\n")
        writer.writeheader()
        yield lambda told: writer.writerow({name: _cell(value) for name, value in told.items()})


def write_finding_table(path: Path, findings: Iterable[Finding], sharing: Sharing) -> None:
    """The table of all findings, written as it comes."""
    with finding_table(path, sharing) as add:
        for finding in findings:
            add(row(finding, sharing))


def write_rejections(path: Path, rejected: Iterable[Rejected]) -> None:
    """What could not be used, and why: one row each."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(("location", "reason", "detail"))
        for one in rejected:
            writer.writerow([harmless(plain(text)) for text in (one.location, one.reason, one.detail)])


def _cell(value: object) -> object:
    return harmless(value) if isinstance(value, str) else value
