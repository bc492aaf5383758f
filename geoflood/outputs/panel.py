"""What the map says about a photo, as plain data: words, coordinates and shapes that panel.js only puts up.

Everything foreign goes through `plain`; panel.js sets it as text, never as markup.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
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
from geoflood.outputs.search_places import frame, places
from geoflood.outputs.shapes import cone, outline
from geoflood.outputs.wording import area, decimal_degrees, length, percent, plain, reason_line

__all__ = ["PanelSheet", "about", "describe", "headline"]

Json = dict[str, Any]

_CONTEXT_M = 130.0
"""The map shows at least this much around an answer, so that the next crossing is on it."""

_REFERENCE_M = 10.0
"""How well the position of a street image is known, at best."""

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
    shown = estimate if located.outcome in (Outcome.LOCATED, Outcome.UNCERTAIN) else None
    return {
        "photo": plain(located.query.path.name),
        "path": plain(str(located.query.path)),
        "outcome": located.outcome.value,
        "headline": headline(located),
        "reason": _below(located),
        "status": "" if shown is None else "candidate — not confirmed by a person",
        "places": [] if shown is None else _places(located, shown),
        "attention": _attention(located.attention),
        "candidates": [
            _candidate(rank, candidate, shown) for rank, candidate in enumerate(located.candidates, 1)
        ],
        "belief": None if estimate is None else _belief(estimate),
        "area": "" if shown is None else _area_words(shown),
        "shapes": None if shown is None else _shapes(shown, located.outcome),
        "frames": _frames(located, shown),
    }


def headline(located: Located) -> str:
    """The outcome in words to be read from two metres: "LOCATED — 78 % within 25 m"."""
    estimate = located.estimate
    match located.outcome:
        case Outcome.LOCATED if estimate:
            return f"LOCATED — {percent(estimate.probability)} within {length(estimate.tolerance_m)}"
        case Outcome.UNCERTAIN if estimate:
            count = len(places(estimate))
            number = _NUMBERS[count] if count < len(_NUMBERS) else "many"
            return f"UNCERTAIN — {number} place{'s' * (count != 1)} to check"
        case Outcome.NOT_FOUND:
            return "NOT IN THIS INDEX" if estimate else "NOT FOUND"
        case Outcome.FAILED:
            return f"FAILED — {shorten(plain(reason_line(located)), _HEADLINE)}"
    return located.outcome.value.upper()


def _below(located: Located) -> str:
    """The reason, unless the headline has said it all."""
    reason = plain(reason_line(located))
    return "" if located.outcome is Outcome.FAILED and len(reason) <= _HEADLINE else reason


def _places(located: Located, estimate: Estimate) -> list[Json]:
    """A located photo has one place, known within its 90 % radius; else each place is as sharp as a match."""
    if located.outcome is Outcome.LOCATED:
        title = f"Camera position, 90 % within {length(estimate.radius_90_m)} if it is in this index"
        return [_place(title, estimate.position, estimate.radius_90_m)]
    return [
        _place(f"{letter} — {percent(place.share)}", place.position, estimate.tolerance_m)
        | {"letter": letter}
        for letter, place in zip(_LETTERS, places(estimate), strict=False)
    ]


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


def _attention(attention: AttentionMap | None) -> Json:
    """`grid` holds the weights in hundredths; none when they change nothing."""
    if attention is None:
        return {"grid": None, "waterline": None, "note": "No attention: this photo was not looked at."}
    grid = None if attention.uniform else np.rint(attention.weights * 100).astype(int).tolist()
    return {"grid": grid, "waterline": attention.waterline, "note": _note(attention)}


def _note(attention: AttentionMap) -> str:
    """What was believed of the photo, who said so, and why."""
    water = "" if attention.waterline is None else f"Water over the lower {attention.waterline * 100:.0f} %. "
    weights = "Bright parts count more, dark parts less"
    if attention.uniform:
        weights = "Attention is neutral, every part of the photo counts the same"
    source = "" if attention.provider == "none" else f" ({plain(attention.provider)})"
    reasons = "; ".join(plain(reason) for reason in attention.reasons)
    return f"{water}{weights}{source}{f': {reasons}' if reasons else '.'}"


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
        "credit": _credit(candidate),
        "source": plain(reference.location),
        "coordinates": _coordinates(position, _REFERENCE_M),
    }


def _credit(candidate: Candidate) -> str:
    credit, licence = plain(candidate.reference.credit), plain(candidate.reference.licence)
    return f"Image: {credit or 'credit unknown'} · {licence or 'licence unknown'}"


def _facts(candidate: Candidate, estimate: Estimate | None) -> list[str]:
    reference = candidate.reference
    facts = [f"similarity {candidate.similarity:.2f}"]
    if candidate.inliers is not None:
        facts.append(f"{candidate.inliers} points agree")
    if candidate.verdict:
        reason = f" ({plain(candidate.verdict_reason)})" if candidate.verdict_reason else ""
        facts.append(f"the model says: {_VERDICTS.get(candidate.verdict, plain(candidate.verdict))}{reason}")
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
    """The whole belief in three parts, which sum to 1."""
    here = min(estimate.probability, 1.0 - estimate.not_in_index)
    parts = {
        f"within {length(estimate.tolerance_m)} of the position": here,
        "elsewhere in this index": max(0.0, 1.0 - here - estimate.not_in_index),
        "not in this index": estimate.not_in_index,
    }
    return [{"label": label, "share": share, "percent": percent(share)} for label, share in parts.items()]


def _area_words(estimate: Estimate) -> str:
    """The search budget: how much ground holds which share."""
    sizes = {share: math.fsum(cell.size_m**2 for cell in estimate.cells(share)) / 1e6 for share in SHARES}
    if not all(sizes.values()):
        return ""
    words = " · ".join(f"{share * 100:.0f} % in {area(km2)}" for share, km2 in sizes.items())
    return f"Search area: {words}"


def _shapes(estimate: Estimate, outcome: Outcome) -> Json:
    """Circles only where there is one place: between several of them a circle holds mostly nothing."""
    located = outcome is Outcome.LOCATED
    radii = {50: estimate.radius_50_m, 90: estimate.radius_90_m} if located else {}
    position = estimate.position
    return {
        "position": [position.lat, position.lon],
        "areas": [[share, geometry(outline(estimate.cells(share)))] for share in reversed(SHARES)],
        "circles": list(radii.items()),
    }


def _frames(located: Located, estimate: Estimate | None) -> Json:
    """What the map shows: `answer`, of a located photo its likely half, so that streets are readable.

    Without an answer there is none, and the map shows all that the index covers.
    """
    spots = [candidate.reference.position for candidate in located.candidates]
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
