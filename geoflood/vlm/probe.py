"""Can this model do the work? Some claim to see images and do not, so each claim is tried."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from geoflood.core.errors import ModelError
from geoflood.vlm.answer_formats import cell_names, enum_schema, object_schema, parse_numbers
from geoflood.vlm.canvas import SIDES, VIEWS, blank_photo, photo_with_grid
from geoflood.vlm.client import Answer, Asker, AskOptions, Backend, ModelRecord, Prompt
from geoflood.vlm.parse_replies import Json
from geoflood.vlm.prompts import block_prompt

__all__ = [
    "RECOMMENDED_MODELS",
    "ProbeCheck",
    "ProbeResult",
    "RecommendedModel",
    "memory_gb",
    "probe",
    "recommended_model",
]

CELLS = 4
TRIALS = 4
ENOUGH = 3
"""Trials that must be right: one in 16 is by chance, three of four once in a thousand."""

LEAST_TOKENS = 60
"""That an image must add to the prompt: the most frugal encoders spend 64."""

RED = (200, 30, 30)


@dataclass(frozen=True, slots=True)
class ProbeCheck:
    """One thing tried."""

    what: str
    ok: bool
    found: str
    """What the try showed, for people."""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What trying a model showed."""

    checks: tuple[ProbeCheck, ...]
    record: ModelRecord | None
    sees: bool
    """It found the coloured block: attention by this model means something."""
    cold_s: float | None
    """For the first question, with loading the model."""
    warm_s: float | None
    """For each of the later ones: about a photo's price per view."""


@dataclass(frozen=True, slots=True)
class RecommendedModel:
    """A model that can be recommended."""

    name: str
    needs_gb: float
    """Of memory, with its context and the system's share."""
    note: str

    @property
    def pull(self) -> str:
        return f"ollama pull {self.name}"


RECOMMENDED_MODELS = (
    RecommendedModel("qwen3-vl:8b-instruct", 10.0, "best grounding and reading of signs in its class"),
    RecommendedModel("gemma3:4b", 6.0, "steady JSON, weaker grounding"),
    RecommendedModel("qwen3-vl:2b-instruct", 4.0, "erratic: check its maps"),
)
"""Largest first. Sizes: ollama.com, autumn 2026; opinions: PhotoPrism's documentation, not measured here."""


def recommended_model(memory: float) -> RecommendedModel | None:
    """The best model for a memory in GB, the graphics card's where there is one; None below 4 GB."""
    return next((model for model in RECOMMENDED_MODELS if model.needs_gb <= memory), None)


def memory_gb() -> float | None:
    """Of this machine; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def probe(backend: Backend, seed: int = 0) -> ProbeResult:
    """Try everything, in order, until something fails. Never raises ModelError: it becomes a check."""
    checks: list[ProbeCheck] = []
    answers: list[Answer] = []
    try:
        record = backend.check()
    except ModelError as error:
        return ProbeResult((ProbeCheck("model", False, str(error), error.hint),), None, False, None, None)
    checks.append(ProbeCheck("model", True, f"{record.full_name} on {record.host}"))
    checks.append(_claims_to_see(record))
    steps: Sequence[Callable[[], ProbeCheck]] = (
        lambda: _counts_image(backend, answers),
        lambda: _finds_blocks(backend, np.random.default_rng(seed), answers),
    )
    for step in steps:
        if not checks[-1].ok:
            break
        try:
            checks.append(step())
        except ModelError as error:
            checks.append(ProbeCheck("answers", False, str(error), error.hint))
    sees = all(check.ok for check in checks)
    times = [answer.seconds for answer in answers]
    return ProbeResult(tuple(checks), record, sees, times[0] if times else None, _median(times[2:]))


def _claims_to_see(record: ModelRecord) -> ProbeCheck:
    advice = "choose a model that sees: ollama pull qwen3-vl:8b-instruct"
    if record.sees is None:
        return ProbeCheck("takes images", True, "the server does not tell")
    return ProbeCheck(
        "takes images", record.sees, "yes" if record.sees else "no", "" if record.sees else advice
    )


def _counts_image(backend: Asker, answers: list[Answer]) -> ProbeCheck:
    """Whether an image adds tokens to the prompt: some servers drop images without a word."""
    prompt = Prompt("tokens", 1, "Answer with one JSON object: a, the digit 1.")
    schema, options = object_schema({"a": enum_schema(range(10))}), AskOptions(60)
    picture = photo_with_grid(blank_photo(), VIEWS[0], CELLS, SIDES[0])
    answers.append(backend.ask([picture], prompt, schema, options))
    answers.append(backend.ask([], prompt, schema, options))
    more = answers[0].prompt_tokens - answers[1].prompt_tokens
    if not answers[0].prompt_tokens:
        return ProbeCheck("sees the image", True, "the server counts no tokens")
    advice = "" if more >= LEAST_TOKENS else "the image does not reach the model: update the server"
    return ProbeCheck("sees the image", more >= LEAST_TOKENS, f"{more} tokens an image", advice)


def _finds_blocks(backend: Asker, random: np.random.Generator, answers: list[Answer]) -> ProbeCheck:
    """Whether the model points at a red block: the least that attention needs."""
    right = sum(_finds_block(backend, int(cell), answers) for cell in random.permutation(CELLS**2)[:TRIALS])
    advice = "" if right >= ENOUGH else "do not use its attention: --attention none, or another model"
    return ProbeCheck("finds a coloured block", right >= ENOUGH, f"{right} of {TRIALS} times", advice)


def _finds_block(backend: Asker, cell: int, answers: list[Answer]) -> bool:
    picture = blank_photo()
    row, column = divmod(cell, CELLS)
    height, width = picture.shape[0] // CELLS, picture.shape[1] // CELLS
    picture[row * height : (row + 1) * height, column * width : (column + 1) * width] = RED
    prompt = Prompt("block", 2, block_prompt(CELLS))
    schema: Json = object_schema(
        {"f_cells": object_schema(dict.fromkeys(cell_names(CELLS), enum_schema(range(10))))}
    )
    shown = photo_with_grid(picture, VIEWS[0], CELLS, SIDES[0])
    answers.append(backend.ask([shown], prompt, schema, AskOptions(300 + 40 * CELLS**2)))
    for content in answers[-1].json_objects():
        try:
            scores = parse_numbers(content.get("f_cells"), cell_names(CELLS), 9)
        except ValueError:
            continue
        return scores[cell] == max(scores) and scores.count(max(scores)) == 1
    return False


def _median(times: Sequence[float]) -> float | None:
    return float(np.median(times)) if times else None
