"""Several servers as one: every free one is given work, a failing one rests and is looked at again."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

from geoflood.core.errors import ModelError
from geoflood.vlm.client import Answer, AskOptions, Backend, ModelRecord, Prompt, RefusalError

__all__ = ["Pool", "each"]

T = TypeVar("T")
R = TypeVar("R")

ATTEMPTS = 5
"""Times that one question is put, over all servers."""

PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
"""Between two attempts at busy servers; doubled each time, and shaken: many clients shall not come as one."""

REST_S, LONGEST_REST_S = 15.0, 240.0
"""Of a server that failed; doubled each time it fails again."""

PASSING = {"busy", "dropped", "unreachable", "slow", "unfit"}
"""What another server, or the same one later, may do better."""


@dataclass(eq=False)
class _Seat:
    """A server's place in the pool."""

    door: Backend
    busy: int = 0
    failures: int = 0
    rests_until: float = 0.0
    checked: bool = False
    error: ModelError | None = None


class Pool:
    """A model on several servers. Threads may ask at the same time; each server gets `per_host` at once.

    More at once gain nothing: Ollama works on one question at a time with most models that see.
    """

    def __init__(
        self,
        doors: Sequence[Backend],
        per_host: int = 1,
        pause_s: float = PAUSE_S,
        rest_s: float = REST_S,
        news: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._seats = deque(_Seat(door) for door in doors)
        self._per_host, self._pause_s, self._rest_s, self._news = per_host, pause_s, rest_s, news
        self._change, self._opening = threading.Condition(), threading.Lock()
        self._standing: ModelRecord | None = None
        self.capacity = per_host * len(doors)

    @property
    def standing(self) -> ModelRecord:
        """Of the first server that is well; the others must have the same build of the model."""
        with self._opening:
            if self._standing is None:
                for seat in list(self._seats):
                    self._check(seat)
        if self._standing is None:
            raise self._why()
        return self._standing

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        _ = self.standing
        for attempt in range(ATTEMPTS):
            seat = self._take()
            try:
                answer = self._asked(seat, lambda door: door.ask(images, prompt, schema, options))
            except RefusalError as error:
                if error.kind not in PASSING or attempt + 1 == ATTEMPTS:
                    raise
                self._wait(attempt)
            else:
                return answer
        raise AssertionError("the last attempt returns or raises")

    def _asked(self, seat: _Seat, question: Callable[[Backend], Answer]) -> Answer:
        """The answer of a seat that was taken, and which is free again afterwards, whatever happened."""
        try:
            if not seat.checked and not self._check(seat):
                raise self._why(seat)
            answer = question(seat.door)
            seat.failures = 0
            return answer
        except RefusalError as error:
            if error.kind in PASSING and error.kind != "busy":
                self._rest(seat, error, patient=error.kind == "dropped")
            raise
        finally:
            with self._change:
                seat.busy -= 1
                self._change.notify_all()

    def _take(self) -> _Seat:
        """The server that waited longest, once one is free. Raises the last error when all of them rest."""
        with self._change:
            while True:
                now = time.monotonic()
                well = [seat for seat in self._seats if seat.rests_until <= now]
                if not well:
                    raise self._why()
                free = next((seat for seat in well if seat.busy < self._per_host), None)
                if free:
                    free.busy += 1
                    self._seats.remove(free)
                    self._seats.append(free)
                    return free
                self._change.wait(1.0)

    def _check(self, seat: _Seat) -> bool:
        """Whether the server is there, with the same model as the others; it rests when not."""
        try:
            standing = seat.door.check()
            first = self._standing or standing
            if standing.digest != first.digest:
                raise ModelError(
                    f"{standing.host} and {first.host} have different builds of {standing.model}",
                    f"on both: ollama pull {standing.model}",
                )
        except ModelError as error:
            self._rest(seat, error)
            return False
        self._standing, seat.checked = first, True
        return True

    def _rest(self, seat: _Seat, error: ModelError, patient: bool = False) -> None:
        """Take a server out for a while; one that may only have stumbled gets a second chance first."""
        with self._change:
            seat.error, seat.failures = error, seat.failures + 1
            if patient and seat.failures < 2:
                return
            rest = min(self._rest_s * 2 ** (seat.failures - 1), LONGEST_REST_S)
            seat.rests_until, seat.checked = time.monotonic() + rest, False
        self._news(f"{error}; it is tried again in {rest:.0f} s")

    def _wait(self, attempt: int) -> None:
        """Pause before another attempt, once every server that is well has been asked."""
        now = time.monotonic()
        with self._change:
            well = sum(seat.rests_until <= now for seat in self._seats)
        if attempt + 1 >= well > 0:
            pause = min(self._pause_s * 2**attempt, LONGEST_PAUSE_S)
            time.sleep(pause * random.uniform(0.5, 1.5))

    def _why(self, *seats: _Seat) -> RefusalError:
        """Why the first of these servers, or of all, rests: a new error, for threads share none."""
        with self._change:
            error = next(seat.error for seat in seats or self._seats if seat.error)
        return RefusalError("unreachable", str(error), error.hint)

    def close(self) -> None:
        for seat in self._seats:
            seat.door.close()


def each(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[tuple[T, R]]:
    """Every item with what `work` made of it, in their order, `workers` at a time and few ahead.

    The threads are daemons: after Ctrl-C nobody waits for a model that answers in a minute. The process
    ends, its connections close, and the server drops the question.
    """
    source, ahead, tasks = iter(items), deque[_Task[T, R]](), SimpleQueue[_Task[T, R] | None]()
    over = threading.Event()

    def run() -> None:
        while (task := tasks.get()) and not over.is_set():
            task.settle(work)

    def submit() -> None:
        for item in islice(source, 1):
            ahead.append(_Task(item))
            tasks.put(ahead[-1])

    for _ in range(workers):
        threading.Thread(target=run, daemon=True).start()
    try:
        for _ in range(2 * workers):
            submit()
        while ahead:
            task = ahead.popleft()
            yield task.item, task.outcome()
            submit()
    finally:
        over.set()
        for _ in range(workers):
            tasks.put(None)


class _Task(Generic[T, R]):
    """An item on its way through `each`."""

    def __init__(self, item: T) -> None:
        self.item = item
        self._done = SimpleQueue[tuple[R | None, BaseException | None]]()

    def settle(self, work: Callable[[T], R]) -> None:
        try:
            self._done.put((work(self.item), None))
        except BaseException as error:  # it belongs to whoever waits for the outcome
            self._done.put((None, error))

    def outcome(self) -> R:
        result, error = self._done.get()
        if error is not None:
            raise error
        return cast(R, result)
