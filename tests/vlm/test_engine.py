"""The true image path: a real llama-server with a real, if ignorant, vision-language model.

Opt-in: GEOFLOOD_LLAMA_SERVER names the program. Random weights: this says that the wire, the image
encoder and the grammar work together, and nothing about the quality of answers.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from geoflood.vlm.answer_formats import ANSWER_FORMATS
from geoflood.vlm.attention import AttentionAsker
from geoflood.vlm.canvas import SIDES, VIEWS, photo_with_grid
from geoflood.vlm.client import Answer, AskOptions, Prompt, RefusalError
from geoflood.vlm.connect import connect
from geoflood.vlm.openai_backend import OpenAIBackend
from geoflood.vlm.probe import probe
from geoflood.vlm.verify import judge_pair

PROGRAM = os.environ.get("GEOFLOOD_LLAMA_SERVER", "")
CELLS = ANSWER_FORMATS["cells"]

pytestmark = [
    pytest.mark.vlm_engine,
    pytest.mark.skipif(not PROGRAM, reason="GEOFLOOD_LLAMA_SERVER names no llama-server"),
]


def photo(seed: int) -> np.ndarray:
    """Something with structure at every size."""
    random = np.random.default_rng(seed)
    return np.kron(random.integers(0, 255, (12, 16, 3)), np.ones((20, 20, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tiny_vlm = pytest.importorskip("tests.support.far_side.tiny_vlm", reason="pip install gguf")
    folder = tmp_path_factory.mktemp("tiny")
    model = tiny_vlm.write_tiny_vlm(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PROGRAM, "-m", str(model.text), "--mmproj", str(model.projector), "-c", "8192", "-np", "1"]
    log = folder / "log.txt"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", f"{port}", "-t", "2"], stdout=out, stderr=out
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail(f"llama-server did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def backend(server: str) -> Iterator[OpenAIBackend]:
    opened = OpenAIBackend(server, "tiny-text")
    yield opened
    opened.close()


def ask(backend: OpenAIBackend, image: np.ndarray, side: int = 672) -> Answer:
    """Without free text: random weights fill it with bytes that are no UTF-8, which `Retries` is for."""
    prompt = Prompt("cells", 1, CELLS.prompt(4, "Hamburg"))
    return backend.ask(
        [photo_with_grid(image, VIEWS[0], 4, side)], prompt, CELLS.schema(4, False), AskOptions(940)
    )


def test_the_image_is_encoded_and_the_schema_held(backend: OpenAIBackend) -> None:
    answers = [ask(backend, photo(seed)) for seed in (1, 1, 2)]
    for answer in answers:
        assert answer.prompt_tokens > 576, "24 x 24 tokens for 672 px, and the text"
    assert answers[0].content == answers[1].content, "greedy sampling repeats itself"
    assert answers[0].content != answers[2].content, "other pixels, another answer"
    said = [CELLS.parse(answer.parsed or {}, 4) for answer in answers if answer.done_reason == "stop"]
    assert all(one.weights.shape == (4, 4) for one in said)


def test_a_whole_reading(server: str, tmp_path: Path) -> None:
    asker = connect("tiny-text", [server], openai=True, cache=tmp_path)
    reading = AttentionAsker(asker, cells=3, consistency=2).read(photo(3))
    assert reading.attention.provider == "openai:tiny-text"
    assert reading.replies
    assert not reading.attention.uniform or reading.notes, "a map, or why there is none"
    again = AttentionAsker(asker, cells=3, consistency=2).read(photo(3))
    assert again.cached
    assert np.array_equal(again.attention.weights, reading.attention.weights)
    asker.close()


@pytest.mark.parametrize("answer_format", ["points", "grid"])
def test_the_other_formats_are_accepted(backend: OpenAIBackend, answer_format: str) -> None:
    reading = AttentionAsker(backend, answer_format=answer_format, prior=False).read(photo(4))
    assert reading.replies[-1].fault == "" or reading.notes, "a map, or why there is none"


def test_two_images_at_once(backend: OpenAIBackend) -> None:
    judgement = judge_pair(backend, photo(5), photo(6), "Hamburg", "Deichstraße")
    assert judgement.verdict in ("same", "different", "cannot_say")
    assert len(judgement.replies) >= 2


def test_what_does_not_fit_is_refused_as_too_long(backend: OpenAIBackend) -> None:
    shown = photo_with_grid(photo(7), VIEWS[0], 4, SIDES[0])
    with pytest.raises(RefusalError) as caught:
        backend.ask([shown] * 8, Prompt("cells", 1, "Rate."), CELLS.schema(4, True), AskOptions(60))
    assert caught.value.kind == "too long"


def test_random_weights_fail_the_probe(backend: OpenAIBackend) -> None:
    found = probe(backend)
    assert [check.ok for check in found.checks[:3]] == [True, True, True], found.checks
    assert not found.sees
