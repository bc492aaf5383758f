"""How work grows with its input: what a clock on the wall would say only of a quiet machine."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST_SECONDS = 2e-3
"""What is quicker says nothing."""


def processor_seconds(work: Callable[[], object]) -> float:
    """The least of three runs."""

    def once() -> float:
        begun = time.process_time()
        work()
        return time.process_time() - begun

    return min(once() for _ in range(3))


def growth(work: Callable[[int], object], size: int) -> float:
    """How many times as long four times the input takes: some 4 where work is linear, 16 where quadratic."""
    small, large = (processor_seconds(lambda n=n: work(n)) for n in (size, 4 * size))
    return large / max(small, LEAST_SECONDS)
