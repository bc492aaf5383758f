"""The fields of a batch's tables: those of an answer, then what its posts say and what a person decided.

Each field says whether it may be shared with everybody. A public row is made of these only: the others are
never taken from the finding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from geoflood.core.datatypes import Estimate, Geotag
from geoflood.imagery.exif import ExifClocks
from geoflood.outputs.fields import (
    ANSWER_FIELDS,
    CITIES,
    FIGURES,
    STREETS,
    Field,
    LocatedRow,
    Row,
    ShownPlace,
    Value,
    first_match_record,
)
from geoflood.outputs.record import METHOD
from geoflood.outputs.wording import percent, plain
from geoflood.triage.export.redaction import GRID_M, Sharing, snapped
from geoflood.triage.findings import Decision, Finding, NamedPlace, Post, Status

__all__ = [
    *("FINDING_FIELDS", "PINNED", "PUBLIC", "SharedFinding", "clocks_text", "field_names", "finding_row"),
    "title",
]

PINNED = "placed on the map by a person"
"""The method of a place that is not the machine's."""
PROVISIONAL = "searched for, not re-ranked yet"
"""Of a result that a second pass may change."""
_PINNED_M = 10.0
"""How finely grids tell the place of a pin that a person set; grid.js has it too."""
_MAX_LISTED = 20
"""Posts whose authors and ids are listed."""


@dataclass(frozen=True, slots=True)
class SharedFinding:
    """A finding, and who is to read of it."""

    finding: Finding
    sharing: Sharing


def _answer(shared: SharedFinding) -> LocatedRow:
    """What is shown of the place: a person's pin before the machine's, whose figures are of its own only."""
    finding = shared.finding
    known = first_match_record(finding.located)
    if finding.pin:
        known |= dict.fromkeys(FIGURES)
    if finding.pin or finding.status is Status.REJECTED:
        known |= STREETS | CITIES
    method = PINNED if finding.pin else METHOD
    return LocatedRow(known, finding.file, _place(shared), finding.status.value, method)


def _place(shared: SharedFinding) -> ShownPlace | None:
    """The position, no finer than it is known, or than it may be shared."""
    position = shared.finding.position
    if position is None:
        return None
    estimate = None if shared.finding.pin else shared.finding.located.estimate
    if shared.sharing is Sharing.PUBLIC:
        middle = snapped(position, GRID_M)
        lat, lon = round(middle.lat, 5), round(middle.lon, 5)
        return ShownPlace.at(middle, lat, lon, _public_accuracy_m(estimate))
    if estimate:
        return ShownPlace.of(estimate)
    return ShownPlace.at(position, round(position.lat, 6), round(position.lon, 6), None, _PINNED_M)


def _public_accuracy_m(estimate: Estimate | None) -> float:
    """Setting a position to the middle of its square moves it by up to half a diagonal."""
    half_diagonal_m = GRID_M * math.sqrt(0.5)
    return max((estimate.radius_90_m if estimate else 0.0) + half_diagonal_m, GRID_M)


def _posted_at(shared: SharedFinding) -> str | None:
    """When the earliest post was sent, to the hour for the public; Z only where it is known to be UTC."""
    first = shared.finding.posts[0] if shared.finding.posts else None
    if first is None or first.posted_at is None:
        return None
    hour = first.posted_at.replace(minute=0, second=0)
    posted_at = hour if shared.sharing is Sharing.PUBLIC else first.posted_at
    return f"{_time(posted_at)}{'' if first.local else 'Z'}"


def _provisional(shared: SharedFinding) -> str | None:
    return PROVISIONAL if shared.finding.provisional else None


def _of_posts(value: Callable[[tuple[Post, ...]], Value]) -> Callable[[SharedFinding], Value]:
    return lambda shared: value(shared.finding.posts)


def _each(value: Callable[[Post], str]) -> Callable[[SharedFinding], Value]:
    """What the posts say, each word once."""
    return lambda shared: _listed(value(post) for post in shared.finding.posts)


def _each_named(value: Callable[[Post, NamedPlace], str]) -> Callable[[SharedFinding], Value]:
    """What the posts' words name, each once."""

    def listed(shared: SharedFinding) -> Value:
        named = ((post, word) for post in shared.finding.posts for word in post.words)
        return _listed(value(post, word) for post, word in named) or None

    return listed


def _said(post: Post, word: NamedPlace) -> str:
    return post.text[word.start : word.end]


def _meant(post: Post, word: NamedPlace) -> str:
    return f"{word.name} ({percent(word.chance)})"


def _of_decision(value: Callable[[Decision], Value]) -> Callable[[SharedFinding], Value]:
    return lambda shared: value(shared.finding.decision) if shared.finding.decision else None


def _machine(axis: str) -> Callable[[SharedFinding], Value]:
    """The machine's place, where a person's pin stands instead."""

    def degrees(shared: SharedFinding) -> Value:
        place = shared.finding.located.place
        return round(getattr(place.position, axis), 6) if place and shared.finding.pin else None

    return degrees


def _own_geotag(shared: SharedFinding) -> Geotag | None:
    """The first position that a post has of its own."""
    return next((post.geotag for post in shared.finding.posts if post.geotag), None)


def _exif(shared: SharedFinding) -> Geotag | None:
    return shared.finding.exif


def _witness(of: Callable[[SharedFinding], Geotag | None], axis: str) -> Callable[[SharedFinding], Value]:
    """What speaks of the place besides the photo's look: shown beside it, never mixed in."""

    def degrees(shared: SharedFinding) -> Value:
        geotag = of(shared)
        return round(getattr(geotag.position, axis), 7) if geotag else None

    return degrees


def _first_text(posts: tuple[Post, ...]) -> str:
    return next((post.text for post in posts if post.text), "")


def _clock(posts: tuple[Post, ...]) -> str | None:
    return plain(posts[0].clock) or None if posts else None


def _listed(words: Iterable[str]) -> str:
    known = list(dict.fromkeys(plain(word) for word in words if word))
    more = f" and {len(known) - _MAX_LISTED} more" if len(known) > _MAX_LISTED else ""
    return "; ".join(known[:_MAX_LISTED]) + more


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def clocks_text(clocks: ExifClocks | None) -> str:
    """What two clocks say that disagree, and which of them is believed."""
    if clocks is None:
        return ""
    believed = "camera" if clocks.likelier == clocks.camera else "GPS receiver"
    return (
        f"{clocks.receiver:%Y-%m-%d %H:%M} UTC by the GPS receiver, {clocks.camera:%Y-%m-%d %H:%M} by the "
        f"camera: the {believed}'s is likelier"
    )


NUMBER_FIELD: tuple[Field[SharedFinding], ...] = (
    Field("number", "the photo's number, earliest post first", lambda shared: shared.finding.number),
)
OWN_FIELDS: tuple[Field[SharedFinding], ...] = (
    Field("posted_at", "when the earliest post was sent; Z where that is UTC", _posted_at),
    Field("posts", "posts that show the photo", _of_posts(len)),
    Field("copies", "picture files that show it", lambda shared: shared.finding.copies),
    Field("provisional", "that re-ranking may still change the result", _provisional),
    Field("sharing", "internal, or public: nothing leads to a person", lambda s: s.sharing.value),
    Field("sha256", "of the photo's file", lambda shared: shared.finding.sha256),
    Field("narrowed_by", "what narrowed the search", lambda shared: plain(shared.finding.narrowed) or None),
    Field("machine_lat", "the machine's latitude, where a person moved the pin", _machine("lat")),
    Field("machine_lon", "the machine's longitude, likewise", _machine("lon")),
    Field("status_by", "who decided", _of_decision(lambda made: plain(made.by))),
    Field("status_at", "when, UTC", _of_decision(lambda made: f"{_time(made.at)}Z")),
    Field("note", "what they noted", _of_decision(lambda made: plain(made.note))),
    Field("text", "of the earliest post that has one", _of_posts(lambda posts: plain(_first_text(posts)))),
    Field("authors", "who posted it", _each(lambda post: post.author)),
    Field("post_ids", "ids of the posts", _each(lambda post: post.id)),
    Field("layouts", "exports that hold the posts", _each(lambda post: post.layout)),
    Field("post_lat", "the latitude that a post gives itself", _witness(_own_geotag, "lat")),
    Field("post_lon", "its longitude", _witness(_own_geotag, "lon")),
    Field("post_place", "places that posts name", _each(lambda post: post.place)),
    Field("words", "words of the posts that name places of the city", _each_named(_said)),
    Field("words_place", "the places that they name, and how likely each is meant", _each_named(_meant)),
    Field("words_credit", "whose the names of places are", _each_named(lambda post, word: word.credit)),
    Field("exif_lat", "the latitude in the photo's EXIF", _witness(_exif, "lat")),
    Field("exif_lon", "its longitude", _witness(_exif, "lon")),
    Field("exif_taken_at", "when it was taken, by its EXIF", lambda s: _time(s.finding.taken_at)),
    Field(
        "exif_clocks",
        "what the two clocks in it say, where they are more than a day apart",
        lambda s: clocks_text(s.finding.clocks) or None,
    ),
    Field("time_from", "whose local time posted_at is, where not UTC", _of_posts(_clock)),
)
"""What a batch adds to an answer."""


PUBLIC = frozenset(
    (
        *("number", "outcome", "status", "lat", "lon", "accuracy_m", "usng", "dmm", "probability"),
        *("not_in_index", "posted_at", "posts", "copies", "method", "sharing", "provisional"),
        *("city", "city_probability"),
    )
)
"""Names of the fields that everybody may see."""

FINDING_FIELDS: tuple[Field[Any], ...] = (*NUMBER_FIELD, *ANSWER_FIELDS, *OWN_FIELDS)
"""In the order of their columns."""


def field_names(sharing: Sharing) -> list[str]:
    """The names in a row, in their order."""
    names = [field.name for field in FINDING_FIELDS]
    return names if sharing is Sharing.INTERNAL else [name for name in names if name in PUBLIC]


def finding_row(finding: Finding, sharing: Sharing) -> dict[str, Value]:
    """What may be told of a finding; what is not known is None. Text is a stranger's, in one line."""
    shared, names = SharedFinding(finding, sharing), frozenset(field_names(sharing))
    tables: tuple[tuple[tuple[Field[Any], ...], object], ...] = (
        (NUMBER_FIELD, shared),
        (ANSWER_FIELDS, _answer(shared)),
        (OWN_FIELDS, shared),
    )
    return {
        field.name: field.value(source)
        for fields, source in tables
        for field in fields
        if field.name in names
    }


def title(row: Row) -> str:
    """A finding in a few words, for lists and labels: "12 located 78 % candidate"."""
    if row["method"] == PINNED:
        return f"{row['number']} {PINNED} {row['status']}"
    share = row["probability"]
    sure = f" {percent(share)}" if isinstance(share, float) and row["lat"] is not None else ""
    return f"{row['number']} {row['outcome']}{sure} {row['status']}"
