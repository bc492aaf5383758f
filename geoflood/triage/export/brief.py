"""A brief on paper: a cover with the map, then one page a confirmed place, for who goes there.

What a page tells comes out of `finding_row`, so that the rules of sharing hold here as elsewhere. A public
one has neither pictures nor posts, and maps that are wide beside its squares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TypeAlias

import segno

from geoflood import __version__
from geoflood.core.datatypes import Candidate, Image, LatLon, Reference
from geoflood.core.files import write_whole
from geoflood.core.geo import distance_m
from geoflood.core.images import UnreadableImageError, jpeg, read_image
from geoflood.outputs.fields import Row, Value
from geoflood.outputs.page import data_uri, still_page
from geoflood.outputs.paper_map import PaperMap, PaperPin, PaperWindow
from geoflood.outputs.pdf import is_pdf, write_pdf
from geoflood.outputs.wording import lines, percent, plain
from geoflood.places.naming import place_words
from geoflood.places.street_index import StreetIndex
from geoflood.places.street_map import StreetMap
from geoflood.triage.export.finding_fields import PINNED, finding_row
from geoflood.triage.export.photo_pixels import photo_pixels
from geoflood.triage.export.redaction import GRID_M, Sharing
from geoflood.triage.findings import Finding

__all__ = ["MOST_PLACES", "BriefFacts", "write_brief"]

Picture: TypeAlias = Callable[[Reference], Image | Path | None]

MOST_PLACES = 500
"""Pages of places in one brief: more are no brief, and a file of over 100 MB."""
PICTURE_PX = 900
MATCH_M = 50.0
"""A street image farther from a confirmed place does not show it: twice what counts as found."""
_TEXT, _LINES = 480, 10
"""Characters and lines of a post that a page has room for, in any script."""
_TITLE, _NOTE, _NAME = 100, 200, 80
"""Characters of a street, of a note or a credit, and of a name."""
_COVER_SHAPE, _COVER_M = 0.62, 600.0
_NO_PHOTO = "The photo's file is not there any more, or is not the one that was located."
_SHAPE, _WIDE_M = 0.72, 500.0
"""Of the map of one place: height by width, and metres across."""
_PUBLIC_M = 12.0 * GRID_M
"""Across maps for everybody: no street is named, and the square of a place is small."""


@dataclass(frozen=True, slots=True)
class BriefFacts:
    """What the brief says of the batch that its places are of."""

    city: str
    photos: int
    """Of the whole batch."""
    seal: str
    """The end of the journal that it was made from: "line 13, SHA-256:…"."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A place with what may be told of it."""

    finding: Finding
    row: Row
    spot: LatLon
    street: str

    @property
    def label(self) -> str:
        return str(self.finding.number)


def write_brief(
    path: Path,
    findings: Sequence[Finding],
    facts: BriefFacts,
    sharing: Sharing,
    streets: StreetMap | None = None,
    view: Picture = lambda reference: None,
) -> int:
    """Write the brief of confirmed findings, as HTML to print or as PDF; returns how many places it holds.

    A finding without a place has no page, nor have those beyond MOST_PLACES. `view` gives the picture of a
    street image, or raises UnreadableImageError. Raises ExtraMissingError for a PDF without WeasyPrint.
    """
    named = StreetIndex(streets) if streets and sharing is Sharing.INTERNAL else None
    sheets = [sheet for one in findings if (sheet := _sheet(one, sharing, named))][:MOST_PLACES]
    paper = PaperMap(streets)
    pages = [_cover(sheets, facts, sharing, paper, streets.credit if streets else "")]
    pages += [_page(sheet, facts, sharing, paper, view) for sheet in sheets]
    page = still_page("brief", "\n".join(pages), __package__, ("paper_map",), f"Flood places: {facts.city}")
    (write_pdf if is_pdf(path) else write_whole)(path, page)
    return len(sheets)


def _sheet(finding: Finding, sharing: Sharing, named: StreetIndex | None) -> _Sheet | None:
    row = finding_row(finding, sharing)
    lat, lon = row["lat"], row["lon"]
    if not isinstance(lat, float) or not isinstance(lon, float):
        return None
    spot = LatLon(lat, lon)
    street = str(row.get("street") or "") or (place_words(named, spot) if named else "")
    return _Sheet(finding, row, spot, street)


def _cover(
    sheets: Sequence[_Sheet], facts: BriefFacts, sharing: Sharing, paper: PaperMap, credit: str
) -> str:
    """The map of all places, and a line each."""
    drawn = ""
    if sheets:
        least_m = _COVER_M if sharing is Sharing.INTERNAL else _PUBLIC_M
        window = PaperWindow.of([sheet.spot for sheet in sheets], _COVER_SHAPE, least_m)
        drawn = paper.svg(window, [PaperPin(sheet.label, sheet.spot) for sheet in sheets])
    rows = "".join(
        f'<tr><td class="short">{sheet.label}</td><td dir=auto>{_text(sheet.street, _TITLE) or "–"}</td>'
        f'<td class="grid">{_text(sheet.row["usng"])}</td>'
        f'<td class="grid">{sheet.row["lat"]}, {sheet.row["lon"]}</td>'
        f'<td class="short">{_when(sheet.row["posted_at"])}</td></tr>'
        for sheet in sheets
    )
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    counts = f"{len(sheets):,} confirmed places of {facts.photos:,} photos"
    return (
        f'<section class="cover"><header><h1>Confirmed flood places: {_text(facts.city)}</h1>'
        f"<p>{counts}. Made {made} by geoflood {__version__}. {_sharing(sharing)}</p></header>"
        f"{drawn}{_credit(credit)}"
        "<table><thead><tr><th class=short>No.</th>"
        "<th>Street</th><th>USNG</th><th class=short>Latitude, longitude</th>"
        f"<th>Posted</th></tr></thead><tbody>{rows}</tbody></table>{_seal(facts, sharing)}</section>"
    )


def _page(sheet: _Sheet, facts: BriefFacts, sharing: Sharing, paper: PaperMap, view: Picture) -> str:
    row, internal = sheet.row, sharing is Sharing.INTERNAL
    wide_m = max(_WIDE_M, 2.5 * float(row["accuracy_m"] or 0.0)) if internal else _PUBLIC_M
    window = PaperWindow.of([sheet.spot], _SHAPE, wide_m)
    ground = f"<figure>{paper.svg(window, [PaperPin(sheet.label, sheet.spot)])}</figure>"
    nameless = "Place without a street name" if internal else "Confirmed place"
    pictures = f'<div class="pair">{_photo(sheet.finding)}{_match(sheet, view)}</div>' if internal else ""
    post = _post(sheet.finding) if internal else ""
    return (
        f'<section class="place"><header><b class="number">{sheet.label}</b>'
        f"<h2 dir=auto>{_text(sheet.street, _TITLE) or nameless}</h2></header>"
        f'<div class="where"><dl>{_facts(row)}</dl>{_code(sheet)}</div>'
        f'{pictures}<div class="pair">{ground}{post}</div>'
        f"<footer>{_file(row)}{_sharing(sharing)}{_seal(facts, sharing)}</footer></section>"
    )


def _facts(row: Row) -> str:
    """What is said of the place, a line each."""
    told: list[tuple[str, str]] = [
        ("Latitude, longitude", f"{row['lat']}, {row['lon']}"),
        ("USNG", str(row["usng"])),
        ("Degrees, minutes", str(row["dmm"])),
        ("How exact", _accuracy(row)),
        ("Posted", _when(row["posted_at"])),
        ("Taken, by EXIF", str(row.get("exif_taken_at") or "").replace("T", " ")),
        ("Confirmed", _signed(row)),
        ("Note", str(row.get("note") or "")),
    ]
    shown = ((name, _text(words, _NOTE)) for name, words in told if words)
    return "".join(f"<dt>{name}</dt><dd dir=auto>{words}</dd>" for name, words in shown)


def _accuracy(row: Row) -> str:
    if row["method"] == PINNED:
        return "placed on the map by a person"
    within = f"within {row['accuracy_m']:,} m with 90 %"
    share = row["probability"]
    sure = f"; within 25 m with {percent(share)}" if isinstance(share, float) else ""
    return within if row["sharing"] == Sharing.PUBLIC.value else within + sure


def _signed(row: Row) -> str:
    if "status_by" not in row:
        return "by a person"
    return f"by {str(row['status_by'] or 'nobody named')[:_NAME]}, {_when(row['status_at'])}"


def _code(sheet: _Sheet) -> str:
    """A link that phones open in their map, as a square of dots that half can be torn off."""
    link = f"geo:{sheet.row['lat']},{sheet.row['lon']}"
    dots = segno.make(link, error="q", micro=False).svg_inline(border=4, omitsize=True)
    return f'<figure class="code">{dots}<figcaption>{link}</figcaption></figure>'


def _photo(finding: Finding) -> str:
    pixels = photo_pixels(finding, PICTURE_PX)
    if pixels is None:
        return f"<figure><p>{_NO_PHOTO}</p></figure>"
    return _figure(pixels, "Photo of the post")


def _match(sheet: _Sheet, view: Picture) -> str:
    """The street image that fits best, of those near the place."""
    near = next((one for one in sheet.finding.located.candidates if _shows(one, sheet.spot)), None)
    pixels = None if near is None else _view(near, view)
    if near is None or pixels is None:
        return f"<figure><p>No street image within {MATCH_M:.0f} m of this place is at hand.</p></figure>"
    reference = near.reference
    credit = " · ".join(filter(None, (plain(reference.credit), plain(reference.licence))))
    return _figure(pixels, f"Street image that fits; {credit or 'credit unknown'}")


def _shows(candidate: Candidate, spot: LatLon) -> bool:
    there = candidate.reference.position
    return bool(distance_m((there.lat, there.lon), (spot.lat, spot.lon)) <= MATCH_M)


def _view(candidate: Candidate, view: Picture) -> Image | None:
    try:
        found = view(candidate.reference)
        return read_image(found, PICTURE_PX) if isinstance(found, Path) else found
    except UnreadableImageError:
        return None


def _figure(pixels: Image, caption: str) -> str:
    source = data_uri("image/jpeg", jpeg(pixels, PICTURE_PX, quality=75))
    words = f"<figcaption dir=auto>{_text(caption, _NOTE)}</figcaption>"
    return f'<figure><img alt="" src="{source}">{words}</figure>'


def _post(finding: Finding) -> str:
    """The earliest post that has words, as far as there is room; how many more there are."""
    if not finding.posts:
        return '<div class="post"><p>No post is known of this photo.</p></div>'
    post = next((one for one in finding.posts if one.text), finding.posts[0])
    more = len(finding.posts) - 1
    others = f"<p>{more:,} more posts show it.</p>" if more else ""
    by = f"<p dir=auto><b>{_text(post.author, _NAME) or 'author unknown'}</b></p>"
    return f'<div class="post">{by}<blockquote dir=auto>{_words(post.text)}</blockquote>{others}</div>'


def _words(text: str) -> str:
    """A stranger's text in the lines that it has; where it is cut, that is said."""
    rows = lines(text[:_TEXT]).split("\n")
    cut = len(text) > _TEXT or len(rows) > _LINES
    shown = "<br>".join(map(_text, rows[:_LINES]))
    return f"{shown} <i>… cut: the results have it whole</i>" if cut else shown


def _file(row: Row) -> str:
    if "sha256" not in row:
        return ""
    return f"<p>{_text(str(row['photo'])[-120:])}<br>SHA-256:{row['sha256']}</p>"


def _seal(facts: BriefFacts, sharing: Sharing) -> str:
    return f"<p>Journal: {_text(facts.seal)}</p>" if sharing is Sharing.INTERNAL else ""


def _sharing(sharing: Sharing) -> str:
    if sharing is Sharing.INTERNAL:
        return '<strong class="sharing">INTERNAL: holds persons’ posts and pictures.</strong>'
    words = f"Public: positions are the middle of squares of {GRID_M:.0f} m, times are cut to the hour."
    return f'<strong class="sharing">{words}</strong>'


def _credit(credit: str) -> str:
    return f'<p class="credit">Map: {_text(credit)}</p>' if credit else ""


def _when(told: Value) -> str:
    """ "2021-07-14 18:03 UTC": a time of a row for people."""
    if not told:
        return ""
    zone = " UTC" if str(told).endswith("Z") else " local, zone unknown"
    return f"{str(told)[:16].replace('T', ' ')}{zone}"


def _text(value: Value, most: int = 1_000) -> str:
    """A value as text that no page takes for markup, of so many characters at most."""
    text = plain(str(value or ""))
    return escape(text if len(text) <= most else f"{text[: most - 1]}…")
