"""Cores shared out: several threads that each compute on one core, or one that computes on all.

Decoding and torch both leave the interpreter's lock, so threads keep every core busy with one copy of
everything in memory. One core a thread beats all cores an operation: most operations here are short.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

__all__ = ["cores", "in_order", "side_by_side"]

Item = TypeVar("Item")
Made = TypeVar("Made")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def side_by_side(workers: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of `workers` threads that share torch's threads; drops what is queued on an error."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(cores() // max(workers, 1), 1))
    pool = ThreadPoolExecutor(max(workers, 1))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Made], items: Iterable[Item], ahead: int
) -> Iterator[Made]:
    """What `work` makes of each item, in their order, while at most `ahead` items wait or are worked on.

    Unlike `pool.map`, which takes every item at once, however much memory they need.
    """
    waiting: deque[Future[Made]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
