"""`--verify N`: a vision-language model compares a photo with the first N references."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from geoflood.core.datatypes import Candidate, Image, Reference
from geoflood.core.errors import ModelError
from geoflood.core.images import UnreadableImageError
from geoflood.imagery.views import pixels_of
from geoflood.vlm.client import Asker
from geoflood.vlm.verify import verify

__all__ = ["Verifier"]


@dataclass(frozen=True)
class Verifier:
    """Candidates, best first -> the same with verdicts on the first `count`. Threads may share it."""

    asker: Asker
    count: int
    city: str = ""

    def __call__(self, photo: Image, candidates: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], str]:
        """The candidates and "", or untouched and why: a model that fails half-way says nothing at all."""
        try:
            return self.judged(photo, candidates)
        except ModelError as error:
            return tuple(candidates), f"not verified: {error}"

    def judged(self, photo: Image, candidates: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], str]:
        """The candidates with verdicts, and what is missing. Raises ModelError when the model fails."""
        pairs = list(_pairs(candidates[: self.count]))
        judgements = verify(self.asker, photo, [pair for _, pair in pairs], self.city)
        judged = list(candidates)
        for (rank, _), judgement in zip(pairs, judgements, strict=True):
            judged[rank] = replace(judged[rank], verdict=judgement.verdict, verdict_reason=judgement.reason)
        gone = len(candidates[: self.count]) - len(pairs)
        return tuple(judged), f"{gone} not verified: their pictures are gone" if gone else ""


def _pairs(candidates: Sequence[Candidate]) -> Iterator[tuple[int, tuple[Image, str]]]:
    """Rank, and what the model is shown and told, of each reference whose picture is still there."""
    for rank, candidate in enumerate(candidates):
        try:
            yield rank, (pixels_of(candidate.reference), _hints(candidate.reference))
        except UnreadableImageError:
            continue


def _hints(reference: Reference) -> str:
    """Where the reference was taken. Not how many of its neighbours were found too: fusion counts those."""
    spot, heading = reference.position, reference.heading_deg
    looks = "" if heading is None else f", looking {heading:.0f} degrees from north"
    return f"taken at {spot.lat:.5f}, {spot.lon:.5f}{looks}"
