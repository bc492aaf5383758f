"""The brief: a page a confirmed place, for paper; hostile text in it; nothing of a person in a public one."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from geoflood.core.datatypes import Image, LatLon, Reference
from geoflood.core.images import UnreadableImageError, jpeg
from geoflood.triage.export import brief
from geoflood.triage.export.brief import BriefFacts, write_brief
from geoflood.triage.export.redaction import GRID_M, Sharing, snapped
from geoflood.triage.findings import Decision, Finding, Post, Status
from tests.support.browser import CHROMIUM, HOSTILE, Links, needs_browser, open_page, page_data
from tests.support.pdf import needs_pango, streams
from tests.support.street_maps import ORIGIN, street_map
from tests.support.triage_results import any_picture
from tests.support.triage_results import finding as found

FACTS = BriefFacts("rivertown", 9, "line 7, SHA-256:abc")
AT = datetime(2021, 7, 15, 8, 30)


def confirmed(number: int, text: str = "s3cret", pin: LatLon | None = None) -> Finding:
    return replace(found(number, text), decision=Decision(Status.CONFIRMED, text, AT, pin, text))


def written(tmp_path: Path, *findings: Finding, sharing: Sharing = Sharing.INTERNAL) -> str:
    path = tmp_path / "brief.html"
    assert write_brief(path, findings, FACTS, sharing, street_map(), any_picture) == len(findings)
    return path.read_text("utf-8")


class Words(HTMLParser):
    """What a page says, without its tags and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.feed(re.sub("<style>.*?</style>", "", page, flags=re.DOTALL))

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_a_page_a_place_with_all_that_is_needed_there(tmp_path: Path) -> None:
    page = written(tmp_path, confirmed(1), confirmed(2, "Mill Lane"))
    assert page.count('<section class="place">') == 2
    words = " ".join(Words(page).said)
    one = found(1).located.estimate
    assert one
    for expected in (
        "2 confirmed places of 9 photos",
        "line 7, SHA-256:abc",
        "INTERNAL",
        f"{one.position.lat:.4f}, {one.position.lon:.4f}",
        "15R TN",
        "29-4",
        "2021-07-14 01:00 UTC",
        "by Mill Lane, 2021-07-15 08:30 UTC",
        f"SHA-256:{1:064x}",
        "not the one that was located",
    ):
        assert expected in words
    assert page.count("data:image/jpeg") == 2, "the street images; the photos' files are not there"


def dots(page: str) -> Image:
    """The first code of a page as pixels: segno draws it in strokes from left to right."""
    path = re.search(r'<path class="qrline" stroke="#000" d="([^"]+)"', page)
    assert path
    drawn, x, y = np.full((60, 60), 255, np.uint8), 0.0, 0.0
    for step, across, down in re.findall(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", path[1]):
        if step == "h":
            drawn[int(y), int(x) : int(x + float(across))] = 0
            x += float(across)
        else:
            x, y = (float(across), float(down)) if step == "M" else (x + float(across), y + float(down))
    return np.kron(drawn, np.ones((8, 8), np.uint8))


def test_the_code_leads_to_the_place_that_is_printed(tmp_path: Path) -> None:
    page = written(tmp_path, confirmed(1))
    link, _, _ = cv2.QRCodeDetector().detectAndDecode(dots(page))
    assert re.fullmatch(r"geo:29\.\d{4,},-95\.\d{4,}", link)
    assert link.removeprefix("geo:").replace(",", ", ") in " ".join(Words(page).said)


def test_the_photo_is_shown_as_it_was_located_only(tmp_path: Path) -> None:
    one, photo = confirmed(1), tmp_path / "a.jpg"
    photo.write_bytes(jpeg(np.full((60, 80, 3), 90, np.uint8)))
    query = replace(one.located.query, path=photo)
    other = replace(one, located=replace(one.located, query=query))
    assert written(tmp_path, other).count("data:image/jpeg") == 1
    import hashlib

    same = replace(other, sha256=hashlib.sha256(photo.read_bytes()).hexdigest())
    assert written(tmp_path, same).count("data:image/jpeg") == 2


def test_of_a_persons_place_the_machine_says_nothing(tmp_path: Path) -> None:
    page = " ".join(Words(written(tmp_path, confirmed(1, pin=ORIGIN))).said)
    assert "placed on the map by a person" in page
    assert "52.2, 0.12" in page
    assert "Market Hill, near Petty Cury" in page, "the street is that of the pin"
    assert "No street image within 50 m" in page, "the machine's match is in another place"
    assert "with 90 %" not in page


def test_a_street_image_that_is_gone_is_said(tmp_path: Path) -> None:
    def gone(reference: Reference) -> Image:
        raise UnreadableImageError("a.jpg", "gone")

    path = tmp_path / "x.html"
    write_brief(path, [confirmed(1)], FACTS, Sharing.INTERNAL, None, gone)
    assert "No street image within 50 m" in path.read_text("utf-8")


def test_a_public_brief_leads_to_no_person(tmp_path: Path) -> None:
    page = written(tmp_path, confirmed(1), confirmed(2), sharing=Sharing.PUBLIC)
    one = found(1)
    assert one.position
    assert "s3cret" not in page
    assert "<img" not in page
    assert one.sha256 not in page
    assert f"{one.position.lat:.4f}, {one.position.lon:.4f}" not in page
    middle = snapped(one.position, GRID_M)
    assert f"{round(middle.lat, 5)}, {round(middle.lon, 5)}" in page
    assert "2021-07-15" not in page, "when a person decided"
    assert "abc" not in page
    assert "within 2" in page
    assert "Market Hill" not in page
    assert "Public: positions are the middle of squares" in page


def test_what_is_cut_is_said_to_be(tmp_path: Path) -> None:
    one = confirmed(1)
    long = replace(one, posts=(Post("x", "1", "w" * 5_000, "a"), Post("x", "2", "\n" * 5_000, "b")))
    page = written(tmp_path, long)
    assert "cut: the results have it whole" in page
    assert "1 more posts show it" in page
    assert "w" * 500 not in page
    short = written(tmp_path, replace(one, posts=(Post("x", "1", "w" * 400, "a"),)))
    assert "cut:" not in short
    assert "w" * 400 in short


def test_places_beyond_the_most_are_not_in_it_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brief, "MOST_PLACES", 2)
    count = write_brief(tmp_path / "x.html", [confirmed(n) for n in range(1, 5)], FACTS, Sharing.INTERNAL)
    assert count == 2


@pytest.mark.parametrize("sharing", Sharing)
def test_foreign_text_is_no_markup(tmp_path: Path, sharing: Sharing) -> None:
    page = written(tmp_path, confirmed(1, HOSTILE), sharing=sharing)
    links = Links(page)
    assert "script" not in links.tags
    assert links.tags.count("img") == (1 if sharing is Sharing.INTERNAL else 0)
    assert not any(name.startswith("on") for name in links.attributes)
    assert all(link.startswith("data:image/jpeg;base64,") for link in links.found)
    assert "\u202e" not in page
    assert "script-src 'none'" in page


@needs_browser
def test_a_browser_runs_nothing_of_it_and_prints_a_page_a_place(tmp_path: Path) -> None:
    many = [confirmed(n, HOSTILE) for n in (1, 2)] + [confirmed(3, "水" * 900)]
    page = written(tmp_path, *many)
    assert page_data(open_page(tmp_path / "brief.html", tmp_path / "profile"), "canary") is None
    assert CHROMIUM
    for size in ("A4", "Letter"):
        sized = tmp_path / f"{size}.html"
        sized.write_text(page.replace("@page {", f"@page {{ size: {size};"), "utf-8")
        flags = ["headless", "no-sandbox", "disable-gpu", "no-first-run", "no-pdf-header-footer"]
        command = [CHROMIUM, *(f"--{flag}" for flag in flags), f"--user-data-dir={tmp_path / 'profile'}"]
        subprocess.run(
            [*command, f"--print-to-pdf={tmp_path / size}.pdf", sized.as_uri()],
            check=True,
            capture_output=True,
        )
        pages = re.findall(rb"/Type\s*/Page\b(?!s)", (tmp_path / f"{size}.pdf").read_bytes())
        assert len(pages) == 1 + len(many), size


@needs_pango
@pytest.mark.parametrize("sharing", list(Sharing))
def test_as_pdf_it_has_a_page_a_place(tmp_path: Path, sharing: Sharing) -> None:
    many = [confirmed(n, "Water at the door, please help") for n in (1, 2)]
    assert write_brief(tmp_path / "b.pdf", many, FACTS, sharing, street_map(), any_picture) == 2
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", streams(tmp_path / "b.pdf"))) == 3
