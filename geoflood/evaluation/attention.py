"""A vision-language model that looks at each query of an evaluation, water and all."""

from __future__ import annotations

from geoflood.core.datatypes import Image
from geoflood.core.errors import ModelError
from geoflood.evaluation.results import QueryCase
from geoflood.evaluation.search_queries import Attend
from geoflood.vlm.attend import AttentionResult, attend_photo
from geoflood.vlm.attention import AttentionAsker

__all__ = ["attending"]


def attending(attention_asker: AttentionAsker, provider: str, auto: bool) -> Attend:
    """What the model says of a query's pixels; `auto` goes without it where it cannot be asked.

    A query that the model calls hopeless is searched all the same: whether it is right is the question.
    """

    def attend(trial: QueryCase, pixels: Image) -> AttentionResult:
        seen = attend_photo(trial.asked.path, pixels, attention_asker, provider)
        if isinstance(seen.error, ModelError) and not auto:
            raise seen.error
        return seen

    return attend
