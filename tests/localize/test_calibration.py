"""An index calibrates itself with pseudo-queries, and can be refined with labels."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.datatypes import AttentionMap, LatLon, Outcome, Query, ReasonKind, SearchOptions
from geoflood.core.errors import InputError
from geoflood.core.images import jpeg
from geoflood.database.build import build
from geoflood.database.calibration import (
    CalibrationKey,
    CalibrationParams,
    calibration_from,
    calibration_to,
)
from geoflood.database.manifest import Settings, read_manifest
from geoflood.imagery.folder import images
from geoflood.imagery.views import pixels_of
from geoflood.localize.calibration import calibrate as calibrating
from geoflood.localize.calibration.calibrate import refine, self_calibrate
from geoflood.localize.calibration.prior import PRIOR, RERANKED_PRIOR
from geoflood.localize.calibration.pseudo_queries import (
    chosen,
    make,
    outsiders_as_sources,
    photos_as_sources,
    references_as_sources,
    rehearsal_queries,
)
from geoflood.localize.locator import Locator
from geoflood.outputs.wording import reason_line
from geoflood.synthetic.town import Truth
from tests.support.calibration import PLAIN, QUICK, calibrate_quickly, uncalibrated

Photos = list[tuple[Path, Truth]]
UNTOLD = CalibrationKey(None)


def labels(queries: Photos) -> list[tuple[Path, LatLon]]:
    return [(path, truth.position) for path, truth in queries]


@pytest.fixture
def town(index_dir: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    return Path(shutil.copytree(index_dir / "town", tmp_path / "town"))


def test_a_reference_plays_dry_and_in_one_depth_an_outsider_dry(locator: Locator) -> None:
    sources = [
        *references_as_sources(locator.database.references([0, 1, 2])),
        *outsiders_as_sources(2),
    ]
    made = make(locator.describer, locator.settings.bands, sources, 1)
    assert [(one.source.reference, one.source.outsider, one.level) for one in made] == [
        (0, -1, 0.0), (0, -1, 0.15),
        (1, -1, 0.0), (1, -1, 0.30),
        (2, -1, 0.0), (2, -1, 0.45),
        (-1, 0, 0.0), (-1, 1, 0.0),
    ]  # fmt: skip
    assert all(one.waterline <= one.level + 0.02 for one in made)
    assert np.isnan(rehearsal_queries(made).positions[-2:]).all()
    dry, deep = made[4].descriptors, made[5].descriptors
    assert np.linalg.norm(dry - deep, axis=1).max() > 0.3
    again = make(locator.describer, locator.settings.bands, sources, 2)
    for one, other in zip(made, again, strict=True):
        assert np.array_equal(one.descriptors, other.descriptors), "the same whatever the threads"


def test_a_reference_whose_picture_is_gone_plays_nothing(locator: Locator) -> None:
    sources = references_as_sources(locator.database.references([0]))
    labelled = photos_as_sources([(Path("gone.jpg"), sources[0].position)])
    made = make(locator.describer, locator.settings.bands, [*labelled, *sources], 1)
    assert {one.source.reference for one in made} == {0}
    nobody = rehearsal_queries(make(locator.describer, locator.settings.bands, labelled, 1))
    assert len(nobody) == 0


def test_the_players_are_spread_over_the_city() -> None:
    ids = chosen(10_000, 128)
    assert len(ids) == len(set(ids.tolist()))
    assert ids[0] == 0
    assert ids[-1] == 9999
    assert chosen(3, 128).tolist() == [0, 1, 2]


def test_an_index_calibrates_itself_for_every_belief(town: Path, locator: Locator) -> None:
    settings = locator.settings
    learned = calibrate_quickly(town, locator.describer, settings, None, 1)
    assert set(learned) == {
        CalibrationKey(band, reranked) for band in (None, *settings.bands) for reranked in (False, True)
    }
    for key, entry in learned.items():
        assert entry.places >= QUICK.enough, key
        assert entry.params.coverage, key
        prior = RERANKED_PRIOR if key.reranked else PRIOR
        assert entry.params.place != prior.params.place, key
        assert (entry.params.inliers > 0) == (entry.params.place.agreement > 0) == key.reranked
    assert learned == locator.calibration, "the same whatever the threads"


def test_a_calibration_is_written_and_read_again(locator: Locator) -> None:
    content = json.loads(json.dumps(calibration_to(locator.calibration), allow_nan=False))
    assert calibration_from(content) == locator.calibration
    other = content | {"untold, re-ranked by sift": content["untold"]}
    assert calibration_from(other) == locator.calibration, "what this program cannot search is left aside"


def test_damaged_numbers_are_refused() -> None:
    sound = PRIOR.params.numbers
    assert CalibrationParams.of(sound | {"same": 0.5, "trials": 9}) == replace(PRIOR.params, same=0.5)
    for name, wrong in (
        ("temperature", 0),
        ("kernel_m", math.nan),
        ("place", [1.0, -0.1, 0, 0, 0, 0]),
        ("inside", [math.inf, 0, 0, 0, 0, 0]),
        ("different", -1e9),
        *(
            ("coverage", knots)
            for knots in (
                *([(0.5, 0.9), (0.4, 0.95)], [(0.5, 1.0)], [(math.nan, 0.5)]),
                [(0.5, 0.9), (0.6, 0.9)],
            )
        ),
    ):
        with pytest.raises(ValueError, match=r"calibration|coefficients|coverage|verdict"):
            CalibrationParams.of(sound | {name: wrong})
    with pytest.raises(KeyError):
        CalibrationParams.of({"temperature": 0.03})
    with pytest.raises(TypeError):
        CalibrationParams.of(sound | {"spot": [1.0] * 7})


def test_an_index_of_before_is_searched_with_other_cities_numbers_and_says_so(
    town: Path, queries: Photos
) -> None:
    """Its own called strangers located, so it locates nothing; calibrated again, it may."""
    path = town / "manifest.json"
    content = json.loads(path.read_text("utf-8"))
    of_2026 = {"temperature": 0.03, "kernel_m": 4.0, "intercept": -4.0, "similarity": 276.0, "margin": 20.0}
    content["calibration"] = dict.fromkeys(content["calibration"], of_2026 | {"trials": 96, "places": 48})
    path.write_text(json.dumps(content), "utf-8")
    (town / "outsiders.npy").unlink()
    old = Locator(town)
    assert not old.calibration
    for photo, _ in queries:
        found = old.locate(Query(photo))
        assert found.outcome is not Outcome.LOCATED
        if found.outcome is not Outcome.NOT_FOUND:
            assert ReasonKind.NEVER_CALIBRATED in [note.kind for note in found.notes]
    reference = old.database.references([3])[0]
    itself = old.locate(Query(Path("itself.jpg")), pixels=pixels_of(reference))
    assert itself.outcome is Outcome.LIKELY, "the picture itself, at best"
    assert itself.reason.kind is ReasonKind.UNTRIED_INDEX


def test_nothing_new_is_not_calibrated_again(
    streets: Path, settings: Settings, town: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_manifest(town)
    monkeypatch.setattr(calibrating, "make", lambda *arguments: pytest.fail("again"))
    assert build(town, "Town", images([streets]), settings, self_calibrate).calibration == before.calibration


def test_labelled_photos_refine_the_index(town: Path, queries: Photos) -> None:
    before = read_manifest(town).calibration
    learned = refine(town, labels(queries), 2, plan=PLAIN)
    assert read_manifest(town).calibration == learned
    for key, entry in learned.items():
        assert entry.labelled
        assert entry.params != before[key].params
    assert Locator(town).locate(Query(queries[0][0])).estimate is not None


def test_references_do_not_teach_how_well_photos_are_found(
    town: Path, queries: Photos, locator: Locator, tmp_path: Path
) -> None:
    before = (town / "manifest.json").read_bytes()
    reference = locator.database.references([5])[0]
    copy = tmp_path / "another-name.jpg"
    copy.write_bytes(jpeg(pixels_of(reference)))
    with pytest.raises(InputError, match="1 of the 8 photos are references"):
        refine(town, [*labels(queries), (copy, reference.position)], 2)
    assert (town / "manifest.json").read_bytes() == before


def test_hardly_any_labels_change_nothing(town: Path, queries: Photos) -> None:
    before = (town / "manifest.json").read_bytes()
    with pytest.raises(InputError, match="too few of the 2 photos"):
        refine(town, labels(queries[:2]), 1, plan=PLAIN)
    assert (town / "manifest.json").read_bytes() == before


def test_info_says_once_what_an_index_rests_on(town: Path, queries: Photos) -> None:
    path = town / "manifest.json"
    content = json.loads(path.read_text("utf-8"))
    for numbers in content["calibration"].values():
        numbers |= {"labelled": True, "weak": "too few places"}
    path.write_text(json.dumps(content), "utf-8")
    shown = CliRunner().invoke(app, ["info", "town", "--index-dir", str(town.parent)]).output
    assert shown.count("one day only") == 1
    assert "by labels " in shown
    located = Locator(town).locate(Query(queries[0][0]))
    assert reason_line(located).count("most places were seen on one day only") == 1


# -- re-ranking in the straight line -----------------------------------------------------------------------


def test_inliers_are_counted_and_the_rest_keeps_its_place(locator: Locator, queries: Photos) -> None:
    photo = Query(queries[0][0])
    every = len(locator.database.positions)  # re-ranking may move a candidate below the others
    plain = locator.locate(photo, options=SearchOptions(top_k=every, rerank=0))
    found = locator.locate(photo, options=SearchOptions(top_k=every, rerank=5))
    assert "rerank" not in plain.seconds
    assert {c.inliers for c in plain.candidates} == {None}
    counted = [c for c in found.candidates if c.inliers is not None]
    assert len(counted) == 5
    assert {c.reference.id for c in counted} == {c.reference.id for c in plain.candidates[:5]}


def test_the_same_view_agrees_more_than_another(locator: Locator) -> None:
    reference = locator.database.references([3])[0]
    found = locator.locate(
        Query(Path(reference.location)),
        options=SearchOptions(top_k=20, rerank=8),
        pixels=pixels_of(reference),
    )
    own, *others = sorted((c for c in found.candidates if c.inliers is not None), key=lambda c: -c.inliers)
    assert own.reference.id == 3
    assert own.inliers > 2 * np.median([c.inliers for c in others])


def test_what_is_told_of_the_water_changes_no_count(locator: Locator) -> None:
    """Water agrees with nothing, so it needs no mask; a wrong word costs nothing here."""
    pixels = pixels_of(locator.database.references([3])[0])

    def inliers(waterline: float) -> int:
        told = AttentionMap.neutral(waterline, "analyst")
        found = locator.locate(Query(Path("x.jpg")), told, SearchOptions(top_k=20, rerank=8), pixels=pixels)
        return max(c.inliers or 0 for c in found.candidates)

    assert inliers(0.6) == inliers(0.0) > 100


def test_references_whose_pictures_are_gone_are_told(
    streets: Path, settings: Settings, tmp_path: Path, queries: Photos
) -> None:
    moved = tmp_path / "streets"
    moved.mkdir()
    for path in sorted((streets / "streets").glob("*.jpg"))[:5]:
        shutil.copy(path, moved)
    build(tmp_path / "town", "Town", images([moved]), settings, uncalibrated)
    shutil.rmtree(moved)
    kept = Locator(tmp_path / "town").locate(Query(queries[0][0]), options=SearchOptions(rerank=4))
    assert not kept.notes or "gone" not in reason_line(kept)
    assert any(candidate.inliers is not None for candidate in kept.candidates), "their patches are kept"
    shutil.rmtree(tmp_path / "town" / "patches")
    found = Locator(tmp_path / "town").locate(Query(queries[0][0]), options=SearchOptions(rerank=4))
    assert "4 not re-ranked: their pictures are gone" in reason_line(found)
    assert found.candidates[0].inliers is None
