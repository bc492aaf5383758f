"""Which of several places? Asked in both orders."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoflood.core.datatypes import MOST_COMPARED, Candidate, LatLon, Reference
from geoflood.core.errors import ModelError
from geoflood.core.images import jpeg
from geoflood.localize import fusion
from geoflood.localize.calibration.prior import PRIOR
from geoflood.vlm import compare
from geoflood.vlm.checks import CandidateChecks
from geoflood.vlm.client import RefusalError
from geoflood.vlm.compare import Comparer, compare_places, different_places
from geoflood.vlm.verify import Verifier
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.pools import pool
from tests.support.far_side.scripted import Scripted, in_turn

PHOTO = np.zeros((40, 60, 3), np.uint8)


def says(*scores: Any, none: Any = 0) -> dict[str, Any]:
    """An answer about as many places, A first."""
    return {
        "a_reason": "the gable",
        "b_scores": dict(zip("ABCD", scores, strict=False)),
        "c_none": none,
    }


def pictures(count: int) -> list[tuple[Any, str]]:
    return [(np.full((30, 40, 3), 20 * n, np.uint8), "") for n in range(count)]


def candidates(folder: Path, *metres: float) -> list[Candidate]:
    """So far north of each other, each with a picture."""
    made = []
    for number, north in enumerate(metres):
        path = folder / f"{number}.jpg"
        path.write_bytes(jpeg(np.full((30, 40, 3), 25 * number, np.uint8)))
        spot = LatLon(53.55 + north / 111_195, 9.99)
        made.append(Candidate(Reference(number, str(path), spot, str(path), 90.0), 0.5 - 0.01 * number))
    return made


def compared(told: Sequence[Candidate]) -> list[float | None]:
    return [one.comparison for one in told]


@pytest.mark.parametrize(
    ("there", "back", "effects"),
    [
        (says(9, 1, 1, 1), says(1, 1, 1, 9), (1.2, -0.4, -0.4, -0.4)),
        (says(9, 1, 1, 1), says(1, 1, 1, 5), (0.6, -0.2, -0.2, -0.2)),
        (says(0, 0, 0, 0, none=9), says(0, 0, 0, 0, none=4), (-0.8, -0.8, -0.8, -0.8)),
        (says(9, 0, 0, 0), says(9, 0, 0, 0), (0, -0.45, -0.45, 0)),
        (says(9, 9, 9, 9), says(9, 9, 9, 9), (0, 0, 0, 0)),
        (says(9, 0), says(0, 9), (0.9, -0.9)),
    ],
    ids=["the same", "the weaker", "none of them", "a letter is liked", "all are praised", "two places"],
)
def test_only_what_both_orders_say_counts(there: Any, back: Any, effects: tuple[float, ...]) -> None:
    asker = Scripted(in_turn(there, back))
    found = compare_places(asker, PHOTO, pictures(len(effects)))
    assert found.effects == pytest.approx(effects)
    assert found.fault == ""
    (first, *_), (second, *_) = asker.asked
    assert first[0] == second[0], "the photo comes first both times"
    assert list(first[1:]) == list(second[1:])[::-1]


def test_no_effect_exceeds_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "LOG_ODDS", 5.0)
    found = compare_places(Scripted(in_turn(says(9, 0), says(0, 9))), PHOTO, pictures(2))
    assert found.effects == (MOST_COMPARED, -MOST_COMPARED)


@pytest.mark.parametrize(
    "bad",
    [
        "who knows",
        says(9, 1, 1),
        says(float("nan"), 1, 1, 1),
        says("nan", 1, 1, 1),
        says("same", 1, 1, 1),
        says(10, 1, 1, 1),
        says(-1, 1, 1, 1),
        says(True, 1, 1, 1),
        says([9], 1, 1, 1),
        says(9, 1, 1, 1, none=None),
        {"b_scores": [9, 1, 1, 1], "c_none": 0},
        {"b_scores": {"A": 9}},
        RefusalError("unlucky", "no"),
    ],
)
def test_no_whole_answer_counts_for_nothing(bad: Any) -> None:
    said = bad if isinstance(bad, str | Exception) else json.dumps(bad)
    asker = Scripted(in_turn(said))
    found = compare_places(asker, PHOTO, pictures(4))
    assert found.effects is None
    assert found.fault.startswith("no usable answer: ")
    assert len(asker.asked) == 3, "bounded, and the other order is not asked"
    assert "a_reason" not in asker.asked[2][2]["properties"]
    half = compare_places(Scripted(in_turn(says(9, 1, 1, 1), said)), PHOTO, pictures(4))
    assert half.effects is None, "one order alone is no agreement"


def test_more_than_was_asked_is_left_aside() -> None:
    more = says(9, 0) | {"extra": {"A": 9}}
    more["b_scores"]["E"] = 9
    assert compare_places(Scripted(in_turn(more, says(0, 9))), PHOTO, pictures(2)).effects == (0.9, -0.9)


def test_a_place_is_all_that_stands_near_its_best_candidate(tmp_path: Path) -> None:
    assert compare.PLACE_M == fusion.ELSEWHERE_M
    listed = candidates(tmp_path, 0, 300, 20, 600, 310, 900)
    assert different_places(listed, 3) == [(0, 2), (1, 4), (3,)]
    assert different_places([], 3) == []
    asker = Scripted(in_turn(says(9, 0, 0), says(0, 0, 9)))
    told, missing = CandidateChecks(comparer=Comparer(asker, 3))(PHOTO, listed)
    assert compared(told) == pytest.approx([1.2, -0.6, 1.2, -0.6, -0.6, None])
    assert missing == ""


def test_many_places_are_asked_about_in_equal_groups(tmp_path: Path) -> None:
    listed = candidates(tmp_path, *(200 * n for n in range(9)))
    for count, sizes in ((2, [2]), (4, [4]), (5, [3, 2]), (8, [4, 4]), (50, [4, 4])):
        asker = Scripted(lambda prompt, schema, options: says(5, 5, 5, 5, none=5))
        asker.capacity = 1
        CandidateChecks(comparer=Comparer(asker, count))(PHOTO, listed)
        assert [len(shown) - 1 for shown, *_ in asker.asked[::2]] == sizes


def test_the_model_is_told_no_position_rank_or_similarity(tmp_path: Path) -> None:
    listed = candidates(tmp_path, 0, 300, 600)
    listed[1] = replace(listed[1], street="Deichstraße\n\x1b[31mLane", inliers=77)
    asker = Scripted(in_turn(says(5, 5, 5)))
    CandidateChecks(comparer=Comparer(asker, 3, "Hamburg"))(PHOTO, listed)
    there, back = (prompt.text for _, prompt, _, _ in asker.asked)
    assert "A: looking east\nB: Deichstraße [31mLane, looking east\nC: looking east" in there
    assert set(re.findall(r"\d+", there.replace("[31m", ""))) == {"0", "9"}, "but for the scale"
    assert "street photos in Hamburg, in this order A, B, C" in back
    assert set(asker.asked[0][2]["properties"]["b_scores"]["properties"]) == set("ABC")


def test_too_few_places_are_no_question(tmp_path: Path) -> None:
    asker = Scripted(in_turn(says(9, 0)))
    listed = candidates(tmp_path, 0, 10, 300)
    Path(listed[2].reference.location).unlink()
    for some, told in (
        (listed[:2], "not compared: fewer than two places to show"),
        (listed, "not compared: fewer than two places to show; pictures of 1 places are gone"),
        ([], "not compared: fewer than two places to show"),
    ):
        assert CandidateChecks(comparer=Comparer(asker, 4))(PHOTO, some) == (tuple(some), told)
    assert not asker.asked


def test_a_model_that_cannot_be_used_changes_nothing_and_says_so(tmp_path: Path) -> None:
    listed = candidates(tmp_path, 0, 300)
    for said, told in (
        (in_turn("rubbish"), "2 places not compared: no usable answer: no JSON in it"),
        (in_turn(RefusalError("final", "out of memory")), "not compared: out of memory"),
        (in_turn(says(9, 0)), "2 places compared in vain: the two orders agree on none"),
    ):
        after, missing = CandidateChecks(comparer=Comparer(Scripted(said), 2))(PHOTO, listed)
        assert fusion.fuse(after, PRIOR.params) == fusion.fuse(listed, PRIOR.params)
        assert missing == told
    down = Scripted(in_turn(RefusalError("final", "down")))
    with pytest.raises(ModelError, match="down"):
        compare_places(down, PHOTO, pictures(2))


def test_verdicts_and_a_comparison_are_all_or_nothing(tmp_path: Path) -> None:
    def script(prompt: Any, schema: Mapping[str, Any], options: Any) -> Any:
        if prompt.name == "pair":
            return {"a_reason": "", "b_verdict": "same", "c_sure": 9}
        return RefusalError("final", "down")

    asker, listed = Scripted(script), candidates(tmp_path, 0, 300)
    checks = CandidateChecks(Verifier(asker, 1), Comparer(asker, 2))
    assert checks.name == "1 verified, 2 compared"
    assert checks(PHOTO, listed) == (tuple(listed), "not verified and not compared: down")


def test_five_pictures_go_through_the_wire(tmp_path: Path) -> None:
    listed = candidates(tmp_path, 0, 300, 600, 900)
    with FarOllama(FarModel(answer=lambda body: says(3, 3, 3, 3, none=9))) as far, pool(far) as asker:
        told, missing = CandidateChecks(comparer=Comparer(asker, 4, "Hamburg"))(PHOTO, listed)
        assert compared(told) == pytest.approx([-1.2] * 4)
        assert missing == ""
        bodies = far.asked("/api/chat")
        assert [len(body["messages"][0]["images"]) for body in bodies] == [5, 5]
        tokens = 5 * (compare.SIDE // 28) ** 2 + len(bodies[0]["messages"][0]["content"]) // 4
        assert tokens <= 3500
        assert not far.violations
