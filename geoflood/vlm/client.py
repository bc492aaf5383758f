"""One question to a vision-language model, whoever serves it: `ask(images, prompt, schema, options)`.

A `Door` is one model on one server. `pool.Pool` joins several, `cache.Remembered` remembers what they
said; all three answer `ask`, so that the rest of the room does not know which it talks to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from geoflood.core.errors import ModelError
from geoflood.vlm.parse_replies import Json, objects

__all__ = [
    "KEEP_ALIVE",
    "NUM_CTX",
    "Answer",
    "AskOptions",
    "Asker",
    "Backend",
    "Kind",
    "ModelRecord",
    "Prompt",
    "RefusalError",
]

NUM_CTX = 8192
"""Tokens: two images, the longest prompt and answer fit. One constant, for another would reload the model."""

KEEP_ALIVE = "15m"
"""How long the model stays in memory after an answer: a batch with pauses pays for loading once."""

Kind: TypeAlias = Literal[
    "busy", "unreachable", "dropped", "slow", "unfit", "unlucky", "unreadable", "too long", "final"
]


class RefusalError(ModelError):
    """Why a server gave no answer; `kind` says what may help.

    busy, dropped: the same again, later. unreachable, slow, unfit: another host. unlucky: another try
    at sampling. too long: a smaller image. unreadable: the model answered, but in no form that the
    server could hand on; a door makes an Answer of it. final: nothing but what the hint says.
    """

    def __init__(self, kind: Kind, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.kind: Kind = kind


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told. Name, version and view are for people; the text is what counts."""

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

    def again(self) -> AskOptions:
        """For a second try: near the best answer, but not it."""
        return AskOptions(self.num_predict, self.seed + 1, 0.2, 20)

    def for_ollama(self) -> dict[str, Any]:
        """Defaults too: `repeat_penalty` was 1.1 until v0.32.10, which bends repeated digits."""
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
    """What a model said, as it said it, without control characters."""

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

    def candidates(self) -> Iterator[Json]:
        """The JSON objects in it, the content's first."""
        yield from objects(self.content)
        yield from objects(self.thinking)

    @property
    def parsed(self) -> Json | None:
        """The first JSON object in it."""
        return next(self.candidates(), None)


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
    def named(self) -> str:
        return f"{self.provider}:{self.model}"


class Asker(Protocol):
    """Whatever answers. `ask` raises ModelError; a `RefusalError.kind` says what may help."""

    @property
    def standing(self) -> ModelRecord: ...

    @property
    def capacity(self) -> int:
        """Questions that it can work on at the same time."""

    def ask(
        self, images: Sequence[bytes], prompt: Prompt, schema: Mapping[str, Any], options: AskOptions
    ) -> Answer: ...

    def close(self) -> None: ...


class Backend(Asker, Protocol):
    """One model on one server."""

    host: str
    model: str

    def check(self) -> ModelRecord:
        """Look again whether the server is there and has the model. Raises ModelError."""
