"""The triage map: thousands of photos in one page that works offline, to be gone through and decided on.

triage.html, triage.css and triage.js beside this file show a line a photo in a list, clusters on the map, the
photo beside its match. The page only reads; decisions leave it as a file that `geoflood review` merges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from geoflood import __version__
from geoflood.files import write_whole
from geoflood.finding import Finding, Post
from geoflood.geo import degrees_minutes, usng
from geoflood.terms import City, Geotag, Image, LatLon, Located, Reference
from geoflood.writers.page import Json, bounds, chart, page
from geoflood.writers.panel import about
from geoflood.writers.thumbnails import Thumbnails, pictures_of
from geoflood.writers.wording import decimal_degrees, plain

__all__ = ["BUDGET", "MAX_ITEMS", "Triage", "write_triage"]

View: TypeAlias = Callable[[Reference], Image | Path | None]
"""Where the picture of a reference comes from; None when it is not at hand. Asked by several threads."""

MAX_ITEMS = 20_000
"""Photos in one page; what comes after is in the table."""
BUDGET = 24_000_000
"""Bytes of pictures inside the page, as base64; those of later photos lie in the folder beside it."""
POSTS = 5
"""Posts of a photo that are shown."""
TEXT = 500
"""Characters of a post that are shown."""


class Triage:
    """The page in the making, a context manager: photos are added, others make their pictures meanwhile."""

    def __init__(self, path: Path, view: View = lambda reference: None, budget: int = BUDGET) -> None:
        self._path, self._view = path, view
        self._items: list[Json] = []
        self._thumbnails = Thumbnails(pictures_of(path), budget)

    def __enter__(self) -> Triage:
        return self

    def __exit__(self, *raised: object) -> None:
        self._thumbnails.__exit__(*raised)

    def add(self, finding: Finding) -> None:
        """The next photo; none beyond MAX_ITEMS."""
        if len(self._items) < MAX_ITEMS:
            self._items.append(_item(finding, self._thumbnails, self._view))

    def write(self, city: City, basemap: Mapping[str, Any] | None = None) -> None:
        """Write the page, whole or not at all; its pictures lie in a folder beside it named after it."""
        for item in self._items:
            item |= {kind: item[kind] and self._thumbnails.of(item[kind]) for kind in ("photo", "match")}
        drawn = chart(city, [], basemap, None)
        made = f"Made by geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
        data: Json = {
            "map": drawn.get_name(),
            "about": f"{about(city)}. {made}",
            "sharing": "internal",
            "city": bounds(city),
            "limit": MAX_ITEMS if len(self._items) == MAX_ITEMS else None,
            "items": self._items,
        }
        blocks = {"data": data, "pictures": self._thumbnails.inside}
        write_whole(self._path, page(drawn, "triage", blocks, ("data:", "file:", "'self'")))


def write_triage(
    path: Path,
    findings: Iterable[Finding],
    city: City,
    basemap: Mapping[str, Any] | None = None,
    view: View = lambda reference: None,
    budget: int = BUDGET,
) -> None:
    """Write the page of all findings, the first MAX_ITEMS of them."""
    with Triage(path, view, budget) as triage:
        for finding in islice(findings, MAX_ITEMS):
            triage.add(finding)
        triage.write(city, basemap)


def _item(finding: Finding, thumbnails: Thumbnails, view: View) -> Json:
    """All that the page shows of a photo; every word of it in one line that misleads no eye."""
    located, estimate = finding.located, finding.located.estimate
    place = located.place
    best = located.candidates[0] if located.candidates else None
    spot = place.position if place else None
    return {
        "n": finding.number,
        "sha256": finding.sha256,
        "file": plain(finding.file),
        "outcome": located.outcome.value,
        "reason": plain(located.reason),
        "narrowed": plain(finding.narrowed),
        "at": None if spot is None else [spot.lat, spot.lon],
        "radius_m": round(place.radius_90_m) if place else None,
        "probability": round(estimate.probability, 3) if estimate else 0.0,
        "coordinates": _coordinates(spot, min(place.radius_90_m, place.tolerance_m))
        if spot and place
        else [],
        "time": _seconds(finding),
        "copies": finding.copies,
        "count": len(finding.posts),
        "posts": [_post(post) for post in finding.posts[:POSTS]],
        "witnesses": _witnesses(finding),
        "decision": _decided(finding),
        "photo": thumbnails.want(finding.sha256, lambda: located.query.path),
        "match": best and thumbnails.want(_view_name(best.reference), lambda: view(best.reference)),
        "credit": best and f"{plain(best.reference.credit)} · {plain(best.reference.licence)}",
        "similarity": best and round(best.similarity, 3),
    }


def _coordinates(spot: LatLon, known_m: float) -> list[str]:
    return [usng(spot, known_m), ", ".join(decimal_degrees(spot, known_m)), degrees_minutes(spot, known_m)]


def _seconds(finding: Finding) -> int | None:
    """Of the earliest post since 1970, as the time slider counts."""
    posted = finding.posts[0].posted_at if finding.posts else None
    return None if posted is None else int(posted.replace(tzinfo=UTC).timestamp())


def _post(post: Post) -> Json:
    return {
        "text": plain(post.text[:TEXT]),
        "author": plain(post.author),
        "id": plain(post.id),
        "at": f"{post.posted_at:%Y-%m-%d %H:%M}" if post.posted_at else "",
        "layout": plain(post.layout),
    }


def _witnesses(finding: Finding) -> list[list[str]]:
    """What else speaks of the place, each by itself."""
    taken = f"{finding.taken_at:%Y-%m-%d %H:%M}" if finding.taken_at else ""
    told = [("EXIF of the photo", _where(finding.exif)), ("EXIF's time", taken), *_looked(finding.located)]
    for post in finding.posts:
        told += [("the post's own position", _where(post.geotag)), ("the post's place", plain(post.place))]
        told += [(f"time from {post.clock}", f"{post.posted_at:%Y-%m-%d %H:%M}")] if post.clock else []
    return [list(one) for one in dict.fromkeys(told) if one[1]][: 2 * POSTS + 3]


def _looked(located: Located) -> Iterator[tuple[str, str]]:
    """What a model, or an analyst, said of the photo, and of its first match."""
    seen, best = located.attention, located.candidates[:1]
    if seen is not None and seen.provider != "none":
        line = "" if seen.waterline is None else f"water over the lower {seen.waterline:.0%}; "
        yield f"attention, {plain(seen.provider)}", plain((line + "; ".join(seen.reasons))[:TEXT])
    if best and best[0].verdict:
        yield "the model on the match", plain(f"{best[0].verdict}: {best[0].verdict_reason}")


def _where(geotag: Geotag | None) -> str:
    return f"{geotag.position.lat:.5f}, {geotag.position.lon:.5f}" if geotag else ""


def _decided(finding: Finding) -> Json | None:
    made = finding.decision
    if made is None:
        return None
    spot = made.position
    return {
        "status": made.status.value,
        "by": plain(made.by),
        "at": f"{made.at.isoformat(timespec='seconds')}Z",
        "lat": spot.lat if spot else None,
        "lon": spot.lon if spot else None,
        "note": plain(made.note),
    }


def _view_name(reference: Reference) -> str:
    return f"view-{reference.id}"
