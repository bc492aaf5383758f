"""What the map says about a photo, as plain data: words, coordinates and shapes that panel.js only puts up.

Everything foreign goes through `plain`; panel.js sets it as text, never as markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any

import numpy as np

from geoflood.core.datatypes import (
    AttentionMap,
    Candidate,
    City,
    Estimate,
    Image,
    LatLon,
    Located,
    Outcome,
)
from geoflood.core.geo import covered_km2, degrees_minutes, distance_m, usng
from geoflood.outputs.geojson import SHARES, geometry
from geoflood.outputs.licences import credit_links
from geoflood.outputs.search_places import (
    PLACE_M,
    AreaPlace,
    frame,
    parts,
    parts_line,
    places,
    radius_m,
)
from geoflood.outputs.shapes import cone, outline
from geoflood.outputs.wording import (
    all_searched,
    area,
    compared_words,
    decimal_degrees,
    length,
    percent,
    plain,
    reason_line,
    searched,
    signs_line,
)

__all__ = ["PanelSheet", "about", "attention_layers", "describe", "detail_lines", "headline", "street_credit"]

Json = dict[str, Any]

_CONTEXT_M = 130.0
"""The map shows at least this much around an answer, so that the next crossing is on it."""

_REFERENCE_M = 10.0
"""How well the position of a street image is known, at best."""

_TOLD_M = 25.0
"""A match so near to a place to check tells its street."""

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_HEADLINE = 70
"""Characters of a reason that a headline can carry."""

_VERDICTS = {"same": "same place", "different": "another place", "cannot_say": "cannot say"}

_LETTERS = "ABCDEFGHI"
_COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


@dataclass(frozen=True)
class PanelSheet:
    """A photo as the map shows it: what is known of it, and the pictures, where there are any."""

    located: Located
    photo: Image | None = None
    views: Mapping[int, Image] = field(default_factory=dict)
    """By reference id: the view itself, already cut from its panorama."""


def describe(located: Located) -> Json:
    """All that the panel and the map show of one photo, but the pictures."""
    estimate = located.estimate
    shown = located.place
    told, elsewhere = _told(shown), _told(_other_place(located))
    return {
        "photo": plain(located.query.path.name),
        "path": plain(str(located.query.path)),
        "outcome": located.outcome.value,
        "headline": _headline(located, [*told, *elsewhere]),
        **_street_words(located),
        "reason": _below(located),
        "status": "" if shown is None else "candidate — not confirmed by a person",
        "places": [] if shown is None else _places(located, shown, told, elsewhere),
        "rest": "" if shown is None else _rest(located, shown, told, elsewhere),
        "attention": _attention(located.attention),
        "signs": f"Signs read: {told_signs}" if (told_signs := signs_line(located)) else "",
        "candidates": _candidates(located),
        "belief": None if estimate is None else _belief(estimate),
        "area": "" if shown is None else _area_words(shown),
        "shapes": None if shown is None else _shapes(shown, _other_place(located), located.outcome),
        "frames": _frames(located, shown),
    }


def headline(located: Located) -> str:
    """The outcome in words to be read from two metres: "LOCATED — 93 % within 25 m"."""
    return _headline(located, [*_told(located.place), *_told(_other_place(located))])


def _other_place(located: Located) -> Estimate | None:
    """The runner-up's, where it is shown beside the answer."""
    return located.other.estimate if located.other and located.place else None


def _street_words(located: Located) -> Json:
    """`street` under the headline; `gap` and `streets` where they say of the search area."""
    words = located.streets
    if words is None:
        return {"street": "", "gap": "", "streets": ""}
    area = " · ".join(f"{plain(street)} {percent(share)}" for street, share in words.area)
    several = len(words.area) > 1
    return {
        "street": plain(words.place),
        "gap": plain(words.gap),
        "streets": f"Streets of the search area: {area}" if several else "",
    }


def _told(shown: Estimate | None) -> list[AreaPlace]:
    """The places to check that have a letter."""
    return places(shown)[: len(_LETTERS)] if shown else []


def _headline(located: Located, told: Sequence[AreaPlace]) -> str:
    estimate, word = located.estimate, located.outcome.value.upper().replace("-", " ")
    match located.outcome:
        case Outcome.LOCATED | Outcome.LIKELY if estimate:
            there = f", in {plain(located.city)}" if located.city else ""
            return f"{word} — {percent(estimate.probability)} within {length(estimate.tolerance_m)}{there}"
        case Outcome.UNCERTAIN if estimate:
            return f"{word} — {_to_check(estimate, told)} to check{' in two cities' if located.other else ''}"
        case Outcome.NOT_FOUND if estimate:
            return f"{word} — {percent(estimate.not_in_index)} not in {all_searched(estimate)}"
        case Outcome.FAILED:
            return f"{word} — {shorten(plain(reason_line(located)), _HEADLINE)}"
    return word


def _to_check(estimate: Estimate, told: Sequence[AreaPlace]) -> str:
    """How many places; many, where those that are told hold less than all others in the index."""
    held = math.fsum(place.share for place in told)
    if held < (1.0 - estimate.not_in_index) / 2.0:
        return "many places"
    return "one place" if len(told) == 1 else f"{dict(enumerate(_NUMBERS)).get(len(told), len(told))} places"


def _below(located: Located) -> str:
    """The reason, unless the headline has said it all."""
    reason = plain(reason_line(located))
    return "" if located.outcome is Outcome.FAILED and len(reason) <= _HEADLINE else reason


def _places(
    located: Located, estimate: Estimate, told: Sequence[AreaPlace], elsewhere: Sequence[AreaPlace]
) -> list[Json]:
    """A located photo has one place, known within its 90 % radius; else each place is as sharp as a match.

    `elsewhere` are those of the runner-up, each with the name of its city.
    """
    if located.outcome is Outcome.LOCATED:
        known_m = radius_m(estimate, 0.9)
        title = f"Camera position, 90 % within {length(known_m)} if it is in {searched(estimate)}"
        return [_place(title, estimate.position, known_m)]
    around = f"within {length(PLACE_M)}"
    if len(told) == 1 and not elsewhere:
        title = f"{percent(told[0].share)} {around}{_at_street(located, told[0].position)}"
        return [_place(title, told[0].position, estimate.tolerance_m)]
    both = [(located.city if elsewhere else "", place) for place in told]
    both += [(located.other.city, place) for place in elsewhere] if located.other else []
    return [
        _place(
            f"{letter} — {percent(place.share)} {around}{_at_street(located, place.position)}"
            + (f" · {plain(city)}" if city else ""),
            place.position,
            estimate.tolerance_m,
        )
        | {"letter": letter}
        for letter, (city, place) in zip(_LETTERS, both, strict=False)
    ]


def _at_street(located: Located, spot: LatLon) -> str:
    """The street of the nearest match at a place to check, such as " · Mill Road"; it may have none."""
    here = (spot.lat, spot.lon)
    near = [
        (float(distance_m(here, (one.reference.position.lat, one.reference.position.lon))), one.street)
        for one in located.shown_candidates
    ]
    away_m, street = min(near, default=(math.inf, ""))
    return f" · {plain(street)}" if street and away_m <= _TOLD_M else ""


def _rest(
    located: Located, estimate: Estimate, told: Sequence[AreaPlace], elsewhere: Sequence[AreaPlace]
) -> str:
    """What the places leave: without it their percents would be taken for the whole."""
    return "" if located.outcome is Outcome.LOCATED else parts_line(estimate, told, elsewhere)


def _place(title: str, position: LatLon, uncertainty_m: float) -> Json:
    coordinates = _coordinates(position, uncertainty_m)
    return {
        "title": title,
        "lat": position.lat,
        "lon": position.lon,
        "coordinates": coordinates,
        "frame": frame([position], _CONTEXT_M),
    }


def _coordinates(position: LatLon, uncertainty_m: float) -> list[tuple[str, str]]:
    return [
        ("USNG / MGRS", usng(position, uncertainty_m)),
        ("Decimal degrees", ", ".join(decimal_degrees(position, uncertainty_m))),
        ("Degrees, minutes", degrees_minutes(position, uncertainty_m)),
    ]


def attention_layers(attention: AttentionMap | None) -> Json:
    """What is drawn over a photo: `grid`, the weights in hundredths, and `waterline`, a share of the height.

    None of them where nobody looked, no grid where the weights change nothing.
    """
    if attention is None:
        return {"grid": None, "waterline": None}
    grid = None if attention.uniform else np.rint(attention.weights * 100).astype(int).tolist()
    return {"grid": grid, "waterline": attention.waterline}


def detail_lines(candidate: Candidate) -> str:
    """Ends of the lines between agreeing details, as `Candidate.pairs`: 12 digits a line, three a share.

    A triage page holds thousands of them, and numbers in brackets would take twice as much.
    """
    shares = np.asarray(candidate.pairs, float).reshape(-1)
    return "".join(f"{share:03d}" for share in np.clip(np.rint(shares * 1000), 0, 999).astype(int).tolist())


def _attention(attention: AttentionMap | None) -> Json:
    note = "No attention: this photo was not looked at." if attention is None else _note(attention)
    return {**attention_layers(attention), "note": note}


def _note(attention: AttentionMap) -> str:
    """What was believed of the photo, who said so, and why."""
    water = "" if attention.waterline is None else f"Water over the lower {attention.waterline * 100:.0f} %. "
    weights = "Bright parts count more, dark parts less"
    if attention.uniform:
        weights = "Attention is neutral, every part of the photo counts the same"
    source = "" if attention.provider == "none" else f" ({plain(attention.provider)})"
    reasons = "; ".join(plain(reason) for reason in attention.reasons)
    return f"{water}{weights}{source}{f': {reasons}' if reasons else '.'}"


def _candidates(located: Located) -> list[Json]:
    """Those of the answer, then the runner-up's, counted on: each with its city where there are two."""
    own = [("", one, located.place) for one in located.candidates]
    if located.other and located.place:
        own = [(located.city, one, place) for _, one, place in own]
        own += [(located.other.city, one, located.other.estimate) for one in located.other.candidates]
    shown = [(_candidate(rank, one, place), city) for rank, (city, one, place) in enumerate(own, 1)]
    return [
        known | {"facts": f"{plain(city)} · {known['facts']}"} if city else known for known, city in shown
    ]


def _candidate(rank: int, candidate: Candidate, estimate: Estimate | None) -> Json:
    reference = candidate.reference
    position, heading_deg = reference.position, reference.heading_deg
    view_cone = None if heading_deg is None else geometry(cone(position, heading_deg, reference.fov_deg))
    return {
        "rank": rank,
        "view": str(reference.id),
        "lat": position.lat,
        "lon": position.lon,
        "cone": view_cone,
        "facts": " · ".join(_facts(candidate, estimate)),
        "details": detail_lines(candidate),
        "credit": _credit(candidate),
        "links": credit_links(reference),
        "source": plain(reference.location),
        "coordinates": _coordinates(position, _REFERENCE_M),
    }


def _credit(candidate: Candidate) -> str:
    credit, licence = plain(candidate.reference.credit), plain(candidate.reference.licence)
    return f"Image: {credit or 'credit unknown'} · {licence or 'licence unknown'}"


def _facts(candidate: Candidate, estimate: Estimate | None) -> list[str]:
    reference = candidate.reference
    facts = [plain(candidate.street)] if candidate.street else []
    facts.append(f"similarity {candidate.similarity:.2f}")
    if candidate.inliers is not None:
        facts.append(f"{candidate.inliers} details agree")
    if candidate.verdict:
        reason = f" ({plain(candidate.verdict_reason)})" if candidate.verdict_reason else ""
        facts.append(f"the model says: {_VERDICTS.get(candidate.verdict, plain(candidate.verdict))}{reason}")
    if candidate.comparison is not None:
        facts.append(f"the model, comparing places: {compared_words(candidate.comparison)}")
    if candidate.shared_words:
        facts.append(f"shows the same words: {', '.join(map(plain, candidate.shared_words))}")
    if estimate is not None:
        ends = [(p.lat, p.lon) for p in (estimate.position, reference.position)]
        away_m = float(distance_m(*ends))
        facts.append(f"{length(away_m)} from the estimate" if away_m >= 1 else "at the estimate")
    facts.append(_direction(reference.heading_deg))
    facts.append(f"taken {reference.taken_at:%Y-%m-%d}" if reference.taken_at else "date unknown")
    return facts


def _direction(heading_deg: float | None) -> str:
    if heading_deg is None:
        return "direction unknown"
    return f"looks {_COMPASS[round(heading_deg / 45.0) % 8]} ({heading_deg % 360:.0f}°)"


def _belief(estimate: Estimate) -> list[Json]:
    """The whole belief in its parts, which sum to 1."""
    return [
        {"label": label, "share": share, "percent": percent(share)}
        for label, share in parts(estimate).items()
    ]


def _area_words(estimate: Estimate) -> str:
    """The search budget: how much ground holds which share."""
    sizes = {share: math.fsum(cell.size_m**2 for cell in estimate.cells(share)) / 1e6 for share in SHARES}
    if not all(sizes.values()):
        return ""
    words = " · ".join(f"{share * 100:.0f} % in {area(km2)}" for share, km2 in sizes.items())
    return f"Search area, if it is in {searched(estimate)}: {words}"


def _shapes(estimate: Estimate, other: Estimate | None, outcome: Outcome) -> Json:
    """Circles only where there is one place: between several of them a circle holds mostly nothing."""
    located = outcome is Outcome.LOCATED
    radii = {share: radius_m(estimate, share / 100) for share in (50, 90)} if located else {}
    position = estimate.position
    return {
        "position": [position.lat, position.lon],
        "areas": [
            [share, geometry(outline(one.cells(share)))]
            for one in (estimate, other)
            if one is not None
            for share in reversed(SHARES)
        ],
        "circles": list(radii.items()),
    }


def _frames(located: Located, estimate: Estimate | None) -> Json:
    """What the map shows: `answer`, of a located photo its likely half, so that streets are readable.

    Without an answer there is none, and the map shows all that the index covers.
    """
    spots = [candidate.reference.position for candidate in located.shown_candidates]
    frames: Json = {"candidates": frame(spots, _CONTEXT_M) if spots else None, "answer": None}
    if estimate is not None:
        share = SHARES[0] if located.outcome is Outcome.LOCATED else SHARES[-1]
        cells = [cell.centre for cell in estimate.cells(share)]
        frames["answer"] = frame([estimate.position, *cells], _CONTEXT_M)
    return frames


def about(city: City) -> str:
    """What was searched: "rivertown: 1,792 views from 448 images, rootsift, images over about 0.4 km²"."""
    counts = f"{city.references:,} views from {city.images:,} images"
    ground = f"images over about {area(covered_km2(city.coverage))}" if len(city.coverage) else "no images"
    return f"Index {plain(city.name)}: {counts} · {plain(city.backbone)} · {ground}"


def street_credit(located: Iterable[Located]) -> str:
    """Whose the street names on a page are: "Street names: © OpenStreetMap contributors. ", or ""."""
    words = (
        words for one in located for words in (one.streets, one.other.streets if one.other else None) if words
    )
    credits = dict.fromkeys(one.credit for one in words if one.credit)
    return f"Street names: {plain('; '.join(credits))}. " if credits else ""
