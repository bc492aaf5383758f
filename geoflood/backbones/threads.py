"""Cores shared out: several threads that each compute on one core, or one that computes on all.

Decoding and torch both leave the interpreter's lock, so threads keep every core busy with one copy of
everything in memory. One core a thread beats all cores an operation: most operations here are short.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

__all__ = ["cores", "side_by_side"]


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
