"""Which of several indexes: the arithmetic, without any index."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Cells, Estimate, LatLon, Outcome, ReasonKind
from geoflood.core.errors import UsageError
from geoflood.localize.outcome import judge
from geoflood.localize.which_city import (
    MOST_NATS,
    city_shares,
    logit,
    next_to_rerank,
    overlaps,
    rank_cities,
    stated_nats,
)

HERE = LatLon(53.55, 9.99)
logits = st.lists(st.floats(-20, 20), min_size=1, max_size=8).map(np.array)


def estimate(inside: float, right: float = 0.9, position: LatLon = HERE) -> Estimate:
    """Of an index asked alone: its place is in it with `inside`, and then right with `right`."""
    area = Cells(np.array([[position.lat, position.lon]]), np.array([1.0]), 5.0)
    return Estimate(position, inside * right, 4.0, 9.0, area, 1 - inside, verified=True)


@given(logits)
def test_shares_and_none_are_the_whole(of: np.ndarray) -> None:
    shares, none = city_shares(of)
    assert math.isclose(shares.sum() + none, 1.0)
    assert (np.diff(shares[np.argsort(of)]) >= 0).all()


@given(st.floats(-20, 20), st.integers(1, 8))
def test_copies_of_an_index_say_together_what_one_says(of: float, count: int) -> None:
    shares, none = city_shares(np.full(count, of))
    assert math.isclose(shares.sum(), 1 / (1 + math.exp(-of)), rel_tol=1e-9)
    assert math.isclose(none, 1 / (1 + math.exp(of)), rel_tol=1e-9)


def test_many_indexes_that_hold_a_stranger_for_unlikely_do_not_find_it_together() -> None:
    _, none = city_shares(np.full(20, -2.0))
    assert none > 0.8


def test_an_index_that_could_not_answer_counts_for_nothing() -> None:
    shares, none = city_shares(np.array([1.0, -math.inf]))
    assert shares[1] == 0
    assert none == pytest.approx(1 / (1 + math.e))
    assert city_shares(np.array([-math.inf]))[1] == 1


@given(st.floats(0.05, 0.9), st.integers(2, 8))
def test_a_stated_share_is_what_is_believed_before_looking(share: float, count: int) -> None:
    names = [f"city{n}" for n in range(count)]
    before = np.full(count, math.log(3.0))  # three photos in four are of the index that is asked
    shares, none = city_shares(before, stated_nats(names, {"city0": share}))
    moved = abs(stated_nats(names, {"city0": share})[0])
    assert moved >= MOST_NATS - 1e-9 or shares[0] == pytest.approx(share)
    assert np.ptp(shares[1:]) < 1e-12
    assert none == pytest.approx(shares[1] * count / 3)  # the rest is shared as it would have been


def test_several_stated_shares_hold_together() -> None:
    nats = stated_nats(["a", "b", "c"], {"a": 0.6, "b": 0.3})
    shares, none = city_shares(np.full(3, math.log(3.0)), nats)
    assert shares[:2] == pytest.approx([0.6, 0.3])
    assert shares[2] + none == pytest.approx(0.1)


@pytest.mark.parametrize(
    "stated", [{"d": 0.5}, {"a": 0.0}, {"a": 1.0}, {"a": math.nan}, {"a": 0.6, "b": 0.6}]
)
def test_senseless_priors_are_refused(stated: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        stated_nats(["a", "b"], stated)


def test_pictures_can_speak_against_a_statement() -> None:
    nats = stated_nats(["a", "b"], {"a": 0.99})
    shares, _ = city_shares(np.array([-6.0, 6.0]), nats)
    assert shares[1] > 0.9


def reranking(*said: tuple[float, float]) -> list[int]:
    """Which indexes are re-ranked, in turn, of what each says searched alone and re-ranked."""
    logits, done = np.array([alone for alone, _ in said]), list[int]()
    while (n := next_to_rerank(logits, done)) is not None:
        done.append(n)
        logits[n] = said[n][1]
    return done


def test_only_what_may_change_the_city_is_reranked() -> None:
    assert reranking((-3, -3), (8, 9), (-2, -2)) == [1]
    assert reranking((-3, -3), (4, -2), (-2, 6)) == [1, 2]
    assert reranking((1, -2), (-9, -9)) == [0, 1]  # who seems a stranger has a second opinion
    assert reranking(*[(0.0, -2.0)] * 9) == [0, 1, 2, 3, 4]
    assert reranking((-math.inf, 0), (1, 9)) == [1]
    assert reranking((-math.inf, 0)) == []


def test_the_log_odds_of_an_estimate() -> None:
    assert logit(0.5) == pytest.approx(0)
    assert logit(0.0) == pytest.approx(30)
    assert logit(1.0) == pytest.approx(-30)


def test_the_position_is_worth_what_its_city_is() -> None:
    far = LatLon(52.2, 0.12)
    ranking = rank_cities([estimate(0.9), estimate(0.9, position=far), None])
    first = ranking.estimates[ranking.order[0]]
    assert ranking.order == (0, 1)
    assert ranking.rival == 1
    assert first.probability == pytest.approx(first.in_this_index * 0.9)
    assert first.in_this_index + first.in_other_index + first.not_in_index == pytest.approx(1)
    assert first.in_this_index < 0.5
    assert first.asked == 3


def test_indexes_of_the_same_ground_that_name_the_same_place_are_no_rivals() -> None:
    near = replace(HERE, lat=HERE.lat + 0.0001)
    both = [estimate(0.9), estimate(0.9, position=near)]
    one_region = rank_cities(both, overlapping=np.ones((2, 2), bool))
    assert one_region.rival is None
    assert one_region.estimates[0].in_this_index == pytest.approx(0.9)
    apart = rank_cities(
        [both[0], estimate(0.9, position=LatLon(53.56, 9.99))], overlapping=np.ones((2, 2), bool)
    )
    assert apart.rival == 1


def test_overlapping_ground() -> None:
    street = np.array([[53.55, 9.99 + 0.0001 * n] for n in range(20)])
    assert overlaps(street, street + np.array([0.0005, 0]))
    assert not overlaps(street, street + np.array([0.01, 0]))
    assert not overlaps(street, street[:0])


def judged(*insides: float, right: float = 0.99) -> tuple[Outcome, ReasonKind]:
    """Of indexes that name places far from each other."""
    spots = [LatLon(50 + n, 9.99) for n in range(len(insides))]
    ranking = rank_cities([estimate(i, right, spot) for i, spot in zip(insides, spots, strict=True)])
    outcome, reason = judge(ranking.estimates[ranking.order[0]])
    return outcome, reason.kind


def test_outcomes_beside_other_indexes() -> None:
    assert judged(0.999, 0.05) == (Outcome.LOCATED, ReasonKind.ONE_PLACE)
    assert judged(0.97, 0.9)[0] is Outcome.LIKELY
    assert judged(0.95, 0.95) == (Outcome.UNCERTAIN, ReasonKind.SEVERAL_CITIES)
    assert judged(0.3, 0.2, 0.2) == (Outcome.NOT_FOUND, ReasonKind.IN_NONE)
    assert judged(0.6, 0.1)[1] in (ReasonKind.PERHAPS_IN_NONE, ReasonKind.IN_NONE)
