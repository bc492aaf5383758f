"""Photos, what a model says of each, and what the search makes of it; a wire where it matters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures

from geoflood.core.datatypes import (
    AttentionMap,
    Candidate,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
)
from geoflood.core.errors import InputError, ModelError, UsageError
from geoflood.core.paths import cache_folder
from geoflood.localize.attention import editable, overlay, read_attention
from geoflood.localize.calibration.prior import PRIOR
from geoflood.localize.fusion import fuse, ranked
from geoflood.outputs.wording import reason_line
from geoflood.vlm.attend import attend, search_attended
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.checks import CandidateChecks
from geoflood.vlm.client import RefusalError
from geoflood.vlm.prompts import PLACES_VERSION
from geoflood.vlm.stage import VlmSelection, VlmStage, open_asker
from geoflood.vlm.verify import Verifier
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.scripted import Scripted, Sighted, cells_answer, in_turn


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Three photos; the second is broken."""
    random = np.random.default_rng(4)
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path in paths:
        Pictures.fromarray(random.integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(path)
    paths[1].write_bytes(paths[1].read_bytes()[:300])
    return paths


def sighted(**more: Any) -> Scripted:
    return Scripted(Sighted(lambda x, y: (9 - 6 * x - 3 * y).clip(0, 9), 0.4, **more))


def found(queries: Sequence[Query], maps: Sequence[AttentionMap]) -> list[Located]:
    """A search that finds everything."""
    return [
        Located(query, Outcome.LOCATED, Reason.recorded("found"), attention=seen)
        for query, seen in zip(queries, maps, strict=True)
    ]


def looked(paths: Sequence[Path], asker: Scripted, **how: Any) -> list[Located]:
    results = attend(paths, AttentionAsker(asker, prior=False), "ollama:scripted")
    return search_attended([Query(path) for path in paths], results, found, **how)


def test_every_photo_gets_its_own_map_in_its_place(photos: list[Path]) -> None:
    first, broken, third = looked(photos, sighted(e_text=["ELM ST", "BAKERY"]))
    assert first.attention is not None
    assert first.attention.waterline == pytest.approx(0.4, abs=0.06)
    assert first.attention.reasons == ("the roof line", "legible: “ELM ST”, “BAKERY”")
    assert not first.attention.uniform
    assert first.seconds["attend"] >= 0
    assert broken.attention is not None
    assert broken.attention.uniform, "the search says itself why the photo cannot be read"
    assert "truncated" in broken.attention.reasons[0]
    assert [one.query.path for one in (first, broken, third)] == photos
    assert (reason_line(first), reason_line(third)) == ("found", "found")


def test_the_analyst_s_word_on_the_waterline_stands(photos: list[Path]) -> None:
    (one,) = looked(photos[:1], sighted(), waterline=0.1)
    assert one.attention is not None
    assert one.attention.waterline == 0.1
    assert one.attention.reasons[-1] == "the waterline is the analyst's"
    assert not one.attention.uniform


def test_what_cannot_be_recognised_is_not_searched_for(photos: list[Path]) -> None:
    asker = sighted(b_scene="nothing_permanent", c_localizable=1)
    (one,) = looked(photos[:1], asker)
    assert one.outcome is Outcome.NOT_FOUND
    assert reason_line(one).startswith("not searched: nothing in the photo will be there next year")
    assert "--search-anyway" in reason_line(one)
    (anyway,) = looked(photos[:1], asker, anyway=True)
    assert anyway.outcome is Outcome.LOCATED


def test_a_model_that_fails_on_one_photo_fails_that_photo(photos: list[Path]) -> None:
    good = cells_answer([*range(10), 9, 8, 7, 0, 1, 2], [0, 0, 0, 9], d_water=2)
    asker = Scripted(in_turn(good, RefusalError("final", "out of memory")))
    asker.capacity = 1
    first, last = looked([photos[0], photos[2]], asker)
    assert first.outcome is Outcome.LOCATED
    assert (last.outcome, reason_line(last)) == (Outcome.FAILED, "not searched: out of memory")


def test_auto_searches_without_and_says_so_in_the_first_line(photos: list[Path]) -> None:
    (one,) = looked(photos[:1], Scripted(in_turn(RefusalError("final", "out of memory"))), auto=True)
    assert (one.outcome, reason_line(one)) == (Outcome.LOCATED, "found; no attention: out of memory")
    assert one.attention is not None
    assert one.attention.uniform
    assert one.attention.reasons == ("no attention: out of memory",)


@pytest.mark.parametrize("said", ["I see a street.", "{}", cells_answer([5] * 16, [0] * 4)])
def test_an_answer_that_is_none_is_told_in_the_first_line_too(photos: list[Path], said: Any) -> None:
    (one,) = looked(photos[:1], Scripted(in_turn(said)))
    assert one.attention is not None
    assert one.attention.uniform
    assert reason_line(one).startswith("found; no attention: ")


def test_all_hosts_are_kept_busy_and_a_second_run_asks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOFLOOD_CACHE_DIR", str(tmp_path / "cache"))
    assert cache_folder("vlm") == tmp_path / "cache" / "vlm"
    random = np.random.default_rng(5)
    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for path in paths:
        Pictures.fromarray(random.integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(path)
    with FarOllama() as one, FarOllama() as other:
        one.delay_s = other.delay_s = 0.05
        selection = VlmSelection("tiny-vl", (one.host, other.host))
        with open_asker(selection) as asker:
            first = attend(paths, selection.attention_asker(asker, "Hamburg"), selection.full_name)
        assert one.answered >= 2
        assert other.answered >= 2
        before = one.answered + other.answered
        with open_asker(selection) as asker:
            again = attend(paths, selection.attention_asker(asker, "Hamburg"), selection.full_name)
        assert one.answered + other.answered == before
    assert all(read.reading and read.reading.cached for read in again)
    for left, right in zip(first, again, strict=True):
        np.testing.assert_array_equal(left.attention.weights, right.attention.weights)


def test_a_model_must_be_named() -> None:
    with pytest.raises(UsageError, match="--attention ollama needs a model"):
        VlmStage.of(None, "ollama", 0, "")
    with pytest.raises(UsageError, match="--verify needs a model"):
        VlmStage.of(None, None, 3, "")
    with pytest.raises(UsageError, match="--compare needs a model"):
        VlmStage.of(None, None, 0, "", compare_count=4)
    asks = VlmStage.of(VlmSelection("m"), "none", 0, "", compare_count=4)
    assert asks.settings == {"model": "ollama:m", "compare": 4, "places_prompt": PLACES_VERSION}
    assert VlmStage.of(None, None, 0, "").attention == "none"
    assert VlmStage.of(VlmSelection("m"), None, 0, "").attention == "ollama"
    assert VlmStage.of(VlmSelection("m"), None, 0, "").alpha < VlmStage.of(None, "map.json", 0, "").alpha == 1
    warned: list[str] = []
    stage = VlmStage.of(None, "auto", 0, "", warn=warned.append)
    with stage.open() as asker:
        (one,) = stage.locate([Query(Path("a.jpg"))], asker, found)
    assert "no model is named" in reason_line(one)
    assert len(warned) == 1


def test_when_the_model_answers_for_none_it_is_an_error(tmp_path: Path, photos: list[Path]) -> None:
    with FarOllama(FarModel()) as far:
        host = far.host
    stage = VlmStage.of(VlmSelection("tiny-vl", (host,)), "ollama", 0, "")
    with pytest.raises(ModelError, match="no server answers"), stage.open():
        raise AssertionError("not to be reached")


# -- verification -----------------------------------------------------------------------------------------


def candidates(folder: Path, count: int = 4) -> list[Candidate]:
    """Places 200 m apart, each less similar than the one before; every picture is one flat colour."""
    made = []
    for number in range(count):
        path = folder / f"reference-{number}.png"
        Pictures.new("RGB", (60, 40), (60 * number, 90, 200)).save(path)
        spot = LatLon(53.55 + 0.002 * number, 9.99)
        reference = Reference(number, f"folder:{number}", spot, str(path), 90.0)
        made.append(Candidate(reference, 0.5 - 0.01 * number))
    return made


PHOTO = np.zeros((40, 60, 3), np.uint8)


def says(verdict: str) -> dict[str, Any]:
    return {"a_reason": "the gable", "b_verdict": verdict, "c_sure": 8}


def test_verdicts_move_candidates_and_belief(tmp_path: Path) -> None:
    listed = candidates(tmp_path)
    asker = Scripted(in_turn(*(says(v) for v in ("different", "different", "same", "same"))))
    asker.capacity = 1
    judged, told = CandidateChecks(Verifier(asker, 2))(PHOTO, listed)
    assert told == ""
    assert [one.verdict for one in judged] == ["different", "same", None, None]
    assert judged[1].verdict_reason == "the gable"
    assert "taken at 53.55000, 9.99000, looking 90 degrees" in asker.asked[0][1].text
    assert [one.reference.id for one in ranked(judged, PRIOR.params)] == [1, 2, 0, 3]
    before, after = fuse(listed, PRIOR.params), fuse(judged, PRIOR.params)
    assert before.position.lat == pytest.approx(53.55, abs=1e-6)
    assert after.position.lat == pytest.approx(53.552, abs=1e-6)
    assert after.probability > before.probability


def with_verdicts(listed: Sequence[Candidate], *verdicts: str | None) -> list[Candidate]:
    return [
        Candidate(one.reference, one.similarity, None, verdict)
        for one, verdict in zip(listed, verdicts, strict=True)
    ]


def test_cannot_say_changes_nothing_and_verdicts_weigh_on_the_index_too(tmp_path: Path) -> None:
    listed = candidates(tmp_path)
    unverified = fuse(listed, PRIOR.params)
    assert fuse(with_verdicts(listed, *["cannot_say"] * 4), PRIOR.params) == unverified
    assert (
        fuse(with_verdicts(listed, *["different"] * 4), PRIOR.params).not_in_index > unverified.not_in_index
    )
    assert (
        fuse(with_verdicts(listed, "same", None, None, None), PRIOR.params).not_in_index
        < unverified.not_in_index
    )
    assert fuse(list(reversed(listed)), PRIOR.params) == unverified, "the order is not evidence"


def test_a_model_that_fails_leaves_the_ranking_as_it_was(tmp_path: Path) -> None:
    listed = candidates(tmp_path)
    asker = Scripted(in_turn(says("same"), says("same"), RefusalError("final", "out of memory")))
    judged, told = CandidateChecks(Verifier(asker, 3))(PHOTO, listed)
    assert list(judged) == listed
    assert told == "not verified: out of memory"


def test_a_reference_whose_picture_is_gone_is_left_out(tmp_path: Path) -> None:
    listed = candidates(tmp_path)
    Path(listed[0].reference.location).unlink()
    judged, told = CandidateChecks(Verifier(Scripted(in_turn(says("same"))), 2))(PHOTO, listed)
    assert [one.verdict for one in judged] == [None, "same", None, None]
    assert told == "1 not verified: their pictures are gone"


# -- corrected by hand ------------------------------------------------------------------------------------


def test_what_is_written_to_be_corrected_is_read_again(tmp_path: Path) -> None:
    weights = np.random.default_rng(1).uniform(0, 2, (4, 6)).astype(np.float32)
    told = AttentionMap(weights, 0.35, "ollama:m", ("the “gable”", "</script>"))
    (tmp_path / "map.json").write_text(editable(told), "utf-8")
    again = read_attention(tmp_path / "map.json")
    np.testing.assert_allclose(again.weights, weights, atol=6e-4)
    assert (again.waterline, again.reasons) == (0.35, told.reasons)
    assert json.loads(editable(told))["from"] == "ollama:m"
    assert len(editable(told).splitlines()) == 14, "a row of weights a line"
    (tmp_path / "map.json").write_text(editable(AttentionMap.neutral()), "utf-8")
    assert read_attention(tmp_path / "map.json").uniform
    with pytest.raises(InputError):
        read_attention(tmp_path / "none.json")


def test_the_overlay_darkens_what_counts_less_and_marks_the_water() -> None:
    photo = np.full((100, 200, 3), 120, np.uint8)
    weights = np.ones((2, 2), np.float32)
    weights[0, 0], weights[0, 1] = 0, 2
    shown = overlay(photo, AttentionMap(weights, 0.25))
    assert shown.shape == photo.shape
    assert shown[5, 5].max() < 60
    assert shown[5, 195, 0] > 150
    assert shown[5, 195, 2] < 110
    assert tuple(shown[75, 100]) == (40, 120, 255)
    np.testing.assert_array_equal(overlay(photo, AttentionMap.neutral()), photo)
    assert overlay(photo, AttentionMap.neutral(), 50).shape == (25, 50, 3)
