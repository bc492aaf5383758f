"""How long is left of the whole: foretold from the first stage on, and what is shown of it."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from geoflood.cli import terminal
from geoflood.cli.time_left import INDEXING, TimeLeft

Told = tuple[str, int, int, float]


def run(images: int, slower: float, views: int = 1) -> Iterator[Told]:
    """What a run says of itself that takes `slower` times the usual; an image has so many views."""
    seconds = 3.0
    yield "reading geotags", images, 0, seconds
    yield "describing", 0, images, seconds
    for stage in INDEXING:
        total = stage.steps(images)
        for done in range(1, total + 1):
            seconds += stage.cost * slower * (views if stage.name == "describing" else 1)
            yield stage.name, done, total, seconds


@pytest.mark.parametrize("slower", [0.05, 1.0, 8.0])
def test_the_end_is_foretold_while_the_first_stage_runs(slower: float) -> None:
    told = list(run(600, slower))
    end, left = told[-1][-1], TimeLeft()
    for stage, done, total, seconds in told:
        left.update(stage, done, total, seconds)
        foretold = left.seconds()
        if seconds > 0.05 * end + 8:
            assert foretold is not None, stage
            assert foretold == pytest.approx(end - seconds, rel=0.02, abs=0.01 * end), stage
    assert left.seconds() == 0


def test_nothing_is_foretold_of_nothing() -> None:
    left = TimeLeft()
    left.update("reading geotags", 100, 0, 60.0)
    left.update("learning the city", 1, 400, 61.0)
    assert left.seconds() is None, "nobody has said how many images there are"


def test_stages_that_an_earlier_run_did_take_no_time() -> None:
    fresh, again = TimeLeft(), TimeLeft()
    for left, first in ((fresh, "learning the city"), (again, "describing")):
        left.update("describing", 0, 600, 0.0)
        for done in range(1, 30):
            left.update(first, done, 1200 if first != "describing" else 600, float(done))
    assert again.seconds() is not None
    assert (again.seconds() or 0) < (fresh.seconds() or 0)


def test_panoramas_do_not_make_the_later_stages_eight_times_as_long() -> None:
    told = list(run(600, 1.0, views=8))
    end, left = told[-1][-1], TimeLeft()
    for stage, done, total, seconds in told:
        left.update(stage, done, total, seconds)
        if stage == "describing" and done == 100:
            assert left.seconds() == pytest.approx(end - seconds, rel=0.05)


def test_every_stage_has_a_bar_and_the_whole_stands_below(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(terminal, "_err", Console(file=shown, force_terminal=True, width=100))
    now = [0.0]
    monkeypatch.setattr("geoflood.cli.terminal.time.monotonic", lambda: now[0])
    with terminal.progress(TimeLeft()) as progress:
        for stage, done, total, now[0] in run(60, 1.0):
            progress(stage, done, total)
    last = shown.getvalue().rpartition("describing outsiders")
    for stage in INDEXING:
        assert (stage.name in shown.getvalue()) == (stage.steps(60) > 0)
    assert "the whole: " in last[2]
    assert last[2].rindex("the whole") > last[2].rindex("comparing")


def test_no_bar_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(terminal, "_err", Console(file=shown, width=100))
    with terminal.progress(TimeLeft()) as progress:
        for stage, done, total, _ in run(10, 1.0):
            progress(stage, done, total)
    assert shown.getvalue() == ""
