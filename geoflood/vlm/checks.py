"""What a model is asked about a photo's candidates: verdicts on pairs, a comparison of places, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geoflood.core.datatypes import Candidate, Image
from geoflood.core.errors import ModelError
from geoflood.vlm.compare import Comparer
from geoflood.vlm.verify import Verifier

__all__ = ["CandidateChecks"]


@dataclass(frozen=True)
class CandidateChecks:
    """Asks a model about candidates. All of it or nothing: one that fails half-way moves nothing."""

    verifier: Verifier | None = None
    comparer: Comparer | None = None

    def __call__(self, photo: Image, candidates: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], str]:
        """The candidates with what was said of them and "", or untouched and why."""
        try:
            return self.checked(photo, candidates)
        except ModelError as error:
            return tuple(candidates), self.failed(error)

    def checked(self, photo: Image, candidates: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], str]:
        """The candidates, and what is missing. Raises ModelError when the model fails."""
        found, told = tuple(candidates), list[str]()
        if self.verifier is not None:
            found, missing = self.verifier.with_verdicts(photo, found)
            told.append(missing)
        if self.comparer is not None:
            found, missing = self.comparer.with_comparisons(photo, found)
            told.append(missing)
        return found, "; ".join(filter(None, told))

    def failed(self, error: ModelError) -> str:
        """What to tell people when the model failed."""
        asked = [word for word, check in self._named() if check]
        return f"not {' and not '.join(asked)}: {error}"

    @property
    def name(self) -> str:
        """As figures name it: "5 verified, 4 compared"."""
        return ", ".join(f"{check.count} {word}" for word, check in self._named() if check)

    def _named(self) -> tuple[tuple[str, Verifier | Comparer | None], ...]:
        return ("verified", self.verifier), ("compared", self.comparer)
