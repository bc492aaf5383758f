"""`geoflood evaluate`: queries with a truth -> [water] -> located -> judged -> scores."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from geoflood.core.datatypes import Blend, MaskSides, Progress, SearchOptions, no_progress
from geoflood.core.errors import IndexUnusableError, InputError
from geoflood.database.calibration import CalibrationKey
from geoflood.evaluation.metrics.judging import score_query
from geoflood.evaluation.metrics.streets import Streets, streets
from geoflood.evaluation.metrics.summary import scores
from geoflood.evaluation.query_water import DRY, QueryWater
from geoflood.evaluation.results import Evaluation, QueryCase, QueryResult, QueryTruth
from geoflood.evaluation.search_queries import ALL, Way, at_a_time, search_each, trials
from geoflood.localize.locator import Locator
from geoflood.outputs.wording import weakness

__all__ = ["Bench", "ablations", "evaluate", "prepare", "told_way"]


PAPER_ALPHA = 0.5
"""Of VPR-AttLLM's examples. At 1 its blend of a waterline is no blend: the energy drops out."""


@dataclass(frozen=True, eq=False)
class Bench:
    """An index and the queries that it is asked, the same for every way to search."""

    locator: Locator
    queries: Sequence[QueryCase]
    elsewhere: Sequence[QueryCase]
    streets: Streets
    distances_m: tuple[float, ...]
    notes: tuple[str, ...]
    """What a reader of the figures must know."""

    def takes(self, way: Way) -> bool:
        """Whether the index's backbone can be searched in this way."""
        return way.manner.blend is not Blend.PAPER or self.locator.describer.backbone.has_energy


def prepare(
    locator: Locator,
    queries: Sequence[QueryTruth],
    elsewhere: Sequence[QueryTruth] = (),
    *,
    distances_m: Sequence[float] = (25.0,),
    exclude_twins: bool = False,
) -> Bench:
    """Find each query's positives. Raises InputError when there are none, IndexUnusableError for an index
    that never learned how far to trust a similarity.
    """
    if not locator.database.manifest.calibration:
        raise IndexUnusableError(f"{locator.database.folder} has no calibration", "use --rebuild")
    tried = trials(locator, queries, exclude_twins)
    for distance in distances_m:
        _check_positives(tried, distance)
    strange = trials(locator, elsewhere)
    kept = [one for one in strange if one.nearest_m > max(distances_m)]
    roads = streets(locator.database.positions)
    notes = (
        *_weakness(locator),
        *_notes(tried, exclude_twins),
        *_neighbours(len(strange) - len(kept)),
    )
    return Bench(locator, tried, kept, roads, tuple(distances_m), notes)


def _check_positives(tried: Sequence[QueryCase], distance_m: float) -> None:
    if not tried:
        raise InputError(
            "no query can be used", "give images with their positions, as geoflood index takes them"
        )
    if all(one.nearest_m > distance_m for one in tried):
        nearest = min(one.nearest_m for one in tried)
        far = f"{nearest:.0f} m" if nearest < 1000 else f"{nearest / 1000:.0f} km"
        raise InputError(
            f"none of the {len(tried)} queries has a reference within {distance_m:g} m: "
            f"the nearest is {far} away",
            "is it the right city? or say a larger --distance",
        )


def _weakness(locator: Locator) -> Iterator[str]:
    """What `geoflood index` said of how far the index knows itself."""
    if weak := weakness(locator.database.manifest.calibration[CalibrationKey(None)]):
        name = locator.database.folder.name
        yield f"the index {name} is weakly calibrated, its areas are wider for it: {weak}"


def _notes(tried: Sequence[QueryCase], exclude_twins: bool) -> Iterator[str]:
    excluded = sum(bool(one.twins) for one in tried)
    if exclude_twins:
        yield f"{excluded} queries have twins in the index, which were left out"
    elif known := sum(one.known for one in tried):
        yield f"{known} queries are references themselves, and finding those proves nothing: --exclude-twins"
    tags = [one.asked.geotag for one in tried if one.asked.geotag]
    timeless = sum(tag.taken_at is None for tag in tags)
    if exclude_twins and timeless:
        yield f"{timeless} queries do not say when they were taken: their twins cannot be told"


def _neighbours(count: int) -> Iterator[str]:
    if count:
        yield f"{count} photos of elsewhere were taken near references: left out"


def evaluate(
    bench: Bench,
    way: Way,
    water: QueryWater = DRY,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """All scores of one way to search, with this water in each query."""

    def each(tried: Sequence[QueryCase], stage: str) -> list[QueryResult]:
        found = search_each(bench.locator, tried, way, water, workers, partial(progress, stage))
        return [score_query(one.trial, one.located, bench.streets, one.doubt) for one in found]

    stage = way.name if water.dry else f"{way.name}, {water.level:.0%} {water.called}"
    begun = time.perf_counter()
    here = each(bench.queries, stage)
    there = each(bench.elsewhere, f"{stage}, elsewhere") if bench.elsewhere else []
    seconds = time.perf_counter() - begun
    doubts = Counter(one.doubt for one in (*here, *there) if one.doubt)
    name, notes = _doubted(way.name, doubts, len(here) + len(there)) if doubts else (way.name, ())
    return Evaluation(
        name=name,
        city=bench.locator.database.manifest.city,
        index=bench.locator.database.folder.name,
        backbone=bench.locator.settings.backbone,
        references=len(bench.locator.database),
        flood=water.level,
        effects=water.called,
        waterline=way.waterline,
        distances_m=bench.distances_m,
        judged=here,
        elsewhere=there,
        scores=scores(here, there, bench.distances_m),
        seconds_each=seconds / (len(here) + len(there)),
        at_a_time=at_a_time(bench.queries, workers),
        notes=(*bench.notes, *notes),
    )


def _doubted(way: str, doubts: Counter[str], photos: int) -> tuple[str, tuple[str, ...]]:
    """Name and note of a way whose attention could not always be had."""
    count, ((commonest, _),) = doubts.total(), doubts.most_common(1)
    note = f"{way}: {count} of {photos} photos were searched without it ({commonest})"
    return f"{way} (asked, {count} of {photos} without)", (note,)


def told_way(waterline: float | None, level: float, manner: SearchOptions = ALL) -> Way:
    """The way of `geoflood locate` with this waterline told."""
    again = f", {manner.rerank} re-ranked" if manner.rerank else ""
    if waterline is None:
        return Way(f"bands, untold{again}", manner)
    name = "bands, told" if waterline == level else f"bands, told {waterline:.0%}"
    return Way(f"{name}{again}", manner, waterline)


def ablations(asked: Way, told: float | None) -> list[Way]:
    """The way that was asked for, among those that lack some of it; `told` is where the water really ends.

    Without that, none of the ways that are told. Where the way that was asked for is told and re-ranks, one
    that is not told re-ranks too, for people seldom know. The paper's blend is that of the model's map where
    a model attends, else of the true waterline as a map of 0 and 1, on the query only; `Bench.takes` says
    where.
    """
    ways = [Way("nothing done", replace(ALL, mask_sides=MaskSides.NONE)), Way("bands, untold")]
    if told is not None:
        ways.insert(1, Way("attention on the query only", replace(ALL, mask_sides=MaskSides.QUERY), told))
        ways.append(Way("bands, told", waterline=told))
    if asked.manner.rerank and asked.waterline is not None:
        manner = replace(ALL, rerank=asked.manner.rerank)
        ways.append(told_way(None, 0.0, manner))
    ways += _by_energy(asked, told)
    return ways if asked in ways else [*ways, asked]


def _by_energy(asked: Way, told: float | None) -> Iterator[Way]:
    if asked.attend is not None:
        manner = replace(asked.manner, blend=Blend.PAPER)
        yield replace(asked, name=f"{asked.name}, paper's blend", manner=manner)
    elif told is not None:
        manner = replace(ALL, mask_sides=MaskSides.QUERY, alpha=PAPER_ALPHA, blend=Blend.PAPER)
        yield Way(f"paper's blend of the waterline, alpha {PAPER_ALPHA:g}", manner, told)
