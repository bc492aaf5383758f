"""`geoflood evaluate`: queries with a truth -> [water] -> located -> compared with the truth -> scores."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from geoflood.core.datatypes import Blend, Progress, no_progress
from geoflood.core.errors import InputError
from geoflood.database.calibration import CalibrationKey
from geoflood.evaluation.ablations import band_setting
from geoflood.evaluation.metrics.score_query import score_query
from geoflood.evaluation.metrics.scores import scores
from geoflood.evaluation.metrics.streets import Streets, streets
from geoflood.evaluation.queries import count_reasons, read_queries
from geoflood.evaluation.query_cases import query_cases
from geoflood.evaluation.query_water import DRY, QueryWater, ToldWaterline, Waterline
from geoflood.evaluation.results import Evaluation, QueryCase, QueryResult, QueryTruth
from geoflood.evaluation.search_queries import (
    ALL_CANDIDATES,
    SearchSetting,
    queries_at_a_time,
    search_queries,
)
from geoflood.localize.cities import Cities
from geoflood.localize.locator import Locator
from geoflood.outputs.wording import weakness

__all__ = ["Benchmark", "evaluate", "evaluate_queries", "prepare"]


@dataclass(frozen=True, eq=False)
class Benchmark:
    """An index and the queries put to it, the same for every search setting."""

    locator: Locator | Cities
    queries: Sequence[QueryCase]
    elsewhere: Sequence[QueryCase]
    """Photos of other places."""
    streets: Streets
    distances_m: tuple[float, ...]
    """Positive distances; the first one separates right from wrong."""
    notes: tuple[str, ...]
    """What a reader of the figures must know."""

    def supports(self, setting: SearchSetting) -> bool:
        """Whether the index's backbone can be searched in this setting."""
        return setting.options.blend is not Blend.PAPER or self.locator.has_energy

    def band_setting(self, waterline: Waterline, rerank: int | None = None) -> SearchSetting:
        """The search of `geoflood locate` in this index, told this waterline or none; `rerank` as there.

        Raises IndexUnusableError for re-ranking that the index never learned.
        """
        options = self.locator.resolved(replace(ALL_CANDIDATES, rerank=rerank))
        self.locator.check(options)
        return band_setting(waterline, options)


def prepare(
    locator: Locator | Cities,
    queries: Sequence[QueryTruth],
    elsewhere: Sequence[QueryTruth] = (),
    *,
    distances_m: Sequence[float] = (25.0,),
    exclude_twins: bool = False,
) -> Benchmark:
    """Find each query's positives.

    Raises InputError when no query has any.
    """
    cases = query_cases(locator, queries, exclude_twins)
    for distance in distances_m:
        _check_positives(cases, distance)
    strangers = query_cases(locator, elsewhere)
    far = [case for case in strangers if case.nearest_m > max(distances_m)]
    notes = (
        *_index_notes(locator),
        *_twin_notes(cases, exclude_twins),
        *_elsewhere_notes(len(strangers) - len(far)),
    )
    return Benchmark(locator, cases, far, streets(locator.database.positions), tuple(distances_m), notes)


def _check_positives(cases: Sequence[QueryCase], distance_m: float) -> None:
    if not cases:
        raise InputError(
            "no query can be used", "give images with their positions, as geoflood index takes them"
        )
    nearest_m = min(case.nearest_m for case in cases)
    if nearest_m > distance_m:
        far = f"{nearest_m:.0f} m" if nearest_m < 1000 else f"{nearest_m / 1000:.0f} km"
        raise InputError(
            f"none of the {len(cases)} queries has a reference within {distance_m:g} m: "
            f"the nearest is {far} away",
            "is it the right city? or say a larger --distance",
        )


def _index_notes(locator: Locator | Cities) -> Iterator[str]:
    if locator.vectors_notice:
        yield locator.vectors_notice
    if weak := weakness(locator.calibrated(CalibrationKey(None))):
        name = locator.database.name
        yield f"the index {name} is weakly calibrated: {weak}"


def _twin_notes(cases: Sequence[QueryCase], exclude_twins: bool) -> Iterator[str]:
    if not exclude_twins:
        if known := sum(case.is_reference for case in cases):
            yield (
                f"{known} queries are references themselves, and finding those proves nothing: "
                "--exclude-twins"
            )
        return
    excluded = sum(bool(case.twins) for case in cases)
    yield f"{excluded} queries have twins in the index, which were left out"
    geotags = [case.truth.geotag for case in cases if case.truth.geotag]
    if timeless := sum(geotag.taken_at is None for geotag in geotags):
        yield f"{timeless} queries do not say when they were taken: their twins cannot be told"


def _elsewhere_notes(near: int) -> Iterator[str]:
    if near:
        yield f"{near} photos of elsewhere were taken near references: left out"


def evaluate_queries(
    locator: Locator | Cities,
    path: Path,
    *,
    geotags: Path | None = None,
    select: str | None = None,
    utm_zone: str | None = None,
    distances_m: Sequence[float] = (25.0,),
    water: QueryWater = DRY,
    waterline: Waterline = ToldWaterline.UNTOLD,
    rerank: int | None = None,
    exclude_twins: bool = False,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Evaluate an index on the queries of a table, a folder or a data set, in one search setting.

    Queries that cannot be used are counted in the notes. Raises what `read_queries` and `prepare` do.
    """
    queries = read_queries(path, geotags, select, utm_zone)
    benchmark = prepare(locator, queries.photos, distances_m=distances_m, exclude_twins=exclude_twins)
    setting = benchmark.band_setting(waterline, rerank)
    evaluation = evaluate(benchmark, setting, water, workers, progress)
    if not queries.left_out:
        return evaluation
    note = f"queries left out: {queries.left_out.total()}{count_reasons(queries.left_out)}"
    return replace(evaluation, notes=(*evaluation.notes, note))


def evaluate(
    benchmark: Benchmark,
    setting: SearchSetting,
    water: QueryWater = DRY,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Search all queries in one setting, with this water in each, and score the answers."""
    stage = setting.name if water.dry else f"{setting.name}, {water.level:.0%} {water.effect_names}"
    run = partial(_results, benchmark, setting, water, workers)
    begun = time.perf_counter()
    results = run(benchmark.queries, partial(progress, stage))
    elsewhere = run(benchmark.elsewhere, partial(progress, f"{stage}, elsewhere"))
    seconds = time.perf_counter() - begun
    photos = [*results, *elsewhere]
    without = Counter(result.attention_error for result in photos if result.attention_error)
    return Evaluation(
        name=_name(setting, without.total(), len(photos)),
        city=benchmark.locator.database.city().name,
        index=benchmark.locator.database.name,
        backbone=benchmark.locator.database.city().backbone,
        references=len(benchmark.locator.database),
        flood=water.level,
        effects=water.effect_names,
        waterline=_told_share(setting.waterline, water),
        distances_m=benchmark.distances_m,
        results=results,
        elsewhere=elsewhere,
        scores=scores(results, elsewhere, benchmark.distances_m),
        seconds_per_query=seconds / len(photos),
        at_a_time=queries_at_a_time(benchmark.queries, workers),
        notes=(*benchmark.notes, *_attention_notes(setting, without, len(photos))),
    )


def _results(
    benchmark: Benchmark,
    setting: SearchSetting,
    water: QueryWater,
    workers: int | None,
    cases: Sequence[QueryCase],
    progress: partial[None],
) -> list[QueryResult]:
    if not cases:
        return []
    searched = search_queries(benchmark.locator, cases, setting, water, workers, progress)
    return [
        score_query(query.case, query.located, benchmark.streets, query.attention_error) for query in searched
    ]


def _told_share(waterline: Waterline, water: QueryWater) -> float | None:
    match waterline:
        case ToldWaterline.UNTOLD:
            return None
        case ToldWaterline.TRUE:
            return water.level
        case share:
            return share


def _name(setting: SearchSetting, without: int, photos: int) -> str:
    """Says how many photos had to do without the attention that was asked for."""
    return f"{setting.name} (asked, {without} of {photos} without)" if without else setting.name


def _attention_notes(setting: SearchSetting, without: Counter[str], photos: int) -> Iterator[str]:
    if without:
        ((commonest, _),) = without.most_common(1)
        count = without.total()
        yield f"{setting.name}: {count} of {photos} photos were searched without it ({commonest})"
