"""Photos that `locate` answered, as findings: without posts or decisions, for the formats of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from geoflood.core.datatypes import Located
from geoflood.core.files import fingerprint
from geoflood.imagery import exif
from geoflood.triage.export.formats import format_of
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.export.selection import EVERYTHING, ExportTally
from geoflood.triage.findings import Finding

__all__ = ["export_located", "findings_of"]


def findings_of(located: Iterable[Located]) -> Iterator[Finding]:
    """A finding a photo, numbered from 1 in their order; a file that is gone has no hash and no EXIF."""
    for number, one in enumerate(located, 1):
        path = one.query.path
        facts = exif.read(path)
        yield Finding(
            number,
            _hash(path),
            str(path),
            one,
            (),
            facts.geotag,
            taken_at=facts.taken_at,
            clocks=facts.clocks,
        )


def export_located(located: Iterable[Located], path: Path, sharing: Sharing) -> ExportTally:
    """Write one file of what `locate` answered; returns what it holds. Raises UsageError for its format."""
    tally = ExportTally()
    chosen = tally.chosen(findings_of(located), EVERYTHING)
    tally.written = format_of(path).write(path, chosen, sharing)
    return tally


def _hash(path: Path) -> str:
    """Of the file; "" of one that cannot be read."""
    try:
        return fingerprint(path)
    except OSError:
        return ""
