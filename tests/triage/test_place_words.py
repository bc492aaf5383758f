"""Places that posts name in words: a witness beside the picture, private, and what --use-words does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from geoflood.core.datatypes import AttentionMap, Bounds, Geotag, LatLon, Outcome
from geoflood.core.geo import distance_m, from_local
from geoflood.places.street_map import LineKind, StreetMap
from geoflood.triage.export.finding_fields import finding_row
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.export.thumbnails import Thumbnails
from geoflood.triage.export.triage_items import triage_item
from geoflood.triage.export.triage_page import write_triage
from geoflood.triage.findings import Finding, NamedPlace, Post
from geoflood.triage.journal import read_journal
from geoflood.triage.narrowing import Narrowing
from geoflood.triage.options import BatchOptions
from geoflood.triage.place_words import PlaceFinder
from geoflood.triage.results import read_results
from geoflood.triage.stated_place import StatedPlace, stated_words
from tests.support.batch import SPOT, FakeLocator, findings, photo_jpeg, post_row, run_batch, write_posts
from tests.support.browser import HOSTILE, needs_browser, open_page, page_data
from tests.support.street_maps import street_map
from tests.support.triage_results import CITY, any_picture, finding

LINES = [
    ("Oak Street", LineKind.MINOR, [(-400, 0), (0, 0), (400, 0)]),
    ("Elm Street", LineKind.MINOR, [(200, -300), (200, 300)]),
    ("Westheimer Road", LineKind.MINOR, [(-2000, 900), (-1500, 900)]),
    *(("Main Street", LineKind.MINOR, [(0, 9_000 * n), (50, 9_000 * n)]) for n in (-1, 1)),
]
WORDS = BatchOptions("rivertown", use_words=True)


def town() -> StreetMap:
    return replace(street_map(lines=LINES, areas=(), spots=(), doors=(), origin=SPOT), credit="© the mappers")


def batch(root: Path, *texts: str, options: BatchOptions = WORDS, **more: object) -> FakeLocator:
    """A batch of a photo a text."""
    folder = write_posts(root, *(post_row(f"{n}.jpg", text, n) for n, text in enumerate(texts)))
    for n in range(len(texts)):
        (folder / f"{n}.jpg").write_bytes(photo_jpeg(n))
    locator = FakeLocator()
    run_batch(root, locator, options, street_map=town(), **more)
    return locator


def word_lines(root: Path) -> int:
    return sum(line.kind == "words" for line in read_journal(root / "out"))


def test_a_post_that_names_a_crossing_has_a_witness(tmp_path: Path) -> None:
    batch(tmp_path, "Cars floating at Oak and Elm, help", "nothing here", options=BatchOptions("rivertown"))
    one, other = findings(tmp_path)
    (word,) = one.posts[0].words
    assert (word.name, word.form) == ("Oak Street × Elm Street", "crossing")
    assert one.posts[0].text[word.start : word.end] == "Oak and Elm"
    place = tuple(from_local([(200.0, 0.0)], SPOT)[0])
    assert distance_m([(point.lat, point.lon) for point in word.points], place).max() < 60
    assert other.posts[0].words == ()
    with Thumbnails(tmp_path / "pictures", 0) as pictures:
        item = triage_item(one, pictures, lambda reference: None, True)
    assert item["posts"][0]["marked"] == ["Cars floating at ", "Oak and Elm", ", ", "help", ""]
    assert item["posts"][0]["marks"] == "pc", "words that call for help are marked, too"
    witness = next(one for one in item["witnesses"] if one["name"] == "the post's words")
    assert "Oak Street × Elm Street, crossing, meant with" in witness["text"]
    assert witness["at"] == pytest.approx(place, abs=1e-3)


def test_what_a_model_read_names_places_too(tmp_path: Path) -> None:
    """Of an analyst's map the words are the analyst's own; of no model there are none."""
    told = "legible: “OAK ST”, “Bakery”"
    for provider, seen in (("ollama", True), ("analyst", False), ("none", False)):
        one = finding(1, "water")
        attention = AttentionMap.neutral(None, provider, told)
        one = replace(one, located=replace(one.located, attention=attention))
        with Thumbnails(tmp_path / "pictures", 0) as pictures:
            item = triage_item(one, pictures, lambda reference: None, True, PlaceFinder(town()))
        texts = [one["text"] for one in item["witnesses"] if one["name"] == "the model's words"]
        assert any("“OAK ST”: Oak Street, shortened" in text for text in texts) is seen


@pytest.mark.parametrize(("east_m", "shown"), [(60.0, True), (3_000.0, False)])
def test_a_small_place_is_drawn_where_the_picture_says_none(
    tmp_path: Path, east_m: float, shown: bool
) -> None:
    ends = [LatLon(*map(float, end)) for end in from_local([(0.0, 0.0), (east_m, 0.0)], SPOT)]
    lost = finding(1, "Oak", Outcome.NOT_FOUND)
    word = NamedPlace(0, 3, "Oak Street", "exact", 0.9, tuple(ends))
    lost = replace(lost, posts=(Post("x", "1", text="Oak", words=(word,)),))
    with Thumbnails(tmp_path / "pictures", 0) as pictures:
        item = triage_item(lost, pictures, lambda reference: None, True)
    (witness,) = [one for one in item["witnesses"] if one["name"] == "the post's words"]
    assert (witness["at"] is not None) is shown


def test_words_are_as_private_as_their_post(tmp_path: Path) -> None:
    batch(tmp_path, "Oak Street is a river", options=BatchOptions("rivertown"))
    (one,) = findings(tmp_path)
    row = finding_row(one, Sharing.INTERNAL)
    assert row["words"] == "Oak Street"
    assert str(row["words_place"]).startswith("Oak Street (")
    assert row["words_credit"] == "© the mappers"
    assert not any("Oak" in str(value) for value in finding_row(one, Sharing.PUBLIC).values())


def test_words_change_nothing_unless_they_are_asked(tmp_path: Path) -> None:
    """A witness stands beside the picture: what the picture says stays as it was."""
    silent, spoken = tmp_path / "silent", tmp_path / "spoken"
    for root, text in ((silent, "water"), (spoken, "Oak Street is a river")):
        root.mkdir()
        assert [within for _, within in batch(root, text, options=BatchOptions("rivertown")).seen] == [None]
    (one,), (other,) = findings(silent), findings(spoken)
    assert one.located.estimate == other.located.estimate
    assert (one.located.outcome, one.narrowed) == (other.located.outcome, "")


def test_use_words_searches_around_what_is_named(tmp_path: Path) -> None:
    locator = batch(tmp_path, "14 Oak Street is a river", "Main Street is a river", "water everywhere")
    oak, main, none = [within for _, within in sorted(locator.seen)]
    assert oak is not None
    corners = [(oak.south, oak.west), (oak.north, oak.east)]
    assert distance_m(corners[0], corners[1]) == pytest.approx((1_400**2 + 600**2) ** 0.5, rel=0.05)
    assert main is None  # it is all over town
    assert none is None
    told = {one.file: one.narrowed for one in findings(tmp_path)}
    assert told == {
        "0.jpg": "within 300 m of Oak Street 14, which the post's words name",
        "1.jpg": "",
        "2.jpg": "",
    }


def test_a_second_run_finds_the_words_there(tmp_path: Path) -> None:
    batch(tmp_path, "Oak Street is a river")
    again = batch(tmp_path, "Oak Street is a river")
    assert (word_lines(tmp_path), again.seen) == (1, [])


def test_a_post_that_changed_is_read_anew(tmp_path: Path) -> None:
    batch(tmp_path, "Oak Street is a river")
    locator = batch(tmp_path, "Elm Street is a river")
    assert len(locator.seen) == 1
    assert [word.name for word in findings(tmp_path)[0].posts[0].words] == ["Elm Street"]
    batch(tmp_path, "water")
    assert findings(tmp_path)[0].posts[0].words == ()


def test_what_others_write_small_is_no_name(tmp_path: Path) -> None:
    """The same words, in a batch where everybody uses one of them as an everyday word."""
    rare, usual = tmp_path / "rare", tmp_path / "usual"
    for root, others in ((rare, "water"), (usual, "the old westheimer is full of westheimer")):
        root.mkdir()
        batch(root, "On Westheimer the water rises", *[others] * 30, options=BatchOptions("rivertown"))
    chances = [
        next(iter(word.chance for word in findings(root)[0].posts[0].words), 0.0) for root in (rare, usual)
    ]
    assert chances[1] < chances[0] - 0.05


def named(name: str, chance: float, *points: LatLon) -> NamedPlace:
    return NamedPlace(0, 3, name, "exact", chance, points)


def test_the_surest_place_speaks_for_a_post() -> None:
    here, there = LatLon(29.7, -95.4), LatLon(29.8, -95.3)
    place = stated_words([named("Oak Street", 0.92, here), named("Elm Street", 0.97, there)])
    assert "Elm Street" in place.source
    assert stated_words([named("Oak Street", 0.89, here)]) == StatedPlace()
    assert stated_words([named("Oak Street", 0.99, here, LatLon(29.9, -95.4))]) == StatedPlace()
    assert stated_words([]) == StatedPlace()


def test_a_position_comes_before_words_and_words_before_a_town() -> None:
    at = datetime(2021, 7, 14)
    words = [named("Oak Street", 0.95, LatLon(29.7, -95.4))]
    town_post = Post("x", "1", posted_at=at, box=Bounds(29, -96, 30, -95), place="Houston, TX")
    narrowing = Narrowing(geo=True, words=True)
    narrowing.add_post("photo", "1", town_post)
    assert "Houston" in narrowing.place_of("photo").source
    narrowing.add_words("1", words)
    assert "Oak Street" in narrowing.place_of("photo").source
    narrowing.add_post("photo", "2", Post("x", "2", posted_at=at, geotag=Geotag(LatLon(29.7, -95.4), "post")))
    assert "own position" in narrowing.place_of("photo").source
    narrowing.add_words("1", [])
    alone = Narrowing(geo=False, words=True)
    alone.add_post("photo", "1", town_post)
    assert alone.place_of("photo") == StatedPlace()
    unasked = Narrowing()
    unasked.add_post("photo", "1", Post("x", "1"))
    unasked.add_words("1", words)
    assert unasked.place_of("photo") == StatedPlace()


def test_results_of_another_setting_are_not_mixed(tmp_path: Path) -> None:
    batch(tmp_path, "Oak Street", options=BatchOptions("rivertown"))
    with pytest.raises(Exception, match="use words none, not on"):
        batch(tmp_path, "Oak Street")
    assert "use_words" not in read_results(tmp_path / "out").run["settings"]["options"]


def marked_finding(text: str) -> Finding:
    one = finding(1, "x")
    word = NamedPlace(0, len(text), text, "exact", 0.95, (SPOT,), text)
    return replace(one, posts=(replace(one.posts[0], text=text + " and more", words=(word,)),))


@needs_browser
def test_marked_words_are_text(tmp_path: Path) -> None:
    page = tmp_path / "triage.html"
    write_triage(page, [marked_finding(HOSTILE)], CITY, "b", view=any_picture)
    dom = open_page(page, tmp_path / "profile")
    assert page_data(dom, "canary") is None
    assert "</mark> and more" in dom
    assert "meant with" in dom
