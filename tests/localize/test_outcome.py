"""The one rule from an estimate to located, likely, uncertain or not-found, and that its reasons are true."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Estimate, LatLon, Outcome, ReasonKind
from geoflood.localize.outcome import FAIR, NOWHERE, SURE, judge
from geoflood.outputs.wording import percent, sentence

RANK = (Outcome.NOT_FOUND, Outcome.UNCERTAIN, Outcome.LIKELY, Outcome.LOCATED)
SHARES = [n / 40 for n in range(41)]
GRID = [(p, n) for p, n in product(SHARES, SHARES) if p + n <= 1.0]


def estimate(
    probability: float, absent: float = 0.0, radius_m: float = 20.0, verified: bool = True
) -> Estimate:
    return Estimate(LatLon(0, 0), probability, radius_m / 2, radius_m, (), absent, verified=verified)


@pytest.mark.parametrize(
    ("probability", "absent", "outcome", "unproven"),
    [
        (0.9, 0.05, Outcome.LOCATED, Outcome.LIKELY),
        (0.899, 0.05, Outcome.LIKELY, Outcome.LIKELY),
        (0.6, 0.4, Outcome.LIKELY, Outcome.LIKELY),
        (0.599, 0.05, Outcome.UNCERTAIN, Outcome.UNCERTAIN),
        (0.5, 0.5, Outcome.UNCERTAIN, Outcome.UNCERTAIN),
        (0.1, 0.2, Outcome.UNCERTAIN, Outcome.UNCERTAIN),
        (0.4, 0.501, Outcome.NOT_FOUND, Outcome.NOT_FOUND),
    ],
)
def test_the_outcome_follows_the_estimate(
    probability: float, absent: float, outcome: Outcome, unproven: Outcome
) -> None:
    """`unproven`: of an index that was never tried out, and of a place that is not verified."""
    given_ = estimate(probability, absent)
    assert judge(given_)[0] is outcome
    assert judge(given_, tried=False)[0] is unproven
    assert judge(replace(given_, verified=False))[0] is unproven


def test_a_wide_radius_is_never_located() -> None:
    assert judge(estimate(0.97, 0.01, 50.0))[0] is Outcome.LOCATED
    outcome, reason = judge(estimate(0.97, 0.01, 50.1))
    assert (outcome, reason.kind) == (Outcome.LIKELY, ReasonKind.LIKELY_PLACE)


@pytest.mark.parametrize(
    ("given_", "tried", "kind"),
    [
        (estimate(0.95), False, ReasonKind.UNTRIED_INDEX),
        (estimate(0.95, verified=False), False, ReasonKind.UNTRIED_INDEX),
        (estimate(0.95, verified=False), True, ReasonKind.UNVERIFIED),
        (estimate(0.7), True, ReasonKind.LIKELY_PLACE),
        (estimate(0.95), True, ReasonKind.ONE_PLACE),
        (estimate(0.3, 0.2), True, ReasonKind.SEVERAL_PLACES),
        (estimate(0.3, 0.4), True, ReasonKind.PERHAPS_ELSEWHERE),
        (estimate(0.3, 0.6), True, ReasonKind.NOT_IN_INDEX),
    ],
)
def test_the_reason_names_what_is_lacking(given_: Estimate, tried: bool, kind: ReasonKind) -> None:
    assert judge(given_, tried)[1].kind is kind


@pytest.mark.parametrize("radius_m", [20.0, 300.0])
@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("tried", [True, False])
def test_more_probability_is_never_a_weaker_word(radius_m: float, verified: bool, tried: bool) -> None:
    for absent in SHARES:
        words = [
            RANK.index(judge(estimate(p, n, radius_m, verified), tried)[0]) for p, n in GRID if n == absent
        ]
        assert words == sorted(words)
    for probability in SHARES:
        words = [
            RANK.index(judge(estimate(p, n, radius_m, verified), tried)[0])
            for p, n in GRID
            if p == probability
        ]
        assert words == sorted(words, reverse=True), "nor is less of it elsewhere"


def assert_true(given_: Estimate, tried: bool) -> None:
    """Every word of the outcome and its reason holds of the estimate."""
    outcome, reason = judge(given_, tried)
    said = sentence(reason)
    probability, absent = given_.probability, given_.not_in_index
    assert (outcome is Outcome.NOT_FOUND) == (absent > NOWHERE) == ("probably not in" in said)
    assert ("stands out" in said) == (outcome is Outcome.LOCATED)
    assert ("is likely:" in said) == (outcome is Outcome.LIKELY)
    assert ("no position is likely enough" in said) == (outcome is Outcome.UNCERTAIN)
    if outcome is Outcome.LOCATED:
        assert tried
        assert given_.verified
        assert given_.radius_90_m <= 50.0
    if outcome is not Outcome.NOT_FOUND:
        assert (probability >= SURE) >= (outcome is Outcome.LOCATED)
        assert (probability >= FAIR) == (outcome in (Outcome.LOCATED, Outcome.LIKELY))
    assert "too few of its details" not in said or not given_.verified
    assert "too small to know" not in said or not tried
    assert ("the searched box" in said) <= given_.boxed
    assert ("this index" in said) <= (not given_.boxed)
    share = absent if "not in th" in said else probability
    assert re.findall(r"(?:under |over )?\d+ %", said) == [percent(share).replace("\xa0", " ")]
    assert "100" not in said


def test_words_are_true_of_every_estimate_of_the_grid() -> None:
    for (p, n), radius_m, verified, tried in product(GRID, (20.0, 300.0), (True, False), (True, False)):
        assert_true(estimate(p, n, radius_m, verified), tried)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1, 5000), st.booleans(), st.booleans(), st.booleans())
def test_words_are_true_of_any_estimate(
    absent: float, present_share: float, radius_m: float, verified: bool, tried: bool, boxed: bool
) -> None:
    given_ = estimate((1 - absent) * present_share, absent, radius_m, verified)
    assert_true(replace(given_, boxed=boxed), tried)


@pytest.mark.parametrize(
    ("absent", "kind", "words"),
    [
        (0.6, ReasonKind.NOT_IN_BOX, "the place is probably not in the searched box: 60 %"),
        (0.4, ReasonKind.PERHAPS_OUTSIDE, "40 % that the place is not in the searched box"),
    ],
)
def test_not_in_a_box_is_not_called_not_in_this_index(absent: float, kind: ReasonKind, words: str) -> None:
    _, reason = judge(replace(estimate(0.3, absent), boxed=True))
    assert reason.kind is kind
    assert words in sentence(reason)
