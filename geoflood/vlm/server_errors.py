"""Whatever a server or the network gives instead of an answer becomes a RefusalError with a hint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import httpx
import ollama

from geoflood.vlm.client import Answer, RefusalError, RefusalKind
from geoflood.vlm.parse_replies import one_line
from geoflood.vlm.transport import AnswerTooLargeError

__all__ = [
    "as_refusals",
    "endless_answer",
    "error_message",
    "refusal_for",
    "unreadable_answer",
    "wrong_model",
]

_Meaning: TypeAlias = tuple[RefusalKind, str, str]
"""What may help, what went wrong, the hint."""

_CANNOT_SEE: _Meaning = (
    "unfit",
    "{model} cannot see images",
    "choose one that sees: ollama pull qwen3-vl:8b-instruct",
)
_UNREADABLE: _Meaning = ("final", "{host} cannot read the image", "update the server")
_NO_SCHEMA: _Meaning = ("final", "{host} cannot hold {model} to the form of the answer", "update the server")
_TOO_LONG: _Meaning = (
    "too long",
    "the image does not fit the context of {model}",
    "give the server 8192 tokens",
)
_OTHER_MODEL = "choose another model with --model; geoflood doctor names one that fits"

_PHRASES: dict[str, _Meaning] = {
    "exceed_context_size": _TOO_LONG,
    "exceeds the available context": _TOO_LONG,
    "image input is not supported": _CANNOT_SEE,
    "missing data required for image input": _CANNOT_SEE,
    "does not support thinking": ("final", "{model} cannot think", "update the server"),
    "failed to load image": _UNREADABLE,
    "illegal base64": _UNREADABLE,
    "json schema error": _NO_SCHEMA,
    "invalid format": _NO_SCHEMA,
    "unknown model architecture": ("unfit", "{host} can no longer run {model}", _OTHER_MODEL),
    "requires more system memory": ("unfit", "{model} does not fit the memory of {host}", _OTHER_MODEL),
    "does not match the expected": (
        "unreadable",
        "{host} could not read {model}'s answer",
        _OTHER_MODEL,
    ),
    "llama-server process has terminated": ("unfit", "{host} cannot run {model}", _OTHER_MODEL),
}
"""Parts of what servers say, lower case (Ollama 0.33, llama.cpp b10488); the first that fits counts."""

_STATUS: dict[int, _Meaning] = {
    401: ("unfit", "{host} wants a key for {model}", "ollama signin, or use a model on this machine"),
    403: ("unfit", "{host} does not allow {model}", "use a model on this machine"),
    429: ("unfit", "{host} allows no more questions to {model} for now", "use a model on this machine"),
    404: ("unfit", "{host} is no model's server", "check the address"),
    499: ("dropped", "{host} gave up the question to {model}", "ask again"),
    503: ("busy", "{host} is busy", "ask again later, or add another with --ollama-host"),
}


_MALFORMED = (
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    RecursionError,
    httpx.HTTPError,
    httpx.InvalidURL,
)
"""What a body raises that is no JSON, or JSON of another shape, in the `ollama` package or here."""


def error_message(body: Any) -> str:
    """The message in an error's body, unwrapped: Ollama passes on its engine's errors as JSON inside JSON."""
    for _ in range(4):
        inner = _decode(body) if isinstance(body, str) else body
        if not isinstance(inner, dict):
            break
        body = inner.get("error", inner.get("message", "")) or ""
    return one_line(body if isinstance(body, str) else str(body), 200)


def _decode(text: str) -> Any:
    """The JSON in a text; None when there is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def refusal_for(status: int, body: Any, model: str, host: str) -> RefusalError:
    """The refusal that a status and a body mean; status -1 is an error inside a stream."""
    text = error_message(body)
    if status == 404 and text.startswith("model ") and "not found" in text:
        return RefusalError("unfit", f"{model} is not on {host}", f"ollama pull {model}")
    if 300 <= status < 400:
        return RefusalError(
            "unfit", f"{host} wants to send the photo elsewhere", "give the server's own address"
        )
    kind, message, hint = _meaning(status, str(body).lower())
    message = message.format(model=model, host=host)
    detail = text or ("" if status in _STATUS else str(status))
    return RefusalError(kind, f"{message}: {detail}" if detail else message, hint)


def _meaning(status: int, body: str) -> _Meaning:
    """By the words of the body, lower case, since most errors have no code; else by the status."""
    for phrase, meaning in _PHRASES.items():
        if phrase in body:
            return meaning
    if status in _STATUS:
        return _STATUS[status]
    kind: RefusalKind = "unlucky" if status >= 500 or status == -1 else "final"
    return kind, "{host} could not ask {model}", "look into the server's log"


def wrong_model(answered: str, model: str, host: str) -> RefusalError:
    """The server let another model answer."""
    message = f"{host} answered with {one_line(answered, 60)} instead of {model}"
    return RefusalError("unfit", message, "check the server")


def endless_answer(model: str, host: str) -> RefusalError:
    """The answer is far longer than anything that was asked for."""
    return RefusalError("unlucky", f"{model} on {host} does not stop writing", _OTHER_MODEL)


def unreadable_answer(error: RefusalError, host: str) -> Answer:
    """An empty answer in place of one that the server could not read; raises other errors.

    It is cached like others, for at temperature 0 the same question would end the same way.
    """
    if error.kind != "unreadable":
        raise error
    return Answer("", done_reason="unreadable", host=host)


@contextmanager
def as_refusals(model: str, host: str, start: str) -> Iterator[None]:
    """Turns whatever goes wrong on the way to a server into a RefusalError; `start` starts a server."""
    try:
        yield
    except ollama.ResponseError as error:
        raise refusal_for(error.status_code, error.error, model, host) from error
    except (ConnectionError, httpx.ConnectError) as error:
        raise RefusalError("unreachable", f"no server answers at {host}", f"start it: {start}") from error
    except httpx.ConnectTimeout as error:
        raise RefusalError(
            "unreachable", f"{host} does not answer", "check the address and the network"
        ) from error
    except httpx.TimeoutException as error:
        message = f"{host} fell silent while {model} was at work"
        raise RefusalError("slow", message, _OTHER_MODEL) from error
    except AnswerTooLargeError as error:
        raise RefusalError("unlucky", f"{model} on {host}: {error}", _OTHER_MODEL) from error
    except httpx.TransportError as error:
        message = f"{host} dropped the connection"
        raise RefusalError("dropped", message, "look into its log: it may be out of memory") from error
    except _MALFORMED as error:
        message = f"{host} sent something that is no answer"
        raise RefusalError("unlucky", message, "check that a model's server listens there") from error
