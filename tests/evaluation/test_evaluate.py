"""Queries with a truth: positives, twins, water, and what comes of bad ones."""

from __future__ import annotations

import errno
import json
import math
import shutil
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from geoflood.core.datatypes import (
    Blend,
    Geotag,
    LatLon,
    Located,
    MaskSides,
    Outcome,
    Reference,
    Rejected,
    SearchOptions,
    StreetImage,
)
from geoflood.core.errors import InputError, ModelError, UsageError
from geoflood.core.geo import distance_m, from_utm, offset, to_utm
from geoflood.core.images import read_image
from geoflood.database.vectors import VectorStore
from geoflood.evaluation.ablations import ablations, band_setting
from geoflood.evaluation.dataset import write_dataset
from geoflood.evaluation.evaluate import evaluate, prepare
from geoflood.evaluation.query_cases import query_cases
from geoflood.evaluation.query_water import DRY, QueryWater, ToldWaterline, Waterline
from geoflood.evaluation.results import QueryCase, QueryTruth
from geoflood.evaluation.search_queries import SearchSetting, search_queries
from geoflood.evaluation.twins import twins
from geoflood.imagery.filenames import parse_filename
from geoflood.imagery.folder import images
from geoflood.imagery.vpr_format import VprImage, fresh, labelled, name_of, unlabelled, write_split
from geoflood.localize.locator import Locator
from geoflood.outputs.wording import reason_line
from geoflood.synthetic.flood import POST, STORM, flood, scene
from geoflood.synthetic.town import Truth
from geoflood.vlm.attend import AttentionResult
from tests.support.descriptors import break_descriptors

Photos = list[tuple[Path, Truth]]
NOON = datetime(2020, 5, 1, 12, 0, 30)
UNTOLD, TRUE = ToldWaterline.UNTOLD, ToldWaterline.TRUE


@pytest.fixture
def truths(queries: Photos) -> list[QueryTruth]:
    """The six photos of the town, and the stranger."""
    return [QueryTruth(path, Geotag(truth.position, "csv")) for path, truth in queries]


# -- positives and twins ----------------------------------------------------------------------------------


def test_the_nearest_reference_is_found_whatever_the_distance(
    locator: Locator, truths: list[QueryTruth]
) -> None:
    for one in query_cases(locator, truths):
        assert one.truth.geotag is not None
        spot = one.truth.geotag.position
        away = distance_m(locator.database.positions, (spot.lat, spot.lon))
        assert one.nearest_m == pytest.approx(float(away.min()))
        assert away[one.nearest_id] == away.min()
    assert query_cases(locator, truths)[-1].nearest_m > 100_000


def reference(metres: float, taken: datetime | None, credit: str = "", location: str = "r.jpg") -> Reference:
    spot = offset(LatLon(50, 7), 90, metres)
    return Reference(1, "k", spot, location, credit=credit, taken_at=taken)


@pytest.mark.parametrize(
    ("taken", "credit", "other", "theirs", "twin"),
    [
        (NOON, "ann", NOON + timedelta(seconds=60), "ann", True),
        (NOON, "ann", NOON + timedelta(seconds=61), "ann", False),
        (NOON, "ann", NOON, "bob", False),
        (NOON, "", NOON, "bob", True),
        (NOON, "ann", NOON.replace(hour=0, minute=0, second=0), "ann", True),
        (NOON, "ann", NOON.replace(day=2, hour=0, minute=0, second=0), "ann", False),
        (None, "ann", NOON, "ann", False),
        (NOON, "ann", None, "ann", False),
    ],
)
def test_a_twin_is_of_one_account_and_one_minute(
    taken: datetime | None, credit: str, other: datetime | None, theirs: str, twin: bool
) -> None:
    tag = Geotag(LatLon(50, 7), "csv", taken_at=taken)
    assert twins(Path("q.jpg"), tag, credit, [reference(3, other, theirs)]) == ({1} if twin else set())


def test_the_same_file_is_a_twin_whatever_it_says(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    same = reference(3, None, "bob", str(path.resolve()))
    assert twins(path, Geotag(LatLon(50, 7), "csv"), "ann", [same]) == {1}


def test_twins_are_neither_found_nor_positives(locator: Locator) -> None:
    """References as queries: each finds itself, unless it may not."""
    every = locator.database.references(range(len(locator.database)))
    ours = [one for one in every if one.tile_deg is None][:3]
    truths = [
        QueryTruth(Path(one.location), Geotag(one.position, "csv", taken_at=one.taken_at)) for one in ours
    ]
    benchmark = prepare(locator, truths, exclude_twins=True)
    for found in search_queries(locator, benchmark.queries, SearchSetting("plain")):
        case = found.case
        assert case.twins
        assert not case.twins & {one.reference.id for one in found.located.candidates}
        assert case.nearest_id not in case.twins
    assert any("twins" in note for note in benchmark.notes)
    assert any("references themselves" in note for note in prepare(locator, truths).notes)
    (itself, *_), free = query_cases(locator, truths), SearchSetting("plain")
    assert itself.twins == frozenset()
    located = next(iter(search_queries(locator, [itself], free))).located
    assert located.candidates[0].reference.location == str(itself.truth.path)


def test_when_everything_is_a_twin_there_is_no_answer(locator: Locator, truths: list[QueryTruth]) -> None:
    case = replace(query_cases(locator, truths)[0], twins=frozenset(range(len(locator.database))))
    located = locate_one(locator, case, SearchSetting("plain"))
    assert located.outcome is Outcome.NOT_FOUND
    assert not located.candidates
    assert "nothing of what was searched" in reason_line(located)


def locate_one(locator: Locator, case: QueryCase, way: SearchSetting, water: QueryWater = DRY) -> Located:
    """What comes of a single query."""
    (found,) = search_queries(locator, [case], way, water)
    return found.located


# -- searching --------------------------------------------------------------------------------------------


def test_water_is_that_of_the_number_and_the_file_stays(
    locator: Locator, truths: list[QueryTruth], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, np.ndarray] = {}
    before = truths[1].path.read_bytes()
    locate = Locator.locate

    def watching(self: Locator, query: object, *more: object, **named: object) -> object:
        seen[str(query.path)] = named["pixels"]  # type: ignore[attr-defined, assignment]
        return locate(self, query, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Locator, "locate", watching)
    list(search_queries(locator, query_cases(locator, truths)[:3], SearchSetting("plain"), QueryWater(0.4)))
    wet, _ = flood(read_image(truths[1].path, 1024), 0.4, 1)
    assert (seen[str(truths[1].path)] == wet).all()
    assert truths[1].path.read_bytes() == before


def test_the_search_is_told_what_the_setting_says(locator: Locator, truths: list[QueryTruth]) -> None:
    case = query_cases(locator, truths)[0]
    for waterline, share in ((UNTOLD, None), (0.4, 0.4), (TRUE, 0.0)):
        located = locate_one(locator, case, SearchSetting("s", waterline=waterline))
        assert located.attention is not None
        assert located.attention.waterline == share
        assert "verify" not in located.seconds
    none = locate_one(locator, case, SearchSetting("s", SearchOptions(mask_sides=MaskSides.NONE)))
    both = locate_one(locator, case, SearchSetting("s"))
    assert none.candidates[0].similarity != both.candidates[0].similarity


def test_the_true_waterline_is_where_a_crop_left_it_and_a_share_stays_a_share(
    locator: Locator, truths: list[QueryTruth]
) -> None:
    case = query_cases(locator, truths)[0]
    posted = scene(read_image(case.truth.path, 1024), 0.4, case.number, POST)
    assert abs(posted.waterline - 0.4) > 0.01
    water = QueryWater(0.4, POST | STORM, "storm,post")

    def told(waterline: Waterline) -> float | None:
        attention = locate_one(locator, case, SearchSetting("s", waterline=waterline), water).attention
        return attention.waterline if attention else None

    assert told(TRUE) == pytest.approx(posted.waterline, abs=1e-3)
    assert [told(0.3), told(0.4)] == [0.3, 0.4], "a share that equals the level is told as it is"
    evaluation = evaluate(prepare(locator, truths[:2]), band_setting(TRUE), water)
    assert (evaluation.flood, evaluation.effects, evaluation.waterline) == (0.4, "storm,post", 0.4)
    assert (evaluation.name, evaluation.water) == ("bands, told", "40%, storm, post")


def test_the_time_of_a_query_holds_all_that_it_took(locator: Locator, truths: list[QueryTruth]) -> None:
    def attend(case: QueryCase, pixels: np.ndarray) -> AttentionResult:
        time.sleep(0.05)
        return AttentionResult(case.truth.path, "m", error=ModelError("down"))

    benchmark = prepare(locator, truths[:4])
    evaluation = evaluate(benchmark, SearchSetting("w", attend=attend), QueryWater(0.3), workers=3)
    stages = evaluation.scores.seconds
    assert list(stages)[:3] == ["read", "flood", "attend"]
    assert stages["attend"] >= 0.05
    assert stages["read"] > 0
    assert evaluation.at_a_time == 3
    assert 0 < evaluation.seconds_per_query < sum(stages.values()), "three at a time share a clock"
    assert evaluate(benchmark, SearchSetting("w"), workers=9).at_a_time == 4


def test_attention_that_could_not_be_had_is_counted(locator: Locator, truths: list[QueryTruth]) -> None:
    """In the name of the way, in a note, and of each photo."""

    def attend(case: QueryCase, pixels: np.ndarray) -> AttentionResult:
        return AttentionResult(case.truth.path, "m", error=ModelError("nobody listens"))

    evaluation = evaluate(
        prepare(locator, truths[:3], [truths[6]]), SearchSetting("attention of m", attend=attend)
    )
    assert evaluation.without_attention == 4
    assert evaluation.name == "attention of m (asked, 4 of 4 without)"
    assert "4 of 4 photos were searched without it (no attention: nobody listens)" in evaluation.notes[-1]
    plain = evaluate(prepare(locator, truths[:3]), SearchSetting("plain"))
    assert (plain.without_attention, plain.name) == (0, "plain")
    assert not any("without it" in note for note in plain.notes)


def test_a_weak_calibration_is_said(index_dir: Path, truths: list[QueryTruth], tmp_path: Path) -> None:
    folder = tmp_path / "frail"
    shutil.copytree(index_dir / "town", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for numbers in manifest["calibration"].values():
        numbers["weak"] = "seen once"
        numbers.pop("few", None)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    notes = prepare(Locator(folder), truths).notes
    assert any(
        "index frail is weakly calibrated" in note and "seen on one day only" in note for note in notes
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_similarity_that_is_no_number_is_no_answer(
    locator: Locator, truths: list[QueryTruth], monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    search = VectorStore.search

    def broken(self: VectorStore, *arguments: object) -> tuple[np.ndarray, np.ndarray]:
        similarities, ids = search(self, *arguments)  # type: ignore[arg-type]
        similarities[:, 2] = bad
        return similarities, ids

    monkeypatch.setattr(VectorStore, "search", broken)
    evaluation = evaluate(prepare(locator, truths), SearchSetting("plain"))
    assert {one.outcome for one in evaluation.results} == {Outcome.FAILED}
    assert (
        evaluation.results[0].reason == "a similarity is not a number: the weights or the index are damaged"
    )
    assert evaluation.scores.recall[25.0][20].value == 0


def test_a_descriptor_that_is_no_number_is_no_answer(
    locator: Locator, truths: list[QueryTruth], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_descriptors(monkeypatch)
    located = locate_one(locator, query_cases(locator, truths)[0], SearchSetting("plain"))
    assert (located.outcome, reason_line(located)) == (
        Outcome.FAILED,
        "a similarity is not a number: the weights or the index are damaged",
    )


def test_re_ranking_counts_inliers_of_what_is_no_twin(locator: Locator, truths: list[QueryTruth]) -> None:
    (case,) = query_cases(locator, truths)[:1]
    free = locate_one(locator, case, SearchSetting("w"))
    first = replace(case, twins=frozenset({free.candidates[0].reference.id}))
    located = locate_one(
        locator, first, SearchSetting("w", SearchOptions(top_k=256, rerank=3)), QueryWater(0.6)
    )
    counted = [one for one in located.candidates if one.inliers is not None]
    assert len(counted) == 3
    assert not {one.reference.id for one in counted} & first.twins
    evaluation = evaluate(prepare(locator, truths), SearchSetting("w", SearchOptions(top_k=256, rerank=3)))
    assert evaluation.scores.signals[-1].name == "inliers"


def test_an_unreadable_photo_is_a_row_that_failed(
    locator: Locator, truths: list[QueryTruth], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(truths[0].path.read_bytes()[:700])
    evaluation = evaluate(
        prepare(locator, [replace(truths[0], path=broken), truths[1]]), SearchSetting("plain")
    )
    assert [one.outcome is Outcome.FAILED for one in evaluation.results] == [True, False]
    assert evaluation.scores.recall[25.0][1].of == 2
    assert evaluation.results[0].error_m == math.inf


def test_all_of_it_on_the_drawn_town(locator: Locator, truths: list[QueryTruth]) -> None:
    evaluation = evaluate(prepare(locator, truths, distances_m=(25.0, 100.0)), SearchSetting("plain"))
    s = evaluation.scores
    assert len(evaluation.results) == 7
    assert s.with_positive[25.0] == 6, "the stranger has none"
    assert s.recall[25.0][20].value >= 0.5
    assert s.recall[25.0][1].of == 6
    assert evaluation.recall[25][1] == s.recall[25.0][1].value
    assert list(evaluation.recall[100]) == [1, 5, 10, 20]
    assert all(s.recall[100.0][k].value >= s.recall[25.0][k].value for k in (1, 5, 10, 20))
    assert [len(one.candidate_errors_m) for one in evaluation.results] == [20] * 7
    assert {one.name for one in s.signals} == {
        "probability",
        "in this index",
        "similarity",
        "margin",
        "agreement",
    }
    assert (
        sum(sum(n for name, n in group.items() if "right" not in name) for group in s.outcomes.values()) == 7
    )


def test_photos_of_elsewhere_count_only_where_they_are_elsewhere(
    locator: Locator, truths: list[QueryTruth]
) -> None:
    benchmark = prepare(locator, truths[:4], [truths[4], truths[6], QueryTruth(truths[6].path)])
    assert len(benchmark.elsewhere) == 2
    assert any("elsewhere" in note for note in benchmark.notes)
    evaluation = evaluate(benchmark, SearchSetting("plain"))
    assert evaluation.scores.not_found_auroc is not None
    assert (
        sum(evaluation.scores.outcomes["elsewhere"].values())
        - evaluation.scores.outcomes["elsewhere"]["right"]
        == 2
    )


def test_no_positive_is_one_clear_line(locator: Locator, truths: list[QueryTruth]) -> None:
    with pytest.raises(InputError, match=r"none of the 1 queries has a reference within 25 m: .* km away"):
        prepare(locator, [truths[6]])
    with pytest.raises(InputError, match=r"within 0\.001 m"):
        prepare(locator, truths, distances_m=(25.0, 0.001))
    with pytest.raises(InputError, match="no query"):
        prepare(locator, [])


def test_an_index_without_calibration_says_whose_numbers_it_has(
    index_dir: Path, truths: list[QueryTruth], tmp_path: Path
) -> None:
    folder = tmp_path / "town"
    shutil.copytree(index_dir / "town", folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"calibration": {}}))
    assert any("those of other cities" in note for note in prepare(Locator(folder), truths).notes)


def test_the_papers_blend_is_a_row_where_there_is_a_map_and_an_energy(
    locator: Locator, truths: list[QueryTruth]
) -> None:
    told = band_setting(TRUE)
    attended = replace(
        band_setting(UNTOLD),
        options=SearchOptions(alpha=0.25),
        attend=lambda case, pixels: AttentionResult(case.truth.path, "m"),
    )
    (masked,) = [setting for setting in ablations(told, TRUE) if setting.options.blend is Blend.PAPER]
    assert (masked.options.mask_sides, masked.waterline, masked.attend) == (MaskSides.QUERY, TRUE, None)
    assert 0 < masked.options.alpha < 1, "at 1 the energy drops out"
    (blended,) = [setting for setting in ablations(attended, TRUE) if setting.options.blend is Blend.PAPER]
    assert blended == replace(attended, name=blended.name, options=blended.options)
    assert blended.options == replace(attended.options, blend=Blend.PAPER), "nothing else differs"
    benchmark = prepare(locator, truths)
    assert benchmark.supports(told)
    assert not benchmark.supports(masked), "rootsift has no energy"


def names(settings: list[SearchSetting]) -> list[str]:
    return [setting.name for setting in settings if setting.options.blend is Blend.CONTINUOUS]


def test_ablations_hold_the_requested_setting() -> None:
    told = ["nothing done", "attention on the query only", "bands, untold", "bands, told"]
    assert names(ablations(band_setting(TRUE), TRUE)) == told
    assert names(ablations(band_setting(UNTOLD), UNTOLD)) == ["nothing done", "bands, untold"]
    assert names(ablations(band_setting(0.3), TRUE)) == [*told, "bands, told 30%"]
    assert names(ablations(band_setting(0.3), 0.3))[-2:] == ["bands, untold", "bands, told 30%"]


def test_told_and_re_ranked_is_compared_with_untold_and_re_ranked() -> None:
    requested = band_setting(TRUE, SearchOptions(top_k=256, rerank=20))
    settings = {setting.name: setting for setting in ablations(requested, TRUE)}
    assert list(settings)[-1] == "bands, told, 20 re-ranked"
    untold = settings["bands, untold, 20 re-ranked"]
    assert (untold.waterline, untold.options) == (UNTOLD, requested.options)
    alone = names(ablations(band_setting(UNTOLD, requested.options), TRUE))
    assert alone.count("bands, untold, 20 re-ranked") == 1


def test_an_evaluation_re_ranks_as_locate_does(locator: Locator, truths: list[QueryTruth]) -> None:
    benchmark = prepare(locator, truths)
    usual = benchmark.band_setting(UNTOLD)
    assert usual.options.rerank == locator.resolved(None).rerank == 20
    assert usual.name == "bands, untold, 20 re-ranked"
    assert benchmark.band_setting(UNTOLD, 0).name == "bands, untold"
    path = truths[0].path
    (searched,) = search_queries(locator, benchmark.queries[:1], usual)
    alone = locator.locate(path)
    assert [one.inliers for one in searched.located.candidates[:10]] == [
        one.inliers for one in alone.candidates
    ]
    one, other = searched.located.estimate, alone.estimate
    assert one is not None
    assert other is not None
    assert one.position == other.position
    numbers = ("probability", "not_in_index", "radius_50_m", "radius_90_m")
    assert [getattr(one, name) for name in numbers] == pytest.approx(
        [getattr(other, name) for name in numbers], rel=1e-6
    ), "but for the last digits of sums in another order"
    assert len(one.search_area) == len(other.search_area)


# -- the field's folder form ------------------------------------------------------------------------------


def test_utm_there_and_back_in_one_zone() -> None:
    for lat, lon in ((53.5, 9.999), (53.5, 12.001), (-33.9, 18.4), (0.5, 6.0)):
        easting, northing, zone, letter = to_utm(LatLon(lat, lon), 33 if lon == 9.999 else None)
        back = from_utm(easting, northing, zone, letter)
        assert float(distance_m((back.lat, back.lon), (lat, lon))) < 0.05
    assert to_utm(LatLon(53.5, 9.999), 33)[2] == 33
    with pytest.raises(ValueError, match=r"."):
        to_utm(LatLon(88.0, 0.0))


def test_names_are_the_fields() -> None:
    name = name_of(LatLon(37.70998, -122.49797), "folder:a/b@c/../é.jpg", 7, heading_deg=359.7, taken_at=NOON)
    fields = name.split("@")
    assert len(fields) == 16
    assert fields[1:7] == ["0544250.05", "4173756.07", "10", "S", "37.70998".zfill(9), "-122.49797"]
    assert fields[7] == "folder_a_b_c_"
    assert fields[8:] == ["", "000", "", "", "", "20200501_120030", "000007", ".jpg"]


@pytest.mark.parametrize("key", ["../../etc/x", "a" * 400, "@@@", "\u202e\n\0", "folder:/abs/é/ü.jpg", ""])
def test_no_name_escapes_and_every_name_is_read_again(key: str, tmp_path: Path) -> None:
    name = name_of(LatLon(-0.5, 179.99), key, 1, heading_deg=12.0, tile=3, taken_at=NOON)
    assert (tmp_path / name).parent == tmp_path
    assert len(name.encode()) < 255
    tag = parse_filename(name)
    assert isinstance(tag, Geotag)
    assert float(distance_m((tag.position.lat, tag.position.lon), (-0.5, 179.99))) < 1.5
    assert (tag.heading_deg, tag.taken_at) == (12.0, NOON)


def test_the_folder_is_read_as_it_was_written(
    locator: Locator, truths: list[QueryTruth], tmp_path: Path
) -> None:
    counts, lost = write_dataset(tmp_path / "set", locator.database, truths[:3])
    assert (counts, lost) == ({"database": len(locator.database), "queries": 3}, [])
    found = [one for one in images([tmp_path / "set" / "database"]) if isinstance(one, StreetImage)]
    assert len(found) == len(locator.database)
    spots = np.array([(one.geotag.position.lat, one.geotag.position.lon) for one in found])
    for spot in locator.database.positions:
        assert float(distance_m(spots, spot).min()) < 1.5
    headings = {one.geotag.heading_deg for one in found}
    assert len(headings) > 4, "tiles of a panorama look different ways"
    usable, rejected = labelled(tmp_path / "set")
    assert (len(usable), rejected) == (3, [])
    assert Path(usable[0].location).read_bytes() in {one.path.read_bytes() for one in truths[:3]}
    inside = {path.resolve().parent for path in (tmp_path / "set").rglob("*.jpg")}
    assert inside == {tmp_path / "set" / "database", tmp_path / "set" / "queries"}


def test_flooded_queries_are_written_under_water(
    locator: Locator, truths: list[QueryTruth], tmp_path: Path
) -> None:
    write_dataset(tmp_path / "set", locator.database, truths[:1], QueryWater(0.5), link=True)
    (wet,) = (tmp_path / "set" / "queries").iterdir()
    below = read_image(wet)[-60:].astype(int) - read_image(truths[0].path)[-60:]
    assert np.abs(below).mean() > 10
    every = locator.database.references(range(len(locator.database)))
    views = [path for path in (tmp_path / "set" / "database").iterdir() if path.stat().st_nlink == 1]
    tiles = sum(one.tile_deg is not None for one in every)
    assert len(views) == tiles, "whole images are links, tiles are made"
    assert not any(path.is_symlink() for path in (tmp_path / "set").rglob("*"))
    found = list(images([tmp_path / "set" / "database"]))
    assert len(found) == len(every)
    assert all(isinstance(one, StreetImage) for one in found), "what is linked is read again"


@pytest.mark.parametrize("water", [QueryWater(0.5), QueryWater(0.0, POST, "post")])
def test_flooded_queries_say_that_they_are_synthetic(
    locator: Locator, truths: list[QueryTruth], tmp_path: Path, water: QueryWater
) -> None:
    write_dataset(tmp_path / "set", locator.database, truths[:2], water)
    for path in (tmp_path / "set" / "queries").iterdir():
        assert "synthetic-flood" in path.name
        assert isinstance(parse_filename(path.name), Geotag)
        data = path.read_bytes()
        assert b"compositeSynthetic" in data
        assert data.count(b"SYNTHETIC FLOOD made by geoflood") == 2, "EXIF and comment"
    assert not any("synthetic" in path.name for path in (tmp_path / "set" / "database").iterdir())


def test_what_cannot_be_linked_is_counted(
    locator: Locator, truths: list[QueryTruth], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    counts, lost = write_dataset(tmp_path / "set", locator.database, truths[:2], link=True)
    assert counts["queries"] == 0
    assert {one.reason for one in lost} == {"cannot be linked"}
    assert list((tmp_path / "set" / "queries").iterdir()) == []


def test_only_new_folders_are_written(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    fresh(full)
    (full / "a").write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    for taken in (full, full / "a", link):
        with pytest.raises(UsageError, match="there already"):
            fresh(taken)
    with pytest.raises(ValueError, match="no file name"):
        write_split(tmp_path / "new", "queries", [VprImage("../a.jpg", full / "a")])
    lost = write_split(tmp_path / "new", "database", [VprImage("a.jpg", full / "a")])
    assert [one.reason for one in lost] == ["not an image"]
    assert list((tmp_path / "new" / "database").iterdir()) == []


def test_mixed_zones_are_one_globe(tmp_path: Path, queries: Photos) -> None:
    """Two names 70 m apart on either side of a zone's border; their UTM numbers are 400 km apart."""
    folder = tmp_path / "queries"
    folder.mkdir()
    spots = [LatLon(50.0, 5.9995), LatLon(50.0, 6.0005)]
    for number, spot in enumerate(spots):
        shutil.copy(queries[0][0], folder / name_of(spot, "k", number))
    usable, _ = labelled(folder)
    assert {one.location.split("@")[3] for one in usable} == {"31", "32"}
    first, second = ((one.geotag.position.lat, one.geotag.position.lon) for one in usable)
    assert 60 < float(distance_m(first, second)) < 80
    one_zone = {name_of(spot, "k", 0, zone=31).split("@")[1] for spot in spots}
    eastings = sorted(map(float, one_zone))
    assert 60 < eastings[1] - eastings[0] < 80, "in one zone UTM distances are right too"
    far = parse_filename(name_of(LatLon(50.0, 40.0), "k", 0, zone=31))
    assert isinstance(far, Geotag), "what is too far off for the zone keeps its own"


def test_a_data_set_is_known_by_its_folders(tmp_path: Path, queries: Photos) -> None:
    for name in ("database", "queries_v1"):
        (tmp_path / name).mkdir()
        shutil.copy(queries[0][0], tmp_path / name / name_of(LatLon(50, 7), name, 0))
    assert [Path(one.location).parent.name for one in labelled(tmp_path)[0]] == ["queries_v1"]
    (tmp_path / "queries_night").mkdir()
    with pytest.raises(UsageError, match="queries_night"):
        labelled(tmp_path)
    (tmp_path / "queries").mkdir()
    assert labelled(tmp_path) == ([], [])
    for name in ("queries", "queries_v1", "queries_night"):
        shutil.rmtree(tmp_path / name)
    with pytest.raises(InputError, match="no queries/"):
        labelled(tmp_path)


def test_photos_of_elsewhere_need_no_geotag(tmp_path: Path, queries: Photos) -> None:
    for number, (path, _) in enumerate(queries[:2]):
        shutil.copy(path, tmp_path / f"{number}.jpg")
    shutil.copy(queries[2][0], tmp_path / name_of(LatLon(50, 7), "k", 0))
    usable, rejected = unlabelled(tmp_path)
    assert sorted(type(one).__name__ for one in usable) == ["PosixPath", "PosixPath", "StreetImage"]
    assert all(one.is_file() for one in usable if isinstance(one, Path))
    assert rejected == []
    table = tmp_path / "t.csv"
    table.write_text("image,lat,lon\n0.jpg,,\n1.jpg,0,0\ngone.jpg,1,1\n")
    usable, rejected = unlabelled(table)
    assert sorted(usable) == [tmp_path / "0.jpg", tmp_path / "1.jpg"]  # type: ignore[type-var]
    assert [one.reason for one in rejected if isinstance(one, Rejected)] == ["missing file"]
    usable, _ = unlabelled(tmp_path)
    assert all(one.is_file() for one in usable if isinstance(one, Path)), "a folder's own table"
