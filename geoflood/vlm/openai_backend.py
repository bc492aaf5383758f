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
from geoflood.vlm.parse_replies import MAX_CHARACTERS, Json, plain, without_controls
from geoflood.vlm.privacy import vet_host
from geoflood.vlm.server_errors import as_refusals, endless, explained, other_model, unreadable
from geoflood.vlm.transport import READ_S, address, client_settings

__all__ = ["OpenAIBackend"]

_START = "llama-server -m MODEL.gguf --mmproj PROJECTOR.gguf -c 8192"


class OpenAIBackend:
    """One model on one OpenAI-compatible server; `key` is what it was started with, if with any.

    Raises ModelError when the server is elsewhere and not in `allowed`.
    """

    capacity = 1

    def __init__(
        self, host: str, model: str, allowed: Collection[str] = (), key: str = "", read_s: float = READ_S
    ) -> None:
        self.url = address(host, port=8080).removesuffix("/v1")
        vet_host(self.url, allowed)
        self.host = self.url.partition("://")[2]
        self.model = model
        self._http = httpx.Client(base_url=self.url, **client_settings(self.url, read_s))
        if key:
            self._http.headers["Authorization"] = f"Bearer {key}"
        self._standing: ModelRecord | None = None
        self._lock = threading.Lock()

    @property
    def standing(self) -> ModelRecord:
        with self._lock:
            return self._standing or self.check()

    def check(self) -> ModelRecord:
        with as_refusals(self.model, self.host, _START):
            reply = self._http.get("/v1/models", timeout=15.0)
            if reply.status_code != 200:
                raise explained(reply.status_code, reply.text, self.model, self.host)
            served = {str(entry["id"]): entry for entry in reply.json()["data"]}
        names = [name for name in served if _same(name, self.model)]
        if not names:
            offered = ", ".join(plain(name, 60) for name in list(served)[:5]) or "nothing"
            message = f"{self.model} is not on {self.host}"
            raise RefusalError("unfit", message, f"it offers {offered}: choose with --model")
        entry = served[names[0]]
        digest = json.dumps(entry.get("meta") or entry.get("root") or "", sort_keys=True)[:400]
        version = plain(reply.headers.get("server"), 40)
        self._standing = ModelRecord("openai", self.model, self.host, version, digest)
        return self._standing

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        begun = time.perf_counter()
        body = _body(self.model, images, prompt, schema, options)
        try:
            with (
                as_refusals(self.model, self.host, _START),
                self._http.stream("POST", "/v1/chat/completions", json=body) as reply,
            ):
                if reply.status_code != 200:
                    reply.read()
                    raise explained(reply.status_code, reply.text, self.model, self.host)
                return self._gathered(_chunks(reply.iter_lines()), begun)
        except RefusalError as error:
            return unreadable(error, self.host)

    def _gathered(self, chunks: Iterator[Json], begun: float) -> Answer:
        content, thinking, length = [], [], 0
        reason = ""
        usage: Json = {}
        for chunk in chunks:
            self._check(chunk)
            usage = chunk.get("usage") or usage
            for choice in chunk.get("choices") or ():
                delta = choice.get("delta") or {}
                content.append(delta.get("content") or "")
                thinking.append(delta.get("reasoning_content") or delta.get("reasoning") or "")
                reason = choice.get("finish_reason") or reason
                length += len(content[-1]) + len(thinking[-1])
            if length > MAX_CHARACTERS:
                raise endless(self.model, self.host)
        return Answer(
            content=without_controls("".join(content)),
            thinking=without_controls("".join(thinking)),
            done_reason=plain(reason, 20),
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            answer_tokens=int(usage.get("completion_tokens") or 0),
            seconds=time.perf_counter() - begun,
            host=self.host,
        )

    def _check(self, chunk: Json) -> None:
        if chunk.get("error"):
            raise explained(-1, chunk, self.model, self.host)
        named = chunk.get("model")
        if named and not _same(str(named), self.model):
            raise other_model(str(named), self.model, self.host)

    def close(self) -> None:
        self._http.close()


def _same(one: str, other: str) -> bool:
    """Whether two names mean one model: servers give a path, a file or an alias for it."""

    def bare(name: str) -> str:
        return PurePath(name.lower()).name.removesuffix(".gguf")

    return bare(one) == bare(other)


def _body(
    model: str, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
) -> Json:
    """The request. Images stand before the text, so that the server can keep what it read of them."""
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
        elif field == "error":  # llama-server's way of failing in mid-stream
            yield {"error": value}
