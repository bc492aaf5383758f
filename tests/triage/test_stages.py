"""Stages side by side: everything comes out, few things are in hand, and an end is an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from geoflood.triage.stages import Stage, flow


def doubled(chunk: list[int]) -> Iterator[int]:
    yield from (2 * one for one in chunk)


def running() -> int:
    """Threads of other tests may end meanwhile."""
    return threading.active_count()


def test_everything_comes_out_of_every_stage() -> None:
    before = running()
    stages = [Stage(doubled, 3), Stage(doubled, 2, at_once=4)]
    assert sorted(flow(range(100), stages, 10)) == [4 * n for n in range(100)]
    assert list(flow([], stages, 10)) == []
    assert running() <= before


def test_a_slow_item_holds_up_no_other() -> None:
    def slow_first(chunk: list[int]) -> list[int]:
        time.sleep(0.3 if chunk == [0] else 0)
        return chunk

    assert list(flow(range(9), [Stage(slow_first, 2)], 20))[-1] == 0


def test_few_are_in_hand_and_several_are_taken_together() -> None:
    taken: list[int] = []
    sizes: list[int] = []

    def fed() -> Iterator[int]:
        for n in range(50):
            taken.append(n)
            yield n

    def counted(chunk: list[int]) -> list[int]:
        sizes.append(len(chunk))
        time.sleep(0.002)
        return chunk

    ended = 0
    for _ in flow(fed(), [Stage(counted, 1, at_once=4)], 8):
        ended += 1
        assert len(taken) - ended <= 8
    assert ended == 50
    assert 1 < max(sizes) <= 4


def test_asked_to_stop_it_ends_what_was_begun_and_drops_the_rest() -> None:
    begun: list[int] = []

    def slow(chunk: list[int]) -> list[int]:
        begun.extend(chunk)
        time.sleep(0.02)
        return chunk

    ended: list[int] = []
    for one in flow(range(100), [Stage(slow)], 50, stopping=lambda: len(ended) >= 3):
        ended.append(one)
    assert ended == begun
    assert 3 <= len(ended) < 10


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt()])
def test_what_a_stage_raises_reaches_who_waits(error: BaseException) -> None:
    def broken(chunk: list[int]) -> list[int]:
        if 7 in chunk:
            raise error
        return chunk

    before = running()
    with pytest.raises(type(error)):
        list(flow(range(30), [Stage(broken), Stage(doubled)], 10))
    assert running() <= before


def test_threads_end_with_who_reads_them() -> None:
    before = running()
    source = flow(range(1000), [Stage(doubled, 4, at_once=2)], 20)
    next(source)
    source.close()  # type: ignore[attr-defined]
    assert running() <= before, "a process that ends under a thread that computes crashes"
