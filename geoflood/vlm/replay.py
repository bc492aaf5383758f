"""The same results from what a model said in earlier runs: nothing is asked, no server has to be there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoflood.core.errors import ModelError
from geoflood.vlm.cache import TELLING, kept_answer, path_of, question_of
from geoflood.vlm.client import Answer, AskOptions, ModelRecord, Prompt, RefusalError
from geoflood.vlm.model_records import model_records

__all__ = ["ReplayedBackend", "UnansweredError"]


class UnansweredError(RefusalError):
    """A question that no earlier run has put: nothing but asking helps."""


@dataclass(frozen=True)
class ReplayedBackend:
    """What `Remembered` kept in `folder`, and nothing else: no server is asked, nothing is written."""

    folder: Path
    model_records: tuple[ModelRecord, ...]
    """The same build of a model behind servers of several versions, the latest first."""
    capacity: int = 1
    """One photo after the other, as they were asked about: what was found too long is found again."""

    @classmethod
    def of(cls, folder: Path, named: str) -> ReplayedBackend:
        """Of a model as it stood when it was last asked. Raises ModelError when it never was."""
        known = model_records(folder, named)
        if not known:
            raise ModelError(
                f"{folder} holds no answers of {named}",
                "run without --replay: the model has to be asked once",
            )
        return cls(folder, tuple(one for one in known[::-1] if one.digest == known[-1].digest))

    @property
    def standing(self) -> ModelRecord:
        return self.model_records[0]

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        for standing in self.model_records:
            question = question_of(standing, images, prompt, schema, options)
            path = path_of(self.folder, question)
            kept = kept_answer(path, question)
            if kept is not None:
                return kept
            if (refusal := _refusal(path, question)) is not None:
                raise refusal
        asked = f"{prompt.name} {prompt.version}, {prompt.view}"
        raise UnansweredError("final", f"{self.standing.named} was never asked this ({asked})")

    def close(self) -> None:
        """Nothing is open."""


def _refusal(path: Path, question: Mapping[str, Any]) -> RefusalError | None:
    """The refusal kept at `path`, if there is one."""
    try:
        entry = json.loads(path.read_bytes())
        told = entry["refusal"]
        if entry["question"] == question and told["kind"] in TELLING:
            return RefusalError(told["kind"], str(told["message"]))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        pass
    return None
