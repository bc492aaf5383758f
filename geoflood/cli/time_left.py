"""How long the whole of a command still takes, while its stages tell how far they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["INDEXING", "TimeLeft", "UsualStage"]

SOON_S = 5.0
"""Before so much time is known, nothing is foretold."""


@dataclass(frozen=True)
class UsualStage:
    """A stage as it usually is; another computer, or another backbone, makes all slower or quicker."""

    name: str
    steps: Callable[[int], int]
    """Of so many images: what it will count to."""
    cost: float
    """Seconds a step, where an image is described in one."""


OUTSIDERS = 52


def _rehearsed(images: int) -> int:
    """96 references, dry and under water, and outsiders."""
    return 2 * min(images, 96) + OUTSIDERS


def _quantized(images: int) -> int:
    """A large index has a coarse file."""
    return images if images >= 50_000 else 0


def _compared(images: int) -> int:
    """Each of them untold, and those under water told, too."""
    return _rehearsed(images) + min(images, 96)


INDEXING = (
    UsualStage("fetching pictures", lambda images: 0, 1.0),
    UsualStage("learning the city", lambda images: 2 * min(images, 1000), 1.2),
    UsualStage("describing", lambda images: images, 1.0),
    UsualStage("joining", lambda images: 3 * images, 0.001),
    UsualStage("making the coarse file", _quantized, 0.005),
    UsualStage("describing outsiders", lambda images: OUTSIDERS, 2.5),
    UsualStage("rehearsing", _rehearsed, 1.3),
    UsualStage("searching", _compared, 0.05),
    UsualStage("comparing", _compared, 7.5),
)
"""Stages of `geoflood index` in their order, each with its cost beside describing an image."""

_COUNTED = "describing"
"""The stage whose total is the number of images."""
_FETCHING = "fetching pictures"
"""The stage whose time is the network's."""
_TOGETHER = frozenset((_FETCHING, _COUNTED))
"""Stages that take turns: neither ends the other."""


class TimeLeft:
    """Learns from progress how long is left; stages that are yet to come are as long as they usually are."""

    def __init__(self, stages: Sequence[UsualStage] = INDEXING) -> None:
        self._stages = stages
        self._order = {stage.name: number for number, stage in enumerate(stages)}
        self._done: dict[str, tuple[int, int]] = {}
        self._first: dict[str, int] = {}
        self._spent: dict[str, float] = {}
        self._now = 0.0
        self._at = 0

    def update(self, stage: str, done: int, total: int, seconds: float) -> None:
        """`stage` has done so much after `seconds` of the whole; the time since the last news was its own."""
        if stage == _COUNTED and not done:  # how many images there are, told while others work
            self._done[stage] = (self._done.get(stage, (0, 0))[0], total)
            return
        if stage not in self._order:
            self._now = seconds
            return
        self._spent[stage] = self._spent.get(stage, 0.0) + seconds - self._now
        self._now = seconds
        self._first.setdefault(stage, max(done - 1, 0))
        self._done[stage] = (done, total)
        self._at = max(self._at, self._order[stage])

    def seconds(self) -> float | None:
        """What is left of all stages; None while too little is known."""
        pace = self._pace()
        _, images = self._done.get(_COUNTED, (0, 0))
        if pace is None or not images or self._now < SOON_S:
            return None
        return sum(self._left(stage, images, pace) for stage in self._stages)

    def _left(self, stage: UsualStage, images: int, pace: float) -> float:
        current = self._stages[self._at].name
        over = self._order[stage.name] < self._at and not {stage.name, current} <= _TOGETHER
        if over:
            return 0.0
        done, total = self._done.get(stage.name, (0, 0))
        steps = (total or stage.steps(images)) - done
        return max(steps, 0) * (self._rate(stage.name) or stage.cost * pace)

    def _rate(self, name: str) -> float | None:
        """Seconds a step, as this run has shown."""
        steps = self._done[name][0] - self._first[name] if name in self._first else 0
        return self._spent[name] / steps if steps > 1 else None

    def _pace(self) -> float | None:
        """How many times as slow as usual this run is: its quickest stage, for a panorama is eight images."""
        paces = [
            rate / stage.cost
            for stage in self._stages
            if stage.name != _FETCHING and self._spent.get(stage.name, 0.0) >= SOON_S / 2
            if (rate := self._rate(stage.name)) is not None
        ]
        return min(paces, default=None)
