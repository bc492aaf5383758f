"""What was recognised in a folder of posts, for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from geoflood.core.datatypes import Rejected
from geoflood.triage.findings import Post
from geoflood.triage.posts.unusable import Unusable

__all__ = ["Tally"]


@dataclass
class Tally:
    """What was recognised in a folder, by layout."""

    posts: Counter[str] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    """Reason -> how many."""

    def add(self, one: Post | Rejected) -> None:
        """Count a post or what could not be used."""
        if isinstance(one, Rejected):
            if one.reason != Unusable.NO_FILE:  # counted with its post
                self.rejected[one.reason] += 1
            return
        self.posts[one.layout] += 1
        found = sum(bool(medium.file) for medium in one.media)
        self.images[one.layout] += found
        self.missing[one.layout] += len(one.media) - found

    def lines(self) -> list[str]:
        """For people: "twarc2 JSONL: 812 posts, 640 images, 31 without a file"."""
        lines = [
            f"{layout}: {_many(count, 'post')}, {_many(self.images[layout], 'image')}"
            + (f", {self.missing[layout]:,} {Unusable.NO_FILE}" if self.missing[layout] else "")
            for layout, count in sorted(self.posts.items())
        ]
        return lines + [f"not usable: {count:,} {reason}" for reason, count in sorted(self.rejected.items())]


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'s' * (count != 1)}"
