"""The map for everybody: what `finding_row` leaves of each photo, and no picture, post, name or house."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from geoflood import __version__
from geoflood.core.datatypes import City
from geoflood.core.errors import UsageError
from geoflood.core.files import write_whole
from geoflood.outputs.chart import bounds, chart
from geoflood.outputs.page import Json, page
from geoflood.triage.export.finding_fields import PINNED, finding_row
from geoflood.triage.export.page_parts import PART, split
from geoflood.triage.export.redaction import GRID_M, Sharing
from geoflood.triage.export.triage_page import MAX_ITEMS, SCRIPTS
from geoflood.triage.findings import Finding, Status
from geoflood.triage.second_pass import waiting_text

__all__ = ["write_public"]

_ABOUT = (
    f"Positions are the middle of squares of {GRID_M:.0f} m, times are cut to the hour; photos, posts and "
    "people are left out. A candidate is a machine's proposal that nobody has confirmed."
)


def write_public(path: Path, findings: Iterable[Finding], sharing: Sharing) -> int:
    """Write the page, whole or not at all; returns how many photos it holds.

    Raises UsageError for an internal one, which is the triage map.
    """
    if sharing is Sharing.INTERNAL:
        raise UsageError("triage.html is the internal map already", "add --public for one without people")
    rows = [finding_row(finding, Sharing.PUBLIC) for finding in islice(findings, MAX_ITEMS)]
    items = [_item(row) for row in rows]
    parts = split(items, {})
    nothing = City("", 0, 0, "", np.empty((0, 2)))
    drawn = chart(nothing, [])
    data: Json = {
        "map": drawn.get_name(),
        "about": f"{_ABOUT} Made by geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d} UTC.",
        "sharing": sharing.value,
        "batch": "",
        "disagree_m": 0.0,
        "city": bounds(nothing),
        "limit": MAX_ITEMS if len(items) == MAX_ITEMS else None,
        "waiting": waiting_text(sum(row["provisional"] is not None for row in rows)),
        "part": PART,
        "items": parts.listed,
    }
    write_whole(
        path,
        page(
            drawn,
            "triage",
            {"data": data, **parts.first},
            scripts=SCRIPTS,
            room=__package__,
            clusters=True,
            later=parts.later,
        ),
    )
    return len(items)


def _item(row: Mapping[str, Any]) -> Json:
    """What the page shows of a photo, out of nothing but what may be told of it."""
    placed, posted = row["lat"] is not None, row["posted_at"]
    return {
        "n": row["number"],
        "sha256": f"public-{row['number']}",
        "file": "",
        "outcome": row["outcome"],
        "reason": "",
        "street": "",
        "gap": "",
        "urgency": 0.0,
        "calls": [],
        "narrowed": "",
        "at": [row["lat"], row["lon"]] if placed else None,
        "pinned": row["method"] == PINNED,
        "radius_m": row["accuracy_m"],
        "area": [],
        "probability": row["probability"] or 0.0,
        "belief": "",
        "coordinates": [row["usng"], row["dmm"]] if placed else [],
        "time": _seconds(posted),
        "local": posted is not None and not posted.endswith("Z"),
        "copies": row["copies"],
        "count": row["posts"],
        "posts": [],
        "witnesses": [],
        "decision": _decision(row["status"]),
        "photo": None,
        "attention": {"grid": None, "waterline": None},
        "matches": [],
    }


def _decision(status: str) -> Json | None:
    """That a person decided, and not who; a pin that was moved is where `finding_row` puts it."""
    if status == Status.CANDIDATE.value:
        return None
    return {"status": status, "by": "a person", "at": "", "lat": None, "lon": None, "note": ""}


def _seconds(hour: str | None) -> int | None:
    return None if hour is None else int(datetime.fromisoformat(hour).replace(tzinfo=UTC).timestamp())
