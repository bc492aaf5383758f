"""The batch: every photo once, every post credited, nothing lost, whatever moment it is stopped at."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoflood.core.datatypes import (
    AttentionMap,
    Bounds,
    Cell,
    Cells,
    Estimate,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    ReasonKind,
    SearchOptions,
)
from geoflood.core.errors import InputError, UsageError
from geoflood.core.files import fingerprint
from geoflood.core.images import jpeg, read_image, resize
from geoflood.localize.locator import Locator
from geoflood.outputs.wording import reason_line, sentence
from geoflood.synthetic.town import Truth
from geoflood.triage import pipeline
from geoflood.triage.codec import located_from, located_to
from geoflood.triage.journal import NAME, read_journal
from geoflood.triage.options import BatchOptions
from geoflood.triage.pipeline import batch_locate
from tests.support.batch import (
    OPTIONS,
    SPOT,
    FakeLocator,
    finding_rows,
    findings,
    photo_jpeg,
    post_row,
    random_scene,
    run_batch,
    run_batch_slowly,
    write_index,
    write_posts,
)
from tests.support.kills import killable


def test_duplicates_are_located_once_and_credited_to_all_posts_earliest_first(tmp_path: Path) -> None:
    folder = write_posts(
        tmp_path,
        post_row("c.jpg", "resized", 9),
        post_row("a.jpg", "first", 7, id="1"),
        post_row("b.jpg", "the same bytes", 8, id="2"),
        post_row("a.jpg", "again", 10, id="3"),
        post_row("other.jpg", "another", 11),
    )
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(photo_jpeg(1))
    (folder / "c.jpg").write_bytes(jpeg(resize(random_scene(1), 100, 75), quality=60))
    (folder / "other.jpg").write_bytes(photo_jpeg(2))
    locator = FakeLocator()
    summary = run_batch(tmp_path, locator)
    assert len(locator.seen) == 2
    assert sum(summary.outcomes.values()) == 2
    first, second = findings(tmp_path)
    assert [post.text for post in first.posts] == ["first", "the same bytes", "resized", "again"]
    assert (first.number, first.copies) == (1, 3)
    assert [post.text for post in second.posts] == ["another"]


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    folder = write_posts(tmp_path, post_row("a.jpg", "t", 7, lat=29.7, lon=-95.3, author="ana", id="9"))
    (folder / "a.jpg").write_bytes(photo_jpeg(1))
    run_batch(tmp_path, options=BatchOptions("rivertown", waterline=0.3))
    (one,) = findings(tmp_path)
    expected = FakeLocator().locate(Query(folder / "a.jpg"), AttentionMap.neutral(0.3, "analyst"))
    assert one.located.attention is not None
    assert one.located.attention.waterline == 0.3
    for name in ("query", "outcome", "reason", "candidates", "estimate", "seconds"):
        assert getattr(one.located, name) == getattr(expected, name)
    (post,) = one.posts
    assert (post.author, post.id, post.media[0].file, one.file) == ("ana", "9", "a.jpg", "a.jpg")
    assert post.geotag is not None
    assert post.geotag.position == LatLon(29.7, -95.3)


def test_an_area_of_thousands_of_cells_comes_back_within_a_centimetre() -> None:
    dice = np.random.default_rng(2)
    centres = np.array([SPOT.lat, SPOT.lon]) + dice.uniform(-0.2, 0.2, (5000, 2))
    shares = -np.sort(-dice.dirichlet(np.ones(5000)))
    estimate = Estimate(SPOT, 0.7, 9.0, 30.0, Cells(centres, shares, 1.5), 0.1)
    told = located_to(
        Located(Query(Path("a.jpg")), Outcome.LOCATED, Reason.recorded("why"), estimate=estimate)
    )
    assert len(json.dumps(told)) < 20 * 5000
    after = located_from(json.loads(json.dumps(told))).estimate
    assert after is not None
    area = Cells.of(after.search_area)
    np.testing.assert_allclose(area.centres, centres, atol=1e-7)
    np.testing.assert_allclose(area.probabilities, shares, atol=1e-8)
    assert area.size_m == 1.5
    assert len(after.cells(0.5)) == pytest.approx(len(estimate.cells(0.5)), abs=1)


class LosesOne(FakeLocator):
    """A locator that finds all photos but 1.jpg."""

    def locate(self, query: Query, *told: Any, **more: Any) -> Located:
        located = super().locate(query, *told, **more)
        return replace(located, outcome=Outcome.NOT_FOUND) if query.path.name == "1.jpg" else located


@pytest.mark.parametrize(("most", "large"), [(3, 2), (2, 0)])
def test_larger_pictures_are_made_of_found_photos_while_they_are_in_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, large: int
) -> None:
    monkeypatch.setattr(pipeline, "MOST_LARGE", most)
    folder = write_posts(tmp_path, *(post_row(f"{n}.jpg", f"post {n}", n) for n in range(3)))
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(photo_jpeg(n))
    run_batch(tmp_path, LosesOne())
    pictures = {path.name for path in (tmp_path / "out" / "triage-pictures").iterdir()}
    assert sum("-large" in name for name in pictures) == large, "of more photos than the page's, by the page"
    assert len(pictures) == 3 + large
    assert f"{fingerprint(folder / '1.jpg')}-large.jpg" not in pictures


def before_likely(outcome: str, reason: object, probability: float, absent: float, **more: object) -> Located:
    """What a journal line of a build that knew neither `likely` nor `verified` is read as."""
    estimate = {
        "position": {"lat": 29.76, "lon": -95.37},
        "probability": probability,
        "radius_50_m": 9.0,
        "radius_90_m": 267.0,
        "not_in_index": absent,
        "tolerance_m": 25.0,
        "search_area": {"size_m": 10.0, "first": [29.76, -95.37], "cells": "AAAAAAAAAABmZmY/"},
    }
    line = {
        "path": "a.jpg",
        "outcome": outcome,
        "reason": reason,
        "candidates": [],
        "estimate": estimate,
        "attention": None,
        "seconds": {},
    }
    return located_from(json.loads(json.dumps({**line, **more})))


@pytest.mark.parametrize(
    ("outcome", "reason", "probability", "absent", "read_as", "kind"),
    [
        ("located", "one place stands out", 0.99, 0.005, Outcome.LIKELY, ReasonKind.UNVERIFIED),
        ("located", {"kind": "one place stands out"}, 0.6, 0.1, Outcome.LIKELY, ReasonKind.UNVERIFIED),
        ("uncertain", "several places fit", 0.4, 0.1, Outcome.UNCERTAIN, ReasonKind.RECORDED),
        ("uncertain", {"kind": "several places fit"}, 0.4, 0.1, Outcome.UNCERTAIN, ReasonKind.SEVERAL_PLACES),
        (
            "uncertain",
            {"kind": "one place fits, the index was never tried out"},
            *(0.7, 0.1, Outcome.UNCERTAIN, ReasonKind.UNTRIED_INDEX),
        ),
        ("not-found", {"kind": "not in this index"}, 0.2, 0.8, Outcome.NOT_FOUND, ReasonKind.NOT_IN_INDEX),
        ("not-found", "not here", 0.3, 0.45, Outcome.UNCERTAIN, ReasonKind.PERHAPS_ELSEWHERE),
        ("failed", "a bug", 0.9, 0.0, Outcome.FAILED, ReasonKind.RECORDED),
    ],
)
def test_old_results_are_read_by_the_rule_of_today(
    outcome: str, reason: object, probability: float, absent: float, read_as: Outcome, kind: ReasonKind
) -> None:
    found = before_likely(outcome, reason, probability, absent)
    assert (found.outcome, found.reason.kind) == (read_as, kind)
    assert sentence(found.reason)
    again = located_from(json.loads(json.dumps(located_to(found))))
    assert (again.outcome, again.reason) == (found.outcome, found.reason), "what was written since stays"


def test_an_old_result_without_an_estimate_stays_as_it_was() -> None:
    found = before_likely("not-found", "nothing alike", 0.0, 1.0, estimate=None)
    assert (found.outcome, found.reason) == (Outcome.NOT_FOUND, Reason.recorded("nothing alike"))


def test_cells_are_a_sequence_of_cells() -> None:
    plain = [Cell(LatLon(29.0 + n, -95.0), 10.0, 0.1 * n) for n in range(5)]
    cells = Cells.of(plain)
    assert (list(cells), cells[1], cells[-1], len(cells)) == (plain, plain[1], plain[-1], 5)
    assert cells == Cells.of(cells) == tuple(plain)
    assert (list(cells[1:3]), list(cells[:0])) == (plain[1:3], [])
    assert cells != Cells.of(plain[:4])
    assert not Cells.of([])
    with pytest.raises(ValueError, match="2 sizes"):
        Cells.of([*plain, Cell(LatLon(0, 0), 20.0, 0.1)])


def test_a_bad_photo_is_a_row_and_a_bug_is_tried_again(tmp_path: Path) -> None:
    folder = write_posts(tmp_path)
    (folder / "good.jpg").write_bytes(photo_jpeg(1))
    (folder / "bug.jpg").write_bytes(photo_jpeg(2))
    (folder / "torn.jpg").write_bytes(photo_jpeg(3)[:700])
    (folder / "empty.jpg").write_bytes(b"")
    first = run_batch(tmp_path, FakeLocator(broken=lambda path: path.name == "bug.jpg"))
    assert first.outcomes[Outcome.FAILED] == 3
    reasons = {
        one.file: reason_line(one.located)
        for one in findings(tmp_path)
        if one.located.outcome is Outcome.FAILED
    }
    assert "truncated" in reasons["torn.jpg"]
    assert "empty" in reasons["empty.jpg"]
    assert "RuntimeError: a bug" in reasons["bug.jpg"]
    again = FakeLocator()
    run_batch(tmp_path, again)
    assert [path.name for path, _ in again.seen] == ["bug.jpg"]
    assert len(findings(tmp_path)) == 4


def test_nothing_is_done_twice_and_new_posts_are_picked_up(tmp_path: Path) -> None:
    folder = write_posts(
        tmp_path, post_row("a.jpg", "one", 7), post_row("late.jpg", "its file comes later", 8)
    )
    (folder / "a.jpg").write_bytes(photo_jpeg(1))
    run_batch(tmp_path)
    size = (tmp_path / "out" / NAME).stat().st_size
    idle = FakeLocator()
    assert run_batch(tmp_path, idle).before == 1
    assert idle.seen == []
    grown = (tmp_path / "out" / NAME).stat().st_size - size
    assert grown < 1500, "only that there was a run"
    (folder / "late.jpg").write_bytes(photo_jpeg(2))
    (folder / "bare.jpg").write_bytes(photo_jpeg(3))
    (folder / "more.jsonl").write_text(json.dumps(post_row("a.jpg", "once more", 6)) + "\n", "utf-8")
    later = FakeLocator()
    run_batch(tmp_path, later)
    assert sorted(path.name for path, _ in later.seen) == ["bare.jpg", "late.jpg"]
    texts = [[post.text for post in one.posts] for one in findings(tmp_path)]
    assert texts == [["once more", "one"], ["its file comes later"], [""]]


def test_a_loose_photo_that_gets_a_post_later_is_that_posts(tmp_path: Path) -> None:
    folder = write_posts(tmp_path)
    (folder / "a.jpg").write_bytes(photo_jpeg(1))
    run_batch(tmp_path)
    write_posts(tmp_path, post_row("a.jpg", "mine", 7))
    run_batch(tmp_path)
    (one,) = findings(tmp_path)
    assert [post.text for post in one.posts] == ["mine"]


def test_photos_in_archives_are_copied_under_their_hash(tmp_path: Path) -> None:
    folder = write_posts(tmp_path)
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.writestr("m/a'b.JPG", photo_jpeg(1))
        archive.writestr("m/empty.jpg", b"")
    run_batch(tmp_path)
    one, other = findings(tmp_path)
    good = one if one.located.outcome is not Outcome.FAILED else other
    assert good.file == "x.zip!/m/a'b.JPG"
    assert good.located.query.path == tmp_path / "out" / "photos" / f"{good.sha256}.jpg"
    assert good.located.query.path.read_bytes() == photo_jpeg(1)
    hashed = [line.content["file"] for line in read_journal(tmp_path / "out") if line.kind == "file"]
    assert sorted(hashed) == ["list.jsonl", "x.zip", "x.zip!/m/a'b.JPG", "x.zip!/m/empty.jpg"]


def test_inputs_are_never_touched_and_hashed_before_they_are_read(tmp_path: Path) -> None:
    folder = write_posts(tmp_path, post_row("a.jpg", "one", 7))
    (folder / "a.jpg").write_bytes(photo_jpeg(1))
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    run_batch(tmp_path)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == before
    kinds = [line.kind for line in read_journal(tmp_path / "out")]
    assert kinds == ["run", "file", "file", "photo", "post", "located", "ended"]
    with pytest.raises(UsageError, match="holds the posts"):
        batch_locate(folder, folder, FakeLocator(), write_index(tmp_path), OPTIONS)


def test_results_inside_the_folder_are_not_read_as_posts(tmp_path: Path) -> None:
    folder = write_posts(tmp_path)
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.writestr("a.jpg", photo_jpeg(1))
    for _ in range(2):
        summary = batch_locate(
            folder, folder / "out", FakeLocator(), write_index(tmp_path), OPTIONS, workers=1
        )
    assert summary.tally.posts == {"bare images": 1}


def test_other_settings_need_another_folder(tmp_path: Path) -> None:
    folder = write_posts(tmp_path)
    run_batch(tmp_path, options=BatchOptions("rivertown", SearchOptions(top_k=5)))
    (folder / "a.jpg").write_bytes(photo_jpeg(1))
    run_batch(tmp_path)  # nothing was located with the others
    with pytest.raises(UsageError, match="other options: top k 10, not 3"):
        run_batch(tmp_path, options=BatchOptions("rivertown", SearchOptions(top_k=3)))
    write_index(tmp_path).joinpath("manifest.json").write_text("other", "utf-8")
    with pytest.raises(UsageError, match="another index"):
        batch_locate(tmp_path / "posts", tmp_path / "out", FakeLocator(), tmp_path / "index", OPTIONS)


def test_what_could_not_be_used_is_journalled_once(tmp_path: Path) -> None:
    write_posts(tmp_path, post_row("gone.jpg", "its file is nowhere", 7))
    for _ in range(2):
        run_batch(tmp_path)
    reasons = [line.content["reason"] for line in read_journal(tmp_path / "out") if line.kind == "rejected"]
    assert reasons == ["without a file"]


def test_settings_have_the_names_that_journals_have() -> None:
    settings = OPTIONS.as_journal
    assert set(settings) == {"city", "manner", "waterline", "use_post_geo", "search_anyway", "eyes"}
    assert set(settings["manner"]) == {"top_k", "alpha", "blend", "banding", "rerank"}


def test_an_altered_journal_is_refused(tmp_path: Path) -> None:
    folder = write_posts(tmp_path)
    (folder / "a.jpg").write_bytes(photo_jpeg(1))
    run_batch(tmp_path)
    path = tmp_path / "out" / NAME
    path.write_bytes(
        path.read_bytes().replace(b'"uncertain"', b'"located"').replace(b'"located","r', b'"failed","r')
    )
    with pytest.raises(InputError, match="not what was written"):
        run_batch(tmp_path)


def test_the_posts_own_place_narrows_only_when_asked(tmp_path: Path) -> None:
    page = {
        "data": [{"id": "1", "text": "t", "geo": {"place_id": "p"}, "attachments": {"media_keys": ["m"]}}],
        "includes": {
            "media": [{"media_key": "m", "type": "photo", "url": "https://x/a.jpg"}],
            "places": [{"id": "p", "full_name": "Houston, TX", "geo": {"bbox": [-95.8, 29.5, -95.0, 30.1]}}],
        },
    }
    folder = write_posts(tmp_path, page, post_row("b.jpg", "t", 1, lat=29.7, lon=-95.3))
    (folder / "a.jpg").write_bytes(photo_jpeg(1))
    (folder / "b.jpg").write_bytes(photo_jpeg(2))
    plain = FakeLocator()
    run_batch(tmp_path, plain)
    assert [within for _, within in plain.seen] == [None, None]
    assert [one.narrowed for one in findings(tmp_path)] == ["", ""]
    shutil.rmtree(tmp_path / "out")
    narrowed = FakeLocator()
    run_batch(tmp_path, narrowed, BatchOptions("rivertown", use_post_geo=True))
    boxes = {path.name: within for path, within in narrowed.seen}
    told_box = boxes["a.jpg"]
    assert told_box is not None
    margin = 2000 / 111_195
    assert (told_box.south, told_box.north) == pytest.approx((29.5 - margin, 30.1 + margin), abs=1e-4)
    near = boxes["b.jpg"]
    assert near is not None
    assert near.north - near.south == pytest.approx(4000 / 111_195, rel=0.01)
    told = {one.file: one.narrowed for one in findings(tmp_path)}
    assert told["a.jpg"] == "in the post's place Houston, TX or within 2 km of it"
    assert told["b.jpg"] == "within 2 km of the post's own position 29.70000, -95.30000"


def test_progress_and_stopping(tmp_path: Path) -> None:
    folder = write_posts(tmp_path)
    for seed in range(8):
        (folder / f"{seed}.jpg").write_bytes(photo_jpeg(seed))
    told: dict[str, tuple[int, int]] = {}
    locator = FakeLocator()
    summary = run_batch(
        tmp_path,
        locator,
        progress=lambda stage, done, total: told.update({stage: (done, total)}),
        stopping=lambda: len(locator.seen) >= 2,
        at_once=1,  # with more, a busy machine has all eight in hand before it asks
    )
    assert summary.stopped
    assert 2 <= len(findings(tmp_path)) == told["photos"][0] <= 6, "those in hand were finished"
    assert told["photos"][1] == 8
    assert not run_batch(tmp_path).stopped
    assert len(findings(tmp_path)) == 8


def test_the_total_knows_what_is_no_new_photo(tmp_path: Path) -> None:
    """Copies and what is done already take no time, and the time left must not count them."""
    folder = write_posts(tmp_path)
    for seed in range(6):
        (folder / f"{seed}.jpg").write_bytes(photo_jpeg(seed))
    run_batch(tmp_path)
    for seed in range(4):
        (folder / f"copy-{seed}.jpg").write_bytes(photo_jpeg(seed))
        (folder / f"new-{seed}.jpg").write_bytes(photo_jpeg(10 + seed))
    totals: list[tuple[int, int]] = []

    def progress(stage: str, done: int, total: int) -> None:
        totals.extend([(done, total)] if stage == "photos" else [])

    run_batch(tmp_path, progress=progress)
    assert [done for done, _ in totals] == [1, 2, 3, 4]
    assert all(4 <= total <= 8 for _, total in totals), "six are done; of eight more four are copies"
    assert totals[-1] == (4, 4)


def test_stopping_is_asked_while_posts_without_new_photos_are_read(tmp_path: Path) -> None:
    folder = write_posts(tmp_path, *(post_row("gone.jpg", f"post {n}", n % 24) for n in range(2000)))
    (folder / "a.jpg").write_bytes(photo_jpeg(1))
    read, news = [0], list[str]()
    told = "JSONL manifest: {0} posts with 0 pictures, and {0} pictures that are not here"

    def progress(stage: str, done: int, total: int) -> None:
        read[0] = max(read[0], done) if stage == "reading posts" else read[0]

    summary = run_batch(tmp_path, progress=progress, news=news.append, stopping=lambda: read[0] >= 5)
    assert summary.stopped
    assert read == [5]
    assert news == ["recognised JSONL manifest: list.jsonl", f"so far: {told.format(3)}"], "and two without"
    assert [line.kind for line in read_journal(tmp_path / "out")][-1] == "stopped"
    news.clear()
    assert not run_batch(tmp_path, news=news.append).stopped
    assert news[2:] == [told.format("2,000"), "bare images: 1 picture that no post speaks of"]


def test_what_was_recognised_is_told_before_the_last_photo_ends(tmp_path: Path) -> None:
    folder = write_posts(tmp_path, post_row("a.jpg", "one", 7))
    (folder / "a.jpg").write_bytes(photo_jpeg(1))
    events: list[str] = []

    def progress(stage: str, done: int, total: int) -> None:
        events.extend([stage] if stage == "photos" else [])

    run_batch(tmp_path, FakeLocator(seconds=0.3), progress=progress, news=events.append)
    assert events == [
        "recognised JSONL manifest: list.jsonl",
        "JSONL manifest: 1 post with 1 picture",
        "photos",
    ]


@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=pytest.mark.long)])
def test_killed_at_random_moments_nothing_is_lost(tmp_path: Path, kills: int) -> None:
    count = 24 if kills < 10 else 150
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    for root in (whole, torn):
        root.mkdir()
        folder = write_posts(root, *(post_row(f"{n}.jpg", f"post {n}", n % 24) for n in range(count)))
        for seed in range(count):
            (folder / f"{seed}.jpg").write_bytes(
                photo_jpeg(seed % (count - 4)) if seed % 9 else b"not a picture"
            )
    run_batch(whole)
    dice = random.Random(1)
    located: list[int] = []
    with killable(run_batch_slowly, torn) as run_and_kill:
        for _ in range(kills):
            run_and_kill(dice.uniform(0.0, 0.25))
            if (torn / "out" / NAME).exists():
                located.append(sum(line.kind == "located" for line in read_journal(torn / "out")))
    assert located == sorted(located), "what was done stays done"
    run_batch(torn)
    assert finding_rows(torn) == finding_rows(whole)


# ---- with a real index


def test_a_batch_says_what_locate_says(
    tmp_path: Path, locator: Locator, index_dir: Path, queries: list[tuple[Path, Truth]]
) -> None:
    folder = write_posts(
        tmp_path, *(post_row(path.name, path.stem, n) for n, (path, _) in enumerate(queries))
    )
    for path, _ in queries:
        (folder / path.name).write_bytes(path.read_bytes())
        (folder / f"again-{path.name}").write_bytes(jpeg(read_image(path), 200, 60))
    summary = batch_locate(folder, tmp_path / "out", locator, index_dir / "town", OPTIONS, workers=1)
    assert sum(summary.outcomes.values()) == len(queries), "the smaller copies are the same photos"
    for one in findings(tmp_path):
        alone = locator.locate(Query(one.located.query.path), options=OPTIONS.search)
        assert (one.located.outcome, one.located.reason.kind) == (alone.outcome, alone.reason.kind)
        assert one.located.reason.share == pytest.approx(alone.reason.share, abs=1e-5)
        assert [c.reference for c in one.located.candidates] == [c.reference for c in alone.candidates]
        assert alone.estimate is not None
        assert one.located.estimate is not None
        here, there = one.located.estimate.position, alone.estimate.position
        assert (here.lat, here.lon) == pytest.approx((there.lat, there.lon), abs=1e-9), "together or alone"
        assert one.copies == 2


def test_the_search_can_be_narrowed(locator: Locator, queries: list[tuple[Path, Truth]]) -> None:
    query = Query(queries[0][0])
    best = locator.locate(query).candidates[0].reference.position
    box = Bounds(best.lat - 1e-4, best.lon - 1e-4, best.lat + 1e-4, best.lon + 1e-4)
    inside = locator.locate(query, within=box, options=SearchOptions(top_k=100))
    assert inside.candidates
    for candidate in inside.candidates:
        assert box.south <= candidate.reference.position.lat <= box.north
        assert box.west <= candidate.reference.position.lon <= box.east
    nowhere = locator.locate(query, within=Bounds(0, 0, 1, 1))
    assert (nowhere.outcome, nowhere.candidates, nowhere.estimate) == (Outcome.NOT_FOUND, (), None)
