"""The Ollama backend, through the real client over a real socket."""

from __future__ import annotations

import base64
import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import PIL.Image
import pytest

from geoflood.core.errors import ModelError, UsageError
from geoflood.vlm.answer_formats import ANSWER_FORMATS, object_schema
from geoflood.vlm.canvas import VIEWS, photo_with_grid
from geoflood.vlm.client import Answer, AskOptions, Prompt, RefusalError
from geoflood.vlm.connect import backends
from geoflood.vlm.ollama_backend import OllamaBackend
from geoflood.vlm.privacy import sent_to
from geoflood.vlm.transport import is_loopback, server_url
from tests.support.far_side.ollama_server import FarModel, FarOllama

PHOTO = np.random.default_rng(3).integers(0, 255, (90, 160, 3), np.uint8)
CELLS = ANSWER_FORMATS["cells"]


@contextmanager
def backend(far: FarOllama, model: str = "tiny-vl", **how: float) -> Iterator[OllamaBackend]:
    opened = OllamaBackend(far.host, model, **how)
    try:
        yield opened
    finally:
        opened.close()


def ask(opened: OllamaBackend, schema: dict[str, object] | None = None, image: bytes | None = None) -> Answer:
    shown = image or photo_with_grid(PHOTO, VIEWS[0], 4, 672)
    prompt = Prompt("cells", 1, CELLS.prompt(4, "Hamburg"))
    return opened.ask([shown], prompt, schema or CELLS.schema(4, True), AskOptions(940))


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("in_thinking", [False, True])
def test_an_answer_is_found_on_both_paths_and_in_both_fields(native: bool, in_thinking: bool) -> None:
    model = FarModel(native=native, in_thinking=in_thinking, capabilities=("vision", "thinking"))
    with FarOllama(model) as far, backend(far) as opened:
        answer = ask(opened)
        said = CELLS.parse(answer.parsed or {}, 4)
        assert list(answer.parsed or {}) == sorted(answer.parsed or {}), "alphabetical is the wanted order"
        assert said.weights.shape == (4, 4)
        assert (answer.done_reason, answer.host) == ("stop", far.host)
        assert answer.prompt_tokens > 576
        assert far.asked("/api/chat")[0]["think"] is False


def test_thinking_is_not_mentioned_to_models_that_cannot() -> None:
    with FarOllama() as far, backend(far) as opened:
        ask(opened)
        assert "think" not in far.asked("/api/chat")[0]


def test_photos_are_bare_base64_of_a_square_jpeg_without_metadata() -> None:
    with FarOllama() as far, backend(far) as opened:
        ask(opened)
        sent = base64.b64decode(far.asked("/api/chat")[0]["messages"][0]["images"][0], validate=True)
    picture = PIL.Image.open(io.BytesIO(sent))
    assert (picture.format, picture.size) == ("JPEG", (672, 672))
    assert not picture.getexif()
    assert b"Exif" not in sent


def test_what_the_server_says_of_a_model() -> None:
    old = FarModel("old:7b", capabilities=None)
    blind = FarModel("blind", capabilities=("completion",), projector=False)
    with FarOllama(FarModel(), old, blind) as far:
        with backend(far) as opened:
            record = opened.check()
            assert (record.full_name, record.version, record.sees) == ("ollama:tiny-vl", "0.33.0", True)
            assert record.digest.startswith("fd597b3a")
        with backend(far, "old:7b") as opened:
            assert opened.check().sees, "known by its projector"
        with backend(far, "blind") as opened:
            assert opened.check().sees is False


@pytest.mark.parametrize(
    ("mood", "kind", "said", "hint"),
    [
        ("busy", "busy", "is busy: server busy, please try again. maximum", "--ollama-host"),
        ("drop", "dropped", "dropped the connection", "log"),
        ("drop midway", "dropped", "dropped the connection", "log"),
        ("error line", "unlucky", "CUDA error", "log"),
        ("old_model", "unfit", "can no longer run tiny-vl", "geoflood doctor"),
        ("too_long", "too long", "does not fit the context of tiny-vl: request (4041 tokens)", "8192"),
        ("signed_out", "unfit", "wants a key for tiny-vl: unauthorized", "ollama signin"),
        ("elsewhere", "unfit", "wants to send the photo elsewhere", "address"),
        ("html", "unlucky", "sent something that is no answer", "server"),
        ("listing", "unlucky", "sent something that is no answer", "server"),
        ("strange_error", "unlucky", "sent something that is no answer", "server"),
        ("packed", "unlucky", "compressed", "--model"),
        ("flood", "unlucky", "does not stop writing", "--model"),
        ("one_line", "unlucky", "too long", "--model"),
        ("wrong model", "unfit", "answered with somebody-else:7b instead of tiny-vl", "server"),
    ],
)
def test_everything_that_goes_wrong_is_one_line_with_what_helps(
    mood: str, kind: str, said: str, hint: str
) -> None:
    with FarOllama() as far, backend(far) as opened:
        far.moods.append(mood)
        with pytest.raises(RefusalError) as caught:
            ask(opened)
    assert caught.value.kind == kind
    assert said in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.exit_code == 8
    assert "\n" not in str(caught.value)


def test_a_reply_without_an_end_is_seen_to_have_none() -> None:
    with FarOllama() as far, backend(far) as opened:
        far.moods.extend(["no end", "cut"])
        assert ask(opened).done_reason == ""
        assert ask(opened).done_reason == "length"


def test_an_answer_that_the_server_cannot_read_is_an_answer() -> None:
    with FarOllama() as far, backend(far) as opened:
        far.moods.append("unparsed")
        assert ask(opened).done_reason == "unreadable"


def test_a_server_that_hangs_is_left() -> None:
    with FarOllama() as far, backend(far, read_s=0.2) as opened:
        far.moods.append("hang")
        with pytest.raises(RefusalError, match="fell silent") as caught:
            ask(opened)
    assert caught.value.kind == "slow", "not dropped: that is what the server does later"


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        opened = OllamaBackend(f"127.0.0.1:{free.getsockname()[1]}", "tiny-vl")
        with pytest.raises(RefusalError, match="no server answers") as caught:
            opened.check()
        opened.close()
    assert caught.value.hint == "start it: ollama serve"


def test_what_the_real_server_refuses_is_explained() -> None:
    with FarOllama(FarModel(), FarModel("blind", capabilities=("completion",))) as far:
        with (
            backend(far, "nope:1b") as opened,
            pytest.raises(RefusalError, match="nope:1b is not on") as caught,
        ):
            ask(opened)
        assert caught.value.hint == "ollama pull nope:1b"
        with (
            backend(far, "blind") as opened,
            pytest.raises(RefusalError, match="cannot see images") as caught,
        ):
            ask(opened)
        assert "ollama pull" in caught.value.hint
        with backend(far) as opened, pytest.raises(RefusalError, match="cannot read the image"):
            ask(opened, image=b"hello world, not an image")
        with backend(far) as opened, pytest.raises(RefusalError, match="unrecognized type nonsense"):
            ask(opened, object_schema({"p": {"type": "nonsense"}}))


def test_a_server_of_another_kind_is_told_apart() -> None:
    class Web(FarOllama):
        def route(self, wire: object, method: str, path: str, body: object) -> None:
            wire.send("404 page not found", 404)  # type: ignore[attr-defined]

    with Web() as far, backend(far) as opened, pytest.raises(RefusalError, match="no model's server"):
        opened.check()


def test_photos_stay_here_unless_allowed_by_name() -> None:
    cloud = FarModel("qwen3.5", remote_host="https://ollama.com:443")
    with FarOllama(cloud, FarModel("kimi:1t-cloud")) as far:
        for name in ("qwen3.5", "kimi:1t-cloud"):
            with (
                backend(far, name) as opened,
                pytest.raises(ModelError, match="would send the photo to") as caught,
            ):
                ask(opened)
            assert caught.value.hint.endswith(f"--allow-remote {name}")
        assert not far.asked("/api/chat")
        opened = OllamaBackend(far.host, "qwen3.5", allowed={"qwen3.5"})
        assert sent_to(opened.record) == "https://ollama.com:443"
        opened.close()
    with pytest.raises(ModelError, match=r"sent to gpu-box:11434") as caught:
        OllamaBackend("gpu-box", "tiny-vl")
    assert caught.value.exit_code == 8
    OllamaBackend("gpu-box", "tiny-vl", allowed={"gpu-box"}).close()
    OllamaBackend("gpu-box", "tiny-vl", allowed={"gpu-box:11434"}).close()


def test_proxies_of_the_environment_never_see_a_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://198.51.100.7:3128")
    with FarOllama() as far, backend(far) as opened:
        assert ask(opened).parsed


@pytest.mark.parametrize(
    ("host", "url", "here"),
    [
        ("gpu-box", "http://gpu-box:11434", False),
        ("0.0.0.0:11500", "http://127.0.0.1:11500", True),
        ("http://localhost", "http://localhost:80", True),
        ("https://x.org/y/", "https://x.org:443/y", False),
        ("[::1]", "http://[::1]:11434", True),
        ("127.0.0.1@evil.example", "http://evil.example:11434", False),
        ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example:11434", False),
    ],
)
def test_addresses(host: str, url: str, here: bool) -> None:
    assert server_url(host) == url
    assert is_loopback(url) is here


@pytest.mark.parametrize("host", ["", "http://", "ftp://x", "x:y", "[::1", "http://[", "x:99999"])
def test_what_is_no_address(host: str) -> None:
    with pytest.raises(UsageError):
        server_url(host)


def test_hosts_come_from_the_command_line_else_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def hosts(*given: str) -> list[str]:
        opened = backends("m", given)
        for one in opened:
            one.close()
        return [one.host for one in opened]

    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    assert hosts() == ["127.0.0.1:11434"]
    monkeypatch.setenv("OLLAMA_HOST", "0.0.0.0:1,localhost:2")
    assert hosts() == ["127.0.0.1:1", "localhost:2"]
    assert hosts("127.0.0.1:3", "127.0.0.1:3") == ["127.0.0.1:3"]
