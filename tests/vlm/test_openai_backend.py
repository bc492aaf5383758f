"""The other backend: any server with OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from geoflood.core.errors import ModelError
from geoflood.vlm.answer_formats import ANSWER_FORMATS
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.canvas import VIEWS, photo_with_grid
from geoflood.vlm.client import Answer, AskOptions, Prompt, RefusalError
from geoflood.vlm.connect import connect
from geoflood.vlm.openai_backend import OpenAIBackend
from tests.support.far_side.openai_server import FarOpenAI

PHOTO = np.random.default_rng(3).integers(0, 255, (90, 160, 3), np.uint8)
CELLS = ANSWER_FORMATS["cells"]


@contextmanager
def backend(far: FarOpenAI, model: str = "tiny-text", key: str = "") -> Iterator[OpenAIBackend]:
    opened = OpenAIBackend(f"http://{far.host}/v1", model, key=key)
    try:
        yield opened
    finally:
        opened.close()


def ask(opened: OpenAIBackend) -> Answer:
    prompt = Prompt("cells", 1, CELLS.prompt(4, "Hamburg"))
    return opened.ask(
        [photo_with_grid(PHOTO, VIEWS[0], 4, 672)], prompt, CELLS.schema(4, True), AskOptions(940)
    )


@pytest.mark.parametrize("mood", ["decent", "reasoning"])
def test_an_answer_is_read_wherever_it_stands(mood: str) -> None:
    with FarOpenAI() as far, backend(far, key="secret") as opened:
        far.moods.append(mood)
        answer = ask(opened)
        assert CELLS.parse(answer.parsed or {}, 4).weights.shape == (4, 4)
        assert (answer.done_reason, answer.prompt_tokens) == ("stop", 1322)
        assert opened.check().full_name == "openai:tiny-text"
        assert opened.check().digest == '{"n_params": 83776}'


@pytest.mark.parametrize(
    ("mood", "kind", "said"),
    [
        ("loading", "busy", "Loading model"),
        ("blind", "unfit", "cannot see images"),
        ("too_long", "too long", "does not fit"),
        ("error chunk", "unlucky", "slot unavailable"),
        ("error event", "unlucky", "slot unavailable"),
        ("wrong model", "unfit", "answered with gpt-9 instead of tiny-text"),
    ],
)
def test_errors_are_explained(mood: str, kind: str, said: str) -> None:
    with FarOpenAI() as far, backend(far) as opened:
        far.moods.append(mood)
        with pytest.raises(RefusalError, match=said) as caught:
            ask(opened)
    assert caught.value.kind == kind


def test_an_answer_that_the_server_cannot_read_is_an_answer() -> None:
    with FarOpenAI() as far, backend(far) as opened:
        far.moods.append("unparsed")
        assert ask(opened).done_reason == "unreadable"


def test_a_model_that_is_not_served() -> None:
    with (
        FarOpenAI() as far,
        backend(far, "other") as opened,
        pytest.raises(ModelError, match="other is not on") as caught,
    ):
        opened.check()
    assert "it offers tiny-text.gguf" in caught.value.hint


def test_nobody_there_and_elsewhere() -> None:
    with FarOpenAI() as far:
        pass
    with backend(far) as opened, pytest.raises(ModelError, match="no server answers") as caught:
        ask(opened)
    assert "llama-server" in caught.value.hint
    with pytest.raises(ModelError, match="not this machine"):
        OpenAIBackend("https://api.openai.com/v1", "gpt-9")


def test_an_attention_map_through_this_backend() -> None:
    with FarOpenAI() as far:
        asker = connect("tiny-text", [far.host], openai=True)
        reading = AttentionAsker(asker, consistency=2).read(PHOTO)
        asker.close()
    assert reading.attention.provider == "openai:tiny-text"
