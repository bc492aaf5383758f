"""What was recognised in a folder of posts, for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from geoflood.core.datatypes import Rejected
from geoflood.triage.findings import Post
from geoflood.triage.posts.left_out import LeftOut, LeftOutKind
from geoflood.triage.posts.unusable import Unusable

__all__ = ["BARE", "Tally"]

BARE = "bare images"
"""The layout of pictures that no post speaks of."""


@dataclass
class Tally:
    """What was recognised in a folder, by layout."""

    posts: Counter[str] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    """Reason -> how many."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Kind -> how many."""
    examples: dict[str, str] = field(default_factory=dict)
    """Kind -> the first that is left out."""

    def add(self, one: Post | Rejected | LeftOut) -> None:
        """Count a post, what could not be used, or what is left out."""
        match one:
            case Rejected():
                if one.reason != Unusable.NO_FILE:  # counted with its post
                    self.rejected[one.reason] += 1
            case LeftOut():
                if one.kind != LeftOutKind.READ_BESIDE:
                    self.left_out[one.kind] += 1
                    self.examples.setdefault(one.kind, one.location)
            case _:
                self.posts[one.layout] += 1
                found = sum(bool(medium.file) for medium in one.media)
                self.images[one.layout] += found
                self.missing[one.layout] += len(one.media) - found

    def lines(self) -> list[str]:
        """For people: "twarc2 JSONL: 812 posts with 640 pictures, and 31 pictures that are not here"."""
        told = [self._layout(layout) for layout in sorted(self.posts)]
        told += [f"not used: {count:,} × {reason}" for reason, count in sorted(self.rejected.items())]
        return told + [f"left out: {count:,} × {kind}" for kind, count in sorted(self.left_out.items())]

    def _layout(self, layout: str) -> str:
        posts, images, missing = self.posts[layout], self.images[layout], self.missing[layout]
        if layout == BARE:
            return f"{layout}: {_many(images, 'picture')} that no post speaks of"
        found = f"{layout}: {_many(posts, 'post')} with {_many(images, 'picture')}"
        gone = "that is" if missing == 1 else "that are"
        return f"{found}, and {_many(missing, 'picture')} {gone} not here" if missing else found


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'s' * (count != 1)}"
