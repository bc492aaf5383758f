"""Which model looks at photos for `geoflood locate`, and what it is asked: attention, verdicts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from geoflood.core.datatypes import Located, Progress, Query, no_progress
from geoflood.core.errors import ModelError, UsageError
from geoflood.core.paths import cache_folder
from geoflood.vlm.answer_formats import FORMS
from geoflood.vlm.attend import AttentionResult, Search, attend, search_attended
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.client import Answer, Asker, AskOptions, ModelRecord, Prompt
from geoflood.vlm.connect import connect
from geoflood.vlm.prompts import PAIR_VERSION
from geoflood.vlm.replay import ReplayedBackend
from geoflood.vlm.verify_candidates import Verifier

__all__ = ["WHICH", "VlmSelection", "VlmStage", "asking"]

WHICH = "--model qwen3-vl:8b-instruct, or GEOFLOOD_VLM_MODEL; geoflood doctor recommends one"
"""What helps when no model is named."""


ALPHA = 0.25
"""Of a model's map: the most at which no simulated fault of the map cost more than a query in a hundred.
DESIGN.md has the curve; an analyst's map counts in full."""


def _unheard(line: str) -> None:
    """News for nobody."""


@dataclass(frozen=True, slots=True)
class VlmSelection:
    """Which model is asked, where, and how."""

    model: str
    hosts: tuple[str, ...] = ()
    openai: bool = False
    """The hosts speak OpenAI's interface: llama-server, vLLM, LM Studio."""
    allowed: tuple[str, ...] = ()
    """Models and hosts elsewhere that may see the photos all the same."""
    form: str = "cells"
    cells: int = 4
    consistency: int = 1

    @property
    def named(self) -> str:
        return f"{'openai' if self.openai else 'ollama'}:{self.model}"

    def attendant(self, asker: Asker, city: str) -> AttentionAsker:
        """Who asks in this way. Raises UsageError when there is no such way."""
        return AttentionAsker(asker, self.form, self.cells, self.consistency, city)


@contextmanager
def asking(
    choice: VlmSelection, news: Callable[[str], None] = _unheard, replay: bool = False
) -> Iterator[Asker]:
    """The model's hosts as one, with the answers of earlier runs at hand. Nothing is sent yet.

    With `replay` those answers are all there is. Raises ModelError for a host that is not this machine and
    not allowed, and for a replay of a model that was never asked.
    """
    key = os.environ.get("GEOFLOOD_VLM_KEY", "")
    cache = cache_folder("vlm")
    if replay:
        yield ReplayedBackend.of(cache, choice.named)
        return
    asker = connect(
        choice.model,
        choice.hosts,
        openai=choice.openai,
        allowed=choice.allowed,
        key=key,
        cache=cache,
        news=news,
    )
    try:
        yield asker
    finally:
        asker.close()


@dataclass(frozen=True)
class UnavailableVlm:
    """In place of a model that was found down: nobody waits for it a second time."""

    message: str
    hint: str
    capacity: int = 1

    @property
    def standing(self) -> ModelRecord:
        raise ModelError(self.message, self.hint)

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        raise ModelError(self.message, self.hint)

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class VlmStage:
    """What `locate` asks of a model: attention, verification, or nothing."""

    choice: VlmSelection | None
    attention: str
    """none, ollama, auto or a file."""
    verify: int
    city: str
    news: Callable[[str], None] = _unheard
    warn: Callable[[str], None] = _unheard
    replay: bool = False
    """Only what the model said in earlier runs; nothing is asked."""

    @classmethod
    def of(
        cls,
        chosen: VlmSelection | None,
        attention: str | None,
        verify: int,
        city: str,
        news: Callable[[str], None] = _unheard,
        warn: Callable[[str], None] = _unheard,
        replay: bool = False,
    ) -> VlmStage:
        """`attention` None: the model's where one is named. Raises UsageError when one is missing."""
        wanted = attention or ("ollama" if chosen else "none")
        if chosen is None and (wanted == "ollama" or verify):
            what = "--verify" if verify else "--attention ollama"
            raise UsageError(f"{what} needs a model", WHICH)
        return cls(chosen, wanted, verify, city, news, warn, replay)

    @property
    def attends(self) -> bool:
        return self.attention in ("ollama", "auto")

    @property
    def alpha(self) -> float:
        """How much the attention counts unless somebody says otherwise."""
        return ALPHA if self.attends else 1.0

    @property
    def auto(self) -> bool:
        return self.attention == "auto"

    @property
    def settings(self) -> dict[str, Any]:
        """What of it decides results: which model is asked what, with which prompts; not where it runs."""
        told: dict[str, Any] = {"attention": self.attention} if self.attends else {}
        if self.choice and (self.attends or self.verify):
            told["model"] = self.choice.named
        if self.choice and self.attends:
            version = FORMS[self.choice.form].version if self.choice.form in FORMS else 0
            told |= {"prompt": f"{self.choice.form} {version}", "cells": self.choice.cells}
            told["consistency"] = self.choice.consistency
        if self.verify:
            told |= {"verify": self.verify, "pair_prompt": PAIR_VERSION}
        return told

    @contextmanager
    def open(self) -> Iterator[Asker | None]:
        """The model, if one is asked. Raises ModelError when it cannot be, unless that is allowed for."""
        if self.choice is None or not (self.attends or self.verify):
            yield None
            return
        with asking(self.choice, self.news, self.replay) as asker:
            try:
                _ = asker.standing
            except ModelError as error:
                if not self.auto:
                    raise
                asker = UnavailableVlm(str(error), error.hint)
            yield asker

    def verifier(self, asker: Asker | None) -> Verifier | None:
        """What compares candidates, if that was asked for."""
        return Verifier(asker, self.verify, self.city) if asker and self.verify else None

    def locate(
        self,
        queries: Sequence[Query],
        asker: Asker | None,
        search: Search,
        *,
        waterline: float | None = None,
        anyway: bool = False,
        progress: Progress = no_progress,
    ) -> list[Located]:
        """Look at the photos, then search for those that are worth it; warns of what could not be had.

        Raises ModelError when the model answered for none of them, and none may go without.
        """
        attended = self._look(queries, asker, progress)
        errors = [one.error for one in attended if isinstance(one.error, ModelError)]
        if errors and len(errors) == len(attended) and not self.auto:
            raise errors[0]
        for doubt, count in Counter(one.doubt for one in attended if one.doubt).items():
            self.warn(f"{doubt} ({count} of {len(attended)} photos)")
        return search_attended(queries, attended, search, waterline=waterline, auto=self.auto, anyway=anyway)

    def _look(
        self, queries: Sequence[Query], asker: Asker | None, progress: Progress
    ) -> list[AttentionResult]:
        paths = [query.path for query in queries]
        if asker is None or self.choice is None:
            missing = ModelError(f"no model is named: {WHICH}")
            return [AttentionResult(path, "ollama", error=missing) for path in paths]
        return attend(paths, self.choice.attendant(asker, self.city), self.choice.named, progress)
