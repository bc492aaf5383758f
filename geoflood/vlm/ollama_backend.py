"""A model on an Ollama server, through the `ollama` package.

Answers are streamed, although they are short: a token resets the read timeout, so that a slow machine is
told from a hanging one; an error after the first token is seen; and a server that never stops is left.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import httpx
import ollama

from geoflood.vlm.client import KEEP_ALIVE, Answer, AskOptions, ModelRecord, Prompt, RefusalError
from geoflood.vlm.parse_replies import MAX_CHARACTERS, plain, without_controls
from geoflood.vlm.privacy import vet_host, vet_model
from geoflood.vlm.server_errors import as_refusals, endless, explained, other_model, unreadable
from geoflood.vlm.transport import READ_S, address, client_settings

__all__ = ["OllamaBackend", "same_model"]

_START = "ollama serve"
_PROJECTED = {"clip", "mllama"}
"""Families of models with a separate image encoder, which old servers name instead of "vision"."""


class OllamaBackend:
    """One model on one Ollama server. Raises ModelError when that is elsewhere and not in `allowed`."""

    capacity = 1

    def __init__(self, host: str, model: str, allowed: Collection[str] = (), read_s: float = READ_S) -> None:
        self.url = address(host)
        vet_host(self.url, allowed)
        self.host = self.url.partition("://")[2]
        self.model = model
        self._allowed = allowed
        self._client = ollama.Client(self.url, **client_settings(self.url, read_s))
        self._lookup = httpx.Client(base_url=self.url, **client_settings(self.url, read_s=15.0))
        self._standing: ModelRecord | None = None
        self._lock = threading.Lock()

    @property
    def standing(self) -> ModelRecord:
        with self._lock:
            return self._standing or self.check()

    def check(self) -> ModelRecord:
        with as_refusals(self.model, self.host, _START):
            version = self._get("GET", "/api/version").get("version")
            listed = _listed(self._get("GET", "/api/tags").get("models"), self.model)
            shown = self._get("POST", "/api/show", {"model": self.model})
        standing = _standing(self.model, self.host, plain(version, 40), listed, shown)
        vet_model(standing, self._allowed)
        self._standing = standing
        return standing

    def _get(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """With httpx: the package's own models leave out remote_host, capabilities and projector_info."""
        reply = self._lookup.request(method, path, json=body)
        if reply.status_code != 200:
            raise explained(reply.status_code, reply.text, self.model, self.host)
        content = reply.json()
        if not isinstance(content, dict):
            raise TypeError("not an object")
        return content

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        think = False if self.standing.thinks else None
        begun = time.perf_counter()
        message = {"role": "user", "content": prompt.text, "images": list(images)}
        try:
            with as_refusals(self.model, self.host, _START):
                parts = self._client.chat(
                    model=self.model,
                    messages=[message],
                    format=dict(schema),
                    options=options.for_ollama(),
                    think=think,
                    keep_alive=KEEP_ALIVE,
                    stream=True,
                )
                return self._gathered(parts, begun)
        except RefusalError as error:
            return unreadable(error, self.host)

    def _gathered(self, parts: Iterable[ollama.ChatResponse], begun: float) -> Answer:
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
            done_reason=plain(last.done_reason, 20) if last.done else "",
            prompt_tokens=last.prompt_eval_count or 0,
            answer_tokens=last.eval_count or 0,
            load_s=(last.load_duration or 0) / 1e9,
            seconds=time.perf_counter() - begun,
            host=self.host,
        )

    def _check_part(self, part: ollama.ChatResponse, length: int) -> None:
        if part.model and not same_model(part.model, self.model):
            raise other_model(part.model, self.model, self.host)
        if length > MAX_CHARACTERS:
            raise endless(self.model, self.host)

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]
        self._lookup.close()


def same_model(one: str, other: str) -> bool:
    """Whether two names mean one model: without a tag, `:latest` is meant."""
    return one.lower().removesuffix(":latest") == other.lower().removesuffix(":latest")


def _listed(models: Any, model: str) -> Mapping[str, Any]:
    """The model's entry in the list of all: the only place that has a digest. Empty when it is not listed."""
    for entry in models if isinstance(models, list) else ():
        if isinstance(entry, dict) and same_model(str(entry.get("name", "")), model):
            return entry
    return {}


def _standing(
    model: str, host: str, version: str, listed: Mapping[str, Any], shown: Mapping[str, Any]
) -> ModelRecord:
    capabilities = shown.get("capabilities") or listed.get("capabilities") or []
    details = shown.get("details")
    families = (details.get("families") if isinstance(details, dict) else None) or []
    projected = bool(shown.get("projector_info")) or not _PROJECTED.isdisjoint(families)
    size = listed.get("size")
    return ModelRecord(
        provider="ollama",
        model=model,
        host=host,
        version=version,
        digest=plain(listed.get("digest"), 80),
        sees="vision" in capabilities or projected,
        thinks="thinking" in capabilities,
        size_bytes=size if isinstance(size, int) else 0,
        remote_host=plain(listed.get("remote_host") or shown.get("remote_host"), 80),
    )
