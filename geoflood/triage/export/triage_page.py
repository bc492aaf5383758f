"""The triage map: thousands of photos in one page that works offline, to be gone through and decided on.

triage.html, triage.css and the scripts beside this file show a line a photo in a list, pins and clusters on
the map, the photo beside its match. The page only reads; decisions leave it as a file that `geoflood review`
merges.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from geoflood import __version__
from geoflood.core.datatypes import City
from geoflood.core.files import write_whole
from geoflood.outputs.chart import bounds, chart
from geoflood.outputs.ground import draw_ground
from geoflood.outputs.page import Json, page
from geoflood.outputs.panel import about, street_credit
from geoflood.outputs.wording import plain
from geoflood.places.street_map import StreetMap
from geoflood.triage.export.page_parts import PART, queued, split
from geoflood.triage.export.thumbnails import LARGE_BYTES, Thumbnails, pictures_of
from geoflood.triage.export.triage_items import (
    BOXES,
    COMPARED,
    DISAGREE_M,
    FOUND,
    POSTS,
    TEXT,
    NamePlaces,
    View,
    triage_item,
)
from geoflood.triage.findings import Finding

__all__ = ["BUDGET", "MAX_ITEMS", "MOST_LARGE", "SCRIPTS", "TriagePage", "write_triage"]

MAX_ITEMS = 20_000
"""Photos in one page; what comes after is in the table."""
BUDGET = 24_000_000
"""Bytes of pictures inside the page, as base64; those late in the queue lie in the folder beside it."""
MOST_COMPARED = 100
"""Likely or uncertain photos whose other matches have pictures too: cutting each out takes time."""
MOST_LARGE = 500
"""Photos that were found, of which the larger pictures lie beside the page, to be compared."""
SCRIPTS = ("compare", "grid", "triage_parts", "triage_decisions", "triage_map", "triage_photo", "triage")
"""In the order in which they need each other."""


class TriagePage:
    """The page in the making, a context manager: photos are added, others make their pictures meanwhile.

    `named` finds the places that a text names.
    """

    def __init__(
        self,
        path: Path,
        view: View = lambda reference: None,
        budget: int = BUDGET,
        named: NamePlaces = lambda text: (),
    ) -> None:
        self._path, self._view, self._budget, self._named = path, view, budget, named
        self._items: list[Json] = []
        self._street_credit = ""
        self._compared = self._found = 0
        self._thumbnails = Thumbnails(pictures_of(path), budget)

    def __enter__(self) -> TriagePage:
        return self

    def __exit__(self, *raised: object) -> None:
        self._thumbnails.__exit__(*raised)

    def add(self, finding: Finding) -> None:
        """The next photo; none beyond MAX_ITEMS."""
        if len(self._items) < MAX_ITEMS:
            self._street_credit = self._street_credit or _street_credit(finding)
            self._compared += finding.located.outcome in COMPARED
            self._found += finding.located.outcome in FOUND
            self._items.append(
                triage_item(
                    finding,
                    self._thumbnails,
                    self._view,
                    self._compared <= MOST_COMPARED,
                    self._named,
                    large=finding.located.outcome in FOUND and self._found <= MOST_LARGE,
                )
            )

    def write(self, city: City, batch: str, streets: StreetMap | None = None, waiting: str = "") -> None:
        """Write the page, whole or not at all; its pictures lie in a folder beside it named after it.

        `batch` is what the browser keeps unsaved decisions under: the same for every page of one batch.
        `waiting` says what is still to be done.
        """
        items = queued(self._items)
        self._place_pictures(items)
        parts = split(items, self._thumbnails.inside)
        drawn = chart(city, [])
        ground = None if streets is None else draw_ground(streets, city.coverage)
        made = f"Made by geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
        credits = f"{self._street_credit}{ground.left_out if ground else ''}"
        data: Json = {
            "map": drawn.get_name(),
            "about": f"{about(city)}. {self._limits()} {credits}{made}",
            "sharing": "internal",
            "batch": batch,
            "large": pictures_of(self._path).name,
            "city": bounds(city),
            "disagree_m": DISAGREE_M,
            "limit": MAX_ITEMS if len(self._items) == MAX_ITEMS else None,
            "waiting": waiting,
            "part": PART,
            "items": parts.listed,
        }
        write_whole(
            self._path,
            page(
                drawn,
                "triage",
                {"data": data, **parts.first},
                ("data:", "file:", "'self'"),
                SCRIPTS,
                __package__,
                clusters=True,
                ground=ground,
                later=parts.later,
            ),
        )

    def _place_pictures(self, items: Sequence[Json]) -> None:
        """The first photos' go inside, each with its first match; then those of other matches."""
        source = self._thumbnails.source
        for item in items:
            item["photo"] = source(item["photo"])
            for match in item["matches"][:1]:
                match["picture"] = source(match["picture"])
        for item in items:
            for match in item["matches"][1:]:
                match["picture"] = match["picture"] and source(match["picture"])

    def _limits(self) -> str:
        """What the page leaves out or keeps elsewhere, in words."""
        inside, beside, room = len(self._thumbnails.inside), self._thumbnails.beside, self._budget / 1e6
        name = pictures_of(self._path).name
        folder = f"; {beside:,} more in the folder {name}, to be passed on with it"
        return (
            f"Pictures in this file: {inside:,}, {room:.0f} MB at most{folder if beside else ''}. "
            f"Larger ones to compare: {self._thumbnails.large:,} in the folder {name}, of the first "
            f"{MOST_LARGE} found photos and their matches, {LARGE_BYTES // 1000} kB each at most. "
            f"Shown and searched are {POSTS} posts a photo and {TEXT} characters of each, no more. "
            f"A search area is drawn around at most {BOXES} boxes, so rather too large than too small."
        )


def _street_credit(finding: Finding) -> str:
    """Whose the names are that are shown of a finding: of its streets, or in its posts."""
    named = next((word.credit for post in finding.posts for word in post.words if word.credit), "")
    return street_credit([finding.located]) or (named and f"Names of places: {plain(named)}. ")


def write_triage(
    path: Path,
    findings: Iterable[Finding],
    city: City,
    batch: str,
    streets: StreetMap | None = None,
    view: View = lambda reference: None,
    budget: int = BUDGET,
) -> None:
    """Write the page of all findings, the first MAX_ITEMS of them."""
    with TriagePage(path, view, budget) as triage:
        for finding in islice(findings, MAX_ITEMS):
            triage.add(finding)
        triage.write(city, batch, streets)
