"""The stages that a batch's photos go through: a model that looks, where one is asked, then the search."""

from __future__ import annotations

from collections.abc import Callable

from geoflood.core.datatypes import AttentionMap, Image, Outcome
from geoflood.triage.ask_model import AskModelStage
from geoflood.triage.locate_photos import LocatePhotos, LocateStage
from geoflood.triage.options import BatchOptions, BatchRequest
from geoflood.vlm import stage as vlm_stage

__all__ = ["NO_MODEL", "ask_stage", "lacks_model", "locate_stage"]

NO_MODEL = f"no attention: {vlm_stage.NO_MODEL}"
"""What photos are searched for without, when a model was to look at them and none is named."""


def ask_stage(request: BatchRequest) -> AskModelStage | None:
    """The stage that asks a model; None when none is asked about attention."""
    stage, asker = request.stage, request.asker
    if stage is None or asker is None or stage.selection is None or not stage.attends:
        return None
    attention_asker = stage.selection.attention_asker(asker, stage.city)
    return AskModelStage(attention_asker, stage.selection.full_name, stage.auto, asker.capacity)


def locate_stage(
    request: BatchRequest,
    locator: LocatePhotos,
    options: BatchOptions,
    keep: Callable[[str, Image, Outcome], object],
) -> LocateStage:
    """The stage that describes and searches. `keep` is handed hash, pixels and outcome of each photo."""
    return LocateStage(
        locator,
        request.attention or _attention_without_model(request, options.waterline),
        options.search,
        options.waterline,
        options.use_post_geo or options.use_words,
        bool(request.stage and request.stage.auto),
        options.search_anyway,
        request.stage.checks(request.asker) if request.stage else None,
        keep,
    )


def lacks_model(request: BatchRequest) -> bool:
    """A model was to look at the photos, but none is named."""
    return request.attention is None and request.stage is not None and request.stage.misses_model


def _attention_without_model(request: BatchRequest, waterline: float | None) -> AttentionMap:
    """Of every photo that no model looks at; it says so where a model was wished for."""
    provider = "none" if waterline is None else "analyst"
    if lacks_model(request):
        return AttentionMap.neutral(waterline, provider if waterline else "ollama", NO_MODEL)
    return AttentionMap.neutral(waterline, provider)
