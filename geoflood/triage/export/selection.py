"""Which findings a file is to hold, and the tally of those that it does not; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from geoflood.triage.findings import Finding, Status

__all__ = ["EVERYTHING", "ExportTally", "Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of a photo to be handed over."""

    only: Status | None = None
    """None: of any status."""
    min_probability: float = 0.0
    """Of the machine's place, 0 to 1. A pin that a person set has none, and is not asked for one."""

    def holds(self, finding: Finding) -> bool:
        """Whether a finding is wanted."""
        return self.only in (None, finding.status) and not self.too_weak(finding)

    def too_weak(self, finding: Finding) -> bool:
        """The machine's word alone places it, and is too doubtful: that of no place is 0."""
        place = finding.located.place
        return finding.pin is None and (place.probability if place else 0.0) < self.min_probability


EVERYTHING = Selection()


@dataclass(slots=True)
class ExportTally:
    """How many photos went which way, counted while a file is written: by status."""

    wanted: Counter[Status] = field(default_factory=Counter)
    other_status: Counter[Status] = field(default_factory=Counter)
    too_weak: Counter[Status] = field(default_factory=Counter)
    """Of the status that was asked for, below the probability that was asked for."""
    written: int = 0
    """Photos in the file: of those wanted, a format may leave out what has no place, or is too many."""

    def chosen(self, findings: Iterable[Finding], selection: Selection) -> Iterator[Finding]:
        """The findings that are wanted, each counted as it comes."""
        for finding in findings:
            if selection.holds(finding):
                self.wanted[finding.status] += 1
                yield finding
            elif selection.only in (None, finding.status):
                self.too_weak[finding.status] += 1
            else:
                self.other_status[finding.status] += 1

    @property
    def all(self) -> int:
        """Photos that were looked at."""
        return self.wanted.total() + self.other_status.total() + self.too_weak.total()

    @property
    def unwritten(self) -> int:
        """Photos that were wanted, and that the format could not hold."""
        return self.wanted.total() - self.written
