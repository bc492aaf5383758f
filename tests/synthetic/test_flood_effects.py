"""Rain, drops, debris, crops: what each effect changes, what it leaves, and that its truth is true."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.synthetic.flood import POST, PRESETS, STORM, WATER, Effects, flood, overcast, scene
from tests.support.street_pictures import busy_street, fingerprint

ALL = STORM | POST
HARD = ("drops", "debris")
"""Effects that replace pixels; the others change light, or the frame."""


def only(effect: str) -> Effects:
    return Effects(**{effect: 1.0})


def test_presets() -> None:
    assert Effects() == WATER
    assert set(PRESETS) == {"water", "storm", "post"}
    assert all(getattr(ALL, field.name) == 1.0 for field in fields(Effects))


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_an_amount_that_is_no_share_is_refused(amount: float) -> None:
    with pytest.raises(ValueError, match="rain"):
        Effects(rain=amount)


def test_flood_is_the_scene_without_its_truth() -> None:
    photo, mask = flood(busy_street(), 0.4, 3, STORM)
    whole = scene(busy_street(), 0.4, 3, STORM)
    assert np.array_equal(photo, whole.photo)
    assert np.array_equal(mask, whole.mask)


def test_the_same_in_any_thread_and_order() -> None:
    photo = busy_street()
    seeds = [3, 1, 2, 0, 3]
    alone = [fingerprint(scene(photo, 0.4, seed, ALL)) for seed in seeds]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda seed: fingerprint(scene(photo, 0.4, seed, ALL)), seeds))
    assert alone == together
    assert len(set(alone)) == 4


def test_the_same_in_another_process() -> None:
    code = (
        "from geoflood.synthetic.flood import POST, STORM, scene\n"
        "from tests.support.street_pictures import busy_street, fingerprint\n"
        "print(fingerprint(scene(busy_street(), 0.4, 8, STORM | POST)))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "77"},
    )
    assert there.stdout.strip() == fingerprint(scene(busy_street(), 0.4, 8, ALL))


@pytest.mark.parametrize("effect", [field.name for field in fields(Effects)])
def test_every_effect_changes_something_and_not_the_photo_given(effect: str) -> None:
    photo = busy_street()
    before = photo.copy()
    changed = scene(photo, 0.4, 2, only(effect) | Effects(overcast=0.0))
    plain = scene(photo, 0.4, 2, Effects(overcast=float(effect == "overcast")))
    if effect == "overcast":
        plain = scene(photo, 0.4, 2, Effects(overcast=0.0))
    assert fingerprint(changed) != fingerprint(plain)
    assert np.array_equal(photo, before)


def test_without_overcast_all_but_the_water_is_as_it_was() -> None:
    photo = busy_street()
    flooded, mask = flood(photo, 0.4, 1, Effects(overcast=0.0))
    assert np.array_equal(flooded[~mask], photo[~mask])


@pytest.mark.parametrize("seed", range(5))
def test_what_replaces_pixels_is_in_the_masks(seed: int) -> None:
    """Debris and drops leave everything else as the overcast photo, to the last bit."""
    photo = busy_street()
    done = scene(photo, 0.35, seed, Effects(drops=1.0, debris=1.0))
    plain = scene(photo, 0.35, seed)
    left = ~(done.mask | done.drops)
    assert left.any()
    assert np.array_equal(done.photo[left], overcast(photo)[left])
    assert (done.mask >= plain.mask).all()
    assert done.waterline == plain.waterline


@pytest.mark.parametrize("effect", HARD)
@pytest.mark.parametrize("seed", range(3))
def test_each_changes_only_what_it_says(effect: str, seed: int) -> None:
    photo = busy_street()
    done, plain = scene(photo, 0.4, seed, only(effect)), scene(photo, 0.4, seed)
    differs = (done.photo != plain.photo).any(axis=2)
    if effect == "drops":
        assert not (differs & ~done.drops).any()
        assert differs[done.drops].mean() > 0.5
        assert np.array_equal(done.mask, plain.mask)
    else:
        assert not (differs & ~done.mask).any()
        assert not done.drops.any()


def test_rain_falls_everywhere_and_replaces_nothing() -> None:
    photo = busy_street()
    wet, plain = scene(photo, 0.4, 1, only("rain")), scene(photo, 0.4, 1)
    assert np.array_equal(wet.mask, plain.mask)
    assert (wet.photo[:30] != plain.photo[:30]).any(axis=2).mean() > 0.5
    assert np.abs(wet.photo[:60].astype(int) - plain.photo[:60]).mean() < 60


def test_effects_do_not_disturb_each_other() -> None:
    """A drop is where it is, whether it rains or things float by."""
    photo = busy_street()
    alone, among = scene(photo, 0.4, 6, only("drops")), scene(photo, 0.4, 6, STORM)
    assert np.array_equal(alone.drops, among.drops)
    debris = scene(photo, 0.4, 6, only("debris"))
    assert np.array_equal(debris.mask, among.mask)


def test_rain_and_drops_need_no_water_but_things_afloat_do() -> None:
    photo = busy_street()
    dry = scene(photo, 0.0, 1, Effects(debris=1.0))
    assert np.array_equal(dry.photo, photo)
    wet = scene(photo, 0.0, 1, STORM)
    assert not wet.mask.any()
    assert wet.waterline == 0.0
    assert wet.drops.any()
    assert not np.array_equal(wet.photo, photo)


@pytest.mark.parametrize("seed", range(4))
def test_more_water_covers_what_less_did(seed: int) -> None:
    masks = [flood(busy_street(), level, seed)[1] for level in (0.1, 0.2, 0.35, 0.5, 0.7, 0.9)]
    for lower, higher in pairwise(masks):
        assert (higher >= lower).all()
        assert higher.sum() > lower.sum()


@pytest.mark.parametrize("seed", range(6))
def test_a_crop_is_a_part_and_its_waterline_is_true(seed: int) -> None:
    photo = busy_street()
    whole, part = scene(photo, 0.4, seed), scene(photo, 0.4, seed, only("crop"))
    box_ = part.box
    cut_out = (slice(box_.top, box_.bottom), slice(box_.left, box_.right))
    assert part.photo.shape[0] == box_.bottom - box_.top
    assert np.array_equal(part.photo, whole.photo[cut_out])
    assert np.array_equal(part.mask, whole.mask[cut_out])
    assert part.waterline == pytest.approx(part.mask.mean(), abs=0.025)
    assert whole.waterline == pytest.approx(0.4, abs=1e-9)
    assert part.mask.any()
    assert not part.mask[0].all()


@pytest.mark.parametrize("seed", range(4))
def test_what_is_posted_is_smaller_and_its_mask_with_it(seed: int) -> None:
    posted = scene(busy_street(240, 320), 0.4, seed, POST)
    assert posted.photo.shape[:2] == posted.mask.shape == posted.drops.shape
    assert posted.photo.shape[0] < posted.box.bottom - posted.box.top
    assert posted.waterline == pytest.approx(posted.mask.mean(), abs=0.02)


def test_compression_moves_no_pixel() -> None:
    smooth = np.repeat(np.linspace(40, 200, 160).astype(np.uint8)[None, :, None], 3, 2).repeat(120, 0)
    done = scene(smooth, 0.0, 1, only("compression"))
    assert done.photo.shape == smooth.shape
    assert 0 < np.abs(done.photo.astype(int) - smooth).mean() < 6


@given(
    st.one_of(
        st.tuples(st.integers(1, 40), st.integers(1, 40)),
        st.tuples(st.integers(1, 4), st.integers(100, 400)),
        st.tuples(st.integers(100, 400), st.integers(1, 4)),
    ),
    st.floats(0.0, 0.9),
    st.integers(0, 2**40),
    st.builds(Effects, *[st.sampled_from((0.0, 0.01, 0.5, 1.0))] * len(fields(Effects))),
    st.integers(0, 255),
)
def test_any_photo_any_effects(
    size: tuple[int, int], level: float, seed: int, effects: Effects, grey: int
) -> None:
    photo = np.full((*size, 3), grey, np.uint8)
    done = scene(photo, level, seed, effects)
    assert done.photo.dtype == np.uint8
    assert done.photo.shape == (*done.mask.shape, 3)
    assert done.mask.shape == done.drops.shape
    assert min(done.mask.shape) >= 1
    assert 0.0 <= done.waterline <= 1.0
    assert 0 <= done.box.left < done.box.right <= size[1]
    assert 0 <= done.box.top < done.box.bottom <= size[0]
    assert (done.waterline > 0) == (round(level * size[0]) >= 1)


def test_a_day_of_rain_has_less_colour_and_contrast_than_a_grey_one() -> None:
    photo = busy_street()
    grey, rainy = overcast(photo), overcast(photo, 2.0)
    assert np.array_equal(overcast(photo, 0.0), photo)
    assert np.ptp(rainy.astype(int), axis=2).mean() < 0.85 * np.ptp(grey.astype(int), axis=2).mean()
    assert rainy.std() < grey.std() < photo.std()


MEASURED = np.array(
    [
        (191.5, 191.4, 190.2, 190.4),
        (96.0, 96.0, 90.1, 90.1),
        (59.5, 59.3, 57.7, 57.7),
        (90.7, 92.4, 91.1, 89.9),
    ]
)


def test_plain_water_is_the_water_that_was_measured() -> None:
    """All figures and every self-calibration rest on it; means of blocks, to half a step of grey."""
    flooded = flood(busy_street(), 0.45, 11)[0].astype(float)
    means = flooded.reshape(4, 30, 4, 40, 3).mean((1, 3, 4))
    assert means == pytest.approx(MEASURED, abs=0.5)
