"""Time that passes only where somebody sleeps."""

from __future__ import annotations

import threading


class SleptClock:
    """Give its `now` and `sleep` for `time.monotonic` and `time.sleep`. Threads may share it."""

    def __init__(self) -> None:
        self._now, self._lock = 1000.0, threading.Lock()
        self.slept: list[float] = []

    def now(self) -> float:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
            self.slept.append(seconds)
