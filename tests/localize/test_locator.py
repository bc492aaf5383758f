"""Photos of the drawn town, located: with and without what an analyst knows, and whatever the photo is."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures

from geoflood.core.datatypes import (
    AttentionMap,
    Bounds,
    LatLon,
    Located,
    Outcome,
    Query,
    ReasonKind,
    SearchOptions,
    Vectors,
)
from geoflood.core.errors import CityError, IndexUnusableError
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image
from geoflood.database.bands import band_weights
from geoflood.localize import locator as locator_module
from geoflood.localize.attention import read_attention
from geoflood.localize.locator import Locator
from geoflood.localize.rerank import FINALISTS, PAIRS
from geoflood.outputs.record import record
from geoflood.outputs.wording import reason_line
from geoflood.places.street_map import LineKind
from geoflood.places.street_map_file import STREETS, save
from geoflood.synthetic.town import Truth
from tests.support.street_maps import street_map

Photos = list[tuple[Path, Truth]]


def error_m(located: Located, truth: Truth) -> float:
    assert located.estimate is not None
    here, there = located.estimate.position, truth.position
    return float(distance_m((here.lat, here.lon), (there.lat, there.lon)))


def same(one: Located, other: Located) -> None:
    """The same answer, up to the rounding of sums over several threads."""
    assert (one.query, one.outcome) == (other.query, other.outcome)
    assert [c.reference for c in one.candidates[:3]] == [c.reference for c in other.candidates[:3]]
    a, b = ([c.similarity for c in located.candidates] for located in (one, other))
    assert a == pytest.approx(b, abs=1e-4)


@pytest.fixture(scope="module")
def told(locator: Locator, queries: Photos) -> list[Located]:
    """Every photo with its true waterline."""
    return [
        locator.locate(Query(path), AttentionMap.neutral(truth.waterline, "analyst"))
        for path, truth in queries
    ]


@pytest.fixture(scope="module")
def untold(locator: Locator, queries: Photos) -> list[Located]:
    """Every photo with nothing known of it, one by one."""
    return [locator.locate(Query(path)) for path, _ in queries]


@pytest.mark.parametrize("kind", ["told", "untold"])
def test_flooded_photos_are_found(kind: str, queries: Photos, request: pytest.FixtureRequest) -> None:
    """Five of six within 25 m: by chance it would be one or two, the town has some 250 m of streets."""
    answers = request.getfixturevalue(kind)
    here = [(one, truth) for one, (_, truth) in zip(answers, queries, strict=True) if truth.in_city]
    right = [one for one, truth in here if error_m(one, truth) <= 25]
    assert len(here) == 6
    assert len(right) >= 5, [round(error_m(one, truth)) for one, truth in here]


def test_strangers_resemble_less(queries: Photos, untold: list[Located]) -> None:
    """The town is too small to calibrate "not here" by; the demo's test asks for that."""
    best = {truth.in_city: [] for _, truth in queries}
    for one, (_, truth) in zip(untold, queries, strict=True):
        best[truth.in_city].append(one.candidates[0].similarity)
    assert np.median(best[True]) > max(best[False])


def test_answers_are_whole(untold: list[Located]) -> None:
    for one in untold:
        estimate = one.estimate
        assert estimate is not None
        assert 0 <= estimate.probability <= 1 - estimate.not_in_index + 1e-9
        assert 0 < estimate.radius_50_m <= estimate.radius_90_m
        assert math.fsum(cell.probability for cell in estimate.search_area) == pytest.approx(0.9, abs=0.1)
        assert len(one.candidates) == 10
        assert all(-1.01 <= c.similarity <= 1.01 for c in one.candidates)
        similarities = [c.similarity for c in one.candidates if c.inliers is None]
        assert similarities == sorted(similarities, reverse=True), "re-ranking alone moves candidates"
        assert {"read", "describe", "search", "fuse"} <= set(one.seconds)
        assert one.reason


def test_candidates_that_were_compared_whole_tell_what_details_agree(untold: list[Located]) -> None:
    """None where the photo that was searched is not the one that is shown."""
    told = 0
    for one in untold:
        turned = {note.kind for note in one.notes} & {ReasonKind.FRAMED, ReasonKind.MIRRORED}
        for candidate in one.candidates:
            assert len(candidate.pairs) == (0 if turned else min(PAIRS, candidate.inliers or 0))
            assert all(0 <= share <= 1 for pair in candidate.pairs for share in pair)
        assert sum(bool(candidate.pairs) for candidate in one.candidates) <= FINALISTS
        told += sum(bool(candidate.pairs) for candidate in one.candidates)
    assert told >= 15


def test_no_lines_of_a_photo_that_was_turned_or_cut_out_or_not_compared(
    locator: Locator, queries: Photos
) -> None:
    pixels = read_image(queries[0][0])
    framed = np.zeros((pixels.shape[0] * 2, pixels.shape[1] * 2, 3), np.uint8)
    high, wide = pixels.shape[0] // 2, pixels.shape[1] // 2
    framed[high : high + pixels.shape[0], wide : wide + pixels.shape[1]] = pixels
    cut = locator.locate(framed)
    assert ReasonKind.FRAMED in {note.kind for note in cut.notes}
    for found in (cut, locator.locate(pixels, options=SearchOptions(rerank=0))):
        assert found.candidates
        assert not any(one.pairs for one in found.candidates)


def test_together_as_one_by_one(locator: Locator, queries: Photos, untold: list[Located]) -> None:
    seen: list[tuple[str, int, int]] = []
    together = locator.locate_all(
        [Query(path) for path, _ in queries[:4]], workers=4, progress=lambda *told: seen.append(told)
    )
    assert [done for _, done, _ in seen] == [1, 2, 3, 4]
    for one, other in zip(together, untold[:4], strict=True):
        same(one, other)


def test_no_photos_no_answers(locator: Locator) -> None:
    assert locator.locate_all([]) == []


def test_a_box_narrows_the_search(locator: Locator, queries: Photos, untold: list[Located]) -> None:
    path, truth = queries[0]
    spot = truth.position
    box = Bounds(spot.lat - 2e-4, spot.lon - 3e-4, spot.lat + 2e-4, spot.lon + 3e-4)
    found = locator.locate(Query(path), within=box)
    assert found.candidates
    assert found.candidates[0] == untold[0].candidates[0]
    for candidate in found.candidates:
        assert box.south <= candidate.reference.position.lat <= box.north
    nowhere = locator.locate(Query(path), within=Bounds(0, 0, 1, 1))
    assert (nowhere.outcome, nowhere.estimate) == (Outcome.NOT_FOUND, None)
    assert nowhere.reason.kind is ReasonKind.EMPTY_BOX
    assert found.estimate is not None
    assert found.estimate.boxed
    assert untold[0].estimate is not None
    assert not untold[0].estimate.boxed


def test_a_box_that_does_not_hold_the_place_is_named(locator: Locator, queries: Photos) -> None:
    path, truth = queries[0]
    spots = locator.database.positions
    far = spots[np.argmax(np.abs(spots - (truth.position.lat, truth.position.lon)).sum(axis=1))]
    box = Bounds(far[0] - 1e-5, far[1] - 1e-5, far[0] + 1e-5, far[1] + 1e-5)
    elsewhere = locator.locate(Query(path), within=box)
    assert elsewhere.outcome is not Outcome.LOCATED
    assert "this index" not in reason_line(elsewhere).partition(";")[0]


def farthest_box(locator: Locator, truth: Truth) -> tuple[Bounds, list[int]]:
    """Around the reference that is farthest away, and which references lie in it."""
    spots = locator.database.positions
    far = spots[np.argmax(np.abs(spots - (truth.position.lat, truth.position.lon)).sum(axis=1))]
    inside = np.flatnonzero((np.abs(spots - far) <= 1e-5).all(axis=1))
    return Bounds(far[0] - 1e-5, far[1] - 1e-5, far[0] + 1e-5, far[1] + 1e-5), inside.tolist()


def test_all_of_a_box_is_searched(locator: Locator, queries: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    path, truth = queries[0]
    box, inside = farthest_box(locator, truth)
    monkeypatch.setattr(locator_module, "FUSED", 2)
    first = locator.locate(Query(path), options=SearchOptions(rerank=0))
    assert not {candidate.reference.id for candidate in first.candidates} & set(inside), "none is alike"
    found = locator.locate(Query(path), options=SearchOptions(rerank=0), within=box)
    assert {candidate.reference.id for candidate in found.candidates} <= set(inside)
    assert len(found.candidates) == min(2, len(inside))


def test_nothing_in_a_box_whose_references_must_not_be_found(locator: Locator, queries: Photos) -> None:
    path, truth = queries[0]
    box, inside = farthest_box(locator, truth)
    nothing = locator.locate(Query(path), within=box, without=inside)
    assert (nothing.outcome, nothing.reason.kind) == (Outcome.NOT_FOUND, ReasonKind.NOTHING_ALIKE_IN_BOX)


# -- attention --------------------------------------------------------------------------------------------


def descriptors(locator: Locator, path: Path, attention: AttentionMap, alpha: float = 1.0) -> Vectors:
    (described,) = locator.describe([read_image(path)], [attention], SearchOptions(alpha=alpha))
    return described.descriptors


@pytest.mark.parametrize(
    "content",
    [{"weights": [[1, 1], [1, 1]]}, [[0.4] * 7] * 5, {"weights": [[0, 0]]}, {"regions": [], "background": 2}],
)
def test_attention_that_says_nothing_changes_no_bit(
    locator: Locator, queries: Photos, tmp_path: Path, content: Any
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content), "utf-8")
    path = queries[0][0]
    plain = descriptors(locator, path, AttentionMap.neutral())
    np.testing.assert_array_equal(descriptors(locator, path, read_attention(tmp_path / "a.json")), plain)


def test_uniform_attention_is_the_same_as_weights_of_one(locator: Locator, queries: Photos) -> None:
    """The shortcut for uniform maps hides no difference."""
    path = queries[0][0]
    almost = np.full((8, 8), 0.7, np.float32)
    almost[0, 0] = np.nextafter(np.float32(0.7), np.float32(1))
    plain = descriptors(locator, path, AttentionMap.neutral())
    np.testing.assert_allclose(descriptors(locator, path, AttentionMap(almost)), plain, atol=1e-4)


def test_alpha_goes_from_nothing_to_all(locator: Locator, queries: Photos) -> None:
    path = queries[0][0]
    weights = np.zeros((6, 6), np.float32)
    weights[:3] = 2
    plain = descriptors(locator, path, AttentionMap.neutral())
    away = [
        float((descriptors(locator, path, AttentionMap(weights), alpha) * plain).sum(axis=1)[0])
        for alpha in (0.0, 0.5, 1.0)
    ]
    assert away[0] == pytest.approx(1, abs=1e-5)
    assert away[0] > away[1] > away[2]


def test_attention_takes_the_eye_off_what_misleads(
    locator: Locator, queries: Photos, streets: Path, tmp_path: Path
) -> None:
    """Half of the frame shows the place, half another: whichever half is looked at is found."""
    paths = sorted((streets / "streets").glob("summer-*.jpg"))
    first, other = paths[0], paths[len(paths) // 2]
    left, right = (read_image(path) for path in (first, other))
    half = left.shape[1] // 2
    Pictures.fromarray(np.concatenate([left[:, :half], right[:, half:]], axis=1)).save(tmp_path / "both.png")
    columns = np.zeros((1, 8), np.float32)
    columns[:, :4] = 2
    for weights, path in ((columns, first), (columns[:, ::-1].copy(), other)):
        found = locator.locate(Query(tmp_path / "both.png"), AttentionMap(weights, 0.0, "file"))
        assert Path(found.candidates[0].reference.location) == path


def test_within_a_band_only_what_stands_above_its_line_counts(locator: Locator, queries: Photos) -> None:
    """The water may be anything: the band that ignores it does not change."""
    path, _ = queries[0]
    pixels = read_image(path)
    other = pixels.copy()
    other[round(len(pixels) * 0.75) :] = 90
    plain, masked = locator.describe([pixels, other], [AttentionMap.neutral()] * 2)
    cosine = (plain.descriptors * masked.descriptors).sum(axis=1)
    assert cosine[-1] > 0.9, "60 % ignored, with room for patches that reach over the line"
    assert cosine[0] < cosine[-1]
    assert band_weights(np.array([[0.5, 0.39], [0.5, 0.41]]), (0, 60)).tolist() == [[1, 1], [1, 0]]


# -- photos that are none ---------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"not a photo", None])
def test_what_cannot_be_read_is_an_answer(locator: Locator, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "photo.jpg"
    if content is not None:
        path.write_bytes(content)
    found = locator.locate(Query(path))
    assert found.outcome is Outcome.FAILED
    assert (found.estimate, found.candidates) == (None, ())
    assert found.reason.kind is ReasonKind.UNREADABLE
    json.dumps(record(found), allow_nan=False)


RAMP = np.linspace(0, 255, 4000).astype(np.uint8)
ODD = {
    "black": np.zeros((300, 400, 3), np.uint8),
    "white": np.full((300, 400, 3), 255, np.uint8),
    "one pixel": np.full((1, 1, 3), 90, np.uint8),
    "wide": np.broadcast_to(RAMP[None, :, None], (4, 4000, 3)).copy(),
    "high": np.broadcast_to(RAMP[:, None, None], (4000, 2, 3)).copy(),
    "noise": np.random.default_rng(1).integers(0, 255, (200, 300, 3), dtype=np.uint8),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("waterline", [None, 0.9])
def test_odd_photos_get_an_answer(
    locator: Locator, tmp_path: Path, name: str, waterline: float | None
) -> None:
    path = tmp_path / f"{name}.png"
    Pictures.fromarray(ODD[name]).save(path)
    found = locator.locate(Query(path), AttentionMap.neutral(waterline))
    assert found.outcome in Outcome
    text = json.dumps(record(found), allow_nan=False)
    assert "NaN" not in text
    if name in ("black", "white", "one pixel"):
        assert found.outcome is not Outcome.LOCATED, "there is nothing to be seen in it"


# -- indexes that are none --------------------------------------------------------------------------------


def test_no_index_is_a_city_error(tmp_path: Path) -> None:
    with pytest.raises(CityError, match="no index"):
        Locator(tmp_path / "nowhere")


def test_an_unfinished_index_says_so(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch()
    with pytest.raises(IndexUnusableError, match="unfinished"):
        Locator(tmp_path)


def test_an_index_with_a_street_map_names_its_streets(
    locator: Locator, queries: Photos, tmp_path: Path
) -> None:
    """The same answer, and the streets; where the map is damaged, the same answer and a note."""
    folder = tmp_path / "town"
    shutil.copytree(locator.database.folder, folder)
    (path, _), middle = queries[0], LatLon(*map(float, locator.database.positions.mean(axis=0)))
    lines = [
        ("Long Row", LineKind.MINOR, [(-900.0, float(n)), (900.0, float(n))]) for n in range(-600, 601, 40)
    ]
    save(folder, street_map(lines, areas=(), spots=(), doors=(), origin=middle))
    before, after = locator.locate(path), Locator(folder).locate(path)
    same(before, after)
    assert (before.streets, after.reason) == (None, before.reason)
    assert after.streets
    assert "Long Row" in after.streets.place
    assert after.streets.credit == "© Test, ODbL 1.0"
    assert {one.street for one in after.candidates} == {"Long Row"}
    assert after.seconds["name"] < 5.0
    (folder / STREETS).write_bytes(b"no map")
    broken = Locator(folder).locate(path)
    same(before, broken)
    assert broken.streets is None
    assert [note.kind for note in broken.notes if note not in before.notes] == [ReasonKind.NO_STREETS]
    assert STREETS in reason_line(broken)
