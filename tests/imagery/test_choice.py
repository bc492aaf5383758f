"""The choice of images: spread, ordered, repeatable; what it prefers, and what it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import distance_m, from_local
from geoflood.imagery.census_columns import CensusColumns
from geoflood.imagery.choice import choose, layers_of

HERE = LatLon(52.3731, 4.8926)


class Town(SimpleNamespace):
    """Columns of a census, by metres."""

    metres: NDArray[np.float64]
    headings: NDArray[np.float32]
    panoramas: NDArray[np.bool_]
    taken_s: NDArray[np.int64]
    sequences: NDArray[np.int32]
    on_foot: NDArray[np.bool_]

    def columns(self) -> CensusColumns:
        lats, lons = from_local(self.metres, HERE).T
        count = len(lats)
        same = np.zeros(count, np.int32)
        known = (self.headings, self.panoramas, self.taken_s, self.sequences, same, same, self.on_foot, same)
        return CensusColumns(np.arange(count), lats, lons, *known)

    def choose(self, most: int | None = None, already: Sequence[int] = ()) -> list[int]:
        return choose(self.columns(), most, already).tolist()

    def but(self, **other: object) -> Town:
        return Town(**(vars(self) | other))


def street(count: int, step_m: float = 2.0) -> Town:
    """Panoramas along one street, a drive."""
    metres = np.column_stack([np.arange(count) * step_m, np.zeros(count)])
    return Town(
        metres=metres,
        headings=np.zeros(count, np.float32),
        panoramas=np.ones(count, bool),
        taken_s=np.full(count, 1_700_000_000),
        sequences=np.zeros(count, np.int32),
        on_foot=np.zeros(count, bool),
    )


def crowd(count: int, seed: int = 3) -> Town:
    """Images of all kinds, anywhere in a square kilometre."""
    rng = np.random.default_rng(seed)
    headings = rng.uniform(0, 360, count).astype(np.float32)
    headings[rng.random(count) < 0.1] = np.nan
    return Town(
        metres=rng.uniform(0, 1000, (count, 2)),
        headings=headings,
        panoramas=rng.random(count) < 0.3,
        taken_s=rng.integers(0, 1_700_000_000, count),
        sequences=rng.integers(0, 40, count).astype(np.int32),
        on_foot=rng.random(count) < 0.2,
    )


def gaps(town: Town, picked: list[int]) -> NDArray[np.float64]:
    """How far each image is from the nearest that was picked."""
    places = from_local(town.metres, HERE)
    return np.asarray(distance_m(places[:, None], places[None, picked]).min(axis=1))


def test_a_street_is_covered_evenly() -> None:
    town = street(500)
    picked = town.choose(50)
    assert len(set(picked)) == 50
    even = gaps(town, list(range(5, 500, 10)))
    assert gaps(town, picked).max() <= 2.5 * even.max()
    assert gaps(town, picked).mean() <= 1.4 * even.mean()


def test_it_is_more_even_than_chance() -> None:
    town = crowd(3000)
    town.panoramas[:] = True
    at_random = np.random.default_rng(1).permutation(3000)[:200].tolist()
    assert gaps(town, town.choose(200)).max() < 0.75 * gaps(town, at_random).max()


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 5))
def test_more_goes_on_where_less_ended(few: int, more: int, seed: int) -> None:
    town = crowd(300, seed)
    short, long = town.choose(few), town.choose(max(few, more))
    assert long[: len(short)] == short
    assert len(set(long)) == len(long)


def test_the_order_of_runs_does_not_matter() -> None:
    town = crowd(500)
    assert town.choose(200) == town.choose(200)


def test_what_was_chosen_before_counts_and_is_not_chosen_again() -> None:
    town = street(500)
    before = town.choose(20)
    after = town.choose(60, already=before)
    assert len(after) == 40
    assert not set(before) & set(after)
    assert gaps(town, before + after).max() <= 1.5 * gaps(town, town.choose(60)).max()
    assert town.choose(20, already=before) == []
    assert town.choose(5, already=before) == []


def test_every_direction_of_a_place_comes_before_its_second_image() -> None:
    """Eight photos of one spot, one each way, and eight more of the first way on other days."""
    one = street(16, step_m=0.0)
    town = one.but(
        panoramas=np.zeros(16, bool),
        headings=np.array([*range(0, 360, 45), *[0] * 8], np.float32),
        taken_s=1_700_000_000 + 86_400 * np.arange(16),
        sequences=np.arange(16, dtype=np.int32),
    )
    picked = town.choose()
    assert len(picked) == 16
    assert {round(float(town.headings[at])) for at in picked[:8]} == set(range(0, 360, 45))


def test_another_day_comes_before_the_same_day_again() -> None:
    town = street(4, 0.0).but(
        sequences=np.arange(4, dtype=np.int32), taken_s=86_400 * np.array([90, 90, 90, 40])
    )
    first, second, *_ = town.choose()
    assert town.taken_s[first] != town.taken_s[second]


def test_panoramas_then_vehicles_then_newer_ones() -> None:
    old, new = 1_300_000_000, 1_700_000_000
    town = street(4, 0.0).but(
        headings=np.full(4, 90, np.float32),
        panoramas=np.array([False, False, False, True]),
        on_foot=np.array([True, False, False, True]),
        taken_s=np.array([new, old, new, old]),
        sequences=np.arange(4, dtype=np.int32),
    )
    assert town.choose(1) == [3]
    town.panoramas[3] = False
    assert town.choose(1) == [2]


def test_a_parked_car_is_chosen_once() -> None:
    assert len(street(100, step_m=0.01).choose()) <= 2
    walking = street(100, step_m=1.0).but(on_foot=np.ones(100, bool))
    assert 20 <= len(walking.choose()) <= 22


def test_without_a_limit_all_are_ordered() -> None:
    town = crowd(400)
    town.sequences[:] = np.arange(400)
    assert sorted(town.choose()) == list(range(400))
    assert len(set(town.choose()[:40]) & set(town.choose(40))) == 40


def test_headings_are_sectors_around_the_compass() -> None:
    headings = np.array([0, 359, 22.4, 22.6, 180, np.nan, 90], np.float32)
    panoramas = np.array([False] * 6 + [True])
    town = street(7).but(headings=headings, panoramas=panoramas)
    assert layers_of(town.columns()).tolist() == [0, 0, 0, 1, 4, 9, 8]


def test_a_town_on_the_antimeridian() -> None:
    lons = np.where(np.arange(100) < 50, 179.999 + np.arange(100) * 2e-5, -180 + (np.arange(100) - 50) * 2e-5)
    columns = replace(street(100).columns(), lats=np.full(100, -17.0), lons=lons)
    picked = choose(columns, 10)
    assert len(picked) == 10
    assert np.ptp(np.sort(picked)) > 80


@pytest.mark.parametrize("most", [0, None, 5])
def test_nothing_to_choose_from(most: int | None) -> None:
    nobody = crowd(10).columns().at(np.zeros(10, bool))
    assert len(choose(nobody, most)) == 0
