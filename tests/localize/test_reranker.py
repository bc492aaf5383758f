"""Re-ranking in the drawn town: a glance keeps the right candidate, and kept patches do what pictures do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from geoflood.backbones.patches import Patches, patches
from geoflood.core.datatypes import AttentionMap, Image, Reference
from geoflood.core.geo import distance_m
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.database.database import Database
from geoflood.database.patch_store import PatchStore
from geoflood.localize.locator import Locator
from geoflood.localize.rerank import FINALISTS, FOOT, PAIRS, Reranker, count_inliers
from geoflood.synthetic.town import Truth

Photos = list[tuple[Path, Truth]]
NEUTRAL = AttentionMap.neutral()
INDEX_FILES = ("manifest.json", "references.sqlite", "captures.npy", "vectors.faiss", "learned.npz")


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture(scope="module")
def reranker(locator: Locator, pool: ThreadPoolExecutor) -> Reranker:
    """With the patches that the town's index kept."""
    kept = PatchStore(locator.database.folder)
    return Reranker(pool, kept)


@pytest.fixture(scope="module")
def references(locator: Locator) -> list[Reference]:
    return locator.database.references(range(len(locator.database)))


def inliers(
    reranker: Reranker, photo: Patches, references: Sequence[Reference], likely: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    likelihoods = np.zeros(len(references)) if likely is None else likely
    agreed = reranker.agreed(photo, NEUTRAL, references, likelihoods)
    return agreed.inliers, agreed.gone


def whole_counts(reranker: Reranker, photo: Patches, references: Sequence[Reference]) -> np.ndarray:
    """Inliers [n] with each, whole, without any glance."""
    counts, photo = [], photo.above(FOOT)
    ones = np.ones(len(photo.places), np.float32)
    for reference in references:
        packed = reranker.packed_of(reference)
        assert packed is not None
        counts.append(count_inliers(photo, ones, packed.unpacked())[0])
    return np.array(counts)


@pytest.fixture(scope="module")
def photo(queries: Photos) -> Patches:
    return patches(read_image(queries[0][0]))


def test_a_glance_keeps_what_agrees_most(
    reranker: Reranker, references: list[Reference], queries: Photos
) -> None:
    """Out of the 20 nearest references, which the search found equally likely."""
    for path, truth in queries[:4]:
        here = (truth.position.lat, truth.position.lon)
        away = [float(distance_m((one.position.lat, one.position.lon), here)) for one in references]
        candidates = [references[n] for n in np.argsort(away)[:20]][::-1]
        photo = patches(read_image(path))
        counts, gone = inliers(reranker, photo, candidates)
        whole = whole_counts(reranker, photo, candidates)
        known = np.isfinite(counts)
        assert (known.sum(), gone) == (FINALISTS, 0)
        assert known[whole.argmax()], whole
        np.testing.assert_array_equal(counts[known], whole[known])


def test_the_search_has_a_say_in_who_is_compared(
    reranker: Reranker, references: list[Reference], photo: Patches
) -> None:
    candidates = references[:12]
    for likeliest in (0, 11):
        likely = np.where(np.arange(12) == likeliest, 1e6, 0.0)
        assert np.isfinite(inliers(reranker, photo, candidates, likely)[0][likeliest])


@pytest.mark.parametrize("count", [0, 1, FINALISTS])
def test_few_candidates_are_all_compared(
    reranker: Reranker, references: list[Reference], photo: Patches, count: int
) -> None:
    counts, gone = inliers(reranker, photo, references[:count])
    assert (counts.shape, gone) == ((count,), 0)
    np.testing.assert_array_equal(counts, whole_counts(reranker, photo, references[:count]))


def test_what_is_gone_is_counted_and_takes_nobodys_turn(
    reranker: Reranker, references: list[Reference], photo: Patches
) -> None:
    gone = {1, 3, 4}
    unkept = replace(reranker, kept=lambda number: None if number in gone else reranker.kept(number))
    candidates = [
        replace(one, location="gone.jpg") if one.id in gone else one for one in references[: FINALISTS + 3]
    ]
    counts, missed = inliers(unkept, photo, candidates)
    assert missed == 3
    assert np.flatnonzero(np.isnan(counts)).tolist() == sorted(gone), "all others are few enough"
    assert inliers(unkept, photo, [candidates[1]])[0].tolist() == pytest.approx([np.nan], nan_ok=True)


def test_kept_patches_do_as_those_made_anew_from_the_picture(
    reranker: Reranker, references: list[Reference], photo: Patches
) -> None:
    """Whole photos and tiles of panoramas. Sums over a batch round a little: a code may move by one."""
    anew = replace(reranker, kept=lambda number: None)
    whole = [one for one in references if one.tile_deg is None]
    tiles = [one for one in references if one.tile_deg is not None]
    for reference in (*whole[:3], *tiles[:3]):
        kept, made = (one.packed_of(reference) for one in (reranker, anew))
        assert kept is not None
        assert made is not None
        kept, made = kept.unpacked(), made.unpacked()
        assert kept.shape == made.shape
        np.testing.assert_array_equal(kept.cells, made.cells)
        assert float((kept.descriptors * made.descriptors).sum(dim=1).min()) > 0.99
    few = [*whole[:3], *tiles[:2]]
    np.testing.assert_allclose(inliers(reranker, photo, few)[0], inliers(anew, photo, few)[0], atol=2)


def test_an_index_does_without_its_pictures(
    index_dir: Path, reranker: Reranker, photo: Patches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied to another machine: the files that the guide names, and no picture."""
    for name in (*INDEX_FILES, "patches.npz"):
        shutil.copy(index_dir / "town" / name, tmp_path)
    shutil.copytree(index_dir / "town" / "patches", tmp_path / "patches")
    database = Database(tmp_path)
    there = Reranker(reranker.pool, PatchStore(tmp_path))
    references = database.references(range(20))
    here = inliers(reranker, photo, references)
    monkeypatch.setattr("geoflood.localize.rerank.pixels_of", _gone)
    counts, gone = inliers(there, photo, references)
    np.testing.assert_array_equal(counts, here[0])
    assert (np.isfinite(counts).sum(), gone) == (FINALISTS, 0)
    assert inliers(replace(there, kept=lambda number: None), photo, references)[1] == 20


def _gone(reference: Reference) -> Image:
    raise UnreadableImageError(reference.location, "missing file")


def test_pairs_are_inliers_of_the_count_and_lie_inside_the_frames(
    reranker: Reranker, references: list[Reference], photo: Patches
) -> None:
    """Under even attention each inlier counts one."""
    agreed = reranker.agreed(photo, NEUTRAL, references, np.zeros(len(references)))
    counted = np.flatnonzero(np.isfinite(agreed.inliers))
    assert set(agreed.pairs) == {references[n].id for n in counted}
    ours = {tuple(place) for place in photo.above(FOOT).places.tolist()}
    for n in counted:
        pairs = agreed.pairs[references[n].id]
        packed = reranker.packed_of(references[n])
        assert packed is not None
        assert pairs.shape == (min(PAIRS, int(agreed.inliers[n])), 4)
        assert ((pairs >= 0) & (pairs <= 1)).all()
        assert {tuple(one) for one in pairs[:, :2].tolist()} <= ours
        theirs = {tuple(place) for place in packed.unpacked().places.tolist()}
        assert {tuple(one) for one in pairs[:, 2:].tolist()} <= theirs
    assert agreed.inliers[counted].max() > PAIRS, "the photo's own place has more than are kept"


def test_pairs_of_a_picture_with_itself_join_the_same_places(photo: Patches) -> None:
    count, pairs = count_inliers(photo, np.ones(len(photo.places), np.float32), photo)
    assert len(pairs) == PAIRS < count
    assert (np.abs(pairs[:, :2] - pairs[:, 2:]).max(axis=1) < 0.1).all()
    assert np.ptp(pairs[:, 1]) > 0.5, "spread over the photo"


def test_what_weighs_nothing_is_no_pair(photo: Patches) -> None:
    worth = (photo.places[:, 0] < 0.5).astype(np.float32)
    _, pairs = count_inliers(photo, worth, photo)
    assert len(pairs)
    assert (pairs[:, 0] < 0.5).all()
