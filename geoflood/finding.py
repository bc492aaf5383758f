"""What passes between the rooms of a batch: posts with their photos, and what was found of each photo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from geoflood.terms import Bounds, Geotag, LatLon, Located

__all__ = ["Decision", "Finding", "Medium", "Post", "Status"]


@dataclass(frozen=True, slots=True)
class Medium:
    """A picture that a post shows."""

    name: str
    """As the post calls it: a path, or the last part of a URL."""
    aliases: tuple[str, ...] = ()
    """Other names it may lie under, the likeliest first."""
    owner: str = ""
    """An id that its file's name may begin with instead."""
    file: str = ""
    """Where it lies in the folder, such as "media/a.jpg" or "export.zip!/a.jpg"; empty without a file."""


@dataclass(frozen=True, slots=True)
class Post:
    """What someone posted, as its export tells it: every word of it is a stranger's."""

    layout: str
    """Of the export, such as "twarc2 JSONL"."""
    id: str
    text: str = ""
    author: str = ""
    posted_at: datetime | None = None
    """UTC where the export says so, else the exporting phone's local time; always without tzinfo."""
    geotag: Geotag | None = None
    """The post's own position. A witness: never mixed with the place that the photo shows."""
    box: Bounds | None = None
    place: str = ""
    """Name of the box."""
    media: tuple[Medium, ...] = ()
    source: str = ""
    """The file it was read from, in the folder."""
    clock: str = ""
    """What else tells the time, where the export does not: "the file's name"."""


class Status(StrEnum):
    """A machine proposes; only a person confirms."""

    CANDIDATE = "candidate"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person made of a proposal."""

    status: Status
    by: str
    at: datetime
    """UTC, without tzinfo."""
    position: LatLon | None = None
    """Where the person moved the pin; None leaves it."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A photo, located once, with everything that speaks of it."""

    number: int
    """From 1, earliest post first: the name of the photo where nothing else of it may be shown."""
    sha256: str
    file: str
    """Where the photo lies in the folder, such as "export.zip!/a.jpg"."""
    located: Located
    posts: tuple[Post, ...]
    """Earliest first; those of identical and near-identical photos too."""
    exif: Geotag | None = None
    copies: int = 1
    """Picture files that show it."""
    narrowed: str = ""
    """What of the posts narrowed the search; empty when nothing did."""
    decision: Decision | None = None
    taken_at: datetime | None = None
    """When, by the photo's EXIF, with or without a position in it; as `Geotag.taken_at`."""

    @property
    def status(self) -> Status:
        """What a person decided, or a candidate."""
        return self.decision.status if self.decision else Status.CANDIDATE

    @property
    def position(self) -> LatLon | None:
        """Where a person put it, else the estimate's; None where there is no place to go to."""
        if self.status is Status.REJECTED:
            return None
        if self.decision and self.decision.position:
            return self.decision.position
        return self.located.place.position if self.located.place else None
