"""The search settings that an evaluation compares: the one asked for, and those that lack a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from geoflood.core.datatypes import Blend, MaskSides, SearchOptions
from geoflood.evaluation.query_water import ToldWaterline, Waterline
from geoflood.evaluation.search_queries import ALL_CANDIDATES, SearchSetting

__all__ = ["ablations", "band_setting"]

PAPER_ALPHA = 0.5
"""As in VPR-AttLLM's examples. At 1 its blend of a waterline is no blend: the energy drops out."""
UNTOLD = ToldWaterline.UNTOLD


def band_setting(waterline: Waterline, options: SearchOptions = ALL_CANDIDATES) -> SearchSetting:
    """A search by bands, told this waterline or none."""
    match waterline:
        case ToldWaterline.UNTOLD:
            name = "bands, untold"
        case ToldWaterline.TRUE:
            name = "bands, told"
        case share:
            name = f"bands, told {share:.0%}"
    reranked = f", {options.rerank} re-ranked" if options.rerank else ""
    return SearchSetting(f"{name}{reranked}", options, waterline)


def ablations(requested: SearchSetting, waterline: Waterline) -> list[SearchSetting]:
    """The requested setting among those that lack some of it.

    `waterline` is what the told settings are told; untold, there are none of them. Where the requested one is
    told and re-ranks, an untold one that re-ranks stands beside it, for people seldom know the waterline.
    `Benchmark.supports` says which settings an index can be searched in.
    """
    told = waterline is not UNTOLD
    settings = [SearchSetting("nothing done", replace(ALL_CANDIDATES, mask_sides=MaskSides.NONE))]
    if told:
        options = replace(ALL_CANDIDATES, mask_sides=MaskSides.QUERY)
        settings.append(SearchSetting("attention on the query only", options, waterline))
    settings.append(band_setting(UNTOLD))
    if told:
        settings.append(band_setting(waterline))
    if requested.options.rerank and requested.waterline is not UNTOLD:
        settings.append(band_setting(UNTOLD, replace(ALL_CANDIDATES, rerank=requested.options.rerank)))
    settings += _paper_blends(requested, waterline)
    return settings if requested in settings else [*settings, requested]


def _paper_blends(requested: SearchSetting, waterline: Waterline) -> Iterator[SearchSetting]:
    """VPR-AttLLM's blend of the model's map; without a model, of the waterline as a map of 0 and 1.

    As in the paper, the blend is applied to the query only.
    """
    if requested.attend is not None:
        options = replace(requested.options, blend=Blend.PAPER)
        yield replace(requested, name=f"{requested.name}, paper's blend", options=options)
    elif waterline is not UNTOLD:
        options = replace(ALL_CANDIDATES, mask_sides=MaskSides.QUERY, alpha=PAPER_ALPHA, blend=Blend.PAPER)
        yield SearchSetting(f"paper's blend of the waterline, alpha {PAPER_ALPHA:g}", options, waterline)
