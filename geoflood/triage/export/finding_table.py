"""Findings and what could not be used as tables for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from geoflood.core.datatypes import Rejected
from geoflood.outputs.table import table_file
from geoflood.triage.export.finding_fields import field_names, finding_row
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.findings import Finding

__all__ = ["write_finding_table", "write_rejections"]


def write_finding_table(path: Path, findings: Iterable[Finding], sharing: Sharing) -> int:
    """The table of all findings, written as it comes; returns how many there are."""
    count = 0
    with table_file(path, field_names(sharing)) as add:
        for finding in findings:
            add(finding_row(finding, sharing))
            count += 1
    return count


def write_rejections(path: Path, rejected: Iterable[Rejected]) -> None:
    """What could not be used, and why: one row each."""
    with table_file(path, ("location", "reason", "detail")) as add:
        for one in rejected:
            add(asdict(one))
