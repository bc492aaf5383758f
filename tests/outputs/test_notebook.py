"""A located photo in a notebook: what it shows, and that foreign text does nothing there."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest

import geoflood
from geoflood.core import notebook_hook
from geoflood.core.datatypes import (
    AttentionMap,
    Candidate,
    Cell,
    Estimate,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    StreetWords,
)
from geoflood.core.images import jpeg, read_image
from geoflood.outputs.notebook import PICTURE_PX, notebook_html
from tests.support.browser import HOSTILE, Links

SPOT = LatLon(29.76, -95.37)
TAGS = {"div", "b", "i", "br", "small", "table", "tr", "th", "td", "img"}


def located(folder: Path, text: str, outcome: Outcome = Outcome.LOCATED, name: str = "flood.jpg") -> Located:
    """A photo whose post, reason, match and model say `text`."""
    street = Reference(0, "k", SPOT, str(folder / "street.jpg"), credit=text, licence=text)
    match = Candidate(street, 0.8, None, text, text, street=text)
    estimate = Estimate(SPOT, 0.7, 9.0, 30.0, (Cell(SPOT, 10.0, 0.9),), 0.1)
    attention = AttentionMap(np.ones((1, 1), np.float32), 0.4, text, (text,))
    reason = Reason.recorded(text)
    words = StreetWords(text, ((text, 0.9),), text, text)
    return Located(Query(folder / name), outcome, reason, (match,), estimate, attention, streets=words)


@pytest.fixture
def photo(tmp_path: Path) -> Located:
    """A photo and its best match, both pictures on disk."""
    for name in ("flood.jpg", "street.jpg"):
        (tmp_path / name).write_bytes(jpeg(np.full((600, 800, 3), 90, np.uint8)))
    return located(tmp_path, "A. Mapper")


def pictures(html: str) -> list[bytes]:
    return [base64.b64decode(data) for data in re.findall(r"data:image/jpeg;base64,([^\"]*)", html)]


def test_it_shows_verdict_pictures_and_coordinates(photo: Located) -> None:
    html = notebook_html(photo).replace("\u00a0", " ")
    for text in ("LOCATED — 70 % within 25 m", "Photo flood.jpg", "Image: A. Mapper", "29.7600, -95.3700"):
        assert text in html
    assert [read_image(picture).shape for picture in pictures(html)] == [(240, PICTURE_PX, 3)] * 2
    assert len(html) < 100_000


def test_pictures_that_are_gone_are_said(photo: Located, tmp_path: Path) -> None:
    for path in tmp_path.iterdir():
        path.unlink()
    html = notebook_html(photo)
    assert html.count("picture not at hand: no such file") == 2
    assert pictures(html) == []


@pytest.mark.parametrize("outcome", Outcome)
def test_hostile_text_is_only_text(tmp_path: Path, outcome: Outcome) -> None:
    name = HOSTILE.replace("/", "\u2215")[:200]
    html = notebook_html(located(tmp_path, HOSTILE, outcome, name))
    links = Links(html)
    assert set(links.tags) <= TAGS
    assert set(links.attributes) <= {"style", "src", "alt"}
    assert links.found == [], "no picture is there, so nothing is loaded"
    assert "&lt;script&gt;" in html
    assert "\u202e" not in html
    assert "\x00" not in html


def test_a_photo_that_could_not_be_read_has_no_places(tmp_path: Path) -> None:
    whole = located(tmp_path, "truncated", Outcome.FAILED)
    html = notebook_html(Located(whole.query, whole.outcome, whole.reason))
    assert "FAILED — truncated" in html
    assert "<table>" not in html
    assert "Best match" not in html


def test_the_public_type_shows_itself(photo: Located) -> None:
    assert geoflood.Located is Located
    assert photo._repr_html_() == notebook_html(photo)


def test_without_a_renderer_a_notebook_shows_the_text(
    monkeypatch: pytest.MonkeyPatch, photo: Located
) -> None:
    monkeypatch.setattr(notebook_hook, "_renderers", [])
    assert photo._repr_html_() is None
