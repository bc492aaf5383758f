"""A vision-language model looks at each query of an evaluation, water included."""

from __future__ import annotations

from geoflood.core.datatypes import Image
from geoflood.core.errors import ModelError
from geoflood.evaluation.results import QueryCase
from geoflood.evaluation.search_queries import Attend
from geoflood.vlm.attend import AttentionResult, attend_photo
from geoflood.vlm.attention import AttentionAsker

__all__ = ["model_attention"]


def model_attention(asker: AttentionAsker, provider: str, optional: bool) -> Attend:
    """What the model says of a query's pixels.

    Where the model cannot be asked, an `optional` one is done without; else its ModelError is raised.
    A query that the model calls hopeless is searched all the same: whether it is right is the question.
    """

    def attend(case: QueryCase, pixels: Image) -> AttentionResult:
        result = attend_photo(case.truth.path, pixels, asker, provider)
        if isinstance(result.error, ModelError) and not optional:
            raise result.error
        return result

    return attend
