"""Query cases -> [water] -> located queries, each beside its truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import (
    AttentionMap,
    Image,
    Located,
    Outcome,
    Query,
    Reason,
    ReasonKind,
    SearchOptions,
)
from geoflood.core.images import UnreadableImageError
from geoflood.core.parallel import cores, in_order
from geoflood.evaluation.query_water import (
    DRY,
    QueryWater,
    ToldWaterline,
    Waterline,
    draw_water,
    read_photo,
)
from geoflood.evaluation.results import QueryCase
from geoflood.localize.cities import Cities
from geoflood.localize.locator import FUSED, Locator, Verify
from geoflood.vlm.attend import AttentionResult

__all__ = [
    "ALL_CANDIDATES",
    "Attend",
    "SearchSetting",
    "SearchedQuery",
    "queries_at_a_time",
    "search_queries",
]

Attend = Callable[[QueryCase, Image], AttentionResult]
"""(query case, its pixels, water included) -> what a model says of the photo."""

ALL_CANDIDATES = SearchOptions(top_k=FUSED, rerank=0)
"""Keeps every candidate that fusion looked at, and re-ranks none."""


@dataclass(frozen=True)
class SearchSetting:
    """One way to search, applied to all queries: a row of the comparison."""

    name: str
    options: SearchOptions = ALL_CANDIDATES
    waterline: Waterline = ToldWaterline.UNTOLD
    attend: Attend | None = None
    verify: Verify | None = None


@dataclass(frozen=True, slots=True)
class SearchedQuery:
    """A query case with the answer to it."""

    case: QueryCase
    located: Located
    """Its seconds include reading the photo, drawing water and asking a model."""
    attention_error: str = ""
    """Why the query was searched without the attention that was asked for."""


def search_queries(
    locator: Locator | Cities,
    cases: Sequence[QueryCase],
    setting: SearchSetting,
    water: QueryWater = DRY,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[SearchedQuery]:
    """Each query under this water, searched in this setting, in the given order."""
    count = queries_at_a_time(cases, workers)
    with side_by_side(count) as pool:
        searched = in_order(
            pool, lambda case: _search_query(locator, case, setting, water), cases, 2 * count + 2
        )
        for done, query in enumerate(searched, 1):
            if progress is not None:
                progress(done, len(cases))
            yield query


def queries_at_a_time(cases: Sequence[QueryCase], workers: int | None = None) -> int:
    """How many queries are searched side by side."""
    return max(min(workers or cores(), len(cases)), 1)


def _search_query(
    locator: Locator | Cities, case: QueryCase, setting: SearchSetting, water: QueryWater
) -> SearchedQuery:
    query, seconds = Query(case.truth.path), dict[str, float]()
    try:
        with _timed("read", seconds):
            pixels = read_photo(case)
    except UnreadableImageError as error:
        reason = Reason(ReasonKind.UNREADABLE, detail=error.reason)
        return SearchedQuery(case, Located(query, Outcome.FAILED, reason))
    pixels, true_waterline = _watered(case, pixels, water, seconds)
    attention, attention_error = AttentionMap.neutral(), ""
    if setting.attend:
        with _timed("attend", seconds):
            attended = setting.attend(case, pixels)
        attention, attention_error = attended.attention, attended.unavailable
    if setting.waterline is not ToldWaterline.UNTOLD:
        told = true_waterline if setting.waterline is ToldWaterline.TRUE else setting.waterline
        attention = replace(attention, waterline=told, doubt=0.0)
    located = locator.locate(
        query, attention, setting.options, without=case.twins, verify=setting.verify, pixels=pixels
    )
    # The locator reads nothing: it got the pixels.
    searched = {stage: spent for stage, spent in located.seconds.items() if stage not in seconds}
    return SearchedQuery(case, replace(located, seconds=seconds | searched), attention_error)


def _watered(
    case: QueryCase, pixels: Image, water: QueryWater, seconds: dict[str, float]
) -> tuple[Image, float]:
    """The photo as it is searched, and the share of its height that is under water."""
    if water.dry:
        return pixels, 0.0
    with _timed("flood", seconds):
        flooded = draw_water(case, pixels, water)
    return flooded.photo, round(flooded.waterline, 4)


@contextmanager
def _timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    """Put the wall seconds of a stage into `seconds`."""
    begun = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - begun, 4)
