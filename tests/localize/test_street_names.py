"""What an index with a street map says of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from geoflood.core.datatypes import Candidate, Located, Outcome, Query, Reason, Reference
from geoflood.localize.street_names import StreetNames
from tests.support.drawn_streets import Metres, at, belief, drawn, positions

TOWN = drawn(("Market Hill", [(-200, 0), (200, 0)]), ("Petty Cury", [(30, 0), (30, 300)]))
ALONG = [(float(east), 0.0) for east in range(-200, 201, 10)]


def found(*views: tuple[Metres, float | None], outcome: Outcome = Outcome.LOCATED) -> Located:
    candidates = tuple(
        Candidate(Reference(n, "k", at(*spot), "x", heading), 0.9 - n / 100)
        for n, (spot, heading) in enumerate(views)
    )
    query, why = Query(Path("a.jpg")), Reason.recorded("why")
    return Located(query, outcome, why, candidates, belief((-10.0, 0.0, 8.0, 1.0)))


def named(located: Located) -> Located:
    return StreetNames(TOWN, positions(*ALONG)).named(located)


def place(*views: tuple[Metres, float | None]) -> str:
    words = named(found(*views)).streets
    assert words
    return words.place


HERE: Metres = (-10.0, 2.0)


@pytest.mark.parametrize(
    ("views", "looking"),
    [
        ([(HERE, 180.0)], ", looking south"),
        ([(HERE, 170.0), (HERE, 215.0), (HERE, 125.0)], ", looking south"),
        ([(HERE, 350.0), (HERE, 20.0)], ", looking north"),
        ([(HERE, 180.0), (HERE, 0.0)], ""),
        ([(HERE, None), (HERE, 90.0)], ""),
        ([(HERE, 180.0), (HERE, None)], ", looking south"),
        ([((60.0, 0.0), 90.0), (HERE, 180.0)], ", looking south"),
        ([((60.0, 0.0), 90.0)], ""),
        ([], ""),
    ],
)
def test_a_direction_is_told_where_the_matches_at_the_place_agree(
    views: Sequence[tuple[Metres, float | None]], looking: str
) -> None:
    assert place(*views) == f"Market Hill, near Petty Cury{looking}"


def test_an_uncertain_place_is_told_as_one_that_may_be() -> None:
    words = named(found((HERE, 180.0), outcome=Outcome.UNCERTAIN)).streets
    assert words
    assert words.place == "perhaps Market Hill, near Petty Cury, looking south"
    likely = named(found((HERE, 180.0), outcome=Outcome.LIKELY)).streets
    assert likely
    assert likely.place.startswith("Market Hill")


def test_threads_share_one_map() -> None:
    names = StreetNames(TOWN, positions(*ALONG))
    answers = [found(((float(east), 2.0), 90.0)) for east in range(-150, 150, 5)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(names.named, answers)) == list(map(names.named, answers))


def test_each_candidate_has_its_own_street() -> None:
    views = [(HERE, 0.0), ((32.0, 200.0), 0.0), ((0.0, 900.0), 0.0)]
    assert [one.street for one in named(found(*views)).candidates] == ["Market Hill", "Petty Cury", ""]


def test_a_hole_beside_the_place_is_told() -> None:
    words = named(found((HERE, 0.0))).streets
    assert words
    assert words.gap == "at least 110 m of Petty Cury, 50 m away, have no street image"


def test_what_was_not_found_has_no_place_and_its_look_alikes_have_streets() -> None:
    answer = named(found((HERE, 0.0), outcome=Outcome.NOT_FOUND))
    assert answer.streets is None
    assert answer.candidates[0].street == "Market Hill"
    failed = Located(Query(Path("a.jpg")), Outcome.FAILED, Reason.recorded("broken"))
    assert named(failed) == failed


def test_nothing_but_names_changes() -> None:
    before = found((HERE, 0.0))
    after = named(before)
    bare = replace(after, streets=None, candidates=before.candidates)
    assert bare == before
