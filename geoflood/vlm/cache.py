"""What a model said once is not asked again: answers by everything that could change them.

Even greedy sampling is not quite repeatable on a GPU that batches, so this is also how a result is
reproduced. One JSON file an answer, readable by people: what was asked, and the raw reply.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from geoflood.files import write_whole
from geoflood.vlm.client import NUM_CTX, Answer, Asker, Options, Prompt, Standing

__all__ = ["Remembered"]

FORMAT = 1

_KINDS: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "float": (int, float), "bool": bool}


@dataclass(frozen=True)
class Remembered:
    """An asker whose answers are kept in `folder`, and looked up there first."""

    asker: Asker
    folder: Path

    @property
    def standing(self) -> Standing:
        return self.asker.standing

    @property
    def capacity(self) -> int:
        return self.asker.capacity

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: Options
    ) -> Answer:
        question = _question(self.standing, images, prompt, schema, options)
        key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
        path = self.folder / key[:2] / f"{key}.json"
        kept = _read(path, question)
        if kept is not None:
            return kept
        answer = self.asker.ask(images, prompt, schema, options)
        entry = {"format": FORMAT, "question": question, "answer": asdict(answer), "parsed": answer.parsed}
        write_whole(path, json.dumps(entry, indent=1))
        return answer

    def close(self) -> None:
        self.asker.close()


def _question(
    standing: Standing,
    images: Sequence[bytes],
    prompt: Prompt,
    schema: Mapping[str, Any],
    options: Options,
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


def _read(path: Path, question: Mapping[str, Any]) -> Answer | None:
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
