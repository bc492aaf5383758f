"""What a document holds that was not understood: counted while it is read, reported at its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from geoflood.core.datatypes import Rejected
from geoflood.triage.posts.json_records import CHATS, CONTAINERS
from geoflood.triage.posts.safe_values import ident
from geoflood.triage.posts.text_files import Record
from geoflood.triage.posts.unusable import Unusable

__all__ = ["UnrecognisedTally"]

EXPECTED = "it is no known export, and none of its columns (image, file_name, path, ...) names a picture"


@dataclass
class UnrecognisedTally:
    """Of one document."""

    name: str
    records: int = 0
    unknown: int = 0
    keys: str = ""
    """Of the first record that is in no known layout."""
    times: int = 0
    time: str = ""
    """Of manifests, the first that cannot be read."""
    places: int = 0
    place: str = ""
    """Why the first of these cannot be read."""

    def count_record(self, record: Record) -> None:
        """Count a record of no known layout, unless an export is known to have it beside its posts."""
        if record and not _accompanies(record):
            self.unknown += 1
            self.keys = self.keys or ", ".join(ident(str(key)[:30]) for key in list(record)[:6])

    def count_time(self, text: str) -> None:
        """Count what stands where a time should; nothing when that is empty."""
        self.times += bool(text)
        self.time = self.time or text

    def count_place(self, why: str) -> None:
        """Count a place that cannot be read; nothing when there is no reason."""
        self.places += bool(why)
        self.place = self.place or why

    def rejections(self) -> Iterator[Rejected]:
        """One line for each kind of thing that was not understood."""
        if self.unknown:
            some = "" if self.unknown == self.records else f"{self.unknown:,} of {self.records:,} records: "
            yield Rejected(self.name, Unusable.NOT_RECOGNISED, f"{some}{self.keys}: {EXPECTED}")
        if self.times:
            why = "no known form, or day and month can be either"
            detail = f"{self.times:,} of {self.records:,} times, such as {self.time}: {why}"
            yield Rejected(self.name, Unusable.TIME_NOT_READ, detail)
        if self.places:
            detail = f"{self.places:,} of {self.records:,} places, such as {self.place}"
            yield Rejected(self.name, Unusable.PLACE_NOT_READ, detail)


def _accompanies(record: Record) -> bool:
    """An empty export, a page of X without tweets, what a stream of X tells, the account of an archive."""
    if "data" not in record and {"__twarc", "errors", "meta"} & record.keys():
        return True
    if len(record) == 1 and record.keys() <= _STREAM_NOTES:
        return True
    return bool({*CONTAINERS, *CHATS} & record.keys()) or {"inbox", "outbox"} <= record.keys()


_STREAM_NOTES = frozenset(
    ("delete", "limit", "scrub_geo", "warning", "disconnect", "status_withheld", "user_withheld")
)
