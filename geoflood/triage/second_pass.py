"""The second pass of a batch: what the search alone found is re-ranked, likeliest to change first.

    first pass     every photo searched for; its line in the journal calls the result provisional
    second pass    the provisional ones once more, re-ranked; a second line replaces the first

Everything is read from the journal, so a later run goes on where an earlier one was stopped. What a model
said of a photo stands there too: it is asked once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from geoflood.core.datatypes import Estimate, Located, Outcome, ReasonKind
from geoflood.core.geo import distance_m
from geoflood.localize.outcome import judge
from geoflood.triage.ask_model import DecodedPhoto
from geoflood.triage.codec import located_from
from geoflood.triage.intake import Intake
from geoflood.triage.locate_photos import LocatedPhoto
from geoflood.triage.results import Results

__all__ = ["Rewrite", "Rewriter", "SecondPass", "evidence_to_change", "left_text", "waiting_text"]

HOPELESS = 0.95
"""Share "not in this index" from which the search alone is believed, and a photo is not re-ranked."""
STEP, MOST = 0.25, 8.0
"""Nats of evidence: how finely the outcome's change is looked for, and how far."""
REWRITE_S = 300.0
"""Between two versions of the page, at least."""
REWRITE_SHARE = 0.05
"""Of the time, spent on writing the page at most."""

Rewrite: TypeAlias = Callable[[Results, float], object]
"""Writes the outputs anew, meanwhile: (results so far, seconds until all are re-ranked)."""


def evidence_to_change(located: Located, hopeless: float = HOPELESS) -> float | None:
    """How much evidence for or against its place would change a photo's outcome, nats.

    What re-ranking finds adds up in log-odds, so the photo that needs least is the likeliest to change. None
    where there is nothing to re-rank, or from a `hopeless` share "not in this index" on.
    """
    estimate = located.estimate
    if estimate is None or estimate.not_in_index >= hopeless:
        return None
    for step in range(round(MOST / STEP) + 1):
        if any(judge(_given(estimate, sign * step * STEP))[0] is not located.outcome for sign in (1, -1)):
            return step * STEP
    return MOST


def _given(estimate: Estimate, nats: float) -> Estimate:
    """The estimate after so much evidence for its place, verified."""
    here = estimate.in_this_index
    right = min(estimate.probability / max(here, 1e-9), 1.0)
    here_now = _raised(here, nats)
    rest = (1.0 - here_now) / max(1.0 - here, 1e-9)
    return replace(
        estimate,
        probability=here_now * _raised(right, nats),
        not_in_index=min(estimate.not_in_index * rest, 1.0),
        in_other_index=min(estimate.in_other_index * rest, 1.0),
        verified=True,
    )


def _raised(probability: float, nats: float) -> float:
    inside = min(max(probability, 1e-6), 1.0 - 1e-6)
    return 1.0 / (1.0 + math.exp(-nats) * (1.0 - inside) / inside)


class SecondPass:
    """The photos to be re-ranked, and what came of them.

    `attention_kept`: a model looked at each in the first pass, and what it said counts again.
    """

    def __init__(self, intake: Intake, results: Results, attention_kept: bool) -> None:
        self._intake, self._results, self._attention_kept = intake, results, attention_kept
        waiting = [(results.provisional[sha], sha) for sha in results.waiting if intake.has_file(sha)]
        self.due = tuple(sha for _, sha in sorted(waiting))
        """Hashes of the photos, likeliest to change first."""
        self.done = 0
        self.changed = 0
        """Re-ranked photos that have another outcome or place now."""
        self.failed: list[str] = []
        """Files that could not be read or searched for again: what the first pass found stands."""
        self._begun = time.monotonic()

    @property
    def left(self) -> int:
        """Photos that are still to come."""
        return len(self.due) - self.done - len(self.failed)

    @property
    def left_s(self) -> float:
        """Seconds until all are re-ranked, at the pace so far; infinite while there is none."""
        ended = len(self.due) - self.left
        return (time.monotonic() - self._begun) / ended * self.left if ended else math.inf

    def photos(self) -> Iterator[DecodedPhoto]:
        """Each photo, and what a model said of it in the first pass."""
        for sha in self.due:
            attention = self._first(sha).attention if self._attention_kept else None
            yield DecodedPhoto(self._intake.photo(sha), attention=attention)

    def evidence(self, sha: str) -> float | None:
        """What would change the photo's first result; None once that is replaced."""
        return self._results.provisional.get(sha)

    def take(self, answer: LocatedPhoto) -> Located | None:
        """Count an answer; the result that replaces the first one, None where that one stands."""
        if answer.located.outcome is Outcome.FAILED:
            self.failed.append(answer.photo.file)
            return None
        first = self._first(answer.photo.sha256)
        self.done += 1
        self.changed += _differ(first, answer.located)
        return _with_first_notes(answer.located, first)

    def _first(self, sha: str) -> Located:
        return located_from(self._results.located_line(sha)["located"])


def _differ(first: Located, second: Located) -> bool:
    """Another outcome, or a place that is farther away than an answer is good for."""
    if first.outcome is not second.outcome or first.place is None or second.place is None:
        return first.outcome is not second.outcome
    here, there = first.place.position, second.place.position
    return bool(distance_m((here.lat, here.lon), (there.lat, there.lon)) > first.place.tolerance_m)


def _with_first_notes(second: Located, first: Located) -> Located:
    """With what only the first pass could know: that a model was not to be had, and how long it took."""
    notes = tuple(note for note in first.notes if note.kind is ReasonKind.NO_ATTENTION)
    seconds = {stage: spent for stage, spent in first.seconds.items() if stage == "attend"}
    return replace(second, notes=(*second.notes, *notes), seconds=seconds | second.seconds)


class Rewriter:
    """Has the outputs written anew now and then, so rarely that it does not slow the batch down."""

    def __init__(
        self,
        write: Callable[[], object],
        least_s: float = REWRITE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._least_s, self._clock = write, least_s, clock
        self._next = 0.0

    def write(self) -> None:
        """Write them now."""
        begun = self._clock()
        self._write()
        ended = self._clock()
        self._next = ended + max(self._least_s, (ended - begun) / REWRITE_SHARE)

    def write_if_due(self) -> bool:
        """Write them unless that was done a moment ago; whether it was."""
        due = self._clock() >= self._next
        if due:
            self.write()
        return due


def waiting_text(count: int, left_s: float | None = None) -> str:
    """What to say of so many photos that wait to be re-ranked; "" of none.

    left_s: seconds until they are, infinite where nobody can say; None where no batch is at work on them.
    """
    if not count:
        return ""
    results = "1 result is" if count == 1 else f"{count:,} results are"
    ahead = "run batch-locate again for that" if left_s is None else f"that is under way{left_text(left_s)}"
    return f"{results} provisional: re-ranking may still change what the search found; {ahead}."


def left_text(seconds: float) -> str:
    """Of a time that is left: ", about 7 min left"; "" of an infinite one."""
    if math.isinf(seconds):
        return ""
    minutes = max(round(seconds / 60), 1)
    return f", about {minutes} min left" if minutes < 100 else f", about {minutes / 60:.0f} h left"
