"""What the triage page tells of a photo, as plain data: its place, what else fits, what speaks against it.

Everything foreign goes through `plain` or `lines`; the page's scripts set it as text, never as markup.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from geoflood.core.datatypes import (
    Candidate,
    Estimate,
    Geotag,
    Image,
    LatLon,
    Located,
    Outcome,
    Reference,
    StreetWords,
)
from geoflood.core.geo import degrees_minutes, distance_m, usng
from geoflood.outputs.licences import credit_links
from geoflood.outputs.panel import attention_layers, detail_lines
from geoflood.outputs.search_places import parts_line, radius_m, shares_around
from geoflood.outputs.shapes import box_rings
from geoflood.outputs.wording import (
    compared_words,
    decimal_degrees,
    lines,
    percent,
    plain,
    reason_line,
    searched,
    signs_line,
)
from geoflood.triage.export.area_boxes import area_boxes
from geoflood.triage.export.finding_fields import PROVISIONAL, clocks_text
from geoflood.triage.export.thumbnails import Thumbnails
from geoflood.triage.findings import Finding, NamedPlace, Post
from geoflood.triage.urgency import urgency_of

__all__ = [
    "BOXES",
    "COMPARED",
    "DISAGREE_M",
    "FOUND",
    "MATCHES",
    "NAMED",
    "POSTS",
    "TEXT",
    "NamePlaces",
    "View",
    "triage_item",
]

Json = dict[str, Any]
View: TypeAlias = Callable[[Reference], Image | Path | None]
"""Where the picture of a reference comes from; None when it is not at hand. Asked by several threads."""

POSTS = 5
"""Posts of a photo that are shown."""
TEXT = 500
"""Characters of a post that are shown."""
NamePlaces: TypeAlias = Callable[[str], Sequence[NamedPlace]]
"""Finds the places that a text names."""
_NO_MODELS = ("none", "analyst")
_READ, _READ_POSTS = 5000, 50
"""Characters of a post, and posts, that are read for calls for help."""

NAMED = 3
"""Places that are shown of those that a post's words name."""
CALLS = 6
"""Words that call for help that are told beside a photo."""
MATCHES = 5
"""Places that are shown of a photo that may have been taken at several."""
BOXES = 40
"""Boxes that a search area's outline is drawn around, at most."""
APART_M = 25.0
"""Matches closer than this show one place."""
SMALL_M = 250.0
"""A place that words name is drawn by itself where it is no larger than this."""
DISAGREE_M = 250.0
"""Witnesses farther from the place than this, and than its 90 % radius, speak against it."""
_WORTH = 0.01
"""Where one place stands out, others that are less likely than this are not shown."""
COMPARED = (Outcome.LIKELY, Outcome.UNCERTAIN)
"""Outcomes of which other places have to be looked at, too."""
FOUND = (Outcome.LOCATED, *COMPARED)
"""Outcomes whose pictures have to be compared."""
_SHARES = (0.9, 0.5)
"""Of the belief, the wider area first: the narrower one is drawn over it."""
_DEGREE = 1e5
"""Corners are told in whole parts of a degree, of a metre: five figures fewer for each."""
_GAP = 12.0
"""Of those parts, between boxes that are drawn as one: a cell of 10 m between two others is no hole."""


def triage_item(
    finding: Finding,
    thumbnails: Thumbnails,
    view: View,
    all_matches: bool,
    named: NamePlaces = lambda text: (),
    large: bool = False,
) -> Json:
    """All that the page shows of a photo. `all_matches`: have pictures made of the others that may fit.

    `named` finds the places that a model's words name. `large`: have larger pictures made of all pictured,
    and tell what details agree.
    """
    located, estimate, place = finding.located, finding.located.estimate, finding.located.place
    spot = place.position if place else None
    return {
        "n": finding.number,
        "sha256": finding.sha256,
        "file": plain(finding.file),
        "outcome": located.outcome.value,
        "reason": plain(reason_line(located)) + (f"; {PROVISIONAL}" if finding.provisional else ""),
        **_streets(located.streets),
        **_urgency(finding),
        "narrowed": plain(finding.narrowed),
        "at": _pair(spot),
        "pinned": False,
        "radius_m": round(radius_m(place, 0.9)) if place else None,
        "area": _area(place) if place else [],
        "probability": _floored(estimate.probability) if estimate else 0.0,
        "belief": parts_line(place) if place else "",
        "searched": searched(place) if place else "",
        "coordinates": _coordinates(place) if place else [],
        "time": _seconds(finding),
        "local": bool(finding.posts) and finding.posts[0].local,
        "copies": finding.copies,
        "count": len(finding.posts),
        "posts": [_post(post) for post in finding.posts[:POSTS]],
        "witnesses": _witnesses(finding, named),
        "decision": _decision(finding),
        "photo": thumbnails.request(finding.sha256, lambda: located.query.path, large),
        "attention": attention_layers(located.attention),
        "matches": [
            {**match, **_agreeing(located.shown_candidates[match["rank"] - 1], large and match["picture"])}
            for match in _matches(located, partial(_ask_picture, thumbnails, view, large), all_matches)
        ],
    }


def _streets(words: StreetWords | None) -> Json:
    """The machine's place in street names, and what beside it has no street image."""
    return {"street": plain(words.place) if words else "", "gap": plain(words.gap) if words else ""}


def _urgency(finding: Finding) -> Json:
    """How urgently a photo's posts call for help, and a model's words on it; the words of the most urgent."""
    told = [(post.text[:_READ], urgency_of(post.text[:_READ])) for post in finding.posts[:_READ_POSTS]]
    seen = _told(finding.located)[:_READ]
    text, most = max([*told, (seen, urgency_of(seen, seen=True))], key=lambda one: one[1].share)
    words = dict.fromkeys(plain(text[call.start : call.end]) for call in most.calls)
    return {"urgency": _floored(most.share), "calls": list(words)[:CALLS]}


def _pair(spot: LatLon | None) -> list[float] | None:
    return None if spot is None else [round(spot.lat, 6), round(spot.lon, 6)]


def _floored(share: float) -> float:
    """As `percent` puts it: never up to a round number that it has not reached."""
    return math.floor(share * 1000.0 + 1e-9) / 1000.0


def _coordinates(place: Estimate) -> list[str]:
    spot, known_m = place.position, min(place.radius_90_m, place.tolerance_m)
    return [usng(spot, known_m), ", ".join(decimal_degrees(spot, known_m)), degrees_minutes(spot, known_m)]


def _area(place: Estimate) -> list[list[list[int]]]:
    """For each share the rings around its cells: how far north and east of the place, by turns."""
    boxes = (area_boxes(place.cells(share), place.position, BOXES) * _DEGREE for share in _SHARES)
    rounded = (np.hstack([np.floor(box[:, :2]), np.ceil(box[:, 2:])]) for box in boxes)
    return [[ring.round().astype(int).ravel().tolist() for ring in box_rings(box, _GAP)] for box in rounded]


def _ask_picture(thumbnails: Thumbnails, view: View, large: bool, reference: Reference) -> str:
    return thumbnails.request(f"view-{reference.id}", lambda: view(reference), large)


def _matches(located: Located, ask: Callable[[Reference], str], all_matches: bool) -> list[Json]:
    """The first match; where there is a place, the best one of each, with its share, likeliest first."""
    if not located.candidates:
        return []
    place = located.place
    if place is None:
        return [_match(1, located.candidates[0], None, ask)]
    ranked = _apart(located.candidates)
    spots = [candidate.reference.position for _, candidate in ranked]
    shares = shares_around(place, spots, place.tolerance_m).tolist()
    likeliest = sorted(zip(shares, ranked, strict=True), key=lambda one: -one[0]) + _of_other(located)
    several = located.outcome in COMPARED
    return [
        _match(rank, candidate, share, ask if at == 0 or (several and all_matches) else None)
        for at, (share, (rank, candidate)) in enumerate(likeliest)
        if at == 0 or several or share >= _WORTH
    ]


def _of_other(located: Located) -> list[tuple[float, tuple[int, Candidate]]]:
    """The best match of the runner-up among cities, with its share, where it is shown; named by its city."""
    other = located.other
    if other is None or not other.candidates:
        return []
    first = other.candidates[0]
    spot = first.reference.position
    (share,) = shares_around(other.estimate, [spot], other.estimate.tolerance_m).tolist()
    named = replace(first, street=" · ".join(filter(None, (other.city, first.street))))
    return [(share, (len(located.candidates) + 1, named))]


def _apart(candidates: Sequence[Candidate]) -> list[tuple[int, Candidate]]:
    """The first of each place, and its rank among all."""
    kept: list[tuple[int, Candidate]] = []
    for rank, candidate in enumerate(candidates, 1):
        spots = [(other.reference.position.lat, other.reference.position.lon) for _, other in kept]
        here = (candidate.reference.position.lat, candidate.reference.position.lon)
        if not spots or distance_m(spots, here).min() > APART_M:
            kept.append((rank, candidate))
    return kept[:MATCHES]


def _match(
    rank: int, candidate: Candidate, share: float | None, ask: Callable[[Reference], str] | None
) -> Json:
    """A street image that may show the place; without `share` it has no place to be drawn.

    Without `ask`, which has its picture made, it has none.
    """
    reference = candidate.reference
    credit = (
        f"{plain(reference.credit) or 'credit unknown'} · {plain(reference.licence) or 'licence unknown'}"
    )
    return {
        "rank": rank,
        "at": None if share is None else _pair(reference.position),
        "share": None if share is None else _floored(share),
        "similarity": round(candidate.similarity, 3),
        "street": plain(candidate.street),
        "picture": ask(reference) if ask else None,
        "credit": credit if ask else "",
        "links": credit_links(reference) if ask else [],
    }


def _agreeing(candidate: Candidate, drawn: bool) -> Json:
    """How many details agree with the photo's, None where not counted, and where those are that are drawn."""
    return {"inliers": candidate.inliers, "details": detail_lines(candidate) if drawn else ""}


def _seconds(finding: Finding) -> int | None:
    """Of the earliest post since 1970, as the time slider counts; a local time as if it were UTC."""
    posted = finding.posts[0].posted_at if finding.posts else None
    return None if posted is None else int(posted.replace(tzinfo=UTC).timestamp())


def _post(post: Post) -> Json:
    parts, marks = _marked(post)
    return {
        "text": lines(post.text[:TEXT]),
        "marked": parts,
        "marks": marks,
        "author": plain(post.author),
        "source": plain(" ".join(filter(None, (post.layout, post.id)))),
        "at": _when(post),
    }


def _marked(post: Post) -> tuple[list[str], str]:
    """The text in parts, every second one marked, and a letter for each mark: a place, or a call for help."""
    places = [(word.start, word.end, "p") for word in post.words]
    calls = [(call.start, call.end, "c") for call in urgency_of(post.text[:TEXT]).calls]
    parts, marks, at = [], "", 0
    for start, end, mark in sorted(places + calls):
        if at <= start < end <= TEXT:
            parts += [post.text[at:start], post.text[start:end]]
            marks += mark
            at = end
    return [lines(part) for part in (*parts, post.text[at:TEXT])] if parts else [], marks


def _when(post: Post) -> str:
    if post.posted_at is None:
        return "no time"
    zone = f", zone unknown: {plain(post.clock)}" if post.local else " UTC"
    return f"{post.posted_at:%Y-%m-%d %H:%M}{zone}"


def _witnesses(finding: Finding, named: NamePlaces) -> list[Json]:
    """What else speaks of the place: each witness by itself, with its position where it has one."""
    witnesses = [
        _position_witness("EXIF of the photo", finding.exif),
        _word_witness("EXIF's time", _taken(finding.taken_at)),
        _word_witness("two clocks in the EXIF", clocks_text(finding.clocks)),
    ]
    witnesses += [_word_witness(name, words) for name, words in _words_on_match(finding.located)]
    witnesses.append(_word_witness("signs read in the photo", signs_line(finding.located)))
    told = _told(finding.located)
    witnesses += [
        _named_witness(finding, "the model's words", told, word) for word in _likeliest(named(told))
    ]
    for post in finding.posts:
        witnesses.append(_position_witness("the post's own position", post.geotag))
        witnesses.append(_word_witness("the post's place", plain(post.place)))
        witnesses += [
            _named_witness(finding, "the post's words", post.text, word) for word in _likeliest(post.words)
        ]
    distinct = {(witness["name"], witness["text"]): witness for witness in witnesses if witness["text"]}
    return list(distinct.values())[: 3 * POSTS + 3]


def _position_witness(name: str, geotag: Geotag | None) -> Json:
    spot = geotag.position if geotag else None
    return {"name": name, "text": f"{spot.lat:.5f}, {spot.lon:.5f}" if spot else "", "at": _pair(spot)}


def _likeliest(words: Sequence[NamedPlace]) -> list[NamedPlace]:
    """Of the places that a text names, those that are shown."""
    return sorted(words, key=lambda word: -word.chance)[:NAMED]


def _named_witness(finding: Finding, source: str, text: str, word: NamedPlace) -> Json:
    """A place that words name, at its point nearest to the photo's place: a street is long."""
    said = plain(text[word.start : word.end])
    return {
        "name": source,
        "text": f"“{said}”: {plain(word.name)}, {word.form}, meant with {percent(word.chance)}",
        "at": _pair(_shown_point(finding.position, word)),
    }


def _shown_point(spot: LatLon | None, word: NamedPlace) -> LatLon | None:
    """The point nearest to the photo's place; without one the middle of what is small, such as a crossing."""
    if not word.points:
        return None
    middle = word.points[len(word.points) // 2]
    to = spot or middle
    away = distance_m([(point.lat, point.lon) for point in word.points], (to.lat, to.lon))
    if spot is None:
        return middle if away.max() <= SMALL_M else None
    return word.points[int(away.argmin())]


def _told(located: Located) -> str:
    """What a model said of the photo, and what it could read in it; nothing of an analyst's map."""
    attention = located.attention
    return "" if attention is None or attention.provider in _NO_MODELS else "; ".join(attention.reasons)


def _word_witness(name: str, words: str) -> Json:
    return {"name": name, "text": words, "at": None}


def _taken(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}, UTC or the camera's local time" if moment else ""


def _words_on_match(located: Located) -> Iterator[tuple[str, str]]:
    """What a model, or an analyst, said of the photo, and of its first match; words that both show."""
    attention, best = located.attention, located.candidates[:1]
    if attention is not None and attention.provider != "none":
        line = "" if attention.waterline is None else f"water over the lower {attention.waterline:.0%}; "
        yield f"attention, {plain(attention.provider)}", plain((line + "; ".join(attention.reasons))[:TEXT])
    if best and best[0].shared_words:
        yield "words that the match shows, too", plain(", ".join(best[0].shared_words))
    if best and best[0].verdict:
        yield "the model on the match", plain(f"{best[0].verdict}: {best[0].verdict_reason}")
    if best and best[0].comparison is not None:
        yield "the model, comparing places", compared_words(best[0].comparison)


def _decision(finding: Finding) -> Json | None:
    decision = finding.decision
    if decision is None:
        return None
    return {
        "status": decision.status.value,
        "by": plain(decision.by),
        "at": f"{decision.at.isoformat(timespec='seconds')}Z",
        "lat": decision.position.lat if decision.position else None,
        "lon": decision.position.lon if decision.position else None,
        "note": plain(decision.note),
    }
