"""Estimates of several indexes of one city, pooled into one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Cells, Estimate, LatLon
from geoflood.core.geo import from_local
from geoflood.localize.pooling import LEAST, belief_near, pool, pooled_share

HERE = LatLon(53.5, 10.0)
SHARES = st.floats(0.001, 0.999)


def at(east_m: float) -> LatLon:
    return LatLon(*from_local(np.array([[east_m, 0.0]]), HERE)[0].tolist())


def estimate(right: float, none: float = 0.05, east_m: float = 0.0, second: float = 0.0) -> Estimate:
    """Most of the area at one place, a share of it 300 m west of the origin."""
    places = [at(east_m), at(-300.0)]
    cells = Cells(
        np.array([(place.lat, place.lon) for place in places]), np.array([0.9 - second, second]), 10.0
    )
    return Estimate(places[0], right, 10.0, 20.0, cells, none)


@given(st.lists(SHARES, min_size=1, max_size=4))
def test_a_pool_is_never_surer_than_the_surest(shares: list[float]) -> None:
    weights = [1 / len(shares)] * len(shares)
    assert min(shares) - 1e-9 <= pooled_share(shares, weights) <= max(shares) + 1e-9


@given(st.lists(st.tuples(SHARES, SHARES), min_size=2, max_size=5), SHARES)
def test_places_come_to_one_at_most(beliefs: list[tuple[float, float]], weight: float) -> None:
    both = np.array(beliefs) / np.sum(beliefs, axis=0)
    assert sum(pooled_share(place, [weight, 1 - weight]) for place in both.tolist()) <= 1 + 1e-9


def test_alike_members_say_what_one_says() -> None:
    one = estimate(0.7)
    both = pool([one, one]).estimate
    assert both.probability == pytest.approx(0.7)
    assert both.not_in_index == pytest.approx(0.05)
    assert both.position == one.position


def test_members_that_disagree_are_less_sure() -> None:
    pooled = pool([estimate(0.9), estimate(0.8, east_m=400.0)])
    assert pooled.leader == 0
    assert pooled.estimate.probability < 0.4
    assert pooled.estimate.radius_90_m > 350
    assert len(pooled.estimate.search_area) >= 2


def test_a_second_place_of_a_member_counts() -> None:
    split = estimate(0.5, second=0.4)
    other = estimate(0.6, east_m=-300.0)
    pooled = pool([split, other])
    assert pooled.leader == 1
    assert pooled.estimate.position == other.position
    assert belief_near(split, at(-300.0)) == pytest.approx(0.5 * 0.4 / 0.5)


def test_a_place_that_a_member_leaves_out_is_no_veto() -> None:
    assert belief_near(estimate(0.9), at(2_000.0)) == LEAST
    assert pool([estimate(0.99), estimate(0.3, east_m=400.0)]).estimate.probability > 0.3


def test_weights_count() -> None:
    members = [estimate(0.9), estimate(0.8, east_m=400.0)]
    assert pool(members, [0.1, 0.9]).leader == 1
    assert pool(members, [1.0, 0.0]).estimate.probability == pytest.approx(0.9)
    with pytest.raises(ValueError, match="nothing"):
        pool([])


def test_the_place_and_none_are_parts_of_a_whole() -> None:
    sure = replace(estimate(0.95), not_in_index=0.05)
    pooled = pool([sure, estimate(0.02, none=0.97)]).estimate
    assert pooled.probability + pooled.not_in_index <= 1 + 1e-9
