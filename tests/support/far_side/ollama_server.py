"""Ollama 0.33 as it answers (recorded November 2026): both of its paths, its refusals, its bad days."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import PIL.Image
from jsonschema import Draft202012Validator

from tests.support.far_side.contract import CHAT, SHOW, Json, ramble, unknown_kind
from tests.support.far_side.server import Answerer, FarServer, RefusedError, Wire

NESTED = '{"error":{"code":%d,"message":"%s","type":"%s"}}'


@dataclass
class FarModel:
    """A model that the server has."""

    name: str = "tiny-vl"
    digest: str = "fd597b3a8dea48e99c756da8b378155ed932c36b2de53e29d5095b4d7a174a40"
    capabilities: tuple[str, ...] | None = ("completion", "vision")
    """None as before May 2025."""
    projector: bool = True
    native: bool = False
    """The GGUF's own template: keys come in alphabetical order."""
    in_thinking: bool = False
    """The whole answer comes in message.thinking (qwen3-vl-thinking)."""
    remote_host: str = ""
    answer: Answerer | None = None
    """What it writes: text, or a value; None: something random that fits the schema."""
    extra: Json = field(default_factory=dict)


class FarOllama(FarServer):
    """`moods` are used up one a chat request; when none is left it answers decently."""

    def __init__(self, *models: FarModel, version: str = "0.33.0") -> None:
        super().__init__()
        self.models = {model.name: model for model in models or (FarModel(),)}
        self.version = version

    def route(self, wire: Wire, method: str, path: str, body: Any) -> None:
        match method, path:
            case "GET", "/":
                wire.send("Ollama is running")
            case "GET", "/api/version":
                wire.send({"version": self.version})
            case "GET", "/api/tags":
                wire.send({"models": [self._tag(model) for model in self.models.values()]})
            case "POST", "/api/show":
                self._hold_to(SHOW, body)
                wire.send(self._show(self._model(body)))
            case "POST", "/api/chat":
                self._chat(wire, body)
            case _, "/api/chat" | "/api/show":
                wire.send("405 method not allowed", 405)
            case _:
                wire.send("404 page not found", 404)

    def _hold_to(self, schema: Json, body: Any) -> None:
        """Requests are held to the documentation; what the server would overlook, the test does not."""
        for error in Draft202012Validator(schema).iter_errors(body):
            self.violations.append(f"{'/'.join(map(str, error.path))}: {error.message[:200]}")

    def _tag(self, model: FarModel) -> Json:
        entry: Json = {"name": f"{model.name}:latest" if ":" not in model.name else model.name}
        entry |= {"model": entry["name"], "modified_at": "2026-11-20T08:49:07.345489317Z", "size": 682676}
        entry |= {"digest": model.digest, "details": {"format": "gguf", "families": ["qwen2vl"]}}
        if model.capabilities is not None:
            entry["capabilities"] = list(model.capabilities)
        if model.remote_host:
            entry |= {"remote_host": model.remote_host, "remote_model": model.name}
        return entry

    def _show(self, model: FarModel) -> Json:
        shown: Json = {
            "details": {"families": ["qwen2vl"]},
            "model_info": {"general.architecture": "qwen2vl"},
        }
        if model.projector:
            shown["projector_info"] = {"clip.has_vision_encoder": True}
        if model.capabilities is not None:
            shown["capabilities"] = list(model.capabilities)
        return shown

    def _model(self, body: Json) -> FarModel:
        name = body.get("model") or ""
        if not name:
            raise RefusedError(400, {"error": "model is required"})
        model = self.models.get(name) or self.models.get(name.removesuffix(":latest"))
        if model is None:
            raise RefusedError(404, {"error": f"model '{name}' not found"})
        return model

    def _chat(self, wire: Wire, body: Any) -> None:
        if body is None:
            raise RefusedError(400, {"error": "missing request body"})
        if not isinstance(body, dict):
            raise RefusedError(
                400, {"error": "invalid character 'n' looking for beginning of object key string"}
            )
        self._hold_to(CHAT, body)
        model = self._model(body)
        with self.at_work():
            mood = self.moods.popleft() if self.moods else "decent"
            if getattr(self, f"_{mood}", None):
                getattr(self, f"_{mood}")(wire, body)
                return
            prompt_tokens = self._admit(model, body)
            wire.stream(self._lines(model, body, prompt_tokens, mood), broken=mood == "drop midway")

    def _admit(self, model: FarModel, body: Json) -> int:
        """Tokens of the prompt. Raises RefusedError for what the real server refuses."""
        if body.get("think") and "thinking" not in (model.capabilities or ()):
            raise RefusedError(400, {"error": f'"{model.name}" does not support thinking'})
        if not isinstance(body["options"].get("temperature", 0), int | float):
            raise RefusedError(500, {"error": 'option "temperature" must be of type float32'})
        form = body.get("format")
        if form is not None and form != "json" and not isinstance(form, dict):
            raise RefusedError(500, {"error": f"invalid format: {json.dumps(form)}"})
        if isinstance(form, dict) and (bad := unknown_kind(form)):
            raise RefusedError(
                400, {"error": NESTED % (400, f"JSON schema error at {bad}", "invalid_request_error")}
            )
        images = body["messages"][0].get("images") or []
        tokens = len(body["messages"][0]["content"]) // 4 + sum(self._image_tokens(model, i) for i in images)
        if tokens > body["options"].get("num_ctx", 4096):
            said = f"request ({tokens} tokens) exceeds the available context size"
            raise RefusedError(400, {"error": NESTED % (400, said, "exceed_context_size_error")})
        return tokens

    def _image_tokens(self, model: FarModel, image: str) -> int:
        try:
            data = base64.b64decode(image, validate=True)
        except binascii.Error:
            said = (
                "json: cannot unmarshal string into Alias.images.0 of type api.ImageData: illegal base64 data"
            )
            raise RefusedError(400, {"error": f"{said} at input byte 0"}) from None
        if "vision" not in (model.capabilities or ("vision",)):
            said = "image input is not supported - hint: you may need to provide the mmproj"
            raise RefusedError(500, {"error": NESTED % (500, said, "server_error")})
        try:
            width, height = PIL.Image.open(io.BytesIO(data)).size
        except PIL.UnidentifiedImageError:
            said = "Failed to load image or audio file"
            raise RefusedError(400, {"error": NESTED % (400, said, "invalid_request_error")}) from None
        return round(width / 28) * round(height / 28)

    def _lines(self, model: FarModel, body: Json, prompt_tokens: int, mood: str) -> Iterator[str]:
        text = self._text(model, body)
        key = "thinking" if model.in_thinking else "content"
        start: Json = {"model": body["model"], "created_at": "2026-11-20T08:49:34.830018502Z"}
        if mood == "wrong model":
            start["model"] = "somebody-else:7b"
        pieces = [text[i : i + 3] for i in range(0, len(text), 3)]
        if mood in {"cut", "drop midway", "error line", "no end"}:
            pieces = pieces[: len(pieces) // 2]
        for piece in pieces:
            message = {"role": "assistant", "content": ""} | {key: piece}
            yield json.dumps(start | {"message": message, "done": False})
        if mood in {"drop midway", "no end"}:
            return
        if mood == "error line":
            yield json.dumps({"error": "an error was encountered while running the model: CUDA error"})
            return
        last = {"done_reason": "length" if mood == "cut" else "stop", "total_duration": 733763958}
        last |= {
            "load_duration": 3526803,
            "prompt_eval_count": prompt_tokens,
            "prompt_eval_duration": 488873000,
        }
        last |= {"eval_count": len(pieces), "eval_duration": 216055000}
        yield json.dumps(start | {"message": {"role": "assistant", "content": ""}, "done": True} | last)

    def _text(self, model: FarModel, body: Json) -> str:
        if model.answer is not None:
            answer = model.answer(body)
            return answer if isinstance(answer, str) else json.dumps(answer)
        told = json.dumps([body["messages"], body["format"], body["options"]], sort_keys=True)
        answer = ramble(body["format"], random.Random(hashlib.sha256(told.encode()).digest()))
        return json.dumps(answer, sort_keys=model.native, indent=1 if model.native else None)

    # Moods that answer in their own way.

    def _busy(self, wire: Wire, _: Json) -> None:
        wire.send({"error": "server busy, please try again.  maximum pending requests exceeded"}, 503)

    def _drop(self, wire: Wire, _: Json) -> None:
        wire.drop()

    def _hang(self, wire: Wire, _: Json) -> None:
        time.sleep(1.0)
        wire.drop()

    def _unparsed(self, wire: Wire, _: Json) -> None:
        said = "The model produced output that does not match the expected peg-native format"
        wire.send({"error": f"llama-server chat error: map[code:500 message:{said} type:server_error]"}, 500)

    def _old_model(self, wire: Wire, _: Json) -> None:
        said = (
            "llama-server process has terminated: error loading model: unknown model architecture: 'mllama'"
        )
        wire.send({"error": said}, 500)

    def _too_long(self, wire: Wire, _: Json) -> None:
        said = "request (4041 tokens) exceeds the available context size (2048 tokens), try increasing it"
        wire.send({"error": NESTED % (400, said, "exceed_context_size_error")}, 400)

    def _signed_out(self, wire: Wire, _: Json) -> None:
        wire.send({"error": "unauthorized", "signin_url": "https://ollama.com/connect"}, 401)

    def _elsewhere(self, wire: Wire, _: Json) -> None:
        wire.send("", 307, Location="http://198.51.100.7/api/chat")

    def _html(self, wire: Wire, _: Json) -> None:
        wire.send("<html>It works!</html>")

    def _listing(self, wire: Wire, _: Json) -> None:
        wire.send([1, 2, 3])

    def _strange_error(self, wire: Wire, _: Json) -> None:
        wire.send([1], 500)

    def _packed(self, wire: Wire, _: Json) -> None:
        wire.send(b"\x1f\x8b" + b"0" * 50, Content_Encoding="gzip")

    def _flood(self, wire: Wire, body: Json) -> None:
        """Two megabytes of a model that does not stop."""
        message = {"role": "assistant", "content": "water " * 50}
        line = json.dumps({"model": body["model"], "message": message, "done": False})
        wire.stream(line for _ in range(7000))

    def _one_line(self, wire: Wire, body: Json) -> None:
        """Twenty megabytes without an end of line."""
        wire.stream(("x" * 100_000 for _ in range(200)), end="")
