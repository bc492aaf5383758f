"""Figures of merit against numbers worked out by hand, and against slow definitions."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geoflood.core.datatypes import (
    Candidate,
    Cell,
    Estimate,
    Geotag,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
)
from geoflood.core.geo import from_local, offset
from geoflood.evaluation.metrics.areas import area_holds, search_effort
from geoflood.evaluation.metrics.recall import pad_rows, proportion, recall
from geoflood.evaluation.metrics.reliability import calibration_error, reliability
from geoflood.evaluation.metrics.score_query import score_query
from geoflood.evaluation.metrics.scores import scores
from geoflood.evaluation.metrics.signals import auroc, signal_quality, similarity_margin, spatial_agreement
from geoflood.evaluation.metrics.streets import Streets, streets
from geoflood.evaluation.results import QueryCase, QueryResult, QueryTruth, smallest_serving

SPOT = LatLon(53.55, 10.0)
NOWHERE = Streets(np.array([[0.0, 0.0]]), np.array([1.0]))

signals = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=25)


def at(east: float, north: float) -> LatLon:
    """A position so many metres from the spot."""
    lat, lon = from_local([(east, north)], SPOT)[0]
    return LatLon(float(lat), float(lon))


def places(*metres: tuple[float, float]) -> np.ndarray:
    return np.array([(at(*one).lat, at(*one).lon) for one in metres]).reshape(-1, 2)


# -- recall -----------------------------------------------------------------------------------------------


def test_recall_by_hand() -> None:
    ranks = pad_rows([[30, 10, 999], [25, 1], [26, 26, 26], []], 3)
    assert [recall(ranks, k, 25).value for k in (1, 2, 3)] == [0.25, 0.5, 0.5]
    assert recall(ranks, 1, 30).value == 0.75
    assert recall(ranks, 1, 25).of == 4
    with pytest.raises(ValueError, match="not a number"):
        recall(np.array([[math.nan]]), 1, 25)


@given(st.lists(st.lists(st.floats(0, 100), max_size=6), min_size=1, max_size=12), st.floats(0, 100))
def test_recall_is_the_definition_and_grows(ranks: list[list[float]], within: float) -> None:
    table = pad_rows(ranks, 6)
    told = [recall(table, k, within).value for k in range(1, 7)]
    assert told == sorted(told)
    for k, value in enumerate(told, 1):
        assert value == pytest.approx(sum(any(m <= within for m in row[:k]) for row in ranks) / len(ranks))


def test_a_share_of_everything_is_not_certain_and_of_nothing_is_none() -> None:
    assert proportion([True] * 20).value == 1
    assert 0 < proportion([True] * 20).error < 0.06
    assert proportion([True, False] * 50).error == pytest.approx(0.05)
    with pytest.raises(ValueError, match="nothing"):
        proportion([])


def test_photos_of_one_place_count_together() -> None:
    hits = [True] * 8 + [False] * 8
    alone = proportion(hits, range(16)).error
    assert proportion(hits).error == pytest.approx(0.125)
    assert alone == pytest.approx(0.125)
    # Four places of four photos, all or none right: as many trials as places.
    assert proportion(hits, np.repeat(["a", "b", "c", "d"], 4)).error == pytest.approx(0.25)
    assert proportion([True] * 4, ["a"] * 4).error == proportion([True] * 4).error, "never certain"


# -- confidence -------------------------------------------------------------------------------------------


def test_average_precision_by_hand() -> None:
    # right, wrong, right, right by falling signal: 1/3 (1/1 + 2/3 + 3/4)
    told = signal_quality("s", [0.9, 0.8, 0.7, 0.1], [True, False, True, True])
    assert told.auc_pr == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert told.precision_at(0.5) == 0.5
    assert told.precision_at(0.2) == 1
    assert told.precision_at(1.0) == 0.75
    assert signal_quality("s", [1, 2], [False, False]).auc_pr == 0


@given(signals)
def test_average_precision_is_the_definition(trials: list[tuple[int, bool]]) -> None:
    """Recall and precision at every threshold, by counting."""
    total, area, before = max(sum(right for _, right in trials), 1), 0.0, 0.0
    for threshold in sorted({value for value, _ in trials}, reverse=True):
        kept = [right for value, right in trials if value >= threshold]
        area += sum(kept) / len(kept) * (sum(kept) / total - before)
        before = sum(kept) / total
    told = signal_quality("s", [value for value, _ in trials], [right for _, right in trials])
    assert told.auc_pr == pytest.approx(area)
    assert told.coverage[-1] == 1
    again = signal_quality("s", [value for value, _ in trials[::-1]], [right for _, right in trials[::-1]])
    assert again.auc_pr == pytest.approx(told.auc_pr), "the order of equals does not matter"


@given(st.lists(st.integers(0, 5), min_size=1), st.lists(st.integers(0, 5), min_size=1))
def test_auroc_is_the_share_of_pairs(low: list[int], high: list[int]) -> None:
    wins = sum((b > a) + (a == b) / 2 for a in low for b in high) / len(low) / len(high)
    told, turned = auroc(low, high), auroc(high, low)
    assert told.value == pytest.approx(wins)
    assert turned.value == pytest.approx(1 - wins)
    assert told.error == pytest.approx(turned.error), "whichever is called higher"
    assert 0 < told.error <= 0.5


def test_an_auroc_strays_as_far_as_it_says() -> None:
    """Against the spread of many drawings; and no wrong pair in few is not certain."""
    rng = np.random.default_rng(4)
    drawn = [auroc(rng.normal(0, 1, 60), rng.normal(1, 1, 40)) for _ in range(400)]
    spread = float(np.std([one.value for one in drawn]))
    assert np.mean([one.error for one in drawn]) == pytest.approx(spread, rel=0.15)
    apart = auroc(range(10), range(20, 30))
    assert (apart.value, apart.of) == (1.0, 20)
    assert 0.02 < apart.error < 0.15
    assert auroc(range(1000), range(2000, 3000)).error < 0.002


@pytest.mark.parametrize("bad", [[], [math.nan, 1.0]])
def test_signals_that_are_no_numbers_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match=r"."):
        signal_quality("s", bad, [True] * len(bad))
    with pytest.raises(ValueError, match=r"."):
        auroc(bad, [1.0])
    with pytest.raises(ValueError, match=r"."):
        auroc([1.0], bad)


def test_margin_is_over_another_place() -> None:
    s = np.array([0.9, 0.85, 0.6, 0.5])
    assert similarity_margin(s, places((0, 0), (10, 0), (200, 0), (0, 10))) == pytest.approx(0.3)
    assert similarity_margin(s, places((0, 0), (10, 0), (20, 0), (0, 10))) == pytest.approx(0.4)


def test_agreement_is_the_weighted_variance() -> None:
    # Two equal candidates 20 m apart east: 100 m² of variance east, none north.
    assert spatial_agreement(np.array([0.5, 0.5]), places((0, 0), (20, 0))) == pytest.approx(-50, rel=1e-3)
    near = spatial_agreement(np.array([0.5, 0.1]), places((0, 0), (20, 0)))
    assert -1 < near < 0, "one that is hardly similar hardly counts"
    far = spatial_agreement(np.array([0.5, 0.5]), places((0, 0), (5000, 0)))
    assert far == pytest.approx(-(500**2) / 2, rel=1e-3), "capped on either side"


# -- reliability ------------------------------------------------------------------------------------------


def test_calibration_error_by_hand() -> None:
    bins = reliability([0.95, 0.85, 0.85, 0.05, 1.0], [True, True, False, False, True])
    assert [(one.count, one.right.value) for one in bins] == [(1, 0.0), (2, 0.5), (2, 1.0)]
    assert calibration_error(bins) == pytest.approx((0.05 + 2 * 0.35 + 2 * 0.025) / 5)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_every_query_is_in_one_bin(told: list[tuple[float, bool]]) -> None:
    bins = reliability([p for p, _ in told], [right for _, right in told])
    assert sum(one.count for one in bins) == len(told)
    assert 0 <= calibration_error(bins) <= 1


@pytest.mark.parametrize("bad", [1.2, -0.1, math.nan])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        reliability([bad], [True])


# -- areas ------------------------------------------------------------------------------------------------


def test_the_area_until_the_truth_is_reached_by_hand() -> None:
    cells = [Cell(at(0, 0), 10.0, 0.5), Cell(at(10, 0), 10.0, 0.3), Cell(at(0, 10), 10.0, 0.1)]
    none = np.empty((0, 2))
    assert search_effort(cells, none, at(4, -4), NOWHERE)[0] == pytest.approx(100e-6)
    assert search_effort(cells, none, at(12, 3), NOWHERE)[0] == pytest.approx(200e-6)
    assert search_effort(cells, none, at(0, 11), NOWHERE)[0] == pytest.approx(300e-6)
    assert search_effort(cells, none, at(300, 0), NOWHERE) == (math.inf, math.inf)
    assert search_effort([], none, at(0, 0), NOWHERE) == (math.inf, math.inf)


def test_after_the_area_candidates_are_searched_in_their_order_and_nothing_twice() -> None:
    cells = [Cell(at(0, 0), 10.0, 0.9)]
    disc = sum(math.hypot(e, n) * 10 <= 30 for e in range(-4, 5) for n in range(-4, 5))
    other = places((0, 0), (500, 0), (1000, 0))
    first = search_effort(cells, other, at(20, 0), NOWHERE)[0]
    second = search_effort(cells, other, at(500, 0), NOWHERE)[0]
    third = search_effort(cells, other, at(1000, 0), NOWHERE)[0]
    assert 100e-6 < first <= disc * 100e-6
    assert disc * 100e-6 < second <= 2 * disc * 100e-6
    assert 2 * disc * 100e-6 < third <= 3 * disc * 100e-6
    doubled = search_effort(cells, np.repeat(other, 3, axis=0), at(1000, 0), NOWHERE)[0]
    assert doubled == pytest.approx(third)


@given(st.floats(-60, 60), st.floats(-60, 60), st.randoms(use_true_random=False))
@example(0.0, 5.0, random.Random(0))
@example(-15.0, 25.0, random.Random(1))
def test_more_belief_in_the_truth_never_means_more_to_search(east: float, north: float, rng: object) -> None:
    size = 10.0
    grid = [at(size * e, size * n) for e in range(-7, 8) for n in range(-7, 8)]
    rng.shuffle(grid)  # type: ignore[attr-defined]
    cells = [Cell(spot, size, 1 / len(grid)) for spot in grid]
    truth = at(east, north)
    home = next(n for n, cell in enumerate(cells) if area_holds([cell], truth))
    km2, _ = search_effort(cells, np.empty((0, 2)), truth, NOWHERE)
    # On the border of two squares either may be meant, but one of them is.
    assert km2 <= len(cells) * 100e-6 + 1e-12
    assert area_holds(cells[: round(km2 / 100e-6)], truth)
    sooner = [cells[home], *cells[:home], *cells[home + 1 :]]
    assert search_effort(sooner, np.empty((0, 2)), truth, NOWHERE)[0] <= km2 + 1e-12


def test_an_area_holds_what_lies_in_its_squares() -> None:
    cells = (Cell(at(0, 0), 10.0, 0.5), Cell(at(50, 0), 20.0, 0.4))
    assert [area_holds(cells, at(east, 0)) for east in (0, 4.9, 5.1, 39, 41, 59, 61)] == [1, 1, 0, 0, 1, 1, 0]
    assert not area_holds((), at(0, 0))


# -- streets ----------------------------------------------------------------------------------------------


def test_a_street_is_as_long_as_its_references_reach() -> None:
    # 11 stands 20 m apart: 200 m, and 25 m at either end.
    drive = places(*((20.0 * k, 0.0) for k in range(11)))
    assert streets(drive).lengths_m.sum() == pytest.approx(250, rel=1e-3)
    tiles = np.repeat(drive, 8, axis=0)
    assert streets(tiles).lengths_m.sum() == pytest.approx(250, rel=1e-3), "views of one stand are one stand"
    two = np.concatenate([drive, places(*((20.0 * k, 500.0) for k in range(11)))])
    assert streets(two).lengths_m.sum() == pytest.approx(500, rel=1e-3), "no street over half a kilometre"
    assert streets(places((0, 0))).lengths_m.sum() == pytest.approx(50)
    assert streets(drive).lengths_m.max() <= 25


def test_a_block_loses_one_link_at_most() -> None:
    side = np.arange(0, 200, 20.0)
    ring = [(e, 0.0) for e in side] + [(200.0, n) for n in side]
    ring += [(200 - e, 200.0) for e in side] + [(0.0, 200 - n) for n in side]
    total = streets(places(*ring)).lengths_m.sum()
    assert 760 <= total <= 850


def test_the_streets_of_an_area_are_those_inside() -> None:
    drive = streets(places(*((20.0 * k, 0.0) for k in range(21))))
    cells = [Cell(at(10.0 * k, 0), 10.0, 0.01) for k in range(10, 20)]
    km2, km = search_effort(cells, np.empty((0, 2)), at(190, 0), drive)
    assert km2 == pytest.approx(1000e-6)
    assert km == pytest.approx(0.1, abs=0.011)


def test_no_references_no_streets() -> None:
    with pytest.raises(ValueError, match="no references"):
        streets(np.empty((0, 2)))


# -- all together -----------------------------------------------------------------------------------------


def answer(off_m: float | None, nearest_m: float = 3.0, outcome: Outcome = Outcome.LOCATED) -> QueryResult:
    """One query, whose only candidate is so far off; None: no answer."""
    trial = QueryCase(0, QueryTruth(Path("q.jpg"), Geotag(SPOT, "csv")), 0, nearest_m)
    if off_m is None:
        return score_query(
            trial, Located(Query(trial.truth.path), Outcome.FAILED, Reason.recorded("not an image")), NOWHERE
        )
    spot = offset(SPOT, 90, off_m)
    estimate = Estimate(
        spot, 0.8, 8.0, 20.0, (Cell(spot, 10.0, 0.6), Cell(offset(spot, 0, 10), 10.0, 0.3)), 0.1
    )
    found = (Candidate(Reference(0, "k", spot, "a.jpg"), 0.7),)
    return score_query(
        trial, Located(Query(trial.truth.path), outcome, Reason.recorded(""), found, estimate), NOWHERE
    )


def test_queries_without_a_positive_stay_out_of_recall() -> None:
    here = [answer(1), answer(40), answer(None), answer(2000, nearest_m=500, outcome=Outcome.NOT_FOUND)]
    told = scores(here, [], (25.0, 100.0))
    assert told.with_positive == {25.0: 3, 100.0: 3}
    assert told.recall[25.0][1].value == pytest.approx(1 / 3)
    assert told.recall[100.0][1].value == pytest.approx(2 / 3), "what failed is a miss"
    assert told.errors_m.tolist() == pytest.approx([1, 40, math.inf], rel=1e-3)
    assert smallest_serving(told.errors_m, 50) == pytest.approx(40, rel=1e-3)
    assert smallest_serving(told.errors_m, 90) is None
    assert told.outcomes["without_positive"]["not-found"] == 1
    assert told.outcomes["with_positive"] == {
        "located": 2,
        "likely": 0,
        "uncertain": 0,
        "not-found": 0,
        "failed": 1,
        "right": 1,
        "likely_right": 0,
    }
    assert [one.value for one in told.in_area] == pytest.approx([1 / 3, 1 / 3])
    assert told.not_found_auroc is None
    with pytest.raises(ValueError, match="nothing"):
        scores([answer(1, nearest_m=80)], [], (25.0,))


def test_answers_that_were_sure_without_inliers_have_the_most() -> None:
    sure, counted = answer(1), replace(answer(40), signals={"probability": 0.5, "inliers": 7.0})
    inliers = scores([sure, counted], [], (25.0,)).signals[-1]
    assert (inliers.name, inliers.auc_pr) == ("inliers", 1.0)


def test_nothing_but_failures_is_told_without_dividing_by_nothing() -> None:
    told = scores([answer(None)], [answer(None)], (25.0,))
    assert told.signals == ()
    assert told.recall[25.0][20].value == 0
    assert told.not_found_auroc is None
    assert all(math.isnan(area) for area in told.areas_km2)
    assert smallest_serving(told.searched_km2, 50) is None
    assert (told.reliability, told.calibration_error) == ((), None)


def test_photos_that_cannot_be_read_say_nothing_of_how_true_probabilities_are() -> None:
    alone = scores([answer(1), answer(40)], [], (25.0,))
    among = scores([answer(1), answer(40), *[answer(None)] * 7], [], (25.0,))
    assert among.calibration_error == alone.calibration_error == pytest.approx(0.3)
    assert sum(one.count for one in among.reliability) == 2
    assert among.recall[25.0][1].of == 9, "they are misses all the same"


def test_areas_are_held_within_their_share() -> None:
    near, beside = answer(0), answer(12)
    assert near.in_area == (True, True)
    assert near.areas_km2 == pytest.approx((100e-6, 200e-6))
    assert near.in_circle == (True, True)
    assert beside.in_area == (False, False)
    assert beside.in_circle == (False, True)


@pytest.mark.filterwarnings("error")
def test_equal_infinite_signals_enter_together() -> None:
    """A lead over no other place is infinite, as is the mark of a photo without an answer."""
    signal, right = [math.inf, math.inf, 1.0, -math.inf, -math.inf], [True, False, True, False, True]
    found = signal_quality("margin", signal, right)
    again = signal_quality("margin", signal, [False, True, True, True, False])
    assert found.precision.tolist() == again.precision.tolist()
    assert len(found.precision) == 3
