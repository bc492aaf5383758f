"""A question is put to a model once: answers are kept by everything that could change them.

Greedy sampling is not quite repeatable on a GPU that batches, so the cache is also how a result is
reproduced: a replay answers from here alone. Each answer is one JSON file that people can read: the question
and the raw reply, or the refusal where that decides what is asked next.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from geoflood.core.errors import ModelError
from geoflood.core.files import write_whole
from geoflood.vlm.client import (
    NUM_CTX,
    Answer,
    Asker,
    AskOptions,
    ModelRecord,
    Prompt,
    RefusalError,
    RefusalKind,
)
from geoflood.vlm.model_records import keep_record, kept_records

__all__ = ["AnswerCache"]

FORMAT = 1

KEPT_REFUSALS: tuple[RefusalKind, ...] = ("unlucky", "too long")
"""Refusals after which something else is asked: a replay has to meet them too."""

_TYPES: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float), "bool": bool}
_UNUSABLE = (OSError, ValueError, TypeError, KeyError, RecursionError)
"""What reading a missing or damaged entry raises."""


@dataclass(frozen=True)
class AnswerCache:
    """An asker whose answers are kept in `folder`, and looked up there first."""

    asker: Asker | None
    """None for a replay: kept answers and refusals are all there is, and nothing is written."""
    folder: Path
    records: tuple[ModelRecord, ...] = ()
    """For a replay: the same build of a model behind servers of several versions, the latest first."""

    @classmethod
    def replay(cls, folder: Path, full_name: str) -> AnswerCache:
        """Of the build that was asked last. Raises ModelError when the model never was asked."""
        records = kept_records(folder, full_name)
        if not records:
            raise ModelError(
                f"{folder} holds no answers of {full_name}",
                "run without --replay: the model has to be asked once",
            )
        return cls(None, folder, tuple(old for old in records[::-1] if old.digest == records[-1].digest))

    @property
    def record(self) -> ModelRecord:
        if self.asker is None:
            return self.records[0]
        record = self.asker.record
        keep_record(self.folder, record)
        return record

    @property
    def capacity(self) -> int:
        """A replay takes one photo after the other: which canvas is too long is learnt in the same order."""
        return self.asker.capacity if self.asker else 1

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        """As `Asker.ask`. A replay raises RefusalError "unanswered" for what was asked in no earlier run."""
        for record in self.records or (self.record,):
            question = _question(record, images, prompt, schema, options)
            path = _entry_path(self.folder, question)
            if (answer := _kept_answer(path, question)) is not None:
                return answer
            if self.asker is not None:
                return _keep(path, question, partial(self.asker.ask, images, prompt, schema, options))
            if (refusal := _kept_refusal(path, question)) is not None:
                raise refusal
        asked = f"{prompt.name} {prompt.version}, {prompt.view}"
        raise RefusalError("unanswered", f"{self.record.full_name} was never asked this ({asked})")

    def close(self) -> None:
        if self.asker is not None:
            self.asker.close()


def _question(
    record: ModelRecord,
    images: Sequence[bytes],
    prompt: Prompt,
    schema: Mapping[str, Any],
    options: AskOptions,
) -> dict[str, Any]:
    """Everything that an answer depends on. Not the host: the same build of a model answers the same."""
    return {
        "images": [hashlib.sha256(image).hexdigest() for image in images],
        "model": record.full_name,
        "digest": record.digest,
        "server": record.version,
        "prompt": asdict(prompt),
        "schema": dict(schema),
        "options": asdict(options) | {"num_ctx": NUM_CTX},
    }


def _entry_path(folder: Path, question: Mapping[str, Any]) -> Path:
    key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    return folder / key[:2] / f"{key}.json"


def _kept_answer(path: Path, question: Mapping[str, Any]) -> Answer | None:
    """The answer kept at `path`; None when there is none, or it is damaged, or answers something else."""
    try:
        entry = json.loads(path.read_bytes())
        if entry["format"] != FORMAT or entry["question"] != question:
            return None
        answer = Answer(**entry["answer"])
    except _UNUSABLE:
        return None
    sound = all(isinstance(getattr(answer, field.name), _TYPES[str(field.type)]) for field in fields(Answer))
    return replace(answer, cached=True) if sound else None


def _kept_refusal(path: Path, question: Mapping[str, Any]) -> RefusalError | None:
    """The refusal kept at `path`; None as for answers."""
    try:
        entry = json.loads(path.read_bytes())
        refusal = entry["refusal"]
        if entry["question"] == question and refusal["kind"] in KEPT_REFUSALS:
            return RefusalError(refusal["kind"], str(refusal["message"]))
    except _UNUSABLE:
        pass
    return None


def _keep(path: Path, question: Mapping[str, Any], ask: Callable[[], Answer]) -> Answer:
    """The answer that `ask` gets, kept at `path`; a refusal is kept where a replay has to meet it."""
    try:
        answer = ask()
    except RefusalError as error:
        if error.kind in KEPT_REFUSALS:
            _write(path, {"question": question, "refusal": {"kind": error.kind, "message": str(error)}})
        raise
    _write(path, {"question": question, "answer": asdict(answer), "parsed": answer.parsed})
    return answer


def _write(path: Path, entry: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps({"format": FORMAT, **entry}, indent=1))
