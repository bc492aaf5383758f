"""What a journal keeps of a geotag, read again, also when an older geoflood wrote it."""

from __future__ import annotations

from datetime import datetime

import pytest

from geoflood.core.datatypes import Geotag, LatLon
from geoflood.triage.codec import geotag_from, geotag_to

PLAIN = Geotag(LatLon(29.76, -95.37), "exif", 90.0, 5.0, datetime(2024, 5, 3, 14))
BEFORE = {
    "position": {"lat": 29.76, "lon": -95.37},
    "origin": "exif",
    "heading_deg": 90.0,
    "accuracy_m": 5.0,
    "taken_at": "2024-05-03T14:00:00",
}
"""As journals of 2026 hold it."""


@pytest.mark.parametrize(
    "geotag", [None, PLAIN, Geotag(LatLon(1, 2), "panoramax", pitch_deg=-3.5, roll_deg=0.0)]
)
def test_a_geotag_comes_back(geotag: Geotag | None) -> None:
    assert geotag_from(geotag_to(geotag)) == geotag


def test_a_geotag_of_an_older_journal_is_read_and_written_as_it_was() -> None:
    assert geotag_from(BEFORE) == PLAIN
    assert geotag_to(PLAIN) == BEFORE
