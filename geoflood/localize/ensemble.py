"""One city asked of several of its indexes, of other backbones or sizes: their answers are pooled.

Each index answers for itself, as in `cities`; here all of them speak of the same ground, so they do not share
a belief but are pooled place by place (`pooling`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from geoflood.core.datatypes import Located, Reason, ReasonKind
from geoflood.core.errors import UsageError
from geoflood.core.geo import distance_m
from geoflood.localize.cities import Cities, Floats, Said
from geoflood.localize.fusion import ELSEWHERE_M
from geoflood.localize.locator import Locator, SearchAnswer
from geoflood.localize.pooling import pool
from geoflood.localize.which_city import CityRanking, overlaps
from geoflood.places.street_map import StreetMap

__all__ = ["Ensemble", "open_ensemble"]


def open_ensemble(
    folders: Sequence[Path], precision: str | None = None, *, search: str | None = None
) -> Ensemble:
    """The indexes of one city in these folders, to be asked together. search: as of a Locator.

    Raises UsageError where two have the same settings, or no ground in common; the error of an index that
    cannot be searched.
    """
    alike = len({folder.name for folder in folders}) < len(folders)
    names = [str(folder) if alike else folder.name for folder in folders]
    opened = (Locator(folder, precision, search=search) for folder in folders)
    return Ensemble(dict(zip(names, opened, strict=True)))


class Ensemble(Cities):
    """Several indexes of one city, asked together. Threads may share it, as a Locator.

    Raises UsageError where they are not of one ground, or say the same twice.
    """

    one_city = True

    def __init__(self, locators: dict[str, Locator]) -> None:
        super().__init__(locators)
        first, *others = locators
        for name in others:
            if locators[name].settings == locators[first].settings:
                raise UsageError(
                    f"{name} has the same backbone and settings as {first}: it would say the same twice",
                    "name an index of another backbone, or of another --dimension",
                )
            one, other = (locators[n].database.positions for n in (first, name))
            if not overlaps(one, other):
                raise UsageError(
                    f"{first} and {name} have no ground in common",
                    f"for which of two cities a photo is of: --city {first},{name}",
                )

    @property
    def street_map(self) -> StreetMap | None:
        """The first that a member has: they are of one city."""
        return next(filter(None, (one.street_map for one in self._locators)), None)

    def street_map_of(self, located: Sequence[Located]) -> StreetMap | None:
        """The city's, whatever the photos."""
        return self.street_map

    def _next_to_rerank(self, said: Said, reranked: Collection[int], nats: Floats) -> int | None:
        """Every member that answers: what they verify is what they are asked for."""
        return next(
            (n for n, one in enumerate(said) if n not in reranked and isinstance(one, SearchAnswer)), None
        )

    def _ranked(self, said: Said, nats: Floats) -> CityRanking:
        """The member whose position has most of them together, with the pooled estimate; then the others."""
        answers = {n: one.estimate for n, one in enumerate(said) if isinstance(one, SearchAnswer)}
        if not answers:
            return CityRanking((), np.zeros(len(said)), {}, {})
        pooled = pool(list(answers.values()))
        leader = list(answers)[pooled.leader]
        others = tuple(n for n in answers if n != leader)
        shares = np.zeros(len(said))
        shares[leader] = 1.0 - pooled.estimate.not_in_index
        return CityRanking((leader, *others), shares, {**answers, leader: pooled.estimate}, {leader: others})

    def _told(self, said: Said, *rest: Any, **named: Any) -> Located:
        """The pooled answer; which city it is was not asked."""
        return replace(super()._told(said, *rest, **named), city="", cities=(), other=None)

    def _city_notes(self, said: Said, ranking: CityRanking) -> list[Reason]:
        """What each member says by itself, and whether they name one place."""
        leader = ranking.order[0]
        parts, agree = [], True
        for name, answer in zip(self.names, said, strict=True):
            if not isinstance(answer, SearchAnswer):
                parts.append(f"{name} nothing")
                continue
            here, away = answer.estimate, self._away_m(answer, ranking, leader)
            place = f" at {here.position.lat:.5f}, {here.position.lon:.5f}" if away > ELSEWHERE_M else ""
            agree = agree and not place
            parts.append(f"{name} {here.probability:.0%}{place}")
        kind = ReasonKind.MEMBERS_AGREE if agree else ReasonKind.MEMBERS_DISAGREE
        return [Reason(kind, detail=", ".join(parts))]

    @staticmethod
    def _away_m(answer: SearchAnswer, ranking: CityRanking, leader: int) -> float:
        here, there = answer.estimate.position, ranking.estimates[leader].position
        return float(distance_m((here.lat, here.lon), (there.lat, there.lon)))
