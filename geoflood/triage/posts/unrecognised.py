"""What a document left unread: counted while it is read, and told at its end in one line each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from geoflood.core.datatypes import Rejected
from geoflood.triage.posts.json_records import CHATS, CONTAINERS
from geoflood.triage.posts.safe_values import ident
from geoflood.triage.posts.text_files import Record

__all__ = ["UNKNOWN", "UnrecognisedTally"]

UNKNOWN = "not recognised"
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

    def know_not(self, record: Record) -> None:
        """Count a record of no known layout, unless an export is known to have it beside its posts."""
        if record and not _accompanies(record):
            self.unknown += 1
            self.keys = self.keys or ", ".join(ident(str(key)[:30]) for key in list(record)[:6])

    def know_no_time(self, told: str) -> None:
        """Count what stands where a time should; nothing when that is empty."""
        self.times += bool(told)
        self.time = self.time or told

    def told(self) -> Iterator[Rejected]:
        """What people should know of it."""
        if self.unknown:
            some = "" if self.unknown == self.records else f"{self.unknown:,} of {self.records:,} records: "
            yield Rejected(self.name, UNKNOWN, f"{some}{self.keys}: {EXPECTED}")
        if self.times:
            why = "no known form, or day and month can be either"
            detail = f"{self.times:,} of {self.records:,} times, such as {self.time}: {why}"
            yield Rejected(self.name, "time not read", detail)


def _accompanies(record: Record) -> bool:
    """An empty export, a list of what someone liked, or the account that an archive of Mastodon is of."""
    return bool({*CONTAINERS, *CHATS} & record.keys()) or {"inbox", "outbox"} <= record.keys()
