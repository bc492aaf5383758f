"""What doctor finds out about a model."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import PIL.Image
import pytest

from geoflood.vlm.ollama_backend import OllamaBackend
from geoflood.vlm.openai_backend import OpenAIBackend
from geoflood.vlm.probe import RECOMMENDED_MODELS, ProbeResult, memory_gb, probe, recommended_model
from tests.support.far_side.ollama_server import FarModel, FarOllama
from tests.support.far_side.openai_server import FarOpenAI


@contextmanager
def probed(*models: FarModel, name: str = "tiny-vl") -> Iterator[ProbeResult]:
    with FarOllama(*models) as far:
        backend = OllamaBackend(far.host, name)
        try:
            yield probe(backend)
        finally:
            backend.close()


def looks(body: dict[str, Any]) -> Any:
    """A model that sees red."""
    keys = body["format"]["properties"].get("f_cells", {}).get("properties")
    if keys is None:
        return {"a": 1}
    data = base64.b64decode(body["messages"][0]["images"][0])
    pixels = np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    red = np.argwhere((pixels[:, :, 0] > 150) & (pixels[:, :, 1] < 80))
    y, x = np.median(red, axis=0)
    row, column = int((y - 157) / (694 / 4)), int((x - 42) / (924 / 4))
    return {"f_cells": {key: 9 * (key == f"{'ABCD'[row]}{column + 1}") for key in keys}}


def test_a_model_that_sees() -> None:
    with probed(FarModel(answer=looks)) as found:
        assert [check.what for check in found.checks] == [
            "model",
            "takes images",
            "sees the image",
            "finds a coloured block",
        ]
        assert all(check.ok for check in found.checks), found.checks
        assert found.sees
        assert found.checks[2].found == "1296 tokens an image"
        assert found.checks[3].found == "4 of 4 times"
        assert 0 < (found.warm_s or 0) < 30
        assert found.cold_s is not None


def test_a_model_that_claims_to_see_and_does_not() -> None:
    with probed() as found:
        assert not found.sees
        assert not found.checks[-1].ok
        assert "--attention none" in found.checks[-1].advice


def test_a_model_that_cannot_see() -> None:
    with probed(FarModel(capabilities=("completion",), projector=False)) as found:
        assert [check.ok for check in found.checks] == [True, False]
        assert "ollama pull" in found.checks[-1].advice


def test_a_server_that_drops_images_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FarOllama, "_image_tokens", lambda *_: 0)
    with probed() as found:
        assert found.checks[-1].what == "sees the image"
        assert found.checks[-1].found == "0 tokens an image"
        assert not found.sees


def test_no_model_and_no_server() -> None:
    with probed(name="nope:1b") as found:
        assert found.checks[0].advice == "ollama pull nope:1b"
        assert (found.sees, found.record, found.warm_s) == (False, None, None)


def test_a_model_that_breaks_on_the_way() -> None:
    with FarOllama() as far:
        far.moods.append("old_model")
        backend = OllamaBackend(far.host, "tiny-vl")
        found = probe(backend)
        backend.close()
    assert not found.sees
    assert "can no longer run" in found.checks[-1].found


def test_a_server_that_does_not_tell_is_tried_all_the_same() -> None:
    with FarOpenAI() as far:
        backend = OpenAIBackend(far.host, "tiny-text")
        found = probe(backend)
        backend.close()
    assert found.checks[1].found == "the server does not tell"


@pytest.mark.parametrize(
    ("memory", "name"),
    [(64, "qwen3-vl:8b-instruct"), (8, "gemma3:4b"), (4.5, "qwen3-vl:2b-instruct"), (2, None)],
)
def test_a_model_is_recommended_for_the_memory(memory: float, name: str | None) -> None:
    model = recommended_model(memory)
    assert (model and model.name) == name
    assert model is None or model.pull == f"ollama pull {name}"


def test_the_memory_of_this_machine_is_known() -> None:
    assert (memory_gb() or 0) > 0.5
    assert [m.needs_gb for m in RECOMMENDED_MODELS] == sorted(
        (m.needs_gb for m in RECOMMENDED_MODELS), reverse=True
    )
