"""Two passes of a batch: answers at once, better ones later, nothing lost or asked twice in between."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import (
    Estimate,
    Located,
    Outcome,
    Query,
    Reason,
    SearchOptions,
)
from geoflood.localize.outcome import judge
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.findings import Finding, Status
from geoflood.triage.journal import Journal, read_journal
from geoflood.triage.options import BatchOptions, BatchRequest
from geoflood.triage.outputs import export, write_outputs
from geoflood.triage.pipeline import BatchSummary, batch_locate
from geoflood.triage.results import read_results
from geoflood.triage.review import review
from geoflood.triage.second_pass import HOPELESS, MOST, Rewriter, evidence_to_change, waiting_text
from geoflood.vlm.stage import VlmSelection, VlmStage
from tests.support.batch import (
    CITY,
    OPTIONS,
    SPOT,
    TwoPassLocator,
    findings,
    found_by,
    photo_jpeg,
    post_row,
    run_batch,
    write_index,
    write_posts,
)
from tests.support.far_side.scripted import Scripted, cells_answer, in_turn


def filled(root: Path, count: int = 10) -> Path:
    root.mkdir(exist_ok=True)
    folder = write_posts(root, *(post_row(f"{n}.jpg", f"post {n}", n % 24) for n in range(count)))
    for n in range(count):
        (folder / f"{n}.jpg").write_bytes(photo_jpeg(n))
    return folder


def answers(root: Path) -> list[tuple[str, Outcome, Estimate | None, bool]]:
    return [(one.file, one.located.outcome, one.located.estimate, one.provisional) for one in findings(root)]


def re_ranked(locator: TwoPassLocator) -> int:
    return sum(rerank > 0 for _, rerank, *_ in locator.calls)


def searched_only(root: Path) -> BatchSummary:
    """A batch that is stopped between its passes."""
    locator = TwoPassLocator()
    return run_batch(root, locator, stopping=lambda: len(locator.calls) >= 10)


# -- which photo is next ----------------------------------------------------------------------------------


def located(probability: float, absent: float, verified: bool = False) -> Located:
    estimate = Estimate(SPOT, probability, 9.0, 30.0, (), absent, verified=verified)
    outcome, reason = judge(estimate)
    return Located(Query(Path("a.jpg")), outcome, reason, estimate=estimate)


def test_the_photo_that_needs_least_evidence_changes_first() -> None:
    unverified, near, far = located(0.97, 0.01), located(0.58, 0.1), located(0.25, 0.3)
    strange = located(0.02, 0.93)
    needed = [evidence_to_change(one) for one in (unverified, near, far, strange)]
    assert needed[0] == 0.0, "to be verified is all that it lacks"
    assert all(one is not None for one in needed)
    assert needed == sorted(needed, key=lambda nats: nats or 0.0)
    assert len(set(needed)) == 4
    assert evidence_to_change(located(0.0, HOPELESS)) is None
    assert evidence_to_change(located(0.0, HOPELESS), hopeless=math.inf) == pytest.approx(3.0, abs=0.5)
    assert evidence_to_change(Located(Query(Path()), Outcome.FAILED, Reason.recorded("torn"))) is None


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_evidence_is_told_of_every_estimate(share: float, absent: float, verified: bool) -> None:
    needed = evidence_to_change(located(share * (1 - absent), absent, verified))
    assert (needed is None) == (absent >= HOPELESS)
    assert needed is None or 0 <= needed <= MOST


# -- the two passes ---------------------------------------------------------------------------------------


def test_all_are_searched_for_then_re_ranked_likeliest_to_change_first(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    (folder / "torn.jpg").write_bytes(b"no picture")
    locator = TwoPassLocator()
    news: list[str] = []
    seen: list[tuple[str, int, int]] = []
    written: list[list[tuple[str, bool]]] = []

    def rewrite(results: Any, left_s: float) -> None:
        assert math.isinf(left_s), "nobody can say yet"
        written.append([(one.file, one.provisional) for one in results])

    summary = run_batch(
        tmp_path,
        locator,
        at_once=1,
        news=news.append,
        progress=lambda *told: seen.append(told),
        rewrite=rewrite,
    )
    passes = [rerank for _, rerank, *_ in locator.calls]
    assert passes == [0] * 11 + [20] * 9, "the hopeless one and the torn one are not tried again"
    lines = [line.content for line in read_journal(tmp_path / "out") if line.kind == "located"]
    assert [line["provisional"] for line in lines[11:]] == [None] * 9
    first = {Path(line["located"]["path"]).name: line["provisional"] for line in lines[:11]}
    assert {name for name, needed in first.items() if needed is None} == {"4.jpg", "torn.jpg"}
    begun = [first[name] for name, rerank, *_ in locator.calls if rerank]
    in_order = sorted(begun)
    assert in_order[:2] == [0.0, 0.0], "two lack nothing but to be verified"
    assert in_order[0] < in_order[4] < in_order[8]
    for at, needed in enumerate(begun):
        assert needed <= in_order[min(at + 1, 8)], "two workers: one of them may be a moment ahead"
    assert len(written) == 1
    assert [file for file, provisional in written[0] if not provisional] == ["4.jpg", "torn.jpg"]
    assert (summary.re_ranked, summary.stopped, summary.results.waiting) == (9, False, frozenset())
    assert summary.outcomes.total() == 11
    assert +summary.outcomes == Counter(one.located.outcome for one in findings(tmp_path))
    moved = {n for n in range(10) if n % 3 == 0 and n not in (3, 4)}
    before = {n: located_as(n, False) for n in range(10)}
    changed = {n for n in range(10) if n != 4 and before[n] is not located_as(n, True)} | moved
    assert summary.changed == len(changed)
    assert ("re-ranking", 9, 9) in seen
    assert any("9 photos are re-ranked now" in line for line in news)
    assert news[-1] == f"9 of 9 re-ranked, {summary.changed} changed"


def located_as(n: int, reranked: bool) -> Outcome:
    return judge(found_by(n, Estimate(SPOT, 0.7, 9.0, 30.0, (), 0.1), reranked))[0]


def test_without_re_ranking_there_is_one_pass(tmp_path: Path) -> None:
    filled(tmp_path)
    locator = TwoPassLocator()
    summary = run_batch(tmp_path, locator, BatchOptions("rivertown", SearchOptions(rerank=0)))
    assert [rerank for _, rerank, *_ in locator.calls] == [0] * 10
    assert (summary.re_ranked, summary.changed, summary.results.waiting) == (0, 0, frozenset())


def test_a_photo_that_cannot_be_re_ranked_keeps_its_first_result(tmp_path: Path) -> None:
    filled(tmp_path)
    clumsy = TwoPassLocator(breaks=lambda name, rerank: name == "1.jpg" and rerank > 0)
    summary = run_batch(tmp_path, clumsy)
    assert (summary.not_re_ranked, summary.re_ranked, summary.stopped) == (("1.jpg",), 8, False)
    kept = {one.file: one for one in findings(tmp_path)}["1.jpg"]
    assert (kept.located.outcome, kept.provisional) == (Outcome.UNCERTAIN, True)
    again = TwoPassLocator()
    summary = run_batch(tmp_path, again)
    assert [(name, rerank) for name, rerank, *_ in again.calls] == [("1.jpg", 20)]
    assert (summary.before, summary.outcomes.total(), summary.results.waiting) == (9, 1, frozenset())


# -- stopped and killed -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch that nothing interrupted."""
    root = tmp_path_factory.mktemp("whole")
    filled(root)
    run_batch(root, TwoPassLocator())
    return root


class KilledError(Exception):
    """The process is gone: nothing is written after it."""


@given(st.lists(st.integers(0, 40), max_size=4), st.booleans())
def test_killed_at_any_moment_it_ends_with_the_same(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, moments: list[int], narrowed: bool
) -> None:
    root = tmp_path_factory.mktemp("torn")
    shutil.copytree(whole / "posts", root / "posts")
    options = BatchOptions("rivertown", use_post_geo=narrowed)
    for moment in moments:
        left = [moment]

        def progress(stage: str, done: int, total: int, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise KilledError

        try:
            run_batch(root, TwoPassLocator(), options, progress=progress)
        except KilledError:
            continue
    summary = run_batch(root, TwoPassLocator(), options)
    assert answers(root) == answers(whole)
    assert summary.before + summary.outcomes.total() == 10
    idle = TwoPassLocator()
    assert run_batch(root, idle, options).before == 10
    assert idle.calls == []


@pytest.mark.parametrize("again", [0, 1, 4])
def test_stopped_in_the_second_pass_the_next_run_ends_it(tmp_path: Path, whole: Path, again: int) -> None:
    filled(tmp_path)
    locator = TwoPassLocator()
    first = run_batch(
        tmp_path,
        locator,
        at_once=1,
        stopping=lambda: len(locator.calls) >= 10 and re_ranked(locator) >= again,
    )
    assert first.stopped
    assert 0 < len(first.results.waiting) <= 9
    assert [line.kind for line in read_journal(tmp_path / "out")][-1] == "stopped"
    later = TwoPassLocator()
    second = run_batch(tmp_path, later)
    assert not second.stopped
    assert {rerank for _, rerank, *_ in later.calls} == {20}, "nothing is searched for twice"
    assert len(later.calls) == len(first.results.waiting)
    assert answers(tmp_path) == answers(whole)


def test_a_moved_folder_of_posts_is_re_ranked_where_it_is(tmp_path: Path, whole: Path) -> None:
    folder = filled(tmp_path)
    searched_only(tmp_path)
    moved = folder.rename(tmp_path / "moved")
    summary = batch_locate(moved, tmp_path / "out", TwoPassLocator(), write_index(tmp_path), OPTIONS)
    assert (summary.not_re_ranked, summary.re_ranked) == ((), 9)
    assert answers(tmp_path) == answers(whole)


def test_old_journals_are_finished_as_they_are(tmp_path: Path) -> None:
    filled(tmp_path)
    searched_only(tmp_path)
    lines = [dict(line.content) for line in read_journal(tmp_path / "out")]
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    with Journal(tmp_path / "out") as journal:
        list(journal.replay())
        for line in lines:
            kept = {
                name: value
                for name, value in line.items()
                if name not in ("n", "at", "before", "provisional")
            }
            journal.append(kept.pop("kind"), **kept)
    idle = TwoPassLocator()
    summary = run_batch(tmp_path, idle)
    assert idle.calls == []
    assert (summary.before, summary.results.waiting) == (10, frozenset())


# -- people meanwhile -------------------------------------------------------------------------------------


def saved(root: Path, *told: dict[str, object]) -> Path:
    path = root / "decisions.json"
    path.write_text(json.dumps({"decisions": told}), "utf-8")
    return path


def made(one: Finding, status: str, seen: bool = True) -> dict[str, object]:
    place = one.located.place
    shown = [round(place.position.lat, 6), round(place.position.lon, 6)] if place and seen else None
    return {"sha256": one.sha256, "status": status, "by": "ana", "at": "2021-11-20T10:00:00Z", "seen": shown}


def by_file(root: Path) -> dict[str, Finding]:
    return {one.file: one for one in findings(root)}


def test_what_a_person_decided_between_the_passes_stays(tmp_path: Path) -> None:
    filled(tmp_path)
    searched_only(tmp_path)
    before = by_file(tmp_path)
    told = saved(tmp_path, made(before["0.jpg"], "confirmed"), made(before["6.jpg"], "rejected"))
    merged = review(tmp_path / "out", told)
    assert merged.moved == ()
    assert len(merged.results.waiting) == 7
    locator = TwoPassLocator()
    run_batch(tmp_path, locator)
    assert {name for name, *_ in locator.calls}.isdisjoint({"0.jpg", "6.jpg"}), "decided is decided"
    after = by_file(tmp_path)
    for file, status in (("0.jpg", Status.CONFIRMED), ("6.jpg", Status.REJECTED)):
        assert after[file].status is status
        assert after[file].located.estimate == before[file].located.estimate
        assert not after[file].provisional
    undone = {**made(before["6.jpg"], "candidate"), "at": "2021-11-21T10:00:00Z"}
    review(tmp_path / "out", saved(tmp_path, undone))
    again = TwoPassLocator()
    run_batch(tmp_path, again)
    assert [(name, rerank) for name, rerank, *_ in again.calls] == [("6.jpg", 20)], "undecided anew"


def test_a_confirmation_is_of_the_place_that_was_shown(tmp_path: Path) -> None:
    """The page was written after the first pass; its decisions are merged after the second."""
    filled(tmp_path)
    searched_only(tmp_path)
    before = by_file(tmp_path)
    told = [
        made(before["0.jpg"], "confirmed"),
        made(before["2.jpg"], "confirmed"),
        made(before["6.jpg"], "rejected"),
        made(before["9.jpg"], "confirmed", seen=False),
    ]
    run_batch(tmp_path, TwoPassLocator())
    merged = review(tmp_path / "out", saved(tmp_path, *told))
    after = by_file(tmp_path)
    assert after["0.jpg"].pin == SPOT, "the machine has moved by 70 m, the confirmation has not"
    assert after["0.jpg"].located.place
    assert after["0.jpg"].located.place.position != SPOT
    assert after["2.jpg"].pin is None, "nothing moved"
    assert after["9.jpg"].pin is None, "files of earlier versions do not tell"
    (pinned, rejected) = sorted(merged.moved)
    assert "0.jpg" in pinned
    assert "now puts it 70 m away from it: the pin stays" in pinned
    assert "6.jpg" in rejected
    assert rejected.endswith("look at it again")
    again = review(tmp_path / "out", tmp_path / "decisions.json")
    assert (sum(again.new.values()), again.moved) == (0, ())


# -- a model in play --------------------------------------------------------------------------------------


def with_model(root: Path, locator: TwoPassLocator, asker: Any, verify: int = 0, **more: Any) -> BatchSummary:
    stage = VlmStage(VlmSelection("m", ("localhost",)), "ollama", verify, "Rivertown")
    options = BatchOptions("rivertown", vlm=stage.settings)
    return run_batch(root, locator, options, request=BatchRequest(stage, asker), **more)


GOOD = cells_answer([*range(10), 9, 8, 7, 0, 1, 2], [0, 0, 0, 9], d_water=2)


def test_a_model_is_asked_about_a_photo_once(tmp_path: Path) -> None:
    filled(tmp_path)
    first, later = TwoPassLocator(), TwoPassLocator()
    model, model_again = Scripted(in_turn(GOOD)), Scripted(in_turn(GOOD))
    with_model(tmp_path, first, model, stopping=lambda: re_ranked(first) >= 2)
    with_model(tmp_path, later, model_again)
    questions = {(tuple(images), prompt.text) for images, prompt, *_ in model.asked}
    assert len(questions) == len(model.asked) >= 10
    assert model_again.asked == []
    maps = {name: attention for name, rerank, attention, _ in first.calls if not rerank}
    again = {name: attention for name, rerank, attention, _ in (*first.calls, *later.calls) if rerank}
    assert len(again) == 9
    for name, attention in again.items():
        told = maps[name]
        assert attention is not None
        assert told is not None
        assert (attention.provider, attention.waterline, attention.doubt) == (
            *(told.provider, told.waterline, told.doubt),
        )
        assert attention.weights == pytest.approx(told.weights, abs=1e-3)
    assert all("attend" in one.located.seconds for one in findings(tmp_path))


def test_only_the_last_pass_is_verified_and_then_no_photo_is_hopeless(tmp_path: Path) -> None:
    filled(tmp_path)
    locator = TwoPassLocator()
    with_model(tmp_path, locator, Scripted(in_turn(GOOD)), verify=2)
    assert [(rerank, verified) for _, rerank, _, verified in locator.calls] == [(0, False)] * 10 + [
        (20, True)
    ] * 10


# -- what is said meanwhile -------------------------------------------------------------------------------


def test_a_folder_with_the_first_pass_only_says_so(tmp_path: Path) -> None:
    filled(tmp_path)
    summary = searched_only(tmp_path)
    results = read_results(tmp_path / "out")
    assert len(results.waiting) == len(summary.results.waiting) == 9
    write_outputs(results, CITY)
    text = waiting_text(9)
    assert text.startswith("9 results are provisional")
    assert "run batch-locate again" in text
    assert text in (tmp_path / "out" / "triage.html").read_text("utf-8")
    assert json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["provisional"] == 9
    for name in ("x.csv", "x.html"):
        export(results, tmp_path / name, Sharing.PUBLIC)
    assert (tmp_path / "x.csv").read_text("utf-8").count("searched for, not re-ranked yet") == 9
    assert text in (tmp_path / "x.html").read_text("utf-8")
    run_batch(tmp_path, TwoPassLocator())
    write_outputs(read_results(tmp_path / "out"), CITY)
    for name in ("out/triage.html", "out/located.csv"):
        page = (tmp_path / name).read_text("utf-8")
        assert "provisional:" not in page
        assert "not re-ranked yet" not in page


def test_words_of_what_is_left() -> None:
    assert waiting_text(0) == ""
    assert "1 result is provisional" in waiting_text(1, 5.0)
    assert "about 1 min left" in waiting_text(1, 5.0)
    assert "about 12 min left" in waiting_text(1200, 700.0)
    assert "about 3 h left" in waiting_text(1200, 10_000.0)
    assert "left" not in waiting_text(2, math.inf)


def test_the_page_is_written_rarely_enough() -> None:
    now = [0.0]
    written: list[float] = []

    def write() -> None:
        written.append(now[0])
        now[0] += 30.0

    rewriter = Rewriter(write, least_s=300.0, clock=lambda: now[0])
    rewriter.write()
    for _ in range(1000):
        now[0] += 2.0
        rewriter.write_if_due()
    assert written[:2] == [0.0, 630.0], "writing takes half a minute: a twentieth of the time at most"
    assert len(written) == 4
