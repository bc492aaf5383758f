"""From answers to attention maps."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.errors import ModelError, UsageError
from geoflood.vlm.answer_formats import ANSWER_FORMATS, spread_points
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.canvas import VIEWS, in_photo_frame
from geoflood.vlm.client import Answer, ModelRecord, RefusalError
from geoflood.vlm.consensus import agreed_waterline, consensus_map, fit_waterline, rank_agreement
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.pools import pool
from tests.support.far_side.scripted import Scripted, Sighted, cells_answer, cells_of, in_turn

PHOTO = np.random.default_rng(3).integers(0, 255, (90, 160, 3), np.uint8)
GOOD = cells_answer([*range(10), 9, 8, 7, 0, 1, 2], [0, 0, 0, 9], d_water=2, e_text=["BÄCKEREI", "12"])


def slope(x: Any, y: Any) -> Any:
    """Most on the upper left: neither mirroring nor turning leaves it as it is."""
    return (9 - 6 * x - 3 * y).clip(0, 9)


@pytest.mark.parametrize("views", [1, 2, 3, 4])
@pytest.mark.parametrize("cells", [3, 4, 6])
def test_what_a_model_sees_stands_in_the_photo_s_own_frame(cells: int, views: int) -> None:
    asker = Scripted(Sighted(slope, 0.3))
    reading = AttentionAsker(asker, cells=cells, consistency=views, prior=False).read(PHOTO)
    size = cells if views == 1 else 2 * cells
    centres = (np.arange(size) + 0.5) / size
    truth = slope(centres[None, :], centres[:, None]) / 4.5
    map_ = reading.attention
    assert map_.weights.shape == (size, size)
    assert abs(map_.weights - truth).max() < 0.45
    assert np.corrcoef(map_.weights.ravel(), truth.ravel())[0, 1] > 0.9
    assert map_.provider == "ollama:scripted"
    assert map_.waterline == pytest.approx(0.3, abs=0.06)
    assert reading.localizable
    assert [reply.view for reply in reading.replies] == [view.name for view in VIEWS[:views]]
    assert len(asker.asked) == views


def test_everything_of_an_answer_is_kept() -> None:
    reading = AttentionAsker(Scripted(in_turn(GOOD)), prior=False).read(PHOTO)
    assert reading.texts == ("BÄCKEREI", "12")
    assert reading.attention.reasons == ("the roof line",)
    assert (reading.scene, reading.notes, reading.cached) == ("complex", (), False)
    assert '"A1": 0' in reading.replies[0].content


def test_views_that_contradict_each_other_weaken_the_map_to_nothing() -> None:
    answer = cells_answer([9, 6, 3, 0] * 4, [0, 0, 0, 0])
    asker = Scripted(lambda prompt, schema, options: answer)
    reading = AttentionAsker(asker, consistency=2, prior=False).read(PHOTO)
    assert reading.attention.uniform, "left is right in the mirror: it goes by position"
    assert "2 views agree by 0%" in reading.notes[0]


def test_agreement_scales_alpha_exactly() -> None:
    maps = np.random.default_rng(0).uniform(0.2, 1.8, (3, 4, 4))
    full, half = consensus_map(maps, 1.0), consensus_map(maps, 0.5)
    assert np.allclose(half / half.mean() - 1, 0.5 * (full / full.mean() - 1), atol=1e-6)
    assert rank_agreement(maps[:1]) == 1.0
    assert rank_agreement(np.stack([maps[0], maps[0] ** 3])) == pytest.approx(1.0)
    assert rank_agreement(np.stack([maps[0], -maps[0]])) == 0.0


def test_a_model_that_says_the_same_of_nothing_did_not_look() -> None:
    reading = AttentionAsker(Scripted(in_turn(GOOD))).read(PHOTO)
    assert reading.attention.uniform
    assert "did not look" in reading.notes[0]
    assert "did not look" in reading.attention.reasons[0]
    assert len(reading.replies) == 1, "asking again would not help"


def test_the_prior_is_asked_for_once_and_subtracted() -> None:
    prior = np.linspace(0, 3, 4)

    def script(prompt: Any, schema: Any, options: Any) -> Any:
        scores = np.repeat(prior, 4)
        if calls := len(asker.asked) - 1:
            scores = scores + 6 * (np.arange(16) % 4 == calls % 4)
        return cells_answer(np.rint(scores).astype(int).tolist(), [0] * 4)

    asker = Scripted(script)
    attention_asker = AttentionAsker(asker)
    first, second = attention_asker.read(PHOTO), attention_asker.read(PHOTO)
    assert len(asker.asked) == 3
    assert np.ptp(first.attention.weights.mean(axis=1)) < 0.3, "rows were nothing but the prior"
    assert first.attention.weights.mean(axis=0).argmax() == 1
    assert second.attention.weights.mean(axis=0).argmax() == 2


@pytest.mark.parametrize(
    "said",
    [
        f"```json\n{GOOD}\n```".replace("'", '"'),
        f"Here you are: {GOOD} I hope it helps {{}}".replace("'", '"'),
        f"{GOOD}".replace("'", '"').replace("}", ", }"),
        Answer("", thinking=f"so {{ the answer is {GOOD}".replace("'", '"'), done_reason="stop"),
        {str(key): value for key, value in GOOD.items()} | {"h_more": [1, {"x": 2}]},
        cells_answer(GOOD["f_cells"].values(), [0, 0, 0, 9], d_water="2", c_localizable=7.0),
    ],
    ids=["fences", "prose", "commas", "thinking", "more keys", "numbers as text"],
)
def test_answers_are_dug_out(said: Any) -> None:
    asker = Scripted(in_turn(said))
    reading = AttentionAsker(asker, prior=False).read(PHOTO)
    assert reading.attention.weights[0, 3] == pytest.approx(3 / 4.5)
    assert len(asker.asked) == 1


SAME = cells_answer([5] * 15 + [6], [0] * 4)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("I am sorry, I cannot help with that.", "no JSON in it"),
        ({"weights": [1, 2]}, "A1 ... D4 are missing"),
        (GOOD | {"f_cells": GOOD["f_cells"] | {"B2": 11}}, "B2 is no number from 0 to 9"),
        (GOOD | {"f_cells": GOOD["f_cells"] | {"B2": True}}, "B2 is no number"),
        (GOOD | {"f_cells": GOOD["f_cells"] | {"B2": float("nan")}}, "B2 is no number"),
        (GOOD | {"b_scene": ["complex"]}, "b_scene"),
        (SAME, "nearly all numbers are the same"),
        (Answer('{"a_reason": "a wall", "b_sce', done_reason="length"), "no JSON in it: it broke off"),
        (RefusalError("unlucky", "the server could not read it"), "the server could not read it"),
    ],
    ids=["prose", "other", "too much", "true", "nan", "scene", "degenerate", "cut", "unlucky"],
)
def test_a_few_retries_and_then_a_neutral_map_with_the_reason(said: Any, fault: str) -> None:
    asker = Scripted(in_turn(said))
    reading = AttentionAsker(asker, prior=False).read(PHOTO)
    assert reading.attention.uniform
    assert reading.attention.waterline is None
    assert fault in reading.replies[0].fault
    assert reading.notes[0].startswith("no attention: ")
    assert reading.attention.reasons == reading.notes
    assert reading.localizable, "not known to be hopeless"
    assert len(asker.asked) == len(reading.replies) == 4, "bounded"
    asked = [
        (cells_of(schema), "a_reason" in schema["properties"], o.seed) for _, _, schema, o in asker.asked
    ]
    assert asked == [(4, True, 7), (4, True, 8), (4, False, 7), (3, False, 7)]
    assert asker.asked[1][3].temperature == 0.2
    recovered = AttentionAsker(Scripted(in_turn(said, GOOD)), prior=False).read(PHOTO)
    assert not recovered.attention.uniform
    assert recovered.notes == ()


def test_writing_is_not_read_in_the_mirror() -> None:
    texts = {"base": "BÄR", "mirrored": "ЯÄB", "shifted": "BÄR 5"}
    asker = Scripted(lambda p, s, o: Sighted(slope, e_text=[texts[p.view]], a_reason=p.view)(p, s, o))
    reading = AttentionAsker(asker, consistency=3, prior=False).read(PHOTO)
    assert reading.texts == ("BÄR", "BÄR 5")
    assert reading.attention.reasons[:2] == ("base", "shifted")


def test_one_view_that_fails_leaves_the_others() -> None:
    sighted = Sighted(slope)
    asker = Scripted(lambda p, s, o: "?" if p.view == "mirrored" else sighted(p, s, o))
    reading = AttentionAsker(asker, consistency=3, prior=False).read(PHOTO)
    assert "2 views agree" in reading.notes[0]
    assert not reading.attention.uniform


def test_errors_that_are_not_the_model_s_luck_end_the_reading() -> None:
    asker = Scripted(in_turn(RefusalError("final", "gone", "ollama serve")))
    with pytest.raises(ModelError, match="gone"):
        AttentionAsker(asker).read(PHOTO)
    found = list(AttentionAsker(asker).read_each([("a", PHOTO), ("b", PHOTO)]))
    assert [(key, str(error)) for key, error in found] == [("a", "gone"), ("b", "gone")]


def test_many_photos_keep_their_order() -> None:
    with (
        FarOllama(FarModel(answer=lambda body: GOOD)) as a,
        FarOllama(FarModel(answer=lambda body: GOOD)) as b,
    ):
        with pool(a, b) as both:
            a.delay_s = 0.02
            photos = [(n, PHOTO // (n + 1)) for n in range(8)]
            found = list(AttentionAsker(both, prior=False).read_each(photos))
        assert [key for key, _ in found] == list(range(8))
        assert min(a.answered, b.answered) >= 2


def test_a_single_landmark_is_not_weighted_but_its_waterline_counts() -> None:
    said = cells_answer([5] * 16, [0, 0, 0, 9], d_water=3, b_scene="single_landmark")
    reading = AttentionAsker(Scripted(in_turn(said)), prior=False).read(PHOTO)
    assert reading.attention.uniform
    assert reading.attention.weights.flat[0] == 1
    assert reading.attention.waterline == pytest.approx(0.275)
    assert "one building fills the photo" in reading.notes[0]
    assert reading.localizable


def test_nothing_permanent_must_not_contradict_itself() -> None:
    hopeless = cells_answer([0] * 16, [9] * 4, b_scene="nothing_permanent", c_localizable=1, d_water=9)
    reading = AttentionAsker(Scripted(in_turn(hopeless)), prior=False).read(PHOTO)
    assert not reading.localizable
    assert reading.attention.uniform
    doubtful = AttentionAsker(Scripted(in_turn(hopeless | {"c_localizable": 8})), prior=False).read(PHOTO)
    assert doubtful.localizable
    assert "searched for all the same" in doubtful.notes[-1]


@given(st.floats(0, 0.9), st.sampled_from([3, 4, 6, 8]))
def test_rows_give_the_waterline_back(line: float, rows: int) -> None:
    edges = np.linspace(0, 1, rows + 1)
    shares = np.rint(9 * ((edges[1:] - (1 - line)) * rows).clip(0, 1)) / 9
    fitted, misfit = fit_waterline(shares.tolist())
    assert fitted == pytest.approx(line, abs=0.03)
    assert misfit < 0.03


def test_one_wrong_row_moves_the_waterline_little() -> None:
    for row in range(8):
        shares = [0, 0, 0, 0, 1, 1, 1, 1]
        shares[row] = 1 - shares[row]
        assert fit_waterline(shares)[0] == pytest.approx(0.5, abs=0.13)


@pytest.mark.parametrize(
    ("rows", "own", "line", "doubt"),
    [
        ([0, 0, 0, 1], 0.2, 0.225, ""),
        ([0, 0, 0, 0], 0.0, 0.0, ""),
        ([0, 0, 0, 1], 0.7, None, "25% by rows, 70% by the model's own word"),
        ([1, 1, 0, 0], 0.5, None, "do not lie at the bottom"),
        ([1, 1, 1, 1], 0.9, 0.9, ""),
        (None, 0.3, None, ""),
    ],
)
def test_a_waterline_is_believed_when_rows_and_word_agree(
    rows: Any, own: float, line: Any, doubt: str
) -> None:
    found, said = agreed_waterline(rows, own)
    assert found == (None if line is None else pytest.approx(line, abs=0.01))
    assert doubt in said
    assert bool(said) == bool(doubt)


def test_a_context_that_is_too_short_gets_a_smaller_canvas_from_then_on() -> None:
    with FarOllama(FarModel(answer=lambda body: GOOD)) as far, pool(far) as one:
        far.moods.append("too_long")
        attention_asker = AttentionAsker(one, prior=False)
        assert not attention_asker.read(PHOTO).attention.uniform
        assert not attention_asker.read(PHOTO).attention.uniform
        sizes = [len(body["messages"][0]["images"][0]) for body in far.asked("/api/chat")]
        assert sizes[1] == sizes[2] < sizes[0]
        far.moods.extend(["too_long"] * 3)
        with pytest.raises(ModelError, match="does not fit the context") as caught:
            attention_asker.read(PHOTO)
        assert "8192" in caught.value.hint


def test_a_photo_that_leaves_this_machine_is_said_to() -> None:
    record = ModelRecord("ollama", "kimi-cloud", "127.0.0.1:11434", remote_host="https://ollama.com")
    reading = AttentionAsker(Scripted(in_turn(GOOD), record), prior=False).read(PHOTO)
    assert reading.notes == ("the photo was sent to https://ollama.com",)
    assert reading.notes[0] in reading.attention.reasons


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@given(x=st.integers(0, 23), y=st.integers(0, 23))
def test_cells_are_read_back_to_where_they_were_shown(view: Any, x: int, y: int) -> None:
    cells, lattice = 4, 24
    edges = view.edges(cells)
    shown_x = (x + 0.5) / lattice
    column = np.searchsorted(edges, 1 - shown_x if view.mirrored else shown_x) - 1
    row = np.searchsorted(edges, (y + 0.5) / lattice) - 1
    values = np.arange(len(edges) - 1)[:, None] * 10 + np.arange(len(edges) - 1)
    assert in_photo_frame(values, view, cells, lattice)[y, x] == values[row, column]


def test_points_spread_as_the_paper_has_it() -> None:
    one = spread_points(np.array([[0.2, 0.8, 1.7]]))
    assert one == pytest.approx(1.7), "a convex mixture of one weight: no neutral background"
    two = spread_points(np.array([[0.1, 0.5, 2.0], [0.9, 0.5, 0.0]]))
    assert two.shape == (32, 32)
    x = (np.arange(32) + 0.5) / 32
    near, far = (np.exp(-((x - at) ** 2) / (2 * 0.2**2)) for at in (0.1, 0.9))
    assert two[16] == pytest.approx(2 * near / (near + far), abs=1e-6)


def test_the_paper_s_formats() -> None:
    points = [{"a_reason": "spire", "b_x": 0.1, "c_y": 0.5, "d_weight": 2.0}]
    points += [{"a_reason": "car", "b_x": 0.9, "c_y": 0.5, "d_weight": 0.1}] * 2
    said = {"b_scene": "complex", "f_points": points}
    reading = AttentionAsker(Scripted(in_turn(said)), answer_format="points").read(PHOTO)
    assert reading.attention.weights[16, 0] > 1.9
    assert reading.attention.weights[16, 31] < 0.2
    assert reading.attention.reasons == ("spire", "car")
    grid = {f"{row}{column}": 0.1 * column for row in "ABC" for column in (1, 2, 3)}
    said = {"a_reason": "signs", "b_scene": "complex", "f_cells": grid}
    reading = AttentionAsker(Scripted(in_turn(said)), answer_format="grid", cells=3, prior=False).read(PHOTO)
    assert reading.attention.weights[1] == pytest.approx([0.1, 0.2, 0.3])
    alone = said | {"b_scene": "single_landmark"}
    assert (
        AttentionAsker(Scripted(in_turn(alone)), answer_format="grid", cells=3, prior=False)
        .read(PHOTO)
        .attention.uniform
    )


@pytest.mark.parametrize("answer_format", ANSWER_FORMATS.values(), ids=ANSWER_FORMATS)
def test_a_format_suits_every_server(answer_format: Any) -> None:
    def check(schema: Any) -> None:
        if schema.get("type") == "object":
            assert list(schema["properties"]) == sorted(schema["properties"]), "one path sorts them"
            assert schema["required"] == list(schema["properties"])
        if schema.get("type") in ("integer", "number"):
            assert "enum" in schema, "ranges are not enforced"
        for inner in [
            *schema.get("properties", {}).values(),
            *([schema["items"]] if "items" in schema else []),
        ]:
            check(inner)

    for cells in (2, 4, 9):
        for texts in (True, False):
            check(answer_format.schema(cells, texts))
            assert ("a_reason" in str(answer_format.schema(cells, texts))) == texts
        told = answer_format.prompt(cells, "Sankt Pölten")
        assert "Sankt Pölten" in told
        assert all(key in told for key in answer_format.schema(cells, True)["properties"])
        assert len(told) < 4500
    assert "an unknown city" in answer_format.prompt(4, "")
    assert len(answer_format.prompt(4, "x\n\n" * 500)) < 4500


def test_what_cannot_be_asked_for() -> None:
    asker = Scripted(in_turn(GOOD))
    for wrong in (
        {"answer_format": "boxes"},
        {"cells": 9},
        {"consistency": 5},
        {"answer_format": "points", "consistency": 3},
    ):
        with pytest.raises(UsageError):
            AttentionAsker(asker, **wrong)  # type: ignore[arg-type]
    assert not asker.asked


def test_a_reading_is_frozen() -> None:
    reading = AttentionAsker(Scripted(in_turn(GOOD)), prior=False).read(PHOTO)
    with pytest.raises(dataclasses.FrozenInstanceError):
        reading.scene = "other"  # type: ignore[misc]
