"""Stages that all work at the same time, each on what the one before has ended; few items are in hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

__all__ = ["Stage", "flow"]

MOMENT_S = 3.0
"""Longer than describing a few photos takes, where they take long."""

Work: TypeAlias = Callable[[list[Any]], Iterable[Any]]
"""Items -> what becomes of each, in their order."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What is done to items by so many threads, up to `at_once` of them a call: as many as wait."""

    work: Work
    threads: int = 1
    at_once: int = 1


@dataclass(frozen=True, slots=True)
class _Broken:
    """What a stage raised: it belongs to whoever waits for the items."""

    error: BaseException


def flow(
    items: Iterable[Any],
    stages: list[Stage],
    ahead: int,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[Any]:
    """What comes out of the last stage, as it ends: not in the items' order, none waits for a slow one.

    At most `ahead` items are in hand. Asked to stop, it takes no more, drops those that no stage has begun
    and ends with the rest. The threads are daemons, so that a second Ctrl-C waits for no model that thinks;
    but a moment for those that compute, since a process that ends under them crashes.
    """
    queues: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(len(stages) + 1)]
    over = threading.Event()
    threads: list[threading.Thread] = []
    for stage, source, sink in zip(stages, queues, queues[1:], strict=False):
        for _ in range(stage.threads):
            given = (stage, source, sink, queues[-1], over)
            threads.append(threading.Thread(target=_run, args=given, daemon=True))
            threads[-1].start()
    hands = _Hands(queues)
    try:
        for item in items:
            if stopping():
                break
            hands.take(item)
            yield from hands.ended(ahead - 1)
        while hands.full:
            if stopping():
                hands.drop_unbegun()
            yield from hands.ended(max(hands.full - 1, 0))
    finally:
        over.set()
        for stage, source in zip(stages, queues, strict=False):
            for _ in range(stage.threads):
                source.put(None)
        until = time.monotonic() + MOMENT_S
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0))


class _Hands:
    """How many items are between the first queue and the last."""

    def __init__(self, queues: list[SimpleQueue[Any]]) -> None:
        self._first, self._last = queues[0], queues[-1]
        self.full = 0

    def take(self, item: Any) -> None:
        self._first.put(item)
        self.full += 1

    def drop_unbegun(self) -> None:
        while True:
            try:
                self._first.get_nowait()
            except Empty:
                return
            self.full -= 1

    def ended(self, at_most: int) -> Iterator[Any]:
        """What has ended, waiting until no more than `at_most` are in hand. Raises what a stage raised."""
        while self.full > at_most or (self.full and not self._last.empty()):
            made = self._last.get()
            if isinstance(made, _Broken):
                raise made.error
            self.full -= 1
            yield made


def _run(
    stage: Stage,
    source: SimpleQueue[Any],
    sink: SimpleQueue[Any],
    last: SimpleQueue[Any],
    over: threading.Event,
) -> None:
    """A thread of a stage, until there is nothing more."""
    while (chunk := _next(source, stage.at_once)) and not over.is_set():
        try:
            for made in stage.work(chunk):
                sink.put(made)
        except BaseException as error:
            last.put(_Broken(error))
            return


def _next(source: SimpleQueue[Any], at_most: int) -> list[Any]:
    """The items that wait, one at least; none when the end was met."""
    chunk = [source.get()]
    while chunk[-1] is not None and len(chunk) < at_most:
        try:
            chunk.append(source.get_nowait())
        except Empty:
            break
    if chunk[-1] is None:
        source.put(None)
        chunk.pop()
    return chunk
