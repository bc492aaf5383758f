"""Which model is asked about photos, and what: attention, verdicts, or nothing."""

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
from geoflood.vlm.answer_formats import ANSWER_FORMATS
from geoflood.vlm.attend import AttentionResult, Search, attend, search_attended
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.cache import AnswerCache
from geoflood.vlm.checks import CandidateChecks
from geoflood.vlm.client import Answer, Asker, AskOptions, ModelRecord, Prompt
from geoflood.vlm.compare import Comparer
from geoflood.vlm.connect import backends, connect
from geoflood.vlm.prompts import PAIR_VERSION, PLACES_VERSION
from geoflood.vlm.verify import Verifier

__all__ = ["MODEL_HINT", "NO_MODEL", "UnavailableVlm", "VlmSelection", "VlmStage", "open_asker"]

MODEL_HINT = "--model qwen3-vl:8b-instruct, or GEOFLOOD_VLM_MODEL; geoflood doctor recommends one"
"""What helps when no model is named."""

NO_MODEL = f"no model is named: {MODEL_HINT}"
"""Why a photo is searched without attention under `--attention auto` alone."""

ALPHA = 0.25
"""Of a model's map: the most at which no simulated fault of the map cost more than a query in a hundred.
Decision 042 has the curve; an analyst's map counts in full."""


def _ignore(line: str) -> None:
    """For callers who want no news."""


@dataclass(frozen=True, slots=True)
class VlmSelection:
    """Which model is asked, where, and how."""

    model: str
    hosts: tuple[str, ...] = ()
    openai: bool = False
    """The hosts speak OpenAI's interface: llama-server, vLLM, LM Studio."""
    allowed: tuple[str, ...] = ()
    """Models and hosts elsewhere that may see the photos all the same."""
    answer_format: str = "cells"
    cells: int = 4
    consistency: int = 1
    """Views of each photo that are asked about."""
    replay: bool = False
    """Only what the model answered in earlier runs counts; nothing is asked."""

    @property
    def full_name(self) -> str:
        return f"{'openai' if self.openai else 'ollama'}:{self.model}"

    @property
    def prompt_name(self) -> str:
        """The answer format and its version, as figures and journals name it."""
        known = ANSWER_FORMATS.get(self.answer_format)
        return f"{self.answer_format} {known.version if known else 0}"

    def hosts_asked(self) -> tuple[str, ...]:
        """The hosts that photos would be sent to; empty for a replay. Nothing is sent.

        Raises ModelError for one that is not this machine and not allowed.
        """
        if self.replay:
            return ()
        asked = backends(self.model, self.hosts, openai=self.openai, allowed=self.allowed)
        for one in asked:
            one.close()
        return tuple(one.host for one in asked)

    def attention_asker(self, asker: Asker, city: str) -> AttentionAsker:
        """What asks in this way. Raises UsageError when there is no such way."""
        return AttentionAsker(asker, self.answer_format, self.cells, self.consistency, city)


@contextmanager
def open_asker(selection: VlmSelection, news: Callable[[str], None] = _ignore) -> Iterator[Asker]:
    """The model's hosts as one, with the answers of earlier runs at hand. Nothing is sent yet.

    Raises ModelError for a host that is not this machine and not allowed, and for a replay of a model that
    was never asked.
    """
    asker = _connect(selection, news)
    try:
        yield asker
    finally:
        asker.close()


def _connect(selection: VlmSelection, news: Callable[[str], None]) -> Asker:
    cache = cache_folder("vlm")
    if selection.replay:
        return AnswerCache.replay(cache, selection.full_name)
    return connect(
        selection.model,
        selection.hosts,
        openai=selection.openai,
        allowed=selection.allowed,
        key=os.environ.get("GEOFLOOD_VLM_KEY", ""),
        cache=cache,
        news=news,
    )


@dataclass(frozen=True)
class UnavailableVlm:
    """In place of a model that was found down: no photo waits for it a second time."""

    message: str
    hint: str
    capacity: int = 1

    @property
    def record(self) -> ModelRecord:
        raise ModelError(self.message, self.hint)

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        raise ModelError(self.message, self.hint)

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class VlmStage:
    """What a command asks of a model: attention, verification, or nothing."""

    selection: VlmSelection | None
    attention: str
    """none, ollama, auto or a file."""
    verify_count: int
    """Candidates that the model compares with the photo."""
    city: str
    news: Callable[[str], None] = _ignore
    warn: Callable[[str], None] = _ignore
    compare_count: int = 0
    """Different places that the model sees side by side with the photo."""

    @classmethod
    def of(
        cls,
        selection: VlmSelection | None,
        attention: str | None,
        verify_count: int,
        city: str,
        news: Callable[[str], None] = _ignore,
        warn: Callable[[str], None] = _ignore,
        compare_count: int = 0,
    ) -> VlmStage:
        """`attention` None: the model's where one is named. Raises UsageError when one is missing."""
        provider = attention or ("ollama" if selection else "none")
        counts = {"--verify": verify_count, "--compare": compare_count}
        needs_model = [option for option, count in counts.items() if count]
        needs_model += ["--attention ollama"] * (provider == "ollama")
        if selection is None and needs_model:
            raise UsageError(f"{needs_model[0]} needs a model", MODEL_HINT)
        return cls(selection, provider, verify_count, city, news, warn, compare_count)

    @property
    def asks(self) -> bool:
        """Whether the model is asked anything at all."""
        return self.attends or bool(self.verify_count or self.compare_count)

    @property
    def attends(self) -> bool:
        return self.attention in ("ollama", "auto")

    @property
    def auto(self) -> bool:
        return self.attention == "auto"

    @property
    def misses_model(self) -> bool:
        """`auto` was asked for, and no model is named."""
        return self.auto and self.selection is None

    @property
    def alpha(self) -> float:
        """How much the attention counts by default."""
        return ALPHA if self.attends else 1.0

    @property
    def settings(self) -> dict[str, Any]:
        """What of it decides results: which model is asked what, with which prompts; not where it runs."""
        settings: dict[str, Any] = {"attention": self.attention} if self.attends else {}
        if self.selection and self.asks:
            settings["model"] = self.selection.full_name
        if self.selection and self.attends:
            settings |= {"prompt": self.selection.prompt_name, "cells": self.selection.cells}
            settings["consistency"] = self.selection.consistency
        if self.verify_count:
            settings |= {"verify": self.verify_count, "pair_prompt": PAIR_VERSION}
        if self.compare_count:
            settings |= {"compare": self.compare_count, "places_prompt": PLACES_VERSION}
        return settings

    @contextmanager
    def open(self) -> Iterator[Asker | None]:
        """The model, if one is asked. Raises ModelError when it cannot be, unless `auto` allows for that."""
        if self.selection is None or not self.asks:
            yield None
            return
        with open_asker(self.selection, self.news) as asker:
            try:
                _ = asker.record
            except ModelError as error:
                if not self.auto:
                    raise
                asker = UnavailableVlm(str(error), error.hint)
            yield asker

    def checks(self, asker: Asker | None) -> CandidateChecks | None:
        """What the model is asked about candidates, if anything."""
        if asker is None or not (self.verify_count or self.compare_count):
            return None
        return CandidateChecks(
            Verifier(asker, self.verify_count, self.city) if self.verify_count else None,
            Comparer(asker, self.compare_count, self.city) if self.compare_count else None,
        )

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
        """Ask about the photos, then search for those that are worth it; warns of what could not be had.

        Raises ModelError when the model answered for none of them, and none may go without.
        """
        results = self._attend(queries, asker, progress)
        errors = [result.error for result in results if isinstance(result.error, ModelError)]
        if errors and len(errors) == len(results) and not self.auto:
            raise errors[0]
        reasons = Counter(result.unavailable for result in results if result.unavailable)
        for reason, count in reasons.items():
            self.warn(f"{reason} ({count} of {len(results)} photos)")
        return search_attended(queries, results, search, waterline=waterline, auto=self.auto, anyway=anyway)

    def _attend(
        self, queries: Sequence[Query], asker: Asker | None, progress: Progress
    ) -> list[AttentionResult]:
        paths = [query.path for query in queries]
        if asker is None or self.selection is None:
            return [AttentionResult(path, "ollama", error=ModelError(NO_MODEL)) for path in paths]
        attention_asker = self.selection.attention_asker(asker, self.city)
        return attend(paths, attention_asker, self.selection.full_name, progress)
