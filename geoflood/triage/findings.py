"""What passes between the rooms of a batch: posts with their photos, and what was found of each photo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from geoflood.core.datatypes import Bounds, Geotag, LatLon, Located
from geoflood.imagery.exif import ExifClocks

__all__ = ["Decision", "Finding", "Medium", "NamedPlace", "Post", "Status"]


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
class NamedPlace:
    """A place of the city that a post's words name: a witness, as private as the post."""

    start: int
    """Where the words stand in the text, and their end: characters."""
    end: int
    name: str
    """"Oak Street"; "Oak Street or Oak Avenue" where the words may mean several."""
    form: str
    """How it is written: "exact", "misspelt", "crossing"."""
    chance: float
    """The probability that the place is meant, and no other thing or town."""
    points: tuple[LatLon, ...]
    """Where it may be: along the streets, at the crossing, at the door."""
    credit: str = ""
    """Whose the name is."""


@dataclass(frozen=True, slots=True)
class Post:
    """What someone posted, as its export tells it: every word of it is a stranger's."""

    layout: str
    """Of the export, such as "twarc2 JSONL"."""
    id: str
    text: str = ""
    author: str = ""
    posted_at: datetime | None = None
    """UTC where the export says so, else the time of `clock`; always without tzinfo."""
    geotag: Geotag | None = None
    """The post's own position. A witness: never mixed with the place that the photo shows."""
    box: Bounds | None = None
    place: str = ""
    """Name of the box."""
    place_kind: str = ""
    """What the box is of, where the export says so: poi, neighborhood, city, admin, country."""
    media: tuple[Medium, ...] = ()
    source: str = ""
    """The file it was read from, in the folder."""
    clock: str = ""
    """Whose local time it is, where the export does not tell UTC: "the file's name"."""
    words: tuple[NamedPlace, ...] = ()
    """The places that the text names, where the index has a street map; in their order."""

    @property
    def local(self) -> bool:
        """Its time is by a clock whose zone nobody told."""
        return self.posted_at is not None and bool(self.clock)


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

    @property
    def rank(self) -> tuple[str, ...]:
        """The highest stands: the latest, and of one moment the same one in whatever order they come."""
        return (self.at.isoformat(), self.by, self.status, self.note, repr(self.position))


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
    clocks: ExifClocks | None = None
    """What two clocks in its EXIF say, where they are more than a day apart."""
    provisional: bool = False
    """Only the search has spoken: the photo is to be re-ranked yet."""

    @property
    def status(self) -> Status:
        """What a person decided, or a candidate."""
        return self.decision.status if self.decision else Status.CANDIDATE

    @property
    def pin(self) -> LatLon | None:
        """Where a person put it, whatever the machine had proposed; None while nobody did."""
        return self.decision.position if self.decision and self.status is Status.CONFIRMED else None

    @property
    def position(self) -> LatLon | None:
        """The pin, else the estimate's; None where there is no place to go to."""
        if self.status is Status.REJECTED:
            return None
        return self.pin or (self.located.place.position if self.located.place else None)
