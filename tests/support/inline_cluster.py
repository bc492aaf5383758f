"""A Ray cluster without Ray: orders are done one by one in this process, as pickles, like all that travel."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

from geoflood.database.ray_cluster import WorkerLostError

__all__ = ["InlineCluster"]


class InlineCluster:
    """`deaths`: of the first so many tasks the worker is lost. `between` is called before each task."""

    name = "a cluster of nobody"

    def __init__(self, deaths: int = 0, between: Callable[[Any], object] = lambda given: None) -> None:
        self._deaths, self._between = deaths, between
        self.orders: list[Any] = []

    def cores(self) -> int:
        return 2

    def task(self, work: Callable[[Any], Any], retries: int) -> Callable[[Any], bytes]:
        assert retries > 0

        def begin(given: Any) -> bytes:
            order = pickle.loads(pickle.dumps(given))
            self.orders.append(order)
            self._between(order)
            if len(self.orders) <= self._deaths:
                return b""
            return pickle.dumps((len(self.orders), work(order)))

        return begin

    def ended(self, refs: Sequence[bytes], seconds: float, count: int = 1) -> tuple[list[bytes], list[bytes]]:
        return list(refs[:count]), list(refs[count:])

    def result(self, ref: bytes) -> Any:
        if not ref:
            raise WorkerLostError("the worker died")
        return pickle.loads(ref)[1]

    def drop(self, refs: Sequence[bytes]) -> None:
        """Nothing is under way."""
