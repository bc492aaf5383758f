"""Work for a model's servers, several items at a time, that Ctrl-C ends at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from queue import SimpleQueue
from typing import Generic, TypeVar, cast

__all__ = ["parallel_map"]

T = TypeVar("T")
R = TypeVar("R")


def parallel_map(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[tuple[T, R]]:
    """Every item with what `work` made of it, in their order, `workers` at a time and few ahead.

    The threads are daemons: after Ctrl-C nothing waits for a model that answers in a minute. The process
    ends, its connections close, and the server drops the question.
    """
    source, waiting, tasks = iter(items), deque[_Task[T, R]](), SimpleQueue[_Task[T, R] | None]()
    stopped = threading.Event()

    def run() -> None:
        while (task := tasks.get()) and not stopped.is_set():
            task.run(work)

    def submit() -> None:
        for item in islice(source, 1):
            waiting.append(_Task(item))
            tasks.put(waiting[-1])

    for _ in range(workers):
        threading.Thread(target=run, daemon=True).start()
    try:
        for _ in range(2 * workers):
            submit()
        while waiting:
            task = waiting.popleft()
            yield task.item, task.result()
            submit()
    finally:
        stopped.set()
        for _ in range(workers):
            tasks.put(None)


class _Task(Generic[T, R]):
    """An item on its way through `parallel_map`."""

    def __init__(self, item: T) -> None:
        self.item = item
        self._done = SimpleQueue[tuple[R | None, BaseException | None]]()

    def run(self, work: Callable[[T], R]) -> None:
        try:
            self._done.put((work(self.item), None))
        except BaseException as error:  # it belongs to whoever waits for the result
            self._done.put((None, error))

    def result(self) -> R:
        result, error = self._done.get()
        if error is not None:
            raise error
        return cast(R, result)
