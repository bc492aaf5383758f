"""Geometric consistency: matches that agree are found, whatever the shift and scale, and chance is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoflood.backbones.patches import Patches, matches
from geoflood.localize.matching.geometry import SCALES, agreeing, votes

RNG = np.random.default_rng(3)


@given(scale=st.floats(0.7, 1.4), dx=st.floats(-0.5, 0.5), dy=st.floats(-0.5, 0.5), wrong=st.integers(0, 60))
def test_matches_that_share_a_shift_and_scale_agree(scale: float, dx: float, dy: float, wrong: int) -> None:
    rng = np.random.default_rng(wrong)
    query = rng.uniform(0, 0.4, (60 + wrong, 2))
    reference = query.mean(axis=0) + scale * (query - query.mean(axis=0)) + (dx, dy)
    reference[60:] = rng.uniform(-5, 5, (wrong, 2))
    kept = agreeing(query, reference, np.ones(len(query)))
    assert kept[:60].sum() >= 50
    assert kept[60:].sum() <= 5


@given(
    scale=st.sampled_from(SCALES),
    dx=st.floats(-0.5, 0.5),
    dy=st.floats(-0.5, 0.5),
    wrong=st.integers(0, 60),
)
def test_votes_are_about_the_weight_of_what_agrees(scale: float, dx: float, dy: float, wrong: int) -> None:
    """All of it under one of every second scale; beside these a cluster spreads over more bins than two."""
    rng = np.random.default_rng(wrong)
    query = rng.uniform(0, 0.4, (60 + wrong, 2))
    reference = query.mean(axis=0) + scale * (query - query.mean(axis=0)) + (dx, dy)
    reference[60:] = rng.uniform(-5, 5, (wrong, 2))
    weights = rng.uniform(0.1, 1, len(query))
    held = votes(query, reference, weights)
    agreed = float(weights[agreeing(query, reference, weights)].sum())
    if scale in SCALES[::2]:
        assert held >= weights[:60].sum() - 1e-6
    assert 0.5 * agreed <= held <= agreed + weights[60:].sum() + 1e-6


def test_votes_of_nothing_are_none() -> None:
    none = np.empty((0, 2))
    assert votes(none, none, np.empty(0)) == 0
    points = RNG.uniform(0, 1, (5, 2))
    assert votes(points, points, np.zeros(5)) == 0
    assert votes(points, points + 100, np.ones(5)) == 0


def test_a_match_of_no_weight_decides_nothing() -> None:
    query = RNG.uniform(0, 1, (30, 2))
    reference = query + np.array([0.2, 0.0])
    reference[:20] = query[:20] - (0.3, 0.1)
    weights = np.r_[np.zeros(20), np.ones(10)]
    kept = agreeing(query, reference, weights)
    assert kept.tolist() == [False] * 20 + [True] * 10
    assert agreeing(query, reference, np.ones(30))[:20].all()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_matches_are_no_accident(count: int) -> None:
    points = RNG.uniform(0, 1, (count, 2))
    assert agreeing(points, points, np.ones(count)).tolist() == [True] * count


def test_matches_far_outside_the_frame_are_nobodys() -> None:
    points = RNG.uniform(0, 1, (5, 2))
    assert not agreeing(points, points + 100, np.ones(5)).any()


def test_mutual_nearest_neighbours_only() -> None:
    def of(rows: list[list[float]]) -> Patches:
        return Patches(
            torch.tensor(rows),
            np.zeros((len(rows), 2), np.float32),
            np.zeros((len(rows), 2), np.int64),
            (10, 10),
        )

    query = of([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    found = matches(query, of([[0.0, 1.0], [1.0, 0.0]]))
    assert sorted(found.tolist()) == [[0, 1], [2, 0]]


def test_an_image_without_patches_matches_nothing() -> None:
    empty = Patches(torch.empty(0, 2), np.empty((0, 2), np.float32), np.empty((0, 2), np.int64), (10, 10))
    one = Patches(torch.ones(1, 2), np.zeros((1, 2), np.float32), np.zeros((1, 2), np.int64), (10, 10))
    assert matches(empty, one).shape == (0, 2)
    assert matches(one, empty).shape == (0, 2)
