"""What of a finding is handed to whom, under one set of names for every format.

Internal files tell all that is known and say so. Public ones leave out whatever leads to a person: authors,
handles, texts, ids, file names, hashes, EXIF and pictures; times are cut to the hour and positions set to the
middle of a square of GRID_M.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeAlias

from geoflood.core.datatypes import Geotag, Image, LatLon
from geoflood.core.geo import degrees_minutes, usng
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.outputs.record import METHOD, Record, record
from geoflood.outputs.wording import decimal_degrees, percent, plain
from geoflood.triage.findings import Finding

__all__ = [
    "FIELDS",
    "GRID_M",
    "PINNED",
    "PUBLIC_FIELDS",
    "Sharing",
    "fields_for",
    "picture",
    "row",
    "title",
    "xml_text",
]

Row: TypeAlias = Mapping[str, str | int | float | None]

GRID_M = 250.0
"""Side of the squares that public positions are set to: a block, not a house."""
PINNED = "placed on the map by a person"
"""The method of a place that is not the machine's."""
_PINNED_M = 10.0
"""How finely the place of a pin that a person set is told in grids and minutes; grid.js has it too."""
_DEGREE_M = 111_195.0
MAX_PICTURE = 200_000_000
"""Bytes of a photo that is handed on."""
_MAX_SHOWN = 20
"""Posts whose authors and ids are listed."""

PUBLIC_FIELDS = (
    *(
        "number",
        "outcome",
        "status",
        "lat",
        "lon",
        "accuracy_m",
        "usng",
        "dmm",
        "probability",
        "not_in_index",
    ),
    *("posted_at", "posts", "copies", "method", "sharing"),
)
FIELDS = (
    *PUBLIC_FIELDS,
    *("photo", "sha256", "reason", "narrowed_by", "radius_50_m", "radius_90_m"),
    *("machine_lat", "machine_lon", "best_match", "credit", "licence"),
    *("status_by", "status_at", "note", "text", "authors", "post_ids", "layouts"),
    *("post_lat", "post_lon", "post_place", "exif_lat", "exif_lon", "exif_taken_at"),
    *("time_from", "attention", "waterline", "attention_reason", "verdict"),
)


class Sharing(StrEnum):
    """Who may see it."""

    INTERNAL = "internal"
    PUBLIC = "public"


def fields_for(sharing: Sharing) -> tuple[str, ...]:
    """The names in a row, in their order."""
    return PUBLIC_FIELDS if sharing is Sharing.PUBLIC else FIELDS


def row(finding: Finding, sharing: Sharing) -> dict[str, Any]:
    """What may be told of a finding; what is not known is None. Text is a stranger's, in one line."""
    public, located = sharing is Sharing.PUBLIC, finding.located
    known = record(replace(located, candidates=located.candidates[:1]))
    best = known["candidates"][0] if known["candidates"] else {}
    if finding.pin:  # the machine's figures are about the machine's place
        known |= dict.fromkeys(("probability", "not_in_index", "radius_50_m", "radius_90_m"))
    told = {
        "number": finding.number,
        "outcome": known["outcome"],
        "status": finding.status.value,
        **_place(finding, GRID_M if public else 0.0),
        "probability": known["probability"],
        "not_in_index": known["not_in_index"],
        "posted_at": _posted(finding, public),
        "posts": len(finding.posts),
        "copies": finding.copies,
        "method": PINNED if finding.pin else METHOD,
        **({} if public else _internal(finding, known, best)),
    }
    return {**dict.fromkeys(fields_for(sharing)), **told, "sharing": sharing.value}


def _posted(finding: Finding, public: bool) -> str | None:
    """When the earliest post was sent, to the hour for the public; Z only where it is known to be UTC."""
    first = finding.posts[0] if finding.posts else None
    if first is None or first.posted_at is None:
        return None
    posted = first.posted_at.replace(minute=0, second=0) if public else first.posted_at
    return f"{_time(posted)}{'' if first.local else 'Z'}"


def _place(finding: Finding, grid_m: float) -> dict[str, Any]:
    """The position in every notation, no finer than known; a pin that a person set has no known accuracy."""
    spot = finding.position
    if spot is None:
        return {}
    estimate = None if finding.pin else finding.located.estimate
    accuracy_m = estimate.radius_90_m if estimate else None
    lat, lon = round(spot.lat, 6), round(spot.lon, 6)
    if grid_m:  # setting it to a middle moves it by up to half a diagonal
        spot, accuracy_m = _snapped(spot, grid_m), max((accuracy_m or 0.0) + grid_m * 0.5**0.5, grid_m)
        lat, lon = round(spot.lat, 5), round(spot.lon, 5)
    elif estimate:
        known_m = min(estimate.radius_90_m, estimate.tolerance_m)
        lat, lon = (float(text) for text in decimal_degrees(spot, known_m))
    return {
        "lat": lat,
        "lon": lon,
        "accuracy_m": None if accuracy_m is None else round(accuracy_m),
        "usng": usng(spot, accuracy_m or _PINNED_M),
        "dmm": degrees_minutes(spot, accuracy_m or _PINNED_M),
    }


def _snapped(spot: LatLon, grid_m: float) -> LatLon:
    """The middle of the square of a fixed grid that holds the spot."""
    high = grid_m / _DEGREE_M
    lat = (math.floor(spot.lat / high) + 0.5) * high
    wide = high / max(math.cos(math.radians(lat)), 0.01)
    lon = (math.floor(spot.lon / wide) + 0.5) * wide
    return LatLon(max(-90.0, min(90.0, lat)), max(-180.0, min(180.0, lon)))


def _internal(finding: Finding, known: Record, best: Record) -> dict[str, Any]:
    posts, decision = finding.posts, finding.decision
    own = next((post for post in posts if post.geotag), None)
    machine = finding.located.place.position if finding.located.place and finding.pin else None
    return {
        "time_from": plain(posts[0].clock) or None if posts else None,
        "attention": plain(known["attention"]["provider"]),
        "waterline": known["attention"]["waterline"],
        "attention_reason": plain(known["attention"]["reason"]) or None,
        "verdict": best.get("verdict"),
        "photo": plain(finding.file),
        "sha256": finding.sha256,
        "reason": plain(known["reason"]),
        "narrowed_by": plain(finding.narrowed) or None,
        "radius_50_m": known["radius_50_m"],
        "radius_90_m": known["radius_90_m"],
        "machine_lat": round(machine.lat, 6) if machine else None,
        "machine_lon": round(machine.lon, 6) if machine else None,
        "best_match": plain(best.get("image", "")),
        "credit": plain(best.get("credit", "")),
        "licence": plain(best.get("licence", "")),
        "status_by": plain(decision.by) if decision else None,
        "status_at": f"{_time(decision.at)}Z" if decision else None,
        "note": plain(decision.note) if decision else None,
        "text": plain(next((post.text for post in posts if post.text), "")),
        "authors": _several(post.author for post in posts),
        "post_ids": _several(post.id for post in posts),
        "layouts": _several(post.layout for post in posts),
        **_witness("post", own.geotag if own else None),
        "post_place": _several(post.place for post in posts),
        **_witness("exif", finding.exif),
        "exif_taken_at": _time(finding.taken_at),
    }


def _witness(name: str, geotag: Geotag | None) -> dict[str, float | None]:
    """What speaks of the place besides the photo's look: shown beside it, never mixed in."""
    spot = geotag.position if geotag else None
    return {
        f"{name}_lat": round(spot.lat, 7) if spot else None,
        f"{name}_lon": round(spot.lon, 7) if spot else None,
    }


def _several(words: Any) -> str:
    known = list(dict.fromkeys(plain(word) for word in words if word))
    more = f" and {len(known) - _MAX_SHOWN} more" if len(known) > _MAX_SHOWN else ""
    return "; ".join(known[:_MAX_SHOWN]) + more


def _time(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def title(told: Row) -> str:
    """A finding in a few words, for lists and labels: "12 located 78 % candidate"."""
    if told["method"] == PINNED:
        return f"{told['number']} {PINNED} {told['status']}"
    share = told["probability"]
    sure = f" {percent(share)}" if isinstance(share, float) and told["lat"] is not None else ""
    return f"{told['number']} {told['outcome']}{sure} {told['status']}"


def picture(finding: Finding, longest: int) -> Image | None:
    """The photo, small; None when it cannot be read, or its file is not the one that was located."""
    path = finding.located.query.path
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PICTURE)
        same = hashlib.sha256(content).hexdigest() == finding.sha256
        return read_image(content, longest) if same else None
    except (OSError, UnreadableImageError):
        return None


_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(value: object) -> str:
    """A value as text that XML can carry."""
    return "" if value is None else _NO_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))
