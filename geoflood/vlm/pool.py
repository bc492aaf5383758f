"""Several servers as one: each free one is given work, and a failing one rests and is checked again later."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geoflood.core.errors import ModelError
from geoflood.vlm.client import Answer, AskOptions, Backend, ModelRecord, Prompt, RefusalError

__all__ = ["Pool"]

ATTEMPTS = 5
"""Times that one question is put, over all servers."""

PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
"""Between two attempts at busy servers; doubled each time, and varied so that clients do not come at once."""

REST_S, LONGEST_REST_S = 15.0, 240.0
"""Of a server that failed; doubled each time it fails again."""

RETRIED = {"busy", "dropped", "unreachable", "slow", "unfit"}
"""What another server, or the same one later, may do better."""


@dataclass(eq=False)
class _Slot:
    """A server's place in the pool."""

    backend: Backend
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
        backends: Sequence[Backend],
        per_host: int = 1,
        pause_s: float = PAUSE_S,
        rest_s: float = REST_S,
        news: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._slots = deque(_Slot(backend) for backend in backends)
        self._per_host, self._pause_s, self._rest_s, self._news = per_host, pause_s, rest_s, news
        self._changed, self._opening = threading.Condition(), threading.Lock()
        self._record: ModelRecord | None = None
        self.capacity = per_host * len(backends)

    @property
    def record(self) -> ModelRecord:
        """Of the first server that is well; the others must have the same build of the model."""
        with self._opening:
            if self._record is None:
                for slot in list(self._slots):
                    self._check(slot)
        if self._record is None:
            raise self._unreachable()
        return self._record

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        _ = self.record
        for attempt in range(ATTEMPTS):
            slot = self._take()
            try:
                answer = self._ask_slot(slot, lambda backend: backend.ask(images, prompt, schema, options))
            except RefusalError as error:
                if error.kind not in RETRIED or attempt + 1 == ATTEMPTS:
                    raise
                self._wait(attempt)
            else:
                return answer
        raise AssertionError("the last attempt returns or raises")

    def _ask_slot(self, slot: _Slot, question: Callable[[Backend], Answer]) -> Answer:
        """The answer of a slot that was taken; it is free again afterwards, whatever happened."""
        try:
            if not slot.checked and not self._check(slot):
                raise self._unreachable(slot)
            answer = question(slot.backend)
            slot.failures = 0
            return answer
        except RefusalError as error:
            if error.kind in RETRIED and error.kind != "busy":
                self._rest(slot, error, patient=error.kind == "dropped")
            raise
        finally:
            with self._changed:
                slot.busy -= 1
                self._changed.notify_all()

    def _take(self) -> _Slot:
        """The server that waited longest, once one is free. Raises the last error when all of them rest."""
        with self._changed:
            while True:
                now = time.monotonic()
                well = [slot for slot in self._slots if slot.rests_until <= now]
                if not well:
                    raise self._unreachable()
                free = next((slot for slot in well if slot.busy < self._per_host), None)
                if free:
                    free.busy += 1
                    self._slots.remove(free)
                    self._slots.append(free)
                    return free
                self._changed.wait(1.0)

    def _check(self, slot: _Slot) -> bool:
        """Whether the server is there, with the same model as the others; it rests when not."""
        try:
            record = slot.backend.check()
            first = self._record or record
            if record.digest != first.digest:
                raise ModelError(
                    f"{record.host} and {first.host} have different builds of {record.model}",
                    f"on both: ollama pull {record.model}",
                )
        except ModelError as error:
            self._rest(slot, error)
            return False
        self._record, slot.checked = first, True
        return True

    def _rest(self, slot: _Slot, error: ModelError, patient: bool = False) -> None:
        """Take a server out for a while; one that may only have stumbled gets a second chance first."""
        with self._changed:
            slot.error, slot.failures = error, slot.failures + 1
            if patient and slot.failures < 2:
                return
            rest = min(self._rest_s * 2 ** (slot.failures - 1), LONGEST_REST_S)
            slot.rests_until, slot.checked = time.monotonic() + rest, False
        self._news(f"{error}; it is tried again in {rest:.0f} s")

    def _wait(self, attempt: int) -> None:
        """Pause before another attempt, once every server that is well has been asked."""
        now = time.monotonic()
        with self._changed:
            well = sum(slot.rests_until <= now for slot in self._slots)
        if attempt + 1 >= well > 0:
            pause = min(self._pause_s * 2**attempt, LONGEST_PAUSE_S)
            time.sleep(pause * random.uniform(0.5, 1.5))

    def _unreachable(self, *slots: _Slot) -> RefusalError:
        """Why the first of these servers, or of all, rests: a new error, since threads share none."""
        with self._changed:
            error = next(slot.error for slot in slots or self._slots if slot.error)
        return RefusalError("unreachable", str(error), error.hint)

    def close(self) -> None:
        for slot in self._slots:
            slot.backend.close()
