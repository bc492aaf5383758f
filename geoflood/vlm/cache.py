"""What a model said once is not asked again: answers by everything that could change them.

Even greedy sampling is not quite repeatable on a GPU that batches, so this is also how a result is
reproduced: `replay` answers from here alone. One JSON file an answer, readable by people: what was asked,
and the raw reply, or why the server had none where that decides what is asked next.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from geoflood.core.files import write_whole
from geoflood.vlm.client import (
    NUM_CTX,
    Answer,
    Asker,
    AskOptions,
    Kind,
    ModelRecord,
    Prompt,
    RefusalError,
)
from geoflood.vlm.model_records import note

__all__ = ["TELLING", "AnswerCache", "kept_answer", "path_of", "question_of"]

FORMAT = 1

TELLING: tuple[Kind, ...] = ("unlucky", "too long")
"""Refusals after which something else is asked: a replay has to meet them too."""

_KINDS: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float), "bool": bool}


@dataclass(frozen=True)
class AnswerCache:
    """An asker whose answers are kept in `folder`, and looked up there first."""

    asker: Asker
    folder: Path

    @property
    def standing(self) -> ModelRecord:
        found = self.asker.standing
        note(self.folder, found)
        return found

    @property
    def capacity(self) -> int:
        return self.asker.capacity

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        question = question_of(self.standing, images, prompt, schema, options)
        path = path_of(self.folder, question)
        kept = kept_answer(path, question)
        if kept is not None:
            return kept
        try:
            answer = self.asker.ask(images, prompt, schema, options)
        except RefusalError as error:
            if error.kind in TELLING:
                _write(path, {"question": question, "refusal": {"kind": error.kind, "message": str(error)}})
            raise
        _write(path, {"question": question, "answer": asdict(answer), "parsed": answer.parsed})
        return answer

    def close(self) -> None:
        self.asker.close()


def question_of(
    standing: ModelRecord,
    images: Sequence[bytes],
    prompt: Prompt,
    schema: Mapping[str, Any],
    options: AskOptions,
) -> dict[str, Any]:
    """Everything that an answer depends on. Not the host: the same build of a model answers the same."""
    return {
        "images": [hashlib.sha256(image).hexdigest() for image in images],
        "model": standing.named,
        "digest": standing.digest,
        "server": standing.version,
        "prompt": asdict(prompt),
        "schema": dict(schema),
        "options": asdict(options) | {"num_ctx": NUM_CTX},
    }


def kept_answer(path: Path, question: Mapping[str, Any]) -> Answer | None:
    """The answer kept at `path`; None when there is none, or it is damaged, or answers something else."""
    try:
        entry = json.loads(path.read_bytes())
        if entry["format"] != FORMAT or entry["question"] != question:
            return None
        answer = Answer(**entry["answer"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    sound = all(isinstance(getattr(answer, field.name), _KINDS[str(field.type)]) for field in fields(Answer))
    return replace(answer, cached=True) if sound else None


def path_of(folder: Path, question: Mapping[str, Any]) -> Path:
    key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    return folder / key[:2] / f"{key}.json"


def _write(path: Path, entry: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps({"format": FORMAT, **entry}, indent=1))
