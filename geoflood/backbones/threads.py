"""Cores shared out: several threads that each compute on one core, or one that computes on all.

Decoding and torch both leave the interpreter's lock, so threads keep every core busy with one copy of
everything in memory. One core a thread beats all cores an operation: most operations here are short.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from geoflood.core.parallel import cores

__all__ = ["compute_on_one_core", "side_by_side"]


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


def compute_on_one_core() -> None:
    """For a process that shares its cores with others like it; numbers are then those of `side_by_side`."""
    torch.set_num_threads(1)
