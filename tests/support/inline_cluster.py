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
        self.actors: list[Any] = []
        self.asked = 0
        self.silent = set[int]()
        """Actors that do not answer."""

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

    def actor(self, kind: type, *given: Any, cores: float) -> Any:
        assert 0 < cores <= 1
        self.actors.append(kind(*pickle.loads(pickle.dumps(given))))
        return len(self.actors) - 1

    def ask(self, actor: int, method: str, *given: Any) -> bytes:
        answer = getattr(self.actors[actor], method)(*pickle.loads(pickle.dumps(given)))
        self.asked += 1
        return pickle.dumps((f"{self.asked} of {actor}", answer))

    def ended(self, refs: Sequence[bytes], seconds: float, count: int = 1) -> tuple[list[bytes], list[bytes]]:
        here = [ref for ref in refs if not ref or not self._is_silent(ref)]
        return here[:count], [ref for ref in refs if ref not in here[:count]]

    def _is_silent(self, ref: bytes) -> bool:
        """Whether it was asked of an actor that does not answer."""
        name = pickle.loads(ref)[0]
        return isinstance(name, str) and int(name.rpartition(" ")[2]) in self.silent

    def result(self, ref: bytes) -> Any:
        if not ref:
            raise WorkerLostError("the worker died")
        return pickle.loads(ref)[1]

    def drop(self, refs: Sequence[bytes]) -> None:
        """Nothing is under way."""
