"""One question to a vision-language model, whoever serves it: `ask(images, prompt, schema, options)`.

A `Backend` is one model on one server. `pool.Pool` joins several of them, `cache.AnswerCache` keeps their
answers. All three are an `Asker`, so the rest of the room does not know which one it talks to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from geoflood.core.errors import ModelError
from geoflood.vlm.parse_replies import Json, json_objects

__all__ = [
    "KEEP_ALIVE",
    "NUM_CTX",
    "Answer",
    "AskOptions",
    "Asker",
    "Backend",
    "ModelRecord",
    "Prompt",
    "RawReply",
    "RefusalError",
    "RefusalKind",
]

NUM_CTX = 8192
"""Tokens: two images, the longest prompt and answer fit. Always the same: another would reload the model."""

KEEP_ALIVE = "15m"
"""How long the model stays in memory after an answer: a batch with pauses pays for loading once."""

RefusalKind: TypeAlias = Literal[
    "busy",
    "unreachable",
    "dropped",
    "slow",
    "unfit",
    "unlucky",
    "unreadable",
    "too long",
    "unanswered",
    "final",
]


class RefusalError(ModelError):
    """Why there is no answer; `kind` says what may help.

    - busy, dropped: the same question again, later
    - unreachable, slow, unfit: another host
    - unlucky: another try at sampling
    - too long: a smaller image
    - unreadable: nothing. The model answered, but the server could not read it; backends make an Answer of it
    - unanswered: a run without `--replay`. The question was put in no earlier run
    - final: only what the hint says
    """

    def __init__(self, kind: RefusalKind, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.kind: RefusalKind = kind


@dataclass(frozen=True, slots=True)
class Prompt:
    """The text of a question. Name, version and view are for people who read the cache."""

    name: str
    version: int
    text: str
    view: str = "base"


@dataclass(frozen=True, slots=True)
class AskOptions:
    """How an answer is sampled: greedily, so that the same question gets the same answer."""

    num_predict: int
    """Tokens at most; JSON may hold white space between any two tokens, so leave room."""
    seed: int = 7
    temperature: float = 0.0
    top_k: int = 1

    def resampled(self) -> AskOptions:
        """For a second try: near the best answer, but not it."""
        return AskOptions(self.num_predict, self.seed + 1, 0.2, 20)

    def for_ollama(self) -> dict[str, Any]:
        """Ollama's names. `repeat_penalty` was 1.1 by default until v0.32.10, which bends repeated digits."""
        return {
            "num_ctx": NUM_CTX,
            "num_predict": self.num_predict,
            "repeat_penalty": 1.0,
            "seed": self.seed,
            "temperature": self.temperature,
            "top_k": self.top_k,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote, verbatim but for control characters."""

    content: str
    thinking: str = ""
    """Thinking models may put the whole answer here (qwen3-vl-thinking with `think: false`)."""
    done_reason: str = ""
    """stop, length, unreadable (the server's word), or "" when the reply broke off."""
    prompt_tokens: int = 0
    """With those of the images, where the server counts them."""
    answer_tokens: int = 0
    load_s: float = 0.0
    seconds: float = 0.0
    host: str = ""
    cached: bool = False

    def json_objects(self) -> Iterator[Json]:
        """The JSON objects in it, the content's first."""
        yield from json_objects(self.content)
        yield from json_objects(self.thinking)

    @property
    def parsed(self) -> Json | None:
        """The first JSON object in it."""
        return next(self.json_objects(), None)


@dataclass(frozen=True, slots=True)
class RawReply:
    """What a model wrote, for people to read, and whether it was used."""

    view: str
    """Which way of showing the photo was asked about."""
    content: str
    thinking: str = ""
    fault: str = ""
    """Why it was not used; "" when it was."""
    cached: bool = False


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What a server says of a model before it is asked anything."""

    provider: str
    """ollama or openai."""
    model: str
    host: str
    version: str = ""
    digest: str = ""
    """sha256 of the model's manifest; "" where the server does not tell."""
    sees: bool | None = None
    """Takes images; None where the server does not tell."""
    thinks: bool = False
    size_bytes: int = 0
    remote_host: str = ""
    """Where the server itself would send the photo; "" when nowhere."""

    @property
    def full_name(self) -> str:
        """provider:model."""
        return f"{self.provider}:{self.model}"


class Asker(Protocol):
    """Whatever answers questions."""

    @property
    def record(self) -> ModelRecord:
        """Of the model that answers. Raises ModelError when it cannot be asked."""

    @property
    def capacity(self) -> int:
        """Questions that it can work on at the same time."""

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer:
        """The answer to a prompt about JPEG images, held to a JSON schema.

        Raises ModelError; the `kind` of a RefusalError says what may help.
        """

    def close(self) -> None:
        """Give connections back."""


class Backend(Asker, Protocol):
    """One model on one server."""

    host: str
    model: str

    def check(self) -> ModelRecord:
        """Look again whether the server is there and has the model. Raises ModelError."""
