"""What posts do to photos: mirrored ones are found, frames are left out, and attention moves along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geoflood.core.datatypes import AttentionMap, Box, Outcome, Query, ReasonKind
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image
from geoflood.localize.attention import within
from geoflood.localize.locator import Locator
from geoflood.synthetic.cohort import cohort
from geoflood.synthetic.post_edits import edit
from geoflood.synthetic.town import Truth

Photos = list[tuple[Path, Truth]]


def metres_off(locator: Locator, pixels: np.ndarray, truth: Truth) -> tuple[float, set[ReasonKind]]:
    found = locator.locate(pixels)
    assert found.estimate is not None
    turned = {note.kind for note in found.notes} & {ReasonKind.FRAMED, ReasonKind.MIRRORED}
    assert not (turned and any(one.pairs for one in found.candidates)), "places are of other pixels"
    spot, here = found.estimate.position, truth.position
    away = float(distance_m((spot.lat, spot.lon), (here.lat, here.lon)))
    return away, {note.kind for note in found.notes}


def test_a_mirrored_photo_is_found_turned_round(locator: Locator, queries: Photos) -> None:
    found = 0
    for path, truth in queries[:3]:
        photo = read_image(path)
        plain, notes = metres_off(locator, photo, truth)
        assert ReasonKind.MIRRORED not in notes
        mirrored, notes = metres_off(locator, edit(photo, "mirrored", 1).image, truth)
        found += plain <= 25 and mirrored <= 25 and ReasonKind.MIRRORED in notes
    assert found >= 2


@pytest.mark.parametrize("frame", ["white frame", "screenshot", "letterbox"])
def test_a_frame_around_a_photo_is_left_out(locator: Locator, queries: Photos, frame: str) -> None:
    path, truth = queries[0]
    photo = read_image(path)
    plain, _ = metres_off(locator, photo, truth)
    framed, notes = metres_off(locator, edit(photo, frame, 1).image, truth)
    assert plain <= 25
    assert framed <= 25
    assert ReasonKind.FRAMED in notes


def test_pictures_of_no_city_are_never_located(locator: Locator) -> None:
    for number, picture in enumerate(cohort(26, seed=5)):
        found = locator.locate(Query(Path(f"{number}.jpg")), pixels=picture)
        assert found.outcome is not Outcome.LOCATED, number


def test_attention_moves_with_what_is_cut_out() -> None:
    """The lower half of a picture, 100 px high, whose lower 40 are under water: of the half it is 0.8."""
    weights = np.array([[0.0, 0.0], [2.0, 2.0]], np.float32)
    half = within(AttentionMap(weights, waterline=0.4), Box(0, 50, 200, 100), (100, 200))
    assert half.waterline == pytest.approx(0.8)
    assert half.weights.min() > 1
    dry = within(AttentionMap.neutral(waterline=0.4), Box(0, 0, 200, 50), (100, 200))
    assert dry.waterline == 0
    deep = within(AttentionMap.neutral(waterline=0.4), Box(0, 70, 200, 100), (100, 200))
    assert deep.waterline == 0.99
    assert within(AttentionMap.neutral(), Box(0, 0, 9, 9), (20, 20)).uniform
