"""llama-server's chat completions as they answer: streamed chunks, a model list, errors as objects."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from tests.support.far_side.contract import COMPLETION, Json, ramble
from tests.support.far_side.server import Answerer, FarServer, RefusedError, Wire


class FarOpenAI(FarServer):
    """One model under one name, as llama-server has it."""

    def __init__(self, model: str = "tiny-text.gguf", answer: Answerer | None = None) -> None:
        super().__init__()
        self.model, self.answer = model, answer

    def route(self, wire: Wire, method: str, path: str, body: Any) -> None:
        match method, path:
            case "GET", "/v1/models":
                wire.send({"object": "list", "data": [{"id": self.model, "meta": {"n_params": 83776}}]})
            case "POST", "/v1/chat/completions":
                with self.at_work():
                    self._complete(wire, body)
            case _:
                raise _refused(404, "File Not Found", "not_found_error")

    def _complete(self, wire: Wire, body: Json) -> None:
        for error in Draft202012Validator(COMPLETION).iter_errors(body):
            self.violations.append(f"{'/'.join(map(str, error.path))}: {error.message[:200]}")
        match self.moods.popleft() if self.moods else "decent":
            case "loading":
                raise _refused(503, "Loading model", "unavailable_error")
            case "blind":
                raise _refused(500, "image input is not supported - hint: provide the mmproj", "server_error")
            case "too_long":
                raise _refused(400, "request exceeds the available context size", "exceed_context_size_error")
            case "unparsed":  # after all of the text, as seen with llama.cpp 0c1e570
                said = "The model produced output that does not match the expected peg-native format"
                error = {"error": {"code": 500, "message": said, "type": "server_error"}}
                events = [*self._events(body, "decent")][:3]
                wire.stream([*events, f"data: {json.dumps(error)}", ""], "text/event-stream")
            case "error chunk":
                wire.stream(
                    ['data: {"error":{"code":500,"message":"slot unavailable"}}', ""], "text/event-stream"
                )
            case "error event":
                wire.stream(['error: {"code":500,"message":"slot unavailable"}', ""], "text/event-stream")
            case mood:
                wire.stream(self._events(body, mood), "text/event-stream")

    def _events(self, body: Json, mood: str) -> Iterator[str]:
        start = {
            "object": "chat.completion.chunk",
            "model": "gpt-9" if mood == "wrong model" else body["model"],
        }
        text = self._text(body)
        key = "reasoning_content" if mood == "reasoning" else "content"
        for i in range(0, len(text), 4):
            choice = {"index": 0, "delta": {key: text[i : i + 4]}, "finish_reason": None}
            yield f"data: {json.dumps(start | {'choices': [choice]})}\n"
        last = {"index": 0, "delta": {}, "finish_reason": "stop"}
        yield f"data: {json.dumps(start | {'choices': [last]})}\n"
        usage = {"prompt_tokens": 1322, "completion_tokens": len(text) // 4}
        yield f"data: {json.dumps(start | {'choices': [], 'usage': usage})}\n"
        yield "data: [DONE]\n"

    def _text(self, body: Json) -> str:
        if self.answer is not None:
            answer = self.answer(body)
            return answer if isinstance(answer, str) else json.dumps(answer)
        dice = random.Random(hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest())
        return json.dumps(ramble(body["response_format"]["json_schema"]["schema"], dice))


def _refused(status: int, message: str, kind: str) -> RefusedError:
    return RefusedError(status, {"error": {"code": status, "message": message, "type": kind}})
