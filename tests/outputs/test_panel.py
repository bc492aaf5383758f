"""What the map says in words: outcomes, places, numbers no finer than known, foreign text made harmless."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import (
    AttentionMap,
    Candidate,
    Cell,
    City,
    Estimate,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    StreetWords,
)
from geoflood.core.geo import from_local, offset
from geoflood.outputs.panel import about, describe, headline, street_credit
from geoflood.outputs.search_places import parts_line, places, radius_m
from geoflood.outputs.wording import area, decimal_degrees, length, percent, plain

SPOT = LatLon(29.76, -95.37)


def cell(east_m: float, probability: float) -> Cell:
    return Cell(offset(SPOT, 90.0, east_m), 20.0, probability)


def estimate(*cells: Cell, not_in_index: float = 0.2, probability: float = 0.6) -> Estimate:
    return Estimate(SPOT, probability, 12.0, 30.0, cells or (cell(0, 0.9),), not_in_index)


def located(outcome: Outcome = Outcome.LOCATED, guess: Estimate | None = None, **more: Any) -> Located:
    return Located(
        Query(Path("in/flood.jpg")), outcome, Reason.recorded("why"), estimate=guess or estimate(), **more
    )


def test_the_outcome_comes_first_in_plain_words() -> None:
    three = estimate(cell(0, 0.4), cell(600, 0.3), cell(1200, 0.2))
    failed = Located(Query(Path("x")), Outcome.FAILED, Reason.recorded("the file is truncated"))
    assert headline(located()) == "LOCATED — 60\u00a0% within 25\u00a0m"
    assert headline(located(Outcome.UNCERTAIN, three)) == "UNCERTAIN — three places to check"
    assert headline(located(Outcome.UNCERTAIN)) == "UNCERTAIN — one place to check"
    assert headline(located(Outcome.LIKELY)) == "LIKELY — 60\u00a0% within 25\u00a0m"
    assert headline(located(Outcome.NOT_FOUND, estimate(not_in_index=0.7, probability=0.1))) == (
        "NOT FOUND — 70\u00a0% not in this index"
    )
    boxed = replace(estimate(not_in_index=0.7, probability=0.1), boxed=True)
    assert headline(located(Outcome.NOT_FOUND, boxed)) == "NOT FOUND — 70\u00a0% not in the searched box"
    assert headline(Located(Query(Path("x")), Outcome.NOT_FOUND, Reason.recorded("nothing"))) == "NOT FOUND"
    assert headline(failed) == "FAILED — the file is truncated"
    assert describe(failed)["reason"] == "", "said once is enough"


def test_cells_near_each_other_are_one_place_to_check() -> None:
    found = places(estimate(cell(0, 0.5), cell(40, 0.2), cell(900, 0.15), cell(-2000, 0.01), probability=0.5))
    assert [place.share for place in found] == pytest.approx([0.7 * 0.8, 0.15 * 0.8])
    assert found[0].position == SPOT


def whole(text: str) -> int:
    """The percents of a text, summed; "under 1 %" counts nothing."""
    return sum(int(number) for number in re.findall(r"(?<!under )(\d+)\xa0%", text))


@given(
    st.lists(st.floats(0.001, 1), min_size=1, max_size=12),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from((30.0, 60.0, 400.0)),
)
def test_places_and_what_they_leave_are_at_most_everything(
    weights: list[float], absent: float, probability: float, apart_m: float
) -> None:
    total = sum(weights) / 0.9
    cells = [cell(n * apart_m, weight / total) for n, weight in enumerate(sorted(weights, reverse=True))]
    guess = estimate(*cells, not_in_index=absent, probability=probability * (1 - absent))
    told = describe(located(Outcome.UNCERTAIN, guess))
    assert whole(" ".join(place["title"] for place in told["places"]) + told["rest"]) <= 100
    assert percent(absent) + " not in this index" in told["rest"]
    found = places(guess)
    shares = [place.share for place in found]
    assert shares == sorted(shares, reverse=True), "none is listed under a lesser one"
    own = next(place.share for place in found if place.position == SPOT)
    assert own >= guess.probability - 1e-9, "within 100 m is no less than within 25 m"
    assert sum(shares) + absent <= 1 + 1e-9
    assert sum(part["share"] for part in told["belief"]) == pytest.approx(1)
    count = re.search("(one|many) places? to check", told["headline"])
    assert not count or count[1] == "many" or len(found) == 1


def test_a_likely_photo_has_its_places_and_what_speaks_against_them_on_one_screen() -> None:
    guess = estimate(cell(0, 0.5), cell(900, 0.3), not_in_index=0.1, probability=0.7)
    told = describe(located(Outcome.LIKELY, guess))
    assert told["headline"].replace("\xa0", " ") == "LIKELY — 70 % within 25 m"
    assert [place["title"].replace("\xa0", " ") for place in told["places"]] == [
        "A — 70 % within 100 m",
        "B — 20 % within 100 m",
    ]
    assert (
        told["rest"].replace("\xa0", " ")
        == "under 1 % at other places in this index · 10 % not in this index"
    )
    assert told["shapes"]["circles"] == []


def test_a_belief_all_over_the_city_is_many_places() -> None:
    flat = estimate(*(cell(n * 300, 0.012) for n in range(75)), probability=0.02)
    assert headline(located(Outcome.UNCERTAIN, flat)) == "UNCERTAIN — many places to check"


@pytest.mark.parametrize(("probability", "radii"), [(0.95, [9, 20]), (0.6, [9, 25]), (0.3, [25, 25])])
def test_a_radius_is_not_narrower_than_the_probability_says(probability: float, radii: list[float]) -> None:
    guess = Estimate(SPOT, probability, 9.0, 20.0, (cell(0, 0.9),), 0.05)
    assert [radius_m(guess, share) for share in (0.5, 0.9)] == radii


def test_places_have_letters_only_where_there_are_several() -> None:
    told = describe(located(Outcome.UNCERTAIN, estimate(cell(0, 0.5), cell(900, 0.4))))
    assert [place["letter"] for place in told["places"]] == ["A", "B"]
    assert told["shapes"]["circles"] == []
    (alone,) = describe(located())["places"]
    assert "letter" not in alone
    assert alone["coordinates"][0] == ("USNG / MGRS", "15R TN 708 945")


def test_what_is_not_in_the_index_gets_no_place_and_no_area() -> None:
    told = describe(located(Outcome.NOT_FOUND))
    assert (told["places"], told["shapes"], told["area"], told["status"]) == ([], None, "", "")
    assert told["frames"]["answer"] is None


def test_of_a_searched_box_nothing_is_said_of_the_index() -> None:
    for outcome in (Outcome.LOCATED, Outcome.UNCERTAIN, Outcome.NOT_FOUND):
        told = json.dumps(describe(located(outcome, replace(estimate(), boxed=True))))
        assert "this index" not in told
        assert "the searched box" in told
    boxed = replace(estimate(), boxed=True)
    assert "farther off in the searched box" in parts_line(boxed)
    assert "at other places in the searched box" in parts_line(boxed, places(boxed))


def test_the_belief_is_whole() -> None:
    told = describe(located(guess=estimate(probability=0.75, not_in_index=0.3)))
    assert [part["share"] for part in told["belief"]] == pytest.approx([0.7, 0.0, 0.3])


def test_a_located_photo_is_framed_by_its_likely_half() -> None:
    wide = estimate(cell(0, 0.6), cell(4000, 0.3))
    (south, west), (north, east) = describe(located(guess=wide))["frames"]["answer"]
    assert (east - west) * 111_195 * np.cos(np.radians(29.76)) == pytest.approx(260, abs=1)
    assert (north - south) * 111_195 == pytest.approx(260, abs=1)


def test_a_match_shows_its_credit_date_and_direction() -> None:
    reference = Reference(3, "k", SPOT, "a.jpg", 225.0, 60.0, "CC0-1.0", "A. Mapper", datetime(2019, 6, 3))
    bare = Reference(4, "k", SPOT, "b.jpg")
    told = describe(located(candidates=(Candidate(reference, 0.8, 41), Candidate(bare, 0.5))))["candidates"]
    assert told[0]["facts"] == (
        "similarity 0.80 · 41 details agree · at the estimate · looks SW (225°) · taken 2019-06-03"
    )
    assert told[0]["credit"] == "Image: A. Mapper · CC0-1.0"
    assert told[0]["cone"]["type"] == "Polygon"
    assert told[1]["cone"] is None, "nobody knows which way it looked"
    assert told[1]["credit"] == "Image: credit unknown · licence unknown"
    assert "direction unknown · date unknown" in told[1]["facts"]


def test_a_match_shows_what_a_comparison_came_to() -> None:
    matches = tuple(
        Candidate(Reference(3, "k", SPOT, "a.jpg"), 0.8, comparison=by) for by in (1.2, -0.4, 0.0)
    )
    shown = [told["facts"] for told in describe(located(candidates=matches))["candidates"]]
    for facts, words in zip(shown, ("better, +1.2", "worse, -0.4", "undecided"), strict=True):
        assert f"the model, comparing places: {words} ·" in facts


MATCH = Reference(4, "k", offset(SPOT, 90.0, 620.0), "b.jpg")
WORDS = StreetWords(
    "Mill Road; else Hills Road", (("Mill Road", 0.6), ("Hills Road", 0.3)), "a gap", "© them"
)


def test_streets_stand_under_the_headline_and_beside_each_match() -> None:
    told = describe(located(streets=WORDS, candidates=(Candidate(MATCH, 0.5, street="Hills Road"),)))
    assert (told["street"], told["gap"]) == ("Mill Road; else Hills Road", "a gap")
    assert told["streets"] == "Streets of the search area: Mill Road 60\u00a0% · Hills Road 30\u00a0%"
    assert told["candidates"][0]["facts"].startswith("Hills Road · similarity 0.50")
    assert street_credit([located(streets=WORDS)]) == "Street names: © them. "


def test_a_place_to_check_has_the_street_of_the_match_there() -> None:
    two = estimate(cell(0, 0.5), cell(600, 0.4), probability=0.4)
    here = (Candidate(MATCH, 0.5, street="Hills Road"),)
    first, second = describe(located(Outcome.UNCERTAIN, two, candidates=here))["places"]
    assert first["title"].endswith("within 100\u00a0m"), "no match is there"
    assert second["title"].endswith("within 100\u00a0m · Hills Road")


def test_without_a_street_map_nothing_is_said_of_streets() -> None:
    told = describe(located(candidates=(Candidate(MATCH, 0.5),)))
    assert (told["street"], told["gap"], told["streets"]) == ("", "", "")
    assert told["candidates"][0]["facts"].startswith("similarity")
    assert street_credit([located()]) == ""


def test_neutral_attention_says_so_and_why() -> None:
    told = describe(located(attention=AttentionMap.neutral(None, "none", "no model is configured")))[
        "attention"
    ]
    assert told == {
        "grid": None,
        "waterline": None,
        "note": "Attention is neutral, every part of the photo counts the same: no model is configured",
    }


def test_attention_becomes_a_grid_of_hundredths() -> None:
    told = describe(located(attention=AttentionMap(np.array([[0, 1.5]], np.float32), 0.4, "analyst")))[
        "attention"
    ]
    assert told["grid"] == [[0, 150]]
    assert told["note"].startswith("Water over the lower 40 %. Bright parts count more")


def test_the_index_is_named_with_what_it_covers() -> None:
    coverage = from_local([(0, 0), (500, 0)], SPOT)
    assert about(City("rivertown", 1792, 448, "rootsift", coverage)) == (
        "Index rivertown: 1,792 views from 448 images · rootsift · images over about 0.5\u00a0ha"
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (percent(0.784), "78 %"),
        (percent(0.899), "89 %"),
        (percent(0.29), "29 %"),
        (percent(1.0), "over 99 %"),
        (percent(0.004), "under 1 %"),
        (length(0.2), "1 m"),
        (length(34.6), "35 m"),
        (length(2345), "2.3 km"),
        (area(0.0025), "0.25 ha"),
        (area(0.123), "12 ha"),
        (area(3.44), "3.4 km²"),
    ],
)
def test_numbers_have_two_figures(said: str, words: str) -> None:
    assert said.replace("\u00a0", " ") == words


@given(st.floats(-80, 80), st.floats(-180, 180), st.floats(0.5, 5000))
def test_decimal_degrees_lose_nothing_and_promise_nothing(
    lat: float, lon: float, uncertainty_m: float
) -> None:
    shown = decimal_degrees(LatLon(lat, lon), uncertainty_m)[0]
    places_shown = len(shown.partition(".")[2])
    assert abs(float(shown) - lat) * 111_195 <= uncertainty_m * 1.001
    assert places_shown == 0 or 111_195 * 10.0**-places_shown > uncertainty_m / 5.1


@given(st.text())
def test_plain_text_has_no_control_characters(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable() or not any(ord(c) < 32 or c in "\u202e\u2066\u2028" for c in shown)
    shown.encode("utf-8")


def test_plain_text_shows_what_was_hidden() -> None:
    assert plain("a\u202egpj.exe\x00") == r"a\u202egpj.exe\x00"
    assert plain("Überlauf, 東京 <b>") == "Überlauf, 東京 <b>"
