"""The references of several indexes under one numbering: those of the second follow those of the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Candidate, City, Reference
from geoflood.database.database import Database

__all__ = ["DatabaseUnion"]

Floats: TypeAlias = NDArray[np.float64]


class DatabaseUnion:
    """Several databases as one, by names of their own."""

    def __init__(self, databases: Sequence[Database], names: Sequence[str]) -> None:
        self._databases = tuple(databases)
        self.names = tuple(names)
        self._starts = np.cumsum([0, *map(len, self._databases)])

    @property
    def folders(self) -> tuple[Path, ...]:
        """Of all."""
        return tuple(database.folder for database in self._databases)

    def __len__(self) -> int:
        """References of all."""
        return int(self._starts[-1])

    @property
    def name(self) -> str:
        """Of all."""
        return ", ".join(self.names)

    @cached_property
    def positions(self) -> Floats:
        """[N, 2] (lat, lon) of every reference, by its number among all."""
        return np.concatenate([database.positions for database in self._databases])

    def references(self, ids: Iterable[int]) -> list[Reference]:
        """The references of these numbers, in their order."""
        wanted = list(ids)
        found: dict[int, Reference] = {}
        for n, database in enumerate(self._databases):
            own = [number for number in wanted if self._starts[n] <= number < self._starts[n + 1]]
            start = int(self._starts[n])
            for reference in database.references(number - start for number in own):
                found[reference.id + start] = replace(reference, id=reference.id + start)
        return [found[number] for number in wanted]

    def own_ids(self, index: int, ids: Collection[int]) -> list[int]:
        """Those of the numbers that are of one index, as it numbers them."""
        low, high = self._starts[index : index + 2].tolist()
        return [number - low for number in ids if low <= number < high]

    def renumbered(self, index: int, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
        """Candidates of one index, with their numbers among all."""
        start = int(self._starts[index])
        return tuple(
            replace(one, reference=replace(one.reference, id=one.reference.id + start)) for one in candidates
        )

    def index_of(self, reference: int) -> str:
        """Name of the index that has a reference."""
        return self.names[int(np.searchsorted(self._starts, reference, side="right")) - 1]

    def city(self) -> City:
        """What they cover together, for people."""
        cities = [database.city() for database in self._databases]
        credits: Counter[tuple[str, str]] = Counter()
        for city in cities:
            for credit, licence, images in city.credits:
                credits[credit, licence] += images
        return City(
            ", ".join(city.name for city in cities),
            sum(city.references for city in cities),
            sum(city.images for city in cities),
            ", ".join(dict.fromkeys(city.backbone for city in cities)),
            np.concatenate([city.coverage for city in cities]),
            tuple((*who, images) for who, images in credits.most_common()),
        )
