"""A model behind any server that speaks OpenAI's chat completions: llama-server, vLLM, LM Studio.

Only what those three share is used: streamed chunks, images as data URLs, `json_schema` answers. The
server's own context length holds; a request cannot set it.
"""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import httpx

from geoflood.vlm.client import Answer, AskOptions, ModelRecord, Prompt, RefusalError
from geoflood.vlm.parse_replies import MAX_CHARACTERS, Json, one_line, without_controls
from geoflood.vlm.privacy import vet_host
from geoflood.vlm.server_errors import (
    as_refusals,
    endless_answer,
    refusal_for,
    unreadable_answer,
    wrong_model,
)
from geoflood.vlm.transport import READ_S, client_settings, server_url

__all__ = ["OpenAIBackend"]

_START_COMMAND = "llama-server -m MODEL.gguf --mmproj PROJECTOR.gguf -c 8192"


class OpenAIBackend:
    """One model on one OpenAI-compatible server; `key` is what the server was started with, if with any.

    Raises ModelError when the server is elsewhere and not in `allowed`.
    """

    capacity = 1

    def __init__(
        self, host: str, model: str, allowed: Collection[str] = (), key: str = "", read_s: float = READ_S
    ) -> None:
        self.url = server_url(host, port=8080).removesuffix("/v1")
        vet_host(self.url, allowed)
        self.host = self.url.partition("://")[2]
        self.model = model
        self._http = httpx.Client(base_url=self.url, **client_settings(self.url, read_s))
        if key:
            self._http.headers["Authorization"] = f"Bearer {key}"
        self._record: ModelRecord | None = None
        self._lock = threading.Lock()

    @property
    def record(self) -> ModelRecord:
        with self._lock:
            return self._record or self.check()

    def check(self) -> ModelRecord:
        with as_refusals(self.model, self.host, _START_COMMAND):
            reply = self._http.get("/v1/models", timeout=15.0)
            if reply.status_code != 200:
                raise refusal_for(reply.status_code, reply.text, self.model, self.host)
            served = {str(entry["id"]): entry for entry in reply.json()["data"]}
        names = [name for name in served if _same_model(name, self.model)]
        if not names:
            offered = ", ".join(one_line(name, 60) for name in list(served)[:5]) or "nothing"
            message = f"{self.model} is not on {self.host}"
            raise RefusalError("unfit", message, f"it offers {offered}: choose with --model")
        entry = served[names[0]]
        digest = json.dumps(entry.get("meta") or entry.get("root") or "", sort_keys=True)[:400]
        version = one_line(reply.headers.get("server"), 40)
        self._record = ModelRecord("openai", self.model, self.host, version, digest)
        return self._record

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        started = time.perf_counter()
        body = _request_body(self.model, images, prompt, schema, options)
        try:
            with (
                as_refusals(self.model, self.host, _START_COMMAND),
                self._http.stream("POST", "/v1/chat/completions", json=body) as reply,
            ):
                if reply.status_code != 200:
                    reply.read()
                    raise refusal_for(reply.status_code, reply.text, self.model, self.host)
                return self._collect(_chunks(reply.iter_lines()), started)
        except RefusalError as error:
            return unreadable_answer(error, self.host)

    def _collect(self, chunks: Iterator[Json], started: float) -> Answer:
        content, thinking, length = [], [], 0
        reason = ""
        usage: Json = {}
        for chunk in chunks:
            self._check_chunk(chunk)
            usage = chunk.get("usage") or usage
            for choice in chunk.get("choices") or ():
                delta = choice.get("delta") or {}
                content.append(delta.get("content") or "")
                thinking.append(delta.get("reasoning_content") or delta.get("reasoning") or "")
                reason = choice.get("finish_reason") or reason
                length += len(content[-1]) + len(thinking[-1])
            if length > MAX_CHARACTERS:
                raise endless_answer(self.model, self.host)
        return Answer(
            content=without_controls("".join(content)),
            thinking=without_controls("".join(thinking)),
            done_reason=one_line(reason, 20),
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            answer_tokens=int(usage.get("completion_tokens") or 0),
            seconds=time.perf_counter() - started,
            host=self.host,
        )

    def _check_chunk(self, chunk: Json) -> None:
        if chunk.get("error"):
            raise refusal_for(-1, chunk, self.model, self.host)
        name = chunk.get("model")
        if name and not _same_model(str(name), self.model):
            raise wrong_model(str(name), self.model, self.host)

    def close(self) -> None:
        self._http.close()


def _same_model(name: str, other: str) -> bool:
    """Whether two names mean one model: servers give a path, a file or an alias for it."""

    def stem(path: str) -> str:
        return PurePath(path.lower()).name.removesuffix(".gguf")

    return stem(name) == stem(other)


def _request_body(
    model: str, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
) -> Json:
    """The request. Images stand before the text, so that the server can reuse what it computed of them."""
    parts: list[Json] = [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in images]
    parts.append({"type": "text", "text": prompt.text})
    return {
        "model": model,
        "messages": [{"role": "user", "content": parts}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": prompt.name, "strict": True, "schema": dict(schema)},
        },
        "max_tokens": options.num_predict,
        "temperature": options.temperature,
        "top_k": options.top_k,
        "seed": options.seed,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _data_url(image: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(image).decode()}"


def _chunks(lines: Iterator[str]) -> Iterator[Json]:
    """The chunks of a stream of server-sent events."""
    for line in lines:
        field, _, value = line.partition(":")
        if field == "data" and value.strip() != "[DONE]":
            chunk = json.loads(value)
            if not isinstance(chunk, dict):
                raise TypeError("not a chunk")
            yield chunk
        elif field == "error":  # how llama-server fails in the middle of a stream
            yield {"error": value}
