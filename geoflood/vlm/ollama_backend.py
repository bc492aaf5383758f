"""A model on an Ollama server, through the `ollama` package.

Answers are streamed, although they are short. Each token resets the read timeout, so that a slow machine is
not taken for a hanging one. An error after the first token is noticed, and a server that never stops is left.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import httpx
import ollama

from geoflood.vlm.client import KEEP_ALIVE, Answer, AskOptions, ModelRecord, Prompt, RefusalError
from geoflood.vlm.parse_replies import MAX_CHARACTERS, one_line, without_controls
from geoflood.vlm.privacy import vet_host, vet_model
from geoflood.vlm.server_errors import (
    as_refusals,
    endless_answer,
    refusal_for,
    unreadable_answer,
    wrong_model,
)
from geoflood.vlm.transport import READ_S, client_settings, server_url

__all__ = ["OllamaBackend", "same_model"]

_START_COMMAND = "ollama serve"
_PROJECTOR_FAMILIES = {"clip", "mllama"}
"""Families of models with a separate image encoder, which old servers name instead of "vision"."""


class OllamaBackend:
    """One model on one Ollama server. Raises ModelError when that is elsewhere and not in `allowed`."""

    capacity = 1

    def __init__(self, host: str, model: str, allowed: Collection[str] = (), read_s: float = READ_S) -> None:
        self.url = server_url(host)
        vet_host(self.url, allowed)
        self.host = self.url.partition("://")[2]
        self.model = model
        self._allowed = allowed
        self._client = ollama.Client(self.url, **client_settings(self.url, read_s))
        self._lookup = httpx.Client(base_url=self.url, **client_settings(self.url, read_s=15.0))
        self._record: ModelRecord | None = None
        self._lock = threading.Lock()

    @property
    def record(self) -> ModelRecord:
        with self._lock:
            return self._record or self.check()

    def check(self) -> ModelRecord:
        with as_refusals(self.model, self.host, _START_COMMAND):
            version = self._get("GET", "/api/version").get("version")
            tag = _tag_of(self._get("GET", "/api/tags").get("models"), self.model)
            shown = self._get("POST", "/api/show", {"model": self.model})
        record = _model_record(self.model, self.host, one_line(version, 40), tag, shown)
        vet_model(record, self._allowed)
        self._record = record
        return record

    def _get(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """With httpx: the `ollama` package leaves out remote_host, capabilities and projector_info."""
        reply = self._lookup.request(method, path, json=body)
        if reply.status_code != 200:
            raise refusal_for(reply.status_code, reply.text, self.model, self.host)
        content = reply.json()
        if not isinstance(content, dict):
            raise TypeError("not an object")
        return content

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        think = False if self.record.thinks else None
        started = time.perf_counter()
        message = {"role": "user", "content": prompt.text, "images": list(images)}
        try:
            with as_refusals(self.model, self.host, _START_COMMAND):
                parts = self._client.chat(
                    model=self.model,
                    messages=[message],
                    format=dict(schema),
                    options=options.for_ollama(),
                    think=think,
                    keep_alive=KEEP_ALIVE,
                    stream=True,
                )
                return self._collect(parts, started)
        except RefusalError as error:
            return unreadable_answer(error, self.host)

    def _collect(self, parts: Iterable[ollama.ChatResponse], started: float) -> Answer:
        content, thinking, length = [], [], 0
        last = ollama.ChatResponse(message=ollama.Message(role="assistant"))
        for last in parts:
            content.append(last.message.content or "")
            thinking.append(last.message.thinking or "")
            length += len(content[-1]) + len(thinking[-1])
            self._check_part(last, length)
        return Answer(
            content=without_controls("".join(content)),
            thinking=without_controls("".join(thinking)),
            done_reason=one_line(last.done_reason, 20) if last.done else "",
            prompt_tokens=last.prompt_eval_count or 0,
            answer_tokens=last.eval_count or 0,
            load_s=(last.load_duration or 0) / 1e9,
            seconds=time.perf_counter() - started,
            host=self.host,
        )

    def _check_part(self, part: ollama.ChatResponse, length: int) -> None:
        if part.model and not same_model(part.model, self.model):
            raise wrong_model(part.model, self.model, self.host)
        if length > MAX_CHARACTERS:
            raise endless_answer(self.model, self.host)

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]
        self._lookup.close()


def same_model(name: str, other: str) -> bool:
    """Whether two names mean one model: without a tag, `:latest` is meant."""
    return name.lower().removesuffix(":latest") == other.lower().removesuffix(":latest")


def _tag_of(models: Any, model: str) -> Mapping[str, Any]:
    """The model's entry in the list of all: the only place that has a digest. Empty when it is not tag."""
    for entry in models if isinstance(models, list) else ():
        if isinstance(entry, dict) and same_model(str(entry.get("name", "")), model):
            return entry
    return {}


def _model_record(
    model: str, host: str, version: str, tag: Mapping[str, Any], shown: Mapping[str, Any]
) -> ModelRecord:
    capabilities = shown.get("capabilities") or tag.get("capabilities") or []
    details = shown.get("details")
    families = (details.get("families") if isinstance(details, dict) else None) or []
    has_projector = bool(shown.get("projector_info")) or not _PROJECTOR_FAMILIES.isdisjoint(families)
    size = tag.get("size")
    return ModelRecord(
        provider="ollama",
        model=model,
        host=host,
        version=version,
        digest=one_line(tag.get("digest"), 80),
        sees="vision" in capabilities or has_projector,
        thinks="thinking" in capabilities,
        size_bytes=size if isinstance(size, int) else 0,
        remote_host=one_line(tag.get("remote_host") or shown.get("remote_host"), 80),
    )
